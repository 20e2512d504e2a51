"""QUIC datagrams that their program asked to be segmented and that fit one; captured where they leave a device that does not sum."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, partial, write
from scapy.packet import Packet


def packets(made: Callable[[Packet], bytes] = partial) -> list[bytes]:
    """Three, their sums as ``made`` makes them."""
    return [
        made(ether(0x07, 0xFE) / IP(src="192.0.2.7", dst="198.51.100.80", id=n) / UDP(sport=40000, dport=443) / Raw(b"datagram %d" % n))
        for n in range(3)
    ]


if __name__ == "__main__":
    write(__file__, packets())
