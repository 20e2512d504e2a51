"""One checksum as linear forms, and what can be told of a form for every packet of a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from csumlab.forms import ZERO, Form, Symbol, of, unknown
from csumlab.headers import KINDS, Kind
from csumlab.inet import Zero

CRC_WORDS = "a CRC is no sum: its words are not predicted"


class Undecided(Exception):
    """A predicate differs from packet to packet: ``form`` has to be compared with 0 over the members of the class."""

    def __init__(self, form: Form) -> None:
        super().__init__(str(form))
        self.form = form


NOT_CUT: Final = "it is no super-frame of TCP, UDP or SCTP"


class Untold(Exception):
    """A predicate cannot be told at all; ``reason`` is a clause that follows "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def computed_zero(kind: Kind) -> Zero:
    """How who computes a sum of this kind spells zero."""
    return Zero.ONES if KINDS[kind].computed_zero else Zero.ZEROS


@dataclass(frozen=True, slots=True)
class Sum:
    """One checksum: its triple, how the last writer spells a zero field, and whether the field says "none"."""

    kind: Kind
    pseudo: Form
    data: Form
    field: Form
    zero: Zero = Zero.SEEN
    absent: bool = False

    @property
    def residue(self) -> Form:
        return self.pseudo + self.data + self.field

    @property
    def seed(self) -> Form:
        return self.field - self.pseudo

    @property
    def distance(self) -> Form:
        """The seed; of a finished sum whose data are not known some other number than 0, which it is in one packet of 65535."""
        if self.residue != ZERO or not self.seed.unknowns:
            return self.seed
        return of(Symbol("what a finished sum is off the pseudo-header's", unknown=self.seed.unknowns[0].unknown, nonzero=True))

    @property
    def lacking(self) -> Form:
        """What a fill takes off the words of the packet: r + g. A CRC's residue only says whether its words are the right ones, not
        by how much they differ."""
        if not KINDS[self.kind].crc:
            return self.residue + self.seed
        return ZERO if self.residue == ZERO else unknown(f"what the words of {self.residue} lack", CRC_WORDS)

    @property
    def unfinished(self) -> bool:
        """Whether the field is known to hold the pseudo-header's sum. Where the data are not known, such a sum counts as wrong: it is right
        in one packet of 65535."""
        return KINDS[self.kind].pseudo and self.seed == ZERO

    @property
    def computed_zero(self) -> Zero:
        """How who computes it spells zero."""
        return computed_zero(self.kind)


def decide(form: Form, answers: Mapping[Form, bool]) -> bool:
    """Whether ``form`` is zero for all members, by what the class fixes or by ``answers``. Raises Undecided or Untold."""
    answer = form.is_zero() if form not in answers else answers[form]
    if answer is not None:
        return answer
    if form.unknowns:
        raise Untold(form.unknowns[0].unknown)
    raise Undecided(form)
