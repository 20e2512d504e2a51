"""A container's requests, which an XDP program redirects to the card; captured where they leave the container."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write
from scapy.packet import Packet

POD, SERVER = "192.0.2.21", "198.51.100.80"


def packets(made: Callable[[Packet], bytes] = partial) -> list[bytes]:
    """Requests over TCP and UDP, their sums as ``made`` makes them."""
    found = []
    for n in range(3):
        out = ether(0x21, 0xFE) / IP(src=POD, dst=SERVER, id=n)
        found += [
            made(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            made(out / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return found


if __name__ == "__main__":
    write(__file__, packets())
