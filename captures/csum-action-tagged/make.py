"""Segments in tagged frames; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Dot1Q, Raw, ether, right, write


def packets() -> list[bytes]:
    """Four of them, as the outside has made them."""
    around = ether(0xFE, 0x07) / Dot1Q(vlan=5) / IP(src="198.51.100.80", dst="192.0.2.7")
    return [right(around.copy() / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)) for n in range(4)]


if __name__ == "__main__":
    write(__file__, packets())
