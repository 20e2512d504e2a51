"""The dissector against packets whose headers and checksums are planned independently, and against scapy's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address
from itertools import pairwise

import frames
import protocol_frames as shapes
import pytest
from frames import Frame, ethernet, gre, icmp, icmpv6, ipv4, ipv6, patch, tcp, udp, vlan, vxlan
from hypothesis import assume, given
from hypothesis import strategies as st

from csumlab.dissection import Checksum, Dissection, dissect_packet
from csumlab.facts import FragmentRole, Quality
from csumlab.headers import MAX_LAYERS, Kind, Layer, Reason, Verdict
from csumlab.inet import residue
from csumlab.tables import Tables

ETHERNET = 1


@st.composite
def stacks(draw: st.DrawFn) -> Frame:
    """An Ethernet frame of up to three nested packets with a TCP, UDP, ICMP or ICMPv6 payload of any parity."""
    payload = draw(st.binary(min_size=1, max_size=40))
    six = draw(st.booleans())
    builders: list[Callable[[bytes], Frame]] = [tcp, udp, icmpv6 if six else icmp]
    inner = draw(st.sampled_from(builders))(payload)
    for _ in range(draw(st.integers(0, 2))):
        packet = ipv6(inner) if six else ipv4(inner, options=draw(st.sampled_from([b"", b"\1\1\1\0"])))
        wrap = draw(st.integers(0, 4))
        if wrap == 0:
            inner = packet
        elif wrap == 1:
            inner = gre(packet, checksum=draw(st.booleans()), key=draw(st.booleans()))
        elif wrap == 2:
            inner = gre(ethernet(packet))
        else:
            inner = vxlan(ethernet(vlan(packet) if wrap == 3 else packet), draw(st.sampled_from([4789, 8472])))
        six = draw(st.booleans())
    packet = ipv6(inner) if six else ipv4(inner)
    for _ in range(draw(st.integers(0, 2))):
        packet = vlan(packet)
    return ethernet(packet)


@given(stacks())
def test_every_header_and_checksum_is_found_where_it_was_put(frame: Frame) -> None:
    """Layers, places, coverage, P and r are as planned, every sum is good, and nothing is said to be in the way."""
    found = dissect_packet(frame.data, ETHERNET)
    assert found.facts.layers == frame.layers
    assert found.facts.stop is Reason.KNOWN
    assert [(one.kind, one.at, one.start, one.end, one.pseudo) for one in found.sums] == [
        (plan.kind, plan.at, plan.start, plan.end, residue(plan.pseudo)) for plan in frame.sums
    ]
    assert all(one.residue == 0 and one.verdict is Verdict.GOOD for one in found.sums)
    assert [header.offset for header in found.headers] == sorted(header.offset for header in found.headers)
    assert all(left.offset + left.length == right.offset for left, right in pairwise(found.headers))


@given(stacks(), st.data())
def test_one_flipped_bit_makes_exactly_the_covering_sums_bad(frame: Frame, data: st.DataObject) -> None:
    """A bit of the innermost payload or of the innermost field damages every sum around it by its own residue, and no other."""
    inner = frame.sums[-1]
    place = data.draw(
        st.one_of(st.just(inner.at), st.just(inner.at + 1), st.integers(max(len(frame.data) - 1, inner.at + 2), len(frame.data) - 1))
    )
    bit = 1 << data.draw(st.integers(0, 7))
    damaged = frame.data[:place] + bytes([frame.data[place] ^ bit]) + frame.data[place + 1 :]
    found = dissect_packet(damaged, ETHERNET)
    assume(all(one.seed != 0 and one.field != 0 for one in found.sums))
    for one, plan in zip(found.sums, frame.sums, strict=True):
        covered = damaged[plan.start : plan.end]
        assert one.residue == (residue(covered) + residue(plan.pseudo)) % 0xFFFF
        assert one.verdict is (Verdict.BAD if plan.start <= place < plan.end else Verdict.GOOD)


@given(stacks())
def test_an_unfilled_inner_sum_is_partial_and_defers_the_sums_around_it(frame: Frame) -> None:
    """With the innermost field as its sender leaves it to a device, it is partial, the sums around it deferred, the rest good."""
    inner = frame.sums[-1]
    left = residue(inner.pseudo) or (0xFFFF if inner.kind is Kind.UDP else 0)
    data = patch(frame.data, inner.at, left)
    found = dissect_packet(data, ETHERNET)
    assume(found.sums[-1].residue != 0)
    assert found.sums[-1].verdict is (Verdict.PARTIAL if inner.pseudo else Verdict.BLANK)
    for one in found.sums[:-1]:
        around = one.start <= inner.at and inner.at + 2 <= one.end
        assume(not around or one.seed != 0)
        assert one.verdict is (Verdict.DEFERRED if around else Verdict.GOOD)


@given(stacks())
def test_no_field_lies_at_an_odd_place(frame: Frame) -> None:
    """Every header that is read has an even length, so that a field inside is never byte-swapped in the sum around it."""
    assert not any(one.covers_odd for one in dissect_packet(frame.data, ETHERNET).facts.sums)


def only(found: Dissection, kind: Kind) -> Checksum:
    """The one checksum of that kind."""
    (one,) = [one for one in found.sums if one.kind is kind]
    return one


def test_a_packet_cut_by_the_snap_length_is_still_seen_to_be_partial() -> None:
    """g needs the headers only: it is known where r is not, and the reason is the snap length."""
    frame = ethernet(ipv4(tcp(b"x" * 100)))
    for data in (frame.data, patch(frame.data, frame.sums[1].at, residue(frame.sums[1].pseudo))):
        one = only(dissect_packet(data[:60], ETHERNET, len(data)), Kind.TCP)
        assert (one.residue, one.why_residue, one.why_seed) == (None, Reason.CUT, Reason.KNOWN)
        assert one.verdict is (Verdict.UNVERIFIED if data == frame.data else Verdict.PARTIAL)


def test_an_ip_length_beyond_a_whole_record_is_hidden_truncation() -> None:
    """A record that claims to be whole yet ends before its IP packet is not bad but truncated."""
    frame = ethernet(ipv4(tcp(b"x" * 100)))
    one = only(dissect_packet(frame.data[:60], ETHERNET), Kind.TCP)
    assert (one.why_residue, one.verdict) == (Reason.TRUNCATED, Verdict.UNVERIFIED)


@pytest.mark.parametrize("cut", range(0, 75))
def test_every_cut_gives_a_reason(cut: int) -> None:
    """Wherever the capture is cut, what is missing is missing because of the cut and no verdict is bad."""
    frame = ethernet(vlan(ipv4(udp(b"x" * 40))))
    found = dissect_packet(frame.data[:cut], ETHERNET, len(frame.data))
    assert all(one.verdict in (Verdict.GOOD, Verdict.UNVERIFIED) for one in found.sums)
    assert all(one.why_residue in (Reason.KNOWN, Reason.CUT) for one in found.sums)
    assert found.facts.stop is (Reason.CUT if cut < 46 else Reason.KNOWN)


def test_fragments_of_a_datagram() -> None:
    """A first fragment of UDP shows g, since UDP states its length; TCP does not; a later fragment has no transport header."""
    frame = ethernet(ipv4(udp(b"x" * 400)))
    header = patch(patch(frame.data[14:34], 2, 20 + 208), 6, 0x2000)
    first = dissect_packet(frame.data[:14] + header + frame.data[34 : 34 + 208], ETHERNET)
    one = only(first, Kind.UDP)
    assert (one.why_residue, one.why_seed, one.verdict) == (Reason.FRAGMENT, Reason.KNOWN, Verdict.UNVERIFIED)
    assert first.facts.addresses[0].fragment is FragmentRole.FIRST
    one = only(dissect_packet(ethernet(ipv4(tcp(b"abcdefgh"), fragment=0x2000)).data, ETHERNET), Kind.TCP)
    assert (one.why_residue, one.why_seed) == (Reason.FRAGMENT, Reason.FRAGMENT)
    later = dissect_packet(ethernet(ipv4(udp(b"x"), fragment=5)).data, ETHERNET)
    assert (later.facts.layers, later.facts.stop) == ((Layer.ETHERNET, Layer.IPV4), Reason.FRAGMENT)


def test_ipv6_fragment_header_tells_the_role() -> None:
    """RFC 8200 section 4.5: offset and M flag; an atomic fragment (RFC 6946) is whole and verified."""
    roles = []
    for word in (0, 1, 8):
        found = dissect_packet(ethernet(ipv6(udp(b"abc"), extensions=((44, struct.pack("!BBHI", 0, 0, word, 1)),))).data, ETHERNET)
        roles.append((found.facts.addresses[0].fragment, [one.verdict for one in found.sums]))
    assert roles == [
        (FragmentRole.WHOLE, [Verdict.GOOD]),
        (FragmentRole.FIRST, [Verdict.GOOD]),
        (FragmentRole.LATER, []),
    ]


FINAL = ip_address("fd00::77").packed
VIA = ip_address("fd00::66").packed


@pytest.mark.parametrize(
    ("extension", "source", "destination"),
    [
        ((43, bytes([0, 4, 0, 2]) + bytes(4) + VIA + FINAL), "fd00::1:2", "fd00::77"),
        ((43, bytes([0, 4, 0, 0]) + bytes(4) + VIA + FINAL), "fd00::1:2", "fd00::9:8"),
        ((43, bytes([0, 2, 2, 1]) + bytes(4) + FINAL), "fd00::1:2", "fd00::77"),
        ((43, bytes([0, 4, 4, 1, 1, 0, 0, 0]) + FINAL + VIA), "fd00::1:2", "fd00::77"),
        ((60, bytes([0, 2, 1, 2, 0, 0, 0xC9, 16]) + FINAL), "fd00::77", "fd00::9:8"),
        ((51, bytes([0, 4]) + bytes(22)), "fd00::1:2", "fd00::9:8"),
    ],
    ids=["type 0", "type 0 at its end", "type 2", "segment routing", "home address", "authentication header"],
)
def test_pseudo_header_takes_the_addresses_of_the_ends(extension: tuple[int, bytes], source: str, destination: str) -> None:
    """RFC 8200 section 8.1 and RFC 6275 section 6.3: final destination and home address stand in for those of the header."""
    body = udp(b"abc").completed(ip_address(source).packed + ip_address(destination).packed, six=True)
    one = only(dissect_packet(ethernet(ipv6(body, extensions=(extension,))).data, ETHERNET), Kind.UDP)
    assert one.verdict is Verdict.GOOD


@pytest.mark.parametrize("start", [(253, 1, 0, 0), (3, 1, 0x0F, 0), (3, 1, 0, 0x90)])
def test_an_unknown_routing_header_hides_the_final_destination(start: tuple[int, ...]) -> None:
    """A type that is not read with segments left, an address that is not whole, or not there, leaves P unknown with a reason instead of a
    wrong verdict."""
    found = dissect_packet(ethernet(ipv6(udp(b"abc"), extensions=((43, bytes([0, 2, *start]) + bytes(18)),))).data, ETHERNET)
    assert (only(found, Kind.UDP).why_seed, only(found, Kind.UDP).verdict) == (Reason.OPAQUE, Verdict.UNVERIFIED)


def test_lengths_of_super_frames() -> None:
    """IPv4 total length 0, IPv6 payload length 0, the jumbo option and UDP length 0 in a jumbogram all mean what is there."""
    body = b"z" * 70000
    addresses = bytes([10, 1, 2, 3, 10, 9, 8, 7])
    segment = tcp(body).completed(addresses, six=False)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 1, 0, 64, 6, 0) + addresses
    assert only(dissect_packet(ethernet(Frame(header, (Layer.IPV4,))).data + segment.data, ETHERNET), Kind.TCP).verdict is Verdict.GOOD
    ends = ip_address("fd00::1:2").packed + ip_address("fd00::9:8").packed
    length = 8 + len(body)
    datagram = struct.pack("!HHHH", 1, 2, 0, 0) + body
    field = 0xFFFF - residue(ends + struct.pack("!II", length, 17) + datagram)
    datagram = patch(datagram, 6, field)
    jumbo = struct.pack("!BBBBI", 17, 0, 0xC2, 4, 8 + length)
    for chain, following in ((jumbo, 0), (b"", 17)):
        head = struct.pack("!IHBB", 6 << 28, 0, following, 64) + ends + chain
        found = dissect_packet(ethernet(Frame(head, (Layer.IPV6,))).data + datagram, ETHERNET)
        assert only(found, Kind.UDP).verdict is Verdict.GOOD
        assert found.facts.long


@pytest.mark.parametrize(
    ("change", "why"),
    [((4, 7), Reason.LENGTH), ((4, 0), Reason.LENGTH), ((4, 200), Reason.LENGTH)],
)
def test_a_udp_length_that_contradicts_the_packet(change: tuple[int, int], why: Reason) -> None:
    """Too short for a header, zero without a jumbogram, or beyond the IP packet: not verified, for that reason."""
    frame = ethernet(ipv4(udp(b"abcdef")))
    one = only(dissect_packet(patch(frame.data, 34 + change[0], change[1]), ETHERNET), Kind.UDP)
    assert (one.why_residue, one.verdict) == (why, Verdict.UNVERIFIED)


def test_udp_covers_its_own_length_only() -> None:
    """Bytes between the UDP length and the IP length are outside the sum (Linux net/ipv4/udp.c trims them)."""
    addresses = bytes([10, 1, 2, 3, 10, 9, 8, 7])
    body = udp(b"abc").completed(addresses, six=False)
    longer = Frame(body.data + b"excess", (Layer.UDP,))
    assert only(dissect_packet(ethernet(ipv4(longer)).data, ETHERNET), Kind.UDP).verdict is Verdict.GOOD


def test_a_zero_udp_field_is_absent() -> None:
    """RFC 768: no checksum, whatever the sum; 0xffff is one."""
    frame = ethernet(ipv4(udp(b"abc")))
    assert only(dissect_packet(patch(frame.data, frame.sums[1].at, 0), ETHERNET), Kind.UDP).verdict is Verdict.ABSENT


def test_an_ipv4_header_sum_of_zero_is_not_computed_yet() -> None:
    """Without a pseudo-header the unfilled field is 0x0000."""
    frame = ethernet(ipv4(udp(b"abc")))
    found = dissect_packet(patch(frame.data, 24, 0), ETHERNET)
    assert [one.verdict for one in found.sums] == [Verdict.BLANK, Verdict.GOOD]


@pytest.mark.parametrize(("size", "stop"), [(0x10, Reason.HEADER), (0xF0, Reason.HEADER), (0x50, Reason.KNOWN)])
def test_a_tcp_header_longer_or_shorter_than_can_be_is_malformed(size: int, stop: Reason) -> None:
    """A data offset below five words or beyond the segment."""
    frame = ethernet(ipv4(tcp(b"abc")))
    data = frame.data[:46] + bytes([size]) + frame.data[47:]
    assert dissect_packet(data, ETHERNET).facts.stop is stop


def test_trailer_counts_only_if_it_is_not_zero() -> None:
    """Padding of zeros changes no sum that runs to the end of the buffer; anything else does."""
    frame = ethernet(ipv4(udp(b"abc"))).data
    assert [dissect_packet(frame + tail, ETHERNET).facts.trailer for tail in (b"", bytes(15), b"\0\0\1")] == [False, False, True]


def test_link_types() -> None:
    """Cooked v1 and v2, loopback in both byte orders, raw: the same packet is found behind each; any other is said to be not read."""
    four, six = ipv4(udp(b"abc")).data, ipv6(udp(b"abc")).data
    address = b"\2\0\0\0\0\1\0\0"
    cases = [
        (113, struct.pack("!HHH", 4, 1, 6) + address + b"\x08\0" + four, Layer.COOKED, 4),
        (276, struct.pack("!HHIHBB", 0x0800, 0, 2, 1, 4, 6) + address + four, Layer.COOKED2, 4),
        (0, b"\2\0\0\0" + four, Layer.LOOPBACK, -1),
        (0, b"\0\0\0\x1e" + six, Layer.LOOPBACK, -1),
        (108, b"\0\0\0\x18" + six, Layer.LOOPBACK, -1),
        (101, four, Layer.IPV4, -1),
        (12, six, Layer.IPV6, -1),
        (228, four, Layer.IPV4, -1),
        (229, six, Layer.IPV6, -1),
    ]
    for linktype, data, layer, packet_type in cases:
        found = dissect_packet(data, linktype)
        assert found.facts.layers[0] is layer
        assert found.facts.packet_type == packet_type
        assert only(found, Kind.UDP).verdict is Verdict.GOOD
    unknown = dissect_packet(four, 147)
    assert (unknown.headers, unknown.facts.stop) == ((), Reason.LINK_TYPE)


def test_what_is_not_looked_into_is_opaque() -> None:
    """ESP and unknown protocols are a layer and a reason, not an error; ARP holds no checksum and needs none."""
    esp = ethernet(ipv4(Frame(b"secret" * 5, (Layer.TCP,)))).data
    esp = esp[:23] + b"\x32" + esp[24:]
    found = dissect_packet(esp, ETHERNET)
    assert (found.facts.layers[-1], found.facts.stop) == (Layer.ESP, Reason.OPAQUE)
    arp = dissect_packet(bytes(12) + b"\x08\x06" + bytes(28), ETHERNET)
    assert (arp.facts.layers, arp.facts.stop) == ((Layer.ETHERNET,), Reason.KNOWN)


def test_port_without_the_vxlan_flag_is_payload() -> None:
    """RFC 7348 section 5: the I flag must be set."""
    frame = vxlan(ethernet(ipv4(tcp(b"abc"))))
    frame = Frame(frame.data[:8] + b"\0" + frame.data[9:], (Layer.UDP,), (), Kind.UDP)
    assert dissect_packet(ethernet(ipv4(frame)).data, ETHERNET).facts.layers == (Layer.ETHERNET, Layer.IPV4, Layer.UDP)


def test_nesting_without_end_stops_with_a_reason() -> None:
    """Too many layers, or too many sums, end in DEPTH."""
    tags = bytes(12) + b"\x81\x00" + b"\0\1\x81\x00" * 400
    found = dissect_packet(tags, ETHERNET)
    assert (len(found.headers), found.facts.stop) == (MAX_LAYERS, Reason.DEPTH)
    packet = ipv4(udp(b"abc"))
    for _ in range(12):
        packet = ipv4(packet)
    assert dissect_packet(ethernet(packet).data, ETHERNET).facts.stop is Reason.DEPTH


def test_the_settled_residue_of_a_damaged_outer_sum_stays_wrong() -> None:
    """Around a partial sum, damage elsewhere shows as bad, not as deferred."""
    frame = ethernet(ipv4(vxlan(ethernet(ipv4(tcp(b"abcdef"))))))
    inner = frame.sums[-1]
    data = patch(frame.data, inner.at, residue(inner.pseudo))
    assert [one.settled for one in dissect_packet(data, ETHERNET).facts.sums] == [Quality.ZERO] * 4
    data = data[:35] + bytes([data[35] ^ 4]) + data[36:]
    found = dissect_packet(data, ETHERNET)
    assert [one.settled for one in found.facts.sums] == [Quality.ZERO, Quality.NONZERO, Quality.ZERO, Quality.ZERO]
    assert found.sums[1].verdict is Verdict.BAD


def test_scapy_packets_are_read_as_scapy_means_them() -> None:
    """A second builder: stacks that scapy assembles have the layers it was asked for and good sums."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
    from scapy.layers.l2 import GRE, Dot1Q, Ether

    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    four = IP(src="192.0.2.1", dst="198.51.100.7")
    six = IPv6(src="fd00::1", dst="fd00::2")
    cases = [
        (link / four / TCP(options=[("MSS", 1460)]) / b"odd", "ETHERNET IPV4 TCP"),
        (link / Dot1Q(vlan=3) / six / UDP(sport=1, dport=2) / b"ab", "ETHERNET VLAN IPV6 UDP"),
        (link / six / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(), "ETHERNET IPV6 EXTENSION EXTENSION ICMPV6"),
        (link / four / GRE(chksum_present=1) / six / TCP(), "ETHERNET IPV4 GRE IPV6 TCP"),
        (link / four / four / ICMP() / b"abc", "ETHERNET IPV4 IPV4 ICMP"),
    ]
    for packet, layers in cases:
        found = dissect_packet(bytes(packet), ETHERNET)
        assert " ".join(layer.name for layer in found.facts.layers) == layers
        assert found.sums
        assert all(one.verdict is Verdict.GOOD for one in found.sums)


