"""A pod's VXLAN packets without outer sums; captured on the host's end of the pod's veth pair."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, VXLAN, Raw, ether, partial, right, unsummed, write

POD, PEER = "10.244.0.1", "10.244.3.3"
LOCAL, REMOTE = "10.9.0.2", "192.0.2.9"


def packets() -> list[bytes]:
    """Segments whose inner sum is left to the card, and pings whose sum is finished; the outer sum says that there is none."""
    made = []
    for n in range(5):
        outer = ether(0x02, 0x01) / IP(src=LOCAL, dst=REMOTE, id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x23) / IP(src=POD, dst=PEER, id=n)
        made += [
            unsummed(partial(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))),
            unsummed(right(outer / inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n))),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
