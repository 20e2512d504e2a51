"""The capture reader on bad input: what was read before the fault is there, and the fault says file, offset, field, expected and got."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import zstandard
from capture_bytes import (
    COMPRESS,
    SAMPLES,
    Packet,
    block,
    description,
    enhanced,
    modified,
    options,
    pcap,
    plain,
    read,
    sample_pcap,
    sample_pcapng,
    section,
    snoop,
)
from fuzz_reader import fuzz, try_input
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab import accelerate
from csumlab.capture import CaptureError, open_capture, walk

START = section("<") + description("<") + enhanced("<", b"good")
"""A good beginning with one packet."""

HERE = len(START)


@pytest.mark.parametrize(
    ("tail", "offset", "words"),
    [
        (enhanced("<", b"x", interface=7), HERE, "interface number: 7 was not described"),
        (enhanced("<", b"x", captured=5), HERE, "captured length: expected at most 4, which the block has room for, got 5"),
        (block("<", 6, bytes(20), length=30), HERE, "block length: expected a multiple of 4 from 32 on, got 30"),
        (block("<", 6, bytes(16)), HERE, "block length: expected a multiple of 4 from 32 on, got 28"),
        (block("<", 3, b""), HERE, "block length: expected a multiple of 4 from 16 on, got 12"),
        (block("<", 0x0BAD, b"", length=0), HERE, "block length: expected a multiple of 4 from 12 on, got 0"),
        (block("<", 0x0BAD, bytes(4), trailer=12), HERE, "trailing block length: expected 16, got 12"),
        (block("<", 0x0BAD, bytes(4000), trailer=12), HERE, "trailing block length: expected 4012, got 12"),
        (block("<", 6, bytes(20), length=0xFFFFFFFC), HERE, "record length: absurd: 4294967292 bytes"),
        (block("<", 0x0BAD, bytes(20), length=0xFFFFFFFC), HERE, "cut: expected at least 4294967292 bytes, there are 32"),
        (enhanced("<", b"x", extra=struct.pack("<HH", 1, 5)), HERE, f"option length: the option at offset {HERE + 32} has"),
        (enhanced("<", b"x", extra=options("<", (2, b"12"))), HERE, f"option length: the option at offset {HERE + 32} has"),
        (description("<", extra=struct.pack("<HH", 2, 9)), HERE + 16, "option 2 of an interface: expected at most 0 bytes, got 9"),
        (description("<", extra=options("<", (9, b"12"))), HERE + 18, "option 9 of an interface: expected 1 bytes, got 2"),
        (description("<", extra=options("<", (14, b"12"))), HERE + 18, "option 14 of an interface: expected 8 bytes, got 2"),
        (description("<", extra=bytes(1 << 20)), HERE + 4, "length of an interface description: absurd"),
        (section("<", major=2), HERE + 12, "version of the section: expected pcapng 1.x, got 2.0"),
        (block("<", 0x0A0D0D0A, bytes(16)), HERE + 8, "byte-order magic: expected 1a2b3c4d in either order, got 00000000"),
        (block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), length=24), HERE + 4, "length of the section header"),
        (block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), length=1 << 30), HERE + 4, "section header: absurd"),
        (block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), trailer=4), HERE + 24, "expected 28, got 4"),
        (section("<") + enhanced("<", b"x"), HERE + 28, "interface number: 0 was not described in this section"),
        (section("<")[:20], HERE, "cut: expected at least 28 bytes, there are 20"),
        (b"\x06\0\0\0", HERE, "cut: expected at least 12 bytes, there are 4"),
    ],
)
@pytest.mark.parametrize("functions", ["plain", "compiled"])
@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_faults_of_pcapng(tail: bytes, offset: int, words: str, functions: str, block_bytes: int) -> None:
    """Each kind of damage is named at its offset, after the packet before it was read."""
    chosen: Any = walk if functions == "plain" else accelerate.compiled()
    reading = read(START + tail + enhanced("<", b"never") * (len(tail) > 28), functions=chosen, block_bytes=block_bytes)
    if "cut:" in words and len(tail) > 28:
        words = words.rsplit(",", 1)[0]
    assert [p.data for p in reading.packets] == [b"good"]
    assert words in reading.fault
    assert f"offset {offset}, " in reading.fault


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\n", "no capture: expected pcap, pcapng or snoop, got 0a"),
        (b"GET / HTTP/1.1\r\n", "no capture: expected pcap, pcapng or snoop, got 47 45 54 20"),
        (sample_pcap()[:23], "pcap file header: expected 24 bytes, there are 23"),
        (sample_pcapng()[:27], "section header block: expected 28 bytes, there are 27"),
        (pcap([], version=1), "version: expected pcap 2.x, got 1.4"),
        (modified([], order=">")[:20], "pcap file header: expected 24 bytes, there are 20"),
        (b"\n\r\r\n" + bytes(24), "byte-order magic: expected 1a2b3c4d"),
        (b"PK\x03\x04more", "unzip -p FILE | csumlab check -"),
        (b"\x02\x21\x4c\x18more", "lz4 -dc FILE | csumlab check -"),
        (b"btsnoop\0\0\0\0\x01", "editcap -F pcapng IN OUT"),
        (snoop([])[:12], "snoop file header: expected 16 bytes, there are 12"),
        (snoop([], version=6), "version: expected snoop 2 to 5, got 6"),
        (snoop(SAMPLES, linktype=26), "data link type: type 0x1a of snoop has no LINKTYPE number here"),
        (snoop(SAMPLES, linktype=18, padding=16), "type 0x12 of Shomiti's snoop has no LINKTYPE number here"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (gzip.compress(b"hello", mtime=0), "no capture"),
        (b"\x1f\x8b\x08", "gzip data: ends in the middle"),
        (b"\x1f\x8b" + bytes(40), "gzip data: cannot be unpacked"),
        (zstandard.compress(sample_pcap())[:9], "zstd data: ends in the middle"),
        (b"\xfd7zXZ\0more", "xz data: ends in the middle"),
        (b"\xfd7zXZ\0" + bytes(40), "xz data: cannot be unpacked"),
        (b"BZh9" + bytes(40), "bzip2 data: cannot be unpacked"),
        (b"\x04\x22\x4d\x18" + bytes(40), "lz4 data: cannot be unpacked"),
    ],
)
def test_what_is_no_capture_is_refused_at_open(data: bytes, words: str) -> None:
    """Nothing can be read: CaptureError, with what was expected and what to try."""
    with pytest.raises(CaptureError) as caught:
        open_capture(io.BytesIO(data))
    assert words in str(caught.value)
    assert caught.value.advice
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """A missing file, a folder and a stream that fails are told apart from bad captures."""
    with pytest.raises(CaptureError, match="cannot be opened: No such file"):
        open_capture(tmp_path / "missing.pcap")
    with pytest.raises(CaptureError, match="Is a directory"):
        open_capture(tmp_path)
    with pytest.raises(CaptureError, match="cannot be opened"):
        open_capture("a\0b")


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcap_cut_anywhere(order: str) -> None:
    """For every length of a cut file the whole packets are read, and a fault is there exactly if something is left over."""
    data = sample_pcap(order)
    whole = plain(data).packets
    ends = [24, 24 + 16, 24 + 16 + 16 + 5, len(data)]
    for length in range(24, len(data) + 1):
        for block_bytes in (64, 1 << 16):
            reading = plain(data[:length], block_bytes=block_bytes)
            complete = sum(end <= length for end in ends[1:])
            assert reading.packets == whole[:complete]
            assert bool(reading.fault) == (length not in ends)
            if reading.fault:
                assert f"offset {ends[complete]}, record: cut" in reading.fault


def test_a_pcapng_cut_anywhere() -> None:
    """The packets of a cut file are the first ones of the whole file; a fault is there exactly if the cut is within a block."""
    data = sample_pcapng()
    whole = plain(data).packets
    ends = {0}
    at = 0
    while at < len(data):
        order = ">" if b"\x1a\x2b\x3c\x4d" in data[at : at + 12] or (at > data.rfind(b"\n\r\r\n") > 0) else "<"
        at += struct.unpack_from(order + "I", data, at + 4)[0]
        ends.add(at)
    counts = []
    for length in range(28, len(data) + 1):
        reading = plain(data[:length], block_bytes=64)
        assert reading.packets == whole[: len(reading.packets)]
        assert bool(reading.fault) == (length not in ends)
        counts.append(len(reading.packets))
    assert counts == sorted(counts)
    assert counts[-1] == len(whole)


def test_record_length_beyond_the_file_and_absurd() -> None:
    """A length that the file does not have is a cut; one that no capture has is absurd, and takes no memory."""
    good = pcap([Packet(b"good", 0, 4)])
    for length, words in (
        (1000, "cut: expected at least 1016 bytes, there are 20"),
        (walk.LARGEST_RECORD, "cut: expected at least 67108880 bytes"),
        (walk.LARGEST_RECORD + 1, "record length: absurd: 67108865 bytes"),
        (0xFFFFFFFF, "record length: absurd: 4294967295 bytes"),
    ):
        reading = plain(good + struct.pack("<IIII", 1, 2, length, length) + b"data")
        assert [p.data for p in reading.packets] == [b"good"]
        assert words in reading.fault
        assert f"offset {len(good)}, " in reading.fault


def test_too_many_interfaces_are_refused() -> None:
    """Interface descriptions without end stop at a limit instead of eating memory."""
    reading = plain(START + description("<") * (1 << 16))
    assert "more than 65536 interfaces" in reading.fault
    assert len(reading.packets) == 1


def test_long_names_are_cut() -> None:
    """A name may be 64 KiB long and no UTF-8; a bounded piece of it is kept."""
    file = section("<") + description("<", extra=options("<", (2, b"\xff" * 65000), (3, b"d" * 300 + b"\0"))) + enhanced("<", b"x")
    with open_capture(io.BytesIO(file)) as capture:
        assert sum(map(len, capture)) == 1
        (interface,) = capture.interfaces
    assert interface.name == "\N{REPLACEMENT CHARACTER}" * 256
    assert interface.description == "d" * 256


def test_a_file_that_shrinks_while_read(tmp_path: Path) -> None:
    """The rest is simply gone: what was read stays, and the fault says so."""
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([Packet(bytes(100), 0, 100)] * 5000))
    with open_capture(path, block_bytes=10_000, functions=walk) as capture:
        count = len(next(capture))
        os.truncate(path, 300_001)
        count += sum(map(len, capture))
    assert 2000 < count < 5000
    assert "cut: expected" in str(capture.fault)


class Failing(io.RawIOBase):
    """A stream that gives ``data`` and then fails as a broken disk does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._data.readinto(buffer)
        if got == 0:
            raise OSError(5, "Input/output error")
        return got


