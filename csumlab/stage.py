"""What a stage is: a table of rows, a row is data, and the first row that fits is applied (``machine.py``).

A row says *when* (pattern over the carried state) and *given* (predicates, ``conditions.py``) it fires, what it *does* to the packet
(``operations.py``), what the carried state *becomes*, and *because* of what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from csumlab.conditions import Given
from csumlab.operations import Do
from csumlab.shown import Shown
from csumlab.state import State


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern over the carried state: its family, and for some fields the values that fit. No family: any state."""

    family: type[Any] | None = None
    fields: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def fits(self, state: State) -> bool:
        if self.family is not None and not isinstance(state, self.family):
            return False
        return all(getattr(state, name) in values for name, values in self.fields)

    def __str__(self) -> str:
        if not self.fields:
            return "any" if self.family is None else f"any {self.family.__name__}"
        texts = []
        for name, values in self.fields:
            if values in ((True,), (False,)):
                texts.append(name if values[0] else f"no {name}")
            else:
                texts.append("/".join(value.value.removeprefix("CHECKSUM_") if isinstance(value, Enum) else str(value) for value in values))
        return ", ".join(texts)


ANY = Pattern()


def when(family: type[Any], **fields: Any) -> Pattern:
    """A pattern; a field's value may be a tuple of values that all fit."""
    return Pattern(family, tuple((name, value if isinstance(value, tuple) else (value,)) for name, value in fields.items()))


class Token(Enum):
    """A value of the next state that depends on the packet or on the state before."""

    AT_TRANSPORT = "at the outer transport header"
    INSIDE_IP = "inside the outermost IP header"
    LEVEL_LESS_ONE = "one level less"
    LEVEL_PLUS_ONE = "one level more"
    AS_AIMED = "csum_start as it is"
    AS_TUNNEL_SAYS = "at the sum that the tunnel's header names"
    AT_INNER = "at the first sum inside the tunnel"


@dataclass(frozen=True, slots=True)
class Becomes:
    """The next carried state: a fresh one of ``family``, or with no family the present one with ``fields`` changed."""

    family: type[Any] | None = None
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        if not self.fields:
            return "unchanged" if self.family is None else self.family.__name__ if self.family.__name__ != "Bare" else "bytes only"
        texts = []
        for name, value in self.fields:
            if isinstance(value, bool):
                texts.append(name if value else f"no {name}")
            else:
                texts.append(value.value.removeprefix("CHECKSUM_") if isinstance(value, Enum) else str(value))
        return ", ".join(texts)


SAME = Becomes()


def fresh(family: type[Any], **fields: Any) -> Becomes:
    return Becomes(family, tuple(fields.items()))


def changed(**fields: Any) -> Becomes:
    return Becomes(None, tuple(fields.items()))


@dataclass(frozen=True, slots=True)
class Mended:
    """When a fault was mended: the first release without it, such as "Linux 5.9"; the ``commit``, "" if it is not known; and the first
    ``stable`` releases of older kernels that have it too, as text."""

    release: str
    commit: str = ""
    stable: str = ""

    def __str__(self) -> str:
        by = f" by commit {self.commit}" if self.commit else ""
        return f"mended in {self.release}{by}" + (f", also in {self.stable}" if self.stable else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One transition. ``because`` is the sentence read everywhere; ``source`` overrides the stage's; ``sure`` is one of
    "read" (in source), "observed", "derived", "memory", "uncertain". ``vouches`` marks a row that calls a sum verified which nobody
    compared: tests/test_invariants.py finds every other row that does so. ``mended`` of a row that is a fault says when it ceased to be."""

    when: Pattern
    given: tuple[Given, ...]
    does: tuple[Do, ...]
    becomes: Becomes
    because: str
    source: str = ""
    sure: str = "read"
    vouches: bool = False
    mended: Mended | None = None


class Part(Enum):
    """The part that a table plays on a packet's way, for those who read a trace: judge.py and the annotated captures."""

    SENDER = "a socket's sums are written"
    INPUT = "a packet enters the IP of a domain"
    FORWARD = "a packet is routed on"
    TRANSLATION = "addresses and ports are translated by connection tracking"


@dataclass(frozen=True, slots=True, repr=False)
class Stage(Shown):
    """A device function as a table, tried from the top. ``source`` is where its rows are read, unless they say otherwise or are rows of
    the table that this one is ``like``."""

    name: str
    title: str
    source: str
    table: tuple[Row, ...]
    like: Stage | None = None
    part: Part | None = None

    def citation(self, row: Row) -> str:
        shared = self.like if self.like is not None and any(row is one for one in self.like.table) else None
        return row.source or (shared.citation(row) if shared else self.source)

    def __str__(self) -> str:
        from csumlab.report.stages import stage_text

        return stage_text(self)

    def _repr_html_(self) -> str:
        from csumlab.report.html import stage_html

        return stage_html(self)


def differing(stage: Stage, name: str, source: str, rows: Mapping[int, Row], before: Mapping[int, Row] | None = None) -> Stage:
    """A neighbour of a stage: the same table under another name, with ``rows`` in the place of those of these numbers (from 1) and others
    put ``before`` them. Rows that stay are the same rows, with the source that they were read in."""
    table: list[Row] = []
    for number, row in enumerate(stage.table, 1):
        table += [before[number]] if before and number in before else []
        table.append(rows.get(number, row))
    return replace(stage, name=name, source=source, table=tuple(table), like=stage)
