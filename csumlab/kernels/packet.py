"""One packet: the loop over its headers, and what is said of its checksums once all are known."""

from __future__ import annotations

from typing import Any

from csumlab.headers import (
    MAX_LAYERS,
)
from csumlab.kernels.codes import (
    ESP,
    FIELD_ZEROS,
    KIND_SCTP,
    KNOWN,
    N_FIELDS,
    N_QUALITIES,
    NEXT_ANY_IP,
    NEXT_DONE,
    NEXT_ERSPAN,
    NEXT_ETHERIP,
    NEXT_ETHERNET,
    NEXT_GRE,
    NEXT_LLC,
    NEXT_PPP,
    NEXT_WIFI,
    NONZERO,
    TYPE_ARP,
    TYPE_BATMAN,
    TYPE_ERSPAN3,
    TYPE_IPV4,
    TYPE_IPV6,
    TYPE_LEAST,
    TYPE_MACSEC,
    TYPE_MPLS,
    TYPE_MPLS_MULTICAST,
    TYPE_NSH,
    TYPE_PPPOE,
    TYPE_PPPOE_DISCOVERY,
    TYPE_VLAN,
    TYPE_VLAN_OLD,
    TYPE_VLAN_SERVICE,
    UNKNOWN,
    WHY_CUT,
    WHY_OPAQUE,
    WHY_TRUNCATED,
    ZERO,
)
from csumlab.kernels.layout import (
    AVAILABLE,
    BEYOND,
    DESTINATION_MAC,
    EXTENT,
    FRAME_END,
    IP_VERSION,
    LONG,
    N_ADDRESSES,
    N_LAYERS,
    N_SUMS,
    OCTETS,
    PACKET_TYPE,
    PADDED,
    QUOTED,
    SOURCE_MAC,
    STOP,
    SUM_AT,
    SUM_END,
    SUM_FIELD,
    SUM_FIELD_VALUE,
    SUM_HEADER,
    SUM_KIND,
    SUM_ODD,
    SUM_QUALITY_RESIDUE,
    SUM_QUALITY_SEED,
    SUM_QUALITY_SETTLED,
    SUM_RESIDUE,
    SUM_SEED,
    SUM_SIZE,
    SUM_START,
    SUM_VERDICT,
    SUMS,
    TRAILER,
)
from csumlab.kernels.link import (
    read_ethernet,
    read_link,
    read_llc,
    read_ppp,
    read_vlan,
)
from csumlab.kernels.mesh import (
    read_batman,
)
from csumlab.kernels.network import (
    read_ipv4,
    read_ipv6,
)
from csumlab.kernels.primitives import (
    VERDICTS,
    ZERO_IS_ABSENT,
    load8,
)
from csumlab.kernels.routing import (
    read_routing_protocol,
)
from csumlab.kernels.steps import (
    opaque,
    push_layer,
    stop,
)
from csumlab.kernels.tags import read_macsec, read_mpls, read_pppoe
from csumlab.kernels.transport import (
    read_dccp,
    read_icmp,
    read_sctp,
    read_tcp,
    read_udp,
    read_udp_lite,
)
from csumlab.kernels.tunnels import (
    read_erspan,
    read_etherip,
    read_gre,
    read_nsh,
    read_session,
)
from csumlab.kernels.wireless import (
    read_wifi,
)


