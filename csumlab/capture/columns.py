"""The rows of one block while they are filled."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block, Interface

MOST_ROWS: Final = 1 << 17
"""Packets of the longest block. A buffer of shorter packets is given out as several blocks, so that the columns stay small."""


class Columns:
    """Columns for up to ``MOST_ROWS`` packets, of which ``count`` are filled. Pages that no packet reaches cost no memory."""

    __slots__ = ("captured", "count", "flags", "interface", "offset", "original", "timestamp")

    def __init__(self, rows: int = MOST_ROWS) -> None:
        self.count = 0
        self.offset: NDArray[np.int64] = np.empty(rows, np.int64)
        self.captured: NDArray[np.int64] = np.empty(rows, np.int64)
        self.original: NDArray[np.int64] = np.empty(rows, np.int64)
        self.timestamp: NDArray[np.int64] = np.empty(rows, np.int64)
        self.interface: NDArray[np.int32] = np.zeros(rows, np.int32)
        self.flags: NDArray[np.int64] = np.zeros(rows, np.int64)

    def block(self, data: NDArray[np.uint8], first: int, interfaces: tuple[Interface, ...]) -> Block:
        """The filled rows as a block over ``data``."""
        rows = slice(self.count)
        return Block(
            data=data,
            offset=self.offset[rows],
            captured=self.captured[rows],
            original=self.original[rows],
            timestamp=self.timestamp[rows],
            interface=self.interface[rows],
            flags=self.flags[rows],
            first=first,
            interfaces=interfaces,
        )
