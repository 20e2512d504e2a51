"""What the make.py scripts share: packets with checksums in every state, made with scapy's headers and our own sums, written as pcapng.

scapy is not trusted with checksums; every sum is computed here over the bytes (csumlab.inet), innermost first.
"""

from __future__ import annotations

import runpy
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from socket import AF_INET6, inet_pton

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, PadN
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from csumlab.capture import PcapngWriter
from csumlab.crc32c import crc32c
from csumlab.dissection import dissect_packet
from csumlab.headers import KINDS, Kind
from csumlab.inet import negate, residue
from csumlab.pieces import cut
from csumlab.rewriting import by_final_rule

__all__ = [
    "GRE",
    "ICMP",
    "IP",
    "TCP",
    "UDP",
    "VXLAN",
    "Dot1Q",
    "Ether",
    "ICMPv6EchoRequest",
    "IPv6",
    "IPv6ExtHdrDestOpt",
    "Kind",
    "PadN",
    "Raw",
    "answered",
    "answered_over_ipv6",
    "asked_over_ipv6",
    "asked_over_pppoe",
    "blank",
    "blank_inits",
    "damaged",
    "dhcp_offer",
    "dhcp_offers",
    "download",
    "errors_about",
    "ether",
    "exchange",
    "extended",
    "fragments",
    "heard_in_a_mesh",
    "marked",
    "of_lengths",
    "optioned",
    "packets_of",
    "partial",
    "ptp_messages",
    "requests",
    "right",
    "sctp_init",
    "segment_routed",
    "summed_as_internet",
    "summing_to_zero",
    "superframe",
    "superframes",
    "to_a_group",
    "udplite",
    "unfinished_requests",
    "unsummed",
    "write",
]

START = 1_136_073_600_000_000_000
"""Nanoseconds: 2006-01-01, midnight. A capture is the same bytes whenever it is made."""


def packets_of(folder: str, *made: Callable[[Packet], bytes]) -> list[bytes]:
    """The packets of a sibling's make.py: two scenarios that differ in their topology see the same traffic, or the same but for who
    ``made`` its sums."""
    found: list[bytes] = runpy.run_path(str(Path(__file__).parent / folder / "make.py"))["packets"](*made)
    return found


def ether(source: int, destination: int) -> Packet:
    """An Ethernet header between two Xen addresses, told apart by a number."""
    return Ether(src=f"00:16:3e:00:00:{source:02x}", dst=f"00:16:3e:00:00:{destination:02x}")


def right(packet: Packet) -> bytes:
    """The packet's bytes with every checksum right."""
    for layer in (IP, TCP, UDP, ICMP, IPv6, ICMPv6EchoRequest, GRE):
        count = 1
        while (found := packet.getlayer(layer, count)) is not None:
            for field in ("chksum", "cksum"):
                if field in found.fields_desc or hasattr(found, field):
                    setattr(found, field, 0xABCD)
            count += 1
    data = bytearray(bytes(packet))
    for place in range(len(dissect_packet(bytes(data), 1).sums) - 1, -1, -1):
        one = dissect_packet(bytes(data), 1).sums[place]
        if one.kind is Kind.SCTP:
            data[one.at : one.at + 4] = bytes(4)
            data[one.at : one.at + 4] = crc32c(bytes(data[one.start : one.end])).to_bytes(4, "little")
            continue
        data[one.at : one.at + 2] = bytes(2)
        value = negate(residue(bytes(data[one.start : one.end])) + (one.pseudo or 0))
        data[one.at : one.at + 2] = (value or (0xFFFF if one.kind is Kind.UDP else 0)).to_bytes(2, "big")
    return bytes(data)


