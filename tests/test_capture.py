"""The capture reader on good files: what was written comes back, and other readers see the same."""

from __future__ import annotations

import csv
import io
import os
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dpkt
import pytest
from capture_bytes import (
    COMPRESS,
    Packet,
    block,
    description,
    enhanced,
    obsolete,
    options,
    pcap,
    plain,
    read,
    sample_pcap,
    sample_pcapng,
    section,
    simple,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader, RawPcapReader
from thoroughness import TIMES

from csumlab import accelerate
from csumlab.capture import CaptureError, PcapngWriter, PcapWriter, open_capture, walk
from csumlab.capture.block import HAS_FLAGS

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"

PACKETS = st.lists(
    st.builds(
        Packet,
        st.binary(max_size=90),
        st.integers(0, (2**32 - 1) * 10**9),
        st.integers(0, 2**32 - 1),
    ),
    max_size=12,
)


@settings(max_examples=60 * TIMES, deadline=None)
@given(PACKETS, st.sampled_from("<>"), st.booleans(), st.integers(1, 300))
def test_pcap_comes_back_as_written(packets: list[Packet], order: str, nanoseconds: bool, block_bytes: int) -> None:
    """Both byte orders and resolutions, whatever the length of the buffer."""
    tick = 1 if nanoseconds else 1000
    expected = [Packet(p.data, p.timestamp // tick * tick, p.original) for p in packets]
    reading = plain(pcap(packets, order=order, nanoseconds=nanoseconds, linktype=276), block_bytes=block_bytes)
    assert (reading.packets, reading.fault, reading.linktypes) == (expected, "", [276])


@settings(max_examples=60 * TIMES, deadline=None)
@given(PACKETS, st.sampled_from("<>"), st.integers(1, 300))
def test_pcapng_comes_back_as_written(packets: list[Packet], order: str, block_bytes: int) -> None:
    """Enhanced packet blocks of both byte orders, whatever the length of the buffer."""
    file = section(order) + description(order, 1, 0, options(order, (9, b"\x09")))
    file += b"".join(enhanced(order, p.data, ticks=p.timestamp) for p in packets)
    reading = plain(file, block_bytes=block_bytes)
    assert reading.packets == [Packet(p.data, p.timestamp, len(p.data)) for p in packets]
    assert reading.fault == ""


@settings(max_examples=40 * TIMES, deadline=None)
@given(packets=PACKETS, marks=st.lists(st.none() | st.integers(0, 2**32 - 1), min_size=12, max_size=12), comment=st.text(max_size=20))
def test_pcapng_writer_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, packets: list[Packet], marks: list[int | None], comment: str
) -> None:
    """Times to the nanosecond, original lengths, flags and interfaces of the writer."""
    path = tmp_path_factory.mktemp("written") / "file.pcapng"
    with PcapngWriter(path) as writer:
        numbers = [writer.add_interface(1, "eth0", "outside", 96), writer.add_interface(113)]
        for index, (packet, mark) in enumerate(zip(packets, marks, strict=False)):
            writer.write(
                packet.data,
                interface=numbers[index % 2],
                timestamp_ns=packet.timestamp,
                original=packet.original,
                flags=mark,
                comment=comment,
            )
    expected = [
        Packet(p.data, p.timestamp, p.original, index % 2, 0 if mark is None else mark | HAS_FLAGS)
        for index, (p, mark) in enumerate(zip(packets, marks, strict=False))
    ]
    reading = plain(path.read_bytes())
    assert (reading.packets, reading.fault) == (expected, "")
    with open_capture(path) as capture:
        list(capture)
        assert [(i.linktype, i.name, i.description, i.snaplen) for i in capture.interfaces] == [
            (1, "eth0", "outside", 96),
            (113, "", "", 0),
        ]
        assert (capture.format, capture.size, capture.bytes_read) == ("pcapng", path.stat().st_size, path.stat().st_size)


@settings(max_examples=30 * TIMES, deadline=None)
@given(packets=PACKETS, big=st.booleans(), nanoseconds=st.booleans())
def test_writers_agree_with_dpkt_and_scapy(
    tmp_path_factory: pytest.TempPathFactory, packets: list[Packet], big: bool, nanoseconds: bool
) -> None:
    """Three readers see the same packets in what the writers make."""
    folder = tmp_path_factory.mktemp("written")
    with PcapWriter(folder / "a.pcap", nanoseconds=nanoseconds, big_endian=big) as old, PcapngWriter(folder / "a.pcapng") as new:
        new.add_interface(1)
        for packet in packets:
            old.write(packet.data, timestamp_ns=packet.timestamp, original=packet.original)
            new.write(packet.data, timestamp_ns=packet.timestamp, original=packet.original)
    for name, dpkt_reader, scapy_reader in (
        ("a.pcap", dpkt.pcap.Reader, RawPcapReader),
        ("a.pcapng", dpkt.pcapng.Reader, RawPcapNgReader),
    ):
        data = (folder / name).read_bytes()
        ours = plain(data).packets
        theirs = list(dpkt_reader(io.BytesIO(data)))
        assert [p.data for p in ours] == [piece for _, piece in theirs]
        # dpkt gives times as floats and Decimals: equal to a microsecond is all that they can say.
        assert [p.timestamp / 1e9 for p in ours] == pytest.approx([float(when) for when, _ in theirs], abs=1e-5)
        with scapy_reader(str(folder / name)) as reader:
            seen = [(piece, meta.wirelen) for piece, meta in reader]
        assert [(p.data, p.original) for p in ours] == seen


def test_every_block_of_pcapng() -> None:
    """Sections of two byte orders; interfaces numbered over the file; flags; times by resolution; simple and obsolete blocks."""
    first = Packet(b"first", 10**18 + 1, 5, 1, 0x202 | HAS_FLAGS)
    third = Packet(b"third", 10**18, 5, 0)
    expected = [first, Packet(b"second", 0, 6, 0), third]
    expected += [Packet(p.data, p.timestamp, p.original, p.interface + 2, p.flags) for p in expected]
    for block_bytes in (1, 100, 1 << 20):
        reading = plain(sample_pcapng(), block_bytes=block_bytes)
        assert (reading.packets, reading.fault, reading.linktypes) == (expected, "", [113, 1, 113, 1])


def test_simple_packets_are_cut_to_the_snap_length() -> None:
    """A Simple Packet Block does not say how much was captured: the snap length of interface 0 does."""
    file = section(">") + description(">", 1, 4) + simple(">", b"abcd", 1000)
    assert plain(file).packets == [Packet(b"abcd", 0, 1000)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "seconds", "ticks", "expected"),
    [
        (None, None, 1_500_000, 1_500_000_000),
        (0, None, 3, 3 * 10**9),
        (6, -1, 1_500_000, 500_000_000),
        (9, 1, 7, 10**9 + 7),
        (12, None, 10**12 + 1999, 10**9 + 1),
        (27, None, 2**64 - 1, 9),
        (28, None, 2**64 - 1, 0),
        (100, None, 2**64 - 1, 0),
        (0x80, None, 2, 2 * 10**9),
        (0x80 | 10, None, 1024 + 512, 1_500_000_000),
        (0x80 | 33, None, 2**33 + 2**32, 1_500_000_000),
        (0x80 | 40, None, 2**40 + 2**39, 1_500_000_000),
        (0x80 | 64, None, 2**62, 250_000_000),
        (0x80 | 127, None, 2**64 - 1, 0),
        (0, None, 2**64 - 1, 2**62),
        (6, 2**63 - 1, 2**64 - 1, 2**63 - 1),
        (6, -(2**63), 0, -(2**62) + 1),
    ],
)
def test_time_resolutions(order: str, resolution: int | None, seconds: int | None, ticks: int, expected: int) -> None:
    """if_tsresol in powers of ten and of two and if_tsoffset; absurd ones saturate instead of overflowing."""
    pairs = []
    if resolution is not None:
        pairs.append((9, bytes([resolution])))
    if seconds is not None:
        pairs.append((14, struct.pack(order + "q", seconds)))
    file = section(order) + description(order, 1, 0, options(order, *pairs)) + enhanced(order, b"x", ticks=ticks)
    for functions in (walk, accelerate.compiled()):
        (packet,) = read(file, functions=functions).packets
        # The last value of the saturated cases differs by the floor of the limit to whole units.
        assert packet.timestamp == pytest.approx(expected, abs=0 if abs(expected) < 2**61 else 2 * 10**9)


def test_a_large_block_that_is_no_packet_is_passed_over() -> None:
    """Blocks that hold no packet may be longer than the buffer and cost no memory; the packets around them are read."""
    other = block("<", 0x0BAD, bytes(100_000))
    file = section("<") + description("<") + enhanced("<", b"before") + other + enhanced("<", b"after")
    for block_bytes in (64, 256, 99_999, 1 << 20):
        reading = plain(file, block_bytes=block_bytes)
        assert [p.data for p in reading.packets] == [b"before", b"after"]
        assert reading.fault == ""


def test_a_record_longer_than_the_buffer_is_read() -> None:
    """The buffer grows for one record, and shrinks again."""
    sizes = [10, 5000, 10, 200_000, 10]
    packets = [Packet(os.urandom(size), 0, size) for size in sizes]
    assert plain(pcap(packets), block_bytes=64).packets == packets


def packed(kind: str, data: bytes) -> bytes:
    """``data`` in three members, the second of which is empty."""
    half = len(data) // 2
    compress = COMPRESS[kind]
    return compress(data[:half]) + compress(b"") + compress(data[half:])


@pytest.mark.parametrize("kind", COMPRESS)
def test_packed_captures(kind: str) -> None:
    """Several members or frames are one capture, told by their first bytes."""
    packets = [Packet(os.urandom(200), 0, 200) for _ in range(2000)]
    data = packed(kind, pcap(packets))
    for block_bytes in (1000, 1 << 20):
        reading = read(data, block_bytes=block_bytes)
        assert (reading.packets, reading.fault) == (packets, "")
    assert read(data + bytes(600)).fault == "", "zeros that pad the last record of a tape are no data"


def test_zstd_skippable_frame_first() -> None:
    """A zstd file may start with a frame that is to be skipped."""
    frame = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    assert len(read(frame + packed("zstd", sample_pcap())).packets) == 3


@pytest.mark.parametrize("kind", COMPRESS)
def test_unpacking_keeps_memory_flat(kind: str) -> None:
    """A small file that unpacks to 128 MiB of zeros, or to thousands of empty members, is read in pieces."""
    compress = COMPRESS[kind]
    start = compress(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 1))
    bomb = start + compress(bytes(1 << 22)) * 32
    tracemalloc.start()
    try:
        with open_capture(io.BytesIO(bomb), functions=walk, block_bytes=1 << 16) as capture:
            for _ in range(10):
                assert len(next(capture).data) <= 1 << 17
            assert not capture.ended
            assert capture.bytes_read < 1 << 17, "no more is taken in than a chunk ahead of what comes out"
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()
    assert read(start + compress(b"") * 3000).fault == ""


