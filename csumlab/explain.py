"""One packet, hop by hop: the row that fired, why, from where that is known, and the field's bytes before and after."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from csumlab.capture import Capture, open_capture
from csumlab.capture.block import Block
from csumlab.classes import numbers
from csumlab.collect import Finding, findings_of
from csumlab.dissection import Dissection, dissect_packet
from csumlab.facts import Facts
from csumlab.forms import Form, Symbol
from csumlab.gathered import Fragment, alone, gathered_in, is_fragment
from csumlab.headers import KINDS, Kind, Verdict
from csumlab.index import Columns, Index
from csumlab.inet import spell
from csumlab.outcome import Outcome, Settings
from csumlab.replaying import answers_for
from csumlab.shown import Shown
from csumlab.sources import Reading, in_one_sentence
from csumlab.state import Claim, State, project
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Sum
from csumlab.trace import TAP, Hop, Trace

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Field:
    """A checksum field at a hop: ``value`` the 16 bits, None if they cannot be predicted, for the reason in ``why``. ``verdict`` is what a
    capture there would say, None if that cannot be told, ``claim`` what the carried state says of it (None of an IPv4 header's), ``uid``
    names its header on the whole way."""

    label: str
    value: int | None
    why: str
    verdict: Verdict | None
    claim: Claim | None = None
    uid: int = -1

    def __str__(self) -> str:
        word = f" {self.verdict.name.lower()}" if self.verdict else ""
        return f"{self.label} {self.value:#06x}{word}" if self.value is not None else f"{self.label}{word}, field not predictable"


@dataclass(frozen=True, slots=True)
class View:
    """One hop for a person. ``condition`` is the row's when and given."""

    hop: Hop
    condition: str
    before: tuple[Field, ...]
    after: tuple[Field, ...]
    is_tap: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "where": self.hop.where,
            "stage": self.hop.stage.name,
            "row": self.condition,
            "does": [str(do) for do in self.hop.row.does],
            "because": self.hop.because,
            "source": self.hop.stage.citation(self.hop.row),
            "sure": self.hop.row.sure,
            "state_before": str(self.hop.state_before),
            "state_after": str(self.hop.state_after),
            "before": [_field_dict(field) for field in self.before],
            "after": [_field_dict(field) for field in self.after],
            "capture_here": self.is_tap,
        }


def _field_dict(field: Field) -> dict[str, Any]:
    return {
        "sum": field.label,
        "field": field.value,
        "why": field.why,
        "verdict": field.verdict.name.lower() if field.verdict else None,
    } | {"claim": field.claim.value if field.claim else None}


