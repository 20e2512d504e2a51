"""L2TP version 3 over UDP of a Xen guest; captured at its vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, right, unsummed, write

GUEST, FAR = "192.0.2.7", "192.0.2.9"
INSIDE, FAR_INSIDE = "10.8.0.1", "10.8.0.2"
L2TP = b"\0\3\0\0" + b"\0\0\0\7"


def packets() -> list[bytes]:
    """There is no outer sum; the inner one is right, for the L2TP device leaves none to others."""
    made = []
    for n in range(4):
        outer = ether(0x02, 0x09) / IP(src=GUEST, dst=FAR, id=n) / UDP(sport=1701, dport=1701) / Raw(L2TP)
        inner = ether(0x21, 0x22) / IP(src=INSIDE, dst=FAR_INSIDE, id=n)
        made.append(unsummed(right(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))))
    return made


if __name__ == "__main__":
    write(__file__, packets())
