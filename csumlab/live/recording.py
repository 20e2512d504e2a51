"""Live capture: the rings of some interfaces into pcapng, in the order of time, until told to stop."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Final

from csumlab.capture.writer import (
    COMMENT_OPTION,
    DELIVERED_OPTION,
    DESCRIPTION_OPTION,
    END_OPTION,
    FILTER_ACCEPTED_OPTION,
    FILTER_OPTION,
    NAME_OPTION,
    START_OPTION,
    SYSTEM_DROPPED_OPTION,
    SYSTEM_OPTION,
    interface_block,
    packet_block,
    section_block,
    statistics_block,
    text_value,
)
from csumlab.live.ethtool import read_device
from csumlab.live.files import Files, Rotation
from csumlab.live.filters import compile_filter
from csumlab.live.known import packet_options
from csumlab.live.namespaces import LiveError, Place, within
from csumlab.live.ring import LINKS, RETIRE_MS, Ring, settle
from csumlab.shown import counted

LONGEST_PACKET: Final = 1 << 18
"""Bytes that are kept of a packet unless told otherwise."""
_TICK_MS: Final = 100
"""How long nothing is looked at while no packet comes."""
_HOLD: Final = 3 * RETIRE_MS / 1000
"""Seconds in which a packet is seen for sure after it came."""
_MOST_HELD: Final = 1 << 16
"""Packets of several interfaces that are held back for order's sake."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to capture. 0 is without a limit: ``count`` packets, ``duration`` seconds. ``snaplen`` bytes are kept of a packet; every
    interface has a ring of ``ring_bytes``."""

    count: int = 0
    duration: float = 0
    snaplen: int = LONGEST_PACKET
    ring_bytes: int = 16 << 20
    promiscuous: bool = False
    expression: str = ""
    rotation: Rotation = field(default_factory=Rotation)


@dataclass(slots=True)
class Counted:
    """Of one interface: packets that the filter took, that the ring had no room for, and that are in the files. ``gone``: the interface
    went away."""

    name: str
    accepted: int = 0
    dropped: int = 0
    written: int = 0
    gone: bool = False

    def __str__(self) -> str:
        seen = f"{self.name}: {counted(self.accepted, 'packet')} seen"
        text = f"{seen}, {self.written:,} written, {self.dropped:,} dropped for want of room in the ring"
        return text + (", then the interface went away" if self.gone else "")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a capture gave: the files that are there, and what each interface counted."""

    files: tuple[str, ...]
    interfaces: tuple[Counted, ...]

    @property
    def written(self) -> int:
        return sum(one.written for one in self.interfaces)

    @property
    def dropped(self) -> int:
        return sum(one.dropped for one in self.interfaces)


Progress = Callable[[Recorded], None]


def record(
    places: Sequence[Place],
    target: str,
    wishes: Wishes,
    *,
    stop: Callable[[], bool],
    started: Progress | None = None,
    tick: Progress | None = None,
) -> Recorded:
    """Capture on ``places`` into ``target`` ("-" for standard output) until ``stop()`` is true, a limit of ``wishes`` is reached or no
    interface is left. ``started`` is called once every interface is listened to, ``tick`` a few times a second. Raises LiveError."""
    rings: list[Ring] = []
    try:
        for place in places:
            rings.append(within(place.namespace, partial(_open, place, wishes)))
        recording = _Recording(places, rings, target, wishes)
        try:
            recording.run(stop, started, tick)
        finally:
            recording.close()
        return recording.result()
    finally:
        for ring in rings:
            ring.close()


def _open(place: Place, wishes: Wishes) -> Ring:
    device = read_device(place.interface)
    if device.hardware not in LINKS:
        raise LiveError(f"{place.text}: packets of this kind of link (ARPHRD {device.hardware}) have no form that csumlab reads")
    program = compile_filter(wishes.expression, LINKS[device.hardware][1], wishes.snaplen)
    return Ring(device, program, wishes.ring_bytes, snaplen=wishes.snaplen, promiscuous=wishes.promiscuous)


