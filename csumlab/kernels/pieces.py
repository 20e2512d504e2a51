"""One packet's piece of a fragmented datagram as numbers: what tells its datagram from others, its place, its sums.

Sources: RFC 791 section 3.1, RFC 8200 section 4.5, RFC 6946 (atomic fragments).
"""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import FIRST, GENEVE, GTPU, IPV4, IPV6, LATER, QUOTE, VLAN, VXLAN
from csumlab.kernels.layout import (
    ADDRESS_FRAGMENT,
    ADDRESS_HEADER,
    ADDRESS_SIZE,
    ADDRESSES,
    LAYER_KIND,
    LAYER_OFFSET,
    LAYER_SIZE,
    LAYERS,
    N_ADDRESSES,
    N_LAYERS,
)
from csumlab.kernels.network import HOME_ADDRESS, final_destination, routed_destination
from csumlab.kernels.packet import dissect
from csumlab.kernels.primitives import crc, load8, load16, load32, load64, mix, pointer, remainder, sum_words
from csumlab.kernels.steps import find_option

# A piece: PIECE_SIZE numbers. Places count from the start of the packet.
PIECE_READ: Final = 0
"""1 if there is a piece that can be read; without one the other numbers mean nothing."""
PIECE_KEY: Final = 1
"""A hash of what the pieces of one datagram have in common."""
PIECE_START: Final = 2
PIECE_END: Final = 3
"""The bytes of the datagram's payload that it holds."""
PIECE_LAST: Final = 4
PIECE_CUT: Final = 5
"""Why it is not all here, one of CUT_*: then it has no sums."""
PIECE_RESIDUE: Final = 6
PIECE_DIGEST: Final = 7
PIECE_CRC: Final = 8
"""The CRC32c of its bytes, -1 where SCTP cannot be inside."""
PIECE_PLACE: Final = 9
PIECE_HERE: Final = 10
"""Where its bytes start, and how many of them were captured."""
PIECE_PACKET: Final = 11
PIECE_PACKET_END: Final = 12
"""Its IP packet."""
PIECE_VERSION: Final = 13
PIECE_PROTOCOL: Final = 14
PIECE_IDENTIFICATION: Final = 15
PIECE_BEFORE: Final = 16
"""Bytes in front of it that count towards LONGEST."""
PIECE_SOURCE: Final = 17
PIECE_DESTINATION: Final = 18
PIECE_ROUTE_SOURCE: Final = 19
PIECE_ROUTE_DESTINATION: Final = 20
"""Where the addresses stand, of the header and of the pseudo-header: NOT_READ for a final destination that cannot be read."""
PIECE_WORD: Final = 21
"""Where the word with its offset stands."""
PIECE_SIZE: Final = 22

NOT_READ: Final = -1

CUT_NOT: Final = 0
CUT_SNAP: Final = 1
CUT_RECORD: Final = 2
CUT_CARRIER: Final = 3

LONGEST: Final = 65535
"""Bytes of an IPv4 packet, or of what follows an IPv6 header."""
DIGEST_PRIME: Final = 2147483629
"""The largest prime below 2^31 that is not 2^31 - 1, modulo which the powers of two are few."""


def is_walked(protocol: int) -> bool:
    """Whether this is an extension header that may stand in front of a transport header: hop-by-hop options, routing, authentication,
    destination options."""
    return protocol == 0 or protocol == 43 or protocol == 51 or protocol == 60


def walk_extensions(data: Any, base: int, end: int, following: int, at: int, source: int, destination: int) -> tuple[int, int, int, int]:
    """Over extension headers in what ends at ``end``: what comes next (-1 if a header ends early) and where, and the places of the
    addresses after them (RFC 6275 section 11.3.1: the pseudo-header has the home address). A destination
    that cannot be read stays so."""
    while is_walked(following):
        if end < at + 8:
            return -1, at, source, destination
        size = (load8(data, base + at + 1) + 2) * 4 if following == 51 else (load8(data, base + at + 1) + 1) * 8
        if end < at + size:
            return -1, at, source, destination
        if following == 43:
            place = routed_destination(data, base, at, size)
            if place != 0 and destination != NOT_READ:
                destination = place
        elif following == 60:
            home = find_option(data, base, at + 2, at + size, HOME_ADDRESS, 16)
            if home >= 0:
                source = home
        following = load8(data, base + at)
        at += size
    return following, at, source, destination


