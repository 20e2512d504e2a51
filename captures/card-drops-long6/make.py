"""Super-frames and short segments over both IP versions; captured on their way to the driver."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, IPv6, Raw, ether, partial, write


def packets() -> list[bytes]:
    """Segments of 4,000 and of 40 bytes, their sums left to the driver."""
    made = []
    for n in range(3):
        for length in (4000, 40):
            segment = TCP(sport=40000 + n, dport=22, seq=n, flags="PA") / Raw(bytes([n]) * length)
            made.append(partial(ether(0x07, 0xFE) / IP(src="192.0.2.7", dst="198.51.100.80", id=n) / segment))
            made.append(partial(ether(0x07, 0xFE) / IPv6(src="2001:db8:2::7", dst="2001:db8:7::80") / segment))
    return made


if __name__ == "__main__":
    write(__file__, packets())
