"""A guest's tagged requests, one of them damaged before the guest sent it; captured on its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Dot1Q, Raw, damaged, ether, partial, right, write

GUEST, SERVER = "192.0.2.11", "192.0.2.254"


def packets() -> list[bytes]:
    """TCP and UDP, their sums left to the host; a finished segment, damaged."""
    made = []
    for n in range(3):
        head = ether(0x11, 0x01) / Dot1Q(vlan=5) / IP(src=GUEST, dst=SERVER, id=n)
        made += [
            partial(head / TCP(sport=1000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(head / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return [*made, damaged(right(head / TCP(sport=1009, dport=80, flags="PA") / Raw(b"damaged")))]


if __name__ == "__main__":
    write(__file__, packets())
