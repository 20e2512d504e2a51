"""Two captures of the same traffic: what was planted between them is found, and nothing else; what cannot be told is not guessed."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thoroughness import TIMES
from traffic import CLIENT, OUTSIDE, SERVER, UDP, Make, Shot, answer, capture, framed, pieces
from two_points import Host, Sent, Truth, guarded, plant

import csumlab
from csumlab.capture import CaptureError, open_capture
from csumlab.cli import cli
from csumlab.kernels.payloads import hash_payloads
from csumlab.points.clocks import Sketch, clock_of
from csumlab.points.comparing import Comparison, compare
from csumlab.points.sightings import PRIME, Sightings
from csumlab.tables import NO_TABLES

SHIPPED = Path(__file__).parents[1] / "captures" / "two-points-gateway"
FATES = ("passed", "passed", "passed", "lost", "damaged", "hidden", "laundered", "bad", "new")
TRANSLATED = (*FATES, "partial-rule", "stale")


def found(result: Comparison) -> Truth:
    """What a comparison says, as a Truth."""
    frame = result.frame(packets=True)
    truth = Truth()
    for before, after, what, change in zip(frame["before"], frame["after"], frame["what"], frame["change"], strict=True):
        if what == "paired":
            truth.pairs.add((int(before), int(after)))
            truth.changes[int(before), int(after)] = _transport(result, str(change), int(before), int(after))
        elif what == "lost":
            truth.lost.add(int(before))
        elif what == "new":
            truth.new.add(int(after))
    return truth


def _transport(result: Comparison, change: str, before: int, after: int) -> str:
    """The change of the innermost transport sum of a pair."""
    records = result.tally.spool.all()
    group = int(records["group"][(records["before"] == before) & (records["after"] == after)][0])
    inner = next((one for one in result.tally.numbers[group].sums if one.depth == 0 and one.kind.name != "IPV4"), None)
    return inner.change.value if inner else change


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Sent], Host, int]:
    """Traffic of a few flows and a host between two points."""
    host = Host(
        nat=draw(st.booleans()),
        tunnel=draw(st.booleans()),
        segments=draw(st.booleans()),
        offset=draw(st.sampled_from([0.0, 3.5, -250.0, 7.2e6])),
        way=draw(st.floats(0.01, 5)),
        shuffle=draw(st.sampled_from([0.0, 0.4, 6.0])),
    )
    fates = draw(st.lists(st.sampled_from(TRANSLATED if host.nat else FATES), max_size=25))
    chance = random.Random(draw(st.integers(0, 1 << 30)))
    plan = []
    for number, fate in enumerate(fates):
        size = chance.choice([8, 40, 300, 1700]) if fate == "passed" else chance.choice([8, 40, 300])
        state = chance.choice(["good", "partial"]) if fate == "passed" else "good"
        payload = chance.randbytes(size)
        plan.append(Sent(chance.randrange(3), 5000 * number, 16 * number + 1, payload, state=state, fate=fate))
    return guarded(plan), host, chance.randrange(1 << 30)


@settings(max_examples=25 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_what_was_planted_is_found_and_nothing_else(plan: tuple[list[Sent], Host, int]) -> None:
    """Pairs, lost and new packets and the change of every sum, through translation, tunnel, segmentation, loss, damage, another order and
    clocks that are hours apart."""
    with tempfile.TemporaryDirectory() as folder:
        before, after, truth = plant(Path(folder), *plan)
        result = compare(before, after, accelerate=False)
        assert found(result) == truth
        assert result.status == int(any(one.fate not in ("passed", "new", "bad") for one in plan[0]))


def test_the_residue_names_the_culprit(tmp_path: Path) -> None:
    """A finished sum that was translated by the rule for unfinished ones leaves twice the change, one left alone leaves it once."""
    fates = ("partial-rule", "stale", "damaged", "hidden", "laundered")
    plan = [Sent(0, 900 * n, n + 1, b"contents %d" % n, fate=fate) for n, fate in enumerate(fates)]
    before, after, _ = plant(tmp_path, guarded(plan), Host(nat=True))
    whys = {(item.what, item.why.split(":")[0]) for item in compare(before, after).items if item.harmful}
    assert whys == {
        ("broken", "the residue is twice the change of the addresses"),
        ("broken", "the residue is the change of addresses and ports"),
        ("laundered", "the bytes it covers are others and it is right for them"),
        ("laundered", "the bytes are the same"),
        ("damaged", "the TCP sum after shows it"),
    }


def test_a_datagram_is_found_in_its_fragments(tmp_path: Path) -> None:
    """Each fragment is a part of the datagram with its identification, and their bytes together are its bytes."""
    for damaged in (False, True):
        whole = Make(protocol=UDP, ports=(5000, 6000), identification=77).packet(bytes(range(250)) * 6)
        parts = pieces(whole, 496)
        if damaged:
            parts[1] = parts[1][:100] + b"\xff\xff" + parts[1][102:]
        result = compare(*_pair(tmp_path, [whole], parts))
        assert _middle(result, 1) == {(11, 11), (11, 12), (11, 13), (11, 14)}
        assert any(item.what == "damaged" for item in result.items) is damaged


def test_merged_segments_are_found(tmp_path: Path) -> None:
    """What receive offload merges is paired with every segment in it, and lost segments are missed in it."""
    data = random.Random(3).randbytes(3000)
    segments = [Make(number=7000 + at, identification=40 + at).packet(data[at : at + 1000]) for at in (0, 1000, 2000)]
    whole = Make(number=7000, identification=40, state="partial").packet(data)
    result = compare(*_pair(tmp_path, segments, [whole]))
    assert _middle(result, 3) == {(11, 11), (12, 11), (13, 11)}
    assert any("merged from segments" in kinship.what for kinship in result.pairs)
    partly = compare(*_pair(tmp_path, [segments[0], segments[2]], [whole]))
    assert any("some pieces are missing" in kinship.what for kinship in partly.pairs)


def test_a_sequence_number_may_wrap(tmp_path: Path) -> None:
    """A super-frame across 2^32 is found in its segments."""
    data = random.Random(4).randbytes(2000)
    start = (1 << 32) - 700
    whole = Make(number=start, state="partial").packet(data)
    segments = [Make(number=(start + at) % (1 << 32)).packet(data[at : at + 500]) for at in range(0, 2000, 500)]
    assert _middle(compare(*_pair(tmp_path, [whole], segments)), 1) == {(11, 11), (11, 12), (11, 13), (11, 14)}


def _middle(result: Comparison, count: int) -> set[tuple[int, int]]:
    """The pairs of the first capture's packets between the guards of :func:`_pair`."""
    return {pair for pair in found(result).pairs if 10 < pair[0] <= 10 + count}


