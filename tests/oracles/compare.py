"""The comparison: what the model said against what the kernel showed, bit for bit; and the list of differences that are known."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from csumlab.conditions import DONT_FRAGMENT, EXCEEDS, PIECE_EXCEEDS
from csumlab.dissection import dissect_packet
from csumlab.headers import KINDS
from csumlab.operations import DROP
from csumlab.pieces import IDENTIFICATION
from csumlab.tables import Tables
from csumlab.trace import Fate

from .ports import Sight
from .predict import Expected, Prediction
from .sockets import COUNTERS
from .world import Observed

KNOWN = Path(__file__).parent / "known_differences.toml"
_LINK = 14
_COUNTED = ("input", "forward", "bridge-netfilter")
"""The stages whose drops show in a counter."""
_TOO_LONG = {EXCEEDS, PIECE_EXCEEDS, DONT_FRAGMENT}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the model and the kernel disagree: at a port, in what, and both sides in words."""

    port: str
    what: str
    model: str
    kernel: str

    def __str__(self) -> str:
        return f"{self.port}: {self.what}: the model says {self.model}, the kernel {self.kernel}"


def differences(prediction: Prediction, observed: Observed, real: Set[str], tables: Tables) -> list[Difference]:
    """Everything in which they disagree; of a domain's frames only the first that differs, as all after it may follow from it."""
    if prediction.fate is Fate.UNTOLD:
        return [Difference(prediction.domain, "fate", f"that it cannot tell: {prediction.trace.why}", _seen_fate(observed) or "nothing")]
    found: list[Difference] = []
    for domain in dict.fromkeys([*prediction.seen, *observed.sights]):
        found += _sights(domain, prediction.seen.get(domain, []), observed.sights.get(domain, []), tables)
    found += _fates(prediction, observed, real)
    return found


def _sights(domain: str, expected: list[Expected], seen: list[Sight], tables: Tables) -> Iterator[Difference]:
    for number in range(max(len(expected), len(seen))):
        one = expected[number] if number < len(expected) else None
        other = seen[number] if number < len(seen) else None
        left = f"{one.device} {one.way}" if one else "nothing more"
        right = f"{other.device} {other.way}" if other else "nothing more"
        if one is None or other is None or left != right:
            yield Difference(f"{domain}:{left if one else right}", "frame", left, right)
            return
        port = f"{domain}:{left}"
        verified = other.verified if one.verified is None else one.verified
        ours = (_identified(one.data, other.frame[_LINK:]), one.virtio, verified)
        theirs = (other.frame[_LINK:], other.virtio, other.verified)
        if ours == theirs:
            continue
        if ours[0] != theirs[0]:
            yield Difference(port, "bytes", *_bytes(ours[0], other.frame, tables))
        if ours[1] != theirs[1]:
            yield Difference(port, "flags", str(ours[1]), str(theirs[1]))
        if ours[2] != theirs[2]:
            yield Difference(port, "verified", str(one.state), f"{other.virtio}, {'' if other.verified else 'not '}verified")
        return


def _identified(ours: bytes, theirs: bytes) -> bytes:
    """With the number that the kernel gave to the fragments of an IPv6 datagram, where the model has made one up."""
    at = slice(44, 48)
    made_up = ours[:1] and ours[0] >> 4 == 6 and ours[6] == 44 and ours[at] == IDENTIFICATION.to_bytes(4, "big")
    return ours[:44] + theirs[at] + ours[48:] if made_up else ours


def _bytes(ours: bytes, frame: bytes, tables: Tables) -> tuple[str, str]:
    """Both sides by their sums, or where these agree by their first bytes that differ."""
    theirs = frame[_LINK:]
    texts = [_sums(frame[:_LINK] + data, tables) for data in (ours, theirs)]
    if texts[0] != texts[1]:
        return texts[0], texts[1]
    if len(ours) != len(theirs):
        return f"{len(ours)} bytes", f"{len(theirs)} bytes"
    at = next(n for n, (left, right) in enumerate(zip(ours, theirs, strict=True)) if left != right)
    return tuple(f"{data[at : at + 8].hex()} at {at}" for data in (ours, theirs))  # type: ignore[return-value]


def _sums(frame: bytes, tables: Tables) -> str:
    found = dissect_packet(frame, 1, tables=tables).sums
    return ", ".join(f"{KINDS[one.kind].label} {one.field:04x} {one.verdict.name.lower()}" for one in found if one.field is not None)


def _fates(prediction: Prediction, observed: Observed, real: Set[str]) -> Iterator[Difference]:
    """Accepted and rejected show in counters or at a socket, other ends in nothing: no domain may count what it was not said to."""
    for domain in sorted(real):
        expected = ""
        if domain == prediction.domain:
            expected = {Fate.ACCEPTED: "accepted", Fate.REJECTED: "rejected"}.get(prediction.fate, "")
            end = prediction.trace.hops[-1] if prediction.trace.hops else None
            if prediction.fate is Fate.DROPPED and end is not None and end.row.does == DROP:
                if _TOO_LONG & set(end.row.given):
                    expected = "too long"
                elif end.stage.name in _COUNTED:
                    expected = "header"  # A wrong header sum and a TTL that is used up are counted as one.
        seen = {COUNTERS[word] for word in observed.counted.get(domain, {})}
        payload = observed.delivered.get(domain)
        if payload is not None:
            seen.add("accepted")
        if seen != ({expected} if expected else set()):
            yield Difference(domain, "fate", expected or "no trace", " and ".join(sorted(seen)) or "no trace")
        elif payload is not None and payload != prediction.payload:
            yield Difference(domain, "delivered bytes", prediction.payload.hex(), payload.hex())


def _seen_fate(observed: Observed) -> str:
    return ", ".join(sorted({f"{COUNTERS[word]} at {domain}" for domain, words in observed.counted.items() for word in words}))


@dataclass(frozen=True, slots=True)
class Known:
    """An entry of known_differences.toml. ``scenario``, ``probe``, ``port`` and ``what`` are patterns of fnmatch."""

    scenario: str
    probe: str
    port: str
    what: str
    reason: str
    kernel: str

    def covers(self, scenario: str, probe: str, difference: Difference) -> bool:
        return (
            fnmatchcase(scenario, self.scenario)
            and fnmatchcase(probe, self.probe)
            and fnmatchcase(difference.port, self.port)
            and fnmatchcase(difference.what, self.what)
        )


@cache
def known() -> tuple[Known, ...]:
    table = tomllib.loads(KNOWN.read_text(encoding="utf-8"))
    return tuple(Known(**entry) for entry in table.get("difference", []))
