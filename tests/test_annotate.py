"""Annotated captures, read back: by csumlab's own reader to the byte, and by tshark as the program they are for."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frames
import live_tshark
import pytest
from capture_bytes import block, description, enhanced, options, section
from click.testing import CliRunner, Result
from taps import CAPTURES, topology_of, views, walked

import csumlab
from csumlab.annotate.blocks import blocks
from csumlab.annotate.hops import Written, write_hops
from csumlab.annotate.notes import MARK
from csumlab.annotate.packets import Marked, write_marked
from csumlab.annotate.sights import CUT, SEALED
from csumlab.capture import CaptureError, PcapngWriter, PcapWriter, open_capture
from csumlab.capture.block import CHECKSUM_NOT_READY, DIRECTION_MASK
from csumlab.capture.source import Raw
from csumlab.cli import cli
from csumlab.dissection import dissect_packet

CHOSEN = ("xen-3.0.0-vpn-domu", "xen-3.0.0-napt", "vxlan-masquerade", "virtio-vxlan-guest", "linux-6.1-napt", "xdp-redirect-veth")
"""Scenarios with every kind of way; tests/test_every_tap.py walks the bytes of all."""
CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
SMALL = 20_000
"""Bytes of a capture of the corpus that is looked at."""
needs_tshark = pytest.mark.skipif(not live_tshark.HERE, reason=live_tshark.MISSING)
RIGHT = frames.ethernet(frames.ipv4(frames.tcp(b"some data"))).data
WRONG = RIGHT[:-1] + b"X"


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def packets(path: Path) -> list[tuple[str, int, int, int, bytes, int]]:
    """Interface name, link type, time, length on the wire, bytes and flags of every packet."""
    found = []
    with open_capture(path) as capture:
        for block in capture:
            for row, start in enumerate(block.offset.tolist()):
                interface = block.interfaces[int(block.interface[row])]
                data = block.data[start : start + int(block.captured[row])].tobytes()
                numbers = (int(block.timestamp[row]), int(block.original[row]))
                found.append((interface.name, interface.linktype, *numbers, data, int(block.flags[row])))
        assert capture.fault is None
    return found


def notes(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON beside each packet, {} without one."""
    raw = Raw(path)
    for piece in blocks(raw):
        if piece.is_packet:
            at = piece.data.find(MARK)
            length = struct.unpack_from("<H", piece.data, at - 6)[0] if at >= 0 else 0
            yield json.loads(piece.data[at + len(MARK) : at - 4 + length]) if at >= 0 else {}
    raw.close()


def tshark(path: Path, *words: str) -> list[str]:
    """Lines of fields; the test fails if tshark complains."""
    fields = [word for name in words if not name.startswith("-") for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", *fields], capture_output=True, text=True, timeout=120, check=True
    )
    assert "damaged" not in done.stderr
    assert "rror" not in done.stderr
    return done.stdout.splitlines()


def hops_of(name: str, out: Path, at: str = "") -> Written:
    return csumlab.replay(CAPTURES / name / "traffic.pcapng", topology_of(name), at=at).write(out)


@pytest.mark.parametrize("name", CHOSEN)
def test_every_hop_shows_what_the_walk_brings_there(name: str, tmp_path: Path) -> None:
    """At every port stand the frames of the byte walk, at the capture point the capture itself; of what is sealed nothing is shown."""
    done = hops_of(name, tmp_path / "hops.pcapng")
    shown = packets(tmp_path / "hops.pcapng")
    told = list(notes(tmp_path / "hops.pcapng"))
    captured = packets(CAPTURES / name / "traffic.pcapng")
    tap = [one for one, note in zip(shown, told, strict=True) if note["is_capture_point"]]
    assert [(one[3], one[4]) for one in tap] == [(one[3], one[4]) for one in captured]
    assert [one[2] for one in shown] == sorted(one[2] for one in shown)
    there = views(walked(name))
    assert {one[0] for one in shown} == set(there)
    for port, view in there.items():
        mine = {note["packet"]: one[4] for one, note in zip(shown, told, strict=True) if one[0] == port}
        assert set(mine) == set(view.frames)
        for number, frame in view.frames.items():
            bare = mine[number] if "tun" in port else mine[number][14:]
            note = next(note for note in told if (note["packet"], note["at"]) == (number, port))
            assert bare == frame[14:] or any("outer header" in text for text in note["made_up"]), f"{port}, packet {number}"
    sealed = views(walked(name), sealed=True)
    assert {port for (port, why) in done.hidden if why == SEALED} == set(sealed)


