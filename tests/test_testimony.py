"""What TCP says about a segment whose sum is not good: acknowledgements, twins, and where twins differ."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address

import numpy as np
import pytest
from frames import Frame, block_of, gre, patch
from frames import ipv4 as frame_ipv4
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab.capture import Block
from csumlab.dissection import dissect_packet
from csumlab.headers import Kind, Layer, Verdict
from csumlab.inet import negate, residue
from csumlab.testimony import Statement, Testimony
from csumlab.testimony import flows as module
from csumlab.testimony.twins import differences

MS = 10**6
CLIENT, SERVER = "10.0.0.1", "10.0.9.9"
FIN, SYN, PSH, ACK = 1, 2, 8, 16
WRONG = (Verdict.BAD, Verdict.PARTIAL)
TURN = 1 << 32


@dataclass(frozen=True)
class Packet:
    """One raw IP packet at a time in nanoseconds."""

    data: bytes
    at: int = 0


_identification = iter(range(1, 1 << 40))


def packet(
    at: int,
    sequence: int,
    payload: bytes = b"",
    *,
    acknowledges: int = 500,
    back: bool = False,
    flags: int = ACK,
    state: str = "good",
    options: bytes = b"",
    identification: int | None = None,
    version: int = 4,
    port: int = 40000,
) -> Packet:
    """A segment from client to server, or ``back``; its sum good, partial, or as ``bad``, one too many."""
    ends = [(CLIENT, port), (SERVER, 80)] if version == 4 else [("fd00::1", port), ("fd00::9", 80)]
    (source, source_port), (destination, destination_port) = reversed(ends) if back else ends
    addresses = ip_address(source).packed + ip_address(destination).packed
    size = (20 + len(options)) // 4 << 4
    words = (source_port, destination_port, sequence % TURN, acknowledges % TURN, size, flags, 512, 0, 0)
    segment = struct.pack("!HHIIBBHHH", *words) + options + payload
    pseudo = addresses + (struct.pack("!HH", 6, len(segment)) if version == 4 else struct.pack("!II", len(segment), 6))
    right = negate(residue(pseudo + segment))
    value = {"good": right, "bad": (right + 1) % 0xFFFF or 1, "partial": residue(pseudo)}[state]
    segment = patch(segment, 16, value)
    if version == 6:
        return Packet(struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + addresses + segment, at)
    number = (next(_identification) if identification is None else identification) & 0xFFFF
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), number, 0x4000, 64, 6, 0) + addresses
    return Packet(patch(header, 10, negate(residue(header))) + segment, at)


def block(packets: list[Packet], first: int = 1) -> Block:
    made = block_of([one.data for one in packets], linktypes=[101] * len(packets), first=first)
    return replace(made, timestamp=np.array([one.at for one in packets], np.int64))


def watch(testimony: Testimony, packets: list[Packet], first: int = 1) -> list[int]:
    """Watch every TCP segment without a good sum; the numbers of those that are watched."""
    watched = []
    for number, one in enumerate(packets, first):
        dissection = dissect_packet(one.data, 101)
        for position, checksum in enumerate(dissection.sums):
            if checksum.kind is Kind.TCP and checksum.verdict in WRONG and testimony.watch(number, one.at, one.data, dissection, position):
                watched.append(number)
    return watched


def run(packets: list[Packet], *, passes: int = 2, size: int = 1000) -> Testimony:
    """Watch and follow in two passes, or block by block in one."""
    testimony = Testimony()
    starts = range(0, len(packets), size)
    if passes == 2:
        watch(testimony, packets)
    for start in starts:
        part = packets[start : start + size]
        if passes == 1:
            watch(testimony, part, start + 1)
        testimony.follow(block(part, start + 1), np.zeros(len(part), np.int64))
    return testimony


def said(packets: list[Packet], number: int = 1) -> Statement:
    """What is said about a packet, which must not depend on one pass or two, nor on the short cuts of follow."""
    two = run(packets).verdicts()
    assert run(packets, passes=1).verdicts() == two
    slow = Testimony()
    watch(slow, packets)
    for index, one in enumerate(packets, 1):
        slow.look(index, one.at, one.data, dissect_packet(one.data, 101))
    assert slow.verdicts() == two
    assert str(two[number]) == f"packet {number}: {two[number].conclusion}"
    return two[number]


@pytest.mark.parametrize("state", ["bad", "partial"])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("start", [1000, TURN - 3, TURN - 5])
def test_an_acknowledgement_says_that_it_was_taken(state: str, version: int, start: int) -> None:
    """The peer acknowledges the end of the range: whatever the capture shows, the receiver took it. Also where numbers start again."""
    found = said(
        [
            packet(0, start, b"hello", state=state, version=version),
            packet(MS, 500, acknowledges=start + 4, back=True, version=version),
            packet(2 * MS, 500, acknowledges=start + 5, back=True, version=version),
            packet(900 * MS, start, b"jello", version=version),
        ]
    )
    assert (found.acknowledged, found.acknowledged_by, found.twin) == (True, 3, None)
    assert found.conclusion == "its receiver acknowledged it: the wrong sum did not reach it, or was not looked at"


def test_a_twin_shows_the_damage() -> None:
    """Sent again with another byte and a good sum: damaged on the way, and where."""
    payload = bytes(1020) + b"A" + bytes(400)
    damaged = packet(0, 7000, payload)
    broken = Packet(damaged.data[:1060] + b"B" + damaged.data[1061:], 0)
    acks = [packet(at * MS, 500, acknowledges=7000, back=True) for at in (1, 2, 3)]
    found = said([broken, *acks, packet(210 * MS, 7000, payload, flags=ACK | PSH), packet(220 * MS, 500, acknowledges=8421, back=True)])
    assert found.differs == (1040,)
    assert (found.acknowledged, found.twin, found.twin_good, found.twin_after) == (False, 5, True, 210 * MS)
    assert found.duplicate_acks == 2
    assert found.conclusion == "sent again 210 ms later with other bytes at payload offset 1020: damaged on the way"


@settings(max_examples=60 * TIMES, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40), st.sampled_from((0, 3)))
def test_only_bytes_that_account_for_the_sum_are_called_damage(payload: bytes, other: bytes, before: int) -> None:
    """Other bytes under the sum of the first ones are damage; other bytes with a wrong sum of their own are another packet's. Also where
    the good copy begins earlier."""
    other = (other + payload)[: len(payload)]
    sent = packet(0, 7000, payload)
    damaged = Packet(sent.data[: len(sent.data) - len(payload)] + other, 0)
    again = packet(210 * MS, 7000 - before, b"xyz"[:before] + payload)
    if residue(payload) != residue(other):
        assert said([damaged, again]).conclusion.endswith("damaged on the way")
    if payload != other and (residue(payload) - residue(other)) % 0xFFFF not in (1, 2, 0xFFFD, 0xFFFE):
        anew = packet(0, 7000, other, state="bad")
        assert said([anew, again]).conclusion.endswith("but these do not account for its sum")


def test_a_twin_with_the_same_bytes_says_that_only_the_sum_was_wrong() -> None:
    """Sent again as it was: what was wrong is the sum. The receiver dropped it only if it asked for it again."""
    twin = packet(210 * MS, 7000, b"hello")
    late = packet(250 * MS, 500, acknowledges=7005, back=True)
    wrong = packet(0, 7000, b"hello", state="bad")
    assert said([wrong, twin]).conclusion == "sent again 210 ms later with the same bytes: only the sum was wrong"
    assert said([wrong, twin]).acknowledged is None
    found = said([wrong, twin, late])
    assert found.acknowledged is False
    assert found.conclusion == "sent again 210 ms later with the same bytes: only the sum was wrong, and it was acknowledged only then"
    asked = [packet(at * MS, 500, acknowledges=7000, back=True) for at in (1, 2)]
    found = said([wrong, *asked, twin, late])
    assert found.conclusion == "sent again 210 ms later with the same bytes: only the sum was wrong, the receiver dropped it"


def test_a_header_can_be_damaged() -> None:
    """Differences in the header are told by their place there; what a sender lawfully changes is none."""
    stamps = [bytes.fromhex("0101080a") + struct.pack("!II", value, 7) for value in (1, 2)]
    first = packet(0, 7000, b"hello", options=stamps[0], acknowledges=500)
    broken = Packet(patch(first.data, 38, 0x0001), 0)
    again = packet(210 * MS, 7000, b"hello", options=stamps[1], acknowledges=900, flags=ACK | PSH)
    assert said([broken, again]).differs == (19,)
    assert said([broken, again]).conclusion.endswith("with other bytes at TCP header offset 19: damaged on the way")


def test_all_copies_wrong_and_acknowledged() -> None:
    """A sender that leaves sums to its card is seen sending twice: the acknowledgement is for one of them, and both are wrong here."""
    copies = [packet(at, 7000, b"hello", state="partial") for at in (0, 300 * MS)]
    found = run([*copies, packet(310 * MS, 500, acknowledges=7005, back=True)]).verdicts()[1]
    assert found.acknowledged is True
    assert found.twin == 2
    assert not found.twin_good
    assert found.conclusion == "its receiver acknowledged its bytes, though all 2 copies here are wrong"


def test_a_good_copy_before_it_makes_an_acknowledgement_worthless() -> None:
    """Two passes know what came before: an acknowledgement of bytes that were already there says nothing."""
    packets = [
        packet(0, 7000, b"hello"),
        packet(210 * MS, 7000, b"hello", state="bad"),
        packet(220 * MS, 500, acknowledges=7005, back=True),
    ]
    found = said(packets, 2)
    assert (found.acknowledged, found.twin, found.twin_after) == (None, 1, -210 * MS)
    assert found.conclusion == "sent before as packet 1 with the same bytes: only the sum is wrong, and an acknowledgement says nothing"


def test_a_cut_copy_before_it_is_no_twin() -> None:
    """An earlier header that only claims the bytes makes an acknowledgement worthless and compares nothing."""
    cut = Packet(packet(0, 7000, b"hello").data[:40])
    packets = [cut, packet(210 * MS, 7000, b"hello", state="bad"), packet(220 * MS, 500, acknowledges=7005, back=True)]
    found = said(packets, 2)
    assert (found.acknowledged, found.twin) == (None, None)
    assert found.conclusion == "its bytes may have been sent before: an acknowledgement says nothing"


def test_pieces_count_together() -> None:
    """Sent again in two pieces: only when both are there an acknowledgement is theirs."""
    wrong = packet(0, 7000, b"hellohello", state="bad")
    pieces = [packet(200 * MS, 7000, b"hello"), packet(201 * MS, 7005, b"hello")]
    ack = packet(300 * MS, 500, acknowledges=7010, back=True)
    assert said([wrong, pieces[0], ack]).acknowledged is True
    found = said([wrong, *pieces, ack])
    assert found.acknowledged is False
    assert found.conclusion == "sent again in pieces, and acknowledged only then"


@pytest.mark.parametrize("start", [7000, TURN - 1])
def test_a_longer_twin_is_compared_too(start: int) -> None:
    """A sender joins what it sends again: the watched bytes are compared inside the longer segment, headers are not."""
    found = said([packet(0, start + 2, b"llX", state="bad"), packet(200 * MS, start, b"hello", acknowledges=9)])
    assert found.differs == (22,)
    assert found.twin_good


def test_the_same_packet_at_another_place_is_no_twin() -> None:
    """The identification, or without one the moment, tells another sighting of the packet from its bytes sent again."""
    found = said([packet(0, 7000, b"hello", state="partial", identification=9), packet(40, 7000, b"hello", identification=9)])
    assert (found.twin, found.copy) == (None, 2)
    assert found.conclusion == "the same packet is here again as packet 2, with a better sum"
    found = said([packet(0, 7000, b"hellO", state="bad", version=6), packet(40, 7000, b"hello", version=6)])
    assert (
        found.conclusion
        == "the same packet is here again as packet 2, with other bytes at payload offset 4: damaged between the two places"
    )
    assert said([packet(0, 7000, b"x", state="bad", version=6), packet(30 * MS, 7000, b"x", version=6)]).twin == 2


def test_flags_count_one() -> None:
    """SYN and FIN take a sequence number each: without payload they can be acknowledged and sent again."""
    syn = [packet(0, 7000, flags=SYN, acknowledges=0, state="partial"), packet(MS, 900, acknowledges=7001, flags=SYN | ACK, back=True)]
    assert said(syn).acknowledged is True
    fin = [packet(0, 7000, flags=FIN | ACK, state="bad"), packet(200 * MS, 7000, flags=FIN | ACK)]
    assert said(fin).twin == 2
    bare = packet(0, 7000, state="bad")
    assert watch(Testimony(), [bare]) == []


def test_nothing_seen() -> None:
    """A flow that ends there, another connection with the same ports, and an answer that comes too late say nothing."""
    wrong = packet(0, 7000, b"hello", state="bad")
    assert said([wrong]).conclusion == "nothing seen"
    assert said([wrong, packet(MS, 7005, b"more"), packet(MS, 500, acknowledges=6000, back=True)]).conclusion == "nothing seen"
    new = [packet(MS, 5 << 28, flags=SYN, acknowledges=0), packet(2 * MS, 500, acknowledges=7005, back=True)]
    assert said([wrong, *new]).conclusion == "nothing seen"
    assert said([wrong, packet(121_000 * MS, 500, acknowledges=7005, back=True)]).conclusion == "nothing seen"


def test_a_damaged_acknowledgement_must_be_possible() -> None:
    """An acknowledgement with a bad sum counts only for numbers that were sent."""
    wrong = packet(0, 7000, b"hello", state="bad")
    assert said([wrong, packet(MS, 500, acknowledges=7005, back=True, state="bad")]).acknowledged is True
    assert said([wrong, packet(MS, 500, acknowledges=9_007_005, back=True, state="bad")]).acknowledged is None
    earlier = packet(-MS, 500, acknowledges=7000, back=True)
    assert said([earlier, wrong, packet(MS, 500, acknowledges=9_007_005, back=True)], 2).acknowledged is True


def test_an_acknowledgement_must_be_news() -> None:
    """What was acknowledged before the segment came, or may have been, says nothing: its own sequence number may be what is damaged."""
    wrong = packet(0, 7000, b"hello", state="bad")
    beyond = packet(MS, 500, acknowledges=7100, back=True)
    assert said([wrong, beyond]).acknowledged is None
    assert said([packet(-MS, 500, acknowledges=7100, back=True), wrong, beyond], 2).acknowledged is None
    assert said([packet(-MS, 500, acknowledges=7000, back=True), wrong, beyond], 2).acknowledged is True
    assert said([wrong, packet(MS, 500, acknowledges=7005, back=True)]).acknowledged is True


def test_inside_a_tunnel() -> None:
    """A flow is followed at its own nesting, and found by the outermost addresses whatever is around."""

    def tunnelled(inner: Packet, back: bool = False) -> Packet:
        ends = ("192.0.2.9", "192.0.2.1") if back else ("192.0.2.1", "192.0.2.9")
        return Packet(frame_ipv4(gre(Frame(inner.data, (Layer.IPV4,)), checksum=False), *ends).data, inner.at)

    packets = [
        tunnelled(packet(0, 7000, b"hello", state="partial")),
        packet(MS, 500, acknowledges=7005, back=True),
        tunnelled(packet(2 * MS, 500, acknowledges=7005, back=True), back=True),
    ]
    assert said(packets).acknowledged_by == 3


def test_a_quoted_segment_is_no_copy() -> None:
    """An ICMP error quotes a segment: nobody sent it again, and nobody sums the quote."""
    for state in ("bad", "good"):
        quote = Frame(b"\3\4" + bytes(6) + packet(0, 7000, b"hello", state=state).data, (Layer.ICMP,))
        error = Packet(frame_ipv4(quote, SERVER, CLIENT).data, MS)
        assert watch(Testimony(), [error]) == []
        assert said([packet(0, 7000, b"hello", state="bad"), error]).conclusion == "nothing seen"


def test_only_rows_of_watched_flows_are_wanted() -> None:
    """Both directions are wanted while a segment is open, and nothing before or after."""
    packets = [
        packet(0, 7000, b"hello", state="bad"),
        packet(1, 500, acknowledges=7000, back=True),
        packet(2, 1, b"other", port=40001),
        packet(3, 500, acknowledges=7005, back=True),
    ]
    whole, places = block(packets), np.zeros(4, np.int64)
    testimony = Testimony()
    assert testimony.wanted(whole, places).tolist() == []
    watch(testimony, packets)
    assert testimony.wanted(whole, places).tolist() == [0, 1, 3]
    assert testimony.wanted(whole, np.full(4, -1)).tolist() == []
    testimony.follow(whole, places)
    assert testimony.wanted(whole, places).tolist() == []


def test_most_packets_of_a_flow_cost_no_dissection() -> None:
    """Of a busy flow with one watched segment only what may tell something is dissected."""
    traffic = [packet(at, 7005 + 5 * at, b"after") for at in range(1, 400)]
    testimony = Testimony()
    packets = [packet(0, 7000, b"hello", state="bad"), *traffic]
    watch(testimony, packets)
    assert testimony.follow(block(packets), np.zeros(len(packets), np.int64)) <= 2


def test_bounds_hold_and_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows, segments, segments of one flow, bytes and looks past the bounds are counted and left out."""
    monkeypatch.setattr(module, "FLOWS", 2)
    monkeypatch.setattr(module, "SEGMENTS", 5)
    monkeypatch.setattr(module, "OPEN", 3)
    monkeypatch.setattr(module, "KEPT", 100)
    monkeypatch.setattr(module, "OCTETS", 250)
    monkeypatch.setattr(module, "LOOKS", 2)
    testimony = Testimony()
    assert not testimony.capped
    assert watch(testimony, [packet(0, 1000 * at, bytes(150), state="bad", port=1) for at in range(4)]) == [1, 2, 3]
    assert testimony.capped == module.Capped(segments=1, octets=50 + 50 + 100)
    assert watch(testimony, [packet(0, 1, b"x", state="bad", port=port) for port in (2, 3)], 5) == [5]
    assert testimony.capped.flows == 1
    assert watch(testimony, [packet(0, 10 * at, b"x", state="bad", port=2) for at in (1, 2)], 7) == [7]
    assert testimony.capped.segments == 2
    testimony.follow(block([packet(1, 0, b"y", port=1)] * 5), np.zeros(5, np.int64))
    assert testimony.capped.looks == 3
    assert len(testimony.verdicts()) == 5


