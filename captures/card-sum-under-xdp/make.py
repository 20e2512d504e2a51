"""Requests over IPv6, summed by the client's kernel; captured as they leave the client."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import asked_over_ipv6, write

if __name__ == "__main__":
    write(__file__, asked_over_ipv6("2001:db8:2::21"))
