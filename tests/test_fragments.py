"""Checksums over fragments: pieces sum up to the whole, in any order; what cannot be judged says why; nothing grows without end."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import permutations
from pathlib import Path
from typing import Any

import frames
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from csumlab.capture import PcapngWriter, open_capture
from csumlab.capture.block import Block, Interface
from csumlab.crc32c import changed, crc32c, shift
from csumlab.dissection import dissect_packet
from csumlab.fragments import Alike, Amount, Datagram, Datagrams, Outcome, assembly
from csumlab.fragments import datagrams as results
from csumlab.headers import KINDS, Kind, Verdict
from csumlab.inet import negate, residue

RAW = 101
SECOND = 1_000_000_000
SOURCE4, DESTINATION4 = (ip_address(text).packed for text in ("10.1.2.3", "10.9.8.7"))
SOURCE6, DESTINATION6, FINAL6 = (ip_address(text).packed for text in ("fd00::1:2", "fd00::9:8", "fd00::77"))
PROTOCOL = {Kind.ICMP: 1, Kind.IGMP: 2, Kind.TCP: 6, Kind.UDP: 17, Kind.DCCP: 33, Kind.RSVP: 46, Kind.GRE: 47, Kind.ICMPV6: 58}
PROTOCOL |= {Kind.EIGRP: 88, Kind.OSPFV2: 89, Kind.OSPFV3: 89, Kind.SCTP: 132, Kind.UDPLITE: 136}
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"

# ---- made by hand ------------------------------------------------------------------------------------------------------------------


def pseudo(kind: Kind, length: int, source: bytes, destination: bytes) -> bytes:
    if not KINDS[kind].pseudo:
        return b""
    protocol = PROTOCOL[kind]
    return source + destination + (struct.pack("!HH", protocol, length) if len(source) == 4 else struct.pack("!II", length, protocol))


def transport(kind: Kind, payload: bytes, source: bytes = SOURCE4, destination: bytes = DESTINATION4, *, field: int | None = None) -> bytes:
    """A right datagram of one kind with ``payload``, or with this field."""
    length = 24 + len(payload)
    header = bytearray(random.Random(length).randbytes(24))
    at, width = KINDS[kind].field, KINDS[kind].width
    match kind:
        case Kind.UDP:
            header[4:6] = length.to_bytes(2, "big")
        case Kind.UDPLITE:
            header[4:6] = bytes(2)
        case Kind.DCCP:
            header[5] &= 0xF0
        case Kind.GRE:
            header[:2] = b"\x80\0"
        case Kind.OSPFV2:
            header[:4] = b"\2\1" + length.to_bytes(2, "big")
            header[14:16] = bytes(2)
        case Kind.OSPFV3:
            header[:4] = b"\3\1" + length.to_bytes(2, "big")
        case Kind.RSVP:
            header[6:8] = length.to_bytes(2, "big")
    header[at : at + width] = bytes(width)
    whole = bytearray(header + payload)
    if kind is Kind.SCTP:
        value = int.from_bytes(crc32c(bytes(whole)).to_bytes(4, "little"), "big")
    else:
        covered = whole[:16] + whole[24:] if kind is Kind.OSPFV2 else whole
        value = negate(residue(pseudo(kind, length, source, destination) + bytes(covered))) or 0xFFFF
    whole[at : at + width] = (value if field is None else field).to_bytes(width, "big")
    return bytes(whole)


def four(
    payload: bytes,
    protocol: int,
    start: int = 0,
    more: bool = False,
    identification: int = 77,
    options: bytes = b"",
    total: int | None = None,
) -> bytes:
    """An IPv4 packet with one piece."""
    size = 20 + len(options)
    word = start // 8 | (0x2000 if more else 0)
    length = size + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, length, identification, word, 64, protocol, 0)
    return head + SOURCE4 + DESTINATION4 + options + payload


def six(
    payload: bytes, protocol: int, start: int = 0, more: bool = False, identification: int = 77, chain: tuple[tuple[int, bytes], ...] = ()
) -> bytes:
    """An IPv6 packet with one piece, behind the extension headers of ``chain``."""
    following, body = protocol, payload
    for number, header in reversed([*chain, (44, struct.pack("!BBHI", 0, 0, start | more, identification))]):
        following, body = number, bytes([following]) + header[1:] + body
    return struct.pack("!IHBB", 6 << 28, len(body), following, 64) + SOURCE6 + DESTINATION6 + body


def split(whole: bytes, protocol: int, edges: list[int], build: Any = four, **more: Any) -> list[bytes]:
    """``whole`` cut at ``edges``."""
    ends = [*sorted(edges), len(whole)]
    return [build(whole[start:end], protocol, start, end < len(whole), **more) for start, end in zip([0, *ends], ends, strict=False)]


def give(datagrams: Datagrams, packet: bytes, number: int, timestamp: int, *, linktype: int = RAW, original: int | None = None) -> None:
    """One packet that may hold a piece."""
    block = Block(
        data=np.frombuffer(packet, np.uint8),
        offset=np.zeros(1, np.int64),
        captured=np.array([len(packet)], np.int64),
        original=np.array([len(packet) if original is None else original], np.int64),
        timestamp=np.array([timestamp], np.int64),
        interface=np.zeros(1, np.int32),
        flags=np.zeros(1, np.int64),
        first=number,
        interfaces=(Interface(linktype),),
    )
    datagrams.add(block, np.zeros(1, np.int64))


def collect(packets: list[bytes], *, linktype: int = RAW, originals: dict[int, int] | None = None, **limits: Any) -> Datagrams:
    datagrams = Datagrams(**{"accelerate": False, **limits})
    for number, packet in enumerate(packets, 1):
        give(datagrams, packet, number, number, linktype=linktype, original=(originals or {}).get(number))
    return datagrams


def one(packets: list[bytes], **more: Any) -> Datagram:
    """The only datagram in ``packets``."""
    found = collect(packets, **more).finish()
    assert len(found) == 1
    return found[0]


def addresses(kind: Kind) -> tuple[Any, bytes, bytes]:
    return (six, SOURCE6, DESTINATION6) if kind in (Kind.ICMPV6, Kind.OSPFV3) else (four, SOURCE4, DESTINATION4)


MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"
PAYLOAD = random.Random(7).randbytes(101)
UDP = transport(Kind.UDP, PAYLOAD)

# ---- CRC32c ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)],
)
def test_crc32c_has_the_published_values(data: bytes, value: int) -> None:
    """RFC 3720 section B.4, and the check value of the CRC catalogues."""
    assert crc32c(data) == value


@given(left=st.binary(max_size=300), right=st.binary(max_size=300), other=st.binary(min_size=4, max_size=4))
def test_crc32c_of_a_whole_follows_from_its_parts(left: bytes, right: bytes, other: bytes) -> None:
    """Continued, combined, and with four bytes changed in the middle."""
    whole = crc32c(left + right)
    assert crc32c(right, crc32c(left)) == whole
    assert shift(crc32c(left), len(right)) ^ crc32c(right) == whole
    assert crc32c(left + other + right) == crc32c(left + bytes(4) + right) ^ changed(other, len(right))


def test_crc32c_of_zeros_far_behind() -> None:
    """A shift by a long way is two shifts, and a length below zero is refused."""
    assert shift(0x12345678, 70_000) == shift(shift(0x12345678, 69_993), 7)
    with pytest.raises(ValueError, match="-1 bytes"):
        shift(1, -1)


# ---- sums of pieces are the sum of the whole ---------------------------------------------------------------------------------------


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[Kind, bytes, list[bytes], int]:
    """A datagram of some kind with any two bytes changed, its pieces in any order with copies, and its residue."""
    kind = draw(st.sampled_from(sorted(PROTOCOL)))
    build, source, destination = addresses(kind)
    if kind in (Kind.TCP, Kind.UDP, Kind.SCTP) and draw(st.booleans()):
        build, source, destination = six, SOURCE6, DESTINATION6
    whole = bytearray(transport(kind, random.Random(draw(st.integers(0, 99))).randbytes(draw(st.integers(0, 300))), source, destination))
    at = KINDS[kind].field
    whole[at] ^= draw(st.integers(0, 255))
    if len(whole) > 25:
        whole[draw(st.integers(24, len(whole) - 1))] ^= draw(st.integers(0, 255))
    data = bytes(whole)
    edges = draw(st.sets(st.integers(1, (len(data) - 1) // 8), min_size=1))
    pieces = split(data, PROTOCOL[kind], [8 * edge for edge in edges], build)
    order = draw(st.permutations(pieces + draw(st.lists(st.sampled_from(pieces), max_size=4))))
    if kind is Kind.SCTP:
        blank = data[:8] + bytes(4) + data[12:]
        expected = int.from_bytes(crc32c(blank).to_bytes(4, "little"), "big") ^ int.from_bytes(data[8:12], "big")
    else:
        covered = data[:16] + data[24:] if kind is Kind.OSPFV2 else data
        expected = residue(pseudo(kind, len(data), source, destination) + covered)
    return kind, data, order, expected


@given(cuttings())
def test_any_cutting_in_any_order_with_copies(case: tuple[Kind, bytes, list[bytes], int]) -> None:
    """The residue is that of the uncut datagram, and the verdict follows from it."""
    kind, data, packets, expected = case
    found = collect(packets).finish()
    assert found
    for datagram in found:
        assert (datagram.kind, datagram.outcome, datagram.residue, datagram.reason) == (kind, Outcome.COMPLETE, expected, "")
        assert datagram.length == len(data)
        assert (datagram.verdict is Verdict.GOOD) == (expected == 0) or datagram.verdict is Verdict.ABSENT


@pytest.mark.parametrize("kind", sorted(PROTOCOL))
def test_every_kind_is_good_and_bad_after_damage(kind: Kind) -> None:
    """Right as made; bad after a bit is flipped in any piece, but in the authentication of OSPF version 2, which is not covered."""
    build, source, destination = addresses(kind)
    data = transport(kind, PAYLOAD, source, destination)
    for at in (None, KINDS[kind].field, 23, 50, len(data) - 1):
        changed_data = data if at is None else data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        datagram = one(split(changed_data, PROTOCOL[kind], [24, 56], build))
        right = at is None or (kind is Kind.OSPFV2 and at == 23)
        assert (datagram.kind, datagram.verdict) == (kind, Verdict.GOOD if right else Verdict.BAD)


@pytest.mark.parametrize("kind", [Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6])
def test_the_dissector_says_the_same_of_the_uncut_packet(kind: Kind) -> None:
    """Residue and verdict of pieces are what the dissector says of the whole, for right and damaged datagrams."""
    build, source, destination = addresses(kind)
    for damage in (0, 1):
        whole = bytearray(transport(kind, PAYLOAD, source, destination))
        whole[-1] ^= damage
        packet = four(bytes(whole), PROTOCOL[kind]) if build is four else frames_six(bytes(whole), PROTOCOL[kind])
        direct = dissect_packet(packet, RAW).sums[-1]
        datagram = one(split(bytes(whole), PROTOCOL[kind], [16, 64], build))
        assert (datagram.kind, datagram.residue, datagram.verdict) == (direct.kind, direct.residue, direct.verdict)


def frames_six(payload: bytes, protocol: int) -> bytes:
    """A plain IPv6 packet."""
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + SOURCE6 + DESTINATION6 + payload


def scapy_datagrams() -> Iterator[tuple[str, list[bytes]]]:
    """Datagrams that scapy builds, sums and cuts."""
    inet = pytest.importorskip("scapy.layers.inet")
    inet6 = pytest.importorskip("scapy.layers.inet6")
    sctp = pytest.importorskip("scapy.layers.sctp")
    data = random.Random(3).randbytes(151)
    ip, ip6 = inet.IP(src="10.0.0.1", dst="10.0.0.2", id=5), inet6.IPv6(src="fd00::1", dst="fd00::2")
    upper = {
        "UDP": inet.UDP(sport=1, dport=2) / data,
        "TCP": inet.TCP(sport=1, dport=2) / data,
        "SCTP": sctp.SCTP(sport=1, dport=2) / sctp.SCTPChunkData(data=data[:148]),
    }
    for name, layer in (*upper.items(), ("ICMP", inet.ICMP() / data)):
        yield f"{name} over IPv4", [bytes(piece) for piece in inet.fragment(ip / layer, fragsize=64)]
    for name, layer in (*upper.items(), ("ICMPv6", inet6.ICMPv6EchoRequest(data=data))):
        whole = inet6.IPv6(bytes(ip6 / inet6.IPv6ExtHdrFragment(id=9) / layer))
        yield f"{name} over IPv6", [bytes(piece) for piece in inet6.fragment6(whole, 120)]


def test_what_scapy_cuts_is_good_and_one_flipped_bit_is_bad() -> None:
    """Every order of the pieces; a bit flipped in the payload of any piece."""
    names = []
    for name, pieces in scapy_datagrams():
        names.append(name)
        assert len(pieces) >= 3
        for order in permutations(pieces[:4]):
            datagram = one([*order, *pieces[4:]])
            assert (KINDS[datagram.kind].label, datagram.verdict) == (name.split()[0], Verdict.GOOD), name
        for index, piece in enumerate(pieces):
            damaged = piece[:-1] + bytes([piece[-1] ^ 4])
            assert one([*pieces[:index], damaged, *pieces[index + 1 :]]).verdict is Verdict.BAD, name
    assert len(names) == 8


# ---- verdicts ----------------------------------------------------------------------------------------------------------------------


def test_a_partial_sum_is_partial() -> None:
    """The field holds the sum of the pseudo-header: left for a device that saw only pieces. Seen even where bytes are missing."""
    for kind in (Kind.UDP, Kind.TCP):
        length = 24 + len(PAYLOAD)
        field = residue(pseudo(kind, length, SOURCE4, DESTINATION4))
        pieces = split(transport(kind, PAYLOAD, field=field), PROTOCOL[kind], [24, 48])
        datagram = one(pieces)
        assert (datagram.verdict, datagram.seed_zero, datagram.reason) == (Verdict.PARTIAL, True, "")
        assert datagram.residue != 0
        missing = one([pieces[0], pieces[2]])
        assert (missing.verdict, missing.reason, missing.residue) == (Verdict.PARTIAL, "missing bytes 24-47", None)


def test_fields_of_zeros() -> None:
    """UDP says that there is no sum; elsewhere a field of zeros that is not right is blank."""
    for kind, verdict in ((Kind.UDP, Verdict.ABSENT), (Kind.TCP, Verdict.BLANK), (Kind.ICMP, Verdict.BLANK), (Kind.SCTP, Verdict.BLANK)):
        assert one(split(transport(kind, PAYLOAD, field=0), PROTOCOL[kind], [24])).verdict is verdict
    assert not one(split(UDP, 17, [24])).seed_zero


@pytest.mark.parametrize(
    ("kind", "at", "value", "reason"),
    [
        (Kind.UDP, 4, b"\0\7", "the UDP length is below 8"),
        (Kind.UDP, 4, b"\0\x08", "the length in the UDP header (8) is not that of the datagram (125)"),
        (Kind.UDP, 4, b"\0\x20", "the length in the UDP header (32) is not that of the datagram (125)"),
        (Kind.UDP, 4, b"\1\0", "the length in the UDP header (256) is not that of the datagram (125)"),
        (Kind.UDPLITE, 4, b"\0\x20", "the checksum covers a part of the datagram only"),
        (Kind.DCCP, 5, b"\1", "the checksum covers a part of the datagram only"),
        (Kind.GRE, 0, b"\0", "this GRE header has no checksum"),
        (Kind.GRE, 1, b"\1", "this GRE header has no checksum"),
        (Kind.OSPFV2, 0, b"\4", "no checksum is known for OSPF version 4"),
        (Kind.OSPFV2, 14, b"\0\2", "OSPF with cryptographic authentication has no checksum"),
        (Kind.OSPFV2, 14, b"\0\3", "OSPF with cryptographic authentication has no checksum"),
        (Kind.RSVP, 6, b"\0\x20", "the length in the RSVP header (32) is not that of the datagram (125)"),
    ],
)
def test_what_a_header_leaves_out_is_not_judged(kind: Kind, at: int, value: bytes, reason: str) -> None:
    """A complete datagram whose own header says that the sum is of something else."""
    data = transport(kind, PAYLOAD)
    datagram = one(split(data[:at] + value + data[at + len(value) :], PROTOCOL[kind], [24, 48]))
    assert (datagram.verdict, datagram.outcome, datagram.residue, datagram.reason) == (Verdict.UNVERIFIED, Outcome.COMPLETE, None, reason)


@pytest.mark.parametrize(("kind", "least"), [(Kind.TCP, 20), (Kind.SCTP, 12), (Kind.DCCP, 12), (Kind.OSPFV2, 24), (Kind.OSPFV3, 16)])
def test_a_header_that_ends_early(kind: Kind, least: int) -> None:
    """One byte less than the shortest header is not judged, the shortest is; so too behind extension headers."""
    build, source, destination = addresses(kind)
    data = transport(kind, PAYLOAD, source, destination)
    for size, early in ((least - 1, True), (least, False)):
        datagram = one(split(data[:size], PROTOCOL[kind], [8], build))
        assert (datagram.reason == "the transport header ends early") == early
        assert datagram.outcome is Outcome.COMPLETE
    for size, early in ((7, True), (8, False)):
        behind = bytes([17, 0, 1, 4, 0, 0, 0, 0]) + UDP[:size]
        assert (one(split(behind, 60, [8], six)).reason == "the transport header ends early") == early


def test_the_coverage_of_udp_lite_may_name_the_whole() -> None:
    """RFC 3828 section 3.1: a coverage equal to the length covers all, as 0 does."""
    data = transport(Kind.UDPLITE, PAYLOAD)
    said = data[:4] + len(data).to_bytes(2, "big") + bytes(2) + data[8:]
    field = negate(residue(pseudo(Kind.UDPLITE, len(data), SOURCE4, DESTINATION4) + said))
    assert one(split(said[:6] + field.to_bytes(2, "big") + said[8:], 136, [24])).verdict is Verdict.GOOD


def test_a_protocol_without_a_known_checksum() -> None:
    """ESP in pieces: complete, and nothing to verify."""
    datagram = one(split(PAYLOAD, 50, [24]))
    assert (datagram.kind, datagram.verdict, datagram.outcome) == (Kind.NOTHING, Verdict.UNVERIFIED, Outcome.COMPLETE)
    assert datagram.reason == "no checksum is known for protocol 50"


def test_a_datagram_reads_as_a_sentence() -> None:
    """``str()`` names what, whence, whereto, and the verdict with its reason."""
    pieces = split(UDP, 17, [24])
    assert str(one(pieces)) == "UDP in 2 pieces from 10.1.2.3 to 10.9.8.7, identification 77: good"
    assert str(one(pieces[:1])).endswith("in 1 piece from 10.1.2.3 to 10.9.8.7, identification 77: unverified (missing bytes from 24 on)")


# ---- extension headers and options -------------------------------------------------------------------------------------------------

ROUTING = bytes([0, 2, 0, 1]) + bytes(4) + FINAL6
HOME = b"\0\2\xc9\x10" + FINAL6 + b"\1\2\0\0"


@pytest.mark.parametrize(
    ("chain", "source", "destination"),
    [
        (((0, bytes(8)),), SOURCE6, DESTINATION6),
        (((43, ROUTING),), SOURCE6, FINAL6),
        (((43, bytes([0, 2, 2, 1]) + ROUTING[4:]),), SOURCE6, FINAL6),
        (((43, bytes([0, 4, 4, 1]) + bytes(4) + FINAL6 + DESTINATION6),), SOURCE6, FINAL6),
        (((43, ROUTING[:3] + b"\0" + ROUTING[4:]),), SOURCE6, DESTINATION6),
        (((60, HOME),), FINAL6, DESTINATION6),
        (((60, b"\0\2\1\0\xc9\x10" + FINAL6 + b"\0\0"),), FINAL6, DESTINATION6),
        (((60, b"\0\2\0\0\xc9\x11" + FINAL6 + b"\0\0"),), SOURCE6, DESTINATION6),
        (((44, bytes(8)),), SOURCE6, DESTINATION6),
    ],
    ids=[
        "hop by hop",
        "routing 0",
        "routing 2",
        "segments",
        "at its end",
        "home address",
        "home address behind padding",
        "no home address",
        "atomic",
    ],
)
def test_the_addresses_of_the_pseudo_header(chain: tuple[tuple[int, bytes], ...], source: bytes, destination: bytes) -> None:
    """The final destination of a routing header and the home address count (RFC 8200 section 8.1, RFC 6275 section 11.3.1)."""
    pieces = split(transport(Kind.UDP, PAYLOAD, source, destination), 17, [16, 24], six, chain=chain)
    assert one(pieces).verdict is Verdict.GOOD
    assert one(pieces[::-1]).verdict is Verdict.GOOD


def test_a_routing_header_of_another_type() -> None:
    """Its final destination is not known, so the sum is not."""
    pieces = split(transport(Kind.UDP, PAYLOAD, SOURCE6, FINAL6), 17, [16], six, chain=((43, bytes([0, 2, 253, 1]) + ROUTING[4:]),))
    datagram = one(pieces)
    assert (datagram.verdict, datagram.reason) == (Verdict.UNVERIFIED, "the final destination cannot be read from the routing header")


@pytest.mark.parametrize("kind", [Kind.UDP, Kind.SCTP])
def test_extension_headers_after_the_cut(kind: Kind) -> None:
    """They stand in the first piece, before the transport header, and their bytes are not summed."""
    data = transport(kind, PAYLOAD, FINAL6, DESTINATION6)
    behind = bytes([PROTOCOL[kind]]) + HOME[1:] + data
    for edges in ([8, 32], [40, 64]):
        assert one(split(behind, 60, edges, six)).verdict is Verdict.GOOD
    authenticated = bytes([PROTOCOL[kind], 4]) + bytes(range(22)) + transport(kind, PAYLOAD)
    assert one(split(authenticated, 51, [24, 48])).verdict is Verdict.GOOD


def test_the_first_piece_says_the_protocol() -> None:
    """RFC 8200 section 4.5: what the others say does not count. Where they hid that SCTP is inside, its sum is not known."""
    data = transport(Kind.UDP, PAYLOAD, SOURCE6, DESTINATION6)
    pieces = [six(data[:24], 17, 0, True), six(data[24:], 132, 24)]
    assert one(pieces).verdict is one(pieces[::-1]).verdict is Verdict.GOOD
    sctp = one([six(PAYLOAD[:24], 132, 0, True), six(PAYLOAD[24:], 17, 24)])
    assert (sctp.kind, sctp.verdict, sctp.reason) == (Kind.SCTP, Verdict.UNVERIFIED, "the pieces disagree about the protocol")


def test_headers_too_long_to_follow() -> None:
    """A chain beyond the bytes that are kept, or that ends early, is not judged."""
    long = bytes([17, 15]) + bytes(126) + transport(Kind.UDP, PAYLOAD, SOURCE6, DESTINATION6)
    assert one(split(long, 60, [64], six)).reason == "the transport header ends early"
    for data in (bytes([17, 16]) + bytes(134) + UDP, bytes([17, 200]) + bytes(30)):
        datagram = one(split(data, 60, [16], six))
        assert (datagram.verdict, datagram.reason) == (Verdict.UNVERIFIED, "the transport header is not within the first 128 bytes")


LAST = ip_address("10.7.7.7").packed


@pytest.mark.parametrize(
    ("options", "final"),
    [
        (b"\1\x83\7\4" + LAST, True),
        (b"\x44\4\5\0\1\x89\7\4" + LAST, True),
        (b"\1\x83\7\x08" + LAST, False),
        (b"\0\x83\7\4" + LAST, False),
        (b"\x83\0\4\0" + LAST, False),
        (b"\x83\1\4\0" + LAST, False),
        (b"\x83\x0b\4\0" + LAST, False),
        (LAST[:1] * 2 + b"\x83\3\1\1\1\1", False),
        (b"\1\1\1\x83", False),
    ],
)
def test_a_source_route_under_way(options: bytes, final: bool) -> None:
    """IPv4: while a route is not at its end, the pseudo-header has its last address; malformed options are no route."""
    data = transport(Kind.UDP, PAYLOAD, SOURCE4, LAST if final else DESTINATION4)
    assert one(split(data, 17, [24], options=options)).verdict is Verdict.GOOD


HOSTILE = [*split(UDP, 17, [8, 24]), *split(UDP, 60, [8, 24], six, chain=((43, ROUTING), (60, HOME)))]

# ---- pieces that do not fit --------------------------------------------------------------------------------------------------------


def test_missing_pieces_are_named() -> None:
    """By byte ranges of the datagram, a few of them; where no last piece was seen, from where on."""
    pieces = split(UDP, 17, [8 * edge for edge in range(1, 15)])
    datagram = one([pieces[0], pieces[3], pieces[-1]])
    assert (datagram.outcome, datagram.reason) == (Outcome.MISSING, "missing bytes 8-23, 32-111")
    assert (datagram.verdict, datagram.kind, datagram.length) == (Verdict.UNVERIFIED, Kind.UDP, 125)
    assert one([pieces[1], pieces[3]]).reason == "missing bytes 0-7, 16-23, from 32 on"
    assert one(pieces[1::2][:4]).reason == "missing bytes 0-7, 16-23, 32-39, 48-55 and 1 more"
    assert one(pieces[1::2][:3]).reason == "missing bytes 0-7, 16-23, 32-39, from 48 on"
    assert one(pieces[1::2]).reason == "missing bytes 0-7, 16-23, 32-39, 48-55 and 4 more"


@pytest.mark.parametrize(
    ("start", "end"), [(0, 24), (24, 48), (16, 32), (16, 56), (24, 32), (40, 64), (32, 40)], ids=lambda value: str(value)
)
def test_overlaps_are_said_and_not_judged(start: int, end: int) -> None:
    """Another piece over the same bytes, in part or in full, with the right bytes or others; whatever comes later changes nothing."""
    pieces = split(UDP, 17, [24, 48])
    again = four(bytes(end - start), 17, start, True)
    for packets in ([pieces[0], pieces[1], again, pieces[2]], [again, *pieces], [again, *pieces, *pieces[::-1]]):
        datagram = one(packets)
        assert (datagram.outcome, datagram.verdict, datagram.residue) == (Outcome.OVERLAP, Verdict.UNVERIFIED, None)
        assert ("other bytes for the same range" in datagram.reason) == ((start, end) in ((0, 24), (24, 48)))


def test_swapped_words_are_no_copy() -> None:
    """The same range with the same one's complement sum and other bytes."""
    pieces = split(UDP, 17, [24, 48])
    swapped = pieces[1][:20] + pieces[1][22:24] + pieces[1][20:22] + pieces[1][24:]
    assert residue(swapped) == residue(pieces[1])
    assert one([pieces[0], pieces[1], swapped]).outcome is Outcome.OVERLAP


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (four(b"", 17, 8, True), "a piece holds no bytes"),
        (four(b"abcd", 17, 8, True), "a piece that is not the last one is no multiple of 8 bytes long"),
        (four(bytes(32), 17, 65504, False), "a piece reaches beyond the longest packet"),
        (four(b"more than the last", 17, 128, False), "a piece lies beyond the last one"),
        (four(b"abcd", 17, 80, False), "a piece lies beyond the last one"),
    ],
    ids=["empty", "odd size", "too far", "after the end", "an end before the end"],
)
def test_pieces_against_the_rules(piece: bytes, reason: str) -> None:
    """They spoil their datagram, and the reason is said."""
    pieces = split(UDP, 17, [24, 112])
    datagram = one([pieces[0], pieces[2], piece, pieces[1]])
    assert (datagram.outcome, datagram.verdict, datagram.reason) == (Outcome.MALFORMED, Verdict.UNVERIFIED, reason)


