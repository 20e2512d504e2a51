"""Aligned plain text, and text that is safe to show: whatever a capture names cannot drive a terminal or a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

WIDTH = 100
"""Columns that running text is wrapped to. Fixed, so that a report does not depend on the terminal."""


def printable(text: str) -> str:
    """``text`` with control characters, line ends and unprintable characters written as escapes."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape", "replace").decode("ascii") for letter in text)


def cell(value: object) -> str:
    """A CSV field: quoted where needed, and kept from being read as a formula by spreadsheets."""
    text = "" if value is None else printable(str(value))
    if text[:1] in ("=", "+", "@") or (text[:1] == "-" and not text[1:2].isdigit()):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(letter in text for letter in '",') else text


def aligned(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Lines with the first column flush left and the others flush right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        lines.append((indent + "  ".join([first, *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))])).rstrip())
    return lines


def folded(text: str, indent: str, width: int = WIDTH) -> list[str]:
    """``text`` as lines of at most ``width`` columns, each after ``indent``."""
    return wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def listed(numbers: Sequence[int], total: int) -> str:
    """Such as ``17, 90, 91`` or ``1, 2, 3 and 1,231 more``."""
    text = ", ".join(str(number) for number in numbers)
    return f"{text} and {total - len(numbers):,} more" if total > len(numbers) else text
