"""One example packet for the HTML report: its hops, and its bytes at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from csumlab.dissection import Checksum, Dissection
from csumlab.explain import Explanation, Field, View
from csumlab.headers import KINDS
from csumlab.hopbytes import HopBytes, hop_bytes
from csumlab.outcome import Settings
from csumlab.report.bytemap import Row, SumRow, rows_of, stack_of, sum_row
from csumlab.report.signs import Sign, sign_of, sign_of_verdict, worst
from csumlab.report.ways import changes
from csumlab.trace import TAP


@dataclass(frozen=True, slots=True)
class SumLine:
    """A checksum at a hop: its sign, what the carried state says of it, and its numbers where the bytes are known."""

    label: str
    sign: Sign
    claim: str
    numbers: SumRow
    focus: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes as they are behind one or several hops. ``size`` in bytes; ``focus`` names the sum whose coverage is marked."""

    rows: tuple[Row, ...]
    size: int
    focus: str
    note: str


@dataclass(frozen=True, slots=True)
class Step:
    """A hop. ``frame`` indexes the frames, -1 where the bytes cannot be told; ``cause`` says that this is where it went wrong."""

    where: str
    stage: str
    because: str
    before: str
    after: str
    sums: tuple[SumLine, ...]
    sign: Sign
    frame: int
    changed: bool
    tap: bool
    cause: bool
    source: str


@dataclass(frozen=True, slots=True)
class Example:
    """A packet for a person. ``steps`` is one entry, without a hop, where there is no host."""

    number: int
    headers: str
    origin: str
    end: str
    steps: tuple[Step, ...]
    frames: tuple[Frame, ...]
    start: int


def walked_example(explanation: Explanation, settings: Settings, kind: str, cause: tuple[str, str]) -> Example:
    """A packet hop by hop; ``kind`` is the name of the checksum in question, ``cause`` where it went wrong and why (of a finding)."""
    data = hop_bytes(explanation, settings)
    frames: list[Frame] = []
    steps: list[Step] = []
    previous: HopBytes | None = None
    for view, held in zip(explanation.views, data, strict=True):
        focus = _focus(view.after, held, kind)
        if held is not None and (previous is None or held.data != previous.data or not frames):
            frames.append(_frame(held, focus, previous))
        steps.append(_step(view, held, focus, len(frames) - 1 if held is not None else -1, cause))
        previous = held or previous
    causes = [number for number, step in enumerate(steps) if step.cause]
    taps = [number for number, step in enumerate(steps) if step.tap]
    return Example(
        number=explanation.number,
        headers=in_words(explanation.dissection),
        origin=str(explanation.outcome.readings[0].origin),
        end=f"{explanation.trace.fate.value}: {explanation.trace.why}",
        steps=tuple(steps),
        frames=tuple(frames),
        start=(causes or taps or [0])[0],
    )


def captured_example(number: int, data: bytes, dissection: Dissection, kind: int) -> Example:
    """A packet as it was captured, where there is no host to walk it through."""
    sums = dissection.sums
    chosen = [place for place, one in enumerate(sums) if one.kind == kind]
    signs = [sign_of_verdict(one.verdict) for one in sums]
    focus = min(chosen or range(len(sums)), key=lambda place: list(Sign).index(signs[place]), default=-1)
    lines = tuple(
        SumLine(KINDS[one.kind].label, sign, "", sum_row(one), place == focus)
        for place, (one, sign) in enumerate(zip(sums, signs, strict=True))
    )
    starts = [(header.layer, header.offset) for header in dissection.headers]
    frame = Frame(rows_of(data, starts, sums, focus), len(data), lines[focus].label if focus >= 0 else "", "")
    step = Step("the capture point", "as captured", "", "", "", lines, worst(signs), 0, False, True, False, "")
    return Example(number, in_words(dissection), "", "", (step,), (frame,), 0)


def in_words(dissection: Dissection) -> str:
    """The headers of a packet, outermost first."""
    return stack_of(header.layer for header in dissection.headers)


def _focus(fields: Sequence[Field], held: HopBytes | None, kind: str) -> int:
    """Which sum is in question: the worst of the kind, else the worst of all, of equal ones the innermost."""
    if not fields:
        return -1
    order = list(Sign)
    labels = {rule.label for one, rule in KINDS.items() if one.name == kind}
    mine = [place for place, field in enumerate(fields) if field.label.removeprefix("inner ") in labels] or list(range(len(fields)))
    focus = min(mine, key=lambda place: (order.index(sign_of(fields[place])), -place))
    return focus if held is None or focus < len(held.sums) else -1


def _frame(held: HopBytes, focus: int, previous: HopBytes | None) -> Frame:
    starts = [(header.layer, offset) for header, offset in held.starts]
    sums: tuple[Checksum, ...] = held.sums
    note = ""
    if previous is not None and len(previous.data) != len(held.data):
        more = len(held.data) - len(previous.data)
        note = f"{abs(more):,} bytes {'were put on' if more > 0 else 'were taken off'} here"
    rows = rows_of(held.data, starts, sums, focus, previous.data if previous else None)
    return Frame(rows, len(held.data), KINDS[sums[focus].kind].label if focus >= 0 else "", note)


def _step(view: View, held: HopBytes | None, focus: int, frame: int, cause: tuple[str, str]) -> Step:
    hop = view.hop
    lines = []
    for place, field in enumerate(view.after):
        numbers = sum_row(held.sums[place]) if held is not None and place < len(held.sums) else _unseen(field)
        lines.append(SumLine(field.label, sign_of(field), field.claim.value if field.claim else "", numbers, place == focus))
    at_tap = hop.stage is TAP
    return Step(
        where=hop.where,
        stage=hop.stage.title,
        because="a capture here shows this" if at_tap else hop.because,
        before=str(hop.state_before),
        after=str(hop.state_after),
        sums=tuple(lines),
        sign=worst(line.sign for line in lines),
        frame=frame,
        changed=changes(view),
        tap=view.is_tap,
        cause=(hop.where, hop.because) == cause,
        source="" if at_tap else hop.stage.citation(hop.row),
    )


def _unseen(field: Field) -> SumRow:
    return SumRow(field.label, "", f"0x{field.value:04x}" if field.value is not None else "", "", "", "")
