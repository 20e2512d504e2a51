"""What was found, added up in bounded memory: kinds of pairs, flows whose packets never came; on disk a list of who is whose partner."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from csumlab.fingerprints import Wide
from csumlab.headers import UNFILLED, Kind, Verdict
from csumlab.points.changes import Kinship
from csumlab.points.pairing import Doubt, Left, Pairs
from csumlab.points.sightings import Form

EXAMPLES: Final = 5
GROUPS: Final = 4096
"""Kinds of pairs that are counted apart."""
FLOWS: Final = 1 << 16
"""Flows with packets that never came that are remembered, and flows of which some came."""

# ``state``: PAIRED, or the place of a Fate; ``group``: of a pair its kinship, of an ambiguous packet its Doubt, of one whose flow is to
# tell what became of it its number there, else -1.
RECORD: Final = np.dtype([("before", "<i8"), ("after", "<i8"), ("group", "<i4"), ("state", "<i4")])


class Fate(Enum):
    """What became of a packet of one capture that is not in the other."""

    LOST = "lost"
    UNSEEN = "no packet of its flow came"
    NEW = "new"
    OUTSIDE = "outside the time of the other capture"
    AMBIGUOUS = "ambiguous"
    FORGOTTEN = "given up because too many waited"


@dataclass(frozen=True, slots=True)
class Lonely:
    """What packets without a partner have in common. ``doubt`` says why one is ambiguous; ``kind`` and ``verdict`` are of the transport
    checksum that matters most (the worst one), NOTHING without one."""

    fate: Fate
    after: bool
    kind: Kind
    verdict: Verdict
    doubt: Doubt = Doubt.NONE


@dataclass(slots=True)
class Count:
    """How many, with the smallest packet numbers, before and after (0 for none): the keys that packets are matched by are drawn anew for
    each run, and what is shown must not depend on them."""

    packets: int = 0
    examples: list[tuple[int, int]] = field(default_factory=list)

    def add(self, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
        self.packets += len(before)
        least = np.lexsort((after, before))[:EXAMPLES]
        self.examples = sorted([*self.examples, *zip(before[least].tolist(), after[least].tolist(), strict=True)])[:EXAMPLES]


Key = TypeVar("Key")


def in_order(counts: Mapping[Key, Count]) -> list[tuple[Key, Count]]:
    """The most packets first, then the smallest numbers: the same in every run."""
    return sorted(counts.items(), key=lambda entry: (-entry[1].packets, entry[1].examples))


class Flows:
    """Which flows of each capture had packets that came through, and which way; and what has no partner of each, until the end tells what
    became of it."""

    def __init__(self) -> None:
        nothing: Wide = np.zeros(0, np.uint64)
        self._came = {(after, left): nothing for after in (False, True) for left in (False, True)}
        self._missing: dict[tuple[int, Lonely], Count] = {}
        self._number: dict[tuple[int, Lonely], int] = {}
        self.capped = 0

    def learn(self, pairs: Pairs) -> None:
        """Of these pairs the flows: which side their packets leave towards the other one."""
        back = pairs.back
        for after, rows in ((False, pairs.before), (True, pairs.after)):
            for left, which in ((True, back == after), (False, back != after)):
                known = np.union1d(self._came[after, left], rows["flow"][which])
                if len(known) > FLOWS:
                    self.capped += 1
                else:
                    self._came[after, left] = known

    def missing(self, flow: int, lonely: Lonely, count: Count) -> int:
        """Remember what has no partner of a flow; its number in the order of :meth:`judged`, -1 if there are too many."""
        old = self._missing.get((flow, lonely))
        if old is None:
            if len(self._missing) >= FLOWS:
                return -1
            self._missing[flow, lonely] = count
            self._number[flow, lonely] = len(self._number)
        else:
            old.packets += count.packets
            old.examples = sorted(old.examples + count.examples)[:EXAMPLES]
        return self._number[flow, lonely]

    def judged(self) -> Iterator[tuple[Lonely, Count]]:
        """LOST where others of the flow went from this capture to the other one, NEW where they came from there; of other flows nothing is
        known but that they are in one capture only."""
        for (flow, lonely), count in self._missing.items():
            if self._has(lonely.after, True, flow):
                fate = Fate.LOST
            elif lonely.after or self._has(lonely.after, False, flow):
                fate = Fate.NEW
            else:
                fate = Fate.UNSEEN
            yield replace(lonely, fate=fate), count

    def _has(self, after: bool, left: bool, flow: int) -> bool:
        known = self._came[after, left]
        place = int(np.searchsorted(known, np.uint64(flow)))
        return place < len(known) and int(known[place]) == flow


class Spool:
    """Records of who is whose partner, in a temporary file: 24 bytes a packet on disk, none in memory."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile(prefix="csumlab-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self.records = 0

    def add(self, before: NDArray[np.int64], after: NDArray[np.int64], group: int, state: int) -> None:
        rows = np.empty(len(before), RECORD)
        rows["before"], rows["after"], rows["group"], rows["state"] = before, after, group, state
        rows.tofile(self._file)
        self.records += len(rows)

    def all(self) -> NDArray[Any]:
        """The records, mapped from the disk."""
        self._file.flush()
        return np.memmap(self._file, RECORD, "r", shape=(self.records,)) if self.records else np.zeros(0, RECORD)