def _pair(folder: Path, before: list[bytes], after: list[bytes], gap: float = 1.0) -> tuple[Path, Path]:
    """Captures of these packets between ten guards on either side; the second one's clock is 40 ms ahead."""
    guards = [framed(Make(number=900_000 + 1000 * n, identification=900 + n).packet(b"guard %d" % n)) for n in range(20)]
    made = []
    for name, packets, ahead in (("before", before, 0.0), ("after", after, 40.0)):
        shots = [Shot(one, n + ahead) for n, one in enumerate(guards[:10])]
        shots += [Shot(framed(one), 20 + gap * n + ahead) for n, one in enumerate(packets)]
        shots += [Shot(one, 20 + gap * max(len(before), len(after)) + n + ahead) for n, one in enumerate(guards[10:])]
        made.append(capture(folder / f"{name}.pcapng", shots))
    return made[0], made[1]


def test_equal_packets_of_several_clients_are_ambiguous(tmp_path: Path) -> None:
    """Two clients ask the same behind a translator: which question is whose cannot be told, and is not guessed."""
    asked = [
        Make(source=one, protocol=UDP, ports=(port, 53)).packet(b"the same question") for one, port in ((CLIENT, 40), ("10.0.0.2", 41))
    ]
    sent = [Make(source=OUTSIDE, protocol=UDP, ports=(port, 53), ttl=63).packet(b"the same question") for port in (5000, 5001)]
    result = compare(*_pair(tmp_path, asked, sent))
    assert found(result).pairs == {(n, n) for n in (*range(1, 11), *range(13, 23))}
    told = [item for item in result.items if item.what == "ambiguous"]
    assert sum(item.packets for item in told) == 4
    assert all("not alike" in item.why for item in told)


