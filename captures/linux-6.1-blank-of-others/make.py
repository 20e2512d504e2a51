"""What a guest sends that marks every packet csum_blank; captured in the guest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, TCP, UDP, IPv6, Raw, ether, partial, right, write
from scapy.packet import Packet

GUEST, SERVER = "192.0.2.11", "192.0.2.254"
GUEST6, SERVER6 = "2001:db8:2::11", "2001:db8:2::fe"


def packets(datagram: Callable[[Packet], bytes] = partial) -> list[bytes]:
    """Echo requests, TCP over IPv4, and UDP over IPv6 with sums as ``datagram`` makes them."""
    out = ether(0x11, 0xFE)
    made = []
    for n in range(3):
        made += [
            right(out / IP(src=GUEST, dst=SERVER, id=n) / ICMP(id=7, seq=n) / Raw(b"request %d" % n)),
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)),
            datagram(out / IPv6(src=GUEST6, dst=SERVER6) / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)),
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
