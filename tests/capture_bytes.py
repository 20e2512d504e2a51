"""Capture files made by hand for the tests of the reader: every format, byte order and field can be set, rightly or wrongly."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lz4.frame
import zstandard

from csumlab.capture import CaptureError, open_capture, walk

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}
"""How each packing is made, with a check sum where it can have one."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What a reader should say of one packet."""

    data: bytes
    timestamp: int = 0
    original: int = 0
    interface: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a reader said of a file: packets, the fault's sentence (empty if none), link types, number of blocks."""

    packets: list[Packet]
    fault: str
    linktypes: list[int]
    blocks: int


def read(data: bytes, **options: Any) -> Reading:
    """Read a capture held in memory; a CaptureError at open is a fault like any other."""
    packets: list[Packet] = []
    blocks = 0
    try:
        capture = open_capture(io.BytesIO(data), **options)
    except CaptureError as error:
        return Reading([], str(error), [], 0)
    with capture:
        for block in capture:
            assert len(block) > 0
            assert block.first == len(packets) + 1
            blocks += 1
            for row in range(len(block)):
                start, size = int(block.offset[row]), int(block.captured[row])
                assert 0 <= start <= start + size <= len(block.data)
                assert 0 <= block.interface[row] < len(block.interfaces)
                packets.append(
                    Packet(
                        block.data[start : start + size].tobytes(),
                        int(block.timestamp[row]),
                        int(block.original[row]),
                        int(block.interface[row]),
                        int(block.flags[row]),
                    )
                )
        assert capture.packets == len(packets)
        assert capture.ended
        linktypes = [interface.linktype for interface in capture.interfaces]
        return Reading(packets, str(capture.fault or ""), linktypes, blocks)


def plain(data: bytes, **options: Any) -> Reading:
    """``read`` with the plain walks."""
    return read(data, functions=walk, **options)


def pcap(packets: list[Packet], *, order: str = "<", nanoseconds: bool = False, linktype: int = 1, version: int = 2) -> bytes:
    """A pcap file; timestamps are cut to its unit."""
    magic, tick = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    file = struct.pack(order + "IHHiIII", magic, version, 4, 0, 0, 65535, linktype)
    for packet in packets:
        seconds, fraction = divmod(packet.timestamp, 10**9)
        file += struct.pack(order + "IIII", seconds, fraction // tick, len(packet.data), packet.original) + packet.data
    return file


def modified(packets: list[Packet], *, order: str = "<", linktype: int = 1) -> bytes:
    """A pcap file of the modified kind, with eight bytes more in each record: interface index, protocol, packet type, padding."""
    file = struct.pack(order + "IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, linktype)
    for packet in packets:
        seconds, fraction = divmod(packet.timestamp, 10**9)
        file += struct.pack(order + "IIIIIHBB", seconds, fraction // 1000, len(packet.data), packet.original, 2, 0x0800, 4, 0) + packet.data
    return file


def snoop(packets: list[Packet], *, linktype: int = 4, version: int = 2, padding: int = 0) -> bytes:
    """A snoop file; each record is padded to a multiple of four bytes, and by ``padding`` bytes more."""
    file = b"snoop\0\0\0" + struct.pack(">II", version, linktype)
    for packet in packets:
        seconds, fraction = divmod(packet.timestamp, 10**9)
        body = padded(packet.data) + b"\xee" * padding
        file += struct.pack(">IIIIII", packet.original, len(packet.data), 24 + len(body), 7, seconds, fraction // 1000) + body
    return file


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(order: str, kind: int, body: bytes, length: int | None = None, trailer: int | None = None) -> bytes:
    """A pcapng block; ``length`` and ``trailer`` only to say something wrong."""
    right = 12 + len(body)
    length = right if length is None else length
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length if trailer is None else trailer)


def section(order: str, major: int = 1) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1))


def options(order: str, *pairs: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack(order + "HH", code, len(value)) + padded(value) for code, value in pairs) + bytes(4)


def description(order: str, linktype: int = 1, snaplen: int = 0, extra: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(order + "HHI", linktype, 0, snaplen) + extra)


def enhanced(
    order: str,
    data: bytes,
    *,
    interface: int = 0,
    ticks: int = 0,
    captured: int | None = None,
    original: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """An Enhanced Packet Block; ``captured`` and ``original`` are lengths, those of ``data`` if None."""
    lengths = (len(data) if length is None else length for length in (captured, original))
    return block(order, 6, struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, *lengths) + padded(data) + extra)


def simple(order: str, data: bytes, original: int) -> bytes:
    return block(order, 3, struct.pack(order + "I", original) + padded(data))


def obsolete(order: str, data: bytes, *, interface: int = 0, ticks: int = 0, extra: bytes = b"") -> bytes:
    header = struct.pack(order + "HHIIII", interface, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(order, 2, header + padded(data) + extra)


SAMPLES = [Packet(bytes(range(size)), 10**18 + size * 1000, size + 1) for size in (0, 5, 60)]
"""Three packets."""


def sample_pcap(order: str = "<", nanoseconds: bool = True) -> bytes:
    """A small pcap file of three packets."""
    return pcap(SAMPLES, order=order, nanoseconds=nanoseconds)


def sample_pcapng() -> bytes:
    """A small pcapng file with two sections of different byte order and every kind of block."""
    file = b""
    for order in "<>":
        file += section(order) + description(order, 113) + description(order, 1, 20, options(order, (2, b"vif1.0"), (9, b"\x09")))
        file += block(order, 0x0BAD, b"something else\0\0")
        file += enhanced(
            order, b"first", interface=1, ticks=10**18 + 1, extra=options(order, (1, b"said"), (2, struct.pack(order + "I", 0x202)))
        )
        file += simple(order, b"second", 6) + obsolete(order, b"third", interface=0, ticks=10**15)
    return file
