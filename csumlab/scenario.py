"""Scenario folders: ``traffic.pcapng`` and the ``make.py`` that made it, ``topology.toml``, ``expected.toml``; one folder explains itself.

expected.toml:

    story = "what happens here, in a sentence"
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
(csumlab/cures.py), so naming the command is all that a fix needs.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from csumlab.collect import Finding
from csumlab.explain import explain
from csumlab.findings import CATALOGUE, Severity
from csumlab.replaying import ReplayResult, replay
from csumlab.shown import Shown, counted
from csumlab.trace import TAP


class ScenarioError(Exception):
    """A folder that is no scenario; ``str()`` says what is missing or wrong."""


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


def run_scenario(folder: str | os.PathLike[str], at: str = "") -> ScenarioResult:
    """Replay a folder's capture and compare. Raises ScenarioError, TopologyError, CaptureError."""
    place = Path(folder)
    expected = expectation(place)
    _complete(place)
    result = replay(place / "traffic.pcapng", place / "topology.toml", at=at)
    differences = (*_differences(expected, result), *_at_taps(expected, result))
    return ScenarioResult(place.name, expected.story, differences, result)


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
    """Today's result of a folder's capture as the text of an expected.toml, every finding and every tap. Raises TopologyError,
    CaptureError, and ScenarioError if the folder has no capture or no topology."""
    place = Path(folder)
    _complete(place)
    result = replay(place / "traffic.pcapng", place / "topology.toml", at=at)
    lines = [f"story = {_quoted(story)}", f"status = {result.status}"]
    noted = ", ".join(f"{code} = {packets}" for code, packets in _notes(result).items())
    lines += [f"notes = {{ {noted} }}" if noted else "notes = {}"]
    for finding in result.findings:
        if finding.severity is Severity.FINDING:
            lines += ["", "[[finding]]", f"code = {_quoted(finding.code)}", f"hop = {_quoted(finding.hop)}"]
            lines += [f"sum = {_quoted(finding.sum)}"] if finding.sum else []
            lines += [f"packets = {finding.packets}", f"cure = {_quoted(finding.cure.command if finding.cure else '')}"]
            lines += ["condition = true"] if finding.condition else []
    for where, shows in shown(result).items():
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


def captures_folder(given: str | os.PathLike[str] = "") -> Path:
    """Where the shipped scenarios are: ``given``, or ``captures`` below the working directory or beside the package in a source tree; they
    are not installed with it. Raises ScenarioError, which says where to get them."""
    places = [Path(given)] if given else [Path("captures"), Path(__file__).parents[1] / "captures"]
    for place in places:
        if next(place.glob("*/expected.toml"), None) is not None:
            return place
    raise ScenarioError(
        f"there are no scenario folders in {' or '.join(map(str, places))}: they are in captures/ of csumlab's source tree and are not "
        "installed; run this in a source tree, or say where they are with --captures"
    )


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


def shown(result: ReplayResult) -> dict[str, dict[str, int]]:
    """What captures would show at every tap on the ways of a replay's packets: by port and direction, how often each checksum with each
    verdict. Walks every packet alone: for captures of a few hundred."""
    found: dict[str, Counter[str]] = {}
    for number in range(1, result.packets + 1):
        for view in explain(result.file, number, result.settings).views:
            if view.hop.stage is TAP:
                here = found.setdefault(view.hop.where, Counter())
                here.update(f"{field.label} {field.verdict.name.lower() if field.verdict else 'not predictable'}" for field in view.after)
    return {where: dict(sorted(counts.items())) for where, counts in found.items()}


def _at_taps(expected: Expectation, result: ReplayResult) -> Iterator[str]:
    there = shown(result) if expected.tap else {}
    for entry in expected.tap:
        if entry.at not in there:
            yield f"no packet passes {entry.at}; there are: {', '.join(there)}"
            continue
        for name in sorted({*entry.shows, *there[entry.at]}):
            wanted, seen = entry.shows.get(name, 0), there[entry.at].get(name, 0)
            if wanted != seen:
                yield f"a capture at {entry.at}: expected {wanted} times {name}, found {seen}"
