"""Associations that begin in a container, their CRCs left to whoever sends the frames; captured before the bridge."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import blank_inits, write

if __name__ == "__main__":
    write(__file__, blank_inits("192.0.2.7", "198.51.100.80"))
