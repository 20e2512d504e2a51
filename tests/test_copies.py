"""Copies of one packet on several interfaces: found where they are, not invented where they are not, and quickly."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from frames import block_of, patch
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab.capture import Block, Interface, open_capture
from csumlab.copies import Copies, may_have_copies
from csumlab.copies import matching as module
from csumlab.dissection import dissect_packet
from csumlab.fingerprints import Words
from csumlab.headers import Layer, Link
from csumlab.inet import negate, residue

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
# Captures with cooked headers or more than one interface, and how many sightings in them are copies.
ON_SEVERAL = {
    "google__test202_466918.pcapng": 2,
    "notyusheng__free5gc_89f4c3.pcapng": 0,
    "ntop__reasm_crash_anon_81c477.pcapng": 17,
    "seladb__GrePackets_988ac1.pcapng": 0,
    "seladb__gtp_ab3c15.pcapng": 0,
    "wader__sll2_tcp_mss_wrong_2f7120.pcap": 0,
}
MS = 10**6
GOOD, PARTIAL, BAD = 1, 2, 3
TO_US, TO_OTHERS, SENT = 0, 3, 4


@dataclass(frozen=True)
class Sighting:
    """One packet as a cooked capture of version 2 shows it."""

    packet: bytes
    index: int
    kind: int
    at: int
    code: int = GOOD


def ip(
    source: str = "10.0.0.1",
    destination: str = "10.0.9.9",
    *,
    ports: tuple[int, int] = (40000, 80),
    number: int = 7,
    payload: bytes = b"hello",
    identification: int = 77,
    ttl: int = 64,
    checksum: int = 0,
    protocol: int = 6,
) -> bytes:
    """An IPv4 packet with a TCP segment or UDP datagram; its transport checksum is whatever is said."""
    if protocol == 6:
        inside = struct.pack("!HHIIBBHHH", *ports, number, 5, 0x50, 0x18, 512, checksum, 0) + payload
    else:
        inside = struct.pack("!HHHH", *ports, 8 + len(payload), checksum) + payload
    addresses = ip_address(source).packed + ip_address(destination).packed
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inside), identification, 0x4000, ttl, protocol, 0) + addresses
    return patch(header, 10, negate(residue(header))) + inside


def six(payload: bytes, *, number: int = 7, hops: int = 64) -> bytes:
    """An IPv6 packet with a TCP segment."""
    inside = struct.pack("!HHIIBBHHH", 40000, 80, number, 5, 0x50, 0x18, 512, 0, 0) + payload
    return struct.pack("!IHBB", 6 << 28, len(inside), 6, hops) + ip_address("fd00::1").packed + ip_address("fd00::2").packed + inside


def cooked2(packet: bytes, index: int, kind: int) -> bytes:
    protocol = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return struct.pack("!HHIHBB", protocol, 0, index, 1, kind, 6) + bytes(8) + packet


def cooked(packet: bytes, kind: int) -> bytes:
    return struct.pack("!HHH", kind, 1, 6) + bytes(8) + b"\x08\0" + packet


def block(sightings: list[Sighting], first: int = 1) -> Block:
    frames = [cooked2(one.packet, one.index, one.kind) for one in sightings]
    made = block_of(frames, linktypes=[276] * len(frames), first=first)
    return replace(made, timestamp=np.array([one.at for one in sightings], np.int64))


def offsets(count: int, value: int = 20) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.full(count, value, np.int64)


def run(sightings: list[Sighting], *, cuts: tuple[int, ...] = (), copies: Copies | None = None) -> tuple[Copies, list[int]]:
    """All sightings in blocks that end at ``cuts``, and the number of the first sighting of each."""
    copies = copies or Copies()
    found: list[int] = []
    bounds = sorted({0, *(cut for cut in cuts if 0 < cut < len(sightings)), len(sightings)})
    for start, end in pairwise(bounds):
        part = sightings[start:end]
        codes = np.array([one.code for one in part], np.int8)
        found += copies.add(block(part, start + 1), offsets(len(part)), codes).tolist()
    return copies, found


def forwarded(number: int, at: int) -> list[Sighting]:
    """One packet through a guest's interface, a bridge and a card; the guest left its sum to the card."""
    packet = ip(number=number, identification=number, checksum=0x1234)
    return [
        Sighting(packet, 7, TO_OTHERS, at, PARTIAL),
        Sighting(packet, 3, TO_US, at + 10_000, PARTIAL),
        Sighting(patch(packet, 36, 0xBEEF), 2, SENT, at + 20_000, GOOD),
    ]


