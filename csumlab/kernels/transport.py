"""TCP, UDP, UDP-Lite, DCCP, SCTP, ICMP. Where coverage ends is as Linux has it (net/ipv4/tcp_ipv4.c, udp.c, udplite.c, icmp.c,
net/sctp/input.c). Sources: RFC 9293, 768, 3828, 4340, 9260, 792, 4443."""

from __future__ import annotations

from typing import Any

from csumlab.headers import (
    MAX_LAYERS,
)
from csumlab.kernels.codes import (
    DCCP,
    FOU,
    GENEVE,
    GUE,
    ICMP,
    ICMPV6,
    KIND_DCCP,
    KIND_ICMP,
    KIND_ICMPV6,
    KIND_SCTP,
    KIND_TCP,
    KIND_UDP,
    KIND_UDPLITE,
    KNOWN,
    LISP,
    MPLS,
    NEXT_DONE,
    QUOTE,
    SCTP,
    TCP,
    TYPE_IPV4,
    TYPE_IPV6,
    UDP,
    UDPLITE,
    VXLAN,
    WHOLE,
    WHY_FRAGMENT,
    WHY_HEADER,
    WHY_LENGTH,
    WHY_QUOTE,
)
from csumlab.kernels.layout import (
    ADDRESS_DESTINATION_PORT,
    ADDRESS_SIZE,
    ADDRESS_SOURCE_PORT,
    ADDRESSES,
    AVAILABLE,
    BEYOND,
    IP_DESTINATION,
    IP_END,
    IP_FRAGMENT,
    IP_SOURCE,
    IP_VERSION,
    IP_WHY,
    N_ADDRESSES,
    N_LAYERS,
    QUOTED,
    TABLE_PORT,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
    sum_words,
)
from csumlab.kernels.steps import (
    interval,
    narrow,
    port_layer,
    push_crc,
    push_layer,
    push_sum,
    stop,
    why_missing,
    why_short,
)
from csumlab.kernels.tunnels import (
    read_udp_payload,
)


def pseudo_header(data: Any, base: int, protocol: int, length: int, work: Any) -> int:
    """P: the sum of both addresses, protocol and length (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
    size = 4 if work[IP_VERSION] == 4 else 16
    source = base + work[IP_SOURCE]
    destination = base + work[IP_DESTINATION]
    return int(sum_words(data, source, source + size) + sum_words(data, destination, destination + size) + protocol + length) % 0xFFFF


def why_uncovered(work: Any, end: int) -> int:
    """Why not all bytes up to ``end`` of a transport's coverage are here; KNOWN if they are."""
    return why_missing(work, end) if work[IP_FRAGMENT] == WHOLE else WHY_FRAGMENT


def why_unaddressed(work: Any) -> int:
    """Why the pseudo-header of a transport that takes its length from IP is not known."""
    return int(work[IP_WHY]) if work[IP_FRAGMENT] == WHOLE else WHY_FRAGMENT


def read_ports(data: Any, base: int, at: int, tables: Any, work: Any) -> None:
    if at + 4 <= work[AVAILABLE] and tables[TABLE_PORT] != tables[TABLE_PORT + 1]:
        address = ADDRESSES + ADDRESS_SIZE * (work[N_ADDRESSES] - 1)
        work[address + ADDRESS_SOURCE_PORT] = interval(tables, TABLE_PORT, load16(data, base + at))
        work[address + ADDRESS_DESTINATION_PORT] = interval(tables, TABLE_PORT, load16(data, base + at + 2))


def read_tcp(data: Any, base: int, at: int, tables: Any, work: Any) -> int:
    """A TCP segment; the stop reason is left in ``work``."""
    end = work[IP_END]
    whole = work[IP_FRAGMENT] == WHOLE
    size = 20
    malformed = whole and end < at + 20
    if at + 13 <= work[AVAILABLE]:
        size = (load8(data, base + at + 12) >> 4) * 4
    if not push_layer(work, TCP, at, size):
        return NEXT_DONE
    read_ports(data, base, at, tables, work)
    why_pseudo = int(work[IP_WHY])
    why_cover = why_missing(work, end)
    if not whole:
        why_pseudo = why_cover = WHY_FRAGMENT
    if malformed:
        why_pseudo = why_cover = WHY_HEADER
    pseudo = pseudo_header(data, base, 6, end - at, work) if why_pseudo == KNOWN else 0
    if not push_sum(data, base, work, KIND_TCP, end, pseudo, why_pseudo, why_cover):
        return NEXT_DONE
    if malformed or size < 20 or (whole and at + size > end):
        return stop(work, WHY_HEADER)
    return stop(work, why_short(work, at + size))


