"""Datagrams without a sum in fragments, as they come to a gateway."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, fragments, right, unsummed, write
from large import PAYLOAD


def sent(number: int) -> list[bytes]:
    """One in two fragments; ``number`` tells it from others."""
    packet = ether(0x30, 0x01) / IP(src="10.9.0.11", dst="198.51.100.80", id=number, ttl=63) / UDP(sport=5000 + number, dport=2049)
    return fragments(unsummed(right(packet / Raw(PAYLOAD))))


if __name__ == "__main__":
    write(__file__, [piece for number in (1, 2) for piece in sent(number)], "eth1")
