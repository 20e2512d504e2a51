"""Segments from one guest to another, every second one damaged before it was sent."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write


def packets() -> list[bytes]:
    """Three right ones and three damaged ones."""
    around = ether(0x12, 0x11) / IP(src="192.0.2.12", dst="192.0.2.11")
    made = [right(around / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)) for n in range(6)]
    return [damaged(packet) if n % 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
