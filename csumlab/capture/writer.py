"""Captures out: pcapng, whole or not at all, the blocks of it one by one, and a plain pcap writer for benchmarks and tests.

Source: IETF drafts draft-ietf-opsawg-pcapng (sections 3.5, 4.1 to 4.3 and 4.6) and draft-ietf-opsawg-pcap (sections 4 and 5).
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Final, Self

from csumlab.capture.block import CaptureError
from csumlab.capture.walk import DESCRIPTION_BLOCK, ENHANCED_BLOCK, FLAGS_OPTION, NANOSECONDS, SECTION_BLOCK
from csumlab.whole import WholeFile, WriteError

COMMENT_OPTION: Final = 1
NAME_OPTION: Final = 2
DESCRIPTION_OPTION: Final = 3
RESOLUTION_OPTION: Final = 9
FILTER_OPTION: Final = 11
SYSTEM_OPTION: Final = 3
APPLICATION_OPTION: Final = 4
CUSTOM_OPTION: Final = 2989
"""Binary, and to be kept when packets are copied to another file."""
STATISTICS_BLOCK: Final = 5
START_OPTION: Final = 2
END_OPTION: Final = 3
FILTER_ACCEPTED_OPTION: Final = 6
SYSTEM_DROPPED_OPTION: Final = 7
DELIVERED_OPTION: Final = 8
LONGEST_OPTION: Final = 0xFFFF

Options = Iterable[tuple[int, bytes]]
"""Code and value of each."""

_PACKET_HEAD: Final = struct.Struct("<7I")
_LENGTH: Final = struct.Struct("<I")


class _Writer:
    """A capture that takes its name only once it is complete."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with _as_capture_error():
            self._whole = WholeFile(path)
        self.path = self._whole.path

    def put(self, data: bytes) -> None:
        """Add whole blocks or records as they are."""
        with _as_capture_error():
            self._whole.put(data)

    def close(self) -> None:
        """Finish the file: only now it is there under its name. Raises CaptureError if the disk does not take it."""
        with _as_capture_error():
            self._whole.close()

    def discard(self) -> None:
        """Give up: nothing stays behind, and a file that had the name before is left as it was."""
        self._whole.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


@contextlib.contextmanager
def _as_capture_error() -> Iterator[None]:
    try:
        yield
    except WriteError as error:
        raise CaptureError(error.path, None, "", error.problem, error.advice) from None


class PcapngWriter(_Writer):
    """One little-endian section with nanosecond times. The file appears whole when the context ends well, or not at all.

    Raises CaptureError if it cannot be written, ValueError for a packet that the format cannot hold.
    """

    def __init__(self, path: str | os.PathLike[str], *, bare: bool = False) -> None:
        """``bare``: all blocks, from the section header on, are put in by the caller."""
        super().__init__(path)
        self._interfaces = 0
        if not bare:
            self.put(section_block())

    def add_interface(self, linktype: int, name: str = "", description: str = "", snaplen: int = 0) -> int:
        """Describe one more interface and give its number. ``linktype`` is a LINKTYPE number, ``snaplen`` 0 if unlimited."""
        texts = [(code, text_value(text)) for code, text in ((NAME_OPTION, name), (DESCRIPTION_OPTION, description)) if text]
        self.put(interface_block(linktype, snaplen, texts))
        self._interfaces += 1
        return self._interfaces - 1

    def write(
        self,
        data: bytes,
        *,
        interface: int = 0,
        timestamp_ns: int = 0,
        original: int | None = None,
        flags: int | None = None,
        comment: str = "",
    ) -> None:
        """Add a packet. ``timestamp_ns`` is nanoseconds since 1970, ``original`` its length on the wire if it was cut,
        ``flags`` the 32 bits of epb_flags."""
        if not 0 <= interface < self._interfaces:
            raise ValueError(f"interface {interface} was not added; there are {self._interfaces}")
        if timestamp_ns < 0:
            raise ValueError(f"the time {timestamp_ns} is before 1970")
        options = []
        if comment:
            options.append((COMMENT_OPTION, text_value(comment)))
        if flags is not None:
            options.append((FLAGS_OPTION, struct.pack("<I", flags & 0xFFFFFFFF)))
        self.put(packet_block(interface, timestamp_ns, data, len(data) if original is None else original, encode_options(options)))


class PcapWriter(_Writer):
    """A pcap file with one interface, in either byte order, with times in nano or microseconds."""

    def __init__(
        self, path: str | os.PathLike[str], *, linktype: int = 1, snaplen: int = 0x40000, nanoseconds: bool = True, big_endian: bool = False
    ) -> None:
        super().__init__(path)
        order = ">" if big_endian else "<"
        self._tick = 1 if nanoseconds else 1000
        self._record = struct.Struct(order + "IIII")
        magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
        self.put(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype))

    def write(self, data: bytes, *, timestamp_ns: int = 0, original: int | None = None) -> None:
        """Add a packet; see :meth:`PcapngWriter.write`. Microsecond files lose what is below a microsecond."""
        seconds, fraction = divmod(timestamp_ns, NANOSECONDS)
        if not 0 <= seconds <= 0xFFFFFFFF:
            raise ValueError(f"the time {timestamp_ns} does not fit a pcap file: 1970 to 2106")
        self.put(self._record.pack(seconds, fraction // self._tick, len(data), len(data) if original is None else original) + data)


def section_block(options: Options = ()) -> bytes:
    """The block that begins a little-endian section of unknown length."""
    body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return _block(SECTION_BLOCK, body + encode_options([*options, (APPLICATION_OPTION, b"csumlab")]))


def interface_block(linktype: int, snaplen: int, options: Options = ()) -> bytes:
    """The description of an interface whose times are in nanoseconds."""
    return _block(DESCRIPTION_BLOCK, struct.pack("<HHI", linktype, 0, snaplen) + encode_options([(RESOLUTION_OPTION, b"\x09"), *options]))


def packet_block(interface: int, timestamp_ns: int, data: bytes, original: int, options: bytes) -> bytes:
    """An enhanced packet block; ``options`` come encoded, as many packets have the same."""
    length = 32 + len(data) + -len(data) % 4 + len(options)
    high, low = timestamp_ns >> 32, timestamp_ns & 0xFFFFFFFF
    head = _PACKET_HEAD.pack(ENHANCED_BLOCK, length, interface, high, low, len(data), original)
    return b"".join((head, data, bytes(-len(data) % 4), options, _LENGTH.pack(length)))


def statistics_block(interface: int, timestamp_ns: int, options: Options) -> bytes:
    """What happened on an interface until a time."""
    head = struct.pack("<III", interface, timestamp_ns >> 32, timestamp_ns & 0xFFFFFFFF)
    return _block(STATISTICS_BLOCK, head + encode_options(options))


def encode_options(options: Options) -> bytes:
    """The options with the one that ends them; nothing if there are none."""
    encoded = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return encoded + bytes(4) if encoded else b""


def text_value(text: str) -> bytes:
    """UTF-8 of at most the length of an option, cut between characters."""
    return text.encode("utf-8", "replace")[:LONGEST_OPTION].decode("utf-8", "ignore").encode()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
