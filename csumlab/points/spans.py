"""Packets that were cut or put together between the two captures: pieces of one stream of bytes that cover each other.

A TCP super-frame and its segments, a segment that was merged from several, an IPv4 datagram and its fragments are the same question: on
each side there are pieces with a start and an end, and they belong together where they overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.points.sightings import PRIME
from csumlab.rows import Rows, runs

_HALF: Final = 1 << 31
_SHIFT: Final = 34
"""Bits of a place in a stream; what is above is the number of the stream."""
_MOST_PIECES: Final = 4096

Long = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Joined:
    """Pairs of rows ``before`` and ``after`` that hold bytes in common. ``whole``: of each pair, whether the pieces on both sides cover
    the same bytes; ``differs``: whether these bytes differ; ``ambiguous`` rows are covered more than once: it cannot be said by which."""

    before: Long
    after: Long
    whole: Bools
    differs: Bools
    ambiguous: Long


def join(rows: Rows, which: Long, stream: NDArray[np.uint64], start: Long, end: Long, window: int, ripe: Bools) -> Joined:
    """Join pieces. ``which`` are places in ``rows``; ``stream``, ``start`` (modulo 2^32 for TCP) and ``end`` go with them. Groups with a
    piece that is not ``ripe`` wait."""
    empty = np.zeros(0, np.int64)
    none = Joined(empty, empty, empty.astype(np.bool_), empty.astype(np.bool_), empty)
    if not len(which):
        return none
    _, number = np.unique(stream, return_inverse=True)
    number = number.reshape(-1).astype(np.int64)
    # Sequence numbers wrap: count from the first piece of each stream.
    order = np.lexsort((rows["time"][which], number))
    begins, sizes = runs(number[order])
    origin = np.empty(len(which), np.int64)
    origin[order] = np.repeat(start[order][begins], sizes)
    relative = (start - origin + _HALF) % (2 * _HALF)
    low = number << _SHIFT | relative
    high = low + (end - start)
    order = np.lexsort((rows["time"][which], high, low))
    which, low, high = which[order], low[order], high[order]
    time, after = rows["time"][which], rows["after"][which]
    reach = np.maximum.accumulate(high)
    fresh = np.concatenate(([True], (low[1:] >= reach[:-1]) | (np.abs(np.diff(time)) > window)))
    groups, sizes = runs(np.cumsum(fresh))
    pairs: list[tuple[int, int, bool, bool]] = []
    ambiguous: list[int] = []
    there = np.add.reduceat(after.astype(np.int64), groups)
    good = (there > 0) & (there < sizes) & (sizes > 1) & np.logical_and.reduceat(ripe[which], groups) & (sizes <= _MOST_PIECES)
    for group in np.flatnonzero(good).tolist():
        part = slice(int(groups[group]), int(groups[group] + sizes[group]))
        _join_group(rows, which[part], low[part], high[part], after[part], pairs, ambiguous)
    if not pairs and not ambiguous:
        return none
    table = np.array(pairs, np.int64).reshape(-1, 4)
    return Joined(table[:, 0], table[:, 1], table[:, 2] != 0, table[:, 3] != 0, np.array(ambiguous, np.int64))


def _join_group(
    rows: Rows, which: Long, low: Long, high: Long, after: Bools, pairs: list[tuple[int, int, bool, bool]], ambiguous: list[int]
) -> None:
    """One run of pieces that overlap."""
    sides = []
    for side in (False, True):
        mine = np.flatnonzero(after == side)
        if np.any(low[mine][1:] < high[mine][:-1]):
            ambiguous.extend(which.tolist())
            return
        sides.append(mine)
    here, there = sides
    whole = all(bool(np.all(low[mine][1:] == high[mine][:-1])) for mine in sides)
    whole = whole and low[here[0]] == low[there[0]] and high[here[-1]] == high[there[-1]]
    differs = False
    if whole and not rows["cut"][which].any():
        differs = _hash_of(rows, which[here]) != _hash_of(rows, which[there])
    # Each piece of the side with more goes with the piece of the other that holds its first byte, and then those that are left.
    holder = np.clip(np.searchsorted(low[here], low[there], side="right") - 1, 0, None)
    met = np.zeros(len(here), np.bool_)
    for position, one in enumerate(there.tolist()):
        other = int(holder[position])
        if low[here[other]] < high[one] and low[one] < high[here[other]]:
            pairs.append((int(which[here[other]]), int(which[one]), whole, differs))
            met[other] = True
    for other in np.flatnonzero(~met).tolist():
        one = int(there[max(int(np.searchsorted(low[there], low[here[other]], side="right")) - 1, 0)])
        if low[one] < high[here[other]] and low[here[other]] < high[one]:
            pairs.append((int(which[here[other]]), int(which[one]), whole, differs))


def _hash_of(rows: Rows, pieces: Long) -> int:
    """The hash of pieces one after the other (kernels.payloads)."""
    total = 0
    for size, one in zip(rows["size"][pieces].tolist(), rows["hash"][pieces].tolist(), strict=True):
        total = (total * pow(256, size, PRIME) + one) % PRIME
    return total
