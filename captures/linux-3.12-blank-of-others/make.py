"""What a guest sends that marks every packet csum_blank and finishes datagrams over IPv6, as its host takes no others; captured in it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import packets_of, right, write

if __name__ == "__main__":
    write(__file__, packets_of("linux-6.1-blank-of-others", right))
