"""``check`` from a capture to its report: forensics, recorded state, fragments, copies, testimony, super-frames, quoted packets."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import protocol_frames as pf
import pytest
from click.testing import CliRunner
from frames import patch
from traffic import (
    CLIENT,
    IN,
    NOT_READY,
    OUT,
    OUTSIDE,
    SEGMENTS,
    SERVER,
    TCP,
    UDP,
    VALID,
    Make,
    Shot,
    answer,
    assert_adds_up,
    capture,
    causes,
    cooked,
    cooked2,
    framed,
    group,
    pieces,
    tcp,
    udp,
)

from csumlab.causes import Standing
from csumlab.checking import CheckResult, check
from csumlab.cli import cli
from csumlab.fragments import Outcome
from csumlab.fragments import datagrams as results
from csumlab.headers import Kind, Layer, Verdict
from csumlab.inet import MODULUS, negate, residue
from csumlab.topology.load import load_topology
from csumlab.topology.model import Topology

HARMLESS, REAL, DOUBTFUL = Standing.HARMLESS, Standing.REAL, Standing.DOUBTFUL
TUNNEL = ("172.16.0.1", "172.16.0.2")
"""Ends of the VXLAN tunnel."""
ROUTER = f"""
name = "a router that translates addresses"
at = "router:wan"
[domain.router]
forwarding = true
[domain.router.device.lan]
kind = "nic"
wire = "lan"
address = "10.0.0.254/24"
[domain.router.device.wan]
kind = "nic"
wire = "wan"
address = "{OUTSIDE}/24"
[[domain.router.nat]]
kind = "masquerade"
device = "wan"
[[domain.router.route]]
to = "default"
device = "wan"
[domain.client]
outside = true
[domain.client.device.eth0]
kind = "nic"
wire = "lan"
address = "{CLIENT}/24"
[domain.server]
outside = true
[domain.server.device.eth0]
kind = "nic"
wire = "wan"
address = "192.0.2.99/24"
"""


def text(size: int, seed: int = 0) -> bytes:
    """Payload without a pattern, the same in every run."""
    return random.Random(size * 1000 + seed).randbytes(size)


def run(folder: Path, shots: list[bytes] | list[Shot] | list[Shot | bytes], **how: object) -> CheckResult:
    """``check`` on a capture of these packets; what it says always adds up."""
    more = {name: how.pop(name) for name in ("topology", "udp") if name in how}
    result = check(capture(folder / "run.pcapng", shots, **how), **more)  # type: ignore[arg-type]
    assert_adds_up(result)
    json.dumps(result.to_dict(), allow_nan=False)
    assert str(result)
    return result


def translated(count: int, **how: object) -> list[bytes]:
    """Segments whose source address was rewritten and whose sum was not."""
    return [tcp(text(40, seed), identification=100 + seed, number=100 + 40 * seed, became=OUTSIDE, ttl=63, **how) for seed in range(count)]


def before_and_after(count: int) -> list[Shot]:
    """The same segments as the client sent them on interface 0, and translated on interface 1."""
    shots = []
    for seed, after in enumerate(translated(count)):
        before = tcp(text(40, seed), identification=100 + seed, number=100 + 40 * seed)
        shots += [Shot(before, seed, 0), Shot(after, seed + 0.01, 1)]
    return shots


def flipped(packet: bytes, at: int = -1) -> bytes:
    data = bytearray(packet)
    data[at] ^= 4
    return bytes(data)


@pytest.fixture
def router(tmp_path: Path) -> Topology:
    (tmp_path / "router.toml").write_text(ROUTER)
    return load_topology(tmp_path / "router.toml")


# ---- forensics -------------------------------------------------------------------------------------------------------------------------


def test_stale_after_translation_is_named_with_a_topology(tmp_path: Path, router: Topology) -> None:
    """The rules of a topology name what otherwise is only the same error in every packet."""
    packets = translated(5)
    named = group(run(tmp_path, packets, topology=router), "nat-stale")
    assert (named.standing, named.count, named.numbers, named.examined) == (REAL, 5, (1, 2, 3, 4, 5), 5)
    assert 0 < named.chance < 1e-3
    alone = run(tmp_path, packets)
    delta = (residue(ip_address(OUTSIDE).packed) - residue(ip_address(CLIENT).packed)) % MODULUS
    assert causes(alone) == {"same-error": 5}
    assert group(alone, "same-error").detail == f"off by 0x{delta:04x}"


def test_stale_after_translation_is_named_with_both_sides(tmp_path: Path) -> None:
    """A flow that is seen before and after its translation gives the rewrite by itself, and the report shows it."""
    result = run(tmp_path, before_and_after(5), names=("lan", "wan"))
    named = group(result, "nat-stale")
    assert (named.count, named.numbers) == (5, (2, 4, 6, 8, 10))
    assert causes(result) == {"nat-stale": 5}
    assert f"{CLIENT}:40000 -> {SERVER}:80 became {OUTSIDE}:40000 -> {SERVER}:80: 5 packets" in str(result)


def test_two_packets_with_one_error_name_nothing(tmp_path: Path) -> None:
    """The same error twice is no proof: three different packets must show it."""
    assert causes(run(tmp_path, translated(2))) == {"wrong": 2}


def test_a_mixture_of_causes_is_split(tmp_path: Path) -> None:
    """Packets of one flow with different causes go to different groups, each with its own packets."""
    damaged = [flipped(tcp(text(40, 50 + seed), source=OUTSIDE, number=9000 + 40 * seed), at) for seed, at in enumerate((-1, -7, -12))]
    result = run(tmp_path, [*before_and_after(4), *(Shot(one, 90 + at, 1) for at, one in enumerate(damaged))], names=("lan", "wan"))
    assert group(result, "nat-stale").numbers == (2, 4, 6, 8)
    rest = [one for one in result.groups if one.cause.name == "wrong"]
    assert sorted(number for one in rest for number in one.numbers) == [9, 10, 11]


def test_what_is_not_looked_at_is_counted_apart(tmp_path: Path) -> None:
    """Of a long mixture only the first packets are looked at; the rest is counted, and called neither."""
    packets = [tcp(text(40, seed), error=0x1234 if seed % 2 else 999 * seed + 4321) for seed in range(50)]
    result = run(tmp_path, packets)
    assert causes(result) == {"same-error": 10, "wrong": 10, "not-examined": 30}
    assert "packets like others that were looked at" in str(result)


def test_one_cause_for_all_is_taken_for_the_rest(tmp_path: Path) -> None:
    """Where all packets that were looked at have one cause, so has the rest, and the report says how many were looked at."""
    result = run(tmp_path, translated(50))
    assert group(result, "same-error").count == 50
    assert "20 looked at closely" in str(result)


def test_a_match_that_is_not_convincing_is_consistent_with(tmp_path: Path) -> None:
    """One bit less in the TTL's place is as good a chance as a router: not named, but said."""
    packet = bytearray(tcp(text(40)))
    packet[22] -= 1
    result = run(tmp_path, [bytes(packet)])
    found = group(result, "wrong")
    assert (found.kind, found.standing) == (Kind.IPV4, REAL)
    assert found.detail.startswith("consistent with: right before its TTL was lowered by one")
    assert found.chance > 1e-3


