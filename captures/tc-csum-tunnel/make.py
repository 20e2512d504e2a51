"""Segments for a VXLAN device; captured on that device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write


def packets() -> list[bytes]:
    """Segments whose sum is left to the card."""
    return [
        partial(
            ether(0x21, 0x22)
            / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
            / TCP(sport=40000, dport=80, seq=500 * n, flags="A")
            / Raw(bytes([n]) * 500)
        )
        for n in range(3)
    ]


if __name__ == "__main__":
    write(__file__, packets(), "vxlan0")
