"""dom0's packets on their way into the tunnel, and those that come out of it; captured on the guest's inner vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, Raw, ether, partial, right, write

DOM0, OFFICE = "10.1.0.1", "172.16.0.1"


def packets() -> list[bytes]:
    """What dom0 sends to the office through the VPN program of a guest, and what the office answers."""
    made = []
    for n in range(5):
        out, back = ether(0x01, 0x11), ether(0x11, 0x01)
        made += [
            partial(out / IP(src=DOM0, dst=OFFICE, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            right(out / IP(src=DOM0, dst=OFFICE, id=n) / ICMP(id=7, seq=n) / Raw(b"request %d" % n)),
            right(back / IP(src=OFFICE, dst=DOM0, id=n, ttl=63) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
