"""Segments for a pod, two of them damaged on the wire; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

SERVER, POD = "198.51.100.80", "10.9.0.2"


def packets() -> list[bytes]:
    """Answers for the pod; two were damaged after their sums were made."""
    made = [
        right(ether(0xFE, 0x07) / IP(src=SERVER, dst=POD, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n in (1, 4) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
