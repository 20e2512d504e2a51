"""What is worst comes first, in sentences for a person who has no time: what is wrong, since which hop, what to type, how to undo it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csumlab.causes import Standing
from csumlab.collect import by_harm
from csumlab.findings import Severity
from csumlab.report.replay import unharmed
from csumlab.report.table import printable
from csumlab.shown import counted

if TYPE_CHECKING:
    from csumlab.checking import FileResult
    from csumlab.collect import Finding
    from csumlab.replaying import ReplayResult

HARMS = {
    "CSL4": "Damage is hidden",
    "CSL3": "Damage is accepted",
    "CSL1": "Packets are lost",
    "CSL2": "Packets are lost",
    "CSL5": "Packets are lost",
    "CSL0": "Caught already",
    "CSL9": "Cannot be told",
}
"""What a finding means for whoever waits for the packets, by the start of its code."""
_WOULD = {"CSL311": "Damage could be accepted", "CSL312": "Damage could be accepted", "CSL411": "Damage could be hidden"}
_OTHER = {"CSL002": "Work and log lines", "CSL302": "Harmless", "CSL502": "Not forwarded", "CSL503": "Address leaks"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``tone`` is "bad", "doubt" or "good"; ``word`` the shortest answer, ``sentences`` two."""

    tone: str
    word: str
    sentences: tuple[str, str]


def harm_of(finding: Finding) -> str:
    """The harm in two or three words."""
    return _WOULD.get(finding.code) or _OTHER.get(finding.code) or HARMS[finding.code[:4]]


def where(finding: Finding) -> str:
    """The hop in words."""
    place, _, way = finding.hop.rpartition(" ")
    if way in ("in", "out") and place:
        return f"{place}, on the way {way}"
    return finding.hop or "the capture point"


def replay_verdict(result: ReplayResult) -> Verdict:
    """The verdict of a replay."""
    found = [finding for finding in by_harm(result.findings) if finding.severity is Severity.FINDING]
    name = result.settings.topology.name or "the topology"
    if not result.walked:
        return Verdict(
            "doubt", "Nothing to judge", ("No packet of the capture has an IP header.", "So there was nothing to walk through the host.")
        )
    if not found:
        first = f"{counted(result.packets, 'packet')}, captured at {result.settings.tap}, were walked through {name}."
        word, _, rest = unharmed(result).partition(": ")
        if word == "Nothing is wrong":
            return Verdict("good", word, (first, rest[0].upper() + rest[1:]))
        lost = any(finding.code == "CSL502" for finding in result.findings)
        return Verdict("doubt", "Not all packets arrive" if lost else "Cannot be told of all packets", (first, unharmed(result)))
    worst = found[0]
    tone, word = ("doubt", "Cannot be told") if worst.code == "CSL901" else ("bad", "Something is wrong")
    if worst.code in _WOULD:
        tone, word = "doubt", "Nothing is lost, but damage would not be noticed"
    elif worst.condition:
        tone, word = "doubt", "Something may be wrong"
    title = worst.entry.title[0].upper() + worst.entry.title[1:]
    since = "caught at" if worst.code == "CSL001" else "since"
    place = f", {since} {where(worst)}" if worst.hop else ""
    condition = f", {worst.condition}" if worst.condition else ""
    first = f"{title}: {worst.packets:,} of {counted(result.packets, 'packet')}{place}{condition}."
    told = "" if worst.entry.cure == "See the finding." else worst.entry.cure
    if worst.cure is not None:
        act = f"type the first command below in {worst.cure.domain}" if worst.cure.typed else worst.cure.command
        second = f"To mend it, {act}; in the model nothing was wrong any more after that."
    elif worst.code in ("CSL001", "CSL901"):
        second = told
    else:
        second = f"No setting that was tried in the model mends it. {told}".strip()
    return Verdict(tone, word, (first, second))


def check_verdict(one: FileResult) -> Verdict:
    """The verdict on a capture without a host."""
    standings = {group.standing for group in one.groups}
    first, _, second = one.headline.partition(". ")
    sentences = (first.rstrip(".") + ".", second)
    if Standing.REAL in standings:
        return Verdict("bad", "Checksums are wrong for real", sentences)
    if Standing.DOUBTFUL in standings or not one.packets:
        return Verdict("doubt", "This capture alone cannot tell", sentences)
    return Verdict("good", "Nothing is wrong", sentences)


def shell(text: str) -> str:
    """A word of a command line, safe to paste: nothing in it is more than a word. Names that no terminal shows are written as escapes."""
    return shlex.quote(printable(text))
