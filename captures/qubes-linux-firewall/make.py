"""Packets from outside for a guest of Qubes OS, two of them damaged; captured on the network guest's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

APP, SERVER = "10.138.0.5", "198.51.100.80"


def packets() -> list[bytes]:
    """Answers of a server; the third and the sixth were damaged on the wire."""
    made = [
        right(ether(0xFE, 0x01) / IP(src=SERVER, dst=APP, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n % 3 == 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
