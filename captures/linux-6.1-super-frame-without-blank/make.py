"""Super-frames of a guest that flags nothing, some with damaged data; captured in the guest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

GUEST, SERVER = "192.0.2.11", "192.0.2.254"


def packets() -> list[bytes]:
    """Super-frames with sums that the guest finished itself; two do not fit their data."""
    made = [
        right(
            ether(0x11, 0xFE)
            / IP(src=GUEST, dst=SERVER, id=n)
            / TCP(sport=40000, dport=80, seq=3000 * n, flags="PA")
            / Raw(b"request!" * 375)
        )
        for n in range(4)
    ]
    return [damaged(packet) if n % 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
