"""Findings: what the judge said of all classes, equal ones added up, each with the first change that was tried and helps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from csumlab.cures import Cure, candidates
from csumlab.exposure import expose
from csumlab.findings import BY_HARM, CATALOGUE, Entry, Severity
from csumlab.judge import Judgement, judge
from csumlab.outcome import FIRST_KEPT, UNHARMED, Leaf, Outcome, Settings, again
from csumlab.shown import Shown, counted
from csumlab.sources import Reading, in_one_sentence, read, recorded_state
from csumlab.stage import Mended
from csumlab.symbolic.sums import Undecided
from csumlab.topology.model import CARRIAGES, Port, Topology
from csumlab.trace import Hop, Trace
from csumlab.walking.places import COPY


@dataclass(frozen=True, slots=True, repr=False)
class Finding(Shown):
    """One finding over all packets it concerns. ``hop`` is where the cause is, ``because`` why, ``source`` where that is known from,
    ``sum`` the checksum, ``condition`` "" or what the finding depends on. ``first`` are the numbers of the first packets."""

    code: str
    hop: str
    stage: str
    because: str
    source: str
    consequence: str
    sum: str
    packets: int
    first: tuple[int, ...]
    condition: str = ""
    cure: Cure | None = None
    note: bool = False

    @property
    def entry(self) -> Entry:
        return CATALOGUE[self.code]

    @property
    def severity(self) -> Severity:
        return Severity.NOTE if self.note else self.entry.severity

    @property
    def remedy(self) -> tuple[str, str]:
        """What can be done, behind "cure" or, where no change of the host is one, "do"."""
        if self.cure is not None:
            return "cure", str(self.cure)
        if self.code in ("CSL001", "CSL901"):
            return "do", self.entry.cure
        return "cure", "none of the changes that were tried in the model helps"

    def _repr_html_(self) -> str:
        from csumlab.report.html import finding_html

        return finding_html(self)

    def __str__(self) -> str:
        where = self.hop or "at the tap"
        text = f"{self.code} {self.entry.title}: {counted(self.packets, 'packet')}; {where}: {self.because}; {self.consequence}"
        return text + (f" ({self.condition})" if self.condition else "")


def by_harm(findings: Sequence[Finding]) -> list[Finding]:
    """Findings before notes, what is certain before what depends on something, then by harm, then by number of packets."""
    order = {code: place for place, code in enumerate(BY_HARM)}

    def key(one: Finding) -> tuple[bool, bool, int, int, str]:
        return one.severity is Severity.NOTE, bool(one.condition), order.get(one.code, len(order)), -one.packets, one.hop

    return sorted(findings, key=key)


def collect(leaves: tuple[Leaf, ...], settings: Settings) -> tuple[Finding, ...]:
    """The findings of all leaves, equal ones added up, by severity and code."""
    merged: dict[tuple[Any, ...], Finding] = {}
    cures: dict[tuple[Any, ...], Cure | None] = {}
    for leaf in leaves:
        if not leaf.outcome.facts.addresses:
            continue
        for finding, judgement, reading in _of_leaf(leaf):
            key = _key(finding)
            if key not in cures:
                wanted = finding.severity is Severity.FINDING and finding.code != "CSL001"
                cures[key] = cure_for(leaf.outcome, settings, reading, judgement) if wanted and judgement and reading else None
            old = merged.get(key)
            first = tuple(sorted({*(old.first if old else ()), *leaf.first})[:FIRST_KEPT])
            merged[key] = _recount(finding, (old.packets if old else 0) + leaf.count, first, cures[key])
    return in_order(merged.values())


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By severity and code, those of most packets first."""
    return tuple(sorted(findings, key=lambda f: (f.severity is Severity.NOTE, f.code, -f.packets, f.hop)))


