"""The same advertisements from their own address."""

from __future__ import annotations

import sys
from pathlib import Path

from scapy.layers.inet import IP
from scapy.layers.vrrp import VRRPv3

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ether, write


def packets() -> list[bytes]:
    """Three to a unicast peer."""
    heads = [IP(src="10.3.16.20", dst="10.3.16.21", id=n, ttl=255) for n in range(3)]
    return [bytes(ether(0x03, 0x21) / head / VRRPv3(vrid=51, adv=100, addrlist=["10.3.16.1"])) for head in heads]


if __name__ == "__main__":
    write(__file__, packets())
