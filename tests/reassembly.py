"""Fragments put together with Python's own dictionaries and numbers, one packet after the other: what kernels/pieces.py, assembling.py and
datagrams.py have to say too."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, NamedTuple

from csumlab.crc32c import changed, crc32c, shift
from csumlab.dissection import Dissection, dissect_packet
from csumlab.facts import FieldValue, FragmentRole, Quality, verdict_of
from csumlab.fragments import Datagram, Outcome
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import MODULUS, residue
from csumlab.kernels.network import HOME_ADDRESS, final_destination, routed_destination
from csumlab.kernels.routing import is_cryptographic
from csumlab.kernels.steps import find_option

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
    """One packet's piece, with what tells its datagram from others; its IP packet lies from ``start`` to ``end`` of the frame."""

    key: tuple[object, ...]
    start: int
    end: int
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


def find_piece(data: bytes, linktype: int, original: int) -> Found | None:
    """The piece in a packet; None if there is none that can be read.

    The outermost fragmented header counts: inside a piece nothing further in is whole. Headers quoted in an ICMP error do not count.
    """
    dissection = dissect_packet(data, linktype, original)
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
    final = final_destination(data, 0, at, size) if len(data) >= at + size else at + 16
    route = Route(source, data[final : final + 4])
    return Found(key, at, end, 4, source, destination, protocol, route, identification, size, piece)


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
    return Found(key, at, end, 6, source, destination, following, route, identification, place - at - 40, piece)


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


PACKETS: Final = 20
"""Packet numbers kept of one datagram."""
RANGES: Final = 4
"""Missing ranges named."""


@dataclass(slots=True)
class Assembly:
    """A datagram of which pieces come in. ``echo`` says that all of them are copies of pieces of the last complete datagram with this
    key: what then ends unfinished is no datagram but that one, seen again in part."""

    found: Found
    since: int
    echo: bool = True
    pieces: dict[int, Piece] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    received: int = 0
    length: int | None = None
    packets: list[int] = field(default_factory=list)
    copies: int = 0
    out_of_order: bool = False
    spoiled: tuple[Outcome, str] | None = None

    @property
    def complete(self) -> bool:
        return self.received == self.length and self.spoiled is None

    def accept(self, found: Found, number: int, previous: dict[int, Piece]) -> None:
        """Take one packet's piece in; ``previous`` are the pieces of the last complete datagram with this key."""
        piece = found.piece
        if len(self.packets) < PACKETS:
            self.packets.append(number)
        known = previous.get(piece.start)
        self.echo = self.echo and known is not None and piece.repeats(known)
        if self.spoiled:
            return
        self.spoiled = self._contradiction(found)
        if self.spoiled:
            return
        present = self.pieces.get(piece.start)
        if present is not None:
            self.copies += 1
            if present.cut and not piece.cut:
                self.pieces[piece.start] = piece
            return
        place = bisect_right(self.starts, piece.start)
        self.out_of_order |= place < len(self.starts)
        self.starts.insert(place, piece.start)
        self.pieces[piece.start] = piece
        self.received += piece.end - piece.start
        if piece.last:
            self.length = piece.end
        if piece.start == 0:
            self.found = found

    def _contradiction(self, found: Found) -> tuple[Outcome, str] | None:
        """What is wrong with a piece beside those that are here; None if nothing is, and if it is a copy."""
        piece = found.piece
        size = piece.end - piece.start
        if size == 0:
            return Outcome.MALFORMED, "a piece holds no bytes"
        if size % 8 and not piece.last:
            return Outcome.MALFORMED, "a piece that is not the last one is no multiple of 8 bytes long"
        if found.before + piece.end > LONGEST:
            return Outcome.MALFORMED, "a piece reaches beyond the longest packet"
        place = bisect_right(self.starts, piece.start)
        if place:
            present = self.pieces[self.starts[place - 1]]
            if piece.repeats(present):
                return None
            if piece[:3] == present[:3]:
                return Outcome.OVERLAP, "two pieces hold other bytes for the same range, or the identification was used again"
            if present.end > piece.start:
                return Outcome.OVERLAP, "pieces overlap"
        if place < len(self.starts) and self.starts[place] < piece.end:
            return Outcome.OVERLAP, "pieces overlap"
        if (self.length is not None and piece.end > self.length) or (piece.last and place < len(self.starts)):
            return Outcome.MALFORMED, "a piece lies beyond the last one"
        return None

    def missing(self) -> str:
        """The ranges that are not here, in words; "" if nothing is missing."""
        gaps, at = [], 0
        for start in self.starts:
            if start > at:
                gaps.append(f"{at}-{start - 1}")
            at = self.pieces[start].end
        if self.length is None:
            gaps.append(f"from {at} on")
        more = f" and {len(gaps) - RANGES} more" if len(gaps) > RANGES else ""
        return f"missing bytes {', '.join(gaps[:RANGES])}{more}" if gaps else ""

    def head(self) -> bytes:
        """The first bytes of the datagram, as far as they are here."""
        found = b""
        for start in self.starts:
            if start != len(found) or start >= HEAD:
                break
            found += self.pieces[start].head
        return found

    def crc(self) -> int | None:
        """The CRC32c of all pieces together; None if a piece did not say that SCTP may be inside."""
        total = 0
        for piece in self.pieces.values():
            if piece.crc is None or self.length is None:
                return None
            total ^= shift(piece.crc, self.length - piece.end)
        return total