def read_udp(data: Any, base: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """A UDP datagram, and what tunnels.read_udp_payload knows inside it."""
    if not push_layer(work, UDP, at, 8):
        return NEXT_DONE, at
    read_ports(data, base, at, tables, work)
    why = why_short(work, at + 8)
    ip_end = work[IP_END]
    if why != KNOWN:
        push_sum(data, base, work, KIND_UDP, ip_end, 0, why, why)
        return stop(work, why), at
    length = load16(data, base + at + 4)
    if length == 0 and ip_end - at > 0xFFFF:
        length = ip_end - at
    end = at + length
    if length < 8:
        push_sum(data, base, work, KIND_UDP, end, 0, WHY_LENGTH, WHY_LENGTH)
        return stop(work, WHY_LENGTH), at
    why_pseudo = int(work[IP_WHY])
    why_cover = why_missing(work, end)
    if end > ip_end and work[IP_FRAGMENT] == WHOLE:
        why_cover = WHY_LENGTH
    pseudo = pseudo_header(data, base, 17, length, work) if why_pseudo == KNOWN else 0
    if not push_sum(data, base, work, KIND_UDP, end, pseudo, why_pseudo, why_cover):
        return NEXT_DONE, at
    if end < ip_end:
        narrow(work, end, WHY_LENGTH)
    layer = port_layer(tables, load16(data, base + at + 2))
    if layer == 0:
        layer = port_layer(tables, load16(data, base + at))
        if layer in (VXLAN, GENEVE, GUE, LISP, MPLS, FOU):
            # The source port of these is a hash of what is inside.
            layer = 0
    if layer == 0:
        return stop(work, KNOWN), at
    return read_udp_payload(data, base, at + 8, layer, work)


def read_udp_lite(data: Any, base: int, at: int, tables: Any, work: Any) -> int:
    """UDP-Lite (RFC 3828): the coverage stands where UDP has its length; 0 is all, and the header is always covered."""
    ip_end = work[IP_END]
    if not push_layer(work, UDPLITE, at, 8):
        return NEXT_DONE
    read_ports(data, base, at, tables, work)
    why = why_short(work, at + 8)
    if why != KNOWN:
        push_sum(data, base, work, KIND_UDPLITE, ip_end, 0, why, why)
        return stop(work, why)
    coverage = load16(data, base + at + 4)
    end = at + coverage if coverage else ip_end
    why_pseudo = why_unaddressed(work)
    why_cover = why_missing(work, end)
    if (coverage and coverage < 8) or (end > ip_end and work[IP_FRAGMENT] == WHOLE):
        why_cover = WHY_LENGTH
    pseudo = pseudo_header(data, base, 136, ip_end - at, work) if why_pseudo == KNOWN else 0
    pushed = push_sum(data, base, work, KIND_UDPLITE, end, pseudo, why_pseudo, why_cover)
    return stop(work, KNOWN) if pushed else NEXT_DONE


def read_dccp(data: Any, base: int, at: int, tables: Any, work: Any) -> int:
    """DCCP (RFC 4340 section 9): header and options, and as many words of the data as CsCov says; 0 is all."""
    ip_end = work[IP_END]
    if not push_layer(work, DCCP, at, 12):
        return NEXT_DONE
    read_ports(data, base, at, tables, work)
    why = why_short(work, at + 8)
    if why != KNOWN:
        push_sum(data, base, work, KIND_DCCP, ip_end, 0, why, why)
        return stop(work, why)
    header = load8(data, base + at + 4) * 4
    coverage = load8(data, base + at + 5) & 15
    end = at + header + (coverage - 1) * 4 if coverage else ip_end
    why_pseudo = why_unaddressed(work)
    why_cover = why_missing(work, end)
    if header < 12 or (work[IP_FRAGMENT] == WHOLE and (end > ip_end or at + header > ip_end)):
        why_cover = WHY_LENGTH
    pseudo = pseudo_header(data, base, 33, ip_end - at, work) if why_pseudo == KNOWN else 0
    pushed = push_sum(data, base, work, KIND_DCCP, end, pseudo, why_pseudo, why_cover)
    return stop(work, KNOWN) if pushed else NEXT_DONE


def read_sctp(data: Any, base: int, at: int, tables: Any, work: Any) -> int:
    """SCTP (RFC 9260 section 6.8): a CRC32c over all of it, its own field as zeros."""
    if not push_layer(work, SCTP, at, 12):
        return NEXT_DONE
    read_ports(data, base, at, tables, work)
    pushed = push_crc(data, base, work, KIND_SCTP, work[IP_END], why_uncovered(work, work[IP_END]))
    return stop(work, why_short(work, at + 12)) if pushed else NEXT_DONE


def read_icmp(data: Any, base: int, at: int, protocol: int, work: Any) -> tuple[int, int]:
    """ICMP or ICMPv6, and the start of another packet that an error quotes (RFC 792, RFC 4443 section 3, RFC 4884)."""
    end = work[IP_END]
    if not push_layer(work, ICMP if protocol == 1 else ICMPV6, at, 8):
        return NEXT_DONE, at
    why_cover = why_uncovered(work, end)
    if protocol == 1:
        pushed = push_sum(data, base, work, KIND_ICMP, end, 0, KNOWN, why_cover)
    else:
        why_pseudo = why_unaddressed(work)
        pseudo = pseudo_header(data, base, 58, end - at, work) if why_pseudo == KNOWN else 0
        pushed = push_sum(data, base, work, KIND_ICMPV6, end, pseudo, why_pseudo, why_cover)
    if not pushed:
        return NEXT_DONE, at
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    kind = load8(data, base + at)
    quotes = kind == 3 or kind == 4 or kind == 5 or kind == 11 or kind == 12 if protocol == 1 else 1 <= kind <= 4
    if not quotes or work[IP_FRAGMENT] != WHOLE or at + 9 > work[AVAILABLE]:
        return stop(work, KNOWN), at
    size = load8(data, base + at + 5) * 4 if protocol == 1 else load8(data, base + at + 4) * 8
    sized = (kind == 3 or kind == 11 or kind == 12) if protocol == 1 else (kind == 1 or kind == 3)
    if sized and size and at + 8 + size < end:
        # Extensions follow the quote.
        narrow(work, at + 8 + size, WHY_QUOTE)
    if work[AVAILABLE] >= end or work[BEYOND] == WHY_LENGTH:
        work[BEYOND] = WHY_QUOTE
    if work[QUOTED] == MAX_LAYERS:
        work[QUOTED] = work[N_LAYERS]
    if not push_layer(work, QUOTE, at + 8, 0):
        return NEXT_DONE, at
    return (TYPE_IPV4 if protocol == 1 else TYPE_IPV6), at + 8
