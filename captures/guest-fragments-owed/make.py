"""Datagrams of a virtual machine in fragments, and echo requests: to its host's network and to the host itself; captured where they leave
it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, UDP, Raw, ether, fragments, right, write
from large import PAYLOAD

GUEST = "192.0.2.11"


def sent(destination: str, number: int) -> list[bytes]:
    """A datagram in two fragments and an echo request; ``number`` tells them from others."""
    around = ether(0x11, 0x01) / IP(src=GUEST, dst=destination, id=number)
    whole = right(around / UDP(sport=40000 + number, dport=2049) / Raw(PAYLOAD))
    return [*fragments(whole), right(around / ICMP(id=7, seq=number) / Raw(PAYLOAD[number:48]))]


if __name__ == "__main__":
    write(__file__, [packet for to in ("192.0.2.254", "192.0.2.1") for number in (1, 2) for packet in sent(to, number)])
