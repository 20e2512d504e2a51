"""Captured fragments of which all are there: they are walked as their datagram.

The first fragment stands for the datagram: its facts and numbers are those of all the bytes, and the walk, which has all fragments, puts
them together where a kernel does. The later ones are only marked. What is missing a piece, was cut by the snap length, contradicts itself
or would lose a piece on the way (a wrong IPv4 header sum) is walked as the fragments that it is.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from csumlab.capture import open_capture
from csumlab.capture.block import Block
from csumlab.facts import Facts, FragmentRole
from csumlab.fragments.assembly import MOST, PIECES, SECONDS, Assembler
from csumlab.headers import Kind, Verdict
from csumlab.index import Index, Membership
from csumlab.joining import CHUNK, CLASS, INTACT, NUMBER, ROW, TICKET, WAITING_SIZE, Joined, Longs, join, pack
from csumlab.kernels import datagrams as d
from csumlab.kernels import pieces as k
from csumlab.tables import Tables

MOST_HELD: Final = 1 << 17
MOST_HELD_BYTES: Final = 1 << 26
"""Fragments that wait from block to block for the others of their datagram, and their bytes; of more the oldest are let go."""
MOST_CHUNKS: Final = 8
"""Blocks that they are kept in."""
MOST_KNOWN: Final = 1 << 14
MOST_KNOWN_BYTES: Final = 1 << 26
"""Datagrams remembered for copies of their fragments that come late, and their bytes."""


@dataclass(frozen=True, slots=True)
class Share:
    """Packets in ``rows`` of a block that are walked by the same ``facts``, with their ``numbers`` in the capture and ``order``, by which
    those of all shares of one call come; ``gathered`` says that the facts are those of their datagrams, and then the block of first
    fragments holds the datagrams."""

    block: Block
    rows: Longs
    numbers: Longs
    order: Longs
    facts: Facts
    gathered: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """A captured fragment whose datagram is there: its number in the capture, a block with nothing else, and the facts to walk it by."""

    number: int
    block: Block
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Whole:
    """A datagram: where its bytes are, the facts to walk its first fragment by, and the length of its longest fragment."""

    block: Block
    row: int
    facts: Facts
    longest: int


def is_fragment(facts: Facts) -> bool:
    """Whether the outermost IP packet is a fragment: of one inside a tunnel's packet nothing is put together."""
    return bool(facts.addresses) and facts.addresses[0].fragment is not FragmentRole.WHOLE


def alone(block: Block, row: int) -> Block:
    """A block of its own for one packet, which outlives the one it is from."""
    return replace(pack(np.zeros(1, np.int64), np.array([row]), {0: block})[1], first=block.first + row)


