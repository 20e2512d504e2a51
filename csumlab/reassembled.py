"""What datagrams that came in fragments add to a capture's result: their sums in the tally, and a group for those that are not good.

The first piece of a datagram alone has a sum that cannot be verified; over all its pieces it can, and that verdict takes its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from csumlab.causes import FRAGMENTS_BAD, FRAGMENTS_CONTRADICT, FRAGMENTS_OWED, UNVERIFIED, Cause
from csumlab.evidence import KEPT
from csumlab.fragments import Datagram, Outcome
from csumlab.groups import SENDERS_NAMED, Group
from csumlab.headers import Kind, Reason, Verdict

_CAUSES: Final = {Verdict.BAD: FRAGMENTS_BAD, Verdict.PARTIAL: FRAGMENTS_OWED, Verdict.BLANK: FRAGMENTS_OWED}
_FIRST_PIECES: Final = (UNVERIFIED[Reason.FRAGMENT].name, FRAGMENTS_OWED.name)
"""Causes of what is said of a first piece alone."""


@dataclass(slots=True)
class _Pile:
    """First pieces that were counted alone: ``left`` of them in this group, of which ``numbers`` names some."""

    group: Group
    left: int
    numbers: set[int]

    def rest(self) -> Group:
        return replace(self.group, count=self.left, packets=self.left, numbers=tuple(sorted(self.numbers)))


def settle(
    file: str, tally: Mapping[tuple[Kind, Verdict], int], groups: Sequence[Group], datagrams: Sequence[Datagram]
) -> tuple[dict[tuple[Kind, Verdict], int], tuple[Group, ...]]:
    """The tally and the groups with the verdicts on whole datagrams in place of what their first pieces alone show."""
    settled: defaultdict[tuple[Kind, Verdict], int] = defaultdict(int, tally)
    piles: defaultdict[Kind, list[_Pile]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: group.inner):
        if group.cause.name in _FIRST_PIECES:
            piles[group.kind].append(_Pile(group, group.count, set(group.numbers)))
    gathered: defaultdict[tuple[Kind, Verdict, Cause, bool], list[tuple[Datagram, int]]] = defaultdict(list)
    for one in datagrams:
        cause = cause_of_datagram(one)
        if cause is None and one.verdict is not Verdict.GOOD:
            continue
        pile = _pile_of(one, piles[one.kind])
        times = 1
        if pile is not None:
            if pile.group.verdict is one.verdict and cause is not FRAGMENTS_CONTRADICT:
                continue  # Its first piece shows it already.
            numbered = pile.numbers.intersection(one.packets)
            times = min(len(numbered) or _sightings(one), pile.left)
            pile.left -= times
            pile.numbers -= numbered
            settled[one.kind, pile.group.verdict] -= times
        elif cause not in (FRAGMENTS_BAD, FRAGMENTS_CONTRADICT):
            continue
        if one.kind:
            settled[one.kind, one.verdict] += times
        if cause is not None:
            gathered[one.kind, one.verdict, cause, pile is not None and pile.group.inner].append((one, times))
    changed = {id(pile.group): pile for found in piles.values() for pile in found if pile.left != pile.group.count}
    kept = [changed[id(group)].rest() if id(group) in changed else group for group in groups]
    made = (_group(file, *key, found) for key, found in gathered.items())
    return {key: count for key, count in sorted(settled.items()) if count}, (*(group for group in kept if group.count), *made)


def cause_of_datagram(one: Datagram) -> Cause | None:
    """What a datagram that came in fragments is reported for; None if nothing is wrong with it."""
    return FRAGMENTS_CONTRADICT if one.outcome in (Outcome.OVERLAP, Outcome.MALFORMED) else _CAUSES.get(one.verdict)


def _pile_of(one: Datagram, piles: Sequence[_Pile]) -> _Pile | None:
    """Where the first piece of a datagram was counted: by its number, or where there are more than are numbered."""
    for pile in piles:
        if pile.left and not pile.numbers.isdisjoint(one.packets):
            return pile
    return next((pile for pile in piles if pile.left > len(pile.numbers)), None)


def _sightings(one: Datagram) -> int:
    """How often the first piece was seen: more than once if every piece was, as in captures on "any". The copy of the last piece comes
    when all are there, and is not counted as a copy."""
    return 1 + (one.copies + 1) // max(one.pieces, 1)


def _group(file: str, kind: Kind, verdict: Verdict, cause: Cause, inner: bool, found: Sequence[tuple[Datagram, int]]) -> Group:
    numbers = sorted({number for one, _ in found for number in one.packets})
    senders = list(dict.fromkeys(one.source for one, _ in found))
    return Group(
        file=file,
        kind=kind,
        inner=inner,
        verdict=verdict,
        cause=cause,
        detail="",
        count=sum(times for _, times in found),
        packets=len(numbers),
        numbers=tuple(numbers[:KEPT]),
        senders=tuple(senders[:SENDERS_NAMED]),
        sender_count=len(senders),
    )
