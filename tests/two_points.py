"""Pairs of captures with a planted truth: packets as one capture point shows them, and as a made-up host passes them on to the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from frames import patch
from traffic import CLIENT, OUTSIDE, SERVER, TCP, UDP, Make, Shot, capture, framed, pieces

from csumlab.inet import MODULUS, negate, residue

PUBLIC = "198.51.100.77"
MSS = 500
GUARDS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet of the plan. ``state`` of its sum at the first point; ``fate``: passed, lost, damaged (the sum tells), hidden (damaged and
    summed again), partial-rule, stale (translated and the sum left alone), laundered (sent wrong, right afterwards), bad (sent wrong, stays
    so), new (only at the second point), fragmented."""

    flow: int
    number: int
    identification: int
    payload: bytes
    protocol: int = TCP
    state: str = "good"
    fate: str = "passed"


@dataclass(slots=True)
class Truth:
    """What compare must find: pairs of packet numbers, the change of the transport sum of each, and who is alone."""

    pairs: set[tuple[int, int]] = field(default_factory=set)
    changes: dict[tuple[int, int], str] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    new: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Host:
    """What lies between the two points. ``offset`` and ``way`` in milliseconds; ``shuffle``: how much later a packet may come."""

    nat: bool = False
    tunnel: bool = False
    segments: bool = False
    offset: float = 0
    way: float = 2
    shuffle: float = 0


def before_of(one: Sent) -> bytes:
    """The packet at the first point."""
    made = _make(one)
    error = 77 if one.fate in ("laundered", "bad") else 0
    return replace(made, state="partial" if one.state == "partial" else "good", error=error).packet(one.payload)


def _make(one: Sent) -> Make:
    return Make(
        source=CLIENT,
        destination=SERVER,
        ports=(40000 + one.flow, 80),
        protocol=one.protocol,
        number=1000 + one.number,
        identification=one.identification,
        ttl=64,
    )


def after_of(one: Sent, host: Host) -> list[bytes]:
    """The packets at the second point, without tunnel and frame."""
    made = replace(_make(one), ttl=63)
    if host.nat:
        made = replace(made, source=PUBLIC, ports=(50000 + one.flow, 80))
    payload = one.payload
    if one.fate == "lost":
        return []
    if one.fate in ("damaged", "hidden"):
        # Two bits of one word, far enough apart that no other packet is like it.
        payload = bytes([payload[0] ^ 0x21]) + payload[1:]
    if one.fate == "hidden" or one.fate in ("passed", "laundered", "new", "fragmented"):
        if host.segments and one.protocol == TCP and len(payload) > MSS:
            return [
                replace(made, number=made.number + at, identification=made.identification + n).packet(payload[at : at + MSS])
                for n, at in enumerate(range(0, len(payload), MSS))
            ]
        whole = made.packet(payload)
        return pieces(whole, MSS // 8 * 8) if one.fate == "fragmented" else [whole]
    if one.fate == "bad":
        return [replace(made, error=77).packet(payload)]
    if one.fate == "damaged":
        right = made.packet(one.payload)
        return [right[: -len(payload)] + payload]
    old, new = CLIENT, made.source
    delta = (_address(new) - _address(old)) % MODULUS
    ports = (made.ports[0] - (40000 + one.flow)) % MODULUS
    return [replace(made, error=(2 * delta + ports if one.fate == "partial-rule" else delta + ports) % MODULUS).packet(payload)]


def _address(text: str) -> int:
    return residue(bytes(int(part) for part in text.split(".")))


def wrapped(packet: bytes, number: int) -> bytes:
    """The packet in VXLAN over UDP with a right outer sum."""
    inner = framed(packet)
    made = Make(source=SERVER, destination=OUTSIDE, protocol=UDP, ports=(50000, 4789), identification=(7 * number) % 65535 + 1)
    return made.packet(b"\x08\0\0\0\0\0\x2a\0" + inner)


CHANGES = {
    "passed": "filled",
    "damaged": "shows damage",
    "hidden": "laundered",
    "partial-rule": "broken",
    "stale": "broken",
    "laundered": "laundered",
    "bad": "still wrong",
}


def plant(folder: Path, plan: list[Sent], host: Host, seed: int = 0) -> tuple[Path, Path, Truth]:
    """Write both captures; ``seed`` for the order in which packets come."""
    chance = random.Random(seed)
    truth = Truth()
    first: list[Shot] = []
    coming: list[tuple[float, bytes, int, Sent]] = []
    at = 0.0
    guard = True
    for one in plan:
        # The guards are far enough from the others for no delay to carry one over the end of a capture.
        at += 0.5 if (one.number >= GUARDS) == guard else 100
        guard = one.number >= GUARDS
        if one.fate != "new":
            first.append(Shot(framed(before_of(one)), at))
        if one.fate == "lost":
            truth.lost.add(len(first))
        later = at + host.way + chance.random() * host.shuffle
        for n, packet in enumerate(after_of(one, host)):
            coming.append((later + n * 0.01, packet, 0 if one.fate == "new" else len(first), one))
    coming.sort(key=lambda entry: entry[0])
    second = []
    for number, (at, packet, partner, one) in enumerate(coming, 1):
        frame = framed(wrapped(packet, number) if host.tunnel else packet)
        second.append(Shot(frame, at + host.offset))
        if not partner:
            truth.new.add(number)
            continue
        truth.pairs.add((partner, number))
        truth.changes[partner, number] = _change(one, host)
    return capture(folder / "before.pcapng", first), capture(folder / "after.pcapng", second), truth


def _change(one: Sent, host: Host) -> str:
    if one.fate == "fragmented":
        return "not known"
    if one.fate == "passed" and one.state == "good":
        return "followed" if host.nat or (host.segments and one.protocol == TCP and len(one.payload) > MSS) else "kept"
    if one.fate == "hidden" and one.state == "partial":
        return "filled"
    return CHANGES[one.fate]


def guarded(plan: list[Sent]) -> list[Sent]:
    """The plan between packets that pass, so that it lies within both captures and every flow is known."""
    flows = sorted({one.flow for one in plan} | {0})
    return [*_ordinary(flows, 0), *plan, *_ordinary(flows, 1)]


def _ordinary(flows: list[int], turn: int) -> Iterator[Sent]:
    for flow in flows:
        for n in range(6):
            number = GUARDS + turn * 1_000_000 + n * 1000
            yield Sent(flow, number, 60000 + turn * 100 + n, b"guard %d %d %d" % (flow, turn, n))


__all__ = ["MSS", "TCP", "UDP", "Host", "Sent", "Truth", "guarded", "negate", "patch", "plant"]
