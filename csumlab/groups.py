"""What is not good in one capture, grouped by cause: from classes and the evidence on their senders. How it is shown is in ``report``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.candidates import Candidates
from csumlab.capture.block import Interface
from csumlab.causes import (
    NOT_EXAMINED,
    OVERFLOW,
    OVERFLOW_BAD,
    RESTS_ON_SENDER,
    TESTIFIED,
    UNVERIFIED,
    WRONG,
    Cause,
    SenderEvidence,
    Standing,
    cause_of,
    is_quoted,
)
from csumlab.evidence import KEPT, Entry, Evidence, Examined
from csumlab.facts import Facts, SumFacts
from csumlab.headers import KINDS, Kind, Layer, Reason, Verdict
from csumlab.index import PacketClass
from csumlab.linktypes import name_of
from csumlab.recorded import is_owed, leaves
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
    told: dict[str, None] = field(default_factory=dict)


_Key = tuple[Standing, Verdict, Kind, bool, Cause, str]


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known besides classes and senders: rewrites that may have met a packet, what TCP flows say of packets by number, and
    between which packets' hosts ESP in UDP was seen."""

    candidates: Candidates = field(default_factory=Candidates)
    statements: Mapping[int, Statement] = field(default_factory=dict)
    transport_peers: Mapping[int, bool] = field(default_factory=dict)


def groups_of(
    file: str,
    classes: Sequence[PacketClass],
    evidence: Evidence,
    interfaces: Sequence[Interface],
    tally: NDArray[np.int64],
    clues: Clues,
) -> tuple[Group, ...]:
    """The groups of one capture, what is real first, then by size. ``tally`` [Kind][Verdict] counts also what has no class."""
    gathered: defaultdict[_Key, _Gathered] = defaultdict(_Gathered)
    senders = _SenderBook(classes, evidence)
    for (number, sender), entry in evidence.entries.items():
        one = classes[number]
        facts, name = one.facts, interfaces[one.facts.interface].name if one.facts.interface < len(interfaces) else ""
        packets = entry.count or one.count
        if not facts.sums and facts.stop is not Reason.KNOWN:
            place = gathered[Standing.UNVERIFIED, Verdict.UNVERIFIED, Kind.NOTHING, False, UNVERIFIED[facts.stop], _unread(facts)]
            _count(place, packets, entry.numbers)
        for position, total in enumerate(facts.sums):
            known = senders.look_up(sender, total.kind, facts.interface)
            for suspicion in suspicions(facts, position, entry, clues.candidates, clues.transport_peers):
                _gather(gathered, facts, position, entry, packets, known, name, suspicion, clues, sender)
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
            evidence=(*senders.in_words(found.senders, kind, cause), *found.told),
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


