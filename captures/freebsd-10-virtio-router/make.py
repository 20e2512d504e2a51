"""A virtual machine's requests through another one that routes; captured on the tap of the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

CLIENT, SERVER = "10.5.0.11", "198.51.100.80"


def packets() -> list[bytes]:
    """Requests over TCP and UDP, their sums left to whoever sends them on."""
    made = []
    for n in range(3):
        out = ether(0x11, 0x12)
        made += [
            partial(out / IP(src=CLIENT, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(out / IP(src=CLIENT, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
