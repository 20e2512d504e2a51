"""A pod's requests before its VXLAN device, which leaves their sums to the far end; captured at that device."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, Raw, ether, partial, right, write

POD, PEER = "10.244.0.1", "10.244.3.3"


def packets() -> list[bytes]:
    """TCP and UDP with the pseudo-header's sum, and pings, whose sum is finished."""
    made = []
    for n in range(3):
        inner = ether(0x21, 0x23) / IP(src=POD, dst=PEER, id=n)
        made += [
            partial(inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(inner / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            right(inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
