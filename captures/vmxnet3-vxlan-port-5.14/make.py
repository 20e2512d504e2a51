"""Requests into the tunnel, their sums left to whoever can make them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("10.244.0.1", "10.244.3.3", partial))
