"""Packets of every protocol and encapsulation, built by hand, each with a plan of its checksums that owes the dissector nothing.

A plan names the kind, the place of the field and every byte that the checksum covers, the addresses of a pseudo-header among them.
``plain`` are the bytes whose change changes nothing but sums: payload, addresses, identifiers, TTL, sequence numbers. Lengths, versions,
protocol numbers, flags and the ports of tunnels are not.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from csumlab.headers import KINDS, Kind, Layer, Verdict

Range = tuple[int, int]
"""First byte and the one after the last."""
Wrap = Callable[["Piece"], "Piece"]

IPV4_TYPE, IPV6_TYPE, VLAN_TYPE, ETHERNET_TYPE, MPLS_TYPE, NSH_TYPE = 0x0800, 0x86DD, 0x8100, 0x6558, 0x8847, 0x894F
PPP_TYPES = {IPV4_TYPE: 0x0021, IPV6_TYPE: 0x0057, MPLS_TYPE: 0x0281}
NEXT_TYPES = {IPV4_TYPE: 1, IPV6_TYPE: 2, ETHERNET_TYPE: 3, NSH_TYPE: 4, MPLS_TYPE: 5}
"""Next protocols of VXLAN-GPE and, NSH itself aside, of NSH (RFC 8300 section 2.2)."""
SOURCE4, DESTINATION4 = ip_address("10.1.2.3").packed, ip_address("10.9.8.7").packed
SOURCE6, DESTINATION6 = ip_address("2001:db8::1:2").packed, ip_address("2001:db8::9:8").packed


@dataclass(frozen=True, slots=True)
class Plan:
    """One checksum as built; ``covers`` has the field too. With another verdict than GOOD, what that verdict rests on."""

    kind: Kind
    at: int
    covers: tuple[Range, ...]
    verdict: Verdict = Verdict.GOOD

    def touches(self, at: int) -> bool:
        return any(start <= at < end for start, end in self.covers)


@dataclass(frozen=True, slots=True)
class Owed:
    """A checksum that waits for the pseudo-header: what of the piece it sums, and the length that the pseudo-header says."""

    kind: Kind
    at: int
    spans: tuple[Range, ...]
    length: int
    verdict: Verdict = Verdict.GOOD


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes with the plan of what is in them, outermost first, and the numbers by which a carrier may name them (-1: by none)."""

    data: bytes
    layers: tuple[Layer, ...] = ()
    plans: tuple[Plan, ...] = ()
    plain: tuple[Range, ...] = ()
    protocol: int = -1
    ethertype: int = -1
    owed: Owed | None = None

    def behind(
        self,
        header: bytes,
        *layers: Layer,
        plain: Iterable[Range] = (),
        protocol: int = -1,
        ethertype: int = -1,
        owed: Owed | None = None,
    ) -> Piece:
        """This piece behind a header. Nothing may be owed any more: only an IP header pays."""
        assert self.owed is None
        size = len(header)
        return Piece(
            header + self.data,
            layers + self.layers,
            tuple(replace(plan, at=plan.at + size, covers=moved(plan.covers, size)) for plan in self.plans),
            (*plain, *moved(self.plain, size)),
            protocol,
            ethertype,
            owed,
        )

    def followed(self, tail: bytes) -> Piece:
        """This piece and bytes after it that no header speaks of: padding, a trailer, a frame check sequence."""
        return replace(self, data=self.data + tail, plain=(*self.plain, (len(self.data), len(self.data) + len(tail))))

    def summed(self, kind: Kind, *spans: Range) -> Piece:
        """This piece with a checksum that needs no pseudo-header."""
        at = KINDS[kind].field
        covered = b"".join(self.data[start:end] for start, end in spans)
        if kind is Kind.SCTP:
            field = struct.pack("<I", crc32c(covered))
        else:
            value = 0xFFFF - ones_sum(covered)
            field = struct.pack("!H", value or (0xFFFF if kind is Kind.RSVP else 0))
        return replace(self, data=stored(self.data, at, field), plans=(Plan(kind, at, spans), *self.plans))

    def paid(self, header: bytes, source: int, destination: int) -> Piece:
        """This piece with what it owes, its addresses standing at these places of the IP header that comes before it."""
        owed = self.owed
        if owed is None:
            return self
        size = 16 if header[0] >> 4 == 6 else 4
        ranges = ((source, source + size), (destination, destination + size))
        pseudo = b"".join(header[start:end] for start, end in ranges)
        pseudo += struct.pack(
            "!II" if size == 16 else "!HH", *((owed.length, self.protocol) if size == 16 else (self.protocol, owed.length))
        )
        total = ones_sum(pseudo + b"".join(self.data[start:end] for start, end in owed.spans))
        value, places = (0xFFFF - total) or 0xFFFF, owed.spans
        if owed.verdict is Verdict.PARTIAL:
            value, places = ones_sum(pseudo), ((owed.at, owed.at + 2),)
        covers = (*places, *moved(ranges, -len(header)))
        data = stored(self.data, owed.at, struct.pack("!H", value))
        plan = Plan(owed.kind, owed.at, covers, owed.verdict)
        if owed.verdict is Verdict.ABSENT:
            data, plan = self.data, replace(plan, covers=())
        return replace(self, data=data, plans=(plan, *self.plans), owed=None)


def moved(ranges: Iterable[Range], by: int) -> tuple[Range, ...]:
    return tuple((start + by, end + by) for start, end in ranges)


def stored(data: bytes, at: int, field: bytes) -> bytes:
    return data[:at] + field + data[at + len(field) :]


def ones_sum(data: bytes) -> int:
    """RFC 1071, section 4.1, with the carries folded in at the end."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


CRC_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """RFC 9260 appendix A, bit-reflected."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ CRC_TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


# ---- transports --------------------------------------------------------------------------------------------------------------------


def payload(data: bytes) -> Piece:
    return Piece(data, plain=((0, len(data)),))


def owing(header: bytes, inner: Piece, kind: Kind, plain: Iterable[Range], protocol: int, verdict: Verdict = Verdict.GOOD) -> Piece:
    """A header whose checksum covers all of it and all after it, and a pseudo-header."""
    length = len(header) + len(inner.data)
    owed = Owed(kind, KINDS[kind].field, ((0, length),), length, verdict)
    return inner.behind(header, KINDS[kind].layer, plain=plain, protocol=protocol, owed=owed)


