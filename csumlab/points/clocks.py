"""How far the clocks of two capture machines are apart, from packets that both captures hold.

Of each capture the packets with the smallest hashes are kept: the same packets on both sides, wherever in the files they are, in bounded
memory. What a translator, a tunnel, segmentation or a fill changes is not in the hash.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.fingerprints import Wide, mixed, scrambled
from csumlab.rows import Rows

KEPT: Final = 1 << 14
"""Packets of each capture that are kept for this."""
LEAST_WINDOW: Final = 50_000_000
"""Nanoseconds within which two sightings may always be of one packet: segments and fragments come one after the other."""
MOST_WINDOW: Final = 5_000_000_000
_FOR_DRIFT: Final = 50
"""Packets in common from which on a drift is looked for, over at least ``_SPAN`` nanoseconds."""
_SPAN: Final = 10 * 10**9
_STEEPEST: Final = 1e-3
"""No clock of a computer is off by more than this part of the time."""


def keys_of(rows: Rows) -> Wide:
    """What both captures must agree in, whatever lies between them; 0 where that tells nothing."""
    other = mixed(
        scrambled(rows["sample"], 20) + scrambled(rows["size"].astype(np.uint64), 21) + scrambled(rows["place"], 22)
        + scrambled(rows["protocol"], 23) + scrambled(rows["identity"].astype(np.uint64), 24)
    )  # fmt: skip
    telling = rows["telling"] & ~rows["cut"]
    return np.where(rows["sequenced"] != 0, rows["sequenced"], np.where(telling, other, np.uint64(0)))


@dataclass(slots=True)
class Sketch:
    """The sampled packets of one capture, and its first and last time (nanoseconds), 0 without a packet."""

    first: int = 0
    last: int = 0
    packets: int = 0
    _keys: Wide = field(default_factory=lambda: np.zeros(0, np.uint64))
    _times: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, rows: Rows, times: NDArray[np.int64]) -> None:
        """``rows`` of a block and the times of all its packets."""
        if len(times):
            low, high = int(times.min()), int(times.max())
            self.first, self.last = (min(self.first, low), max(self.last, high)) if self.packets else (low, high)
            self.packets += len(times)
        keys = keys_of(rows)
        limit = self._keys[-1] if len(self._keys) >= KEPT else np.uint64((1 << 64) - 1)
        wanted = (keys != 0) & (keys <= limit)
        both = np.concatenate((self._keys, keys[wanted]))
        order = np.argsort(both, kind="stable")[:KEPT]
        self._times = np.concatenate((self._times, rows["time"][wanted]))[order]
        self._keys = both[order]

    def common(self, other: Sketch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The times of packets that are there once in each: here and there."""
        mine, here = _once(self._keys)
        theirs, there = _once(other._keys)
        _, at, to = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
        return self._times[here[at]], other._times[there[to]]


def _once(keys: Wide) -> tuple[Wide, NDArray[np.int64]]:
    values, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return values[counts == 1], first[counts == 1]


@dataclass(frozen=True, slots=True)
class Clock:
    """What turns times of the second capture into those of the first. ``offset``: nanoseconds that the second shows more, at time
    ``middle`` of the second, way included (the two cannot be told apart); ``drift``: parts of the time by which that grows.
    ``spread``: nanoseconds between the quickest and the slowest of ``common`` packets, less one in a hundred at each end;
    ``window``: nanoseconds within which two sightings may be of one packet. ``known``: whether there was a packet in common."""

    offset: int
    drift: float
    middle: int
    spread: int
    common: int
    window: int

    @property
    def known(self) -> bool:
        return self.common > 0

    def turned(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Times of the second capture by the clock of the first, less the usual way."""
        slope = ((times - self.middle) * self.drift).astype(np.int64)
        return times - self.offset - slope


def clock_of(before: Sketch, after: Sketch, window: int | None = None) -> Clock:
    """Offset, drift and window. ``window``: nanoseconds that the user asks for, None to take what the spread asks for."""
    here, there = before.common(after)
    if not len(here):
        return Clock(0, 0.0, 0, 0, 0, MOST_WINDOW // 5 if window is None else window)
    apart = there - here
    keep = _majority(apart)
    here, there, apart = here[keep], there[keep], apart[keep]
    middle = int(there[len(there) // 2])
    drift = _drift(there, apart)
    level = apart - ((there - middle) * drift).astype(np.int64)
    offset = int(np.median(level))
    low, high = (int(value) for value in np.quantile(level, (0.01, 0.99)))
    wanted = min(max(LEAST_WINDOW, 4 * (high - low)), MOST_WINDOW)
    return Clock(offset, drift, middle, high - low, len(here), wanted if window is None else window)


def _majority(apart: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which differences lie around the median: chance hits of equal packets are far from it."""
    median = np.median(apart)
    deviation = np.abs(apart - median)
    near: NDArray[np.bool_] = deviation <= max(20 * float(np.median(deviation)), MOST_WINDOW / 5)
    return near


def _drift(times: NDArray[np.int64], apart: NDArray[np.int64]) -> float:
    """The slope of the line through the differences, without those far from it; 0 where it is nothing but noise."""
    if len(times) < _FOR_DRIFT or int(times.max() - times.min()) < _SPAN:
        return 0.0
    x, y = (times - times[0]).astype(np.float64), (apart - apart[0]).astype(np.float64)
    keep = np.ones(len(x), np.bool_)
    slope = level = 0.0
    for _ in range(3):
        slope, level = (float(one) for one in np.polyfit(x[keep], y[keep], 1))
        away = np.abs(y - slope * x - level)
        keep = away <= max(5 * float(np.median(away)), 1.0)
    rise = abs(slope) * float(x.max() - x.min())
    return slope if rise > 4 * float(np.median(away)) and abs(slope) <= _STEEPEST else 0.0
