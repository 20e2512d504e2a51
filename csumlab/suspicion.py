"""From packets that were looked at closely to what explains one of their sums: cases for forensics, sorted, with TCP's testimony."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from csumlab.candidates import Candidates
from csumlab.dissection import Dissection, dissect_packet
from csumlab.evidence import Entry, Examined
from csumlab.facts import Facts, SumFacts
from csumlab.forensics import Case, Explanation, explain_aims, sort_out
from csumlab.forensics.segments import explain_segments
from csumlab.headers import KINDS, Verdict
from csumlab.inet import Zero as ZeroSpelling
from csumlab.inet import spell
from csumlab.recorded import is_quoted, is_super_frame
from csumlab.testimony.statements import Statement


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What explains one sum in some packets of an entry; ``packets`` are those that were looked at, all of the entry if it is ``whole``.
    ``residue`` is the first one's, once sums inside it are filled."""

    explanation: Explanation | None
    packets: tuple[Examined, ...]
    whole: bool
    residue: int = 0


def suspicions(
    facts: Facts, position: int, entry: Entry, candidates: Candidates, transport_peers: Mapping[int, bool]
) -> Iterator[Suspicion]:
    """The packets of an entry by what explains their sum at ``position``. Nothing is yielded for packets that were not looked at."""
    total = facts.sums[position]
    examined = [one for one in entry.examined if position < len(one.dissection.sums)]
    if not examined or total.verdict not in (Verdict.BAD, Verdict.PARTIAL) or is_quoted(facts, total):
        yield Suspicion(None, (), True)
        return
    cases = [_case(one, position, candidates, transport_peers.get(one.number, False)) for one in examined]
    if total.verdict is Verdict.PARTIAL:
        aims = explain_aims(cases)
        yield Suspicion(aims.explanation if aims.explanation.named else None, tuple(examined), True)
        return
    segments = explain_segments(cases) if is_super_frame(facts) else None
    parts = [(segments, tuple(range(len(cases))))] if segments is not None else sort_out(cases)
    for explanation, indexes in parts:
        yield Suspicion(explanation, tuple(examined[index] for index in indexes), len(parts) == 1, cases[indexes[0]].residue)


def _case(one: Examined, position: int, candidates: Candidates, transport_peers: bool) -> Case:
    """The case of one packet. Inner sums that are owed are filled first, in thought: what is left is what somebody did wrong."""
    dissection, data = one.dissection, one.data
    total = dissection.sums[position]
    owed = [
        inner
        for inner in dissection.sums[position + 1 :]
        if inner.verdict is Verdict.PARTIAL and inner.residue is not None and total.start <= inner.at < total.end
    ]
    if owed:
        data, dissection = _filled(data, dissection, one, len(dissection.sums) - 1 - dissection.sums[::-1].index(owed[-1]))
    return Case(data, dissection, position, candidates.of(data, dissection, total.header), transport_peers)


def _filled(data: bytes, dissection: Dissection, one: Examined, position: int) -> tuple[bytes, Dissection]:
    inner = dissection.sums[position]
    assert inner.field is not None
    assert inner.residue is not None
    field = spell(inner.field - inner.residue, ZeroSpelling.ONES)
    data = data[: inner.at] + field.to_bytes(2, "big") + data[inner.at + 2 :]
    return data, dissect_packet(data, one.linktype, one.original, one.tables)


def told(packets: Sequence[Examined], statements: Mapping[int, Statement]) -> dict[str, list[Statement]]:
    """What TCP's flows say of these packets: ``acknowledged``, ``damaged``, ``sum-only``, ``refused`` or ``other``;
    silent ones are left out."""
    found: defaultdict[str, list[Statement]] = defaultdict(list)
    for one in packets:
        statement = statements.get(one.number)
        if statement is not None and statement.conclusion != "nothing seen":
            found[_kind_of(statement)].append(statement)
    return found


def _kind_of(statement: Statement) -> str:
    twin = statement.twin is not None and statement.twin_good
    if twin and statement.differs:
        return "damaged"
    # Sent again though it was acknowledged: its receiver took it, wherever its sum was wrong.
    if statement.acknowledged:
        return "acknowledged"
    return "sum-only" if twin else "refused" if statement.duplicate_acks else "other"


def in_words(suspicion: Suspicion, total: SumFacts, cause: str) -> str:
    """What a report adds to the cause of this name: the constant that repeats, what a sum that nothing is named for is consistent with,
    or what is named besides."""
    explanation = suspicion.explanation
    if explanation is None or not explanation.suspects:
        return ""
    if not explanation.named:
        return "consistent with: " + "; or ".join(suspect.sentence for suspect in explanation.suspects[:3])
    first = explanation.suspects[0]
    parts = [first.sentence] if first.name != cause else []
    if first.name == "same-error":
        parts.append(f"off by 0x{suspicion.residue:0{2 * KINDS[total.kind].width}x}")
    return ", ".join(parts)
