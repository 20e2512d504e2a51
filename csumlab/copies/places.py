"""Where a packet was seen: interface and direction, as link header and record say it.

Source: LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 of the LINKTYPE registry; epb_flags of the IETF pcapng draft, section 4.3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import DIRECTION_MASK, INBOUND, OUTBOUND, Block
from csumlab.fingerprints import Words
from csumlab.headers import Link

PLACES: Final = 250
"""Places that are told apart."""

_COOKED_TYPES: Final = {0: "to us", 1: "broadcast", 2: "multicast", 3: "to another host", 4: "sent by us"}
_DIRECTIONS: Final = {INBOUND: "in", OUTBOUND: "out"}
_NO_TYPE: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Place:
    """``interface`` is the number in the capture and ``name`` its name, "" if not told; ``index`` the interface index of a cooked header
    of version 2, None elsewhere; ``direction`` "" if not told."""

    interface: int
    name: str
    index: int | None
    direction: str

    def __str__(self) -> str:
        where = f"interface {self.index}" if self.index is not None else self.name or f"capture interface {self.interface}"
        return f"{where} ({self.direction})" if self.direction else where


class Places:
    """The places of a capture, numbered as they appear. ``capped`` counts sightings at places past the bound."""

    def __init__(self) -> None:
        self.known: list[Place] = []
        self.capped = 0
        self._number: dict[int, int] = {}

    def of(self, block: Block, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """For each of the packets in ``rows`` the number of its place, -1 past the bound, and whether the interface is not told."""
        linktype = np.array([one.linktype for one in block.interfaces], np.int64)[block.interface[rows]]
        flags = block.flags[rows] & DIRECTION_MASK
        kind = np.where(flags > 0, flags << 8 | _NO_TYPE, _NO_TYPE)
        index = np.zeros(len(rows), np.int64)
        offset, end = block.offset[rows], block.offset[rows] + block.captured[rows]
        words = Words(block.data)
        old = linktype == Link.COOKED
        if old.any():
            kind[old] = (words.load(offset[old] + 1, end[old]) & np.uint64(0xFF)).astype(np.int64)
        new = linktype == Link.COOKED2
        if new.any():
            kind[new] = (words.load(offset[new] + 10, end[new]) & np.uint64(0xFF)).astype(np.int64)
            little = words.load(offset[new] + 4, end[new]) & np.uint64(0xFFFFFFFF)
            index[new] = little.astype(np.uint32).byteswap() + np.int64(1)
        key = (block.interface[rows].astype(np.int64) & 0xFFFFF) << 43 | index << 10 | kind
        distinct, inverse = np.unique(key, return_inverse=True)
        numbers = np.array([self._number_of(one, block) for one in distinct.tolist()], np.int64)
        place: NDArray[np.int64] = numbers[inverse.reshape(-1)]
        self.capped += int(np.count_nonzero(place < 0))
        return place, old

    def _number_of(self, key: int, block: Block) -> int:
        number = self._number.get(key)
        if number is not None:
            return number
        if len(self.known) >= PLACES:
            return -1
        interface, index, kind = key >> 43, (key >> 10 & (1 << 33) - 1) - 1, key & 0x3FF
        direction = _DIRECTIONS.get(kind >> 8, "") if kind & 0xFF == _NO_TYPE else _COOKED_TYPES.get(kind & 0xFF, f"type {kind & 0xFF}")
        name = block.interfaces[interface].name if interface < len(block.interfaces) else ""
        self.known.append(Place(interface, name, index if index >= 0 else None, direction))
        self._number[key] = len(self.known) - 1
        return self._number[key]