def test_the_longest_datagrams() -> None:
    """65535 bytes with their header are a packet, one more is not."""
    data = bytes(65515)
    assert one(split(data, 17, [65512])).outcome is Outcome.COMPLETE
    assert one(split(data, 17, [32768], options=bytes(4))).outcome is Outcome.MALFORMED
    assert one(split(bytes(65535), 17, [32768], six)).outcome is Outcome.COMPLETE
    assert one([MACS + b"\x86\xdd" + piece for piece in split(bytes(65535), 17, [32768], six)], linktype=1).outcome is Outcome.COMPLETE
    assert one(split(bytes(65535), 17, [32768], six, chain=((60, bytes(8)),))).outcome is Outcome.MALFORMED


def test_pieces_cut_by_the_capture() -> None:
    """Said, with the difference between a snap length and a record that claims to be whole; a whole copy mends it."""
    pieces = split(UDP, 17, [24, 48])
    short = pieces[1][:-5]
    datagram = one([pieces[0], short, pieces[2]], originals={2: len(pieces[1])})
    assert (datagram.outcome, datagram.verdict) == (Outcome.CUT, Verdict.UNVERIFIED)
    assert datagram.reason == "a piece was cut by the snap length"
    assert one([pieces[0], short, pieces[2]]).reason == "a piece is longer than its record, which claims to be whole"
    mended = one([pieces[0], short, pieces[1], short, pieces[2]])
    assert (mended.verdict, mended.copies) == (Verdict.GOOD, 2)
    without = split(transport(Kind.UDP, PAYLOAD, field=0), 17, [24, 48])
    assert one([without[0], without[1], without[2][:-1]]).verdict is Verdict.ABSENT


