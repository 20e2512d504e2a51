"""What made bad sums bad: senders that really sum in a wrong way are found out, and random damage is not taken for one of them."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import frames
import pytest
from frames import Frame, Planned, patch
from hypothesis import given
from hypothesis import strategies as st

from csumlab.dissection import Checksum, Dissection, Header, dissect_packet
from csumlab.facts import FieldValue, Quality, SumFacts
from csumlab.forensics import (
    CONVINCING,
    MAX_REWRITES,
    MISAIMED,
    RULES,
    Case,
    Explanation,
    Rewrite,
    cases_of,
    chance_of,
    explain,
    explain_aims,
    matches,
    note_of,
    sort_out,
)
from csumlab.headers import Kind, Layer, Link, Reason, Verdict

Faulty = Callable[[random.Random], tuple[bytes, int]]
"""A sender: bytes of a packet as it makes them, and which of the packet's sums it gets wrong."""


# ---- a summing machine of its own ------------------------------------------------------------------------------------------------------


def ones(data: bytes) -> int:
    """RFC 1071: the folded sum of 16-bit words, an odd last byte being a high one."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def complement(*parts: bytes) -> int:
    """The field that a machine writes that sums ``parts``, each begun at an even place."""
    return 0xFFFF ^ ones(b"".join(ones(part).to_bytes(2, "big") for part in parts))


def turned(value: int) -> int:
    return (value & 0xFF) << 8 | value >> 8


def cleared(frame: Frame, plan: Planned) -> bytes:
    """What a sum covers, with its field zero."""
    return patch(frame.data, plan.at, 0)[plan.start : plan.end]


def last(frame: Frame) -> tuple[int, Planned]:
    return len(frame.sums) - 1, frame.sums[-1]


def with_field(frame: Frame, value: int, beyond: bytes = b"") -> tuple[bytes, int]:
    """The frame with another innermost field, and bytes after it."""
    index, plan = last(frame)
    return patch(frame.data, plan.at, value) + beyond, index


def payload(rng: random.Random, least: int = 9, most: int = 90, odd: bool | None = None) -> bytes:
    size = rng.randint(least, most)
    if odd is not None:
        size += (size + odd) % 2
    return bytes(rng.randrange(1, 256) for _ in range(size))


def address(rng: random.Random) -> str:
    return str(ip_address(rng.randrange(0x0A000001, 0x0AFFFFFF)))


def tcp4(rng: random.Random, odd: bool | None = None, options: bytes = b"") -> Frame:
    return frames.ethernet(frames.ipv4(frames.tcp(payload(rng, odd=odd), options), address(rng), address(rng)))


def udp6(rng: random.Random) -> Frame:
    return frames.ethernet(frames.ipv6(frames.udp(payload(rng)), f"fd00::{rng.randrange(1, 9999)}"))


def pseudo4(frame: Frame, protocol: int, length: int) -> bytes:
    """A pseudo-header of IPv4 with what a sender may put into it."""
    return frame.data[26:34] + struct.pack("!HH", protocol, length & 0xFFFF)


# ---- senders that sum wrongly --------------------------------------------------------------------------------------------------------


def swapped(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng)
    return with_field(frame, turned(complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1]))))


def inverted(rng: random.Random) -> tuple[bytes, int]:
    frame = udp6(rng)
    return with_field(frame, 0xFFFF ^ complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1])))


def filled_twice(rng: random.Random) -> tuple[bytes, int]:
    frame = frames.ethernet(frames.ipv4(frames.icmp(payload(rng))))
    plan = last(frame)[1]
    return with_field(frame, complement(frame.data[plan.start : plan.end]) or 0xFFFF)


def odd_byte_low(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng, odd=True)
    covered = cleared(frame, last(frame)[1])
    return with_field(frame, complement(last(frame)[1].pseudo, covered[:-1] + b"\0" + covered[-1:]))


def odd_byte_dropped(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng, odd=True)
    return with_field(frame, complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1])[:-1]))


def one_byte_short(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng, odd=False)
    return with_field(frame, complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1])[:-1] + b"\0"))


def one_byte_more(rng: random.Random) -> tuple[bytes, int]:
    frame, beyond = tcp4(rng, odd=True), payload(rng, 4, 9)
    return with_field(frame, complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1]) + beyond[:1]), beyond)


def over_trailer(rng: random.Random, summed: slice, size: int) -> tuple[bytes, int]:
    frame, beyond = tcp4(rng), bytes(rng.randrange(256) for _ in range(size))
    return with_field(frame, complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1]) + beyond[summed]), beyond)


def over_padding(rng: random.Random) -> tuple[bytes, int]:
    """A frame of 60 bytes with padding that is not zero, and something of a switch behind it."""
    frame = frames.ethernet(frames.ipv4(frames.udp(payload(rng, 2, 12)), address(rng)))
    beyond = bytes(rng.randrange(256) for _ in range(60 - len(frame.data) + 6))
    return with_field(frame, complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1]) + beyond[:-6]), beyond)


def rest_of_packet(rng: random.Random) -> tuple[bytes, int]:
    """UDP that ends before its IP packet, all of which is summed."""
    beyond = payload(rng, 5, 30)
    datagram = frames.udp(payload(rng, odd=False))
    whole = Frame(datagram.data + beyond, datagram.layers)
    frame = frames.ethernet(frames.ipv4(whole))
    pseudo = pseudo4(frame, 17, len(datagram.data))
    return patch(frame.data, 40, complement(pseudo, patch(frame.data, 40, 0)[34:])), 1


def wrong_length(rng: random.Random, length: Callable[[Frame], int]) -> tuple[bytes, int]:
    frame = tcp4(rng)
    plan = last(frame)[1]
    return with_field(frame, complement(pseudo4(frame, 6, length(frame)), cleared(frame, plan)))


def coverage_ignored(rng: random.Random) -> tuple[bytes, int]:
    """UDP-Lite that says that 12 bytes are covered, and sums all (RFC 3828 section 3.1). The pseudo-header has the whole length."""
    content = struct.pack("!HHHH", 4000, 5000, 12, 0) + payload(rng)
    pseudo = bytes((10, 0, 0, 1, 10, 0, 0, 2)) + struct.pack("!HH", 136, len(content))
    return bytes(12) + b"\x08\0" + packet_of(136, patch(content, 6, complement(pseudo, content))), 1


def both_swapped(rng: random.Random) -> tuple[bytes, int]:
    """Protocol and length added up and then put into the seed in the wrong order."""
    frame = tcp4(rng)
    plan = last(frame)[1]
    both = 6 + plan.end - plan.start
    return with_field(frame, complement(frame.data[26:34] + struct.pack("<H", both), cleared(frame, plan)))


def header_length(rng: random.Random) -> tuple[bytes, int]:
    """An IPv4 header summed with the bytes of its length swapped, as hosts with ip_len in their own order did."""
    frame = tcp4(rng)
    header = patch(frame.data, 24, 0)[14:34]
    return patch(frame.data, 24, complement(patch(header, 2, turned(len(frame.data) - 14)))), 0


def no_pseudo(rng: random.Random) -> tuple[bytes, int]:
    frame = udp6(rng)
    return with_field(frame, complement(cleared(frame, last(frame)[1])))


def with_pseudo(rng: random.Random) -> tuple[bytes, int]:
    frame = frames.ethernet(frames.ipv4(frames.icmp(payload(rng)), address(rng)))
    plan = last(frame)[1]
    return with_field(frame, complement(pseudo4(frame, 1, plan.end - plan.start), cleared(frame, plan)))


def seed_inverted(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng)
    plan = last(frame)[1]
    return with_field(frame, complement(patch(frame.data, plan.at, complement(plan.pseudo))[plan.start : plan.end]))


def seed_twice(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng)
    plan = last(frame)[1]
    return with_field(frame, complement(plan.pseudo, patch(frame.data, plan.at, ones(plan.pseudo))[plan.start : plan.end]))


def options_counted(rng: random.Random) -> tuple[bytes, int]:
    frame = frames.ethernet(frames.ipv4(frames.udp(payload(rng)), address(rng), options=bytes([1]) * rng.choice((4, 8, 12))))
    plan = last(frame)[1]
    return with_field(frame, complement(pseudo4(frame, 17, len(frame.data) - 34), cleared(frame, plan)))


def unfilled_no_length(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng)
    return with_field(frame, ones(pseudo4(frame, 6, 0)))


def unfilled_inverted(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng)
    return with_field(frame, complement(last(frame)[1].pseudo))


def extended(rng: random.Random, extensions: tuple[tuple[int, bytes], ...], source: str, final: str, protocol: int) -> tuple[bytes, int]:
    """UDP behind extension headers, summed with these addresses and this protocol number."""
    plain = frames.udp(payload(rng))
    pseudo = ip_address(source).packed + ip_address(final).packed + struct.pack("!II", len(plain.data), protocol)
    done = Frame(patch(plain.data, 6, complement(pseudo, plain.data)), plain.layers)
    return frames.ethernet(frames.ipv6(done, "fd00::1:2", "fd00::9:8", extensions)).data, 0


def routing(rng: random.Random) -> tuple[int, bytes]:
    return 43, bytes([0, 2, 0, 1]) + bytes(4) + rng.randbytes(16)


def home(rng: random.Random) -> tuple[int, bytes]:
    """A destination options header with a home address option (RFC 6275 section 6.3), aligned."""
    return 60, bytes([0, 2, 1, 2, 0, 0, 0xC9, 16]) + rng.randbytes(16)


def first_hop(rng: random.Random) -> tuple[bytes, int]:
    return extended(rng, (routing(rng),), "fd00::1:2", "fd00::9:8", 17)


def neither(rng: random.Random) -> tuple[bytes, int]:
    """Home address option and routing header, and neither is used."""
    return extended(rng, (home(rng), routing(rng)), "fd00::1:2", "fd00::9:8", 17)


def care_of_address(rng: random.Random) -> tuple[bytes, int]:
    return extended(rng, (home(rng),), "fd00::1:2", "fd00::9:8", 17)


def protocol_of_extension(rng: random.Random) -> tuple[bytes, int]:
    return extended(rng, ((60, b"\0\0" + bytes(6)),), "fd00::1:2", "fd00::9:8", 60)


def protocol_zero(rng: random.Random) -> tuple[bytes, int]:
    return extended(rng, (), "fd00::1:2", "fd00::9:8", 0)


def protocol_of_another(rng: random.Random) -> tuple[bytes, int]:
    return extended(rng, (), "fd00::1:2", "fd00::9:8", 6)


def from_extension(rng: random.Random, protocol: int = 17) -> tuple[bytes, int]:
    """Everything behind the IPv6 header summed as if it were UDP."""
    data, index = extended(rng, ((60, b"\0\0" + rng.randbytes(6)),), "fd00::1:2", "fd00::9:8", 17)
    data = patch(data, 14 + 40 + 8 + 6, 0)
    pseudo = ip_address("fd00::1:2").packed + ip_address("fd00::9:8").packed + struct.pack("!II", len(data) - 54, protocol)
    return patch(data, 14 + 40 + 8 + 6, complement(pseudo, data[54:])), index


def header_only(rng: random.Random) -> tuple[bytes, int]:
    frame = tcp4(rng, options=b"\1\1\1\0")
    return with_field(frame, complement(last(frame)[1].pseudo, cleared(frame, last(frame)[1])[:24]))


def options_left_out(rng: random.Random) -> tuple[bytes, int]:
    frame = frames.ethernet(frames.ipv4(frames.icmp(b"echo"), address(rng), options=b"\x94\x04" + rng.randbytes(2)))
    return patch(frame.data, 24, complement(patch(frame.data, 24, 0)[14:34])), 0


def tunnel(rng: random.Random) -> Frame:
    inner = frames.ethernet(frames.ipv4(frames.tcp(payload(rng)), address(rng), address(rng)))
    return frames.ethernet(frames.ipv4(frames.vxlan(inner), address(rng)))


def over_inner(rng: random.Random, before: Callable[[Planned], int]) -> tuple[bytes, int]:
    """An outer UDP sum made over what the inner field holds before it is filled."""
    frame = tunnel(rng)
    outer, inner = frame.sums[1], frame.sums[3]
    summed = patch(patch(frame.data, outer.at, 0), inner.at, before(inner))[outer.start : outer.end]
    return patch(frame.data, outer.at, complement(outer.pseudo, summed)), 1


def other_sum(rng: random.Random) -> tuple[bytes, int]:
    """A fill of the outer header's field with the inner sum, as a card does that takes the inner start and the outer place."""
    frame = tunnel(rng)
    outer, inner = frame.sums[1], frame.sums[3]
    return patch(frame.data, outer.at, complement(inner.pseudo, cleared(frame, inner))), 1


