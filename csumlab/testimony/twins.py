"""Where two TCP segments that carry the same sequence numbers differ, besides what may lawfully differ when bytes are sent again."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab import inet

MOST_DIFFERENCES: Final = 8
"""Offsets that are given."""

# Acknowledgement, window, checksum: the bytes of the fixed header that belong to the moment (RFC 9293 section 3.1).
_MOMENT: Final = (*range(8, 12), *range(14, 18))
_HEADER_LENGTH: Final = 12
_FLAGS: Final = 13
_LAWFUL_FLAGS: Final = 0xC8
"""CWR, ECE and PSH: not sent again as they were (RFC 3168 section 6.1.5, RFC 9293 section 3.9.1)."""
_FIXED: Final = 20
_END, _NOTHING = 0, 1
_MOMENT_OPTIONS: Final = (5, 8)
"""Kinds of options that belong to the moment: SACK (RFC 2018), timestamps (RFC 7323)."""


def differences(
    left: bytes | memoryview, left_header: int, right: bytes | memoryview, right_header: int, shift: int = 0, *, exact: bool = True
) -> tuple[int, ...]:
    """Offsets in ``left``, from the start of its TCP header, at most MOST_DIFFERENCES.

    Both begin with the TCP header, of that many bytes, and may be cut. The payload of ``right`` begins ``shift`` sequence numbers
    before that of ``left``. Headers are compared if the segments are ``exact`` twins, options only if they are equally long.
    """
    found: list[int] = []
    if exact and left_header == right_header:
        found += _header_differences(bytes(left[:left_header]), bytes(right[:right_header]))
    elif exact:
        found += (at for at in _header_differences(bytes(left[:_FIXED]), bytes(right[:_FIXED])) if at != _HEADER_LENGTH)
    size = min(len(left) - left_header, len(right) - right_header - shift)
    if size > 0:
        a = np.frombuffer(left, np.uint8, size, left_header)
        b = np.frombuffer(right, np.uint8, size, right_header + shift)
        unequal: NDArray[np.intp] = np.flatnonzero(a != b)[:MOST_DIFFERENCES]
        found += (unequal + left_header).tolist()
    return tuple(found[:MOST_DIFFERENCES])


def account_for(
    off: int,
    left: bytes | memoryview,
    left_header: int,
    right: bytes | memoryview,
    right_header: int,
    shift: int = 0,
    *,
    exact: bool = True,
) -> bool:
    """Whether ``left``, of which the sum is off by ``off``, would have a right sum with the bytes of ``right`` in place of those in which
    they differ. Arguments as in :func:`differences`.

    Bytes that were damaged on the way are missing from the sum or too many in it; those that a sender wrote anew are summed.
    """
    mended = bytearray(left)
    for at in differences(left[:left_header], left_header, right[:right_header], right_header, exact=exact):
        mended[at] = right[at]
    size = min(len(left) - left_header, len(right) - right_header - shift)
    if size > 0:
        mended[left_header : left_header + size] = right[right_header + shift : right_header + shift + size]
    return (off - inet.residue(left) + inet.residue(bytes(mended))) % 0xFFFF == 0


def _header_differences(left: bytes, right: bytes) -> list[int]:
    ignored = {*_MOMENT, *_option_bytes(left), *_option_bytes(right)}
    found = []
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if at == _FLAGS:
            a, b = a & ~_LAWFUL_FLAGS, b & ~_LAWFUL_FLAGS
        if at not in ignored and a != b:
            found.append(at)
    return found


def _option_bytes(header: bytes) -> set[int]:
    """The bytes of the options that belong to the moment."""
    inside: set[int] = set()
    at = _FIXED
    while at + 1 < len(header) and header[at] != _END:
        if header[at] == _NOTHING:
            at += 1
            continue
        size = header[at + 1]
        if size < 2:
            break
        if header[at] in _MOMENT_OPTIONS:
            inside.update(range(at, at + size))
        at += size
    return inside