def test_a_piece_longer_than_its_tunnel() -> None:
    """The outer packet ends first: what follows in the record is a trailer and not the piece's."""
    pieces = split(UDP, 17, [24])
    outer = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(pieces[1]) - 4, 1, 0, 64, 4, 0) + SOURCE4 + DESTINATION4
    right = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(pieces[0]), 1, 0, 64, 4, 0) + SOURCE4 + DESTINATION4
    assert one([right + pieces[0], outer[:2] + bytes(2) + outer[4:] + pieces[1]]).verdict is Verdict.GOOD  # a length of 0 bounds nothing
    datagram = one([right + pieces[0], outer + pieces[1]])
    assert (datagram.outcome, datagram.reason) == (Outcome.CUT, "a piece is longer than what carries it")


def test_padding_after_a_piece_is_not_summed() -> None:
    """A short last piece in a padded Ethernet frame."""
    assert one([MACS + b"\x08\0" + piece + b"padding" for piece in split(UDP, 17, [120])], linktype=1).verdict is Verdict.GOOD


# ---- which pieces belong together --------------------------------------------------------------------------------------------------


def test_what_tells_datagrams_apart() -> None:
    """Identification, protocol and VLAN, but not the priority in a VLAN tag. Pieces of eight datagrams mixed are eight good datagrams."""
    kinds: list[list[bytes]] = []
    for identification in (1, 2):
        for kind in (Kind.UDP, Kind.TCP):
            for vlan in (1, 2):
                data = transport(kind, bytes([identification, vlan]) * 40)
                pieces = split(data, PROTOCOL[kind], [24, 48], identification=identification)
                tags = [MACS + b"\x81\0" + bytes([priority, vlan]) + b"\x08\0" for priority in (0, 0x20, 0xE0)]
                kinds.append([tag + piece for tag, piece in zip(tags, pieces, strict=True)])
    mixed = [packet for row in zip(*kinds, strict=True) for packet in row]
    found = collect(mixed, linktype=1).finish()
    assert [datagram.verdict for datagram in found] == [Verdict.GOOD] * 8


