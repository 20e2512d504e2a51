"""A datagram while its pieces come in, and what became of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from csumlab.crc32c import shift
from csumlab.fragments.pieces import HEAD, LONGEST, Found, Piece
from csumlab.headers import KINDS, Kind, Verdict

PACKETS: Final = 20
"""Packet numbers kept of one datagram."""
RANGES: Final = 4
"""Missing ranges named."""


class Outcome(Enum):
    """What became of the pieces of a datagram."""

    COMPLETE = "complete"
    MISSING = "pieces are missing"
    CUT = "a piece is not captured whole"
    OVERLAP = "pieces overlap"
    MALFORMED = "pieces contradict the rules of fragmentation"


@dataclass(frozen=True, slots=True)
class Datagram:
    """One fragmented datagram.

    ``reason`` says in plain words why its sum is not known, "" if it is. ``residue`` is r as in :class:`csumlab.dissection.Checksum`
    (SCTP: the CRC32c as stored XOR the field); ``seed_zero`` that the field holds the sum of the pseudo-header only. ``packets`` are the
    numbers of the first PACKETS packets that brought a piece or a copy of one, as they came; ``pieces`` counts pieces without ``copies``.
    ``length`` is that of all pieces together in bytes, None if the last one was not seen. ``kind`` is NOTHING where no checksum is known.
    ``key`` is what its pieces have in common (pieces.Found).
    """

    kind: Kind
    verdict: Verdict
    reason: str
    residue: int | None
    seed_zero: bool
    packets: tuple[int, ...]
    pieces: int
    source: str
    destination: str
    identification: int
    length: int | None
    out_of_order: bool
    copies: int
    outcome: Outcome
    key: tuple[object, ...] = ()

    def __str__(self) -> str:
        name = KINDS[self.kind].label if self.kind else "datagram"
        what = self.verdict.name.lower() + (f" ({self.reason})" if self.reason else "")
        pieces = f"{self.pieces} piece{'s' if self.pieces != 1 else ''}"
        return f"{name} in {pieces} from {self.source} to {self.destination}, identification {self.identification}: {what}"


@dataclass(slots=True)
class Assembly:
    """A datagram of which pieces come in. ``echo`` says that all of them are copies of pieces of the last complete datagram with this
    key: what then ends unfinished is no datagram but that one, seen again in part."""

    found: Found
    since: int
    echo: bool = True
    pieces: dict[int, Piece] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    received: int = 0
    length: int | None = None
    packets: list[int] = field(default_factory=list)
    copies: int = 0
    out_of_order: bool = False
    spoiled: tuple[Outcome, str] | None = None

    @property
    def complete(self) -> bool:
        return self.received == self.length and self.spoiled is None

    def accept(self, found: Found, number: int, previous: dict[int, Piece]) -> None:
        """Take one packet's piece in; ``previous`` are the pieces of the last complete datagram with this key."""
        piece = found.piece
        if len(self.packets) < PACKETS:
            self.packets.append(number)
        known = previous.get(piece.start)
        self.echo = self.echo and known is not None and piece.repeats(known)
        if self.spoiled:
            return
        self.spoiled = self._contradiction(found)
        if self.spoiled:
            return
        present = self.pieces.get(piece.start)
        if present is not None:
            self.copies += 1
            if present.cut and not piece.cut:
                self.pieces[piece.start] = piece
            return
        place = bisect_right(self.starts, piece.start)
        self.out_of_order |= place < len(self.starts)
        self.starts.insert(place, piece.start)
        self.pieces[piece.start] = piece
        self.received += piece.end - piece.start
        if piece.last:
            self.length = piece.end
        if piece.start == 0:
            self.found = found

    def _contradiction(self, found: Found) -> tuple[Outcome, str] | None:
        """What is wrong with a piece beside those that are here; None if nothing is, and if it is a copy."""
        piece = found.piece
        size = piece.end - piece.start
        if size == 0:
            return Outcome.MALFORMED, "a piece holds no bytes"
        if size % 8 and not piece.last:
            return Outcome.MALFORMED, "a piece that is not the last one is no multiple of 8 bytes long"
        if found.before + piece.end > LONGEST:
            return Outcome.MALFORMED, "a piece reaches beyond the longest packet"
        place = bisect_right(self.starts, piece.start)
        if place:
            present = self.pieces[self.starts[place - 1]]
            if piece.repeats(present):
                return None
            if piece[:3] == present[:3]:
                return Outcome.OVERLAP, "two pieces hold other bytes for the same range, or the identification was used again"
            if present.end > piece.start:
                return Outcome.OVERLAP, "pieces overlap"
        if place < len(self.starts) and self.starts[place] < piece.end:
            return Outcome.OVERLAP, "pieces overlap"
        if (self.length is not None and piece.end > self.length) or (piece.last and place < len(self.starts)):
            return Outcome.MALFORMED, "a piece lies beyond the last one"
        return None

    def missing(self) -> str:
        """The ranges that are not here, in words; "" if nothing is missing."""
        gaps, at = [], 0
        for start in self.starts:
            if start > at:
                gaps.append(f"{at}-{start - 1}")
            at = self.pieces[start].end
        if self.length is None:
            gaps.append(f"from {at} on")
        more = f" and {len(gaps) - RANGES} more" if len(gaps) > RANGES else ""
        return f"missing bytes {', '.join(gaps[:RANGES])}{more}" if gaps else ""

    def head(self) -> bytes:
        """The first bytes of the datagram, as far as they are here."""
        found = b""
        for start in self.starts:
            if start != len(found) or start >= HEAD:
                break
            found += self.pieces[start].head
        return found

    def crc(self) -> int | None:
        """The CRC32c of all pieces together; None if a piece did not say that SCTP may be inside."""
        total = 0
        for piece in self.pieces.values():
            if piece.crc is None or self.length is None:
                return None
            total ^= shift(piece.crc, self.length - piece.end)
        return total
