"""All datagrams whose pieces come in, bounded in number and time."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final

from csumlab.fragments.assembly import Assembly, Datagram, Outcome
from csumlab.fragments.pieces import Found, Piece, find_piece
from csumlab.fragments.sums import finished
from csumlab.headers import Kind, Verdict
from csumlab.tables import NO_TABLES, Tables

PIECES: Final = 1 << 16
"""Pieces remembered over all datagrams. One datagram has at most 8192."""
RESULTS: Final = 4096
"""Datagrams of one verdict that wait to be taken."""


class Datagrams:
    """The datagrams whose pieces come in: at most ``most`` at once, each waited for ``seconds`` of capture time (RFC 791: at least 15;
    Linux: 30) after its first piece.

    ``counts`` has every datagram that ended, by kind, verdict and outcome. ``capped`` says that a cap was reached: ``evicted`` datagrams
    were ended early, ``dropped`` results are in ``counts`` only (of each verdict RESULTS are kept), or complete datagrams were forgotten
    so early that a late copy of a piece may look like a new one. ``timed_out`` counts datagrams that ended by time; ``echoes``
    unfinished repetitions of a complete datagram, which are not results; ``ignored`` packets in which no piece can be read.
    """

    def __init__(self, *, most: int = 4096, seconds: float = 30.0, tables: Tables = NO_TABLES) -> None:
        if most < 1 or not 0 < seconds < float("inf"):
            raise ValueError(f"most={most}, seconds={seconds}: give at least one datagram and a time above 0")
        self.counts: Counter[tuple[Kind, Verdict, Outcome]] = Counter()
        self.capped = False
        self.evicted = self.dropped = self.timed_out = self.echoes = self.ignored = 0
        self._most = most
        self._tables = tables
        self._span = round(seconds * 1e9)
        self._late = f"; {seconds:g} s have passed"
        self._open: OrderedDict[tuple[object, ...], Assembly] = OrderedDict()
        self._done: OrderedDict[tuple[object, ...], tuple[int, dict[int, Piece]]] = OrderedDict()
        self._held = 0
        self._ended: list[Datagram] = []
        self._waiting: Counter[Verdict] = Counter()

    def add(self, data: bytes, linktype: int, original: int, number: int, timestamp: int) -> Found | None:
        """One packet with a piece: captured bytes, link type, length on the wire, number, nanoseconds of capture time. The piece, None if
        none can be read. Never raises for any bytes."""
        found = find_piece(data, linktype, original, self._tables)
        if found is None:
            self.ignored += 1
            return None
        self._expire(timestamp)
        assembly = self._open.get(found.key)
        if assembly is not None and abs(timestamp - assembly.since) > self._span:
            # The front of the table is not always the oldest: capture time may go back.
            self.timed_out += self._end(found.key, self._late)
            assembly = None
        if assembly is None:
            if len(self._open) >= self._most:
                self._evict()
            assembly = self._open[found.key] = Assembly(found, timestamp)
        held = len(assembly.pieces)
        assembly.accept(found, number, self._done.get(found.key, (0, {}))[1])
        self._held += len(assembly.pieces) - held
        if assembly.complete:
            self._forget(found.key)
            self._end(found.key, "")
            self._remember(found.key, timestamp, assembly.pieces)
        while self._held > PIECES:
            self._evict()
        return found

    def take(self) -> tuple[Datagram, ...]:
        """Those that ended since the last call, as they ended."""
        ended = tuple(self._ended)
        self._ended.clear()
        self._waiting.clear()
        return ended

    def finish(self) -> tuple[Datagram, ...]:
        """End all that are open, and take what was not taken."""
        for key in tuple(self._open):
            self._end(key, "")
        for key in tuple(self._done):
            self._forget(key)
        return self.take()

    def _end(self, key: tuple[object, ...], ending: str) -> bool:
        """No more is waited for; whether that gave a datagram."""
        assembly = self._open.pop(key)
        self._held -= len(assembly.pieces)
        if assembly.echo and not assembly.complete:
            self.echoes += 1
            return False
        datagram = finished(assembly, ending)
        self.counts[datagram.kind, datagram.verdict, datagram.outcome] += 1
        if self._waiting[datagram.verdict] < RESULTS:
            self._waiting[datagram.verdict] += 1
            self._ended.append(datagram)
        else:
            self.dropped += 1
            self.capped = True
        return True

    def _remember(self, key: tuple[object, ...], timestamp: int, pieces: dict[int, Piece]) -> None:
        """Keep a complete datagram's pieces for a while, so that copies that come late are known as such."""
        if len(self._done) >= self._most:
            self.capped = True
            self._forget(next(iter(self._done)))
        self._done[key] = timestamp, pieces
        self._held += len(pieces)

    def _forget(self, key: tuple[object, ...]) -> None:
        self._held -= len(self._done.pop(key, (0, {}))[1])

    def _expire(self, now: int) -> None:
        while self._open:
            key, oldest = next(iter(self._open.items()))
            if now - oldest.since <= self._span:
                break
            self.timed_out += self._end(key, self._late)
        while self._done:
            key, (ended, _) = next(iter(self._done.items()))
            if now - ended <= self._span:
                break
            self._forget(key)

    def _evict(self) -> None:
        """Make room: complete datagrams are forgotten before open ones are ended."""
        self.capped = True
        if self._held > PIECES and self._done:
            self._forget(next(iter(self._done)))
            return
        self.evicted += self._end(next(iter(self._open)), "; let go for want of room")