def in_vxlan(piece: bytes, number: int) -> bytes:
    vxlan = b"\x08\0\0\0" + number.to_bytes(3, "big") + b"\0" + MACS + b"\x08\0" + piece
    return four(struct.pack("!HHHH", 999, 4789, 8 + len(vxlan), 0) + vxlan, 17)


def in_gtp(piece: bytes, number: int) -> bytes:
    gtp = struct.pack("!BBHI", 0x30, 255, len(piece), number) + piece
    return four(struct.pack("!HHHH", 2152, 2152, 8 + len(gtp), 0) + gtp, 17)


def in_ipip(piece: bytes, number: int) -> bytes:
    outer = four(piece, 4)
    return outer[:16] + bytes([10, 9, 9, number]) + outer[20:]


def in_six(piece: bytes, number: int) -> bytes:
    outer = frames_six(piece, 4)
    return outer[:39] + bytes([number]) + outer[40:]


@pytest.mark.parametrize("tunnel", [in_vxlan, in_gtp, in_ipip, in_six])
def test_pieces_inside_a_tunnel(tunnel: Callable[[bytes, int], bytes]) -> None:
    """Fragments of an inner packet, in two tunnels whose networks use the same addresses at the same time."""
    pieces = [split(transport(Kind.UDP, bytes([number]) * 99), 17, [24, 48]) for number in (1, 2)]
    packets = [tunnel(piece, number) for row in zip(*pieces, strict=True) for number, piece in enumerate(row, 1)]
    datagrams = collect(packets).finish()
    assert [(one.verdict, one.source) for one in datagrams] == [(Verdict.GOOD, "10.1.2.3")] * 2


