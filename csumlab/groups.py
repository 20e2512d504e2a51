"""What is not good in one capture, grouped by cause: from classes and the evidence on their senders. How it is shown is in ``report``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.candidates import Candidates
from csumlab.capture.block import Interface
from csumlab.causes import (
    NOT_EXAMINED,
    NOT_EXAMINED_DOUBTFUL,
    OVERFLOW,
    OVERFLOW_BAD,
    TAKEN,
    TESTIFIED,
    UNVERIFIED,
    WRONG,
    Cause,
    Standing,
)
from csumlab.choosing import SenderEvidence, cause_of
from csumlab.evidence import KEPT, Entry, Evidence, Examined
from csumlab.facts import Facts, SumFacts
from csumlab.forensics import Explanation
from csumlab.headers import KINDS, UNFILLED, Kind, Layer, Reason, Verdict
from csumlab.index import PacketClass
from csumlab.linktypes import name_of
from csumlab.recorded import unread
from csumlab.senders import SenderBook
from csumlab.suspicion import Suspicion, in_words, suspicions, told
from csumlab.testimony.statements import Statement

SENDERS_NAMED: Final = 4
STATEMENTS: Final = 4
"""Sentences of TCP flows that a group keeps."""


@dataclass(frozen=True, slots=True)
class Group:
    """Checksums of one capture that are not good for the same cause.

    ``kind`` is NOTHING for packets whose headers could not be read. ``inner`` says that they lie inside a tunnel. ``count`` checksums
    lie in ``packets`` packets, of which ``numbers`` names the first up to 20 (numbered from 1 over the file). ``senders`` names up to 4 of
    ``sender_count`` senders. ``detail`` adds a fact that all of them share, or is empty.
    ``evidence`` are sentences on what the senders do and what TCP flows say. ``examined`` packets were looked at closely: up to ``tries``
    residues were tried for each, and random damage looks like what was found with probability ``chance``.
    """

    file: str
    kind: Kind
    inner: bool
    verdict: Verdict
    cause: Cause
    detail: str
    count: int
    packets: int
    numbers: tuple[int, ...]
    senders: tuple[str, ...]
    sender_count: int
    evidence: tuple[str, ...] = ()
    examined: int = 0
    tries: int = 0
    chance: float = 0.0

    @property
    def standing(self) -> Standing:
        return self.cause.standing

    @property
    def label(self) -> str:
        """Such as ``TCP partial`` or ``inner UDP bad``."""
        kind = KINDS[self.kind].label if self.kind else "packets"
        return f"{'inner ' if self.inner else ''}{kind} {self.verdict.name.lower()}"

    def __str__(self) -> str:
        return f"{self.label}, {self.count:,}: {self.cause.sentence}" + (f" ({self.detail})" if self.detail else "")


@dataclass(slots=True)
class _Gathered:
    count: int = 0
    packets: int = 0
    numbers: set[int] = field(default_factory=set)
    senders: dict[int, None] = field(default_factory=dict)
    examined: int = 0
    tries: int = 0
    chance: float = 0.0
    told: dict[str, list[int]] = field(default_factory=dict)


_Key = tuple[Standing, Verdict, Kind, bool, Cause, str]


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known besides classes and senders: rewrites that may have met a packet, what TCP flows say of packets by number, and
    between which packets' hosts ESP in UDP was seen, and which packets are there again with their sum filled."""

    candidates: Candidates = field(default_factory=Candidates)
    statements: Mapping[int, Statement] = field(default_factory=dict)
    transport_peers: Mapping[int, bool] = field(default_factory=dict)
    filled: frozenset[int] = frozenset()


@dataclass(slots=True)
class Labels:
    """Which cause was found for the packets of each class and sender, by the place of the sum (-1: the packet could not be read). Of
    several causes those in ``numbered`` hold for single packets, and ``rest`` for the others; None: nothing is wrong with it."""

    evidence: Evidence
    rest: dict[tuple[int, int, int], tuple[Cause, str] | None] = field(default_factory=dict)
    numbered: dict[tuple[int, int, int], dict[int, tuple[Cause, str]]] = field(default_factory=dict)

    def cause(self, number: int, of_class: int, sender: int, position: int) -> tuple[Cause, str] | None:
        """Cause and detail of one sum of packet ``number``."""
        key = (of_class, sender, position)
        return self.numbered.get(key, {}).get(number, self.rest.get(key))


