"""Residues of a 32-bit CRC32c field that holds something else: here a residue is the right field XOR the one that was written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from csumlab.forensics.case import Case


def adler(case: Case) -> Iterator[int]:
    """What SCTP had first (RFC 2960 section 6.8 and appendix B), in network order."""
    yield case.rest ^ zlib.adler32(_zeroed(case))


def wrong_order(case: Case) -> Iterator[int]:
    yield case.rest ^ _turned(case.rest)


def ethernet_crc(case: Case) -> Iterator[int]:
    value = zlib.crc32(_zeroed(case))
    yield case.rest ^ value
    yield case.rest ^ _turned(value)


def not_complemented(_: Case) -> Iterator[int]:
    yield 0xFFFFFFFF


def _turned(value: int) -> int:
    return int.from_bytes(value.to_bytes(4, "big"), "little")


def _zeroed(case: Case) -> bytes:
    total = case.total
    return case.data[total.start : total.at] + bytes(4) + case.data[total.at + 4 : total.end]
