"""What a replay found, as text, plain data, HTML and a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csumlab.collect import by_harm
from csumlab.cures import Cure
from csumlab.findings import Severity
from csumlab.report.table import folded, listed, printable
from csumlab.shown import counted

if TYPE_CHECKING:
    import pandas as pd

    from csumlab.collect import Finding
    from csumlab.replaying import ReplayResult


def headline(result: ReplayResult) -> str:
    """Two sentences: what was replayed, and whether anything is wrong."""
    found = [finding for finding in result.findings if finding.severity is Severity.FINDING]
    name = result.settings.topology.name or "the topology"
    first = f"{counted(result.packets, 'packet')}, captured at {result.settings.tap}, replayed through {printable(name)}."
    if result.packets and not result.walked:
        return f"{first} None of them is an IP packet, so there was nothing to walk."
    if not found:
        return f"{first} {unharmed(result)}"
    worst = by_harm(found)[0]
    count = f"{len(found)} {'finding' if len(found) == 1 else 'findings'}"
    return f"{first} {count}; first of all {worst.entry.title}, at {printable(worst.hop) or result.settings.tap}."


def unharmed(result: ReplayResult) -> str:
    """What is said where nothing is found: of packets that end for another reason, or of which it cannot be told, nothing can be."""
    lost, untold = (sum(finding.packets for finding in result.findings if finding.code == code) for code in ("CSL502", "CSL902"))
    if lost >= result.walked:
        return "No checksum is found wrong, but no packet arrives: the topology may not be the host's (CSL502 below says where they end)."
    if untold >= result.walked:
        return "No checksum is found wrong, but of no packet can be told how it arrives (CSL902 below says why)."
    exceptions = []
    if lost:
        exceptions.append(f"{counted(lost, 'packet')} {'is' if lost == 1 else 'are'} not forwarded (CSL502 below)")
    if untold:
        exceptions.append(f"of {counted(untold, 'packet')} it cannot be told (CSL902 below)")
    if exceptions:
        return f"No checksum is found wrong, but {', and '.join(exceptions)}."
    return "Nothing is wrong: every checksum arrives right, is filled on the way, or is not needed."


def text(result: ReplayResult) -> str:
    """The whole report, without a line end."""
    lines = []
    if result.fault is not None:
        lines += [
            *folded(f"PARTIAL RESULT, only {counted(result.packets, 'packet')} before a fault: {printable(str(result.fault))}", ""),
            "",
        ]
    lines += folded(headline(result), "")
    if result.start:
        lines += ["", "Read as:"]
        for sentence in result.start[:8]:
            lines += folded(sentence, "  ")
    notes = [finding for finding in result.findings if finding.severity is Severity.NOTE]
    for finding in by_harm(result.findings):
        if finding.severity is Severity.FINDING:
            lines += ["", *_finding(finding)]
    if notes:
        lines += ["", "Notes"]
        for finding in notes:
            lines += folded(f"{finding.code} {finding.entry.title}: {_packets(finding)}; {finding.consequence}", "  ")
    if result.beyond:
        lines += ["", f"{counted(result.beyond, 'packet')} came after more kinds of packets than are told apart: counted, not walked."]
    return "\n".join(lines)


def _packets(finding: Finding) -> str:
    return f"{'packet' if finding.packets == 1 else 'packets'} {listed(finding.first, finding.packets)}"


def _finding(finding: Finding) -> list[str]:
    lines = [f"{finding.code}  {finding.entry.title}" + (f"  ({finding.condition})" if finding.condition else "")]
    parts = [
        ("where", finding.hop or "at the tap"),
        ("why", finding.because),
        ("sum", finding.sum),
        ("packets", listed(finding.first, finding.packets)),
    ]
    parts += [("then", finding.consequence), ("source", finding.source)]
    for word, sentence in parts:
        if sentence:
            lines += _labelled(word, printable(sentence))
    lines += _cure(finding.cure) if finding.cure else _labelled(*finding.remedy)
    return lines


def _labelled(word: str, sentence: str) -> list[str]:
    first, *rest = folded(sentence, " " * 11)
    return [f"  {word:<8} {first.lstrip()}", *rest]


def _cure(cure: Cure) -> list[str]:
    return [
        *_labelled("cure", f"in {cure.domain}: {cure.command.removesuffix(f' in {cure.domain}')}"),
        *_labelled("undo", cure.undo),
        *_labelled("cost", cure.cost),
        *_labelled("lasting", cure.lasting),
    ]


def to_dict(result: ReplayResult) -> dict[str, Any]:
    """Plain data for JSON. Keys are only ever added; ``format`` is raised if one changes."""
    return {
        "format": 1,
        "file": result.file,
        "tap": str(result.settings.tap),
        "topology": result.settings.topology.name,
        "defaults": list(result.settings.topology.defaults),
        "assume": result.settings.assume,
        "packets": result.packets,
        "walked": result.walked,
        "classes": len(result.classes),
        "beyond": result.beyond,
        "fault": str(result.fault) if result.fault else None,
        "status": result.status,
        "headline": headline(result),
        "start": list(result.start),
        "findings": [_finding_dict(finding) for finding in result.findings],
    }


def _finding_dict(finding: Finding) -> dict[str, Any]:
    cure = finding.cure
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "title": finding.entry.title,
        "hop": finding.hop,
        "stage": finding.stage,
        "sum": finding.sum,
        "because": finding.because,
        "source": finding.source,
        "consequence": finding.consequence,
        "condition": finding.condition,
        "packets": finding.packets,
        "first": list(finding.first),
        "cure": {"domain": cure.domain, "command": cure.command, "undo": cure.undo, "cost": cure.cost, "lasting": cure.lasting}
        if cure
        else None,
    }


def finding_frame(result: ReplayResult) -> pd.DataFrame:
    """One row a finding: code, severity, hop, stage, sum and condition are categories, packets is int64, the rest strings."""
    import pandas as pd

    names = ("code", "severity", "title", "hop", "stage", "sum", "because", "consequence", "condition", "packets")
    rows = []
    for finding in result.findings:
        entry = _finding_dict(finding)
        rows.append({name: entry[name] for name in names} | {"cure": str(finding.cure or "")})
    frame = pd.DataFrame(rows, columns=[*names, "cure"])
    kinds: dict[str, Any] = dict.fromkeys(("code", "severity", "hop", "stage", "sum"), "category")
    kinds |= dict.fromkeys(("title", "because", "consequence", "condition", "cure"), "string")
    return frame.astype({**kinds, "packets": "int64"})


def html(result: ReplayResult) -> str:
    """For a notebook: the headline and a table."""
    from csumlab.report.html import html_table, paragraph

    rows = [["code", "finding", "where", "packets", "why", "then", "cure"]]
    rows += [[f.code, f.entry.title, f.hop, f"{f.packets:,}", f.because, f.consequence, str(f.cure or "")] for f in result.findings]
    return paragraph(headline(result)) + (html_table(rows) if result.findings else "")
