"""What an encapsulation puts in front of a packet: which headers, what sum they get, and their bytes.

Both interpreters push the same headers: ``symbolic/`` asks for their descriptions, ``plain/`` for their bytes too. What cannot be known
of them (an IP ID, a source port, a session) is some value here; all of it is even in length, so that nothing inside changes its parity.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from enum import Enum

from csumlab.headers import Kind, Layer
from csumlab.inet import negate, residue
from csumlab.packet import Bounds, Header, Span


class OuterSum(Enum):
    """How the checksum of a new outer UDP or GRE header is made (Linux net/ipv4/udp.c udp_set_csum; net/ipv4/ip_gre.c gre_build_header)."""

    LCO = "local checksum offload"
    PSEUDO = "pseudo-header sum"
    """What CHECKSUM_PARTIAL starts from; GRE has no pseudo-header and starts from zero."""
    NONE = "none"
    """UDP's field is zero, GRE's C bit is clear."""
    SOCKET = "left to the socket"
    """A program's own socket makes the packet; its sender's table comes next."""


@dataclass(frozen=True, slots=True)
class Outer:
    """The outer headers of an encapsulation. ``layers`` in this order, outermost first, all before the packet. ``version`` 0 and no
    addresses: they are of the link layer only. ``port`` is the UDP destination port, if there is one, ``segments`` those of a segment
    routing header, in the order in which they are passed."""

    version: int
    layers: tuple[Layer, ...]
    source: Span | None = None
    destination: Span | None = None
    port: Span | None = None
    segments: tuple[Span, ...] = ()


MESH = frozenset({Layer.BATMAN, Layer.BATMAN_FLOOD})
"""What an Ethernet frame is in that goes from node to node of a mesh."""
HOPS_AT = 2
"""Where a header of the mesh has its TTL, the first byte of a word (Linux include/uapi/linux/batadv_packet.h)."""
ETHERTYPES = {
    Layer.IPV4: 0x0800,
    Layer.IPV6: 0x86DD,
    Layer.VLAN: 0x8100,
    Layer.ETHERNET: 0x6558,
    Layer.MACSEC: 0x88E5,
    Layer.PPPOE: 0x8864,
    **dict.fromkeys(MESH, 0x4305),
}
PPP_PROTOCOLS = {Layer.IPV4: 0x0021, Layer.IPV6: 0x0057}
"""Of RFC 1332 and RFC 5072."""
FRONT_SIZES = {Layer.VLAN: 4, Layer.PPPOE: 6, Layer.PPP: 2, Layer.ETHERNET: 14}
"""Bytes of what may stand before an IP packet of a modelled device; those of a mesh differ."""
_PROTOCOLS = {Layer.IPV4: 4, Layer.IPV6: 41, Layer.EXTENSION: 43, Layer.UDP: 17, Layer.GRE: 47, Layer.ESP: 50, Layer.L2TP: 115}
"""IANA's protocol numbers, for IP and for GUE."""
_KINDS = {Layer.IPV4: Kind.IPV4, Layer.UDP: Kind.UDP, Layer.GRE: Kind.GRE}
MACS = b"\x02\0\0\0\0\1\x02\0\0\0\0\2"
_SESSION = b"\0\0\0\7"
"""An L2TP session, a GUE private flag word and the like are any value."""


def outer_headers(
    outer: Outer, first_uid: int, *, summed: bool, remote: bool = False, inside: tuple[Header, ...] = ()
) -> tuple[Header, ...]:
    """The headers of an encapsulation, uids counted from ``first_uid``. ``summed``: GRE has a checksum. ``remote``: the tunnel's own header
    says that the sum inside is left to the far end. ``inside`` are the headers of the packet that it goes around, none if it is
    encrypted."""
    made = []
    bounds = _grown(outer, inside, summed=summed, remote=remote)
    for uid, layer in enumerate(outer.layers, first_uid):
        kind = _KINDS.get(layer, Kind.NOTHING) if layer is not Layer.GRE or summed else Kind.NOTHING
        source, destination = (outer.source, outer.destination) if layer in (Layer.IPV4, Layer.IPV6) else (None, None)
        if layer is Layer.UDP:
            source, destination = Span(0, 0, 0xFFFF), outer.port
        carries = remote and layer in (Layer.GUE, Layer.VXLAN)
        length = bounds if layer in (Layer.IPV4, Layer.IPV6) else None
        header = Header(uid, layer, kind, source=source, destination=destination, remote=carries, bounds=length)
        if layer is Layer.IPV6 and Layer.EXTENSION in outer.layers:
            # Segment routing takes the hop limit of IPv6 over (Linux net/ipv6/seg6_iptunnel.c seg6_do_srh_encap).
            expires = bool(inside) and inside[0].layer is Layer.IPV6 and inside[0].ttl_expires
            header = replace(header, extensions=True, ttl_expires=expires)
        made.append(header)
    return tuple(made)


def _grown(outer: Outer, inside: tuple[Header, ...], *, summed: bool, remote: bool) -> Bounds | None:
    """How long the packet becomes."""
    place = next((n for n, header in enumerate(inside) if header.is_ip), None)
    if outer.source is None or place is None or inside[place].sent_bounds is None:
        return None
    low, high = inside[place].sent_bounds or (0, 0)
    more = len(outer_bytes(outer, b"", inside[0].layer, summed=summed, remote=(0, 0) if remote else None))
    more += sum(FRONT_SIZES.get(header.layer, 0) for header in inside[:place])
    return low + more, high + more


def front_start(headers: tuple[Header, ...], place: int) -> int:
    """The place of the first header of the link layer before the IP header at ``place``: of all that modelled devices put there."""
    while place:
        before = headers[place - 1].layer
        bridged = before is Layer.ETHERNET and not (place > 1 and headers[place - 2].layer in MESH)
        if bridged or not (before in FRONT_SIZES or before in MESH):
            break
        place -= 1
    return place


