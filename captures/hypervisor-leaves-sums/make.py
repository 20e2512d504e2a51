"""Requests of a partition for the world behind its neighbour; captured as they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write


def packets() -> list[bytes]:
    """Three segments."""
    around = ether(0x01, 0x02) / IP(src="10.1.0.1", dst="198.51.100.80")
    return [partial(around.copy() / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)) for n in range(3)]


if __name__ == "__main__":
    write(__file__, packets())
