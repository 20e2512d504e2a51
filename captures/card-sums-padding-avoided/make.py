"""Segments around the length of the shortest frame on Ethernet; captured on their way to the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import of_lengths, write

if __name__ == "__main__":
    write(__file__, of_lengths("192.0.2.7", "198.51.100.80", range(0, 12)))
