"""What a host sends over IPv6, every second packet with a destination options header; captured before its card has seen it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import extended, partial, write

if __name__ == "__main__":
    write(__file__, extended("2001:db8:2::7", "2001:db8:7::80", partial, partial))
