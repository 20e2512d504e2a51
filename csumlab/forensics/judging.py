"""How far a match can be trusted: the chance that random damage looks like one of the suspects, over one or several packets.

A residue of random damage is one of 65535 values, and T different ones are tried: it is explained by chance with 1 - (1 - 2^-16)^T.
Damage to one byte or to two bits leaves residues out of a small set, in which the suspects with small residues lie too (a TTL lowered by
one is one flipped bit): those are taken for one of 256 values, so that a single packet never convicts.
Packets that agree are independent when their residues differ; the same residue again proves nothing new but that it repeats.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, log1p
from typing import Final

from csumlab.forensics.case import Case, Suspect
from csumlab.forensics.table import CRC_RULES, ESP_TRANSPORT, RULES, SAME_ERROR, SAME_SEED, STUCK, SUM_RULES
from csumlab.headers import Kind
from csumlab.inet import MODULUS

CONVINCING: Final = 1e-3
"""A cause is named when it is less likely than this to match by chance."""
REPEATS: Final = 3
"""Different packets in which one residue must repeat to be named whatever the chance."""
_COMPARED: Final = 64
"""Packets that are compared byte by byte."""
_VARIED: Final = 8
"""Packets of one length that show that they were meant to differ and are not damaged copies of one."""
_SHARE: Final = 4
"""A byte was meant to differ where no value stands in more than one of four packets: damage leaves it alone in most copies."""

_POWERS: Final = [sign << bit for bit in range(16) for sign in (1, -1)]
_SMALL: Final = frozenset(
    value % MODULUS
    for value in (
        *(place * difference for difference in range(-255, 256) for place in (1, 256)),
        *(one + two for one in _POWERS for two in _POWERS),
    )
)
"""Residues that damage to one byte, or to two bits, can leave."""
_CONSTANT: Final = frozenset(rule.suspect for rule in RULES if rule.constant)
_FAMILY: Final = {rule.suspect: rule.family for rule in RULES}
_BY_NAME: Final = {rule.suspect.name: rule.suspect for rule in RULES}
_RANK: Final = {rule.suspect.name: rank for rank, rule in enumerate(RULES)}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What explains the bad sums of some packets: all suspects that fit every one of them, most likely first; none if empty.

    ``named`` says that it can be told as a fact, otherwise the packets are only consistent with it. ``chance`` is the probability that
    random damage fits as well, ``tries`` the most residues tried for one packet. ``repeated``: one residue occurs in REPEATS or more
    different packets.
    """

    suspects: tuple[Suspect, ...]
    named: bool
    tries: int
    chance: float
    packets: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Finding:
    case: Case
    names: tuple[str, ...]
    tries: int


def chance_of(tries: int, bits: int = 16) -> float:
    """The probability that at least one of ``tries`` different candidates equals a random value of ``bits`` bits."""
    return -expm1(tries * log1p(-(2.0**-bits)))


def matches(case: Case) -> tuple[tuple[str, ...], int]:
    """Names of the suspects that fit one packet, most likely first, and how many different residues were tried.

    Without rewrites at most 63 are, so that one packet can convict.
    """
    if not case.residue:
        return (), 0
    candidates: set[int] = set()
    names: list[str] = []
    modulus = 1 << 32 if case.crc else MODULUS
    for suspect, residues, *_ in CRC_RULES if case.crc else SUM_RULES:
        for value in residues(case):
            reduced = value % modulus
            if reduced:
                candidates.add(reduced)
                if reduced == case.residue and (not names or names[-1] != suspect.name):
                    names.append(suspect.name)
    return tuple(names), len(candidates)


def explain(cases: Sequence[Case]) -> Explanation:
    """What explains all of ``cases``: bad sums of one kind in packets of one flow, or of one sender and class."""
    return _explain([_Finding(case, *matches(case)) for case in cases])


