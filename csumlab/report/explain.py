"""The explanation of one packet as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csumlab.findings import Entry
from csumlab.report.path import PLAIN, Style, draw
from csumlab.report.table import folded, printable
from csumlab.truth import in_words

if TYPE_CHECKING:
    from csumlab.explain import Explanation, View


def text(explanation: Explanation, style: Style = PLAIN) -> str:
    """The packet, its way as a drawing, then hop by hop."""
    outcome, trace = explanation.outcome, explanation.trace
    lines = [f"Packet {explanation.number} of {printable(explanation.file)}: {explanation.dissection}"]
    lines += folded(f"Read as {outcome.readings[0].origin}.", "")
    others = sorted({str(reading.origin) for reading in outcome.readings[1:]} - {str(outcome.readings[0].origin)})
    if others:
        lines += folded(f"It may as well be {' or '.join(others)}; shown is the first.", "")
    lines += ["", *draw(explanation, style), ""]
    for number, view in enumerate(explanation.views, 1):
        lines += _hop(number, view)
    lines += ["", *folded(f"{trace.fate.value.capitalize()}: {trace.why}.", "")]
    for finding in explanation.findings:
        lines += ["", *folded(str(finding), "")]
    return "\n".join(lines)


def _hop(number: int, view: View) -> list[str]:
    hop = view.hop
    mark = "   <- the capture was taken here" if view.is_tap else ""
    lines = [f"{number:3}. {hop.where}: {hop.stage.title}{mark}"]
    if hop.stage.name == "tap":
        return [*lines, *folded("a capture here shows " + ", ".join(map(str, view.after)), "     ")]
    lines += folded(hop.because, "     ")
    if hop.state_before != hop.state_after:
        claims = ", ".join(f"{field.label} {field.claim.value}" for field in view.after if field.claim)
        lines.append(f"     {hop.state_before} -> {hop.state_after}" + (f"  ({claims})" if claims else ""))
    before = {field.label: field for field in view.before}
    for field in view.after:
        old = before.get(field.label)
        if old is not None and (old.value, old.verdict) != (field.value, field.verdict):
            lines.append(f"     {old} -> {field}")
        elif old is None:
            lines.append(f"     new: {field}")
    sure = "" if hop.row.sure == "read" else f" ({hop.row.sure})"
    told = f"[{hop.stage.name}: {view.condition}] {hop.stage.citation(hop.row)}{sure}; {in_words(hop.stage, hop.row)}"
    return [*lines, *folded(told, "     ")]


def entry_text(entry: Entry) -> str:
    """A finding's entry."""
    lines = [f"{entry.code}: {entry.title} ({entry.severity.value})", ""]
    for title, words in (("What", entry.what), ("Why", entry.why), ("Cure", entry.cure)):
        lines += folded(f"{title}: {words}", "")
    if entry.example:
        lines += [f"Example: csumlab scenario run captures/{entry.example}"]
    if entry.references:
        lines += ["References: " + "; ".join(entry.references)]
    return "\n".join(lines)


def entry_dict(entry: Entry) -> dict[str, object]:
    """A finding's entry as plain data."""
    return {
        "code": entry.code,
        "title": entry.title,
        "severity": entry.severity.value,
        "what": entry.what,
        "why": entry.why,
        "cure": entry.cure,
        "example": entry.example,
        "references": list(entry.references),
    }