def test_a_translation_that_was_seen_decides(tmp_path: Path) -> None:
    """The same, but each flow also sent something of its own: then the equal questions can be told apart."""
    flows = ((CLIENT, 40, 5000), ("10.0.0.2", 41, 5001))
    asked, sent = [], []
    for payload in (b"", b"the same question"):
        for source, port, public in flows:
            own = payload or b"question of %d" % port
            asked.append(Make(source=source, protocol=UDP, ports=(port, 53)).packet(own))
            sent.append(Make(source=OUTSIDE, protocol=UDP, ports=(public, 53), ttl=63).packet(own))
    assert found(compare(*_pair(tmp_path, asked, sent))).pairs == {(n, n) for n in range(1, 25)}


def test_equal_packets_that_are_alike_are_interchangeable(tmp_path: Path) -> None:
    """Five equal queries of which three arrive: three pairs, two lost; which ones makes no difference and is said."""
    query = Make(protocol=UDP, ports=(40, 53)).packet(b"retry retry")
    result = compare(*_pair(tmp_path, [query] * 5, [query] * 3))
    assert len(found(result).pairs) == 23
    assert len(found(result).lost) == 2
    assert any("one of several equal packets" in kinship.what for kinship in result.pairs)


def test_equal_packets_with_other_ttls_are_told_apart_only_if_nothing_changed(tmp_path: Path) -> None:
    """A routed packet that was captured twice: as it is on both sides each is itself; a hop further it cannot be told which is which."""
    seen = [Make(protocol=UDP, ports=(40, 53), ttl=ttl).packet(b"the same") for ttl in (64, 63)]
    later = [Make(protocol=UDP, ports=(40, 53), ttl=ttl).packet(b"the same") for ttl in (63, 62)]
    assert _middle(compare(*_pair(tmp_path, seen, seen[::-1])), 2) == {(11, 12), (12, 11)}
    result = compare(*_pair(tmp_path, seen, later))
    assert _middle(result, 2) == set()
    assert sum(item.packets for item in result.items if item.what == "ambiguous") == 4


