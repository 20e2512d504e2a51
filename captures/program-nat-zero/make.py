"""A container's datagrams without a sum; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import requests, right, unsummed, write

if __name__ == "__main__":
    write(__file__, [unsummed(packet) for packet in requests("10.1.1.6", "10.1.2.3", right)[1::2]])
