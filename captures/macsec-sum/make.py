"""Requests from the other host; captured where they have been decrypted."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import requests, right, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.9", "192.0.2.1", right))
