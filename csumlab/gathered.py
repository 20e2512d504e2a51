"""Captured fragments of which all are there: they are walked as their datagram.

The first fragment stands for the datagram: its facts and numbers are those of all the bytes, and the walk, which has all fragments, puts
them together where a kernel does. The later ones are only marked. What is missing a piece, was cut by the snap length, contradicts itself
or would lose a piece on the way (a wrong IPv4 header sum) is walked as the fragments that it is.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from csumlab.capture import open_capture
from csumlab.capture.block import Block
from csumlab.dissection import Dissection, dissect_packet
from csumlab.facts import Facts, FragmentRole
from csumlab.fragments import Datagrams, Outcome
from csumlab.fragments.pieces import Found
from csumlab.headers import Kind, Layer, Verdict
from csumlab.index import Index, Membership
from csumlab.pieces import gather
from csumlab.tables import Tables

MOST_HELD: Final = 1 << 14
"""Fragments that wait for the others of their datagram, with their bytes; of more the oldest are let go."""
MOST_KNOWN: Final = 1 << 14
"""Datagrams remembered for copies of their fragments that come late."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A captured fragment: its number in the capture, a block with nothing else, and the facts to walk it by; ``gathered`` says that they
    are those of its datagram, and then the block of a first fragment holds the datagram."""

    number: int
    block: Block
    facts: Facts
    gathered: bool = False


def is_fragment(facts: Facts) -> bool:
    """Whether the outermost IP packet is a fragment: of one inside a tunnel's packet nothing is put together."""
    return bool(facts.addresses) and facts.addresses[0].fragment is not FragmentRole.WHOLE


def alone(block: Block, row: int) -> Block:
    """A block of its own for one packet, which outlives the one it is from."""
    start, one = int(block.offset[row]), slice(row, row + 1)
    return replace(
        block,
        data=block.data[start : start + int(block.captured[row])].copy(),
        offset=np.zeros(1, np.int64),
        captured=block.captured[one].copy(),
        original=block.original[one].copy(),
        timestamp=block.timestamp[one].copy(),
        interface=block.interface[one].copy(),
        flags=block.flags[one].copy(),
        first=block.first + row,
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """A fragment that waits; ``packet`` are the bytes of its IP packet, ``intact`` says that the sum of its IPv4 header is right."""

    fragment: Fragment
    found: Found
    before: bytes
    packet: bytes
    intact: bool


class Gatherer:
    """Fragments go in one by one, and come out once it is known whether their datagram is there."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._datagrams = Datagrams(tables=tables)
        self._held: OrderedDict[tuple[object, ...], list[_Held]] = OrderedDict()
        self._known: OrderedDict[tuple[object, ...], tuple[Fragment, int]] = OrderedDict()
        self._count = 0

    def add(self, fragment: Fragment) -> Iterator[Fragment]:
        """Take one in; those of which more is known now."""
        block = fragment.block
        data, linktype, original = block.data.tobytes(), block.interfaces[int(block.interface[0])].linktype, int(block.original[0])
        found = self._datagrams.add(data, linktype, original, fragment.number, int(block.timestamp[0]))
        if found is None:
            yield fragment
            return
        self._held.setdefault(found.key, []).append(_held(fragment, found, data, self._dissect(block, data)))
        self._count += 1
        for datagram in self._datagrams.take():
            yield from self._release(datagram.key, datagram.outcome is Outcome.COMPLETE)
        while self._count > MOST_HELD:
            yield from self._release(next(iter(self._held)), False)

    def finish(self) -> Iterator[Fragment]:
        """The rest: nothing more comes. What repeats a datagram that was there is that datagram."""
        for key in tuple(self._held):
            yield from self._release(key, False)

    def _dissect(self, block: Block, data: bytes) -> Dissection:
        linktype = block.interfaces[int(block.interface[0])].linktype
        return dissect_packet(data, linktype, len(data), self._tables, interface=int(block.interface[0]), flags=int(block.flags[0]))

    def _release(self, key: tuple[object, ...], complete: bool) -> Iterator[Fragment]:
        held = self._held.pop(key, [])
        self._count -= len(held)
        if complete:
            self._known.pop(key, None)
            whole = self._joined(held)
            if whole is not None:
                self._known[key] = whole
                if len(self._known) > MOST_KNOWN:
                    self._known.popitem(last=False)
        known = self._known.get(key)
        for one in held:
            yield one.fragment if known is None else _as_part(one, *known)

    def _joined(self, held: Sequence[_Held]) -> tuple[Fragment, int] | None:
        """The datagram of these fragments, and the length of the longest of them; None if a kernel would lose one."""
        pieces = {one.found.piece.start: one for one in reversed(held)}
        if not all(one.intact for one in pieces.values()) or 0 not in pieces:
            return None
        first = pieces[0]
        longest = max(len(one.packet) for one in pieces.values())
        data = first.before + gather([pieces[start].packet for start in sorted(pieces)])
        size = np.array([len(data)], np.int64)
        block = replace(first.fragment.block, data=np.frombuffer(data, np.uint8).copy(), captured=size, original=size.copy())
        facts = _of_datagram(self._dissect(block, data).facts, first.fragment.facts, longest)
        return Fragment(first.fragment.number, block, facts, gathered=True), longest


def _held(fragment: Fragment, found: Found, data: bytes, dissection: Dissection) -> _Held:
    ip = dissection.facts.addresses[0].header
    header = dissection.headers[ip]
    at, four = header.offset, header.layer is Layer.IPV4
    length = int.from_bytes(data[at + (2 if four else 4) : at + (4 if four else 6)], "big") + (0 if four else 40)
    wrong = any(one.header == ip and one.kind is Kind.IPV4 and one.verdict is not Verdict.GOOD for one in dissection.facts.sums)
    return _Held(fragment, found, data[:at], data[at : at + length], not wrong)


def _of_datagram(whole: Facts, first: Facts, longest: int) -> Facts:
    """The facts of a datagram's bytes, as those of its first fragment: what is beside the bytes, and the frame, are the fragment's."""
    outermost = replace(whole.addresses[0], fragment=FragmentRole.FIRST, piece=longest)
    return replace(
        whole, addresses=(outermost, *whole.addresses[1:]), long=first.long, pages=first.pages, trailer=first.trailer, octets=0, padding=0
    )


def _as_part(one: _Held, whole: Fragment, longest: int) -> Fragment:
    if one.found.piece.start == 0:
        return replace(whole, number=one.fragment.number)
    facts = one.fragment.facts
    marked = (replace(facts.addresses[0], piece=longest), *facts.addresses[1:])
    return replace(one.fragment, facts=replace(facts, addresses=marked), gathered=True)


def fragments_of(index: Index, member: Membership) -> Iterator[Fragment]:
    """The fragments of a block, in order."""
    numbers = [number for number in np.unique(member.class_of).tolist() if number >= 0 and is_fragment(index.facts(number))]
    for row in np.flatnonzero(np.isin(member.class_of, numbers)).tolist():
        yield Fragment(member.block.first + row, alone(member.block, row), index.facts(int(member.class_of[row])))


def gathered_in(path: str | os.PathLike[str], tables: Tables) -> Iterator[Fragment]:
    """The fragments of a capture whose datagrams are there, in one pass over it. CaptureError if it cannot be read."""
    waiting, index = Gatherer(tables), Index(tables)
    with open_capture(path) as capture:
        for block in capture:
            for fragment in fragments_of(index, index.add(block)):
                yield from (one for one in waiting.add(fragment) if one.gathered)
    yield from (one for one in waiting.finish() if one.gathered)
