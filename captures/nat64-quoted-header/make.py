"""ICMP errors of a router that lowers the TTL of what it quotes and leaves the quoted header's sum alone; captured as they come in by the
translator's outer card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import errors_about, lowered, write

if __name__ == "__main__":
    write(__file__, map(lowered, errors_about("203.0.113.64", "198.51.100.80", "192.0.2.254")))
