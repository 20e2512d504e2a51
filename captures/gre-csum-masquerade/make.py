"""A container's GRE packets with sums; captured on the host's end of its veth pair."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, Raw, ether, partial, write
from scapy.layers.l2 import GRE

POD, FAR = "10.9.0.2", "192.0.2.9"
INSIDE, FAR_INSIDE = "10.8.0.1", "10.8.0.2"


def packets() -> list[bytes]:
    """The inner sum is left to the card, the GRE sum is finished as for when that is filled."""
    made = []
    for n in range(4):
        outer = ether(0x02, 0x01) / IP(src=POD, dst=FAR, id=n) / GRE(chksum_present=1)
        inner = IP(src=INSIDE, dst=FAR_INSIDE, id=n)
        made.append(partial(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
