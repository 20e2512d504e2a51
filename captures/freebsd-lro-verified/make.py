"""An upload that the client's card cuts; captured on the client before it does."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, superframe, write


def packets() -> list[bytes]:
    """Super-frames of 8,000 bytes."""
    out = ether(0x09, 0x07) / IP(src="192.0.2.9", dst="192.0.2.7")
    return [superframe(out / TCP(sport=40000, dport=80, seq=8000 * n, flags="A") / Raw(bytes([n]) * 8000)) for n in range(3)]


if __name__ == "__main__":
    write(__file__, packets())
