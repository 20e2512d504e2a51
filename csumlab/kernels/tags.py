"""What stands between a frame's header and its packet, by an EtherType of its own: MPLS (RFC 3032, 4385, 4448, 4928), PPPoE (RFC 2516) and
MACsec (IEEE 802.1AE).
"""

from __future__ import annotations

from typing import Any

from csumlab.kernels.codes import (
    KNOWN,
    MACSEC,
    MPLS,
    NEXT_ANY_IP,
    NEXT_DONE,
    NEXT_ETHERNET,
    NEXT_PPP,
    PPPOE,
    TYPE_MPLS,
    WHY_HEADER,
    WHY_LENGTH,
    WHY_OPAQUE,
)
from csumlab.kernels.layout import (
    EXTENT,
    STOP,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
)
from csumlab.kernels.steps import (
    looks_like_ethernet,
    looks_like_ip,
    narrow,
    opaque,
    push_layer,
    stop,
    why_short,
)


def read_mpls(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """One label (RFC 3032). Behind the last one an IP packet, or an Ethernet frame with or without a control word (RFC 4385, 4448)."""
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, MPLS, at, 4):
        return NEXT_DONE, at
    last = load8(data, base + at + 2) & 1
    at += 4
    if not last:
        return TYPE_MPLS, at
    why = why_short(work, at + 1)
    if why != KNOWN:
        return stop(work, why), at
    first = load8(data, base + at) >> 4
    if looks_like_ip(data, base, at, work):
        return NEXT_ANY_IP, at
    if first == 0 and looks_like_ethernet(data, base, at + 4, work):
        return NEXT_ETHERNET, at + 4
    if looks_like_ethernet(data, base, at, work):
        return NEXT_ETHERNET, at
    # The first nibble says what it should be (RFC 4928): report it as that, cut or malformed.
    return (NEXT_ANY_IP if first == 4 or first == 6 else opaque(work, at)), at


def read_pppoe(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """PPPoE session (RFC 2516 section 4)."""
    why = why_short(work, at + 6)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, PPPOE, at, 6):
        return NEXT_DONE, at
    if load8(data, base + at) != 0x11:
        return stop(work, WHY_HEADER), at
    if load8(data, base + at + 1):
        return stop(work, KNOWN), at
    narrow(work, at + 6 + load16(data, base + at + 4), WHY_LENGTH)
    return NEXT_PPP, at + 6


def read_macsec(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """The security tag of IEEE 802.1AE clause 9: what follows is readable where it is protected but not encrypted, before a check of
    16 bytes."""
    why = why_short(work, at + 6)
    if why != KNOWN:
        return stop(work, why), at
    control = load8(data, base + at)
    size = 14 if control & 0x20 else 6
    if not push_layer(work, MACSEC, at, size):
        return NEXT_DONE, at
    if control & 0x0C:
        work[STOP] = WHY_OPAQUE
        return NEXT_DONE, at
    why = why_short(work, at + size + 2)
    if why != KNOWN:
        return stop(work, why), at
    # Of a short frame the tag says the length, and padding follows the check.
    short = load8(data, base + at + 1) & 0x3F
    narrow(work, at + size + short if short else work[EXTENT] - 16, WHY_LENGTH)
    return load16(data, base + at + size), at + size + 2
