"""Signs: how a checksum stands at a hop, each with a letter, a shape and a word, so that colour is never the only difference."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from csumlab.explain import Field
from csumlab.headers import UNFILLED, Verdict
from csumlab.report.svg import Drawing
from csumlab.state import Claim


class Sign(Enum):
    """Worst first. The value is the word; OWED and LOST are the same bytes: what differs is whether anybody still knows."""

    WRONG = "wrong"
    LOST = "unfinished, and nobody knows"
    OWED = "unfinished, to be computed later"
    DEFERRED = "right once the inner sum is filled"
    UNKNOWN = "cannot be told"
    GOOD = "right"
    NONE = "there is none"

    @property
    def letter(self) -> str:
        return {"WRONG": "X", "LOST": "L", "OWED": "P", "DEFERRED": "D", "UNKNOWN": "?", "GOOD": "G", "NONE": "N"}[self.name]

    @property
    def css(self) -> str:
        """The class name of its colours and line pattern."""
        return f"csl-{self.name.lower()}"


_ORDER = tuple(Sign)
_OF_VERDICT = {Verdict.GOOD: Sign.GOOD, Verdict.DEFERRED: Sign.DEFERRED, Verdict.ABSENT: Sign.NONE, Verdict.BAD: Sign.WRONG}
_SHAPES = {
    Sign.LOST: ((0, -9), (9.5, 7.5), (-9.5, 7.5)),
    Sign.OWED: ((0, -9.5), (9.5, 0), (0, 9.5), (-9.5, 0)),
    Sign.DEFERRED: ((-4.5, -8), (4.5, -8), (9, 0), (4.5, 8), (-4.5, 8), (-9, 0)),
}


def sign_of(field: Field) -> Sign:
    """The sign of a checksum at a hop: what its bytes hold, and for unfinished ones whether the carried state says so."""
    if field.verdict in UNFILLED and field.verdict is not Verdict.DEFERRED:
        return Sign.OWED if field.claim is Claim.MUST_COMPUTE else Sign.LOST
    return sign_of_verdict(field.verdict)


def sign_of_verdict(verdict: Verdict | None) -> Sign:
    """The sign of what a capture alone shows."""
    if verdict in UNFILLED and verdict is not Verdict.DEFERRED:
        return Sign.OWED
    return _OF_VERDICT.get(verdict, Sign.UNKNOWN) if verdict is not None else Sign.UNKNOWN


def worst(signs: Iterable[Sign]) -> Sign:
    """The worst of several; NONE if there is none at all."""
    return min(signs, key=_ORDER.index, default=Sign.NONE)


def draw_sign(drawing: Drawing, sign: Sign, x: float, y: float) -> None:
    """The shape of a sign with its letter, centred."""
    with drawing.group(title=sign.value, class_=f"csl-sign {sign.css}", transform=f"translate({x:.1f} {y:.1f})"):
        if sign in _SHAPES:
            drawing.add("polygon", points=" ".join(f"{a},{b}" for a, b in _SHAPES[sign]))
        elif sign in (Sign.WRONG, Sign.UNKNOWN):
            drawing.add("rect", x=-8, y=-8, width=16, height=16, rx=0 if sign is Sign.WRONG else 5)
        else:
            drawing.add("circle", r=8.5)
        drawing.add("text", sign.letter, y=5.6 if sign is Sign.LOST else 4)


def sign_svg(sign: Sign) -> str:
    """A sign alone, for running text; a screen reader is told its word by the text beside it."""
    drawing = Drawing("", "", "")
    draw_sign(drawing, sign, 10, 10)
    head = '<svg class="csl-drawing csl-inline" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">'
    return f"{head}{''.join(drawing.parts)}</svg>"
