"""Every cause in the table is reached by a capture, with what it stands for, its counts, packet numbers and senders."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import protocol_frames as pf
import pytest
from frames import patch
from traffic import (
    CLIENT,
    IN,
    NOT_READY,
    OUT,
    SEGMENTS,
    VALID,
    Make,
    Shot,
    answer,
    assert_adds_up,
    capture,
    cooked2,
    framed,
    group,
    pieces,
    tcp,
    udp,
)

from csumlab import causes, checking, evidence
from csumlab.causes import UNVERIFIED, Cause, Standing
from csumlab.checking import CheckResult, check
from csumlab.forensics.table import ONES_FOR_ZERO, ZERO_FOR_ONES
from csumlab.headers import Kind, Reason, Verdict
from csumlab.index import Index
from csumlab.inet import negate, residue

REAL, DOUBTFUL, HARMLESS, NOT_VERIFIED = Standing
PARTIAL, BAD, BLANK, ABSENT, GOOD = Verdict.PARTIAL, Verdict.BAD, Verdict.BLANK, Verdict.ABSENT, Verdict.GOOD
UNSEEN = {
    causes.UNVERIFIED[Reason.KNOWN].name: "what is known is verified",
    causes.UNVERIFIED[Reason.QUOTE].name: "a quoted packet is said to be quoted, whatever its sums",
}
"""Causes that no capture reaches, and why."""


def text(size: int, seed: int = 0) -> bytes:
    """Payload without a pattern, the same in every run."""
    return random.Random(size * 1000 + seed).randbytes(size)


def partials(count: int, **how: object) -> list[bytes]:
    return [tcp(text(40, seed), state="partial", **how) for seed in range(count)]


def full(count: int, **how: object) -> list[bytes]:
    return [tcp(text(40, 100 + seed), **how) for seed in range(count)]


def long(**how: object) -> bytes:
    return tcp(text(3000), **how)


def on_any(packets: Sequence[bytes], index: int, kind: int) -> list[bytes]:
    """Ethernet frames as a capture on "any" has them."""
    return [cooked2(packet[14:], index, kind) for packet in packets]


def flagged(packets: Sequence[bytes], flags: int) -> list[Shot]:
    return [Shot(packet, flags=flags) for packet in packets]


def odd_payload(field: int, udp_packet: bool = False) -> bytes:
    """A payload with which the sum of a segment is right with this field."""
    for value in range(1 << 16):
        payload = b"some" + value.to_bytes(2, "big")
        make = udp if udp_packet else tcp
        frame = make(payload)
        at = 34 + (6 if udp_packet else 16)
        if int.from_bytes(frame[at : at + 2], "big") == field:
            return payload
    raise AssertionError(field)


def plain(piece: pf.Piece) -> bytes:
    return pf.ethernet(piece).data


def in_vxlan() -> bytes:
    """Local checksum offload: the outer sum is made as if the inner one, which is partial, were full."""
    inner = [framed(Make(state=state).packet(text(40))) for state in ("good", "partial")]
    outer = udp(b"\x08\0\0\0\0\0\x2a\0" + inner[0], ports=(50000, 4789), source="172.16.0.1", destination="172.16.0.2")
    return outer[: -len(inner[1])] + inner[1]


def without_length() -> bytes:
    """A segment with a length field that contradicts the packet: the UDP length is longer than the IP packet."""
    frame = bytearray(udp(text(20)))
    frame[38:40] = (500).to_bytes(2, "big")
    return bytes(frame)


def deep() -> bytes:
    """More headers than are looked at."""
    piece = pf.tcp(b"deep")
    inner = pf.ipv4(piece)
    for _ in range(26):
        inner = pf.ipv4(inner)
    return plain(inner)


def overlapping() -> list[bytes]:
    first, second, third = pieces(Make(protocol=17, identification=9).packet(text(100)), 48)
    return [framed(one) for one in (first, second, second[:20] + bytes(48), third)]


def refilled(packets: list[bytes]) -> list[bytes]:
    """The sum of the first fragment alone, with the datagram's length in the pseudo-header."""
    first = patch(packets[0], 26, 0)
    pseudo = residue(first[12:20]) + 17 + 108
    return [patch(first, 26, negate(residue(first[20:]) + pseudo)), *packets[1:]]


def damaged(packets: list[bytes], which: int) -> list[bytes]:
    """One bit of the payload of one packet is another."""
    return [one[:-1] + bytes([one[-1] ^ 4]) if index == which else one for index, one in enumerate(packets)]