def test_standard_input_and_pipes(tmp_path: Path) -> None:
    """``-`` reads a pipe, which has no size, and a file as standard input, which has one."""
    path = tmp_path / "a.pcap"
    path.write_bytes(sample_pcap())
    program = "from csumlab.capture import open_capture\nwith open_capture('-') as c: print(sum(map(len, c)), c.size, c.path)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    run: Callable[..., Any] = subprocess.run
    piped = run([sys.executable, "-c", program], input=path.read_bytes(), capture_output=True, check=True, env=environment)
    assert piped.stdout.split() == [b"3", b"None", b"standard", b"input"]
    with path.open("rb") as file:
        named = run([sys.executable, "-c", program], stdin=file, capture_output=True, check=True, env=environment)
    assert named.stdout.split()[1] == str(path.stat().st_size).encode()


def test_a_slow_pipe_is_read_to_its_end() -> None:
    """Short reads are joined: a pipe gives a few bytes at a time."""
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file:
            for byte in sample_pcapng():
                file.write(bytes([byte]))

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(reader, "rb", buffering=0) as file, open_capture(file) as capture:
        assert sum(map(len, capture)) == 6
    thread.join()


def test_a_block_outlives_the_next_two() -> None:
    """The arrays of a block stay as they are while the next two are taken, so that threads can work on them."""
    packets = [Packet(bytes([index % 256]) * 50, index, 50) for index in range(2000)]
    held: list[tuple[Any, bytes, bytes]] = []
    with open_capture(io.BytesIO(pcap(packets, nanoseconds=True)), block_bytes=1000, functions=walk) as capture:
        for taken in capture:
            for earlier, data, times in held[-2:]:
                assert earlier.data.tobytes() == data
                assert earlier.timestamp.tobytes() == times
            held.append((taken, taken.data.tobytes(), taken.timestamp.tobytes()))
    assert len(held) > 50