class Gatherer:
    """Fragments go in block by block, and come out once it is known whether their datagram is there. ``index`` is the one that has seen
    the blocks."""

    def __init__(self, index: Index, accelerate: bool | None = None) -> None:
        self._index = index
        self._accelerate = accelerate
        self._assembler: Assembler | None = None
        self._datagrams: Index | None = None
        self._chosen = np.zeros(0, np.bool_)
        self._intact = np.zeros(0, np.int64)
        self._waiting = np.zeros((0, WAITING_SIZE), np.int64)
        self._chunks: dict[int, Block] = {}
        self._tickets = self._chunk = self._given = 0
        self._known: OrderedDict[int, _Whole] = OrderedDict()
        self._known_bytes = 0
        self._made: dict[tuple[int, int, int], Facts] = {}

    def add(self, member: Membership) -> list[Share]:
        """Take in a block's fragments; those of which more is known now."""
        rows = self._fragments(member)
        if not len(rows):
            return []
        if self._assembler is None:
            self._assembler = Assembler(self._index.tables, most=MOST, seconds=SECONDS, most_pieces=PIECES, accelerate=self._accelerate)
        block = member.block
        pieces = self._assembler.read(block, rows)
        self._chunk += 1
        self._chunks[self._chunk] = block
        table = np.zeros((len(rows), WAITING_SIZE), np.int64)
        table[:, : k.PIECE_SIZE] = pieces
        table[:, TICKET] = self._tickets + np.arange(len(rows))
        table[:, CHUNK] = self._chunk
        table[:, ROW] = rows
        table[:, NUMBER] = block.first + rows
        table[:, CLASS] = member.class_of[rows]
        table[:, INTACT] = self._intact[member.class_of[rows]]
        columns = [d.ENDED_AT, d.ENDED_KEY, d.ENDED_OUTCOME, d.ENDED_LATE, d.ENDED_LENGTH]
        ended = np.concatenate([found[:, columns] for found in self._assembler.add(block, rows, pieces)])
        ended[:, 0] += self._tickets
        self._tickets += len(rows)
        there = pieces[:, k.PIECE_READ] == 1
        shares = self._shares(table[~there], [None] * int(np.count_nonzero(~there)))
        self._waiting = np.concatenate([self._waiting, table[there]])
        shares += self._release(ended)
        shares += self._let_go()
        self._keep()
        return shares

    def finish(self) -> list[Share]:
        """The rest: nothing more comes. What repeats a datagram that was there is that datagram."""
        rest, self._waiting = self._waiting, self._waiting[:0]
        order = np.argsort(self._begun(rest), kind="stable")
        return self._shares(rest[order], [self._known.get(key) for key in rest[order, k.PIECE_KEY].tolist()])

    def _fragments(self, member: Membership) -> Longs:
        """The rows that hold fragments."""
        for number in range(len(self._chosen), int(member.class_of.max(initial=-1)) + 1):
            facts = self._index.facts(number)
            self._chosen = np.append(self._chosen, is_fragment(facts))
            self._intact = np.append(self._intact, int(_intact(facts)))
        return np.flatnonzero(np.append(self._chosen, False)[member.class_of])

    def _release(self, ended: Longs) -> list[Share]:
        """The fragments of datagrams that have ended: each goes with the first end of its key behind it. A piece whose coming ended
        another datagram with its key by time is not of that one."""
        at, key, outcome, late, length = ended.T
        place = np.unique(np.concatenate([self._waiting[:, k.PIECE_KEY], key]), return_inverse=True)[1]
        width = 2 * self._tickets + 3
        count = len(self._waiting)
        when = place * width + 2 * np.concatenate([self._waiting[:, TICKET], at]) + 1
        when[count:] += np.where(late == d.LATE_NOT, 1, -1)
        order = np.argsort(when[count:], kind="stable")
        found = np.searchsorted(when[count:][order], when[:count])
        event = np.append(order, -1)[found] if len(order) else np.full(count, -1)
        event = np.where((event >= 0) & (place[count:][event] == place[:count]), event, -1) if len(order) else event
        gone = event >= 0
        table, event = self._waiting[gone], event[gone]
        self._waiting = self._waiting[~gone]
        sorting = np.lexsort((table[:, TICKET], event))
        table, event = table[sorting], event[sorting]
        whole = (outcome == d.COMPLETE)[event]
        wholes = self._wholes(join(table[whole], event[whole], length, self._chunks), table[whole]) if whole.any() else {}
        of_event: list[_Whole | None] = []
        for number, (one, complete) in enumerate(zip(key.tolist(), (outcome == d.COMPLETE).tolist(), strict=True)):
            if complete:
                self._remember(one, wholes.get(number))
                of_event.append(wholes.get(number))
            else:
                of_event.append(self._known.get(one))
        return self._shares(table, [of_event[one] for one in event.tolist()])

    def _wholes(self, joined: Joined | None, table: Longs) -> dict[int, _Whole]:
        """The datagrams by the number of what ended them."""
        if joined is None:
            return {}
        if self._datagrams is None:
            self._datagrams = Index(self._index.tables, accelerate=self._accelerate)
        class_of = self._datagrams.add(joined.block).class_of.tolist()
        found = {}
        first = table[joined.first, CLASS].tolist()
        for row, (group, one, of, longest) in enumerate(zip(joined.group.tolist(), class_of, first, joined.longest.tolist(), strict=True)):
            if one < 0:
                continue
            facts = self._made.get((one, of, longest))
            if facts is None:
                if len(self._made) >= MOST_KNOWN:
                    self._made.clear()
                facts = self._made[one, of, longest] = _of_datagram(self._datagrams.facts(one), self._index.facts(of), longest)
            found[group] = _Whole(joined.block, row, facts, longest)
        return found

    def _remember(self, key: int, whole: _Whole | None) -> None:
        """The datagram of a key, in the place of an earlier one; the oldest of all are forgotten."""
        earlier = self._known.pop(key, None)
        self._known_bytes -= _size(earlier)
        if whole is not None:
            self._known[key] = whole
            self._known_bytes += _size(whole)
        while len(self._known) > MOST_KNOWN or self._known_bytes > MOST_KNOWN_BYTES:
            self._known_bytes -= _size(self._known.popitem(last=False)[1])

    def _begun(self, table: Longs) -> Longs:
        """For each fragment the ticket of the first one with its key."""
        if not len(table):
            return np.zeros(0, np.int64)
        _, first, place = np.unique(table[:, k.PIECE_KEY], return_index=True, return_inverse=True)
        begun: Longs = table[first, TICKET][place]
        return begun

    def _let_go(self) -> list[Share]:
        """Fragments past the bounds: all of the oldest datagrams."""
        sizes = np.zeros(len(self._waiting), np.int64)
        for number, block in self._chunks.items():
            here = self._waiting[:, CHUNK] == number
            sizes[here] = block.captured[self._waiting[here, ROW]]
        if len(sizes) <= MOST_HELD and int(sizes.sum()) <= MOST_HELD_BYTES:
            return []
        begun = self._begun(self._waiting)
        order = np.argsort(begun, kind="stable")
        left = len(sizes) - 1 - np.arange(len(sizes))
        over = (left + 1 > MOST_HELD) | (np.cumsum(sizes[order][::-1])[::-1] > MOST_HELD_BYTES)
        gone = np.isin(begun, begun[order][over])
        table, self._waiting = self._waiting[gone], self._waiting[~gone]
        table = table[np.argsort(begun[gone], kind="stable")]
        return self._shares(table, [self._known.get(key) for key in table[:, k.PIECE_KEY].tolist()])

    def _keep(self) -> None:
        """Keep the packets that wait, and no others: the block at hand will be gone, and of others much may have gone."""
        chunk, rows = self._waiting[:, CHUNK], self._waiting[:, ROW]
        numbers, counts = np.unique(chunk, return_counts=True)
        kept = {number: self._chunks[number] for number in numbers.tolist()}
        stale = [one for one, count in zip(numbers.tolist(), counts.tolist(), strict=True) if 2 * count < len(kept[one])]
        if len(kept) > MOST_CHUNKS:
            stale = list(kept)
        elif self._chunk in kept and self._chunk not in stale:
            stale.append(self._chunk)
        if stale:
            here = np.isin(chunk, stale)
            self._waiting[here, ROW], packed = pack(chunk[here], rows[here], kept)
            self._waiting[here, CHUNK] = self._chunk
            kept = {one: block for one, block in kept.items() if one not in stale} | {self._chunk: packed}
        self._chunks = kept

    def _shares(self, table: Longs, wholes: list[_Whole | None]) -> list[Share]:
        """Fragments and the datagrams that they belong to, if any, sorted by what they are walked by."""
        order = self._given + np.arange(len(table))
        self._given += len(table)
        piles: dict[tuple[int, ...], list[int]] = {}
        starts, classes, chunks = (table[:, column].tolist() for column in (k.PIECE_START, CLASS, CHUNK))
        for place, whole in enumerate(wholes):
            if whole is None:
                pile: tuple[int, ...] = (chunks[place], classes[place])
            elif starts[place]:
                pile = (chunks[place], classes[place], whole.longest)
            else:
                pile = (id(whole.block), id(whole.facts), 0, 0)
            piles.setdefault(pile, []).append(place)
        return [self._share(np.array(places), table, order, wholes[places[0]], wholes) for places in piles.values()]

    def _share(self, places: Longs, table: Longs, order: Longs, whole: _Whole | None, wholes: list[_Whole | None]) -> Share:
        first = table[places[0]]
        facts = self._index.facts(int(first[CLASS]))
        block, rows = self._chunks[int(first[CHUNK])], table[places, ROW]
        if whole is not None and first[k.PIECE_START] == 0:
            facts, block = whole.facts, whole.block
            rows = np.array([one.row for one in (wholes[place] for place in places.tolist()) if one is not None])
        elif whole is not None:
            facts = replace(facts, addresses=(replace(facts.addresses[0], piece=whole.longest), *facts.addresses[1:]))
        return Share(block, rows, table[places, NUMBER], order[places], facts, whole is not None)