def test_the_outer_fragments_of_a_tunnel_count() -> None:
    """A cut outer packet is judged itself, whatever the first piece shows of the inside."""
    outer = frames.ipv4(frames.vxlan(frames.ethernet(frames.ipv4(frames.udp(PAYLOAD))))).data[20:]
    datagram = one(split(outer, 17, [96]))
    assert (datagram.kind, datagram.verdict) == (Kind.UDP, Verdict.GOOD)
    assert datagram.length == len(outer)


def test_quoted_and_other_packets_are_ignored() -> None:
    """A fragment quoted in an ICMP error, an atomic fragment, a whole packet, a link type that is not read: none is a piece."""
    quote = four(bytes([3, 4]) + bytes(6) + split(UDP, 17, [24])[0], 1)
    atomic = six(UDP, 17)
    datagrams = collect([quote, atomic, four(UDP, 17), four(UDP, 17, 0, True)[:19], b"", four(UDP, 17, 8, total=19)])
    give(datagrams, split(UDP, 17, [24])[0], 7, 0, linktype=147, original=100)
    assert (datagrams.ignored, datagrams.finish()) == (7, ())


def test_a_record_that_ends_anywhere() -> None:
    """A piece is read rightly, as cut, or not at all."""
    for packet in HOSTILE:
        for size in range(len(packet)):
            datagrams = collect([packet[:size]], originals={1: len(packet)})
            found = datagrams.finish()
            assert len(found) + datagrams.ignored == 1
            for datagram in found:
                assert (datagram.identification, datagram.pieces, datagram.outcome) == (77, 1, Outcome.MISSING)
                assert datagram.destination in ("10.9.8.7", "fd00::9:8")
                assert datagram.residue is None


