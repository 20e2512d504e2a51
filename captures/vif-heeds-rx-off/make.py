"""A guest's packets to a server in dom0; captured on its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, IPv6, Raw, ether, partial, write

GUEST, DOM0 = ("192.0.2.11", "2001:db8:2::11"), ("192.0.2.1", "2001:db8:2::1")


def packets() -> list[bytes]:
    """Requests to dom0 itself over IPv4 and IPv6: their sums are left to whoever sends them on."""
    made = []
    for n in range(3):
        out, four, six = ether(0x11, 0x01), IP(src=GUEST[0], dst=DOM0[0], id=n), IPv6(src=GUEST[1], dst=DOM0[1])
        made += [
            partial(out / four / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(out / four / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            partial(out / six / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
