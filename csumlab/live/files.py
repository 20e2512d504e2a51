"""The files a live capture goes to: written as packets come, always whole blocks, one file after the other if wanted."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from typing import Final

from csumlab.live.namespaces import LiveError

_PIECE: Final = 1 << 20
"""Bytes that are gathered for one write."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is closed and the next one begun: before the packet that would make it longer than ``most_bytes``, or that came
    ``seconds`` or more after its first one. The newest ``keep`` files are kept. 0 is without a limit."""

    most_bytes: int = 0
    seconds: float = 0
    keep: int = 0

    def __bool__(self) -> bool:
        return bool(self.most_bytes or self.seconds)


class Files:
    """Where blocks go. ``head`` begins every file, and what ``tail`` gives ends it. Unlike a finished work, a capture is worth something
    before it is complete: it stands under its name from the start, and readers may follow it. Raises LiveError."""

    def __init__(self, target: str, rotation: Rotation, head: bytes, tail: Callable[[], bytes]) -> None:
        if rotation and target == "-":
            raise LiveError("standard output is one file; -C and -G need a name")
        self.names: list[str] = []
        """Those that are there, the oldest first."""
        self.written = 0
        """Packets."""
        self._target, self._rotation, self._head, self._tail = target, rotation, head, tail
        self._number = 0
        self._first_ns = 0
        self._file = self._next()

    def _next(self) -> FileIO:
        self._number += 1
        root, extension = os.path.splitext(self._target)
        name = f"{root}-{self._number:05d}{extension}" if self._rotation else self._target
        try:
            file = FileIO(sys.stdout.fileno(), "w", closefd=False) if name == "-" else FileIO(name, "w")
        except OSError as error:
            raise LiveError(f"{name}: cannot be written: {error.strerror}") from None
        self.names.append(name)
        self._size = 0
        self._packets = 0
        self._regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        self._file = file
        self._put(self._head)
        if self._rotation.keep and len(self.names) > self._rotation.keep:
            with contextlib.suppress(OSError):
                os.unlink(self.names.pop(0))
        return file

    def write(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        """Packets as time in nanoseconds and block, in order."""
        start = 0
        waiting = 0
        most, period = self._rotation.most_bytes, int(self._rotation.seconds * 1e9)
        for place, (timestamp_ns, block) in enumerate(blocks):
            length = len(block)
            count = self._packets + place - start
            full = most and self._size + waiting + length > most
            if count and (full or (period and timestamp_ns - self._first_ns >= period)):
                self._put_packets(blocks[start:place])
                self._finish()
                self._next()
                start, waiting, count = place, 0, 0
            if not count:
                self._first_ns = timestamp_ns
            waiting += length
            if waiting > _PIECE:
                self._put_packets(blocks[start : place + 1])
                start, waiting = place + 1, 0
        self._put_packets(blocks[start:])

    def _put_packets(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        self._put(b"".join([block for _, block in blocks]))
        self._packets += len(blocks)
        self.written += len(blocks)

    def _put(self, data: bytes) -> None:
        """Write all of it, or take back what the disk took of it, so that the file ends with a whole block."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except BrokenPipeError:
            raise
        except OSError as error:
            if self._regular:
                with contextlib.suppress(OSError):
                    self._file.truncate(self._size)
            self._file.close()
            name = self.names[-1]
            raise LiveError(f"{name}: cannot be written on: {error.strerror}; the file is whole up to here") from None
        self._size += len(data)

    def _finish(self) -> None:
        self._put(self._tail())
        self._file.close()

    def close(self) -> None:
        """End the last file."""
        if not self._file.closed:
            self._finish()