def test_the_examples_are_good() -> None:
    """What the fuzzer starts from has no bad sum, so that a bad one is a mutation's work."""
    for data in frames.examples():
        assert all(one.verdict in (Verdict.GOOD, Verdict.UNVERIFIED) for one in dissect_packet(data, ETHERNET).sums)


DATA = b"an odd payload, with some length to it!"
FOUR = shapes.ipv4(shapes.tcp(DATA))


def test_a_dccp_header_of_no_length_covers_nothing() -> None:
    """RFC 4340 section 5.1: a data offset below three words is malformed, and no sum of no bytes is good or bad."""
    data = shapes.ethernet(shapes.ipv4(shapes.dccp(DATA, 1))).data
    one = only(dissect_packet(data[:38] + b"\0" + data[39:], ETHERNET), Kind.DCCP)
    assert (one.why_residue, one.verdict) == (Reason.LENGTH, Verdict.UNVERIFIED)


def test_a_gre_sum_inside_a_datagram_ends_with_it() -> None:
    """GRE in UDP covers what the UDP length says, not what the IP length says."""
    inner = shapes.gre(FOUR, checksum=True)
    datagram = shapes.udp(inner.behind(b"\0\x2f\0\0", Layer.GUE), 6080, excess=b"excess")
    assert only(dissect_packet(shapes.ethernet(shapes.ipv4(datagram)).data, ETHERNET), Kind.GRE).verdict is Verdict.GOOD


