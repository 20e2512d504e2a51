"""Datagrams for a program on a packet socket, every second one damaged; captured on the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, damaged, ether, right, write

SERVER, CLIENT = "192.0.2.7", "198.51.100.80"


def packets() -> list[bytes]:
    """Good ones, and the same damaged on the way."""
    made = []
    for n in range(4):
        asked = ether(0xFE, 0x07) / IP(src=CLIENT, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"question %d" % n)
        made += [right(asked), damaged(right(asked))]
    return made


if __name__ == "__main__":
    write(__file__, packets())
