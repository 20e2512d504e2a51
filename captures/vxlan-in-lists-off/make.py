"""Segments in VXLAN whose inner sum was wrong before they were put in; captured where they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged_in_vxlan, write

if __name__ == "__main__":
    write(__file__, damaged_in_vxlan("192.0.2.9", "10.9.0.2", ("10.8.0.2", "10.8.0.1")))
