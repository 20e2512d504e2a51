"""The checksum of a fragmented datagram from the sums of its pieces, once it has ended.

A datagram on its way is a slot of SLOT_SIZE numbers with a list of parts of PART_SIZE numbers in the order of their places, and HEAD_ROOM
bytes: the first HEAD bytes of its payload, as far as they came, and its addresses. One that has ended is told in ENDED_SIZE numbers.
"""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import (
    FIELD_OTHER,
    FIELD_UNKNOWN,
    FIELD_ZEROS,
    KIND_DCCP,
    KIND_GRE,
    KIND_OSPFV2,
    KIND_OSPFV3,
    KIND_RSVP,
    KIND_SCTP,
    KIND_UDP,
    KIND_UDPLITE,
    N_FIELDS,
    N_QUALITIES,
    NONZERO,
    UNKNOWN,
    ZERO,
)
from csumlab.kernels.pieces import NOT_READ, is_walked, walk_extensions
from csumlab.kernels.primitives import (
    DATAGRAM_KINDS,
    FIELD_PLACES,
    HAS_PSEUDO,
    SHORTEST_HEADERS,
    VERDICTS,
    crc,
    load8,
    load16,
    load32,
    load64,
    sum_words,
)
from csumlab.kernels.routing import is_cryptographic

HEAD: Final = 128
"""Bytes kept from the start of a datagram: extension headers after the cut, and a transport header."""
HEAD_ROOM: Final = HEAD + 32
PACKETS: Final = 20
"""Packet numbers kept of one datagram."""
GAPS: Final = 4
"""Missing ranges named."""

# A part: a piece that counts.
PART_START: Final = 0
PART_END: Final = 1
PART_LAST: Final = 2
PART_CUT: Final = 3
PART_RESIDUE: Final = 4
PART_DIGEST: Final = 5
PART_CRC: Final = 6
PART_KEPT: Final = 7
"""How many of its bytes are among the first HEAD ones of the datagram."""
PART_NEXT: Final = 8
PART_SIZE: Final = 9

# A slot. The first seven are those of assembling.py.
SLOT_STATE: Final = 0
SLOT_KEY: Final = 1
SLOT_CHAIN: Final = 2
SLOT_OLDER: Final = 3
SLOT_NEWER: Final = 4
SLOT_SINCE: Final = 5
SLOT_ECHO: Final = 6
SLOT_FIRST: Final = 7
SLOT_LAST: Final = 8
SLOT_PARTS: Final = 9
"""The list of its parts: the first and the last one, and how many."""
SLOT_RECEIVED: Final = 10
SLOT_LENGTH: Final = 11
"""Bytes of its payload that came, and all of them, -1 before the last piece came."""
SLOT_COPIES: Final = 12
SLOT_DISORDER: Final = 13
SLOT_SPOILED: Final = 14
"""What its pieces contradict each other in, one of WHY_*, 0 if in nothing."""
SLOT_VERSION: Final = 15
SLOT_PROTOCOL: Final = 16
SLOT_IDENTIFICATION: Final = 17
SLOT_SOURCE: Final = 18
SLOT_DESTINATION: Final = 19
"""Residues of the addresses of the pseudo-header, NOT_READ for a destination that cannot be read."""
SLOT_PACKETS: Final = 20
"""How many packets brought a piece or a copy, and the numbers of the first PACKETS of them."""
SLOT_SIZE: Final = SLOT_PACKETS + 1 + PACKETS

