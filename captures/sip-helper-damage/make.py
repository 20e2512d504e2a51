"""Requests of a telephone that a router translates, every second one damaged; captured on the router's inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged, right, sip_requests, write


def packets() -> list[bytes]:
    """Good and damaged ones."""
    made = [right(packet) for packet in sip_requests("10.9.0.2", "198.51.100.80")]
    return [damaged(packet) if n % 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
