"""Two captures of the same traffic, taken at two places: what became of each packet and each checksum between them.

Both are read twice, as blocks: once for the clocks, once to pair packets. What waits for its partner is bounded; who is whose partner goes
to a temporary file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from csumlab.capture import Capture, CaptureError, open_capture
from csumlab.capture.ahead import ahead
from csumlab.capture.block import Block
from csumlab.points.changes import Kinship, kinships
from csumlab.points.clocks import Clock, Sketch, clock_of
from csumlab.points.items import Item, items_of
from csumlab.points.pairing import Left, Pairing, Pairs
from csumlab.points.predicting import Predictions, predict, taps_of
from csumlab.points.sightings import Sightings
from csumlab.points.tallies import Count, Lonely, Tally
from csumlab.shown import Shown
from csumlab.tables import NO_TABLES, Tables
from csumlab.topology.model import Topology

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[Capture], None]
"""Called after every block."""


@dataclass(frozen=True, slots=True)
class Side:
    """One capture: ``packets`` read, ``without`` an IP header, ``beyond`` the bound of classes, ``sealed``: with contents that cannot
    be read. ``first`` and ``last``: nanoseconds of its own clock."""

    file: str
    packets: int
    without: int
    beyond: int
    sealed: int
    first: int
    last: int
    fault: CaptureError | None


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """What :func:`compare` found; ``str()`` is the report.

    ``pairs`` counts pairs by what they have in common, ``alone`` packets without a partner. ``items`` are both in order of harm, a sentence
    each. ``capped`` says what the bounds left out. ``predictions`` is None without a topology.
    """

    before: Side
    after: Side
    clock: Clock
    pairs: dict[Kinship, Count]
    alone: dict[Lonely, Count]
    items: tuple[Item, ...]
    capped: tuple[str, ...]
    predictions: Predictions | None
    tables: Tables
    tally: Tally = field(repr=False)

    @property
    def paired(self) -> int:
        return sum(count.packets for count in self.pairs.values())

    @property
    def found(self) -> tuple[int, int]:
        """How many packets of each capture have a partner in the other."""
        here, there = (
            side.packets - side.without - side.beyond - sum(count.packets for lonely, count in self.alone.items() if lonely.after == after)
            for after, side in ((False, self.before), (True, self.after))
        )
        return here, there

    @property
    def faults(self) -> tuple[CaptureError, ...]:
        return tuple(side.fault for side in (self.before, self.after) if side.fault is not None)

    @property
    def status(self) -> int:
        """The exit status: 2 if a capture could not be read to its end, 1 if something was broken, hidden, damaged or lost, else 0."""
        return 2 if self.faults else int(any(item.harmful for item in self.items))

    @property
    def clean(self) -> bool:
        return self.status == 0

    def frame(self, packets: bool = False) -> pd.DataFrame:
        """A pandas DataFrame with typed columns: a row for each thing that happened, or with ``packets`` one for each pair and
        each packet without a partner. ValueError if that is more than ``report.frame.MOST_ROWS``."""
        from csumlab.report.points import packet_frame, summary_frame

        return packet_frame(self) if packets else summary_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON. Keys are only ever added; ``format`` is raised if one changes."""
        from csumlab.report.points import to_dict

        return to_dict(self)

    def write(self, target: str | os.PathLike[str], progress: Progress | None = None) -> int:
        """Write both captures into one pcapng with the interfaces ``before`` and ``after``; comments name the partner of each packet and
        what happened. The number of packets written. CaptureError if it cannot be written."""
        from csumlab.points.writing import write_pairs

        return write_pairs(self, target, progress)

    def __str__(self) -> str:
        from csumlab.report.points import text

        return text(self)

    def _repr_html_(self) -> str:
        from csumlab.report.points import html

        return html(self)