@dataclass(frozen=True)
class Case:
    """A capture, and the group with the cause that is looked for: standing, kind, verdict, count, packet numbers, senders."""

    packets: Callable[[], Sequence[Shot | bytes]]
    standing: Standing
    kind: Kind = Kind.TCP
    verdict: Verdict = PARTIAL
    count: int = 1
    numbers: tuple[int, ...] = (1,)
    senders: tuple[str, ...] = (CLIENT,)
    linktype: int = 1
    names: tuple[str, ...] = ("",)


SEGMENT = text(60)
WRONG_ONE = partial(tcp, SEGMENT, error=77, identification=1)
RIGHT_ONE = partial(tcp, SEGMENT, identification=2)

CASES: dict[str, Case] = {
    "sent": Case(lambda: on_any(partials(2), 2, 4), HARMLESS, count=2, numbers=(1, 2), linktype=276),
    "flagged": Case(lambda: flagged(partials(1), NOT_READY | OUT), HARMLESS),
    "loopback": Case(lambda: partials(1), HARMLESS, names=("lo",)),
    "guest": Case(lambda: flagged(partials(1), IN), HARMLESS, names=("vif3.0",)),
    "relayed": Case(lambda: [*on_any(partials(1), 5, 0), *on_any(partials(1, ttl=63), 2, 4)], HARMLESS, linktype=276, senders=(CLIENT,)),
    "long": Case(lambda: [long(state="partial")], HARMLESS),
    "merged": Case(lambda: [long(state="partial"), *full(3), *partials(1)], HARMLESS, numbers=(5,)),
    "sender": Case(lambda: partials(3), HARMLESS, count=3, numbers=(1, 2, 3)),
    "inner-owed": Case(lambda: [in_vxlan()], HARMLESS, Kind.UDP, Verdict.DEFERRED, senders=("172.16.0.1",)),
    "received": Case(lambda: flagged(partials(1), IN), REAL),
    "mixed": Case(lambda: [*full(2), *partials(1)], DOUBTFUL, numbers=(3,)),
    "forwarded": Case(lambda: partials(2, ttl=63), DOUBTFUL, count=2, numbers=(1, 2)),
    "filled": Case(
        lambda: [*(Shot(tcp(text(40), state=state, identification=7), index, index) for index, state in enumerate(("partial", "good")))],
        HARMLESS,
        names=("vif1.0", "eth0"),
    ),
    "taken": Case(lambda: [Shot(partials(1)[0], flags=IN), Shot(answer(140), flags=OUT)], HARMLESS),
    "refused": Case(
        lambda: [
            *(Shot(tcp(SEGMENT, state="partial", identification=1 + number), 200 * number) for number in range(2)),
            *(Shot(answer(100), 210 + number) for number in range(3)),
        ],
        REAL,
        count=2,
        numbers=(1, 2),
    ),
    "unusual": Case(
        lambda: [plain(pf.ipv6(pf.owing(b"\x80\0\0\0\0\x01\0\x01", pf.payload(b"ping"), Kind.ICMPV6, (), 58, PARTIAL)))],
        DOUBTFUL,
        Kind.ICMPV6,
        senders=("2001:db8::1:2",),
    ),
    "remote": Case(
        lambda: [plain(pf.ipv4(pf.vxlan_remote(pf.ipv4(pf.tcp(text(40), verdict=PARTIAL)), 34)))], HARMLESS, senders=("10.1.2.3",)
    ),
    "fragments-owed": Case(
        lambda: [framed(one) for one in pieces(Make(protocol=17, state="partial").packet(text(100)), 48)], REAL, Kind.UDP
    ),
    "unmarked": Case(
        lambda: [*flagged(partials(1), NOT_READY | OUT), *flagged(partials(1, source="10.0.0.2"), OUT)],
        REAL,
        numbers=(2,),
        senders=("10.0.0.2",),
    ),
    "verified-wrong": Case(lambda: [Shot(WRONG_ONE(), flags=VALID | IN)], REAL, verdict=BAD),
    "owed-good": Case(lambda: flagged(full(1), NOT_READY | OUT), DOUBTFUL, verdict=GOOD, senders=()),
    "owed-bad": Case(lambda: [Shot(WRONG_ONE(), flags=NOT_READY | OUT)], DOUBTFUL, verdict=BAD),
    "quoted": Case(lambda: [plain(pf.ipv4(pf.icmp_error(Make(state="partial").packet(text(40)))))], HARMLESS, senders=("10.1.2.3",)),
    "blank-crc": Case(
        lambda: [plain(pf.ipv4(pf.Piece(pf.stored(pf.sctp(b"data").data, 8, bytes(4)), protocol=132))), plain(pf.ipv4(pf.sctp(b"more")))],
        DOUBTFUL,
        Kind.SCTP,
        BLANK,
        senders=("10.1.2.3",),
    ),
    "zero": Case(lambda: [tcp(text(40), state=0)], DOUBTFUL, verdict=BLANK),
    "wrong": Case(lambda: [WRONG_ONE()], REAL, verdict=BAD),
    "not-examined": Case(
        lambda: [tcp(text(40, seed), error=0x1234 if seed % 2 else seed * 999 + 4321) for seed in range(30)],
        REAL,
        verdict=BAD,
        count=10,
        numbers=(),
        senders=(),
    ),
    "acknowledged": Case(lambda: [WRONG_ONE(), answer(160)], DOUBTFUL, verdict=BAD),
    "damaged": Case(
        lambda: [*damaged([RIGHT_ONE()], 0), Shot(RIGHT_ONE(identification=3), 250), Shot(answer(160), 260)], REAL, verdict=BAD
    ),
    "sum-only": Case(lambda: [WRONG_ONE(), Shot(RIGHT_ONE(), 250), Shot(answer(160), 260)], REAL, verdict=BAD),
    "none-sent": Case(lambda: [plain(pf.ipv4(pf.udp(b"free", verdict=ABSENT)))], HARMLESS, Kind.UDP, ABSENT, senders=()),
    "none-sent-other": Case(
        lambda: [plain(pf.ipv4(pf.Piece(pf.stored(pf.rsvp().data, 2, bytes(2)), protocol=46)))], HARMLESS, Kind.RSVP, ABSENT, senders=()
    ),
    "none-sent-tunnel": Case(
        lambda: [plain(pf.ipv6(pf.vxlan(pf.ipv4(pf.tcp(b"inside")), verdict=ABSENT)))], HARMLESS, Kind.UDP, ABSENT, senders=()
    ),
    "none-sent-ipv6": Case(lambda: [plain(pf.ipv6(pf.udp(b"free", verdict=ABSENT)))], DOUBTFUL, Kind.UDP, ABSENT, senders=()),
    "ones-for-zero": Case(lambda: [tcp(odd_payload(0xFFFF))], HARMLESS, verdict=GOOD, senders=()),
    "zero-for-ones": Case(
        lambda: [udp(text(20)), udp(odd_payload(0xFFFF, udp_packet=True), state=0)], DOUBTFUL, Kind.UDP, ABSENT, numbers=(2,), senders=()
    ),
    "fragments-bad": Case(
        lambda: [framed(one) for one in damaged(pieces(Make(protocol=17).packet(text(100)), 48), 2)],
        REAL,
        Kind.UDP,
        BAD,
        numbers=(1, 2, 3),
    ),
    "fragments-first": Case(
        lambda: [framed(one) for one in refilled(pieces(Make(protocol=17).packet(text(100)), 48))],
        REAL,
        Kind.UDP,
        BAD,
        numbers=(1, 2, 3),
    ),
    "fragments-contradict": Case(overlapping, DOUBTFUL, Kind.UDP, Verdict.UNVERIFIED, numbers=(1, 2, 3, 4)),
    "unverified-cut": Case(lambda: [Shot(tcp(text(40))[:80], original=94)], NOT_VERIFIED, verdict=Verdict.UNVERIFIED, senders=()),
    "unverified-truncated": Case(lambda: [tcp(text(40))[:80]], NOT_VERIFIED, verdict=Verdict.UNVERIFIED, senders=()),
    "unverified-fragment": Case(
        lambda: [framed(one) for one in pieces(Make(protocol=17).packet(text(100)), 48)[:2]],
        NOT_VERIFIED,
        Kind.UDP,
        Verdict.UNVERIFIED,
        senders=(),
    ),
    "length-contradicts": Case(lambda: [without_length()], REAL, Kind.UDP, Verdict.UNVERIFIED, senders=()),
    "unverified-length": Case(lambda: flagged([without_length()], SEGMENTS | OUT), NOT_VERIFIED, Kind.UDP, Verdict.UNVERIFIED, senders=()),
    "unverified-opaque": Case(
        lambda: [pf.ethernet(pf.payload(b"?" * 20).behind(b"", ethertype=0x9999)).data],
        NOT_VERIFIED,
        Kind.NOTHING,
        Verdict.UNVERIFIED,
        senders=(),
    ),
    "unverified-link-type": Case(lambda: [b"whatever"], NOT_VERIFIED, Kind.NOTHING, Verdict.UNVERIFIED, senders=(), linktype=195),
    "unverified-depth": Case(lambda: [deep()], NOT_VERIFIED, Kind.NOTHING, Verdict.UNVERIFIED, senders=()),
    "unverified-header": Case(lambda: [tcp(text(4))[:12]], NOT_VERIFIED, Kind.NOTHING, Verdict.UNVERIFIED, senders=()),
}
BOUNDED = ("crowd", "overflow", "overflow-bad")
"""Causes that only a bound makes: each has a test of its own."""