def hash_context(data: Any, base: int, work: Any, header: int, seed: int) -> int:
    """A hash of what stands before an IP header and tells networks with the same addresses apart: the kinds of headers, VLAN numbers,
    tunnel end points and tunnel numbers. Not what may differ between pieces of one datagram or only names a hop: hardware addresses, outer
    ports, MPLS labels, GRE keys (an NVGRE key has a flow number in it)."""
    state = seed
    for index in range(header):
        kind = work[LAYERS + LAYER_SIZE * index + LAYER_KIND]
        at = base + work[LAYERS + LAYER_SIZE * index + LAYER_OFFSET]
        state = mix(state, kind)
        if kind == VLAN:
            state = mix(state, load16(data, at) & 0xFFF)
        elif kind == IPV4:
            state = mix(state, load64(data, at + 12))
        elif kind == IPV6:
            for place in range(at + 8, at + 40, 8):
                state = mix(state, load64(data, place))
        elif kind == VXLAN or kind == GENEVE:  # noqa: SIM109
            state = mix(state, load32(data, at + 4) >> 8)
        elif kind == GTPU:
            state = mix(state, load32(data, at + 4))
    return int(state)


def read_piece(data: Any, base: int, captured: int, original: int, work: Any, seed: int, pieces: Any, to: int) -> None:
    """The piece of a packet that was dissected into ``work``, into ``pieces[to:]``.

    The outermost fragmented header counts: inside a piece nothing further in is whole. Headers quoted in an ICMP error do not count.
    """
    pieces[to + PIECE_READ] = 0
    quote = work[N_LAYERS]
    for index in range(work[N_LAYERS] - 1, -1, -1):
        if work[LAYERS + LAYER_SIZE * index + LAYER_KIND] == QUOTE:
            quote = index
    limit = captured
    cut = CUT_SNAP if limit < original else CUT_RECORD
    for index in range(work[N_ADDRESSES]):
        address = ADDRESSES + ADDRESS_SIZE * index
        header = work[address + ADDRESS_HEADER]
        if header >= quote:
            return
        at = work[LAYERS + LAYER_SIZE * header + LAYER_OFFSET]
        four = work[LAYERS + LAYER_SIZE * header + LAYER_KIND] == IPV4
        length = load16(data, base + at + (2 if four else 4))
        end = at + length + (0 if four else 40)
        role = work[address + ADDRESS_FRAGMENT]
        if role == FIRST or role == LATER:  # noqa: SIM109
            context = hash_context(data, base, work, header, seed)
            if four:
                read_piece4(data, base, at, end, limit, cut, context, pieces, to)
            else:
                read_piece6(data, base, at, end, limit, cut, context, pieces, to)
            return
        # A length of 0 is that of a super-frame or a jumbogram.
        if length != 0 and end < limit:
            limit = end
            cut = CUT_CARRIER


def read_piece4(data: Any, base: int, at: int, end: int, limit: int, cut: int, context: int, pieces: Any, to: int) -> None:
    """RFC 791 section 3.1."""
    if limit < at + 20:
        return
    size = (load8(data, base + at) & 15) * 4
    if size < 20 or end < at + size:
        return
    word = load16(data, base + at + 6)
    protocol = load8(data, base + at + 9)
    identification = load16(data, base + at + 4)
    pieces[to + PIECE_KEY] = mix(mix(mix(context, load64(data, base + at + 12)), 4 << 32 | identification << 8 | protocol), 0)
    pieces[to + PIECE_VERSION] = 4
    pieces[to + PIECE_PROTOCOL] = protocol
    pieces[to + PIECE_IDENTIFICATION] = identification
    pieces[to + PIECE_BEFORE] = size
    pieces[to + PIECE_PACKET] = at
    pieces[to + PIECE_PACKET_END] = end
    pieces[to + PIECE_SOURCE] = pieces[to + PIECE_ROUTE_SOURCE] = at + 12
    pieces[to + PIECE_DESTINATION] = at + 16
    pieces[to + PIECE_ROUTE_DESTINATION] = final_destination(data, base, at, size) if size > 20 and at + size <= limit else at + 16
    pieces[to + PIECE_WORD] = at + 6
    sum_piece(data, base, at + size, end, limit, cut, (word & 0x1FFF) * 8, 0 if word & 0x2000 else 1, pieces, to)


