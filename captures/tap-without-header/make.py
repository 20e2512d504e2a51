"""A virtual machine's requests to a pod behind another one; captured on its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

FIRST, POD = "10.5.0.11", "10.9.0.2"


def packets() -> list[bytes]:
    """Requests over TCP and UDP, their sums left to whoever sends them on."""
    made = []
    for n in range(3):
        out = ether(0x11, 0x12) / IP(src=FIRST, dst=POD, id=n)
        made += [
            partial(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(out / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
