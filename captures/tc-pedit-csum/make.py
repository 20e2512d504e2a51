"""Segments that a client sends through a router, two of them damaged on the way; captured on its inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

CLIENT, SERVER = "10.9.0.2", "198.51.100.80"


def packets() -> list[bytes]:
    """Six requests; two were damaged after their sums were made."""
    made = [
        right(ether(0x02, 0x01) / IP(src=CLIENT, dst=SERVER, id=n) / TCP(sport=5000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n in (1, 4) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
