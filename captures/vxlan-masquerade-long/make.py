"""One connection of a pod in VXLAN, small segments and super-frames; captured on the host's end of the pod's veth pair."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, VXLAN, Raw, ether, partial, superframe, write

POD, PEER = "10.244.0.1", "10.244.3.3"
LOCAL, REMOTE = "10.9.0.2", "192.0.2.9"


def packets() -> list[bytes]:
    """Of a small segment the outer sum is finished, of a super-frame it holds the pseudo-header's, as the inner one of both."""
    made = []
    for n in range(4):
        outer = ether(0x02, 0x01) / IP(src=LOCAL, dst=REMOTE, id=n) / UDP(sport=50000, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x23) / IP(src=POD, dst=PEER, id=n)
        made += [
            partial(outer / inner / TCP(sport=40000, dport=80, seq=9000 * n, flags="PA") / Raw(b"request %d" % n)),
            superframe(outer / inner / TCP(sport=40000, dport=80, seq=9000 * n + 9, flags="A") / Raw(bytes([n]) * 8000)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
