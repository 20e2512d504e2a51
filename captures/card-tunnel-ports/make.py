"""A virtual machine's VXLAN packets; captured on its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, VXLAN, Raw, ether, partial, right, write

GUEST, FAR = "192.0.2.11", "192.0.2.9"


def packets() -> list[bytes]:
    """Segments, whose inner sum the guest fills for want of help inside a tunnel, and pings, whose outer sum is left to the card."""
    made = []
    for n in range(4):
        outer = ether(0x11, 0x09) / IP(src=GUEST, dst=FAR, id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
        made += [
            right(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(outer / inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n), layer=UDP),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
