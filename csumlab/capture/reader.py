"""Captures as blocks of packets: one chunked path for files, packed files and streams.

A fault in the middle of a capture ends the iteration after the packets before it and is kept in :attr:`Capture.fault`; only a
capture of which nothing can be read raises.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import walk
from csumlab.capture.block import Block, CaptureError, Interface
from csumlab.capture.columns import Columns
from csumlab.capture.feed import HELD_BLOCKS, Feed
from csumlab.capture.pcap import MAGICS, Pcap
from csumlab.capture.pcapng import Pcapng
from csumlab.capture.snoop import MAGIC as SNOOP_MAGIC
from csumlab.capture.snoop import Snoop
from csumlab.capture.source import Raw, unpacked

BLOCK_BYTES: Final = 4 << 20
"""Bytes of one buffer. Measured: 1 to 4 MiB read 1.5 times as fast as 16 MiB, because a block is still in the cache when it is walked."""
SMALL_CAPTURE: Final = 1000
"""Packets up to which a capture that fits one buffer is walked by the plain functions, without loading a compiler."""

LONGEST_START: Final = 28
"""Bytes without which no capture can be told from others: the shortest section header of pcapng."""

OTHER_FORMATS: Final = {
    b"GMBU": ("Microsoft Network Monitor", "editcap -F pcapng IN OUT"),
    b"RTSS": ("Microsoft Network Monitor", "editcap -F pcapng IN OUT"),
    b"TRSNIFF data": ("Network General Sniffer", "editcap -F pcapng IN OUT"),
    b"btsnoop\0": ("btsnoop of Bluetooth", "editcap -F pcapng IN OUT"),
    b"iptrace ": ("iptrace of AIX", "editcap -F pcapng IN OUT"),
    b"XCP\0": ("NetXRay or Sniffer for Windows", "editcap -F pcapng IN OUT"),
    b"\x05VNF": ("Visual Networks", "editcap -F pcapng IN OUT"),
}
"""First bytes of capture formats that are not read here: name, and how to convert them."""


class Capture:
    """An open capture: a context manager, and an iterator of :class:`Block`, once.

    The arrays of a block stay as they are while the next two blocks are taken (``HELD_BLOCKS`` is 3); the third may overwrite them.
    So two threads can work on blocks while a third is being read. Copy what must live longer.

    ``packets`` counts what was given out; ``bytes_read`` counts bytes of the file as stored, up to ``size`` (None if not a regular
    file); ``interfaces`` are those described so far, numbered over all sections; ``ended`` says that no block follows, and is known
    with the first block of a capture that fits one buffer; ``fault`` says why reading ended early, if it did; ``growing`` says that the
    last record is incomplete because the file seems to be written just now, which is no fault: it is a regular file, not packed, was
    changed less than 10 seconds ago and has not shrunk, and as far as can be known a program has it open for writing. A pipe whose
    writer ends within a record is at fault.

    In a pcapng file only packet blocks are packets (tshark numbers custom blocks too), Simple Packet Blocks have the timestamp 0,
    times saturate 146 years after 1970, and ``captured`` may exceed ``original`` if the file says so.
    """

    def __init__(self, path: str | os.PathLike[str] | Any, *, block_bytes: int = BLOCK_BYTES, functions: Any = None) -> None:
        self._raw = Raw(path)
        self.path: str = self._raw.name
        self.packets = 0
        self.ended = False
        self.fault: CaptureError | None = None
        self.growing = False
        self._functions = functions
        self._interfaces: tuple[Interface, ...] = ()
        try:
            source = unpacked(self._raw)
            self._plain = source is self._raw
            self._feed = Feed(source, self.path, block_bytes)
            self._feed.refill(keep=False)
            self._format = _recognise(self._feed, self.path)
        except BaseException:
            self._raw.close()
            raise
        self._blocks = self._read()

    @property
    def format(self) -> str:
        """``"pcap"``, ``"pcapng"`` or ``"snoop"``."""
        return self._format.format

    @property
    def size(self) -> int | None:
        return self._raw.size

    @property
    def bytes_read(self) -> int:
        return self._raw.count

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        if len(self._interfaces) != len(self._format.interfaces):
            self._interfaces = tuple(self._format.interfaces)
        return self._interfaces

    def close(self) -> None:
        """Close the file. Iteration ends; a stream that was handed in stays open."""
        self._blocks.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[Block]:
        return self

    def __next__(self) -> Block:
        return next(self._blocks)

    def _read(self) -> Generator[Block, None, None]:
        """Walk, give out, refill, until the stream or a fault ends it."""
        feed = self._feed
        ring = [Columns() for _ in range(HELD_BLOCKS)]
        turn = 0
        held = False  # Whether a block that was given out uses the buffer of now.
        result: NDArray[np.int64] = np.zeros(4, np.int64)
        while True:
            columns = ring[turn]
            columns.count = 0
            status = self._take(columns, result)
            if status == walk.MORE and feed.ended:
                self._finish(int(result[walk.VALUE]))
            elif status not in (walk.FULL, walk.MORE, walk.SKIP):
                self._fail(_fault(self.path, feed.offset, status, int(result[walk.VALUE]), int(result[walk.DETAIL])))
            if columns.count:
                first = self.packets + 1
                self.packets += columns.count
                held = True
                turn = (turn + 1) % HELD_BLOCKS
                yield columns.block(feed.data, first, self.interfaces)
            if self.ended:
                return
            if status == walk.MORE:
                feed.refill(int(result[walk.VALUE]), keep=held)
                held = False
            elif status == walk.SKIP:
                feed.refill(keep=held)
                held = False
                if not self._skip(int(result[walk.VALUE])):
                    return

    def _take(self, columns: Columns, result: NDArray[np.int64]) -> int:
        """Fill ``columns`` from the feed and give the status; the fault of a section or an interface is noted here."""
        try:
            if self._functions is None:
                if self.packets == 0 and self._feed.ended:
                    status = self._format.take(self._feed, walk, columns, SMALL_CAPTURE, result)
                    if status != walk.FULL:
                        return status
                self._functions = _compiled()
            return self._format.take(self._feed, self._functions, columns, len(columns.offset), result)
        except CaptureError as error:
            self._fail(error)
            return walk.FULL

    def _finish(self, needed: int) -> None:
        """The stream ended where a record of ``needed`` bytes starts or nothing does."""
        feed = self._feed
        self.ended = True
        if feed.fault is not None:
            self.fault = feed.fault
        elif feed.left:
            self._end_within(feed.offset, needed, feed.left)

    def _skip(self, length: int) -> bool:
        """Pass over a block of ``length`` bytes without a packet that does not fit the buffer. False if its end is missing or wrong."""
        feed = self._feed
        start = feed.offset
        feed.skip(length - 4)
        if feed.left < 4 and not feed.ended:
            feed.refill(4, keep=False)
        if feed.left < 4:
            if feed.fault is not None:
                self._fail(feed.fault)
            else:
                self._end_within(start, length, feed.offset + feed.left - start)
            return False
        trailer = walk.number32(memoryview(feed.data), feed.position, self._format.big)  # type: ignore[arg-type]
        if trailer != length:
            self._fail(_fault(self.path, start, walk.TRAILER, trailer, length))
            return False
        feed.position += 4
        return True

    def _end_within(self, offset: int, needed: int, left: int) -> None:
        """The stream ended within the record at ``offset``: it is still being written, or it was cut."""
        self.ended = True
        self.growing = self._plain and self._raw.growing()
        if not self.growing:
            advice = "the file was cut or is still being written; what was read before is good"
            self._fail(CaptureError(self.path, offset, "record", f"cut: expected at least {needed} bytes, there are {left}", advice))

    def _fail(self, fault: CaptureError) -> None:
        self.fault = fault
        self.ended = True


def open_capture(path: str | os.PathLike[str] | Any, *, block_bytes: int = BLOCK_BYTES, functions: Any = None) -> Capture:
    """Open a capture for reading: a file name, ``"-"`` for standard input, or a binary stream.

    pcap with micro or nanoseconds, the modified pcap of old Linux distributions ("Kuznetzov's") and pcapng, in either byte order, and
    snoop; plain or packed with gzip, zstd, xz, bzip2 or lz4, in one member or several. All are told by the first bytes. A file that is
    being written and a pipe are read as far as they go; see :attr:`Capture.growing`.
    ``block_bytes`` is the size of a buffer, of which there are three; a longer record makes one grow, up to 64 MiB.
    ``functions`` has the walks of :mod:`csumlab.capture.walk`: that module itself for the plain ones, or its compiled clone;
    by default a capture of under a thousand packets that fits a buffer takes the plain ones and any other the compiled ones.
    Raises CaptureError for what is empty, unreadable or no capture; see :class:`Capture` for faults further on.
    """
    return Capture(path, block_bytes=block_bytes, functions=functions)


def _recognise(feed: Feed, name: str) -> Pcap | Pcapng | Snoop:
    start = bytes(feed.data[: min(feed.end, 16)])
    if feed.fault is not None and feed.end < LONGEST_START:
        raise feed.fault
    if feed.end == 0:
        raise CaptureError(name, 0, "", "the file is empty", "was the capture stopped before its first packet?")
    if start.startswith(b"\x0a\x0d\x0d\x0a"):
        return Pcapng(feed, name)
    if len(start) >= 4 and {int.from_bytes(start[:4], "big"), int.from_bytes(start[:4], "little")} & MAGICS.keys():
        return Pcap(feed, name)
    if start.startswith(SNOOP_MAGIC):
        return Snoop(feed, name)
    for magic, (other, command) in OTHER_FORMATS.items():
        if start.startswith(magic):
            raise CaptureError(name, 0, "first bytes", f"a capture of {other}, which is not read here", f"convert it with: {command}")
    raise CaptureError(
        name,
        0,
        "magic number",
        f"no capture: expected pcap, pcapng or snoop, got {start[:4].hex(' ')}",
        "a topology goes behind --topology" if name.endswith(".toml") else "is it what tcpdump -w wrote?",
    )


def _fault(name: str, offset: int, status: int, value: int, detail: int) -> CaptureError:
    """The sentence for a fault that a walk found in the record at ``offset``."""
    field, problem = {
        walk.ABSURD: ("record length", f"absurd: {value} bytes, {walk.LARGEST_RECORD} are the most that is read"),
        walk.BLOCK_LENGTH: ("block length", f"expected a multiple of 4 from {detail} on, got {value}"),
        walk.TRAILER: ("trailing block length", f"expected {detail}, got {value}"),
        walk.CAPTURED_LENGTH: ("captured length", f"expected at most {detail}, which the block has room for, got {value}"),
        walk.NO_INTERFACE: ("interface number", f"{value} was not described in this section"),
        walk.OPTION: ("option length", f"the option at offset {offset + value} has a wrong length or goes beyond its block"),
    }[status]
    return CaptureError(name, offset, field, problem, "the file is damaged here; what was read before is good")


def _compiled() -> Any:
    # Late: a small capture never needs it.
    from csumlab import accelerate

    return accelerate.compiled() if accelerate.available() else walk
