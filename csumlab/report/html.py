"""What a notebook shows of results. Nothing of a capture is ever markup."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from zlib import crc32

from csumlab.report.hostmap import draw_host
from csumlab.report.pathmap import draw_path
from csumlab.report.stages import cells, remarks
from csumlab.report.table import listed, printable
from csumlab.report.text import tally_table

if TYPE_CHECKING:
    from csumlab.checking import CheckResult
    from csumlab.collect import Finding
    from csumlab.explain import Explanation
    from csumlab.scenario import ScenarioResult
    from csumlab.stage import Stage
    from csumlab.topology.model import Topology


def check_html(result: CheckResult) -> str:
    """The headline, the counts by kind and verdict, what is not good by cause."""
    parts = [paragraph(result.headline)]
    parts += [paragraph(str(fault), strong=True) for fault in result.faults]
    if result.tally:
        parts.append(html_table(tally_table(result.tally)))
    if result.groups:
        rows = [["checksums", "count", "standing", "cause", "packets"]]
        rows += [
            [group.label, f"{group.count:,}", group.standing.value, group.cause.sentence, listed(group.numbers, group.packets)]
            for group in result.groups
        ]
        parts.append(html_table(rows))
    return "".join(parts)


def html_table(rows: list[list[str]]) -> str:
    """A table; the first row is the head. Every cell is text, made printable."""
    head, *body = ("".join(f"<{tag}>{escape(printable(text))}</{tag}>" for text in row) for tag, row in _tagged(rows))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in body)}</tbody></table>"


def paragraph(text: str, strong: bool = False) -> str:
    """A paragraph of text that is no markup."""
    shown = escape(printable(text))
    return f"<p><strong>{shown}</strong></p>" if strong else f"<p>{shown}</p>"


def finding_html(finding: Finding) -> str:
    """One finding: what, where, why, and what to type."""
    rows = [["", ""], ["where", finding.hop], ["why", finding.because], ["known from", finding.source], ["then", finding.consequence]]
    rows += [["if", finding.condition]] if finding.condition else []
    rows += [["packets", listed(finding.first, finding.packets)]]
    if finding.cure is not None:
        rows += [["cure", str(finding.cure)], ["undo", finding.cure.undo], ["cost", finding.cure.cost]]
    return paragraph(f"{finding.code} {finding.entry.title}", strong=True) + paragraph(finding.entry.what) + html_table(rows)


def explanation_html(explanation: Explanation) -> str:
    """The way of a packet as a picture, and below it the rows that fired."""
    rows = [["", "where", "stage", "carried then", "checksums then", "because"]]
    for number, view in enumerate(explanation.views):
        sums = ", ".join(map(str, view.after))
        rows.append([str(number), view.hop.where, view.hop.stage.title, str(view.hop.state_after), sums, view.hop.because])
    picture = draw_path(explanation, prefix=_unique("path", explanation.number, explanation.file))
    hops = f"<details><summary>every hop</summary>{html_table(rows)}</details>"
    return picture + hops + "".join(map(finding_html, explanation.findings))


def topology_html(topology: Topology) -> str:
    """The host as a picture."""
    return draw_host(topology, at=topology.at, prefix=_unique("host", topology.name, topology.at))


def scenario_html(result: ScenarioResult) -> str:
    """Whether it came out as expected, and the replay."""
    head = paragraph(f"{result.name}: {'as expected' if result.passed else 'NOT as expected'}", strong=True)
    return head + paragraph(result.story) + "".join(map(paragraph, result.differences)) + result.result._repr_html_()


def stage_html(stage: Stage) -> str:
    """A stage's table."""
    rows = [["when", "given", "does", "becomes", "because", "source"]]
    rows += [[*cells(row)[:4], "; ".join([row.because, *remarks(row)]), stage.citation(row)] for row in stage.table]
    return paragraph(f"{stage.name}: {stage.title}", strong=True) + html_table(rows)


def _unique(word: str, *parts: object) -> str:
    """A prefix for the ids of a drawing, the same whenever the same thing is drawn."""
    return f"{word}-{crc32(repr(parts).encode()):08x}"


def _tagged(rows: list[list[str]]) -> list[tuple[str, list[str]]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]
