"""Requests that leave by a port of a switch; captured before the card has seen them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import partial, requests, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.7", "198.51.100.80", partial, 4))