def test_a_small_capture_loads_no_compiler(tmp_path: Path) -> None:
    """Under a thousand packets neither numba nor pandas is imported; more of them are compiled for."""
    program = (
        "import sys\nfrom csumlab.capture import open_capture\nwith open_capture(sys.argv[1]) as c: n = sum(map(len, c))\n"
        "print(n, 'numba' in sys.modules, 'pandas' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for count, loaded in ((999, b"False"), (1001, b"True")):
        path = tmp_path / "a.pcap"
        path.write_bytes(pcap([Packet(b"x" * 60, 0, 60)] * count))
        run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, check=True, env=environment)
        assert run.stdout.split() == [str(count).encode(), loaded, b"False"]


def test_plain_walks_hand_over_to_compiled_ones() -> None:
    """A capture in one buffer with more packets than the plain walks take is read whole, once."""
    packets = [Packet(struct.pack("<I", index), 0, 4) for index in range(2500)]
    assert read(pcap(packets)).packets == packets


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """The output appears whole or not at all, and what had its name stays."""
    path = tmp_path / "out.pcapng"
    path.write_bytes(b"earlier")
    with pytest.raises(ValueError, match="was not added"), PcapngWriter(path) as writer:
        writer.write(b"no interface yet")
    assert path.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["out.pcapng"]
    with pytest.raises(CaptureError, match="cannot be written"):
        PcapngWriter(tmp_path / "missing" / "out.pcapng")
    with pytest.raises(CaptureError, match="no regular file"):
        PcapngWriter(tmp_path)


