"""Broadcasts and requests that come to a node of a mesh; captured as they come in by the card below it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import heard_in_a_mesh, write

if __name__ == "__main__":
    write(__file__, heard_in_a_mesh())
