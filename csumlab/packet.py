"""What a walk knows of a packet's headers: a tuple of frozen descriptions, outermost first. Bytes and forms live elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer
from csumlab.inet import residue

# Consuming headers take one level off CHECKSUM_UNNECESSARY (include/linux/skbuff.h __skb_decr_checksum_unnecessary).
Bounds = tuple[int, int]
"""The least and the greatest length in bytes that an IP packet can have, its header included."""
_CONSUMING = frozenset({Kind.TCP, Kind.UDP, Kind.UDPLITE, Kind.DCCP, Kind.ICMP, Kind.ICMPV6, Kind.IGMP, Kind.GRE, Kind.SCTP})
PORTED = frozenset({Layer.TCP, Layer.UDP, Layer.UDPLITE, Layer.DCCP, Layer.SCTP})
"""Headers that begin with a source port and a destination port."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is known of an address or a port: it lies in ``low``..``high``, both included. ``version`` 4, 6, or 0 for a port."""

    version: int
    low: int
    high: int

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def within(self, low: int, high: int) -> bool:
        """Whether every value of the span lies in ``low``..``high``."""
        return low <= self.low and self.high <= high

    def named(self, otherwise: str) -> str:
        """The value if it is one; of a packet whose class has many, ``otherwise`` says which of its words it is."""
        return str(self) if self.exact else otherwise

    def __str__(self) -> str:
        if not self.version:
            return str(self.low) if self.exact else f"port {self.low}..{self.high}"
        low, high = address_of(self.version, self.low), address_of(self.version, self.high)
        if self.exact:
            return str(low)
        whole = self.low == 0 and self.high in (2**32 - 1, 2**128 - 1)
        return f"any IPv{self.version} address" if whole else f"{low}..{high}"


def address_of(version: int, value: int) -> IPv4Address | IPv6Address:
    """The address object for a number."""
    return IPv4Address(value) if version == 4 else IPv6Address(value)


def exactly(text: str) -> Span:
    """The span that is one address. ValueError if ``text`` is none."""
    address = ip_address(text)
    return Span(address.version, int(address), int(address))


def words(span: Span) -> int:
    """The residue of an exact address or port: what it adds to a checksum."""
    if not span.version:
        return span.low % 0xFFFF
    return residue(span.low.to_bytes(4 if span.version == 4 else 16, "big"))


ANY_PORT = Span(0, 0, 0xFFFF)


@dataclass(frozen=True, slots=True)
class Header:
    """One header. ``uid`` names it for the length of a walk. ``kind`` is its checksum's, NOTHING without one. ``odd`` says that it starts
    at an odd displacement in the nearest enclosing coverage. ``source`` and ``destination`` are addresses of an IP header or ports
    of one of PORTED; None elsewhere. ``index`` is its place in the capture's own header stack, -1 if the walk made it. ``shifted`` says
    that its addresses or ports were others than those the capture shows. ``remote`` is of a tunnel's header: it says that the first sum
    behind it is left to the tunnel's far end (remote checksum offload). ``quote`` are the IP and transport headers that an ICMP error
    quotes, with the kind NOTHING where their sum is not quoted or is none.

    Of an IP header: ``bounds`` are the least and the greatest length that the packet can have, None if nothing is known of it or it is no
    packet of a wire yet (a super-frame); of a datagram in fragments those of the datagram. ``piece`` is the length of the longest fragment
    that it is in or came in, 0 if not all are there. ``dont_fragment``: IPv4 DF. ``listed``: what it was carried in came in
    fragments. ``hops``: what is left of the TTL, known where a rule has set it. ``spoilt``: of one that an ICMP error quotes, that its sum
    is wrong."""

    uid: int
    layer: Layer
    kind: Kind = Kind.NOTHING
    odd: bool = False
    source: Span | None = None
    destination: Span | None = None
    fragment: FragmentRole = FragmentRole.WHOLE
    ttl_expires: bool = False
    extensions: bool = False
    index: int = -1
    shifted: bool = False
    remote: bool = False
    quote: tuple[Header, ...] = ()
    bounds: Bounds | None = None
    piece: int = 0
    dont_fragment: bool = False
    listed: bool = False
    hops: int | None = None
    spoilt: bool = False

    @property
    def gathered(self) -> bool:
        """Whether it is in fragments that all go the same way, of which this is the first: the walk has them all."""
        return self.piece > 0 and self.fragment is FragmentRole.FIRST

    @property
    def reassembled(self) -> bool:
        """Whether it was put together again: the kernel remembers the longest fragment (frag_max_size)."""
        return self.piece > 0 and self.fragment is FragmentRole.WHOLE

    @property
    def sent_bounds(self) -> Bounds | None:
        """What one packet of it takes on a wire."""
        return (self.piece, self.piece) if self.gathered else self.bounds

    def exceeds(self, mtu: int) -> bool:
        """Whether it is longer than ``mtu``, 0 for one that does not matter. What may be longer or not is taken to fit."""
        bounds = self.sent_bounds
        return bool(mtu) and bounds is not None and bounds[0] > mtu

    @property
    def quotes(self) -> bool:
        """Whether it is an ICMP error with a packet that can be read."""
        return bool(self.quote)

    @property
    def is_ip(self) -> bool:
        return self.layer in (Layer.IPV4, Layer.IPV6)

    @property
    def consumes(self) -> bool:
        return self.kind in _CONSUMING

    @property
    def covers_rest(self) -> bool:
        """Whether its checksum covers everything behind it (every kind but the IPv4 header's)."""
        return self.consumes


