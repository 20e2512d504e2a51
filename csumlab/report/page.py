"""The HTML report: one file that opens offline. Everything of a capture or a topology is escaped text; no script and no style but our own
runs, which a policy in the page says to the browser by their hashes; nothing is ever fetched."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from csumlab.capture import Capture
from csumlab.causes import Standing
from csumlab.collect import Finding
from csumlab.facts import Facts
from csumlab.findings import Severity
from csumlab.headers import KINDS, Kind
from csumlab.outcome import Leaf, Settings
from csumlab.report import harm
from csumlab.report.bytemap import stack_of
from csumlab.report.example import captured_example, walked_example
from csumlab.report.gathering import EXAMPLES, MAX_GROUPS, Found, Material, Way, gather
from csumlab.report.hostmap import draw_host, style_sheet
from csumlab.report.pathmap import draw_path
from csumlab.report.replay import headline
from csumlab.report.signs import Sign, sign_svg, worst
from csumlab.report.table import listed, printable
from csumlab.report.text import chance_text, fault_line, tally_table
from csumlab.report.timechart import Lane, draw_timeline, duration
from csumlab.shown import counted
from csumlab.survey import Sort
from csumlab.topology.written import to_toml

if TYPE_CHECKING:
    from csumlab.groups import Group

MAX_FINDINGS = 40
"""Findings that get packets and drawings; more are counted."""
MAX_LINES = 60
"""Lines of the tables of classes and senders."""
_LANES = 8


@dataclass(frozen=True, slots=True)
class Page:
    """A finished report, the sentences that it begins with, and the exit status that goes with it."""

    html: str
    headline: str
    status: int


def report_page(path: str | os.PathLike[str], settings: Settings | None = None, progress: Callable[[Capture], None] | None = None) -> Page:
    """The report of a capture, through a modelled host if ``settings`` name one, else what ``check`` says. CaptureError if nothing of the
    capture can be read."""
    material = gather(path, settings, progress)
    one = material.checked.results[0]
    fault = f"{fault_line(one)}. " if one.fault else ""
    if material.result:
        return Page(render(material), fault + headline(material.result), material.result.status)
    return Page(render(material), fault + one.headline, material.checked.status)


def render(material: Material) -> str:
    """The page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("csumlab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(str(value)),
    )
    style, script = _asset("report.css") + style_sheet(), _asset("report.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    drawn = {name: Markup(svg) for name, svg in _drawings(material).items()}
    return environment.get_template("report.html").render(
        **_words(material),
        drawn=drawn,
        paths=[Markup(draw_path(way.example, prefix=f"path{n}", style=False)) for n, way in enumerate(material.ways)],
        signs={sign.name: Markup(sign_svg(sign)) for sign in Sign},
        legend=list(Sign),
        policy=policy,
        # Our own files, whose hash the policy names.
        style=Markup(style),
        script=Markup(script),
    )


def _asset(name: str) -> str:
    return files("csumlab.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _drawings(material: Material) -> dict[str, str]:
    result = material.result
    drawn = {}
    if result is not None:
        ways = [way.stations for way in material.ways]
        drawn["host"] = draw_host(result.settings.topology, *ways, at=str(result.settings.tap), style=False)
    elif material.suggestion is not None:
        topology = material.suggestion.topology
        drawn["host"] = draw_host(topology, at=topology.at, style=False, title="A host to start from")
    drawn["timeline"] = _timeline(material)
    return drawn


def _timeline(material: Material) -> str:
    survey = material.survey.timeline
    lanes: list[Lane] = [("all packets", "", survey.of(*Sort))]
    for sort, label, css in (
        (Sort.WRONG, "with a wrong sum", Sign.WRONG.css),
        (Sort.UNFINISHED, "with an unfinished sum", Sign.OWED.css),
        (Sort.UNVERIFIED, "that cannot be verified", Sign.UNKNOWN.css),
    ):
        if sort in survey.counts:
            lanes.append((label, css, survey.of(sort)))
    for number, found in enumerate(material.findings[:_LANES], 1):
        finding, counts = found.finding, material.timeline.of(*found.leaves)
        if finding.severity is Severity.FINDING and counts.any():
            lanes.append((f"finding {number}, {finding.code}", Sign.LOST.css, counts))
    return draw_timeline(survey, lanes, style=False)


def _words(material: Material) -> dict[str, Any]:
    """All that is text in the page."""
    one = material.checked.results[0]
    result = material.result
    verdict = harm.replay_verdict(result) if result else harm.check_verdict(one)
    findings = [_finding(n, found, material) for n, found in enumerate(material.findings[:MAX_FINDINGS], 1)]
    groups = [_group(n, group, material) for n, group in enumerate(one.groups[:MAX_GROUPS], 1)]
    serious = [entry for entry in findings if not entry["note"]]
    timeline = material.survey.timeline
    span = duration(timeline.last - timeline.start) if timeline.width else "no time"
    return {
        "verdict": verdict,
        "title": f"{verdict.word}: {printable(os.path.basename(material.file))}",
        "facts": _facts(material, span),
        "fault": fault_line(one) if one.fault else "",
        "walked": result is not None,
        "cure": next((entry["cure"] for entry in serious[:1] if entry["cure"]), None),
        "findings": serious,
        "notes": [entry for entry in findings if entry["note"]],
        "more_findings": max(0, len(material.findings) - MAX_FINDINGS),
        "groups": groups,
        "more_groups": max(0, len(one.groups) - MAX_GROUPS),
        "check_headline": one.headline,
        "ways": [_way(n, way) for n, way in enumerate(material.ways, 1)],
        "unwalked": material.unwalked,
        "classes": _classes(material),
        "protocols": tally_table(one.tally) if one.tally else [],
        "hosts": _hosts(material),
        "start": list(result.start[:8]) if result else [],
        "defaults": list(result.settings.topology.defaults) if result else [],
        "beyond": result.beyond if result else one.overflow,
        "left_out": list(one.found.capped),
        "next": _next(material),
        "explain": _explain_command(material),
    }


def _facts(material: Material, span: str) -> list[tuple[str, str]]:
    result, one = material.result, material.checked.results[0]
    facts = [("Capture", material.file), ("Packets", f"{one.packets:,} over {span}"), ("Checksums", f"{sum(one.tally.values()):,}")]
    if result is not None:
        facts += [("Captured at", str(result.settings.tap)), ("Host", result.settings.topology.name or "unnamed topology")]
        if result.settings.assume:
            facts.append(("Assumed there", result.settings.assume))
    if one.growing:
        facts.append(("Note", "the file was still being written"))
    return facts


def _finding(rank: int, found: Found, material: Material) -> dict[str, Any]:
    result = material.result
    assert result is not None
    finding, examples = found.finding, found.examples
    cure = finding.cure
    cause = (finding.hop, finding.because)
    note = finding.severity is Severity.NOTE
    return {
        "rank": rank,
        "code": finding.code,
        "note": note,
        "harm": harm.harm_of(finding),
        "title": finding.entry.title,
        "what": finding.entry.what,
        "background": finding.entry.why,
        "where": harm.where(finding),
        "because": finding.because,
        "sum": KINDS[Kind[finding.sum]].label if finding.sum else "",
        "then": finding.consequence if finding.consequence != finding.because else "",
        "condition": finding.condition,
        "source": finding.source,
        "packets": f"{finding.packets:,} of {counted(result.packets, 'packet')}",
        "numbers": listed(finding.first, finding.packets),
        "cure": cure,
        "advice": _advice(finding),
        "references": list(finding.entry.references),
        "examples": [walked_example(one, result.settings, finding.sum, cause) for one in examples[: 1 if note else EXAMPLES]],
    }


def _advice(finding: Finding) -> str:
    if finding.cure is not None or finding.severity is Severity.NOTE:
        return ""
    told = "" if finding.entry.cure == "See the finding." else finding.entry.cure
    if finding.code in ("CSL001", "CSL901"):
        return told
    return f"None of the settings that were tried in the model mends this. {told}".strip()


def _group(rank: int, group: Group, material: Material) -> dict[str, Any]:
    numbers = [number for number in group.numbers[:EXAMPLES] if number in material.captured]
    standing = group.standing
    return {
        "rank": rank,
        "label": group.label,
        "standing": standing.value,
        "serious": standing in (Standing.REAL, Standing.DOUBTFUL),
        "tone": "bad" if standing is Standing.REAL else "doubt" if standing is Standing.DOUBTFUL else "good",
        "sentence": group.cause.sentence,
        "detail": group.detail,
        "advice": group.cause.advice,
        "count": f"{group.count:,}",
        "packets": listed(group.numbers, group.packets),
        "senders": list(group.senders),
        "more_senders": group.sender_count - len(group.senders),
        "evidence": list(group.evidence),
        "examined": f"{group.examined:,} looked at closely, {group.tries} residues tried each; random damage looks like this in "
        f"{chance_text(group.chance)}"
        if group.examined and group.tries
        else "",
        "examples": [captured_example(number, *material.captured[number], group.kind) for number in numbers]
        if standing is not Standing.HARMLESS
        else [captured_example(number, *material.captured[number], group.kind) for number in numbers[:1]],
    }


def _way(number: int, way: Way) -> dict[str, Any]:
    trace = way.example.trace
    return {
        "number": number,
        "packets": counted(way.packets, "packet"),
        "origin": way.origin,
        "end": f"{trace.fate.value}: {trace.why}",
        "fate": trace.fate.value,
        "codes": list(way.codes),
        "sign": _sign(way),
        "example": way.example.number,
    }


def _sign(way: Way) -> Sign:
    """What has gone wrong on a way, else what is left at its end."""
    through = worst(station.sign for station in way.stations)
    return through if through in (Sign.WRONG, Sign.LOST) else way.stations[-1].sign


def _classes(material: Material) -> dict[str, Any]:
    """Kinds of packets, those alike in what a person asks for added up."""
    rows: dict[tuple[str, ...], tuple[int, list[int]]] = {}
    if material.result is not None:
        codes: dict[int, list[str]] = {}
        for one in material.findings:
            for name in one.leaves:
                codes.setdefault(name, []).append(one.finding.code)
        found = [(_class_key(leaf, codes.get(id(leaf), [])), leaf.count, leaf.first) for leaf in material.result.classes]
    else:
        found = [((stack_of(one.facts.layers), _sums(one.facts), "", "", ""), one.count, []) for one in material.checked.classes]
    for key, count, first in found:
        old = rows.get(key, (0, []))
        rows[key] = (old[0] + count, sorted([*old[1], *first])[:3])
    ordered = sorted(rows.items(), key=lambda item: -item[1][0])
    lines = [(*key, f"{count:,}", listed(first, len(first))) for key, (count, first) in ordered[:MAX_LINES]]
    return {"lines": lines, "more": len(ordered) - len(lines)}


def _class_key(leaf: Leaf, codes: Sequence[str]) -> tuple[str, ...]:
    outcome = leaf.outcome
    origins = " or ".join(dict.fromkeys(str(reading.origin) for reading in outcome.readings)) or outcome.untold or "origin not found"
    ends = " or ".join(dict.fromkeys(f"{r.trace.fate.value} in {r.trace.end.domain if r.trace.end else ''}" for r in outcome.readings))
    return stack_of(outcome.facts.layers), _sums(outcome.facts), origins, ends, " ".join(dict.fromkeys(codes))


def _sums(facts: Facts) -> str:
    return ", ".join(f"{KINDS[total.kind].label} {total.verdict.name.lower()}" for total in facts.sums) or "none"


def _hosts(material: Material) -> dict[str, Any]:
    """Senders by what they sent, those with wrong sums first."""
    survey = material.survey
    ordered = sorted(
        survey.hosts.items(), key=lambda item: (-int(item[1][Sort.WRONG]), -int(item[1][Sort.UNFINISHED]), -int(item[1].sum()))
    )
    order = (Sort.GOOD, Sort.UNFINISHED, Sort.WRONG, Sort.UNVERIFIED, Sort.NONE)
    lines = [(name, *(f"{int(counts[sort]):,}" for sort in order), f"{int(counts.sum()):,}") for name, counts in ordered[:MAX_LINES]]
    rest = survey.others + sum((counts for _, counts in ordered[MAX_LINES:]), start=survey.others * 0)
    for label, counts in (("all others", rest), ("without an IP header", survey.nameless)):
        if counts.any():
            lines.append((label, *(f"{int(counts[sort]):,}" for sort in order), f"{int(counts.sum()):,}"))
    return {"lines": lines}


def _next(material: Material) -> dict[str, Any] | None:
    """Without a topology: how to find the device and the setting."""
    suggestion = material.suggestion
    if suggestion is None:
        return None
    return {
        "local": list(suggestion.local),
        "untold": list(suggestion.untold),
        "toml": to_toml(suggestion.topology),
        "command": f"csumlab report {harm.shell(material.file)} --topology host.toml -o report.html",
    }


def _explain_command(material: Material) -> str:
    return f"csumlab explain {harm.shell(material.file)} 1 --topology host.toml" if material.result else ""
