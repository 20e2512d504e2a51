"""Segments in VXLAN before segmentation, longer than the wire takes; captured on the sender's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import superframes, write

if __name__ == "__main__":
    write(__file__, superframes("192.0.2.7", "10.9.0.2"))