def outer_ip(headers: tuple[Header, ...]) -> Header | None:
    """The outermost IP header."""
    return next((header for header in headers if header.is_ip), None)


def with_hops(headers: tuple[Header, ...], hops: int) -> tuple[Header, ...]:
    """With a TTL or hop limit of the outermost IP header that is known."""
    ip = outer_ip(headers)
    return tuple(replace(one, hops=hops, ttl_expires=hops <= 1) if one is ip else one for one in headers)


def one_hop_less(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    ip = outer_ip(headers)
    return headers if ip is None or ip.hops is None else with_hops(headers, ip.hops - 1)


def in_pieces(headers: tuple[Header, ...], mtu: int, first_uid: int) -> tuple[Header, ...]:
    """The headers of the first fragment when the outermost IP packet is cut to ``mtu`` (RFC 791 section 3.2, RFC 8200 section 4.5: data in
    multiples of eight bytes; IPv6 puts a fragment header behind the extension headers). What was a fragment before stays one, and IPv6 has
    its header already. DF is lost (Linux net/ipv4/ip_output.c ip_fraglist_init, ip_frag_next)."""
    place = next(n for n, header in enumerate(headers) if header.is_ip)
    ip = headers[place]
    behind = place + 1
    while behind < len(headers) and headers[behind].layer is Layer.EXTENSION:
        behind += 1
    piece = piece_of(ip, min(mtu, ip.piece or mtu))
    made: tuple[Header, ...] = ()
    if ip.layer is Layer.IPV6 and ip.fragment is FragmentRole.WHOLE:
        made = (Header(first_uid, Layer.EXTENSION),)
    if ip.fragment is FragmentRole.WHOLE or ip.gathered:
        ip = replace(ip, fragment=FragmentRole.FIRST, piece=piece)
    else:
        ip = replace(ip, bounds=(piece, piece))
    if made:
        ip = replace(ip, extensions=True)
    return (*headers[:place], replace(ip, dont_fragment=False), *headers[place + 1 : behind], *made, *headers[behind:])


def piece_of(ip: Header, mtu: int) -> int:
    """Bytes of the longest fragment that ``mtu`` takes: IPv6 puts a header of eight bytes into each."""
    own = 20 if ip.layer is Layer.IPV4 else 48
    return (mtu - own) // 8 * 8 + own


def in_one(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The headers of a datagram whose fragments are put together."""
    place = next(n for n, header in enumerate(headers) if header.is_ip)
    behind = place + 1
    while behind < len(headers) and headers[behind].layer is Layer.EXTENSION:
        behind += 1
    kept = headers[place + 1 : behind - 1] if headers[place].layer is Layer.IPV6 else headers[place + 1 : behind]
    ip = replace(headers[place], fragment=FragmentRole.WHOLE)
    if ip.layer is Layer.IPV6:
        ip = replace(ip, extensions=bool(kept))
    return (*headers[:place], ip, *kept, *headers[behind:])


def uncovered(headers: tuple[Header, ...], place: int) -> tuple[Header, ...]:
    """The headers from ``place`` on, behind an IP header and what belongs to it."""
    outer = outer_ip(headers)
    if outer is None or not (outer.reassembled or outer.listed):
        return headers[place:]
    return tuple(replace(header, listed=True) if header.is_ip else header for header in headers[place:])


def unmeasured(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The headers of a packet of which it is not known how long it is now."""
    return tuple(replace(header, bounds=None) if header.bounds else header for header in headers)


def cut_behind(headers: tuple[Header, ...]) -> Header | None:
    """The header behind which a super-frame is cut, None if it is none of TCP, UDP or SCTP (include/linux/skbuff.h SKB_GSO_TCPV4,
    SKB_GSO_TCPV6, SKB_GSO_UDP_L4, SKB_GSO_SCTP)."""
    return next((header for header in reversed(headers) if header.layer in (Layer.TCP, Layer.UDP, Layer.SCTP)), None)


def outer_transport(headers: tuple[Header, ...]) -> Header | None:
    """The outermost header with a checksum that a claim can speak of, if it belongs to the outermost IP header."""
    seen_ip = False
    for header in headers:
        if header.is_ip:
            if seen_ip:
                return None
            seen_ip = True
        elif header.consumes:
            return header
    return None


def left_to_far_end(headers: tuple[Header, ...]) -> int | None:
    """The uid of the sum that a tunnel's header leaves to the tunnel's far end, or None."""
    passed = False
    for header in headers:
        if passed and header.consumes:
            return header.uid
        passed = passed or header.remote
    return None


def ip_of(headers: tuple[Header, ...], uid: int) -> Header | None:
    """The IP header whose addresses are in the pseudo-header of header ``uid``: the nearest before it."""
    found = None
    for header in headers:
        if header.uid == uid:
            return found
        if header.is_ip:
            found = header
    return None


def enclosing(headers: tuple[Header, ...], uid: int) -> list[tuple[Header, int]]:
    """The headers whose checksum covers header ``uid``, innermost first, each with the factor 1 or 256 that a word of ``uid`` counts
    with."""
    before: list[Header] = []
    odd = False
    for header in headers:
        if header.uid == uid:
            odd = header.odd
            break
        before.append(header)
    found = []
    for header in reversed(before):
        if header.covers_rest:
            found.append((header, 256 if odd else 1))
            odd ^= header.odd
    return found
