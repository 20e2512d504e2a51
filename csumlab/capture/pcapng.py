"""Sections and interfaces of pcapng. The packets are walked by :func:`csumlab.capture.walk.walk_pcapng`.

Source: IETF draft-ietf-opsawg-pcapng, sections 3.5 (options), 4.1 (section header) and 4.2 (interface description).
"""

from __future__ import annotations

import struct
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import walk
from csumlab.capture.block import CaptureError, Interface
from csumlab.capture.columns import Columns
from csumlab.capture.feed import Feed

BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
SECTION_BYTES: Final = 28
"""Of the shortest section header block."""
LARGEST_DESCRIPTION: Final = 1 << 20
MOST_INTERFACES: Final = 1 << 16
LONGEST_NAME: Final = 256
"""Characters of a name or description that are kept."""

NAME_OPTION: Final = 2
DESCRIPTION_OPTION: Final = 3
RESOLUTION_OPTION: Final = 9
OFFSET_OPTION: Final = 14

TIME_LIMIT: Final = 1 << 62
"""Nanoseconds at which times and their offsets saturate; their sum fits 63 bits."""


class Pcapng:
    """A pcapng stream: sections one after the other, each with its byte order and its interfaces. Interfaces are numbered over the
    whole stream. Raises CaptureError if the first block is no section header."""

    format = "pcapng"

    def __init__(self, feed: Feed, name: str) -> None:
        self._name = name
        self.big = False
        self._base = 0
        self.interfaces: list[Interface] = []
        self._clocks: NDArray[np.int64] = np.zeros((4, walk.CLOCK_COLUMNS), np.int64)
        if feed.left < SECTION_BYTES:
            advice = "the file was cut; nothing in it can be read"
            raise CaptureError(name, feed.offset, "section header block", f"expected {SECTION_BYTES} bytes, there are {feed.left}", advice)
        self._order(feed)

    def take(self, feed: Feed, functions: Any, columns: Columns, most: int, result: Any) -> int:
        """Take blocks from the feed into ``columns``, up to row ``most``; a status of :mod:`csumlab.capture.walk` other than SECTION
        and DESCRIPTION. Raises CaptureError for a section or interface that cannot be read."""
        while True:
            result[walk.POSITION], result[walk.COUNT] = feed.position, columns.count
            status = int(
                functions.walk_pcapng(
                    feed.data if functions is not walk else memoryview(feed.data),  # type: ignore[arg-type]
                    feed.end,
                    self.big,
                    self._base,
                    len(self.interfaces) - self._base,
                    self._clocks,
                    most,
                    columns.offset,
                    columns.captured,
                    columns.original,
                    columns.timestamp,
                    columns.interface,
                    columns.flags,
                    result,
                )
            )
            feed.position, columns.count = int(result[walk.POSITION]), int(result[walk.COUNT])
            if status == walk.DESCRIPTION:
                self._description(feed, int(result[walk.VALUE]))
            elif status == walk.SECTION:
                needed = self._section(feed)
                if needed:
                    result[walk.VALUE] = needed
                    return walk.MORE
            else:
                return status

    def _order(self, feed: Feed) -> None:
        """The byte order of the section that starts here."""
        view = memoryview(feed.data)[feed.position :]  # type: ignore[arg-type]
        for big in (False, True):
            if walk.number32(view, 8, big) == BYTE_ORDER_MAGIC:
                self.big = big
                return
        self._wrong(feed, 8, "byte-order magic", f"expected 1a2b3c4d in either order, got {bytes(view[8:12]).hex()}")

    def _section(self, feed: Feed) -> int:
        """Enter the section that starts here; 0, or the bytes that are needed to do so."""
        self._order(feed)
        view = memoryview(feed.data)[feed.position : feed.end]  # type: ignore[arg-type]
        length = walk.number32(view, 4, self.big)
        if length < SECTION_BYTES or length % 4:
            self._wrong(feed, 4, "length of the section header", f"expected a multiple of 4 from {SECTION_BYTES} on, got {length}")
        if length > walk.LARGEST_RECORD:
            self._wrong(feed, 4, "length of the section header", f"absurd: {length} bytes, {walk.LARGEST_RECORD} are the most that is read")
        if length > len(view):
            return length
        trailer = walk.number32(view, length - 4, self.big)
        if trailer != length:
            self._wrong(feed, length - 4, "trailing length of the section header", f"expected {length}, got {trailer}")
        major = walk.number16(view, 12, self.big)
        if major != 1:
            minor = walk.number16(view, 14, self.big)
            self._wrong(feed, 12, "version of the section", f"expected pcapng 1.x, got {major}.{minor}")
        self._base = len(self.interfaces)
        feed.position += length
        return 0

    def _description(self, feed: Feed, length: int) -> None:
        """Add the interface whose block of ``length`` bytes stands here, complete and with the right trailing length."""
        if length > LARGEST_DESCRIPTION:
            self._wrong(feed, 4, "length of an interface description", f"absurd: {length} bytes, {LARGEST_DESCRIPTION} is the most")
        if len(self.interfaces) >= MOST_INTERFACES:
            self._wrong(feed, 0, "interface description", f"more than {MOST_INTERFACES} interfaces")
        view = memoryview(feed.data)[feed.position : feed.position + length]  # type: ignore[arg-type]
        order = ">" if self.big else "<"
        linktype, snaplen = struct.unpack_from(order + "H2xI", view, 8)
        texts = {NAME_OPTION: "", DESCRIPTION_OPTION: ""}
        resolution, seconds = 6, 0
        at, end = 16, length - 4
        while end - at >= 4:
            code, size = struct.unpack_from(order + "HH", view, at)
            if code == 0:
                break
            if size > end - at - 4:
                self._wrong(feed, at, f"option {code} of an interface", f"expected at most {end - at - 4} bytes, got {size}")
            value = view[at + 4 : at + 4 + size]
            if code in texts:
                texts[code] = bytes(value[: 4 * LONGEST_NAME]).decode("utf-8", "replace").rstrip("\0")[:LONGEST_NAME]
            elif code == RESOLUTION_OPTION and size == 1:
                resolution = value[0]
            elif code == OFFSET_OPTION and size == 8:
                (seconds,) = struct.unpack(order + "q", value)
            elif code in (RESOLUTION_OPTION, OFFSET_OPTION):
                expected = 1 if code == RESOLUTION_OPTION else 8
                self._wrong(feed, at + 2, f"option {code} of an interface", f"expected {expected} bytes, got {size}")
            at += 4 + size + -size % 4
        number = len(self.interfaces)
        if number == len(self._clocks):
            self._clocks = np.concatenate([self._clocks, np.zeros_like(self._clocks)])
        self._clocks[number] = clock(resolution, seconds, snaplen)
        self.interfaces.append(Interface(linktype, snaplen, texts[NAME_OPTION], texts[DESCRIPTION_OPTION]))
        feed.position += length

    def _wrong(self, feed: Feed, at: int, field: str, problem: str) -> NoReturn:
        advice = "the file is damaged here; what was read before is good"
        raise CaptureError(self._name, feed.offset + at, field, problem, advice)


def clock(resolution: int, seconds: int, snaplen: int) -> tuple[int, int, int, int, int, int]:
    """The row of ``clocks`` for an interface: ``resolution`` is if_tsresol (10 to the minus n, or 2 to the minus n with the high bit set),
    ``seconds`` is if_tsoffset."""
    offset = max(-TIME_LIMIT + 1, min(TIME_LIMIT - 1, seconds * walk.NANOSECONDS))
    exponent = resolution & 0x7F
    if resolution & 0x80:
        # Beyond 96 bits every time is less than a nanosecond, and no shift may exceed 63 bits.
        return 0, 1, min(exponent, 96), TIME_LIMIT // walk.NANOSECONDS - 1, offset, snaplen
    if exponent <= 9:
        multiply = 10 ** (9 - exponent)
        return multiply, 1, -1, TIME_LIMIT // multiply, offset, snaplen
    divide = 10 ** (exponent - 9)
    if divide < 1 << 63:
        return 1, divide, -1, (1 << 63) - 1, offset, snaplen
    return 0, 1, -1, 0, offset, snaplen
