"""The blocks of a pcapng stream as they stand, and a packet block with more options. Nothing of a block that is not added to changes,
but the length that a section states of itself, which becomes "unknown".

Source: IETF draft-ietf-opsawg-pcapng, sections 3.1 (blocks), 3.5 (options), 4.1 (section length -1) and 4.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from csumlab.capture.source import Source
from csumlab.capture.walk import ENHANCED_BLOCK, LARGEST_RECORD, PACKET_BLOCK, SECTION_BLOCK, SIMPLE_BLOCK

_PIECE: Final = 1 << 20
_PACKET_HEAD: Final = 28
"""Bytes of an enhanced packet block, or of an obsolete packet block, before the packet."""
_UNKNOWN_LENGTH: Final = b"\xff" * 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole block, or a part of one that is too long to be held; ``kind`` -1 for what goes on from the piece before."""

    kind: int
    big: bool
    data: bytes

    @property
    def is_packet(self) -> bool:
        return self.kind in (ENHANCED_BLOCK, PACKET_BLOCK, SIMPLE_BLOCK)

    @property
    def has_options(self) -> bool:
        return self.kind in (ENHANCED_BLOCK, PACKET_BLOCK)


def blocks(source: Source) -> Iterator[Piece]:
    """The whole blocks of an unpacked stream, as far as they are well formed; a Simple Packet Block too."""
    big = False
    while len(head := _exactly(source, 12)) == 12:
        kind = struct.unpack_from("<I", head)[0]
        if kind == SECTION_BLOCK:
            big = head[8:12] == b"\x1a\x2b\x3c\x4d"
        order = ">" if big else "<"
        kind, length = struct.unpack_from(order + "II", head)
        if length < 12 or length % 4:
            return
        left = length - 12
        if length <= LARGEST_RECORD:
            data = head + _exactly(source, left)
            if len(data) < length or struct.unpack_from(order + "I", data, length - 4)[0] != length:
                return
            yield Piece(kind, big, data if kind != SECTION_BLOCK else data[:16] + _UNKNOWN_LENGTH + data[24:])
            continue
        yield Piece(kind, big, head)
        while left:
            data = _exactly(source, min(left, _PIECE))
            if not data:
                return
            yield Piece(-1, big, data)
            left -= len(data)


def _exactly(source: Source, length: int) -> bytes:
    """``length`` bytes, fewer only at the end of the stream."""
    data = bytearray(length)
    view = memoryview(data)
    have = 0
    while have < length:
        got = source.readinto(view[have:])
        if not got:
            break
        have += got
    return bytes(view[:have])


def with_options(piece: Piece, added: Iterable[tuple[int, bytes]]) -> bytes:
    """A packet block with further options behind those that it has."""
    order = ">" if piece.big else "<"
    size = struct.unpack_from(order + "I", piece.data, 20)[0]
    start = _PACKET_HEAD + size + -size % 4
    end = len(piece.data) - 4
    at = start
    while end - at >= 4:
        code, length = struct.unpack_from(order + "HH", piece.data, at)
        if code == 0 or length > end - at - 4:
            break
        at = min(at + 4 + length + -length % 4, end)
    more = b"".join(struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in added)
    body = piece.data[8:at] + more + bytes(4)
    total = struct.pack(order + "I", 12 + len(body))
    return piece.data[:4] + total + body + total
