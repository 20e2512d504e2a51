"""Scenario folders: ``traffic.pcapng`` and the ``make.py`` that made it, ``topology.toml``, ``expected.toml``; one folder explains itself.

expected.toml:

    story = "what happens here, in a sentence"
    at = "dom0:vif1.0"                  # where the capture was taken; left out: topology.toml says it
    status = 1
    notes = { CSL002 = 3 }              # packets of every note by its code; left out: notes are not looked at

    [[finding]]
    code = "CSL101"
    hop = "dom0:vif1.0 out"
    sum = "TCP"                         # left out: any
    packets = 3
    cure = "ethtool -K eth0 tx off"     # a part of the command that must be offered; "" if none helps
    condition = true                    # the finding depends on what the capture does not show; left out: it does not

    [[tap]]
    at = "dom0:eth0 out"
    shows = { "IPv4 good" = 3, "TCP partial" = 3 }

Strict both ways: every finding is expected, everything expected is found, and so are notes if they are given; a tap shows what is listed
of it and nothing else. A cure is offered only after the packets were walked again with it and nothing was found any more
(csumlab/cures), so naming the command is all that a fix needs.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.collect import Finding
from csumlab.explain import at_taps
from csumlab.findings import CATALOGUE, Severity
from csumlab.index import Index
from csumlab.outcome import Leaf
from csumlab.replaying import ReplayResult, replay, tap_of
from csumlab.shipped import ScenarioError as ScenarioError
from csumlab.shipped import scenario_folders
from csumlab.shown import Shown, counted
from csumlab.tables import Tables
from csumlab.topology.load import load_topology
from csumlab.topology.model import Topology


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    """One finding that is expected."""

    code: str
    hop: str
    packets: int
    sum: str = ""
    cure: str | None = None
    condition: bool = False


class ExpectedTap(msgspec.Struct, forbid_unknown_fields=True):
    """What a capture at another place would show: how often each checksum with each verdict, as "TCP partial". ``at`` is a port with its
    direction. Sums that the model does not know there count as "not predictable"."""

    at: str
    shows: dict[str, int]


class Expectation(msgspec.Struct, forbid_unknown_fields=True):
    """expected.toml."""

    story: str
    at: str = ""
    status: int = 0
    notes: dict[str, int] | None = None
    finding: list[Expected] = []
    tap: list[ExpectedTap] = []


@dataclass(frozen=True, repr=False)
class ScenarioResult(Shown):
    """``differences`` are sentences; none means that the scenario passed."""

    name: str
    story: str
    differences: tuple[str, ...]
    result: ReplayResult

    @property
    def passed(self) -> bool:
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Stable JSON."""
        return {
            "name": self.name,
            "story": self.story,
            "passed": self.passed,
            "differences": list(self.differences),
            "replay": self.result.to_dict(),
        }

    def _repr_html_(self) -> str:
        from csumlab.report.html import scenario_html

        return scenario_html(self)

    def __str__(self) -> str:
        head = f"{self.name}: {'as expected' if self.passed else 'NOT as expected'}. {self.story}"
        return "\n".join([head, *(f"  - {difference}" for difference in self.differences), "", str(self.result)])


def run_scenario(folder: str | os.PathLike[str], at: str = "", captures: str | os.PathLike[str] = "") -> ScenarioResult:
    """Replay a folder's capture and compare. ``folder`` may also be the name of a shipped one, or a documented bug by its id or slug: then
    the first of its folders, which shows it; :func:`run_scenarios` runs all. ``at``: where the capture was taken, if neither expected.toml
    nor topology.toml says it; ``captures``: where the shipped folders are, if not here or beside the package. Raises ScenarioError,
    TopologyError, CaptureError."""
    return _run(scenario_folders(folder, captures)[0][1], at)


def run_scenarios(name: str | os.PathLike[str], captures: str | os.PathLike[str] = "") -> tuple[ScenarioResult, ...]:
    """Every scenario that ``name`` stands for (:func:`csumlab.shipped.scenario_folders`): of a documented bug those that show it, and then
    those that show how it ends where it is mended. Raises as :func:`run_scenario` does."""
    return tuple(_run(folder) for _, folder in scenario_folders(name, captures))


def _run(place: Path, at: str = "") -> ScenarioResult:
    expected = expectation(place)
    _complete(place)
    topology = load_topology(place / "topology.toml")
    taps = _AtTaps(topology.tables)
    where = _tapped(place, topology, at or expected.at)
    result = replay(place / "traffic.pcapng", topology, at=where, watch=taps if expected.tap else None)
    differences = (*_differences(expected, result), *_unlike(expected, taps.shows))
    return ScenarioResult(place.name, expected.story, differences, result)


def _tapped(place: Path, topology: Topology, at: str) -> str:
    """``at``, if it or the topology names a port. Raises ScenarioError."""
    names = ", ".join(map(str, topology.ports))
    if not (at or topology.at):
        raise ScenarioError(
            f'{place}: where was the capture taken? write at = "PORT" into topology.toml or expected.toml; there are: {names}'
        )
    try:
        tap_of(topology, at)
    except ValueError as error:
        raise ScenarioError(f"{place}: at: {error}") from None
    return at


def expectation(folder: Path) -> Expectation:
    """What a folder expects. Raises ScenarioError."""
    file = folder / "expected.toml"
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Expectation)
    except OSError as error:
        hint = (
            f"; csumlab scenario new {folder} --story '...' writes it from today's result" if isinstance(error, FileNotFoundError) else ""
        )
        raise ScenarioError(f"{file}: {error.strerror}{hint}") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{file}: {error}") from None
    for code in (*(entry.code for entry in found.finding), *(found.notes or ())):
        if code not in CATALOGUE:
            raise ScenarioError(f"{file}: {code} is no finding; csumlab explain lists the codes")
    return found


