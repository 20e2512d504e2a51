"""Residues that faults of the summing itself leave: order of bytes, odd lengths, padding, coverage, the pseudo-header.

Each function yields the residues r = S - S' that a case would show if its field had been made from the wrong sum S' instead of S.
Residues are not reduced; 0 means that the fault would not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from csumlab.forensics.case import Case
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import parity_factor, residue

# Sums that lie over the whole rest of the IP packet: what lies after the end can be summed in by mistake.
_HEADERS: Final = {Kind.UDP: 8, Kind.ICMP: 8, Kind.ICMPV6: 8, Kind.IGMP: 8}
_SHORTEST_FRAME: Final = 60
"""Bytes of an Ethernet frame without its FCS, padded (IEEE 802.3 clause 4.2.3.3)."""
_FCS: Final = 4
# Never summed with a pseudo-header, or only in some version of IP or of the protocol.
_BARE: Final = (Kind.ICMP, Kind.GRE, Kind.IGMP, Kind.PIM, Kind.VRRP)


def swapped(case: Case) -> Iterator[int]:
    yield case.rest - 256 * case.rest


def inverted(case: Case) -> Iterator[int]:
    yield 2 * case.rest


def filled_twice(case: Case) -> Iterator[int]:
    """Without a pseudo-header a second fill sums to zero, which Linux writes as 0xffff (net/core/dev.c skb_checksum_help)."""
    if not case.pseudo:
        yield case.rest


def odd_byte_low(case: Case) -> Iterator[int]:
    if case.length % 2:
        last = case.byte(case.total.end - 1)
        yield 256 * last - last


def odd_byte_dropped(case: Case) -> Iterator[int]:
    if case.length % 2:
        yield 256 * case.byte(case.total.end - 1)


def one_byte_short(case: Case) -> Iterator[int]:
    if case.length % 2 == 0:
        yield case.byte(case.total.end - 1)


def one_byte_more(case: Case) -> Iterator[int]:
    if case.length % 2:
        yield -case.byte(case.total.end)


def trailer(case: Case) -> Iterator[int]:
    yield from _beyond(case, len(case.data))


def padding(case: Case) -> Iterator[int]:
    for header in reversed(case.dissection.headers[: case.total.header]):
        if header.layer is Layer.ETHERNET:
            yield from _beyond(case, header.offset + _SHORTEST_FRAME)
            return


def trailer_but_fcs(case: Case) -> Iterator[int]:
    yield from _beyond(case, len(case.data) - _FCS)


def fcs(case: Case) -> Iterator[int]:
    """The last four bytes summed on, as if they came right after the packet."""
    start = len(case.data) - _FCS
    if case.total.kind is not Kind.IPV4 and start >= case.ip_end:
        yield -residue(case.data[start:]) * parity_factor(case.length)


def rest_of_packet(case: Case) -> Iterator[int]:
    """UDP-Lite and DCCP coverage, PIM registers, UDP shorter than its IP packet: all of the packet summed."""
    if case.total.kind is not Kind.IPV4 and case.ip_end > case.total.end:
        yield -case.worth(case.total.end, case.ip_end)


def _beyond(case: Case, end: int) -> Iterator[int]:
    if case.total.kind is not Kind.IPV4 and case.ip_end < end <= len(case.data):
        yield -case.worth(case.total.end, end)


def header_only(case: Case) -> Iterator[int]:
    start, kind = case.total.start, case.total.kind
    size = (case.byte(start + 12) >> 4) * 4 if kind is Kind.TCP else 20 if kind is Kind.IPV4 else _HEADERS.get(kind, 0)
    if size and start + size < case.total.end:
        yield case.worth(start + size, case.total.end)


def without_length(case: Case) -> Iterator[int]:
    """Seeded for segmentation (Windows LSO, DPDK) and filled as if whole. An IPv4 header is handed over with length 0 then."""
    yield _length(case)


def length_swapped(case: Case) -> Iterator[int]:
    length = _length(case)
    yield length - 256 * length
    if case.pseudo:
        # htons left out where a seed is made of both (Linux csum_tcpudp_nofold on a little-endian host).
        both = length + case.protocol
        yield both - 256 * both


def length_of_packet(case: Case) -> Iterator[int]:
    if case.pseudo:
        yield case.pseudo_length - case.ip_length


def length_of_payload(case: Case) -> Iterator[int]:
    if case.pseudo and case.total.kind in (Kind.TCP, Kind.UDP):
        yield (case.byte(case.total.start + 12) >> 4) * 4 if case.total.kind is Kind.TCP else 8


def length_behind_fixed(case: Case) -> Iterator[int]:
    """Options of IPv4 or extension headers counted in, as DPVS did (pull request 697)."""
    if case.pseudo and case.ip is not None:
        fixed = 20 if case.ip.layer is Layer.IPV4 else 40
        yield case.pseudo_length - (case.ip_length - fixed)


def length_of_frame(case: Case) -> Iterator[int]:
    if case.pseudo:
        yield case.pseudo_length - len(case.data)


def _length(case: Case) -> int:
    if case.total.kind is Kind.IPV4:
        return case.word(case.total.start + 2)
    return case.pseudo_length if case.pseudo else 0


def without_pseudo(case: Case) -> Iterator[int]:
    """Also a fill over a field of zeros."""
    yield case.pseudo


def with_pseudo(case: Case) -> Iterator[int]:
    if not case.pseudo and case.total.kind in _BARE:
        yield -(case.header_addresses + case.protocol + case.length)


def seed_inverted(case: Case) -> Iterator[int]:
    """A fill leaves r = P - F, with F = -P where the seed was complemented."""
    yield 2 * case.pseudo


def seed_twice(case: Case) -> Iterator[int]:
    """The field held P when all was summed, P too (DPDK programs, VPNKit pull request 6)."""
    yield -case.pseudo


def unfilled_without_length(case: Case) -> Iterator[int]:
    if case.pseudo:
        yield case.rest + case.pseudo - case.pseudo_length


def unfilled_inverted(case: Case) -> Iterator[int]:
    if case.pseudo:
        yield case.rest - case.pseudo


def protocol_zero(case: Case) -> Iterator[int]:
    if case.pseudo:
        yield case.protocol


def protocol_of_extension(case: Case) -> Iterator[int]:
    if case.pseudo and (numbers := case.extensions):
        yield case.protocol - numbers[0]


def protocol_of_another(case: Case) -> Iterator[int]:
    """One function for both, written for the other one (libnetfilter_queue before 1.0.4, nfq_checksum_tcpudp_ipv4)."""
    if case.pseudo and case.total.kind in (Kind.TCP, Kind.UDP):
        yield case.protocol - sum(KINDS[kind].protocol for kind in (Kind.TCP, Kind.UDP) if kind is not case.total.kind)


def from_extension(case: Case) -> Iterator[int]:
    """All that follows the IPv6 header summed as if it were the transport's, with the right protocol number or the first one."""
    start = next((header.offset for header in case.dissection.headers if header.layer is Layer.EXTENSION), 0)
    if case.pseudo and case.ip is not None and case.ip.offset < start < case.total.start and (numbers := case.extensions):
        more = residue(case.data[start : case.total.start]) + case.total.start - start
        yield -more
        yield case.protocol - numbers[0] - more


def first_hop(case: Case) -> Iterator[int]:
    if case.pseudo and 43 in case.extensions:
        yield case.addresses - case.header_addresses


def care_of_address(case: Case) -> Iterator[int]:
    numbers = case.extensions if case.pseudo else ()
    if 60 in numbers and 43 not in numbers:
        yield case.addresses - case.header_addresses