def sctp_init(source: int, destination: int, tag: int) -> Raw:
    """An SCTP header and an INIT chunk (RFC 9260 section 3.3.2), for an IP header with protocol 132; the CRC is yet to be made."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, tag, 0x10000, 1, 1, 7)
    return Raw(struct.pack("!HHII", source, destination, 0, 0) + chunk)


def blank_inits(source: str, destination: str, more: int = 0) -> list[bytes]:
    """INIT chunks whose CRC is left to a device: the field holds zeros. ``more`` bytes of chunks follow, as in a super-frame."""
    rest = Raw(bytes(n & 0xFF for n in range(more)))
    packets = (
        ether(0x07, 0xFE) / IP(src=source, dst=destination, proto=132, id=n) / sctp_init(5000 + n, 3868, 7 + n) / rest for n in range(3)
    )
    return [blank(right(packet), Kind.SCTP) for packet in packets]


def partial(packet: Packet, layer: type[Packet] | None = None) -> bytes:
    """As :func:`right`, but one sum holds the pseudo-header's only: that of the outermost ``layer``, else the innermost one. A sum around
    it is right once it is filled (local checksum offload)."""
    data = bytearray(right(packet))
    sums = dissect_packet(bytes(data), 1).sums
    place = sums[-1] if layer is None else next(one for one in sums if one.kind is {TCP: Kind.TCP, UDP: Kind.UDP}[layer])
    assert place.pseudo is not None, f"{place} has no pseudo-header"
    data[place.at : place.at + 2] = (place.pseudo or 0xFFFF).to_bytes(2, "big")
    return bytes(data)


def of_lengths(source: str, destination: str, lengths: Iterable[int]) -> list[bytes]:
    """A segment and a datagram with each number of bytes of payload, their sums left to the card."""
    made = []
    for n, length in enumerate(lengths):
        ip = ether(0x07, 0xFE) / IP(src=source, dst=destination, id=n)
        payload = bytes(1 + place % 255 for place in range(length))
        made.append(partial(ip / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(payload)))
        made.append(partial(ip / UDP(sport=5000 + n, dport=53) / Raw(payload)))
    return made


def extended(
    source: str, destination: str, made: Callable[[Packet], bytes], behind: Callable[[Packet], bytes], octets: int = 8
) -> list[bytes]:
    """Segments and datagrams over IPv6, every second pair behind a destination options header (RFC 8200 section 4.6) of so many
    ``octets``. ``made`` makes the sums of those without one, ``behind`` of the others."""
    found = []
    for n in range(4):
        ip = ether(0x07, 0xFE) / IPv6(src=source, dst=destination)
        ip = ip / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(octets - 4))]) if n % 2 else ip
        for transport in (TCP(sport=40000 + n, dport=80, flags="PA"), UDP(sport=5000 + n, dport=53)):
            found.append((behind if n % 2 else made)(ip.copy() / transport / Raw(b"request %d" % n)))
    return found


def summed_as_internet(packet: Packet) -> bytes:
    """SCTP as somebody leaves it who takes a CRC that is owed for an Internet checksum: that goes into the first half of a blank field."""
    data = bytearray(right(packet))
    place = next(one for one in dissect_packet(bytes(data), 1).sums if one.kind is Kind.SCTP)
    data[place.at : place.at + 4] = bytes(4)
    data[place.at : place.at + 2] = negate(residue(bytes(data[place.start :]))).to_bytes(2, "big")
    return bytes(data)


def udplite(source: str, destination: str) -> list[bytes]:
    """UDP-Lite datagrams (RFC 3828), every second with a sum that covers no more than its header."""
    made = []
    for n in range(4):
        data = b"a voice %d" % n
        header = struct.pack("!HHHH", 5000 + n, 5004, 8 if n % 2 else 0, 0)
        frame = bytearray(right(ether(0x05, 0x01) / IP(src=source, dst=destination, id=n, proto=136) / Raw(header + data)))
        pseudo = bytes(frame[26:34]) + struct.pack("!HH", 136, len(header + data))
        covered = header if n % 2 else header + data
        frame[40:42] = negate(residue(pseudo + covered)).to_bytes(2, "big")
        made.append(bytes(frame))
    return made


def superframe(packet: Packet) -> bytes:
    """As Linux hands a super-frame to a device that segments: every TCP and UDP sum, inner and outer, holds the pseudo-header's only."""
    data = bytearray(right(packet))
    for one in dissect_packet(bytes(data), 1).sums:
        if one.kind in (Kind.TCP, Kind.UDP):
            data[one.at : one.at + 2] = (one.pseudo or 0xFFFF).to_bytes(2, "big")
    return bytes(data)


