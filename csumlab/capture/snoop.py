"""The snoop format of Solaris, and Shomiti's variant of it. Of dpkt comes the layout of the headers (``dpkt.snoop``); its reader gives no
original length, no exact time and Ethernet only, and takes any length from the file, so that lengths are tested and data taken here.

Source: RFC 1761; the link types are those of Wireshark's wiretap/snoop.c, with the numbers of the LINKTYPE registry.
"""

from __future__ import annotations

from typing import Any, Final

from csumlab.capture import walk
from csumlab.capture.block import CaptureError, Interface
from csumlab.capture.columns import Columns
from csumlab.capture.feed import Feed

MAGIC: Final = b"snoop\0\0\0"
HEADER_BYTES: Final = 16
RECORD_BYTES: Final = 24
"""Of a record's header; the record goes on with the packet and with padding."""
VERSIONS: Final = (2, 3, 4, 5)
"""2 of snoop itself, 3 to 5 of Shomiti Surveyor with hardware of its own."""
SHOMITI_BYTES: Final = 16
"""What Shomiti keeps behind each packet: so much padding of the first packet tells its files from others."""

LINKTYPES: Final = {0: 1, 2: 6, 4: 1, 8: 10, 9: 0, 14: 0, 16: 122, 18: 123, 0x80000005: 226}
"""Data link type of snoop -> LINKTYPE: IEEE 802.3, Token Ring, Ethernet, FDDI, other and loopback (a BSD header), IP over Fibre Channel,
classical IP over ATM with SunATM's header, ipnet of Solaris."""
SHOMITI_LINKTYPES: Final = {0: 1, 2: 6, 4: 1, 8: 10, 10: 1, 11: 6, 12: 1, 13: 6, 14: 6, 19: 1}
"""The same as Shomiti numbers them: Ethernet of every speed, Token Ring and FDDI."""


class Snoop:
    """A snoop stream: one interface, big-endian, times in microseconds. Raises CaptureError for a header that cannot be read on from."""

    format = "snoop"
    big = True

    def __init__(self, feed: Feed, name: str) -> None:
        # Late: dpkt takes longer to load than most captures to read.
        from dpkt.snoop import FileHdr, PktHdr

        self._name = name
        self._header = PktHdr
        if feed.left < HEADER_BYTES:
            advice = "the file was cut; nothing in it can be read"
            raise CaptureError(name, feed.offset, "snoop file header", f"expected {HEADER_BYTES} bytes, there are {feed.left}", advice)
        start = FileHdr(bytes(feed.data[feed.position : feed.position + HEADER_BYTES]))
        if start.v not in VERSIONS:
            advice = "the file is damaged or of a format not known here"
            raise CaptureError(name, 8, "version", f"expected snoop 2 to 5, got {start.v}", advice)
        feed.position += HEADER_BYTES
        shomiti = self._shomiti(feed)
        linktype = (SHOMITI_LINKTYPES if shomiti else LINKTYPES).get(start.linktype)
        if linktype is None:
            maker = "Shomiti's snoop" if shomiti else "snoop"
            problem = f"type {start.linktype:#x} of {maker} has no LINKTYPE number here"
            raise CaptureError(name, 12, "data link type", problem, "Ethernet, Token Ring, FDDI, ATM, loopback and ipnet are read")
        self.interfaces = [Interface(linktype)]

    def _shomiti(self, feed: Feed) -> bool:
        """Whether the first record has room for what Shomiti's programs put behind a packet."""
        if feed.left < RECORD_BYTES:
            return False
        first = self._header(bytes(feed.data[feed.position : feed.position + RECORD_BYTES]))
        return bool(first.rec_len >= RECORD_BYTES + first.incl_len + SHOMITI_BYTES)

    def take(self, feed: Feed, functions: Any, columns: Columns, most: int, result: Any) -> int:
        """Take records from the feed into ``columns``, up to row ``most``; MORE or FULL of :mod:`csumlab.capture.walk`.
        Raises CaptureError for a record that cannot be right, after the rows before it were filled."""
        view = memoryview(feed.data)  # type: ignore[arg-type]
        while columns.count < most:
            needed = RECORD_BYTES
            if feed.left >= needed:
                start = feed.position + RECORD_BYTES
                header = self._header(view[feed.position : start].tobytes())
                self._test(feed, header.rec_len, header.incl_len)
                needed = header.rec_len
            if feed.left < needed:
                result[walk.VALUE] = needed
                return walk.MORE
            row = columns.count
            columns.offset[row] = start
            columns.captured[row] = header.incl_len
            columns.original[row] = header.orig_len
            columns.timestamp[row] = header.ts_sec * walk.NANOSECONDS + header.ts_usec * 1000
            columns.count += 1
            feed.position += needed
        return walk.FULL

    def _test(self, feed: Feed, record: int, captured: int) -> None:
        advice = "the file is damaged here; what was read before is good"
        if record > walk.LARGEST_RECORD:
            problem = f"absurd: {record} bytes, {walk.LARGEST_RECORD} are the most that is read"
            raise CaptureError(self._name, feed.offset, "record length", problem, advice)
        if record < RECORD_BYTES + captured:
            problem = f"expected at least {RECORD_BYTES + captured}, its header and {captured} captured bytes, got {record}"
            raise CaptureError(self._name, feed.offset, "record length", problem, advice)