def test_three_interfaces_are_three_hops_of_one_packet() -> None:
    """A packet on three interfaces is one packet on a path of three places, with the state of its sum at each."""
    copies, found = run([one for number in range(1, 5) for one in forwarded(number, number * 50 * MS)])
    assert found == [0, 1, 1, 0, 4, 4, 0, 7, 7, 0, 10, 10]
    (path,) = copies.paths
    assert [str(hop.place) for hop in path.hops] == ["interface 7 (to another host)", "interface 3 (to us)", "interface 2 (sent by us)"]
    assert path.packets == 4
    assert path.examples == ((1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12))
    assert [hop.codes for hop in path.hops] == [(0, 0, 4, 0, 0), (0, 0, 4, 0, 0), (0, 4, 0, 0, 0)]
    assert not any(hop.routed or hop.rewritten for hop in path.hops)
    assert not copies.capped
    assert copies.paths == (path,)


def test_a_router_lowers_the_ttl() -> None:
    """A hop with another TTL is routed, over IPv6 too; the header checksum and the traffic class do not matter."""
    old, new = ip(ttl=64), patch(ip(ttl=63), 0, 0x45B8)
    copies, found = run(
        [Sighting(old, 1, TO_US, 0), Sighting(new, 2, SENT, MS), Sighting(six(b"x"), 1, 0, MS), Sighting(six(b"x", hops=63), 2, 4, MS)]
    )
    assert found == [0, 1, 0, 3]
    (path,) = copies.paths
    assert [hop.routed for hop in path.hops] == [False, True]
    assert "routed" in str(path)


@pytest.mark.parametrize(
    "other",
    [
        ip(identification=78),
        ip(number=8),
        ip(payload=b"hellO"),
        ip(source="10.0.0.2", payload=b"other"),
        ip(payload=b"hello!"),
        ip(protocol=17),
        six(b"hello"),
    ],
)
def test_another_packet_is_no_copy(other: bytes) -> None:
    """Packets that differ in anything that stays the same on the way are two packets."""
    copies, found = run([Sighting(ip(), 1, TO_US, 0), Sighting(other, 2, SENT, MS)])
    assert found == [0, 0]
    assert [path.packets for path in copies.paths] == [1, 1]


def test_the_same_place_is_no_hop_and_a_second_later_is_too_late() -> None:
    """Equal packets at one place, or more than a second apart, are traffic."""
    assert run([Sighting(ip(), 1, TO_US, 0), Sighting(ip(), 1, TO_US, MS)])[1] == [0, 0]
    assert run([Sighting(ip(), 1, TO_US, 0), Sighting(ip(), 2, TO_US, 1001 * MS)])[1] == [0, 0]
    assert run([Sighting(ip(), 1, TO_US, 0), Sighting(ip(), 2, TO_US, 999 * MS)])[1] == [0, 1]


def test_equal_packets_that_are_sent_again_are_paired_in_turn() -> None:
    """A packet sent three times, forwarded in bursts and once lost, is three packets."""
    probe = ip(protocol=17, identification=0, payload=b"are you there")
    burst = [Sighting(probe, 1, TO_US, at) for at in range(3)] + [Sighting(probe, 2, SENT, at) for at in range(100, 103)]
    assert run(burst)[1] == [0, 0, 0, 1, 2, 3]
    beats = [Sighting(probe, index, 0, at) for at, index in ((0, 1), (100 * MS, 1), (101 * MS, 2), (200 * MS, 1), (201 * MS, 2))]
    assert run(beats)[1] == [0, 0, 2, 0, 4]


