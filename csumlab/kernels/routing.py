"""Protocols that routers speak to one another, right on top of IP: IGMP, OSPF, PIM, VRRP, EIGRP, RSVP, and the mobility header of IPv6."""

from __future__ import annotations

from typing import Any

from csumlab.kernels.codes import (
    EIGRP,
    IGMP,
    KIND_EIGRP,
    KIND_IGMP,
    KIND_MOBILITY,
    KIND_OSPFV2,
    KIND_OSPFV3,
    KIND_PIM,
    KIND_PIM6,
    KIND_RSVP,
    KIND_VRRP,
    KIND_VRRP3,
    KNOWN,
    MOBILITY,
    NEXT_ANY_IP,
    NEXT_DONE,
    OSPF,
    PIM,
    RSVP,
    VRRP,
    WHOLE,
    WHY_HEADER,
    WHY_LENGTH,
)
from csumlab.kernels.layout import (
    AVAILABLE,
    IP_END,
    IP_FRAGMENT,
    IP_VERSION,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
    sum_words,
)
from csumlab.kernels.steps import (
    push_layer,
    push_sum,
    push_sum_without,
    stop,
    why_missing,
    why_short,
)
from csumlab.kernels.transport import (
    pseudo_header,
    why_unaddressed,
    why_uncovered,
)


def read_routing_protocol(data: Any, base: int, protocol: int, at: int, work: Any) -> tuple[int, int]:
    """One message of the protocol with that number: what comes next, and where."""
    if protocol == 2:
        return read_message(data, base, at, IGMP, KIND_IGMP, 8, work), at
    if protocol == 46:
        return read_rsvp(data, base, at, work), at
    if protocol == 88:
        return read_message(data, base, at, EIGRP, KIND_EIGRP, 20, work), at
    if protocol == 89:
        return read_ospf(data, base, at, work), at
    if protocol == 103:
        return read_pim(data, base, at, work)
    if protocol == 112:
        return read_vrrp(data, base, at, work), at
    return read_mobility(data, base, at, work), at


def read_message(data: Any, base: int, at: int, layer: int, kind: int, size: int, work: Any) -> int:
    """A message whose sum covers all of the IP payload and no pseudo-header."""
    if not push_layer(work, layer, at, size):
        return NEXT_DONE
    end = work[IP_END]
    pushed = push_sum(data, base, work, kind, end, 0, KNOWN, why_uncovered(work, end))
    return stop(work, why_short(work, at + 4)) if pushed else NEXT_DONE


def read_rsvp(data: Any, base: int, at: int, work: Any) -> int:
    """RFC 2205 section 3.1.1: the message has its own length."""
    if not push_layer(work, RSVP, at, 8):
        return NEXT_DONE
    why = why_short(work, at + 8)
    end = work[IP_END]
    if why == KNOWN:
        end = at + load16(data, base + at + 6)
        why = why_uncovered(work, end)
        if end < at + 8 or (end > work[IP_END] and work[IP_FRAGMENT] == WHOLE):
            why = WHY_LENGTH
    pushed = push_sum(data, base, work, KIND_RSVP, end, 0, KNOWN, why)
    return stop(work, why) if pushed else NEXT_DONE


def read_ospf(data: Any, base: int, at: int, work: Any) -> int:
    """OSPF version 2 leaves its authentication out of the sum, and has none under cryptographic authentication (RFC 2328 appendix D.4,
    RFC 7474); version 3 has a pseudo-header (RFC 5340 appendix A.3.1; RFC 7949 over IPv4)."""
    if not push_layer(work, OSPF, at, 24 if work[IP_VERSION] == 4 else 16):
        return NEXT_DONE
    why = why_short(work, at + 16)
    if why != KNOWN:
        return stop(work, why)
    version = load8(data, base + at)
    length = load16(data, base + at + 2)
    end = at + length
    why = why_uncovered(work, end)
    if length < 16 or (end > work[IP_END] and work[IP_FRAGMENT] == WHOLE):
        why = WHY_LENGTH
    if version == 2:
        authentication = load16(data, base + at + 14)
        if is_cryptographic(authentication):
            return stop(work, KNOWN)
        left_out = 0
        if why == KNOWN:
            if length < 24:
                why = WHY_LENGTH
            else:
                left_out = sum_words(data, base + at + 16, base + at + 24)
        pushed = push_sum_without(data, base, work, KIND_OSPFV2, end, 0, KNOWN, why, left_out)
    elif version == 3:
        if why != WHY_LENGTH and has_trailer(data, base, at, end, work):
            return stop(work, KNOWN)
        why_pseudo = why_unaddressed(work)
        pseudo = pseudo_header(data, base, 89, length, work) if why_pseudo == KNOWN else 0
        pushed = push_sum(data, base, work, KIND_OSPFV3, end, pseudo, why_pseudo, why)
    else:
        return stop(work, WHY_HEADER)
    return stop(work, why) if pushed else NEXT_DONE


