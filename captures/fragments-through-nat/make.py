"""Datagrams in fragments for a server behind a gateway; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from fragmented import CLIENT, CLIENT6, datagrams, incomplete

if __name__ == "__main__":
    write(__file__, [*datagrams(CLIENT, "192.0.2.1", 1), *datagrams(CLIENT6, "2001:db8:9::11"), *incomplete(CLIENT, "192.0.2.1")])
