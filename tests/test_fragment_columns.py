"""Fragments in columns: the same as one after the other with dictionaries, compiled or not, however the capture falls into blocks."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import test_fragments as made
from numpy.typing import NDArray
from reassembly import Reference

from csumlab import replaying
from csumlab.capture import PcapngWriter, open_capture
from csumlab.capture.block import Block
from csumlab.fragments import Datagram, assembly
from csumlab.fragments.assembly import Assembler
from csumlab.fragments.wording import datagram_of
from csumlab.headers import Kind
from csumlab.inet import negate, residue
from csumlab.kernels import datagrams as k
from csumlab.replaying import ReplayResult, replay
from csumlab.tables import NO_TABLES
from csumlab.topology.load import load_topology

MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"
SECONDS = 30.0
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
LABELLED = ("seladb__ip-frag_7785e6.pcap", "corelight__ipsec_client_7cc91d.pcap")
HOST = (Path(__file__).parents[1] / "captures" / "fragments-marked-verified" / "topology.toml").read_text()


def summed(packet: bytes) -> bytes:
    """An IPv4 packet with the right header sum."""
    size = (packet[0] & 15) * 4
    blank = packet[:10] + bytes(2) + packet[12:]
    return blank[:10] + negate(residue(blank[:size])).to_bytes(2, "big") + blank[12:]


def pieces(dice: random.Random, identification: int) -> list[bytes]:
    """The fragments of a datagram of any kind, most of them right: some in disorder, repeated, lost, damaged."""
    kind = dice.choice(sorted(made.PROTOCOL))
    build, source, destination = made.addresses(kind)
    if kind in (Kind.TCP, Kind.UDP, Kind.SCTP) and dice.random() < 0.5:
        build, source, destination = made.six, made.SOURCE6, made.DESTINATION6
    payload = dice.randbytes(dice.randrange(400))
    whole = bytearray(made.transport(kind, payload, source, destination, field=dice.choice([None, None, None, 0, 0x1234])))
    if dice.random() < 0.2:
        whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
    edges = sorted({8 * dice.randrange(1, (len(whole) - 1) // 8 + 1) for _ in range(dice.randrange(1, 5))})
    more: dict[str, object] = {}
    if build is made.six and dice.random() < 0.3:
        more["chain"] = dice.choice([((0, bytes(8)),), ((43, made.ROUTING),), ((60, made.HOME),)])
    if build is made.four and dice.random() < 0.2:
        more["options"] = dice.choice([b"\1\1\1\0", b"\x83\x07\x04" + made.SOURCE4 + b"\0"])
    cut = made.split(bytes(whole), made.PROTOCOL[kind], edges, build, identification=identification, **more)
    if build is made.four and dice.random() < 0.8:
        cut = [summed(one) for one in cut]
    if dice.random() < 0.3:
        dice.shuffle(cut)
    if dice.random() < 0.2:
        cut.append(dice.choice(cut))
    if dice.random() < 0.15:
        cut.pop(dice.randrange(len(cut)))
    if dice.random() < 0.05 and cut:
        damaged = bytearray(dice.choice(cut))
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        cut.append(bytes(damaged))
    return cut


def write(path: Path, seed: int, count: int) -> Path:
    """A capture of ``count`` fragmented datagrams that come at the same time, and of packets that are none."""
    dice = random.Random(seed)
    packets = []
    for number in range(count):
        for one in pieces(dice, dice.randrange(count // 4 + 3)):
            packets.append((number * 0.01 + dice.random() * dice.choice([0.001, 0.5, 40 if dice.random() < 0.05 else 0.1]), one))
        packets.append((number * 0.01, made.four(made.UDP, 17)))
    with PcapngWriter(path) as file:
        file.add_interface(1, "eth0")
        for seconds, packet in sorted(packets):
            frame = MACS + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0") + packet
            kept = len(frame) if dice.random() > 0.02 else dice.randrange(14, len(frame))
            file.write(frame[:kept], timestamp_ns=int((1000 + seconds) * 1e9), original=len(frame))
    return path


def by_reference(path: Path, most: int, most_pieces: int) -> tuple[list[Datagram], tuple[int, ...]]:
    reference = Reference(most=most, most_pieces=most_pieces)
    with open_capture(path) as capture:
        for block in capture:
            for row in range(len(block)):
                start = int(block.offset[row])
                data = block.data[start : start + int(block.captured[row])].tobytes()
                linktype = block.interfaces[int(block.interface[row])].linktype
                reference.add(data, linktype, int(block.original[row]), block.first + row, int(block.timestamp[row]))
    found = reference.finish()
    return found, (reference.evicted, reference.timed_out, reference.echoes, reference.ignored, reference.capped)


def by_columns(path: Path, most: int, most_pieces: int, *, compiled: bool, block: int) -> tuple[list[Datagram], tuple[int, ...]]:
    assembler = Assembler(NO_TABLES, most=most, seconds=SECONDS, most_pieces=most_pieces, accelerate=compiled)
    found: list[Datagram] = []
    with open_capture(path, block_bytes=block) as capture:
        for part in capture:
            rows = np.arange(len(part))
            for ended in assembler.add(part, rows, assembler.read(part, rows)):
                found += (datagram_of(row, SECONDS) for row in ended.tolist())
    found += (datagram_of(row, SECONDS) for row in assembler.finish().tolist())
    assert assembler.held == 0
    return found, (assembler.evicted, assembler.timed_out, assembler.echoes, assembler.ignored, assembler.capped)


@pytest.mark.parametrize(("most", "most_pieces"), [(4096, 1 << 16), (7, 1 << 16), (4096, 20), (1, 5)])
def test_columns_say_what_dictionaries_say(tmp_path: Path, most: int, most_pieces: int) -> None:
    """Every datagram with its verdict, reason and packets, in the same order, and the same account, with room and without."""
    for seed in range(3):
        path = write(tmp_path / f"{seed}.pcapng", seed, 60)
        expected = by_reference(path, most, most_pieces)
        assert by_columns(path, most, most_pieces, compiled=False, block=1 << 20) == expected
        assert by_columns(path, most, most_pieces, compiled=True, block=3000) == expected


@pytest.mark.parametrize("name", LABELLED)
def test_columns_say_the_same_of_real_captures(name: str) -> None:
    """Captures of others, whole."""
    if not (CORPUS / name).exists():
        pytest.skip("the corpus of labelled captures (../shared/corpus) is not there")
    found, account = by_columns(CORPUS / name, 4096, 1 << 16, compiled=True, block=1 << 16)
    assert found
    assert (found, account) == by_reference(CORPUS / name, 4096, 1 << 16)


def test_what_ended_is_handed_on_before_its_room_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More datagrams end in one block than there is room to tell of: they are told in several steps."""
    path = write(tmp_path / "many.pcapng", 5, 60)
    expected = by_columns(path, 7, 1 << 16, compiled=False, block=1 << 20)
    monkeypatch.setattr(assembly, "ENDED_AT_ONCE", 1)
    assert by_columns(path, 7, 1 << 16, compiled=False, block=1 << 20) == expected


