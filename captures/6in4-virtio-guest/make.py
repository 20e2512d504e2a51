"""IPv6 in IPv4 of a virtual machine, both ways; captured at its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, IPv6, Raw, damaged, ether, right, write

GUEST, FAR = "192.0.2.7", "192.0.2.9"
INSIDE, FAR_INSIDE = "fd08::1", "fd08::2"


def packets() -> list[bytes]:
    """The guest fills the inner sum itself; of the answers one was damaged on the wire."""
    made = []
    for n in range(4):
        out = ether(0x02, 0x09) / IP(src=GUEST, dst=FAR, id=n, proto=41) / IPv6(src=INSIDE, dst=FAR_INSIDE)
        back = ether(0x09, 0x02) / IP(src=FAR, dst=GUEST, id=n, proto=41) / IPv6(src=FAR_INSIDE, dst=INSIDE)
        made.append(right(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
        answer = right(back / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n))
        made.append(damaged(answer) if n == 3 else answer)
    return made


if __name__ == "__main__":
    write(__file__, packets())
