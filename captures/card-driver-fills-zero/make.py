"""Datagrams of two bytes whose sum comes out as 0, over both versions of IP; captured before the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, IPv6, Raw, ether, partial, summing_to_zero, write


def packets() -> list[bytes]:
    """Two datagrams over each version."""
    made = []
    for n in range(2):
        for ip in (IPv6(src="2001:db8:2::7", dst="2001:db8:2::9"), IP(src="192.0.2.7", dst="192.0.2.9", id=n)):
            made.append(partial(summing_to_zero(ether(0x07, 0x09) / ip / UDP(sport=5000 + n, dport=123) / Raw(bytes(2)))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
