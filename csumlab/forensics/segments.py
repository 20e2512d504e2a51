"""Super-frames whose partial sum was made for one segment: the pseudo-header has the length of a segment in place of the whole.

Network cards that segment differ in what they want there: the full length (Linux), none (Windows, DPDK), or one segment's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from csumlab.forensics.case import Case, Suspect
from csumlab.forensics.judging import CONVINCING, REPEATS, Explanation, chance_of
from csumlab.inet import MODULUS

SEGMENT_LENGTH: Final = Suspect(
    "unfilled-segment-length",
    "not filled: the sum of a pseudo-header with the length of one segment, as a card that segments may want it",
    "nothing is wrong; to see filled sums capture on another host, or turn segmentation offload off on the sender while capturing",
)
_LEAST: Final = 48
"""Bytes of the shortest segment that is believed: nobody splits into smaller ones."""


def explain_segments(cases: Sequence[Case]) -> Explanation | None:
    """Whether the fields of super-frames, of one kind and flow, fit one segment length that is shorter than all of them; None if not.

    The length is not known, so that one packet shows nothing: REPEATS of different lengths must agree in it.
    """
    found = {_segment_length(case) for case in cases}
    contents = {case.length for case in cases}
    if len(found) != 1 or len(contents) < REPEATS:
        return None
    length = found.pop()
    if not _LEAST <= length < min(contents):
        return None
    chance = chance_of(1) ** (REPEATS - 1)
    return Explanation((SEGMENT_LENGTH,), chance < CONVINCING, 1, chance, len(cases), False)


def _segment_length(case: Case) -> int:
    """What must stand in the pseudo-header for the field to be its sum."""
    return ((case.total.field or 0) - (case.pseudo - case.pseudo_length)) % MODULUS
