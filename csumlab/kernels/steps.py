"""Small steps of the dissector: stopping, bounds, entering a layer or a checksum, looking up a table."""

from __future__ import annotations

from typing import Any

from csumlab.headers import (
    MAX_LAYERS,
    MAX_SUMS,
)
from csumlab.kernels.codes import (
    FIELD_ONES,
    FIELD_OTHER,
    FIELD_UNKNOWN,
    FIELD_ZEROS,
    KNOWN,
    NEXT_DONE,
    NONZERO,
    OPAQUE,
    TYPE_ARP,
    TYPE_IPV4,
    TYPE_IPV6,
    TYPE_VLAN,
    UNKNOWN,
    WHY_DEPTH,
    WHY_HEADER,
    WHY_LENGTH,
    WHY_OPAQUE,
    WHY_TRUNCATED,
    ZERO,
)
from csumlab.kernels.layout import (
    AVAILABLE,
    BEYOND,
    EXTENT,
    FRAME_END,
    LAYER_KIND,
    LAYER_LENGTH,
    LAYER_OFFSET,
    LAYER_SIZE,
    LAYERS,
    N_ADDRESSES,
    N_LAYERS,
    N_SUMS,
    STOP,
    SUM_AT,
    SUM_END,
    SUM_FIELD,
    SUM_FIELD_VALUE,
    SUM_HEADER,
    SUM_KIND,
    SUM_PSEUDO,
    SUM_QUALITY_RESIDUE,
    SUM_QUALITY_SEED,
    SUM_RESIDUE,
    SUM_SEED,
    SUM_SIZE,
    SUM_START,
    SUM_WHY_RESIDUE,
    SUM_WHY_SEED,
    SUMS,
    TABLE_IPV6,
    TABLE_MAC,
    TABLE_UDP,
)
from csumlab.kernels.primitives import (
    FIELD_PLACES,
    crc,
    crc_blank,
    load8,
    load16,
    load32,
    sum_words,
)


def stop(work: Any, reason: int) -> int:
    """Dissection ends here, because of ``reason``."""
    work[STOP] = reason
    return NEXT_DONE


def why_missing(work: Any, upto: int) -> int:
    """Why bytes before ``upto`` are missing from the layer at hand; KNOWN if none is."""
    return KNOWN if upto <= work[AVAILABLE] else int(work[BEYOND])


def why_short(work: Any, upto: int) -> int:
    """The same for a header that ends at ``upto``: malformed if it does not fit its container, or if the record ends in its link header."""
    why = why_missing(work, upto)
    if why == WHY_LENGTH or (why == WHY_TRUNCATED and work[N_ADDRESSES] == 0):
        return WHY_HEADER
    return why


def narrow(work: Any, end: int, beyond: int) -> None:
    """What follows belongs to a payload that ends at ``end``; a reader that needs more fails because of ``beyond``."""
    work[EXTENT] = end
    if end <= work[AVAILABLE]:
        work[AVAILABLE] = end
        work[BEYOND] = beyond


def push_layer(work: Any, kind: int, offset: int, length: int) -> bool:
    """Record one header; False, with the stop reason set, when there are too many."""
    count = work[N_LAYERS]
    if count >= MAX_LAYERS:
        work[STOP] = WHY_DEPTH
        return False
    at = LAYERS + LAYER_SIZE * count
    work[at + LAYER_KIND] = kind
    work[at + LAYER_OFFSET] = offset
    work[at + LAYER_LENGTH] = length
    work[N_LAYERS] = count + 1
    return True


def open_sum(data: Any, base: int, work: Any, kind: int, end: int, width: int) -> int:
    """Begin the entry of a checksum of the last pushed layer with ``width`` bytes, which covers from there to ``end``: its place in
    ``work``, or -1, with the stop reason set, when there are too many."""
    count = work[N_SUMS]
    if count >= MAX_SUMS:
        work[STOP] = WHY_DEPTH
        return -1
    header = work[N_LAYERS] - 1
    start = work[LAYERS + LAYER_SIZE * header + LAYER_OFFSET]
    field_at = start + FIELD_PLACES[kind]
    at = SUMS + SUM_SIZE * count
    why_field = why_short(work, field_at + width)
    field = 0
    if why_field == KNOWN:
        field = load16(data, base + field_at) if width == 2 else load32(data, base + field_at)
        ones = 0xFFFF if width == 2 else 0xFFFFFFFF
        work[at + SUM_FIELD_VALUE] = FIELD_ZEROS if field == 0 else (FIELD_ONES if field == ones else FIELD_OTHER)
    else:
        work[at + SUM_FIELD_VALUE] = FIELD_UNKNOWN
    work[at + SUM_KIND] = kind
    work[at + SUM_HEADER] = header
    work[at + SUM_AT] = field_at
    work[at + SUM_START] = start
    work[at + SUM_END] = end
    work[at + SUM_FIELD] = field
    work[at + SUM_WHY_SEED] = why_field
    work[N_SUMS] = count + 1
    return int(at)