def findings_of_leaf(leaf: Leaf, collected: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Which of the findings that were collected over all leaves concern the packets of this one."""
    if not leaf.outcome.facts.addresses:
        return ()
    keys = {_key(finding) for finding, _, _ in _of_leaf(leaf)}
    return tuple(finding for finding in collected if _key(finding) in keys)


def _key(finding: Finding) -> tuple[Any, ...]:
    return (finding.code, finding.hop, finding.because, finding.consequence, finding.condition, finding.sum, finding.note)


def findings_of(outcome: Outcome, settings: Settings, number: int) -> tuple[Finding, ...]:
    """The findings of one packet."""
    if not outcome.readings:
        return ()
    leaf = Leaf(outcome, 1, [number])
    return collect((leaf,), settings)


def _recount(finding: Finding, packets: int, first: tuple[int, ...], cure: Cure | None) -> Finding:
    return replace(finding, packets=packets, first=first, cure=cure)


def _of_leaf(leaf: Leaf) -> Iterator[tuple[Finding, Judgement | None, Reading | None]]:
    outcome = leaf.outcome
    if outcome.untold:
        yield Finding("CSL902", "", "", outcome.untold, "", outcome.untold, "", leaf.count, ()), None, None
        return
    if not outcome.readings:
        because = in_one_sentence(outcome.misfits) or "nobody in the topology has its source address"
        yield Finding("CSL901", "", "", because, "", "not walked", "", leaf.count, ()), None, None
        return
    everywhere: dict[tuple[str, str, str, str], set[object]] = {}
    ways = {_possibility(reading) for reading in outcome.readings}
    seen = []
    for reading, judged in zip(outcome.readings, outcome.judged, strict=True):
        mine: dict[tuple[str, str, str, str], tuple[Finding, Judgement]] = {}
        for judgement in judged:
            finding = _finding(reading.trace, judgement)
            mine.setdefault((finding.code, finding.hop, finding.because, finding.sum), (finding, judgement))
        for key in mine:
            everywhere.setdefault(key, set()).add(_possibility(reading))
        seen.append((reading, mine))
    given: set[tuple[str, str, str, str]] = set()
    for reading, mine in seen:
        for key, (finding, judgement) in mine.items():
            if key in given:
                continue
            given.add(key)
            if everywhere[key] == ways:
                yield finding, judgement, reading
            else:
                yield replace(finding, condition=condition_of(reading)), judgement, reading


def _possibility(reading: Reading) -> object:
    """What tells a reading from those that hold beside it: of a packet that is copied, each copy goes its way."""
    chosen = ((label, option) for label, option in (reading.trace.chosen or {}).items() if not label.startswith(COPY))
    origin = reading.origin
    return origin.domain.name, origin.made, origin.headers, frozenset(chosen)


def condition_of(reading: Reading) -> str:
    """What a finding depends on that not every reading of a packet has."""
    return f"if it was {reading_text(reading)}"


def reading_text(reading: Reading) -> str:
    """Who sent the packet and what only run-time state could tell."""
    return " and ".join([str(reading.origin), *(reading.trace.chosen or {}).values()])


def _finding(trace: Trace, judgement: Judgement) -> Finding:
    hop = judgement.cause or (trace.hops[judgement.hop] if trace.hops and judgement.hop >= 0 else None)
    label = ""
    if judgement.uid is not None:
        holder = next((h for step in trace.hops for h in step.before.headers if h.uid == judgement.uid), None)
        label = holder.kind.name if holder else ""
    return Finding(
        code=judgement.code,
        hop=hop.where if hop else trace.origin,
        stage=hop.stage.name if hop else "",
        because=hop.because if hop and judgement.code != "CSL902" else trace.why,
        source=hop.stage.citation(hop.row) if hop else "",
        consequence=judgement.consequence,
        sum=label,
        packets=0,
        first=(),
        note=judgement.note,
    )


def cure_for(outcome: Outcome, settings: Settings, reading: Reading, judgement: Judgement) -> Cure | None:
    """The first change with which the class, walked again from its origin, has no finding left; None if none of those tried helps, or if
    without the tap nothing is found even as it is: then a change proves nothing."""
    if not _still_wrong(outcome, settings, reading):
        return None
    order = _ports(settings.topology, reading.trace.hops, judgement.hop)
    faults: dict[str, dict[Mended, None]] = {}
    for hop in reading.trace.hops:
        if hop.row.mended is not None:
            faults.setdefault(hop.domain, {})[hop.row.mended] = None
    for cure in candidates(settings.topology, order, faults):
        if not _still_wrong(outcome, replace(settings, topology=cure.topology), reading):
            return cure
    return None


def _way(outcome: Outcome, settings: Settings, reading: Reading) -> Trace | None:
    """The way once more: from its origin, or where the state at the tap was recorded or is assumed, or the packet was damaged before it,
    through the tap with what was seen there, which no change before the tap can mend."""
    facts, answers = outcome.facts, outcome.answers
    if not (settings.assume or recorded_state(facts)) and reading.origin.made in UNHARMED:
        return again(facts, settings.topology, reading, answers, None)
    fitting = read(facts, settings.topology, settings.tap, settings.assume, answers).fitting
    return next((one.trace for one in fitting if str(one.origin) == str(reading.origin)), None)


def _ports(topology: Topology, hops: tuple[Hop, ...], cause: int) -> list[Port]:
    """The ports of the way, nearest to the cause first, those before it before those after it; and tunnels before all others: a change
    there is felt by their packets only."""
    near = sorted(range(len(hops)), key=lambda n: (n > cause, abs(n - cause)))
    found = [port for n in near for port in topology.ports if str(port) == hops[n].port]
    return sorted(found, key=lambda port: topology.device(port).kind not in CARRIAGES)


def _still_wrong(outcome: Outcome, settings: Settings, reading: Reading) -> bool:
    """Whether something is found on the way of a reading with the settings of a cure, or cannot be told."""
    try:
        trace = _way(outcome, settings, reading)
        if trace is None:
            return True
        judged = [*judge(trace)]
        if reading.origin.made in UNHARMED:
            judged += expose(trace, lambda number: again(outcome.facts, settings.topology, reading, outcome.answers, number), False)
    except Undecided:
        return True
    harmless = {"CSL001"} if reading.origin.made not in UNHARMED else set()
    return any(
        (not j.note and CATALOGUE[j.code].severity is Severity.FINDING and j.code not in harmless) or j.code == "CSL902" for j in judged
    )
