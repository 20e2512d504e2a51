"""Stage tables and the catalogue of findings as text, plain data and generated documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from csumlab import cards, programs, readers
from csumlab.behaviours import Known
from csumlab.findings import ENTRIES
from csumlab.report.table import folded
from csumlab.stage import Row, Stage
from csumlab.topology.presets import PRESETS, stages

GENERATED = "<!-- Made by `make docs` from the tables in csumlab/; edit those. -->"

_SHOWN = 3
"""So many presets of a stage are named in a list."""


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
    """Every stage with the presets that use it; of many the first, and how many more."""
    found = stages()
    width = max(map(len, found))
    lines = []
    for name, stage in found.items():
        users = [preset.name for preset in PRESETS.values() if any(each is stage for each in preset.tables)]
        lines.append(f"{name.ljust(width)}  {stage.title} ({_few(users) or 'all'})")
    return "\n".join(lines)


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _SHOWN else f"{names[0]} and {len(names) - 1} more"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that a key of a device may hold: ``behaviours``, each completing "a card that ..." (``what``), and things ``known`` for some.
    ``of`` whose key ``key`` it is."""

    key: str
    what: str
    of: str
    behaviours: Mapping[str, str]
    known: tuple[Known, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"behaviours": dict(self.behaviours), f"{self.key}s": [asdict(one) for one in self.known]}

    def __str__(self) -> str:
        lines = []
        for name, sentence in self.behaviours.items():
            lines += folded(f"{name}: {self.what} that {sentence}", "      ")
        for one in self.known:
            lines += [
                "",
                *folded(f"{one.name}: {', '.join(one.behaviours) or 'none of these'} ({one.sure})", "      "),
                *folded(f"[{one.source}]", "      "),
            ]
        return "\n".join(lines)

    def markdown(self) -> list[str]:
        title = f"{self.key[:1].upper()}{self.key[1:]}s"
        lines = [
            f"## {title}",
            "",
            f"What `{self.key}` of {self.of} may name: words, each a behaviour or {self.what} that is known for some.",
            "",
        ]
        lines += [
            f"| behaviour | {self.what} that |",
            "|---|---|",
            *(f"| {name} | {sentence} |" for name, sentence in self.behaviours.items()),
        ]
        lines += ["", f"| {self.key} | behaviours | source |", "|---|---|---|"]
        lines += [f"| {one.name} | {', '.join(one.behaviours) or 'none of these'} | {one.source} *({one.sure})* |" for one in self.known]
        return [*lines, ""]


_CARDS = {
    name: f"{sentence} (:{cards.LENGTHS[name]})" if name in cards.LENGTHS else sentence for name, sentence in cards.BEHAVIOURS.items()
}
"""With the frames that a behaviour is of, as they are written behind its word."""
VOCABULARIES = {
    "cards": Vocabulary("card", "a card", "a nic", _CARDS, cards.CARDS),
    "readers": Vocabulary("reader", "a program", "a device", readers.BEHAVIOURS, readers.READERS),
    "programs": Vocabulary("program", "a program", "a rule or domain", programs.BEHAVIOURS, programs.PROGRAMS),
}


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
    return "\n".join(lines + [line for words in VOCABULARIES.values() for line in words.markdown()])


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