# One that has ended.
ENDED_AT: Final = 0
"""The piece that ended it, counted in those of the call; it may be one of another datagram."""
ENDED_KEY: Final = 1
ENDED_OUTCOME: Final = 2
ENDED_KIND: Final = 3
ENDED_VERDICT: Final = 4
ENDED_WHY: Final = 5
ENDED_DETAIL: Final = 6
"""Why its sum is not known, one of WHY_*, 0 if it is; and a number that belongs to the sentence."""
ENDED_LATE: Final = 7
"""Why no more pieces were waited for, one of LATE_*."""
ENDED_RESIDUE: Final = 8
"""NOT_READ if it is not known."""
ENDED_SEED_ZERO: Final = 9
ENDED_ALONE: Final = 10
ENDED_VERSION: Final = 11
ENDED_IDENTIFICATION: Final = 12
ENDED_PARTS: Final = 13
ENDED_LENGTH: Final = 14
ENDED_DISORDER: Final = 15
ENDED_COPIES: Final = 16
ENDED_OPEN: Final = 17
"""From where on all is missing, NOT_READ if the last piece came."""
ENDED_GAPS: Final = 18
"""How many ranges are missing between pieces, and the first GAPS of them."""
ENDED_PACKETS: Final = ENDED_GAPS + 1 + 2 * GAPS
ENDED_ADDRESSES: Final = ENDED_PACKETS + 1 + PACKETS
"""Sixteen bytes for each address as :func:`csumlab.kernels.primitives.load64` gives them; those of IPv4 are the first four."""
ENDED_SIZE: Final = ENDED_ADDRESSES + 4

COMPLETE: Final = 0
MISSING: Final = 1
INCOMPLETE: Final = 2
OVERLAPPING: Final = 3
MALFORMED: Final = 4
"""assembly.Outcome in its order."""

LATE_NOT: Final = 0
LATE_TIME: Final = 1
LATE_ROOM: Final = 2

WHY_NO_BYTES: Final = 1
WHY_NO_MULTIPLE: Final = 2
WHY_TOO_LONG: Final = 3
WHY_OTHER_BYTES: Final = 4
WHY_OVERLAP: Final = 5
WHY_BEYOND_LAST: Final = 6
WHY_MISSING: Final = 7
WHY_PIECE_CUT: Final = 8
WHY_HEADER_FAR: Final = 9
WHY_NO_CHECKSUM: Final = 10
WHY_HEADER_SHORT: Final = 11
WHY_ROUTE: Final = 12
WHY_UDP_SHORT: Final = 13
WHY_PARTLY_COVERED: Final = 14
WHY_GRE_WITHOUT: Final = 15
WHY_OSPF_VERSION: Final = 16
WHY_OSPF_CRYPTOGRAPHIC: Final = 17
WHY_OTHER_LENGTH: Final = 18
WHY_PROTOCOLS: Final = 19

IN_SLOT: Final = -2
"""In place of where an address stands among the first bytes: the slot has it."""
_POLYNOMIAL: Final = 0x82F63B78
_BYTE: Final = 0x00800000


