"""Copies of one packet in one capture: taken on "any", or on several interfaces, a packet is there once for each place it passed.

Such sightings are hops of one packet and no more traffic. They are found by a hash of everything that stays the same on the way
(:func:`csumlab.fingerprints.packet_hashes`) among packets of the same moment. A packet whose addresses or ports are rewritten between
two places is found by what is left, and only if there is exactly one packet that it can be.
All tables are bounded; ``capped`` says what was left out. No Python per packet.

What is not found: a packet that is split or merged on the way (segmentation offload, fragments), put into a tunnel, or whose inner
checksum is filled between two places; and on cooked captures of version 1, which do not name the interface, a second sighting with
the same packet type if the packet has no IPv4 identification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block, Interface
from csumlab.copies.hops import Hops, PathSummary
from csumlab.copies.places import Places
from csumlab.copies.rewrites import Rewrite, Rewrites
from csumlab.fingerprints import flow_hashes, outer_headers, packet_hashes
from csumlab.headers import Link
from csumlab.rows import Rows, joined, runs, taken

__all__ = ["Capped", "Copies", "PathSummary", "Rewrite", "may_have_copies"]

WINDOW: Final = 10**9
"""Nanoseconds within which two sightings belong together."""
PAUSE: Final = 10**7
"""Nanoseconds after which a packet at a place where an equal one was seen before is another packet."""
RECENT: Final = 1 << 16
"""Packets of earlier blocks that are remembered."""
_CHUNK: Final = 1 << 17
_RANK_BITS: Final = 20
"""Bits for a position among the remembered packets and those of a chunk."""

# Sightings in the order of the capture, a column each. ``origin``: the number of the packet that this one is with other addresses,
# 0 if none. ``apart``: no earlier packet is the same. ``sure``: the place does not tell interfaces apart, but the packet is told apart
# by its identification. Addresses are two words each.
_COLUMNS: Final = {
    **dict.fromkeys(("exact", "loose", "flow", "ports"), np.uint64),
    **dict.fromkeys(("source", "source_rest", "destination", "destination_rest"), np.uint64),
    **dict.fromkeys(("number", "time", "origin", "place"), np.int64),
    **dict.fromkeys(("ttl", "code"), np.int8),
    **dict.fromkeys(("apart", "sure", "six"), np.bool_),
}


@dataclass(slots=True)
class Capped:
    """What the bounds left out: sightings at further ``places``, forgotten too early (``window``), beyond the eighth ``hops`` of a packet,
    packets on further ``paths``, and rewritten packets of further ``rewrites``."""

    places: int = 0
    window: int = 0
    hops: int = 0
    paths: int = 0
    rewrites: int = 0

    def __bool__(self) -> bool:
        return bool(self.places or self.window or self.hops or self.paths or self.rewrites)


def may_have_copies(interfaces: Sequence[Interface]) -> bool:
    """Whether a capture with these interfaces can show a packet more than once: taken on "any", or on more than one interface."""
    return len(interfaces) > 1 or any(one.linktype in (Link.COOKED, Link.COOKED2) for one in interfaces)


@dataclass(slots=True)
class Copies:
    """Finds copies while blocks pass, in the order of the capture; after the last one ask for ``paths`` and ``rewrites``.

    ``ambiguous`` counts packets that could be more than one other with rewritten addresses, or be claimed by more than one.
    """

    ambiguous: int = 0
    _places: Places = field(default_factory=Places)
    _hops: Hops = field(default_factory=Hops)
    _rewrites: Rewrites = field(default_factory=Rewrites)
    _recent: Rows = field(default_factory=lambda: {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()})
    _forgotten: int = 0

    def add(self, block: Block, ip_offsets: NDArray[np.int64], codes: NDArray[np.int8]) -> NDArray[np.int64]:
        """For each packet of a block the number of the packet that it is a copy of, int64, 0 if it is the first sighting.

        ``ip_offsets``: the outermost IP header from the packet's start, or -1. ``codes``: the verdict on the transport checksum as the
        caller counts it, 0 to 4: none, good, partial, bad, other. ValueError unless there is one of each per packet.
        """
        if len(ip_offsets) != len(block) or len(codes) != len(block):
            raise ValueError("one offset and one code for each packet of the block")
        first_of = np.zeros(len(block), np.int64)
        outer = outer_headers(block, ip_offsets)
        if not len(outer.rows):
            return first_of
        place, blind = self._places.of(block, outer.rows)
        exact, loose = packet_hashes(outer)
        rows: Rows = {
            "exact": exact,
            "loose": loose,
            "flow": flow_hashes(outer)[0],
            "ports": outer.ports,
            "source": outer.source[0],
            "source_rest": outer.source[1],
            "destination": outer.destination[0],
            "destination_rest": outer.destination[1],
            "number": outer.rows + block.first,
            "time": block.timestamp[outer.rows],
            "origin": np.zeros(len(place), np.int64),
            "place": place,
            "ttl": outer.ttl.astype(np.uint8).view(np.int8),
            "code": np.clip(codes[outer.rows], 0, 4).astype(np.int8),
            "apart": np.zeros(len(place), np.bool_),
            "sure": blind & outer.identified,
            "six": outer.six,
        }
        if int(place.min()) < 0:
            rows = taken(rows, place >= 0)
        for start in range(0, len(rows["number"]), _CHUNK):
            chunk = taken(rows, slice(start, start + _CHUNK))
            first_of[chunk["number"] - block.first] = self._match(chunk)
        return first_of

    @property
    def paths(self) -> tuple[PathSummary, ...]:
        """The ways packets took, most packets first; packets that were seen once have a path of one hop."""
        self._finish(self._recent, self._roots(self._recent, _leaders(self._recent)[1]))
        self._recent = taken(self._recent, slice(0))
        return self._hops.summaries(self._places)

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        """Flows whose addresses or ports changed between two places, most packets first."""
        return self._rewrites.found

    @property
    def capped(self) -> Capped:
        return Capped(self._places.capped, self._forgotten, self._hops.capped_hops, self._hops.capped_paths, self._rewrites.capped)

    def _match(self, chunk: Rows) -> NDArray[np.int64]:
        """Match new sightings with each other and the recent ones: for each the number of the first, or 0."""
        old = len(self._recent["number"])
        rows = joined(self._recent, chunk)
        segment, leader = _leaders(rows)
        self._link(rows, leader, old)
        root = self._roots(rows, leader)
        first = rows["number"][root[old:]]
        self._forget(rows, segment, root)
        result: NDArray[np.int64] = np.where(first == rows["number"][old:], 0, first)
        return result

    def _link(self, rows: Rows, leader: NDArray[np.int64], old: int) -> None:
        """Find first sightings that are an earlier first sighting with other addresses, one of one."""
        candidates = np.flatnonzero((leader == np.arange(len(leader))) & (rows["loose"] != 0))
        order = candidates[np.argsort(rows["loose"][candidates], kind="stable")]
        loose = rows["loose"][order]
        starts, sizes = runs(loose)
        self.ambiguous += int(np.count_nonzero(np.repeat(sizes > 2, sizes)[order >= old] if len(sizes) else 0))
        pairs = starts[sizes == 2]
        pairs = pairs[np.argsort(order[pairs + 1])]
        before, after = order[pairs], order[pairs + 1]
        fits = (
            (after >= old)
            & (rows["exact"][before] != rows["exact"][after])
            & (rows["flow"][before] != rows["flow"][after])
            & (rows["place"][before] != rows["place"][after])
            & (np.abs(rows["time"][after] - rows["time"][before]) <= WINDOW)
        )
        before, after = before[fits], after[fits]
        rows["origin"][after] = rows["number"][before]
        self._rewrites.add(taken(rows, before), taken(rows, after))

    def _roots(self, rows: Rows, leader: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each row the row of the first sighting, before any rewriting."""
        origin = rows["origin"][leader]
        known = np.flatnonzero(origin)
        place = np.minimum(np.searchsorted(rows["number"], origin[known]), len(leader) - 1)
        there = rows["number"][place] == origin[known]
        root = leader.copy()
        root[known[there]] = leader[place[there]]
        return root

    def _forget(self, rows: Rows, segment: NDArray[np.int64], root: NDArray[np.int64]) -> None:
        """Keep what may still have copies, at most RECENT rows; count the paths of the others."""
        # Rows that may change each other's place go together: those of one segment, and segments that a rewriting joins.
        unit = np.arange(len(root))
        joined = segment[root] != segment
        unit[segment[joined]] = segment[root[joined]]
        unit = unit[unit][segment]
        newest = rows["time"].copy()
        others = np.flatnonzero(unit != np.arange(len(unit)))
        np.maximum.at(newest, unit[others], rows["time"][others])
        age = newest[unit]
        alive = age >= int(rows["time"].max()) - WINDOW
        count = int(np.count_nonzero(alive))
        if count > RECENT:
            units, sizes = np.unique(unit[alive], return_counts=True)
            order = np.argsort(-newest[units], kind="stable")
            kept = units[order[np.cumsum(sizes[order]) <= RECENT]]
            keep = np.zeros(len(root), np.bool_)
            keep[kept] = True
            alive &= keep[unit]
            self._forgotten += count - int(np.count_nonzero(alive))
        gone = np.flatnonzero(~alive)
        position = np.cumsum(~alive) - 1
        self._finish(taken(rows, gone), position[root[gone]])
        self._recent = taken(rows, np.flatnonzero(alive))

    def _finish(self, rows: Rows, root: NDArray[np.int64]) -> None:
        """Count the paths of packets that no more copies are expected of."""
        if len(root):
            self._hops.add(root, rows["number"], rows["place"], rows["ttl"], rows["flow"], rows["code"])