def read(case: Case, folder: Path) -> CheckResult:
    return check(capture(folder / "case.pcapng", case.packets(), linktype=case.linktype, names=case.names))


@pytest.mark.parametrize("name", CASES)
def test_each_cause_is_reached(name: str, tmp_path: Path) -> None:
    """A capture that shows a cause gets it, with its standing, counts, packets and senders, and nothing is counted twice."""
    case = CASES[name]
    result = read(case, tmp_path)
    found = group(result, name)
    addresses = tuple(sender.split()[0] for sender in found.senders)
    assert (found.standing, found.kind, found.verdict) == (case.standing, case.kind, case.verdict)
    assert (found.count, found.numbers, addresses) == (case.count, case.numbers, case.senders)
    assert found.sender_count == len(case.senders)
    assert_adds_up(result)


def test_no_cause_is_forgotten() -> None:
    """Every row of the table has a capture here or is known to have none."""
    table = {value.name for value in vars(causes).values() if isinstance(value, Cause)}
    table |= {cause.name for cause in UNVERIFIED.values()}
    table |= {ONES_FOR_ZERO.name, ZERO_FOR_ONES.name}
    assert table == {*CASES, *BOUNDED, *UNSEEN}


@pytest.mark.parametrize("name", CASES)
def test_status_and_headline_agree(name: str, tmp_path: Path) -> None:
    """The exit status is 1 exactly if something is or may be wrong for real, and only then the headline says so."""
    result = read(CASES[name], tmp_path)
    suspect = any(one.standing in (REAL, DOUBTFUL) for one in result.groups)
    assert result.status == int(suspect)
    assert ("wrong for real" in result.headline or "may be wrong" in result.headline) == suspect
    if not suspect:
        assert "Nothing is wrong" in result.headline or "Whether anything is wrong cannot be told" in result.headline


