"""A server in the host renews the lease of a virtual machine that routes, and the machine's client asks the outside; seen on its tap."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, TCP, UDP, Ether, Raw, partial, right, write

ROUTER, HOST, CLIENT, SERVER = "192.0.2.11", "192.0.2.1", "10.7.0.2", "198.51.100.80"
OUT = Ether(src="52:54:00:00:00:11", dst="52:54:00:00:00:fe")
BACK = Ether(src="52:54:00:00:00:fe", dst="52:54:00:00:00:11")


def packets() -> list[bytes]:
    """DHCP requests and answers between router and host, and a client's UDP and TCP with the answers of host and outside."""
    made = []
    for n in range(3):
        lease, text = Raw(b"lease %d" % n), Raw(b"request %d" % n)
        made += [
            partial(OUT / IP(src=ROUTER, dst=HOST, id=n) / UDP(sport=68, dport=67) / lease),
            partial(BACK / IP(src=HOST, dst=ROUTER, id=n) / UDP(sport=67, dport=68) / lease),
            partial(OUT / IP(src=CLIENT, dst=SERVER, id=n, ttl=63) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(BACK / IP(src=SERVER, dst=CLIENT, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            partial(OUT / IP(src=CLIENT, dst=HOST, id=n, ttl=63) / UDP(sport=5000 + n, dport=53) / text),
            partial(BACK / IP(src=HOST, dst=CLIENT, id=n) / UDP(sport=53, dport=5000 + n) / text),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
