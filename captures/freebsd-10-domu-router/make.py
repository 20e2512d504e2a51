"""dom0's requests on their way to the routing guest, and the answers; captured on the guest's inner vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, right, write

DOM0, SERVER = "10.1.0.1", "198.51.100.80"


def packets() -> list[bytes]:
    """What dom0 sends through the guest that routes for it, and what comes back the same way."""
    made = []
    for n in range(6):
        out, back = ether(0x01, 0x11), ether(0x11, 0x01)
        made += [
            partial(out / IP(src=DOM0, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            partial(out / IP(src=DOM0, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            right(back / IP(src=SERVER, dst=DOM0, id=n, ttl=63) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