class Tally:
    """Adds up pairs and packets without a partner. ``overflow``: pairs of kinds past the bound."""

    def __init__(self) -> None:
        self.pairs: dict[Kinship, Count] = {}
        self.numbers: list[Kinship] = []
        self.overflow = 0
        self.flows = Flows()
        self.spool = Spool()
        self._alone: dict[Lonely, Count] = {}
        self._places: dict[Kinship, int] = {}
        self._fates: list[Fate] = []

    def pair(self, kinship: Kinship, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
        """Pairs of one kind, by packet numbers."""
        count = self.pairs.get(kinship)
        if count is None:
            if len(self.pairs) >= GROUPS:
                self.overflow += len(before)
                self.spool.add(before, after, -1, PAIRED)
                return
            count = self.pairs[kinship] = Count()
            self._places[kinship] = len(self.numbers)
            self.numbers.append(kinship)
        count.add(before, after)
        self.spool.add(before, after, self._places[kinship], PAIRED)

    def leave(self, left: Left, forms: tuple[list[Form], list[Form]], within: tuple[int, int]) -> None:
        """Packets without a partner. ``within``: the times between which the other capture can be said to lack them."""
        rows = left.rows
        outside = (rows["time"] < within[0]) | (rows["time"] > within[1])
        flow = np.where(outside | (left.doubt != Doubt.NONE), np.uint64(0), rows["flow"])
        key = np.column_stack(
            (rows["after"].astype(np.uint64), rows["kind"].astype(np.uint64), left.doubt.astype(np.uint64), outside.astype(np.uint64), flow)
        )
        distinct, group = np.unique(key, axis=0, return_inverse=True)
        group = group.reshape(-1)
        order = np.argsort(group, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
        for (after, kind, doubt, out, own), part in zip(distinct.tolist(), parts, strict=True):
            form = forms[after][kind]
            fate = _fate(bool(out), Doubt(doubt), left.early)
            lonely = Lonely(fate, bool(after), *_worst(form), Doubt(doubt))
            numbers, nothing = rows["number"][part], np.zeros(len(part), np.int64)
            before, there = (nothing, numbers) if after else (numbers, nothing)
            count = Count()
            count.add(before, there)
            number = self.flows.missing(own, lonely, count) if fate is Fate.UNSEEN else -1
            if number < 0:
                _merge(self._alone, lonely, count)
            self.spool.add(before, there, doubt if fate is Fate.AMBIGUOUS else number, FATES.index(fate))

    def alone(self) -> dict[Lonely, Count]:
        """Packets without a partner by what became of them; call once, at the end."""
        for lonely, count in self.flows.judged():
            self._fates.append(lonely.fate)
            _merge(self._alone, lonely, count)
        return self._alone

    def fate_of(self, group: int, state: int) -> Fate | None:
        """What became of the packet of a record, None of a pair; only after :meth:`alone`."""
        if state == PAIRED:
            return None
        fate = FATES[state]
        return self._fates[group] if fate is Fate.UNSEEN and group >= 0 else fate


FATES: Final = tuple(Fate)
PAIRED: Final = -1


def _merge(counts: dict[Lonely, Count], lonely: Lonely, count: Count) -> None:
    old = counts.setdefault(lonely, Count())
    old.packets += count.packets
    old.examples = sorted(old.examples + count.examples)[:EXAMPLES]


def _fate(outside: bool, doubt: Doubt, early: bool) -> Fate:
    if doubt is not Doubt.NONE:
        return Fate.AMBIGUOUS
    if outside:
        return Fate.OUTSIDE
    if early:
        return Fate.FORGOTTEN
    return Fate.UNSEEN


def _worst(form: Form) -> tuple[Kind, Verdict]:
    """The checksum of a packet that would have it rejected, if one would; else its own transport checksum."""
    sums = form.facts.sums
    for wanted in ({Verdict.BAD}, UNFILLED - {Verdict.DEFERRED}):
        for one in sums:
            if one.verdict in wanted:
                return one.kind, one.verdict
    own = form.units[0].sum if form.units else -1
    return (sums[own].kind, sums[own].verdict) if own >= 0 else (Kind.NOTHING, Verdict.NOTHING)