def push_sum(data: Any, base: int, work: Any, kind: int, end: int, pseudo: int, why_pseudo: int, why_cover: int) -> bool:
    """Record the checksum of the last pushed layer: it covers from there to ``end``.

    ``pseudo`` is P or, with ``why_pseudo``, not known; ``why_cover`` says why the covered bytes are not all here.
    False, with the stop reason set, when there are too many.
    """
    return push_sum_without(data, base, work, kind, end, pseudo, why_pseudo, why_cover, 0)


def push_sum_without(
    data: Any, base: int, work: Any, kind: int, end: int, pseudo: int, why_pseudo: int, why_cover: int, left_out: int
) -> bool:
    """The same for a sum that leaves out bytes between, which add up to the residue ``left_out``."""
    at = open_sum(data, base, work, kind, end, 2)
    if at < 0:
        return False
    why_seed = work[at + SUM_WHY_SEED]
    if why_seed == KNOWN:
        why_seed = why_pseudo
    why_residue = why_seed if why_seed != KNOWN else why_cover
    residue = 0
    seed = 0
    quality_residue = UNKNOWN
    quality_seed = UNKNOWN
    if why_seed == KNOWN:
        seed = (work[at + SUM_FIELD] + 0xFFFF - pseudo) % 0xFFFF
        quality_seed = ZERO if seed == 0 else NONZERO
    if why_residue == KNOWN:
        residue = (sum_words(data, base + work[at + SUM_START], base + end) + pseudo + 0xFFFF - left_out) % 0xFFFF
        quality_residue = ZERO if residue == 0 else NONZERO
    work[at + SUM_PSEUDO] = pseudo
    work[at + SUM_WHY_SEED] = why_seed
    work[at + SUM_WHY_RESIDUE] = why_residue
    work[at + SUM_RESIDUE] = residue
    work[at + SUM_SEED] = seed
    work[at + SUM_QUALITY_RESIDUE] = quality_residue
    work[at + SUM_QUALITY_SEED] = quality_seed
    return True


def push_crc(data: Any, base: int, work: Any, kind: int, end: int, why_cover: int) -> bool:
    """The same for a CRC32c: the residue is the field that belongs there, exclusive or the field that is; the seed is the field."""
    at = open_sum(data, base, work, kind, end, 4)
    if at < 0:
        return False
    why_seed = work[at + SUM_WHY_SEED]
    why_residue = why_seed if why_seed != KNOWN else why_cover
    field = work[at + SUM_FIELD]
    residue = 0
    if why_residue == KNOWN:
        field_at = base + work[at + SUM_AT]
        value = crc(data, field_at + 4, base + end, crc_blank(crc(data, base + work[at + SUM_START], field_at, 0)))
        residue = ((value & 0xFF) << 24 | (value & 0xFF00) << 8 | (value >> 8 & 0xFF00) | value >> 24) ^ field
    work[at + SUM_PSEUDO] = 0
    work[at + SUM_SEED] = field
    work[at + SUM_RESIDUE] = residue
    work[at + SUM_WHY_RESIDUE] = why_residue
    work[at + SUM_QUALITY_RESIDUE] = UNKNOWN if why_residue != KNOWN else (ZERO if residue == 0 else NONZERO)
    work[at + SUM_QUALITY_SEED] = UNKNOWN if why_seed != KNOWN else (ZERO if field == 0 else NONZERO)
    return True


