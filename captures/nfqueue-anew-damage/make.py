"""Requests of a container that sums for itself, damaged on their way to the host, and the answers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged, exchange, right, write

if __name__ == "__main__":
    write(__file__, exchange("10.5.0.11", "198.51.100.80", lambda packet: damaged(right(packet))))
