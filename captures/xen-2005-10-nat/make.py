"""A guest's requests before dom0 translates their address, and the answers after; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, right, write

GUEST, SERVER = "10.1.0.11", "198.51.100.80"


def packets() -> list[bytes]:
    """What the guest sends through the address translation of dom0, and what comes back."""
    made = []
    for n in range(4):
        out, back = ether(0x11, 0x01), ether(0x01, 0x11)
        made += [
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            right(back / IP(src=SERVER, dst=GUEST, id=n, ttl=63) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
