"""Replay: every class of a capture from its origin through the tap to its end, judged; the findings added up.

A class is walked once. Where a predicate differs from packet to packet the class splits: the tree of what was asked is kept across
blocks, and the members of each block run down it. Memory is bounded by the classes, never by the packets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import Capture, CaptureError, open_capture
from csumlab.capture.ahead import ahead
from csumlab.capture.block import Block
from csumlab.classes import Made, numbers, originated
from csumlab.cures import Cure, candidates
from csumlab.facts import Facts
from csumlab.findings import CATALOGUE, Entry, Severity
from csumlab.forms import Form
from csumlab.index import Columns, Index, Membership
from csumlab.judge import Judgement, expose, judge
from csumlab.sources import Reading, Tap, read, walker
from csumlab.stage import Packet
from csumlab.symbolic import SymbolicPacket, Undecided
from csumlab.topology.model import Port, Topology
from csumlab.trace import Hop, Trace
from csumlab.walk import Undetermined

if TYPE_CHECKING:
    import pandas as pd

FIRST_KEPT = 8
MAX_LEAVES = 1024
"""Walked classes, counted after splitting; what comes beyond is counted and said."""
_UNHARMED = (Made.RIGHT, Made.FINISHED)
ASSUMPTIONS = ("unchecked", "verified", "must-compute")


@dataclass(frozen=True, slots=True)
class Finding:
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

    def __str__(self) -> str:
        text = f"{self.code} {self.entry.title}: {self.packets} packets; {self.hop}: {self.because}; {self.consequence}"
        return text + (f" ({self.condition})" if self.condition else "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one class, or one part of a split class, comes to: the readings that fit, and per reading what the judge said."""

    facts: Facts
    readings: tuple[Reading, ...]
    judged: tuple[tuple[Judgement, ...], ...]
    misfits: tuple[str, ...]
    untold: str = ""


@dataclass(slots=True)
class Leaf:
    """Counters of one outcome."""

    outcome: Outcome
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, packets: list[int], count: int) -> None:
        self.count += count
        self.first.extend(packets[: FIRST_KEPT - len(self.first)])


Answers = frozenset[tuple[Form, bool]]


@dataclass
class _Tree:
    """What was asked of one class so far."""

    facts: Facts
    nodes: dict[Answers, Form | Leaf] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """How to replay."""

    topology: Topology
    tap: Tap
    assume: str = ""
    exposure: bool = False


def evaluate(facts: Facts, settings: Settings, answers: Mapping[Form, bool]) -> Outcome:
    """Walk and judge one class. Raises Undecided where the class does not decide and ``answers`` do not say."""
    found = read(facts, settings.topology, settings.tap, settings.assume, answers)
    judged = []
    for reading in found.fitting:
        verdicts = list(judge(reading.trace))
        if reading.origin.made in _UNHARMED:
            verdicts += exposures(facts, settings, reading, answers)
        judged.append(tuple(verdicts))
    return Outcome(facts, found.fitting, tuple(judged), found.misfits, found.untold)


def exposures(facts: Facts, settings: Settings, reading: Reading, answers: Mapping[Form, bool]) -> list[Judgement]:
    """What damage would do on the way of a reading."""
    plain = _again(facts, settings.topology, reading, answers, None)
    if plain is None:
        return []
    return list(expose(plain, lambda number: _again(facts, settings.topology, reading, answers, number), settings.exposure))


def _again(facts: Facts, topology: Topology, reading: Reading, answers: Mapping[Form, bool], number: int | None) -> Trace | None:
    """The way of a reading once more from its origin, not observed, with damage put in before hop ``number``."""
    origin = reading.origin
    domain = topology.domains[origin.domain.name]
    packet = originated(facts, origin.headers, origin.made, domain.outside, answers)
    again = walker(topology, origin, reading.trace.chosen or {})

    def inject(hop: int, present: Packet) -> Packet:
        return present.damage() if hop == number and isinstance(present, SymbolicPacket) else present

    again.inject = inject
    try:
        return again.run(domain, packet)
    except (Undecided, Undetermined):
        return None


