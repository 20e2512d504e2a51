"""dom0's requests on their way to the routing guest; captured on its inner vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

DOM0, SERVER = "10.1.0.1", "198.51.100.80"


def packets() -> list[bytes]:
    """What dom0 sends through the guest that routes for it."""
    made = []
    for n in range(6):
        text = Raw(b"request %d" % n)
        made.append(partial(ether(0x01, 0x11) / IP(src=DOM0, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / text))
        made.append(partial(ether(0x01, 0x11) / IP(src=DOM0, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / text))
    return made


if __name__ == "__main__":
    write(__file__, packets())