def test_kernels_and_words_have_the_same_outcomes() -> None:
    """The numbers of outcomes are their places in the enumeration."""
    assert list(range(len(assembly.Outcome))) == [k.COMPLETE, k.MISSING, k.INCOMPLETE, k.OVERLAPPING, k.MALFORMED]


def told(result: ReplayResult) -> tuple[object, ...]:
    """What a replay found, without the order in which classes were met."""
    classes = sorted((leaf.count, tuple(leaf.first)) for leaf in result.classes)
    return result.findings, classes, sorted(result.gathered), result.beyond


def blocks() -> Iterator[int]:
    yield from (600, 3000, 20000)


def test_a_replay_does_not_depend_on_blocks_or_on_compiled_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datagrams whose fragments lie in several blocks are put together as those in one."""
    path = write(tmp_path / "traffic.pcapng", 11, 120)
    (tmp_path / "host.toml").write_text(HOST.replace("192.0.2.30", "10.1.2.3").replace("192.0.2.1", "10.9.8.7"))
    host = load_topology(tmp_path / "host.toml")
    whole = replay(path, host, accelerate=False)
    assert len(whole.gathered) > 50
    assert told(replay(path, host, accelerate=True)) == told(whole)
    for size in blocks():
        monkeypatch.setattr(replaying, "open_capture", partial(open_capture, block_bytes=size))
        assert told(replay(path, host, accelerate=False)) == told(whole)


def test_joined_datagrams_are_the_packets_that_were_cut(tmp_path: Path) -> None:
    """The bytes that a datagram is walked by are those before it was cut; one over IPv6 keeps a fragment header."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(made.UDP), 77, 0, 64, 17, 0) + made.SOURCE4 + made.DESTINATION4
    four = summed(head + made.UDP)
    udp6 = made.transport(Kind.UDP, made.PAYLOAD, made.SOURCE6, made.DESTINATION6)
    six = made.six(udp6, 17)
    path = tmp_path / "cut.pcapng"
    with PcapngWriter(path) as file:
        file.add_interface(made.RAW, "tun0")
        for one in [*map(summed, made.split(made.UDP, 17, [24, 48])), *reversed(made.split(udp6, 17, [24, 48], made.six))]:
            file.write(one)
    (tmp_path / "host.toml").write_text(HOST.replace("192.0.2.30", "10.1.2.3").replace("192.0.2.1", "10.9.8.7"))
    found = []

    def watch(leaf: object, block: Block, rows: NDArray[np.int64]) -> None:
        for row in rows.tolist():
            start = int(block.offset[row])
            found.append(block.data[start : start + int(block.captured[row])].tobytes())

    replay(path, load_topology(tmp_path / "host.toml"), accelerate=False, watch=watch)
    assert four in found
    assert six in found
