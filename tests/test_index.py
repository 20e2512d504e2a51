"""The class index: plain and compiled alike, bounded, independent of threads; its columns, interval tables, cache of compiled code."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from bisect import bisect_right
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from frames import block_of, ethernet, examples, ipv4, ipv6, patch, tcp, udp, vxlan
from fuzz_dissector import hostile, same_columns, seeds, try_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab import accelerate
from csumlab.capture.block import CHECKSUM_NOT_READY, HAS_FLAGS
from csumlab.facts import FieldValue, Quality, verdict_of
from csumlab.headers import Kind, Layer, Verdict
from csumlab.index import NO_TABLES, Columns, Index, Tables, dissect_packet
from csumlab.inet import residue
from csumlab.kernels import primitives

TESTS = Path(__file__).parent


def test_verdict_table_is_the_rule() -> None:
    """The table that the kernels look verdicts up in holds verdict_of for every combination."""
    table = iter(primitives.VERDICTS)
    for kind in Kind:
        for one in ((a, b, c, d) for a in Quality for b in Quality for c in Quality for d in FieldValue):
            assert next(table) == verdict_of(kind, *one)
    assert next(table, None) is None


def test_plain_and_compiled_agree_on_every_shape() -> None:
    """One packet of every protocol, encapsulation and link type, in whole and cut: the same classes, tally and columns from both."""
    linktypes, packets = zip(*seeds(), strict=True)
    lengths = [len(packet) for packet in packets]
    pieces = [*packets, *(packet[: len(packet) * 2 // 3] for packet in packets)]
    block = block_of(pieces, lengths * 2, list(linktypes) * 2)
    fast, slow = Index(accelerate=True), Index(accelerate=False)
    members = fast.add(block)
    assert (slow.add(block).class_of == members.class_of).all()
    assert slow.classes == fast.classes
    assert (slow.tally == fast.tally).all()
    assert set(np.flatnonzero(slow.tally[:, Verdict.GOOD])) == set(Kind) - {Kind.NOTHING}
    for number in range(len(fast.classes)):
        rows = members.rows(number)
        assert same_columns(slow.columns(block, rows), fast.columns(block, rows))


@pytest.mark.parametrize("seed", range(3))
def test_plain_and_compiled_agree_on_hostile_packets(seed: int) -> None:
    """The same classes, counts and tally from both, for mutated and random bytes."""
    assert try_batch(1500, 1000 + seed, plain=True) > 20


@pytest.mark.long
def test_no_access_out_of_bounds() -> None:
    """With numba's bounds checks on, thousands of hostile packets raise nothing."""
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1"}
    command = [sys.executable, str(TESTS / "fuzz_dissector.py"), "--count", "4000", "--plain-every", "1"]
    run = subprocess.run(command, env=environment, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "4000 inputs tried" in run.stdout


def test_equal_facts_mean_equal_signature() -> None:
    """Over hostile packets the classes of the hash are exactly the classes of the facts."""
    packets, originals, linktypes = hostile(3000, 7)
    block = block_of(packets, originals, linktypes)
    index = Index(accelerate=False)
    class_of = index.add(block).class_of
    by_facts: dict[object, int] = {}
    for row, packet in enumerate(packets):
        number = int(block.interface[row])
        facts = dissect_packet(packet, linktypes[row], originals[row], interface=number).facts
        assert by_facts.setdefault(facts, int(class_of[row])) == class_of[row]
    assert all(by_facts[one.facts] == number for number, one in enumerate(index.classes))
    assert len(by_facts) == len(index.classes) == len(set(by_facts.values()))


def test_recorded_flags_and_interface_are_facts() -> None:
    """epb_flags that matter and the interface part classes; other flag bits do not."""
    packet = examples()[0]
    index = Index(accelerate=False)
    for flags in (0, HAS_FLAGS, HAS_FLAGS | CHECKSUM_NOT_READY, HAS_FLAGS | 0x1000000, HAS_FLAGS | 1):
        index.add(block_of([packet], flags=flags))
    assert [(one.facts.has_flags, one.facts.flags, one.count) for one in index.classes] == [
        (False, 0, 1),
        (True, 0, 2),
        (True, CHECKSUM_NOT_READY, 1),
        (True, 1, 1),
    ]


def test_counts_first_numbers_and_octets() -> None:
    """Per class: how many, the first eight packet numbers over blocks, and octets on the wire."""
    index = Index(accelerate=False)
    packets = [examples()[0], examples()[1]]
    index.add(block_of(packets * 3, first=1))
    index.add(block_of(packets * 3, first=7))
    one, other = index.classes
    assert one.first == (1, 3, 5, 7, 9, 11)
    assert other.first == (2, 4, 6, 8, 10, 12)
    assert (one.count, one.octets, index.packets) == (6, 6 * len(packets[0]), 12)
    assert index.counted(Kind.IPV4, Verdict.GOOD) == 12
    assert index.tally[Kind.TCP].sum() == 6


@pytest.mark.parametrize("fast", [False, True])
def test_classes_are_bounded_and_the_tally_stays_exact(fast: bool) -> None:
    """Past the bound a packet has class -1 and is counted by kind and verdict only; known classes go on counting."""
    packets, originals, linktypes = hostile(2000, 11)
    block = block_of(packets, originals, linktypes)
    whole, bounded = Index(accelerate=fast), Index(accelerate=fast, max_classes=10)
    whole.add(block)
    class_of = bounded.add(block).class_of
    assert len(bounded.classes) == 10
    assert bounded.classes == whole.classes[:10]
    assert bounded.overflow == int((class_of < 0).sum()) > 0
    assert (bounded.tally == whole.tally).all()


def test_threads_change_nothing() -> None:
    """One thread or five: the same classes in the same order, the same members, the same tally."""
    packets, originals, linktypes = hostile(12_000, 3)
    block = block_of(packets, originals, linktypes)
    results = []
    for threads in (1, 5):
        index = Index(accelerate=True, threads=threads)
        members = [index.add(block).class_of.tolist() for _ in range(2)]
        results.append((index.classes, members, index.tally.tolist()))
    assert results[0] == results[1]


def test_compiled_code_takes_over_in_the_middle() -> None:
    """A block worth compiling switches over, and what was counted before stays."""
    small, large = block_of(examples()), block_of(examples() * 100)
    mixed, plain = Index(), Index(accelerate=False)
    for index in (mixed, plain):
        for block in (small, large, small):
            index.add(block)
    assert mixed.compiled
    assert not plain.compiled
    assert mixed.classes == plain.classes


@pytest.mark.parametrize("fast", [False, True])
def test_columns_equal_the_single_dissection(fast: bool) -> None:
    """For every class of hostile packets, each column holds what dissecting the packet alone says."""
    packets, originals, linktypes = hostile(1200, 5)
    block = block_of(packets, originals, linktypes)
    index = Index(accelerate=fast)
    membership = index.add(block)
    for number in range(len(index.classes)):
        rows = membership.rows(number)[:3]
        columns = index.columns(block, rows)
        for place, row in enumerate(rows.tolist()):
            alone = dissect_packet(packets[row], linktypes[row], originals[row])
            assert columns.offset[:, place].tolist() == [header.offset for header in alone.headers]
            for one, checksum in enumerate(alone.sums):
                assert (columns.at[one, place], columns.start[one, place], columns.end[one, place]) == (
                    checksum.at,
                    checksum.start,
                    checksum.end,
                )
                assert columns.field[one, place] == (checksum.field or 0)
                known = (bool(columns.known_residue[one, place]), bool(columns.known_seed[one, place]))
                assert known == (checksum.residue is not None, checksum.seed is not None)
                if known[0]:
                    assert columns.residue[one, place] == checksum.residue
                if known[1]:
                    assert (columns.seed[one, place], columns.pseudo[one, place]) == (checksum.seed, checksum.pseudo)


def test_words_and_addresses() -> None:
    """Words are read at header plus displacement, zero where nothing was captured; address sums are residues of the address bytes."""
    packets = [ethernet(ipv4(tcp(b"abc"), source=f"10.1.2.{last}")).data for last in (1, 2, 3)]
    block = block_of(packets)
    index = Index(accelerate=False)
    columns: Columns = index.columns(block, index.add(block).rows(0))
    assert columns.word(0, 12).tolist() == [0x0800] * 3
    assert columns.word(1, 14).tolist() == [0x0201, 0x0202, 0x0203]
    assert columns.address_sum(1, "source").tolist() == [residue(packet[26:30]) for packet in packets]
    assert columns.address_sum(1, "destination").tolist() == [residue(packet[30:34]) for packet in packets]
    beyond = len(packets[0]) - columns.offset[2, 0] - 1
    assert columns.has_word(2, int(beyond)).tolist() == [False] * 3
    assert columns.word(2, int(beyond)).tolist() == [0] * 3
    with pytest.raises(ValueError, match="no addresses"):
        columns.address_sum(2, "source")
    with pytest.raises(ValueError, match="no packet"):
        index.columns(block, np.zeros(0, np.int64))


@settings(max_examples=30 * TIMES)
@given(
    st.sets(st.integers(0, 2**32 - 1), max_size=6),
    st.sets(st.integers(0, 2**128 - 1), max_size=6),
    st.sets(st.integers(0, 0xFFFF), max_size=6),
)
def test_intervals_are_counts_of_bounds_not_above(fours: set[int], sixes: set[int], ports: set[int]) -> None:
    """Addresses and ports at, below and above every bound get the index that bisection gives; plain and compiled alike."""
    tables = Tables(
        ipv4=np.array(sorted(fours), np.uint32),
        ipv6_upper=np.array([bound >> 64 for bound in sorted(sixes)], np.uint64),
        ipv6_lower=np.array([bound & (2**64 - 1) for bound in sorted(sixes)], np.uint64),
        ports=np.array(sorted(ports), np.uint16),
    )
    base4, base6 = ethernet(ipv4(tcp(b""))).data, ethernet(ipv6(udp(b""))).data
    packets, expected = [], []
    for bounds, base, place, size, top in ((sorted(fours), base4, 26, 4, 2**32), (sorted(sixes), base6, 22, 16, 2**128)):
        port_at = place + 2 * size
        for value in {0, top - 1, *(near % top for bound in bounds for near in (bound - 1, bound, bound + 1))}:
            for port in {0, 0xFFFF, *ports}:
                body = base[:place] + value.to_bytes(size, "big") * 2 + port.to_bytes(2, "big") * 2 + base[port_at + 4 :]
                packets.append(body)
                expected.append((bisect_right(bounds, value), bisect_right(sorted(ports), port)))
    for packet, (address, port) in zip(packets, expected, strict=True):
        (facts,) = dissect_packet(packet, 1, tables=tables).facts.addresses
        assert (facts.source, facts.destination, facts.source_port, facts.destination_port) == (address, address, port, port)
    fast, slow = Index(tables, accelerate=True), Index(tables, accelerate=False)
    assert (fast.add(block_of(packets)).class_of == slow.add(block_of(packets)).class_of).all()


def test_hardware_addresses_ports_and_mtu() -> None:
    """Known, unknown and group addresses; a VXLAN port of the topology; long means longer than its MTU."""
    tables = Tables(macs=np.array([0x020000000001, 0x020000000002], np.uint64), tunnel_ports=((9999, Layer.VXLAN),), mtu=60)
    packet = ethernet(ipv4(vxlan(ethernet(ipv4(tcp(b"abc"))), 9999))).data
    facts = dissect_packet(packet, 1, tables=tables).facts
    assert (facts.destination_mac, facts.source_mac, facts.long) == (2, 3, True)
    assert Layer.VXLAN in facts.layers
    other = dissect_packet(b"\xff" * 6 + b"\x02\0\0\0\0\x09" + packet[12:], 1, tables=tables).facts
    assert (other.destination_mac, other.source_mac) == (1, 0)
    without = dissect_packet(packet, 1, tables=NO_TABLES).facts
    assert (without.destination_mac, without.source_mac, without.long) == (0, 0, False)
    assert Layer.VXLAN not in without.layers


def test_tables_out_of_order_are_refused() -> None:
    """Binary search over unsorted bounds would answer wrongly: it is an error."""
    with pytest.raises(ValueError, match="ports"):
        Tables(ports=np.array([5, 5], np.uint16))
    with pytest.raises(ValueError, match="ipv6"):
        Tables(ipv6_upper=np.array([2, 1], np.uint64), ipv6_lower=np.array([0, 0], np.uint64))


def test_a_block_that_lies_is_refused() -> None:
    """Packets outside the data or on an interface that is not there never reach the compiled loads."""
    block = block_of(examples())
    index = Index(accelerate=False)
    with pytest.raises(ValueError, match="outside"):
        index.add(replace(block, captured=block.captured + 1))
    with pytest.raises(ValueError, match="outside"):
        index.add(replace(block, offset=block.offset - 1))
    with pytest.raises(ValueError, match="interface"):
        index.add(replace(block, interface=block.interface + 1))
    assert index.packets == 0


def test_read_only_and_strided_columns_are_taken() -> None:
    """A block over bytes and over slices gives the same answers as one over arrays of its own."""
    block = block_of(examples() * 2)
    data = block.data.copy()
    data.flags.writeable = False
    twice = [np.repeat(column, 2)[::2] for column in (block.offset, block.captured, block.original)]
    strided = replace(block, data=data, offset=twice[0], captured=twice[1], original=twice[2])
    one, other = Index(accelerate=True), Index(accelerate=True)
    assert (one.add(block).class_of == other.add(strided).class_of).all()


def test_an_empty_block_is_no_trouble() -> None:
    """A capture without packets has no classes."""
    for fast in (False, True):
        index = Index(accelerate=fast)
        assert len(index.add(block_of([])).class_of) == 0
        assert index.classes == []


def run_python(text: str) -> str:
    """The standard output of a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", text],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": "tests"},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_small_capture_loads_neither_numba_nor_pandas() -> None:
    """The plain path keeps a start short."""
    text = """
import sys
from frames import block_of, examples
from csumlab.index import Index
Index().add(block_of(examples()))
print("numba" in sys.modules, "pandas" in sys.modules)
"""
    assert run_python(text) == "False False"


def test_without_numba_the_answers_are_the_same() -> None:
    """On a machine without numba a large block runs plain; asking for compiled code says what is missing."""
    text = """
import sys, importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "numba" else find(name, package)
sys.modules["numba"] = None
from frames import block_of, examples
from csumlab.index import Index
index = Index()
index.add(block_of(examples() * 100))
print(index.compiled, index.packets, len(index.classes))
try:
    Index(accelerate=True).add(block_of(examples()))
except ImportError:
    print("missing")
"""
    expected = Index(accelerate=False)
    expected.add(block_of(examples() * 100))
    assert run_python(text).split() == ["False", str(expected.packets), str(len(expected.classes)), "missing"]


def test_a_machine_without_a_writable_folder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing can be written the note says so and every run compiles; the first writable folder is taken; a file is no folder."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(accelerate, "_candidates", lambda: [blocked])
    accelerate.cache_folder.cache_clear()
    try:
        assert "cannot be kept" in accelerate.cache_note()
        assert accelerate.needs_compiling()
        monkeypatch.setattr(accelerate, "_candidates", lambda: [blocked, tmp_path / "deep" / "er"])
        accelerate.cache_folder.cache_clear()
        assert accelerate.cache_note() == ""
        assert accelerate.needs_compiling()
        folder = accelerate.cache_folder()
        assert folder is not None
        (folder / "sign.1.nbc").write_text("")
        assert not accelerate.needs_compiling()
    finally:
        accelerate.cache_folder.cache_clear()


@pytest.mark.parametrize("length", [*range(40), 1459, 1460])
def test_compiled_sums_are_residues_at_any_place(length: int) -> None:
    """Odd and even starts and lengths: the field that makes a UDP sum good is the same in both."""
    payload = random.Random(length).randbytes(length)
    frame = ethernet(ipv4(udp(payload)))
    shifted = [frame.data, b"\0" * (length % 3) + frame.data]
    block = block_of([*shifted, patch(frame.data, frame.sums[1].at, 0xABCD)])
    block = replace(block, offset=block.offset + np.array([0, length % 3, 0]), captured=block.captured - np.array([0, length % 3, 0]))
    index = Index(accelerate=True)
    index.add(block)
    columns = index.columns(block, np.arange(3))
    assert columns.residue[1].tolist()[:2] == [0, 0]
    assert columns.residue[1, 2] == (residue(frame.sums[1].pseudo) + residue(patch(frame.data, frame.sums[1].at, 0xABCD)[34:])) % 0xFFFF
