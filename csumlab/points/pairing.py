"""Which packet of one capture is which of the other: while both pass, in bounded memory.

Rows wait until no further candidate can come within the window; then they are compared by ever fewer properties, from "the same but for
its sums" to "at the same place of the same flow, with other bytes". At each step a packet is paired with the only one it can be.
Where several are equal in everything that is looked at, any of them will do; where they are not, they are ambiguous and stay so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.fingerprints import Wide, mixed, scrambled
from csumlab.points.spans import Joined, join
from csumlab.rows import Rows, joined, runs, taken

RETAINED: Final = 1 << 18
"""Rows of both captures together that wait for their partners."""
FLOWS: Final = 1 << 17
"""Translations of flows that are remembered."""
_MOST_ROUNDS: Final = 4

Long = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Doubt(IntEnum):
    """Why it cannot be said which packet of the other capture a packet is."""

    NONE = 0
    SEVERAL = 1
    UNNAMED = 2
    OVERLAP = 3


DOUBTS: Final = {
    Doubt.SEVERAL: "several packets on the other side could be it, and they are not alike",
    Doubt.UNNAMED: "a packet of the same flow and size is there with other bytes, and no number says that it is the same one",
    Doubt.OVERLAP: "the same bytes were sent more than once, in other pieces",
}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows ``before`` and ``after``, one pair each. ``split``: the pieces of a pair are not the same; ``whole`` and ``differs`` of such a
    pair as spans.Joined has them. ``alike``: others were equal in everything that is looked at."""

    before: Rows
    after: Rows
    split: Bools
    whole: Bools
    differs: Bools
    alike: Bools

    @property
    def back(self) -> Bools:
        """Which pairs went from the second capture to the first: the TTL, which only falls, is higher there."""
        higher: Bools = self.after["ttl"] > self.before["ttl"]
        return higher

    def of(self, which: Bools) -> Pairs:
        """Some of them."""
        return Pairs(
            taken(self.before, which),
            taken(self.after, which),
            self.split[which],
            self.whole[which],
            self.differs[which],
            self.alike[which],
        )

    def turned(self) -> Pairs:
        """The captures exchanged."""
        return Pairs(self.after, self.before, self.split, self.whole, self.differs, self.alike)


@dataclass(frozen=True, slots=True)
class Left:
    """Rows without a partner. ``doubt``: the Doubt of each; ``early``: given up because too many were waiting."""

    rows: Rows
    doubt: NDArray[np.int8]
    early: bool

    def of(self, after: bool) -> Left:
        """Those of one capture."""
        which = self.rows["after"] == after
        return Left(taken(self.rows, which), self.doubt[which], self.early)


class Translations:
    """Flows of the second capture and what they are in the first, as far as pairs showed; what was shown two ways is not known."""

    def __init__(self) -> None:
        self._after: Wide = np.zeros(0, np.uint64)
        self._before: Wide = np.zeros(0, np.uint64)
        self.capped = 0

    def learn(self, before: Wide, after: Wide) -> None:
        both = np.unique(np.column_stack((np.concatenate((self._after, after)), np.concatenate((self._before, before)))), axis=0)
        _, starts, counts = np.unique(both[:, 0], return_index=True, return_counts=True)
        once = starts[counts == 1]
        # A flow that is two others is kept as itself: it maps to nothing that another one has.
        twice = starts[counts > 1]
        known = np.concatenate((both[once], np.column_stack((both[twice, 0], both[twice, 0]))))
        known = known[np.argsort(known[:, 0], kind="stable")]
        self.capped += max(0, len(known) - FLOWS)
        self._after, self._before = known[:FLOWS, 0], known[:FLOWS, 1]

    def of(self, flows: Wide) -> Wide:
        """What ``flows`` of the second capture are in the first, themselves if that is not known."""
        if not len(self._after):
            return flows
        place = np.minimum(np.searchsorted(self._after, flows), len(self._after) - 1)
        return np.where(self._after[place] == flows, self._before[place], flows)


