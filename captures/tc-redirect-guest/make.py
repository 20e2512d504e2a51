"""Requests of a guest whose sums are left to a card, and answers; captured at the container's device that tc puts them through."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import exchange, partial, write

if __name__ == "__main__":
    write(__file__, exchange("192.0.2.11", "198.51.100.80", partial))
