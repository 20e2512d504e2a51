"""Datagrams to a port that a host refuses: good ones, and some damaged on the wire; captured on its card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, damaged, ether, right, write

HOST, CLIENT = "192.0.2.7", "198.51.100.80"


def packets() -> list[bytes]:
    """Every third one damaged."""
    made = [
        right(ether(0xFE, 0x07) / IP(src=CLIENT, dst=HOST, id=n) / UDP(sport=5000 + n, dport=514) / Raw(b"message %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n % 3 == 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
