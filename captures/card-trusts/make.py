"""Answers from outside, half of them damaged on the wire; captured at the host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, damaged, ether, right, write

HOST, SERVER = "192.0.2.7", "198.51.100.80"


def packets() -> list[bytes]:
    """Segments and datagrams, every other pair with a bit flipped."""
    made = []
    for n in range(6):
        ip = ether(0xFE, 0x07) / IP(src=SERVER, dst=HOST, id=n)
        pair = [
            right(ip / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
            right(ip / UDP(sport=53, dport=5000 + n) / Raw(b"answer %d" % n)),
        ]
        made += [damaged(one) for one in pair] if n % 2 else pair
    return made


if __name__ == "__main__":
    write(__file__, packets())
