"""A container in a virtual machine talks to the outside past the machine's IP stack; captured on the machine's tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, Ether, Raw, partial, right, write

POD, HOST, SERVER = "192.0.2.21", "192.0.2.1", "198.51.100.80"
OUT = Ether(src="52:54:00:00:00:21", dst="52:54:00:00:00:fe")
BACK = Ether(src="52:54:00:00:00:fe", dst="52:54:00:00:00:21")


def packets() -> list[bytes]:
    """Requests whose sums were left to a device that is never told, pings that were summed at once, and answers: the host fills its own."""
    made = []
    for n in range(3):
        text = Raw(b"request %d" % n)
        made += [
            partial(OUT / IP(src=POD, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(BACK / IP(src=SERVER, dst=POD, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            partial(OUT / IP(src=POD, dst=HOST, id=n) / UDP(sport=5000 + n, dport=53) / text),
            right(BACK / IP(src=HOST, dst=POD, id=n) / UDP(sport=53, dport=5000 + n) / text),
            right(OUT / IP(src=POD, dst=SERVER, id=n) / ICMP(id=7, seq=n) / text),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
