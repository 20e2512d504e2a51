"""Every protocol, encapsulation and link type against an independent plan: found, good, and spoiled by a bit where planned only."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable

import protocol_frames as frames
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_frames import SHIMS, TUNNELS, Piece, Plan, ethernet, ipv4, ipv6, tcp, udp
from scapy.contrib.eigrp import EIGRP
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.mpls import MPLS
from scapy.contrib.ospf import OSPF_Hdr, OSPF_Hello, OSPFv3_Hdr, OSPFv3_Hello
from scapy.contrib.pim import PIMv2Hdr, PIMv2Hello
from scapy.contrib.rsvp import RSVP
from scapy.layers.igmp import IGMP
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    HAO,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    IPv6ExtHdrSegmentRouting,
    MIP6MH_HoTI,
)
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.layers.vrrp import VRRP, VRRPv3
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw
from thoroughness import TIMES

from csumlab.dissection import Checksum, Dissection, dissect_packet
from csumlab.headers import KINDS, MAX_LAYERS, MAX_SUMS, Kind, Layer, Link, Reason, Verdict
from csumlab.inet import residue

DATA = b"an odd payload, with some length to it!"
EVERY_KIND = frames.every_kind(DATA)
EVERY_OPAQUE = frames.every_opaque()
EVERY_HANDSHAKE = frames.every_handshake()
CARRIED = {"tcp over ipv4": ipv4(tcp(DATA)), "udp over ipv6": ipv6(udp(DATA))}
DEEP: dict[str, Callable[[Piece], Piece]] = {
    "outermost": ethernet,
    "in vxlan": lambda piece: ethernet(ipv4(frames.vxlan(piece))),
    "in gre with checksum": lambda piece: ethernet(ipv6(frames.gre(piece, checksum=True))),
}


def own_layers(found: Dissection) -> tuple[Layer, ...]:
    """The headers of the packet itself."""
    layers = found.facts.layers
    return layers[: layers.index(Layer.QUOTE)] if Layer.QUOTE in layers else layers


def own_sums(found: Dissection) -> list[Checksum]:
    """The checksums of the packet itself: not those of a packet that it quotes."""
    return [one for one in found.sums if one.header < len(own_layers(found))]


def agree(piece: Piece, linktype: int = 1) -> Dissection:
    """Headers and checksums are found in the planned order, the fields at the planned places and with the planned verdicts."""
    found = dissect_packet(piece.data, linktype)
    planned = [(plan.kind, plan.at, plan.verdict) for plan in piece.plans]
    assert [(one.kind, one.at, one.verdict) for one in own_sums(found)] == planned, found
    assert own_layers(found) == piece.layers
    return found


def bits(piece: Piece, each: int) -> list[tuple[int, int]]:
    """Byte and bit to flip: both ends of every range of plain bytes and of every field, and ``each``-th bytes between."""
    ranges = [*piece.plain, *((plan.at, plan.at + KINDS[plan.kind].width) for plan in piece.plans if plan.verdict is Verdict.GOOD)]
    places = {at for start, end in ranges for at in (start, end - 1, *range(start, end, each)) if start <= at < end}
    return [(at, (at * 5 + len(piece.data)) % 8) for at in sorted(places)]


def flip(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def blanked(data: bytes, plan: Plan) -> bool:
    """Whether the field became zero, which is a verdict of its own."""
    return not any(data[plan.at : plan.at + KINDS[plan.kind].width])


def family(kind: Kind) -> Kind:
    """The kind, as far as it can be told of a checksum that is not right: whether VRRP version 3 over IPv4 was summed with a
    pseudo-header shows only where it is."""
    return Kind.VRRP if kind is Kind.VRRP3 else kind


def spoil(piece: Piece, linktype: int, at: int, bit: int) -> None:
    """One bit flipped: each checksum that covers it is bad, and every other is what it was."""
    data = flip(piece.data, at, bit)
    found = dissect_packet(data, linktype)
    sums = own_sums(found)
    assert [(family(one.kind), one.at) for one in sums] == [(family(plan.kind), plan.at) for plan in piece.plans], (at, bit, found)
    lucky = any(one.seed == 0 for one in sums)
    for one, plan in zip(sums, piece.plans, strict=True):
        if not plan.touches(at):
            assert one.verdict is plan.verdict, (at, bit, found)
        elif not blanked(data, plan):
            # One sum in 65535 happens to be that of its pseudo-header, and says so.
            assert one.verdict is Verdict.BAD or (lucky and one.verdict in (Verdict.PARTIAL, Verdict.DEFERRED)), (at, bit, found)
            assert one.residue not in (0, None)


def examine(piece: Piece, linktype: int = 1, each: int = 7) -> Dissection:
    found = agree(piece, linktype)
    for at, bit in bits(piece, each):
        spoil(piece, linktype, at, bit)
    return found


@pytest.mark.parametrize("place", DEEP)
@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_of_checksum(name: str, place: str) -> None:
    """Each kind in each form, outermost and inside a tunnel: good as built, bad in exactly the sums that cover a flipped bit."""
    examine(DEEP[place](EVERY_KIND[name]))


def test_the_plans_have_every_kind() -> None:
    """No kind of the table is left out, outermost or in a tunnel."""
    assert {plan.kind for piece in EVERY_KIND.values() for plan in piece.plans} == set(KINDS)


@pytest.mark.parametrize("carried", CARRIED)
@pytest.mark.parametrize("tunnel", TUNNELS)
def test_every_tunnel(tunnel: str, carried: str) -> None:
    """Each encapsulation around TCP over IPv4 and UDP over IPv6, in IPv4 and in IPv6, is looked through to its end."""
    for network in (ipv4, ipv6):
        found = examine(ethernet(network(TUNNELS[tunnel](CARRIED[carried]))), each=11)
        assert found.facts.stop is Reason.KNOWN


@pytest.mark.parametrize("carried", CARRIED)
@pytest.mark.parametrize("shim", SHIMS)
def test_everything_between_ethernet_and_ip(shim: str, carried: str) -> None:
    """Tags, labels, sessions, LLC and padding are looked through, outermost and in a tunnel, and cover nothing."""
    frame = SHIMS[shim](CARRIED[carried])
    found = examine(frame)
    assert found.facts.stop is Reason.KNOWN
    examine(ethernet(ipv4(frames.gre(frame, checksum=True))), each=11)


@pytest.mark.parametrize("carried", CARRIED)
@pytest.mark.parametrize("link", frames.LINKS)
def test_every_link_type(link: str, carried: str) -> None:
    """Each link type that is read, in each of its forms."""
    linktype, wrap = frames.LINKS[link]
    found = examine(wrap(CARRIED[carried]), linktype)
    assert found.facts.stop is Reason.KNOWN


def test_the_logical_link_number_of_ip() -> None:
    """IEEE 802.2 without SNAP: the service access point of IP."""
    examine(frames.ethernet_llc(CARRIED["tcp over ipv4"]))


@pytest.mark.parametrize("linktype", [228, 229])
def test_raw_links_of_one_version(linktype: int) -> None:
    """LINKTYPE_IPV4 and LINKTYPE_IPV6."""
    examine(CARRIED["tcp over ipv4" if linktype == 228 else "udp over ipv6"], linktype)


@pytest.mark.parametrize("name", EVERY_OPAQUE)
def test_what_is_encrypted_is_not_read(name: str) -> None:
    """Outside the cipher all is checked, inside nothing is, and the facts say why."""
    found = examine(EVERY_OPAQUE[name])
    assert found.facts.stop is Reason.OPAQUE


def test_a_protected_radio_frame_is_not_read() -> None:
    """Frame control says that what follows is encrypted."""
    found = agree(frames.PROTECTED, 105)
    assert found.facts.stop is Reason.OPAQUE


@pytest.mark.parametrize("name", EVERY_HANDSHAKE)
def test_what_carries_no_packet(name: str) -> None:
    """Key exchanges, control messages, echoes and bubbles of tunnels have no checksum inside, and nothing is in the way of one."""
    found = examine(EVERY_HANDSHAKE[name])
    assert found.facts.stop is Reason.KNOWN


QUOTED = {
    "icmp": ethernet(ipv4(frames.icmp_error(ipv4(udp(DATA)).data))),
    "icmp, 8 bytes of transport": ethernet(ipv4(frames.icmp_error(ipv4(tcp(DATA)).data[:28]))),
    "icmp, cut in the header": ethernet(ipv4(frames.icmp_error(ipv4(tcp(DATA)).data[:13]))),
    "icmp, of another error": ethernet(ipv4(frames.icmp_error(ipv4(frames.icmp_error(ipv4(tcp(DATA)).data)).data))),
    "icmpv6": ethernet(ipv6(frames.icmpv6_error(ipv6(udp(DATA)).data))),
    "icmpv6, cut": ethernet(ipv6(frames.icmpv6_error(ipv6(tcp(DATA)).data[:51]))),
    "icmp in a tunnel": ethernet(ipv4(frames.gre(ipv6(frames.icmpv6_error(ipv6(udp(DATA)).data[:48])), checksum=True))),
    "icmp, of a tunnel": ethernet(ipv4(frames.icmp_error(ipv4(frames.vxlan(ipv4(tcp(DATA)))).data))),
}


@pytest.mark.parametrize("name", QUOTED)
def test_a_quoted_packet_is_set_apart(name: str) -> None:
    """After the header of an ICMP error comes a quote; the sums before it are the packet's own, and cover the quote's bytes."""
    found = examine(QUOTED[name], each=3)
    assert Layer.QUOTE in found.facts.layers
    error = found.facts.layers.index(Layer.QUOTE)
    assert found.facts.layers[error - 1] in (Layer.ICMP, Layer.ICMPV6)


@pytest.mark.parametrize("name", [name for name, piece in EVERY_KIND.items() if piece.plans])
def test_a_field_of_zeros(name: str) -> None:
    """A zeroed field says "none" in UDP and RSVP, and in every other kind that somebody was to fill it."""
    piece = EVERY_KIND[name]
    for index, plan in enumerate(piece.plans):
        if plan.verdict is not Verdict.GOOD:
            continue
        width = KINDS[plan.kind].width
        data = frames.stored(piece.data, plan.at, bytes(width))
        found = own_sums(dissect_packet(data, 101))
        expected = Verdict.ABSENT if KINDS[plan.kind].zero_is_absent else Verdict.BLANK
        assert found[index].verdict is expected, (plan, found)
        for other, one in enumerate(found):
            touched = other != index and piece.plans[other].touches(plan.at)
            assert touched or other == index or one.verdict is piece.plans[other].verdict


def test_a_blank_ipv4_header_over_a_good_datagram() -> None:
    """A card was to sum the header: that is its verdict, and the datagram is good all the same."""
    examine(ethernet(ipv4(udp(DATA), blank=True)))
    examine(ethernet(ipv4(frames.gre(ipv4(tcp(DATA), blank=True)))))


@pytest.mark.parametrize("six", [False, True])
def test_a_register_summed_whole_is_accepted(six: bool) -> None:
    """RFC 7761 section 4.9: for old senders' sake a sum over all of a register message counts too."""
    network, inner = (ipv6, ipv6(udp(DATA))) if six else (ipv4, ipv4(udp(DATA)))
    agree(ethernet(network(frames.pim_register(inner, six, all_of_it=True))))