def is_cryptographic(authentication: int) -> bool:
    """Whether this AuType of OSPF version 2 leaves the sum out (RFC 2328 appendix D.4.3, RFC 7474)."""
    return authentication == 2 or authentication == 3


def has_trailer(data: Any, base: int, at: int, end: int, work: Any) -> bool:
    """Whether an authentication trailer follows a message of OSPF version 3 and its link-local block (RFC 7166 section 4): then the field
    is zero and nothing is summed."""
    if load16(data, base + at + 12) != 0 or end + 16 > work[AVAILABLE]:
        return False
    if load16(data, base + end) != 1:
        # A link-local block (RFC 5613): its sum, its length in words.
        end += load16(data, base + end + 2) * 4
    return bool(end + 16 <= work[AVAILABLE] and load16(data, base + end) == 1)


def read_pim(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """PIM (RFC 7761 section 4.9): of a register message eight bytes are covered, or all of it as old senders do; over IPv6 with a
    pseudo-header."""
    if not push_layer(work, PIM, at, 4):
        return NEXT_DONE, at
    why = why_short(work, at + 4)
    ip_end = work[IP_END]
    if why != KNOWN:
        return stop(work, why), at
    register = load8(data, base + at) == 0x21
    end = min(at + 8, ip_end) if register else ip_end
    six = work[IP_VERSION] == 6
    why_pseudo = why_unaddressed(work) if six else KNOWN
    pseudo = pseudo_header(data, base, 103, end - at, work) if six and why_pseudo == KNOWN else 0
    why_all = why_uncovered(work, ip_end)
    why_cover = why_missing(work, end) if register else why_all
    if register and why_cover == KNOWN and why_pseudo == KNOWN and (sum_words(data, base + at, base + end) + pseudo) % 0xFFFF:
        # Wrong, or over all of it: which cannot be told if not all of it is here.
        why_cover = why_all
        if why_all == KNOWN:
            whole = pseudo_header(data, base, 103, ip_end - at, work) if six else 0
            if (sum_words(data, base + at, base + ip_end) + whole) % 0xFFFF == 0:
                end = ip_end
                pseudo = whole
    if not push_sum(data, base, work, KIND_PIM6 if six else KIND_PIM, end, pseudo, why_pseudo, why_cover):
        return NEXT_DONE, at
    if not register or at + 9 > work[AVAILABLE] or load8(data, base + at + 4) & 0x40:
        return stop(work, KNOWN), at
    return NEXT_ANY_IP, at + 8


def read_vrrp(data: Any, base: int, at: int, work: Any) -> int:
    """VRRP: version 2 without a pseudo-header (RFC 3768 section 5.3.8), version 3 with one, which over IPv4 some leave out
    (RFC 5798 and RFC 9568 section 5.2.8)."""
    if not push_layer(work, VRRP, at, 8):
        return NEXT_DONE
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why)
    end = work[IP_END]
    why_cover = why_uncovered(work, end)
    why_pseudo = KNOWN
    pseudo = 0
    kind = KIND_VRRP
    if load8(data, base + at) >> 4 >= 3:
        kind = KIND_VRRP3
        why_pseudo = why_unaddressed(work)
        if why_pseudo == KNOWN:
            pseudo = pseudo_header(data, base, 112, end - at, work)
            if work[IP_VERSION] == 4 and why_cover == KNOWN and sum_words(data, base + at, base + end) == 0:
                pseudo = 0
                kind = KIND_VRRP
    pushed = push_sum(data, base, work, kind, end, pseudo, why_pseudo, why_cover)
    return stop(work, KNOWN) if pushed else NEXT_DONE


def read_mobility(data: Any, base: int, at: int, work: Any) -> int:
    """The mobility header (RFC 6275 section 6.1.1): a pseudo-header and its own length."""
    if not push_layer(work, MOBILITY, at, 8):
        return NEXT_DONE
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why)
    size = (load8(data, base + at + 1) + 1) * 8
    end = at + size
    why_cover = why_uncovered(work, end)
    if end > work[IP_END] and work[IP_FRAGMENT] == WHOLE:
        why_cover = WHY_LENGTH
    why_pseudo = why_unaddressed(work)
    pseudo = pseudo_header(data, base, 135, size, work) if why_pseudo == KNOWN else 0
    pushed = push_sum(data, base, work, KIND_MOBILITY, end, pseudo, why_pseudo, why_cover)
    return stop(work, KNOWN) if pushed else NEXT_DONE
