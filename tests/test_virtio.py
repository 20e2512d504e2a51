"""virtio and tap: what is negotiated, the header between guest and host, and what of a sum's state gets across."""

from __future__ import annotations

import os
import struct
import time
from itertools import pairwise
from pathlib import Path

import frames
import hosts
import pytest
import walks
from hypothesis import given
from hypothesis import strategies as st
from oracles.namespaces import Namespace, ip, missing, quiet
from oracles.ports import NEEDS_CSUM, Tap
from oracles.ports import Virtio as Header

from csumlab.capture import PcapngWriter
from csumlab.classes import headers_of
from csumlab.crc32c import crc32c
from csumlab.dissection import dissect_packet
from csumlab.inet import negate, residue
from csumlab.interpreting import Setting
from csumlab.machine import apply
from csumlab.packet import exactly
from csumlab.plain.packet import FramePacket
from csumlab.replaying import replay
from csumlab.stage import Stage
from csumlab.stages.hooks import XDP_GENERIC_REDIRECT, XDP_PASS, XDP_REDIRECT
from csumlab.stages.readers import READER
from csumlab.stages.virtio import MACVTAP_DELIVER, TAP_RECEIVE, TAP_TRANSMIT, VIRTIO_RECEIVE, VIRTIO_TRANSMIT
from csumlab.state import Bare, Claim, Skb, State, Summed, Virtio, owed, project
from csumlab.topology.features import is_on
from csumlab.topology.line import parse_line
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Port, Topology
from csumlab.topology.written import to_toml
from csumlab.trace import Fate
from csumlab.virtio_features import FEATURES, LAST_BIT, name_of, parse_features, to_line
from csumlab.virtio_header import SIZES, HeaderFlag, VirtioHeader, VirtioHeaderError, byte_order, consume, header_size, unpack

WHY_NOT = missing() if os.geteuid() == 0 else "taps need root"
BITS = st.frozensets(st.integers(0, LAST_BIT))
WORD = st.integers(0, 0xFFFF)
NESTED = frames.ethernet(frames.ipv4(frames.vxlan(frames.ethernet(frames.ipv4(frames.tcp(b"data")))))).data
HEADERS = headers_of(dissect_packet(NESTED, 1).facts, Topology({}))
UDP, TCP = (header.uid for header in HEADERS if header.consumes)


@given(BITS, st.sampled_from([64, 128]))
def test_a_line_of_sysfs_is_read_back(bits: frozenset[int], length: int) -> None:
    """What sysfs shows of a set of bits is that set, for the old length and the new one."""
    kept = frozenset(bit for bit in bits if bit < length)
    assert parse_features(to_line(kept, length) + "\n") == kept


@given(st.frozensets(st.sampled_from(sorted(FEATURES))))
def test_names_are_read_in_every_spelling(names: frozenset[str]) -> None:
    """As the headers spell them, or as QEMU's properties do; and every bit says its name again."""
    bits = frozenset(FEATURES[name] for name in names)
    assert parse_features(", ".join(names)) == bits
    assert parse_features(" ".join(name.split("_F_")[1].lower() for name in names)) == bits
    assert {name_of(bit) for bit in bits} == names


def test_what_is_no_feature_is_said() -> None:
    """A misspelt name, a line that is too long, a bit beyond the end."""
    with pytest.raises(ValueError, match="'GUEST_SUM'"):
        parse_features("GUEST_SUM")
    with pytest.raises(ValueError, match="129 feature bits"):
        parse_features("0" * 129)
    with pytest.raises(ValueError, match=r"0\.\.63"):
        to_line({64})
    assert name_of(77) == "bit 77"


def headers(size: int) -> st.SearchStrategy[VirtioHeader]:
    """Any header of a layout."""
    short = {"num_buffers": WORD} if size >= 12 else {}
    hashed = {"hash_value": st.integers(0, 2**32 - 1), "hash_report": WORD, "padding": WORD} if size >= 20 else {}
    tunnel = {"outer_th_offset": WORD, "inner_nh_offset": WORD} if size >= 24 else {}
    byte = st.integers(0, 0xFF)
    words = {"flags": byte, "gso_type": byte, **dict.fromkeys(("hdr_len", "gso_size", "csum_start", "csum_offset"), WORD)}
    return st.builds(VirtioHeader, **{**words, **short, **hashed, **tunnel})


