"""TCP segments as their flow sees them: sequence numbers, which count modulo 2^32 (RFC 9293 section 3.4), and who sends to whom."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from csumlab.dissection import Checksum, Dissection
from csumlab.headers import Kind, Layer, Reason, Verdict

TURN: Final = 1 << 32
HALF: Final = 1 << 31
FIN, SYN, RST, ACK = 1, 2, 4, 16
_UNKNOWN_LENGTH: Final = 0xFFFF
"""Sequence numbers that a fragment may have at most."""

End = tuple[int, bytes, int]
"""One end of a flow: how many IP headers are around, address, port."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment. ``range`` is its length in sequence numbers, ``payload_at`` the length of its header, ``residue`` how far its sum is
    off (0 if it is right), None if that is not known."""

    number: int
    timestamp: int
    sender: End
    receiver: End
    nested: bool
    start: int
    range: int
    acknowledges: int | None
    flags: int
    identification: int
    verdict: Verdict
    residue: int | None
    content: memoryview
    payload_at: int

    @property
    def known(self) -> bool:
        """Whether it may be good: to be on the safe side, also if it was cut."""
        return self.verdict in (Verdict.GOOD, Verdict.UNVERIFIED)


def segment_of(number: int, timestamp: int, view: memoryview, dissection: Dissection, checksum: Checksum) -> Segment | None:
    """The TCP segment of a checksum; None if it is none, or quoted, or cut before the end of its fixed header."""
    at = checksum.start
    before = dissection.headers[: checksum.header]
    around = [header for header in before if header.layer in (Layer.IPV4, Layer.IPV6)]
    if checksum.kind is not Kind.TCP or len(view) < at + 20 or not around or any(header.layer is Layer.QUOTE for header in before):
        return None
    outside = around[-1]
    six = outside.layer is Layer.IPV6
    low, size = (outside.offset + 8, 16) if six else (outside.offset + 12, 4)
    source_port, destination_port, start, acknowledges, header, flags = struct.unpack_from("!HHIIBB", view, at)
    header_length = (header >> 4) * 4
    length = checksum.end - at - header_length
    if header_length < 20 or length < 0 or length >= HALF:
        return None
    if checksum.why_residue is Reason.FRAGMENT:
        length = _UNKNOWN_LENGTH
    elif not flags & RST:
        length += bool(flags & SYN) + bool(flags & FIN)
    else:
        length = 0
    return Segment(
        number=number,
        timestamp=timestamp,
        sender=(len(around), bytes(view[low : low + size]), source_port),
        receiver=(len(around), bytes(view[low + size : low + 2 * size]), destination_port),
        nested=len(around) > 1,
        start=start,
        range=length,
        acknowledges=acknowledges if flags & ACK else None,
        flags=flags,
        identification=0 if six else int.from_bytes(view[outside.offset + 4 : outside.offset + 6], "big"),
        verdict=checksum.verdict,
        residue=checksum.residue,
        content=view[at : min(checksum.end, len(view))],
        payload_at=header_length,
    )
