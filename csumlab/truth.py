"""What confirmed the rows of the tables: the record of the oracles in tests/oracles, which ships with the package.

A row counts as confirmed by an oracle if, with the row changed, some comparison with the real thing would not have come out. The record
keeps each row's whole text, so that a row that was changed since counts as nobody's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from csumlab.stage import Row, Stage

RECORD: Final = "truth.json"


@dataclass(frozen=True)
class Entry:
    """One row, by its stage, its sentence and all that it says. ``unnoticed`` are the changes of it that no comparison would notice."""

    stage: str
    because: str
    row: str
    standing: str
    observations: int
    unnoticed: list[str]


@dataclass(frozen=True)
class Oracle:
    """What one oracle found: its version, how many comparisons it made, and the rows it came by."""

    name: str
    version: str
    comparisons: int
    rows: list[Entry]


@cache
def read() -> dict[str, Oracle]:
    """What is recorded, by oracle."""
    found = json.loads(files("csumlab").joinpath(RECORD).read_text(encoding="utf-8"))
    return {name: Oracle(**{**entry, "rows": [Entry(**row) for row in entry["rows"]]}) for name, entry in found.items()}


def text_of(row: Row) -> str:
    """All that a row says when, does and leaves: with another text it is another row, which nobody confirmed."""
    return "; ".join((str(row.when), ", ".join(map(str, row.given)), ", ".join(map(str, row.does)), str(row.becomes)))


def confirmations(stage: Stage, row: Row) -> list[tuple[Oracle, Entry]]:
    """What each oracle says of a row."""
    key = (stage.name, row.because, text_of(row))
    return [(oracle, entry) for oracle in read().values() for entry in oracle.rows if (entry.stage, entry.because, entry.row) == key]


def in_words(stage: Stage, row: Row) -> str:
    """What a person should know of a row: who saw it, or that it rests on source reading."""
    found = [(oracle, entry) for oracle, entry in confirmations(stage, row) if entry.standing in ("confirmed", "partly")]
    if not found:
        return "by source reading"
    return "; ".join(f"{entry.standing} by {oracle.version}, {entry.observations:,} observations" for oracle, entry in found)