class Replay:
    """A replay in progress: ``add`` blocks, then ``result``."""

    def __init__(self, settings: Settings, accelerate: bool | None = None) -> None:
        self.settings = settings
        self.index = Index(settings.topology.tables, accelerate=accelerate)
        self._trees: list[_Tree] = []
        self._leaves = 0
        self.skipped = 0

    def add(self, block: Block) -> None:
        """Run a block's packets down the trees of their classes."""
        member = self.index.add(block)
        counts = np.bincount(member.class_of[member.class_of >= 0], minlength=0) if len(block) else np.zeros(0, np.int64)
        classes = None
        for number in np.flatnonzero(counts).tolist():
            while number >= len(self._trees):
                classes = classes or self.index.classes
                self._trees.append(_Tree(classes[len(self._trees)].facts))
            self._run_down(self._trees[number], number, member, int(counts[number]))

    def _run_down(self, tree: _Tree, number: int, member: Membership, count: int) -> None:
        root = self._node(tree, frozenset())
        if isinstance(root, Leaf):
            wanted = FIRST_KEPT - len(root.first)
            rows = member.rows(number)[:wanted] if wanted else np.zeros(0, np.int64)
            root.add((rows + member.block.first).tolist(), count)
            return
        rows = member.rows(number)
        todo: list[tuple[Answers, NDArray[np.int64]]] = [(frozenset(), rows)]
        columns = self.index.columns(member.block, rows)
        while todo:
            answers, places = todo.pop()
            node = self._node(tree, answers)
            if node is None:
                self.skipped += len(places)
            elif isinstance(node, Leaf):
                node.add((rows[_positions(rows, places)] + member.block.first).tolist()[:FIRST_KEPT], len(places))
            else:
                zero = _is_zero(node, columns, _positions(rows, places))
                for answer, part in ((True, places[zero]), (False, places[~zero])):
                    if len(part):
                        todo.append((answers | {(node, answer)}, part))

    def _node(self, tree: _Tree, answers: Answers) -> Form | Leaf | None:
        node = tree.nodes.get(answers)
        if node is None:
            if self._leaves >= MAX_LEAVES:
                return None
            try:
                node = Leaf(evaluate(tree.facts, self.settings, dict(answers)))
                self._leaves += 1
            except Undecided as question:
                node = question.form
            tree.nodes[answers] = node
        return node

    @property
    def leaves(self) -> Iterator[Leaf]:
        for tree in self._trees:
            for node in tree.nodes.values():
                if isinstance(node, Leaf) and node.count:
                    yield node