def test_sums_and_flags_are_those_of_the_place(tmp_path: Path) -> None:
    """The verdicts in the note are those of a dissection of the written bytes, and a sum that is owed is flagged as not ready."""
    for name in ("xen-3.0.0-domu-router", "vxlan-masquerade", "linux-6.1-napt"):
        hops_of(name, tmp_path / "hops.pcapng")
        for (_, linktype, _, original, data, flags), note in zip(
            packets(tmp_path / "hops.pcapng"), notes(tmp_path / "hops.pcapng"), strict=True
        ):
            found = dissect_packet(data, linktype, original, topology_of(name).tables)
            assert [(one.at, one.verdict.name.lower(), one.field) for one in found.sums] == [
                (one["offset"], one["verdict"], one["field"]) for one in note["sums"]
            ]
            assert flags & DIRECTION_MASK == {"in": 1, "out": 2}[note["way"]]
            assert bool(flags & CHECKSUM_NOT_READY) == any(
                word in note["state"] for word in ("CHECKSUM_PARTIAL", "csum_blank", "CHECKSUM_HW")
            )


@needs_tshark
@pytest.mark.needs_program
def test_tshark_reads_hops(tmp_path: Path) -> None:
    """Interfaces are the ports with their features; flagged packets and no others are found by their comment; nothing is malformed."""
    out = tmp_path / "hops.pcapng"
    result = run(
        "replay",
        CAPTURES / "xen-3.0.0-domu-router" / "traffic.pcapng",
        "-t",
        CAPTURES / "xen-3.0.0-domu-router" / "topology.toml",
        "-w",
        out,
    )
    assert result.exit_code == 1
    assert "18 packets as 138 sights at 8 ports, 18 of them flagged" in result.output
    lines = [
        line.split("\t") for line in tshark(out, "frame.interface_name", "frame.interface_description", "frame.comment", "_ws.malformed")
    ]
    assert Counter(line[0] for line in lines)["dom0:vif1.0"] == 18
    assert all("on: " in line[1] and "stages: " in line[1] for line in lines if line[0] == "dom0:vif1.0")
    flagged = [line for line in lines if "CSL" in line[2]]
    assert len(flagged) == 18
    assert "CSL101 an unfinished checksum leaves the host (TCP)" in flagged[0][2]
    assert "Cure, in dom0 and domU: run Linux 2.6.39 or later" in flagged[0][2]
    before = set(tshark(CAPTURES / "xen-3.0.0-domu-router" / "traffic.pcapng", "_ws.malformed"))
    assert {line[3] for line in lines} == before


def test_what_cannot_be_known_is_left_out_and_said(tmp_path: Path) -> None:
    """A packet that was cut is shown only where it was captured, one that nobody can have sent too, each with the reason."""
    folder = CAPTURES / "linux-6.1-bridge"
    (first, *_) = packets(folder / "traffic.pcapng")
    with PcapngWriter(tmp_path / "in.pcapng") as file:
        interface = file.add_interface(1)
        file.write(first[4][:-4], interface=interface, original=len(first[4]))
        file.write(first[4][:26] + b"\x09\x09\x09\x09" + first[4][30:], interface=interface)
        file.write(b"\xff" * 12 + b"\x08\x06" + bytes(28), interface=interface)
    done = write_hops(csumlab.replay(tmp_path / "in.pcapng", topology_of("linux-6.1-bridge")), tmp_path / "out.pcapng")
    assert (done.packets, done.sights) == (3, 3)
    assert {why for _, why in done.hidden} == {CUT}
    assert [note["findings"][0]["code"] if note["findings"] else "" for note in notes(tmp_path / "out.pcapng")] == ["", "CSL901", ""]


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    """The capture itself is never the target, and a target that cannot be written leaves no file behind."""
    path = tmp_path / "a.pcapng"
    shutil.copy(CAPTURES / "linux-6.1-bridge" / "traffic.pcapng", path)
    before = path.read_bytes()
    topology = CAPTURES / "linux-6.1-bridge" / "topology.toml"
    for words in (("check", path), ("replay", path, "-t", topology)):
        same = run(*words, "-w", path)
        assert same.exit_code == 2
        assert "choose another name" in same.output
        assert run(*words, "-w", tmp_path / "none" / "out.pcapng").exit_code == 2
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.pcapng"]
    assert "--topology" in run("replay", path, "-w", tmp_path / "b.pcapng").output
    assert run("check", path, path, "-w", tmp_path / "b.pcapng").exit_code == 2


def marked(path: Path, out: Path) -> Marked:
    return csumlab.check(path, labels=True).write(out)


