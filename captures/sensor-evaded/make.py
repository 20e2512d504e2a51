"""Ordinary traffic and three damaged packets from outside; captured on the vif."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, ICMPv6EchoRequest, IPv6, Raw, damaged, ether, partial, right, write

GUEST, SERVER = "192.0.2.11", "198.51.100.80"
GUEST6, SERVER6 = "2001:db8:2::11", "2001:db8:7::80"


def packets() -> list[bytes]:
    """The traffic of a guest, and three packets damaged on the wire."""
    made = []
    for n in range(4):
        out, back = ether(0x11, 0xFE), ether(0xFE, 0x11)
        text = Raw(b"request %d" % n)
        made += [
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / text),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / UDP(sport=53, dport=5000 + n) / text),
            partial(out / IPv6(src=GUEST6, dst=SERVER6) / TCP(sport=41000 + n, dport=80, flags="PA") / text),
            right(back / IPv6(src=SERVER6, dst=GUEST6) / UDP(sport=53, dport=5000 + n) / text),
            right(out / IP(src=GUEST, dst=SERVER, id=n) / ICMP(id=7, seq=n) / text),
            right(back / IPv6(src=SERVER6, dst=GUEST6) / ICMPv6EchoRequest(id=7, seq=n) / text),
        ]
    for n in range(3):
        text = Raw(b"damaged %d" % n)
        made.append(damaged(right(back / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / text)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