def read_piece6(data: Any, base: int, at: int, end: int, limit: int, cut: int, context: int, pieces: Any, to: int) -> None:
    """RFC 8200 section 4.5. The key has no protocol: it is that of the first piece, whatever the others say. An atomic fragment
    (RFC 6946) is not one."""
    if limit < at + 40:
        return
    source = at + 8
    destination = at + 24
    following = load8(data, base + at + 6)
    place = at + 40
    word = 0
    while word & 0xFFF9 == 0:
        following, place, source, destination = walk_extensions(data, base, limit, following, place, source, destination)
        if following != 44 or limit < place + 8:
            return
        word = load16(data, base + place + 2)
        following = load8(data, base + place)
        place += 8
    if end < place:
        return
    identification = load32(data, base + place - 4)
    state = context
    for part in range(at + 8, at + 40, 8):
        state = mix(state, load64(data, base + part))
    pieces[to + PIECE_KEY] = mix(mix(state, 6 << 32 | identification), 0)
    pieces[to + PIECE_VERSION] = 6
    pieces[to + PIECE_PROTOCOL] = following
    pieces[to + PIECE_IDENTIFICATION] = identification
    pieces[to + PIECE_BEFORE] = place - 8 - at - 40
    pieces[to + PIECE_PACKET] = at
    pieces[to + PIECE_PACKET_END] = end
    pieces[to + PIECE_SOURCE] = at + 8
    pieces[to + PIECE_DESTINATION] = at + 24
    pieces[to + PIECE_ROUTE_SOURCE] = source
    pieces[to + PIECE_ROUTE_DESTINATION] = destination
    pieces[to + PIECE_WORD] = place - 6
    sum_piece(data, base, place, end, limit, cut, word & 0xFFF8, 0 if word & 1 else 1, pieces, to)


def sum_piece(data: Any, base: int, at: int, end: int, limit: int, cut: int, start: int, last: int, pieces: Any, to: int) -> None:
    """The piece whose bytes stand from ``at`` to ``end``, ``start`` bytes into its datagram, of which those before ``limit`` are here."""
    pieces[to + PIECE_READ] = 1
    pieces[to + PIECE_START] = start
    pieces[to + PIECE_END] = start + end - at
    pieces[to + PIECE_LAST] = last
    pieces[to + PIECE_PLACE] = at
    pieces[to + PIECE_HERE] = max(min(end, limit) - at, 0)
    pieces[to + PIECE_CRC] = -1
    if limit < end:
        pieces[to + PIECE_CUT] = cut
        pieces[to + PIECE_RESIDUE] = pieces[to + PIECE_DIGEST] = 0
        return
    protocol = pieces[to + PIECE_PROTOCOL]
    pieces[to + PIECE_CUT] = CUT_NOT
    pieces[to + PIECE_RESIDUE] = sum_words(data, base + at, base + end)
    pieces[to + PIECE_DIGEST] = remainder(data, base + at, base + end, DIGEST_PRIME)
    if protocol == 132 or is_walked(protocol):
        pieces[to + PIECE_CRC] = crc(data, base + at, base + end, 0)


def read_pieces(
    data: Any,
    offset: Any,
    captured: Any,
    original: Any,
    interface: Any,
    linktypes: Any,
    rows: Any,
    tables: Any,
    seed: int,
    work: Any,
    pieces: Any,
) -> None:
    """The pieces in the packets ``rows[k]`` of a block: ``pieces[PIECE_SIZE * k + column]``."""
    octets = pointer(data)
    bounds = pointer(tables)
    scratch = pointer(work)
    found = pointer(pieces)
    for index in range(len(rows)):
        row = rows[index]
        base = offset[row]
        dissect(octets, base, captured[row], original[row], linktypes[interface[row]], bounds, scratch)
        read_piece(octets, base, captured[row], original[row], scratch, seed, found, PIECE_SIZE * index)