SIZED = st.sampled_from(SIZES).flatmap(lambda size: st.tuples(st.just(size), headers(size)))


@given(SIZED, st.sampled_from(["little", "big"]), st.binary(max_size=40), st.lists(st.integers(0, 64), max_size=8))
def test_a_header_is_read_from_any_list_of_buffers(sized: tuple[int, VirtioHeader], order: str, frame: bytes, cuts: list[int]) -> None:
    """However header and frame lie in buffers, empty ones among them, the header is read and the frame left."""
    size, header = sized
    data = header.pack(size, order)  # type: ignore[arg-type]
    assert len(data) == size
    whole = data + frame
    ends = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[left:right] for left, right in pairwise(ends)]
    found, rest = consume(parts, size, order)  # type: ignore[arg-type]
    assert (found, b"".join(rest)) == (header, frame)
    assert unpack(whole, size, order) == header  # type: ignore[arg-type]


@given(SIZED)
def test_byte_orders_mirror_each_word(sized: tuple[int, VirtioHeader]) -> None:
    """The other byte order turns every field over and moves none."""
    size, header = sized
    little, big = header.pack(size, "little"), header.pack(size, "big")
    assert little[:2] == big[:2]
    widths = [2, 2, 2, 2, *([2] if size >= 12 else []), *([4, 2, 2] if size >= 20 else []), *([2, 2] if size >= 24 else [])]
    at = 2
    for width in widths:
        assert little[at : at + width] == big[at : at + width][::-1]
        at += width
    assert at == size


def test_the_layout_is_that_of_linux() -> None:
    """A NEEDS_CSUM header as struct virtio_net_hdr_v1_hash lays it out, byte by byte."""
    header = VirtioHeader(1, 4, 74, 1448, 54, 16, 2, 0xAABBCCDD, 3)
    assert header.pack(20) == struct.pack("<BBHHHHHIHH", 1, 4, 74, 1448, 54, 16, 2, 0xAABBCCDD, 3, 0)
    assert header.owed == (54, 70)
    assert not header.verified


def test_counts_of_merged_segments_are_no_offsets() -> None:
    """With RSC_INFO csum_start and csum_offset are counts, and nothing is owed."""
    header = VirtioHeader(HeaderFlag.RSC_INFO | HeaderFlag.DATA_VALID, 1, 0, 1448, 7, 2)
    assert (header.owed, header.coalesced, header.verified) == (None, (7, 2), True)
    assert VirtioHeader(HeaderFlag.NEEDS_CSUM).coalesced is None


def test_what_is_no_header_is_said() -> None:
    """Too few bytes, a size that no layout has, a number that is too great, a field that the layout has not."""
    for fault, words in (
        (lambda: consume([b"12345", b"6789"], 10), "9 bytes"),
        (lambda: unpack(bytes(11), 11), "not 11"),
        (lambda: VirtioHeader(hdr_len=0x10000).pack(10), "does not fit"),
        (lambda: VirtioHeader(num_buffers=1).pack(10), "no num_buffers"),
    ):
        with pytest.raises(VirtioHeaderError, match=words):
            fault()


@given(BITS, st.sampled_from(["little", "big"]))
def test_features_choose_the_layout(bits: frozenset[int], guest: str) -> None:
    """The longest header that a negotiated feature asks for; VERSION_1 is little-endian."""
    size = header_size(bits)
    assert (size == 24) == bool(bits & {65, 66, 67, 68})
    assert (size >= 20) == bool(bits & {57, 65, 66, 67, 68})
    assert (size >= 12) == bool(bits & {15, 32, 57, 65, 66, 67, 68})
    assert byte_order(bits, guest) == ("little" if 32 in bits else guest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "outer", "inner"),
    [
        (Virtio(), Claim.UNCHECKED, Claim.UNCHECKED),
        (Virtio(valid=True), Claim.VERIFIED, Claim.UNCHECKED),
        (Virtio(needs=True, start=UDP), Claim.MUST_COMPUTE, Claim.UNCHECKED),
        (Virtio(needs=True, start=TCP), Claim.VERIFIED, Claim.MUST_COMPUTE),
    ],
)
def test_claims_of_the_header(state: Virtio, outer: Claim, inner: Claim) -> None:
    """NEEDS_CSUM speaks of the sums before csum_start too (Virtio 1.2 section 5.1.6.4.1), DATA_VALID of one level."""
    claims = project(state, HEADERS)
    assert (claims[UDP], claims[TCP]) == (outer, inner)
    assert owed(state, HEADERS) == state.start


