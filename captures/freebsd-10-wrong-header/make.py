"""Packets for a guest, every second one with a wrong sum in its IPv4 header; captured on dom0's card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, right, write

GUEST, SERVER = "192.0.2.11", "192.0.2.254"


def packets() -> list[bytes]:
    """Segments with right TCP sums; in every second one the type of service was changed and the header's sum was not."""
    made = [
        right(ether(0xFE, 0x11) / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n))
        for n in range(6)
    ]
    return [packet[:15] + b"\x10" + packet[16:] if n % 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
