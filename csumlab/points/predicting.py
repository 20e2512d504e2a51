"""Whether the model of a host predicts what happened between two capture points: a packet of each kind is walked from one to the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from csumlab.collect import Finding
from csumlab.explain import Explanation, Field, View, explain_each
from csumlab.findings import Severity
from csumlab.headers import KINDS, Verdict
from csumlab.outcome import Settings
from csumlab.points.changes import Kinship, Seen
from csumlab.points.tallies import Count, Fate, Lonely, in_order
from csumlab.replaying import tap_of
from csumlab.sources import Tap
from csumlab.topology.model import Topology
from csumlab.trace import TAP

ASKED: Final = 512
"""Kinds of pairs and of lonely packets of which the model is asked, the most frequent first."""

Sums = tuple[tuple[str, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of a kind of packets. ``agrees``: it predicts what was seen; None: it cannot say. ``codes`` are findings on the
    whole way of the packet that was asked about, ``cure`` the first change that was tried in the model and helps, if it agrees."""

    agrees: bool | None
    sentence: str
    codes: tuple[str, ...] = ()
    cure: str = ""

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class Predictions:
    """All of them, between the two ports. ``unasked`` counts kinds past the bound."""

    before: str
    after: str
    pairs: Mapping[Kinship, Prediction]
    alone: Mapping[Lonely, Prediction]
    unasked: int = 0


@dataclass(frozen=True, slots=True)
class _Question:
    """A packet of one capture, and what was seen of it in the other: None if nothing."""

    number: int
    key: Kinship | Lonely
    seen: Sums | None = None


def predict(
    topology: Topology,
    at_before: str,
    at_after: str,
    files: tuple[str, str],
    pairs: Mapping[Kinship, Count],
    alone: Mapping[Lonely, Count],
) -> Predictions:
    """Ask the model. ValueError if a port is not in the topology."""
    taps = taps_of(topology, at_before, at_after)
    questions: tuple[list[_Question], list[_Question]] = ([], [])
    for kinship, count in in_order(pairs)[:ASKED]:
        back = Seen.BACK in kinship.seen
        questions[back].append(_Question(count.examples[0][back], kinship, _observed(kinship)))
    for lonely, count in in_order(alone)[:ASKED]:
        if lonely.fate in (Fate.LOST, Fate.UNSEEN):
            questions[lonely.after].append(_Question(count.examples[0][lonely.after], lonely))
    found: dict[Kinship | Lonely, Prediction] = {}
    for side, asked in enumerate(questions):
        settings = Settings(topology, taps[side])
        found |= _answers(files[side], asked, settings, taps[1 - side])
    return Predictions(
        str(taps[0]),
        str(taps[1]),
        {key: one for key, one in found.items() if isinstance(key, Kinship)},
        {key: one for key, one in found.items() if isinstance(key, Lonely)},
        max(0, len(pairs) - ASKED) + max(0, len(alone) - ASKED),
    )


def taps_of(topology: Topology, at_before: str, at_after: str) -> tuple[Tap, Tap]:
    """The two capture points. ValueError with the ports there are."""
    if not at_after:
        names = ", ".join(str(port) for port in topology.ports)
        raise ValueError(f"where was the second capture taken? say --at-after with one of: {names}")
    taps = tap_of(topology, at_before), tap_of(topology, at_after)
    if taps[0] == taps[1]:
        raise ValueError(f"both captures are said to be taken at {taps[0]}: give two places, or :in and :out of one")
    return taps


def _observed(kinship: Kinship) -> Sums:
    """The checksums at the second point, outermost first."""
    return tuple((KINDS[one.kind].label, one.after) for one in reversed(kinship.sums) if one.after is not Verdict.NOTHING)


def _answers(file: str, questions: list[_Question], settings: Settings, other: Tap) -> dict[Kinship | Lonely, Prediction]:
    wanted: dict[int, list[_Question]] = {}
    for question in questions:
        wanted.setdefault(question.number, []).append(question)
    found: dict[Kinship | Lonely, Prediction] = {}
    if not wanted:
        return found
    for number, explained in explain_each(file, wanted, settings).items():
        for question in wanted[number]:
            if isinstance(explained, str):
                found[question.key] = Prediction(None, f"the model cannot say: {explained}")
            else:
                found[question.key] = _answer(explained, question, other)
    return found


def _answer(explanation: Explanation, question: _Question, other: Tap) -> Prediction:
    """Hold what the model says of one packet against what was seen of its kind."""
    if isinstance(question.key, Kinship) and Seen.PAYLOAD in question.key.seen:
        return Prediction(False, "not predicted: in the model no byte of the payload changes")
    faults = [one for one in explanation.findings if one.severity is Severity.FINDING]
    codes = tuple(dict.fromkeys(one.code for one in faults))
    cure = next((f"in {one.cure.domain}: {one.cure.command}" for one in faults if one.cure is not None), "")
    sentences: list[str] = []
    for reading, views in explanation.ways():
        there = _tap_after(views, other)
        trace = reading.trace
        if question.seen is None:
            if there is None:
                where = trace.hops[-1].where if trace.hops else trace.origin
                return Prediction(True, f"predicted: it does not reach {other}; {trace.fate.value} at {where}: {trace.why}", codes, cure)
            sentences.append(f"not predicted: in the model it passes {other}")
        elif there is None:
            sentences.append(f"not predicted: in the model it never passes {other} ({trace.fate.value}: {trace.why})")
        else:
            differences = _differences(there.after, question.seen)
            if not differences:
                return Prediction(True, f"predicted: {_decisive(views, there, faults)}", codes, cure)
            sentences.append(f"not predicted: {differences}")
    return Prediction(False, " or ".join(dict.fromkeys(sentences)), codes)


def _tap_after(views: tuple[View, ...], other: Tap) -> View | None:
    """The capture point ``other`` on the way behind the one where the packet was captured."""
    passed = False
    for view in views:
        if passed and view.hop.stage is TAP and view.hop.port == str(other.port) and other.way in ("", view.hop.way):
            return view
        passed = passed or view.is_tap
    return None


def _differences(fields: tuple[Field, ...], seen: Sums) -> str:
    """How the model's sums differ from those seen, "" if they do not."""
    labels = [one.label.removeprefix("inner ") for one in fields]
    if labels != [label for label, _ in seen]:
        return f"in the model the packet has the checksums {', '.join(labels)} there"
    told = [
        f"the model says {one.label} {one.verdict.name.lower()}, seen is {verdict.name.lower()}"
        for one, (_, verdict) in zip(fields, seen, strict=True)
        if one.verdict is not None and verdict is not Verdict.UNVERIFIED and one.verdict is not verdict
    ]
    return "; ".join(told)


def _decisive(views: tuple[View, ...], there: View, faults: list[Finding]) -> str:
    """The finding between the two points, or else the last hop at which a checksum became something else, in words."""
    start = next((n for n, view in enumerate(views) if view.is_tap), -1)
    between = views[start + 1 : next(n for n, view in enumerate(views) if view is there)]
    for one in faults:
        if any(view.hop.where == one.hop and view.hop.because == one.because for view in between):
            return f"{one.code} at {one.hop}: {one.because}"
    said = "nothing touches the sums in between"
    for view in between:
        old = {field.label: field.verdict for field in view.before}
        for field in view.after:
            if field.label in old and old[field.label] is not field.verdict and view.hop.stage is not TAP:
                said = f"{view.hop.where}: {view.hop.because}"
    return said
