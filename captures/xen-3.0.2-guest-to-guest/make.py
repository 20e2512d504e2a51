"""What two guests of one host say to each other; captured on the vif of the first."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Raw, ether, partial, write

FIRST, SECOND = "10.1.0.11", "10.1.0.12"


def packets() -> list[bytes]:
    """Requests and answers, all with sums that are still owed."""
    made = []
    for n in range(4):
        out, back = ether(0x11, 0x12), ether(0x12, 0x11)
        made += [
            partial(out / IP(src=FIRST, dst=SECOND, id=n) / TCP(sport=40000 + n, dport=22, flags="PA") / Raw(b"request %d" % n)),
            partial(out / IP(src=FIRST, dst=SECOND, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            partial(back / IP(src=SECOND, dst=FIRST, id=n) / TCP(sport=22, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
