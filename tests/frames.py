"""Packets built by hand for tests, with a plan of every checksum that is independent of the dissector: sums by inet.residue over bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address

import numpy as np

from csumlab.capture.block import Block, Interface
from csumlab.crc32c import crc32c
from csumlab.headers import Kind, Layer
from csumlab.inet import negate, residue

PROTOCOLS = {Layer.TCP: 6, Layer.UDP: 17, Layer.ICMP: 1, Layer.ICMPV6: 58, Layer.GRE: 47, Layer.IPV4: 4, Layer.IPV6: 41}
PROTOCOLS |= {Layer.UDPLITE: 136, Layer.DCCP: 33, Layer.SCTP: 132, Layer.IGMP: 2, Layer.VRRP: 112, Layer.PIM: 103}
ETHERTYPES = {Layer.IPV4: 0x0800, Layer.IPV6: 0x86DD, Layer.VLAN: 0x8100, Layer.ETHERNET: 0x6558}
FIELDS = {Kind.TCP: 16, Kind.UDP: 6, Kind.ICMP: 2, Kind.ICMPV6: 2, Kind.IGMP: 2, Kind.GRE: 4, Kind.UDPLITE: 6, Kind.DCCP: 6, Kind.SCTP: 8}
FIELDS |= {Kind.VRRP3: 6, Kind.PIM6: 2}
_WITH_PSEUDO = (Kind.TCP, Kind.UDP, Kind.ICMPV6, Kind.UDPLITE, Kind.DCCP, Kind.VRRP3, Kind.PIM6)


@dataclass(frozen=True)
class Planned:
    """A checksum as built: its field at ``at``, covering ``start`` to ``end``, with these pseudo-header bytes."""

    kind: Kind
    at: int
    start: int
    end: int
    pseudo: bytes


@dataclass(frozen=True)
class Frame:
    """Bytes with their layers and checksums, outermost first. ``pending`` is a checksum of layer 0 that waits for its pseudo-header."""

    data: bytes
    layers: tuple[Layer, ...] = ()
    sums: tuple[Planned, ...] = ()
    pending: Kind = Kind.NOTHING

    def inside(self, header: bytes, *layers: Layer, pending: Kind = Kind.NOTHING) -> Frame:
        """This frame behind a header."""
        size = len(header)
        moved = tuple(replace(one, at=one.at + size, start=one.start + size, end=one.end + size) for one in self.sums)
        return Frame(header + self.data, layers + self.layers, moved, pending)

    def completed(self, addresses: bytes, six: bool) -> Frame:
        """This frame with its pending checksum computed."""
        if self.pending is Kind.NOTHING:
            return self
        length, protocol = len(self.data), PROTOCOLS[self.layers[0]]
        pseudo = b""
        if self.pending in _WITH_PSEUDO:
            pseudo = addresses + (struct.pack("!II", length, protocol) if six else struct.pack("!HI", protocol, length))
        at = FIELDS[self.pending]
        plan = Planned(self.pending, at, 0, length, pseudo)
        if self.pending is Kind.SCTP:
            made = self.data[:at] + crc32c(self.data).to_bytes(4, "little") + self.data[at + 4 :]
            return replace(self, data=made, sums=(plan, *self.sums), pending=Kind.NOTHING)
        value = negate(residue(pseudo + self.data)) or 0xFFFF
        return replace(self, data=patch(self.data, at, value), sums=(plan, *self.sums), pending=Kind.NOTHING)


def patch(data: bytes, at: int, value: int) -> bytes:
    """``data`` with the 16-bit word at ``at`` replaced."""
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


def tcp(payload: bytes, options: bytes = b"", port: int = 80, source: int = 1025) -> Frame:
    header = struct.pack("!HHIIBBHHH", source, port, 7, 9, (20 + len(options)) // 4 << 4, 0x18, 512, 0, 0) + options
    return Frame(payload).inside(header, Layer.TCP, pending=Kind.TCP)


def udp(inner: Frame | bytes, port: int = 9999) -> Frame:
    inner = inner if isinstance(inner, Frame) else Frame(inner)
    return inner.inside(struct.pack("!HHHH", 5353, port, 8 + len(inner.data), 0), Layer.UDP, pending=Kind.UDP)


def icmp(payload: bytes) -> Frame:
    return Frame(payload).inside(struct.pack("!BBHHH", 8, 0, 0, 1, 1), Layer.ICMP, pending=Kind.ICMP)


def igmp(group: str) -> Frame:
    """A report of version 2 (RFC 2236 section 2)."""
    return Frame(ip_address(group).packed).inside(struct.pack("!BBH", 0x16, 0, 0), Layer.IGMP, pending=Kind.IGMP)


def vrrp(address: str) -> Frame:
    """An advertisement of version 3 (RFC 9568 section 5.1)."""
    return Frame(ip_address(address).packed).inside(struct.pack("!BBBBHH", 0x31, 5, 100, 1, 100, 0), Layer.VRRP, pending=Kind.VRRP3)


def pim_over_ipv6() -> Frame:
    """A hello (RFC 7761 section 4.9.2)."""
    return Frame(struct.pack("!HHH", 1, 2, 105)).inside(struct.pack("!BBH", 0x20, 0, 0), Layer.PIM, pending=Kind.PIM6)


def icmpv6(payload: bytes) -> Frame:
    return Frame(payload).inside(struct.pack("!BBHHH", 128, 0, 0, 1, 1), Layer.ICMPV6, pending=Kind.ICMPV6)


def sctp(payload: bytes, ports: tuple[int, int] = (5353, 9999)) -> Frame:
    """An INIT chunk, which has to be alone, with a parameter that is not known (RFC 9260 sections 3.2.1 and 3.3.2)."""
    parameter = struct.pack("!HH", 0xC000, 4 + len(payload)) + payload + bytes(-len(payload) % 4)
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20 + len(parameter), 77, 0x10000, 1, 1, 7) + parameter
    return Frame(chunk).inside(struct.pack("!HHII", *ports, 0, 0), Layer.SCTP, pending=Kind.SCTP)


def udplite(payload: bytes, ports: tuple[int, int] = (5353, 9999)) -> Frame:
    """Coverage 0: all of it (RFC 3828 section 3.1)."""
    return Frame(payload).inside(struct.pack("!HHHH", *ports, 0, 0), Layer.UDPLITE, pending=Kind.UDPLITE)


def dccp(payload: bytes, ports: tuple[int, int] = (5353, 9999)) -> Frame:
    """A request with a sequence number of 48 bits and a service code (RFC 4340 section 5.1)."""
    header = struct.pack("!HHBBHBBHIII", *ports, 5, 0, 0, 1, 0, 0, 7, 0, 9)[:20]
    return Frame(payload).inside(header, Layer.DCCP, pending=Kind.DCCP)


def icmp_error(quoted: bytes) -> Frame:
    """Port unreachable (RFC 792), with the start of a packet."""
    return Frame(quoted).inside(struct.pack("!BBHI", 3, 3, 0, 0), Layer.ICMP, pending=Kind.ICMP)


def icmpv6_error(quoted: bytes) -> Frame:
    """Port unreachable (RFC 4443 section 3.1), with the start of a packet."""
    return Frame(quoted).inside(struct.pack("!BBHI", 1, 4, 0, 0), Layer.ICMPV6, pending=Kind.ICMPV6)


def gre(inner: Frame, checksum: bool = True, key: bool = False) -> Frame:
    flags = (0x8000 if checksum else 0) | (0x2000 if key else 0)
    header = struct.pack("!HH", flags, ETHERTYPES[inner.layers[0]]) + bytes(4 if checksum else 0) + (b"\0\1\2\3" if key else b"")
    return inner.inside(header, Layer.GRE, pending=Kind.GRE if checksum else Kind.NOTHING)


def vxlan(inner: Frame, port: int = 4789) -> Frame:
    return udp(inner.inside(b"\x08\0\0\0\0\0\x2a\0", Layer.VXLAN), port)


def ipv4(
    inner: Frame,
    source: str = "10.1.2.3",
    destination: str = "10.9.8.7",
    options: bytes = b"",
    fragment: int = 0,
    ecn: int = 0,
    hops: int = 64,
) -> Frame:
    addresses = ip_address(source).packed + ip_address(destination).packed
    body = inner.completed(addresses, six=False)
    size = 20 + len(options)
    protocol = PROTOCOLS[body.layers[0]]
    header = struct.pack("!BBHHHBBH", 0x40 | size // 4, ecn, size + len(body.data), 4711, fragment, hops, protocol, 0) + addresses + options
    header = patch(header, 10, negate(residue(header)))
    whole = body.inside(header, Layer.IPV4)
    return replace(whole, sums=(Planned(Kind.IPV4, 10, 0, size, b""), *whole.sums))


def ipv6(
    inner: Frame,
    source: str = "fd00::1:2",
    destination: str = "fd00::9:8",
    extensions: tuple[tuple[int, bytes], ...] = (),
    ecn: int = 0,
    hops: int = 64,
) -> Frame:
    """``extensions``: number and whole bytes of each extension header, whose first byte is set to the following number."""
    addresses = ip_address(source).packed + ip_address(destination).packed
    body = inner.completed(addresses, six=True)
    following = PROTOCOLS[body.layers[0]]
    chain = b""
    for number, header in reversed(extensions):
        chain = bytes([following]) + header[1:] + chain
        following = number
    head = struct.pack("!IHBB", 6 << 28 | ecn << 20, len(chain) + len(body.data), following, hops) + addresses
    return body.inside(head + chain, Layer.IPV6, *(Layer.EXTENSION for _ in extensions))


def vlan(inner: Frame, tag: int = 5) -> Frame:
    return inner.inside(struct.pack("!HH", tag, ETHERTYPES[inner.layers[0]]), Layer.VLAN)


def ethernet(inner: Frame) -> Frame:
    return inner.inside(b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + struct.pack("!H", ETHERTYPES[inner.layers[0]]), Layer.ETHERNET)


def block_of(
    packets: list[bytes], originals: list[int] | None = None, linktypes: list[int] | None = None, flags: int = 0, first: int = 1
) -> Block:
    """A block of these packets; ``linktypes`` for each packet, Ethernet if None."""
    linktypes = linktypes or [1] * len(packets)
    known = sorted(set(linktypes)) or [1]
    captured = np.array([len(packet) for packet in packets], np.int64)
    return Block(
        data=np.frombuffer(b"".join(packets), np.uint8).copy(),
        offset=np.cumsum(captured) - captured,
        captured=captured,
        original=captured.copy() if originals is None else np.array(originals, np.int64),
        timestamp=np.zeros(len(packets), np.int64),
        interface=np.array([known.index(linktype) for linktype in linktypes], np.int32),
        flags=np.full(len(packets), flags, np.int64),
        first=first,
        interfaces=tuple(Interface(linktype) for linktype in known),
    )


def examples() -> list[bytes]:
    """One Ethernet frame of every shape that is built here: what mutation starts from."""
    small = ethernet(ipv4(tcp(b"payload")))
    final = ip_address("fd00::77").packed
    routing = bytes([0, 2, 0, 1]) + bytes(4) + final
    routed = tcp(b"routed").completed(ip_address("fd00::1:2").packed + final, six=True)
    frames = [
        small,
        ethernet(ipv4(udp(b"datagram!"))),
        ethernet(ipv4(icmp(b"echo"), options=b"\1\1\1\0")),
        ethernet(vlan(vlan(ipv6(udp(b"xyz"))))),
        ethernet(ipv6(icmpv6(b"ping"), extensions=((0, bytes(8)), (60, b"\0\1" + bytes(14))))),
        ethernet(ipv6(routed, extensions=((43, routing), (44, bytes(8))))),
        ethernet(ipv4(ipv4(udp(b"ipip")))),
        ethernet(ipv4(ipv6(tcp(b"6in4")))),
        ethernet(ipv6(ipv4(icmp(b"4in6")))),
        ethernet(ipv4(gre(ipv4(tcp(b"gre"))))),
        ethernet(ipv4(gre(small, key=True))),
        ethernet(ipv4(vxlan(small))),
        ethernet(ipv6(vxlan(ethernet(vlan(ipv4(vxlan(small)))), 8472))),
        ethernet(ipv4(udp(b"part"), fragment=0x2000)),
        ethernet(ipv4(udp(b"part"), fragment=0x0010)),
    ]
    return [frame.data for frame in frames]
