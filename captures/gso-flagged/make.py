"""The same packets of a guest that leaves its sums to the host and says so."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Ether, Raw, superframe, write


def packets() -> list[bytes]:
    """Super-frames whose field holds the pseudo-header's sum."""
    out = Ether(src="52:54:00:00:00:11", dst="52:54:00:00:00:fe") / IP(src="192.0.2.11", dst="198.51.100.80")
    segments = [TCP(sport=40000, dport=80, seq=8000 * n, flags="A") / Raw(bytes(k % 251 for k in range(8000))) for n in range(3)]
    return [superframe(out / segment) for segment in segments]


if __name__ == "__main__":
    write(__file__, packets())