def dhcp_offer(number: int) -> Raw:
    """A DHCP offer (RFC 2131 section 2) with this transaction, for a UDP header from port 67 to 68."""
    return Raw(b"\x02\x01\x06\x00" + bytes([number]) * 4 + bytes(228) + b"\x63\x82\x53\x63\x35\x01\x02\xff")


def to_a_group(source: str, group: str, made: Callable[[Packet], bytes], count: int = 4) -> list[bytes]:
    """Datagrams to an IPv4 multicast group, once routed on, in frames to its hardware address (RFC 1112 section 6.4)."""
    last = [int(part) for part in group.split(".")[1:]]
    frame = Ether(src="00:16:3e:00:00:01", dst=f"01:00:5e:{last[0] & 0x7F:02x}:{last[1]:02x}:{last[2]:02x}")
    return [
        made(frame / IP(src=source, dst=group, id=n, ttl=31) / UDP(sport=5004, dport=5004) / Raw(b"picture %d" % n)) for n in range(count)
    ]


def requests(client: str, server: str, made: Callable[[Packet], bytes], count: int = 3) -> list[bytes]:
    """Requests over TCP and UDP in turn, their sums as ``made`` makes them."""
    found = []
    for n in range(count):
        out = ether(0x11, 0x01) / (IPv6(src=client, dst=server) if ":" in client else IP(src=client, dst=server, id=n))
        found.append(made(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
        found.append(made(out / UDP(sport=5000 + n, dport=53) / Raw(b"request %d" % n)))
    return found


def exchange(client: str, server: str, made: Callable[[Packet], bytes], count: int = 3) -> list[bytes]:
    """Requests as above, each two of them followed by the answer over TCP, whose sum is right."""
    found = requests(client, server, made, count)
    for n in range(count):
        back = ether(0x01, 0x11) / IP(src=server, dst=client, id=n, ttl=62) / TCP(sport=80, dport=40000 + n, flags="PA")
        found.insert(3 * n + 2, right(back / Raw(b"answer %d" % n)))
    return found


def answered(client: str, server: str, made: Callable[[Packet], bytes], count: int = 3) -> list[bytes]:
    """Requests over TCP and UDP in turn, each with its answer, the sums of both as ``made`` makes them."""
    found = []
    for n in range(count):
        out, back = ether(0x11, 0x01) / IP(src=client, dst=server, id=n), ether(0x01, 0x11) / IP(src=server, dst=client, id=n)
        found.append(made(out / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)))
        found.append(made(back / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"answer %d" % n)))
        found.append(made(out / UDP(sport=5000 + n, dport=53) / Raw(b"question %d" % n)))
        found.append(made(back / UDP(sport=53, dport=5000 + n) / Raw(b"answer %d" % n)))
    return found


def dhcp_offers(made: Callable[[Packet], bytes]) -> list[bytes]:
    """Offers to a guest of the server's own host and to another machine, at the addresses that are offered, as servers send them that know
    the client's hardware address."""
    found = []
    for n in range(4):
        found += [
            made(ether(0x01, to) / IP(src="10.5.0.1", dst=client, id=n) / UDP(sport=67, dport=68) / dhcp_offer(n))
            for to, client in ((0x11, "10.5.0.11"), (0x12, "10.5.0.12"))
        ]
    return found


def superframes(source: str, destination: str) -> list[bytes]:
    """Super-frames of 8,000 bytes in VXLAN: both sums hold the pseudo-header's, with the length of the whole."""
    made = []
    for n in range(3):
        outer = ether(0x07, 0x09) / IP(src=source, dst=destination, id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x22) / IP(src="10.244.0.1", dst="10.244.0.2", id=n)
        made.append(superframe(outer / inner / TCP(sport=40000, dport=80, seq=8000 * n, flags="A") / Raw(bytes([n]) * 8000)))
    return made


def ptp_messages(source: str, destination: str, made: Callable[[Packet], bytes]) -> list[bytes]:
    """Sync messages (IEEE 1588 table 34) to the port of events and to that of general messages, their sums as ``made`` makes them."""
    found = []
    for n in range(3):
        for port in (319, 320):
            message = bytes([0x10, 0x02, 0, 44]) + bytes(26) + n.to_bytes(2, "big") + bytes(12)
            ip = ether(0x07, 0xFE) / IP(src=source, dst=destination, id=n)
            found.append(made(ip / UDP(sport=port, dport=port) / Raw(message)))
    return found


