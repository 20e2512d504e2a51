"""Fragments of packets: cut and put together as bytes, told apart as facts, and judged as the datagram that they are."""

from __future__ import annotations

import cutters
import frames
import pytest
import walks
from hypothesis import given, settings
from hypothesis import strategies as st

from csumlab.dissection import dissect_packet
from csumlab.facts import FragmentRole
from csumlab.headers import Verdict
from csumlab.pieces import cut, join, payload_of
from csumlab.tables import Tables
from csumlab.topology.load import parse_topology

OPTIONS = b"\x94\x04\0\0"
EXTENSIONS = ((60, bytes([0, 0, 1, 4, 0, 0, 0, 0])), (43, bytes([0, 0, 4, 0, 0, 0, 0, 0])))


def packet(version: int, size: int, more: bool) -> bytes:
    """A UDP datagram; ``more``: with IPv4 options or IPv6 extension headers."""
    inner = frames.udp(bytes(n & 0xFF for n in range(size)), 53)
    if version == 4:
        return frames.ipv4(inner, options=OPTIONS if more else b"").data
    return frames.ipv6(inner, extensions=EXTENSIONS if more else ()).data


def ethernet(data: bytes) -> bytes:
    return bytes(12) + (b"\x08\0" if data[0] >> 4 == 4 else b"\x86\xdd") + data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from((4, 6)), st.integers(0, 4000), st.integers(150, 2000), st.integers(110, 1500), st.booleans())
def test_cut_and_put_together(version: int, size: int, mtu: int, smaller: int, more: bool) -> None:
    """Every fragment fits, all but the last are full multiples of eight bytes, all together are the datagram, cut once or twice."""
    whole = packet(version, size, more)
    pieces = cut(whole, mtu)
    assert all(len(one) <= mtu for one in pieces)
    again = [part for one in pieces for part in cut(one, smaller)]
    assert all(len(payload_of(one)) % 8 == 0 for several in (pieces, again) for one in several[:-1])
    assert (pieces == [whole]) is (len(whole) <= mtu)
    for several in (pieces, again):
        if len(several) > 1:
            assert join(several) == whole


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_are_what_a_dissector_takes_for_such(version: int) -> None:
    """The first has the transport header, the others none; IPv4 sums are right."""
    pieces = cut(packet(version, 3000, more=False), 1500)
    found = [dissect_packet(ethernet(one), 1) for one in pieces]
    assert [one.facts.addresses[0].fragment for one in found] == [FragmentRole.FIRST, FragmentRole.LATER, FragmentRole.LATER]
    assert [len(one.sums) for one in found] == ([2, 1, 1] if version == 4 else [1, 0, 0])
    assert all(one.sums[0].verdict is Verdict.GOOD for one in found if version == 4)


def test_lengths_are_facts_where_mtus_differ() -> None:
    """A class says between which MTUs its packets are, and whether DF is set; where there is one MTU it says neither."""
    mixed = parse_topology(cutters.routers(9000, 1500, 1400, tracked=False))
    assert (mixed.mtus, mixed.bounds(0), mixed.bounds(1), mixed.bounds(3)) == ((1400, 1500, 9000), (1, 1400), (1401, 1500), None)
    alike = parse_topology(cutters.routers(1500, 1500, 1500, tracked=False))
    assert (alike.mtus, alike.bounds(0)) == ((), None)
    frame = frames.ethernet(frames.ipv4(frames.udp(bytes(1400)), fragment=0x4000)).data
    for topology, length, kept in ((mixed, 1, True), (alike, 0, False)):
        facts = dissect_packet(frame, 1, tables=topology.tables).facts.addresses[0]
        assert (facts.length, facts.dont_fragment) == (length, kept)
    with pytest.raises(ValueError, match="lengths: more than 255"):
        Tables(lengths=tuple(range(300)))


def test_bounds_are_those_of_the_bytes() -> None:
    """What the headers of a walk say of a packet's length is true of the bytes of the same walk, tunnels included."""
    hosts = dict(cutters.hosts())
    seen = 0
    for name in ("routed, 9000 1500 1400, snat", "bridged, 1500 9000, hooked"):
        for origin, source, destination, version in cutters.ends_of(name):
            for kind, frame in cutters.packets(source, destination, version, b"evenly..").items():
                for trace in walks.run_plain(walks.Case(kind, hosts[name], origin, frame, None)):
                    for hop in trace.hops:
                        ip = hop.after.headers[0]
                        data = getattr(hop.after, "data", b"")
                        assert ip.sent_bounds is not None
                        low, high = ip.sent_bounds
                        assert low <= len(data) <= high
                        seen += ip.gathered
    assert seen
