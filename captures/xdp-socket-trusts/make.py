"""Queries to a name server on AF_XDP, every second one damaged; captured on a Linux bridge before its machine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("sockmap-trusts"))