def _across(state: State, *stages: Stage, knobs: bool = True) -> State:
    packet = FramePacket(NESTED[14:], HEADERS)
    for stage in stages:
        state = apply(stage, state, packet, Setting(knobs=lambda name: knobs)).state
    return state


@pytest.mark.parametrize("start", [UDP, TCP])
def test_csum_start_is_carried_both_ways(start: int) -> None:
    """An inner sum that is owed is owed on the other side: nothing is found again by parsing."""
    owing = Skb(Summed.PARTIAL, start=start)
    assert _across(owing, VIRTIO_TRANSMIT, TAP_RECEIVE) == owing
    assert _across(owing, TAP_TRANSMIT, VIRTIO_RECEIVE) == owing


def test_levels_are_lost_and_guests_not_believed() -> None:
    """A guest gets one level of several; its own, or its DATA_VALID, is nothing to the host; of both flags NEEDS_CSUM counts."""
    verified = Skb(Summed.UNNECESSARY, level=2)
    assert _across(verified, TAP_TRANSMIT, VIRTIO_RECEIVE) == Skb(Summed.UNNECESSARY)
    assert _across(verified, VIRTIO_TRANSMIT, TAP_RECEIVE) == Skb()
    assert _across(Virtio(valid=True), TAP_RECEIVE) == Skb()
    both = Virtio(needs=True, valid=True, start=UDP)
    assert _across(both, TAP_RECEIVE) == _across(both, VIRTIO_RECEIVE) == Skb(Summed.PARTIAL, start=UDP)


@pytest.mark.parametrize("state", [Skb(Summed.PARTIAL, start=TCP), Skb(Summed.UNNECESSARY), Skb()])
def test_without_a_header_nothing_gets_across(state: State) -> None:
    """A tap without IFF_VNET_HDR, and the frames of an XDP program in a driver."""
    assert _across(state, TAP_TRANSMIT, VIRTIO_RECEIVE, knobs=False) == Skb()
    assert _across(state, XDP_REDIRECT) == _across(state, XDP_PASS) == Skb()
    assert _across(state, XDP_GENERIC_REDIRECT) == state


def _kvm(tap: str = "", guest: str = "", text: str = hosts.KVM) -> Topology:
    return walks.host(text, TAP=tap, GUEST=guest, READER="", FILL="false")


def _on(topology: Topology, port: str) -> bool:
    domain, name = port.split(":")
    device = topology.device(Port(domain, name))
    assert device.peer is not None
    return is_on(topology.domains[domain], device, topology.device(device.peer), "tx-checksum-ip-generic")


@pytest.mark.parametrize(
    ("tap", "guest", "to_host", "to_guest"),
    [
        ("", "", True, True),
        ("", 'virtio = "CSUM"', True, False),
        ("", 'virtio = "GUEST_CSUM"', False, True),
        ("", 'virtio = "MAC"', False, False),
        ("", f'virtio = "{to_line({0, 1, 32}, 128)}"', True, True),
        ("vnet-hdr = false", "", False, False),
        ("vnet-hdr = false, TUN_F_CSUM = true", "", False, True),
        ("TUN_F_CSUM = false", "", True, False),
        ("", 'xdp = "pass"', True, False),
        ("", 'xdp = "generic pass"', True, True),
        ("", "features = { tx = false }", False, True),
    ],
)
def test_who_may_leave_sums_to_whom(tap: str, guest: str, to_host: bool, to_guest: bool) -> None:
    """VIRTIO_NET_F_CSUM lets the guest, VIRTIO_NET_F_GUEST_CSUM the host; without a header neither; XDP takes the second back."""
    topology = _kvm(tap, guest)
    assert (_on(topology, "guest:eth0"), _on(topology, "host:vnet0")) == (to_host, to_guest)
    assert parse_topology(to_toml(topology)) == topology


