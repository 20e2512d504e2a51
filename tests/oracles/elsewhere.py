"""What the kernel showed at one port, taken as a capture there: what replay then shows at others is held against the kernel's frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from csumlab.annotate.sights import Captured, sights
from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, HAS_FLAGS, INBOUND, OUTBOUND, Block, Interface
from csumlab.dissection import dissect_packet
from csumlab.headers import Link
from csumlab.index import Index
from csumlab.outcome import Settings
from csumlab.replaying import answers_for
from csumlab.sources import Reading, Tap
from csumlab.topology.model import Port, Topology

from .linux import Comparison
from .ports import DATA_VALID, NEEDS_CSUM, Sight

_LINK = 14


@dataclass(frozen=True, slots=True)
class Held:
    """One frame of the kernel beside what is shown of it. ``before``: it comes before the port that was captured at; ``made_up`` names
    what is said to be made up."""

    where: str
    same: bool
    before: bool
    made_up: tuple[str, ...]


def held(one: Comparison, start: int) -> Iterator[Held]:
    """Every frame at another port, seen from the one that was seen as number ``start``; none if there is no such one."""
    seen = [(domain, sight) for domain, several in one.observed.sights.items() for sight in several if domain in one.real]
    if start >= len(seen):
        return
    domain, first = seen[start]
    topology = one.origin.topology
    settings = Settings(topology, Tap(Port(domain, first.device), first.way))
    found = [list(_beside(captured, reading, settings, seen)) for captured, reading in _readings(first, settings, topology)]
    if found:
        yield from min(found, key=lambda several: sum(not entry.same for entry in several))


def _beside(captured: Captured, reading: Reading, settings: Settings, seen: list[tuple[str, Sight]]) -> Iterator[Held]:
    frames: dict[tuple[str, str], list[bytes]] = {}
    for domain, sight in seen:
        frames.setdefault((f"{domain}:{sight.device}", sight.way), []).append(sight.frame[_LINK:])
    found = sights(captured, reading, settings).shown
    tap = next(shown.hop for shown in found if shown.is_tap)
    for shown in found:
        there = frames.get((str(shown.port), shown.way), [])
        if there and not shown.is_tap:
            yield Held(f"{shown.port} {shown.way}", shown.data[shown.offset :] in there, shown.hop < tap, shown.made_up)


def _readings(first: Sight, settings: Settings, topology: Topology) -> Iterator[tuple[Captured, Reading]]:
    flags = HAS_FLAGS | (OUTBOUND if first.way == "out" else INBOUND)
    if first.virtio.flags & NEEDS_CSUM:
        flags |= CHECKSUM_NOT_READY
    elif first.virtio.flags & DATA_VALID or first.verified:
        flags |= CHECKSUM_VALID
    dissection = dissect_packet(first.frame, Link.ETHERNET, tables=topology.tables, flags=flags)
    numbers = [np.array([value], np.int64) for value in (0, len(first.frame), len(first.frame), 0, flags)]
    offset, captured, original, timestamp, bits = numbers
    data = np.frombuffer(first.frame, np.uint8)
    block = Block(data, offset, captured, original, timestamp, np.zeros(1, np.int32), bits, 1, (Interface(Link.ETHERNET),))
    columns = Index(topology.tables, accelerate=False).columns(block, np.zeros(1, np.int64))
    outcome, _ = answers_for(dissection.facts, settings, columns, 0)
    for reading in outcome.readings:
        yield Captured(1, first.frame, len(first.frame), Link.ETHERNET, flags, dissection), reading
