"""Requests to a published server, every second one damaged on the way; captured on the firewall's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

GATE, CLIENT = "192.0.2.1", "198.51.100.80"


def packets() -> list[bytes]:
    """Good ones, and the same damaged on the way."""
    made = []
    for n in range(4):
        asked = ether(0xFE, 0x01) / IP(src=CLIENT, dst=GATE, id=n) / TCP(sport=5000 + n, dport=8080, seq=n, flags="PA")
        asked /= Raw(b"request %d" % n)
        made += [right(asked), damaged(right(asked))]
    return made


if __name__ == "__main__":
    write(__file__, packets())
