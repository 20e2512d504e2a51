"""Stage tables and the catalogue of findings as text, plain data and generated documents."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from csumlab.cards import BEHAVIOURS, CARDS
from csumlab.findings import ENTRIES
from csumlab.report.table import folded
from csumlab.stage import Row, Stage
from csumlab.topology.presets import PRESETS, stages

GENERATED = "<!-- Made by `make docs` from the tables in csumlab/; edit those. -->"


def cells(row: Row) -> tuple[str, str, str, str, str]:
    """When, given, does, becomes, because."""
    given = "; ".join(map(str, row.given)) or "-"
    does = ", ".join(map(str, row.does)) or "keep"
    return str(row.when), given, does, str(row.becomes), row.because


def remarks(row: Row) -> list[str]:
    """How sure a row is, where it is not read in source, and whether it calls verified what nobody compared."""
    return ([] if row.sure == "read" else [row.sure]) + (["vouches for what nobody compared"] if row.vouches else [])


def stage_text(stage: Stage) -> str:
    """One stage's table for a terminal: a paragraph per row."""
    lines = [f"{stage.name}: {stage.title}", *folded(stage.source, "  "), ""]
    for number, row in enumerate(stage.table, 1):
        when, given, does, becomes, because = cells(row)
        lines += folded(f"{number:2}. when {when}" + (f", given {given}" if given != "-" else ""), "")
        lines += folded(f"{does}; then: {becomes}", "      ")
        lines += folded(because + "".join(f" ({word})" for word in remarks(row)), "      ")
        if row.source:
            lines += folded(f"[{row.source}]", "      ")
    return "\n".join(lines)


def stage_dict(stage: Stage) -> dict[str, Any]:
    names = ("when", "given", "does", "becomes", "because")
    rows = [
        dict(zip(names, cells(row), strict=True)) | {"source": stage.citation(row), "sure": row.sure, "vouches": row.vouches}
        for row in stage.table
    ]
    return {"name": stage.name, "title": stage.title, "source": stage.source, "rows": rows}


def list_text() -> str:
    """Every stage with the presets that use it."""
    found = stages()
    width = max(map(len, found))
    lines = []
    for name, stage in found.items():
        users = [preset.name for preset in PRESETS.values() if any(each is stage for each in preset.tables)]
        lines.append(f"{name.ljust(width)}  {stage.title} ({', '.join(users) or 'all'})")
    return "\n".join(lines)


def cards_text() -> str:
    """What cards can be told to do, and which are known to, for a terminal."""
    lines = []
    for name, sentence in BEHAVIOURS.items():
        lines += folded(f"{name}: a card that {sentence}", "      ")
    for card in CARDS:
        lines += ["", *folded(f"{card.name}: {', '.join(card.behaviours)} ({card.sure})", "      "), *folded(f"[{card.source}]", "      ")]
    return "\n".join(lines)


def cards_dict() -> dict[str, Any]:
    return {"behaviours": dict(BEHAVIOURS), "cards": [asdict(card) for card in CARDS]}


def _cards_markdown() -> list[str]:
    lines = ["## Cards", "", "What `card` of a nic may name: words, each a behaviour or a card that is known for some.", ""]
    lines += ["| behaviour | a card that |", "|---|---|", *(f"| {name} | {sentence} |" for name, sentence in BEHAVIOURS.items()), ""]
    lines += ["| card | behaviours | source |", "|---|---|---|"]
    lines += [f"| {card.name} | {', '.join(card.behaviours)} | {card.source} *({card.sure})* |" for card in CARDS]
    return [*lines, ""]


def stages_markdown() -> str:
    """docs/stages.md."""
    lines = [
        GENERATED,
        "",
        "# Stages",
        "",
        "Every transition that csumlab knows. The first row that fits fires. `csumlab stages NAME` prints one table.",
        "",
    ]
    for stage in stages().values():
        lines += [f"## {stage.name}", "", f"{stage.title[:1].upper()}{stage.title[1:]}. Source: {stage.source}.", ""]
        lines += ["| when | given | does | becomes | because |", "|---|---|---|---|---|"]
        for row in stage.table:
            extra = "".join(f" *({word})*" for word in remarks(row))
            extra += f" [{row.source}]" if row.source else ""
            parts = [part.replace("|", "\\|") for part in cells(row)]
            lines.append("| " + " | ".join([*parts[:4], parts[4] + extra]) + " |")
        lines.append("")
    return "\n".join(lines + _cards_markdown())


def findings_markdown() -> str:
    """docs/findings.md."""
    lines = [
        GENERATED,
        "",
        "# Findings",
        "",
        "`csumlab explain CSL101` prints one entry. A finding makes the exit status 1, a note does not.",
        "",
    ]
    for entry in ENTRIES:
        lines += [
            f"## {entry.code} {entry.title}",
            "",
            f"*{entry.severity.value}*",
            "",
            entry.what,
            "",
            entry.why,
            "",
            f"**Cure.** {entry.cure}",
            "",
        ]
        if entry.example:
            lines += [f"Example: `csumlab scenario run captures/{entry.example}`.", ""]
        if entry.references:
            lines += ["References: " + "; ".join(entry.references) + ".", ""]
    return "\n".join(lines)
