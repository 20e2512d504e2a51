"""Requests in frames that a switch padded with bytes that are not zero; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, damaged, ether, right, write

CLIENT, HOST = "192.0.2.21", "192.0.2.7"


def packets() -> list[bytes]:
    """Datagrams with a trailer; one was damaged before."""
    made = [
        right(ether(0x21, 0x07) / IP(src=CLIENT, dst=HOST, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"ask %d" % n)) for n in range(4)
    ]
    return [(damaged(packet) if n == 2 else packet) + b"\x5a" * (60 - len(packet)) for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
