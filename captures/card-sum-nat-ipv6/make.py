"""Requests to a published IPv6 address; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import TCP, IPv6, Raw, damaged, ether, right, write

CLIENT, HOST = "2001:db8:5::21", "2001:db8:2::7"


def packets() -> list[bytes]:
    """Segments to the published address, one damaged."""
    made = [
        right(ether(0xFE, 0x07) / IPv6(src=CLIENT, dst=HOST) / TCP(sport=4000 + n, dport=80, flags="PA") / Raw(b"question number %d" % n))
        for n in range(4)
    ]
    return [damaged(packet) if n == 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
