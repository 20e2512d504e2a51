"""Tunnels: what carries a packet inside another one.

Sources: RFC 2784, 2890, 2637 (GRE), 7348 (VXLAN), draft-ietf-nvo3-vxlan-gpe, 8926 (Geneve), 3GPP TS 29.281 (GTP-U), 2661 and 3931
(L2TP), 4380 (Teredo), 3948 (ESP in UDP), 9300 (LISP), 5415 (CAPWAP), 3378 (EtherIP), 7510 (MPLS in UDP), 8300 (NSH), Linux
include/net/gue.h, drivers/net/vxlan, the WireGuard and OpenVPN protocols, draft-foschiano-erspan.
"""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import (
    CAPWAP,
    ERSPAN,
    ESP,
    ETHERIP,
    FOU,
    GENEVE,
    GRE,
    GTPU,
    GUE,
    KIND_GRE,
    KNOWN,
    L2TP,
    LISP,
    MPLS,
    NEXT_ANY_IP,
    NEXT_DONE,
    NEXT_ERSPAN,
    NEXT_ETHERIP,
    NEXT_ETHERNET,
    NEXT_GRE,
    NEXT_PPP,
    NEXT_WIFI,
    NSH,
    OPENVPN,
    REMOTE,
    TEREDO,
    TYPE_BRIDGED_ETHERNET,
    TYPE_ERSPAN2,
    TYPE_IPV4,
    TYPE_IPV6,
    TYPE_MPLS,
    TYPE_NSH,
    TYPE_PPP_IN_GRE,
    TYPE_WCCP,
    VXLAN,
    WHOLE,
    WHY_FRAGMENT,
    WHY_HEADER,
    WHY_LENGTH,
    WHY_OPAQUE,
    WIREGUARD,
)
from csumlab.kernels.layout import (
    AVAILABLE,
    EXTENT,
    IP_FRAGMENT,
    STOP,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
    load32,
)
from csumlab.kernels.steps import (
    looks_like_ethernet,
    looks_like_ip,
    narrow,
    opaque,
    push_layer,
    push_sum,
    stop,
    why_missing,
    why_short,
)

GUE_PRIVATE: Final = 0x0001
GUE_REMOTE: Final = 0x80000000
"""Linux include/net/gue.h: GUE_FLAG_PRIV and GUE_PFLAG_REMCSUM."""
VXLAN_REMOTE: Final = 0x00200000
"""Linux include/net/vxlan.h: VXLAN_HF_RCO."""


