"""Datagrams of a virtual machine on a network of jumbo frames to the outside, which has none; captured at its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from large import every_second

if __name__ == "__main__":
    write(__file__, every_second("10.9.0.11", "198.51.100.80"))
