"""Fills that went to another place: csum_start and csum_offset of an older layout of the headers (virtio, Linux skbs).

The field proper keeps the sum of its pseudo-header, and the device sums and writes some bytes away from it. Right after such a fill the
bytes from the old start to the end add up to minus the word that was overwritten. That word is not known from one packet, unless it was
zero; but ports, addresses and header words are the same in all packets of a flow, and then so is this sum while the packets differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from csumlab.forensics.case import Case
from csumlab.forensics.judging import CONVINCING, REPEATS, Explanation, chance_of
from csumlab.forensics.table import MISAIMED
from csumlab.headers import Verdict
from csumlab.inet import MODULUS, negate, residue

SHIFTS: Final = (4, 8, 12, 14, 16, 20, 24, 28, 38, 40, 44, 50, 58, 70)
"""Bytes by which headers move, all even: VLAN, MPLS; PPPoE; GRE, alone and with IPv4; Ethernet; IPv4; IPv6; VXLAN and Geneve."""


@dataclass(frozen=True, slots=True)
class Aims:
    """``shifts``: how many bytes before (negative) or behind the field the fills of all packets went."""

    explanation: Explanation
    shifts: tuple[int, ...]


def explain_aims(cases: Sequence[Case]) -> Aims:
    """Whether the partial sums of one kind and flow were filled at another place, the same in every packet.

    One packet is at most consistent with it: partial sums are common and such fills are rare. A fill with the right sum at the wrong place
    does not show the place, so that several shifts may fit.
    """
    partial = [
        case
        for case in cases
        # Of a fragment the rest of what is summed is not here, and nobody fills it anywhere.
        if case.total.verdict is Verdict.PARTIAL and case.total.end <= len(case.data) and not _holds_right_sum(case)
    ]
    shifts: list[int] = []
    tries, least = 0, REPEATS
    for shift in (sign * size for size in SHIFTS for sign in (-1, 1)):
        for method in (_summed_there, _written_there):
            found = [one for case in partial if (one := method(case, shift))]
            if not found or len(found) < len(partial):
                continue
            tries += 1
            words = {word for word, _ in found}
            # Where the same was written each time, the bytes around add up to a constant by themselves.
            different = len({written for _, written in found})
            if words == {0} or (len(words) == 1 and different >= REPEATS):
                shifts.append(shift)
                least = min(least, different)
    if not shifts:
        return Aims(Explanation((), False, tries, 1.0, len(partial), False), ())
    chance = chance_of(tries, 16 * max(least - 1, 1))
    named = least >= REPEATS and chance < CONVINCING
    return Aims(Explanation((MISAIMED,), named, tries, chance, len(partial), least >= REPEATS), tuple(dict.fromkeys(shifts)))


def _holds_right_sum(case: Case) -> bool:
    """Whether a right sum of an inner packet lies inside: with it the bytes up to the end add up to a constant, whoever wrote it."""
    total = case.total
    return any(one.verdict is Verdict.GOOD and total.start < one.start and one.end == total.end for one in case.dissection.sums)


def _written(case: Case, shift: int) -> int:
    """The word that a fill may have written; 0 if none can have."""
    return case.word(case.total.at + shift) % MODULUS


def _summed_there(case: Case, shift: int) -> tuple[int, int] | None:
    """Start and place moved both: the residue of the word that was overwritten, and the word that was written."""
    start, place, end = case.total.start + shift, case.total.at + shift, case.total.end
    written = _written(case, shift)
    return (negate(residue(case.data[start:end])), written) if written and start >= 0 and place + 2 <= end else None


def _written_there(case: Case, shift: int) -> tuple[int, int] | None:
    """The right sum at another place: the same two. Outside the coverage the word must be the right sum, and 0 stands for that it is."""
    total, written = case.total, _written(case, shift)
    place = total.at + shift
    if not written:
        return None
    if total.start <= place and place + 2 <= total.end:
        # The rest before the write, rest - written + old, was made zero by what was written: all shifts are even.
        return negate(case.rest), written
    return (0, written) if (case.rest + written) % MODULUS == 0 else None