def test_direction_alone_is_a_hop() -> None:
    """On one interface the packet type tells in from out, and in pcapng without a cooked header the direction of epb_flags."""
    assert run([Sighting(ip(), 1, TO_US, 0), Sighting(ip(ttl=63), 1, SENT, MS)])[1] == [0, 1]
    frames = block_of([ip(), ip()], linktypes=[101, 101])
    frames = replace(frames, flags=np.array([1 << 32 | 1, 1 << 32 | 2], np.int64), interfaces=(Interface(101, name="eth0"),))
    copies = Copies()
    assert copies.add(frames, offsets(2, 0), np.zeros(2, np.int8)).tolist() == [0, 1]
    assert str(copies.paths[0]) == "eth0 (in) -> eth0 (out): 1 packet"


def test_cooked_version_1_knows_no_interface() -> None:
    """With an identification, a second sighting with the same packet type within the second can only be a copy; without one it is not."""
    for identification, expected in ((77, [0, 1, 1]), (0, [0, 0, 1])):
        packet = ip(identification=identification)
        made = block_of([cooked(packet, 0), cooked(packet, 0), cooked(packet, 4)], linktypes=[113] * 3)
        assert Copies().add(made, offsets(3, 16), np.zeros(3, np.int8)).tolist() == expected


def test_translation_is_a_rewrite() -> None:
    """Source address and port are translated between two places: the packets match, and the pair of flows is told."""
    sightings = []
    for number in (1, 2, 3):
        inside = ip(number=number, identification=number)
        outside = ip("192.0.2.1", ports=(1024, 80), number=number, identification=number, ttl=63, checksum=99)
        sightings += [Sighting(inside, 1, TO_US, number * MS), Sighting(outside, 2, SENT, number * MS + 100)]
    copies, found = run(sightings, cuts=(3,))
    assert found == [0, 1, 0, 3, 0, 5]
    (rewrite,) = copies.rewrites
    assert str(rewrite) == "10.0.0.1:40000 -> 10.0.9.9:80 became 192.0.2.1:1024 -> 10.0.9.9:80: 3 packets"
    assert rewrite.examples == ((1, 2), (3, 4), (5, 6))
    (path,) = copies.paths
    assert [(hop.routed, hop.rewritten) for hop in path.hops] == [(False, False), (True, True)]
    assert path.packets == 3


def test_two_candidates_are_no_translation() -> None:
    """What may come from either of two packets comes from none, and neither does what nothing tells apart."""
    both = [Sighting(ip(f"10.0.0.{host}"), host + 5, TO_US, host) for host in (1, 2)]
    copies, found = run([*both, Sighting(ip("192.0.2.1"), 2, SENT, MS)])
    assert found == [0, 0, 0]
    assert copies.rewrites == ()
    assert copies.ambiguous == 3
    assert run([Sighting(ip(), 1, TO_US, 0), Sighting(ip("192.0.2.1"), 1, TO_US, MS)])[1] == [0, 0]
    query = [ip(source, protocol=17, identification=0, payload=b"query") for source in ("10.0.0.1", "192.0.2.1")]
    assert run([Sighting(query[0], 1, TO_US, 0), Sighting(query[1], 2, SENT, 1)])[1] == [0, 0]


def test_a_damaged_copy_is_still_a_copy() -> None:
    """Of a long payload a part tells packets apart, so a flipped bit elsewhere shows as a bad sum at the second hop."""
    payload = bytes(1200)
    damaged = ip(payload=payload[:500] + b"\x01" + payload[501:])
    copies, found = run([Sighting(ip(payload=payload), 1, TO_US, 0), Sighting(damaged, 2, SENT, 1, BAD)])
    assert found == [0, 1]
    assert [hop.codes for hop in copies.paths[0].hops] == [(0, 1, 0, 0, 0), (0, 0, 0, 1, 0)]


def test_long_packets_differ_in_their_samples() -> None:
    """Long packets that differ at their end, their start or their length are two; a cut one is told apart by its headers alone."""
    payload = bytes(1200)
    for other in (payload[:-1] + b"\1", b"\1" + payload[1:], payload[:-8], payload[:300] + bytes(range(1, 101)) + payload[400:]):
        assert run([Sighting(ip(payload=payload), 1, TO_US, 0), Sighting(ip(payload=other), 2, SENT, 1)])[1] == [0, 0]
    cut = [ip(number=number, payload=bytes(range(100)))[:length] for number, length in ((1, 70), (1, 90), (2, 90))]
    assert run([Sighting(packet, index, TO_US, 0) for index, packet in enumerate(cut)])[1] == [0, 1, 0]


