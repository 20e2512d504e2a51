"""Is it real? Every checksum of one or more captures, and for what is not good the cause and whether it matters. No topology needed.

Memory stays flat: classes, senders and packet numbers are bounded, and good packets are only counted by the kernels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from csumlab.candidates import Candidates
from csumlab.capture import Capture, CaptureError, open_capture
from csumlab.capture.ahead import ahead
from csumlab.causes import Standing
from csumlab.evidence import Evidence
from csumlab.facts import Facts
from csumlab.groups import Clues, Group, Labels, groups_of, in_order
from csumlab.headers import Kind, Layer, Verdict
from csumlab.headline import headline_of
from csumlab.index import Index, Membership, PacketClass
from csumlab.reassembled import settle
from csumlab.shown import Shown
from csumlab.tables import NO_TABLES, Tables
from csumlab.trail import NOTHING_FOUND, Findings, Trail

if TYPE_CHECKING:
    import pandas as pd

    from csumlab.annotate.packets import Marked
    from csumlab.topology.model import Topology

Progress = Callable[[Capture], None]
"""Called after every block; ``bytes_read`` and ``size`` tell how far reading is."""
Watch = Callable[[Membership, Sequence[Facts]], None]
"""Called with every block, sorted into classes, and the facts of those classes that were not seen before."""


@dataclass(frozen=True)
class FileResult:
    """What was found in one capture. ``fault`` says why reading ended early; everything before it is in the result.

    ``tally`` counts checksums by kind and verdict, without zeros. ``packets`` were read, of which ``without`` carry no checksum that is
    known here, and ``overflow`` were past the bound of classes. ``capped`` says that there were more senders than are told apart.
    ``found`` is what several packets show together; ``growing`` says that the file was still being written;
    ``tables`` are those that it was read with; ``labels`` the causes by packet, if they were asked for.
    """

    file: str
    packets: int
    octets: int
    without: int
    overflow: int
    capped: bool
    tally: Mapping[tuple[Kind, Verdict], int]
    groups: tuple[Group, ...]
    classes: tuple[PacketClass, ...]
    fault: CaptureError | None
    found: Findings = NOTHING_FOUND
    growing: bool = False
    tables: Tables = NO_TABLES
    labels: Labels | None = field(default=None, repr=False)

    @property
    def headline(self) -> str:
        """Where this was taken, whether it is real, what to do."""
        return headline_of(self.packets, self.tally, self.groups)


@dataclass(frozen=True, repr=False)
class CheckResult(Shown):
    """What :func:`check` found; ``str()`` is the report, a notebook shows it as tables.

    ``results`` has one entry per file, in the order given; the properties add them up.
    """

    results: tuple[FileResult, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(result.file for result in self.results)

    @property
    def faults(self) -> tuple[CaptureError, ...]:
        """Why files could not be read, or not to their end."""
        return tuple(result.fault for result in self.results if result.fault is not None)

    @property
    def packets(self) -> int:
        return sum(result.packets for result in self.results)

    @cached_property
    def tally(self) -> dict[tuple[Kind, Verdict], int]:
        """Checksums by kind and verdict, without zeros."""
        total: dict[tuple[Kind, Verdict], int] = {}
        for result in self.results:
            for key, count in result.tally.items():
                total[key] = total.get(key, 0) + count
        return dict(sorted(total.items()))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """What is not good, by file and cause."""
        return tuple(group for result in self.results for group in result.groups)

    @cached_property
    def classes(self) -> tuple[PacketClass, ...]:
        return tuple(one for result in self.results for one in result.classes)

    @property
    def clean(self) -> bool:
        """Whether everything was read and there is only what belongs there: exit status 0."""
        return self.status == 0

    @property
    def status(self) -> int:
        """The exit status: 2 if a file could not be read to its end, 1 if something is, or may be, wrong for real, else 0."""
        if self.faults:
            return 2
        return int(any(group.standing in (Standing.REAL, Standing.DOUBTFUL) for group in self.groups))

    @property
    def headline(self) -> str:
        """Where this was taken, whether it is real, what to do: a line per file if there are several."""
        if len(self.results) == 1:
            return self.results[0].headline
        return "\n".join(f"{result.file}: {result.headline}" for result in self.results)

    def frame(self, packets: bool = False) -> pd.DataFrame:
        """A pandas DataFrame: one row per kind of checksum and cause, or with ``packets`` one per checksum per packet (reads the files
        again).

        ValueError if ``packets`` and there are more than ``report.frame.MOST_ROWS`` checksums, or a file cannot be read twice.
        """
        from csumlab.report.frame import packet_frame, summary_frame

        return packet_frame(self) if packets else summary_frame(self)

    def write(self, path: str | os.PathLike[str], progress: Progress | None = None) -> Marked:
        """Write the capture with what was found beside its packets; what was written. Reads it again. Raises CaptureError, and ValueError
        for several captures, one that came from a stream, or one that was checked without ``labels``."""
        from csumlab.annotate.packets import write_marked

        if len(self.results) != 1:
            raise ValueError(f"one capture can be written, there are {len(self.results)}")
        return write_marked(self.results[0], path, progress=progress)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON. Keys are only ever added; ``format`` is raised if one changes."""
        from csumlab.report.data import to_dict

        return to_dict(self)

    def __str__(self) -> str:
        from csumlab.report.text import check_text

        return check_text(self)

    def _repr_html_(self) -> str:
        from csumlab.report.html import check_html

        return check_html(self)


