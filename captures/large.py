"""Datagrams that are longer than Ethernet's MTU, which somebody on their way has to cut."""

from __future__ import annotations

from craft import IP, UDP, IPv6, Raw, ether, partial

PAYLOAD = bytes(range(200)) * 14
"""2,800 bytes: two fragments on Ethernet."""


def large(source: str, destination: str, number: int, flags: str = "", payload: bytes = PAYLOAD) -> bytes:
    """A datagram to an NFS server whose sum is left to a device. ``number`` tells it from others; ``flags`` as scapy has those of IPv4."""
    ip = IPv6(src=source, dst=destination) if ":" in source else IP(src=source, dst=destination, id=number, flags=flags)
    return partial(ether(0x11, 0x01) / ip / UDP(sport=5000 + number, dport=2049) / Raw(payload))


def every_second(source: str, destination: str) -> list[bytes]:
    """Six datagrams, of which every second one has to be cut."""
    return [large(source, destination, n, payload=PAYLOAD if n % 2 else b"a short one") for n in range(6)]
