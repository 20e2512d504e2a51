"""A datagram that came in pieces and what became of it; and the memory in which pieces wait for one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.fragments.pieces import Functions, Longs, Reader
from csumlab.headers import KINDS, Kind, Verdict
from csumlab.kernels import assembling as a
from csumlab.kernels import datagrams as k
from csumlab.tables import Tables

MOST: Final = 1 << 14
"""Datagrams that are open at once, and complete ones that are remembered."""
SECONDS: Final = 30.0
"""How long pieces are waited for (RFC 791: at least 15; Linux: 30)."""
PIECES: Final = 1 << 17
"""Pieces remembered over all datagrams. One datagram has at most 8192."""
ENDED_AT_ONCE: Final = 4096
"""Datagrams that end between two looks at them, beside those that are open."""
_FARTHEST: Final = 1 << 61
"""Nanoseconds: capture times further from 1970 than 73 years count as that far, so that differences of two fit into 64 bits."""


class Outcome(Enum):
    """What became of the pieces of a datagram."""

    COMPLETE = "complete"
    MISSING = "pieces are missing"
    CUT = "a piece is not captured whole"
    OVERLAP = "pieces overlap"
    MALFORMED = "pieces contradict the rules of fragmentation"


OUTCOMES: Final = tuple(Outcome)
"""By their numbers in kernels/datagrams.py."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One fragmented datagram.

    ``reason`` says in plain words why its sum is not known, "" if it is. ``residue`` is r as in :class:`csumlab.dissection.Checksum`
    (SCTP: the CRC32c as stored XOR the field); ``seed_zero`` that the field holds the sum of the pseudo-header only. ``packets`` are the
    numbers of the first PACKETS packets that brought a piece or a copy of one, as they came; ``pieces`` counts pieces without ``copies``.
    ``length`` is that of all pieces together in bytes, None if the last one was not seen. ``kind`` is NOTHING where no checksum is known.
    ``first_alone``: the field is the sum of the first piece, as if that were a whole packet.
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
    first_alone: bool = False

    def __str__(self) -> str:
        name = KINDS[self.kind].label if self.kind else "datagram"
        what = self.verdict.name.lower() + (f" ({self.reason})" if self.reason else "")
        pieces = f"{self.pieces} piece{'s' if self.pieces != 1 else ''}"
        return f"{name} in {pieces} from {self.source} to {self.destination}, identification {self.identification}: {what}"


class Assembler:
    """Puts pieces with those of their datagrams: at most ``most`` open at once, each waited for ``seconds`` of capture time after its first
    piece, as many complete ones remembered as long, so that late copies are known as such, and ``most_pieces`` pieces of all of them.

    ``ended`` datagrams come as rows of numbers, columns kernels.datagrams.ENDED_*. An unfinished repetition of a complete datagram is none.
    """

    def __init__(self, tables: Tables, *, most: int, seconds: float, most_pieces: int, accelerate: bool | None) -> None:
        if most < 1 or not 0 < seconds < float("inf"):
            raise ValueError(f"most={most}, seconds={seconds}: give at least one datagram and a time above 0")
        self._functions = Functions(accelerate)
        self._reader = Reader(tables, self._functions)
        self._most, self._most_pieces = most, most_pieces
        self._span = min(round(seconds * 1e9), 2 * _FARTHEST)
        self._account = np.zeros(a.ACCOUNT_SIZE, np.int64)
        unused = [a.FREE_SLOT, a.FREE_PART]
        unused += [place + end for place in (a.OPEN_LIST, a.DONE_LIST) for end in (a.OLDEST, a.NEWEST)]
        self._account[unused] = -1
        self._buckets = np.full(1 << (4 * most - 1).bit_length(), -1, np.int64)
        # Pages that are never written cost nothing: most captures need few of them.
        self._slots = np.zeros(2 * most * k.SLOT_SIZE, np.int64)
        self._heads = np.zeros(2 * most * k.HEAD_ROOM, np.uint8)
        self._parts = np.zeros((most_pieces + 1) * k.PART_SIZE, np.int64)
        self._ended = np.zeros((most + 2 + ENDED_AT_ONCE) * k.ENDED_SIZE, np.int64)

    @property
    def held(self) -> int:
        """Pieces in memory."""
        return int(self._account[a.HELD])

    @property
    def capped(self) -> bool:
        """Whether a bound was reached: a datagram was ended early, or forgotten so early that a late copy may look like a new one."""
        return bool(self._account[a.CAPPED])

    @property
    def timed_out(self) -> int:
        return int(self._account[a.TIMED_OUT])

    @property
    def evicted(self) -> int:
        return int(self._account[a.EVICTED])

    @property
    def echoes(self) -> int:
        return int(self._account[a.ECHOES])

    @property
    def ignored(self) -> int:
        return int(self._account[a.IGNORED])

    def read(self, block: Block, rows: Longs) -> Longs:
        """:meth:`csumlab.fragments.pieces.Reader.read`."""
        self._functions.choose(len(rows))
        return self._reader.read(block, rows)

    def add(self, block: Block, rows: Longs, pieces: Longs) -> Iterator[Longs]:
        """Take in what :meth:`read` gave of these rows: those that ended meanwhile, valid until the next step."""
        rows = np.require(rows, np.int64, ["C", "W"])
        times = np.clip(block.timestamp, -_FARTHEST, _FARTHEST)
        done = 0
        while done < len(rows):
            done = self._functions.assemble(
                np.require(block.data, np.uint8, ["C", "W"]),
                np.require(block.offset, np.int64, ["C", "W"]),
                times,
                block.first,
                rows,
                pieces.reshape(-1),
                done,
                self._span,
                self._most,
                self._most_pieces,
                *(self._account, self._buckets, self._slots, self._parts, self._heads, self._ended),
            )
            yield self._told()

    def finish(self) -> Longs:
        """End all that are open, and forget all."""
        self._functions.end_all(self._account, self._buckets, self._slots, self._parts, self._heads, self._ended)
        return self._told()

    def _told(self) -> NDArray[np.int64]:
        return self._ended.reshape(-1, k.ENDED_SIZE)[: self._account[a.N_ENDED]]
