"""DHCP answers of a program that sums them and asks its card to sum them too; captured as it hands them over."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, right, write


def packets() -> list[bytes]:
    """Four acknowledgements with finished sums."""
    offer = b"\x02\x01\x06\x00" + bytes(232) + b"\x63\x82\x53\x63\x35\x01\x05\xff"
    return [
        right(ether(0x01, 0x11) / IP(src="192.0.2.1", dst="192.0.2.11", id=n) / UDP(sport=67, dport=68) / Raw(offer + bytes([n])))
        for n in range(4)
    ]


if __name__ == "__main__":
    write(__file__, packets())