@pytest.mark.parametrize(("linktype", "place", "length"), [(192, 2, 0), (192, 2, 7), (258, 0, 0), (258, 0, 11)])
def test_a_capture_header_shorter_than_itself_is_malformed(linktype: int, place: int, length: int) -> None:
    """PPI and PKTAP state their own length: below that of their fixed fields nothing is read behind them."""
    _, wrap = shapes.LINKS["ppi ethernet" if linktype == 192 else "pktap"]
    found = dissect_packet(shapes.stored(wrap(FOUR).data, place, struct.pack("<H", length)), linktype)
    assert (found.headers, found.facts.stop) == ((), Reason.HEADER)


def test_another_protocol_version_of_80211_is_not_read() -> None:
    """IEEE 802.11 section 9.2.4.1.2: version 1 frames have other headers."""
    data = shapes.wlan(FOUR).data
    assert len(dissect_packet(data, 105).sums) == 2
    found = dissect_packet(bytes([data[0] | 1]) + data[1:], 105)
    assert (found.headers, found.facts.stop) == ((), Reason.KNOWN)


def test_a_short_macsec_frame_ends_where_its_tag_says() -> None:
    """IEEE 802.1AE section 9.7: padding follows the check; a packet without a length of its own ends before both."""
    inner = shapes.ipv4(shapes.tcp(b""), total=0)
    frame = shapes.macsec(inner).followed(b"padding")
    tag = bytes([frame.data[0], 2 + len(inner.data)])
    data = shapes.ethernet(shapes.Piece(tag + frame.data[2:], ethertype=0x88E5)).data
    assert [one.verdict for one in dissect_packet(data, ETHERNET).sums] == [Verdict.GOOD, Verdict.GOOD]