def dissect(data: Any, base: int, captured: int, original: int, linktype: int, tables: Any, work: Any) -> None:
    """Fill ``work`` with what one packet holds: ``captured`` bytes from ``base`` on, of ``original`` on the wire.

    Ends for any bytes: every turn of the loop pushes a layer or stops, and there is room for MAX_LAYERS.
    """
    work[N_LAYERS] = 0
    work[N_SUMS] = 0
    work[N_ADDRESSES] = 0
    work[STOP] = KNOWN
    work[TRAILER] = 0
    work[LONG] = 0
    work[PACKET_TYPE] = -1
    work[SOURCE_MAC] = 0
    work[DESTINATION_MAC] = 0
    work[AVAILABLE] = captured
    work[BEYOND] = WHY_CUT if captured < original else WHY_TRUNCATED
    work[EXTENT] = max(captured, original)
    work[QUOTED] = MAX_LAYERS
    work[FRAME_END] = captured
    work[PADDED] = 0
    work[OCTETS] = 0
    following, at = read_link(data, base, linktype, tables, work)
    while following != NEXT_DONE:
        if following == NEXT_ANY_IP:
            # The version says which; the readers below report a packet without a first byte.
            following = TYPE_IPV6 if work[AVAILABLE] > at and load8(data, base + at) >> 4 == 6 else TYPE_IPV4
        if following == NEXT_ETHERNET:
            following, at = read_ethernet(data, base, at, work)
        elif following == TYPE_IPV4 or following == TYPE_IPV6:  # noqa: SIM109
            if following == TYPE_IPV4:
                protocol, at = read_ipv4(data, base, at, tables, work)
            else:
                protocol, at = read_ipv6(data, base, at, tables, work)
            following = protocol
            if protocol >= 0:
                following, at = read_transport(data, base, protocol, at, tables, work)
        elif following in (TYPE_VLAN, TYPE_VLAN_SERVICE, TYPE_VLAN_OLD):
            following, at = read_vlan(data, base, at, work)
        else:
            following, at = read_rare(data, base, following, at, work)
    judge_sums(work)


def read_rare(data: Any, base: int, following: int, at: int, work: Any) -> tuple[int, int]:
    """What else an EtherType or a tunnel may announce: what comes next, and where."""
    if following == NEXT_LLC:
        return read_llc(data, base, at, work)
    if following == NEXT_GRE:
        return read_gre(data, base, at, work)
    if following == NEXT_PPP:
        return read_ppp(data, base, at, work)
    if following == NEXT_WIFI:
        return read_wifi(data, base, at, work)
    if following == NEXT_ERSPAN:
        return read_erspan(data, base, at, 8, work)
    if following == NEXT_ETHERIP:
        return read_etherip(data, base, at, work)
    if following == TYPE_MPLS or following == TYPE_MPLS_MULTICAST:  # noqa: SIM109
        return read_mpls(data, base, at, work)
    if following == TYPE_PPPOE:
        return read_pppoe(data, base, at, work)
    if following == TYPE_ERSPAN3:
        return read_erspan(data, base, at, 12, work)
    if following == TYPE_NSH:
        return read_nsh(data, base, at, work)
    if following == TYPE_MACSEC:
        return read_macsec(data, base, at, work)
    if following == TYPE_BATMAN:
        return read_batman(data, base, at, work)
    if following < TYPE_LEAST or carries_none(following):
        return stop(work, KNOWN), at
    return opaque(work, at), at


def carries_none(kind: int) -> bool:
    """Whether frames of this EtherType are known to carry no Internet checksum (IEEE and IANA registries)."""
    return (
        kind == TYPE_ARP
        or kind == TYPE_PPPOE_DISCOVERY
        or kind == 0x8035  # RARP
        or kind == 0x0842  # Wake on LAN
        or kind == 0x88CC  # LLDP
        or kind == 0x888E  # EAPOL
        or kind == 0x8809  # slow protocols: LACP
        or kind == 0x8902  # connectivity fault management
        or kind == 0x88F7  # PTP
        or kind == 0x9000  # configuration test: loopback
        or kind == 0x2000  # CDP in Cisco HDLC
    )


