"""SCTP associations that a client opens through a router of Linux 4.8, two packets damaged on the way; captured on its inner card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, damaged, ether, right, sctp_init, write

CLIENT, SERVER = "10.9.0.2", "198.51.100.80"


def packets() -> list[bytes]:
    """Six INIT chunks; two were damaged after their CRC was made."""
    made = [
        right(ether(0x02, 0x01) / IP(src=CLIENT, dst=SERVER, proto=132, id=n) / sctp_init(40000 + n, 36412, 0x100 + n)) for n in range(6)
    ]
    return [damaged(packet) if n in (1, 4) else packet for n, packet in enumerate(made)]


if __name__ == "__main__":
    write(__file__, packets())
