"""Who sent what and when: packets over time and by sender, counted while a capture is read for something else. Memory is bounded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.facts import Facts
from csumlab.fingerprints import address_text, outer_headers
from csumlab.headers import UNFILLED, Verdict
from csumlab.index import Membership

BINS: Final = 96
"""Columns of a timeline."""
HOSTS: Final = 1024
"""Senders that are told apart; the packets of later ones are added up."""
LATEST: Final = 1 << 62
"""Nanoseconds since 1970, in the year 2116: what claims to be later counts as then."""


class Sort(IntEnum):
    """What a packet's checksums come to, the worst of them."""

    GOOD = 0
    NONE = 1
    """It carries no checksum, or only such as say that there is none."""
    UNVERIFIED = 2
    UNFINISHED = 3
    WRONG = 4


def sort_of(facts: Facts) -> Sort:
    """The sort of the packets of a class."""
    verdicts = {total.verdict for total in facts.sums}
    if Verdict.BAD in verdicts:
        return Sort.WRONG
    if verdicts & UNFILLED:
        return Sort.UNFINISHED
    if Verdict.UNVERIFIED in verdicts:
        return Sort.UNVERIFIED
    return Sort.GOOD if Verdict.GOOD in verdicts else Sort.NONE


@dataclass
class Timeline:
    """Packets by key in BINS equal stretches of time, which grow so that all fit. ``start`` and ``width`` in nanoseconds; ``width`` 0 as
    long as nothing was counted."""

    start: int = 0
    width: int = 0
    last: int = 0
    counts: dict[Hashable, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, key: Hashable, times: NDArray[np.int64]) -> None:
        """Count packets at ``times``, nanoseconds since 1970; what lies before that, or after LATEST, counts as then."""
        if not len(times):
            return
        times = np.clip(times, 0, LATEST)
        self._cover(int(times.min()), int(times.max()))
        bins = np.minimum((times - self.start) // self.width, BINS - 1)
        self.counts.setdefault(key, np.zeros(BINS, np.int64))
        self.counts[key] += np.bincount(bins, minlength=BINS)

    def of(self, *keys: Hashable) -> NDArray[np.int64]:
        """Packets of any of ``keys`` in each stretch."""
        return np.asarray(sum((self.counts[key] for key in keys if key in self.counts), np.zeros(BINS, np.int64)))

    def _cover(self, low: int, high: int) -> None:
        if not self.width:
            self.start, self.width, self.last = low, max(1, -(-(high - low + 1) // BINS)), high
            return
        self.last = max(self.last, high)
        if low >= self.start and high < self.start + BINS * self.width:
            return
        start = min(low, self.start)
        width = self.width
        # Whole stretches are merged, so that no packet changes sides: the width doubles, and the start moves by old widths.
        shift = -(-(self.start - start) // width)
        end = max(high, self.start + BINS * width - 1)
        first = self.start - shift * width
        factor = 1
        while first + BINS * width * factor <= end:
            factor *= 2
        places = [min((number + shift) // factor, BINS - 1) for number in range(BINS)]
        for key, old in self.counts.items():
            self.counts[key] = np.bincount(places, weights=old, minlength=BINS).astype(np.int64)
        self.start, self.width = first, width * factor


@dataclass
class Survey:
    """``see`` what a reader of the capture sees. ``hosts`` has per sender the packets of each Sort; ``others`` those of senders past
    HOSTS, and ``nameless`` those without an IP header."""

    timeline: Timeline = field(default_factory=Timeline)
    hosts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    others: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(Sort), np.int64))
    nameless: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(Sort), np.int64))
    _sorts: list[Sort] = field(default_factory=list)

    def see(self, membership: Membership, fresh: Sequence[Facts]) -> None:
        """Count a block; ``fresh`` are the facts of classes not seen before, in their order."""
        self._sorts += [sort_of(facts) for facts in fresh]
        block = membership.block
        if not len(block):
            return
        # What is past the bound of classes has no verdict.
        table = np.array([*self._sorts, Sort.UNVERIFIED], np.int64)
        sorts = table[membership.class_of]
        for sort in Sort:
            self.timeline.add(sort, block.timestamp[sorts == sort])
        outer = outer_headers(block, membership.network)
        named = np.zeros(len(block), np.bool_)
        named[outer.rows] = True
        self.nameless += np.bincount(sorts[~named], minlength=len(Sort))
        if not len(outer.rows):
            return
        keys = np.column_stack([*outer.source, outer.six.astype(np.uint64), sorts[outer.rows].astype(np.uint64)])
        found, counts = np.unique(keys, axis=0, return_counts=True)
        for (first, second, six, sort), count in zip(found.tolist(), counts.tolist(), strict=True):
            name = address_text(first, second, bool(six))
            if name not in self.hosts and len(self.hosts) >= HOSTS:
                self.others[sort] += count
                continue
            self.hosts.setdefault(name, np.zeros(len(Sort), np.int64))[sort] += count