def interval(tables: Any, table: int, value: int) -> int:
    """How many entries of a sorted table are not above ``value``."""
    low = int(tables[table])
    start = low
    high = int(tables[table + 1])
    while low < high:
        middle = (low + high) >> 1
        if tables[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - start


def interval6(tables: Any, upper: int, lower: int) -> int:
    """The same for IPv6 addresses in two halves as :func:`load64` gives them; the table holds pairs."""
    start = int(tables[TABLE_IPV6])
    low = 0
    high = (int(tables[TABLE_IPV6 + 1]) - start) >> 1
    while low < high:
        middle = (low + high) >> 1
        bound = tables[start + 2 * middle]
        if bound < upper or (bound == upper and tables[start + 2 * middle + 1] <= lower):
            low = middle + 1
        else:
            high = middle
    return low


def hardware_address(data: Any, at: int, tables: Any) -> int:
    """What facts.Facts says of a hardware address: 0 unknown, 1 group, from 2 on the table's entries."""
    if load8(data, at) & 1:
        return 1
    if tables[TABLE_MAC] == tables[TABLE_MAC + 1]:
        return 0
    value = load16(data, at) << 32 | load32(data, at + 2)
    count = interval(tables, TABLE_MAC, value)
    if count > 0 and tables[tables[TABLE_MAC] + count - 1] == value:
        return count + 1
    return 0


def find_option(data: Any, base: int, start: int, end: int, wanted: int, length: int) -> int:
    """Offset of the data of an IPv6 option (RFC 8200 section 4.2) of that type and length, or -1."""
    at = start
    while at + 2 <= end:
        kind = load8(data, base + at)
        if kind == 0:
            at += 1
            continue
        size = load8(data, base + at + 1)
        if kind == wanted and size == length and at + 2 + size <= end:
            return at + 2
        at += 2 + size
    return -1


def port_layer(tables: Any, port: int) -> int:
    """The tunnel that a UDP port stands for, 0 if none."""
    low = int(tables[TABLE_UDP])
    high = int(tables[TABLE_UDP + 1])
    while low < high:
        middle = (low + high) >> 1
        if tables[middle] >> 8 < port:
            low = middle + 1
        else:
            high = middle
    if low < tables[TABLE_UDP + 1] and tables[low] >> 8 == port:
        return int(tables[low] & 0xFF)
    return 0


def little16(data: Any, at: int) -> int:
    """The little-endian 16-bit word at ``at``."""
    return load8(data, at) | load8(data, at + 1) << 8


def little32(data: Any, at: int) -> int:
    """The little-endian 32-bit word at ``at``."""
    return little16(data, at) | little16(data, at + 2) << 16


def strip_check(work: Any) -> None:
    """The last four bytes of the frame are its frame check sequence."""
    end = work[EXTENT] - 4
    if end < work[FRAME_END]:
        work[FRAME_END] = max(end, 0)
    narrow(work, max(end, 0), WHY_LENGTH)


def opaque(work: Any, at: int) -> int:
    """What stands at ``at`` cannot be read."""
    if push_layer(work, OPAQUE, at, 0):
        work[STOP] = WHY_OPAQUE
    return NEXT_DONE


def looks_like_ip(data: Any, base: int, at: int, work: Any) -> bool:
    """Whether an IP header whose length fits stands at ``at``: for tunnels that do not say what they carry."""
    if at + 20 > work[AVAILABLE]:
        return False
    first = load8(data, base + at)
    room = work[EXTENT] - at
    if first >> 4 == 4:
        total = load16(data, base + at + 2)
        return bool(first & 15 >= 5 and (first & 15) * 4 <= total <= room)
    return bool(first >> 4 == 6 and at + 40 <= work[AVAILABLE] and 40 + load16(data, base + at + 4) <= room)


def looks_like_ethernet(data: Any, base: int, at: int, work: Any) -> bool:
    """Whether an Ethernet header with something known behind it stands at ``at``."""
    if at + 14 > work[AVAILABLE]:
        return False
    kind = load16(data, base + at + 12)
    if kind == TYPE_VLAN and at + 18 <= work[AVAILABLE]:
        at += 4
        kind = load16(data, base + at + 12)
    if kind == TYPE_IPV4:
        return looks_like_ip(data, base, at + 14, work) and load8(data, base + at + 14) >> 4 == 4
    if kind == TYPE_IPV6:
        return looks_like_ip(data, base, at + 14, work) and load8(data, base + at + 14) >> 4 == 6
    return kind == TYPE_ARP
