"""Fragments whose datagrams are there, put together as packets: many at once, as columns.

A datagram has the frame and the headers of its first fragment. One over IPv6 keeps a fragment header, which says that it is whole
(RFC 6946), so that it has the headers of its first fragment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.inet import MODULUS
from csumlab.kernels import pieces as k

Longs = NDArray[np.int64]

# A fragment that waits: what kernels/pieces.py says of it, then:
TICKET: Final = k.PIECE_SIZE
"""Its number among all fragments, as they came."""
CHUNK: Final = TICKET + 1
ROW: Final = TICKET + 2
"""Where its packet is."""
NUMBER: Final = TICKET + 3
CLASS: Final = TICKET + 4
INTACT: Final = TICKET + 5
"""1 unless its IPv4 header sum is wrong: a kernel would lose it."""
WAITING_SIZE: Final = TICKET + 6

_MOST_BYTES: Final = 65535


@dataclass(frozen=True, slots=True)
class Joined:
    """Datagrams in a block of their own. For each, in their order: ``group``, the place of its first fragment in the table that it was made
    from, and the length in bytes of the longest IP packet that brought a part of it."""

    block: Block
    group: Longs
    first: Longs
    longest: Longs


def join(waiting: Longs, groups: Longs, lengths: Longs, chunks: Mapping[int, Block]) -> Joined | None:
    """The datagrams of fragments: ``groups`` has the number of the datagram of each row of ``waiting``, ``lengths`` the bytes of payload by
    number. Of copies the first counts. One that a kernel would lose, or that is not all here, is left out; None if all are."""
    order = np.lexsort((waiting[:, TICKET], waiting[:, k.PIECE_START], groups))
    group, start = groups[order], waiting[order, k.PIECE_START]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (group[1:] != group[:-1]) | (start[1:] != start[:-1])
    order, group, start = order[fresh], group[fresh], start[fresh]
    table = waiting[order]
    size = table[:, k.PIECE_END] - start
    opens = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    # The offset at which each piece lands when all are put one behind the other.
    behind = np.cumsum(size) - size
    counts = np.diff(np.append(opens, len(group)))
    behind -= np.repeat(behind[opens], counts)
    fits = np.logical_and.reduceat((behind == start) & (table[:, INTACT] == 1) & (table[:, k.PIECE_CUT] == k.CUT_NOT), opens)
    total = np.add.reduceat(size, opens)
    head = table[opens]
    internet = head[:, k.PIECE_PLACE] - head[:, k.PIECE_PACKET] - np.where(head[:, k.PIECE_VERSION] == 4, 0, 40)
    fits &= (total == lengths[group[opens]]) & (internet + total <= _MOST_BYTES)
    if not fits.any():
        return None
    chosen = np.repeat(fits, counts)
    longest = np.maximum.reduceat(table[:, k.PIECE_PACKET_END] - table[:, k.PIECE_PACKET], opens)
    head, total, internet = head[fits], total[fits], internet[fits]
    captured = head[:, k.PIECE_PLACE] + total
    offset = np.cumsum(captured) - captured
    data = np.zeros(int(captured.sum()), np.uint8)
    _copy(data, offset, head[:, CHUNK], head[:, ROW], np.zeros(len(head), np.int64), head[:, k.PIECE_PLACE], chunks)
    payload = np.repeat(offset + head[:, k.PIECE_PLACE], counts[fits]) + behind[chosen]
    parts = table[chosen]
    _copy(data, payload, parts[:, CHUNK], parts[:, ROW], parts[:, k.PIECE_PLACE], size[chosen], chunks)
    _write_whole(data, offset, head, internet + total)
    block = _block(data, offset, captured, head, chunks)
    return Joined(block, group[opens][fits], order[opens][fits], longest[fits])


def _copy(data: NDArray[np.uint8], to: Longs, chunk: Longs, row: Longs, place: Longs, size: Longs, chunks: Mapping[int, Block]) -> None:
    """``size`` bytes from ``place`` on of each packet."""
    target = memoryview(data)  # type: ignore[arg-type]
    for number in np.unique(chunk).tolist():
        block = chunks[number]
        here = np.flatnonzero(chunk == number)
        source = memoryview(block.data)  # type: ignore[arg-type]
        start = block.offset[row[here]] + place[here]
        ends = (start + size[here]).tolist()
        for low, high, at, until in zip(start.tolist(), ends, to[here].tolist(), (to[here] + size[here]).tolist(), strict=True):
            target[at:until] = source[low:high]


def _write_whole(data: NDArray[np.uint8], offset: Longs, head: Longs, length: Longs) -> None:
    """The headers say that the packets are whole, and how long; an IPv4 header sum that was right is right."""
    four = head[:, k.PIECE_VERSION] == 4
    packet = offset + head[:, k.PIECE_PACKET]
    word = offset + head[:, k.PIECE_WORD]
    at = packet[four]
    said = _word(data, at + 10) + _word(data, at + 2) + _word(data, word[four]) - length[four]
    _put(data, at + 10, said % MODULUS)
    _put(data, np.where(four, packet + 2, packet + 4), length)
    _put(data, word, np.zeros(len(word), np.int64))
    # The reserved byte of a fragment header.
    data[word[~four] - 1] = 0


def _word(data: NDArray[np.uint8], at: Longs) -> Longs:
    return data[at].astype(np.int64) << 8 | data[at + 1]


def _put(data: NDArray[np.uint8], at: Longs, values: Longs) -> None:
    data[at], data[at + 1] = values >> 8, values & 0xFF


def _block(data: NDArray[np.uint8], offset: Longs, captured: Longs, head: Longs, chunks: Mapping[int, Block]) -> Block:
    """A block with these packets: what is beside the bytes is that of the first fragments."""
    made = _beside(head[:, CHUNK], head[:, ROW], chunks)
    return replace(made, data=data, offset=offset, captured=captured, original=captured.copy())


def _beside(chunk: Longs, row: Longs, chunks: Mapping[int, Block]) -> Block:
    """A block of packets without their bytes."""
    numbers = np.unique(chunk).tolist()
    # A later block knows all interfaces of earlier ones.
    interfaces = max((chunks[number].interfaces for number in numbers), key=len)
    captured, original, timestamp, flags = (np.zeros(len(row), np.int64) for _ in range(4))
    interface = np.zeros(len(row), np.int32)
    for number in numbers:
        here, block = chunk == number, chunks[number]
        rows = row[here]
        captured[here], original[here], flags[here] = block.captured[rows], block.original[rows], block.flags[rows]
        timestamp[here], interface[here] = block.timestamp[rows], block.interface[rows]
    return Block(np.zeros(0, np.uint8), np.cumsum(captured) - captured, captured, original, timestamp, interface, flags, 0, interfaces)


def pack(chunk: Longs, row: Longs, chunks: Mapping[int, Block]) -> tuple[Longs, Block]:
    """Packets of blocks in a block of their own, which outlives these; and the rows where they are."""
    made = _beside(chunk, row, chunks)
    data = np.zeros(int(made.captured.sum()), np.uint8)
    _copy(data, made.offset, chunk, row, np.zeros(len(row), np.int64), made.captured, chunks)
    return np.arange(len(row)), replace(made, data=data)
