"""The algebra of docs/model.md, line by line, against real bytes; and local checksum offload for any inner field."""

from __future__ import annotations

import frames
import protocol_frames
from hypothesis import given
from hypothesis import strategies as st

from csumlab.classes import headers_of
from csumlab.dissection import dissect_packet
from csumlab.headers import Layer
from csumlab.inet import MODULUS, residue
from csumlab.interpreting import Translation
from csumlab.operations import Rule
from csumlab.outer import Outer, OuterSum
from csumlab.packet import Span, exactly, outer_transport
from csumlab.plain.packet import FramePacket
from csumlab.topology.model import Topology

OLD, NEW = exactly("10.1.2.3"), exactly("10.77.5.200")
WORDS = st.integers(0, 0xFFFF)


def packet_with(field: int, payload: bytes) -> FramePacket:
    """A TCP packet whose field holds anything."""
    data = frames.ethernet(frames.ipv4(frames.tcp(payload), str(OLD))).data
    found = dissect_packet(data, 1)
    headers = headers_of(found.facts, Topology({}))
    return FramePacket(frames.patch(data, found.sums[-1].at, field)[14:], headers)


def state(packet: FramePacket) -> tuple[int, int]:
    """r and g of the innermost sum, from the bytes."""
    one = list(packet.sums.values())[-1]
    assert one.residue is not None
    assert one.seed is not None
    return one.residue, one.seed


def tcp(packet: FramePacket) -> int:
    return packet.headers[-1].uid


def change(old: bytes, new: bytes) -> int:
    return (residue(new) - residue(old)) % MODULUS


@given(WORDS, st.binary(max_size=40))
def test_fills_and_writes(field: int, payload: bytes) -> None:
    """Fill: r = -g, g = -r, and twice is the identity; pseudo-header sum: r - g, 0; recomputed: 0, g - r."""
    packet = packet_with(field, payload)
    r, g = state(packet)
    assert state(packet.fill(tcp(packet))) == (-g % MODULUS, -r % MODULUS)
    assert state(packet.fill(tcp(packet)).fill(tcp(packet))) == (r, g)
    assert state(packet.write_pseudo(tcp(packet))) == ((r - g) % MODULUS, 0)
    assert state(packet.compute(tcp(packet))) == (0, (g - r) % MODULUS)


@given(WORDS, st.binary(max_size=40))
def test_translations(field: int, payload: bytes) -> None:
    """An address or a port grows by d, and the field follows by the final rule, by the partial rule, or not at all."""
    packet = packet_with(field, payload)
    r, g = state(packet)
    d = change(OLD.low.to_bytes(4, "big"), NEW.low.to_bytes(4, "big"))
    address = Translation(source=NEW)
    assert state(packet.translate(address, Rule.FINAL, Rule.LEAVE)) == (r, (g - 2 * d) % MODULUS)
    assert state(packet.translate(address, Rule.PSEUDO, Rule.LEAVE)) == ((r + 2 * d) % MODULUS, g)
    assert state(packet.translate(address, Rule.LEAVE, Rule.LEAVE)) == ((r + d) % MODULUS, (g - d) % MODULUS)
    d = 4000 - 1025
    port = Translation(source_port=Span(0, 4000, 4000))
    assert state(packet.translate(port, Rule.LEAVE, Rule.FINAL)) == (r, (g - d) % MODULUS)
    assert state(packet.translate(port, Rule.LEAVE, Rule.LEAVE)) == ((r + d) % MODULUS, g)


@given(WORDS, st.binary(min_size=2, max_size=40), WORDS)
def test_damage(field: int, payload: bytes, word: int) -> None:
    """An error e in the covered bytes: r + e, g as it was."""
    packet = packet_with(field, payload)
    r, g = state(packet)
    at = len(packet.data) - len(payload)
    spoiled = FramePacket(frames.patch(packet.data, at, word), packet.headers)
    e = change(payload[:2], word.to_bytes(2, "big"))
    assert state(spoiled) == ((r + e) % MODULUS, g)


@given(WORDS, st.binary(max_size=40))
def test_local_checksum_offload(field: int, payload: bytes) -> None:
    """r of the outer sum is r + g of the inner one, whatever the inner field holds, and 0 once the inner one is filled."""
    packet = packet_with(field, payload)
    r, g = state(packet)
    layers = (Layer.IPV4, Layer.UDP, Layer.VXLAN, Layer.ETHERNET)
    outer = Outer(4, layers, exactly("192.0.2.1"), exactly("192.0.2.9"), Span(0, 4789, 4789))
    pushed = packet.push(outer, OuterSum.LCO, tcp(packet), False)
    udp = outer_transport(pushed.headers)
    assert udp is not None
    assert pushed.sums[udp.uid].residue == (r + g) % MODULUS
    assert pushed.fill(tcp(packet)).sums[udp.uid].residue == 0


def test_a_translated_address_leaves_the_sums_that_do_not_hold_it() -> None:
    """SCTP's CRC covers no address: right before, right after, in bytes; of UDP-Lite the sum follows."""
    for piece in (protocol_frames.sctp(b"data"), protocol_frames.udplite(b"some data", 0)):
        data = protocol_frames.ethernet(protocol_frames.ipv4(piece)).data
        headers = headers_of(dissect_packet(data, 1).facts, Topology({}))
        moved = FramePacket(data[14:], headers).translate(Translation(source=NEW), Rule.FINAL, Rule.FINAL)
        assert moved.data[12:16] == bytes([10, 77, 5, 200])
        assert all(moved.right(uid) for uid in moved.sums)
