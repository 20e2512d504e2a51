"""What datagrams that came in fragments add to a capture's result: their sums in the tally, and a group for those that are not good.

The first piece of a datagram alone has a sum that cannot be verified; over all its pieces it can, and that verdict takes its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from csumlab.causes import FRAGMENTS_BAD, FRAGMENTS_CONTRADICT, FRAGMENTS_FIRST, FRAGMENTS_OWED, UNVERIFIED, Cause
from csumlab.evidence import KEPT
from csumlab.fragments import Alike, Amount, Datagram, Outcome
from csumlab.fragments.datagrams import sightings
from csumlab.groups import SENDERS_NAMED, Group
from csumlab.headers import Kind, Reason, Verdict

_CAUSES: Final = {Verdict.BAD: FRAGMENTS_BAD, Verdict.PARTIAL: FRAGMENTS_OWED, Verdict.BLANK: FRAGMENTS_OWED}
_FIRST_PIECES: Final = (UNVERIFIED[Reason.FRAGMENT].name, FRAGMENTS_OWED.name)
"""Causes of what is said of a first piece alone."""
_WITHOUT_FIRST: Final = (FRAGMENTS_BAD, FRAGMENTS_FIRST, FRAGMENTS_CONTRADICT)
"""What is told also where no first piece was counted."""


@dataclass(slots=True)
class _Pile:
    """First pieces that were counted alone: ``left`` of them in this group, of which ``numbers`` names some."""

    group: Group
    left: int
    numbers: set[int]

    def rest(self) -> Group:
        return replace(self.group, count=self.left, packets=self.left, numbers=tuple(sorted(self.numbers)))


@dataclass(slots=True)
class _Found:
    """Datagrams of one cause: with how often each was seen, and those that are only counted."""

    datagrams: list[tuple[Datagram, int]] = field(default_factory=list)
    times: int = 0
    packets: int = 0


def settle(
    file: str,
    tally: Mapping[tuple[Kind, Verdict], int],
    groups: Sequence[Group],
    datagrams: Sequence[Datagram],
    further: Mapping[Alike, Amount] | None = None,
) -> tuple[dict[tuple[Kind, Verdict], int], tuple[Group, ...]]:
    """The tally and the groups with the verdicts on whole datagrams in place of what their first pieces alone show; ``further`` ones are
    only counted."""
    settled: defaultdict[tuple[Kind, Verdict], int] = defaultdict(int, tally)
    piles: defaultdict[Kind, list[_Pile]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: group.inner):
        if group.cause.name in _FIRST_PIECES:
            piles[group.kind].append(_Pile(group, group.count, set(group.numbers)))
    gathered: defaultdict[tuple[Kind, Verdict, Cause, bool], _Found] = defaultdict(_Found)
    for one in datagrams:
        cause = cause_of_datagram(one)
        if cause is None and one.verdict is not Verdict.GOOD:
            continue
        pile = _pile_of(one, piles[one.kind])
        times = 1
        if pile is not None:
            if _shows(pile, one, cause):
                continue
            numbered = pile.numbers.intersection(one.packets)
            times = min(len(numbered) or int(sightings(one.pieces, one.copies)), pile.left)
            _take(pile, times, settled)
            pile.numbers -= numbered
        elif cause not in _WITHOUT_FIRST:
            continue
        if one.kind:
            settled[one.kind, one.verdict] += times
        if cause is not None:
            gathered[one.kind, one.verdict, cause, pile is not None and pile.group.inner].datagrams.append((one, times))
    for alike, amount in (further or {}).items():
        _settle_further(alike, amount, piles[alike.kind], settled, gathered)
    changed = {id(pile.group): pile for found in piles.values() for pile in found if pile.left != pile.group.count}
    kept = [changed[id(group)].rest() if id(group) in changed else group for group in groups]
    made = (_group(file, *key, found) for key, found in gathered.items())
    return {key: count for key, count in sorted(settled.items()) if count}, (*(group for group in kept if group.count), *made)


def _settle_further(
    alike: Alike,
    amount: Amount,
    piles: Sequence[_Pile],
    settled: defaultdict[tuple[Kind, Verdict], int],
    gathered: defaultdict[tuple[Kind, Verdict, Cause, bool], _Found],
) -> None:
    """Datagrams that are only counted: their first pieces are among those without a number."""
    cause = cause_of_datagram(alike)
    if cause is None and alike.verdict is not Verdict.GOOD:
        return
    left = amount.sightings
    inner = False
    for pile in sorted(piles, key=lambda pile: not _may_hold(pile, alike)):
        times = min(left, max(pile.left - len(pile.numbers), 0))
        left -= times
        if not times or _shows(pile, alike, cause):
            continue
        inner = pile.group.inner
        _take(pile, times, settled)
        settled[alike.kind, alike.verdict] += times
        if cause is not None:
            gathered[alike.kind, alike.verdict, cause, inner].times += times
    if left and cause in _WITHOUT_FIRST:
        if alike.kind:
            settled[alike.kind, alike.verdict] += left
        gathered[alike.kind, alike.verdict, cause, inner].times += left
    if cause is not None and (alike.kind, alike.verdict, cause, inner) in gathered:
        gathered[alike.kind, alike.verdict, cause, inner].packets += amount.packets


def cause_of_datagram(one: Datagram | Alike) -> Cause | None:
    """What a datagram that came in fragments is reported for; None if nothing is wrong with it."""
    if one.outcome in (Outcome.OVERLAP, Outcome.MALFORMED):
        return FRAGMENTS_CONTRADICT
    return FRAGMENTS_FIRST if one.verdict is Verdict.BAD and one.first_alone else _CAUSES.get(one.verdict)


def _pile_of(one: Datagram, piles: Sequence[_Pile]) -> _Pile | None:
    """Where the first piece of a datagram was counted: by its number, or where there are more than are numbered."""
    for pile in piles:
        if pile.left and not pile.numbers.isdisjoint(one.packets):
            return pile
    unnumbered = [pile for pile in piles if pile.left > len(pile.numbers)]
    return next((pile for pile in unnumbered if _may_hold(pile, one)), unnumbered[0] if unnumbered else None)


def _may_hold(pile: _Pile, one: Datagram | Alike) -> bool:
    """Whether the first piece alone shows what is in this pile: that a sum is owed is seen in its field."""
    owed = one.seed_zero or one.verdict is Verdict.BLANK
    return (pile.group.cause.name == FRAGMENTS_OWED.name) == owed


def _shows(pile: _Pile, one: Datagram | Alike, cause: Cause | None) -> bool:
    """Whether the first piece shows already what the datagram does."""
    return pile.group.verdict is one.verdict and cause is not FRAGMENTS_CONTRADICT


def _take(pile: _Pile, times: int, settled: defaultdict[tuple[Kind, Verdict], int]) -> None:
    pile.left -= times
    settled[pile.group.kind, pile.group.verdict] -= times


def _group(file: str, kind: Kind, verdict: Verdict, cause: Cause, inner: bool, found: _Found) -> Group:
    numbers = sorted({number for one, _ in found.datagrams for number in one.packets})
    senders = list(dict.fromkeys(one.source for one, _ in found.datagrams))
    return Group(
        file=file,
        kind=kind,
        inner=inner,
        verdict=verdict,
        cause=cause,
        detail="",
        count=sum(times for _, times in found.datagrams) + found.times,
        packets=len(numbers) + found.packets,
        numbers=tuple(numbers[:KEPT]),
        senders=tuple(senders[:SENDERS_NAMED]),
        sender_count=len(senders),
    )
