"""Offers of a router to a node of its wireless mesh; captured before the radio."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, dhcp_offer, ether, partial, write


def packets() -> list[bytes]:
    """Two offers."""
    frames = (ether(0x01, 0x12) / IP(src="192.168.1.1", dst="192.168.1.101", id=n) / UDP(sport=67, dport=68) for n in range(2))
    return [partial(frame / dhcp_offer(n)) for n, frame in enumerate(frames)]


if __name__ == "__main__":
    write(__file__, packets())
