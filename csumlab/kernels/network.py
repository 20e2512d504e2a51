"""IPv4 and IPv6 with their options and extension headers. Sources: RFC 791, 8200, 2675 (jumbograms), 6275 (home address), 8754 (segment
routing), 6554 (RPL), 4302 (AH)."""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import (
    EXTENSION,
    FIRST,
    IPV4,
    IPV6,
    KIND_IPV4,
    KNOWN,
    LATER,
    NEXT_DONE,
    WHOLE,
    WHY_FRAGMENT,
    WHY_HEADER,
    WHY_LENGTH,
    WHY_OPAQUE,
)
from csumlab.kernels.layout import (
    ADDRESS_DESTINATION,
    ADDRESS_DESTINATION_PORT,
    ADDRESS_DF,
    ADDRESS_EXTENSIONS,
    ADDRESS_FRAGMENT,
    ADDRESS_HEADER,
    ADDRESS_LENGTH,
    ADDRESS_PROTOCOL,
    ADDRESS_SIZE,
    ADDRESS_SOURCE,
    ADDRESS_SOURCE_PORT,
    ADDRESS_TTL,
    ADDRESSES,
    AVAILABLE,
    BEYOND,
    EXTENT,
    FRAME_END,
    IP_DESTINATION,
    IP_END,
    IP_FRAGMENT,
    IP_SOURCE,
    IP_VERSION,
    IP_WHY,
    LONG,
    MAX_OCTETS,
    N_ADDRESSES,
    N_LAYERS,
    OCTETS,
    TABLE_IPV4,
    TABLE_IPV6,
    TABLE_LENGTHS,
    TABLE_MTU,
    TABLE_OCTETS,
    TABLE_PAGES,
    TRAILER,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
    load32,
    load64,
    sum_words,
)
from csumlab.kernels.steps import (
    find_option,
    interval,
    interval6,
    narrow,
    push_layer,
    push_sum,
    stop,
    why_short,
)

ETHERNET_SIZE: Final = 14
"""Bytes of the link-layer header that a frame has between a guest and its host, whatever the capture shows."""
PAGE_SIZE: Final = 4096
"""Bytes of one grant of Xen."""
HOME_ADDRESS: Final = 0xC9
"""The destination option of RFC 6275 section 6.3."""


def begin_address(work: Any, source: int, destination: int, ttl: int) -> int:
    """Open the address entry of the IP header just pushed; its place in ``work``."""
    at = ADDRESSES + ADDRESS_SIZE * work[N_ADDRESSES]
    work[N_ADDRESSES] += 1
    work[at + ADDRESS_HEADER] = work[N_LAYERS] - 1
    work[at + ADDRESS_SOURCE] = source
    work[at + ADDRESS_DESTINATION] = destination
    work[at + ADDRESS_FRAGMENT] = WHOLE
    work[at + ADDRESS_PROTOCOL] = 0
    work[at + ADDRESS_SOURCE_PORT] = 0
    work[at + ADDRESS_DESTINATION_PORT] = 0
    work[at + ADDRESS_TTL] = 1 if ttl <= 1 else 0
    work[at + ADDRESS_EXTENSIONS] = 0
    work[at + ADDRESS_LENGTH] = 0
    work[at + ADDRESS_DF] = 0
    return int(at)


def begin_payload(data: Any, base: int, at: int, end: int, tables: Any, work: Any) -> None:
    """An IP packet stands from ``at`` to ``end`` by its own length: bound what follows; the outermost one gives trailer and pages."""
    if tables[TABLE_LENGTHS] != tables[TABLE_LENGTHS + 1]:
        work[ADDRESSES + ADDRESS_SIZE * (work[N_ADDRESSES] - 1) + ADDRESS_LENGTH] = interval(tables, TABLE_LENGTHS, end - at)
    if work[N_ADDRESSES] == 1:
        if end < work[FRAME_END] and sum_words(data, base + end, base + work[FRAME_END]) != 0:
            work[TRAILER] = 1
        if end - at > tables[TABLE_MTU]:
            work[LONG] = 1
        if tables[TABLE_PAGES] != 0:
            work[LONG] |= (end - at + ETHERNET_SIZE + PAGE_SIZE - 1) // PAGE_SIZE << 1
        if tables[TABLE_OCTETS] != 0 and end - at < MAX_OCTETS:
            work[OCTETS] = end - at << 8 | min(max(work[FRAME_END] - end, 0), 255)
    work[IP_END] = end
    narrow(work, end, WHY_LENGTH)


