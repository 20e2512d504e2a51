"""All datagrams whose pieces come in, and their verdicts, bounded in number and time."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

import numpy as np

from csumlab.capture.block import Block
from csumlab.fragments import assembly
from csumlab.fragments.assembly import MOST, OUTCOMES, SECONDS, Assembler, Datagram, Outcome
from csumlab.fragments.pieces import Longs
from csumlab.fragments.wording import datagram_of
from csumlab.headers import Kind, Verdict
from csumlab.kernels import datagrams as k
from csumlab.tables import NO_TABLES, Tables

RESULTS: Final = 4096
"""Datagrams of one verdict that wait to be taken."""


class Alike(NamedTuple):
    """What datagrams that are only counted have in common; names as in :class:`csumlab.fragments.assembly.Datagram`."""

    kind: Kind
    verdict: Verdict
    outcome: Outcome
    first_alone: bool
    seed_zero: bool


class Amount(NamedTuple):
    """How many ``datagrams``, in how many ``packets`` at least, and how often their first pieces were seen."""

    datagrams: int
    packets: int
    sightings: int


def sightings(pieces: Any, copies: Any) -> Any:
    """How often the first piece of a datagram was seen: more than once if every piece was, as in captures on "any". The copy of the last
    piece comes when all are there, and is not counted as a copy."""
    return 1 + (copies + 1) // np.maximum(pieces, 1)


class Datagrams:
    """The datagrams whose pieces come in: :class:`csumlab.fragments.assembly.Assembler` has the bounds.

    ``counts`` has every datagram that ended, by kind, verdict and outcome; of each verdict RESULTS are kept, ``further`` ones counted by
    what they have in common. ``capped`` says that a bound was reached: ``evicted`` datagrams were ended early, or complete datagrams were
    forgotten so early that a late copy of a piece may look like a new one. ``timed_out`` counts datagrams that ended by time; ``echoes``
    unfinished repetitions of a complete datagram, which are not results; ``ignored`` packets in which no piece can be read.
    """

    def __init__(self, *, most: int = MOST, seconds: float = SECONDS, tables: Tables = NO_TABLES, accelerate: bool | None = None) -> None:
        self._assembler = Assembler(tables, most=most, seconds=seconds, most_pieces=assembly.PIECES, accelerate=accelerate)
        self._seconds = seconds
        self.counts: Counter[tuple[Kind, Verdict, Outcome]] = Counter()
        self.further: dict[Alike, Amount] = {}
        self._ended: list[Datagram] = []
        self._waiting: Counter[int] = Counter()

    @property
    def capped(self) -> bool:
        return self._assembler.capped

    @property
    def evicted(self) -> int:
        return self._assembler.evicted

    @property
    def timed_out(self) -> int:
        return self._assembler.timed_out

    @property
    def echoes(self) -> int:
        return self._assembler.echoes

    @property
    def ignored(self) -> int:
        return self._assembler.ignored

    @property
    def held(self) -> int:
        """Pieces in memory."""
        return self._assembler.held

    def add(self, block: Block, rows: Longs) -> None:
        """The packets in ``rows`` of a block, which may hold pieces. Never raises for any bytes."""
        pieces = self._assembler.read(block, rows)
        for ended in self._assembler.add(block, rows, pieces):
            self._note(ended)

    def take(self) -> tuple[Datagram, ...]:
        """Those that ended since the last call, as they ended."""
        ended = tuple(self._ended)
        self._ended.clear()
        self._waiting.clear()
        return ended

    def finish(self) -> tuple[Datagram, ...]:
        """End all that are open, and take what was not taken."""
        self._note(self._assembler.finish())
        return self.take()

    def _note(self, ended: Longs) -> None:
        if not len(ended):
            return
        kinds, counts = np.unique(ended[:, [k.ENDED_KIND, k.ENDED_VERDICT, k.ENDED_OUTCOME]], axis=0, return_counts=True)
        for (kind, verdict, outcome), count in zip(kinds.tolist(), counts.tolist(), strict=True):
            self.counts[Kind(kind), Verdict(verdict), OUTCOMES[outcome]] += count
        verdicts = ended[:, k.ENDED_VERDICT]
        kept = np.zeros(len(ended), np.bool_)
        for verdict in np.unique(verdicts).tolist():
            places = np.flatnonzero(verdicts == verdict)[: RESULTS - self._waiting[verdict]]
            self._waiting[verdict] += len(places)
            kept[places] = True
        self._ended += (datagram_of(row, self._seconds) for row in ended[kept].tolist())
        self._count(ended[~kept])

    def _count(self, ended: Longs) -> None:
        columns = [k.ENDED_KIND, k.ENDED_VERDICT, k.ENDED_OUTCOME, k.ENDED_ALONE, k.ENDED_SEED_ZERO]
        alike, place, counts = np.unique(ended[:, columns], axis=0, return_inverse=True, return_counts=True)
        place = place.reshape(-1)
        packets = np.bincount(place, ended[:, k.ENDED_PACKETS], len(alike)).astype(int)
        seen = np.bincount(place, sightings(ended[:, k.ENDED_PARTS], ended[:, k.ENDED_COPIES]), len(alike)).astype(int)
        for (kind, verdict, outcome, alone, zero), *more in zip(
            alike.tolist(), counts.tolist(), packets.tolist(), seen.tolist(), strict=True
        ):
            key = Alike(Kind(kind), Verdict(verdict), OUTCOMES[outcome], bool(alone), bool(zero))
            there = self.further.get(key, (0, 0, 0))
            self.further[key] = Amount(*(one + other for one, other in zip(there, more, strict=True)))
