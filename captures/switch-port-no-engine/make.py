"""Answers that come in by a port of a switch, every second pair damaged; captured there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, damaged, ether, right, write


def packets() -> list[bytes]:
    """Segments and datagrams."""
    made = []
    for n in range(4):
        around = ether(0xFE, 0x07) / IP(src="198.51.100.80", dst="192.0.2.7", id=n)
        for transport in (TCP(sport=80, dport=40000 + n, flags="PA"), UDP(sport=53, dport=5000 + n)):
            packet = right(around.copy() / transport / Raw(b"answer %d" % n))
            made.append(damaged(packet) if n % 2 else packet)
    return made


if __name__ == "__main__":
    write(__file__, packets())
