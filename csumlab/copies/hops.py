"""Paths that packets took from place to place, counted with what their transport checksum looked like at each hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.copies.places import Place, Places

HOPS: Final = 8
"""Hops of one packet that are told apart."""
PATHS: Final = 256
"""Paths that are counted apart."""
EXAMPLES: Final = 5
"""Packets kept as examples of a path."""
CODES: Final = 5
"""Verdicts as callers count them: none, good, partial, bad, other."""
_PLACE_BITS: Final = 8
_ROUTED: Final = 1
_REWRITTEN: Final = 2


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on a path. ``routed``: the TTL differs from the hop before; ``rewritten``: addresses or ports do. ``codes``: packets by
    what their transport checksum held here (none, good, partial, bad, other)."""

    place: Place
    routed: bool
    rewritten: bool
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PathSummary:
    """``packets`` took these ``hops``; ``examples`` are the packet numbers of the first ones, one number for each hop."""

    hops: tuple[Hop, ...]
    packets: int
    examples: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        text = ""
        for hop in self.hops:
            how = " and ".join(word for word, said in (("routed", hop.routed), ("rewritten", hop.rewritten)) if said)
            text += (f" -> {how + ': ' if how else ''}" if text else "") + str(hop.place)
        return f"{text}: {self.packets} packet{'' if self.packets == 1 else 's'}"


@dataclass(slots=True)
class _Counts:
    packets: int
    codes: NDArray[np.int64]
    examples: list[tuple[int, ...]]


class Hops:
    """Counts paths. ``capped_hops`` sightings and ``capped_paths`` packets are past the bounds."""

    def __init__(self) -> None:
        self.capped_hops = 0
        self.capped_paths = 0
        self._paths: dict[tuple[int, int], _Counts] = {}

    def add(
        self,
        root: NDArray[np.int64],
        number: NDArray[np.int64],
        place: NDArray[np.int64],
        ttl: NDArray[np.int8],
        flow: NDArray[np.uint64],
        code: NDArray[np.int8],
    ) -> None:
        """Sightings in the order of the capture, those of one packet having the same ``root``: all there will be of these packets."""
        order = np.argsort(root, kind="stable")
        hop = _position(root[order])
        self.capped_hops += int(np.count_nonzero(hop >= HOPS))
        order, hop = order[hop < HOPS], hop[hop < HOPS]
        starts = np.flatnonzero(hop == 0)
        change = np.zeros(len(order), np.uint64)
        change[1:] |= np.where(ttl[order][1:] != ttl[order][:-1], np.uint64(_ROUTED), np.uint64(0))
        change[1:] |= np.where(flow[order][1:] != flow[order][:-1], np.uint64(_REWRITTEN), np.uint64(0))
        change[starts] = 0
        steps = np.add.reduceat(change << (2 * hop).astype(np.uint64), starts)
        where = (place[order] + 1).astype(np.uint64) << (_PLACE_BITS * hop).astype(np.uint64)
        route, route_of = np.unique(np.add.reduceat(where, starts), return_inverse=True)
        key = route_of.reshape(-1).astype(np.int64) << (2 * HOPS) | steps.astype(np.int64)
        paths, first, path_of, packets = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        path_of = path_of.reshape(-1)
        size = np.diff(starts, append=len(order))
        slots = (np.repeat(path_of, size) * HOPS + hop) * CODES + code[order]
        codes = np.bincount(slots, minlength=len(paths) * HOPS * CODES).reshape(-1, HOPS, CODES)
        lacking = self._count(route[paths >> (2 * HOPS)], paths & (1 << 2 * HOPS) - 1, packets, codes, first)
        for path, counts in lacking:
            for group in np.flatnonzero(path_of == path)[: EXAMPLES - len(counts.examples)].tolist():
                begin = int(starts[group])
                counts.examples.append(tuple(number[order[begin : begin + int(size[group])]].tolist()))

    def _count(
        self,
        routes: NDArray[np.uint64],
        steps: NDArray[np.int64],
        packets: NDArray[np.int64],
        codes: NDArray[np.int64],
        first: NDArray[np.int64],
    ) -> list[tuple[int, _Counts]]:
        """Add what was counted for each path, in the order of its first packet; the paths that want examples."""
        lacking = []
        left = int(packets.sum())
        for path in np.argsort(first, kind="stable")[: 4 * PATHS].tolist():
            key = (int(routes[path]), int(steps[path]))
            counts = self._paths.get(key)
            if counts is None:
                if len(self._paths) >= PATHS:
                    continue
                counts = self._paths[key] = _Counts(0, np.zeros((HOPS, CODES), np.int64), [])
            counts.packets += int(packets[path])
            counts.codes += codes[path]
            left -= int(packets[path])
            if len(counts.examples) < EXAMPLES:
                lacking.append((path, counts))
        self.capped_paths += left
        return lacking

    def summaries(self, places: Places) -> tuple[PathSummary, ...]:
        """All paths, those of most packets first."""
        found = [
            PathSummary(_hops_of(route, steps, counts.codes, places), counts.packets, tuple(counts.examples))
            for (route, steps), counts in self._paths.items()
        ]
        return tuple(sorted(found, key=lambda path: -path.packets))


def _hops_of(route: int, steps: int, codes: NDArray[np.int64], places: Places) -> tuple[Hop, ...]:
    hops = []
    for index in range(HOPS):
        place = route >> (_PLACE_BITS * index) & 0xFF
        if place:
            step = steps >> (2 * index)
            hops.append(Hop(places.known[place - 1], bool(step & _ROUTED), bool(step & _REWRITTEN), tuple(codes[index].tolist())))
    return tuple(hops)


def _position(sorted_values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal values stand before each one."""
    index = np.arange(len(sorted_values))
    begins = np.concatenate(([True], sorted_values[1:] != sorted_values[:-1]))
    position: NDArray[np.int64] = index - np.maximum.accumulate(np.where(begins, index, 0))
    return position