def test_order_copies_and_packet_numbers() -> None:
    """What is told of how the pieces came."""
    pieces = split(UDP, 17, [24, 48])
    assert not one(pieces).out_of_order
    datagram = one([pieces[2], pieces[0], pieces[2], pieces[0], pieces[1]])
    assert (datagram.out_of_order, datagram.copies, datagram.pieces, datagram.packets) == (True, 2, 3, (1, 2, 3, 4, 5))
    many = one([pieces[0]] * 40 + pieces[1:])
    assert (many.copies, many.packets) == (39, tuple(range(1, 21)))


def test_late_copies_are_no_new_datagram() -> None:
    """Copies that come after the last piece are the same datagram seen again; a full set is seen as a datagram once more."""
    pieces = split(UDP, 17, [24, 48])
    datagrams = collect([*pieces, pieces[2], pieces[0]])
    assert ([one.verdict for one in datagrams.finish()], datagrams.echoes) == ([Verdict.GOOD], 1)
    twice = collect([*pieces, *pieces])
    assert ([one.verdict for one in twice.finish()], twice.echoes) == ([Verdict.GOOD] * 2, 0)


def test_an_identification_used_again() -> None:
    """After a complete datagram the same identification begins another one."""
    other = split(transport(Kind.UDP, bytes(101)), 17, [24, 48])
    found = collect([*split(UDP, 17, [24, 48]), *other[1:]]).finish()
    assert [(one.outcome, one.reason) for one in found] == [(Outcome.COMPLETE, ""), (Outcome.MISSING, "missing bytes 0-23")]