def other_seed(rng: random.Random) -> tuple[bytes, int]:
    frame = tunnel(rng)
    return patch(frame.data, frame.sums[1].at, ones(frame.sums[3].pseudo)), 1


def with_ttl(rng: random.Random, update: Callable[[int], int]) -> tuple[bytes, int]:
    """A router that lowers the TTL and then does ``update`` to the sum."""
    frame = tcp4(rng)
    field = int.from_bytes(frame.data[24:26], "big")
    return patch(frame.data[:22] + bytes([frame.data[22] - 1]) + frame.data[23:], 24, update(field)), 0


def mark(rng: random.Random) -> tuple[bytes, int]:
    """A router that marks congestion on a packet of an ECN sender and leaves the sum as it was."""
    frame = tcp4(rng)
    header = patch(frame.data[:15] + bytes([rng.choice((1, 2))]) + frame.data[16:], 24, 0)
    full = patch(header, 24, complement(header[14:34]))
    return full[:15] + b"\3" + full[16:], 0


def clamp(rng: random.Random) -> tuple[bytes, int]:
    """A router that lowers the largest segment in a SYN, at an even or odd place."""
    front = b"\1" * rng.randrange(2)
    frame = tcp4(rng, options=(front + b"\2\4" + struct.pack("!H", rng.choice((1460, 1440, 8960)))).ljust(8, b"\1"))
    index, plan = last(frame)
    syn = patch(frame.data[: plan.start + 13] + b"\2" + frame.data[plan.start + 14 :], plan.at, 0)
    full = patch(syn, plan.at, complement(plan.pseudo, syn[plan.start : plan.end]))
    return patch(full, plan.start + 22 + len(front), rng.randrange(500, 1400)), index


