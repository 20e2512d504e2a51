"""UDP-Lite datagrams, half of them with a sum over their headers only; captured where they come to the router."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import udplite, write

if __name__ == "__main__":
    write(__file__, udplite("10.1.0.5", "198.51.100.80"))
