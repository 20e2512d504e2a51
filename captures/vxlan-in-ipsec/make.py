"""Super-frames for a VXLAN device; captured on that device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, superframe, write


def packets() -> list[bytes]:
    """Three of 8,000 bytes whose field holds the pseudo-header's sum."""
    return [
        superframe(
            ether(0x21, 0x22)
            / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
            / TCP(sport=40000, dport=80, seq=8000 * n, flags="A")
            / Raw(bytes(k % 251 for k in range(8000)))
        )
        for n in range(3)
    ]


if __name__ == "__main__":
    write(__file__, packets(), "vxlan0")
