"""Advertisements of VRRP version 3 after a translation of their source, with the sum that they had before."""

from __future__ import annotations

import sys
from pathlib import Path

from scapy.layers.inet import IP
from scapy.layers.vrrp import VRRPv3
from scapy.packet import Raw

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ether, write


def packets() -> list[bytes]:
    """Three to a unicast peer."""
    made = []
    for n in range(3):
        head = IP(src="10.3.16.20", dst="10.3.16.21", id=n, ttl=255)
        said = bytes(head / VRRPv3(vrid=51, adv=100, addrlist=["10.3.16.1"]))[20:]
        made.append(bytes(ether(0x03, 0x21) / IP(src="10.3.16.3", dst="10.3.16.21", id=n, ttl=255, proto=112) / Raw(said)))
    return made


if __name__ == "__main__":
    write(__file__, packets())
