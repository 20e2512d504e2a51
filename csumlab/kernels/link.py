"""Link headers: of the capture itself, and those that tunnels carry too. Sources: the
LINKTYPE registry of tcpdump.org, IEEE 802.3, 802.2, 802.1Q."""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import (
    C_HDLC,
    CAPTURE,
    COOKED,
    COOKED2,
    ETHERNET,
    FRAME_RELAY,
    IPOIB,
    KNOWN,
    LINK_AVS,
    LINK_C_HDLC,
    LINK_C_HDLC_WITH_DIRECTION,
    LINK_COOKED,
    LINK_COOKED2,
    LINK_ETHERNET,
    LINK_FRAME_RELAY,
    LINK_FRAME_RELAY_WITH_DIRECTION,
    LINK_IEEE80211,
    LINK_IPOIB,
    LINK_IPV4,
    LINK_IPV6,
    LINK_LOOP,
    LINK_NETANALYZER,
    LINK_NFLOG,
    LINK_NULL,
    LINK_PFLOG,
    LINK_PKTAP,
    LINK_PPI,
    LINK_PPP,
    LINK_PPP_ETHER,
    LINK_PPP_HDLC,
    LINK_PPP_PPPD,
    LINK_PPP_WITH_DIRECTION,
    LINK_PRISM,
    LINK_RADIOTAP,
    LINK_RAW,
    LINK_RAW_12,
    LINK_RAW_14,
    LLC,
    LOOPBACK,
    NEXT_ANY_IP,
    NEXT_DONE,
    NEXT_ETHERNET,
    NEXT_LLC,
    NEXT_PPP,
    NEXT_WIFI,
    PPP,
    TYPE_ARP,
    TYPE_IPV4,
    TYPE_IPV6,
    TYPE_LEAST,
    TYPE_MPLS,
    TYPE_MPLS_MULTICAST,
    TYPE_PPPOE,
    VLAN,
    WHY_HEADER,
    WHY_LENGTH,
    WHY_LINK_TYPE,
    WHY_OPAQUE,
)
from csumlab.kernels.layout import (
    AVAILABLE,
    DESTINATION_MAC,
    N_LAYERS,
    PACKET_TYPE,
    SOURCE_MAC,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
    load32,
)
from csumlab.kernels.steps import (
    hardware_address,
    little16,
    little32,
    narrow,
    opaque,
    push_layer,
    stop,
    strip_check,
    why_short,
)
from csumlab.kernels.wireless import (
    read_prism,
    read_radiotap,
)

ARPHRD_FRAME_RELAY: Final = 770
ARPHRD_RADIOTAP: Final = 803
ARPHRD_NETLINK: Final = 824
"""Linux if_arp.h: with these a cooked header's protocol field is no EtherType."""
COOKED_LLC: Final = 4
"""LINKTYPE_LINUX_SLL: this protocol number means IEEE 802.2."""


def read_link(data: Any, base: int, linktype: int, tables: Any, work: Any) -> tuple[int, int]:
    """The capture's own link header: what comes next, and where."""
    if linktype == LINK_ETHERNET:
        if work[AVAILABLE] >= 12:
            work[DESTINATION_MAC] = hardware_address(data, base, tables)
            work[SOURCE_MAC] = hardware_address(data, base + 6, tables)
        return NEXT_ETHERNET, 0
    if linktype == LINK_COOKED:
        return read_cooked(data, base, tables, work)
    if linktype == LINK_COOKED2:
        return read_cooked2(data, base, tables, work)
    if linktype == LINK_RAW or linktype == LINK_RAW_12 or linktype == LINK_RAW_14:  # noqa: SIM109 - a tuple is slower, compiled and plain
        return NEXT_ANY_IP, 0
    linktype, at = read_wrapping(data, base, linktype, work)
    return read_rare_link(data, base, at, linktype, work) if linktype >= 0 else (NEXT_DONE, at)


