"""A client's PORT commands and what it sends after them, the last two damaged on the wire; captured on the router's inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

CLIENT, SERVER = "10.9.0.2", "198.51.100.80"
COMMANDS = (b"PORT 10,9,0,2,4,%d\r\n", b"RETR file%d\r\n")


def packets() -> list[bytes]:
    """Commands in turn, of one connection (RFC 959 section 4.1.2)."""
    made, place = [], 1000
    for n in range(6):
        text = COMMANDS[n % 2] % (n + 1)
        made.append(
            ether(0x02, 0x01) / IP(src=CLIENT, dst=SERVER, id=n) / TCP(sport=5000, dport=21, seq=place, ack=7, flags="PA") / Raw(text)
        )
        place += len(text)
    return [damaged(right(packet)) if n > 3 else right(packet) for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
