"""What captures come in: modified pcap and snoop, every block of pcapng, packings that ask for too much, files that are being written."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import dpkt
import pytest
from capture_bytes import (
    SAMPLES,
    Packet,
    block,
    description,
    enhanced,
    modified,
    obsolete,
    options,
    pcap,
    plain,
    read,
    section,
    simple,
    snoop,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

import csumlab
from csumlab import accelerate
from csumlab.capture import CaptureError, growth, open_capture, walk
from csumlab.capture.block import HAS_FLAGS
from csumlab.headers import Link
from csumlab.linktypes import NAMES, name_of

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"

MICROSECONDS = st.integers(0, (2**32 - 1) * 10**6).map(lambda count: count * 1000)
PACKETS = st.lists(st.builds(Packet, st.binary(max_size=90), MICROSECONDS, st.integers(0, 2**32 - 1)), max_size=12)


@settings(max_examples=50 * TIMES, deadline=None)
@given(PACKETS, st.sampled_from("<>"), st.integers(1, 300), st.booleans())
def test_modified_pcap_comes_back_as_written(packets: list[Packet], order: str, block_bytes: int, compiled: bool) -> None:
    """Both byte orders, plain and compiled, whatever the length of the buffer."""
    functions: Any = accelerate.compiled() if compiled else walk
    reading = read(modified(packets, order=order, linktype=101), functions=functions, block_bytes=block_bytes)
    assert (reading.packets, reading.fault, reading.linktypes) == (packets, "", [101])


@settings(max_examples=50 * TIMES, deadline=None)
@given(PACKETS, st.integers(0, 15), st.integers(1, 300))
def test_snoop_comes_back_as_written(packets: list[Packet], padding: int, block_bytes: int) -> None:
    """Times, original lengths and whatever padding the records have, whatever the length of the buffer."""
    # Sixteen bytes behind the first packet would make it one of Shomiti's.
    padding = min(padding, 12) if packets else padding
    reading = plain(snoop(packets, padding=padding), block_bytes=block_bytes)
    assert (reading.packets, reading.fault, reading.linktypes) == (packets, "", [1])


def test_snoop_as_dpkt_writes_and_reads_it() -> None:
    """dpkt's writer is understood, and its reader sees the same packets in what the tests make."""
    file = io.BytesIO()
    writer = dpkt.snoop.Writer(file)
    for packet in SAMPLES:
        writer.writepkt_time(packet.data, packet.timestamp // 10**9)
    assert [p.data for p in plain(file.getvalue()).packets] == [p.data for p in SAMPLES]
    theirs = list(dpkt.snoop.Reader(io.BytesIO(snoop(SAMPLES))))
    assert [data for _, data in theirs] == [p.data for p in SAMPLES]
    assert [when for when, _ in theirs] == pytest.approx([p.timestamp / 1e9 for p in SAMPLES], abs=1e-5)


@pytest.mark.parametrize(
    ("linktype", "padding", "expected"),
    [
        (0, 0, 1),
        (2, 0, 6),
        (4, 0, 1),
        (8, 0, 10),
        (9, 0, 0),
        (14, 0, 0),
        (16, 0, 122),
        (18, 0, 123),
        (0x80000005, 0, 226),
        (4, 16, 1),
        (10, 16, 1),
        (12, 16, 1),
        (13, 16, 6),
        (19, 16, 1),
    ],
)
def test_link_types_of_snoop(linktype: int, padding: int, expected: int) -> None:
    """snoop numbers link types in its own way, and Shomiti in another one."""
    reading = plain(snoop(SAMPLES, linktype=linktype, padding=padding))
    assert (reading.linktypes, reading.packets, reading.fault) == ([expected], SAMPLES, "")


@pytest.mark.parametrize("kind", ["modified <", "modified >", "snoop"])
def test_other_formats_cut_anywhere(kind: str) -> None:
    """For every length of a cut file the whole packets are read, and a fault is there exactly if something is left over."""
    make: Any = snoop if kind == "snoop" else lambda packets: modified(packets, order=kind[-1])
    data = make(SAMPLES)
    ends = [len(make(SAMPLES[:count])) for count in range(4)]
    for length in range(ends[0], len(data) + 1):
        for block_bytes in (64, 1 << 16):
            reading = plain(data[:length], block_bytes=block_bytes)
            complete = sum(end <= length for end in ends[1:])
            assert reading.packets == SAMPLES[:complete]
            assert bool(reading.fault) == (length not in ends)
            assert not reading.fault or f"offset {ends[complete]}, record: cut" in reading.fault


@pytest.mark.parametrize(
    ("record", "captured", "words"),
    [
        (27, 4, "record length: expected at least 28, its header and 4 captured bytes, got 27"),
        (0, 0, "record length: expected at least 24, its header and 0 captured bytes, got 0"),
        (28, 0xFFFFFFFF, "record length: expected at least 4294967319, its header and 4294967295 captured bytes, got 28"),
        (0xFFFFFFFF, 4, "record length: absurd: 4294967295 bytes"),
        (1 << 20, 4, "record: cut: expected at least 1048576 bytes, there are 28"),
    ],
)
def test_faults_of_snoop(record: int, captured: int, words: str) -> None:
    """A length that cannot be right is named at its record, after the packets before it."""
    good = snoop(SAMPLES)
    reading = plain(good + struct.pack(">IIIIII", 4, captured, record, 0, 1, 0) + b"data")
    assert reading.packets == SAMPLES
    assert f"offset {len(good)}, {words}" in reading.fault


@pytest.mark.needs_program
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark")
@pytest.mark.parametrize("kind", ["modified <", "modified >", "snoop"])
def test_tshark_sees_the_same_packets(tmp_path: Path, kind: str) -> None:
    """Wireshark's readers agree on times, lengths and bytes."""
    packets = [Packet(bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5]) + p.data, p.timestamp, p.original + 14) for p in SAMPLES]
    path = tmp_path / "file"
    path.write_bytes(snoop(packets) if kind == "snoop" else modified(packets, order=kind[-1]))
    fields = ["-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len", "-e", "data.data"]
    run = subprocess.run(["tshark", "-r", path, "-T", "fields", *fields], capture_output=True, text=True, timeout=60, check=True)
    seen = [line.split("\t") for line in run.stdout.splitlines()]
    assert seen == [
        [f"{p.timestamp // 10**9}.{p.timestamp % 10**9:09}", str(p.original), str(len(p.data)), p.data[14:].hex()] for p in packets
    ]
    assert plain(path.read_bytes()).packets == packets


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of public captures is not beside the project")
def test_a_modified_pcap_from_a_router() -> None:
    """A capture that an AVM Fritzbox wrote: times and lengths as tshark gives them."""
    reading = plain((CORPUS / "fpcap__fritzbox-ip_97f9c2.pcap").read_bytes())
    assert (reading.linktypes, reading.fault) == ([101], "")
    assert [(p.timestamp, p.original, len(p.data)) for p in reading.packets] == [
        (1657408804_613758000, 72, 72),
        (1657408806_315741000, 60, 60),
        (1657408806_317496000, 60, 60),
        (1657408807_568598000, 69, 69),
        (1657408807_578653000, 140, 140),
    ]