def test_too_many_that_wait_are_given_up_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: what waits past the bound is counted as such, and everything is still accounted for."""
    monkeypatch.setattr("csumlab.points.pairing.RETAINED", 100)
    lone = [Make(source="10.7.7.7", number=n, identification=n).packet(b"lone %d" % n) for n in range(1, 400)]
    result = compare(*_pair(tmp_path, lone, lone[:1], gap=0.01), window=5.0)
    given_up = [item for item in result.items if item.what == "given up because too many waited"]
    assert sum(item.packets for item in given_up) > 100
    assert result.found[0] + sum(count.packets for lonely, count in result.alone.items() if not lonely.after) == 419


def test_damage_that_no_number_names_is_ambiguous(tmp_path: Path) -> None:
    """A datagram without identification and one of the same size with other bytes may be the same one, or not."""
    sent = Make(protocol=UDP, ports=(40, 53)).packet(b"what was sent")
    come = Make(protocol=UDP, ports=(40, 53)).packet(b"what has come")
    told = [item for item in compare(*_pair(tmp_path, [sent], [come])).items if item.what == "ambiguous"]
    assert len(told) == 2
    assert all("no number says" in item.why for item in told)


def test_the_way_back_is_looked_at_the_way_it_went(tmp_path: Path) -> None:
    """A reply is in the second capture first: what is unfilled there and right in the first was filled, and one that never came is lost."""
    replies = [Make(source=SERVER, destination=CLIENT, ports=(80, 40000), number=50 * n, identification=n + 1) for n in range(1, 4)]
    come = [one.packet(b"reply %d" % n) for n, one in enumerate(replies)]
    sent = [
        Make(source=SERVER, destination=CLIENT, ports=(80, 40000), number=50 * n, identification=n + 1, ttl=65, state="partial").packet(
            b"reply %d" % (n - 1)
        )
        for n in range(1, 4)
    ]
    result = compare(*_pair(tmp_path, come[:2], sent))
    told = {item.what: item for item in result.items if item.sum == "TCP" or item.what == "lost"}
    assert told["filled"].packets == 2
    assert told["lost"].examples == ((0, 13),)


def test_what_lies_outside_the_other_capture_is_not_lost(tmp_path: Path) -> None:
    """Packets from before the second capture began cannot be missed in it."""
    packets = [framed(Make(number=100 * n, identification=n + 1).packet(b"packet %d" % n)) for n in range(30)]
    before = capture(tmp_path / "before.pcapng", packets)
    after = capture(tmp_path / "after.pcapng", [Shot(one, n + 10) for n, one in enumerate(packets[10:])])
    result = compare(before, after)
    assert {item.what: item.packets for item in result.items if not item.sum} == {"outside the time of the other capture": 10}
    assert result.clean


def test_flows_that_never_come_are_not_called_lost(tmp_path: Path) -> None:
    """A flow of which nothing is seen may have gone another way; if all its sums were wrong, that is said."""
    other = [Make(source="10.7.7.7", number=n, identification=n, error=5).packet(b"wrong") for n in range(1, 4)]
    result = compare(*_pair(tmp_path, other, []))
    item = next(item for item in result.items if item.what == "no packet of its flow came")
    assert (item.packets, item.harmful) == (3, True)
    assert "their sums were wrong" in item.why


@pytest.mark.parametrize("offset", [0, 3_600_000_000_000, -5_000_000_000_000])
@pytest.mark.parametrize("drift", [0.0, 40e-6, -100e-6])
def test_offset_and_drift_of_the_clocks_are_found(offset: int, drift: float) -> None:
    """To the noise of the way, whatever the offset; a drift only where there is time enough to see it."""
    chance = np.random.default_rng(5)
    times = np.sort(chance.integers(0, 600 * 10**9, 5000)) + 10**18
    keys = chance.integers(1, 1 << 63, 5000).astype(np.uint64)
    sketches = []
    for side in (0, 1):
        seen = times if not side else (times + offset + (times - times[0]) * drift + chance.normal(1e6, 2e5, 5000)).astype(np.int64)
        rows = {"sequenced": keys, "time": seen, "size": keys, "place": keys, "protocol": keys, "identity": keys}
        rows |= {"sample": keys, "telling": np.ones(5000, np.bool_), "cut": np.zeros(5000, np.bool_)}
        sketches.append(Sketch())
        sketches[-1].add(rows, seen)
    clock = clock_of(sketches[0], sketches[1])
    assert clock.drift == pytest.approx(drift, abs=2e-8)
    assert np.abs(clock.turned(seen) - times).max() < 3e6
    assert clock.common == 5000


def test_a_hash_of_a_whole_follows_from_its_pieces() -> None:
    """As spans.py adds them up."""
    data = random.Random(6).randbytes(3000)
    cuts = [0, 1, 700, 701, 2048, 3000]
    hashes = [0] * 6
    hash_payloads(data, [*cuts[:-1], 0], [*cuts[1:], 3000], PRIME, hashes)
    total = 0
    for one, low, high in zip(hashes, cuts, cuts[1:], strict=False):
        total = (total * pow(256, high - low, PRIME) + one) % PRIME
    assert total == hashes[5]


def test_compiled_and_plain_rows_are_the_same(tmp_path: Path) -> None:
    """Rows do not depend on numba."""
    before, _, _ = plant(tmp_path, guarded([Sent(0, 10, 1, b"x" * 1700)]), Host())
    with open_capture(before) as opened:
        block = next(opened)
        plain, fast = Sightings(NO_TABLES, False).rows(block), Sightings(NO_TABLES, True).rows(block)
    for name, column in plain.items():
        assert np.array_equal(column, fast[name]), name


def test_the_command_tells_writes_and_exits(tmp_path: Path) -> None:
    """Text, JSON, CSV and an annotated pcapng; status 1 with a finding, 2 with a mistake that is explained."""
    plan = guarded([Sent(0, 900, 9, b"contents", fate="stale"), Sent(0, 1900, 10, b"gone", fate="lost")])
    before, after, _ = plant(tmp_path, plan, Host(nat=True))
    run = CliRunner().invoke
    text = run(cli, ["compare", str(before), str(after), "-w", str(tmp_path / "pairs.pcapng")])
    assert text.exit_code == 1, text.output
    assert "BROKEN  TCP" in text.output
    told = json.loads(run(cli, ["compare", str(before), str(after), "--json"]).stdout)
    assert told["status"] == 1
    assert {item["what"] for item in told["items"] if item["harmful"]} == {"broken", "lost"}
    assert run(cli, ["compare", str(before), str(after), "--csv"]).stdout.startswith("what,sum,harmful,packets")
    same = run(cli, ["compare", str(before), str(before)])
    assert same.exit_code == 0
    for wrong, advice in (
        ([str(before), "-"], "save standard input"),
        ([str(before), str(after), "--at-after", "host:eth0"], "--topology"),
        ([str(before), str(tmp_path / "none.pcapng")], "No such file"),
        ([str(before), str(after), "-w", str(before)], "name another file"),
    ):
        bad = run(cli, ["compare", *wrong])
        assert bad.exit_code == 2
        assert advice in bad.output
    with open_capture(tmp_path / "pairs.pcapng") as opened:
        assert sum(len(block) for block in opened) == 14 + 13
        assert [one.name for one in opened.interfaces] == ["before", "after"]


@pytest.mark.needs_program
def test_tshark_reads_the_pairs(tmp_path: Path) -> None:
    """Every packet has a comment that names its partner, and the file is whole."""
    from shutil import which

    if which("tshark") is None:
        pytest.skip("needs tshark")
    before, after, _ = plant(tmp_path, guarded([Sent(0, 900, 9, b"contents", fate="stale")]), Host(nat=True))
    compare(before, after).write(tmp_path / "pairs.pcapng")
    fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment"]
    shown = subprocess.run(["tshark", "-n", "-r", tmp_path / "pairs.pcapng", *fields], capture_output=True, text=True, check=True)
    lines = shown.stdout.splitlines()
    assert len(lines) == 26
    assert sum(line.startswith("before\tpacket") and "of after.pcapng" in line for line in lines) == 13
    assert sum("broken" in line for line in lines) == 2
    assert "malformed" not in shown.stdout.lower()


def test_a_cut_capture_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    """A fault in one capture gives status 2 and what was read before."""
    before, after, _ = plant(tmp_path, guarded([]), Host())
    after.write_bytes(after.read_bytes()[:-50])
    import os

    os.utime(after, (0, 0))
    result = compare(before, after)
    assert result.status == 2
    assert result.paired >= 10
    assert "PARTIAL RESULT" in str(result)


def test_any_two_captures_are_compared(tmp_path: Path) -> None:
    """Captures without a packet in common, without packets, of other links: everything is accounted for."""
    empty = capture(tmp_path / "empty.pcapng", [])
    some = capture(tmp_path / "some.pcapng", [answer(5), b"", b"\xff" * 30, answer(6)])
    for first, second in ((empty, some), (some, empty), (empty, empty)):
        result = csumlab.compare(first, second)
        assert result.found == (0, 0)
        assert not result.clock.known
        assert str(result)
    with pytest.raises(CaptureError):
        csumlab.compare(some, tmp_path / "missing.pcapng")


def test_the_shipped_pair_is_as_its_story_says() -> None:
    """What the gateway broke is predicted with its cure; damage, laundering and loss, which no setting makes, are not."""
    result = csumlab.compare(SHIPPED / "before.pcapng", SHIPPED / "after.pcapng", SHIPPED / "topology.toml", at_after="peer:eth0:in")
    told = {(item.what, item.sum): item for item in result.items if item.harmful}
    assert {key: item.packets for key, item in told.items()} == {
        ("broken", "outer UDP"): 5,
        ("laundered", "TCP"): 1,
        ("lost", ""): 1,
        ("filled", "TCP"): 1,
    }
    predicted = told["broken", "outer UDP"].prediction
    assert predicted is not None
    assert (predicted.agrees, predicted.codes, predicted.cure) == (True, ("CSL102",), "in pod: ethtool -K vxlan0 tx off")
    assert all(item.prediction is not None and item.prediction.agrees is False for key, item in told.items() if key[0] != "broken")
    assert not any(item.what == "not predicted" for item in result.items)


def test_a_model_that_is_wrong_is_told_so() -> None:
    """Captures that are said to be from other places contradict the model, and the comparison says how."""
    captures = (SHIPPED / "before.pcapng", SHIPPED / "after.pcapng")
    told = csumlab.compare(*captures, SHIPPED / "topology.toml", at_after="peer:vxlan0:in")
    assert any("in the model the packet has the checksums" in str(item.prediction) for item in told.items)
    told = csumlab.compare(*captures, SHIPPED / "topology.toml", at_before="peer:eth0:out", at_after="host:veth1:in")
    assert all(item.prediction.agrees is None for item in told.items if item.prediction and item.what != "filled")
    for place, advice in (("", "--at-after with one of"), ("host:veth1", "two places")):
        with pytest.raises(ValueError, match=advice):
            csumlab.compare(*captures, SHIPPED / "topology.toml", at_after=place)
