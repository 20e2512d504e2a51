"""Requests whose sums are left to a card; captured on their way to it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

HOST, SERVER = "192.0.2.7", "198.51.100.80"


def packets() -> list[bytes]:
    """Segments and datagrams with the sums of their pseudo-headers."""
    made = []
    for n in range(3):
        ip = ether(0x07, 0xFE) / IP(src=HOST, dst=SERVER, id=n)
        made.append(partial(ip / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
        made.append(partial(ip / UDP(sport=5000 + n, dport=53) / Raw(b"question %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
