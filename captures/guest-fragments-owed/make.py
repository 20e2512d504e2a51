"""Datagrams of a virtual machine in fragments, and echo requests: to its host's network and to the host itself; captured where they leave
it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, Raw, ether, right, write
from fragmented import datagrams

GUEST = "192.0.2.11"


def echoes(destination: str) -> list[bytes]:
    return [right(ether(0x11, 0x01) / IP(src=GUEST, dst=destination) / ICMP(id=7, seq=n) / Raw(bytes(range(n, n + 40)))) for n in (1, 2)]


if __name__ == "__main__":
    write(__file__, [packet for to in ("192.0.2.254", "192.0.2.1") for packet in (*datagrams(GUEST, to), *echoes(to))])
