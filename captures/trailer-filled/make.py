"""Frames with bytes behind the packet, their sums left to the card; captured before the bridge."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write

POD, SERVER = "192.0.2.7", "198.51.100.80"
TAG, ZEROS = b"\x80\x01\x00\x02", bytes(14)


def packets() -> list[bytes]:
    """Requests, half of them with a tag of four bytes behind the IP packet, half with fourteen zeros."""
    made = []
    for n in range(6):
        out = ether(0x07, 0xFE) / IP(src=POD, dst=SERVER, id=n)
        made.append(partial(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)) + (ZEROS if n % 2 else TAG))
    return made


if __name__ == "__main__":
    write(__file__, packets())