_ONE_VERSION: Final = {Kind.ICMP: 4, Kind.IGMP: 4, Kind.ICMPV6: 6, Kind.OSPFV2: 4, Kind.OSPFV3: 6}
_EITHER: Final = (Kind.TCP, Kind.UDP, Kind.DCCP, Kind.RSVP, Kind.GRE, Kind.EIGRP, Kind.SCTP, Kind.UDPLITE)
KIND_OF: Final = {(version, KINDS[kind].protocol): kind for kind, version in _ONE_VERSION.items()} | {
    (version, KINDS[kind].protocol): kind for kind in _EITHER for version in (4, 6)
}
"""The kinds whose sum over pieces is known, by IP version and protocol."""
LEAST: Final = {Kind.TCP: 20, Kind.UDP: 8, Kind.UDPLITE: 8, Kind.SCTP: 12, Kind.DCCP: 12, Kind.OSPFV2: 24, Kind.OSPFV3: 16, Kind.RSVP: 8}
"""Bytes of the shortest header; elsewhere the checksum field must be there."""


class Judged(NamedTuple):
    kind: Kind
    reason: str
    residue: int | None = None
    seed: int | None = None
    field: FieldValue = FieldValue.UNKNOWN
    first_alone: bool = False


def _quality(value: int | None) -> Quality:
    return Quality.UNKNOWN if value is None else (Quality.NONZERO if value else Quality.ZERO)


def finished(assembly: Assembly, ending: str) -> Datagram:
    """The datagram as it is now; ``ending`` says why no more pieces are waited for."""
    missing = assembly.missing()
    cut = next((piece.cut for piece in assembly.pieces.values() if piece.cut), "")
    if assembly.spoiled:
        outcome, reason = assembly.spoiled
    elif missing:
        outcome, reason = Outcome.MISSING, missing + ending
    else:
        outcome, reason = (Outcome.CUT, cut) if cut else (Outcome.COMPLETE, "")
    judged = judge(assembly, reason)
    return Datagram(
        kind=judged.kind,
        verdict=verdict_of(judged.kind, _quality(judged.residue), _quality(judged.seed), Quality.UNKNOWN, judged.field),
        reason=judged.reason,
        residue=judged.residue,
        seed_zero=judged.seed == 0,
        packets=tuple(assembly.packets),
        pieces=len(assembly.pieces),
        source=str(ip_address(assembly.found.source)),
        destination=str(ip_address(assembly.found.destination)),
        identification=assembly.found.identification,
        length=assembly.length,
        out_of_order=assembly.out_of_order,
        copies=assembly.copies,
        outcome=outcome,
        first_alone=judged.first_alone,
    )


