"""The record chains of pcap and pcapng as plain loops: where each packet lies, and why a loop stopped.

These functions know integers and arrays only. They allocate nothing, raise nothing and test every length before they use it, so
that :mod:`csumlab.accelerate` can compile them as they stand; run as they are they give the same answers, slowly.
``data`` is a uint8 array for the compiled functions and a ``memoryview`` or ``bytes`` for the plain ones, whose elements must be ints.

Every walk fills columns from row ``result[COUNT]`` on, at most up to row ``most``, and gives a status; ``result`` says where it stopped:
``result[POSITION]`` is the first byte of the record that was not taken, ``result[COUNT]`` the number of rows filled,
``result[VALUE]`` the number of bytes or the value that the status speaks of, ``result[DETAIL]`` a second one.

Source: IETF drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng (section 4 and appendix A for the obsolete Packet Block).
"""

from __future__ import annotations

from typing import Any, Final

# What an index of ``result`` means.
POSITION: Final = 0
COUNT: Final = 1
VALUE: Final = 2
DETAIL: Final = 3

# Statuses. FULL: no row is left. MORE: the record needs result[VALUE] bytes from its start on and the buffer ends before.
# SECTION, DESCRIPTION: a section header or an interface description stands here, complete only as far as the caller checks.
# SKIP: a block of result[VALUE] bytes that holds no packet goes on beyond the buffer. The others are faults of the record.
FULL: Final = 0
MORE: Final = 1
SECTION: Final = 2
DESCRIPTION: Final = 3
SKIP: Final = 4
ABSURD: Final = 5
BLOCK_LENGTH: Final = 6
TRAILER: Final = 7
CAPTURED_LENGTH: Final = 8
NO_INTERFACE: Final = 9
OPTION: Final = 10

LARGEST_RECORD: Final = 64 << 20
"""Bytes of the largest record that is read; a length above it is taken for a fault. Every capture program stays far below."""

SECTION_BLOCK: Final = 0x0A0D0D0A
DESCRIPTION_BLOCK: Final = 1
PACKET_BLOCK: Final = 2
SIMPLE_BLOCK: Final = 3
ENHANCED_BLOCK: Final = 6
FLAGS_OPTION: Final = 2
HAS_FLAGS_BIT: Final = 1 << 32

# Columns of ``clocks``, one row an interface: ticks -> nanoseconds since 1970.
CLOCK_MULTIPLY: Final = 0
CLOCK_DIVIDE: Final = 1
CLOCK_SHIFT: Final = 2
CLOCK_LIMIT: Final = 3
CLOCK_OFFSET: Final = 4
CLOCK_SNAPLEN: Final = 5
CLOCK_COLUMNS: Final = 6

NANOSECONDS: Final = 1_000_000_000
FRACTION_BITS: Final = 33
"""Of a binary fraction of a second no more bits are used, so that fraction times 10**9 fits 63 bits; it is still exact to 0.12 ns."""


def number16(data: Any, at: int, big: bool) -> int:
    """The 16-bit number at ``at``. Products, not shifts: uint8 times int is a signed 64-bit number once compiled."""
    if big:
        return data[at] * 0x100 + data[at + 1]  # type: ignore[no-any-return]
    return data[at] + data[at + 1] * 0x100  # type: ignore[no-any-return]


def number32(data: Any, at: int, big: bool) -> int:
    """The 32-bit number at ``at``."""
    if big:
        return data[at] * 0x1000000 + data[at + 1] * 0x10000 + data[at + 2] * 0x100 + data[at + 3]  # type: ignore[no-any-return]
    return data[at] + data[at + 1] * 0x100 + data[at + 2] * 0x10000 + data[at + 3] * 0x1000000  # type: ignore[no-any-return]


def nanoseconds(high: int, low: int, interface: int, clocks: Any) -> int:
    """A 64-bit count of ticks as nanoseconds since 1970, saturated near 146 years so that no step exceeds 63 bits."""
    ticks = min(high, 0x7FFFFFFF) * 0x100000000 + low
    shift = int(clocks[interface, CLOCK_SHIFT])
    limit = int(clocks[interface, CLOCK_LIMIT])
    if shift < 0:
        ticks = min(ticks, limit) * int(clocks[interface, CLOCK_MULTIPLY])
        divide = int(clocks[interface, CLOCK_DIVIDE])
        if divide > 1:
            ticks = ticks // divide
    else:
        if shift > FRACTION_BITS:
            ticks = ticks >> (shift - FRACTION_BITS)
            shift = FRACTION_BITS
        whole = ticks >> shift
        part = ticks - (whole << shift)
        ticks = min(whole, limit) * NANOSECONDS + ((part * NANOSECONDS) >> shift)
    return ticks + int(clocks[interface, CLOCK_OFFSET])


