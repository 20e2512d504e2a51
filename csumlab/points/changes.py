"""What happened to each checksum of a pair of packets, by the rule of each kind and with the residue that names the culprit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.headers import KINDS, UNFILLED, Kind, Verdict
from csumlab.inet import MODULUS
from csumlab.points.pairing import Pairs
from csumlab.points.sightings import Form, Unit
from csumlab.rows import Rows


class Change(Enum):
    """What became of one checksum between the two captures."""

    KEPT = "kept"
    FOLLOWED = "followed"
    FILLED = "filled"
    LEFT = "still unfilled"
    UNDONE = "unfilled again"
    BROKEN = "broken"
    TELLS = "shows damage"
    LAUNDERED = "laundered"
    STILL_WRONG = "still wrong"
    CLEARED = "removed"
    MADE = "made"
    NEW = "put around"
    GONE = "taken off"
    UNKNOWN = "not known"


class Cause(Enum):
    """What a wrong or hidden sum shows of who did it."""

    NONE = ""
    PARTIAL_RULE = "the residue is twice the change of the addresses: a finished sum was changed by the rule for unfinished ones"
    NOT_FOLLOWED = "the residue is the change of addresses and ports: the sum was left as it was"
    PORTS_ONLY = "the residue is the change of the addresses: only the ports were followed"
    ADDRESSES_ONLY = "the residue is the change of the ports: only the addresses were followed"
    TWICE = "the residue is the change with the other sign: it was followed twice"
    NOT_FILLED = "the field is what it was: nobody filled it, and what it was made for has changed"
    STALE_HEADER = "the field is what it was though the header changed"
    BYTES = "the bytes it covers are not those that were sent"
    HIDDEN = "the bytes it covers are others and it is right for them: rewritten on purpose, or damaged and summed again"
    FILLED_DAMAGE = "the bytes changed before it was filled: the sum was made for the new ones"
    SAME_BYTES = "the bytes are the same: a wrong sum was computed again, which hides whatever had gone wrong before"
    OTHER = "no change between the captures explains the residue"


class Seen(IntFlag):
    """What differs between the two packets of a pair."""

    NOTHING = 0
    ADDRESSES = 1
    PORTS = 2
    IDENTITY = 4
    TTL = 8
    HEADER = 16
    PAYLOAD = 32
    CUT = 64
    SPLIT = 128
    MERGED = 256
    FRAGMENTS = 512
    ENCAPSULATED = 1024
    DECAPSULATED = 2048
    ALIKE = 4096
    PARTLY = 8192
    BACK = 16384
    OUTER = 32768


WORDS: Final = {
    Seen.BACK: "on its way back, from the second capture to the first",
    Seen.ADDRESSES: "other addresses",
    Seen.PORTS: "other ports",
    Seen.OUTER: "other addresses or ports around it",
    Seen.IDENTITY: "another IP identification",
    Seen.TTL: "another TTL",
    Seen.HEADER: "other TCP options, window or flags",
    Seen.PAYLOAD: "other bytes",
    Seen.CUT: "not captured whole, so the bytes were not compared",
    Seen.SPLIT: "cut into segments",
    Seen.MERGED: "merged from segments",
    Seen.FRAGMENTS: "by IP fragmentation",
    Seen.ENCAPSULATED: "put into a tunnel",
    Seen.DECAPSULATED: "taken out of a tunnel",
    Seen.ALIKE: "one of several equal packets",
    Seen.PARTLY: "of which some pieces are missing",
}


def in_words(seen: Seen) -> str:
    """What differs, in words; "" if nothing does."""
    return ", ".join(words for flag, words in WORDS.items() if flag in seen)


@dataclass(frozen=True, slots=True)
class SumChange:
    """One checksum of a kind of pair. ``depth`` 0 is the innermost packet's, 1 the one around it. ``before`` and ``after`` are what a
    capture says there, NOTHING where the header is not there."""

    kind: Kind
    depth: int
    before: Verdict
    after: Verdict
    change: Change
    cause: Cause = Cause.NONE

    @property
    def label(self) -> str:
        return ("outer " * self.depth) + KINDS[self.kind].label

    def __str__(self) -> str:
        old, new = ("not there" if one is Verdict.NOTHING else one.name.lower() for one in (self.before, self.after))
        return f"{self.label}: {old} -> {new}, {self.change.value}" + (f" ({self.cause.value})" if self.cause is not Cause.NONE else "")


@dataclass(frozen=True, slots=True)
class Kinship:
    """What all pairs of a group have in common: what differs, and what became of each checksum, innermost first."""

    seen: Seen
    sums: tuple[SumChange, ...]

    @property
    def what(self) -> str:
        """What became of the packet, in words."""
        return in_words(self.seen) or "the same packet"


@dataclass(frozen=True, slots=True)
class _Aligned:
    """A checksum that both packets have, or one of them (-1)."""

    kind: Kind
    depth: int
    before: int
    after: int
    verdict_before: Verdict
    verdict_after: Verdict
    transport: bool


def kinships(pairs: Pairs, before: list[Form], after: list[Form]) -> Iterator[tuple[Kinship, NDArray[np.int64]]]:
    """The pairs sorted into kinds, each with the places of its pairs; ``before`` and ``after`` are the forms by ``kind``. A packet on its
    way back is looked at in the direction in which it went."""
    back = pairs.back
    places = np.flatnonzero(~back)
    yield from ((one, places[rows]) for one, rows in _sorted(pairs.of(~back), before, after, Seen.NOTHING))
    places = np.flatnonzero(back)
    yield from ((one, places[rows]) for one, rows in _sorted(pairs.of(back).turned(), after, before, Seen.BACK))


def _sorted(pairs: Pairs, before: list[Form], after: list[Form], way: Seen) -> Iterator[tuple[Kinship, NDArray[np.int64]]]:
    if not len(pairs.split):
        return
    seen = _seen(pairs, before, after) | int(way)
    classes = pairs.before["kind"].astype(np.int64) << 32 | pairs.after["kind"]
    for both in np.unique(classes).tolist():
        rows = np.flatnonzero(classes == both)
        aligned = list(_align(before[both >> 32], after[both & 0xFFFFFFFF]))
        codes = np.zeros((len(rows), len(aligned) + 1), np.int64)
        codes[:, 0] = seen[rows]
        for place, one in enumerate(aligned):
            codes[:, place + 1] = _code(one, pairs, rows, seen[rows])
            if one.depth and one.transport:
                moved = [_difference(pairs.after, pairs.before, name, one, rows) != 0 for name in ("pseudo", "moved")]
                codes[:, 0] |= np.where(moved[0] | moved[1], int(Seen.OUTER), 0)
        distinct, group = np.unique(codes, axis=0, return_inverse=True)
        group = group.reshape(-1)
        for number, code in enumerate(distinct.tolist()):
            sums = tuple(
                SumChange(one.kind, one.depth, one.verdict_before, one.verdict_after, _CHANGES[value >> 8], _CAUSES[value & 0xFF])
                for one, value in zip(aligned, code[1:], strict=True)
            )
            yield Kinship(Seen(code[0]), sums), rows[group == number]


_CHANGES: Final = tuple(Change)
_CAUSES: Final = tuple(Cause)


def _coded(change: Change, cause: Cause = Cause.NONE) -> int:
    return _CHANGES.index(change) << 8 | _CAUSES.index(cause)


def _seen(pairs: Pairs, before: list[Form], after: list[Form]) -> NDArray[np.int64]:
    """Which flags of Seen hold for each pair."""
    one, two = pairs.before, pairs.after
    cut = one["cut"] | two["cut"]
    whole_pair = ~pairs.split
    fragments = one["fragment"] | two["fragment"]
    later = fragments & pairs.split
    told = [
        (Seen.ADDRESSES, one["addresses"] != two["addresses"]),
        (Seen.PORTS, (one["ports"] != two["ports"]) & ~later),
        (Seen.IDENTITY, whole_pair & (one["identity"] != two["identity"])),
        (Seen.TTL, one["ttl"] != two["ttl"]),
        (Seen.HEADER, whole_pair & ((one["head"] != two["head"]) | (one["place"] != two["place"]))),
        (Seen.PAYLOAD, np.where(pairs.split, pairs.differs, ~cut & ((one["hash"] != two["hash"]) | (one["sample"] != two["sample"])))),
        (Seen.CUT, cut),
        (Seen.SPLIT, pairs.split & (one["size"] > two["size"])),
        (Seen.MERGED, pairs.split & (one["size"] < two["size"])),
        (Seen.FRAGMENTS, later),
        (Seen.ALIKE, pairs.alike),
        (Seen.PARTLY, pairs.split & ~pairs.whole),
    ]
    total = np.zeros(len(pairs.split), np.int64)
    for flag, mask in told:
        total |= np.where(mask, int(flag), 0)
    depth_before = np.array([len(form.units) for form in before] or [0])[one["kind"]]
    depth_after = np.array([len(form.units) for form in after] or [0])[two["kind"]]
    total |= np.where(depth_after > depth_before, int(Seen.ENCAPSULATED), 0)
    total |= np.where(depth_after < depth_before, int(Seen.DECAPSULATED), 0)
    return total


def _align(before: Form, after: Form) -> Iterator[_Aligned]:
    """The checksums of two classes, innermost first: side by side as long as the tunnels around the packet are the same."""
    same = True
    for depth in range(max(len(before.units), len(after.units))):
        mine = before.units[depth] if depth < len(before.units) else None
        theirs = after.units[depth] if depth < len(after.units) else None
        same = same and mine is not None and theirs is not None and mine.inside == theirs.inside
        if same and mine is not None and theirs is not None:
            yield from _side_by_side(depth, before, mine, after, theirs)
        else:
            for unit, form, side in ((mine, before, 0), (theirs, after, 1)):
                if unit is not None:
                    yield from _alone(depth, form, unit, side)


def _side_by_side(depth: int, before: Form, mine: Unit, after: Form, theirs: Unit) -> Iterator[_Aligned]:
    for one, two, transport in ((mine.sum, theirs.sum, True), (mine.ip_sum, theirs.ip_sum, False)):
        if one >= 0 and two >= 0:
            here, there = before.facts.sums[one], after.facts.sums[two]
            if here.kind is there.kind:
                yield _Aligned(here.kind, depth, one, two, here.verdict, there.verdict, transport)


def _alone(depth: int, form: Form, unit: Unit, side: int) -> Iterator[_Aligned]:
    for place in (unit.sum, unit.ip_sum):
        if place >= 0:
            entry = form.facts.sums[place]
            if side:
                yield _Aligned(entry.kind, depth, -1, place, Verdict.NOTHING, entry.verdict, False)
            else:
                yield _Aligned(entry.kind, depth, place, -1, entry.verdict, Verdict.NOTHING, False)


def _code(one: _Aligned, pairs: Pairs, rows: NDArray[np.int64], seen: NDArray[np.int64]) -> NDArray[np.int64]:
    """What became of one checksum, for each pair."""
    before, after = one.verdict_before, one.verdict_after
    if one.before < 0:
        return np.full(len(rows), _coded(Change.NEW))
    if one.after < 0:
        return np.full(len(rows), _coded(Change.GONE))
    if Verdict.UNVERIFIED in (before, after) or (one.transport and _piecemeal(pairs, rows)):
        return np.full(len(rows), _coded(Change.UNKNOWN))
    payload = (seen & int(Seen.PAYLOAD) != 0) & one.transport
    same_field = pairs.before["field"][rows, one.before] == pairs.after["field"][rows, one.after]
    split = pairs.split[rows]
    if after is Verdict.BAD:
        causes = _why_bad(one, pairs, rows, payload, same_field)
        broken = Change.STILL_WRONG if before is Verdict.BAD else Change.BROKEN
        by_bytes = (causes == _CAUSES.index(Cause.BYTES)) & (broken is Change.BROKEN)
        return np.where(by_bytes, _CHANGES.index(Change.TELLS), _CHANGES.index(broken)) << 8 | causes
    if after in UNFILLED:
        changed = Change.LEFT if before in UNFILLED else Change.UNDONE if before is not Verdict.BAD else Change.LAUNDERED
        return np.full(len(rows), _coded(changed, Cause.SAME_BYTES if changed is Change.LAUNDERED else Cause.NONE))
    if before is Verdict.BAD:
        hidden = np.where(payload, _coded(Change.LAUNDERED, Cause.HIDDEN), _coded(Change.LAUNDERED, Cause.SAME_BYTES))
        # The field of a super-frame is between a kernel and its card: some want other lengths in it than others.
        foreign = split & pairs.before["long"][rows]
        return np.where(foreign, _coded(Change.FILLED), hidden)
    if after is Verdict.ABSENT:
        return np.full(len(rows), _coded(Change.KEPT if before is Verdict.ABSENT else Change.CLEARED))
    if before is Verdict.ABSENT:
        return np.full(len(rows), _coded(Change.MADE))
    if before in UNFILLED:
        return np.where(payload, _coded(Change.FILLED, Cause.FILLED_DAMAGE), _coded(Change.FILLED))
    plain = np.where(same_field, _coded(Change.KEPT), _coded(Change.FOLLOWED))
    return np.where(payload, _coded(Change.LAUNDERED, Cause.HIDDEN), plain)


def _piecemeal(pairs: Pairs, rows: NDArray[np.int64]) -> bool:
    """Whether these are fragments of a datagram, whose transport sum no piece can tell."""
    return bool((pairs.split[rows] & (pairs.before["fragment"][rows] | pairs.after["fragment"][rows])).any())


def _why_bad(
    one: _Aligned, pairs: Pairs, rows: NDArray[np.int64], payload: NDArray[np.bool_], same_field: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The cause of each wrong sum, as its number."""
    code = {cause: number for number, cause in enumerate(_CAUSES)}
    residue = _difference(pairs.after, pairs.before, "residue", one, rows)
    if one.verdict_before not in (Verdict.GOOD, Verdict.BAD):
        residue = pairs.after["residue"][rows, one.after].astype(np.int64) % MODULUS
    if one.kind is Kind.SCTP:
        return np.where(payload, code[Cause.BYTES], code[Cause.OTHER])
    if not one.transport:
        return np.where(same_field, code[Cause.STALE_HEADER], code[Cause.OTHER])
    split = pairs.split[rows]
    addresses = np.where(split, 0, _difference(pairs.after, pairs.before, "pseudo", one, rows))
    ports = np.where(split, 0, _difference(pairs.after, pairs.before, "moved", one, rows))
    tried = (
        (Cause.NOT_FOLLOWED, addresses + ports),
        (Cause.PARTIAL_RULE, 2 * addresses + ports),
        (Cause.PORTS_ONLY, np.where(ports != 0, addresses, 0)),
        (Cause.ADDRESSES_ONLY, np.where(addresses != 0, ports, 0)),
        (Cause.TWICE, -(addresses + ports)),
    )
    found = np.full(len(rows), code[Cause.OTHER])
    for cause, wanted in reversed(tried):
        wanted = wanted % MODULUS
        found = np.where((wanted != 0) & (residue == wanted), code[cause], found)
    found = np.where(payload, code[Cause.BYTES], found)
    if one.verdict_before in UNFILLED:
        found = np.where(same_field, code[Cause.NOT_FILLED], found)
    if one.verdict_before is Verdict.BAD:
        found = np.where((residue == 0) & ~payload, code[Cause.NONE], found)
    return found


def _difference(after: Rows, before: Rows, name: str, one: _Aligned, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How much a number of a checksum grew, as a residue."""
    grown: NDArray[np.int64] = (after[name][rows, one.after].astype(np.int64) - before[name][rows, one.before]) % MODULUS
    return grown
