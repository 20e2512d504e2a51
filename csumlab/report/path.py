"""The way of one packet as a drawing: a line a place, a column a checksum, and what is said of a checksum only where it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from csumlab.facts import FragmentRole
from csumlab.headers import Verdict
from csumlab.packet import Header
from csumlab.report.table import WIDTH, folded, printable
from csumlab.state import Claim
from csumlab.trace import Fate

if TYPE_CHECKING:
    from csumlab.explain import Explanation, Field, View

_SYMBOLS: Final = {
    Verdict.GOOD: "✓",
    Verdict.PARTIAL: "◐",
    Verdict.BLANK: "○",
    Verdict.DEFERRED: "◌",
    Verdict.BAD: "✗",
    Verdict.ABSENT: "·",
    Verdict.UNVERIFIED: "?",
}
LETTERS: Final = "".join(_SYMBOLS.values()) + "├└│◀▶"
"""What a terminal must be able to show for the drawing that is not plain ASCII."""
_CLAIMS: Final = {Claim.MUST_COMPUTE: "owed", Claim.VERIFIED: "believed"}
_LEAST_PLACE: Final = 12


def _uncoloured(text: str, _: str) -> str:
    return text


Paint = Callable[[str, str], str]
"""Gives a text the colour of "good", "owed", "bad", "quiet" or "strong"."""


@dataclass(frozen=True, slots=True)
class Style:
    """How to draw: columns of the terminal, whether it shows more than ASCII, and its colours."""

    width: int = WIDTH
    unicode: bool = False
    paint: Paint = _uncoloured


PLAIN: Final = Style()


@dataclass(frozen=True, slots=True)
class _Cell:
    label: str
    words: tuple[str, str]
    """With the claim, and without it."""
    colour: str

    def same(self, other: _Cell | None) -> bool:
        """Whether the same is said; a header may be called otherwise once another one is around it."""
        return other is not None and self.words == other.words and self.colour == other.colour


@dataclass(frozen=True, slots=True)
class _Line:
    """A place that the packet passes. ``cells`` by the uid of the header; ``said``: those that are other than at the place before;
    ``marks``: that a datagram is cut here, or put together."""

    domain: str
    place: str
    state: str
    cells: dict[int, _Cell]
    said: frozenset[int]
    captured: bool
    codes: tuple[str, ...]
    marks: tuple[str, ...] = ()


def draw(explanation: Explanation, style: Style = PLAIN) -> list[str]:
    """The way from the sender to the end, at most ``style.width`` columns where words allow it."""
    lines = _lines(explanation, style)
    # Outermost first and by the names that they have where the packet has most headers.
    lines_by_size = sorted(lines, key=lambda line: -len(line.cells))
    labels: dict[int, str] = {}
    for line in lines_by_size:
        labels |= {uid: cell.label for uid, cell in line.cells.items() if uid not in labels}
    for detail in (0, 1):
        widths = {
            uid: max([len(label), *(len(line.cells[uid].words[detail]) for line in lines if uid in line.cells)])
            for uid, label in labels.items()
        }
        room = style.width - sum(width + 2 for width in widths.values()) - 4
        place = max(len(_place(line, style)) for line in lines)
        if room >= max(place, _LEAST_PLACE):
            return [*_table(lines, labels, widths, place, detail, style), *_end(explanation, style)]
    return [*_list(lines, labels, style), *_end(explanation, style)]


def _lines(explanation: Explanation, style: Style) -> list[_Line]:
    """Hops at one place become one line, with what the packet is when it leaves it; the capture point ends a line, with what was seen."""
    lines: list[_Line] = []
    before: dict[int, _Cell] = {}
    views = explanation.views
    for number, view in enumerate(views):
        if number + 1 < len(views) and views[number + 1].hop.where == view.hop.where and not view.is_tap:
            continue
        start = number
        while start and views[start - 1].hop.where == view.hop.where and not views[start - 1].is_tap:
            start -= 1
        here = views[start : number + 1]
        cells = {field.uid: _cell(field, style) for field in view.after}
        said = frozenset(uid for uid, cell in cells.items() if not cell.same(before.get(uid)))
        codes = tuple(
            dict.fromkeys(
                f"{one.code} {one.entry.title}" for one in explanation.findings if one.hop == view.hop.where and _causes(here, one.because)
            )
        )
        place = view.hop.where.removeprefix(f"{view.hop.domain}:")
        state = printable(str(view.hop.state_after))
        captured = start > 0 and views[start - 1].is_tap and views[start - 1].hop.where == view.hop.where
        if captured and not said and (cells.keys(), state) == (before.keys(), lines[-1].state):
            # Nothing has changed since.
            lines[-1] = replace(lines[-1], codes=tuple(dict.fromkeys((*lines[-1].codes, *codes))), marks=lines[-1].marks + _marks(here))
            continue
        lines.append(_Line(view.hop.domain, printable(place), state, cells, said, any(one.is_tap for one in here), codes, _marks(here)))
        before = cells
    return lines


def _marks(views: Sequence[View]) -> tuple[str, ...]:
    """What becomes of a datagram's pieces at a place."""
    found = []
    for view in views:
        before, after = (_pieces(packet.headers) for packet in (view.hop.before, view.hop.after))
        if any(after.get(uid) for uid, cut in before.items() if not cut):
            found.append("cut into fragments; the first is followed")
        if any(uid in after and not after[uid] for uid, cut in before.items() if cut):
            found.append("put together from its fragments")
    return tuple(found)