# Blocks of draft-ietf-opsawg-pcapng that hold no packet, with bodies as programs write them, and some that nobody knows.
OTHER_BLOCKS = {
    "name resolution": (4, struct.pack("<HH4s8s", 1, 9, b"\x7f\0\0\1", b"host\0\0\0\0") + bytes(4)),
    "interface statistics": (5, struct.pack("<III", 0, 5, 6) + options("<", (4, bytes(8)), (5, bytes(8)))),
    "IRIG timestamp": (7, bytes(8)),
    "ARINC 429": (8, bytes(12)),
    "systemd journal": (9, b"__CURSOR=s=1\nMESSAGE=hello\n\0"),
    "decryption secrets": (10, struct.pack("<II", 0x544C534B, 8) + b"CLIENT_R" + bytes(4)),
    "Hone machine": (0x101, bytes(16)),
    "Hone connection": (0x102, bytes(16)),
    "sysdig event": (0x204, bytes(32)),
    "custom, may be copied": (0x0BAD, struct.pack("<I", 32473) + b"data" + options("<", (2988, b"\0\0\0\0text"))),
    "custom, may not be copied": (0x40000BAD, struct.pack("<I", 32473) + b"data"),
    "custom with a packet's header inside": (0x0BAD, struct.pack("<I", 32473) + enhanced("<", b"inner")),
    "empty": (0x80000001, b""),
    "reserved": (0xFFFFFFFF, bytes(4)),
    "nearly a section header": (0x0A0D0D0B, bytes(20)),
    "damaged by text mode": (0x0A0D0A00, bytes(20)),
    "longer than a buffer": (0x40000BAD, bytes(4000)),
}


