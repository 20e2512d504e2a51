"""Segments from a client, of which every second has an IPv4 header sum of zero once its TTL is 33; captured on a router's inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, write

from csumlab.inet import negate, residue


def packets() -> list[bytes]:
    """Eight segments."""
    made = []
    for n in range(8):
        packet = ether(0x02, 0x01) / IP(src="10.9.0.2", dst="192.0.2.9", id=0, ttl=33) / TCP(sport=40000 + n, dport=80, flags="PA")
        header = right(packet / Raw(b"request %d" % n))[14:34]
        packet[IP].id = n if n % 2 else negate(residue(header[:10] + header[12:]))
        packet[IP].ttl = 64
        made.append(right(packet / Raw(b"request %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
