"""Segments of a client on their way to the gateway's OpenVPN; captured where they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

INSIDE, FAR_INSIDE = "10.1.0.5", "10.8.0.2"


def packets() -> list[bytes]:
    """Six segments with right sums, the last two damaged before."""
    made = []
    for n in range(6):
        inner = IP(src=INSIDE, dst=FAR_INSIDE, id=n)
        packet = right(ether(0x02, 0x01) / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))
        made.append(damaged(packet) if n > 3 else packet)
    return made


if __name__ == "__main__":
    write(__file__, packets())
