"""Segments from a client, of which every second has an IPv4 header sum of zero once its TTL is 33; captured on a router's inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("ipv4-sum-ffff"))