def _positions(rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(rows, places)


def _is_zero(form: Form, columns: Columns, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    values, known = numbers(form, columns)
    zero: NDArray[np.bool_] = (values == 0) & known
    return zero[positions]


def answers_for(facts: Facts, settings: Settings, columns: Columns, position: int) -> tuple[Outcome, dict[Form, bool]]:
    """The outcome of one packet: everything that its class leaves open is answered from its own numbers."""
    answers: dict[Form, bool] = {}
    while True:
        try:
            return evaluate(facts, settings, answers), answers
        except Undecided as question:
            answers[question.form] = bool(_is_zero(question.form, columns, np.array([position]))[0])


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found. ``str()`` is the report. ``start`` says what the readings rest on."""

    file: str
    settings: Settings
    packets: int
    walked: int
    findings: tuple[Finding, ...]
    start: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    classes: int
    beyond: int
    fault: CaptureError | None

    @property
    def status(self) -> int:
        """2 if the capture could not be read to its end, 1 with findings that are not notes, else 0."""
        if self.fault is not None:
            return 2
        return int(any(finding.severity is Severity.FINDING for finding in self.findings))

    def trace(self, number: int) -> Trace:
        """The way of packet ``number``. ValueError if there is no such packet or no origin fits it."""
        from csumlab.explain import explain

        return explain(self.file, number, self.settings).trace

    def frame(self) -> pd.DataFrame:
        """The findings as a pandas DataFrame with typed columns, one row a finding."""
        from csumlab.report.replay import finding_frame

        return finding_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """Stable JSON."""
        from csumlab.report.replay import to_dict

        return to_dict(self)

    def __str__(self) -> str:
        from csumlab.report.replay import text

        return text(self)

    def _repr_html_(self) -> str:
        from csumlab.report.replay import html

        return html(self)


def replay(
    path: str | os.PathLike[str],
    topology: Topology | str | os.PathLike[str],
    *,
    at: str = "",
    assume: str = "",
    exposure: bool = False,
    accelerate: bool | None = None,
    progress: Callable[[Capture], None] | None = None,
) -> ReplayResult:
    """Walk every packet of a capture through a modelled host.

    ``topology``: a Topology, or a TOML file. ``at``: the port the capture was taken at, ``domain:device`` with ``:in`` or ``:out`` if
    only one direction was captured; "" takes the topology's own. ``assume``: one of ASSUMPTIONS, the carried state at the tap if it is
    known. ``exposure``: also report where damage inside one host's memory would go unnoticed. Raises CaptureError, TopologyError,
    ValueError.
    """
    if not isinstance(topology, Topology):
        from csumlab.topology.load import load_topology

        topology = load_topology(topology)
    settings = Settings(topology, tap_of(topology, at), assume, exposure)
    if assume and assume not in ASSUMPTIONS:
        raise ValueError(f"assume: {assume!r} is none of {', '.join(ASSUMPTIONS)}")
    running = Replay(settings, accelerate)
    with open_capture(path) as capture:
        for block in ahead(capture):
            running.add(block)
            if progress is not None:
                progress(capture)
        fault = capture.fault
    leaves = tuple(running.leaves)
    return ReplayResult(
        file=os.fspath(path),
        settings=settings,
        packets=running.index.packets,
        walked=sum(leaf.count for leaf in leaves if leaf.outcome.facts.addresses),
        findings=collect(leaves, settings),
        start=tuple(_start(leaves)),
        leaves=leaves,
        classes=len(leaves),
        beyond=running.index.overflow + running.skipped,
        fault=fault,
    )


def tap_of(topology: Topology, at: str) -> Tap:
    """The tap that ``at``, or else the topology, names. ValueError with the ports there are."""
    text = at or topology.at
    names = ", ".join(str(port) for port in topology.ports)
    if not text:
        raise ValueError(f"where was the capture taken? say --at with one of: {names}")
    name, way = (text.rsplit(":", 1)[0], text.rsplit(":", 1)[1]) if text.endswith((":in", ":out")) else (text, "")
    fitting = [port for port in topology.ports if str(port) == name or port.device == name]
    if len(fitting) != 1:
        raise ValueError(f"{name!r} names {'several ports' if fitting else 'no port'}; there are: {names}")
    return Tap(fitting[0], way)


def _start(leaves: tuple[Leaf, ...]) -> Iterator[str]:
    """What was taken for the origin of the packets, most frequent first."""
    counts: dict[str, int] = {}
    for leaf in leaves:
        if not leaf.outcome.facts.addresses:
            continue
        who = (
            " or ".join(dict.fromkeys(str(reading.origin) for reading in leaf.outcome.readings))
            or leaf.outcome.untold
            or "origin not found"
        )
        counts[who] = counts.get(who, 0) + leaf.count
    for who, count in sorted(counts.items(), key=lambda item: -item[1]):
        yield f"{count:,} packets {who}"


def collect(leaves: tuple[Leaf, ...], settings: Settings) -> tuple[Finding, ...]:
    """The findings of all leaves, equal ones added up, by severity and code."""
    merged: dict[tuple[Any, ...], Finding] = {}
    cures: dict[tuple[Any, ...], Cure | None] = {}
    for leaf in leaves:
        if not leaf.outcome.facts.addresses:
            continue
        for finding, judgement, reading in _of_leaf(leaf):
            key = (finding.code, finding.hop, finding.because, finding.consequence, finding.condition, finding.sum, finding.note)
            if key not in cures:
                wanted = finding.severity is Severity.FINDING and finding.code != "CSL001"
                cures[key] = cure_for(leaf.outcome.facts, settings, reading, judgement) if wanted and judgement and reading else None
            old = merged.get(key)
            first = tuple(sorted({*(old.first if old else ()), *leaf.first})[:FIRST_KEPT])
            merged[key] = _recount(finding, (old.packets if old else 0) + leaf.count, first, cures[key])
    return tuple(sorted(merged.values(), key=lambda f: (f.severity is Severity.NOTE, f.code, -f.packets, f.hop)))


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
        because = "; ".join(outcome.misfits[:3]) or "nobody in the topology has its source address"
        yield Finding("CSL901", "", "", because, "", "not walked", "", leaf.count, ()), None, None
        return
    everywhere: dict[tuple[str, str, str, str], int] = {}
    seen = []
    for reading, judged in zip(outcome.readings, outcome.judged, strict=True):
        mine: dict[tuple[str, str, str, str], tuple[Finding, Judgement]] = {}
        for judgement in judged:
            finding = _finding(reading.trace, judgement)
            mine.setdefault((finding.code, finding.hop, finding.because, finding.sum), (finding, judgement))
        for key in mine:
            everywhere[key] = everywhere.get(key, 0) + 1
        seen.append((reading, mine))
    given: set[tuple[str, str, str, str]] = set()
    for reading, mine in seen:
        for key, (finding, judgement) in mine.items():
            if key in given:
                continue
            given.add(key)
            if everywhere[key] == len(seen):
                yield finding, judgement, reading
            else:
                yield replace(finding, condition=_condition(reading)), judgement, reading


def _condition(reading: Reading) -> str:
    chosen = [f"{option}" for option in (reading.trace.chosen or {}).values()]
    return "if it was " + " and ".join([str(reading.origin), *chosen])


def _finding(trace: Trace, judgement: Judgement) -> Finding:
    hop = trace.hops[judgement.hop] if trace.hops and judgement.hop >= 0 else None
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


def cure_for(facts: Facts, settings: Settings, reading: Reading, judgement: Judgement) -> Cure | None:
    """The first change with which the class, walked again from its origin, has no finding left; None if none of those tried helps."""
    order = _ports(settings.topology, reading.trace.hops, judgement.hop)
    for cure in candidates(settings.topology, order):
        if not _still_wrong(facts, cure.topology, reading):
            return cure
    return None


def _ports(topology: Topology, hops: tuple[Hop, ...], cause: int) -> list[Port]:
    """The ports of the way, nearest to the cause first, those before it before those after it."""
    near = sorted(range(len(hops)), key=lambda n: (n > cause, abs(n - cause)))
    return [port for n in near for port in topology.ports if str(port) == hops[n].port]


def _still_wrong(facts: Facts, topology: Topology, reading: Reading) -> bool:
    trace = _again(facts, topology, reading, {}, None)
    if trace is None:
        return True
    try:
        judged = [*judge(trace)]
        if reading.origin.made in _UNHARMED:
            judged += expose(trace, lambda number: _again(facts, topology, reading, {}, number), False)
    except Undecided:
        return True
    harmless = {"CSL001"} if reading.origin.made not in _UNHARMED else set()
    return any(
        (not j.note and CATALOGUE[j.code].severity is Severity.FINDING and j.code not in harmless) or j.code == "CSL902" for j in judged
    )
