"""Everything the HTML report shows, worked out: check, replay, timeline, senders, the ways of the classes and example packets.

The capture is read two or three times. Memory and the size of the report depend on the classes, never on the packets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import Capture, open_capture
from csumlab.capture.block import Block
from csumlab.checking import CheckResult, check
from csumlab.collect import Finding, by_harm, findings_of_leaf
from csumlab.dissection import Dissection, dissect_packet
from csumlab.explain import Explanation, explain_each
from csumlab.facts import Facts
from csumlab.findings import Severity
from csumlab.index import Membership
from csumlab.outcome import Leaf, Settings
from csumlab.replaying import ReplayResult, replay
from csumlab.report.ways import Station, stations
from csumlab.stations import Stations
from csumlab.suggest import Suggestion, suggest_from
from csumlab.survey import Survey, Timeline

MAX_EXPLAINED = 64
"""Classes whose way is worked out, the worst and most frequent first."""
MAX_WAYS = 16
MAX_GROUPS = 32
"""Causes found by check of which packets are shown."""
EXAMPLES = 2
"""Example packets of a finding."""


@dataclass(frozen=True)
class Way:
    """Classes that pass the same places with the same signs, and end alike. ``example`` is one of their packets."""

    stations: tuple[Station, ...]
    example: Explanation
    packets: int
    codes: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Found:
    """A finding, the walked classes that it concerns (their ids), and some of its packets."""

    finding: Finding
    leaves: frozenset[int]
    examples: tuple[Explanation, ...]


@dataclass(frozen=True)
class Material:
    """``result`` is None without a topology, then ``suggestion`` says how to go on. ``findings`` are the most harmful first; ``unwalked``
    counts the classes whose way was not worked out, to bound time; ``captured`` are packets that check names, with their bytes."""

    file: str
    checked: CheckResult
    survey: Survey
    result: ReplayResult | None = None
    suggestion: Suggestion | None = None
    findings: tuple[Found, ...] = ()
    timeline: Timeline = field(default_factory=Timeline)
    ways: tuple[Way, ...] = ()
    unwalked: int = 0
    captured: dict[int, tuple[bytes, Dissection]] = field(default_factory=dict)


def gather(path: str | os.PathLike[str], settings: Settings | None, progress: Callable[[Capture], None] | None = None) -> Material:
    """Work the report of a capture out, through a host if ``settings`` name one. CaptureError if nothing of it can be read."""
    survey, stations = Survey(), Stations()
    topology = settings.topology if settings else None

    def see(membership: Membership, fresh: Sequence[Facts]) -> None:
        survey.see(membership, fresh)
        if topology is None:
            stations.see(membership, fresh)

    checked = check(path, topology=topology, watch=see, progress=progress)
    if checked.faults and not checked.packets:
        raise checked.faults[0]
    file = os.fspath(path)
    named = [number for group in checked.groups[:MAX_GROUPS] for number in group.numbers[:EXAMPLES]]
    captured = _captured(path, named, checked)
    if settings is None:
        return Material(file, checked, survey, suggestion=suggest_from(file, checked, stations.finish()), captured=captured)
    # The same stretches as the survey's, so that their lanes stand above one another.
    timeline = Timeline(survey.timeline.start, survey.timeline.width, survey.timeline.last)

    def watch(leaf: Leaf, block: Block, rows: NDArray[np.int64]) -> None:
        timeline.add(id(leaf), block.timestamp[rows])

    result = replay(
        path, settings.topology, at=str(settings.tap), assume=settings.assume, exposure=settings.exposure, progress=progress, watch=watch
    )
    findings = by_harm(result.findings)
    leaves: dict[int, set[int]] = {id(finding): set() for finding in findings}
    for leaf in result.classes:
        for finding in findings_of_leaf(leaf, result.findings):
            leaves[id(finding)].add(id(leaf))
    walked = _worth_walking(result, [(finding, leaves[id(finding)]) for finding in findings])
    wanted = {leaf.first[0] for leaf in walked} | {number for finding in findings for number in finding.first}
    explained = {n: one for n, one in explain_each(path, sorted(wanted), settings).items() if isinstance(one, Explanation)}
    found = tuple(Found(finding, frozenset(leaves[id(finding)]), _examples(finding, explained)) for finding in findings)
    ways = _ways([leaf for leaf in walked if leaf.first[0] in explained], explained, found)
    return Material(
        file=file,
        checked=checked,
        survey=survey,
        result=result,
        findings=found,
        timeline=timeline,
        ways=ways[:MAX_WAYS],
        unwalked=sum(1 for leaf in result.classes if leaf.outcome.readings) - len(walked),
        captured=captured,
    )


def _captured(path: str | os.PathLike[str], numbers: Collection[int], checked: CheckResult) -> dict[int, tuple[bytes, Dissection]]:
    """Packets by number as they were captured, in one more pass, which ends with the last of them."""
    found: dict[int, tuple[bytes, Dissection]] = {}
    wanted = sorted(set(numbers))
    with open_capture(path) as capture:
        for block in capture:
            if len(found) == len(wanted):
                break
            for number in wanted[len(found) :]:
                row = number - block.first
                if row >= len(block):
                    break
                start = int(block.offset[row])
                data = block.data[start : start + int(block.captured[row])].tobytes()
                linktype = block.interfaces[int(block.interface[row])].linktype
                found[number] = data, dissect_packet(data, linktype, int(block.original[row]), checked.results[0].tables)
    return found


def _worth_walking(result: ReplayResult, findings: list[tuple[Finding, set[int]]]) -> list[Leaf]:
    """Those with the worst findings first, then the most frequent."""
    rank: dict[int, int] = {}
    for place, (finding, leaves) in enumerate(findings):
        if finding.severity is Severity.FINDING:
            for name in leaves:
                rank.setdefault(name, place)
    able = [leaf for leaf in result.classes if leaf.outcome.readings and leaf.first]
    return sorted(able, key=lambda leaf: (rank.get(id(leaf), len(findings)), -leaf.count))[:MAX_EXPLAINED]


def _ways(walked: list[Leaf], explained: dict[int, Explanation], findings: tuple[Found, ...]) -> tuple[Way, ...]:
    """Classes whose ways look alike, added up, in the order they came."""
    found: dict[tuple[object, ...], Way] = {}
    for leaf in walked:
        example = explained[leaf.first[0]]
        way = stations(example)
        key = (tuple((s.place, s.signs, s.state) for s in way), example.trace.fate, example.trace.why, str(leaf.outcome.readings[0].origin))
        old = found.get(key)
        codes = [one.finding.code for one in findings if id(leaf) in one.leaves]
        mine = tuple(dict.fromkeys([*(old.codes if old else ()), *codes]))
        packets = (old.packets if old else 0) + leaf.count
        found[key] = Way(way, old.example if old else example, packets, mine, str(leaf.outcome.readings[0].origin))
    return tuple(found.values())


def _examples(finding: Finding, explained: dict[int, Explanation]) -> tuple[Explanation, ...]:
    """Packets of a finding that do not all look alike: of other headers or with another way."""
    chosen: dict[object, Explanation] = {}
    for number in finding.first:
        one = explained.get(number)
        if one is not None:
            chosen.setdefault((one.facts.layers, tuple(view.hop.row for view in one.views)), one)
    return tuple(chosen.values())[:EXAMPLES]