def download(source: str, destination: str, off: int = 0) -> list[bytes]:
    """Super-frames of TCP that were put together on receive, and a short one: of the long ones the field holds the pseudo-header's sum, or
    one that is ``off`` by this much."""
    made = []
    for n, length in enumerate((4000, 4000, 4000, 400)):
        answer = ether(0xFE, 0x07) / IP(src=source, dst=destination, id=n) / TCP(sport=80, dport=40000, seq=4000 * n, flags="A")
        data = bytearray((partial if length == 4000 else right)(answer / Raw(bytes([n]) * length)))
        if length == 4000:
            data[50:52] = ((int.from_bytes(data[50:52], "big") + off) % 0xFFFF).to_bytes(2, "big")
        made.append(bytes(data))
    return made


def blank(data: bytes, kind: Kind) -> bytes:
    """With a field of zeros in the first sum of this kind."""
    place = next(one for one in dissect_packet(data, 1).sums if one.kind is kind)
    width = KINDS[kind].width
    return data[: place.at] + bytes(width) + data[place.at + width :]


def errors_about(source: str, destination: str, router: str) -> list[bytes]:
    """ICMP errors (fragmentation needed) of a router about a segment, a datagram and a ping that ``source`` sent; of the segment also one
    that quotes eight bytes of TCP, without its sum."""
    made = []
    for n in range(3):
        sent = IP(src=source, dst=destination, id=n)
        for inner, length in (
            (TCP(sport=40000 + n, dport=80), 0),
            (TCP(sport=40000 + n, dport=80), 28),
            (UDP(sport=5000 + n, dport=53), 0),
            (ICMP(id=7, seq=n), 0),
        ):
            quoted = right(ether(1, 2) / sent / inner / Raw(b"request %d." % n))[14:]
            error = ICMP(type=3, code=4, nexthopmtu=1400)
            made.append(right(ether(0xFE, 0x07) / IP(src=router, dst=source, id=n) / error / Raw(quoted[: length or len(quoted)])))
    return made


def lowered(error: bytes) -> bytes:
    """An ICMP error that quotes its packet with a TTL less by one and the header's sum of before; the error's own sum is right."""
    old, new = error[50:52], bytes([error[50] - 1, error[51]])
    field = by_final_rule(int.from_bytes(error[36:38], "big"), old, new, ones=False)
    return error[:36] + field.to_bytes(2, "big") + error[38:50] + new + error[52:]


def marked(source: str, destination: str, inner: tuple[str, str]) -> list[bytes]:
    """Eight segments in VXLAN, behind somebody who marked all outer packets ECT(1). Every second inner packet may be marked with
    congestion, ECT(0)."""
    made = []
    for n in range(8):
        outer = ether(0x02, 0x01) / IP(src=source, dst=destination, id=n, ttl=63, tos=1) / UDP(sport=50000 + n, dport=4789)
        carried = ether(0x21, 0x23) / IP(src=inner[0], dst=inner[1], id=n, tos=2 * (n % 2)) / TCP(sport=40000 + n, dport=80, flags="PA")
        made.append(right(outer / VXLAN(vni=1) / carried / Raw(b"request %d" % n)))
    return made


def optioned(source: str, destination: str, *, syn: bool = False) -> list[bytes]:
    """Eight segments as they come off a wire; every second has a TCP option at an odd place: timestamps, or with ``syn`` the MSS."""
    made = []
    for n in range(8):
        option = ("MSS", 1460) if syn else ("Timestamp", (1000 + n, 77))
        options = [("NOP", None)] * (n % 2) + [option]
        segment = TCP(sport=40000 + n, dport=80, seq=n, flags="S" if syn else "PA", options=options)
        body = Raw(b"" if syn else b"request %d" % n)
        made.append(right(ether(0x02, 0x01) / IP(src=source, dst=destination, id=n) / segment / body))
    return made


def unsummed(data: bytes) -> bytes:
    """With no outer UDP sum: the field holds zero, which says that there is none (RFC 768)."""
    return blank(data, Kind.UDP)


