"""Datagrams in fragments for a virtual machine, one damaged; captured on the card of its host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from fragmented import CLIENT, datagrams

if __name__ == "__main__":
    write(__file__, datagrams(CLIENT, "192.0.2.11", 1))
