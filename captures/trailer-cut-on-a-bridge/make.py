"""A container's queries with bytes behind the packet, their sums left to the card; captured before a bridge that cuts them off."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Raw, ether, partial, write

POD, RESOLVER = "192.0.2.7", "198.51.100.53"
TAG = b"\x80\x01\x00\x02"


def packets() -> list[bytes]:
    """Every other one has a switch's tag behind it, the others nothing."""
    queries = (
        ether(0x07, 0xFE) / IP(src=POD, dst=RESOLVER, id=n) / UDP(sport=40000 + n, dport=53) / Raw(b"query %d" % n) for n in range(4)
    )
    return [partial(query) + TAG * (n % 2) for n, query in enumerate(queries)]


if __name__ == "__main__":
    write(__file__, packets())
