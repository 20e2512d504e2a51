"""Requests that a guest sends from an inside address and translates itself; captured on the vif, unfinished."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write

OWN, SERVER = "192.0.2.11", "198.51.100.80"


def packets() -> list[bytes]:
    """Segments whose sums are left open."""
    made = []
    for n in range(4):
        out = ether(0x11, 0xFE) / IP(src=OWN, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA")
        made.append(partial(out / Raw(b"request %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
