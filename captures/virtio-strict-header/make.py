"""Large packets of a guest that leaves its sums to the host and says so; captured where they leave it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Ether, Raw, superframe, write


def packets() -> list[bytes]:
    """Super-frames of lengths that leave much or little for the last segment of 1448 bytes."""
    out = Ether(src="52:54:00:00:00:11", dst="52:54:00:00:00:fe") / IP(src="192.0.2.11", dst="198.51.100.80")
    payloads = [bytes(k % 251 for k in range(1448 * 4 + more)) for more in (1000, 1, 0)]
    return [superframe(out / TCP(sport=40000, dport=80, seq=8000 * n, flags="A") / Raw(data)) for n, data in enumerate(payloads)]


if __name__ == "__main__":
    write(__file__, packets())
