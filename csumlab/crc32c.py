"""CRC32c, the checksum of SCTP, in plain Python: of bytes, and of a whole from the sums of its parts.

The CRC of iSCSI (RFC 3720 section 12.1) with the polynomial 0x1EDC6F41, as RFC 9260 appendix A prescribes it for SCTP. Bits are
reflected, the register starts with all ones and is inverted at the end. Bit 31 of the register is the coefficient of x^0.
"""

from __future__ import annotations

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78
"""0x1EDC6F41 with its 32 bits in reverse order."""
_ONES: Final = 0xFFFFFFFF
_ONE: Final = 0x80000000
"""The polynomial 1."""
_BYTE: Final = 0x00800000
"""x^8: what one byte that follows does to a register."""


def _shifted(value: int, bits: int) -> int:
    """``value`` times x^bits, modulo the polynomial."""
    for _ in range(bits):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(_shifted(value, 8) for value in range(256))


def _product(left: int, right: int) -> int:
    """The product of two polynomials modulo the polynomial."""
    result = 0
    while left:
        if left & _ONE:
            result ^= right
        left = (left << 1) & _ONES
        right = _shifted(right, 1)
    return result


def _squares() -> tuple[int, ...]:
    """x^(8 * 2^n) for n from 0 to 63: enough for any length that a file can have."""
    found = [_BYTE]
    while len(found) < 64:
        found.append(_product(found[-1], found[-1]))
    return tuple(found)


_POWERS: Final = _squares()


def crc32c(data: bytes, state: int = 0) -> int:
    """The CRC32c of ``data``, 32 bits; ``state`` is the CRC32c of what stands before, 0 for nothing."""
    register = state ^ _ONES
    for byte in data:
        register = _TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ _ONES


def shift(crc: int, length: int) -> int:
    """What ``crc`` adds (by exclusive or) to the CRC32c of a whole in which ``length`` bytes follow the part that it is the sum of."""
    if not 0 <= length < 1 << 64:
        raise ValueError(f"a length of {length} bytes: give 0 to 2^64 - 1")
    for power in _POWERS:
        if length & 1:
            crc = _product(crc, power)
        length >>= 1
        if not length:
            break
    return crc


def changed(difference: bytes, following: int) -> int:
    """What a CRC32c changes by when ``difference`` is put onto bytes that ``following`` others follow; each time by exclusive or."""
    return shift(crc32c(difference, _ONES) ^ _ONES, following)
