"""INIT chunks that came out of ESP; captured where they came in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, ether, right, sctp_init, write


def packets() -> list[bytes]:
    """Three of them."""
    around = ether(0x07, 0x09) / IP(src="10.1.0.1", dst="10.3.0.1", proto=132)
    return [right(around.copy() / sctp_init(4000 + n, 3868, 7)) for n in range(3)]


if __name__ == "__main__":
    write(__file__, packets())