def test_a_capwap_keep_alive_carries_no_frame() -> None:
    """RFC 5415 section 4.4.1: the K flag."""
    data = shapes.ethernet(shapes.ipv4(shapes.capwap(FOUR, native=False))).data
    found = dissect_packet(shapes.stored(data, 45, b"\x08"), ETHERNET)
    assert (found.facts.layers[-1], found.facts.stop) == (Layer.CAPWAP, Reason.KNOWN)


@pytest.mark.parametrize("kind", [Kind.RSVP, Kind.OSPFV2, Kind.OSPFV3])
def test_a_first_fragment_is_a_reason_before_its_length(kind: Kind) -> None:
    """A message that goes on in the next fragment contradicts nothing."""
    message = {Kind.RSVP: shapes.rsvp(), Kind.OSPFV2: shapes.ospfv2(DATA), Kind.OSPFV3: shapes.ospfv3(DATA)}[kind]
    packet = shapes.ipv4(message).data[:36]
    packet = shapes.stored(packet, 2, struct.pack("!HHH", len(packet), 1, 0x2000))
    one = only(dissect_packet(packet, 101), kind)
    assert (one.why_residue, one.verdict) == (Reason.FRAGMENT, Verdict.UNVERIFIED)


@pytest.mark.parametrize("authentication", [2, 3])
def test_signed_ospf_has_no_sum(authentication: int) -> None:
    """RFC 2328 appendix D.4.3 and, with extended sequence numbers, RFC 7474 section 4."""
    data = shapes.stored(shapes.ipv4(shapes.ospfv2(DATA, signed=True)).data, 34, struct.pack("!H", authentication))
    assert [one.kind for one in dissect_packet(data, 101).sums] == [Kind.IPV4]