def test_obsolete_block_takes_a_16_bit_interface() -> None:
    """Packet Blocks keep a count of drops where Enhanced ones have the high half of the interface number."""
    file = section("<") + description("<") * 3 + obsolete("<", b"old", interface=2, extra=options("<", (2, struct.pack("<I", 1))))
    assert plain(file).packets == [Packet(b"old", 0, 3, 2, 1 | HAS_FLAGS)]


# Files whose count differs from the index, which is tshark's, and why.
EXCEPTIONS = {
    "google__test202_466918.pcapng": 8,  # tshark numbers three custom blocks as records; only packet blocks are packets
}


@pytest.mark.skipif(not (CORPUS / "index.csv").exists(), reason="the corpus of public captures is not beside the project")
def test_corpus_counts() -> None:
    """Every public capture opens and has as many packets as tshark says, however short the buffer."""
    with (CORPUS / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100
    for row in rows:
        path = CORPUS / row["file"]
        for block_bytes in (64, 1 << 20):
            with open_capture(path, block_bytes=block_bytes) as capture:
                assert sum(map(len, capture)) == EXCEPTIONS.get(row["file"], int(row["packets"])), row["file"]
                linktypes = {str(interface.linktype) for interface in capture.interfaces}
                assert set(row["linktypes"].split("|")) <= linktypes, row["file"]
