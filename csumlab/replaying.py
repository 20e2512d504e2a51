"""Replay: every class of a capture from its origin through the tap to its end, judged; the findings added up.

A class is walked once. Where a predicate differs from packet to packet the class splits: the tree of what was asked is kept across
blocks, and the members of each block run down it. Memory is bounded by the classes, never by the packets.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import Capture, CaptureError, open_capture
from csumlab.capture.ahead import ahead
from csumlab.capture.block import Block
from csumlab.classes import numbers
from csumlab.collect import Finding, collect
from csumlab.disabled import disabled_by, lost_behind
from csumlab.facts import Facts
from csumlab.findings import Severity
from csumlab.forms import Form
from csumlab.gathered import Gatherer, Share, is_fragment
from csumlab.index import Columns, Index, Membership
from csumlab.outcome import FIRST_KEPT, Leaf, Outcome, Settings, evaluate
from csumlab.shown import Shown, counted
from csumlab.sources import Tap
from csumlab.symbolic.sums import Undecided
from csumlab.topology.model import Topology
from csumlab.trace import Trace
from csumlab.words import nearest

if TYPE_CHECKING:
    import pandas as pd

    from csumlab.annotate.hops import Written
    from csumlab.explain import Explanation

MAX_LEAVES = 1024
"""Walked classes, counted after splitting; what comes beyond is counted and said."""
MOST_GATHERED = 1 << 17
"""Fragments whose outcome is remembered by number, for those that read the capture again."""
ASSUMPTIONS = ("unchecked", "verified", "must-compute")

Watch = Callable[[Leaf, Block, NDArray[np.int64]], None]
"""Called with a walked class, a block and the rows of the block that are in it."""
Answers = frozenset[tuple[Form, bool]]


@dataclass
class _Tree:
    """What was asked of one class so far."""

    facts: Facts
    nodes: dict[Answers, Form | Leaf] = field(default_factory=dict)


class Replay:
    """A replay in progress: ``add`` blocks, then ``result``."""

    def __init__(self, settings: Settings, accelerate: bool | None = None, watch: Watch | None = None) -> None:
        self.settings, self.watch = settings, watch
        self.index = Index(settings.topology.tables, accelerate=accelerate)
        self.gathered: dict[int, Leaf] = {}
        """What became of fragments whose datagrams are there, by their numbers; of the first MOST_GATHERED."""
        self._trees: list[_Tree] = []
        self._of_datagrams: dict[Facts, _Tree] = {}
        self._gatherer = Gatherer(self.index, accelerate)
        self._leaves = 0
        self.skipped = 0

    def add(self, block: Block) -> None:
        """Run a block's packets down the trees of their classes. Fragments wait until their datagram is there."""
        member = self.index.add(block)
        counts = np.bincount(member.class_of[member.class_of >= 0], minlength=0) if len(block) else np.zeros(0, np.int64)
        for number in np.flatnonzero(counts).tolist():
            if not is_fragment(self.index.facts(number)):
                self._run_down(self._tree(number), number, member, int(counts[number]))
        self._run_fragments(self._gatherer.add(member))

    def finish(self) -> None:
        """No more packets come: fragments wait no longer."""
        self._run_fragments(self._gatherer.finish())

    def _run_fragments(self, shares: Sequence[Share]) -> None:
        """Run fragments down the trees of what they are walked by; each outcome has its packets in the order in which they came out."""
        found: defaultdict[int, list[tuple[Leaf, NDArray[np.int64], NDArray[np.int64]]]] = defaultdict(list)
        for share in shares:
            tree = self._of_datagrams.get(share.facts)
            if tree is None:
                if self._leaves >= MAX_LEAVES:
                    self.skipped += len(share.rows)
                    continue
                tree = self._of_datagrams[share.facts] = _Tree(share.facts)
            for leaf, places in self._sorted(tree, share):
                if leaf is None:
                    self.skipped += len(places)
                    continue
                if self.watch is not None:
                    self.watch(leaf, share.block, share.rows[places])
                found[id(leaf)].append((leaf, share.order[places], share.numbers[places]))
                if share.gathered:
                    room = max(MOST_GATHERED - len(self.gathered), 0)
                    self.gathered |= dict.fromkeys(share.numbers[places][:room].tolist(), leaf)
        for parts in found.values():
            order, packets = (np.concatenate([part[column] for part in parts]) for column in (1, 2))
            parts[0][0].add(packets[np.argsort(order)].tolist(), len(packets))

    def _sorted(self, tree: _Tree, share: Share) -> Iterator[tuple[Leaf | None, NDArray[np.int64]]]:
        """The places of a share's packets by their outcome. A block that holds datagrams may have one for several packets."""
        rows, of = np.unique(share.rows, return_inverse=True)
        for leaf, part in self._parts(tree, share.block, rows):
            yield leaf, np.flatnonzero(np.isin(of, np.searchsorted(rows, part)))

    def _run_down(self, tree: _Tree, number: int, member: Membership, count: int) -> None:
        root = self._node(tree, frozenset())
        if isinstance(root, Leaf):
            if self.watch is not None:
                self.watch(root, member.block, member.rows(number))
            wanted = FIRST_KEPT - len(root.first)
            rows = member.rows(number)[:wanted] if wanted else np.zeros(0, np.int64)
            root.add((rows + member.block.first).tolist(), count)
            return
        for leaf, places in self._parts(tree, member.block, member.rows(number)):
            if leaf is None:
                self.skipped += len(places)
            else:
                if self.watch is not None:
                    self.watch(leaf, member.block, places)
                leaf.add((places + member.block.first).tolist()[:FIRST_KEPT], len(places))

    def leaves_of(self, block: Block, gathered: Mapping[int, Leaf]) -> list[Leaf | None]:
        """The outcome of each packet of a block, None past the bound of classes. Counts nothing. ``gathered`` are the outcomes of
        fragments that an earlier pass has found."""
        member = self.index.add(block)
        found: list[Leaf | None] = [None] * len(block)
        for number in np.unique(member.class_of[member.class_of >= 0]).tolist():
            for leaf, rows in self._parts(self._tree(number), block, member.rows(number)):
                for row in rows.tolist():
                    found[row] = gathered.get(block.first + row, leaf)
        return found

    def _tree(self, number: int) -> _Tree:
        if number >= len(self._trees):
            self._trees += (_Tree(one.facts) for one in self.index.classes[len(self._trees) :])
        return self._trees[number]

    def _parts(self, tree: _Tree, block: Block, rows: NDArray[np.int64]) -> Iterator[tuple[Leaf | None, NDArray[np.int64]]]:
        """The rows of a class by their outcome, None past the bound of walked classes."""
        todo: list[tuple[Answers, NDArray[np.int64]]] = [(frozenset(), rows)]
        columns: Columns | None = None
        while todo:
            answers, places = todo.pop()
            node = self._node(tree, answers)
            if node is None or isinstance(node, Leaf):
                yield node, places
            else:
                columns = columns or self.index.columns(block, rows)
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
        for tree in (*self._trees, *self._of_datagrams.values()):
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