def read_ipv4(data: Any, base: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """One IPv4 header: the protocol inside and where it starts, or -1 after a stop."""
    why = why_short(work, at + 1)
    if why != KNOWN:
        return stop(work, why), at
    first = load8(data, base + at)
    if first >> 4 != 4:
        return stop(work, WHY_HEADER), at
    size = (first & 15) * 4
    if not push_layer(work, IPV4, at, size):
        return NEXT_DONE, at
    why_cover = why_short(work, at + size)
    if size < 20:
        push_sum(data, base, work, KIND_IPV4, at + size, 0, WHY_HEADER, WHY_HEADER)
        return stop(work, WHY_HEADER), at
    if not push_sum(data, base, work, KIND_IPV4, at + size, 0, KNOWN, why_cover):
        return NEXT_DONE, at
    why = why_short(work, at + 20)
    if why != KNOWN:
        return stop(work, why), at
    source = 0
    destination = 0
    if tables[TABLE_IPV4] != tables[TABLE_IPV4 + 1]:
        source = interval(tables, TABLE_IPV4, load32(data, base + at + 12))
        destination = interval(tables, TABLE_IPV4, load32(data, base + at + 16))
    address = begin_address(work, source, destination, load8(data, base + at + 8))
    protocol = load8(data, base + at + 9)
    work[address + ADDRESS_PROTOCOL] = protocol
    work[address + ADDRESS_EXTENSIONS] = 1 if size > 20 else 0
    fragment = load16(data, base + at + 6)
    role = LATER if fragment & 0x1FFF else (FIRST if fragment & 0x2000 else WHOLE)
    work[address + ADDRESS_FRAGMENT] = role
    if tables[TABLE_LENGTHS] != tables[TABLE_LENGTHS + 1]:
        work[address + ADDRESS_DF] = fragment >> 14 & 1
    total = load16(data, base + at + 2)
    # An offloading sender leaves 0 in a super-frame of more than 65535 bytes: take what is there.
    end = work[EXTENT] if total == 0 else at + total
    if end < at + size:
        return stop(work, WHY_LENGTH), at
    begin_payload(data, base, at, end, tables, work)
    if work[AVAILABLE] == end and role != WHOLE:
        work[BEYOND] = WHY_FRAGMENT
    if why_cover != KNOWN:
        return stop(work, why_cover), at
    work[IP_VERSION] = 4
    work[IP_FRAGMENT] = role
    work[IP_SOURCE] = at + 12
    work[IP_DESTINATION] = at + 16 if size == 20 else final_destination(data, base, at, size)
    work[IP_WHY] = KNOWN
    at += size
    if role == LATER:
        return stop(work, WHY_FRAGMENT), at
    while protocol == 51:
        protocol, at = read_extension(data, base, protocol, at, work)
        if protocol < 0:
            return NEXT_DONE, at
        work[address + ADDRESS_PROTOCOL] = protocol
        work[address + ADDRESS_EXTENSIONS] = 1
    return protocol, at


def final_destination(data: Any, base: int, at: int, size: int) -> int:
    """Where the final destination of an IPv4 header stands: the last address of a source route that is not at its end (RFC 791
    section 3.1), else the destination address."""
    place = at + 20
    while place + 2 < at + size and load8(data, base + place) != 0:
        kind = load8(data, base + place)
        if kind == 1:
            place += 1
            continue
        length = load8(data, base + place + 1)
        if length < 2 or place + length > at + size:
            break
        if (kind == 131 or kind == 137) and length >= 7 and load8(data, base + place + 2) <= length:
            return int(place + length - 4)
        place += length
    return int(at + 16)


def read_ipv6(data: Any, base: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """One IPv6 header with its extension headers: the protocol inside and where it starts, or -1 after a stop."""
    why = why_short(work, at + 1)
    if why != KNOWN:
        return stop(work, why), at
    if load8(data, base + at) >> 4 != 6:
        return stop(work, WHY_HEADER), at
    if not push_layer(work, IPV6, at, 40):
        return NEXT_DONE, at
    why = why_short(work, at + 40)
    if why != KNOWN:
        return stop(work, why), at
    source = 0
    destination = 0
    if tables[TABLE_IPV6] != tables[TABLE_IPV6 + 1]:
        source = interval6(tables, load64(data, base + at + 8), load64(data, base + at + 16))
        destination = interval6(tables, load64(data, base + at + 24), load64(data, base + at + 32))
    address = begin_address(work, source, destination, load8(data, base + at + 7))
    protocol = load8(data, base + at + 6)
    work[address + ADDRESS_PROTOCOL] = protocol
    begin_payload(data, base, at, ipv6_end(data, base, at, protocol, work), tables, work)
    work[IP_VERSION] = 6
    work[IP_FRAGMENT] = WHOLE
    work[IP_SOURCE] = at + 8
    work[IP_DESTINATION] = at + 24
    work[IP_WHY] = KNOWN
    at += 40
    while protocol == 0 or protocol == 43 or protocol == 44 or protocol == 51 or protocol == 60:
        work[address + ADDRESS_EXTENSIONS] = 1
        protocol, at = read_extension(data, base, protocol, at, work)
        work[address + ADDRESS_FRAGMENT] = work[IP_FRAGMENT]
        if protocol < 0:
            return NEXT_DONE, at
        work[address + ADDRESS_PROTOCOL] = protocol
        if work[IP_FRAGMENT] == LATER:
            return stop(work, WHY_FRAGMENT), at
    return protocol, at


def ipv6_end(data: Any, base: int, at: int, protocol: int, work: Any) -> int:
    """Where an IPv6 packet ends: payload length, jumbo payload option (RFC 2675 section 2), or, without either, what is there."""
    payload = load16(data, base + at + 4)
    if payload != 0:
        return int(at + 40 + payload)
    if protocol == 59:
        return int(at + 40)
    if protocol == 0 and at + 48 <= work[AVAILABLE]:
        size = (load8(data, base + at + 41) + 1) * 8
        if at + 40 + size <= work[AVAILABLE]:
            found = find_option(data, base, at + 42, at + 40 + size, 0xC2, 4)
            if found >= 0:
                return int(at + 40 + load32(data, base + found))
    return int(work[EXTENT])


def read_extension(data: Any, base: int, protocol: int, at: int, work: Any) -> tuple[int, int]:
    """One extension header: the next one's number and place, or -1 after a stop. What it does to the pseudo-header goes into ``work``."""
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why), at
    size = 8
    if protocol == 51:
        size = (load8(data, base + at + 1) + 2) * 4
    elif protocol != 44:
        size = (load8(data, base + at + 1) + 1) * 8
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, EXTENSION, at, size):
        return NEXT_DONE, at
    if protocol == 43:
        read_routing(data, base, at, size, work)
    elif protocol == 44:
        fragment = load16(data, base + at + 2)
        if fragment & 0xFFF8:
            work[IP_FRAGMENT] = LATER
        elif fragment & 1:
            work[IP_FRAGMENT] = FIRST
        if work[IP_FRAGMENT] != WHOLE and work[AVAILABLE] == work[IP_END]:
            work[BEYOND] = WHY_FRAGMENT
    elif protocol == 60:
        home = find_option(data, base, at + 2, at + size, HOME_ADDRESS, 16)
        if home >= 0:
            work[IP_SOURCE] = home
    return load8(data, base + at), at + size


def read_routing(data: Any, base: int, at: int, size: int, work: Any) -> None:
    """The pseudo-header has the final destination (RFC 8200 section 8.1)."""
    place = routed_destination(data, base, at, size)
    if place > 0:
        work[IP_DESTINATION] = place
    elif place < 0:
        work[IP_WHY] = WHY_OPAQUE


def routed_destination(data: Any, base: int, at: int, size: int) -> int:
    """Where a routing header has the final destination: types 0 and 2 have it last, and so has that of RPL (RFC 6554), which may leave out
    what it has in common with the destination and be padded; segment routing (RFC 8754) has it first. 0 if the packet is there already, -1
    where it does not stand in one place."""
    if load8(data, base + at + 3) == 0:
        return 0
    kind = load8(data, base + at + 2)
    if (kind == 0 or kind == 2) and size >= 24:
        return at + size - 16
    if kind == 3 and load8(data, base + at + 4) & 15 == 0:
        place = at + size - (load8(data, base + at + 5) >> 4) - 16
        return place if place >= at + 8 else -1
    return at + 8 if kind == 4 and size >= 24 else -1