def record(folder: str | os.PathLike[str], story: str, at: str = "") -> str:
    """Today's result of a folder's capture as the text of an expected.toml, every finding and every tap, with ``at`` if it is given. Raises
    TopologyError, CaptureError, and ScenarioError if the folder has no capture or no topology, or it is not known where the capture was
    taken."""
    place = Path(folder)
    _complete(place)
    topology = load_topology(place / "topology.toml")
    taps = _AtTaps(topology.tables)
    result = replay(place / "traffic.pcapng", topology, at=_tapped(place, topology, at), watch=taps)
    lines = [f"story = {_quoted(story)}", *([f"at = {_quoted(at)}"] if at else []), f"status = {result.status}"]
    noted = ", ".join(f"{code} = {packets}" for code, packets in _notes(result).items())
    lines += [f"notes = {{ {noted} }}" if noted else "notes = {}"]
    for finding in result.findings:
        if finding.severity is Severity.FINDING:
            lines += ["", "[[finding]]", f"code = {_quoted(finding.code)}", f"hop = {_quoted(finding.hop)}"]
            lines += [f"sum = {_quoted(finding.sum)}"] if finding.sum else []
            lines += [f"packets = {finding.packets}", f"cure = {_quoted(finding.cure.command if finding.cure else '')}"]
            lines += ["condition = true"] if finding.condition else []
    for where, shows in taps.shows.items():
        entries = ", ".join(f"{_quoted(name)} = {count}" for name, count in shows.items())
        lines += ["", "[[tap]]", f"at = {_quoted(where)}", f"shows = {{ {entries} }}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _complete(place: Path) -> None:
    for name in ("traffic.pcapng", "topology.toml"):
        if not (place / name).is_file():
            raise ScenarioError(f"{place}: there is no {name}")


def list_scenarios(root: str | os.PathLike[str]) -> Iterator[tuple[str, str]]:
    """Name and story of every scenario folder below ``root``. Raises ScenarioError if there is none."""
    folders = sorted(file.parent for file in Path(root).glob("*/expected.toml"))
    if not folders:
        raise ScenarioError(f"{root}: there is no folder with an expected.toml below it")
    for folder in folders:
        yield folder.name, expectation(folder).story


def _differences(expected: Expectation, result: ReplayResult) -> Iterator[str]:
    left: list[Finding] = [finding for finding in result.findings if finding.severity is Severity.FINDING]
    for entry in expected.finding:
        found = next((f for f in left if (f.code, f.hop) == (entry.code, entry.hop) and entry.sum in ("", f.sum)), None)
        if found is None:
            yield f"expected {entry.code} at {entry.hop}, not found"
            continue
        left.remove(found)
        if found.packets != entry.packets:
            yield f"{entry.code} at {entry.hop}: expected {counted(entry.packets, 'packet')}, found {found.packets}"
        if bool(found.condition) is not entry.condition:
            wanted = "a condition" if entry.condition else "no condition"
            yield f"{entry.code} at {entry.hop}: expected {wanted}, found {found.condition or 'none'}"
        offered = found.cure.command if found.cure else ""
        if entry.cure is not None and (entry.cure not in offered or bool(entry.cure) != bool(offered)):
            yield f"{entry.code} at {entry.hop}: expected the cure {entry.cure or 'none'!r}, offered is {offered or 'none'!r}"
    for finding in left:
        yield f"not expected: {finding}"
    if expected.notes is not None and expected.notes != _notes(result):
        yield f"expected notes {expected.notes}, found {_notes(result)}"
    if result.status != expected.status:
        yield f"expected status {expected.status}, found {result.status}"


def _notes(result: ReplayResult) -> dict[str, int]:
    """How many packets each note is about, by its code."""
    found = Counter[str]()
    for finding in result.findings:
        if finding.severity is Severity.NOTE:
            found[finding.code] += finding.packets
    return dict(sorted(found.items()))


class _AtTaps:
    """What captures would show at every tap on the ways of a replay's packets: by port and direction, how often each checksum with each
    verdict. Watches the replay; looks at every packet alone: for captures of a few hundred."""

    def __init__(self, tables: Tables) -> None:
        self._index = Index(tables, accelerate=False)
        self._found: dict[str, Counter[str]] = {}

    def __call__(self, leaf: Leaf, block: Block, rows: NDArray[np.int64]) -> None:
        for row in rows.tolist():
            for hop, fields in at_taps(leaf.outcome, self._index.columns(block, np.array([row]))):
                verdicts = (f"{field.label} {field.verdict.name.lower() if field.verdict else 'not predictable'}" for field in fields)
                self._found.setdefault(hop.where, Counter()).update(verdicts)

    @property
    def shows(self) -> dict[str, dict[str, int]]:
        return {where: dict(sorted(counts.items())) for where, counts in self._found.items()}


def _unlike(expected: Expectation, there: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """In what the taps differ from what is expected of them."""
    for entry in expected.tap:
        if entry.at not in there:
            yield f"no packet passes {entry.at}; there are: {', '.join(there)}"
            continue
        for name in sorted({*entry.shows, *there[entry.at]}):
            wanted, seen = entry.shows.get(name, 0), there[entry.at].get(name, 0)
            if wanted != seen:
                yield f"a capture at {entry.at}: expected {wanted} times {name}, found {seen}"