@dataclass(frozen=True, repr=False)
class Explanation(Shown):
    """Everything about one packet. ``trace`` is of the first reading that fits, ``data`` are its bytes as
    captured, ``cut`` says that there were more. ``facts`` and ``columns`` of a first fragment are those of its datagram, if all of that
    was captured."""

    file: str
    number: int
    dissection: Dissection
    facts: Facts
    outcome: Outcome
    trace: Trace
    views: tuple[View, ...]
    findings: tuple[Finding, ...]
    columns: Columns = field(repr=False)
    data: bytes = field(repr=False)
    cut: bool = False

    def ways(self) -> Iterator[tuple[Reading, tuple[View, ...]]]:
        """Every reading that fits, with its hops; the first is the one shown. Valid as long as the block that the packet is from."""
        for reading in self.outcome.readings:
            yield reading, tuple(_Reader(self.facts, self.columns, reading.trace).views())

    def __str__(self) -> str:
        from csumlab.report.explain import text

        return text(self)

    def frame(self) -> pd.DataFrame:
        """The way as a pandas DataFrame with typed columns, one row per hop and checksum."""
        from csumlab.report.hops import explanation_frame

        return explanation_frame(self)

    def _repr_html_(self) -> str:
        from csumlab.report.html import explanation_html

        return explanation_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Stable JSON."""
        return {
            "format": 1,
            "file": self.file,
            "packet": self.number,
            "packet_is": str(self.dissection),
            "origin": [str(reading.origin) for reading in self.outcome.readings],
            "fate": self.trace.fate.value,
            "why": self.trace.why,
            "hops": [view.to_dict() for view in self.views],
            "findings": [{"code": f.code, "hop": f.hop, "because": f.because, "condition": f.condition} for f in self.findings],
        }


def explain(
    path: str | os.PathLike[str], number: int, settings: Settings, progress: Callable[[Capture], None] | None = None
) -> Explanation:
    """Explain packet ``number``, counted from 1; ``progress`` is called after every block.

    ValueError if the capture ends before it, or no origin that the topology allows fits it;
    CaptureError if it cannot be read."""
    found = explain_each(path, (number,), settings, progress)[number]
    if isinstance(found, str):
        raise ValueError(found)
    return found


def explain_each(
    path: str | os.PathLike[str], wanted: Collection[int], settings: Settings, progress: Callable[[Capture], None] | None = None
) -> dict[int, Explanation | str]:
    """Explain several packets in one pass over the capture: by number the explanation, or the sentence why there is none. CaptureError if
    the capture cannot be read."""
    found: dict[int, Explanation | str] = {}
    fragments: dict[int, Block] = {}
    missing = ""
    with open_capture(path) as capture:
        for block in capture:
            if progress is not None:
                progress(capture)
            for number in sorted(wanted):
                if block.first <= number < block.first + len(block):
                    one = alone(block, number - block.first)
                    if os.fspath(path) != "-" and is_fragment(_dissected(one, settings).facts):
                        fragments[number] = one
                    else:
                        found[number] = _explained(os.fspath(path), one, settings)
            if len(found) + len(fragments) == len(set(wanted)):
                break
        else:
            end = f" ({capture.fault})" if capture.fault else ""
            missing = f"{os.fspath(path)} has {capture.packets} packets, counted from 1; there is no packet {{}}{end}"
    for whole in gathered_in(path, settings.topology.tables, set(fragments)) if fragments else ():
        found[whole.number] = _explained(os.fspath(path), fragments.pop(whole.number), settings, whole)
        if not fragments:
            break
    found |= {number: _explained(os.fspath(path), one, settings) for number, one in fragments.items()}
    return {number: found[number] if number in found else missing.format(number) for number in wanted}


def _explained(file: str, block: Block, settings: Settings, whole: Fragment | None = None) -> Explanation | str:
    try:
        return explain_row(file, block, 0, settings, whole)
    except ValueError as error:
        return str(error)


def _dissected(block: Block, settings: Settings, row: int = 0) -> Dissection:
    start = int(block.offset[row])
    return dissect_packet(
        block.data[start : start + int(block.captured[row])].tobytes(),
        block.interfaces[int(block.interface[row])].linktype,
        int(block.original[row]),
        settings.topology.tables,
        interface=int(block.interface[row]),
        flags=int(block.flags[row]),
    )


def explain_row(file: str, block: Block, row: int, settings: Settings, whole: Fragment | None = None) -> Explanation:
    """Explain the packet in ``row`` of a block of ``file``; ``whole`` is what it is as a fragment of a datagram of which all was captured.
    ValueError if no origin that the topology allows fits it."""
    start, number = int(block.offset[row]), block.first + row
    data = block.data[start : start + int(block.captured[row])].tobytes()
    dissection = _dissected(block, settings, row)
    facts, of = (whole.facts, (whole.block, 0)) if whole is not None else (dissection.facts, (block, row))
    columns = Index(settings.topology.tables, accelerate=False).columns(of[0], np.array([of[1]]))
    if whole is not None:
        _keep_header_sum(columns, facts, dissection)
    outcome, _ = answers_for(facts, settings, columns, 0)
    if not outcome.readings:
        reasons = in_one_sentence(outcome.misfits) or "it has no IP header, or nobody in the topology has its source address"
        raise ValueError(f"packet {number} fits no origin at {settings.tap}: {reasons}")
    trace = outcome.readings[0].trace
    views = tuple(_Reader(facts, columns, trace).views())
    cut = int(block.original[row]) > len(data)
    return Explanation(file, number, dissection, facts, outcome, trace, views, findings_of(outcome, settings, number), columns, data, cut)


def at_taps(outcome: Outcome, columns: Columns) -> Iterator[tuple[Hop, tuple[Field, ...]]]:
    """One packet as captures at the taps on its way would show it, by the first reading that fits; ``outcome`` is that of its walked
    class, ``columns`` are its numbers."""
    if outcome.readings:
        trace = outcome.readings[0].trace
        reader = _Reader(outcome.facts, columns, trace)
        for hop in trace.hops:
            if hop.stage is TAP:
                yield hop, tuple(reader.fields(hop.after, hop.state_after))


def _keep_header_sum(columns: Columns, facts: Facts, dissection: Dissection) -> None:
    """The IPv4 header of a first fragment holds its own sum, not that of the datagram that it is walked as."""
    outermost = facts.addresses[0].header
    for number, entry in enumerate(facts.sums):
        if entry.kind is Kind.IPV4 and entry.header == outermost:
            # A header has no pseudo-header: its seed is its field.
            columns.field[number][0] = columns.seed[number][0] = next(one.field for one in dissection.sums if one.header == outermost)


class _Reader:
    """Turns the forms of a trace into the numbers of one packet."""

    def __init__(self, facts: Facts, columns: Columns, trace: Trace) -> None:
        self.columns, self.trace = columns, trace
        self.known = _bindings(trace)
        self.raw = {entry.header: int(columns.field[n][0]) for n, entry in enumerate(facts.sums)}

    def views(self) -> Iterator[View]:
        for number, hop in enumerate(self.trace.hops):
            row = hop.row
            condition = "; ".join([f"when {row.when}", *(f"given {given}" for given in row.given)])
            yield View(
                hop,
                condition,
                tuple(self.fields(hop.before, hop.state_before)),
                tuple(self.fields(hop.after, hop.state_after)),
                hop.stage is TAP and number == self.trace.tap,
            )

    def number(self, form: Form) -> tuple[int | None, str]:
        form = form.substitute(self.known)
        if form.unknowns:
            return None, form.unknowns[0].unknown
        values, known = numbers(form, self.columns)
        return (int(values[0]), "") if known[0] else (None, "it was not captured")

    def fields(self, packet: Any, state: State) -> Iterator[Field]:
        assert isinstance(packet, SymbolicPacket)
        second = next(iter([place for place, header in enumerate(packet.headers) if header.is_ip][1:]), len(packet.headers))
        inner = {header.uid for header in packet.headers[second:]}
        claims = project(state, packet.headers)
        for header in packet.headers:
            own = packet.sums.get(header.uid)
            if own is None:
                continue
            label = ("inner " if header.uid in inner else "") + KINDS[own.kind].label
            value, why = (None, "a CRC is not a sum") if KINDS[own.kind].crc else self.number(own.field)
            if value is not None:
                value = spell(value, own.zero, self.raw.get(header.index, value))
            claim = claims[header.uid] if header.consumes else None
            yield Field(label, value, why, self.verdict(packet, header.uid, own, value), claim, header.uid)

    def verdict(self, packet: SymbolicPacket, uid: int, own: Sum, value: int | None) -> Verdict | None:
        """What a capture would say of a field that holds ``value``; a residue that is not known counts as not zero if it is that of a
        partial sum."""
        if own.absent:
            return Verdict.ABSENT
        residue, seed = self.number(own.residue)[0], self.number(own.seed)[0]
        if residue == 0:
            return Verdict.GOOD
        if seed == 0 and own.kind is not Kind.NOTHING:
            return Verdict.PARTIAL if KINDS[own.kind].pseudo else Verdict.BLANK
        if residue is None:
            return None
        left = self.number(packet.once_filled(uid))[0]
        if left == 0:
            return Verdict.DEFERRED
        if left is None:
            return None
        return Verdict.BLANK if value == 0 else Verdict.BAD


def _bindings(trace: Trace) -> dict[Symbol, Form]:
    """What the symbols of the way up to the tap are, from what was seen there: each sum's P, D and F there is known."""
    known: dict[Symbol, Form] = {}
    if trace.tap < 0 or trace.tap + 1 >= len(trace.hops):
        return known
    walked, seen = trace.hops[trace.tap].after, trace.hops[trace.tap + 1].before
    assert isinstance(walked, SymbolicPacket)
    assert isinstance(seen, SymbolicPacket)
    equations = [
        (getattr(walked.sums[uid], part), getattr(seen.sums[uid], part))
        for uid in seen.sums
        if uid in walked.sums
        for part in ("pseudo", "field", "data")
        # What was not seen (a packet cut short) tells nothing.
        if not getattr(seen.sums[uid], part).unknowns
    ]
    progress = True
    while progress:
        progress = False
        for left, right in equations:
            left = left.substitute(known)
            if len(left.unknowns) != 1:
                continue
            symbol = left.unknowns[0]
            coefficient = dict(left.terms)[symbol]
            if coefficient not in (1, 0xFFFE):
                continue
            rest = Form(left.constant, tuple((s, c) for s, c in left.terms if s != symbol))
            known[symbol] = (right - rest) * (1 if coefficient == 1 else -1)
            progress = True
    return known
