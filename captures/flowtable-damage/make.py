"""Answers to a client behind a router: good ones, one damaged on the wire, one with a wrong IPv4 header sum; captured on the outer card."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, ether, right, write

CLIENT, SERVER = "10.9.0.2", "198.51.100.80"


def packets() -> list[bytes]:
    """Segments of connections that the router knows."""
    made = [
        right(ether(0xFE, 0x01) / IP(src=SERVER, dst=CLIENT, id=n) / TCP(sport=80, dport=5000 + n, flags="PA") / Raw(b"answer %d" % n))
        for n in range(6)
    ]
    made[2] = damaged(made[2])
    made[4] = made[4][:15] + b"\x10" + made[4][16:]
    return made


if __name__ == "__main__":
    write(__file__, packets())
