"""Packets of segment routing for a host's own address; captured as its card has them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import segment_routed, write

if __name__ == "__main__":
    write(__file__, segment_routed("2001:db8:d::2", "2001:db8:c::1", ["fc00:b::e", "fc00:b::d"]))
