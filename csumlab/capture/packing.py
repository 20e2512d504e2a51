"""How each packing is undone: gzip, zstd, xz, bzip2 and lz4, a piece at a time, so that no input decides how much memory is taken.

Source: RFC 1952 (gzip), RFC 8878 (zstd), the .xz file format 1.2.0, the lz4 frame format 1.6.3; bzip2 has no specification but its code.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

CHUNK: Final = 1 << 16
"""Bytes of a packed file that are read at a time."""

STEP: Final = 1 << 15
"""Bytes that come out of xz, bzip2 and lz4 at a time. An error takes the output of its call with it, so this much may be lost."""

MOST_XZ_MEMORY: Final = 160 << 20
"""Bytes that an xz file may ask for: as much as the window of 128 MiB that a zstd file may ask for needs; xz -9 takes 65 MiB."""


@dataclass(frozen=True, slots=True)
class Packing:
    """One way to unpack: ``start`` makes an unpacker for one member; ``unpack(unpacker, data, wanted)`` gives the output, the input
    that is left and what is wrong, if anything; ``piece`` is the bytes it is given at most at a time."""

    start: Callable[[], Any]
    unpack: Callable[[Any, bytes, int], tuple[bytes, bytes, str]]
    piece: int


@dataclass(frozen=True, slots=True)
class Known:
    """A packing by its first bytes: ``make`` loads what undoes it and may raise ImportError; ``package`` has it, ``command`` does
    without."""

    magic: bytes
    make: Callable[[], Packing]
    package: str
    command: str


def _gzip() -> Packing:
    def unpack(unpacker: Any, data: bytes, wanted: int) -> tuple[bytes, bytes, str]:
        saved = unpacker.copy()
        try:
            output = unpacker.decompress(data, max(wanted, CHUNK))
        except zlib.error as error:
            return _salvaged(saved, data), b"", str(error)
        return output, unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail, ""

    # Short pieces: what follows a member is copied for every member, and members can be 20 bytes short.
    return Packing(lambda: zlib.decompressobj(wbits=31), unpack, 1 << 14)


def _salvaged(unpacker: Any, data: bytes) -> bytes:
    """What comes out of broken data before the break: an error takes the output of its whole call with it, so go byte by byte."""
    output = bytearray()
    with contextlib.suppress(zlib.error):
        for at in range(len(data)):
            output += unpacker.decompress(data[at : at + 1])
    return bytes(output)


def _zstd() -> Packing:
    import zstandard

    def unpack(unpacker: Any, data: bytes, _wanted: int) -> tuple[bytes, bytes, str]:
        try:
            output = unpacker.decompress(data)
        except zstandard.ZstdError as error:
            return b"", b"", str(error)
        return output, unpacker.unused_data, ""

    # A block of 128 KiB can be packed in four bytes, so a piece of this length gives at most 32 MiB.
    return Packing(zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj, unpack, 1 << 10)


def _xz() -> Packing:
    import lzma

    return _stepwise(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_XZ_MEMORY), lzma.LZMAError)


def _bzip2() -> Packing:
    import bz2

    return _stepwise(bz2.BZ2Decompressor, OSError)


def _lz4() -> Packing:
    from lz4.frame import LZ4FrameDecompressor

    return _stepwise(LZ4FrameDecompressor, RuntimeError)


def _stepwise(start: Callable[[], Any], broken: type[Exception]) -> Packing:
    """For unpackers in the manner of the standard library, which keep the input that is over when the output is full."""

    def unpack(unpacker: Any, data: bytes, _wanted: int) -> tuple[bytes, bytes, str]:
        taken, kept = (data, b"") if unpacker.needs_input else (b"", data)
        try:
            output = unpacker.decompress(taken, STEP)
        except broken as error:
            return b"", b"", str(error)
        return output, (unpacker.unused_data or b"") + kept if unpacker.eof else kept, ""

    # Short pieces: what follows a member is copied for every member, and members can be 14 bytes short.
    return Packing(start, unpack, 1 << 12)


KNOWN: Final = {
    "gzip": Known(b"\x1f\x8b", _gzip, "zlib", "gzip -dc FILE | csumlab check -"),
    "zstd": Known(b"\x28\xb5\x2f\xfd", _zstd, "zstandard", "zstd -dc FILE | csumlab check -"),
    "xz": Known(b"\xfd7zXZ\x00", _xz, "lzma", "xz -dc FILE | csumlab check -"),
    "bzip2": Known(b"BZh", _bzip2, "bz2", "bzip2 -dc FILE | csumlab check -"),
    "lz4": Known(b"\x04\x22\x4d\x18", _lz4, "lz4", "lz4 -dc FILE | csumlab check -"),
}
"""Packings that are undone here, by name."""

UNKNOWN: Final = {
    b"\x02\x21\x4c\x18": ("lz4 in its legacy format", "lz4 -dc FILE | csumlab check -"),
    b"PK\x03\x04": ("zip", "unzip -p FILE | csumlab check -"),
    b"7z\xbc\xaf\x27\x1c": ("7z", "7z x -so FILE | csumlab check -"),
    b"\x1f\x9d": ("compress", "uncompress -c FILE | csumlab check -"),
}
"""First bytes of packings that are not undone here: name, and how to unpack them."""


def packing_of(start: bytes) -> str:
    """The packing that a file with these first six bytes has, empty if none of ``KNOWN``."""
    for name, known in KNOWN.items():
        if start.startswith(known.magic):
            return name
    # A frame to be skipped, which zstd and lz4 share; only zstd's tools write one first.
    skippable = len(start) >= 4 and start[1:4] == b"\x2a\x4d\x18" and start[0] & 0xF0 == 0x50
    return "zstd" if skippable else ""
