"""Which rows of which tables a comparison confirms: those without which it would not have come out.

Every row is changed, one change at a time (``mutants``), and the prediction of each comparison that came by it is made again. A change
that no comparison notices is one that the oracle cannot see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mutants import Mutant, mutants
from patching import patched

from csumlab.stage import Row, Stage
from csumlab.topology.presets import stages

from .linux import Comparison, nearest

PLAYED = ("nic-transmit", "nic-receive", "wire", "tap")
"""Stages that are this program here, or that do nothing: agreement says nothing of them."""
TRIES = 40
"""How many comparisons a change is tried on before it counts as not noticed; those of different probes come first."""


class Standing(Enum):
    """How a row stands with one oracle."""

    CONFIRMED = "confirmed"
    PARTLY = "partly"
    PASSED = "passed, but every change of it goes unnoticed"


@dataclass(frozen=True)
class Confirmation:
    """One row: how many comparisons came by it and agreed, which of its changes were noticed, and which were not."""

    stage: Stage
    row: Row
    observations: int
    noticed: tuple[str, ...]
    unnoticed: tuple[str, ...]

    @property
    def standing(self) -> Standing:
        if not self.unnoticed:
            return Standing.CONFIRMED
        return Standing.PARTLY if self.noticed else Standing.PASSED


def confirmed(comparisons: Iterable[Comparison]) -> list[Confirmation]:
    """Every row that comparisons came by, in the order of the tables. Comparisons that came out different confirm nothing."""
    hits = _hits(comparisons)
    changes: dict[int, list[Mutant]] = defaultdict(list)
    for mutant in mutants():
        changes[id(mutant.original)].append(mutant)
    found = []
    for stage in stages().values():
        for row in stage.table:
            if stage.name in PLAYED or id(row) not in hits:
                continue
            results = {mutant.name.split(" ", 2)[2]: _notices(mutant, hits[id(row)]) for mutant in changes[id(row)]}
            noticed = tuple(name for name, seen in results.items() if seen)
            unnoticed = tuple(name for name, seen in results.items() if not seen)
            found.append(Confirmation(stage, row, len(hits[id(row)]), noticed, unnoticed))
    return found


def _hits(comparisons: Iterable[Comparison]) -> Mapping[int, list[Comparison]]:
    """The agreeing comparisons by the identity of each row on the way that the kernel took. What is played as another kernel than those
    that are there tells nothing."""
    found: dict[int, list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        domains = comparison.origin.topology.domains
        other = {name for name in comparison.played if domains[name].preset not in {domains[one].preset for one in comparison.real}}
        agreeing = [one for one in comparison.predictions if not nearest([one], comparison)]
        for row in {id(hop.row) for one in agreeing for trace in (one.trace, *one.copies) for hop in trace.hops if hop.domain not in other}:
            found[row].append(comparison)
    return found


def _notices(mutant: Mutant, comparisons: list[Comparison]) -> bool:
    """Whether one of the comparisons comes out different when the row is changed."""
    with patched(mutant.stage, mutant.changed):
        return any(_differs(comparison) for comparison in _varied(comparisons))


def _differs(comparison: Comparison) -> bool:
    try:
        return bool(nearest(comparison.again(), comparison))
    except Exception:  # A changed table may lead a walk anywhere; that it does not come to an end is a difference too.
        return True


def _varied(comparisons: list[Comparison]) -> list[Comparison]:
    """A bounded choice: one of each probe and scenario's end first."""
    chosen: dict[tuple[str, str], Comparison] = {}
    for comparison in comparisons:
        chosen.setdefault((comparison.probe, comparison.predictions[0].fate.value), comparison)
    rest = [comparison for comparison in comparisons if comparison not in chosen.values()]
    step = max(1, len(rest) // TRIES)
    return (list(chosen.values()) + rest[::step])[: 2 * TRIES]