def _pieces(headers: Sequence[Header]) -> dict[int, bool]:
    """Of each IP header whether it is one of a fragment."""
    return {header.uid: header.fragment is not FragmentRole.WHOLE for header in headers if header.is_ip}


def _causes(views: Sequence[View], because: str) -> bool:
    return any(view.hop.because == because for view in views)


def _cell(field: Field, style: Style) -> _Cell:
    word = field.verdict.name.lower() if field.verdict else "not known"
    if style.unicode and field.verdict:
        word = f"{_SYMBOLS.get(field.verdict, '?')} {word}"
    claim = _CLAIMS.get(field.claim, "") if field.claim else ""
    colour = {Verdict.GOOD: "good", Verdict.BAD: "bad", Verdict.ABSENT: "quiet", None: "quiet"}.get(field.verdict, "owed")
    if field.claim is Claim.VERIFIED and field.verdict not in (Verdict.GOOD, Verdict.ABSENT, Verdict.DEFERRED, None):
        colour = "bad"
    return _Cell(field.label, (f"{word}, {claim}" if claim else word, word), colour)


def _place(line: _Line, style: Style) -> str:
    mark = (" ◀ capture" if style.unicode else " <- capture") if line.captured else ""
    return f"{'├' if style.unicode else '|'} {line.place}{mark}"


def _table(lines: list[_Line], labels: dict[int, str], widths: dict[int, int], place: int, detail: int, style: Style) -> list[str]:
    """A column for each checksum, and one for what is carried beside the packet if there is room."""
    left = style.width - place - 4 - sum(width + 2 for width in widths.values())
    states = left >= max(len(line.state) for line in lines) and left >= len("carried")
    head = "  " + " " * place + "".join(f"  {labels[uid]:<{width}}" for uid, width in widths.items()) + ("  carried" if states else "")
    drawn = [style.paint(head.rstrip(), "strong")]
    domain, carried = "", ""
    for line in lines:
        if line.domain != domain:
            drawn.append("  " + style.paint(printable(line.domain), "strong"))
            domain = line.domain
        text = "  " + _place(line, style).ljust(place)
        for uid, width in widths.items():
            text += "  "
            if uid not in line.cells:
                text += " " * width
            elif uid in line.said:
                words = line.cells[uid].words[detail]
                text += style.paint(words, line.cells[uid].colour) + " " * (width - len(words))
            else:
                text += style.paint("│" if style.unicode else "|", "quiet") + " " * (width - 1)
        if states:
            text += "  " + (line.state if line.state != carried else style.paint("│" if style.unicode else "|", "quiet"))
            carried = line.state
        drawn.append(text.rstrip())
        drawn += _codes(line, style)
    return drawn


def _list(lines: list[_Line], labels: dict[int, str], style: Style) -> list[str]:
    """For few columns: a line for each place, below it what changed there."""
    drawn: list[str] = []
    domain = ""
    for line in lines:
        if line.domain != domain:
            drawn.append("  " + style.paint(printable(line.domain), "strong"))
            domain = line.domain
        drawn.append("  " + _place(line, style))
        for uid, cell in line.cells.items():
            if uid in line.said:
                drawn.append(f"  {'│' if style.unicode else '|'}   {labels[uid]} " + style.paint(cell.words[0], cell.colour))
        drawn += _codes(line, style)
    return drawn


def _codes(line: _Line, style: Style) -> list[str]:
    bar, arrow = ("│", "▶") if style.unicode else ("|", ">")
    drawn = ["  " + style.paint(f"{bar} ({mark})", "quiet") for mark in line.marks]
    for code in line.codes:
        first, *rest = folded(code, " " * 6, width=max(style.width, 30))
        drawn.append(f"  {bar} " + style.paint(f"{arrow} {first.lstrip()}", "bad"))
        drawn += [f"  {bar}   " + style.paint(more.lstrip(), "bad") for more in rest]
    return drawn


def _end(explanation: Explanation, style: Style) -> list[str]:
    """How the way ended."""
    fate = explanation.trace.fate
    colour = {Fate.ACCEPTED: "good", Fate.REJECTED: "bad", Fate.DROPPED: "bad"}.get(fate, "quiet")
    return ["  " + ("└ " if style.unicode else "' ") + style.paint(fate.value, colour)]