# ---- time and memory ---------------------------------------------------------------------------------------------------------------


def test_time_out_by_capture_time() -> None:
    """A piece that comes too late belongs to a new datagram; the old one says what it missed."""
    pieces = split(UDP, 17, [24, 48])
    datagrams = Datagrams(seconds=2)
    for number, (piece, seconds) in enumerate(zip(pieces, (0, 2, 2.1), strict=True), 1):
        give(datagrams, piece, number, int((50 + seconds) * SECOND))
    assert [one.reason for one in datagrams.take()] == ["missing bytes from 48 on; 2 s have passed"]
    assert [one.reason for one in datagrams.finish()] == ["missing bytes 0-47"]
    assert datagrams.timed_out == 1
    assert not datagrams.capped


def test_capture_time_that_goes_back() -> None:
    """A piece from long before is of another datagram, also behind one that is newer."""
    pieces = split(UDP, 17, [24, 48])
    datagrams = Datagrams(seconds=2)
    for number, (piece, seconds) in enumerate(zip(pieces, (100, 101, 5), strict=True), 1):
        give(datagrams, piece, number, seconds * SECOND)
    assert [one.outcome for one in datagrams.finish()] == [Outcome.MISSING] * 2


def test_late_copies_are_known_for_the_same_time() -> None:
    """A copy that comes later than that begins a datagram of its own."""
    pieces = split(UDP, 17, [24, 48])
    for late, verdicts, echoes in ((2, [Verdict.GOOD], 1), (3, [Verdict.GOOD, Verdict.UNVERIFIED], 0)):
        datagrams = Datagrams(seconds=2)
        for number, (piece, seconds) in enumerate(zip([*pieces, pieces[1]], (0, 0, 0, late), strict=True), 1):
            give(datagrams, piece, number, (50 + seconds) * SECOND)
        assert ([one.verdict for one in datagrams.finish()], datagrams.echoes) == (verdicts, echoes)


def test_open_datagrams_are_capped() -> None:
    """The oldest is let go, counted and said."""
    firsts = [split(UDP, 17, [24], identification=number)[0] for number in range(5)]
    datagrams = collect(firsts, most=3)
    early = datagrams.take()
    assert [(one.identification, one.reason) for one in early] == [
        (number, "missing bytes from 24 on; let go for want of room") for number in (0, 1)
    ]
    assert (datagrams.evicted, datagrams.capped, len(datagrams.finish())) == (2, True, 3)


def test_complete_datagrams_that_are_remembered_are_capped() -> None:
    """The cap is reported, for a late copy may then look new."""
    packets = [piece for number in range(3) for piece in split(UDP, 17, [24], identification=number)]
    assert collect(packets, most=3).capped is False
    assert collect(packets, most=2).capped is True