@dataclass(slots=True)
class Pairing:
    """Give ``add`` rows of either capture as they come, ``settle`` up to a time; at the end ``settle`` with None."""

    window: int
    flows: Translations = field(default_factory=Translations)
    _pool: Rows | None = None

    def add(self, rows: Rows, after: bool) -> None:
        """``rows`` with times of one clock."""
        count = len(rows["number"])
        rows = rows | {
            "after": np.full(count, after),
            "doubt": np.zeros(count, np.int8),
            "stuck": np.zeros(count, np.int8),
            "canon": np.zeros(count, np.uint64),
        }
        self._pool = rows if self._pool is None else joined(self._pool, rows)

    def settle(self, until: int | None) -> Iterator[Pairs | Left]:
        """Everything that can be said once both captures were read up to time ``until``; None: to their ends."""
        if self._pool is None or not len(self._pool["number"]):
            return
        pool = self._pool
        crowded = len(pool["number"]) > RETAINED
        limit = int(pool["time"].max()) + 1 if until is None else until - self.window
        if crowded:
            limit = max(limit, int(np.median(pool["time"])))
        alive = np.ones(len(pool["number"]), np.bool_)
        ripe = pool["time"] <= limit
        if not ripe.any():
            return
        for _ in range(_MOST_ROUNDS):
            found = False
            pool["doubt"] = pool["stuck"].copy()
            for pairs in self._round(pool, alive, ripe):
                found = True
                yield pairs
            if not found:
                break
        gone = alive & (pool["time"] <= (limit if until is None or crowded else limit - self.window))
        if gone.any():
            rows = taken(pool, gone)
            yield Left(rows, rows["doubt"], crowded and until is not None)
            # Who was in doubt with one of these stays so, though the others are gone.
            pool["stuck"] = pool["doubt"]
        self._pool = taken(pool, alive & ~gone)

    def _round(self, pool: Rows, alive: Bools, ripe: Bools) -> Iterator[Pairs]:
        pool["canon"] = np.where(pool["after"], self.flows.of(pool["flow"]), pool["flow"])
        for name in _EXACT:
            yield from self._match(pool, alive, ripe, name)
        yield from self._join(pool, alive, ripe)
        for name in _LOOSE:
            yield from self._match(pool, alive, ripe, name)
        for name in _UNSURE:
            self._suspect(pool, alive, name)

    def _suspect(self, pool: Rows, alive: Bools, name: str) -> None:
        """Mark what may be damaged packets, but has too little in common to say so."""
        which = np.flatnonzero(alive & (pool["doubt"] == Doubt.NONE))
        for _, sizes, members, there in self._groups(pool, which, name):
            mixed_up = np.repeat((there > 0) & (there < sizes), sizes)
            pool["doubt"][members[mixed_up]] = Doubt.UNNAMED

    def _groups(self, pool: Rows, which: Long, name: str) -> Iterator[tuple[Long, Long, Long, Long]]:
        """Rows with equal keys within the window, once or not at all: start and size of each group, the rows in that order, and how
        many of each group are of the second capture."""
        keys = _key(taken(pool, which), name)
        which, keys = which[keys != 0], keys[keys != 0]
        if not len(which):
            return
        order = np.lexsort((pool["time"][which], keys))
        which, keys = which[order], keys[order]
        fresh = np.concatenate(([True], (keys[1:] != keys[:-1]) | (np.diff(pool["time"][which]) > self.window)))
        starts, sizes = runs(np.cumsum(fresh))
        yield starts, sizes, which, np.add.reduceat(pool["after"][which].astype(np.int64), starts)

    def _match(self, pool: Rows, alive: Bools, ripe: Bools, name: str) -> Iterator[Pairs]:
        """Pair the rows whose key ``name`` is equal."""
        for starts, sizes, which, there in self._groups(pool, np.flatnonzero(alive), name):
            yield from self._resolve(pool, alive, ripe, starts, sizes, which, there)

    def _resolve(self, pool: Rows, alive: Bools, ripe: Bools, starts: Long, sizes: Long, which: Long, there: Long) -> Iterator[Pairs]:
        good = (there > 0) & (there < sizes) & np.logical_and.reduceat(ripe[which], starts)
        simple = good & (sizes == 2)
        first, second = which[starts[simple]], which[starts[simple] + 1]
        swapped = pool["after"][first]
        before, after = np.where(swapped, second, first), np.where(swapped, first, second)
        alike = np.zeros(len(before), np.bool_)
        more_before, more_after, doubtful = _crowds(pool, which, starts, sizes, good & ~simple)
        pool["doubt"][doubtful] = Doubt.SEVERAL
        before, after = np.concatenate((before, more_before)), np.concatenate((after, more_after))
        alike = np.concatenate((alike, np.ones(len(more_before), np.bool_)))
        if not len(before):
            return
        alive[before] = alive[after] = False
        no = np.zeros(len(before), np.bool_)
        pairs = Pairs(taken(pool, before), taken(pool, after), no, no, no, alike)
        self._learn(pairs)
        yield pairs

    def _learn(self, pairs: Pairs) -> None:
        moved = (pairs.before["flow"] != pairs.after["flow"]) & ~pairs.alike & ~pairs.before["fragment"]
        if moved.any():
            self.flows.learn(pairs.before["flow"][moved], pairs.after["flow"][moved])

    def _join(self, pool: Rows, alive: Bools, ripe: Bools) -> Iterator[Pairs]:
        """Pair rows that are pieces of each other."""
        for chosen, stream, start, end in (
            ("stream", pool["canon"], "start", "end"),
            ("datagram", mixed(scrambled(pool["addresses"], 25) + scrambled(pool["identity"].astype(np.uint64), 26)), "from", "to"),
        ):
            which = np.flatnonzero(alive & pool[chosen])
            if chosen == "datagram":
                which = _with_fragments(which, stream, pool["fragment"])
            found = join(pool, which, stream[which], pool[start][which], pool[end][which], self.window, ripe)
            pool["doubt"][found.ambiguous] = Doubt.OVERLAP
            if len(found.before):
                alive[found.before] = alive[found.after] = False
                yield _split(pool, found)


