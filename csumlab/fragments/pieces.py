"""One piece of a datagram: its place, sums and, of the first ones, the start of what it carries, read from the bytes of a packet."""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

from csumlab.crc32c import crc32c
from csumlab.dissection import Dissection, dissect_packet
from csumlab.facts import FragmentRole
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import residue
from csumlab.kernels.network import HOME_ADDRESS, final_destination, routed_destination
from csumlab.kernels.steps import find_option
from csumlab.tables import Tables

HEAD: Final = 128
"""Bytes kept from the start of a datagram: extension headers after the cut, and a transport header."""
LONGEST: Final = 65535
"""Bytes of an IPv4 packet, or of what follows an IPv6 header."""

AUTHENTICATION, ROUTING, FRAGMENT, OPTIONS = 51, 43, 44, 60
WALKED: Final = (0, ROUTING, AUTHENTICATION, OPTIONS)
SCTP: Final = KINDS[Kind.SCTP].protocol


class Route(NamedTuple):
    """The addresses of a pseudo-header; ``known`` is False where the final destination cannot be read."""

    source: bytes
    destination: bytes
    known: bool = True


class Piece(NamedTuple):
    """``start`` to ``end`` of the datagram's payload. ``cut`` says why it is not all here: then there are no sums. ``crc`` is its CRC32c,
    only where SCTP may be inside. ``head`` are its bytes before HEAD."""

    start: int
    end: int
    last: bool
    cut: str
    residue: int
    digest: int
    crc: int | None
    head: bytes

    def repeats(self, other: Piece) -> bool:
        """Whether this is an exact copy, as far as both can be known."""
        alike = self.cut or other.cut or (self.residue, self.digest) == (other.residue, other.digest)
        return self[:3] == other[:3] and bool(alike)


class Found(NamedTuple):
    """One packet's piece, with what tells its datagram from others."""

    key: tuple[object, ...]
    version: int
    source: bytes
    destination: bytes
    protocol: int
    route: Route
    identification: int
    before: int
    """Bytes in front of the piece that count towards LONGEST."""
    piece: Piece


