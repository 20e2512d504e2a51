"""A virtual machine talks to the outside and to its host; captured on its tap, before the card fills the sums."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, Ether, IPv6, Raw, partial, right, write

GUEST, HOST, SERVER = "192.0.2.11", "192.0.2.1", "198.51.100.80"
GUEST6, SERVER6 = "2001:db8:2::11", "2001:db8:7::80"
OUT = Ether(src="52:54:00:00:00:11", dst="52:54:00:00:00:fe")
BACK = Ether(src="52:54:00:00:00:fe", dst="52:54:00:00:00:11")


def packets() -> list[bytes]:
    """Requests that the card will fill, answers that the outside has summed, and what host and guest say to each other unsummed."""
    made = []
    for n in range(4):
        text = Raw(b"request %d" % n)
        made += [
            partial(OUT / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(BACK / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            partial(OUT / IPv6(src=GUEST6, dst=SERVER6) / UDP(sport=5000 + n, dport=53) / text),
            right(BACK / IPv6(src=SERVER6, dst=GUEST6) / UDP(sport=53, dport=5000 + n) / text),
            right(OUT / IP(src=GUEST, dst=SERVER, id=n) / ICMP(id=7, seq=n) / text),
            partial(OUT / IP(src=GUEST, dst=HOST, id=n) / TCP(sport=41000 + n, dport=22, seq=n, flags="PA") / text),
            partial(BACK / IP(src=HOST, dst=GUEST, id=n) / TCP(sport=22, dport=41000 + n, seq=9 * n, flags="PA") / text),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
