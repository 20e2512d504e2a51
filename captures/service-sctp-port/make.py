"""Chunks for a service of a cluster from outside."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, ether, right, sctp_init, write


def packets() -> list[bytes]:
    """INIT chunks with right CRCs."""
    frames = (ether(0xFE, 0x07) / IP(src="198.51.100.80", dst="192.0.2.7", proto=132, id=n) for n in range(3))
    return [right(frame / sctp_init(5000 + n, 3868, 7 + n)) for n, frame in enumerate(frames)]


if __name__ == "__main__":
    write(__file__, packets())