def groups_of(
    file: str,
    classes: Sequence[PacketClass],
    evidence: Evidence,
    interfaces: Sequence[Interface],
    tally: NDArray[np.int64],
    clues: Clues,
    labels: Labels | None = None,
) -> tuple[Group, ...]:
    """The groups of one capture, what is real first, then by size. ``tally`` [Kind][Verdict] counts also what has no class. ``labels``, if
    given, gets the causes."""
    gathered: defaultdict[_Key, _Gathered] = defaultdict(_Gathered)
    senders = SenderBook(classes, evidence)
    for (number, sender), entry in evidence.entries.items():
        one = classes[number]
        facts, name = one.facts, interfaces[one.facts.interface].name if one.facts.interface < len(interfaces) else ""
        packets = entry.count or one.count
        if reason := unread(facts):
            place = gathered[Standing.UNVERIFIED, Verdict.UNVERIFIED, Kind.NOTHING, False, UNVERIFIED[reason], _unread(facts)]
            _count(place, packets, entry.numbers)
            if labels is not None:
                labels.rest[number, sender, -1] = UNVERIFIED[reason], _unread(facts)
        for position, total in enumerate(facts.sums):
            known = senders.look_up(sender, total.kind, facts.interface)
            parts = [
                part
                for suspicion in suspicions(facts, position, entry, clues.candidates, clues.transport_peers)
                for part in _parts(facts, total, known, name, suspicion, clues)
            ]
            _enter(gathered, facts, total, entry, packets, parts, sender)
            if labels is not None:
                _label(labels, (number, sender, position), parts)
    _add_overflow(gathered, classes, tally)
    groups = [
        Group(
            file=file,
            kind=kind,
            inner=inner,
            verdict=verdict,
            cause=cause,
            detail=detail,
            count=found.count,
            packets=found.packets,
            numbers=tuple(sorted(found.numbers)[:KEPT]),
            senders=tuple(str(evidence.senders[sender]) for sender in list(found.senders)[:SENDERS_NAMED]),
            sender_count=len(found.senders),
            evidence=(*senders.in_words(found.senders, kind, cause), *_said(found.told)),
            examined=found.examined,
            tries=found.tries,
            chance=found.chance,
        )
        for (_, verdict, kind, inner, cause, detail), found in gathered.items()
    ]
    return in_order(groups)


def in_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    """What is real first, then by size."""
    order = list(Standing)
    return tuple(sorted(groups, key=lambda group: (order.index(group.standing), -group.count, group.label, group.cause.name)))


def _unread(facts: Facts) -> str:
    if facts.stop is not Reason.LINK_TYPE:
        return ""
    name = name_of(facts.linktype)
    return f"link type {facts.linktype}" + (f" ({name})" if name else "")


def _count(place: _Gathered, packets: int, numbers: Iterable[int]) -> None:
    place.count += packets
    place.packets += packets
    place.numbers.update(numbers)


@dataclass(frozen=True, slots=True)
class _Part:
    """What was made of one sum in some packets of an entry; ``packets`` is empty if none was looked at closely."""

    cause: Cause
    detail: str
    packets: tuple[Examined, ...]
    explanation: Explanation | None
    told: tuple[Statement, ...]


def _parts(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str, suspicion: Suspicion, clues: Clues) -> Iterator[_Part]:
    """One suspicion, split where TCP flows say different things of its packets."""
    testimony = told(suspicion.packets, clues.statements)
    words = [what for what, found in testimony.items() for _ in found]
    filled = bool(suspicion.packets) and all(one.number in clues.filled for one in suspicion.packets)
    cause = cause_of(facts, total, sender, interface, suspicion.explanation, words, filled)
    if cause is None:
        return
    detail = in_words(suspicion, total, cause.name)
    wanted = cause.standing is not Standing.HARMLESS or cause.name == TAKEN.name
    spoken = {statement.number: statement for found in testimony.values() for statement in found} if wanted else {}
    left = suspicion.packets
    if cause.name == WRONG.name:
        # What was found otherwise stays; testimony is then evidence only.
        for what, found in testimony.items():
            numbers = {statement.number for statement in found}
            chosen = tuple(one for one in left if one.number in numbers)
            left = tuple(one for one in left if one.number not in numbers)
            sentences = tuple(spoken[one.number] for one in chosen)
            yield _Part(TESTIFIED.get(what, cause), detail, chosen, suspicion.explanation, sentences)
    if left or not suspicion.packets:
        sentences = tuple(spoken[one.number] for one in left if one.number in spoken)
        yield _Part(cause, detail, left, suspicion.explanation, sentences)