def end_datagram(slots: Any, parts: Any, heads: Any, slot: int, late: int, at: int, ended: Any, to: int) -> None:
    """What is told of a slot as it is now, into ``ended[to:]``; ``late`` says why no more pieces are waited for."""
    ended[to + ENDED_AT] = at
    ended[to + ENDED_KEY] = slots[slot + SLOT_KEY]
    ended[to + ENDED_LATE] = late
    ended[to + ENDED_VERSION] = slots[slot + SLOT_VERSION]
    ended[to + ENDED_IDENTIFICATION] = slots[slot + SLOT_IDENTIFICATION]
    ended[to + ENDED_PARTS] = slots[slot + SLOT_PARTS]
    ended[to + ENDED_LENGTH] = slots[slot + SLOT_LENGTH]
    ended[to + ENDED_DISORDER] = slots[slot + SLOT_DISORDER]
    ended[to + ENDED_COPIES] = slots[slot + SLOT_COPIES]
    address = slot // SLOT_SIZE * HEAD_ROOM + HEAD
    for place in range(4):
        ended[to + ENDED_ADDRESSES + place] = load64(heads, address + 8 * place)
    for place in range(1 + PACKETS):
        ended[to + ENDED_PACKETS + place] = slots[slot + SLOT_PACKETS + place]
    gaps = 0
    reached = 0
    cut = 0
    part = slots[slot + SLOT_FIRST]
    while part >= 0:
        if parts[part + PART_START] > reached:
            if gaps < GAPS:
                ended[to + ENDED_GAPS + 1 + 2 * gaps] = reached
                ended[to + ENDED_GAPS + 2 + 2 * gaps] = parts[part + PART_START] - 1
            gaps += 1
        reached = parts[part + PART_END]
        if cut == 0:
            cut = parts[part + PART_CUT]
        part = parts[part + PART_NEXT]
    ended[to + ENDED_GAPS] = gaps
    ended[to + ENDED_OPEN] = reached if slots[slot + SLOT_LENGTH] < 0 else NOT_READ
    ended[to + ENDED_WHY] = 0
    ended[to + ENDED_DETAIL] = 0
    spoiled = slots[slot + SLOT_SPOILED]
    if spoiled != 0:
        ended[to + ENDED_OUTCOME] = OVERLAPPING if spoiled in (WHY_OTHER_BYTES, WHY_OVERLAP) else MALFORMED
        ended[to + ENDED_WHY] = spoiled
    elif gaps > 0 or slots[slot + SLOT_LENGTH] < 0:
        ended[to + ENDED_OUTCOME] = MISSING
        ended[to + ENDED_WHY] = WHY_MISSING
    elif cut != 0:
        ended[to + ENDED_OUTCOME] = INCOMPLETE
        ended[to + ENDED_WHY] = WHY_PIECE_CUT
        ended[to + ENDED_DETAIL] = cut
    else:
        ended[to + ENDED_OUTCOME] = COMPLETE
    judge_datagram(slots, parts, heads, slot, ended, to)


def explain_datagram(ended: Any, to: int, why: int, detail: int) -> None:
    """Its sum is not known because of ``why``, unless a reason was there before."""
    if ended[to + ENDED_WHY] == 0:
        ended[to + ENDED_WHY] = why
        ended[to + ENDED_DETAIL] = detail


def head_length(slots: Any, parts: Any, slot: int) -> int:
    """How many of the first bytes of the datagram are here without a gap."""
    reached = 0
    part = slots[slot + SLOT_FIRST]
    while part >= 0 and parts[part + PART_START] == reached and reached < HEAD:
        reached += parts[part + PART_KEPT]
        part = parts[part + PART_NEXT]
    return int(reached)


def judge_datagram(slots: Any, parts: Any, heads: Any, slot: int, ended: Any, to: int) -> None:
    """Kind, residue, seed and verdict of the transport checksum. With a reason in ``ended`` the residue is not known, the seed may be."""
    ended[to + ENDED_KIND] = 0
    ended[to + ENDED_VERDICT] = 0
    ended[to + ENDED_RESIDUE] = NOT_READ
    ended[to + ENDED_SEED_ZERO] = 0
    ended[to + ENDED_ALONE] = 0
    base = slot // SLOT_SIZE * HEAD_ROOM
    size = head_length(slots, parts, slot)
    protocol = slots[slot + SLOT_PROTOCOL]
    at = 0
    source = IN_SLOT
    destination = NOT_READ if slots[slot + SLOT_DESTINATION] == NOT_READ else IN_SLOT
    if size > 0:
        protocol, at, source, destination = walk_extensions(heads, base, size, protocol, 0, source, destination)
    if protocol == -1 or is_walked(protocol):
        explain_datagram(ended, to, WHY_HEADER_FAR, 0)
        rate_datagram(ended, to, 0, UNKNOWN, FIELD_UNKNOWN)
        return
    kind = DATAGRAM_KINDS[protocol + (256 if slots[slot + SLOT_VERSION] == 6 else 0)]
    if kind == 0:
        explain_datagram(ended, to, WHY_NO_CHECKSUM, protocol)
    elif slots[slot + SLOT_SPOILED] == 0 and size - at < SHORTEST_HEADERS[kind]:
        explain_datagram(ended, to, WHY_HEADER_SHORT, 0)
    elif slots[slot + SLOT_SPOILED] == 0:
        length = slots[slot + SLOT_LENGTH]
        kind, covered = cover_datagram(heads, base + at, kind, length - at if length >= 0 else -1, ended, to)
        if kind == KIND_SCTP:
            judge_crc(slots, parts, heads, slot, at, ended, to)
            return
        if kind != 0:
            judge_residue(slots, parts, heads, slot, at, kind, protocol, source, destination, covered, ended, to)
            return
    rate_datagram(ended, to, kind, UNKNOWN, FIELD_UNKNOWN)


