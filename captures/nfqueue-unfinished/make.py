"""A container's requests through a host with a program behind NFQUEUE, and the answers; captured where they enter the host."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import exchange, partial, write

if __name__ == "__main__":
    write(__file__, exchange("10.5.0.11", "198.51.100.80", partial))