def check(
    *paths: str | os.PathLike[str],
    progress: Progress | None = None,
    accelerate: bool | None = None,
    threads: int | None = None,
    topology: Topology | None = None,
    udp: Mapping[int, Layer] | None = None,
    labels: bool = False,
    watch: Watch | None = None,
) -> CheckResult:
    """Look at every checksum of the captures at ``paths``; ``"-"`` is standard input.

    ``topology`` gives the rewrites that may have met a packet (NAT rules) and the ports of its tunnels; ``udp`` further UDP ports with the
    tunnel that each stands for. ``labels`` keeps the causes by packet, for :func:`csumlab.annotate.packets.write_marked`. ``watch`` sees
    every block. ``accelerate`` and ``threads`` are those of :class:`csumlab.index.Index`: the result does not depend on them. A file that
    cannot be read, or not to its end, does not raise: see ``faults``. TypeError without any path, ValueError for a port or a tunnel in
    ``udp`` that cannot be.
    """
    if not paths:
        raise TypeError("check() needs at least one capture")
    tables = Tables(tunnel_ports=tuple((udp or {}).items()))
    if topology is not None:
        tables = replace(tables, tunnel_ports=(*topology.tables.tunnel_ports, *tables.tunnel_ports))
    results = []
    for path in paths:
        candidates = Candidates()
        if topology is not None:
            candidates.learn_topology(topology)
        index = Index(tables, accelerate=accelerate, threads=threads)
        results.append(_check_file(os.fspath(path), progress, index, candidates, labels, watch, accelerate))
    return CheckResult(tuple(results))


def _check_file(
    path: str,
    progress: Progress | None,
    index: Index,
    candidates: Candidates,
    labelled: bool,
    watch: Watch | None,
    accelerate: bool | None,
) -> FileResult:
    evidence = Evidence(index.tables)
    labels = Labels(evidence) if labelled else None
    trail = Trail(index.tables, accelerate)
    classes: list[PacketClass] = []
    try:
        with open_capture(path) as capture:
            for block in ahead(capture):
                membership = index.add(block)
                # A snapshot of all classes is dear when there are many, so it is taken only when there are new ones.
                if len(block) and int(membership.class_of.max()) >= len(classes):
                    classes = index.classes
                fresh = [one.facts for one in classes[evidence.classes :]]
                evidence.see(membership, fresh)
                trail.see(membership, fresh, evidence.fresh, capture.interfaces)
                if watch is not None:
                    watch(membership, fresh)
                if progress is not None:
                    progress(capture)
            fault, name, interfaces, growing = capture.fault, capture.path, capture.interfaces, capture.growing
    except CaptureError as error:
        return FileResult(error.path, 0, 0, 0, 0, False, {}, (), (), error)
    classes = index.classes
    tally = index.tally
    found = trail.finish()
    candidates.learn_flows(found.rewrites)
    clues = Clues(candidates, found.statements or {}, found.transport_peers or {}, found.filled)
    counted = {(kind, verdict): int(tally[kind, verdict]) for kind, verdict in _pairs() if tally[kind, verdict]}
    groups = groups_of(name, classes, evidence, interfaces, tally, clues, labels)
    counted, groups = settle(name, counted, groups, found.datagrams, found.further_datagrams)
    return FileResult(
        file=name,
        packets=index.packets,
        octets=sum(one.octets for one in classes),
        without=sum(one.count for one in classes if not one.facts.sums),
        overflow=index.overflow,
        capped=evidence.capped,
        tally=counted,
        groups=in_order(groups),
        classes=tuple(classes),
        fault=fault,
        found=found,
        growing=growing,
        tables=index.tables,
        labels=labels,
    )


def _pairs() -> Iterator[tuple[Kind, Verdict]]:
    return ((Kind(int(kind)), Verdict(int(verdict))) for kind, verdict in np.ndindex(len(Kind), len(Verdict)) if kind and verdict)
