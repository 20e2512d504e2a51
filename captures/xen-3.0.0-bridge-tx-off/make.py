"""A guest's traffic on a card whose transmit checksumming is off: the kernel has filled the sums, and left the mark that they are owed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, Raw, ether, right, write

GUEST, SERVER = "192.0.2.11", "198.51.100.80"


def packets() -> list[bytes]:
    """Requests and answers of a guest, and pings."""
    made = []
    for n in range(4):
        out, back = ether(0x11, 0xFE), ether(0xFE, 0x11)
        made += [
            right(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)),
            right(out / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / ICMP(id=7, seq=n) / Raw(b"answer %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
