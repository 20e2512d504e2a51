"""Datagrams in fragments that a container sends, one damaged; captured where they come out of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from fragmented import datagrams

if __name__ == "__main__":
    write(__file__, datagrams("10.5.0.11", "198.51.100.80", 1))
