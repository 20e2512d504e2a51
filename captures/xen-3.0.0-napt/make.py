"""A guest's requests before dom0 translates them; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

GUEST, SERVER = "10.1.0.11", "198.51.100.80"


def packets() -> list[bytes]:
    """What the guest sends to a server, through the address and port translation of dom0."""
    made = []
    for n in range(6):
        text = Raw(b"request %d" % n)
        made.append(partial(ether(0x11, 0x01) / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=1000 + 7 * n, dport=80, flags="PA") / text))
        made.append(partial(ether(0x11, 0x01) / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / text))
    return made


if __name__ == "__main__":
    write(__file__, packets())
