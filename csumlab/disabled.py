"""Interfaces that a backend disables: what becomes of the packets behind the one for which it does.

Everything else is asked of each packet alone; this is asked in the order of the capture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from csumlab.capture.block import Block
from csumlab.collect import Finding, condition_of, in_order
from csumlab.cures import Cure
from csumlab.operations import Operation
from csumlab.outcome import FIRST_KEPT, Leaf
from csumlab.trace import Hop


@dataclass(slots=True)
class _Interface:
    """The hop at which packet ``at`` had it disabled, under a ``condition`` or "", and the packets that are lost by that: those behind it,
    if they are not beyond another one that does it for certain (``until``)."""

    hop: Hop
    at: int
    condition: str
    until: float = inf
    packets: int = 0
    first: list[int] = field(default_factory=list)


def disabled_by(leaves: Iterable[Leaf]) -> list[_Interface]:
    """Interfaces that are disabled, with the first packet that does it for certain, and the first one before it that may."""
    found: dict[tuple[str, bool], _Interface] = {}
    for leaf in leaves:
        fatal = [reading for reading in leaf.outcome.readings if _disables(reading.trace.end)]
        certain = len(fatal) == len(leaf.outcome.readings)
        for reading in fatal:
            hop, at = reading.trace.hops[-1], min(leaf.first)
            if (hop.port, certain) not in found or at < found[hop.port, certain].at:
                found[hop.port, certain] = _Interface(hop, at, "" if certain else condition_of(reading))
    for (port, certain), one in found.items():
        if not certain and (port, True) in found:
            one.until = found[port, True].at
    return [one for one in found.values() if one.at < one.until]


def _disables(end: Hop | None) -> bool:
    return end is not None and Operation.DISABLE in end.operations


def lost_behind(
    interfaces: Sequence[_Interface], blocks: Iterable[Block], leaves_of: Callable[[Block], list[Leaf | None]], found: Iterable[Finding]
) -> tuple[Finding, ...]:
    """``found`` with what passes these interfaces later in the capture, either way: netback neither takes nor hands on anything then
    (linux drivers/net/xen-netback/netback.c xenvif_fatal_tx_err; interface.c xenvif_schedulable)."""
    passes: dict[int, list[_Interface]] = {}
    for block in blocks:
        for number, leaf in enumerate(leaves_of(block), block.first):
            if leaf is None:
                continue
            if id(leaf) not in passes:
                ports = {hop.port for reading in leaf.outcome.readings for hop in reading.trace.hops}
                passes[id(leaf)] = [one for one in interfaces if one.hop.port in ports]
            for one in passes[id(leaf)]:
                if one.at < number <= one.until:
                    one.packets += 1
                    one.first += [number] if len(one.first) < FIRST_KEPT else []
    found = tuple(found)
    cures = {(finding.hop, finding.because): finding.cure for finding in found}
    return in_order((*found, *(_finding(one, cures.get((one.hop.where, one.hop.because))) for one in interfaces if one.packets)))


def _finding(one: _Interface, cure: Cure | None) -> Finding:
    return Finding(
        code="CSL507",
        hop=one.hop.where,
        stage=one.hop.stage.name,
        because=f"the backend disabled the interface at packet {one.at}",
        source="linux drivers/net/xen-netback/netback.c xenvif_fatal_tx_err; drivers/net/xen-netback/interface.c xenvif_schedulable",
        consequence="lost, this way and the other",
        sum="",
        packets=one.packets,
        first=tuple(one.first),
        condition=one.condition,
        cure=cure,
    )
