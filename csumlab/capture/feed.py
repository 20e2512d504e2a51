"""A few reused buffers through which a capture flows: what is not taken yet is carried over, and a long record makes one buffer grow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import CaptureError
from csumlab.capture.source import Source

HELD_BLOCKS: Final = 3
"""Buffers in turn: a block stays as it is while the next two are taken."""

SMALLEST_BLOCK: Final = 64
"""Bytes of the smallest buffer."""


class Feed:
    """``data[position:end]`` is what was read and not taken; ``base`` is the stream offset of ``data[0]``."""

    __slots__ = ("_block_bytes", "_buffers", "_name", "_source", "_turn", "base", "data", "end", "ended", "fault", "position")

    def __init__(self, source: Source, name: str, block_bytes: int) -> None:
        self._source = source
        self._name = name
        self._block_bytes = max(block_bytes, SMALLEST_BLOCK)
        self._buffers: list[NDArray[np.uint8] | None] = [None] * HELD_BLOCKS
        self._turn = 0
        self.base = 0
        self.position = 0
        self.end = 0
        self.ended = False
        self.fault: CaptureError | None = None
        """Why the stream ended before its proper end, set together with ``ended``."""
        self.data = self._buffer(self._block_bytes)

    def _buffer(self, length: int) -> NDArray[np.uint8]:
        """The buffer whose turn it is, reused if it is long enough and not a grown one that is no longer needed.

        A new one costs memory only where it is written.
        """
        buffer = self._buffers[self._turn]
        wanted = max(length, self._block_bytes)
        if buffer is None or len(buffer) < wanted or len(buffer) > 2 * wanted:
            buffer = self._buffers[self._turn] = np.empty(wanted, np.uint8)
        return buffer

    @property
    def offset(self) -> int:
        """Stream offset of ``position``."""
        return self.base + self.position

    @property
    def left(self) -> int:
        """Bytes read and not taken."""
        return self.end - self.position

    def refill(self, needed: int = 0, *, keep: bool) -> None:
        """Read on until the buffer is full or the stream ends; what is left moves to the front, with room for ``needed`` bytes at least.

        ``keep``: a block was given out that uses this buffer, so the next one is taken.
        """
        old, start, left = self.data, self.position, self.left
        if keep:
            self._turn = (self._turn + 1) % HELD_BLOCKS
        self.data = self._buffer(max(needed, left + 1))
        self.data[:left] = old[start : self.end]
        self.base += start
        self.position = 0
        self.end = left
        self._fill()

    def skip(self, length: int) -> None:
        """Take ``length`` bytes unseen, reading on as needed; fewer if the stream ends. The buffer must not be held by a block."""
        while length > self.left and not self.ended:
            length -= self.left
            self.base += self.end
            self.position = self.end = 0
            self._fill()
        self.position += min(length, self.left)

    def _fill(self) -> None:
        view = memoryview(self.data)  # type: ignore[arg-type]
        while self.end < len(self.data) and not self.ended:
            try:
                got = self._source.readinto(view[self.end :])
            except CaptureError as error:
                self.fault = error
                self.ended = True
            except OSError as error:
                problem = f"cannot be read on: {error.strerror or error}"
                self.fault = CaptureError(
                    self._name, self.base + self.end, "", problem, "check the disk or the program that writes the stream"
                )
                self.ended = True
            else:
                self.end += got
                self.ended = got == 0