@pytest.mark.parametrize("kind", OTHER_BLOCKS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks_without_packets_are_passed_over(kind: str, order: str) -> None:
    """Before, between and after packets, and before the interface is described, in any buffer, plain and compiled."""
    other = block(order, *OTHER_BLOCKS[kind])
    file = section(order) + other + description(order) + other
    file += enhanced(order, b"one", ticks=1) + other + other + enhanced(order, b"two", ticks=2) + other
    for functions in (walk, accelerate.compiled()):
        for block_bytes in (64, 1 << 16):
            reading = read(file, functions=functions, block_bytes=block_bytes)
            assert reading.packets == [Packet(b"one", 1000, 3), Packet(b"two", 2000, 3)]
            assert (reading.fault, reading.linktypes) == ("", [1])


@pytest.mark.parametrize("order", ["<", ">"])
def test_options_of_every_sort(order: str) -> None:
    """Options that are not used are passed over by their length, in packets, interfaces and sections; epb_flags is found among them."""
    flags = struct.pack(order + "I", 1 << 9 | 2)
    strange: list[tuple[int, bytes]] = [
        (1, b"a comment"),
        (1, b""),
        (3, b"\2" + bytes(4)),
        (4, bytes(8)),
        (5, bytes(8)),
        (6, bytes(4)),
        (7, b"\1" + bytes(8)),
        (8, struct.pack(order + "II", 1, 2)),
        (2988, struct.pack(order + "I", 32473) + b"text"),
        (2989, struct.pack(order + "I", 32473) + b"\0\1\2"),
        (19372, struct.pack(order + "I", 32473) + b"text"),
        (19373, struct.pack(order + "I", 32473)),
        (0x8000, b"private"),
        (0xFFFF, b"\xff" * 300),
    ]
    unended = options(order, *strange, (2, flags))[:-4]
    after_end = options(order, *strange) + options(order, (2, flags))
    interface = options(
        order,
        *strange[:2],
        (2, b"eth0"),
        (3, "für außen".encode()),
        (4, bytes(8)),
        (5, bytes(17)),
        (6, bytes(6)),
        (8, bytes(8)),
        (10, bytes(4)),
        (11, b"\0tcp"),
        (12, b"Linux"),
        (13, b"\4"),
        (14, struct.pack(order + "q", 100)),
        (9, b"\x8a"),
        (15, b"card"),
        (17, bytes(8)),
        *strange[8:],
    )
    start = section(order)[:-4] + options(order, (2, b"PC"), (3, b"Linux"), (4, b"a program"), *strange)
    start = block(order, 0x0A0D0D0A, start[8:])
    file = start + description(order, 1, 0, interface) + b"".join(
        enhanced(order, b"x", ticks=3 * 1024 + 512, extra=extra)
        for extra in (options(order, (2, flags), *strange), options(order, *strange, (2, flags)), unended, after_end, b"")
    )  # fmt: skip
    marked = Packet(b"x", 103_500_000_000, 1, 0, 1 << 9 | 2 | HAS_FLAGS)
    bare = Packet(b"x", 103_500_000_000, 1)
    for functions in (walk, accelerate.compiled()):
        reading = read(file, functions=functions)
        assert (reading.packets, reading.fault) == ([marked, marked, marked, bare, bare], "")
    with open_capture(io.BytesIO(file)) as capture:
        list(capture)
        assert [(i.name, i.description) for i in capture.interfaces] == [("eth0", "für außen")]


def test_sections_of_different_byte_order() -> None:
    """Each section has its own interfaces, clocks and byte order; interfaces described between packets count as well."""
    file, expected = b"", []
    for number, order in enumerate("<>><"):
        file += section(order) + description(order, 1, 0, options(order, (9, bytes([number])))) + enhanced(order, b"a", ticks=1)
        file += description(order, 101, 0, options(order, (9, b"\x81"), (14, struct.pack(order + "q", -1))))
        file += enhanced(order, b"b", interface=1, ticks=3) + obsolete(order, b"c", interface=0, ticks=1) + simple(order, b"d", 1)
        expected += [
            Packet(b"a", 10 ** (9 - number), 1, 2 * number),
            Packet(b"b", 500_000_000, 1, 2 * number + 1),
            Packet(b"c", 10 ** (9 - number), 1, 2 * number),
            Packet(b"d", 0, 1, 2 * number),
        ]
    for functions in (walk, accelerate.compiled()):
        for block_bytes in (64, 1 << 16):
            reading = read(file, functions=functions, block_bytes=block_bytes)
            assert (reading.packets, reading.fault, reading.linktypes) == (expected, "", [1, 101] * 4)


@pytest.mark.parametrize("original", [0, 1, 14, 33, 0xFFFFFFFF])
def test_captured_above_original_length(tmp_path: Path, original: int) -> None:
    """A record that was longer in the file than on the wire, or four gigabytes long, is given as it says and checked without a crash."""
    frame = bytes.fromhex("020000000001020000000002 0800 4500002000000000401166cb0a0000010a000002 00010002000c0000 64617461")
    for name, file in {
        "a.pcapng": section("<") + description("<") + enhanced("<", frame, original=original),
        "a.pcap": pcap([Packet(frame, 0, original)]),
        "a.modified": modified([Packet(frame, 0, original)]),
        "a.snoop": snoop([Packet(frame, 0, original)]),
    }.items():
        assert [(p.data, p.original) for p in plain(file).packets] == [(frame, original)]
        (tmp_path / name).write_bytes(file)
        assert csumlab.check(tmp_path / name).packets == 1


def test_xz_may_not_ask_for_any_memory() -> None:
    """A window of four gigabytes is refused before it is taken; xz -9 is read."""
    assert plain(lzma.compress(pcap(SAMPLES), preset=9)).packets == SAMPLES
    file = bytearray(lzma.compress(pcap(SAMPLES)))
    length = (file[12] + 1) * 4
    assert file[14:16] == b"\x21\x01", "an LZMA2 filter, whose property is the size of the window"
    file[16] = 40
    file[12 + length - 4 : 12 + length] = struct.pack("<I", zlib.crc32(bytes(file[12 : 12 + length - 4])))
    with pytest.raises(CaptureError, match="xz data: cannot be unpacked: Memory usage limit exceeded"):
        open_capture(io.BytesIO(bytes(file)))


def test_a_packing_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lz4 package the error says how to install it and how to do without."""
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(CaptureError, match=r"packed with lz4, and the Python package lz4 is not here \(install lz4, or try: lz4 -dc FILE"):
        open_capture(io.BytesIO(b"\x04\x22\x4d\x18" + bytes(40)))


CUT = pcap(SAMPLES)[:-10]


def state(path: Any) -> tuple[int, bool, bool]:
    """Packets, whether there is a fault, whether the file is growing."""
    with open_capture(path, functions=walk, block_bytes=64) as capture:
        return sum(map(len, capture)), capture.fault is not None, capture.growing


CUT_BLOCK = section("<") + description("<") + enhanced("<", b"x") * 2 + block("<", 9, bytes(900))[:-90]


@pytest.mark.parametrize("data", [CUT, snoop(SAMPLES)[:-10], CUT_BLOCK])
def test_a_growing_file_is_no_fault(tmp_path: Path, data: bytes) -> None:
    """While a program writes the file its last record is merely not there yet, and reading it hinders nobody."""
    path = tmp_path / "a"
    with path.open("wb", buffering=0) as writer:
        writer.write(data)
        assert state(path) == (2, False, True)
        with path.open("rb") as stream:
            assert state(stream) == (2, False, True)
        writer.write(bytes(100))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whether somebody has a file open for writing")
def test_a_fresh_file_without_a_writer_was_cut(tmp_path: Path) -> None:
    """A file that was copied a moment ago is not growing; it can be opened for writing at once afterwards."""
    path = tmp_path / "a"
    path.write_bytes(CUT)
    with path.open("rb") as stream:
        assert state(stream) == (2, True, False)
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


def test_where_nothing_is_known_of_writers_the_time_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of somebody else, or on a system without leases: growing if it was changed within the last ten seconds."""
    monkeypatch.setattr(growth, "_without_writer", lambda handle: False)
    path = tmp_path / "a"
    path.write_bytes(CUT)
    assert state(path) == (2, False, True)
    for age in (60, -60):
        os.utime(path, (time.time() - age, time.time() - age))
        assert state(path) == (2, True, False)


def test_what_is_not_growing(tmp_path: Path) -> None:
    """Old, shrunken and packed files, streams in memory and pipes that end within a record are at fault even while they are written."""
    path = tmp_path / "a"
    with path.open("wb", buffering=0) as writer:
        writer.write(CUT)
        os.utime(path, (1, 1))
        assert state(path) == (2, True, False)
        writer.write(bytes(1000))
        with open_capture(path, functions=walk, block_bytes=64) as capture:
            writer.truncate(len(CUT))
            assert sum(map(len, capture)) >= 1
        assert (capture.fault is not None, capture.growing) == (True, False)
    with path.open("wb", buffering=0) as writer:
        writer.write(gzip.compress(CUT))
        assert state(path) == (2, True, False)
    assert state(io.BytesIO(CUT)) == (2, True, False)
    reader, end = os.pipe()
    with os.fdopen(end, "wb") as pipe:
        pipe.write(CUT)
    with os.fdopen(reader, "rb", buffering=0) as stream:
        assert state(stream) == (2, True, False)


def test_a_pipe_is_read_while_it_is_written() -> None:
    """A program that writes a few packets at a time, as tcpdump -w - -U does, is waited for until it ends."""
    reader, end = os.pipe()

    def feed() -> None:
        with os.fdopen(end, "wb", buffering=0) as pipe:
            pipe.write(pcap([]))
            for packet in SAMPLES * 5:
                pipe.write(pcap([packet])[24:])
                time.sleep(0.002)

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(reader, "rb", buffering=0) as stream:
        assert state(stream) == (15, False, False)
    thread.join()


def test_link_types_have_names() -> None:
    """The ends of each run of the registry, what lies between them, and every link type that is dissected."""
    expected = {0: "NULL", 1: "ETHERNET", 10: "FDDI", 50: "PPP_HDLC", 51: "PPP_ETHER", 99: "SYMANTEC_FIREWALL", 113: "LINUX_SLL"}
    expected |= {127: "IEEE802_11_RADIOTAP", 147: "USER0", 162: "USER15", 163: "IEEE802_11_AVS", 192: "PPI", 207: "LAPB_WITH_DIR"}
    expected |= {209: "I2C_LINUX", 226: "IPNET", 239: "NFLOG", 258: "PKTAP", 276: "LINUX_SLL2", 290: "ETW", 302: "EDK2_MM"}
    assert {number: name_of(number) for number in expected} == expected
    assert [name_of(number) for number in (-1, 11, 49, 52, 98, 208, 303, 65535)] == [""] * 8
    assert len(set(NAMES.values())) == len(NAMES)
    assert [link for link in Link if not name_of(link)] == [Link.RAW_12, Link.RAW_14]