def _with_fragments(which: Long, stream: Wide, fragment: Bools) -> Long:
    """Those of the datagrams of which there is a fragment."""
    return which[np.isin(stream[which], stream[which][fragment[which]])]


def _split(pool: Rows, found: Joined) -> Pairs:
    true = np.ones(len(found.before), np.bool_)
    return Pairs(taken(pool, found.before), taken(pool, found.after), true, found.whole, found.differs, ~true)


def _crowds(pool: Rows, which: Long, starts: Long, sizes: Long, crowds: Bools) -> tuple[Long, Long, Long]:
    """Of groups of more than two: pairs of those that are as good as each other, in the order of time, and the rows that are in doubt."""
    before: list[int] = []
    after: list[int] = []
    doubtful: list[int] = []
    same, looks = pool["same"], pool["looks"]
    for group in np.flatnonzero(crowds).tolist():
        members = which[int(starts[group]) : int(starts[group] + sizes[group])]
        there = pool["after"][members]
        here, yonder = members[~there], members[there]
        one_here, one_there = bool((same[here] == same[here[0]]).all()), bool((same[yonder] == same[yonder[0]]).all())
        if one_here and one_there:
            count = min(len(here), len(yonder))
            chosen = _nearest(pool["time"], here, yonder) if len(here) != len(yonder) else (here, yonder)
            before.extend(chosen[0][:count].tolist())
            after.extend(chosen[1][:count].tolist())
        elif len(here) == len(yonder) and np.array_equal(np.sort(looks[here]), np.sort(looks[yonder])):
            # Nothing changed any of them on the way: each is the one that looks like it.
            before.extend(here[np.argsort(looks[here], kind="stable")].tolist())
            after.extend(yonder[np.argsort(looks[yonder], kind="stable")].tolist())
        else:
            doubtful.extend(members.tolist())
    return np.array(before, np.int64), np.array(after, np.int64), np.array(doubtful, np.int64)


def _nearest(time: Long, here: Long, yonder: Long) -> tuple[Long, Long]:
    """Of equal packets, more on one side than on the other: those nearest to each other in time, in order."""
    few, many = (here, yonder) if len(here) < len(yonder) else (yonder, here)
    free = list(many.tolist())
    chosen = []
    for position, one in enumerate(few.tolist()):
        room = len(free) - (len(few) - position) + 1
        best = min(range(room), key=lambda n: abs(int(time[free[n]]) - int(time[one])))
        chosen.append(free[best])
        free = free[best + 1 :]
    picked = np.array(chosen, np.int64)
    return (few, picked) if few is here else (picked, few)


_EXACT: Final = ("exact", "renumbered", "translated", "translated-renumbered")
_UNSURE: Final = ("unnamed",)
_LOOSE: Final = ("damaged", "damaged-renumbered", "damaged-place", "damaged-translated")


def _key(rows: Rows, name: str) -> Wide:
    """The key of one step; 0 for rows that it does not tell apart."""
    flow = scrambled(rows["canon"], 10)
    identity = scrambled(rows["identity"].astype(np.uint64), 11)
    place = scrambled(rows["place"], 12)
    protocol = scrambled(rows["protocol"], 13)
    size = scrambled(rows["size"].astype(np.uint64), 14)
    content = scrambled(rows["hash"].astype(np.uint64), 15) + scrambled(rows["sample"], 16)
    numbered = rows["identity"] != 0
    placed = rows["sequenced"] != 0
    telling = rows["telling"]
    always = np.ones(len(telling), np.bool_)
    total, valid = {
        "exact": (flow + identity + place + protocol + size + content, always),
        "renumbered": (flow + place + protocol + size + content, telling),
        "translated": (identity + place + protocol + size + content, telling),
        "translated-renumbered": (place + protocol + size + content, telling & (placed | (rows["size"] >= 8))),
        "damaged": (flow + identity + place + protocol + size, numbered | placed),
        "damaged-renumbered": (flow + place + protocol + size, placed & (rows["size"] > 0)),
        "damaged-place": (flow + identity + protocol + size, numbered),
        "unnamed": (flow + protocol + size, (rows["size"] > 0) & ~numbered & ~placed),
        "damaged-translated": (identity + place + protocol + size, numbered & placed),
    }[name]
    return np.where(valid, mixed(total) | np.uint64(1), np.uint64(0))
