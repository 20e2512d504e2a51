"""Datagrams that are too long for the next wire, one of them damaged; captured where they come to the router."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, damaged, ether, right, write


def packets() -> list[bytes]:
    """Four of 836 bytes."""
    around = ether(0x09, 0x01) / IP(src="192.0.2.9", dst="10.7.0.7")
    made = [right(around.copy() / UDP(sport=5000 + n, dport=53) / Raw(bytes(range(200)) * 4)) for n in range(4)]
    return [*made[:3], damaged(made[3])]


if __name__ == "__main__":
    write(__file__, packets())
