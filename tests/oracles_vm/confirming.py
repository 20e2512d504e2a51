"""Which rows of the tables a recording confirms. To have been passed confirms nothing: the comparison must fail when the row is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mutants import Mutant, mutants
from patching import patched

from csumlab.stage import Row, Stage
from csumlab.topology.load import parse_topology

from .prediction import Difference, predict, step_differences
from .recording import Recording, Step

TRIED_AT_ONCE = 12
"""Packets that a changed row is tried on before the next ones are."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a recording says of one row: how many packets passed it, and the names of the changes to it that no packet notices."""

    observations: int
    unnoticed: tuple[str, ...]

    @property
    def confirmed(self) -> bool:
        return bool(self.observations) and not self.unnoticed


@dataclass
class Confirming:
    """A recording whose packets are known by the rows they pass."""

    recording: Recording
    _passing: Mapping[int, list[Step]] = field(init=False)

    def __post_init__(self) -> None:
        self._passing = _by_row(self.recording)

    def rows(self, stages: Iterable[Stage]) -> dict[tuple[str, int], Confirmation]:
        """Of each row, by the stage's name and its number from 1."""
        wanted = list(stages)
        unnoticed: dict[int, list[str]] = defaultdict(list)
        for mutant in mutants():
            if any(mutant.stage is stage for stage in wanted) and id(mutant.original) in self._passing and not self.notices(mutant):
                unnoticed[id(mutant.original)].append(mutant.name)
        return {
            (stage.name, number): Confirmation(self.observations(row), tuple(unnoticed[id(row)]))
            for stage in wanted
            for number, row in enumerate(stage.table, 1)
        }

    def observations(self, row: Row) -> int:
        return sum(len(step.packets) for step in self._passing.get(id(row), ()))

    def notices(self, mutant: Mutant) -> bool:
        """Whether some packet that passes the row no longer agrees when it is changed."""
        for step in self._passing.get(id(mutant.original), ()):
            for start in range(0, len(step.packets), TRIED_AT_ONCE):
                some = replace(step, packets=step.packets[start : start + TRIED_AT_ONCE])
                before = list(_packet_differences(some))
                with patched(mutant.stage, mutant.changed):
                    try:
                        if list(_packet_differences(some)) != before:
                            return True
                    except Exception:
                        return True  # A table by which no walk gets to its end is noticed.
        return False


def _packet_differences(step: Step) -> Iterator[Difference]:
    """Differences of single packets; error counters are of all packets of a step."""
    return (difference for difference in step_differences(step) if difference.packet != "all packets")


def _by_row(recording: Recording) -> dict[int, list[Step]]:
    """For each row, by its identity, the steps with only the packets that pass it."""
    found: dict[int, list[Step]] = defaultdict(list)
    for step in recording.steps:
        if not step.host:
            continue
        topology = parse_topology(step.host)
        packets = defaultdict(list)
        for one in step.packets:
            for row in {id(hop.row) for prediction in predict(topology, one) for hop in prediction.trace.hops}:
                packets[row].append(one)
        for row, some in packets.items():
            found[row].append(replace(step, packets=tuple(some)))
    return found