def read_transport(data: Any, base: int, protocol: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """What an IP header carries: what comes next, and where."""
    version = work[IP_VERSION]
    if protocol == 6:
        return read_tcp(data, base, at, tables, work), at
    if protocol == 17:
        return read_udp(data, base, at, tables, work)
    if (protocol == 1 and version == 4) or (protocol == 58 and version == 6):
        return read_icmp(data, base, at, protocol, work)
    if protocol == 4:
        return TYPE_IPV4, at
    if protocol == 41:
        return TYPE_IPV6, at
    if protocol == 47:
        return read_gre(data, base, at, work)
    if protocol == 59 and version == 6:
        return stop(work, KNOWN), at
    return read_rare_transport(data, base, protocol, at, tables, work)


def read_rare_transport(data: Any, base: int, protocol: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """Protocols on top of IP that are seldom met."""
    if protocol == 132:
        return read_sctp(data, base, at, tables, work), at
    if protocol == 136:
        return read_udp_lite(data, base, at, tables, work), at
    if protocol == 33:
        return read_dccp(data, base, at, tables, work), at
    if (
        protocol == 2
        or protocol == 46
        or protocol == 88
        or protocol == 89
        or protocol == 103
        or protocol == 112
        or (protocol == 135 and work[IP_VERSION] == 6)
    ):
        return read_routing_protocol(data, base, protocol, at, work)
    if protocol == 97:
        return NEXT_ETHERIP, at
    if protocol == 115:
        return read_session(data, base, at, at, work)
    if protocol == 137:
        return TYPE_MPLS, at
    if protocol == 143:
        return NEXT_ETHERNET, at
    if protocol == 50:
        if push_layer(work, ESP, at, 8):
            stop(work, WHY_OPAQUE)
        return NEXT_DONE, at
    # Compressed, or a protocol whose checksum, if any, is not one of ours.
    return opaque(work, at), at


def judge_sums(work: Any) -> None:
    """What depends on all sums: parity in the enclosing coverage, settled residue, verdict. Innermost first.

    The settled residue is the residue after the owed fill, in thought: 0 for a partial sum; for a sum around one, r - s (r' + g') with
    the residues of the innermost partial sum inside, s = 1 or 256 by the parity of its field's place; r for any other.
    """
    count = work[N_SUMS]
    for index in range(count - 1, -1, -1):
        at = SUMS + SUM_SIZE * index
        field_at = work[at + SUM_AT]
        work[at + SUM_ODD] = 0
        for outer in range(index - 1, -1, -1):
            around = SUMS + SUM_SIZE * outer
            if work[around + SUM_START] <= field_at and field_at + 2 <= work[around + SUM_END]:
                work[at + SUM_ODD] = (field_at - work[around + SUM_START]) & 1
                break
        quality_residue = work[at + SUM_QUALITY_RESIDUE]
        quality_seed = work[at + SUM_QUALITY_SEED]
        settled = ZERO if quality_seed == ZERO else quality_residue
        if quality_seed != ZERO and quality_residue != UNKNOWN and work[at + SUM_KIND] != KIND_SCTP:
            for inner in range(count - 1, index, -1):
                inside = SUMS + SUM_SIZE * inner
                place = work[inside + SUM_AT] - work[at + SUM_START]
                if place < 0 or work[inside + SUM_AT] + 2 > work[at + SUM_END] or not is_owed(work, inside):
                    continue
                if work[inside + SUM_QUALITY_RESIDUE] == UNKNOWN:
                    settled = UNKNOWN
                else:
                    change = owed_words(work, inside) * (256 if place & 1 else 1)
                    settled = ZERO if (work[at + SUM_RESIDUE] - change) % 0xFFFF == 0 else NONZERO
                break
        work[at + SUM_QUALITY_SETTLED] = settled
        combination = (work[at + SUM_KIND] * N_QUALITIES + quality_residue) * N_QUALITIES + quality_seed
        combination = (combination * N_QUALITIES + settled) * N_FIELDS + work[at + SUM_FIELD_VALUE]
        work[at + SUM_VERDICT] = VERDICTS[combination]


def owed_words(work: Any, at: int) -> int:
    """What the fill of the sum there takes off a sum around it: r' + g', or the words of a CRC as they are less those that belong there."""
    residue = work[at + SUM_RESIDUE]
    if work[at + SUM_KIND] != KIND_SCTP:
        return int(residue + work[at + SUM_SEED])
    field = work[at + SUM_FIELD]
    right = field ^ residue
    return int((field >> 16) + (field & 0xFFFF) - (right >> 16) - (right & 0xFFFF))


def is_owed(work: Any, at: int) -> bool:
    """Whether the sum there is left to a device: its seed is zero, and it is neither good as it is nor absent nor quoted."""
    if work[at + SUM_QUALITY_SEED] != ZERO or work[at + SUM_QUALITY_RESIDUE] == ZERO or work[at + SUM_HEADER] >= work[QUOTED]:
        return False
    return not (ZERO_IS_ABSENT[work[at + SUM_KIND]] and work[at + SUM_FIELD_VALUE] == FIELD_ZEROS)
