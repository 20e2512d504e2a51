"""What made a bad checksum bad: suspects, the residue each would leave, and how far a match can be trusted.

``case`` holds one bad sum with its packet, ``sums``, ``layers``, ``rewritten`` and ``crc`` the arithmetic of the suspects, ``table`` the
suspects themselves, ``judging`` the verdict over one or several packets, ``aim`` fills that went to another place.
"""

from __future__ import annotations

from csumlab.forensics.aim import Aims, explain_aims
from csumlab.forensics.case import MAX_REWRITES, Case, Rewrite, Suspect, cases_of
from csumlab.forensics.judging import CONVINCING, REPEATS, Explanation, chance_of, explain, matches, sort_out
from csumlab.forensics.table import MISAIMED, RULES, note_of

__all__ = [
    "CONVINCING",
    "MAX_REWRITES",
    "MISAIMED",
    "REPEATS",
    "RULES",
    "Aims",
    "Case",
    "Explanation",
    "Rewrite",
    "Suspect",
    "cases_of",
    "chance_of",
    "explain",
    "explain_aims",
    "matches",
    "note_of",
    "sort_out",
]
