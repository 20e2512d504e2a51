"""Captured fragments: with all pieces of a datagram there they share its fate, else they are held."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest
import walks

from csumlab import gathered, replaying
from csumlab.capture import PcapngWriter, open_capture
from csumlab.classes import headers_of
from csumlab.inet import negate, residue
from csumlab.packet import outer_transport
from csumlab.pieces import cut
from csumlab.replaying import ReplayResult, replay
from csumlab.topology.load import load_topology
from csumlab.trace import Fate

MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"
HOST = load_topology(Path(__file__).parents[1] / "captures" / "fragments-marked-verified" / "topology.toml")


def datagram(number: int = 1, size: int = 3000, flip: int = 0) -> bytes:
    """A UDP datagram over IPv4 for the host, right but for the bits of ``flip`` in its last byte."""
    addresses = bytes([192, 0, 2, 30, 192, 0, 2, 1])
    udp = (
        (4000 + number).to_bytes(2, "big") + b"\x08\x01" + (size + 8).to_bytes(2, "big") + bytes(2) + random.Random(number).randbytes(size)
    )
    udp = udp[:6] + (negate(residue(addresses + udp) + 17 + len(udp)) or 0xFFFF).to_bytes(2, "big") + udp[8:]
    header = b"\x45\0" + (20 + len(udp)).to_bytes(2, "big") + number.to_bytes(2, "big") + b"\0\0\x40\x11\0\0" + addresses
    header = header[:10] + negate(residue(header)).to_bytes(2, "big") + header[12:]
    return header + udp[:-1] + bytes([udp[-1] ^ flip])


def walked(folder: Path, packets: list[bytes]) -> ReplayResult:
    path = folder / "traffic.pcapng"
    with PcapngWriter(path) as file:
        file.add_interface(1, "eth0")
        for number, packet in enumerate(packets):
            file.write(MACS + packet, timestamp_ns=number * 1_000_000)
    return replay(path, HOST, accelerate=False)


def fates(result: ReplayResult) -> dict[int, Fate]:
    return {number: reading.trace.fate for leaf in result.classes for number in leaf.first for reading in leaf.outcome.readings[:1]}


def test_the_first_fragment_has_its_datagram_s_fate(tmp_path: Path) -> None:
    """A right datagram is accepted and a damaged one rejected; the later fragments wait, and nothing is said of them."""
    result = walked(tmp_path, cut(datagram(1), 1500) + cut(datagram(2, flip=4), 1500))
    waiting = Fate.WAITING
    assert fates(result) == {1: Fate.ACCEPTED, 2: waiting, 3: waiting, 4: Fate.REJECTED, 5: waiting, 6: waiting}
    assert {finding.code: finding.first for finding in result.findings} == {"CSL001": (4,)}
    assert result.explain(4).trace.fate is Fate.REJECTED


def test_any_order_and_copies(tmp_path: Path) -> None:
    """The order of fragments does not matter, and copies that come late are of the same datagram."""
    one, two, three = cut(datagram(), 1500)
    result = walked(tmp_path, [three, one, one, two, two, one])
    assert {number for number, fate in fates(result).items() if fate is Fate.ACCEPTED} == {2, 3, 6}
    assert result.findings == ()


@pytest.mark.parametrize("why", ["missing", "cut", "header", "overlap"])
def test_what_is_not_whole_is_held(tmp_path: Path, why: str) -> None:
    """A missing or cut piece, one that IP input drops and one that overlaps leave the rest waiting for ever, and that is said."""
    one, two, three = cut(datagram(), 1500)
    pieces = {
        "missing": [one, two],
        "cut": [one, two[:800], three],
        "header": [one, two[:8] + bytes([two[8] ^ 1]) + two[9:], three],
        "overlap": [one, two, two[:-1] + bytes([two[-1] ^ 1]), three],
    }[why]
    result = walked(tmp_path, pieces)
    assert Fate.ACCEPTED not in fates(result).values()
    assert fates(result)[1] is Fate.WAITING
    assert any(finding.code == "CSL902" and 1 in finding.first for finding in result.findings)


def test_reading_the_capture_again_tells_the_same(tmp_path: Path) -> None:
    """What is written hop by hop shows each fragment with its own bytes, and the finding of its datagram where the first one is seen."""
    result = walked(tmp_path, cut(datagram(2, flip=4), 1500))
    written = result.write(tmp_path / "hops.pcapng")
    assert (written.packets, written.flagged) == (3, 2)


@pytest.mark.parametrize("size", [1000, 3000])
def test_a_fill_of_one_fragment_spoils_its_datagram(size: int) -> None:
    """Who fills the first of several fragments writes a sum over that one: both interpreters find the datagram wrong. One that is not cut
    is right."""
    case = walks.Case("filled", HOST, "outside", MACS + datagram(size=size), None)
    headers = headers_of(walks.dissected(case).facts, HOST)
    transport = outer_transport(headers)
    assert transport is not None
    for packet in (walks.symbolic(case, headers, {}), walks.plain(case, headers)):
        unfilled = packet.write_pseudo(transport.uid)
        cut_up = unfilled.fragment(1500) if size > 1500 else unfilled
        filled = cut_up.fill(transport.uid)
        whole = filled.reassemble() if size > 1500 else filled
        assert whole.right(transport.uid) is (size <= 1500)


def test_a_fragment_is_not_shown_behind_its_reassembly(tmp_path: Path) -> None:
    """What leaves a gateway that puts fragments together is made of all of them: the bytes of one say nothing there."""
    folder = Path(__file__).parents[1] / "captures" / "fragments-through-nat"
    result = replay(folder / "traffic.pcapng", folder / "topology.toml", accelerate=False)
    hidden = result.write(tmp_path / "hops.pcapng").hidden
    assert {port for port, why in hidden if "put together" in why} == {"gateway:tap0", "server:eth0"}


def test_what_waits_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fragments past the bound are let go, the oldest first: their datagram is held, and later ones are put together all the same."""
    early, late = cut(datagram(1), 1500), cut(datagram(2), 1500)
    monkeypatch.setattr(gathered, "MOST_HELD_BYTES", 2 * 1514 + 100)
    # What waits is counted from block to block: here each packet is one.
    monkeypatch.setattr(replaying, "open_capture", partial(open_capture, block_bytes=1600))
    assert set(fates(walked(tmp_path, [early[0], *late, *early[1:]])).values()) == {Fate.WAITING, Fate.ACCEPTED}
    result = walked(tmp_path, [early[0], late[0], late[1], late[2], early[1], early[2]])
    assert {number for number, fate in fates(result).items() if fate is Fate.ACCEPTED} == {2}


def test_datagrams_are_remembered_up_to_a_bound_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of a first fragment that comes late shares its datagram's fate as long as the datagram is remembered."""
    early, late = cut(datagram(1), 1500), cut(datagram(2), 1500)
    packets = [*early, *late, early[0], late[0]]
    assert {number for number, fate in fates(walked(tmp_path, packets)).items() if fate is Fate.ACCEPTED} == {1, 4, 7, 8}
    monkeypatch.setattr(gathered, "MOST_KNOWN_BYTES", 4000)
    assert {number for number, fate in fates(walked(tmp_path, packets)).items() if fate is Fate.ACCEPTED} == {1, 4, 8}


def test_datagrams_past_the_bound_of_classes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tree is grown for the facts of a datagram once no class can be walked any more."""
    monkeypatch.setattr(replaying, "MAX_LEAVES", 1)
    result = walked(tmp_path, [piece for flip in (0, 4) for piece in cut(datagram(flip=flip), 1500)])
    assert len(result.classes) == 1
    assert result.beyond > 0
    assert result.beyond + sum(leaf.count for leaf in result.classes) == result.packets