@dataclass(frozen=True, repr=False)
class ReplayResult(Shown):
    """What a replay found. ``str()`` is the report. ``start`` says what the readings rest on and what of the topology has no effect,
    ``classes`` are the walked classes with their outcomes, ``walked`` the packets in them that have an IP header, ``beyond`` those past the
    bound of classes; ``gathered`` are the outcomes of fragments whose datagrams are there, by their numbers."""

    file: str
    settings: Settings
    packets: int
    walked: int
    findings: tuple[Finding, ...]
    start: tuple[str, ...]
    classes: tuple[Leaf, ...]
    beyond: int
    fault: CaptureError | None
    gathered: Mapping[int, Leaf] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """2 if the capture could not be read to its end, 1 with findings that are not notes, else 0."""
        if self.fault is not None:
            return 2
        return int(any(finding.severity is Severity.FINDING for finding in self.findings))

    def trace(self, number: int) -> Trace:
        """The way of packet ``number``. ValueError if there is no such packet or no origin fits it."""
        return self.explain(number).trace

    def frame(self) -> pd.DataFrame:
        """The findings as a pandas DataFrame with typed columns, one row a finding."""
        from csumlab.report.replay import finding_frame

        return finding_frame(self)

    def write(self, path: str | os.PathLike[str], progress: Callable[[Capture], None] | None = None) -> Written:
        """Write the packets as captures at every hop would show them, one pcapng interface a hop; what was written. Reads the capture
        again. Raises CaptureError, and ValueError for a capture that came from a stream."""
        from csumlab.annotate.hops import write_hops

        return write_hops(self, path, progress=progress)

    def explain(self, number: int) -> Explanation:
        """Packet ``number``, counted from 1, hop by hop. ValueError if there is no such packet or no origin fits it."""
        from csumlab.explain import explain

        return explain(self.file, number, self.settings)

    def hops(self) -> pd.DataFrame:
        """The walked classes hop by hop as a pandas DataFrame with typed columns: one row per class, hop and checksum
        (:func:`csumlab.report.hops.class_frame`)."""
        from csumlab.report.hops import class_frame

        return class_frame(self)

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
    watch: Watch | None = None,
) -> ReplayResult:
    """Walk every packet of a capture through a modelled host.

    ``topology``: a Topology, or a TOML file. ``at``: the port the capture was taken at, ``domain:device`` with ``:in`` or ``:out`` if
    only one direction was captured; "" takes the topology's own. ``assume``: one of ASSUMPTIONS, the carried state at the tap if it is
    known. ``exposure``: also report where damage inside one host's memory would go unnoticed. ``watch`` sees which packets are in which
    walked class. Raises CaptureError, TopologyError,
    ValueError.
    """
    if not isinstance(topology, Topology):
        from csumlab.topology.load import load_topology

        topology = load_topology(topology)
    settings = Settings(topology, tap_of(topology, at), assume, exposure)
    if assume and assume not in ASSUMPTIONS:
        raise ValueError(f"assume: {assume!r} is none of {', '.join(ASSUMPTIONS)}")
    running = Replay(settings, accelerate, watch)
    with open_capture(path) as capture:
        for block in ahead(capture):
            running.add(block)
            if progress is not None:
                progress(capture)
        fault = capture.fault
    running.finish()
    leaves = tuple(running.leaves)
    findings = collect(leaves, settings)
    disabled = disabled_by(leaves)
    # Standard input and pipes cannot be read again: there the packet that disables the interface is all that is said.
    if disabled and os.path.isfile(path):
        with open_capture(path) as capture:
            findings = lost_behind(disabled, capture, lambda block: running.leaves_of(block, running.gathered), findings)
    return ReplayResult(
        file=os.fspath(path),
        settings=settings,
        packets=running.index.packets,
        walked=sum(leaf.count for leaf in leaves if leaf.outcome.facts.addresses),
        findings=findings,
        start=(*_start(leaves), *topology.without_effect),
        classes=leaves,
        beyond=running.index.overflow + running.skipped,
        fault=fault,
        gathered=running.gathered,
    )


def tap_of(topology: Topology, at: str) -> Tap:
    """The tap that ``at``, or else the topology, names. ValueError with the ports there are."""
    text = at or topology.at
    names = ", ".join(str(port) for port in topology.ports)
    if not text:
        raise ValueError(f"where was the capture taken? say --at with one of: {names}")
    name, way = (text.rsplit(":", 1)[0], text.rsplit(":", 1)[1]) if text.endswith((":in", ":out")) else (text, "")
    fitting = [port for port in topology.ports if str(port) == name or port.device == name]
    if len(fitting) > 1:
        raise ValueError(f"{name!r} names several ports; say which: {', '.join(map(str, fitting))}")
    if not fitting:
        close = nearest(name, map(str, topology.ports))
        raise ValueError(f"{name!r} names no port{f'; did you mean {close[0]!r}? There' if close else '; there'} are: {names}")
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
        yield f"{counted(count, 'packet')} {who}"
