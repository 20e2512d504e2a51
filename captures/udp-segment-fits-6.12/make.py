"""QUIC datagrams that their program asked to be segmented and that fit one; captured on Linux 6.12."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Three with right sums."""
    return [
        right(ether(0x07, 0xFE) / IP(src="192.0.2.7", dst="198.51.100.80", id=n) / UDP(sport=40000, dport=443) / Raw(b"datagram %d" % n))
        for n in range(3)
    ]


if __name__ == "__main__":
    write(__file__, packets())