def test_a_kept_part_is_compared_as_far_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a segment that was kept in part the same bytes are not claimed to be all bytes."""
    monkeypatch.setattr(module, "KEPT", 3)
    assert (
        "later, the same as far as can be compared: 3 of 5 bytes"
        in said([packet(0, 7000, b"helXX", state="bad"), packet(200 * MS, 7000, b"hello")]).conclusion
    )


def test_options_of_the_moment_are_no_difference() -> None:
    """Timestamps and SACK are passed over; another option, a broken length and a longer header are not taken for them."""
    base = struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0x80, 16, 5, 6, 0)
    sack, maximum = bytes.fromhex("0101050a") + bytes(8), bytes.fromhex("02040500") + bytes(8)
    assert differences(base + sack + b"x", 32, base + sack[:-1] + b"\1x", 32) == ()
    assert differences(base + maximum + b"x", 32, base + b"\2\4\5\1" + maximum[4:] + b"x", 32) == (23,)
    assert differences(base + b"\x08\0" + bytes(10), 32, base + b"\x08\0\1" + bytes(9), 32) == (22,)
    assert differences(base + sack + b"xy", 32, base + b"xz", 20) == (33,)
    assert len(differences(base + bytes(20), 20, base + b"\1" * 20, 20)) == 8


@settings(max_examples=60 * TIMES, deadline=None)
@given(st.data())
def test_any_order_is_taken(data: st.DataObject) -> None:
    """Segments, acknowledgements and copies in any order and any blocks: no error, short cuts change nothing, True needs a later one."""
    kinds = st.tuples(
        st.booleans(),
        st.integers(0, 12),
        st.integers(0, 6),
        st.sampled_from(("good", "bad", "partial")),
        st.sampled_from((ACK, ACK | SYN, ACK | FIN, SYN, 4)),
    )
    origin = data.draw(st.sampled_from((0, TURN - 6, 1 << 31)))
    packets = [
        packet(index * MS, origin + start, bytes(length), back=back, flags=flags, state=state, acknowledges=origin + start)
        for index, (back, start, length, state, flags) in enumerate(data.draw(st.lists(kinds, max_size=14)))
    ]
    size = data.draw(st.integers(1, 20))
    found = run(packets, size=size).verdicts()
    assert found == run(packets).verdicts()
    slow = Testimony()
    watch(slow, packets)
    for index, one in enumerate(packets, 1):
        slow.look(index, one.at, one.data, dissect_packet(one.data, 101))
    assert slow.verdicts() == found
    for number, statement in found.items():
        assert (statement.acknowledged_by or number + 1) > number
        assert not statement.acknowledged or statement.acknowledged_by
    one_pass = run(packets, passes=1, size=size).verdicts()
    assert set(one_pass) == set(found)


@settings(max_examples=60 * TIMES, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=70), st.integers(-2, 60)), max_size=6), st.integers(0, 80), st.data())
def test_any_bytes_are_taken(others: list[tuple[bytes, int]], cut: int, data: st.DataObject) -> None:
    """No bytes, cuts and offsets raise while a flow is watched."""
    wrong = packet(0, 7000, b"hello", state="bad")
    testimony = Testimony()
    watch(testimony, [wrong])
    mutated = bytearray(packet(1, 7000, b"hello", back=data.draw(st.booleans())).data)
    for _ in range(data.draw(st.integers(0, 4))):
        mutated[data.draw(st.integers(20, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    packets = [bytes(mutated[:cut]), *(content for content, _ in others)]
    made = block_of(packets, linktypes=[101] * len(packets), first=2)
    testimony.follow(made, np.array([0, *(at for _, at in others)], np.int64))
    assert set(testimony.verdicts()) == {1}