def test_senders_past_the_bound_are_a_crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partial sums of senders that are not told apart get no verdict."""
    monkeypatch.setattr(evidence, "SENDERS", 2)
    packets = [packet for host in range(1, 5) for packet in partials(1, source=f"10.0.0.{host}")]
    result = check(capture(tmp_path / "crowd.pcapng", packets))
    found = group(result, "crowd")
    assert (found.standing, found.count, found.numbers) == (DOUBTFUL, 2, (3, 4))
    assert found.senders == ("an unknown sender",)
    assert "More senders than are told apart" in str(result)
    assert_adds_up(result)


def test_classes_past_the_bound_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad sums of packets past the bound of classes are real, partial ones doubtful, and both are counted by kind."""
    monkeypatch.setattr(checking, "Index", partial(Index, max_classes=1))
    result = check(capture(tmp_path / "many.pcapng", [*full(1), *partials(2), WRONG_ONE()]))
    owed, bad = group(result, "overflow"), group(result, "overflow-bad")
    assert (owed.standing, owed.kind, owed.count) == (DOUBTFUL, Kind.TCP, 2)
    assert (bad.standing, bad.kind, bad.count) == (REAL, Kind.TCP, 1)
    assert result.status == 1
    assert_adds_up(result)


def test_a_full_sum_of_the_sender_is_not_invented(tmp_path: Path) -> None:
    """A sum that is left unfilled in another form is not called the exception of a sender that has no full sum."""
    seeds = [tcp(text(40, seed), state="partial", seed_length=0) for seed in range(3)]
    result = check(capture(tmp_path / "seed.pcapng", seeds))
    assert group(result, "unfilled-no-length").standing is HARMLESS
    mixed = check(capture(tmp_path / "mixed.pcapng", [*seeds, *full(8)]))
    found = group(mixed, "mixed")
    assert found.verdict is BAD
    assert "without its length" in found.detail
