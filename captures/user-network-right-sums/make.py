"""The same packets from a program that makes right sums; captured where they enter the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, right, write

PROGRAM, GUEST = "10.5.0.1", "10.5.0.11"


def packets() -> list[bytes]:
    """Answers with right sums, made by the program."""
    made = []
    for n in range(4):
        back = ether(0x01, 0x11) / IP(src=PROGRAM, dst=GUEST, id=n)
        made += [
            right(back / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
            right(back / UDP(sport=53, dport=5000 + n) / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
