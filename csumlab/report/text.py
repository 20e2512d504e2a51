"""The report of ``csumlab check`` as plain text: the sentences first, then the numbers, then what is not good by cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from csumlab.causes import Standing
from csumlab.headers import KINDS, Kind, Verdict
from csumlab.report.table import aligned, folded, listed, printable

if TYPE_CHECKING:
    from csumlab.checking import CheckResult, FileResult
    from csumlab.groups import Group

Paint = Callable[[str, Standing], str]
"""Colours a piece of text by what it stands for."""

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
        return f"PARTIAL RESULT, only the {one.packets:,} packets before a fault: {printable(str(one.fault))}"
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
    lines += ["", f"{one.packets:,} packets, {sum(one.tally.values()):,} checksums" + (f", {one.without:,} without" if one.without else "")]
    if one.tally:
        lines += aligned(tally_table(one.tally), "  ")
    for standing in Standing:
        found = [group for group in one.groups if group.standing is standing]
        if found:
            lines += ["", paint(_TITLES[standing], standing)]
            for group in found:
                lines += _group_lines(group)
    if one.overflow:
        lines += ["", f"{one.overflow:,} packets came after more kinds of packets than are told apart: counted, not looked at."]
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
    if group.cause.advice:
        lines += folded(f"-> {group.cause.advice}", "    ")
    return lines
