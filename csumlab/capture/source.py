"""Where the bytes of a capture come from: a file, standard input or a stream, unpacked if it is packed.

A source fills the buffer that it is given and never holds more than a few chunks itself, so that a small file which unpacks to
terabytes costs time but no memory. Which packing it is, is told by the first bytes and never by the name.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import Any, Protocol

from csumlab.capture.block import CaptureError
from csumlab.capture.growth import being_written
from csumlab.capture.packing import CHUNK, KNOWN, UNKNOWN, Packing, packing_of


class Source(Protocol):
    """What a reader reads from. ``readinto`` gives the number of bytes, 0 only at the end, and raises CaptureError or OSError."""

    def readinto(self, view: memoryview) -> int: ...


class Raw:
    """The bytes as stored: counts them, knows the size on disk, and puts bytes that were looked at back."""

    __slots__ = ("_close", "_front", "_read", "_stream", "count", "name", "size")

    def __init__(self, path: str | os.PathLike[str] | Any) -> None:
        """``path`` is a file name, ``"-"`` or a binary stream, which is not closed here. Raises CaptureError."""
        self.count = 0
        self.size: int | None = None
        self._front = b""
        stream: Any
        if isinstance(path, str | os.PathLike) and os.fspath(path) != "-":
            self.name = os.fspath(path)
            try:
                stream = open(path, "rb", buffering=0)  # noqa: SIM115  (closed by close)
            except (OSError, ValueError) as error:
                problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                raise CaptureError(self.name, None, "", f"cannot be opened: {problem}", _advice(self.name)) from None
            self._close: Callable[[], None] = stream.close
        else:
            self.name = "standard input" if isinstance(path, str | os.PathLike) else str(getattr(path, "name", "a stream"))
            stream = sys.stdin.buffer if isinstance(path, str | os.PathLike) else path
            self._close = _leave_open
        if hasattr(stream, "readinto"):
            self._read: Callable[[memoryview], int | None] = stream.readinto
        else:
            self._read = _reader_into(stream.read)
        self._stream = stream
        self.size = _size(stream)

    def readinto(self, view: memoryview) -> int:
        if self._front:
            taken = min(len(self._front), len(view))
            view[:taken] = self._front[:taken]
            self._front = self._front[taken:]
            return taken
        got = self._read(view)
        if got is None:
            raise OSError("nothing is there yet: the stream does not wait")
        self.count += got
        return got

    def peek(self, length: int) -> bytes:
        """The next ``length`` bytes, fewer only at the end; they stay to be read."""
        front = bytearray(self._front)
        self._front = b""
        while len(front) < length:
            piece = bytearray(length - len(front))
            got = self.readinto(memoryview(piece))
            if got == 0:
                break
            front += piece[:got]
        self._front = bytes(front)
        return self._front

    def growing(self) -> bool:
        """Whether this is a file that somebody seems to be writing just now; see :func:`csumlab.capture.growth.being_written`."""
        return being_written(self._stream, max(self.count, self.size or 0))

    def close(self) -> None:
        self._close()


def _leave_open() -> None:
    """Streams that were handed in belong to who handed them in."""


def _reader_into(read: Callable[[int], bytes]) -> Callable[[memoryview], int]:
    def readinto(view: memoryview) -> int:
        piece = read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    return readinto


def _size(stream: Any) -> int | None:
    """Bytes on disk of a regular file, None for a pipe, a device or a stream in memory."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class Unpacked:
    """A packed file of one or more members, streams or frames, unpacked.

    Broken or cut data raise CaptureError after what came out before them was given out: all of it with gzip; zstd loses the output
    of the last packed KiB before a break, the others at most their last 32 KiB, and bzip2 gives nothing of a block that is cut.
    """

    __slots__ = ("_fault", "_given", "_input", "_left", "_name", "_packing", "_raw", "_started", "_stock", "_unpacker")

    def __init__(self, raw: Raw, name: str, packing: Packing) -> None:
        self._raw = raw
        self._name = name
        self._packing = packing
        self._unpacker = self._packing.start()
        self._started = False
        self._stock = memoryview(b"")
        self._input = b""
        self._left = memoryview(b"")
        self._given = 0
        self._fault: CaptureError | None = None

    def readinto(self, view: memoryview) -> int:
        while not self._left:
            if self._fault is not None:
                raise self._fault
            if not self._advance(len(view)):
                return 0
        taken = min(len(view), len(self._left))
        view[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        self._given += taken
        return taken

    def _advance(self, wanted: int) -> bool:
        """Unpack the next piece into ``_left``; False at the proper end of the file."""
        if self._unpacker.eof:
            self._unpacker = self._packing.start()
            self._started = False
        if not self._input:
            self._input = self._fetch()
        if not self._started:
            # Between members the file may end, and zeros that pad it to the length of a tape's record are no data.
            self._input = self._input.lstrip(b"\0")
            if not self._input:
                self._input = self._fetch()
                return bool(self._input)
            self._started = True
        ended = not self._input
        piece, self._input, problem = self._packing.unpack(self._unpacker, self._input, wanted)
        if problem:
            self._fail(f"cannot be unpacked: {problem}", "what was read before is good; fetch the file again to have the rest")
        elif ended and not piece and not self._unpacker.eof:
            self._fail("ends in the middle", "the file was cut or is still being written; what was read before is good")
        self._left = memoryview(piece)
        return True

    def _fetch(self) -> bytes:
        """The next piece of the packed file, at most as long as the packing takes at a time."""
        if not self._stock:
            chunk = bytearray(CHUNK)
            self._stock = memoryview(chunk)[: self._raw.readinto(memoryview(chunk))]
        piece = bytes(self._stock[: self._packing.piece])
        self._stock = self._stock[self._packing.piece :]
        return piece

    def _fail(self, problem: str, advice: str) -> None:
        packed = self._raw.count - len(self._stock) - len(self._input)
        problem += f", at byte {packed} of the packed file"
        self._fault = CaptureError(self._raw.name, self._given, f"{self._name} data", problem, advice)


def unpacked(raw: Raw) -> Source:
    """``raw``, or what it unpacks to. Raises CaptureError for packings that are known but cannot be undone."""
    try:
        start = raw.peek(6)
    except OSError as error:
        advice = "give a capture file, not a folder or device"
        raise CaptureError(raw.name, 0, "", f"cannot be read: {error.strerror or error}", advice) from None
    for magic, (packing, command) in UNKNOWN.items():
        if start.startswith(magic):
            raise CaptureError(raw.name, 0, "first bytes", f"packed with {packing}, which is not read here", f"try: {command}")
    name = packing_of(start)
    if not name:
        return raw
    known = KNOWN[name]
    try:
        return Unpacked(raw, name, known.make())
    except ImportError:
        problem = f"packed with {name}, and the Python package {known.package} is not here"
        raise CaptureError(raw.name, 0, "first bytes", problem, f"install {known.package}, or try: {known.command}") from None


def _advice(path: str) -> str:
    """What to do about a file that cannot be opened."""
    if os.path.isdir(path):
        return f"name the files in it, such as {os.path.join(path, '*.pcap')}"
    return "check the permissions" if os.path.exists(path) else "check the path"
