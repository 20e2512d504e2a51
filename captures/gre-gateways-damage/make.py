"""Segments from a host of one site to the other site, two of them damaged on the way to their gateway; captured there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

HOST, FAR, GATEWAY = "10.1.0.5", "10.2.0.5", "10.2.0.1"


def packets() -> list[bytes]:
    """To a host behind the far gateway and to that gateway itself; one of each was damaged."""
    made = []
    for n in range(3):
        made += [
            right(ether(0x05, 0x01) / IP(src=HOST, dst=to, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))
            for to in (FAR, GATEWAY)
        ]
    return [damaged(packet) if n in (2, 3) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
