"""The catalogue of documented bugs as text, plain data and docs/bugs.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from csumlab.catalogue import MISSING, STAGES, Entry, Outcome, catalogue
from csumlab.report.table import folded

_INTRODUCTION = (
    "Documented bugs, incidents and errata about checksum offload, with the scenario that shows each, or the reason why there is none. "
    "Scenarios are folders of `captures/`: traffic and the script that made it, a topology, what is expected at every hop. They run with "
    "`csumlab scenario run CB-002` (or the slug), and `csumlab scenario list --stage nat --outcome laundering TEXT` searches. Bugs are "
    "reached by what stages, presets and settings do in general; no code knows of one of them. Entries with CSUM in their "
    "number were looked up later, in reports of users and changelogs, to try the model on what it was not made for. Where a bug lets "
    "damage pass, its mended scenario shows the same damage caught (CSL001)."
)


def entry_text(entry: Entry) -> str:
    """One entry for a terminal."""
    lines = [f"{entry.id}  {entry.slug}  ({', '.join(one.value for one in entry.outcome)}; {', '.join(entry.stages)})"]
    lines += folded(entry.title, "        ")
    if entry.scenario:
        lines += folded("shown by " + ", ".join(entry.scenario), "        ")
    else:
        lines += folded(entry.reason, "        ")
    if entry.fixed:
        lines += folded("where it is mended: " + ", ".join(entry.fixed), "        ")
    if entry.remark:
        lines += folded("but " + entry.remark, "        ")
    return "\n".join(lines)


def entry_dict(entry: Entry) -> dict[str, Any]:
    """Stable JSON."""
    return {**msgspec.to_builtins(entry), "status": entry.status}


def bugs_markdown() -> str:
    """docs/bugs.md."""
    found = catalogue()
    statuses = Counter(entry.status for entry in found.bug)
    lacking = [entry for entry in found.bug if entry.missing]
    mended = sum(1 for entry in lacking if entry.fixed)
    ends = f" (of {mended} of these it is shown how they end where they are mended)" if mended else ""
    lines = ["<!-- Made by `make docs` from csumlab/catalogue.toml; edit that. -->", "", "# Documented bugs", "", _INTRODUCTION, ""]
    lines += [
        f"{len(found.bug)} bugs: {statuses['scenario']} are shown by scenarios; "
        f"{statuses['missing']} need something that is not modelled{ends}; {statuses['outside']} are out of scope.",
        "",
    ]
    lines += ["## Shown", "", *_shown(entry for entry in found.bug if entry.scenario)]
    lines += ["## Not modelled yet", "", *_not_shown(lacking, "lacks")] if lacking else []
    lines += ["## Out of scope", "", *_not_shown((entry for entry in found.bug if entry.outside), "why")]
    lines += ["## What is missing most", "", "| what | bugs |", "|---|---|", *_wanted(lacking), ""] if lacking else []
    lines += [
        "## Set-ups that tell behaviours apart",
        "",
        "One way through a host each, with good, unfinished or damaged traffic, where two versions or settings differ.",
        "",
        "| id | set-up | expected | shown by | where it is mended or otherwise |",
        "|---|---|---|---|---|",
    ]
    for entry in found.setup:
        shown = _folders(entry.scenario) or f"*{entry.missing}*"
        lines.append(f"| {entry.id} `{entry.slug}` | {entry.title} | {entry.summary} | {shown} | {_folders(entry.fixed)} |")
    stages = (f"{stage} ({', '.join(others)})" if others else stage for stage, others in STAGES.items())
    lines += [
        "",
        f"Stages to search by, with other words that find them: {', '.join(stages)}. Outcomes: {', '.join(one.value for one in Outcome)}.",
        "",
    ]
    return "\n".join(lines)


def _shown(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        yield from _head(entry)
        yield f"Shown by {_folders(entry.scenario)}." + (f" Mended: {_folders(entry.fixed)}." if entry.fixed else "")
        yield from ["", f"Otherwise than told elsewhere: {entry.remark}."] if entry.remark else []
        yield from ["", "References: " + "; ".join(entry.references) + ".", ""]


def _not_shown(entries: Iterable[Entry], word: str) -> Iterable[str]:
    yield f"| id | bug | component, versions | outcome | {word} | references |"
    yield "|---|---|---|---|---|---|"
    for entry in entries:
        reason = entry.reason + (f"; mended: {_folders(entry.fixed)}" if entry.fixed else "")
        reason += f"; {entry.remark}" if entry.remark else ""
        outcome = ", ".join(one.value for one in entry.outcome)
        cells = (
            f"{entry.id} `{entry.slug}`",
            f"{_sentence(entry.title)} {entry.summary}",
            f"{entry.component}; {entry.versions}",
            outcome,
            reason,
            "; ".join(entry.references),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _head(entry: Entry) -> Iterable[str]:
    yield f"### {entry.id} {entry.title}"
    yield ""
    outcome = ", ".join(one.value for one in entry.outcome)
    yield f"`{entry.slug}`: {entry.component}, {entry.versions}. *{outcome}*. Stages: {', '.join(entry.stages)}."
    yield from ["", entry.summary, ""]


def _wanted(entries: Iterable[Entry]) -> Iterable[str]:
    """What entries lack, the most wanted first."""
    wanted: dict[str, list[str]] = {}
    for entry in entries:
        kind = next((prefix for prefix in MISSING if entry.missing.startswith(prefix)), "")
        for name in entry.missing.removeprefix(kind).split("; ") if kind else ():
            wanted.setdefault(f"{kind.split()[0]}: {name}", []).append(entry.id)
    for what, ids in sorted(wanted.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"| {what} | {', '.join(ids)} |"


def _folders(names: Iterable[str]) -> str:
    return ", ".join(f"[{name}](../captures/{name}/expected.toml)" for name in names)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
