"""The report of ``csumlab check`` as plain text: the sentences first, then the numbers, then what is not good by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from csumlab.causes import Standing
from csumlab.headers import KINDS, Kind, Verdict
from csumlab.report.table import aligned, folded, listed, printable
from csumlab.shown import counted

if TYPE_CHECKING:
    from csumlab.checking import CheckResult, FileResult
    from csumlab.groups import Group
    from csumlab.trail import Findings

Paint = Callable[[str, Standing], str]
"""Colours a piece of text by what it stands for."""

_DATAGRAMS = 10
_PATHS = 10
_CODE_WORDS = ("without a checksum", "good", "partial", "bad", "other")

_TITLES = {
    Standing.REAL: "Wrong for real",
    Standing.DOUBTFUL: "Cannot be told from this capture",
    Standing.HARMLESS: "Harmless",
    Standing.UNVERIFIED: "Not verified",
}


def plain(text: str, standing: Standing) -> str:
    """No colour."""
    return text


def check_text(result: CheckResult, paint: Paint = plain) -> str:
    """The whole report, without a line end."""
    parts = []
    for one in result.results:
        title = [f"== {printable(one.file)}"] if len(result.results) > 1 else []
        parts.append("\n".join(title + _file_lines(one, paint)))
    return "\n\n".join(parts)


def fault_line(one: FileResult) -> str:
    """Why reading ended early, and what that means for the rest of the report."""
    if one.packets:
        return f"PARTIAL RESULT, only {counted(one.packets, 'packet')} before a fault: {printable(str(one.fault))}"
    return f"NOT READ: {printable(str(one.fault))}"


def tally_table(tally: Mapping[tuple[Kind, Verdict], int]) -> list[list[str]]:
    """Header row and one row per kind of checksum; verdicts that do not occur have no column."""
    verdicts = [verdict for verdict in Verdict if any(key[1] is verdict for key in tally)]
    rows = [["", *(verdict.name.lower() for verdict in verdicts)]]
    for kind in KINDS:
        if any(key[0] is kind for key in tally):
            rows.append([KINDS[kind].label, *(f"{tally.get((kind, verdict), 0):,}" for verdict in verdicts)])
    return rows


def _file_lines(one: FileResult, paint: Paint) -> list[str]:
    lines = []
    if one.fault is not None:
        lines += [paint(fault_line(one), Standing.REAL), ""]
        if not one.packets:
            return lines[:1]
    lines += folded(one.headline, "")
    again = f" ({one.found.further:,} of them further sightings of a packet at another place)" if one.found.further else ""
    lines += [
        "",
        f"{counted(one.packets, 'packet')}{again}, {counted(sum(one.tally.values()), 'checksum')}"
        + (f", {one.without:,} without" if one.without else ""),
    ]
    if one.growing:
        lines.append("The file is still being written: its last record is not there yet.")
    if one.tally:
        lines += aligned(tally_table(one.tally), "  ")
    for standing in Standing:
        found = [group for group in one.groups if group.standing is standing]
        if found:
            lines += ["", paint(_TITLES[standing], standing)]
            for group in found:
                lines += _group_lines(group)
    lines += _datagram_lines(one.found)
    lines += _path_lines(one.found)
    if one.found.capped:
        lines += ["", *folded("Left out to bound memory and time: " + "; ".join(one.found.capped) + ".", "")]
    if one.overflow:
        lines += ["", f"{counted(one.overflow, 'packet')} came after more kinds of packets than are told apart: counted, not looked at."]
    if one.capped:
        lines += ["", "More senders than are told apart: later ones count as unknown."]
    return lines


def _group_lines(group: Group) -> list[str]:
    lines = folded(str(group), "  ")
    if group.senders:
        names = "; ".join(printable(name) for name in group.senders)
        more = f" and {group.sender_count - len(group.senders):,} more" if group.sender_count > len(group.senders) else ""
        lines += folded(f"from {names}{more}", "    ")
    if group.numbers:
        lines += folded(f"{'packet' if group.packets == 1 else 'packets'} {listed(group.numbers, group.packets)}", "    ")
    for sentence in group.evidence:
        lines += folded(f"evidence: {printable(sentence)}", "    ")
    if group.examined and group.tries:
        looked = f"{group.examined:,} looked at closely" if group.examined < group.packets else "each looked at closely"
        lines += folded(f"{looked}: {group.tries} residues tried, random damage looks like this in {chance_text(group.chance)}", "    ")
    if group.cause.advice:
        lines += folded(f"-> {group.cause.advice}", "    ")
    return lines


def chance_text(chance: float) -> str:
    """A probability for people, such as ``1 in 1,500``."""
    return "any packet" if chance >= 1 else f"1 of {1 / chance:,.0f} packets" if chance > 1e-12 else "less than 1 of 10^12 packets"


def _datagram_lines(found: Findings) -> list[str]:
    """Datagrams whose pieces were put together: how many of each kind and verdict, and the first ones that are not good."""
    datagrams = found.datagrams
    if not datagrams:
        return []
    counts = Counter((one.kind, one.verdict) for one in datagrams)
    for alike, amount in found.further_datagrams.items():
        counts[alike.kind, alike.verdict] += amount.datagrams
    total = f"{counts.total():,} datagram{'s' if counts.total() > 1 else ''} in fragments, over all their pieces"
    parts = [
        f"{KINDS[kind].label + ' ' if kind else ''}{verdict.name.lower()} {count:,}" for (kind, verdict), count in sorted(counts.items())
    ]
    lines = ["", *folded(f"{total}: {', '.join(parts)}", "")]
    shown = [one for one in datagrams if one.verdict not in (Verdict.GOOD, Verdict.ABSENT)]
    for one in shown[:_DATAGRAMS]:
        extra = [text for text, there in (("out of order", one.out_of_order), (f"{one.copies} copies", bool(one.copies))) if there]
        lines += folded(printable(str(one)) + "".join(f", {text}" for text in extra), "  ")
        lines += folded(f"packets {listed(one.packets, len(one.packets))}", "    ")
    others = sum(count for (_, verdict), count in counts.items() if verdict not in (Verdict.GOOD, Verdict.ABSENT))
    if others > _DATAGRAMS:
        lines.append(f"  and {others - _DATAGRAMS:,} more")
    return lines


def _path_lines(found: Findings) -> list[str]:
    if not found.paths:
        return []
    lines = ["", "Seen at several places"]
    for path in found.paths[:_PATHS]:
        lines += folded(printable(str(path)), "  ")
        for hop in path.hops:
            sums = [f"{count:,} {word}" for count, word in zip(hop.codes, _CODE_WORDS, strict=True) if count]
            lines += folded(f"{printable(str(hop.place))}: {', '.join(sums)}", "    ")
        lines += folded(f"such as packets {', '.join(str(number) for number in path.examples[0])}", "    ")
    for rewrite in found.rewrites[:_PATHS]:
        lines += folded(printable(str(rewrite)), "  ")
    return lines