@pytest.mark.parametrize("name", ["gue tcp", "gue udp", "vxlan tcp", "vxlan udp"])
def test_remote_checksum_offload_is_recognised(name: str) -> None:
    """The tunnel header leaves the inner sum to the receiver: a layer says so, the inner sum is partial, and the outer one good."""
    tunnel, transport = name.split()
    partial = tcp(DATA, verdict=Verdict.PARTIAL) if transport == "tcp" else udp(DATA, verdict=Verdict.PARTIAL)
    inner = ipv4(partial)
    wrapped = frames.gue_remote(inner, 20, 16 if transport == "tcp" else 6) if tunnel == "gue" else frames.vxlan_remote(inner, 34)
    piece = ethernet(ipv4(wrapped))
    found = agree(piece)
    assert Layer.REMOTE in found.facts.layers
    for at, bit in bits(piece, 5):
        spoil(piece, 1, at, bit)


@pytest.mark.parametrize("version", [2, 3])
def test_an_unknown_cookie_never_gives_a_bad_sum(version: int) -> None:
    """L2TPv3: only the two ends know how long the cookie is, so what is inside may be found or not, yet never found bad."""
    for cookie in (0, 4, 8):
        frame = ethernet(CARRIED["tcp over ipv4"]).behind(struct.pack("!I", 0x4321) + b"cookie!!"[:cookie], Layer.L2TP, protocol=115)
        outer = ipv4(frame) if version == 3 else ipv4(udp(frame.behind(b"\0\x03\0\0"), 1701))
        found = dissect_packet(ethernet(outer).data, 1)
        known = 1 if version == 3 else 2
        assert [one.kind for one in found.sums[:known]] == [Kind.IPV4, Kind.UDP][:known]
        assert all(one.verdict is Verdict.GOOD for one in found.sums)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_jumbogram(transport: str) -> None:
    """RFC 2675: more than 65535 bytes, by an option; UDP then says length 0."""
    data = bytes(range(251)) * 262
    datagram = frames.owing(struct.pack("!HHHH", 49999, 9999, 0, 0), frames.payload(data), Kind.UDP, (), 17)
    frame = ethernet(frames.jumbo(tcp(data) if transport == "tcp" else datagram))
    agree(frame)
    for at in (30, 200, 65_000, len(frame.data) - 1):
        spoil(frame, 1, at, 3)


