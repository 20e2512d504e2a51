"""Segments for a service that a router sends on to a pod, two of them damaged on the wire; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

CLIENT, SERVICE = "198.51.100.80", "192.0.2.7"


def packets() -> list[bytes]:
    """Requests to the service's port; two were damaged after their sums were made."""
    made = [
        right(ether(0xFE, 0x07) / IP(src=CLIENT, dst=SERVICE, id=n) / TCP(sport=40000 + n, dport=8080, flags="PA") / Raw(b"request %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n in (1, 4) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