SENDERS: dict[str, list[Faulty]] = {
    "trailer": [lambda rng: over_trailer(rng, slice(None), rng.randint(5, 20))],
    "trailer-padding": [over_padding],
    "trailer-but-fcs": [lambda rng: over_trailer(rng, slice(-4), rng.randint(9, 20))],
    "trailer-fcs": [lambda rng: over_trailer(rng, slice(-4, None), rng.randint(9, 20))],
    "odd-byte-more": [one_byte_more],
    "rest-of-packet": [rest_of_packet, coverage_ignored],
    "no-length": [lambda rng: wrong_length(rng, lambda frame: 0)],
    "length-of-packet": [lambda rng: wrong_length(rng, lambda frame: len(frame.data) - 14)],
    "length-of-payload": [lambda rng: wrong_length(rng, lambda frame: len(frame.data) - 54)],
    "length-of-frame": [lambda rng: wrong_length(rng, lambda frame: len(frame.data))],
    "length-swapped": [lambda rng: wrong_length(rng, lambda frame: turned(len(frame.data) - 34)), both_swapped, header_length],
    "no-pseudo": [no_pseudo],
    "with-pseudo": [with_pseudo],
    "length-behind-fixed": [options_counted],
    "seed-inverted": [seed_inverted],
    "seed-twice": [seed_twice],
    "unfilled-no-length": [unfilled_no_length],
    "unfilled-inverted": [unfilled_inverted],
    "protocol-of-extension": [protocol_of_extension],
    "protocol-zero": [protocol_zero],
    "protocol-of-another": [protocol_of_another],
    "from-extension": [from_extension, lambda rng: from_extension(rng, 60)],
    "first-hop": [first_hop, neither],
    "care-of-address": [care_of_address],
    "inverted": [inverted],
    "swapped": [swapped],
    "filled-twice": [filled_twice],
    "odd-byte-low": [odd_byte_low],
    "odd-byte-dropped": [odd_byte_dropped],
    "short": [one_byte_short],
    "header-only": [header_only, options_left_out],
    "over-unfilled": [lambda rng: over_inner(rng, lambda inner: ones(inner.pseudo))],
    "over-blank": [lambda rng: over_inner(rng, lambda inner: 0)],
    "other-sum": [other_sum],
    "other-seed": [other_seed],
    "before-ttl": [lambda rng: with_ttl(rng, lambda field: field)],
    "ttl-wrong-end": [lambda rng: with_ttl(rng, lambda field: field + 1 if field < 0xFFFF else 1)],
    "before-mark": [mark],
    "before-clamp": [clamp],
}