def test_what_belongs_together_is_remembered_together() -> None:
    """Across blocks, a rewritten packet keeps its first sighting, and a packet that was sent again stays another one."""
    pair = [Sighting(ip(), 1, TO_US, 0), Sighting(ip("192.0.2.1"), 2, SENT, 900 * MS)]
    clock = Sighting(ip(number=99, identification=99), 9, TO_US, 1500 * MS)
    copies, found = run([*pair, clock, Sighting(ip("192.0.2.1"), 3, SENT, 1600 * MS)], cuts=(2, 3))
    assert found == [0, 1, 0, 1]
    assert sorted(len(path.hops) for path in copies.paths) == [1, 3]
    beats = [Sighting(ip(), index, 0, at * MS) for index, at in ((1, 0), (2, 1), (1, 600), (2, 900))]
    clock = replace(clock, at=1100 * MS)
    assert run([*beats, clock, Sighting(ip(), 3, 0, 1101 * MS)], cuts=(4, 5))[1] == [0, 1, 0, 0, 0, 4]


@settings(max_examples=40 * TIMES, deadline=None)
@given(st.data())
def test_order_and_blocks_do_not_matter(data: st.DataObject) -> None:
    """Hops of many packets in any interleaving, cut into any blocks: each packet is found once, with as many hops as it has."""
    packets = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=12))
    sightings = [(number, hop) for number, hops in enumerate(packets) for hop in range(hops)]
    shuffled = data.draw(st.permutations(sightings))
    cuts = tuple(data.draw(st.lists(st.integers(1, len(sightings)), max_size=4)))
    made = [Sighting(ip(number=number, identification=number + 1), hop + 1, 0, at * MS) for at, (number, hop) in enumerate(shuffled)]
    copies, found = run(made, cuts=cuts)
    firsts: dict[int, int] = {}
    expected = []
    for position, (number, _) in enumerate(shuffled, 1):
        expected.append(firsts.get(number, 0))
        firsts.setdefault(number, position)
    assert found == expected
    assert sum(path.packets for path in copies.paths) == len(packets)
    assert sum(path.packets * len(path.hops) for path in copies.paths) == len(sightings)
    assert all(sum(hop.codes) == path.packets for path in copies.paths for hop in path.hops)


@settings(max_examples=60 * TIMES, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=90), st.integers(-3, 100)), max_size=8), st.sampled_from((1, 113, 276)))
def test_any_bytes_are_taken(packets: list[tuple[bytes, int]], linktype: int) -> None:
    """No bytes and no offsets raise; every sighting of an IP header is counted once."""
    made = block_of([packet for packet, _ in packets], linktypes=[linktype] * len(packets))
    copies = Copies()
    found = copies.add(made, np.array([at for _, at in packets], np.int64), np.full(len(packets), 9, np.int8))
    assert len(found) == len(packets)
    assert ((found >= 0) & (found < np.arange(1, len(packets) + 1))).all()
    assert sum(path.packets * len(path.hops) for path in copies.paths) <= len(packets)


@settings(max_examples=60 * TIMES)
@given(st.binary(min_size=0, max_size=40), st.data())
def test_words_are_read_in_bounds(data: bytes, drawn: st.DataObject) -> None:
    """A word is the eight bytes from its place on, with zeros from its end on, at the last byte of the data too."""
    at = drawn.draw(st.integers(0, len(data)))
    end = drawn.draw(st.integers(0, len(data)))
    word = Words(np.frombuffer(data or b"\0", np.uint8)).load(np.array([at]), np.array([end]))[0]
    assert int(word).to_bytes(8, "little") == data[at : max(at, min(end, at + 8))].ljust(8, b"\0")