def judge(assembly: Assembly, reason: str) -> Judged:
    """Residue and seed of the transport checksum. With a ``reason`` the residue is not known, but the seed may be."""
    found, length, head = assembly.found, assembly.length, assembly.head()
    protocol, at, route = found.protocol, 0, found.route
    if head:
        protocol, at, route = walk(head, protocol, 0, route)
    kind = KIND_OF.get((found.version, protocol), Kind.NOTHING)
    if protocol in WALKED or protocol == -1:
        return Judged(kind, reason or f"the transport header is not within the first {HEAD} bytes")
    if not kind:
        return Judged(kind, reason or f"no checksum is known for protocol {protocol}")
    if assembly.spoiled:
        return Judged(kind, reason)
    rule = KINDS[kind]
    header = head[at:]
    if len(header) < LEAST.get(kind, rule.field + rule.width):
        return Judged(kind, reason or "the transport header ends early")
    size = None if length is None else length - at
    kind, why, covered = _coverage(kind, header, size)
    if not kind:
        return Judged(kind, reason or why)
    raw = header[rule.field : rule.field + rule.width]
    value = FieldValue.OTHER if any(raw) else FieldValue.ZEROS
    if rule.crc:
        return _judge_crc(assembly, kind, reason or why, head, at, value)
    if rule.pseudo and not route.known:
        return Judged(kind, reason or "the final destination cannot be read from the routing header", field=value)
    pseudo, seed = 0, None
    if not rule.pseudo:
        seed = int.from_bytes(raw, "big") % MODULUS
    elif covered is not None:
        pseudo = residue(route.source) + residue(route.destination) + protocol + covered
        seed = (int.from_bytes(raw, "big") - pseudo) % MODULUS
    if reason or why:
        return Judged(kind, reason or why, None, seed, value)
    total = sum(piece.residue for piece in assembly.pieces.values()) - residue(head[:at]) + pseudo
    if kind is Kind.OSPFV2:
        total -= residue(header[16:24])
    first = assembly.pieces[0]
    summed = total % MODULUS != 0 and at + rule.field + rule.width <= first.end
    first_alone = summed and _is_of_first(first, residue(head[:at]) - pseudo, covered or 0, at)
    return Judged(kind, "", total % MODULUS, seed, value, first_alone)


def _is_of_first(first: Piece, less: int, covered: int, at: int) -> bool:
    """Whether the sum of the first piece alone comes out as 0: filled by a card, with the datagram's length in the pseudo-header, or made
    anew by a program, with the piece's. ``less`` is taken off its bytes, ``covered`` the length in ``less``."""
    total = first.residue - less
    return any(total % MODULUS == 0 for total in (total, total - covered + first.end - at))


def _judge_crc(assembly: Assembly, kind: Kind, reason: str, head: bytes, at: int, value: FieldValue) -> Judged:
    """SCTP. The field counts as zeros (RFC 9260 section 6.8) and stores the CRC with its lowest byte first (appendix A)."""
    crc, length = assembly.crc(), assembly.length
    if reason or crc is None or length is None:
        return Judged(kind, reason or "the pieces disagree about the protocol", field=value)
    stored = head[at + 8 : at + 12]
    crc ^= shift(crc32c(head[:at]), length - at) ^ changed(stored, length - at - 12)
    return Judged(kind, "", int.from_bytes(crc.to_bytes(4, "little"), "big") ^ int.from_bytes(stored, "big"), None, value)


def _coverage(kind: Kind, header: bytes, size: int | None) -> tuple[Kind, str, int | None]:
    """The kind if it has a checksum after all, why not all of the ``size`` bytes are covered, and the length in the pseudo-header."""
    said = size
    match kind:
        case Kind.UDP:
            said = word_at(header, 4)
            if said < 8:
                return kind, "the UDP length is below 8", None
        case Kind.UDPLITE:
            if word_at(header, 4) not in (0, size):
                return kind, "the checksum covers a part of the datagram only", size
        case Kind.DCCP:
            if header[5] & 15:
                return kind, "the checksum covers a part of the datagram only", size
        case Kind.GRE:
            if header[0] & 0x80 == 0 or header[1] & 7:
                return Kind.NOTHING, "this GRE header has no checksum", None
        case Kind.OSPFV2 | Kind.OSPFV3:
            if header[0] != (2 if kind is Kind.OSPFV2 else 3):
                return Kind.NOTHING, f"no checksum is known for OSPF version {header[0]}", None
            if kind is Kind.OSPFV2 and is_cryptographic(word_at(header, 14)):
                return Kind.NOTHING, "OSPF with cryptographic authentication has no checksum", None
            said = word_at(header, 2)
        case Kind.RSVP:
            said = word_at(header, 6)
    if size is not None and said != size:
        return kind, f"the length in the {KINDS[kind].label} header ({said}) is not that of the datagram ({size})", said
    return kind, "", said


