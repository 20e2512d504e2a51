"""A guest's requests before dom0 translates them, and the answers after; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, right, write

GUEST = "10.1.0.11"


def packets() -> list[bytes]:
    """What the guest sends through the address and port translation of dom0, each to another server so that one port is enough, and what
    comes back."""
    made = []
    for n in range(6):
        server = f"198.51.100.{80 + n}"
        out, back = ether(0x11, 0x01), ether(0x01, 0x11)
        made += [
            partial(out / IP(src=GUEST, dst=server, id=n) / TCP(sport=1000 + 7 * n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(out / IP(src=GUEST, dst=server, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            right(back / IP(src=server, dst=GUEST, id=n, ttl=63) / TCP(sport=80, dport=1000 + 7 * n, flags="PA") / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
