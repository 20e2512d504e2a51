"""A diagnosis as text."""

from __future__ import annotations

from csumlab.doctor import Diagnosis, Part
from csumlab.report.path import PLAIN, Style
from csumlab.report.table import folded


def text(diagnosis: Diagnosis, style: Style = PLAIN) -> str:
    """What is there in a line each; what is missing with what it would give and the command that gets it."""
    width = max(len(part.name) for part in diagnosis.parts)
    lines = [f"csumlab {diagnosis.csumlab} on {diagnosis.machine}"]
    for title, needed in (("Needed", True), ("Optional", False)):
        lines += ["", style.paint(title, "strong")]
        for part in diagnosis.parts:
            if part.needed is needed:
                lines += _part(part, width, style)
    lacking = [part for part in diagnosis.parts if not part.found]
    if diagnosis.status:
        lines += ["", *folded("csumlab does not work without the needed parts that are missing.", "")]
    elif lacking:
        lines += ["", *folded("Everything needed is there. What is optional and missing is missing only where its line says.", "")]
    else:
        lines += ["", "Everything is there."]
    return "\n".join(lines)


def _part(part: Part, width: int, style: Style) -> list[str]:
    mark = ("✓" if part.found else "✗") if style.unicode else ("ok" if part.found else "--")
    colour = "good" if part.found else "bad" if part.needed else "owed"
    name = f"  {style.paint(mark, colour)} {part.name.ljust(width)}  "
    if part.found:
        return [name + (part.version or "found")]
    indent = " " * 6
    lines = [name + (f"missing: {part.version}" if part.version else "missing"), *folded(f"gives {part.gives}", indent, style.width)]
    return [*lines, f"{indent}get it: {part.get}"] if part.get else lines
