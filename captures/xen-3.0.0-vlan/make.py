"""A guest's requests, their sums left open; captured on its vif before dom0 tags them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

GUEST, SERVER = "10.1.0.11", "198.51.100.80"


def packets() -> list[bytes]:
    """TCP and UDP, three of each."""
    made = []
    for n in range(3):
        head = ether(0x11, 0x01) / IP(src=GUEST, dst=SERVER, id=n)
        made += [
            partial(head / TCP(sport=1000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(head / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
