"""Datagrams that a client sends through a router, every second one without a sum; captured on its inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, right, unsummed, write

CLIENT, SERVER = "10.9.0.2", "198.51.100.80"


def packets() -> list[bytes]:
    """Six datagrams to a DNS server."""
    made = [
        right(ether(0x02, 0x01) / IP(src=CLIENT, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n))
        for n in range(6)
    ]
    return [unsummed(packet) if n % 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
