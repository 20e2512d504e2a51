"""Requests of a virtual machine to outside; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import unfinished_requests, write

if __name__ == "__main__":
    write(__file__, unfinished_requests("192.0.2.11", "198.51.100.80"))
