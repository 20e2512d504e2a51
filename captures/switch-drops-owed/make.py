"""Requests and pings between two hosts of a laboratory; captured where they leave."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, Raw, ether, partial, requests, right, write


def packets() -> list[bytes]:
    """Of each kind two."""
    pings = (ether(0x11, 0x22) / IP(src="10.1.0.11", dst="10.1.0.22", id=n) / ICMP(id=7, seq=n) / Raw(b"ping %d" % n) for n in range(2))
    return requests("10.1.0.11", "10.1.0.22", partial, 2) + [right(ping) for ping in pings]


if __name__ == "__main__":
    write(__file__, packets())