def tcp(data: bytes, options: bytes = b"", verdict: Verdict = Verdict.GOOD) -> Piece:
    header = struct.pack("!HHIIBBHHH", 1025, 80, 7, 9, (20 + len(options)) // 4 << 4, 0x18, 512, 0, 0) + options
    return owing(header, payload(data), Kind.TCP, ((4, 12), (14, 16), (18, 20)), 6, verdict)


def udp(inner: Piece | bytes, port: int = 9999, verdict: Verdict = Verdict.GOOD, excess: bytes = b"") -> Piece:
    """``excess``: bytes of the IP payload that the UDP length leaves out."""
    inner = inner if isinstance(inner, Piece) else payload(inner)
    whole = owing(struct.pack("!HHHH", 49999, port, 8 + len(inner.data), 0), inner, Kind.UDP, ((0, 2),), 17, verdict)
    return whole.followed(excess) if excess else whole


def udplite(data: bytes, coverage: int) -> Piece:
    """RFC 3828: the pseudo-header says the whole length, whatever the coverage (0: all)."""
    whole = payload(data).behind(struct.pack("!HHHH", 1025, 9999, coverage, 0), Layer.UDPLITE, plain=((0, 2),), protocol=136)
    length = len(whole.data)
    return replace(whole, owed=Owed(Kind.UDPLITE, 6, ((0, coverage or length),), length))


def dccp(data: bytes, coverage: int, short: bool = False, options: bytes = b"") -> Piece:
    """RFC 4340: ``coverage`` is CsCov, 0 for all, else the header with its options and 4 (CsCov - 1) bytes of the data."""
    size = (12 if short else 16) + len(options)
    header = struct.pack("!HHBBH", 1025, 5001, size // 4, 0x30 | coverage, 0) + struct.pack("!B", 2 << 1 | (not short))
    header += b"\x12\x34\x56" if short else b"\0\x01\x02\x03\x04\x05\x06"
    header += bytes(size - len(header) - len(options)) + options
    whole = payload(data).behind(header, Layer.DCCP, plain=((0, 2), (9, 12) if short else (10, 16)), protocol=33)
    end = len(whole.data) if coverage == 0 else size + 4 * (coverage - 1)
    return replace(whole, owed=Owed(Kind.DCCP, 6, ((0, end),), len(whole.data)))


def sctp(data: bytes) -> Piece:
    chunk = struct.pack("!BBHIHHI", 0, 3, 16 + len(data), 77, 1, 2, 0)
    body = payload(data + bytes(-len(data) % 4)).behind(struct.pack("!HHII", 1025, 5000, 0xCAFE, 0) + chunk)
    body = replace(body, layers=(Layer.SCTP,), plain=((0, 2), (4, 8), (16, 28), *body.plain), protocol=132)
    return body.summed(Kind.SCTP, (0, len(body.data)))


def icmp(data: bytes) -> Piece:
    whole = payload(data).behind(struct.pack("!BBHHH", 8, 0, 0, 1, 1), Layer.ICMP, plain=((4, 8),), protocol=1)
    return whole.summed(Kind.ICMP, (0, len(whole.data)))


def icmpv6(data: bytes) -> Piece:
    return owing(struct.pack("!BBHHH", 128, 0, 0, 1, 1), payload(data), Kind.ICMPV6, ((4, 8),), 58)


def icmp_error(quoted: bytes) -> Piece:
    """Time exceeded, with the start of another packet."""
    whole = payload(quoted).behind(struct.pack("!BBHI", 11, 0, 0, 0), Layer.ICMP, protocol=1)
    return whole.summed(Kind.ICMP, (0, len(whole.data)))


def icmpv6_error(quoted: bytes) -> Piece:
    return owing(struct.pack("!BBHI", 3, 0, 0, 0), payload(quoted), Kind.ICMPV6, (), 58)


def igmp(data: bytes = b"") -> Piece:
    """A version 2 report, or a version 3 query with sources (RFC 9776 section 4.1)."""
    header = struct.pack("!BBH4s", 0x11 if data else 0x16, 20, 0, b"\xe8\x01\x02\x03")
    if data:
        header += struct.pack("!BBH", 2, 125, len(data) // 4)
    whole = payload(data).behind(header, Layer.IGMP, plain=((4, 8),), protocol=2)
    return whole.summed(Kind.IGMP, (0, len(whole.data)))


def _ospf_head(version: int, length: int) -> bytes:
    return struct.pack("!BBH4s4sH", version, 1, length, b"\x01\x01\x01\x01", b"\0\0\0\x07", 0)


def ospfv2(data: bytes, signed: bool = False, after: bytes = b"") -> Piece:
    """RFC 2328 appendix D: the 64 bits of authentication are not summed, nor what follows the length; type 2 has no checksum."""
    length = 24 + len(data)
    header = _ospf_head(2, length) + struct.pack("!H8s", 2 if signed else 1, b"password")
    whole = payload(data).behind(header, Layer.OSPF, plain=((4, 12), (16, 24)), protocol=89)
    whole = whole if signed else whole.summed(Kind.OSPFV2, (0, 16), (24, length))
    return whole.followed(after) if after else whole


def ospfv3(data: bytes, after: bytes = b"") -> Piece:
    """RFC 5340 appendix A.3.1: the pseudo-header says the length of the OSPF header; RFC 7949: over IPv4 too."""
    whole = owing(_ospf_head(3, 16 + len(data)) + b"\0\0", payload(data), Kind.OSPFV3, ((4, 12), (14, 16)), 89)
    return whole.followed(after) if after else whole


def pim_hello(six: bool) -> Piece:
    header, option = struct.pack("!BBH", 0x20, 0, 0), struct.pack("!HHH", 1, 2, 105)
    if six:
        return owing(header + option, payload(b""), Kind.PIM6, ((8, 10),), 103)
    whole = payload(b"").behind(header + option, Layer.PIM, plain=((8, 10),), protocol=103)
    return whole.summed(Kind.PIM, (0, 10))


def pim_register(inner: Piece, six: bool, all_of_it: bool = False) -> Piece:
    """RFC 7761 section 4.9: only the first 8 bytes are summed, and the pseudo-header says 8; a sum over all should be accepted too."""
    whole = inner.behind(struct.pack("!BBHI", 0x21, 0, 0, 0), Layer.PIM, plain=(), protocol=103)
    length = len(whole.data) if all_of_it else 8
    return replace(whole, owed=Owed(Kind.PIM6, 2, ((0, length),), length)) if six else whole.summed(Kind.PIM, (0, length))


def vrrp2() -> Piece:
    """RFC 3768 section 5.3.8: all of the message, its authentication data too."""
    header = struct.pack("!BBBBBBH4s8s", 0x21, 5, 100, 1, 1, 1, 0, b"\x0a\x01\x02\xfe", b"password")
    return payload(b"").behind(header, Layer.VRRP, plain=((1, 3), (8, 20)), protocol=112).summed(Kind.VRRP, (0, 20))


def vrrp3(addresses: bytes, count: int = 1, pseudo: bool = True) -> Piece:
    """RFC 5798 section 5.2.8 sums a pseudo-header; over IPv4 some senders read it so and some do not."""
    header = struct.pack("!BBBBHH", 0x31, 5, 100, count, 100, 0)
    if pseudo:
        return owing(header, payload(addresses), Kind.VRRP3, ((1, 3), (5, 6)), 112)
    whole = payload(addresses).behind(header, Layer.VRRP, plain=((1, 3), (5, 6)), protocol=112)
    return whole.summed(Kind.VRRP, (0, len(whole.data)))


def eigrp() -> Piece:
    """RFC 7868 section 6.4: a hello with its parameters."""
    header = struct.pack("!BBHIIIHH", 2, 5, 0, 0, 3, 4, 0, 100) + struct.pack("!HH6BH", 1, 12, 1, 0, 1, 0, 0, 0, 15)
    return payload(b"").behind(header, Layer.EIGRP, plain=((8, 16), (18, 20), (24, 32)), protocol=88).summed(Kind.EIGRP, (0, 32))


def rsvp() -> Piece:
    """RFC 2205 section 3.1: a path message with a session object."""
    session = struct.pack("!HBB4sBBH", 12, 1, 1, b"\x0a\x09\x08\x07", 17, 0, 5004)
    header = struct.pack("!BBHBBH", 0x10, 1, 0, 64, 0, 8 + len(session)) + session
    return payload(b"").behind(header, Layer.RSVP, plain=((4, 5), (12, 16)), protocol=46).summed(Kind.RSVP, (0, len(header)))


def mobility() -> Piece:
    """RFC 6275 section 6.1.3: home test init, with its cookie."""
    header = struct.pack("!BBBBHH8s", 59, 1, 1, 0, 0, 0, b"a cookie")
    return owing(header, payload(b""), Kind.MOBILITY, ((6, 16),), 135)


# ---- networks ----------------------------------------------------------------------------------------------------------------------


def authentication(following: int) -> bytes:
    """RFC 4302, with 96 bits of proof."""
    return struct.pack("!BBHII12s", following, 4, 0, 0x1234, 5, b"proof proof!")


def ipv4(inner: Piece, options: bytes = b"", signed: bool = False, total: int | None = None, blank: bool = False) -> Piece:
    size = 20 + len(options)
    chain = authentication(inner.protocol) if signed else b""
    total = size + len(chain) + len(inner.data) if total is None else total
    protocol = 51 if signed else inner.protocol
    header = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, total, 4711, 0x4000, 64, protocol, 0) + SOURCE4 + DESTINATION4 + options + chain
    plain = ((4, 6), (8, 9), (12, 20), *(((size + 12, size + 24),) if signed else ()))
    layers = (Layer.IPV4, Layer.EXTENSION) if signed else (Layer.IPV4,)
    whole = inner.paid(header, 12, 16).behind(header, *layers, plain=plain, protocol=4, ethertype=IPV4_TYPE)
    summed = whole.summed(Kind.IPV4, (0, size))
    return replace(whole, plans=(Plan(Kind.IPV4, 10, (), Verdict.BLANK), *whole.plans)) if blank else summed


def rpl(address: bytes, padding: int) -> tuple[int, bytes]:
    """RFC 6554 with one address, whole, and padding behind it."""
    return 43, struct.pack("!BBBBBBH", 0, (len(address) + padding) // 8, 3, 1, 0, padding << 4, 0) + address + bytes(padding)


def ipv6(inner: Piece, *extensions: tuple[int, bytes], home: int = 8, final: int = 24, length: int | None = None) -> Piece:
    """``extensions``: number and bytes of each extension header, the first byte set here. ``home`` and ``final``: where the pseudo-header's
    addresses stand, the extension headers counted on from 40. Bytes of extension headers are not plain, those two addresses excepted."""
    following, chain = inner.protocol, b""
    for number, extension in reversed(extensions):
        chain = bytes([following]) + extension[1:] + chain
        following = number
    length = len(chain) + len(inner.data) if length is None else length
    header = struct.pack("!IHBB", 6 << 28, length, following, 64) + SOURCE6 + DESTINATION6 + chain
    plain = ((2, 4), (7, 8), (8, 40), *((at, at + 16) for at in (home, final) if at >= 40))
    layers = (Layer.IPV6, *(Layer.EXTENSION for _ in extensions))
    return inner.paid(header, home, final).behind(header, *layers, plain=plain, protocol=41, ethertype=IPV6_TYPE)


ELSEWHERE6 = ip_address("2001:db8::77").packed
HOP_BY_HOP = (0, b"\0\0\x05\x02\0\0\x01\0")
DESTINATION_OPTIONS = (60, b"\0\x01\x01\x0c" + bytes(12))
ATOMIC_FRAGMENT = (44, b"\0\0\0\0\0\0\0\x09")
HOME_ADDRESS = (60, b"\0\x02\x01\x02\0\0\xc9\x10" + ELSEWHERE6)
"""RFC 6275 section 6.3: the pseudo-header has this as its source (section 9.3.2)."""


def routing(kind: int, left: int, addresses: bytes) -> tuple[int, bytes]:
    """A routing header; segment routing (4, RFC 8754) has two fields of its own before its addresses."""
    return 43, struct.pack("!BBBBI", 0, len(addresses) // 8, kind, left, (len(addresses) // 16 - 1) << 24 if kind == 4 else 0) + addresses


def jumbo(inner: Piece) -> Piece:
    """RFC 2675: the payload length is in an option."""
    return ipv6(inner, (0, struct.pack("!BBBBI", 0, 0, 0xC2, 4, 8 + len(inner.data))), length=0)


# ---- links -------------------------------------------------------------------------------------------------------------------------

MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
SNAP = b"\xaa\xaa\x03\0\0\0"


def ethernet(inner: Piece) -> Piece:
    return inner.behind(MACS + struct.pack("!H", inner.ethertype), Layer.ETHERNET, plain=((0, 12),), ethertype=ETHERNET_TYPE)


def ethernet_snap(inner: Piece) -> Piece:
    """IEEE 802.3 with its length, LLC and SNAP (RFC 1042), and padding that the length leaves out."""
    body = inner.behind(SNAP + struct.pack("!H", inner.ethertype), Layer.LLC)
    frame = body.behind(MACS + struct.pack("!H", len(body.data)), Layer.ETHERNET, plain=((0, 12),), ethertype=ETHERNET_TYPE)
    return frame.followed(b"padding!")


def ethernet_llc(inner: Piece) -> Piece:
    """IEEE 802.3 and LLC with the service access point of IP."""
    body = inner.behind(b"\x06\x06\x03", Layer.LLC)
    return body.behind(MACS + struct.pack("!H", len(body.data)), Layer.ETHERNET, plain=((0, 12),), ethertype=ETHERNET_TYPE)


def vlan(inner: Piece, kind: int = VLAN_TYPE) -> Piece:
    return inner.behind(struct.pack("!HH", 0x2005, inner.ethertype), Layer.VLAN, plain=((0, 2),), ethertype=kind)


def mpls(inner: Piece, *labels: int) -> Piece:
    """A stack of these labels (RFC 3032); what the bottom carries is told by its first nibble."""
    for index, label in enumerate(reversed(labels or (0x54321,))):
        plain = ((0, 1), (3, 4)) if label > 0xFFFF else ((3, 4),)
        inner = inner.behind(
            struct.pack("!I", label << 12 | (index == 0) << 8 | 63), Layer.MPLS, plain=plain, ethertype=MPLS_TYPE, protocol=137
        )
    return inner


def pseudowire(inner: Piece) -> Piece:
    """Ethernet over MPLS with a control word (RFC 4448)."""
    return mpls(ethernet(inner).behind(b"\0\0\0\x07", plain=((2, 4),)), 0x65432)


def ppp(inner: Piece, framed: bool = False) -> Piece:
    """RFC 1661, and the address and control bytes of RFC 1662."""
    return inner.behind((b"\xff\x03" if framed else b"") + struct.pack("!H", PPP_TYPES[inner.ethertype]), Layer.PPP)


def pppoe(inner: Piece) -> Piece:
    """RFC 2516, with padding that its length leaves out."""
    body = ppp(inner)
    header = struct.pack("!BBHH", 0x11, 0, 0x1234, len(body.data))
    return body.behind(header, Layer.PPPOE, plain=((2, 4),), ethertype=0x8864).followed(b"pad")


def batman(inner: Piece, kind: int = 1) -> Piece:
    """An Ethernet frame in batman-adv: 1 broadcast, 5 multicast with four bytes of containers, 0x40 unicast, 0x42 with its sender."""
    header = struct.pack("!BBBB", kind, 15, 50, 0)
    if kind == 5:
        header += b"\0\x04\x06\x01\0\0"
    else:
        header += {1: b"\0\0\0\x07", 0x40: b"", 0x42: b"\x02\0\0\0\0\x09"}[kind] + MACS[:6] + (b"\x01\0" if kind == 0x42 else b"")
    layer = Layer.BATMAN_FLOOD if kind < 0x40 else Layer.BATMAN
    return ethernet(inner).behind(header, layer, plain=((2, len(header)),), ethertype=0x4305)


def nsh(inner: Piece, kind: int = 1) -> Piece:
    """RFC 8300 with metadata of type 1 (16 bytes) or 2 (none)."""
    following = 5 if inner.ethertype == MPLS_TYPE else NEXT_TYPES[inner.ethertype]
    context = b"sixteen bytes...!"[:16] if kind == 1 else b""
    header = struct.pack("!HBBI", 63 << 6 | (6 if kind == 1 else 2), kind, following, 0x2AFF) + context
    return inner.behind(header, Layer.NSH, plain=((4, len(header)),), ethertype=NSH_TYPE)


def macsec(inner: Piece) -> Piece:
    """IEEE 802.1AE clause 9 with a tag that says protected but not encrypted: the packet in the clear, then its integrity check."""
    header = b"\x20\0\0\0\0\x07" + MACS[:6] + b"\0\x01" + struct.pack("!H", inner.ethertype)
    return inner.behind(header, Layer.MACSEC, plain=((2, 14),), ethertype=0x88E5).followed(b"sixteen bytes...")


def aggregate(inner: Piece) -> Piece:
    """An A-MSDU (IEEE 802.11 section 9.3.2.2) whose only frame is this one, with padding after it."""
    body = inner.behind(SNAP + struct.pack("!H", inner.ethertype), Layer.LLC)
    body = body.behind(MACS + struct.pack("!H", len(body.data)), plain=((0, 12),)).followed(b"pad")
    return body.behind(b"\x88\x01\x2c\0" + MACS + MACS[:6] + b"\x10\0\x80\0", Layer.IEEE80211, plain=((2, 22),))


def wlan(inner: Piece, quality: bool = False, four: bool = False, control: bool = False, pad: bool = False) -> Piece:
    """An IEEE 802.11 data frame: QoS, four addresses, HT control, padding to four bytes before the payload."""
    header = (
        bytes([0x88 if quality else 0x08, (0x03 if four else 0x01) | (0x80 if control else 0)]) + b"\x2c\0" + MACS + MACS[:6] + b"\x10\0"
    )
    header += (MACS[6:] if four else b"") + (b"\0\0" if quality else b"") + (b"\x01\x02\x03\x04" if control else b"")
    header += bytes(-len(header) % 4) if pad else b""
    body = inner.behind(SNAP + struct.pack("!H", inner.ethertype), Layer.LLC)
    return body.behind(header, Layer.IEEE80211, plain=((2, 22),))


# ---- tunnels: an IP packet or another piece, as what IP carries --------------------------------------------------------------------


def gre(inner: Piece, checksum: bool = False, key: bool = False, sequence: bool = False, kind: int | None = None) -> Piece:
    """RFC 2784 and RFC 2890."""
    flags = (0x8000 if checksum else 0) | (0x2000 if key else 0) | (0x1000 if sequence else 0)
    header = struct.pack("!HH", flags, inner.ethertype if kind is None else kind) + (bytes(4) if checksum else b"")
    extra = (b"\0\x01\x02\x03" if key else b"") + (b"\0\0\0\x09" if sequence else b"")
    whole = inner.behind(header + extra, Layer.GRE, plain=((len(header), len(header) + len(extra)),), protocol=47)
    return whole.summed(Kind.GRE, (0, len(whole.data))) if checksum else whole


def pptp(inner: Piece, acknowledged: bool = False) -> Piece:
    """GRE version 1 (RFC 2637)."""
    body = ppp(inner, framed=acknowledged)
    header = struct.pack("!HHHHI", 0x3081 if acknowledged else 0x3001, 0x880B, len(body.data), 0x1234, 9) + (
        b"\0\0\0\x08" if acknowledged else b""
    )
    return body.behind(header, Layer.GRE, plain=((6, len(header)),), protocol=47)


def erspan(inner: Piece, kind: int) -> Piece:
    """Types I to III; 4 is type III with its platform header (draft-foschiano-erspan section 4)."""
    frame = ethernet(inner)
    if kind == 1:
        return gre(frame, kind=0x88BE)
    if kind == 2:
        header = struct.pack("!HHI", 1 << 12 | 100, 7, 3)
        return gre(frame.behind(header, Layer.ERSPAN, plain=((4, 8),)), sequence=True, kind=0x88BE)
    header = struct.pack("!HHIHH", 2 << 12 | 100, 7, 0x1234, 0, 1 if kind == 4 else 0) + (b"\x04platfor" if kind == 4 else b"")
    return gre(frame.behind(header, Layer.ERSPAN, plain=((4, 8),)), sequence=True, kind=0x22EB)


def vxlan(inner: Piece, port: int = 4789, verdict: Verdict = Verdict.GOOD) -> Piece:
    return udp(ethernet(inner).behind(b"\x08\0\0\0\0\0\x2a\0", Layer.VXLAN, plain=((4, 7),)), port, verdict)


def vxlan_remote(inner: Piece, start: int) -> Piece:
    """Linux, include/net/vxlan.h: the sum of the TCP or UDP header ``start`` bytes into the frame is left to the receiver."""
    header = b"\x08\x20\0\0\0\0\x2a" + bytes([start // 2 | (0x80 if Layer.UDP in inner.layers else 0)])
    return udp(ethernet(inner).behind(header, Layer.VXLAN, Layer.REMOTE, plain=((4, 7),)), 4789)


def vxlan_gpe(inner: Piece) -> Piece:
    header = b"\x0c\0\0" + bytes([NEXT_TYPES[inner.ethertype]]) + b"\0\0\x2a\0"
    return udp(inner.behind(header, Layer.VXLAN, plain=((4, 7),)), 4790)


def geneve(inner: Piece, options: bytes = b"", verdict: Verdict = Verdict.GOOD) -> Piece:
    """RFC 8926."""
    header = struct.pack("!BBHI", len(options) // 4, 0, inner.ethertype, 0x2A00) + options
    return udp(inner.behind(header, Layer.GENEVE, plain=((4, 7),)), 6081, verdict)


def gtpu(inner: Piece, flags: int = 0, optional: bytes = b"") -> Piece:
    """3GPP TS 29.281; ``flags`` E 4, S 2, PN 1; ``optional``: sequence number, N-PDU number, next extension type, extensions."""
    header = struct.pack("!BBHI", 0x30 | flags, 255, len(optional) + len(inner.data), 0xCAFE) + optional
    return udp(inner.behind(header, Layer.GTPU, plain=((4, 8),)), 2152)


def l2tp(inner: Piece, full: bool = False) -> Piece:
    """RFC 2661: a data message, without or with length, sequence numbers and offset."""
    body = ppp(inner, framed=full)
    if not full:
        return udp(body.behind(struct.pack("!HHH", 0x0002, 5, 6), Layer.L2TP, plain=((2, 6),)), 1701)
    header = struct.pack("!HHHHHHH2s", 0x4A02, 16 + len(body.data), 5, 6, 1, 2, 2, b"??")
    return udp(body.behind(header, Layer.L2TP, plain=((4, 12), (14, 16))), 1701)


def teredo(inner: Piece, full: bool = False) -> Piece:
    """RFC 4380: IPv6 in UDP, without or with authentication and origin indication."""
    inner = inner if inner.ethertype == IPV6_TYPE else ipv6(inner)
    header = b"\0\x01\0\0eightbyt\0" + b"\0\0\x12\x34\xf5\xfe\xfd\xfc" if full else b""
    return udp(inner.behind(header, Layer.TEREDO, plain=((4, 12), (15, 21)) if full else ()), 3544)


def gue(inner: Piece, flags: int = 0, fields: bytes = b"", *layers: Layer) -> Piece:
    """Linux include/net/gue.h, variant 0."""
    header = struct.pack("!BBH", len(fields) // 4, inner.protocol, flags) + fields
    return udp(inner.behind(header, Layer.GUE, *layers), 6080)


def gue_remote(inner: Piece, start: int, offset: int) -> Piece:
    """Remote checksum offload: private flags, and where the sum starts and its field is, counted from the end of the GUE header."""
    return gue(inner, 1, struct.pack("!IHH", 0x80000000, start, start + offset), Layer.REMOTE)


def lisp(inner: Piece) -> Piece:
    """RFC 9300 section 5.3, with nonce and locator status bits."""
    return udp(inner.behind(struct.pack("!II", 0xC0123456, 1), Layer.LISP, plain=((1, 8),)), 4341)


def capwap(inner: Piece, native: bool) -> Piece:
    """RFC 5415 section 4.3: a tunnelled 802.3 frame, or the 802.11 frame itself (T bit, binding 1)."""
    header = struct.pack("!BHBHH", 0, 2 << 11 | 1 << 6 | 1 << 1 | native, 0, 0, 0)
    return udp((wlan(inner) if native else ethernet(inner)).behind(header, Layer.CAPWAP), 5247)


def etherip(inner: Piece) -> Piece:
    """RFC 3378."""
    return ethernet(inner).behind(b"\x30\0", Layer.ETHERIP, protocol=97)


GENEVE_OPTIONS = struct.pack("!HBB4sHBB", 0x0102, 3, 1, b"data", 0x0102, 4, 0)
GTP_EXTENSION = b"\0\0\0\x85\x01\x10\x09\0"
"""A PDU session container."""

TUNNELS: dict[str, Wrap] = {
    "ip in ip": lambda inner: inner,
    "gre": gre,
    "gre checksum": lambda inner: gre(inner, checksum=True),
    "gre checksum key sequence": lambda inner: gre(inner, True, True, True),
    "gre key sequence": lambda inner: gre(inner, key=True, sequence=True),
    "gre ethernet checksum": lambda inner: gre(ethernet(inner), checksum=True),
    "gre mpls": lambda inner: gre(mpls(inner)),
    "nvgre": lambda inner: gre(ethernet(inner), key=True),
    "gre version 1": pptp,
    "gre version 1 acknowledged": lambda inner: pptp(inner, acknowledged=True),
    "erspan I": lambda inner: erspan(inner, 1),
    "erspan II": lambda inner: erspan(inner, 2),
    "erspan III": lambda inner: erspan(inner, 3),
    "erspan III platform": lambda inner: erspan(inner, 4),
    "vxlan": vxlan,
    "vxlan on 8472": lambda inner: vxlan(inner, 8472),
    "vxlan no checksum": lambda inner: vxlan(inner, verdict=Verdict.ABSENT),
    "vxlan-gpe ip": vxlan_gpe,
    "vxlan-gpe ethernet": lambda inner: vxlan_gpe(ethernet(inner)),
    "vxlan-gpe nsh": lambda inner: vxlan_gpe(nsh(inner)),
    "vxlan-gpe nsh ethernet": lambda inner: vxlan_gpe(nsh(ethernet(inner), 2)),
    "vxlan-gpe mpls": lambda inner: vxlan_gpe(mpls(inner)),
    "geneve": lambda inner: geneve(ethernet(inner)),
    "geneve options": lambda inner: geneve(ethernet(inner), GENEVE_OPTIONS),
    "geneve ip no checksum": lambda inner: geneve(inner, b"", Verdict.ABSENT),
    "gtp-u": gtpu,
    "gtp-u sequence": lambda inner: gtpu(inner, 2, b"\x12\x34\0\0"),
    "gtp-u extension": lambda inner: gtpu(inner, 4, GTP_EXTENSION),
    "l2tp": l2tp,
    "l2tp full": lambda inner: l2tp(inner, full=True),
    "teredo": teredo,
    "teredo full": lambda inner: teredo(inner, full=True),
    "gue": gue,
    "gue fields": lambda inner: gue(inner, 0, b"\0\0\0\0"),
    "gue gre": lambda inner: gue(gre(inner, checksum=True)),
    "gue direct": lambda inner: udp(inner.behind(b"", Layer.FOU), 6080),
    "lisp": lisp,
    "mpls in udp": lambda inner: udp(mpls(inner), 6635),
    "mpls in ip": mpls,
    "capwap 802.3": lambda inner: capwap(inner, native=False),
    "capwap 802.11": lambda inner: capwap(inner, native=True),
    "etherip": etherip,
}
SHIMS: dict[str, Wrap] = {
    "vlan": lambda inner: ethernet(vlan(inner)),
    "vlan 802.1ad": lambda inner: ethernet(vlan(vlan(inner), 0x88A8)),
    "vlan 9100": lambda inner: ethernet(vlan(vlan(vlan(inner)), 0x9100)),
    "mpls": lambda inner: ethernet(mpls(inner)),
    "mpls stack": lambda inner: ethernet(mpls(inner, 0x12345, 0x23456, 0x34567)),
    "mpls explicit null": lambda inner: ethernet(mpls(inner, 0x12345, 0 if inner.ethertype == IPV4_TYPE else 2)),
    "mpls pseudowire": lambda inner: ethernet(pseudowire(inner)),
    "pppoe": lambda inner: ethernet(pppoe(inner)),
    "vlan pppoe": lambda inner: ethernet(vlan(pppoe(inner))),
    "llc snap": ethernet_snap,
    "nsh": lambda inner: ethernet(nsh(inner)),
    "nsh ethernet": lambda inner: ethernet(nsh(ethernet(inner), 2)),
    "macsec not encrypted": lambda inner: ethernet(macsec(inner)),
    "batman broadcast": lambda inner: ethernet(batman(inner)),
    "batman multicast": lambda inner: ethernet(batman(inner, 5)),
    "batman unicast": lambda inner: ethernet(batman(inner, 0x40)),
    "batman unicast with its sender": lambda inner: ethernet(batman(inner, 0x42)),
    "padding": lambda inner: ethernet(inner).followed(b"padding"),
}


# ---- the link types of captures ----------------------------------------------------------------------------------------------------


def c_hdlc(inner: Piece) -> Piece:
    return inner.behind(b"\x0f\0" + struct.pack("!H", inner.ethertype), Layer.C_HDLC)


def frame_relay(inner: Piece, form: str = "nlpid") -> Piece:
    """RFC 2427: the network protocol's own number, or SNAP behind a pad; Cisco's form has the EtherType."""
    number = {IPV4_TYPE: b"\xcc", IPV6_TYPE: b"\x8e"}.get(inner.ethertype, b"")
    header = {
        "nlpid": b"\x03" + number,
        "snap": b"\x03\0\x80\0\0\0" + struct.pack("!H", inner.ethertype),
        "bridged": b"\x03\0\x80\0\x80\xc2\0\x07",
        "cisco": struct.pack("!H", inner.ethertype),
    }[form]
    return inner.behind(b"\x18\x41" + header, Layer.FRAME_RELAY)


def radiotap(inner: Piece, fields: bytes = bytes(4)) -> Piece:
    """``fields``: the words that say what is present, and it."""
    return inner.behind(struct.pack("<BBH", 0, 0, 4 + len(fields)) + fields, Layer.CAPTURE)


def nflog(inner: Piece, order: str = "<") -> Piece:
    """Attributes in the byte order of the capturing host: packet header, prefix, payload."""
    inet = 2 if inner.ethertype == IPV4_TYPE else 10
    header = struct.pack("!BBH", inet, 0, 5) + struct.pack(order + "HH", 8, 1) + struct.pack("!HBB", inner.ethertype, 1, 0)
    header += struct.pack(order + "HH", 7, 10) + b"ab\0\0" + struct.pack(order + "HH", 4 + len(inner.data), 9)
    return inner.behind(header, Layer.CAPTURE).followed(bytes(-len(inner.data) % 4))


def pflog(inner: Piece, length: int, inet6: int) -> Piece:
    family = 2 if inner.ethertype == IPV4_TYPE else inet6
    header = struct.pack("!BBBB16s16sIIIIIIB", length, family, 0, 0, b"em0", b"", 1, 2, 3, 4, 5, 6, 1)
    return inner.behind(header + bytes(-(-length // 4) * 4 - len(header)), Layer.CAPTURE, plain=((4, 20),))


def ipoib(inner: Piece, before: bytes = b"") -> Piece:
    """RFC 4391 section 6, behind what captures have before it: room for a global route header, as tcpdump and Wireshark read it."""
    return inner.behind(before + struct.pack("!HH", inner.ethertype, 0), Layer.IPOIB)


def pktap(inner: Piece) -> Piece:
    header = struct.pack("<III24sIIII", 108, 1, 1, b"en0", 1, 2, 14, 0)
    return ethernet(inner).behind(header + bytes(108 - len(header)), Layer.CAPTURE)


def ppp_pppd(inner: Piece) -> Piece:
    """A direction in the place of the address byte."""
    body = inner.behind(b"\x03" + struct.pack("!H", PPP_TYPES[inner.ethertype]), Layer.PPP)
    return body.behind(b"\x01", Layer.CAPTURE)


def cooked(inner: Piece) -> Piece:
    return inner.behind(struct.pack("!HHH8sH", 4, 1, 6, MACS[:6], inner.ethertype), Layer.COOKED, plain=((6, 14),))


def cooked_llc(inner: Piece) -> Piece:
    """Protocol 4: IEEE 802.2 follows."""
    return inner.behind(struct.pack("!HHH8sH", 4, 1, 6, MACS[:6], 4) + SNAP + struct.pack("!H", inner.ethertype), Layer.COOKED, Layer.LLC)


def cooked2(inner: Piece) -> Piece:
    return inner.behind(struct.pack("!HHIHBB8s", inner.ethertype, 0, 3, 1, 4, 6, MACS[:6]), Layer.COOKED2, plain=((4, 8), (12, 20)))


def ppi(inner: Piece) -> Piece:
    """With a common 802.11 field of 20 bytes."""
    return wlan(inner).behind(struct.pack("<BBHI", 0, 0, 32, 105) + struct.pack("<HH", 2, 20) + bytes(20), Layer.CAPTURE)


def family(inner: Piece, order: str, inet6: int) -> Piece:
    return inner.behind(struct.pack(order + "I", 2 if inner.ethertype == IPV4_TYPE else inet6), Layer.LOOPBACK)


GLOBAL_ROUTE = bytes(20) + b"\0\x01\0\x48\xfe\x80" + bytes(6) + b"\0\x02\xc9\x03\0\x01\x02\x03"
PRISM = struct.pack("<II16s", 0x44, 144, b"wlan0") + bytes(120)
AVS = struct.pack("!II", 0x80211001, 64) + bytes(56)

LINKS: dict[str, tuple[int, Wrap]] = {
    "null": (0, lambda inner: family(inner, "<", 30)),
    "null big-endian": (0, lambda inner: family(inner, ">", 24)),
    "ethernet": (1, ethernet),
    "ppp": (9, ppp),
    "ppp framed": (9, lambda inner: ppp(inner, framed=True)),
    "raw 12": (12, lambda inner: inner),
    "raw 14": (14, lambda inner: inner),
    "ppp hdlc": (50, lambda inner: ppp(inner, framed=True)),
    "ppp hdlc cisco": (50, c_hdlc),
    "ppp over ethernet": (51, pppoe),
    "raw": (101, lambda inner: inner),
    "cisco hdlc": (104, c_hdlc),
    "802.11": (105, wlan),
    "802.11 qos": (105, lambda inner: wlan(inner, quality=True)),
    "802.11 four addresses": (105, lambda inner: wlan(inner, quality=True, four=True)),
    "802.11 ht control": (105, lambda inner: wlan(inner, quality=True, control=True)),
    "802.11 aggregate": (105, aggregate),
    "802.11 trailer": (105, lambda inner: wlan(inner).followed(b"\x12\x34\x56\x78")),
    "frame relay": (107, frame_relay),
    "frame relay snap": (107, lambda inner: frame_relay(inner, "snap")),
    "frame relay bridged": (107, lambda inner: frame_relay(ethernet(inner), "bridged")),
    "frame relay cisco": (107, lambda inner: frame_relay(inner, "cisco")),
    "loop": (108, lambda inner: family(inner, ">", 24)),
    "cooked": (113, cooked),
    "pflog": (117, lambda inner: pflog(inner, 61, 28)),
    "pflog openbsd": (117, lambda inner: pflog(inner, 100, 24)),
    "prism": (119, lambda inner: wlan(inner).behind(PRISM, Layer.CAPTURE)),
    "radiotap": (127, lambda inner: radiotap(wlan(inner))),
    "radiotap check sequence": (127, lambda inner: radiotap(wlan(inner), struct.pack("<IB", 2, 0x10)).followed(b"\x12\x34\x56\x78")),
    "radiotap pad": (127, lambda inner: radiotap(wlan(inner, quality=True, pad=True), struct.pack("<IQB", 3, 5, 0x20))),
    "radiotap two words": (127, lambda inner: radiotap(wlan(inner, True, pad=True), struct.pack("<II4xQB", 0x80000003, 0, 5, 0x20))),
    "avs": (163, lambda inner: wlan(inner).behind(AVS, Layer.CAPTURE)),
    "ppp pppd": (166, ppp_pppd),
    "ppi": (192, ppi),
    "ppp with direction": (204, lambda inner: ppp(inner, framed=True).behind(b"\x01", Layer.CAPTURE)),
    "cisco hdlc with direction": (205, lambda inner: c_hdlc(inner).behind(b"\0", Layer.CAPTURE)),
    "frame relay with direction": (206, lambda inner: frame_relay(inner).behind(b"\x01", Layer.CAPTURE)),
    "nflog": (239, nflog),
    "nflog big-endian": (239, lambda inner: nflog(inner, ">")),
    "netanalyzer": (240, lambda inner: ethernet(inner).behind(b"\0\x04\0\0", Layer.CAPTURE).followed(b"\x12\x34\x56\x78")),
    "ipoib": (242, lambda inner: ipoib(inner, GLOBAL_ROUTE)),
    "ipoib bare": (242, ipoib),
    "pktap": (258, pktap),
    "cooked llc": (113, cooked_llc),
    "ppi ethernet": (192, lambda inner: ethernet(inner).behind(struct.pack("<BBHI", 0, 0, 8, 1), Layer.CAPTURE)),
    "cooked 2": (276, cooked2),
}

# ---- one packet of every kind ------------------------------------------------------------------------------------------------------

ROUTER_ALERT = b"\x94\x04\0\0"


def every_kind(data: bytes) -> dict[str, Piece]:
    """An IP packet of each kind of checksum, in each of its forms, around ``data`` where the kind carries any."""
    even = data + bytes(len(data) % 2)
    words = data + bytes(-len(data) % 4)
    timestamps = b"\x01\x01\x08\x0a\0\0\0\x01\0\0\0\x02"
    four: dict[str, Piece] = {
        "tcp": tcp(data),
        "tcp options": tcp(data, timestamps),
        "udp": udp(data),
        "udp no checksum": udp(data, verdict=Verdict.ABSENT),
        "udp excess": udp(data, excess=b"excess"),
        "udp-lite": udplite(data, 0),
        "udp-lite header": udplite(data, 8),
        "udp-lite odd coverage": udplite(data, 11),
        "dccp": dccp(data, 0),
        "dccp header": dccp(data, 1, short=True),
        "dccp coverage": dccp(words, 2, options=b"\0\0\0\0"),
        "sctp": sctp(data),
        "vrrp 3": vrrp3(b"\x0a\x01\x02\xfe"),
        "ospf 3": ospfv3(even),
        "eigrp": eigrp(),
        "rsvp": rsvp(),
    }
    six = {name: piece for name, piece in four.items() if not name.startswith("vrrp")}
    four |= {
        "icmp": icmp(data),
        "igmp": igmp(),
        "igmp 3": igmp(words),
        "ospf 2": ospfv2(even),
        "ospf 2 signed": ospfv2(even, signed=True),
        "ospf 2 local block": ospfv2(even, after=b"\x12\x34\0\x03\0\x01\0\x04\0\0\0\x01"),
        "pim": pim_hello(six=False),
        "pim register": pim_register(ipv4(udp(data)), six=False),
        "vrrp 2": vrrp2(),
        "vrrp 3 no pseudo-header": vrrp3(b"\x0a\x01\x02\xfe", pseudo=False),
    }
    six |= {
        "icmpv6": icmpv6(data),
        "ospf 3 local block": ospfv3(even, after=b"\x12\x34\0\x03\0\x01\0\x04\0\0\0\x01"),
        "pim": pim_hello(six=True),
        "pim register": pim_register(ipv6(udp(data)), six=True),
        "vrrp 3": vrrp3(ELSEWHERE6 + DESTINATION6, count=2),
        "mobility": mobility(),
    }
    packets = {f"{name} over ipv4": ipv4(piece) for name, piece in four.items()}
    packets |= {f"{name} over ipv6": ipv6(piece) for name, piece in six.items()}
    one, other = DESTINATION6, ELSEWHERE6
    return packets | {
        "gre over ipv4": ipv4(gre(ipv4(tcp(data)), checksum=True)),
        "gre over ipv6": ipv6(gre(ipv6(udp(data)), True, True, True)),
        "ipv4 options": ipv4(igmp(), ROUTER_ALERT),
        "ipv4 authentication": ipv4(tcp(data), signed=True),
        "ipv4 length zero": ipv4(tcp(data), total=0),
        "ipv6 extensions": ipv6(icmpv6(data), HOP_BY_HOP, DESTINATION_OPTIONS, ATOMIC_FRAGMENT),
        "ipv6 authentication": ipv6(udp(data), (51, authentication(0))),
        "ipv6 home address": ipv6(tcp(data), HOME_ADDRESS, home=48),
        "ipv6 home address mobility": ipv6(mobility(), HOME_ADDRESS, home=48),
        "ipv6 routing 0": ipv6(udp(data), routing(0, 2, one + other), final=64),
        "ipv6 routing 2": ipv6(tcp(data), routing(2, 1, other), final=48),
        "ipv6 rpl": ipv6(udp(data), routing(3, 2, one + other), final=64),
        "ipv6 rpl, padded": ipv6(udp(data), rpl(one, padding=8), final=48),
        "ipv6 segment routing": ipv6(udp(data), routing(4, 1, other + one), final=48),
        "ipv6 segments done": ipv6(icmpv6(data), routing(4, 0, one + other)),
    }


# ---- what nobody can read ----------------------------------------------------------------------------------------------------------

SECRET = bytes(range(1, 49))


def sealed(data: bytes, layer: Layer) -> Piece:
    """A message of which the first four bytes say what it is."""
    return Piece(data, (layer,), plain=((4, len(data)),))


def esp(data: bytes = SECRET) -> Piece:
    return payload(struct.pack("!II", 0xCAFE, 7) + data).behind(b"", Layer.ESP, protocol=50)


PROTECTED = Piece(b"\x08\x41\x2c\0" + MACS + MACS[:6] + b"\x10\0" + SECRET, (Layer.IEEE80211, Layer.OPAQUE))
"""An encrypted 802.11 data frame."""


def every_opaque() -> dict[str, Piece]:
    """Ethernet frames whose checksums end where a cipher begins."""
    return {
        "esp over ipv4": ethernet(ipv4(esp())),
        "esp over ipv6": ethernet(ipv6(esp(), HOP_BY_HOP)),
        "esp in udp": ethernet(ipv4(udp(esp(), 4500))),
        "esp in udp no checksum": ethernet(ipv4(udp(esp(), 4500, Verdict.ABSENT))),
        "wireguard": ethernet(ipv4(udp(sealed(struct.pack("<IIQ", 4, 5, 6) + SECRET, Layer.WIREGUARD), 51820))),
        "wireguard over ipv6": ethernet(ipv6(udp(sealed(struct.pack("<IIQ", 4, 5, 6) + SECRET, Layer.WIREGUARD), 51820))),
        "openvpn": ethernet(ipv4(udp(sealed(b"\x48\0\0\x01" + SECRET, Layer.OPENVPN), 1194))),
        "openvpn without peer": ethernet(ipv4(udp(sealed(b"\x30" + SECRET, Layer.OPENVPN), 1194))),
        "capwap with dtls": ethernet(ipv4(udp(sealed(b"\x01\0\0\0" + SECRET, Layer.OPAQUE), 5247))),
        "macsec": ethernet(payload(b"\x2c\0\0\0\0\x07" + MACS[:6] + b"\0\x01" + SECRET).behind(b"", Layer.MACSEC, ethertype=0x88E5)),
        "batman fragment": ethernet(payload(b"\x41\x0f\x32\0" + MACS + SECRET).behind(b"", Layer.OPAQUE, ethertype=0x4305)),
        "batman of another version": ethernet(payload(b"\x01\x0e\x32\0" + SECRET).behind(b"", Layer.OPAQUE, ethertype=0x4305)),
        "esp in vxlan": ethernet(ipv4(vxlan(ipv4(esp())))),
    }


def every_handshake() -> dict[str, Piece]:
    """Ethernet frames of tunnels that carry no packet yet."""
    return {
        "key exchange on port 4500": ethernet(ipv4(udp(bytes(4) + SECRET, 4500))),
        "keepalive on port 4500": ethernet(ipv4(udp(b"\xff", 4500))),
        "wireguard": ethernet(ipv6(udp(sealed(struct.pack("<II", 1, 5) + bytes(range(140)), Layer.WIREGUARD), 51820))),
        "openvpn": ethernet(ipv4(udp(sealed(b"\x38" + SECRET, Layer.OPENVPN), 1194))),
        "l2tp control": ethernet(ipv4(udp(struct.pack("!HHHHHH", 0xC802, 20, 0, 0, 0, 0) + b"\x80\x08\0\0\0\0\0\x01", 1701))),
        "gtp-u echo": ethernet(ipv4(udp(struct.pack("!BBHIHH", 0x32, 1, 4, 0, 7, 0), 2152))),
        "batman originator": ethernet(payload(b"\0\x0f\x32\0" + SECRET).behind(b"", ethertype=0x4305)),
        "teredo bubble": ethernet(ipv4(teredo(ipv6(payload(b"").behind(b"", protocol=59))))),
    }
