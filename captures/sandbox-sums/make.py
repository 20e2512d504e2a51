"""Requests to a container that were damaged on the way to its host; captured as they arrive there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import damaged, requests, right, write

if __name__ == "__main__":
    write(__file__, [damaged(packet) for packet in requests("192.0.2.9", "10.9.0.2", right)])
