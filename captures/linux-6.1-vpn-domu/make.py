"""dom0's packets on their way into the tunnel; captured on the guest's inner vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, Raw, ether, partial, right, write

DOM0, OFFICE = "10.1.0.1", "172.16.0.1"


def packets() -> list[bytes]:
    """What dom0 sends to the office through the VPN program of a guest."""
    made = []
    for n in range(5):
        text = Raw(b"request %d" % n)
        made.append(partial(ether(0x01, 0x11) / IP(src=DOM0, dst=OFFICE, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / text))
        made.append(right(ether(0x01, 0x11) / IP(src=DOM0, dst=OFFICE, id=n) / ICMP(id=7, seq=n) / text))
    return made


if __name__ == "__main__":
    write(__file__, packets())