def case_at(data: bytes, position: int, rewrites: tuple[Rewrite, ...] = (), **more: bool) -> Case:
    return Case(data, dissect_packet(data, 1), position, rewrites, **more)


def names_of(explanation: Explanation) -> list[str]:
    return [suspect.name for suspect in explanation.suspects]


@pytest.mark.parametrize("name", SENDERS)
def test_a_faulty_sender_is_found_out(name: str) -> None:
    """Packets that were really made in a wrong way are explained by it, each for itself, and by nothing of another family together."""
    for sender in SENDERS[name]:
        rng = random.Random(name)
        cases = [case for _ in range(12) if (case := case_at(*sender(rng))).residue]
        assert len(cases) >= 10
        for case in cases:
            names, tries = matches(case)
            assert name in names
            assert 0 < tries <= 63
        explanation = explain(cases)
        assert names_of(explanation)[:1] == [name]
        assert explanation.named
        assert explanation.packets == len(cases)


def test_every_suspect_has_its_sender() -> None:
    """No row of the table is without a test, and names and families are unique where they must be."""
    elsewhere = {
        "nat-stale",
        "nat-as-unfilled",
        "nat-unfilled",
        "esp-transport",
        "adler",
        "crc-order",
        "crc-ethernet",
        "crc-not-complemented",
    }
    names = [rule.suspect.name for rule in RULES]
    assert set(names) == set(SENDERS) | elsewhere
    assert len(set(names)) == len(names)
    assert all(rule.suspect.sentence and rule.suspect.advice for rule in RULES)


def test_what_does_not_apply_is_not_tried() -> None:
    """Even lengths have no odd last byte; an inner sum that is wrong itself was not filled; UDP-Lite's length is not its coverage."""
    rng = random.Random(12)
    even = tcp4(rng, odd=False)
    assert "short" in matches(case_at(*with_field(even, complement(last(even)[1].pseudo, cleared(even, last(even)[1])[:-1] + b"\0"))))[0]
    odd = tcp4(rng, odd=True)
    low = off_by(odd, odd.data[-1])
    assert "short" not in matches(case_at(*low))[0]
    frame = tunnel(rng)
    outer, inner = frame.sums[1], frame.sums[3]
    for change in (0, 0x1357):
        data = patch(frame.data, inner.at - 4, plus(int.from_bytes(frame.data[inner.at - 4 : inner.at - 2], "big"), change))
        before = patch(patch(data, outer.at, 0), inner.at, ones(inner.pseudo))[outer.start : outer.end]
        names, _ = matches(case_at(patch(data, outer.at, complement(outer.pseudo, before)), 1))
        assert ("over-unfilled" in names) == (change == 0)
    content = struct.pack("!HHHH", 4000, 5000, 12, 0) + payload(rng)
    for length, named in ((len(content), False), (0, True)):
        pseudo = bytes((10, 0, 0, 1, 10, 0, 0, 2)) + struct.pack("!HH", 136, length)
        packet = packet_of(136, patch(content, 6, complement(pseudo, content[:12])))
        assert ("no-length" in matches(Case(packet, dissect_packet(packet, Link.IPV4), 1))[0]) == named


# ---- rewrites ------------------------------------------------------------------------------------------------------------------------

OLD, NEW, OLD_PORT, NEW_PORT = "10.1.2.3", "192.0.2.77", 1025, 61000


def rewritten(rng: random.Random, treat: Callable[[bytes, bytes, int], int]) -> tuple[bytes, int]:
    """A packet whose source NAT changes. ``treat`` gives the field from what is covered before (field partial) and after (zero), and P."""
    frame = frames.ethernet(frames.ipv4(frames.tcp(payload(rng)), OLD))
    plan = frame.sums[1]
    before = patch(frame.data, plan.at, ones(plan.pseudo))
    after = frame.data[:26] + ip_address(NEW).packed + struct.pack("!4sH", frame.data[30:34], NEW_PORT) + frame.data[36:]
    pseudo = pseudo4(replace(frame, data=after), 6, plan.end - plan.start)
    header = patch(after, 24, 0)
    after = patch(patch(after, 24, complement(header[14:34])), plan.at, 0)
    return patch(after, plan.at, treat(before[plan.start : plan.end], after[plan.start : plan.end], ones(pseudo))), 1


def minus(one: int, two: int) -> int:
    return ones(struct.pack("!HH", one, 0xFFFF ^ two))


def plus(one: int, two: int) -> int:
    return ones(struct.pack("!HH", one, two))


OLD_SUM, NEW_SUM = ones(ip_address(OLD).packed), ones(ip_address(NEW).packed)
OLD_SEED = ones(ip_address(OLD).packed + ip_address("10.9.8.7").packed + b"\0\6")
REWRITES = (Rewrite(OLD_SUM, NEW_SUM, True), Rewrite(OLD_PORT, NEW_PORT, False))


def full(covered: bytes, seed: int) -> int:
    """A right field from P and the covered bytes with the field zero."""
    return complement(patch(covered, 16, 0), seed.to_bytes(2, "big"))


NAT: dict[str, Callable[[bytes, bytes, int], int]] = {
    # Address and port change, the sum does not.
    "nat-stale": lambda before, after, seed: full(before, int.from_bytes(before[16:18], "big")),
    # A full field updated by the rule for partial ones: minus old, plus new becomes plus old, minus new, and ports are skipped.
    "nat-as-unfilled": lambda before, after, seed: minus(plus(full(before, int.from_bytes(before[16:18], "big")), NEW_SUM), OLD_SUM),
    # A partial field left as it was.
    "nat-unfilled": lambda before, after, seed: int.from_bytes(before[16:18], "big"),
}


