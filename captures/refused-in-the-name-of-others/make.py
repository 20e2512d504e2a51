"""Connections of a container that its host refuses, and the resets; captured on the container's device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, ether, partial, write

CONTAINER, SERVER = "172.17.0.2", "203.0.113.80"


def packets() -> list[bytes]:
    """Each reset is from the address that was asked."""
    made = []
    for n in range(4):
        ports = {"sport": 40000 + n, "dport": 443}
        made.append(partial(ether(0x02, 0x01) / IP(src=CONTAINER, dst=SERVER, id=n) / TCP(**ports, seq=n, flags="S")))
        back = IP(src=SERVER, dst=CONTAINER, id=0, flags="DF") / TCP(sport=443, dport=40000 + n, ack=n + 1, flags="RA")
        made.append(partial(ether(0x01, 0x02) / back))
    return made


if __name__ == "__main__":
    write(__file__, packets())
