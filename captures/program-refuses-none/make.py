"""Datagrams with and without a sum."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, right, unsummed, write


def packets() -> list[bytes]:
    """Every other datagram has none."""
    made = []
    for n in range(4):
        data = right(
            ether(0x07, 0x09) / IP(src="192.0.2.7", dst="192.0.2.9", id=n) / UDP(sport=5000 + n, dport=4242) / Raw(b"request %d" % n)
        )
        made.append(unsummed(data) if n % 2 else data)
    return made


if __name__ == "__main__":
    write(__file__, packets())