@pytest.mark.parametrize("name", NAT)
def test_a_known_rewrite_is_found_out(name: str) -> None:
    """Stale after NAT, updated by the wrong rule, and partial with the addresses from before: only with the rewrite given."""
    rng = random.Random(name)
    packets = [rewritten(rng, NAT[name]) for _ in range(6)]
    told = explain([case_at(*packet, REWRITES) for packet in packets])
    assert names_of(told) == [name]
    assert told.named
    untold = explain([case_at(*packet) for packet in packets])
    assert name not in names_of(untold)


@pytest.mark.parametrize("ports", [False, True])
def test_a_fill_after_the_wrong_rule_is_found_out(ports: bool) -> None:
    """A partial field updated as if it were full and then filled is off by twice the change of the address (docs: the 2 delta rule)."""

    def treat(before: bytes, after: bytes, seed: int) -> int:
        field = plus(minus(int.from_bytes(before[16:18], "big"), NEW_SUM), OLD_SUM)
        if ports:
            field = plus(minus(field, NEW_PORT), OLD_PORT)
        return complement(patch(after, 16, field))

    rng = random.Random(1)
    explanation = explain([case_at(*rewritten(rng, treat), REWRITES) for _ in range(3)])
    assert names_of(explanation) == ["nat-as-unfilled"]
    assert explanation.named
    assert explanation.repeated


def test_transport_mode_is_only_consistent() -> None:
    """Addresses that changed around ESP leave the sum stale: with or without the rewrite known it is not told as a fact."""
    rng = random.Random(2)
    packets = [rewritten(rng, NAT["nat-stale"]) for _ in range(4)]
    address_only = [(patch(data, 34, OLD_PORT), position) for data, position in packets]
    known = explain([case_at(*packet, REWRITES[:1], transport_peers=True) for packet in address_only])
    unknown = explain([case_at(*packet, transport_peers=True) for packet in address_only])
    assert "esp-transport" in names_of(known)
    assert names_of(unknown)[0] == "esp-transport"
    assert not known.named
    assert not unknown.named


def test_many_rewrites_convict_nobody() -> None:
    """The chance of a match grows with the rewrites that are tried; only the first are, and that is said."""
    rng = random.Random(3)
    many = tuple(Rewrite(rng.randrange(0xFFFF), rng.randrange(0xFFFF), bool(index % 2)) for index in range(MAX_REWRITES))
    data, position = rewritten(rng, NAT["nat-stale"])
    case = case_at(data, position, (*REWRITES, *many))
    assert case.capped
    assert not replace(case, rewrites=REWRITES).capped
    explanation = explain([case])
    assert "nat-stale" in names_of(explanation)
    assert explanation.tries > 60
    assert explanation.chance > CONVINCING
    assert not explanation.named
    assert matches(case) == matches(replace(case, rewrites=case.rewrites[:MAX_REWRITES]))


# ---- CRC32c --------------------------------------------------------------------------------------------------------------------------


def crc32c(data: bytes) -> int:
    """RFC 9260 appendix A, bit by bit; the value whose little-endian bytes go into the field."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


CRCS: dict[str, Callable[[bytes], bytes]] = {
    "adler": lambda data: zlib.adler32(data).to_bytes(4, "big"),
    "crc-order": lambda data: crc32c(data).to_bytes(4, "big"),
    "crc-ethernet": lambda data: zlib.crc32(data).to_bytes(4, "little"),
    "crc-not-complemented": lambda data: (crc32c(data) ^ 0xFFFFFFFF).to_bytes(4, "little"),
    "": lambda data: (crc32c(data) ^ 0x40).to_bytes(4, "little"),
}


def packet_of(protocol: int, content: bytes) -> bytes:
    """Anything in IPv4."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), 1, 0, 64, protocol, 0) + bytes((10, 0, 0, 1, 10, 0, 0, 2))
    return patch(header, 10, complement(header)) + content


def sctp_case(data: bytes, field: bytes) -> Case:
    packet = packet_of(132, data[:8] + field + data[12:])
    return Case(packet, dissect_packet(packet, Link.IPV4), 1)


@pytest.mark.parametrize("name", CRCS)
def test_other_crcs_are_found_out(name: str) -> None:
    """One packet is enough with 32 bits; a flipped bit in the field is none of them."""
    rng = random.Random(4)
    data = struct.pack("!HHII", 1000, 2000, 77, 0) + payload(rng)
    explanation = explain([sctp_case(data, CRCS[name](data))])
    assert names_of(explanation) == ([name] if name else [])
    assert explanation.named == bool(name)
    assert explanation.tries <= 8


def test_only_the_nearest_layers_are_looked_at() -> None:
    """Every other sum of a packet costs tries: in a deep nest a copy of a neighbour's is found, one from far away is not."""
    frame = tunnel(random.Random(10))
    for _ in range(2):
        frame = frames.ethernet(frames.ipv4(frames.vxlan(frame)))
    found = []
    for index in range(8):
        field = frame.data[frame.sums[index].at : frame.sums[index].at + 2]
        case = case_at(patch(frame.data, frame.sums[7].at, int.from_bytes(field, "big")), 7)
        names, tries = matches(case)
        found.append("other-sum" in names)
        assert tries <= 63
    assert found == [False] * 3 + [True] * 4 + [False]


# ---- several packets -----------------------------------------------------------------------------------------------------------------


def off_by(frame: Frame, amount: int) -> tuple[bytes, int]:
    plan = last(frame)[1]
    return with_field(frame, plus(int.from_bytes(frame.data[plan.at : plan.at + 2], "big"), amount))


def test_the_same_error_in_three_different_packets() -> None:
    """A constant residue is told as a fact for three packets that differ, and not for copies of one."""
    rng = random.Random(5)
    cases = [case_at(*off_by(tcp4(rng), 0x4D31)) for _ in range(3)]
    explanation = explain(cases)
    assert (names_of(explanation), explanation.named, explanation.repeated) == (["same-error"], True, True)
    assert explain(cases[:2]).suspects == ()
    copies = explain([cases[0]] * 5)
    assert (names_of(copies), copies.named, copies.repeated) == ([], False, False)