def test_random_damage_stays_wrong(tmp_path: Path) -> None:
    """Damage of no pattern is called what it is, packet for packet."""
    chaos = random.Random(3)
    packets = []
    for seed in range(200):
        packet = bytearray(tcp(text(60, seed), ports=(40000 + seed, 80)))
        packet[54:] = chaos.randbytes(60)
        packets.append(bytes(packet))
    found = causes(run(tmp_path, packets))
    assert sum(found.values()) == 200
    assert set(found) <= {"wrong", "not-examined"}


def test_what_is_known_besides_a_cause_is_added(tmp_path: Path) -> None:
    """A recorded contradiction keeps its cause, and forensics is not lost."""
    shots = [Shot(packet, flags=VALID | IN) for packet in translated(4)]
    found = group(run(tmp_path, shots), "verified-wrong")
    assert "off by the same amount" in found.detail


def encapsulated(inner: bytes, **how: object) -> bytes:
    """A VXLAN packet around an Ethernet frame."""
    plain = replace(Make(protocol=UDP, source=TUNNEL[0], destination=TUNNEL[1], ports=(50000, 4789)), **how)  # type: ignore[arg-type]
    return plain.frame(b"\x08\0\0\0\0\0\x2a\0" + inner)


def pair(seed: int) -> tuple[bytes, bytes]:
    """An inner frame with a partial sum, and with the full one."""
    return (
        tcp(text(40, seed), state="partial", identification=seed + 1),
        tcp(text(40, seed), identification=seed + 1),
    )


def local(seed: int, **how: object) -> bytes:
    """Local checksum offload: the outer sum as it is right once the inner one is filled."""
    owed, right = pair(seed)
    return encapsulated(right, **how)[: -len(owed)] + owed


def test_local_checksum_offload_is_harmless(tmp_path: Path) -> None:
    """An outer sum that is right once the inner one is filled has a verdict of its own and is nobody's fault."""
    result = run(tmp_path, [local(seed) for seed in range(3)])
    found = group(result, "inner-owed")
    assert (found.verdict, found.standing, found.count) == (Verdict.DEFERRED, HARMLESS, 3)
    assert result.status == 0


