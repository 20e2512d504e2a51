"""Datagrams and segments of some lengths; captured as the kernel hands them to the card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import of_lengths, write

if __name__ == "__main__":
    write(__file__, of_lengths("192.0.2.1", "192.0.2.9", (200, 1400, 1600, 3000)))