def test_a_stuck_field() -> None:
    """One field in packets that need different ones and that differ in length or, all of them, at one place; not in damaged copies."""
    rng = random.Random(6)
    stuck = explain([case_at(*with_field(tcp4(rng), 0x1234)) for _ in range(4)])
    assert (names_of(stuck), stuck.named) == (["stuck"], True)
    template = frames.ethernet(frames.ipv4(frames.tcp(payload(rng, 30, 30))))
    counted = [case_at(patch(template.data, 38, number), 1) for number in range(20, 28)]
    assert names_of(explain(counted)) == ["stuck", "same-seed"]
    assert not explain(counted).named
    assert explain(counted[:7]).suspects == ()
    hosts = [case_at(patch(template.data, 28, number), 1) for number in range(20, 28)]
    assert names_of(explain(hosts)) == ["stuck"]
    echoes = [case_at(patch(frames.ethernet(frames.ipv4(frames.icmp(payload(rng)))).data, 36, 0x1234), 1) for _ in range(6)]
    assert names_of(explain(echoes)) == ["stuck"]
    damage = [case_at(template.data[:at] + rng.randbytes(12) + template.data[at + 12 :], 1) for at in range(54, 72)]
    assert explain(damage).suspects == ()


def test_partial_sums_of_rewritten_addresses() -> None:
    """Without the rewrite known: the field follows the length and is off from the pseudo-header's sum by one amount."""
    rng = random.Random(15)
    cases = [case_at(*rewritten(rng, NAT["nat-unfilled"])) for _ in range(5)]
    explanation = explain(cases)
    assert (names_of(explanation), explanation.named) == (["same-seed"], True)
    assert [names_of(part) for part, _ in sort_out(cases)] == [["same-seed"]]
    template, index = rewritten(rng, NAT["nat-unfilled"])
    damage = [case_at(template[:at] + rng.randbytes(6) + template[at + 6 :], index) for at in range(54, 60)]
    assert explain(damage).suspects == ()


def test_small_residues_convict_only_together() -> None:
    """A TTL lowered by one looks like a flipped bit: one packet is consistent with it, three different ones are told as a fact."""
    rng = random.Random(7)
    cases = [case_at(*with_ttl(rng, lambda field: field)) for _ in range(3)]
    alone = explain(cases[:1])
    assert (names_of(alone), alone.named) == (["before-ttl"], False)
    assert alone.chance > CONVINCING
    assert explain(cases).named


def test_a_constant_error_is_not_taken_for_what_would_vary() -> None:
    """Packets that end in the same byte and are all off by it: a byte left out or a constant error. One that ends otherwise decides."""
    rng = random.Random(13)
    made = [frames.ethernet(frames.ipv4(frames.tcp(payload(rng, odd=False)[:-1] + bytes([end])))) for end in (3, 3, 3, 9)]
    cases = [case_at(*off_by(frame, 3)) for frame in made]
    open_ = explain(cases[:3])
    assert (names_of(open_), open_.named, open_.repeated) == (["same-error", "short"], False, True)
    closed = explain(cases)
    assert (names_of(closed), closed.named) == (["same-error"], True)
    assert [names_of(part) for part, _ in sort_out(cases)] == [["same-error"]]
    short = explain([case_at(*off_by(frame, frame.data[-1])) for frame in made])
    assert (names_of(short), short.named, short.repeated) == (["short"], False, True)


def test_filled_packets_have_no_sums() -> None:
    """Fields of a packet that is full of one byte are alike, and that is not taken for the sum of another layer."""
    frame = tunnel(random.Random(14))
    data = patch(patch(frame.data, frame.sums[1].at, 0x3030), frame.sums[3].at, 0x3030)
    assert [matches(case_at(data, position))[0] for position in (1, 3)] == [(), ()]


def test_causes_that_cannot_be_told_apart_are_all_listed() -> None:
    """A trailer whose sum is minus the pseudo-header's: to sum it too equals to leave the other out. Neither is told as a fact."""
    frame = frames.ethernet(frames.ipv4(frames.udp(b"0123456789")))
    plan = last(frame)[1]
    data, position = with_field(frame, complement(cleared(frame, plan)), complement(plan.pseudo).to_bytes(2, "big"))
    explanation = explain([case_at(data, position)])
    assert {"trailer", "no-pseudo"} <= set(names_of(explanation))
    assert not explanation.named
    assert explanation.chance < CONVINCING


def test_a_mixture_is_sorted_out() -> None:
    """Every packet comes back once, with what explains it: a faulty card, a constant error, damage."""
    rng = random.Random(8)
    packets = [no_pseudo(rng) for _ in range(5)] + [off_by(tcp4(rng), 0x4D31) for _ in range(4)]
    packets += [with_field(tcp4(rng), rng.randrange(0x10000)) for _ in range(3)]
    parts = sort_out([case_at(*packet) for packet in packets])
    found = {tuple(names_of(explanation)): indexes for explanation, indexes in parts}
    assert found == {("no-pseudo",): (0, 1, 2, 3, 4), ("same-error",): (5, 6, 7, 8), (): (9, 10, 11)}


def test_nothing_is_explained_without_a_residue() -> None:
    """Good sums, sums that could not be verified, and no packets at all."""
    good = frames.ethernet(frames.ipv4(frames.tcp(b"good"))).data
    for data in (good, good[:-2]):
        dissection = dissect_packet(data, 1, len(good))
        assert cases_of(data, dissection) == []
        assert [matches(Case(data, dissection, index)) for index in range(2)] == [((), 0)] * 2
    assert explain([]) == Explanation((), False, 0, 1.0, 0, False)
    assert sort_out([]) == []


