"""One's complement arithmetic of Internet checksums (RFC 1071, RFC 1624), in plain Python.

Every quantity here is a *residue*: an integer modulo 0xffff, written 0..65534. Residues cannot tell
0x0000 from 0xffff; the wire can, and that one difference is kept by :class:`Zero`.
This module is the readable definition; ``kernels.py`` must equal it and a test says so.
"""

from __future__ import annotations

from enum import Enum

MODULUS = 0xFFFF


class Zero(Enum):
    """How the last writer of a checksum field spells the residue 0.

    ``SEEN``: nobody wrote the field, the bytes are what they were.
    ``ZEROS``: 0x0000, as csum_fold gives it (Linux include/asm-generic/checksum.h csum_fold;
    csum_replace4 and inet_proto_csum_replace4 outside CHECKSUM_PARTIAL).
    ``ONES``: 0xffff, as a fill, a UDP sum and a pseudo-header sum give it (RFC 768;
    Linux net/core/dev.c skb_checksum_help, net/core/utils.c inet_proto_csum_replace4 for PARTIAL).
    """

    SEEN = "as seen"
    ZEROS = "0x0000"
    ONES = "0xffff"


def residue(data: bytes | memoryview) -> int:
    """Sum of the 16-bit big-endian words of ``data``, modulo 0xffff; an odd last byte is a high byte (RFC 1071 section 1)."""
    if len(data) % 2:
        return int.from_bytes(bytes(data) + b"\0", "big") % MODULUS
    return int.from_bytes(data, "big") % MODULUS


def negate(value: int) -> int:
    """The residue that adds up to zero with ``value``."""
    return -value % MODULUS


def spell(value: int, zero: Zero, seen: int = 0) -> int:
    """The 16-bit field for residue ``value`` as its last writer spells it; ``seen`` is the raw field for :attr:`Zero.SEEN`."""
    if zero is Zero.SEEN:
        return seen
    value %= MODULUS
    return value or (MODULUS if zero is Zero.ONES else 0)


def parity_factor(displacement: int) -> int:
    """What a word is worth in a sum when it starts ``displacement`` bytes into the coverage: 1 if even, 256 if odd (byte swap)."""
    return 256 if displacement % 2 else 1
