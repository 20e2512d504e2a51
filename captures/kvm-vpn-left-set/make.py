"""A virtual machine talks to an office behind its host's VPN, and to the outside past it; captured on the machine's tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, Ether, Raw, partial, right, write

GUEST, OFFICE, SERVER = "10.5.0.11", "172.16.0.1", "198.51.100.80"
OUT = Ether(src="52:54:00:00:00:11", dst="52:54:00:00:00:01")
BACK = Ether(src="52:54:00:00:00:01", dst="52:54:00:00:00:11")


def packets() -> list[bytes]:
    """Requests to the office and to the outside, and the office's answers, whose sums the office's own device made in software."""
    made = []
    for n in range(3):
        text = Raw(b"request %d" % n)
        made += [
            partial(OUT / IP(src=GUEST, dst=OFFICE, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(BACK / IP(src=OFFICE, dst=GUEST, id=n, ttl=63) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            partial(OUT / IP(src=GUEST, dst=OFFICE, id=n) / UDP(sport=5000 + n, dport=53) / text),
            right(OUT / IP(src=GUEST, dst=OFFICE, id=n) / ICMP(id=7, seq=n) / text),
            partial(OUT / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=41000 + n, dport=80, seq=n, flags="PA") / text),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