def _said(told: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """What flows say of packets, each sentence once."""
    for conclusion, numbers in told.items():
        some = ", ".join(map(str, sorted(numbers)[:SENDERS_NAMED]))
        more = f" and {len(numbers) - SENDERS_NAMED} more" if len(numbers) > SENDERS_NAMED else ""
        yield f"packet{'s' if len(numbers) > 1 else ''} {some}{more}: {conclusion}"


def _enter(
    gathered: defaultdict[_Key, _Gathered],
    facts: Facts,
    total: SumFacts,
    entry: Entry,
    packets: int,
    parts: Sequence[_Part],
    sender: int,
) -> None:
    """Enter what was made of one sum of an entry: a single part stands for all its packets, several only for those looked at."""
    inner = _is_inner(facts, total)
    for part in parts:
        place = gathered[part.cause.standing, total.verdict, total.kind, inner, part.cause, part.detail]
        if len(parts) == 1:
            _count(place, packets, entry.numbers)
        else:
            _count(place, len(part.packets), [one.number for one in part.packets])
        place.examined += len(part.packets)
        if part.explanation is not None and part.explanation.suspects:
            place.tries = max(place.tries, part.explanation.tries)
            place.chance = max(place.chance, part.explanation.chance)
        for statement in part.told:
            if statement.conclusion in place.told or len(place.told) < STATEMENTS:
                place.told.setdefault(statement.conclusion, []).append(statement.number)
        # Senders of packets with good sums only are not told apart.
        if total.verdict not in (Verdict.UNVERIFIED, Verdict.ABSENT) and (sender or total.verdict is not Verdict.GOOD):
            place.senders[sender] = None
    left = packets - sum(len(part.packets) for part in parts)
    if left > 0 and len(parts) > 1:
        cause = _not_examined(parts)
        _count(gathered[cause.standing, total.verdict, total.kind, inner, cause, ""], left, ())


def _not_examined(parts: Sequence[_Part]) -> Cause:
    return NOT_EXAMINED if all(part.cause.standing is Standing.REAL for part in parts) else NOT_EXAMINED_DOUBTFUL


def _label(labels: Labels, key: tuple[int, int, int], parts: Sequence[_Part]) -> None:
    if len(parts) == 1:
        labels.rest[key] = parts[0].cause, parts[0].detail
    elif parts:
        labels.rest[key] = _not_examined(parts), ""
        labels.numbered[key] = {one.number: (part.cause, part.detail) for part in parts for one in part.packets}


def _is_inner(facts: Facts, total: SumFacts) -> bool:
    upto = facts.layers[: total.header + (total.kind is Kind.IPV4)]
    return sum(layer in (Layer.IPV4, Layer.IPV6) for layer in upto) > 1


def _add_overflow(gathered: defaultdict[_Key, _Gathered], classes: Sequence[PacketClass], tally: NDArray[np.int64]) -> None:
    """Packets past the bound of classes are known by kind and verdict only."""
    rest = tally.copy()
    for one in classes:
        for total in one.facts.sums:
            rest[total.kind, total.verdict] -= one.count
    for kind in KINDS:
        for verdict in (*sorted(UNFILLED), Verdict.BAD, Verdict.ABSENT, Verdict.UNVERIFIED):
            count = int(rest[kind, verdict])
            if count <= 0:
                continue
            cause = OVERFLOW_BAD if verdict is Verdict.BAD else UNVERIFIED[Reason.DEPTH] if verdict is Verdict.UNVERIFIED else OVERFLOW
            place = gathered[cause.standing, verdict, kind, False, cause, ""]
            place.count += count
            # Each packet counts once per sum here: how many sums share a packet is not known.
            place.packets += count
