"""A namespace's requests to a server that has IPv4 only; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, write

if __name__ == "__main__":
    write(__file__, packets_of("nat64-namespace-3.3"))
