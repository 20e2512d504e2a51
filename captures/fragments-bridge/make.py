"""Datagrams of a container on a bridge, every second one longer than the other port takes; captured where they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from large import every_second

if __name__ == "__main__":
    write(__file__, every_second("192.0.2.7", "192.0.2.8"))