@pytest.mark.parametrize("count", [1, 4])
def test_outer_sum_in_software_over_an_unfilled_inner_one(count: int, tmp_path: Path) -> None:
    """The outer sum was made over a partial inner one that a card then filled: named, from one packet on."""
    packets = []
    for seed in range(count):
        owed, right = pair(seed)
        packets.append(encapsulated(owed)[: -len(owed)] + right)
    found = group(run(tmp_path, packets), "over-unfilled")
    assert (found.kind, found.inner, found.standing, found.count) == (Kind.UDP, False, REAL, count)


def broken_by_translation(seed: int) -> bytes:
    """Local checksum offload behind a translator that takes the outer sum, which is final, for a partial one: off by twice the change."""
    packet = local(seed, identification=500 + seed, became=OUTSIDE)
    delta = residue(ip_address(OUTSIDE).packed) - residue(ip_address(TUNNEL[0]).packed)
    at = 14 + 20 + 6
    field = (int.from_bytes(packet[at : at + 2], "big") + delta) % MODULUS
    return packet[:at] + field.to_bytes(2, "big") + packet[at + 2 :]


def test_outer_sum_broken_by_translation_over_an_unfilled_inner_one(tmp_path: Path) -> None:
    """With the inner sum filled in thought, what is left is the translator's doing, and named with the flow seen on both sides."""
    shots = []
    for seed in range(5):
        shots += [Shot(local(seed, identification=500 + seed), seed, 0), Shot(broken_by_translation(seed), seed + 0.01, 1)]
    result = run(tmp_path, shots, names=("br0", "eth0"))
    found = group(result, "nat-as-unfilled")
    assert (found.count, found.numbers, found.standing) == (5, (2, 4, 6, 8, 10), REAL)
    alone = group(run(tmp_path, [broken_by_translation(seed) for seed in range(5)]), "same-error")
    delta = residue(ip_address(OUTSIDE).packed) - residue(ip_address(TUNNEL[0]).packed)
    assert alone.detail == f"off by 0x{2 * delta % MODULUS:04x}"


def test_esp_between_the_hosts_is_thought_of(tmp_path: Path) -> None:
    """Where the same hosts speak ESP in UDP, a constant error is consistent with transport mode behind NAT."""
    sealed = udp(struct.pack("!II", 0xCAFE, 7) + text(40), ports=(4500, 4500))
    packets = [tcp(text(40, seed), source="192.168.1.1", became=CLIENT) for seed in range(4)]
    assert "consistent with: ESP hid it" in group(run(tmp_path, [*packets, sealed]), "wrong").detail
    assert causes(run(tmp_path, packets)) == {"same-error": 4}


# ---- what was recorded -----------------------------------------------------------------------------------------------------------------


def partial(seed: int = 0, **how: object) -> bytes:
    return tcp(text(40, seed), state="partial", **how)


@pytest.mark.parametrize(
    ("flags", "packet", "expected", "standing"),
    [
        (NOT_READY | OUT, partial(), "flagged", HARMLESS),
        (NOT_READY | IN, partial(), "flagged", HARMLESS),
        (VALID | IN, partial(), "verified-wrong", REAL),
        (VALID | IN, tcp(text(40), error=9), "verified-wrong", REAL),
        (VALID | IN, tcp(text(40), state=0), "verified-wrong", REAL),
        (NOT_READY | OUT, tcp(text(40)), "owed-good", DOUBTFUL),
        (NOT_READY | OUT, tcp(text(40), error=9), "owed-bad", DOUBTFUL),
        (SEGMENTS | IN, partial(), "long", HARMLESS),
        (IN, partial(), "received", REAL),
        (OUT, partial(), "sent", HARMLESS),
    ],
)
def test_recorded_state(flags: int, packet: bytes, expected: str, standing: Standing, tmp_path: Path) -> None:
    """Bits 9, 10 and 11 are read as carried state, and a contradiction is reported."""
    result = run(tmp_path, [Shot(packet, flags=flags)])
    found = group(result, expected)
    assert (found.standing, found.count, found.numbers) == (standing, 1, (1,))
    assert result.status == (standing is not HARMLESS)


@pytest.mark.parametrize("flags", [VALID | IN, IN, 0])
def test_recorded_state_of_good_sums(flags: int, tmp_path: Path) -> None:
    """A good sum that was recorded as valid, or not spoken of, is not worth a word."""
    result = run(tmp_path, [Shot(tcp(text(40)), flags=flags)])
    assert result.groups == ()