def read_wrapping(data: Any, base: int, linktype: int, work: Any) -> tuple[int, int]:
    """A header that a capture program puts before a frame of another link type: that link type, -1 after a stop, and where it starts."""
    size = 0
    if linktype == LINK_PPI:
        size = 8
    elif linktype == LINK_PKTAP:
        size = 12
    elif linktype == LINK_NETANALYZER:
        size = 4
    elif linktype in (LINK_PPP_WITH_DIRECTION, LINK_PPP_PPPD, LINK_C_HDLC_WITH_DIRECTION, LINK_FRAME_RELAY_WITH_DIRECTION):
        size = 1
    if size == 0:
        return linktype, 0
    why = why_short(work, size)
    if why != KNOWN:
        return stop(work, why), 0
    least = size
    if linktype == LINK_PPI:
        linktype = little32(data, base + 4)
        size = little16(data, base + 2)
    elif linktype == LINK_PKTAP:
        linktype = little32(data, base + 8)
        size = little32(data, base)
    elif linktype == LINK_NETANALYZER:
        linktype = LINK_ETHERNET
        strip_check(work)
    elif linktype == LINK_C_HDLC_WITH_DIRECTION:
        linktype = LINK_C_HDLC
    elif linktype == LINK_FRAME_RELAY_WITH_DIRECTION:
        linktype = LINK_FRAME_RELAY
    else:
        linktype = LINK_PPP
    why = why_short(work, size)
    if why != KNOWN or size < least:
        return stop(work, why if why != KNOWN else WHY_HEADER), 0
    push_layer(work, CAPTURE, 0, size)
    return linktype, size


def read_rare_link(data: Any, base: int, at: int, linktype: int, work: Any) -> tuple[int, int]:
    """Link types that are seldom met, whose header starts at ``at``."""
    if linktype == LINK_ETHERNET:
        return NEXT_ETHERNET, at
    if linktype == LINK_RAW or linktype == LINK_RAW_12 or linktype == LINK_RAW_14:  # noqa: SIM109
        return NEXT_ANY_IP, at
    if linktype == LINK_IPV4:
        return TYPE_IPV4, at
    if linktype == LINK_IPV6:
        return TYPE_IPV6, at
    if linktype == LINK_NULL or linktype == LINK_LOOP:  # noqa: SIM109
        return read_loopback(data, base, at, work)
    if linktype == LINK_PPP or linktype == LINK_PPP_HDLC:  # noqa: SIM109
        return read_serial(data, base, at, linktype, work)
    if linktype == LINK_PPP_ETHER:
        return TYPE_PPPOE, at
    if linktype == LINK_C_HDLC:
        return read_c_hdlc(data, base, at, work)
    if linktype == LINK_FRAME_RELAY:
        return read_frame_relay(data, base, at, work)
    if linktype == LINK_IEEE80211:
        return NEXT_WIFI, at
    if linktype == LINK_RADIOTAP:
        return read_radiotap(data, base, at, work)
    if linktype == LINK_PRISM or linktype == LINK_AVS:  # noqa: SIM109
        return read_prism(data, base, at, work)
    if linktype == LINK_PFLOG:
        return read_pflog(data, base, at, work)
    if linktype == LINK_NFLOG:
        return read_nflog(data, base, at, work)
    if linktype == LINK_IPOIB:
        return read_ipoib(data, base, at, work)
    return stop(work, WHY_LINK_TYPE), at


def read_cooked(data: Any, base: int, tables: Any, work: Any) -> tuple[int, int]:
    """LINKTYPE_LINUX_SLL."""
    why = why_short(work, 16)
    if why != KNOWN:
        return stop(work, why), 0
    push_layer(work, COOKED, 0, 16)
    work[PACKET_TYPE] = load16(data, base)
    if load16(data, base + 4) == 6:
        work[SOURCE_MAC] = hardware_address(data, base + 6, tables)
    return cooked_payload(data, base, 16, load16(data, base + 2), load16(data, base + 14), work)


def read_cooked2(data: Any, base: int, tables: Any, work: Any) -> tuple[int, int]:
    """LINKTYPE_LINUX_SLL2."""
    why = why_short(work, 20)
    if why != KNOWN:
        return stop(work, why), 0
    push_layer(work, COOKED2, 0, 20)
    work[PACKET_TYPE] = load8(data, base + 10)
    if load8(data, base + 11) == 6:
        work[SOURCE_MAC] = hardware_address(data, base + 12, tables)
    return cooked_payload(data, base, 20, load16(data, base + 8), load16(data, base), work)


