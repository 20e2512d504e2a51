"""What a guest sends to dom0 that sets the same flags for every packet, some of it damaged; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

GUEST, DOM0 = "192.0.2.11", "192.0.2.1"


def packets() -> list[bytes]:
    """Segments of which every third is damaged."""
    made = [
        right(ether(0x11, 0x01) / IP(src=GUEST, dst=DOM0, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))
        for n in range(6)
    ]
    return [damaged(packet) if n % 3 == 2 else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
