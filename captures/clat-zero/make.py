"""Datagrams without a sum from a border relay, which left the zero in the IPv6 header's datagram too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import UDP, IPv6, Raw, ether, right, unsummed, write


def packets() -> list[bytes]:
    """A VPN's packets in UDP, as Windows sends them without a sum."""
    made = []
    for n in range(3):
        ip = ether(0xFE, 0x07) / IPv6(src="64:ff9b::c633:6450", dst="2001:db8:5::4")
        made.append(unsummed(right(ip / UDP(sport=4500, dport=4500) / Raw(bytes([n, 1, 2, 3]) * 8))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