def rate_datagram(ended: Any, to: int, kind: int, seed: int, field: int) -> None:
    """The verdict that follows from the qualities of residue and seed and from the field."""
    residue = ended[to + ENDED_RESIDUE]
    quality = UNKNOWN if residue == NOT_READ else (ZERO if residue == 0 else NONZERO)
    combination = ((kind * N_QUALITIES + quality) * N_QUALITIES + seed) * N_QUALITIES + UNKNOWN
    ended[to + ENDED_KIND] = kind
    ended[to + ENDED_SEED_ZERO] = 1 if seed == ZERO else 0
    ended[to + ENDED_VERDICT] = VERDICTS[combination * N_FIELDS + field]


def cover_datagram(heads: Any, place: int, kind: int, size: int, ended: Any, to: int) -> tuple[int, int]:
    """The kind if it has a checksum after all, else 0; and the length in the pseudo-header, -1 if it is not known. A reason is left where
    not all of the ``size`` bytes (-1: not known) are covered."""
    said = size
    if kind == KIND_UDP:
        said = load16(heads, place + 4)
        if said < 8:
            explain_datagram(ended, to, WHY_UDP_SHORT, 0)
            return kind, -1
    elif kind == KIND_UDPLITE:
        covered = load16(heads, place + 4)
        if covered != 0 and covered != size:
            explain_datagram(ended, to, WHY_PARTLY_COVERED, 0)
            return kind, size
    elif kind == KIND_DCCP:
        if load8(heads, place + 5) & 15:
            explain_datagram(ended, to, WHY_PARTLY_COVERED, 0)
            return kind, size
    elif kind == KIND_GRE:
        if load8(heads, place) & 0x80 == 0 or load8(heads, place + 1) & 7:
            explain_datagram(ended, to, WHY_GRE_WITHOUT, 0)
            return 0, -1
    elif kind == KIND_OSPFV2 or kind == KIND_OSPFV3:  # noqa: SIM109
        version = load8(heads, place)
        if version != (2 if kind == KIND_OSPFV2 else 3):
            explain_datagram(ended, to, WHY_OSPF_VERSION, version)
            return 0, -1
        if kind == KIND_OSPFV2 and is_cryptographic(load16(heads, place + 14)):
            explain_datagram(ended, to, WHY_OSPF_CRYPTOGRAPHIC, 0)
            return 0, -1
        said = load16(heads, place + 2)
    elif kind == KIND_RSVP:
        said = load16(heads, place + 6)
    if size >= 0 and said != size:
        explain_datagram(ended, to, WHY_OTHER_LENGTH, said << 32 | size)
    return kind, said


