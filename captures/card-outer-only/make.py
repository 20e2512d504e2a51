"""Segments and pings in VXLAN; captured on their way to the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, VXLAN, Raw, ether, partial, write

HOST, FAR = "192.0.2.7", "192.0.2.9"


def packets() -> list[bytes]:
    """Segments whose inner sum is left to the card, and pings, whose outer sum is."""
    made = []
    for n in range(3):
        outer = ether(0x07, 0x09) / IP(src=HOST, dst=FAR, id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
        made.append(partial(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
        made.append(partial(outer / inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n), layer=UDP))
    return made


if __name__ == "__main__":
    write(__file__, packets())
