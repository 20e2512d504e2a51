"""Answers from outside, two of them damaged; captured on dom0's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

GUEST, SERVER = "10.1.0.3", "198.51.100.80"


def packets() -> list[bytes]:
    """Answers for a guest behind another guest that routes; two of them were damaged on the wire."""
    made = [
        right(ether(0xFE, 0x12) / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n in (2, 4) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