@pytest.mark.parametrize(
    ("options", "fills"),
    [("", False), ("TUN_F_CSUM = false", True), ("vnet-hdr = false", True), ("vnet-hdr = false, TUN_F_CSUM = true", True)],
)
def test_a_macvtap_never_leaves_a_reader_untold(options: str, fills: bool) -> None:
    """Seen on Linux 6.18: unlike a tap it fills where there is no header, whatever TUN_F_CSUM says; and its feature is fixed on."""
    topology = walks.host(hosts.MACVTAP, TAP=options)
    frame = walks.packets_between("192.0.2.254", "192.0.2.11", 4)["udp"]
    (trace,) = walks.run_plain(walks.Case("udp from pod", topology, "pod", frame, None))
    handed = next(hop for hop in trace.hops if hop.stage is TAP_TRANSMIT)
    assert isinstance(handed.state_after, Virtio)
    assert handed.state_after.needs is not fills
    assert any(hop.stage is MACVTAP_DELIVER and bool(hop.row.does) for hop in trace.hops) is fills
    assert trace.fate is Fate.ACCEPTED
    with pytest.raises(TopologyError, match="is fixed on"):
        walks.host(hosts.MACVTAP.replace('lower = "veth1"', 'lower = "veth1"\nfeatures = { tx-checksum-ip-generic = false }'), TAP="")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (hosts.MACVTAP.replace('lower = "veth1"', 'lower = "veth7"'), "a macvtap sits on"),
        (hosts.MACVTAP.replace('lower = "veth1"', 'address = "192.0.2.3/24"'), "a macvtap has no address"),
        (hosts.MACVTAP.replace('kind = "macvtap"', 'kind = "tap"'), "a tap has no lower"),
    ],
)
def test_where_a_macvtap_can_be(text: str, words: str) -> None:
    """On a card or the end of a veth pair, and without an address of its own."""
    with pytest.raises(TopologyError, match=words):
        walks.host(text, TAP="")


@pytest.mark.parametrize(
    ("tap", "guest", "words"),
    [
        ("", 'virtio = "CSUMM"', "'CSUMM' is no virtio feature"),
        ("vnet-hdr = false", 'virtio = "CSUM"', "VIRTIO_NET_F_CSUM cannot be offered"),
        ("", 'virtio = "GUEST_CSUM"\nxdp = "pass"', "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS"),
        ("", 'xdp = "redirect"', "neither 'pass' nor"),
        ("", 'xdp = "redirect eth7"', "unknown device 'eth7'"),
        ("vnethdr = true", "", "'vnet-hdr'"),
    ],
)
def test_what_cannot_be_is_said(tap: str, guest: str, words: str) -> None:
    """A feature that does not exist, that the other side cannot give, that the driver refuses, a device that is not there."""
    with pytest.raises(TopologyError, match=words):
        _kvm(tap, guest)


def _sctp(source: str, destination: str, damage: int = 0) -> bytes:
    """An SCTP DATA chunk with its CRC, of which a bit of the data is turned over after it was made."""
    chunk = struct.pack("!BBHIHHI", 0, 3, 20, 1, 1, 1, 0) + b"data"
    packet = struct.pack("!HHII", 1000, 2000, 7, 0) + chunk
    packet = packet[:8] + crc32c(packet).to_bytes(4, "little") + packet[12:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(packet), 1, 0, 64, 132, 0) + exactly(source).low.to_bytes(4, "big")
    header += exactly(destination).low.to_bytes(4, "big")
    whole = frames.patch(header, 10, negate(residue(header))) + packet
    return bytes(12) + b"\x08\0" + whole[:-1] + bytes([whole[-1] ^ damage])


def test_sctp_is_summed_before_the_header(tmp_path: Path) -> None:
    """No virtio or tap device offers a CRC: it is right at the tap already, and a damaged packet is caught by the guest."""
    far, guest = "198.51.100.80", "192.0.2.11"
    packets = [_sctp(guest, far), _sctp(far, guest), _sctp(far, guest, damage=8)]
    with PcapngWriter(tmp_path / "tap.pcapng") as file:
        interface = file.add_interface(1)
        for packet in packets:
            file.write(packet, interface=interface)
    result = replay(tmp_path / "tap.pcapng", _kvm())
    assert [(finding.code, finding.hop, finding.packets) for finding in result.findings] == [("CSL001", "guest:eth0 in", 1)]
    owing = FramePacket(packets[0][14:], headers_of(dissect_packet(packets[0], 1).facts, Topology({})))
    spoiled = FramePacket(packets[2][14:], owing.headers)
    assert not spoiled.right(owing.headers[-1].uid)
    assert spoiled.compute(owing.headers[-1].uid).right(owing.headers[-1].uid)


