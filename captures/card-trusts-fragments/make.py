"""Datagrams that are too long for the next wire, one of them damaged; captured where they come to the router."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("card-leaves-fragments"))