def read_gre(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """GRE with checksum, key and sequence number (RFC 2784, RFC 2890), and version 1 of PPTP (RFC 2637 section 4.1)."""
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    flags = load16(data, base + at)
    version = flags & 7
    size = 4
    if version == 0:
        size += (4 if flags & 0xC000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
    elif version == 1:
        size = 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x0080 else 0)
    if not push_layer(work, GRE, at, size):
        return NEXT_DONE, at
    if version > 1:
        return opaque(work, at + size), at
    if flags & 0x8000 and version == 0:
        # The end of the IP payload, or in UDP that of the datagram.
        end = work[EXTENT]
        why_cover = why_missing(work, end) if work[IP_FRAGMENT] == WHOLE else WHY_FRAGMENT
        if not push_sum(data, base, work, KIND_GRE, end, 0, KNOWN, why_cover):
            return NEXT_DONE, at
    if flags & 0x4000:
        # Source routes of RFC 1701, given up by RFC 2784.
        return opaque(work, at + size), at
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    kind = load16(data, base + at + 2)
    if version == 1:
        if flags & 0x1000 == 0:
            return stop(work, KNOWN), at
        narrow(work, at + size + load16(data, base + at + 4), WHY_LENGTH)
        return (NEXT_PPP if kind == TYPE_PPP_IN_GRE else opaque(work, at + size)), at + size
    if kind == TYPE_BRIDGED_ETHERNET:
        return NEXT_ETHERNET, at + size
    if kind == TYPE_ERSPAN2:
        # Type I has neither a sequence number nor a header of its own.
        return (NEXT_ERSPAN if flags & 0x1000 else NEXT_ETHERNET), at + size
    if kind == TYPE_WCCP and not looks_like_ip(data, base, at + size, work):
        return TYPE_IPV4, at + size + 4
    if kind == TYPE_WCCP:
        kind = NEXT_ANY_IP
    return kind, at + size


def read_erspan(data: Any, base: int, at: int, size: int, work: Any) -> tuple[int, int]:
    """ERSPAN type II, or III with ``size`` 12 and a further subheader if its last bit says so."""
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if size == 12 and load8(data, base + at + 11) & 1:
        size = 20
    if not push_layer(work, ERSPAN, at, size):
        return NEXT_DONE, at
    return NEXT_ETHERNET, at + size


def read_udp_payload(data: Any, base: int, at: int, layer: int, work: Any) -> tuple[int, int]:
    """What a UDP datagram to or from the port of a tunnel carries. Where the bytes do not fit the tunnel the port proves nothing."""
    least = 8 if layer in (VXLAN, GENEVE, GTPU, CAPWAP) else 4
    if at + least > work[AVAILABLE]:
        return stop(work, why_unfit(work, at + least)), at
    if layer == VXLAN:
        return read_vxlan(data, base, at, work)
    if layer == GENEVE:
        return read_geneve(data, base, at, work)
    if layer == GTPU:
        return read_gtpu(data, base, at, work)
    if layer == ESP:
        return read_esp_in_udp(data, base, at, work), at
    if layer == WIREGUARD or layer == OPENVPN:  # noqa: SIM109
        return read_vpn(data, base, at, layer, work), at
    if layer == L2TP:
        return read_l2tp(data, base, at, work)
    if layer == TEREDO:
        return read_teredo(data, base, at, work)
    if layer == GUE:
        return read_gue(data, base, at, work)
    if layer == FOU:
        return read_fou(data, base, at, work)
    if layer == LISP:
        return read_lisp(data, base, at, work)
    if layer == MPLS:
        return TYPE_MPLS, at
    if layer == CAPWAP:
        return read_capwap(data, base, at, work)
    return stop(work, KNOWN), at


def why_unfit(work: Any, upto: int) -> int:
    """Why it cannot be told whether bytes up to ``upto`` are a tunnel; KNOWN if there are none: then they are something else."""
    why = why_missing(work, upto)
    return KNOWN if why == WHY_LENGTH else why


def read_vxlan(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """VXLAN, with the generic protocol extension and remote checksum offload. RFC 7348 section 5: the I flag must be set."""
    if load8(data, base + at) & 8 == 0:
        return stop(work, KNOWN), at
    if not push_layer(work, VXLAN, at, 8):
        return NEXT_DONE, at
    flags = load32(data, base + at)
    if flags & VXLAN_REMOTE and not push_layer(work, REMOTE, at + 8, 0):
        return NEXT_DONE, at
    # With the P flag the last byte of the first word is the next protocol; without it that byte is reserved.
    if flags & 0x04000000 == 0:
        return NEXT_ETHERNET, at + 8
    return next_protocol(flags & 0xFF, at + 8, work)


def next_protocol(number: int, at: int, work: Any) -> tuple[int, int]:
    """The protocol numbers that VXLAN-GPE and NSH share (RFC 8300 section 11.1.5)."""
    if number == 1:
        return TYPE_IPV4, at
    if number == 2:
        return TYPE_IPV6, at
    if number == 3:
        return NEXT_ETHERNET, at
    if number == 4:
        return TYPE_NSH, at
    if number == 5:
        return TYPE_MPLS, at
    return opaque(work, at), at


def read_nsh(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """The network service header (RFC 8300 section 2)."""
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why), at
    size = (load8(data, base + at + 1) & 0x3F) * 4
    why = why_short(work, at + size)
    if why != KNOWN or size < 8:
        return stop(work, why if why != KNOWN else WHY_HEADER), at
    if not push_layer(work, NSH, at, size):
        return NEXT_DONE, at
    return next_protocol(load8(data, base + at + 3), at + size, work)


def read_geneve(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """RFC 8926 section 3.4."""
    if load8(data, base + at) >> 6 != 0:
        return stop(work, KNOWN), at
    size = 8 + (load8(data, base + at) & 0x3F) * 4
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, GENEVE, at, size):
        return NEXT_DONE, at
    kind = load16(data, base + at + 2)
    return (NEXT_ETHERNET if kind == TYPE_BRIDGED_ETHERNET else kind), at + size


def read_gtpu(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """3GPP TS 29.281 section 5: a T-PDU carries an IP packet; signalling has no Internet checksum inside."""
    if load8(data, base + at) >> 4 != 3 or load8(data, base + at + 1) != 255:
        return stop(work, KNOWN), at
    end = at + 8 + load16(data, base + at + 2)
    size = 8
    if load8(data, base + at) & 7:
        size = 12
        if at + 12 > work[AVAILABLE]:
            return stop(work, why_short(work, at + 12)), at
        following = load8(data, base + at + 11)
        while following and load8(data, base + at) & 4:
            why = why_short(work, at + size + 4)
            if why != KNOWN:
                return stop(work, why), at
            length = load8(data, base + at + size) * 4
            size += length
            why = why_short(work, at + size)
            if why != KNOWN or length == 0:
                return stop(work, why if why != KNOWN else WHY_HEADER), at
            following = load8(data, base + at + size - 1)
    if not push_layer(work, GTPU, at, size):
        return NEXT_DONE, at
    narrow(work, end, WHY_LENGTH)
    if work[AVAILABLE] > at + size and load8(data, base + at + size) >> 4 != 4 and load8(data, base + at + size) >> 4 != 6:
        # Ethernet and unstructured sessions do not say so in the packet.
        return (NEXT_ETHERNET if looks_like_ethernet(data, base, at + size, work) else opaque(work, at + size)), at + size
    return NEXT_ANY_IP, at + size


def read_esp_in_udp(data: Any, base: int, at: int, work: Any) -> int:
    """RFC 3948 section 2: four zero bytes mark IKE, a single 0xff keeps the translation alive (and is shorter than this function's
    caller lets through), anything else is ESP."""
    if load32(data, base + at) == 0:
        return stop(work, KNOWN)
    if push_layer(work, ESP, at, 8):
        work[STOP] = WHY_OPAQUE
    return NEXT_DONE


def read_vpn(data: Any, base: int, at: int, layer: int, work: Any) -> int:
    """WireGuard and OpenVPN: data is encrypted, handshakes carry no packet. Bytes that are neither are left alone."""
    first = load8(data, base + at)
    if layer == WIREGUARD:
        fits = 1 <= first <= 4 and load8(data, base + at + 1) == 0 and load16(data, base + at + 2) == 0
        carries = first == 4
    else:
        fits = 1 <= first >> 3 <= 11
        carries = first >> 3 == 6 or first >> 3 == 9
    if not fits:
        return stop(work, KNOWN)
    if push_layer(work, layer, at, 0):
        work[STOP] = WHY_OPAQUE if carries else KNOWN
    return NEXT_DONE


def read_l2tp(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """L2TP over UDP: version 2 carries PPP (RFC 2661 section 3.1), version 3 what its session agreed on (RFC 3931 section 4.1.2)."""
    flags = load16(data, base + at)
    version = flags & 15
    if flags & 0x8000 or (version != 2 and version != 3):
        return stop(work, KNOWN), at
    if version == 3:
        return read_session(data, base, at, at + 4, work)
    size = 6 + (2 if flags & 0x4000 else 0) + (4 if flags & 0x0800 else 0)
    if flags & 0x0200:
        size += 2
        why = why_short(work, at + size)
        if why != KNOWN:
            return stop(work, why), at
        size += load16(data, base + at + size - 2)
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, L2TP, at, size):
        return NEXT_DONE, at
    if flags & 0x4000:
        narrow(work, at + load16(data, base + at + 2), WHY_LENGTH)
    return NEXT_PPP, at + size


def read_session(data: Any, base: int, at: int, session: int, work: Any) -> tuple[int, int]:
    """L2TP version 3: a session number of four bytes, a cookie of 0, 4 or 8 and a sublayer of 0 or 4, both agreed on elsewhere. The
    first place where an Ethernet frame or an IP packet with fitting lengths stands is taken."""
    why = why_short(work, session + 4)
    if why != KNOWN:
        return stop(work, why), at
    if load32(data, base + session) == 0:
        return stop(work, KNOWN), at
    for extra in range(0, 16, 4):
        inside = session + 4 + extra
        if looks_like_ethernet(data, base, inside, work):
            return (NEXT_ETHERNET if push_layer(work, L2TP, at, inside - at) else NEXT_DONE), inside
    for extra in range(0, 16, 4):
        inside = session + 4 + extra
        if looks_like_ip(data, base, inside, work):
            return (NEXT_ANY_IP if push_layer(work, L2TP, at, inside - at) else NEXT_DONE), inside
    if not push_layer(work, L2TP, at, session + 4 - at):
        return NEXT_DONE, at
    return opaque(work, session + 4), at


def read_teredo(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """RFC 4380 section 5.1.1: authentication and origin may stand before the IPv6 packet."""
    place = at
    if load16(data, base + place) == 1:
        place += 13 + load8(data, base + place + 2) + load8(data, base + place + 3)
        if place + 2 > work[AVAILABLE]:
            return stop(work, why_unfit(work, place + 2)), at
    if load16(data, base + place) == 0:
        place += 8
    if not looks_like_ip(data, base, place, work) or load8(data, base + place) >> 4 != 6:
        return stop(work, why_unfit(work, place + 40)), at
    if not push_layer(work, TEREDO, at, place - at):
        return NEXT_DONE, at
    return TYPE_IPV6, place


def read_fou(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """Foo over UDP: a bare IP packet, or GRE, which the port alone says (ip-fou(8)); GRE starts with 4 or 6 only with the source routes
    that RFC 2784 gave up."""
    version = load8(data, base + at) >> 4
    if not push_layer(work, FOU, at, 0):
        return NEXT_DONE, at
    return (NEXT_ANY_IP if version == 4 or version == 6 else NEXT_GRE), at


def read_gue(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """Linux include/net/gue.h: version 1 is a bare IP packet; version 0 has a length, a protocol and optional fields."""
    first = load8(data, base + at)
    if first >> 4 == 4 or first >> 4 == 6:
        return read_fou(data, base, at, work)
    size = 4 + (first & 31) * 4
    if first >> 6 != 0 or first & 0x20:
        return stop(work, KNOWN), at
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, GUE, at, size):
        return NEXT_DONE, at
    flags = load16(data, base + at + 2)
    if flags == GUE_PRIVATE and size >= 12 and load32(data, base + at + 4) & GUE_REMOTE and not push_layer(work, REMOTE, at + size, 0):
        return NEXT_DONE, at
    protocol = load8(data, base + at + 1)
    at += size
    if protocol == 4:
        return TYPE_IPV4, at
    if protocol == 41:
        return TYPE_IPV6, at
    if protocol == 47:
        return NEXT_GRE, at
    if protocol == 97:
        return NEXT_ETHERIP, at
    if protocol == 137:
        return TYPE_MPLS, at
    return opaque(work, at), at


def read_lisp(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LISP data (RFC 9300 section 5.1), or a control message that carries a packet (RFC 9301 section 5.8)."""
    size = 8
    if not looks_like_ip(data, base, at + 8, work) and load8(data, base + at) >> 4 == 8:
        size = 4
    if not looks_like_ip(data, base, at + size, work):
        return stop(work, why_unfit(work, at + size + 20)), at
    return (NEXT_ANY_IP if push_layer(work, LISP, at, size) else NEXT_DONE), at + size


def read_capwap(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """CAPWAP data (RFC 5415 section 4.3): a frame of IEEE 802.3 or, with the T bit, of IEEE 802.11; encrypted behind a DTLS preamble."""
    if load8(data, base + at) > 1:
        return stop(work, KNOWN), at
    if load8(data, base + at) == 1:
        return opaque(work, at), at
    size = (load8(data, base + at + 1) >> 3) * 4
    why = why_short(work, at + size)
    if why != KNOWN or size < 8:
        return stop(work, why if why != KNOWN else KNOWN), at
    if not push_layer(work, CAPWAP, at, size):
        return NEXT_DONE, at
    if load8(data, base + at + 3) & 0x80:
        return stop(work, WHY_FRAGMENT), at
    if load8(data, base + at + 3) & 0x08:
        # Keep-alive: message elements, no frame.
        return stop(work, KNOWN), at
    return (NEXT_WIFI if load8(data, base + at + 2) & 1 else NEXT_ETHERNET), at + size


def read_etherip(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """RFC 3378: version 3 in two bytes."""
    why = why_short(work, at + 2)
    if why != KNOWN or load8(data, base + at) >> 4 != 3:
        return stop(work, why if why != KNOWN else WHY_HEADER), at
    if not push_layer(work, ETHERIP, at, 2):
        return NEXT_DONE, at
    return NEXT_ETHERNET, at + 2
