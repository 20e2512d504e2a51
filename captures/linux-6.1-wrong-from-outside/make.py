"""Ordinary traffic and three damaged packets from outside; captured on the vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, damaged, right, write
from guests import GUEST, INWARDS, SERVER, xen_guest


def packets() -> list[bytes]:
    """The traffic of a guest, and three packets damaged on the wire."""
    made = xen_guest()
    for n in range(3):
        text = Raw(b"damaged %d" % n)
        made.append(damaged(right(INWARDS / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / text)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