@pytest.mark.parametrize("block", [b"", struct.pack("!HHHHI", 0x1234, 3, 1, 4, 1)])
def test_ospf_with_a_trailer_has_no_sum(block: bytes) -> None:
    """RFC 7166 section 4: with an authentication trailer, also behind a link-local block, the field is zero; without it, unfilled."""
    trailer = struct.pack("!HHHHQ", 1, 36, 0, 7, 9) + bytes(range(20))
    for after, kinds in ((block + trailer, []), (block, [Verdict.BLANK])):
        data = shapes.stored(shapes.ipv6(shapes.ospfv3(DATA + b"!", after)).data, 52, b"\0\0")
        assert [one.verdict for one in dissect_packet(data, 101).sums] == kinds


@pytest.mark.parametrize("port", [5555, 6080])
@pytest.mark.parametrize("room", [1000, 7])
def test_a_bare_packet_in_udp_is_one_wherever_it_is_cut(port: int, room: int) -> None:
    """FOU and GUE version 1: the first four bits tell IP from GRE, so that a packet cut in its header is no GRE header."""
    data = shapes.ethernet(shapes.ipv4(shapes.udp(FOUR, port))).data
    found = dissect_packet(data[: 42 + room], ETHERNET, len(data), Tables(tunnel_ports=((5555, Layer.FOU),)))
    layers = (Layer.ETHERNET, Layer.IPV4, Layer.UDP, Layer.FOU, Layer.IPV4)
    assert found.facts.layers == (layers if room == 7 else (*layers, Layer.TCP))
    assert found.facts.stop is (Reason.CUT if room == 7 else Reason.KNOWN)


