"""Tagged requests from outside; captured as they come in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Dot1Q, Raw, damaged, ether, right, write

CLIENT, HOST = "192.0.2.21", "192.0.2.7"


def packets() -> list[bytes]:
    """Segments and datagrams to a VLAN device, one of each damaged."""
    made = []
    for n in range(6):
        inside = TCP(sport=4000 + n, dport=80, flags="PA") if n % 2 else UDP(sport=5000 + n, dport=53)
        packet = right(ether(0x21, 0x07) / Dot1Q(vlan=5) / IP(src=CLIENT, dst=HOST, id=n) / inside / Raw(b"question number %d" % n))
        made.append(damaged(packet) if n in (2, 3) else packet)
    return made


if __name__ == "__main__":
    write(__file__, packets())
