"""Answers for a virtual machine, every second one damaged on the way; captured on its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, damaged, ether, right, write

GUEST, SERVER = "192.0.2.11", "198.51.100.80"


def packets() -> list[bytes]:
    """Good ones, and the same damaged on the way."""
    made = []
    for n in range(4):
        answer = ether(0xFE, 0x11) / IP(src=SERVER, dst=GUEST, id=n) / UDP(sport=53, dport=5000 + n) / Raw(b"answer %d" % n)
        made += [right(answer), damaged(right(answer))]
    return made


if __name__ == "__main__":
    write(__file__, packets())
