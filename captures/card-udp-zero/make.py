"""Datagrams whose sum comes out as zero, left to a card; captured on their way to it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, IPv6, Raw, ether, partial, summing_to_zero, write

HOST, SERVER = ("192.0.2.7", "2001:db8:2::7"), ("198.51.100.80", "2001:db8:5::80")


def packets() -> list[bytes]:
    """Over IPv4 and IPv6, with a payload that makes the sum zero."""
    made = []
    for n in range(4):
        for ip in (IP(src=HOST[0], dst=SERVER[0], id=n), IPv6(src=HOST[1], dst=SERVER[1])):
            asked = ether(0x07, 0xFE) / ip / UDP(sport=5000 + n, dport=53)
            made.append(partial(summing_to_zero(asked / Raw(b"\0\0 question %d." % n))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