def test_eight_checksums_deep() -> None:
    """As deep as the contract goes, with the same headers again and again: every sum counts and none is taken for another."""
    piece = ipv4(frames.vxlan(ipv4(frames.vxlan(ipv4(frames.vxlan(ipv4(frames.sctp(DATA))))))))
    assert len(piece.plans) == MAX_SUMS
    examine(ethernet(piece), each=31)
    piece = ipv6(udp(mixed := frames.mpls(ipv6(frames.gtpu(ipv6(frames.gre(ethernet(CARRIED["tcp over ipv4"]), True))))), 6635))
    assert len(mixed.plans) == 4
    examine(ethernet(ipv4(frames.geneve(ethernet(piece)))), each=31)


def test_the_ninth_checksum_is_too_deep() -> None:
    """As many as can be held are checked; the packet is said to go on."""
    piece = CARRIED["udp over ipv6"]
    for _ in range(MAX_SUMS):
        piece = ipv6(frames.gre(piece, checksum=True))
    found = dissect_packet(ethernet(piece).data, 1)
    assert [(one.at, one.verdict) for one in found.sums] == [(plan.at, Verdict.GOOD) for plan in ethernet(piece).plans[:MAX_SUMS]]
    assert found.facts.stop is Reason.DEPTH


@pytest.mark.parametrize("linktype", [6, 147, 189, 201, 247, 65535])
def test_other_link_types_are_named_as_such(linktype: int) -> None:
    """Token Ring, user-defined, USB, Bluetooth, InfiniBand and no type at all: nothing is guessed."""
    found = dissect_packet(ethernet(CARRIED["tcp over ipv4"]).data, linktype)
    assert found.sums == ()
    assert found.facts.stop is Reason.LINK_TYPE