@pytest.mark.parametrize("order", ["<", ">"])
def test_check_keeps_every_block_and_option(order: str, tmp_path: Path) -> None:
    """In both byte orders: names, unknown blocks and options stay where they are; only flagged packets get more options."""
    head = section(order) + description(order, extra=options(order, (2, b"eth7")))
    secret = block(order, 0x0B, b"anything")
    old = options(order, (1, b"seen before!"), (2, struct.pack(order + "I", 1)))
    bodies = [enhanced(order, data, extra=extra) for data, extra in ((RIGHT, old), (WRONG, old), (WRONG, b""))]
    (tmp_path / "in.pcapng").write_bytes(head + bodies[0] + secret + bodies[1] + bodies[2] + secret)
    done = marked(tmp_path / "in.pcapng", tmp_path / "out.pcapng")
    assert (done.packets, done.flagged, done.explained) == (3, 2, 0)
    data = (tmp_path / "out.pcapng").read_bytes()
    assert data.startswith(head + bodies[0] + secret)
    assert data.endswith(secret)
    assert data.count(b"seen before!") == 2
    assert data.count(b"CSL check: TCP bad") == 2
    assert struct.pack(order + "I", 32473) + MARK in data
    assert packets(tmp_path / "in.pcapng") == packets(tmp_path / "out.pcapng")


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Several captures, one without labels, and one that is gone meanwhile."""
    path = CAPTURES / "linux-6.1-bridge" / "traffic.pcapng"
    for result, words in ((csumlab.check(path, path, labels=True), "there are 2"), (csumlab.check(path), "labels=True")):
        with pytest.raises(ValueError, match=words):
            result.write(tmp_path / "out.pcapng")
    gone = tmp_path / "gone.pcapng"
    shutil.copy(path, gone)
    checked = csumlab.check(gone, labels=True)
    replayed = csumlab.replay(gone, topology_of("linux-6.1-bridge"))
    gone.unlink()
    for write in (checked.write, replayed.write):
        with pytest.raises(CaptureError, match="cannot be opened"):
            write(tmp_path / "out.pcapng")
    assert list(tmp_path.iterdir()) == []


@needs_tshark
@pytest.mark.needs_program
def test_check_converts_other_formats_and_tshark_agrees(tmp_path: Path) -> None:
    """A pcap becomes pcapng with the same packets and times; what is wrong is found by its comment."""
    with PcapWriter(tmp_path / "in.pcap", nanoseconds=True) as file:
        for number, packet in enumerate((RIGHT, WRONG, RIGHT)):
            file.write(packet, timestamp_ns=1_700_000_000_123_456_789 + number)
    result = run("check", tmp_path / "in.pcap", "-w", tmp_path / "out.pcapng")
    assert result.exit_code == 1
    assert "3 packets, 1 flagged, 0 explained as harmless" in result.output
    assert [one[2:5] for one in packets(tmp_path / "in.pcap")] == [one[2:5] for one in packets(tmp_path / "out.pcapng")]
    lines = [line.split("\t") for line in tshark(tmp_path / "out.pcapng", "frame.number", "frame.comment", "_ws.malformed")]
    assert [line[0] for line in lines if "CSL" in line[1]] == ["2"]
    assert {line[2] for line in lines} == {""}


@pytest.mark.parametrize("name", CHOSEN)
def test_the_causes_beside_the_packets_are_those_of_the_report(name: str, tmp_path: Path) -> None:
    """Counting the notes gives the groups that check reports."""
    result = csumlab.check(CAPTURES / name / "traffic.pcapng", labels=True).results[0]
    write_marked(result, tmp_path / "out.pcapng")
    told = Counter((one["sum"], one["verdict"], one["cause"]) for note in notes(tmp_path / "out.pcapng") for one in note.get("sums", ()))
    expected: Counter[tuple[str, str, str]] = Counter()
    for group in result.groups:
        expected[group.label.removeprefix("inner ").split(" ")[0], group.verdict.name.lower(), group.cause.name] += group.count
    assert {key: count for key, count in told.items() if key[2] is not None} == expected


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of public captures is not here")
def test_no_packet_of_the_corpus_changes(tmp_path: Path) -> None:
    """Bytes, lengths, times, interfaces and flags of public captures are the same afterwards."""
    for path in (path for path in sorted(CORPUS.glob("*.pcap*")) if path.stat().st_size < SMALL):
        result = csumlab.check(path, labels=True).results[0]
        if not result.packets:
            continue
        write_marked(result, tmp_path / "out.pcapng")
        with open_capture(path) as before, open_capture(tmp_path / "out.pcapng") as after:
            for old, new in zip(before, after, strict=True):
                assert old.timestamp.tolist() == new.timestamp.tolist(), path.name
                assert (old.captured.tolist(), old.original.tolist()) == (new.captured.tolist(), new.original.tolist()), path.name
                assert (old.interface.tolist(), old.flags.tolist()) == (new.interface.tolist(), new.flags.tolist()), path.name
                for left, right, length in zip(old.offset.tolist(), new.offset.tolist(), old.captured.tolist(), strict=True):
                    assert old.data[left : left + length].tobytes() == new.data[right : right + length].tobytes(), path.name
