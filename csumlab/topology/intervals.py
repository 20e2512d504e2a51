"""Which addresses and ports a topology tells apart: the intervals that they are sorted into, and those that every topology has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Range = tuple[int, int, int]
"""A version of IP, or 0 for ports, and the least and the greatest value, both included."""
GROUPS: tuple[Range, ...] = ((4, 0xE0000000, 0xEFFFFFFF), (4, 0xFFFFFFFF, 0xFFFFFFFF), (6, 0xFF << 120, 2**128 - 1))
"""Multicast (RFC 5771, RFC 4291 section 2.7), and IPv4's limited broadcast (RFC 919)."""
OF_ONE_LINK: tuple[Range, ...] = (
    (4, 0xE0000000, 0xE00000FF),
    (4, 0xFFFFFFFF, 0xFFFFFFFF),
    (6, 0xFF01 << 112, (0xFF03 << 112) - 1),
)
"""Those of GROUPS whose packets no router hands on: 224.0.0.0/24 (RFC 5771 section 4), the limited broadcast, and of IPv6 the scopes of an
interface and of a link, without flags (RFC 4291 section 2.7)."""
ANYBODYS: tuple[Range, ...] = (
    (4, 0, 0),
    (4, 0xA9FE0000, 0xA9FEFFFF),
    (6, 0, 0),
    (6, 0xFE80 << 112, (0xFEC0 << 112) - 1),
)
"""Sources that any host may have: none yet, and the addresses of a link (RFC 3927, RFC 4291 section 2.5.6)."""
LOOPED: tuple[Range, ...] = ((4, 0x7F000000, 0x7FFFFFFF), (6, 1, 1))
"""Addresses that every host has of itself (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3)."""
_END = {4: 2**32, 6: 2**128, 0: 2**16}


def starts(ranges: Iterable[Range]) -> Mapping[int, list[int]]:
    """By version, the sorted starts of the intervals that begin and end where ``ranges`` and those of every topology do."""
    found: dict[int, set[int]] = {version: set() for version in _END}
    for version, low, high in (*ranges, *GROUPS, *ANYBODYS, *LOOPED):
        found[version] |= {low, high + 1}
    return {version: sorted(bound for bound in bounds if 0 < bound < _END[version]) for version, bounds in found.items()}