NESTABLE = [name for name in EVERY_KIND if name != "ipv4 length zero"]


@st.composite
def nestings(draw: st.DrawFn) -> Piece:
    """A packet of any kind, in any tunnels as long as its checksums and headers can be held, in any frame."""
    data = draw(st.binary(min_size=12, max_size=40))
    piece = frames.every_kind(data)[draw(st.sampled_from(NESTABLE))]
    for name in draw(st.lists(st.sampled_from(list(TUNNELS)), max_size=6)):
        inner = TUNNELS[name](piece)
        outer = ipv4(inner, frames.ROUTER_ALERT if draw(st.booleans()) else b"") if draw(st.booleans()) else ipv6(inner)
        if len(outer.plans) > MAX_SUMS or len(outer.layers) > MAX_LAYERS - 5:
            break
        piece = outer
    return SHIMS[draw(st.sampled_from(list(SHIMS)))](piece)


@given(nestings(), st.data())
@settings(max_examples=150 * TIMES, deadline=None)
def test_any_nesting(piece: Piece, data: st.DataObject) -> None:
    """Up to eight checksums in any order: good as built, and one bit anywhere spoils exactly what covers it."""
    agree(piece)
    for _ in range(3):
        at, _ = data.draw(st.sampled_from(bits(piece, 1)))
        spoil(piece, 1, at, data.draw(st.integers(0, 7)))


