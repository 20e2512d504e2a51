"""Segments in VXLAN before segmentation, longer than the wire takes; captured on the sender's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, VXLAN, Raw, ether, superframe, write

ALPHA, BETA = "192.0.2.7", "192.0.2.9"


def packets() -> list[bytes]:
    """Super-frames of 8,000 bytes: both sums hold the pseudo-header's, with the length of the whole."""
    made = []
    for n in range(3):
        outer = ether(0x07, 0x09) / IP(src=ALPHA, dst=BETA, id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
        made.append(superframe(outer / inner / TCP(sport=40000, dport=80, seq=8000 * n, flags="A") / Raw(bytes([n]) * 8000)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
