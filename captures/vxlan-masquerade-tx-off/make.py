"""A container's VXLAN packets with offload off; captured on the host's end of its veth pair."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, VXLAN, Raw, ether, right, write

POD, FAR = "10.9.0.2", "192.0.2.9"
INSIDE, FAR_INSIDE = "10.8.0.1", "10.8.0.2"


def packets() -> list[bytes]:
    """With tx off in the container both sums are right when the packet leaves it."""
    made = []
    for n in range(4):
        outer = ether(0x02, 0x01) / IP(src=POD, dst=FAR, id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src=INSIDE, dst=FAR_INSIDE, id=n)
        made.append(right(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
