"""Datagrams of a virtual machine on a network of jumbo frames to the outside, which has none; captured at its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import write
from large import large

GUEST, SERVER = "10.9.0.11", "198.51.100.80"
GUEST6, SERVER6 = "2001:db8:9::11", "2001:db8:5::80"


def packets() -> list[bytes]:
    """Three that may be cut, two with DF, two over IPv6, and one that fits."""
    made = [large(GUEST, SERVER, n, "DF" if n > 2 else "") for n in range(5)]
    made += [large(GUEST6, SERVER6, n) for n in (5, 6)]
    return [*made, large(GUEST, SERVER, 7, payload=b"a short one")]


if __name__ == "__main__":
    write(__file__, packets())
