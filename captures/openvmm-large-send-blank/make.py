"""Requests of a guest, and an upload that it hands over in large pieces; captured inside it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, requests, superframe, write

GUEST, SERVER = "192.0.2.11", "198.51.100.80"


def packets() -> list[bytes]:
    """The sums that are owed hold those of the pseudo-header, with the length of the whole."""
    made = requests(GUEST, SERVER, partial)
    for n in range(3):
        large = ether(0x11, 0x01) / IP(src=GUEST, dst=SERVER, id=16 + n) / TCP(sport=40000, dport=80, seq=8000 * n, flags="A")
        made.append(superframe(large / Raw(bytes([n]) * 8000)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