def test_pieces_are_capped_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete datagrams are forgotten first, then open ones are let go."""
    monkeypatch.setattr(assembly, "PIECES", 4)
    pieces = split(UDP, 17, [24, 48])
    datagrams = collect([*pieces, *split(UDP, 17, [24, 48], identification=1)[:2]])
    assert (datagrams.evicted, datagrams.capped, datagrams.take()[0].verdict) == (0, True, Verdict.GOOD)
    more = [split(UDP, 17, [24, 48], identification=number)[0] for number in range(2, 6)]
    for number, packet in enumerate(more):
        give(datagrams, packet, number, number)
    assert datagrams.evicted == 1
    assert [one.pieces for one in datagrams.finish()] == [2, 1, 1, 1, 1]


def test_results_are_capped_by_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Good ones that nobody takes do not crowd out a bad one; every one is counted."""
    monkeypatch.setattr(results, "RESULTS", 2)
    good = [piece for number in range(5) for piece in split(UDP, 17, [24], identification=number)]
    bad = split(UDP[:-1] + b"?", 17, [24], identification=9)
    datagrams = collect([*good, *bad])
    assert [one.verdict for one in datagrams.take()] == [Verdict.GOOD, Verdict.GOOD, Verdict.BAD]
    alike = Alike(Kind.UDP, Verdict.GOOD, Outcome.COMPLETE, first_alone=False, seed_zero=False)
    assert datagrams.further == {alike: Amount(3, 6, 3)}
    assert datagrams.counts == {(Kind.UDP, Verdict.GOOD, Outcome.COMPLETE): 5, (Kind.UDP, Verdict.BAD, Outcome.COMPLETE): 1}
    for packet in bad:
        give(datagrams, packet, 1, 1)
    assert len(datagrams.finish()) == 1


@pytest.mark.parametrize("limits", [{"most": 0}, {"seconds": 0.0}, {"seconds": float("inf")}, {"seconds": float("nan")}])
def test_limits_that_make_no_sense(limits: dict[str, Any]) -> None:
    """They are refused."""
    with pytest.raises(ValueError, match="give at least one datagram and a time above 0"):
        Datagrams(**limits)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(HOSTILE),
            st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=4),
            st.integers(0, 130),
            st.integers(-(1 << 63), (1 << 63) - 1),
        ),
        max_size=12,
    )
)
@example([(HOSTILE[0], [], 130, (1 << 63) - 1)])
def test_any_bytes(packets: list[tuple[bytes, list[tuple[int, int]], int, int]]) -> None:
    """Mutated and cut pieces with any time never raise, and the account of pieces is kept to the end."""
    datagrams = Datagrams(most=2, seconds=5)
    for number, (base, changes, kept, timestamp) in enumerate(packets):
        data = bytearray(base)
        for at, value in changes:
            data[at % len(data)] = value
        give(datagrams, bytes(data[:kept]), number, timestamp, original=len(data))
    datagrams.finish()
    assert datagrams.held == 0
    assert datagrams.counts.total() + datagrams.ignored + datagrams.echoes <= len(packets)


# ---- real captures -----------------------------------------------------------------------------------------------------------------

FRAGMENTED = ("seladb__ip-frag_7785e6.pcap", "corelight__ipsec_client_7cc91d.pcap")
WORDS = {"1": "GOOD", "0": "BAD", "2": "UNVERIFIED", "3": "ABSENT"}
PREFERENCES = ("ip.defragment:TRUE", "ipv6.defragment:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE", "sctp.checksum:CRC 32c")
"""All transport sums. Not that of the IPv4 header: tshark puts no pieces together whose header sum is not right, and senders leave it
to the card."""


def judged_here(path: Path) -> Counter[str]:
    datagrams = Datagrams()
    with open_capture(path) as capture:
        for block in capture:
            datagrams.add(block, np.arange(len(block)))
    return Counter(f"{one.kind.name} {one.verdict.name}" for one in datagrams.finish() if one.outcome is Outcome.COMPLETE and one.kind)


def judged_by_tshark(path: Path) -> Counter[str]:
    words = ["tshark", "-n", "-r", str(path), "-Y", "ip.reassembled.length || ipv6.reassembled.length", "-T", "fields", "-E", "separator=;"]
    words += [word for preference in PREFERENCES for word in ("-o", preference)]
    kinds = (Kind.UDP, Kind.TCP, Kind.ICMP, Kind.ICMPV6, Kind.SCTP)
    words += [word for kind in kinds for word in ("-e", f"{kind.name.lower()}.checksum.status")]
    done = subprocess.run([*words, "-E", "occurrence=f"], capture_output=True, text=True, timeout=120, check=True)
    rows = (zip(kinds, line.split(";"), strict=True) for line in done.stdout.splitlines())
    return Counter(f"{kind.name} {WORDS[cell]}" for row in rows for kind, cell in row if cell)


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark")


@needs_tshark
@pytest.mark.needs_program
@pytest.mark.parametrize("name", FRAGMENTED)
def test_tshark_says_the_same_of_real_datagrams(name: str) -> None:
    """Its verdicts after reassembly are ours, as often."""
    path = CORPUS / name
    if not path.exists():
        pytest.skip("the corpus of labelled captures (../shared/corpus) is not there")
    found = judged_here(path)
    assert found
    assert found == judged_by_tshark(path)


@needs_tshark
@pytest.mark.needs_program
def test_tshark_says_the_same_of_made_datagrams(tmp_path: Path) -> None:
    """Right and damaged ones of every kind that tshark verifies, over both versions of IP, with the pieces backwards."""
    path = tmp_path / "made.pcapng"
    kinds = [(Kind.ICMP, four), (Kind.ICMPV6, six), *((kind, build) for kind in (Kind.TCP, Kind.UDP, Kind.SCTP) for build in (four, six))]
    with PcapngWriter(path) as file:
        interface = file.add_interface(RAW)
        for number, (kind, build) in enumerate(kinds):
            source, destination = (SOURCE4, DESTINATION4) if build is four else (SOURCE6, DESTINATION6)
            whole = transport(kind, bytes(72), source, destination)
            for damage in (0, 1):
                data = whole[:-1] + bytes([whole[-1] ^ damage])
                for piece in reversed(split(data, PROTOCOL[kind], [24, 48], build, identification=2 * number + damage)):
                    file.write(piece, interface=interface)
    found = judged_here(path)
    assert found == judged_by_tshark(path)
    assert found == {f"{kind.name} {verdict}": [one for one, _ in kinds].count(kind) for kind, _ in kinds for verdict in ("GOOD", "BAD")}
