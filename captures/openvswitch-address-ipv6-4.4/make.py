"""Requests and questions over IPv6 for a virtual server; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import UDP, IPv6, Raw, asked_over_ipv6, ether, right, write


def packets() -> list[bytes]:
    """Four segments, one of them damaged, and two datagrams."""
    around = ether(0xFE, 0x07) / IPv6(src="2001:db8:5::21", dst="2001:db8:2::7")
    asked = [right(around.copy() / UDP(sport=5000 + n, dport=53) / Raw(b"question number %d" % n)) for n in range(2)]
    return [*asked_over_ipv6(), *asked]


if __name__ == "__main__":
    write(__file__, packets())