def fragments(data: bytes, mtu: int = 1500) -> list[bytes]:
    """The fragments of an Ethernet frame's IP packet, the first one first."""
    return [data[:14] + piece for piece in cut(data[14:], mtu)]


def summing_to_zero(packet: Packet) -> Packet:
    """A datagram whose payload begins with two zeros, with other bytes in their place that make its sum come out as zero."""
    data = right(packet)
    place = next(one for one in dissect_packet(data, 1).sums if one.kind is Kind.UDP)
    made: Packet = packet.copy()
    made[Raw].load = data[place.at : place.at + 2] + packet[Raw].load[2:]
    return made


def damaged(data: bytes, bit: int = 3) -> bytes:
    """With one bit of the last byte flipped and no sum the wiser."""
    return data[:-1] + bytes([data[-1] ^ 1 << bit])


def answered_over_ipv6(source: str, destination: str) -> list[bytes]:
    """Segments that a kernel put together, with the sum of the pseudo-header, and single segments and datagrams that are right."""
    made = []
    for n in range(3):
        answer = ether(0xFE, 0x07) / IPv6(src=source, dst=destination)
        made.append(superframe(answer / TCP(sport=80, dport=40000 + n, flags="A") / Raw(bytes(range(250)) * 16)))
        made.append(right(answer / TCP(sport=80, dport=40000 + n, flags="PA") / Raw(b"the end of answer %d" % n)))
        made.append(right(answer / UDP(sport=53, dport=5000 + n) / Raw(b"answer %d" % n)))
    return made


def asked_over_ipv6(client: str = "2001:db8:5::21") -> list[bytes]:
    """Segments with requests from a client to a host, one of them damaged."""
    around = ether(0xFE, 0x07) / IPv6(src=client, dst="2001:db8:2::7")
    made = [right(around.copy() / TCP(sport=4000 + n, dport=80, flags="PA") / Raw(b"question number %d" % n)) for n in range(4)]
    return [damaged(packet) if n == 2 else packet for n, packet in enumerate(made)]


def unfinished_requests(source: str, destination: str) -> list[bytes]:
    """Segments and datagrams to a server, with sums as a kernel leaves them to a device that sums."""
    made = []
    for n in range(6):
        inside = TCP(sport=4000 + n, dport=80, flags="PA") if n % 2 else UDP(sport=5000 + n, dport=53)
        made.append(partial(ether(0x11, 0x01) / IP(src=source, dst=destination, id=n) / inside / Raw(b"question number %d" % n)))
    return made


def unsummed_vxlan() -> list[bytes]:
    """A pod's segments, whose inner sum is left to a card, and its pings, whose sum is finished, in VXLAN without outer sums."""
    made = []
    for n in range(5):
        outer = ether(0x02, 0x01) / IP(src="10.9.0.2", dst="192.0.2.9", id=n) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
        inner = ether(0x21, 0x23) / IP(src="10.244.0.1", dst="10.244.3.3", id=n)
        made += [
            unsummed(partial(outer / inner / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n))),
            unsummed(right(outer / inner / ICMP(id=7, seq=n) / Raw(b"request %d" % n))),
        ]
    return made


def damaged_in_vxlan(source: str, destination: str, inside: tuple[str, str]) -> list[bytes]:
    """Six segments in VXLAN, two of them damaged before they were put in: their outer sums are right."""
    made = []
    for n in range(6):
        outer = ether(0x09, 0x07) / IP(src=source, dst=destination, id=n) / UDP(sport=50000, dport=4789) / VXLAN(vni=1)
        inner = ether(0x22, 0x21) / IP(src=inside[0], dst=inside[1], id=n) / TCP(sport=40000 + n, dport=80, flags="PA")
        data = right(outer / inner / Raw(b"request %d" % n))
        made.append(_summed_around(damaged(data)) if n > 3 else data)
    return made


def _summed_around(data: bytes) -> bytes:
    """The packet with an outer UDP sum that fits what is in it."""
    one = next(one for one in dissect_packet(data, 1).sums if one.kind is Kind.UDP)
    field = ((one.field or 0) - (one.residue or 0)) % 0xFFFF or 0xFFFF
    return data[: one.at] + field.to_bytes(2, "big") + data[one.at + 2 :]


