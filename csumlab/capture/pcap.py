"""The pcap file header and its variants. The records are walked by :func:`csumlab.capture.walk.walk_pcap`.

Source: IETF draft-ietf-opsawg-pcap, section 4; libpcap sf-pcap.c for Kuznetzov's variant, whose records have eight bytes more: the
interface's index (32 bits), the protocol (16), the packet type (8), and a byte of padding. They are passed over.
"""

from __future__ import annotations

from typing import Any, Final

from csumlab.capture import walk
from csumlab.capture.block import CaptureError, Interface
from csumlab.capture.columns import Columns
from csumlab.capture.feed import Feed

HEADER_BYTES: Final = 24
MICROSECOND_MAGIC: Final = 0xA1B2C3D4
NANOSECOND_MAGIC: Final = 0xA1B23C4D
MODIFIED_MAGIC: Final = 0xA1B2CD34
MAGICS: Final = {MICROSECOND_MAGIC: (1000, 16), NANOSECOND_MAGIC: (1, 16), MODIFIED_MAGIC: (1000, 24)}
"""Magic number -> nanoseconds of one unit of a record's fraction, and the bytes of a record's header."""

LINKTYPE_MASK: Final = 0xFFFF


class Pcap:
    """A pcap stream: one interface, one byte order. Raises CaptureError for a header that cannot be read on from."""

    format = "pcap"

    def __init__(self, feed: Feed, name: str) -> None:
        if feed.left < HEADER_BYTES:
            advice = "the file was cut; nothing in it can be read"
            raise CaptureError(name, feed.offset, "pcap file header", f"expected {HEADER_BYTES} bytes, there are {feed.left}", advice)
        header = memoryview(feed.data)[feed.position : feed.position + HEADER_BYTES]  # type: ignore[arg-type]
        self.big = walk.number32(header, 0, True) in MAGICS
        magic = walk.number32(header, 0, self.big)
        self._tick, self._record = MAGICS[magic]
        major, minor = walk.number16(header, 4, self.big), walk.number16(header, 6, self.big)
        if major != 2:
            advice = "the file is damaged or of a format not known here"
            raise CaptureError(name, 4, "version", f"expected pcap 2.x, got {major}.{minor}", advice)
        snaplen = walk.number32(header, 16, self.big)
        self.interfaces = [Interface(walk.number32(header, 20, self.big) & LINKTYPE_MASK, snaplen)]
        feed.position += HEADER_BYTES

    def take(self, feed: Feed, functions: Any, columns: Columns, most: int, result: Any) -> int:
        """Take records from the feed into ``columns``, up to row ``most``; a status of :mod:`csumlab.capture.walk`."""
        result[walk.POSITION], result[walk.COUNT] = feed.position, columns.count
        data = feed.data if functions is not walk else memoryview(feed.data)  # type: ignore[arg-type]
        status = functions.walk_pcap(
            data,
            feed.end,
            self.big,
            self._tick,
            self._record,
            most,
            columns.offset,
            columns.captured,
            columns.original,
            columns.timestamp,
            result,
        )
        feed.position, columns.count = int(result[walk.POSITION]), int(result[walk.COUNT])
        return int(status)