def cooked_payload(data: Any, base: int, at: int, hardware: int, protocol: int, work: Any) -> tuple[int, int]:
    """What stands behind a cooked header: for some hardware types its protocol field does not say (tcpdump.org, LINKTYPE_LINUX_SLL)."""
    if hardware == ARPHRD_NETLINK:
        return stop(work, WHY_OPAQUE), at
    if hardware == ARPHRD_FRAME_RELAY:
        return read_frame_relay(data, base, at, work)
    if hardware == ARPHRD_RADIOTAP:
        return read_radiotap(data, base, at, work)
    return (NEXT_LLC if protocol == COOKED_LLC else protocol), at


def read_loopback(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_NULL and LINKTYPE_LOOP: a protocol family, in the writer's byte order; a family is below 256, which tells the order."""
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    push_layer(work, LOOPBACK, at, 4)
    family = load32(data, base + at)
    if family & 0xFFFFFF == 0:
        family >>= 24
    return family_type(family, at + 4, work)


def read_ethernet(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    why = why_short(work, at + 14)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, ETHERNET, at, 14):
        return NEXT_DONE, at
    return ethernet_payload(load16(data, base + at + 12), at + 14, work)


def read_vlan(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, VLAN, at, 4):
        return NEXT_DONE, at
    return ethernet_payload(load16(data, base + at + 2), at + 4, work)


def ethernet_payload(kind: int, at: int, work: Any) -> tuple[int, int]:
    """What a type or, below TYPE_LEAST, a length of IEEE 802.3 says of the payload at ``at``."""
    if kind >= TYPE_LEAST:
        return kind, at
    narrow(work, at + kind, WHY_LENGTH)
    return NEXT_LLC, at


def read_llc(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """IEEE 802.2, and SNAP behind it (RFC 1042). Of all else that it carries nothing has an Internet checksum."""
    why = why_short(work, at + 3)
    if why != KNOWN:
        return stop(work, KNOWN if why == WHY_HEADER else why), at
    points = load16(data, base + at)
    snap = points == 0xAAAA and load8(data, base + at + 2) == 3
    if snap:
        why = why_short(work, at + 8)
        if why != KNOWN:
            return stop(work, why), at
    if not push_layer(work, LLC, at, 8 if snap else 3):
        return NEXT_DONE, at
    if snap:
        organisation = load8(data, base + at + 3) << 16 | load16(data, base + at + 4)
        kind = load16(data, base + at + 6)
        # 0000f8 is the bridge tunnel of IEEE 802.1H; 0080c2 that of RFC 2684 section 5, with and without frame check sequence.
        if organisation == 0 or organisation == 0x0000F8:
            return kind, at + 8
        if organisation == 0x0080C2 and (kind == 1 or kind == 7):
            return NEXT_ETHERNET, at + 8
        return stop(work, KNOWN), at
    return (TYPE_IPV4, at + 3) if points == 0x0606 else (stop(work, KNOWN), at)


def read_serial(data: Any, base: int, at: int, linktype: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_PPP and LINKTYPE_PPP_HDLC: PPP, or Cisco HDLC where its address byte stands (RFC 1547 section 4.3.1)."""
    why = why_short(work, at + 1)
    if why != KNOWN:
        return stop(work, why), at
    first = load8(data, base + at)
    if linktype == LINK_PPP_HDLC and (first == 0x0F or first == 0x8F):
        return read_c_hdlc(data, base, at, work)
    # Where a direction took the place of the address byte the control byte is left.
    return NEXT_PPP, at + 1 if first == 3 and work[N_LAYERS] > 0 else at


def read_ppp(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """PPP (RFC 1661, RFC 1662), also with compressed address, control and protocol fields."""
    size = 2 if at + 2 <= work[AVAILABLE] and load16(data, base + at) == 0xFF03 else 0
    why = why_short(work, at + size + 1)
    if why != KNOWN:
        return stop(work, why), at
    protocol = load8(data, base + at + size)
    if protocol & 1:
        size += 1
    else:
        why = why_short(work, at + size + 2)
        if why != KNOWN:
            return stop(work, why), at
        protocol = load16(data, base + at + size)
        size += 2
    if not push_layer(work, PPP, at, size):
        return NEXT_DONE, at
    at += size
    if protocol == 0x21:
        return TYPE_IPV4, at
    if protocol == 0x57:
        return TYPE_IPV6, at
    if protocol == 0x281:
        return TYPE_MPLS, at
    if protocol == 0x283:
        return TYPE_MPLS_MULTICAST, at
    # Control protocols have no Internet checksum; data of another kind is compressed, encrypted, or a link of several (RFC 1990).
    return (stop(work, KNOWN) if protocol >= 0x8000 else opaque(work, at)), at


def read_c_hdlc(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_C_HDLC: address, control, EtherType."""
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    push_layer(work, C_HDLC, at, 4)
    return load16(data, base + at + 2), at + 4


def read_frame_relay(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_FRELAY: RFC 2427, or the encapsulation of Cisco, where an EtherType follows the address."""
    size = 2
    while size < 4 and at + size <= work[AVAILABLE] and load8(data, base + at + size - 1) & 1 == 0:
        size += 1
    why = why_short(work, at + size + 2)
    if why != KNOWN:
        return stop(work, why), at
    push_layer(work, FRAME_RELAY, at, size)
    at += size
    if load8(data, base + at) != 3:
        return load16(data, base + at), at + 2
    protocol = load8(data, base + at + 1)
    if protocol == 0 and at + 3 <= work[AVAILABLE]:
        at += 1
        protocol = load8(data, base + at + 1)
    if protocol == 0xCC:
        return TYPE_IPV4, at + 2
    if protocol == 0x8E:
        return TYPE_IPV6, at + 2
    if protocol == 0x80 and at + 7 <= work[AVAILABLE]:
        organisation = load8(data, base + at + 2) << 16 | load16(data, base + at + 3)
        kind = load16(data, base + at + 5)
        if organisation == 0:
            return kind, at + 7
        if organisation == 0x0080C2 and (kind == 1 or kind == 7):
            return NEXT_ETHERNET, at + 7
    # Signalling (Q.933) and the protocols of others: no Internet checksum.
    return stop(work, KNOWN), at


def read_ipoib(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_IPOIB: an EtherType and two reserved bytes (RFC 4391 section 6), which tcpdump expects behind a global route header of 40
    bytes and some write behind a hardware address of 20."""
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    size = 4
    kind = load16(data, base + at)
    while kind != TYPE_IPV4 and kind != TYPE_IPV6 and kind != TYPE_ARP and size < 44 and at + size + 20 <= work[AVAILABLE]:
        size += 20
        kind = load16(data, base + at + size - 4)
    push_layer(work, IPOIB, at, size)
    return kind, at + size


def read_pflog(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_PFLOG: length in the first byte, padded to four, and address family in the second (OpenBSD net/if_pflog.h)."""
    why = why_short(work, at + 4)
    if why != KNOWN:
        return stop(work, why), at
    size = (load8(data, base + at) + 3) & ~3
    why = why_short(work, at + size)
    if why != KNOWN or size < 4:
        return stop(work, why if why != KNOWN else WHY_HEADER), at
    push_layer(work, CAPTURE, at, size)
    return family_type(load8(data, base + at + 1), at + size, work)


def family_type(family: int, at: int, work: Any) -> tuple[int, int]:
    """What a protocol family says of the bytes at ``at``."""
    if family == 2:
        return TYPE_IPV4, at
    # AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
    if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
        return TYPE_IPV6, at
    return opaque(work, at), at


def read_nflog(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_NFLOG: family, version, resource, then attributes in the writer's byte order; number 9 holds the packet."""
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why), at
    family = load8(data, base + at)
    place = at + 4
    while place + 4 <= work[AVAILABLE]:
        size = little16(data, base + place)
        kind = little16(data, base + place + 2) & 0x7FFF
        if kind > 0xFF:
            # Attributes are numbered from 1 to 20 or so: the writer was a big-endian machine.
            size = load16(data, base + place)
            kind = load16(data, base + place + 2) & 0x7FFF
        if size < 4:
            break
        if kind == 9:
            narrow(work, place + size, WHY_LENGTH)
            push_layer(work, CAPTURE, at, place + 4 - at)
            return family_type(family, place + 4, work)
        place += (size + 3) & ~3
    return stop(work, WHY_HEADER), at
