"""From packets to classes: signatures, grouping, columns of numbers. These are the functions that others call."""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import (
    N_VERDICTS,
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
    DESTINATION_MAC,
    LAYER_KIND,
    LAYER_OFFSET,
    LAYER_SIZE,
    LAYERS,
    LONG,
    N_ADDRESSES,
    N_LAYERS,
    N_SUMS,
    OCTETS,
    PACKET_TYPE,
    SOURCE_MAC,
    STOP,
    SUM_FIELD_VALUE,
    SUM_HEADER,
    SUM_KIND,
    SUM_ODD,
    SUM_QUALITY_RESIDUE,
    SUM_QUALITY_SEED,
    SUM_QUALITY_SETTLED,
    SUM_SIZE,
    SUM_VERDICT,
    SUM_WHY_RESIDUE,
    SUM_WHY_SEED,
    SUMS,
    TRAILER,
)
from csumlab.kernels.packet import (
    dissect,
)
from csumlab.kernels.primitives import (
    mix,
    pointer,
)

FLAG_BITS: Final = 0b1110_0000_0011
"""The epb_flags bits that are facts: direction, and 9 to 11 (IETF pcapng draft, section 4.3.1)."""
FLAGS_RECORDED: Final = 1 << 32
"""capture.block.HAS_FLAGS."""


def signature(work: Any, linktype: int, interface: int, flags: int, seed: int) -> int:
    """A signed 64-bit hash of exactly what :class:`csumlab.facts.Facts` holds; ``seed`` makes it unpredictable to who writes packets."""
    layers = work[N_LAYERS]
    sums = work[N_SUMS]
    addresses = work[N_ADDRESSES]
    word = (work[PACKET_TYPE] + 1) << 16 | layers << 8 | sums << 4 | work[STOP]
    state = mix(seed, word << 12 | addresses << 2 | work[TRAILER] << 1 | work[LONG] & 1)
    state = mix(state, (linktype & 0xFFFF) << 40 | (interface & 0xFFFFFFFF))
    state = mix(state, work[OCTETS] << 40 | work[LONG] >> 1 << 16 | (flags & FLAG_BITS) << 1 | (1 if flags & FLAGS_RECORDED else 0))
    state = mix(state, work[SOURCE_MAC] << 31 | work[DESTINATION_MAC])
    word = 0
    for index in range(layers):
        word = word << 6 | work[LAYERS + LAYER_SIZE * index + LAYER_KIND]
        if index % 10 == 9:
            state = mix(state, word)
            word = 0
    state = mix(state, word)
    for index in range(sums):
        at = SUMS + SUM_SIZE * index
        word = work[at + SUM_KIND] << 5 | work[at + SUM_HEADER]
        word = word << 4 | work[at + SUM_WHY_RESIDUE]
        word = word << 4 | work[at + SUM_WHY_SEED]
        word = word << 2 | work[at + SUM_QUALITY_RESIDUE]
        word = word << 2 | work[at + SUM_QUALITY_SEED]
        word = word << 2 | work[at + SUM_QUALITY_SETTLED]
        word = word << 2 | work[at + SUM_FIELD_VALUE]
        state = mix(state, word << 1 | work[at + SUM_ODD])
    for index in range(addresses):
        at = ADDRESSES + ADDRESS_SIZE * index
        word = work[at + ADDRESS_HEADER] << 8 | work[at + ADDRESS_PROTOCOL]
        word = word << 2 | work[at + ADDRESS_FRAGMENT]
        word = word << 2 | work[at + ADDRESS_TTL] << 1 | work[at + ADDRESS_EXTENSIONS]
        word = word << 9 | work[at + ADDRESS_LENGTH] << 1 | work[at + ADDRESS_DF]
        state = mix(state, (word << 17 | work[at + ADDRESS_SOURCE_PORT]) << 17 | work[at + ADDRESS_DESTINATION_PORT])
        state = mix(state, work[at + ADDRESS_SOURCE] << 31 | work[at + ADDRESS_DESTINATION])
    return mix(state, 0)


def sign_packets(
    data: Any,
    offset: Any,
    captured: Any,
    original: Any,
    interface: Any,
    flags: Any,
    linktypes: Any,
    tables: Any,
    seed: int,
    begin: int,
    end: int,
    work: Any,
    signatures: Any,
    network: Any,
    tally: Any,
) -> None:
    """Dissect packets ``begin`` to ``end`` of a block: their signatures, where their outermost IP header starts (-1 if there is none),
    and ``tally[kind * N_VERDICTS + verdict]`` counted up."""
    octets = pointer(data)
    bounds = pointer(tables)
    scratch = pointer(work)
    for index in range(begin, end):
        number = interface[index]
        linktype = linktypes[number]
        dissect(octets, offset[index], captured[index], original[index], linktype, bounds, scratch)
        signatures[index] = signature(scratch, linktype, number, flags[index], seed)
        network[index] = scratch[LAYERS + LAYER_SIZE * scratch[ADDRESSES] + LAYER_OFFSET] if scratch[N_ADDRESSES] else -1
        for one in range(scratch[N_SUMS]):
            at = SUMS + SUM_SIZE * one
            tally[scratch[at + SUM_KIND] * N_VERDICTS + scratch[at + SUM_VERDICT]] += 1


FIRST_KEPT: Final = 8
"""Packet numbers kept for each class."""


def group_packets(
    signatures: Any,
    original: Any,
    number: int,
    keys: Any,
    slots: Any,
    used: int,
    counts: Any,
    octets: Any,
    firsts: Any,
    class_of: Any,
    new_rows: Any,
) -> int:
    """Give every packet of a block its class; the number of classes afterwards.

    ``keys`` and ``slots`` (class number or -1) are an open hash table with a power of two of entries, at least twice as many as ``counts``
    has. When ``counts`` is full a packet of a new class gets -1. ``new_rows[k]`` becomes the row that opened class ``k``.
    """
    mask = len(keys) - 1
    limit = len(counts)
    for row in range(len(signatures)):
        key = signatures[row]
        slot = key & mask
        while slots[slot] >= 0 and keys[slot] != key:
            slot = (slot + 1) & mask
        found = slots[slot]
        if found < 0:
            if used >= limit:
                class_of[row] = -1
                continue
            found = used
            used += 1
            keys[slot] = key
            slots[slot] = found
            new_rows[found] = row
        class_of[row] = found
        if counts[found] < FIRST_KEPT:
            firsts[found, counts[found]] = number + row
        counts[found] += 1
        octets[found] += original[row]
    return used


def read_columns(
    data: Any,
    offset: Any,
    captured: Any,
    original: Any,
    linktype: int,
    rows: Any,
    tables: Any,
    work: Any,
    layers: Any,
    sums: Any,
) -> None:
    """For packets of one class, ``rows[k]``: ``layers[l, k]`` the offset of header l, ``sums[s, c, k]`` column c (SUM_*) of checksum s."""
    octets = pointer(data)
    bounds = pointer(tables)
    scratch = pointer(work)
    for column in range(len(rows)):
        row = rows[column]
        dissect(octets, offset[row], captured[row], original[row], linktype, bounds, scratch)
        for layer in range(min(scratch[N_LAYERS], layers.shape[0])):
            layers[layer, column] = scratch[LAYERS + LAYER_SIZE * layer + LAYER_OFFSET]
        for one in range(min(scratch[N_SUMS], sums.shape[0])):
            for entry in range(SUM_SIZE):
                sums[one, entry, column] = scratch[SUMS + SUM_SIZE * one + entry]
