"""The report of ``check`` for a notebook. Nothing of a capture is ever markup."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from csumlab.report.table import listed, printable
from csumlab.report.text import tally_table

if TYPE_CHECKING:
    from csumlab.checking import CheckResult


def check_html(result: CheckResult) -> str:
    """The headline, the counts by kind and verdict, what is not good by cause."""
    parts = [f"<p>{escape(result.headline)}</p>"]
    parts += [f"<p><strong>{escape(printable(str(fault)))}</strong></p>" for fault in result.faults]
    if result.tally:
        parts.append(_table(tally_table(result.tally)))
    if result.groups:
        rows = [["checksums", "count", "standing", "cause", "packets"]]
        rows += [
            [group.label, f"{group.count:,}", group.standing.value, group.cause.sentence, listed(group.numbers, group.packets)]
            for group in result.groups
        ]
        parts.append(_table(rows))
    return "".join(parts)


def _table(rows: list[list[str]]) -> str:
    head, *body = ("".join(f"<{tag}>{escape(printable(text))}</{tag}>" for text in row) for tag, row in _tagged(rows))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in body)}</tbody></table>"


def _tagged(rows: list[list[str]]) -> list[tuple[str, list[str]]]:
    return [("td" if number else "th", row) for number, row in enumerate(rows)]
