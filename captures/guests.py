"""Traffic that several scenarios share: what a guest of a Linux host says to the outside and hears from it."""

from __future__ import annotations

from collections.abc import Callable

from craft import ICMP, IP, TCP, UDP, Ether, ICMPv6EchoRequest, IPv6, Kind, Raw, blank, damaged, dhcp_offer, ether, partial, right
from scapy.packet import Packet

GUEST, HOST, SERVER = "192.0.2.11", "192.0.2.1", "198.51.100.80"
GUEST6, SERVER6 = "2001:db8:2::11", "2001:db8:7::80"
INWARDS = ether(0xFE, 0x11)
"""From the outside to a Xen guest."""
MACHINE, BEHIND = "52:54:00:00:00:11", "52:54:00:00:00:fe"


def xen_guest(sent: Callable[[Packet], bytes] = partial) -> list[bytes]:
    """Requests and answers of a Xen guest: TCP and UDP over IPv4 and IPv6, and pings. ``sent`` makes the sums of what it sends over TCP
    and UDP."""
    made, out, back = [], ether(0x11, 0xFE), INWARDS
    for n in range(4):
        text = Raw(b"request %d" % n)
        made += [
            sent(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            sent(out / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / text),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / UDP(sport=53, dport=5000 + n) / text),
            sent(out / IPv6(src=GUEST6, dst=SERVER6) / TCP(sport=41000 + n, dport=80, flags="PA") / text),
            right(back / IPv6(src=SERVER6, dst=GUEST6) / UDP(sport=53, dport=5000 + n) / text),
            right(out / IP(src=GUEST, dst=SERVER, id=n) / ICMP(id=7, seq=n) / text),
            right(back / IPv6(src=SERVER6, dst=GUEST6) / ICMPv6EchoRequest(id=7, seq=n) / text),
        ]
    return made


def virtual_machine() -> list[bytes]:
    """Requests of a virtual machine that the card will fill, answers that the outside has summed, and what host and guest say to each
    other unsummed."""
    made, out, back = [], Ether(src=MACHINE, dst=BEHIND), Ether(src=BEHIND, dst=MACHINE)
    for n in range(4):
        text = Raw(b"request %d" % n)
        made += [
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            partial(out / IPv6(src=GUEST6, dst=SERVER6) / UDP(sport=5000 + n, dport=53) / text),
            right(back / IPv6(src=SERVER6, dst=GUEST6) / UDP(sport=53, dport=5000 + n) / text),
            right(out / IP(src=GUEST, dst=SERVER, id=n) / ICMP(id=7, seq=n) / text),
            partial(out / IP(src=GUEST, dst=HOST, id=n) / TCP(sport=41000 + n, dport=22, seq=n, flags="PA") / text),
            partial(back / IP(src=HOST, dst=GUEST, id=n) / TCP(sport=22, dport=41000 + n, seq=9 * n, flags="PA") / text),
        ]
    return made


def windows_inside() -> list[bytes]:
    """As a sniffer inside Windows has them: what it sends has zero for the IPv4 header's sum and the pseudo-header's for TCP and UDP; what
    it hears is right, but for two answers that were damaged on the way."""
    made, out, back = [], Ether(src=MACHINE, dst=BEHIND), Ether(src=BEHIND, dst=MACHINE)
    for n in range(3):
        text = Raw(b"request %d" % n)
        sent = [
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / TCP(sport=40000 + n, dport=80, seq=n, flags="PA") / text),
            partial(out / IP(src=GUEST, dst=SERVER, id=n) / UDP(sport=5000 + n, dport=53) / text),
            right(out / IP(src=GUEST, dst=SERVER, id=n) / ICMP(id=7, seq=n) / text),
        ]
        made += [blank(frame, Kind.IPV4) for frame in sent]
        made += [
            partial(out / IPv6(src=GUEST6, dst=SERVER6) / TCP(sport=41000 + n, dport=80, flags="PA") / text),
            right(back / IP(src=SERVER, dst=GUEST, id=n) / TCP(sport=80, dport=40000 + n, seq=9 * n, flags="PA") / text),
            right(back / IPv6(src=SERVER6, dst=GUEST6) / UDP(sport=53, dport=5000 + n) / text),
        ]
    return [*made, damaged(made[4]), damaged(made[5])]


def offers_of_host(sent: Callable[[Packet], bytes]) -> list[bytes]:
    """DHCP answers of the host of a virtual machine; ``sent`` makes their sums."""
    frame = Ether(src=BEHIND, dst=MACHINE)
    return [sent(frame / IP(src=HOST, dst=GUEST, id=n) / UDP(sport=67, dport=68) / dhcp_offer(n)) for n in range(3)]


def answers(source: str, destination: str) -> list[bytes]:
    """Six segments of a server to somebody behind a router."""
    sent = ether(0xFE, 0x07)
    return [
        right(sent / IP(src=source, dst=destination, id=n) / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n))
        for n in range(6)
    ]