def test_bounds_hold_and_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many places, hops, paths, rewrites and packets in one second: counted, and the tables stay as small as they are."""
    monkeypatch.setattr(module, "RECENT", 4)
    monkeypatch.setattr("csumlab.copies.rewrites.REWRITES", 2)
    monkeypatch.setattr("csumlab.copies.hops.PATHS", 20)
    hops = [Sighting(ip(), index, 0, index) for index in range(1, 11)]
    copies, _ = run(hops)
    assert copies.paths[0].packets == 1
    assert copies.capped.hops == 2
    copies, _ = run([Sighting(ip(number=index, identification=index), index, 0, index) for index in range(1, 301)])
    assert copies.capped.places == 50
    assert len(copies.paths) == 20
    assert copies.capped.paths == 230
    assert copies.capped.window == 246
    pairs = [(ip(ports=(port, 80), identification=port), ip("192.0.2.1", ports=(port, 80), identification=port)) for port in range(1, 5)]
    copies, _ = run([Sighting(packet, index, 0, 0) for pair in pairs for index, packet in enumerate(pair)])
    assert len(copies.rewrites) == 2
    assert copies.capped.rewrites == 2


def test_only_some_captures_have_copies() -> None:
    """A capture on one interface cannot show hops; one on "any" or on two can."""
    assert not may_have_copies((Interface(1),))
    assert may_have_copies((Interface(1), Interface(1)))
    assert may_have_copies((Interface(Link.COOKED2),))


def test_lengths_must_agree() -> None:
    """Columns of another length are a mistake of the caller."""
    with pytest.raises(ValueError, match="for each packet"):
        Copies().add(block([Sighting(ip(), 1, 0, 0)]), offsets(2), np.zeros(1, np.int8))


def test_it_is_fast() -> None:
    """A block of 100,000 sightings takes well below a second: there is no Python per packet."""
    sightings = [one for number in range(1, 1001) for one in forwarded(number, 0)]
    small = block(sightings)
    big = block_of([small.data.tobytes() * 33], linktypes=[276])
    count = 33 * len(small)
    start = np.arange(count) // len(small) * len(small.data) + np.tile(small.offset, 33)
    repeated = Block(
        data=big.data,
        offset=start,
        captured=np.tile(small.captured, 33),
        original=np.tile(small.captured, 33),
        timestamp=np.tile(small.timestamp, 33) + np.arange(count) // len(small) * 2 * 10**9,
        interface=np.zeros(count, np.int32),
        flags=np.zeros(count, np.int64),
        first=1,
        interfaces=small.interfaces,
    )
    copies = Copies()
    began = time.process_time()
    found = copies.add(repeated, offsets(count), np.ones(count, np.int8))
    taken = time.process_time() - began
    assert np.count_nonzero(found) == count * 2 // 3
    assert copies.paths[0].packets == count // 3
    assert taken < 1.0


def _ip_offset(data: bytes, linktype: int) -> int:
    found = (header.offset for header in dissect_packet(data, linktype).headers if header.layer in (Layer.IPV4, Layer.IPV6))
    return next(found, -1)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of labelled captures (../shared/corpus) is not there")
def test_real_captures_on_any() -> None:
    """In real captures on "any" or several interfaces a copy is the packet of its first sighting, but for what routers change."""
    compared: dict[str, int] = {}
    for name in ON_SEVERAL:
        packets: list[bytes] = []
        copies = Copies()
        with open_capture(CORPUS / name) as capture:
            for one in capture:
                assert may_have_copies(one.interfaces)
                columns = (one.offset.tolist(), one.captured.tolist(), one.interface.tolist())
                cut = [(one.data[start : start + size].tobytes(), number) for start, size, number in zip(*columns, strict=True)]
                at = [_ip_offset(data, one.interfaces[number].linktype) for data, number in cut]
                packets += [data[max(start, 0) :] for (data, _), start in zip(cut, at, strict=True)]
                found = copies.add(one, np.array(at, np.int64), np.zeros(len(one), np.int8))
                for row in np.flatnonzero(found).tolist():
                    mine, first = packets[one.first - 1 + row], packets[int(found[row]) - 1]
                    assert (mine[0], mine[2:8], mine[9], mine[12:36]) == (first[0], first[2:8], first[9], first[12:36])
                    compared[name] = compared.get(name, 0) + 1
        assert not copies.capped
        assert not copies.rewrites
    assert {name: compared.get(name, 0) for name in ON_SEVERAL} == ON_SEVERAL
