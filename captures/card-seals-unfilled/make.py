"""Requests of a container, their sums left to whoever sends them; captured at the gateway."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import of_lengths, write

if __name__ == "__main__":
    write(__file__, of_lengths("10.1.0.5", "10.2.0.1", (12, 13, 14)))