def test_marks_of_one_interface_say_nothing_of_another(tmp_path: Path) -> None:
    """Only an interface that marks what is owed shows by a missing mark that it was forgotten."""
    shots = [Shot(partial(), flags=NOT_READY | OUT), Shot(partial(1), interface=1, flags=OUT)]
    assert causes(run(tmp_path, shots, names=("a", "b"))) == {"flagged": 1, "sent": 1}


def test_good_sums_with_a_note_are_in_one_row(tmp_path: Path) -> None:
    """Rows of the summary add up to the tally, those with a note on a good sum too."""
    result = run(tmp_path, [Shot(tcp(text(40)), flags=NOT_READY | OUT), Shot(tcp(text(40, 1)), flags=OUT)])
    frame = result.frame()
    assert int(frame["checksums"].sum()) == sum(result.tally.values())


# ---- fragments -------------------------------------------------------------------------------------------------------------------------


def fragments(packet: bytes, size: int = 48) -> list[bytes]:
    return [framed(one) for one in pieces(packet, size)]


def datagram(state: str | int = "good", protocol: int = UDP, identification: int = 9) -> bytes:
    return Make(protocol=protocol, state=state, identification=identification).packet(text(100))


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize("size", [8, 16, 48])
@pytest.mark.parametrize("order", ["forward", "backward"])
def test_a_datagram_takes_the_place_of_its_first_piece(protocol: int, size: int, order: str, tmp_path: Path) -> None:
    """Over all pieces the sum is good, in any order, even if the first piece is too short to have the field."""
    parts = fragments(datagram(protocol=protocol), size)
    result = run(tmp_path, parts if order == "forward" else parts[::-1])
    kind = Kind.TCP if protocol == TCP else Kind.UDP
    assert result.tally == {(Kind.IPV4, Verdict.GOOD): len(parts), (kind, Verdict.GOOD): 1}
    assert result.groups == ()
    assert (result.status, result.results[0].found.datagrams[0].outcome) == (0, Outcome.COMPLETE)


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize("size", [8, 48])
@pytest.mark.parametrize("state", ["bad", "partial"])
def test_a_wrong_datagram_is_a_finding(protocol: int, size: int, state: str, tmp_path: Path) -> None:
    """A datagram that is bad over all its pieces, or was cut before it was filled, is wrong for real, once."""
    parts = fragments(flipped(datagram(protocol=protocol)) if state == "bad" else datagram("partial", protocol), size)
    result = run(tmp_path, parts)
    (found,) = result.groups
    assert (found.cause.name, found.count) == ("fragments-bad" if state == "bad" else "fragments-owed", 1)
    assert found.standing is REAL
    assert result.status == 1
    assert 1 in found.numbers


def test_fragments_of_an_unfilled_datagram_are_no_misaimed_fill(tmp_path: Path) -> None:
    """Several of them have no constant word that a fill at another place would have left: the rest of what is summed is elsewhere."""
    rng = random.Random(3)
    datagrams = [Make(protocol=UDP, state="partial", identification=n).packet(rng.randbytes(600)) for n in range(5)]
    (found,) = run(tmp_path, [piece for one in datagrams for piece in fragments(one, 400)]).groups
    assert (found.cause.name, found.count) == ("fragments-owed", 5)


@pytest.mark.parametrize("length", ["of the datagram", "of the fragment"])
def test_a_sum_of_the_first_fragment_alone_is_named(length: str, tmp_path: Path) -> None:
    """A card that fills a fragment takes the length in the field's seed, a program that sums it anew the fragment's own."""
    first, *others = fragments(datagram(), 48)
    size = 108 if length == "of the datagram" else 48
    pseudo = residue(first[26:34]) + UDP + size
    cleared = patch(first, 40, 0)
    first = patch(cleared, 40, negate(residue(cleared[34:]) + pseudo))
    (found,) = run(tmp_path, [first, *others]).groups
    assert (found.cause.name, found.count, found.standing) == ("fragments-first", 1, REAL)


def test_missing_pieces_stay_unverified(tmp_path: Path) -> None:
    """Of a datagram whose last piece is missing nothing is claimed."""
    result = run(tmp_path, fragments(datagram())[:2])
    assert causes(result) == {"unverified-fragment": 1}
    assert "missing bytes from 96 on" in str(result)
    assert result.status == 0


def test_whole_and_missing_datagrams_side_by_side(tmp_path: Path) -> None:
    """Each datagram takes the place of its own first piece; those that are left are named by their own packets."""
    whole, torn, wrong = fragments(datagram()), fragments(datagram(identification=10))[:2], fragments(flipped(datagram(identification=11)))
    result = run(tmp_path, [*torn, *whole, *wrong])
    assert result.tally == {
        (Kind.IPV4, Verdict.GOOD): 8,
        (Kind.UDP, Verdict.GOOD): 1,
        (Kind.UDP, Verdict.UNVERIFIED): 1,
        (Kind.UDP, Verdict.BAD): 1,
    }
    assert group(result, "unverified-fragment").numbers == (1,)
    assert group(result, "fragments-bad").numbers == (6, 7, 8)


