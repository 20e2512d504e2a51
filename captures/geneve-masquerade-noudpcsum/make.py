"""A pod's requests before its Geneve device; captured there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, Raw, ether, partial, right, write

POD, PEER = "10.244.0.1", "10.244.3.3"


def packets() -> list[bytes]:
    """Of TCP the sum is left open, of a ping it is finished."""
    made = []
    for n in range(4):
        inner = ether(0x21, 0x23) / IP(src=POD, dst=PEER, id=n)
        made += [
            partial(inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            right(inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
