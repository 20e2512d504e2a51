"""Frames with bytes behind the packet, their sums left to the card; captured before the bridge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write
from scapy.packet import Packet

POD, SERVER = "192.0.2.7", "198.51.100.80"
TAG, ZEROS = b"\x80\x01\x00\x02", bytes(14)


def packets(made: Callable[[Packet], bytes] = partial) -> list[bytes]:
    """Requests, half of them with a tag of four bytes behind the IP packet, half with fourteen zeros, their sums as ``made`` makes them."""
    found = []
    for n in range(6):
        out = ether(0x07, 0xFE) / IP(src=POD, dst=SERVER, id=n)
        found.append(made(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)) + (ZEROS if n % 2 else TAG))
    return found


if __name__ == "__main__":
    write(__file__, packets())