def test_chances() -> None:
    """1 - (1 - 2^-16)^T, also where floating point would say 0."""
    assert chance_of(0) == 0
    assert chance_of(1) == pytest.approx(2**-16)
    assert chance_of(63) == pytest.approx(1 - (1 - 2**-16) ** 63)
    assert chance_of(63) < CONVINCING < chance_of(66)
    assert chance_of(3, 80) == pytest.approx(3 * 2**-80)


# ---- misaimed fills ------------------------------------------------------------------------------------------------------------------


def partial(rng: random.Random, frame: Frame) -> tuple[bytearray, Planned]:
    """The innermost sum partial, and for TCP another sequence number in each packet."""
    plan = last(frame)[1]
    data = bytearray(patch(frame.data, plan.at, ones(plan.pseudo)))
    if plan.kind is Kind.TCP:
        data[plan.start + 4 : plan.start + 8] = rng.randbytes(4)
    return data, plan


def misaimed(rng: random.Random, shift: int, moved: bool = True) -> bytes:
    """A partial TCP sum that is filled ``shift`` bytes off, where all packets have the same word; summed from there too or not."""
    data, plan = partial(rng, frames.ethernet(frames.ipv4(frames.tcp(payload(rng, 60, 90)))))
    if shift > 0:
        data[plan.at + shift : plan.at + shift + 2] = b"\x43\x21"
    start = plan.start + (shift if moved else 0)
    return patch(bytes(data), plan.at + shift, complement(bytes(data[start : plan.end])))


@pytest.mark.parametrize("shift", [-16, -14, -8, 8, 12, 20, 28, 50])
def test_a_fill_at_an_older_place_is_found(shift: int) -> None:
    """The word that was overwritten follows from the sum and is the same in all packets. Two packets are not enough, nor are copies."""
    rng = random.Random(shift)
    cases = [case_at(misaimed(rng, shift), 1) for _ in range(3)]
    found = explain_aims(cases)
    assert shift in found.shifts
    assert found.explanation.suspects == (MISAIMED,)
    assert found.explanation.named
    for few in (cases[:2], [cases[0]] * 3):
        assert not explain_aims(few).explanation.named


def test_a_right_sum_at_a_wrong_place_is_found() -> None:
    """Inside the coverage the place does not show and all that fit are listed; outside it the word itself is the right sum."""
    rng = random.Random(11)
    inside = explain_aims([case_at(misaimed(rng, 20, moved=False), 1) for _ in range(3)])
    assert 20 in inside.shifts
    assert inside.explanation.named
    outside = []
    for _ in range(3):
        data, plan = partial(rng, udp6(rng))
        right = complement(bytes(data[plan.start : plan.end]))
        outside.append(case_at(patch(bytes(data), plan.at - 44, right), 0))
    assert explain_aims(outside).shifts == (-44,)
    assert explain_aims(outside).explanation.named
    one = explain_aims(outside[:1])
    assert one.shifts == (-44,)
    assert not one.explanation.named


def test_partial_sums_are_not_taken_for_misaimed_fills() -> None:
    """Ordinary partial packets, also with the same payload in each: nothing is found."""
    rng = random.Random(9)
    cases = []
    for index in range(40):
        data, plan = partial(rng, frames.ethernet(frames.ipv4(frames.tcp(bytes(range(90))))))
        data[plan.start + 8 : plan.start + 12] = struct.pack("!I", index)
        cases.append(case_at(bytes(data), 1))
    assert explain_aims(cases).shifts == ()
    assert MISAIMED not in explain_aims(cases[:1]).explanation.suspects


# ---- properties and measurements -----------------------------------------------------------------------------------------------------


@given(
    st.binary(min_size=1, max_size=40),
    st.binary(min_size=2, max_size=9),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.binary(max_size=9),
)
def test_an_inner_field_at_any_place(front: bytes, back: bytes, seed: int, inner: int, more: bytes) -> None:
    """An outer sum over an inner field that changed afterwards is found at even and odd places (the bytes count swapped there)."""
    at = 4 + len(front)
    start, end = b"\0\0\0\0" + front, back + more
    before, after = (start + field.to_bytes(2, "big") + end for field in (seed, inner))
    outer = complement(before)
    data = patch(after, 2, outer)
    residue = plus(ones(data), 0) % 0xFFFF
    sums = (
        Checksum(Kind.GRE, 0, 2, 0, len(data), outer, 0, residue, outer % 0xFFFF, Reason.KNOWN, Reason.KNOWN, Verdict.BAD),
        Checksum(Kind.TCP, 1, at, 4, len(data), inner, seed % 0xFFFF, 0, 0, Reason.KNOWN, Reason.KNOWN, Verdict.GOOD),
    )
    dissection = Dissection((Header(Layer.GRE, 0, 4), Header(Layer.TCP, 4, 20)), sums, dissect_packet(b"", 1).facts)
    names, _ = matches(Case(data, dissection, 0))
    if residue and seed and inner:
        assert ("over-unfilled" if seed % 0xFFFF else "over-blank") in names


@given(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=12))
def test_a_trailer_after_any_length(content: bytes, beyond: bytes) -> None:
    """What is summed beyond the end is found after even and odd lengths."""
    frame = frames.ethernet(frames.ipv4(frames.udp(content)))
    plan = last(frame)[1]
    case = case_at(*with_field(frame, complement(plan.pseudo, cleared(frame, plan) + beyond) or 0xFFFF, beyond))
    if case.residue:
        assert {"trailer", "odd-byte-more", "trailer-fcs"} & set(matches(case)[0])
    else:
        assert ones(beyond) in (0, 0xFFFF)