@pytest.mark.parametrize("tunnel", ["vxlan", "geneve", "gtp-u", "capwap 802.3", "teredo", "lisp"])
def test_a_tunnel_header_that_is_cut_is_said_to_be(tunnel: str) -> None:
    """Whether a packet follows cannot be told: dissection ended early. A whole datagram that is too short is no tunnel."""
    data = shapes.ethernet(shapes.ipv4(shapes.TUNNELS[tunnel](FOUR))).data
    assert dissect_packet(data[:48], ETHERNET, len(data)).facts.stop is Reason.CUT
    port = int.from_bytes(data[36:38], "big")
    short = shapes.ethernet(shapes.ipv4(shapes.udp(data[42:48], port))).data
    assert dissect_packet(short, ETHERNET).facts.stop is Reason.KNOWN


@pytest.mark.parametrize("six", [False, True])
def test_a_register_summed_whole_and_cut_is_not_bad(six: bool) -> None:
    """RFC 7761 section 4.9: eight bytes are covered, by old senders all; a wrong sum of eight says nothing if the rest is missing."""
    network, inner = (shapes.ipv6, shapes.ipv6(shapes.udp(DATA))) if six else (shapes.ipv4, shapes.ipv4(shapes.udp(DATA)))
    for all_of_it, verdict in ((True, Verdict.UNVERIFIED), (False, Verdict.GOOD)):
        data = network(shapes.pim_register(inner, six, all_of_it)).data
        one = only(dissect_packet(data[:-5], 101, len(data)), Kind.PIM6 if six else Kind.PIM)
        assert (one.verdict, one.why_residue) == (verdict, Reason.CUT if all_of_it else Reason.KNOWN)


@pytest.mark.parametrize("hardware", [770, 803])
@pytest.mark.parametrize("version", [1, 2])
def test_hardware_types_that_put_their_own_header_behind_a_cooked_one(hardware: int, version: int) -> None:
    """LINKTYPE_LINUX_SLL: for Frame Relay and radiotap the protocol field says nothing."""
    frame = shapes.frame_relay(FOUR) if hardware == 770 else shapes.radiotap(shapes.wlan(FOUR))
    header = struct.pack("!HHH8sH", 4, hardware, 0, bytes(8), 4)
    if version == 2:
        header = struct.pack("!HHIHBB8s", 4, 0, 3, hardware, 4, 0, bytes(8))
    found = dissect_packet(header + frame.data, 113 if version == 1 else 276)
    assert [one.verdict for one in found.sums] == [Verdict.GOOD, Verdict.GOOD]
    assert found.facts.stop is Reason.KNOWN