def test_more_datagrams_than_numbers_are_kept(tmp_path: Path) -> None:
    """Datagrams beyond the packet numbers that a group keeps are settled too."""
    parts = [part for number in range(1, 41) for part in fragments(datagram(identification=number))]
    result = run(tmp_path, [*parts, *fragments(datagram(identification=99))[:2]])
    assert result.tally[Kind.UDP, Verdict.GOOD] == 40
    assert result.tally[Kind.UDP, Verdict.UNVERIFIED] == 1


def test_pieces_that_are_seen_twice(tmp_path: Path) -> None:
    """Each sighting of a first piece counts as its datagram does: no copy is left unverified."""
    parts = [one for part in fragments(datagram()) for one in (part, part)]
    result = run(tmp_path, parts)
    assert result.tally == {(Kind.IPV4, Verdict.GOOD): 6, (Kind.UDP, Verdict.GOOD): 2}


def test_pieces_that_contradict_each_other(tmp_path: Path) -> None:
    """Overlapping pieces are doubtful, once, and not also "only a fragment"."""
    first, second, third = fragments(datagram())
    result = run(tmp_path, [first, second, second[:34] + bytes(48), third])
    assert causes(result) == {"fragments-contradict": 1}
    assert result.status == 1


def test_datagrams_that_are_only_counted_are_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the results that are kept of a verdict, datagrams count in the tally and in the groups all the same."""
    made = [datagram(identification=number) for number in range(180)]
    parts = [part for one in made[:60] for part in fragments(one)]
    parts += [part for one in made[60:120] for part in fragments(flipped(one))]
    parts += [part for number in range(120, 180) for part in fragments(datagram("partial", identification=number))]
    parts += fragments(datagram(identification=999))[:2]
    whole = run(tmp_path, parts)
    monkeypatch.setattr(results, "RESULTS", 25)
    result = run(tmp_path, parts)
    assert result.tally == whole.tally
    verdicts = (Verdict.GOOD, Verdict.BAD, Verdict.PARTIAL, Verdict.UNVERIFIED)
    assert [result.tally[Kind.UDP, verdict] for verdict in verdicts] == [60, 60, 60, 1]
    assert causes(result) == causes(whole)
    assert group(result, "fragments-bad").packets == group(whole, "fragments-bad").packets == 180
    assert "181 datagrams in fragments" in str(result)
    assert sum(one["datagrams"] for one in result.to_dict()["files"][0]["further_datagrams"]) == 3 * 35


# ---- copies ----------------------------------------------------------------------------------------------------------------------------


def on_any(version: int) -> list[Shot]:
    """Three segments of a guest: in from the bridge port, out by the card."""
    shots = []
    for seed in range(3):
        packet = partial(seed, identification=40 + seed)[14:]
        kinds = ((5, 0), (2, 4))
        for step, (index, kind) in enumerate(kinds):
            shots.append(Shot(cooked2(packet, index, kind) if version == 2 else cooked(packet, kind), 10 * seed + 0.01 * step))
    return shots


@pytest.mark.parametrize("version", [1, 2])
def test_copies_on_any_are_hops(version: int, tmp_path: Path) -> None:
    """One packet at several places is one path with what its sum held at each, and no more traffic."""
    result = run(tmp_path, on_any(version), linktype=276 if version == 2 else 113)
    (one,) = result.results
    (path,) = one.found.paths
    where = ["interface 5", "interface 2"] if version == 2 else ["capture interface 0", "capture interface 0"]
    assert [str(hop.place) for hop in path.hops] == [f"{where[0]} (to us)", f"{where[1]} (sent by us)"]
    assert [hop.codes for hop in path.hops] == [(0, 0, 3, 0, 0)] * 2
    assert path.packets == one.found.further == 3
    assert "6 packets (3 of them further sightings of a packet at another place)" in str(result)
    assert causes(result) == {"sent": 3, "relayed": 3}


def test_copies_on_several_interfaces_have_their_names(tmp_path: Path) -> None:
    """Interfaces of a pcapng file are hops by name; a sum that is filled between two of them is no riddle."""
    shots = []
    for seed in range(3):
        shots.append(Shot(partial(seed, identification=40 + seed), seed, 0))
        shots.append(Shot(tcp(text(40, seed), identification=40 + seed, ttl=63), seed + 0.01, 1))
    result = run(tmp_path, shots, names=("vif1.0", "eth0"))
    (path,) = result.results[0].found.paths
    assert str(path) == "vif1.0 -> routed: eth0: 3 packets"
    assert [hop.codes for hop in path.hops] == [(0, 0, 3, 0, 0), (0, 3, 0, 0, 0)]
    assert "vif1.0: 3 partial" in str(result)
    assert causes(result) == {"filled": 3}
    assert result.status == 0


def test_a_sum_that_is_never_filled_is_not_called_filled(tmp_path: Path) -> None:
    """A later copy that is partial too, or an earlier one that is full, does not excuse a partial sum."""
    later = [Shot(partial(0, identification=1), 0, 0), Shot(partial(0, identification=1), 0.01, 1)]
    earlier = [Shot(tcp(text(40), identification=1), 0, 0), Shot(partial(0, identification=1), 0.01, 1)]
    full = [Shot(tcp(text(40, 9 + seed)), 100 + seed) for seed in range(3)]
    for shots in ([*later, *full], [*earlier, *full]):
        result = run(tmp_path, shots, names=("a", "b"))
        assert set(causes(result)) == {"mixed"}
        assert result.status == 1


def test_one_interface_has_no_copies(tmp_path: Path) -> None:
    """The same packet twice on one Ethernet interface is traffic."""
    result = run(tmp_path, [tcp(text(40), identification=4)] * 3)
    assert (result.results[0].found.further, result.results[0].found.paths) == (0, ())


# ---- testimony -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shots", "expected", "standing", "sentence"),
    [
        (
            [Shot(tcp(text(60), error=77), 0), Shot(answer(160), 5)],
            "acknowledged",
            DOUBTFUL,
            "packet 1: its receiver acknowledged it",
        ),
        (
            [Shot(tcp(text(60), error=77), 0), Shot(answer(160), 5), Shot(tcp(text(60), identification=2), 200)],
            "acknowledged",
            DOUBTFUL,
            "packet 1: its receiver acknowledged it",
        ),
        (
            [Shot(flipped(tcp(text(60))), 0), Shot(tcp(text(60), identification=2), 200), Shot(answer(160), 205)],
            "damaged",
            REAL,
            "packet 1: sent again 200 ms later with other bytes at payload offset 59: damaged on the way",
        ),
        (
            [Shot(tcp(text(60), error=77), 0), Shot(tcp(text(60), identification=2), 200), Shot(answer(160), 205)],
            "sum-only",
            REAL,
            "packet 1: sent again 200 ms later with the same bytes: only the sum was wrong, and it was acknowledged only then",
        ),
        (
            [Shot(answer(100), 0), Shot(tcp(text(60), error=77), 1), Shot(answer(100), 2), Shot(answer(100), 3)],
            "wrong",
            REAL,
            "packet 2: its receiver asked for it again 2 times",
        ),
    ],
)
def test_testimony(shots: list[Shot], expected: str, standing: Standing, sentence: str, tmp_path: Path) -> None:
    """What the flow says of a wrong segment tells damage from artefact, and stands in the evidence."""
    result = run(tmp_path, shots)
    found = group(result, expected)
    assert (found.standing, found.count) == (standing, 1)
    assert any(one.startswith(sentence) for one in found.evidence)
    assert sentence.split(":")[0] in str(result)


@pytest.mark.parametrize("taken", [True, False])
def test_testimony_on_partial_sums(taken: bool, tmp_path: Path) -> None:
    """A partial sum of a sender that otherwise fills is excused by an acknowledgement, and not by a receiver that asks again."""
    others = [Shot(tcp(text(40, 9 + seed), ports=(40001 + seed, 80)), 100 + seed) for seed in range(3)]
    after = [Shot(answer(140), 5)] if taken else [Shot(answer(100), 5), Shot(answer(100), 6), Shot(answer(100), 7)]
    result = run(tmp_path, [Shot(partial(), 0), *after, *others])
    found = group(result, "taken" if taken else "mixed")
    assert result.status == (not taken)
    assert any("acknowledged it" in one if taken else "asked for it again" in one for one in found.evidence)


def test_testimony_does_not_overrule_what_is_named(tmp_path: Path) -> None:
    """A cause that forensics names stays; that the receiver took the segments is added as evidence."""
    shots = [Shot(packet, index) for index, packet in enumerate(translated(4))]
    end = 100 + 40 * 4
    way = Make(source=SERVER, destination=OUTSIDE, ports=(80, 40000), number=5, acknowledges=end, flags=0x10)
    result = run(tmp_path, [*shots, Shot(framed(way.packet(b"")), 50)])
    found = group(result, "same-error")
    assert any("its receiver acknowledged it" in one for one in found.evidence)


# ---- super-frames ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize(("seed_length", "expected"), [(None, "long"), (0, "unfilled-no-length"), (1468, "unfilled-segment-length")])
@pytest.mark.parametrize("zero", [False, True])
def test_super_frames_left_to_a_card(protocol: int, seed_length: int | None, expected: str, zero: bool, tmp_path: Path) -> None:
    """A super-frame whose partial sum has the full length, none or that of one segment is harmless, also with an IPv4 length of 0."""
    way = Make(protocol=protocol, state="partial", seed_length=seed_length, total=0 if zero else None)
    result = run(tmp_path, [way.frame(text(size)) for size in (3000, 4380, 5000, 6001)])
    found = group(result, expected)
    assert (found.standing, found.count) == (HARMLESS, 4)
    assert result.status == 0


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_super_frames_with_good_sums(protocol: int, tmp_path: Path) -> None:
    """A super-frame with a right sum is good, and one with a wrong sum is wrong."""
    good = Make(protocol=protocol).frame(text(5000))
    result = run(tmp_path, [good, flipped(good)])
    kind = Kind.TCP if protocol == TCP else Kind.UDP
    assert result.tally[kind, Verdict.GOOD] == 1
    assert causes(result) == {"wrong": 1}


@pytest.mark.parametrize("state", ["good", "partial"])
def test_big_tcp(state: str, tmp_path: Path) -> None:
    """More than 64 KiB in one packet: IPv6 with a jumbo option, IPv4 with a length of 0."""
    verdict = Verdict.GOOD if state == "good" else Verdict.PARTIAL
    six = pf.ethernet(pf.jumbo(pf.tcp(text(70000), verdict=verdict))).data
    four = tcp(text(70000), state=state, seed_length=70020, total=0)
    result = run(tmp_path, [six, four])
    assert result.tally[Kind.TCP, verdict] == 2
    assert causes(result) == ({} if state == "good" else {"long": 2})


# ---- what is no finding ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["good", "partial", "bad", "cut", "no checksum"])
def test_quoted_packets_are_never_a_finding(state: str, tmp_path: Path) -> None:
    """Whatever an ICMP error quotes, nothing is wrong and the exit status is 0."""
    quoted = Make(state="good" if state in ("cut", "bad") else 0 if state == "no checksum" else state, protocol=UDP).packet(text(40))
    quoted = {"cut": quoted[:28], "bad": flipped(quoted)}.get(state, quoted)
    result = run(tmp_path, [pf.ethernet(pf.ipv4(pf.icmp_error(quoted))).data])
    assert all(one.standing is HARMLESS for one in result.groups)
    assert result.status == 0
    assert result.headline.endswith("Nothing is wrong.")
    assert "partial, harmless there" not in result.headline


def test_link_types_that_are_not_read_are_named(tmp_path: Path) -> None:
    """A packet of an unread link type is unverified with the type's name, and nobody says that nothing is wrong."""
    result = run(tmp_path, [b"a frame", b"another"], linktype=195)
    found = group(result, "unverified-link-type")
    assert (found.count, found.numbers) == (2, (1, 2))
    assert "link type 195 (IEEE802_15_4" in str(result)
    assert "Nothing is wrong" not in result.headline
    assert result.status == 0