def every_frame() -> dict[str, tuple[int, Piece]]:
    """Link type and packet of each shape above that has whole lengths."""
    kinds = {name: (101, piece) for name, piece in EVERY_KIND.items() if name != "ipv4 length zero"}
    tunnels = {name: (1, ethernet(ipv4(wrap(piece)))) for name, wrap in TUNNELS.items() for piece in CARRIED.values()}
    shims = {name: (1, wrap(CARRIED["udp over ipv6"])) for name, wrap in SHIMS.items()}
    links = {f"link {name}": (linktype, wrap(CARRIED["tcp over ipv4"])) for name, (linktype, wrap) in frames.LINKS.items()}
    return kinds | tunnels | shims | links


@pytest.mark.parametrize("known", [True, False], ids=["by the snap length", "though said to be whole"])
def test_a_cut_packet_is_never_bad(known: bool) -> None:
    """Wherever a good packet of any shape ends early, what is found is planned, and good only if all that it covers is there."""
    for name, (linktype, piece) in every_frame().items():
        for end in range(1, len(piece.data), 7):
            found = dissect_packet(piece.data[:end], linktype, len(piece.data) if known else None)
            assert len(found.sums) <= len(piece.plans), (name, end, found)
            for one, plan in zip(found.sums, piece.plans, strict=False):
                assert (family(one.kind), one.at) == (family(plan.kind), plan.at), (name, end, found)
                assert one.verdict in (plan.verdict, Verdict.UNVERIFIED), (name, end, found)
                assert one.verdict is not Verdict.GOOD or max(last for _, last in plan.covers) <= end, (name, end, found)


# ---- what scapy builds and sums, read by scapy -------------------------------------------------------------------------------------

SCAPY_KINDS: dict[type[Packet], Kind] = {
    IP: Kind.IPV4,
    TCP: Kind.TCP,
    UDP: Kind.UDP,
    ICMP: Kind.ICMP,
    ICMPv6EchoRequest: Kind.ICMPV6,
    SCTP: Kind.SCTP,
    IGMP: Kind.IGMP,
    OSPF_Hdr: Kind.OSPFV2,
    OSPFv3_Hdr: Kind.OSPFV3,
    PIMv2Hdr: Kind.PIM,
    VRRP: Kind.VRRP,
    VRRPv3: Kind.VRRP3,
    EIGRP: Kind.EIGRP,
    RSVP: Kind.RSVP,
    MIP6MH_HoTI: Kind.MOBILITY,
}
V4, V6 = IP(src="10.1.2.3", dst="10.9.8.7"), IPv6(src="2001:db8::1", dst="2001:db8::2")
FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
LOAD = Raw(DATA)
SCAPY: dict[str, Packet] = {
    "tcp": FRAME / V4 / TCP(options=[("MSS", 1460)]) / LOAD,
    "udp over ipv6": FRAME / V6 / UDP(dport=9999) / LOAD,
    "icmp": FRAME / V4 / ICMP() / LOAD,
    "icmpv6 behind extensions": FRAME / V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(data=DATA),
    "routing header": FRAME / V6 / IPv6ExtHdrRouting(addresses=["2001:db8::3", "2001:db8::4"]) / UDP(dport=9999) / LOAD,
    "segment routing": FRAME / V6 / IPv6ExtHdrSegmentRouting(addresses=["2001:db8::3", "2001:db8::4"], segleft=1) / TCP() / LOAD,
    "mobility": FRAME / V6 / MIP6MH_HoTI(cookie=b"a cookie"),
    "home address": FRAME / V6 / IPv6ExtHdrDestOpt(options=[HAO(hoa="2001:db8::5")]) / TCP() / LOAD,
    "sctp": FRAME / V4 / SCTP(tag=7) / SCTPChunkData(data=DATA),
    "sctp over ipv6": FRAME / V6 / SCTP(tag=7) / SCTPChunkData(data=DATA),
    "igmp": FRAME / IP(src="10.1.2.3", dst="224.0.0.22", options=[IPOption_Router_Alert()]) / IGMP(type=0x16, gaddr="224.1.2.3"),
    "ospf 2": FRAME / V4 / OSPF_Hdr(src="1.1.1.1") / OSPF_Hello(),
    "ospf 2 password": FRAME / V4 / OSPF_Hdr(src="1.1.1.1", authtype=1, authdata=0x1234567890) / OSPF_Hello(),
    "ospf 3": FRAME / V6 / OSPFv3_Hdr(src="1.1.1.1") / OSPFv3_Hello(),
    "pim": FRAME / V4 / PIMv2Hdr() / PIMv2Hello(),
    "pim over ipv6": FRAME / V6 / PIMv2Hdr() / PIMv2Hello(),
    "vrrp 2": FRAME / V4 / VRRP(addrlist=["10.0.0.1"]),
    "vrrp 3": FRAME / V4 / VRRPv3(addrlist=["10.0.0.1"]),
    "vrrp 3 over ipv6": FRAME / V6 / VRRPv3(addrlist=["fe80::1"]),
    "eigrp": FRAME / V4 / EIGRP(asn=100),
    "rsvp": FRAME / V4 / RSVP() / LOAD,
    "tags": FRAME / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V4 / UDP(dport=9999) / LOAD,
    "802.3": Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC() / SNAP(code=0x0800) / V4 / TCP() / LOAD,
    "pppoe": FRAME / PPPoE(sessionid=5) / PPP() / V6 / TCP() / LOAD,
    "mpls": FRAME / MPLS(label=70000, s=0) / MPLS(label=80000, s=1) / V4 / TCP() / LOAD,
    "ip in ip": FRAME / V4 / V6 / V4 / TCP() / LOAD,
    "gre": FRAME / V4 / GRE(key_present=1, key=7, seqnum_present=1) / V6 / UDP(dport=9999) / LOAD,
    "vxlan": FRAME / V6 / UDP(sport=5) / VXLAN(vni=5) / FRAME / V4 / TCP() / LOAD,
    "geneve": FRAME / V4 / UDP(sport=5) / GENEVE(vni=5) / FRAME / V6 / TCP() / LOAD,
    "gtp-u": FRAME / V4 / UDP(sport=5) / GTP_U_Header(teid=5) / V4 / UDP(dport=9999) / LOAD,
}