def test_a_line_knows_taps() -> None:
    """vnet0 is a tap, what stands before it a virtio device; the host is named if there is nothing else to call it."""
    topology = parse_line("guest:eth0 > vnet0 > br0 > eth0 > wire > far")
    kinds = {str(port): topology.device(port).kind.value for port in topology.ports}
    assert kinds == {
        "guest:eth0": "virtio",
        "hypervisor:vnet0": "tap",
        "hypervisor:br0": "bridge",
        "hypervisor:eth0": "nic",
        "far:eth0": "nic",
    }
    other = parse_line("a:eth0 > host:tap0 > br0 > tap1 > b:eth0")
    assert [str(other.device(Port("host", name)).peer) for name in ("tap0", "tap1")] == ["a:eth0", "b:eth0"]


def test_an_old_kernel_has_no_virtio() -> None:
    """XenLinux 2.6.12 has no such driver, in a file and on a line; and the other end of a tap is a virtio device."""
    old = parse_line("guest:eth0(preset=xen-3.0.0) > vnet0 > br0 > eth0 > wire > far")
    frame = walks.packets_between("10.0.0.1", "10.0.0.2", 4)["tcp"]
    (trace,) = walks.run_plain(walks.Case("on a line", old, "guest", frame, None))
    assert (trace.fate, trace.why) == (Fate.UNTOLD, "Xen 3.0.0 (XenLinux 2.6.12) has no virtio and no tap with offload")
    with pytest.raises(TopologyError, match=r"xen-3\.0\.0 has no virtio device"):
        _kvm(text=hosts.KVM.replace("[domain.guest]", '[domain.guest]\npreset = "xen-3.0.0"'))
    with pytest.raises(TopologyError, match="other end of a tap is a virtio"):
        _kvm(text=hosts.KVM.replace('kind = "virtio"', 'kind = "netfront"'))


@pytest.mark.parametrize(
    ("state", "words", "ending"),
    [
        (Skb(Summed.PARTIAL, start=UDP), "sums", "REJECT"),
        (Skb(Summed.PARTIAL, start=UDP), "heeds-owed", "ACCEPT"),
        (Skb(Summed.PARTIAL, start=UDP), "heeds-verified", "REJECT"),
        (Skb(Summed.UNNECESSARY), "heeds-owed", "REJECT"),
        (Skb(Summed.UNNECESSARY), "heeds-verified", "ACCEPT"),
        (Skb(Summed.COMPLETE), "heeds-verified", "REJECT"),
        (Skb(Summed.COMPLETE), "heeds-verified valid-of-complete", "ACCEPT"),
        (Skb(), "trusts", "ACCEPT"),
        (Bare(), "heeds-owed heeds-verified", "REJECT"),
    ],
)
def test_a_reader_of_packets_believes_only_what_it_asks_for(state: State, words: str, ending: str) -> None:
    """A partial sum is wrong to a program that sums for itself, unless it is told of it by a status that it heeds."""
    partial = FramePacket(NESTED[14:], HEADERS).write_pseudo(UDP)
    done = apply(READER, state, partial, Setting(knobs=lambda name: name in words.split()))
    assert done.ending is not None
    assert done.ending.name == ending


@pytest.mark.long
@pytest.mark.needs_root
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be made here")
def test_this_kernel_fills_inside_an_ip_header_where_it_is_told_to() -> None:
    """csum_start six bytes into the IPv4 header, on a bridge, to a tap whose reader takes no unfinished sums: the bytes are the model's."""
    data = frames.ethernet(frames.ipv4(frames.udp(b"payload!", 7777))).data
    headers = headers_of(dissect_packet(data, 1).facts, walks.hosts_of("linux-6.1")["bridge"])
    space = Namespace()
    try:
        with space.entered():
            quiet()
            near, far = Tap("near", offload=True, napi=False), Tap("far", offload=False, napi=False)
            ip(["link add br0 type bridge forward_delay 0 mcast_snooping 0"])
            ip([f"link set {name} {words}" for name in ("near", "far") for words in ("master br0", "up")] + ["link set br0 up"])
            found: list[bytes] = []
            for _ in range(40):  # A bridge takes a moment to forward.
                near.send(Header(NEEDS_CSUM, 14 + 6, 4), data)
                time.sleep(0.05)
                while (got := far.receive()) is not None:
                    found += [got[1]] if b"payload!" in got[1] else []
                if found:
                    break
            near.close()
            far.close()
    finally:
        space.close()
    assert found[0][14:] == FramePacket(data[14:], headers).fill(headers[0].uid).data
