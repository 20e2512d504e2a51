"""Offers of a DHCP server to everybody, as clients ask for that cannot take unicast yet; captured where they leave the server."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import IP, UDP, Ether, dhcp_offer, partial, write


def packets() -> list[bytes]:
    """Offers whose sums the server's kernel leaves to a card."""
    everybody = Ether(src="00:16:3e:00:00:01", dst="ff:ff:ff:ff:ff:ff")
    return [
        partial(everybody / IP(src="10.5.0.1", dst="255.255.255.255", id=n) / UDP(sport=67, dport=68) / dhcp_offer(n)) for n in range(4)
    ]


if __name__ == "__main__":
    write(__file__, packets())