@functools.cache
def scapy_plan(name: str) -> tuple[bytes, list[tuple[Kind, int]]]:
    """The bytes with scapy's sums, and where scapy finds them again."""
    data = bytes(SCAPY[name])
    plan = []
    layer = SCAPY[name].__class__(data)
    while layer:
        kind = next((SCAPY_KINDS[parent] for parent in type(layer).__mro__ if parent in SCAPY_KINDS), None)
        if kind is Kind.PIM and isinstance(layer.underlayer, IPv6):
            kind = Kind.PIM6
        if kind is not None:
            plan.append((kind, len(data) - len(layer.original) + KINDS[kind].field))
        layer = layer.payload
    return data, plan


@pytest.mark.parametrize("name", SCAPY)
def test_what_scapy_sums_is_good(name: str) -> None:
    """Another builder's checksums are found where its own reader finds them, and are good."""
    data, plan = scapy_plan(name)
    assert len(plan) >= 1
    found = dissect_packet(data, 1)
    assert [(one.kind, one.at) for one in own_sums(found)] == plan
    assert all(one.verdict is Verdict.GOOD for one in found.sums), found


def test_a_source_route_names_the_final_destination() -> None:
    """While an IPv4 source route is under way the pseudo-header has its last address; at its end the destination address (RFC 791)."""
    final, hop, source = b"\x09\x09\x09\x09", b"\x02\x02\x02\x02", b"\x01\x01\x01\x01"
    for pointer, good in ((4, True), (8, False)):
        option = bytes([131, 7, pointer]) + final + b"\0"
        payload = struct.pack(">HHHH", 1, 2, 11, 0) + b"abc"
        value = -residue(source + final + struct.pack(">HH", 17, 11) + payload) % 0xFFFF
        packet = (
            struct.pack(">BBHHHBBH", 0x47, 0, 39, 1, 0, 64, 17, 0) + source + hop + option + payload[:6] + value.to_bytes(2, "big") + b"abc"
        )
        sums = dissect_packet(packet, Link.RAW).sums
        assert (sums[-1].verdict is Verdict.GOOD) is good
