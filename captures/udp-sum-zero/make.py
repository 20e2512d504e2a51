"""A container's datagrams whose sum comes out as zero, filled by the host's kernel; captured where they leave."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, IPv6, Raw, ether, right, summing_to_zero, write

POD, SERVER = ("192.0.2.7", "2001:db8:2::7"), ("198.51.100.80", "2001:db8:5::80")


def packets() -> list[bytes]:
    """Over IPv4 and IPv6, with a payload that makes the sum zero; 0xFFFF stands for it (RFC 768)."""
    made = []
    for n in range(4):
        for ip in (IP(src=POD[0], dst=SERVER[0], id=n), IPv6(src=POD[1], dst=SERVER[1])):
            asked = ether(0x07, 0xFE) / ip / UDP(sport=5000 + n, dport=53)
            made.append(right(summing_to_zero(asked / Raw(b"\0\0 question %d." % n))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
