"""The bytes of a packet as rows for a table: where each header starts, what a checksum covers, where its field is, what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from csumlab.dissection import Checksum
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import negate

_HEAD: Final = 256
_TAIL: Final = 32
"""Bytes that are shown of a long packet's start and end."""
_PER_ROW: Final = 16
_NAMES = {Layer.ETHERNET: "Ethernet", Layer.IPV4: "IPv4", Layer.IPV6: "IPv6", Layer.OPAQUE: "encrypted", Layer.QUOTE: "quoted packet"}
_ADDRESSES = {Layer.IPV4: (12, 20), Layer.IPV6: (8, 40)}


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring bytes of one meaning. ``field`` names the checksum whose field they are, ``covered`` and ``pseudo`` say that the sum
    in question covers them, itself or by its pseudo-header; ``changed`` that they were others before."""

    text: str
    field: str
    focus: bool
    covered: bool
    pseudo: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """Up to 16 bytes. ``header`` is the name of what starts here, or "". ``skipped`` bytes lie between this row and the one before."""

    offset: int
    header: str
    runs: tuple[Run, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class SumRow:
    """One checksum in numbers. ``should`` is the right field; r and g are what docs/model.md calls so. None: not known."""

    label: str
    place: str
    field: str
    should: str
    residue: str
    seed: str


def header_name(layer: Layer) -> str:
    """A header as people write it."""
    return _NAMES.get(layer, layer.name if len(layer.name) < 6 else layer.name.capitalize())


def stack_of(layers: Iterable[Layer]) -> str:
    """The headers of a packet, outermost first."""
    return " > ".join(header_name(layer) for layer in layers) or "no header that is known"


def rows_of(
    data: bytes, starts: Sequence[tuple[Layer, int]], sums: Sequence[Checksum], focus: int, before: bytes | None = None
) -> tuple[Row, ...]:
    """The bytes as rows. ``starts`` says where each header begins, ``focus`` which of ``sums`` is in question (-1: none); ``before`` are
    the bytes at the hop before, if they are to be compared."""
    marks = _marks(data, starts, sums, focus, before)
    names: dict[int, list[str]] = {}
    for layer, offset in starts:
        if 0 <= offset < len(data):
            names.setdefault(offset, []).append(header_name(layer))
    cuts = sorted({0, *names})
    shown = [(0, len(data))] if len(data) <= _HEAD + _TAIL + _PER_ROW else [(0, _HEAD), (len(data) - _TAIL, len(data))]
    rows: list[Row] = []
    done = 0
    for low, high in shown:
        at = low
        while at < high:
            end = min([high, at + _PER_ROW, *(cut for cut in cuts if cut > at)])
            rows.append(Row(at, " / ".join(names.get(at, ())), _runs(data, at, end, marks), at - done))
            at = done = end
    return tuple(rows)


_Mark = tuple[str, bool, bool, bool, bool]


def _marks(data: bytes, starts: Sequence[tuple[Layer, int]], sums: Sequence[Checksum], focus: int, before: bytes | None) -> list[_Mark]:
    fields: dict[int, tuple[str, bool]] = {}
    for number, one in enumerate(sums):
        for at in range(one.at, one.at + KINDS[one.kind].width):
            fields[at] = (KINDS[one.kind].label, number == focus)
    chosen = sums[focus] if 0 <= focus < len(sums) else None
    pseudo: range = range(0)
    if chosen is not None and chosen.pseudo is not None and KINDS[chosen.kind].pseudo:
        ip = max(((offset, layer) for layer, offset in starts if layer in _ADDRESSES and offset < chosen.start), default=None)
        if ip is not None:
            pseudo = range(ip[0] + _ADDRESSES[ip[1]][0], ip[0] + _ADDRESSES[ip[1]][1])
    compare = before is not None and len(before) == len(data)
    marks = []
    for at in range(len(data)):
        label, is_focus = fields.get(at, ("", False))
        covered = chosen is not None and chosen.start <= at < chosen.end
        marks.append((label, is_focus, covered, at in pseudo, bool(compare and before is not None and before[at] != data[at])))
    return marks


def _runs(data: bytes, low: int, high: int, marks: list[_Mark]) -> tuple[Run, ...]:
    runs: list[Run] = []
    start = low
    for at in range(low + 1, high + 1):
        if at == high or marks[at] != marks[start]:
            runs.append(Run(data[start:at].hex(" "), *marks[start]))
            start = at
    return tuple(runs)


def sum_row(one: Checksum) -> SumRow:
    """The numbers of a checksum."""
    rule = KINDS[one.kind]
    digits = 2 * rule.width
    should = ""
    if one.field is not None and one.residue is not None and not rule.crc:
        right = negate(one.residue - one.field)
        should = f"0x{one.field if one.residue == 0 else right or rule.computed_zero:04x}"
    return SumRow(
        label=rule.label if one.kind is not Kind.NOTHING else "",
        place=f"bytes {one.start} to {one.end - 1}",
        field=f"0x{one.field:0{digits}x}" if one.field is not None else "",
        should=should,
        residue=f"0x{one.residue:0{digits}x}" if one.residue is not None else "",
        seed=f"0x{one.seed:0{digits}x}" if one.seed is not None and rule.pseudo else "",
    )
