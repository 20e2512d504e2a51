"""Requests of a virtual machine to its host's network and to the host itself; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import requests, right, write

if __name__ == "__main__":
    write(__file__, requests("192.0.2.11", "192.0.2.254", right) + requests("192.0.2.11", "192.0.2.1", right))
