"""Datagrams that were captured in fragments, for the scenarios of what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator

from craft import IP, UDP, IPv6, Raw, damaged, ether, fragments, right

CLIENT, CLIENT6 = "192.0.2.30", "2001:db8:2::30"


def _sent(number: int, source: str, destination: str) -> bytes:
    """A right datagram of 3,000 bytes of payload; ``number`` tells it from others."""
    payload = Raw(bytes((number + n) % 251 for n in range(3000)))
    ip = IPv6(src=source, dst=destination) if ":" in source else IP(src=source, dst=destination, id=number)
    return right(ether(0x30, 0x01) / ip / UDP(sport=40000 + number, dport=2049) / payload)


def datagrams(source: str, destination: str, harm: int = 0) -> Iterator[bytes]:
    """Three datagrams to an NFS server, each in three fragments. Of the first ``harm`` the last fragment is damaged."""
    for number in range(1, 4):
        whole = _sent(number, source, destination)
        yield from fragments(damaged(whole) if number <= harm else whole)


def incomplete(source: str, destination: str) -> list[bytes]:
    """A datagram of which the last fragment is missing."""
    return fragments(_sent(9, source, destination))[:-1]