def word_at(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def context(data: bytes, dissection: Dissection, header: int) -> tuple[object, ...]:
    """What stands before an IP header and tells networks with the same addresses apart: the kinds of headers, VLAN numbers, tunnel end
    points and tunnel numbers. Not what may differ between pieces of one datagram or only names a hop: hardware addresses, outer ports,
    MPLS labels, GRE keys (an NVGRE key has a flow number in it)."""
    found: list[object] = []
    for one in dissection.headers[:header]:
        at = one.offset
        match one.layer:
            case Layer.VLAN:
                detail = (word_at(data, at) & 0xFFF).to_bytes(2, "big")
            case Layer.IPV4:
                detail = data[at + 12 : at + 20]
            case Layer.IPV6:
                detail = data[at + 8 : at + 40]
            case Layer.VXLAN | Layer.GENEVE:
                detail = data[at + 4 : at + 7]
            case Layer.GTPU:
                detail = data[at + 4 : at + 8]
            case _:
                detail = b""
        found.append((one.layer, detail))
    return tuple(found)


def find_piece(data: bytes, linktype: int, original: int, tables: Tables) -> Found | None:
    """The piece in a packet; None if there is none that can be read.

    The outermost fragmented header counts: inside a piece nothing further in is whole. Headers quoted in an ICMP error do not count.
    """
    dissection = dissect_packet(data, linktype, original, tables)
    layers = dissection.facts.layers
    quote = layers.index(Layer.QUOTE) if Layer.QUOTE in layers else len(layers)
    limit = len(data)
    cut = "a piece was cut by the snap length" if limit < original else "a piece is longer than its record, which claims to be whole"
    for address in dissection.facts.addresses:
        if address.header >= quote:
            return None
        header = dissection.headers[address.header]
        at = header.offset
        length = word_at(data, at + (2 if header.layer is Layer.IPV4 else 4))
        end = at + length + (0 if header.layer is Layer.IPV4 else 40)
        if address.fragment is not FragmentRole.WHOLE:
            read = read4 if header.layer is Layer.IPV4 else read6
            return read(data[:limit], at, end, cut, context(data, dissection, address.header))
        # A length of 0 is that of a super-frame or a jumbogram.
        if length and end < limit:
            limit, cut = end, "a piece is longer than what carries it"
    return None


def read4(data: bytes, at: int, end: int, cut: str, context: tuple[object, ...]) -> Found | None:
    """RFC 791 section 3.1."""
    if len(data) < at + 20:
        return None
    size = (data[at] & 15) * 4
    if size < 20 or end < at + size:
        return None
    word = word_at(data, at + 6)
    protocol, source, destination = data[at + 9], data[at + 12 : at + 16], data[at + 16 : at + 20]
    identification = word_at(data, at + 4)
    piece = piece_of(data, at + size, end, (word & 0x1FFF) * 8, not word & 0x2000, protocol, cut)
    key = (4, source, destination, identification, protocol, context)
    final = final_destination(data, 0, at, size)
    route = Route(source, data[final : final + 4])
    return Found(key, 4, source, destination, protocol, route, identification, size, piece)


def read6(data: bytes, at: int, end: int, cut: str, context: tuple[object, ...]) -> Found | None:
    """RFC 8200 section 4.5. The key has no protocol: it is that of the first piece, whatever the others say. An atomic fragment
    (RFC 6946) is not one."""
    if len(data) < at + 40:
        return None
    source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
    route = Route(source, destination)
    following, place = data[at + 6], at + 40
    while True:
        following, place, route = walk(data, following, place, route)
        if following != FRAGMENT or len(data) < place + 8:
            return None
        word = word_at(data, place + 2)
        if word & 0xFFF9:
            break
        following, place = data[place], place + 8
    if end < place + 8:
        return None
    following, identification = data[place], int.from_bytes(data[place + 4 : place + 8], "big")
    piece = piece_of(data, place + 8, end, word & 0xFFF8, not word & 1, following, cut)
    key = (6, source, destination, identification, context)
    return Found(key, 6, source, destination, following, route, identification, place - at - 40, piece)


def walk(data: bytes, following: int, at: int, route: Route) -> tuple[int, int, Route]:
    """Over extension headers: what comes next (-1 if a header ends early) and where, and the addresses after them."""
    while following in WALKED:
        if len(data) < at + 8:
            return -1, at, route
        size = (data[at + 1] + 2) * 4 if following == AUTHENTICATION else (data[at + 1] + 1) * 8
        if len(data) < at + size:
            return -1, at, route
        if following == ROUTING:
            route = routed(data, at, size, route)
        elif following == OPTIONS:
            route = home(data, at, size, route)
        following, at = data[at], at + size
    return following, at, route


def routed(data: bytes, at: int, size: int, route: Route) -> Route:
    """The addresses behind a routing header."""
    place = routed_destination(data, 0, at, size)
    if place < 0:
        return route._replace(known=False)
    return route._replace(destination=data[place : place + 16]) if place else route


def home(data: bytes, at: int, size: int, route: Route) -> Route:
    """RFC 6275 section 11.3.1: the pseudo-header has the home address."""
    place = find_option(data, 0, at + 2, at + size, HOME_ADDRESS, 16)
    return route._replace(source=data[place : place + 16]) if place >= 0 else route


def piece_of(data: bytes, at: int, end: int, start: int, last: bool, protocol: int, cut: str) -> Piece:
    """The piece whose bytes stand from ``at`` to ``end``, ``start`` bytes into its datagram."""
    payload = data[at:end]
    head = payload[: max(0, HEAD - start)]
    if len(data) < end:
        return Piece(start, start + end - at, last, cut, 0, 0, None, head)
    crc = crc32c(payload) if protocol == SCTP or protocol in WALKED else None
    return Piece(start, start + end - at, last, "", residue(payload), zlib.crc32(payload), crc, head)
