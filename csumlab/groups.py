"""What is not good in one capture, grouped by cause: from classes and the evidence on their senders. How it is shown is in ``report``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Interface
from csumlab.causes import OVERFLOW, OVERFLOW_BAD, UNVERIFIED, Cause, SenderEvidence, Standing, cause_of, leaves
from csumlab.evidence import KEPT, Entry, Evidence
from csumlab.facts import Facts, SumFacts
from csumlab.headers import KINDS, Kind, Layer, Reason, Verdict
from csumlab.index import PacketClass

SENDERS_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Checksums of one capture that are not good for the same cause.

    ``kind`` is NOTHING for packets whose headers could not be read. ``inner`` says that they lie inside a tunnel. ``count`` checksums
    lie in ``packets`` packets, of which ``numbers`` names the first up to 20 (numbered from 1 over the file). ``senders`` names up to 4 of
    ``sender_count`` senders. ``detail`` adds a fact that all of them share, or is empty.
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
    senders: dict[str, None] = field(default_factory=dict)


_Key = tuple[Standing, Verdict, Kind, bool, Cause, str]


def groups_of(
    file: str, classes: Sequence[PacketClass], evidence: Evidence, interfaces: Sequence[Interface], tally: NDArray[np.int64]
) -> tuple[Group, ...]:
    """The groups of one capture, what is real first, then by size. ``tally`` [Kind][Verdict] counts also what has no class."""
    gathered: defaultdict[_Key, _Gathered] = defaultdict(_Gathered)
    senders = _SenderBook(classes, evidence)
    for (number, sender), entry in evidence.entries.items():
        one = classes[number]
        facts, name = one.facts, interfaces[one.facts.interface].name if one.facts.interface < len(interfaces) else ""
        packets = entry.count or one.count
        for (verdict, kind, inner, cause, detail), count in _causes(facts, entry, senders, sender, name).items():
            place = gathered[cause.standing, verdict, kind, inner, cause, detail]
            place.count += packets * count
            place.packets += packets
            place.numbers.update(entry.numbers)
            if verdict not in (Verdict.UNVERIFIED, Verdict.ABSENT):
                place.senders[str(evidence.senders[sender])] = None
    _add_overflow(gathered, classes, tally)
    order = list(Standing)
    groups = [
        Group(
            file,
            kind,
            inner,
            verdict,
            cause,
            detail,
            found.count,
            found.packets,
            tuple(sorted(found.numbers)[:KEPT]),
            tuple(list(found.senders)[:SENDERS_NAMED]),
            len(found.senders),
        )
        for (_, verdict, kind, inner, cause, detail), found in gathered.items()
    ]
    return tuple(sorted(groups, key=lambda group: (order.index(group.standing), -group.count, group.label, group.cause.name)))


def _causes(
    facts: Facts, entry: Entry, senders: _SenderBook, sender: int, interface: str
) -> dict[tuple[Verdict, Kind, bool, Cause, str], int]:
    """How many sums of each packet of an entry have which cause."""
    found: defaultdict[tuple[Verdict, Kind, bool, Cause, str], int] = defaultdict(int)
    if not facts.sums and facts.stop is not Reason.KNOWN:
        found[Verdict.UNVERIFIED, Kind.NOTHING, False, UNVERIFIED[facts.stop], ""] = 1
    for position, total in enumerate(facts.sums):
        marks = [mark for of_packet in entry.marks if (mark := of_packet[position] if position < len(of_packet) else None)]
        cause = cause_of(facts, total, senders.look_up(sender, total.kind), interface, marks)
        if cause is not None:
            detail = f"off by 0x{marks[0].residue:04x}" if cause.name == "same-error" else ""
            found[total.verdict, total.kind, _is_inner(facts, total), cause, detail] += 1
    return found


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
        for verdict in (Verdict.PARTIAL, Verdict.DEFERRED, Verdict.BAD, Verdict.ABSENT, Verdict.UNVERIFIED):
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
        for (number, sender), entry in evidence.entries.items():
            facts = classes[number].facts
            for position, kind in enumerate(total.kind for total in facts.sums):
                if not _is_owed(facts.sums[position], entry, position):
                    continue
                counts = self._owed[sender, kind]
                counts[0] += entry.count
                counts[1] += entry.count if leaves(facts) else 0
                counts[2] += entry.count if facts.long else 0
                counts[3] += entry.forwarded
                mac = evidence.senders[sender].mac
                if mac and entry.forwarded < entry.count:
                    self._own_cards.add(mac)

    def look_up(self, sender: int, kind: Kind) -> SenderEvidence:
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
        )


def _is_owed(total: SumFacts, entry: Entry, position: int) -> bool:
    if total.verdict in (Verdict.PARTIAL, Verdict.DEFERRED):
        return True
    marks = [of_packet[position] for of_packet in entry.marks if position < len(of_packet)]
    return total.verdict is Verdict.BAD and bool(marks) and all(mark is not None and mark.no_length for mark in marks)