@given(st.binary(max_size=200), st.integers(0, 1 << 16))
def test_any_bytes_can_be_looked_at(data: bytes, value: int) -> None:
    """Nothing raises for damaged packets, and a packet never costs more tries than can convict."""
    whole = tunnel(random.Random(value)).data
    mixed = bytes(one ^ two for one, two in zip(whole, data.ljust(len(whole), b"\0"), strict=False))
    dissection = dissect_packet(mixed, 1)
    for position in range(len(dissection.sums)):
        names, tries = matches(Case(mixed, dissection, position))
        assert tries <= 63
        assert set(names) <= {rule.suspect.name for rule in RULES}
    explain_aims([Case(mixed, dissection, position) for position in range(len(dissection.sums))])


def damaged(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """What happens to bytes: flipped bits, a changed byte, a burst, a stretch of zeros, a stretch of another packet, bytes moved on."""
    at = rng.randrange(14, len(data))
    size = min(rng.choice((2, 4, 16, 64)), len(data) - at)
    match rng.randrange(7):
        case 0:
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 1:
            return damaged_bits(rng, damaged_bits(rng, data))
        case 2:
            return data[:at] + rng.randbytes(1) + data[at + 1 :]
        case 3:
            return data[:at] + rng.randbytes(size) + data[at + size :]
        case 4:
            return data[:at] + bytes(size) + data[at + size :]
        case 5:
            return (data[:at] + other[at : at + size]).ljust(at + size, b"\0") + data[at + size :]
        case _:
            return data[:at] + b"\0" + data[at:-1]


def damaged_bits(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(14, len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def flows(rng: random.Random, hosts: list[str]) -> list[list[bytes]]:
    """Flows among the hosts, each of packets of one shape with contents of their own."""
    made = []
    for index, host in enumerate(hosts):
        peer = rng.choice(hosts)
        packets = []
        for _ in range(8):
            inner = (
                frames.tcp(payload(rng, 2, 120), rng.choice((b"", b"\2\4\5\xa0", bytes(12))))
                if index % 3
                else frames.udp(payload(rng, 2, 120))
            )
            frame = frames.ethernet(frames.ipv4(inner, host, peer))
            if index % 5 == 0:
                frame = frames.ethernet(frames.ipv4(frames.vxlan(frame), peer, host))
            packets.append(frame.data + (payload(rng, 4, 18) if index % 4 == 0 else b""))
        made.append(packets)
    return made


def test_random_damage_names_hardly_ever_a_cause() -> None:
    """8,000 damaged packets of 300 hosts: fewer than 1 in 1000 gets a name, alone or among the damaged packets of its flow."""
    rng = random.Random(2006)
    hosts = [str(ip_address(0x0A000000 + number)) for number in rng.sample(range(1, 1 << 20), 300)]
    made = flows(rng, hosts)
    alone: set[int] = set()
    together: set[int] = set()
    packets = 0
    while packets < 8_000:
        flow = rng.choice(made)
        of_flow: dict[int, list[tuple[int, Case]]] = {}
        for _ in range(10):
            data = damaged(rng, rng.choice(flow), rng.choice(rng.choice(made)))
            found = cases_of(data, dissect_packet(data, 1))
            packets += bool(found)
            for case in found:
                of_flow.setdefault(case.position, []).append((packets, case))
                if explain([case]).named:
                    alone.add(packets)
        for numbered in of_flow.values():
            for explanation, indexes in sort_out([case for _, case in numbered]):
                if explanation.named:
                    together.update(numbered[index][0] for index in indexes)
    assert len(alone) < 8
    assert len(together) < 8


# ---- notes on zeros ------------------------------------------------------------------------------------------------------------------


def facts_of_sum(data: bytes, position: int) -> SumFacts:
    return dissect_packet(data, 1).facts.sums[position]


def zero_sum(kind: Kind, field: int) -> SumFacts:
    """The facts of a packet whose right sum is zero, with one of both zeros in the field."""
    make = frames.udp if kind is Kind.UDP else frames.tcp
    frame = frames.ethernet(frames.ipv4(make(b"ab")))
    plan = last(frame)[1]
    # The payload takes up what the field would have.
    right = minus(plus(int.from_bytes(frame.data[plan.at : plan.at + 2], "big"), int.from_bytes(b"ab", "big")), 0)
    data = patch(patch(frame.data, len(frame.data) - 2, right), plan.at, field)
    return facts_of_sum(data, 1)


@pytest.mark.parametrize(
    ("kind", "field", "name"),
    [
        (Kind.UDP, 0x0000, "zero-for-ones"),
        (Kind.UDP, 0xFFFF, None),
        (Kind.TCP, 0xFFFF, "ones-for-zero"),
        (Kind.TCP, 0x0000, None),
    ],
)
def test_which_zero_is_noted(kind: Kind, field: int, name: str | None) -> None:
    """A UDP sum of zero must be written as 0xffff (RFC 768), any other as 0x0000 (RFC 1624 section 3); what differs is noted."""
    total = zero_sum(kind, field)
    assert total.residue is Quality.ZERO
    assert total.field is (FieldValue.ONES if field else FieldValue.ZEROS)
    note = note_of(total)
    assert (note.name if note else None) == name


def test_no_note_on_other_sums() -> None:
    """Good sums with an ordinary field, absent ones whose sum is not zero, and bad ones with 0xffff."""
    frame = frames.ethernet(frames.ipv4(frames.udp(b"datagram")))
    assert note_of(facts_of_sum(frame.data, 1)) is None
    assert note_of(facts_of_sum(patch(frame.data, 40, 0), 1)) is None
    assert note_of(facts_of_sum(patch(frames.ethernet(frames.ipv4(frames.tcp(b"x"))).data, 50, 0xFFFF), 1)) is None
