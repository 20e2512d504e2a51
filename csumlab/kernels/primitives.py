"""What the dissector does to bytes and words. Each of these has a second definition in accelerate.py, which compiled code uses instead."""

from __future__ import annotations

from typing import Any, Final

from csumlab import inet
from csumlab.crc32c import crc32c
from csumlab.facts import FieldValue, Quality, verdict_of
from csumlab.headers import KINDS, Kind


def load8(data: Any, at: int) -> int:
    """The byte at ``at``."""
    return int(data[at])


def load16(data: Any, at: int) -> int:
    """The big-endian 16-bit word at ``at``."""
    return int(data[at] << 8 | data[at + 1])


def load32(data: Any, at: int) -> int:
    """The big-endian 32-bit word at ``at``."""
    return int.from_bytes(data[at : at + 4], "big")


def load64(data: Any, at: int) -> int:
    """The big-endian 64-bit word at ``at``, less 2^63: a signed number in the order of the unsigned ones."""
    return int.from_bytes(data[at : at + 8], "big") - (1 << 63)


def sum_words(data: Any, start: int, end: int) -> int:
    """:func:`csumlab.inet.residue` of the bytes from ``start`` to ``end``."""
    return inet.residue(data[start:end])


def crc(data: Any, start: int, end: int, previous: int) -> int:
    """:func:`csumlab.crc32c.crc32c` of the bytes from ``start`` to ``end``, after bytes whose CRC is ``previous``."""
    return crc32c(data[start:end], previous)


def crc_blank(previous: int) -> int:
    """The same for four zero bytes, which stand in for the field itself (RFC 9260 section 6.8)."""
    return crc32c(bytes(4), previous)


def remainder(data: Any, start: int, end: int, modulus: int) -> int:
    """The bytes from ``start`` to ``end`` as one big-endian number, modulo ``modulus``, which is less than 2^31."""
    return int.from_bytes(data[start:end], "big") % modulus


def pointer(values: Any) -> Any:
    """``values`` as the functions below index it. Compiled: the bare address of its first element, which spares them reference counts."""
    return values


_WORD: Final = (1 << 64) - 1
MIX_FACTOR: Final = 0x2545F4914F6CDD1D
MIX_SHIFT: Final = 29


def mix(state: int, value: int) -> int:
    """One step of the class hash: signed 64-bit in and out. A different ``value`` always gives a different result."""
    product = ((state ^ value) * MIX_FACTOR) & _WORD
    product ^= product >> MIX_SHIFT
    return product - (1 << 64) if product >> 63 else product


def _verdict_table() -> bytes:
    """:func:`csumlab.facts.verdict_of` for every combination, indexed as packet.judge_sums does."""
    return bytes(
        verdict_of(kind, residue, seed, settled, field)
        for kind in Kind
        for residue in Quality
        for seed in Quality
        for settled in Quality
        for field in FieldValue
    )


VERDICTS: Final = _verdict_table()
FIELD_PLACES: Final = bytes(KINDS[kind].field if kind else 0 for kind in Kind)
"""Offset of the field in the header, by kind."""
ZERO_IS_ABSENT: Final = bytes(bool(kind and KINDS[kind].zero_is_absent) for kind in Kind)
HAS_PSEUDO: Final = bytes(bool(kind and KINDS[kind].pseudo) for kind in Kind)
"""Whether a pseudo-header is summed too, by kind."""


def _datagram_kinds() -> bytes:
    """The kinds whose sum over the pieces of a datagram is known, by IP version (0 or 256) and protocol."""
    one_version = {Kind.ICMP: 4, Kind.IGMP: 4, Kind.ICMPV6: 6, Kind.OSPFV2: 4, Kind.OSPFV3: 6}
    either = (Kind.TCP, Kind.UDP, Kind.DCCP, Kind.RSVP, Kind.GRE, Kind.EIGRP, Kind.SCTP, Kind.UDPLITE)
    table = bytearray(512)
    for kind in (*one_version, *either):
        for version in (4, 6):
            if one_version.get(kind, version) == version:
                table[(256 if version == 6 else 0) + KINDS[kind].protocol] = kind
    return bytes(table)


def _shortest_headers() -> bytes:
    """Bytes of the shortest header, by kind; where that is not known the checksum field must be there."""
    known = {Kind.TCP: 20, Kind.UDP: 8, Kind.UDPLITE: 8, Kind.SCTP: 12, Kind.DCCP: 12, Kind.OSPFV2: 24, Kind.OSPFV3: 16, Kind.RSVP: 8}
    return bytes(known.get(kind, KINDS[kind].field + KINDS[kind].width) if kind else 0 for kind in Kind)


DATAGRAM_KINDS: Final = _datagram_kinds()
SHORTEST_HEADERS: Final = _shortest_headers()
