"""Segments in VXLAN, every other one with a wrong outer sum: its VXLAN header was damaged on the way."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, VXLAN, Raw, ether, right, write


def packets() -> list[bytes]:
    """Of every other packet a bit of what VXLAN leaves reserved is flipped, behind its outer sum."""
    made = []
    for n in range(4):
        outer = ether(0x07, 0x09) / IP(src="192.0.2.7", dst="192.0.2.9", id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src="10.244.0.1", dst="10.244.0.2", id=n) / TCP(sport=40000 + n, dport=80, flags="PA")
        data = bytearray(right(outer / inner / Raw(b"request %d" % n)))
        data[14 + 20 + 8 + 7] ^= n % 2
        made.append(bytes(data))
    return made


if __name__ == "__main__":
    write(__file__, packets())