def judge_residue(
    slots: Any,
    parts: Any,
    heads: Any,
    slot: int,
    at: int,
    kind: int,
    protocol: int,
    source: int,
    destination: int,
    covered: int,
    ended: Any,
    to: int,
) -> None:
    """A 16-bit sum whose header starts ``at`` bytes into the datagram."""
    base = slot // SLOT_SIZE * HEAD_ROOM
    place = base + at + FIELD_PLACES[kind]
    raw = load16(heads, place)
    field = FIELD_OTHER if raw else FIELD_ZEROS
    pseudo = 0
    seed = UNKNOWN
    if HAS_PSEUDO[kind]:
        if destination == NOT_READ:
            explain_datagram(ended, to, WHY_ROUTE, 0)
            rate_datagram(ended, to, kind, UNKNOWN, field)
            return
        if covered >= 0:
            pseudo = slots[slot + SLOT_SOURCE] if source == IN_SLOT else sum_words(heads, base + source, base + source + 16)
            place = base + destination
            pseudo += slots[slot + SLOT_DESTINATION] if destination == IN_SLOT else sum_words(heads, place, place + 16)
            pseudo += protocol + covered
            seed = ZERO if (raw - pseudo) % 0xFFFF == 0 else NONZERO
    else:
        seed = ZERO if raw % 0xFFFF == 0 else NONZERO
    if ended[to + ENDED_WHY] == 0:
        before = sum_words(heads, base, base + at)
        total = pseudo - before
        part = slots[slot + SLOT_FIRST]
        alone = parts[part + PART_RESIDUE] + total
        first_end = parts[part + PART_END]
        while part >= 0:
            total += parts[part + PART_RESIDUE]
            part = parts[part + PART_NEXT]
        if kind == KIND_OSPFV2:
            total -= sum_words(heads, base + at + 16, base + at + 24)
        residue = total % 0xFFFF
        ended[to + ENDED_RESIDUE] = residue
        if residue != 0 and at + FIELD_PLACES[kind] + 2 <= first_end:
            # Filled by a card, with the datagram's length in the pseudo-header, or made anew by a program, with the first piece's.
            length = max(covered, 0)
            ended[to + ENDED_ALONE] = 1 if alone % 0xFFFF == 0 or (alone - length + first_end - at) % 0xFFFF == 0 else 0
    rate_datagram(ended, to, kind, seed, field)


def judge_crc(slots: Any, parts: Any, heads: Any, slot: int, at: int, ended: Any, to: int) -> None:
    """SCTP. The field counts as zeros (RFC 9260 section 6.8) and stores the CRC with its lowest byte first (appendix A)."""
    base = slot // SLOT_SIZE * HEAD_ROOM
    place = base + at + FIELD_PLACES[KIND_SCTP]
    stored = load32(heads, place)
    field = FIELD_OTHER if stored else FIELD_ZEROS
    length = slots[slot + SLOT_LENGTH]
    total = 0
    part = slots[slot + SLOT_FIRST]
    while part >= 0 and ended[to + ENDED_WHY] == 0:
        if parts[part + PART_CRC] < 0:
            explain_datagram(ended, to, WHY_PROTOCOLS, 0)
        else:
            total ^= shift_crc(parts[part + PART_CRC], length - parts[part + PART_END])
        part = parts[part + PART_NEXT]
    if ended[to + ENDED_WHY] == 0:
        total ^= shift_crc(crc(heads, base, base + at, 0), length - at)
        total ^= shift_crc(crc(heads, place, place + 4, 0xFFFFFFFF) ^ 0xFFFFFFFF, length - at - 12)
        swapped = (total & 0xFF) << 24 | (total & 0xFF00) << 8 | (total >> 8 & 0xFF00) | total >> 24
        ended[to + ENDED_RESIDUE] = swapped ^ stored
    rate_datagram(ended, to, KIND_SCTP, UNKNOWN, field)


def shift_crc(value: int, length: int) -> int:
    """:func:`csumlab.crc32c.shift`: what a CRC32c adds to that of a whole in which ``length`` bytes follow."""
    power = _BYTE
    while length > 0:
        if length & 1:
            value = multiply_crc(value, power)
        power = multiply_crc(power, power)
        length >>= 1
    return value


def multiply_crc(left: int, right: int) -> int:
    """The product of two polynomials modulo that of CRC32c; bit 31 is the coefficient of x^0."""
    result = 0
    while left != 0:
        if left & 0x80000000:
            result ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return result