def test_what_lies_too_deep_is_said(tmp_path: Path) -> None:
    """A packet with more headers than are read is not called good for those that were."""
    deep = pf.ipv4(pf.tcp(b"deep"))
    for _ in range(12):
        deep = pf.ipv4(deep)
    result = run(tmp_path, [pf.ethernet(deep).data])
    assert group(result, "unverified-depth").numbers == (1,)
    assert result.headline.endswith("Nothing is wrong in what can be verified (1 cannot).")


def test_a_growing_file_is_said_to_grow(tmp_path: Path) -> None:
    """A file whose last record is not there yet is read as far as it goes."""
    path = capture(tmp_path / "grows.pcapng", [tcp(text(40, seed)) for seed in range(3)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with path.open("ab"):
        growing = check(path)
    cut = check(path)
    assert (growing.packets, growing.status, growing.results[0].growing) == (2, 0, True)
    assert "The file is still being written: its last record is not there yet." in str(growing)
    assert growing.to_dict()["files"][0]["growing"] is True
    assert (cut.packets, cut.status, cut.results[0].growing) == (2, 2, False)
    assert "PARTIAL RESULT" in str(cut)


# ---- options and machine output --------------------------------------------------------------------------------------------------------


def test_ports_of_tunnels_can_be_given(tmp_path: Path) -> None:
    """With --udp 5555=fou what is inside is verified, and a wrong outer sum around a partial inner one is looked at as well."""
    inside = Make(source="10.5.0.1", destination="10.5.0.2", state="partial").packet(text(40))
    packets = [udp(inside, ports=(5000, 5555), error=99)]
    result = run(tmp_path, packets, udp={5555: Layer.FOU})
    assert result.tally[Kind.TCP, Verdict.PARTIAL] == 1
    assert group(result, "wrong").kind is Kind.UDP
    path = capture(tmp_path / "fou.pcapng", packets)
    plain = CliRunner().invoke(cli, ["check", str(path), "--json"])
    opened = CliRunner().invoke(cli, ["check", str(path), "--json", "--udp", "5555=fou"])
    assert "TCP" not in json.loads(plain.stdout)["files"][0]["checksums"]
    assert json.loads(opened.stdout)["files"][0]["checksums"]["TCP"] == {"partial": 1}
    refused = CliRunner().invoke(cli, ["check", str(path), "--udp", "5555=nothing"])
    assert refused.exit_code == 2
    assert "give a port and one of" in refused.output


def test_a_topology_on_the_command_line(tmp_path: Path) -> None:
    """--topology names what its rules explain; a file that is none ends with status 2."""
    (tmp_path / "router.toml").write_text(ROUTER)
    path = str(capture(tmp_path / "nat.pcapng", translated(4)))
    named = CliRunner().invoke(cli, ["check", path, "--topology", str(tmp_path / "router.toml")])
    assert named.exit_code == 1
    assert "a known rewrite changed it" in named.output
    assert "a known rewrite" not in CliRunner().invoke(cli, ["check", path]).output
    assert CliRunner().invoke(cli, ["check", path, "--topology", path]).exit_code == 2


def test_json_has_what_several_packets_show(tmp_path: Path) -> None:
    """Datagrams, paths, rewrites, evidence and chances are plain data with these keys."""
    shots: list[Shot | bytes] = [*before_and_after(4), *(Shot(one, 50 + at) for at, one in enumerate(fragments(datagram())))]
    result = run(tmp_path, shots, names=("lan", "wan"))
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))["files"][0]
    (datagrams,) = data["datagrams"]
    assert datagrams["packets"] == [9, 10, 11]
    assert (datagrams["verdict"], datagrams["outcome"], datagrams["residue"]) == ("good", "complete", 0)
    path = data["paths"][0]
    assert path["packets"] == 4
    assert [hop["checksums"] for hop in path["hops"]] == [{"good": 4}, {"bad": 4}]
    assert [hop["rewritten"] for hop in path["hops"]] == [False, True]
    (rewrite,) = data["rewrites"]
    assert rewrite["old"] == f"{CLIENT}:40000 -> {SERVER}:80"
    assert rewrite["examples"][0] == [1, 2]
    (found,) = data["groups"]
    assert found["cause"] == "nat-stale"
    assert found["examined"] == 4
    assert 1 <= found["residues_tried"] <= 100
    assert 0 < found["chance"] < 1e-3
    assert isinstance(found["evidence"], list)
    assert data["further_sightings"] == 4
    assert data["left_out"] == []


