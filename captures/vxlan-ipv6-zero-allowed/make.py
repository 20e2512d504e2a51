"""VXLAN packets over IPv6 whose outer sum says that there is none; captured where they leave."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, VXLAN, IPv6, Raw, ether, partial, unsummed, write

ALPHA, BETA = "2001:db8:2::7", "2001:db8:2::9"


def packets() -> list[bytes]:
    """Segments in VXLAN; the inner sum is left to the card."""
    made = []
    for n in range(4):
        outer = ether(0x07, 0x09) / IPv6(src=ALPHA, dst=BETA) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
        made.append(unsummed(partial(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
