"""Segments with timestamps at even and at odd places; captured on a router's inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import optioned, write

if __name__ == "__main__":
    write(__file__, optioned("10.9.0.2", "198.51.100.80"))