def test_a_constant_error_that_was_acknowledged_cannot_be_told(tmp_path: Path) -> None:
    """Every packet off by the same amount is wrong for real; if the receiver acknowledges them all, what is wrong here need not be wrong
    there: a capture whose addresses were changed looks like that."""
    shots = [tcp(bytes(random.Random(seed).randbytes(40)), number=100 + 40 * seed, error=0x1234) for seed in range(4)]
    alone = group(check(capture(tmp_path / "alone.pcapng", shots)), "same-error")
    assert alone.standing is REAL
    answered = [one for number, shot in enumerate(shots) for one in (shot, answer(140 + 40 * number))]
    found = group(check(capture(tmp_path / "answered.pcapng", answered)), "same-error")
    assert (found.standing, found.count) == (DOUBTFUL, 4)
    (sentence,) = (one for one in found.evidence if "acknowledged it" in one)
    assert sentence.startswith("packets 1, 3, 5, 7: ")


def test_a_right_inner_packet_is_no_misaimed_fill(tmp_path: Path) -> None:
    """An outer sum that is partial around full inner ones is partial and no more: right inner sums make the bytes add up by themselves."""
    shots = []
    for seed in range(6):
        inner = framed(Make(identification=seed + 1).packet(random.Random(seed).randbytes(40)))
        way = {"ports": (50000, 4789), "source": TUNNEL[0], "destination": TUNNEL[1], "state": "partial"}
        shots.append(udp(b"\x08\0\0\0\0\0\x2a\0" + inner, **way))
    result = check(capture(tmp_path / "outer.pcapng", shots))
    assert causes(result) == {"sender": 6}
    assert result.status == 0
