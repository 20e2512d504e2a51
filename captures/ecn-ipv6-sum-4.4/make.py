"""Segments over IPv6 in VXLAN, every second outer packet marked with congestion on its way; captured where the tunnel ends."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, VXLAN, IPv6, Raw, ether, right, write


def packets() -> list[bytes]:
    """Eight of a sender who knows such marks (ECT(0))."""
    made = []
    for n in range(8):
        inner = (
            ether(0x01, 0x02) / IPv6(src="fd00:9::1", dst="fd00:9::2", tc=2) / TCP(sport=80, dport=4000 + n, flags="PA") / Raw(b"%d" % n)
        )
        outer = ether(0xFE, 0x07) / IP(src="192.0.2.254", dst="192.0.2.7", tos=3 if n % 2 else 2, id=n) / UDP(sport=50000 + n, dport=4789)
        made.append(right(outer / VXLAN(vni=5, flags=8) / inner))
    return made


if __name__ == "__main__":
    write(__file__, packets())
