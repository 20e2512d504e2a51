"""Residues left by changes of the packet after the sum was made, and by the sums of other layers. Functions as in ``sums``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from csumlab.dissection import Checksum
from csumlab.forensics.case import MAX_REWRITES, Case
from csumlab.headers import KINDS, Kind
from csumlab.inet import MODULUS, parity_factor

_NEIGHBOURS: Final = 4
"""Other checksums of the packet that are looked at: each costs tries."""
_INNER: Final = 3
_USUAL_SEGMENTS: Final = (1460, 1440, 8960)
"""Largest segments that hosts announce: Ethernet over IPv4 and IPv6, jumbo frames."""
_OPTIONS: Final = 40
"""Bytes of TCP options at most (RFC 9293 section 3.1)."""
_TTL: Final = 0x0100


def before_ttl(case: Case) -> Iterator[int]:
    if case.total.kind is Kind.IPV4:
        yield -_TTL


def ttl_wrong_end(case: Case) -> Iterator[int]:
    """The short cut of RFC 1141 adds 0x0100 to the field; 0x0001 is what forgets the byte order."""
    if case.total.kind is Kind.IPV4:
        yield 1 - _TTL


def before_mark(case: Case) -> Iterator[int]:
    """Congestion experienced is 3, what it replaces 2 or 1 (RFC 3168 section 5)."""
    if case.total.kind is Kind.IPV4 and case.byte(case.total.start + 1) & 3 == 3:
        yield 1
        yield 2


def before_clamp(case: Case) -> Iterator[int]:
    if case.total.kind is not Kind.TCP or not case.byte(case.total.start + 13) & 2:
        return
    at = _segment_size(case)
    if at:
        now, factor = case.word(at), parity_factor(at - case.total.start)
        for usual in _USUAL_SEGMENTS:
            yield (now - usual) * factor


def _segment_size(case: Case) -> int:
    """Where the value of the option "maximum segment size" is; 0 without one."""
    at = case.total.start + 20
    end = min(case.total.start + (case.byte(case.total.start + 12) >> 4) * 4, case.total.end)
    for _ in range(_OPTIONS):
        if at + 4 > end or case.data[at] == 0:
            return 0
        if case.data[at] == 1:
            at += 1
        elif case.data[at] == 2:
            return at + 2
        else:
            at += max(case.data[at + 1], 2)
    return 0


def other_sum(case: Case) -> Iterator[int]:
    """The field of another layer, or what it should be. Two equal bytes are rather a filling of the whole packet."""
    for other in case.others(_NEIGHBOURS):
        field = other.field or 0
        if field % 257 == 0:
            continue
        yield case.rest + field
        if other.residue is not None:
            yield case.rest + field - other.residue


def other_seed(case: Case) -> Iterator[int]:
    for other in case.others(_NEIGHBOURS):
        if other.pseudo:
            yield case.rest + other.pseudo


def over_seed(case: Case) -> Iterator[int]:
    """The inner field was P when the outer sum was made, and is full now."""
    for inner, factor in _filled_inside(case):
        if inner.pseudo:
            yield factor * ((inner.field or 0) - inner.pseudo)


def over_zeros(case: Case) -> Iterator[int]:
    for inner, factor in _filled_inside(case):
        yield factor * (inner.field or 0)


def _filled_inside(case: Case) -> Iterator[tuple[Checksum, int]]:
    """Right sums inside this one's coverage, with what a word of their field is worth here."""
    found = 0
    for inner in case.dissection.sums[case.position + 1 :]:
        inside = case.total.start <= inner.at and inner.at + 2 <= case.total.end
        if inside and inner.field and inner.residue == 0 and inner.kind is not Kind.IPV4 and not KINDS[inner.kind].crc:
            yield inner, parity_factor(inner.at - case.total.start)
            found += 1
            if found == _INNER:
                return


# ---- rewrites that are known ---------------------------------------------------------------------------------------------------------


def _deltas(case: Case) -> tuple[list[int], list[int]]:
    """Changes of addresses and of other words, of the packet's own direction and of the other one."""
    addresses: set[int] = set()
    others: set[int] = set()
    for rewrite in case.rewrites[:MAX_REWRITES]:
        # A port is not in the IPv4 header, and an address only in it and in pseudo-headers.
        if (case.pseudo or case.total.kind is Kind.IPV4) if rewrite.pseudo else case.total.kind is not Kind.IPV4:
            (addresses if rewrite.pseudo else others).add(rewrite.delta)
    return sorted(addresses), sorted(others)


def not_updated(case: Case) -> Iterator[int]:
    """Never, or once too often, which has the other sign."""
    addresses, others = _deltas(case) if case.rewrites else ([], [])
    for delta in (*addresses, *others, *(one + two for one in addresses for two in others)):
        yield delta
        yield -delta


def updated_as_unfilled(case: Case) -> Iterator[int]:
    """The rule for a pseudo-header's sum on a full field, or the other way round: the address counts twice, ports are left out or not."""
    addresses, others = _deltas(case) if case.rewrites and case.pseudo else ([], [])
    for delta in (2 * one + two for one in addresses for two in (0, *others)):
        yield delta
        yield -delta


def unfilled_not_updated(case: Case) -> Iterator[int]:
    addresses, _ = _deltas(case) if case.rewrites and case.pseudo else ([], [])
    for delta in addresses:
        for times in (1, 2):
            yield case.rest + case.pseudo - times * delta
            yield case.rest + case.pseudo + times * delta


def outer_change(case: Case) -> Iterator[int]:
    """Addresses of the outer packet changed while the sum was inside ESP (RFC 3948 section 3.1.2)."""
    if case.transport_peers and case.total.kind in (Kind.TCP, Kind.UDP):
        for delta in _deltas(case)[0]:
            yield delta % MODULUS
            yield -delta % MODULUS