def walk_pcap(
    data: Any,
    end: int,
    big: bool,
    tick: int,
    header: int,
    most: int,
    offset: Any,
    captured: Any,
    original: Any,
    timestamp: Any,
    result: Any,
) -> int:
    """The records of a pcap file in ``data[result[POSITION]:end]``; ``tick`` is the nanoseconds of one unit of the fraction, ``header``
    the bytes of a record before its packet, at least 16."""
    position = int(result[POSITION])
    count = int(result[COUNT])
    status = FULL
    value = 0
    while count < most:
        if end - position < header:
            status = MORE
            value = header
            break
        length = number32(data, position + 8, big)
        if length > LARGEST_RECORD:
            status = ABSURD
            value = length
            break
        if end - position - header < length:
            status = MORE
            value = header + length
            break
        offset[count] = position + header
        captured[count] = length
        original[count] = number32(data, position + 12, big)
        timestamp[count] = number32(data, position, big) * NANOSECONDS + number32(data, position + 4, big) * tick
        count += 1
        position += header + length
    result[POSITION] = position
    result[COUNT] = count
    result[VALUE] = value
    result[DETAIL] = 0
    return status


def find_flags(data: Any, at: int, end: int, big: bool) -> int:
    """The flags option among the options in ``data[at:end]``: -1 if there is none, -2 - offset if the option there overruns ``end``."""
    flags = -1
    while end - at >= 4:
        code = number16(data, at, big)
        length = number16(data, at + 2, big)
        if code == 0:
            break
        if length > end - at - 4 or (code == FLAGS_OPTION and length != 4):
            return -2 - at
        if code == FLAGS_OPTION:
            flags = number32(data, at + 4, big) | HAS_FLAGS_BIT
        at += 4 + length + (-length & 3)
    return flags


def walk_pcapng(
    data: Any,
    end: int,
    big: bool,
    base: int,
    interfaces: int,
    clocks: Any,
    most: int,
    offset: Any,
    captured: Any,
    original: Any,
    timestamp: Any,
    interface: Any,
    flags: Any,
    result: Any,
) -> int:
    """The blocks of one pcapng section in ``data[result[POSITION]:end]``.

    The section has ``interfaces`` interfaces, the first of which is number ``base`` of the file; ``clocks`` has a row for each
    interface of the file. A Simple Packet Block has no time: its timestamp is 0.
    """
    position = int(result[POSITION])
    count = int(result[COUNT])
    status = FULL
    value = 0
    detail = 0
    while count < most:
        if end - position < 12:
            status = MORE
            value = 12
            break
        kind = number32(data, position, big)
        if kind == SECTION_BLOCK:
            status = SECTION
            break
        length = number32(data, position + 4, big)
        dated = kind in (ENHANCED_BLOCK, PACKET_BLOCK)
        packet = dated or kind == SIMPLE_BLOCK
        least = 12
        if dated:
            least = 32
        elif kind == SIMPLE_BLOCK:
            least = 16
        elif kind == DESCRIPTION_BLOCK:
            least = 20
        if length < least or length & 3 != 0:
            status = BLOCK_LENGTH
            value = length
            detail = least
            break
        if length > LARGEST_RECORD and (packet or kind == DESCRIPTION_BLOCK):
            status = ABSURD
            value = length
            break
        if length > end - position:
            status = MORE if packet or kind == DESCRIPTION_BLOCK else SKIP
            value = length
            break
        last = position + length - 4
        if number32(data, last, big) != length:
            status = TRAILER
            value = number32(data, last, big)
            detail = length
            break
        if kind == DESCRIPTION_BLOCK:
            status = DESCRIPTION
            value = length
            break
        if packet:
            which = 0
            if kind == ENHANCED_BLOCK:
                which = number32(data, position + 8, big)
            elif kind == PACKET_BLOCK:
                which = number16(data, position + 8, big)
            if which >= interfaces:
                status = NO_INTERFACE
                value = which
                break
            which += base
            if dated:
                start = position + 28
                size = number32(data, position + 20, big)
                whole = number32(data, position + 24, big)
            else:
                start = position + 12
                whole = number32(data, position + 8, big)
                size = whole
                snaplen = int(clocks[which, CLOCK_SNAPLEN])
                if snaplen > 0:
                    size = min(size, snaplen)
            if size > last - start:
                status = CAPTURED_LENGTH
                value = size
                detail = last - start
                break
            mark = 0
            time = 0
            if dated:
                time = nanoseconds(number32(data, position + 12, big), number32(data, position + 16, big), which, clocks)
                options = start + size + (-size & 3)
                if options < last:
                    mark = find_flags(data, options, last, big)
                    if mark < -1:
                        status = OPTION
                        value = -2 - mark - position
                        break
                    mark = max(mark, 0)
            offset[count] = start
            captured[count] = size
            original[count] = whole
            timestamp[count] = time
            interface[count] = which
            flags[count] = mark
            count += 1
        position += length
    result[POSITION] = position
    result[COUNT] = count
    result[VALUE] = value
    result[DETAIL] = detail
    return status