def _leaders(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row the number of its segment (the row of its first sighting) and the row of the first sighting of the same packet.

    A segment is a run in time of rows with the same hash; it is cut where the same packet seems to be sent again. Equal packets within
    a segment are told apart by counting: the n-th at one place is the n-th at another. Notes the cuts in ``apart``.
    """
    segment = np.arange(len(rows["exact"]))
    leader = segment.copy()
    order = np.argsort(rows["exact"], kind="stable")
    exact = rows["exact"][order]
    _, sizes = runs(exact)
    order = order[np.repeat(sizes > 1, sizes)]
    if not len(order):
        return segment, leader
    exact, time = rows["exact"][order], rows["time"][order]
    place = rows["place"][order].astype(np.int64)
    sure = rows["sure"][order]
    apart = rows["apart"][order]
    gap = np.abs(np.diff(time, prepend=time[0]))
    fresh = np.diff(exact, prepend=exact[0] ^ np.uint64(2)) != 0
    run = np.cumsum(fresh)
    fresh |= apart | (gap > WINDOW) | ((_rank(run, place, sure) > 0) & (gap > PAUSE))
    rows["apart"][order] = fresh
    part = np.cumsum(fresh) - 1
    key = part << _RANK_BITS | _rank(part, place, sure)
    begins = np.flatnonzero(fresh)
    segment[order] = order[begins[part]]
    by_key = np.argsort(key, kind="stable")
    starts, sizes = runs(key[by_key])
    leader[order[by_key]] = np.repeat(order[by_key[starts]], sizes)
    return segment, leader


def _rank(run: NDArray[np.int64], place: NDArray[np.int64], sure: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many rows of the same run and place come before each row; 0 for those that are surely the same packet."""
    key = run << 10 | place
    order = np.argsort(key, kind="stable")
    starts, sizes = runs(key[order])
    rank = np.empty(len(key), np.int64)
    rank[order] = np.arange(len(key)) - np.repeat(starts, sizes)
    rank[sure] = 0
    return rank
