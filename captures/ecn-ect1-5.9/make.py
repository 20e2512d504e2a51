"""Segments in VXLAN, of which a carrier marked the outer packets ECT(1); captured on the receiving host's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import marked, write

if __name__ == "__main__":
    write(__file__, marked("192.0.2.7", "198.51.100.9", ("10.244.0.1", "10.244.3.3")))