class Impatient:
    """A stream that does not wait for data; it knows only read."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readinto(self, buffer: Any) -> int | None:
        return self._data.readinto(buffer) or None


@pytest.mark.parametrize(("stream", "words"), [(Failing, "Input/output error"), (Impatient, "does not wait")])
def test_a_stream_that_fails(stream: Any, words: str) -> None:
    """An error of the disk is a fault after the packets before it."""
    with open_capture(stream(sample_pcap()), functions=walk) as capture:
        assert sum(map(len, capture)) == 3
    assert words in str(capture.fault)
    with pytest.raises(CaptureError, match=words):
        open_capture(stream(b""))


@pytest.mark.parametrize("kind", COMPRESS)
def test_packed_data_cut_or_broken(kind: str) -> None:
    """Packed data cut anywhere, or with a wrong check sum, end with a fault of the packing, after what could be unpacked."""
    packets = [Packet(os.urandom(50), 0, 50) for _ in range(100)]
    data = pcap(packets)
    whole = COMPRESS[kind](data)
    for length in (len(whole) - 1, len(whole) // 2, 30):
        reading = plain(whole[:length])
        assert reading.packets == packets[: len(reading.packets)]
        assert f"{kind} data: ends in the middle" in reading.fault
    assert plain(whole[:-1]).packets == packets, "only the check sum is cut"
    broken = bytearray(whole)
    broken[-6 if kind == "gzip" else -2] ^= 1
    reading = plain(bytes(broken))
    assert f"{kind} data: cannot be unpacked" in reading.fault
    assert reading.packets == packets[: 100 if kind == "gzip" else len(reading.packets)]
    trailing = plain(whole + b"garbage that is neither")
    assert trailing.packets == packets
    assert f"{kind} data: cannot be unpacked" in trailing.fault


@settings(max_examples=150 * TIMES, deadline=None)
@given(
    st.sampled_from([sample_pcap(), sample_pcap(">", False), sample_pcapng()]),
    st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=5)), max_size=4),
)
def test_plain_and_compiled_walks_agree_on_hostile_bytes(original: bytes, edits: list[tuple[int, bytes]]) -> None:
    """Two walks and two buffer lengths give the same packets and the same fault for any bytes."""
    data = bytearray(original)
    for at, piece in edits:
        data[at % len(data) : at % len(data) + len(piece)] = piece
    try_input(bytes(data), accelerate.compiled())


def test_a_short_fuzz() -> None:
    """Some hundred mutated captures of every format, half of them packed; ``python -m tests.fuzz_reader`` tries as many as wanted."""
    opened, faults, packets = fuzz(700, seed=2)
    assert opened > 200
    assert faults > 100
    assert packets > 400
