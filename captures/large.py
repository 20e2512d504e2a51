"""Datagrams that are longer than Ethernet's MTU, which somebody on their way has to cut."""

from __future__ import annotations

from collections.abc import Callable

from craft import IP, UDP, Ether, IPv6, Raw, ether, partial, right
from guests import BEHIND, GUEST, GUEST6, MACHINE, SERVER, SERVER6
from scapy.packet import Packet

from csumlab.inet import residue

PAYLOAD = bytes(range(200)) * 14
"""2,800 bytes: two fragments on Ethernet."""


def large(source: str, destination: str, number: int, flags: str = "", payload: bytes = PAYLOAD) -> bytes:
    """A datagram to an NFS server whose sum is left to a device. ``number`` tells it from others; ``flags`` as scapy has those of IPv4."""
    ip = IPv6(src=source, dst=destination) if ":" in source else IP(src=source, dst=destination, id=number, flags=flags)
    return partial(ether(0x11, 0x01) / ip / UDP(sport=5000 + number, dport=2049) / Raw(payload))


def every_second(source: str, destination: str) -> list[bytes]:
    """Six datagrams, of which every second one has to be cut."""
    return [large(source, destination, n, payload=PAYLOAD if n % 2 else b"a short one") for n in range(6)]


def left_whole(sent: Callable[[Packet], bytes], payload: bytes = PAYLOAD) -> list[bytes]:
    """Datagrams to an NFS server that a virtual machine leaves whole, over IPv4 and IPv6; ``sent`` makes their sums."""
    made = []
    for n in range(3):
        for ip in (IP(src=GUEST, dst=SERVER, id=n), IPv6(src=GUEST6, dst=SERVER6)):
            made.append(sent(Ether(src=MACHINE, dst=BEHIND) / ip / UDP(sport=5000 + n, dport=2049) / Raw(payload)))
    return made


def summed_to_zero(packet: Packet) -> bytes:
    """The same length with a last word for which the sum comes out as zero, left to a device."""
    whole = right(packet)
    at = len(whole) - len(packet[UDP]) + 6
    last = residue(whole[-2:] + whole[at : at + 2]).to_bytes(2, "big")
    packet[Raw].load = packet[Raw].load[:-2] + last
    return partial(packet)