def sip_requests(source: str, destination: str) -> list[Packet]:
    """Requests that say in their payload where they come from (RFC 3261 section 8.1.1)."""
    made = []
    for n in range(4):
        lines = ("OPTIONS sip:b@there SIP/2.0", f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bK{n}", f"CSeq: {n} OPTIONS", "")
        text = "".join(f"{line}\r\n" for line in lines)
        made.append(ether(0x02, 0x01) / IP(src=source, dst=destination, id=n) / UDP(sport=5060, dport=5060) / Raw(text.encode()))
    return made


def asked_over_pppoe() -> list[bytes]:
    """Datagrams and segments to the end of a PPPoE session, two of them damaged."""
    made = []
    for n in range(6):
        inside = TCP(sport=4000 + n, dport=80, flags="PA") if n % 2 else UDP(sport=5000 + n, dport=53)
        packet = IP(src="198.51.100.80", dst="192.0.2.7", id=n) / inside / Raw(b"question number %d" % n)
        made.append(right(ether(0x21, 0x07) / PPPoE(sessionid=1) / PPP(proto=0x0021) / packet))
    return [damaged(packet) if n in (2, 3) else packet for n, packet in enumerate(made)]


def heard_in_a_mesh() -> list[bytes]:
    """What a node of a batman-adv mesh hears from another: to everybody a datagram and an echo request over each version of IP, then to it
    alone two segments; one datagram to everybody is damaged."""
    flooded, alone = b"\x01\x0f\x32\0" + struct.pack("!I", 77) + b"\0\x16\x3e\0\0\x31", b"\x40\x0f\x32\x01\0\x16\x3e\0\0\x32"
    four, six = IP(src="10.5.0.2", dst="239.1.1.1"), IPv6(src="fd00:5::2", dst="ff02::1")
    inside = [
        *(four / UDP(sport=5004, dport=5004) / Raw(b"picture %d" % n) for n in range(3)),
        four / ICMP(id=7) / Raw(b"who is there"),
        six / ICMPv6EchoRequest(id=7, data=b"who is there"),
    ]
    made = [flooded + right(Ether(src="02:00:00:00:00:02", dst="ff:ff:ff:ff:ff:ff") / packet) for packet in inside]
    for n in range(2):
        packet = IP(src="10.5.0.2", dst="10.5.0.1", id=n) / TCP(sport=40000 + n, dport=80, flags="PA") / Raw(b"request %d" % n)
        made.append(alone + right(Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / packet))
    made[2] = damaged(made[2])
    return [bytes(Ether(src="00:16:3e:00:00:31", dst="ff:ff:ff:ff:ff:ff", type=0x4305) / Raw(data)) for data in made]


def segment_routed(source: str, destination: str, segments: list[str]) -> list[bytes]:
    """Segments and datagrams in packets of segment routing, at the first of these ``segments`` (RFC 8754 section 2: the last stands first);
    the second datagram is damaged. ``source`` and ``destination`` are those of what is carried."""
    last = len(segments) - 1
    made = []
    for n in range(6):
        inside = TCP(sport=40000 + n, dport=80, flags="PA") if n % 2 else UDP(sport=5000 + n, dport=53)
        carried = right(ether(0x01, 0x09) / IPv6(src=source, dst=destination) / inside / Raw(b"along the segments %d" % n))[14:]
        carried = damaged(carried) if n == 2 else carried
        listed = b"".join(inet_pton(AF_INET6, segment) for segment in reversed(segments))
        routing = struct.pack("!BBBBBBH", 41, 2 * len(segments), 4, last, last, 0, 0) + listed
        outer = IPv6(src="fc00:a::d", dst=segments[0], nh=43, hlim=63, plen=len(routing) + len(carried))
        made.append(bytes(ether(0x01, 0x09) / outer / Raw(routing + carried)))
    return made


def write(script: str, packets: Iterable[bytes], name: str = "eth0") -> None:
    """Write traffic.pcapng beside ``script``, a millisecond between packets."""
    with PcapngWriter(Path(script).parent / "traffic.pcapng") as file:
        interface = file.add_interface(1, name)
        for number, packet in enumerate(packets):
            file.write(packet, interface=interface, timestamp_ns=START + number * 1_000_000)
