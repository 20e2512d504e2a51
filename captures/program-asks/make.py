"""DHCP answers of a program that writes the sum of the pseudo-header and asks its card for the rest; captured as it hands them over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, partial, write
from scapy.packet import Packet


def packets(made: Callable[[Packet], bytes] = partial) -> list[bytes]:
    """Four acknowledgements, their sums as ``made`` makes them."""
    offer = b"\x02\x01\x06\x00" + bytes(232) + b"\x63\x82\x53\x63\x35\x01\x05\xff"
    return [
        made(ether(0x01, 0x11) / IP(src="192.0.2.1", dst="192.0.2.11", id=n) / UDP(sport=67, dport=68) / Raw(offer + bytes([n])))
        for n in range(4)
    ]


if __name__ == "__main__":
    write(__file__, packets())
