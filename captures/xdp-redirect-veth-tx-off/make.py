"""The same requests from a container that fills its sums; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, right, write

if __name__ == "__main__":
    write(__file__, packets_of("xdp-redirect-veth", right))