class _Recording:
    """The state of one capture."""

    def __init__(self, places: Sequence[Place], rings: list[Ring], target: str, wishes: Wishes) -> None:
        self._rings, self._wishes = rings, wishes
        self._counted = [Counted(place.text) for place in places]
        self._start_ns = time.time_ns()
        system = os.uname()
        options = [(SYSTEM_OPTION, text_value(f"{system.sysname} {system.release} {system.machine}"))]
        head = section_block(options) + b"".join(map(self._description, places, rings))
        self._files = Files(target, wishes.rotation, head, self._statistics)
        self._old: list[tuple[int, bytes, int]] = []
        self._new: list[tuple[int, bytes, int]] = []
        self._turned = time.monotonic()

    def _description(self, place: Place, ring: Ring) -> bytes:
        device = ring.device
        driver = f", driver {device.driver}" if device.driver else ""
        where = f" in network namespace {place.namespace}" if place.namespace else ""
        texts = [(NAME_OPTION, place.text), (DESCRIPTION_OPTION, f"{device.name}{where}, ifindex {device.index}{driver}")]
        if device.features:
            texts.append((COMMENT_OPTION, "\n".join(["ethtool features at the start of the capture:", *map(str, device.features)])))
        options = [(code, text_value(text)) for code, text in texts]
        if self._wishes.expression:
            options.append((FILTER_OPTION, b"\0" + text_value(self._wishes.expression)))
        return interface_block(LINKS[device.hardware][0], self._wishes.snaplen, options)

    def _statistics(self) -> bytes:
        self._count()
        now = time.time_ns()
        times = [(code, struct.pack("<II", at >> 32, at & 0xFFFFFFFF)) for code, at in ((START_OPTION, self._start_ns), (END_OPTION, now))]
        return b"".join(
            statistics_block(number, now, [*times, *((code, struct.pack("<Q", value)) for code, value in values)])
            for number, one in enumerate(self._counted)
            for values in [((FILTER_ACCEPTED_OPTION, one.accepted), (SYSTEM_DROPPED_OPTION, one.dropped), (DELIVERED_OPTION, one.written))]
        )

    def _count(self) -> None:
        for one, ring in zip(self._counted, self._rings, strict=True):
            statistics = ring.count()
            one.accepted, one.dropped = statistics.accepted, statistics.dropped

    def result(self) -> Recorded:
        return Recorded(tuple(self._files.names), tuple(self._counted))

    def run(self, stop: Callable[[], bool], started: Progress | None, tick: Progress | None) -> None:
        """Until the end; what was already taken by then is written too."""
        poll = select.poll()
        listening = {ring.socket.fileno(): number for number, ring in enumerate(self._rings)}
        for handle in listening:
            poll.register(handle, select.POLLIN)
        if started is not None:
            started(self.result())
        end = time.monotonic() + self._wishes.duration if self._wishes.duration else float("inf")
        while listening and not stop() and not self._full() and time.monotonic() < end:
            for handle, events in poll.poll(min(_TICK_MS, max(0.0, end - time.monotonic()) * 1000)):
                if events & ~select.POLLIN and self._rings[listening[handle]].gone():
                    self._counted[listening.pop(handle)].gone = True
                    poll.unregister(handle)
            self._read()
            self._write()
            if tick is not None:
                self._count()
                tick(self.result())
        for ring in self._rings:
            ring.stop()
        settle()
        self._read()
        self._write(everything=True)

    def _full(self) -> bool:
        return bool(self._wishes.count) and self._files.written >= self._wishes.count

    def _read(self) -> None:
        for number, ring in enumerate(self._rings):
            self._new += (
                (
                    packet.timestamp_ns,
                    packet_block(number, packet.timestamp_ns, packet.data, packet.original, packet_options(packet.carried)),
                    number,
                )
                for packet in ring.read()
            )

    def _write(self, *, everything: bool = False) -> None:
        """Write what is surely in order. A packet is seen up to _HOLD seconds after it came, so after that time from the last reading of
        the old ones everything up to the latest of them is there. No clock is asked but the packets' own."""
        if everything or len(self._rings) == 1 or len(self._old) + len(self._new) > _MOST_HELD:
            ready, self._old = self._old + self._new, []
        elif time.monotonic() - self._turned < _HOLD:
            return
        else:
            latest = max((entry[0] for entry in self._old), default=0)
            ready = self._old + [entry for entry in self._new if entry[0] <= latest]
            self._old = [entry for entry in self._new if entry[0] > latest]
        self._new = []
        self._turned = time.monotonic()
        if len(self._rings) > 1:
            ready.sort(key=itemgetter(0))
        if self._wishes.count:
            ready = ready[: self._wishes.count - self._files.written]
        for _, _, number in ready:
            self._counted[number].written += 1
        self._files.write([(timestamp_ns, block) for timestamp_ns, block, _ in ready])

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._count()
        self._files.close()