def _size(whole: _Whole | None) -> int:
    return 0 if whole is None else int(whole.block.captured[whole.row])


def _intact(facts: Facts) -> bool:
    """Whether the sum of the outermost IPv4 header is right."""
    if not facts.addresses:
        return False
    ip = facts.addresses[0].header
    return all(one.verdict is Verdict.GOOD for one in facts.sums if one.header == ip and one.kind is Kind.IPV4)


def _of_datagram(whole: Facts, first: Facts, longest: int) -> Facts:
    """The facts of a datagram's bytes, as those of its first fragment: what is beside the bytes, and the frame, are the fragment's."""
    outermost = replace(whole.addresses[0], fragment=FragmentRole.FIRST, piece=longest)
    return replace(
        whole, addresses=(outermost, *whole.addresses[1:]), long=first.long, pages=first.pages, trailer=first.trailer, octets=0, padding=0
    )


def gathered_in(path: str | os.PathLike[str], tables: Tables, wanted: Collection[int]) -> Iterator[Fragment]:
    """The fragments of a capture with ``wanted`` numbers whose datagrams are there, in one pass over it. CaptureError if it cannot be
    read."""
    index = Index(tables)
    waiting = Gatherer(index)

    def chosen(shares: Iterable[Share]) -> Iterator[Fragment]:
        for share in shares:
            for row, number in zip(share.rows.tolist(), share.numbers.tolist(), strict=True):
                if share.gathered and number in wanted:
                    yield Fragment(number, replace(alone(share.block, row), first=number), share.facts)

    with open_capture(path) as capture:
        for block in capture:
            yield from chosen(waiting.add(index.add(block)))
    yield from chosen(waiting.finish())