def inner_start(headers: tuple[Header, ...]) -> int:
    """The place of the first header that stays when the outermost IP header and what belongs to it are taken off."""
    depth = next((n for n, header in enumerate(headers) if header.is_ip), 0)
    inner = next((n for n, header in enumerate(headers) if n > depth and header.is_ip), len(headers))
    while inner > depth + 1 and headers[inner - 1].layer is Layer.VLAN:
        inner -= 1
    return inner


def outer_bytes(outer: Outer, payload: bytes, first: Layer | None, *, summed: bool, remote: tuple[int, int] | None = None) -> bytes:
    """``payload`` behind the outer headers: IPv4 sums final, UDP and GRE sums zero. ``first`` is the payload's first layer, None for what
    cannot be read; ``remote`` are csum_start, counted from the start of the payload, and csum_offset, for the far end to fill."""
    data, following = payload, first
    port = (0xC000 | residue(payload[:24]) & 0x3FFF).to_bytes(2, "big")
    for layer in reversed(outer.layers):
        data = _header(layer, outer, data, following, port, summed, remote) + data
        following = layer
    return data


def _header(
    layer: Layer, outer: Outer, data: bytes, following: Layer | None, port: bytes, summed: bool, remote: tuple[int, int] | None
) -> bytes:
    kind = ETHERTYPES.get(following, 0) if following is not None else 0
    protocol = _PROTOCOLS.get(following, 0xFD) if following is not None else 0xFD
    match layer:
        case Layer.IPV4 if outer.source is not None and outer.destination is not None:
            addresses = outer.source.low.to_bytes(4, "big") + outer.destination.low.to_bytes(4, "big")
            made = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0x1267, 0, 64, protocol, 0) + addresses
            return made[:10] + negate(residue(made)).to_bytes(2, "big") + made[12:]
        case Layer.IPV6 if outer.source is not None and outer.destination is not None:
            addresses = outer.source.low.to_bytes(16, "big") + outer.destination.low.to_bytes(16, "big")
            return struct.pack("!IHBB", 6 << 28, len(data), protocol, 64) + addresses
        case Layer.EXTENSION:
            # RFC 8754 section 2: the last segment stands first.
            last = len(outer.segments) - 1
            listed = b"".join(segment.low.to_bytes(16, "big") for segment in reversed(outer.segments))
            return struct.pack("!BBBBBBH", protocol, 2 * len(outer.segments), 4, last, last, 0, 0) + listed
        case Layer.UDP if outer.port is not None:
            return port + outer.port.low.to_bytes(2, "big") + (8 + len(data)).to_bytes(2, "big") + bytes(2)
        case Layer.ETHERNET:
            return MACS + kind.to_bytes(2, "big")
        case Layer.VXLAN:
            return _vxlan(remote) if following is Layer.ETHERNET else _vxlan_gpe(following)
        case Layer.GENEVE:
            return struct.pack("!BBHI", 0, 0, kind, 7 << 8)
        case Layer.GRE if following is Layer.ERSPAN:
            return struct.pack("!HHI", 0x1000, 0x88BE, 1)
        case Layer.ERSPAN:
            return struct.pack("!HHI", 0x1000, 1, 0)
        case Layer.GRE:
            return struct.pack("!HH", 0x8000 if summed else 0, kind) + bytes(4 if summed else 0)
        case Layer.GUE if remote is not None:
            # Linux include/net/gue.h: a word of private flags, of which the first says that two offsets follow.
            return struct.pack("!BBHIHH", 2, protocol, 1, 1 << 31, remote[0], remote[0] + remote[1])
        case Layer.GUE:
            return struct.pack("!BBH", 0, protocol, 0)
        case Layer.L2TP:
            return (b"\0\3\0\0" if Layer.UDP in outer.layers else b"") + _SESSION + bytes(4)
        case Layer.ESP:
            return struct.pack("!II", 0x700, 1)
        case Layer.WIREGUARD:
            return struct.pack("<IIQ", 4, 7, 1)
        case Layer.VLAN:
            return struct.pack("!HH", 5, kind)
        case Layer.BATMAN:
            return b"\x40\x0f\x32\0" + MACS[:6]
        case Layer.BATMAN_FLOOD:
            return b"\x01\x0f\x32\0\0\0\0\x07" + MACS[6:]
        case Layer.PPPOE:
            return struct.pack("!BBHH", 0x11, 0, 1, len(data))
        case Layer.PPP if following in PPP_PROTOCOLS:
            return PPP_PROTOCOLS[following].to_bytes(2, "big")
        case Layer.MACSEC:
            return struct.pack("!BBI", 0x0C, 0, 1)
    return b""


def _vxlan_gpe(following: Layer | None) -> bytes:
    """draft-ietf-nvo3-vxlan-gpe section 3: a bit says that the last byte of the first word is the next protocol."""
    return struct.pack("!II", 0x0C000000 | {Layer.IPV4: 1, Layer.IPV6: 2}.get(following or Layer.NOTHING, 0), 1 << 8)


def _vxlan(remote: tuple[int, int] | None) -> bytes:
    """RFC 7348; with remote checksum offload half of csum_start behind the inner Ethernet header, and a bit for UDP (Linux
    drivers/net/vxlan/vxlan_core.c vxlan_build_skb)."""
    if remote is None:
        return struct.pack("!II", 0x08000000, 1 << 8)
    start, offset = remote
    return struct.pack("!II", 0x08200000, 1 << 8 | (len(MACS) + 2 + start) // 2 | (0x80 if offset == 6 else 0))
