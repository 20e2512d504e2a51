"""The same offers, with the transmit checksumming of the server's bridge off."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, dhcp_offer, ether, right, write

SERVER, GUEST, OTHER = "10.5.0.1", "10.5.0.11", "10.5.0.12"


def packets() -> list[bytes]:
    """DHCP offers to the address that is offered, as servers send them that know the client's hardware address."""
    made = []
    for n in range(4):
        made += [
            right(ether(0x01, to) / IP(src=SERVER, dst=client, id=n) / UDP(sport=67, dport=68) / dhcp_offer(n))
            for to, client in ((0x11, GUEST), (0x12, OTHER))
        ]
    return made


if __name__ == "__main__":
    write(__file__, packets())