class Reference:
    """The datagrams whose pieces come in, one packet after the other."""

    def __init__(self, *, most: int, most_pieces: int, seconds: float = 30.0) -> None:
        self.evicted = self.timed_out = self.echoes = self.ignored = 0
        self.capped = False
        self._most, self._most_pieces = most, most_pieces
        self._span = round(seconds * 1e9)
        self._late = f"; {seconds:g} s have passed"
        self._open: OrderedDict[tuple[object, ...], Assembly] = OrderedDict()
        self._done: OrderedDict[tuple[object, ...], tuple[int, dict[int, Piece]]] = OrderedDict()
        self._held = 0
        self.ended: list[Datagram] = []

    def add(self, data: bytes, linktype: int, original: int, number: int, timestamp: int) -> None:
        """One packet with a piece: captured bytes, link type, length on the wire, number, nanoseconds of capture time. The piece, None if
        none can be read. Never raises for any bytes."""
        found = find_piece(data, linktype, original)
        if found is None:
            self.ignored += 1
            return
        self._expire(timestamp)
        assembly = self._open.get(found.key)
        if assembly is not None and abs(timestamp - assembly.since) > self._span:
            # The front of the table is not always the oldest: capture time may go back.
            self.timed_out += self._end(found.key, self._late)
            assembly = None
        if assembly is None:
            if len(self._open) >= self._most:
                self._evict()
            assembly = self._open[found.key] = Assembly(found, timestamp)
        held = len(assembly.pieces)
        assembly.accept(found, number, self._done.get(found.key, (0, {}))[1])
        self._held += len(assembly.pieces) - held
        if assembly.complete:
            self._forget(found.key)
            self._end(found.key, "")
            self._remember(found.key, timestamp, assembly.pieces)
        while self._held > self._most_pieces:
            self._evict()

    def finish(self) -> list[Datagram]:
        """End all that are open."""
        for key in tuple(self._open):
            self._end(key, "")
        return self.ended

    def _end(self, key: tuple[object, ...], ending: str) -> bool:
        """No more is waited for; whether that gave a datagram."""
        assembly = self._open.pop(key)
        self._held -= len(assembly.pieces)
        if assembly.echo and not assembly.complete:
            self.echoes += 1
            return False
        self.ended.append(finished(assembly, ending))
        return True

    def _remember(self, key: tuple[object, ...], timestamp: int, pieces: dict[int, Piece]) -> None:
        """Keep a complete datagram's pieces for a while, so that copies that come late are known as such."""
        if len(self._done) >= self._most:
            self.capped = True
            self._forget(next(iter(self._done)))
        self._done[key] = timestamp, pieces
        self._held += len(pieces)

    def _forget(self, key: tuple[object, ...]) -> None:
        self._held -= len(self._done.pop(key, (0, {}))[1])

    def _expire(self, now: int) -> None:
        while self._open:
            key, oldest = next(iter(self._open.items()))
            if now - oldest.since <= self._span:
                break
            self.timed_out += self._end(key, self._late)
        while self._done:
            key, (ended, _) = next(iter(self._done.items()))
            if now - ended <= self._span:
                break
            self._forget(key)

    def _evict(self) -> None:
        """Make room: complete datagrams are forgotten before open ones are ended."""
        self.capped = True
        if self._held > self._most_pieces and self._done:
            self._forget(next(iter(self._done)))
            return
        self.evicted += self._end(next(iter(self._open)), "; let go for want of room")