def compare(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str],
    topology: Topology | str | os.PathLike[str] | None = None,
    *,
    at_before: str = "",
    at_after: str = "",
    tables: Tables = NO_TABLES,
    window: float | None = None,
    accelerate: bool | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two captures of the same traffic.

    ``topology`` with ``at_before`` and ``at_after`` (ports, ``domain:device``): also say whether the model predicts what happened
    between them. ``tables``: tunnels that the dissector opens, if there is no topology. ``window``: seconds within which two
    sightings may be of one packet, by default from the captures. Raises CaptureError, TopologyError, ValueError.
    """
    paths = [os.fspath(before), os.fspath(after)]
    if "-" in paths:
        raise ValueError("compare reads each capture twice: save standard input to a file first")
    if window is not None and not 0 < window <= 3600:
        raise ValueError("window: seconds, more than 0 and at most 3600")
    if topology is not None and not isinstance(topology, Topology):
        from csumlab.topology.load import load_topology

        topology = load_topology(topology)
    if topology is not None:
        tables = topology.tables
        taps_of(topology, at_before, at_after)
    makers = [Sightings(tables, accelerate) for _ in paths]
    sketches = [_sketch(path, Sightings(tables, accelerate), progress) for path in paths]
    clock = clock_of(sketches[0], sketches[1], None if window is None else round(window * 1e9))
    tally = Tally()
    reading = _Reading(paths, makers, sketches, clock, tally)
    faults = reading.run(progress)
    alone = dict(tally.alone())
    sides = [
        Side(path, maker.index.packets, maker.without, maker.beyond, maker.sealed, sketch.first, sketch.last, fault)
        for path, maker, sketch, fault in zip(paths, makers, sketches, faults, strict=True)
    ]
    predictions = None
    if topology is not None:
        predictions = predict(topology, at_before, at_after, (paths[0], paths[1]), tally.pairs, alone)
    return Comparison(
        before=sides[0],
        after=sides[1],
        clock=clock,
        pairs=tally.pairs,
        alone=alone,
        items=items_of(tally.pairs, alone, predictions),
        capped=tuple(_capped(tally, reading.pairing, sides)),
        predictions=predictions,
        tables=tables,
        tally=tally,
    )


def _sketch(path: str, maker: Sightings, progress: Progress | None) -> Sketch:
    """The first pass over a capture."""
    sketch = Sketch()
    with open_capture(path) as capture:
        for block in ahead(capture):
            sketch.add(maker.rows(block), block.timestamp)
            if progress is not None:
                progress(capture)
    return sketch


class _Reading:
    """The second pass over both captures: always the one that is behind in time is read on."""

    def __init__(self, paths: list[str], makers: list[Sightings], sketches: list[Sketch], clock: Clock, tally: Tally) -> None:
        self.paths, self.makers, self.clock, self.tally = paths, makers, clock, tally
        self.pairing = Pairing(clock.window)
        turned = [int(one) for one in clock.turned(np.array([sketches[1].first, sketches[1].last], np.int64))]
        edge = clock.spread
        # When a packet of one capture must be in the other, if nothing happened to it.
        self.within = ((turned[0] + edge, turned[1] - edge), (sketches[0].first + edge, sketches[0].last - edge))

    def run(self, progress: Progress | None) -> list[CaptureError | None]:
        with open_capture(self.paths[0]) as one, open_capture(self.paths[1]) as two:
            captures = (one, two)
            blocks: list[Iterator[Block]] = [ahead(one), ahead(two)]
            reached: list[int | None] = [-(1 << 62), -(1 << 62)]
            while any(time is not None for time in reached):
                side = min((n for n in (0, 1) if reached[n] is not None), key=lambda n: reached[n] or 0)
                block = next(blocks[side], None)
                reached[side] = None if block is None else self._take(block, side, reached[side] or 0)
                if progress is not None:
                    progress(captures[side])
                known = [time for time in reached if time is not None]
                self._settle(min(known) if known else None)
            return [capture.fault for capture in captures]

    def _take(self, block: Block, side: int, reached: int) -> int:
        rows = self.makers[side].rows(block)
        times = block.timestamp
        if side:
            rows["time"] = self.clock.turned(rows["time"])
            times = self.clock.turned(times)
        self.pairing.add(rows, bool(side))
        return max(reached, int(times.max())) if len(times) else reached

    def _settle(self, until: int | None) -> None:
        forms = (self.makers[0].forms, self.makers[1].forms)
        for settled in self.pairing.settle(until):
            if isinstance(settled, Pairs):
                self.tally.flows.learn(settled)
                for kinship, which in kinships(settled, *forms):
                    self.tally.pair(kinship, settled.before["number"][which], settled.after["number"][which])
            elif isinstance(settled, Left):
                for side in (False, True):
                    mine = settled.of(side)
                    if len(mine.rows["number"]):
                        self.tally.leave(mine, forms, self.within[side])


def _capped(tally: Tally, pairing: Pairing, sides: list[Side]) -> Iterator[str]:
    """What the bounds left out, a sentence part each."""
    left = {
        "pairs of more kinds than are told apart": tally.overflow,
        "packets of more classes than are told apart": sum(side.beyond for side in sides),
        "translated flows past the bound": pairing.flows.capped,
        "flows past the bound of those whose losses are told apart": tally.flows.capped,
    }
    yield from (f"{count:,} {what}" for what, count in left.items() if count)