def sort_out(cases: Sequence[Case]) -> list[tuple[Explanation, tuple[int, ...]]]:
    """Bad sums of one kind and flow, sorted by what explains them, each with the indexes of its cases, which each belong to one.

    What explains more goes first: a suspect, a constant error, a constant seed, a stuck field. What nothing explains comes last.
    """
    findings = [_Finding(case, *matches(case)) for case in cases]
    sets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        for name in finding.names:
            sets[0, _RANK[name]].append(index)
        sets[1, finding.case.residue].append(index)
        sets[2, finding.case.total.seed or 0].append(index)
        sets[3, finding.case.total.field or 0].append(index)
    left = set(range(len(findings)))
    parts: list[tuple[Explanation, tuple[int, ...]]] = []
    for key in sorted(sets, key=lambda key: (-len(sets[key]), key)):
        chosen = tuple(index for index in sets[key] if index in left)
        if not chosen or (key[0] and len(chosen) < REPEATS):
            continue
        explanation = _explain([findings[index] for index in chosen])
        if explanation.suspects:
            parts.append((explanation, chosen))
            left.difference_update(chosen)
    if left:
        rest = tuple(sorted(left))
        parts.append((_explain([findings[index] for index in rest]), rest))
    return parts


def _explain(findings: Sequence[_Finding]) -> Explanation:
    tries = max((finding.tries for finding in findings), default=0)
    common = [name for name in (findings[0].names if findings else ()) if all(name in finding.names for finding in findings)]
    repeated = _repeats(findings)
    if not common:
        return _together(findings, tries, repeated)
    chances: dict[int, float] = {}
    for finding in findings:
        residue = finding.case.residue
        chances[residue] = max(chances.get(residue, 0.0), chance_of(finding.tries, _bits(finding.case)))
    chance = 1.0
    for one in chances.values():
        chance *= one
    suspects = tuple(_BY_NAME[name] for name in common)
    alone = len({_FAMILY[suspect] for suspect in suspects}) == 1
    if repeated and len(chances) == 1 and chance >= CONVINCING and _CONSTANT.isdisjoint(suspects):
        # That it repeats does not speak for a suspect whose residue would change with the contents.
        return Explanation((SAME_ERROR, *suspects), False, tries, chance, len(findings), True)
    convincing = chance < CONVINCING or (repeated and not _CONSTANT.isdisjoint(suspects))
    return Explanation(suspects, alone and convincing, tries, chance, len(findings), repeated)


def _together(findings: Sequence[_Finding], tries: int, repeated: bool) -> Explanation:
    """What no single packet shows: a constant residue, seed or field."""
    count = len(findings)
    chance = chance_of(1, 32 if findings and findings[0].case.crc else 16) ** (REPEATS - 1)
    if repeated and len({finding.case.residue for finding in findings}) == 1:
        case = findings[0].case
        if case.transport_peers and case.total.kind in (Kind.TCP, Kind.UDP):
            return Explanation((ESP_TRANSPORT, SAME_ERROR), False, tries, chance, count, True)
        return Explanation((SAME_ERROR,), True, tries, chance, count, True)
    unchanged = _unchanged([finding.case for finding in findings])
    return Explanation(unchanged, len(unchanged) == 1, tries, chance if unchanged else 1.0, count, repeated)


def _bits(case: Case) -> int:
    """Out of how many bits a chance residue like this one comes."""
    return 32 if case.crc else 8 if case.residue in _SMALL else 16


def _repeats(findings: Sequence[_Finding]) -> bool:
    """Whether one residue occurs in REPEATS or more packets of different contents."""
    contents: defaultdict[int, set[bytes]] = defaultdict(set)
    for finding in findings:
        seen = contents[finding.case.residue]
        if finding.case.residue and len(seen) < REPEATS:
            seen.add(finding.case.content)
            if len(seen) == REPEATS:
                return True
    return False


def _unchanged(cases: Sequence[Case]) -> tuple[Suspect, ...]:
    """What stays the same in packets that need different fields and were meant to differ: in length, or at one place.

    Damaged copies of one packet have one field and different right sums too. Where field and pseudo-header both are always the same, the
    field may hold anything.
    """
    if len({case.rest for case in cases}) < REPEATS:
        return ()
    stuck = len({case.total.field for case in cases}) == 1
    seeded = bool(cases[0].pseudo) and len({case.total.seed for case in cases}) == 1
    if not (stuck or seeded):
        return ()
    by_length: defaultdict[int, set[bytes]] = defaultdict(set)
    for case in cases[:_COMPARED]:
        by_length[case.length].add(case.content)
    if len(by_length) < REPEATS and (not stuck or all(len(alike) < _VARIED or not _vary(alike) for alike in by_length.values())):
        return ()
    return (STUCK,) * stuck + (SAME_SEED,) * seeded


def _vary(alike: set[bytes]) -> bool:
    return any(max(Counter(column).values()) * _SHARE <= len(alike) for column in zip(*alike, strict=True))