def _gather(
    gathered: defaultdict[_Key, _Gathered],
    facts: Facts,
    position: int,
    entry: Entry,
    packets: int,
    sender: SenderEvidence,
    interface: str,
    suspicion: Suspicion,
    clues: Clues,
    number: int,
) -> None:
    """Enter what one suspicion says of one sum: for all packets of the entry if it is about all that were looked at, else for its own."""
    total = facts.sums[position]
    cause = cause_of(facts, total, sender, interface, suspicion.explanation)
    if cause is None:
        return
    parts: list[tuple[Cause, str, tuple[Examined, ...]]] = []
    detail = in_words(suspicion.explanation, total, suspicion.packets, position) if suspicion.explanation else ""
    testimony = told(suspicion.packets, clues.statements) if cause.standing is not Standing.HARMLESS else {}
    spoken = {statement.number for found in testimony.values() for statement in found}
    # What was found otherwise stays; testimony is then evidence only.
    refined = testimony if cause.name == WRONG.name else {}
    for what, found in refined.items():
        chosen = tuple(one for one in suspicion.packets if one.number in {statement.number for statement in found})
        parts.append((TESTIFIED.get(what, cause), detail, chosen))
    silent = tuple(one for one in suspicion.packets if not refined or one.number not in spoken)
    if silent or not suspicion.packets:
        parts.append((cause, detail, silent))
    whole = suspicion.whole and len(parts) == 1
    for one_cause, one_detail, chosen in parts:
        place = gathered[one_cause.standing, total.verdict, total.kind, _is_inner(facts, total), one_cause, one_detail]
        if whole:
            _count(place, packets, entry.numbers)
        else:
            _count(place, len(chosen), [one.number for one in chosen])
        place.examined += len(chosen)
        if suspicion.explanation is not None and suspicion.explanation.suspects:
            place.tries = max(place.tries, suspicion.explanation.tries)
            place.chance = max(place.chance, suspicion.explanation.chance)
        for one in chosen:
            if one.number in spoken and len(place.told) < STATEMENTS:
                place.told[str(clues.statements[one.number])] = None
        if total.verdict not in (Verdict.UNVERIFIED, Verdict.ABSENT):
            place.senders[number] = None
    left = packets - len(entry.examined)
    if left > 0 and not whole and suspicion.packets and suspicion.packets[-1] is entry.examined[-1]:
        # The rest of the entry, entered once: with the part that holds its last packet.
        _count(gathered[NOT_EXAMINED.standing, total.verdict, total.kind, _is_inner(facts, total), NOT_EXAMINED, ""], left, ())


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
        for verdict in (Verdict.PARTIAL, Verdict.DEFERRED, Verdict.BLANK, Verdict.BAD, Verdict.ABSENT, Verdict.UNVERIFIED):
            count = int(rest[kind, verdict])
            if count <= 0:
                continue
            cause = OVERFLOW_BAD if verdict is Verdict.BAD else UNVERIFIED[Reason.DEPTH] if verdict is Verdict.UNVERIFIED else OVERFLOW
            place = gathered[cause.standing, verdict, kind, False, cause, ""]
            place.count += count
            # Each packet counts once per sum here: how many sums share a packet is not known.
            place.packets += count


class _SenderBook:
    """What each sender does with each kind of checksum, summed over the classes."""

    def __init__(self, classes: Sequence[PacketClass], evidence: Evidence) -> None:
        self._evidence = evidence
        self._owed: defaultdict[tuple[int, Kind], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._own_cards: set[str] = set()
        self._marked = {one.facts.interface for one in classes if is_owed(one.facts)}
        for (number, sender), entry in evidence.entries.items():
            facts = classes[number].facts
            for total in facts.sums:
                if total.verdict not in (Verdict.PARTIAL, Verdict.DEFERRED, Verdict.BLANK) or is_quoted(facts, total):
                    continue
                counts = self._owed[sender, total.kind]
                counts[0] += entry.count
                counts[1] += entry.count if leaves(facts) else 0
                counts[2] += entry.count if facts.long else 0
                counts[3] += entry.forwarded
                mac = evidence.senders[sender].mac
                if mac and entry.forwarded < entry.count:
                    self._own_cards.add(mac)

    def look_up(self, sender: int, kind: Kind, interface: int) -> SenderEvidence:
        name = self._evidence.senders[sender]
        owed, sent, long, forwarded = self._owed.get((sender, kind), (0, 0, 0, 0))
        return SenderEvidence(
            known=sender != 0,
            full=self._evidence.full_sums(sender, kind),
            owed=owed,
            sent=sent,
            long=long,
            forwarded=forwarded,
            own_card=name.mac in self._own_cards,
            loopback=name.address.startswith("127.") or name.address == "::1",
            marked=interface in self._marked,
        )

    def in_words(self, senders: Iterable[int], kind: Kind, cause: Cause) -> tuple[str, ...]:
        """What these senders do with this kind of sum, where that is what a cause rests on."""
        if cause.name not in RESTS_ON_SENDER or not kind:
            return ()
        known = [self.look_up(sender, kind, -1) for sender in senders if sender]
        if not known:
            return ()
        owed, full = sum(one.owed for one in known), sum(one.full for one in known)
        parts = [f"{owed:,} {KINDS[kind].label} sums not filled and {'about ' if full else ''}{full or 'none':{',' if full else ''}} full"]
        for count, text in (
            (sum(one.sent for one in known), "recorded as leaving"),
            (sum(one.long for one in known), "longer than a frame on the wire"),
            (sum(one.forwarded for one in known), "with a TTL that a router has lowered"),
        ):
            if count:
                parts.append(f"{count:,} {text}")
        return ("its sender" + ("s have " if len(known) > 1 else " has ") + "; ".join(parts),)
