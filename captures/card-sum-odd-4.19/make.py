"""Segments and datagrams of even and odd length with bytes behind them that are no zeros; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Padded by a switch with what was in its buffer."""
    made = []
    for n in range(4):
        around = ether(0xFE, 0x07) / IP(src="198.51.100.80", dst="192.0.2.7", id=n)
        for transport in (TCP(sport=80, dport=40000 + n, flags="PA"), UDP(sport=53, dport=5000 + n)):
            made.append(right(around.copy() / transport / Raw(b"ok!"[: 2 + n % 2])) + b"\1\2\3\4")
    return made


if __name__ == "__main__":
    write(__file__, packets())
