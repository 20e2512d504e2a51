"""A client's packets as they come in at a router whose rules drop what is INVALID, three of them damaged; captured on its inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, Raw, damaged, ether, right, write

CLIENT, SERVER = "10.9.0.2", "198.51.100.80"


def packets() -> list[bytes]:
    """TCP, UDP and pings, and of each one that was damaged."""
    made = []
    for n in range(3):
        for upper in (TCP(sport=40000 + n, dport=80, flags="PA"), UDP(sport=5000 + n, dport=53), ICMP(id=7, seq=n)):
            packet = right(ether(0x02, 0x01) / IP(src=CLIENT, dst=SERVER, id=n) / upper / Raw(b"request %d" % n))
            made.append(damaged(packet) if n == 1 else packet)
    return made


if __name__ == "__main__":
    write(__file__, packets())
