"""A replay as a capture: one interface for every port, and on each the packets as a capture there would have shown them.

Reads the capture a second time, a packet at a time: memory does not grow with it.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from csumlab.annotate.notes import comment, finding_comment, finding_note, is_flagged, json_option, sum_note
from csumlab.annotate.sights import NOT_WALKED, Captured, Sight, Sights, epb_flags, port_of, sights
from csumlab.capture import Capture, PcapngWriter, open_capture
from csumlab.capture.block import Block
from csumlab.capture.walk import FLAGS_OPTION
from csumlab.capture.writer import (
    COMMENT_OPTION,
    DELIVERED_OPTION,
    DESCRIPTION_OPTION,
    NAME_OPTION,
    encode_options,
    interface_block,
    packet_block,
    statistics_block,
    text_value,
)
from csumlab.collect import Finding, findings_of_leaf, reading_text
from csumlab.dissection import dissect_packet
from csumlab.headers import Link
from csumlab.outcome import Leaf
from csumlab.replaying import Replay, ReplayResult
from csumlab.shown import counted
from csumlab.topology.features import is_on
from csumlab.topology.model import Port, Topology
from csumlab.topology.options import FEATURES
from csumlab.trace import TAP

FORMAT = 1


@dataclass(slots=True)
class Written:
    """What was written: ``packets`` of the capture as ``sights`` at ``ports``; ``hidden`` counts what is not shown, by port and reason."""

    path: str
    packets: int = 0
    sights: int = 0
    flagged: int = 0
    ports: dict[str, int] = field(default_factory=dict)
    hidden: Counter[tuple[str, str]] = field(default_factory=Counter)
    made_up: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [
            f"{self.path}: {counted(self.packets, 'packet')} as {self.sights:,} sights at {len(self.ports)} ports, "
            f"{self.flagged:,} of them flagged"
        ]
        lines += [f"  not shown at {port}: {counted(count, 'packet')}, {why}" for (port, why), count in sorted(self.hidden.items())]
        lines += [f"  not known and filled with placeholders in {count:,} sights: {what}" for what, count in sorted(self.made_up.items())]
        return "\n".join(lines)


def write_hops(result: ReplayResult, path: str | os.PathLike[str], *, progress: Callable[[Capture], None] | None = None) -> Written:
    """Write a replay's packets at every hop. Raises CaptureError if the capture cannot be read again or the file not be written, and
    ValueError for a capture that came from a stream."""
    if result.file == "-":
        raise ValueError("the capture is read twice: save standard input to a file first")
    if os.path.exists(path) and os.path.samefile(path, result.file):
        raise ValueError(f"{os.fspath(path)} is the capture itself: choose another name")
    with open_capture(result.file) as capture, PcapngWriter(path) as file:
        writing = _Writing(result, file)
        done = Written(os.fspath(path))
        running = Replay(result.settings)
        for block in capture:
            if not done.packets:
                writing.describe(block)
            leaves = running.leaves_of(block, result.gathered)
            for row, leaf in enumerate(leaves):
                if block.first + row <= result.packets:
                    writing.packet(block, row, leaf, done)
            if progress is not None:
                progress(capture)
        writing.finish(done)
    return done


class _Writing:
    """The file while it is written."""

    def __init__(self, result: ReplayResult, file: PcapngWriter) -> None:
        self._result, self._file = result, file
        self._topology = result.settings.topology
        self._interfaces: dict[tuple[Port, int], int] = {}
        self._names: list[Port] = []
        self._findings: dict[int, tuple[Finding, ...]] = {}
        self._time = 0

    def describe(self, block: Block) -> None:
        """The interfaces, in the order of the topology: every port that a packet passes, as its link type, the capture point as the
        capture's."""
        tap = self._result.settings.tap.port
        passed = {tap}
        for leaf in self._result.classes:
            for reading in leaf.outcome.readings[:1]:
                passed.update(port_of(hop) for hop in reading.trace.hops if hop.stage is TAP)
        for port in self._topology.ports:
            if port in passed:
                own = Link.RAW if self._topology.device(port).is_raw else Link.ETHERNET
                self._interface(port, block.interfaces[0].linktype if port == tap else own)

    def _interface(self, port: Port, linktype: int) -> int:
        number = self._interfaces.get((port, linktype))
        if number is None:
            number = self._interfaces[port, linktype] = len(self._names)
            self._names.append(port)
            description = describe_port(self._topology, port, self._stages(port), port == self._result.settings.tap.port)
            texts = [(NAME_OPTION, text_value(str(port))), (DESCRIPTION_OPTION, text_value(description))]
            self._file.put(interface_block(linktype, 0, texts))
        return number

    def _stages(self, port: Port) -> list[str]:
        hops = (hop for leaf in self._result.classes for reading in leaf.outcome.readings[:1] for hop in reading.trace.hops)
        return list(dict.fromkeys(hop.stage.title for hop in hops if hop.port == str(port) and hop.stage is not TAP))

    def packet(self, block: Block, row: int, leaf: Leaf | None, done: Written) -> None:
        """Write every sight of a packet."""
        one = _captured(block, row, self._topology)
        reading = next(iter(leaf.outcome.readings), None) if leaf is not None else None
        seen = sights(one, reading, self._result.settings)
        findings = self._found(leaf)
        # Wireshark wants times in order; a capture of several interfaces may have some out of it.
        self._time = max(self._time, int(block.timestamp[row]), 0)
        done.packets += 1
        for port, why in seen.hidden:
            done.hidden[str(port), why] += 1
        places = {id(finding): _place(finding, seen) for finding in findings}
        for number, sight in enumerate(seen.shown):
            here = [finding for finding in findings if places[id(finding)] == number]
            flagged = [finding for finding in findings if is_flagged(finding) and (finding in here or sight.is_tap)]
            comments = [finding_comment(finding, finding.hop.partition(" ")[0] == str(sight.port)) for finding in flagged]
            comments += _remarks(sight, leaf, reading is None)
            options = [comment(text) for text in comments]
            options.append((FLAGS_OPTION, struct.pack("<I", epb_flags(sight, one.flags))))
            options.append(
                json_option(self._note(one, sight, flagged + [f for f in here if f not in flagged], seen, int(block.timestamp[row])))
            )
            original = one.original if sight.is_tap else len(sight.data)
            interface = self._interface(sight.port, sight.linktype)
            self._file.put(packet_block(interface, self._time, sight.data, original, encode_options(options)))
            done.sights += 1
            done.flagged += bool(flagged)
            done.made_up.update(sight.made_up)
            done.ports[str(sight.port)] = done.ports.get(str(sight.port), 0) + 1

    def _found(self, leaf: Leaf | None) -> tuple[Finding, ...]:
        if leaf is None:
            return ()
        if id(leaf) not in self._findings:
            self._findings[id(leaf)] = findings_of_leaf(leaf, self._result.findings)
        return self._findings[id(leaf)]

    def _note(self, one: Captured, sight: Sight, findings: list[Finding], seen: Sights, time: int) -> dict[str, Any]:
        sums = one.dissection.sums if sight.packet is None else tuple(sight.packet.sums.values())
        note: dict[str, Any] = {
            "format": FORMAT,
            "packet": one.number,
            "at": str(sight.port),
            "way": sight.way,
            "is_capture_point": sight.is_tap,
            "is_before": any(other.is_tap for other in seen.shown[seen.shown.index(sight) + 1 :]),
            "state": str(sight.state),
            "sums": [sum_note(total, sight.offset) for total in sums],
            "findings": [finding_note(finding) for finding in findings],
            "made_up": list(sight.made_up),
        }
        if seen.trace is not None:
            note["fate"] = seen.trace.fate.value
        if time != self._time:
            note["captured_ns"] = time
        return note

    def finish(self, done: Written) -> None:
        """For each interface what it shows and what not; the verdict of all."""
        for (port, _), number in self._interfaces.items():
            hidden = [
                f"not shown here: {counted(count, 'packet')}, {why}" for (name, why), count in done.hidden.items() if name == str(port)
            ]
            options = [(COMMENT_OPTION, text_value(text)) for text in hidden]
            options.append((DELIVERED_OPTION, struct.pack("<Q", done.ports.get(str(port), 0))))
            self._file.put(statistics_block(number, self._time, options))


def describe_port(topology: Topology, port: Port, stages: list[str], is_tap: bool) -> str:
    """The features in force on a device, and which stages stand there."""
    domain, device = topology.domains[port.domain], topology.device(port)
    peer = topology.device(device.peer) if device.peer else None
    there = topology.domains[device.peer.domain] if device.peer else None
    on = [name for name in FEATURES if is_on(domain, device, peer, name, there)]
    off = [name for name in FEATURES if name not in on]
    parts = ["the capture point"] if is_tap else []
    parts += [f"{device.kind.value} of {domain.preset}" if not domain.outside else "outside"]
    parts += [f"on: {' '.join(on) or 'no feature'}", f"off: {' '.join(off) or 'none'}"]
    return "; ".join([*parts, *([f"stages: {', '.join(stages)}"] if stages else [])])


def _captured(block: Block, row: int, topology: Topology) -> Captured:
    start = int(block.offset[row])
    data = block.data[start : start + int(block.captured[row])].tobytes()
    interface = int(block.interface[row])
    linktype, original, flags = block.interfaces[interface].linktype, int(block.original[row]), int(block.flags[row])
    dissection = dissect_packet(data, linktype, original, topology.tables, interface=interface, flags=flags)
    return Captured(block.first + row, data, original, linktype, flags, dissection)


def _place(finding: Finding, seen: Sights) -> int:
    """Which sight a finding is told at: the last one up to its hop, or the one at the capture point."""
    tap = next(number for number, sight in enumerate(seen.shown) if sight.is_tap)
    if seen.trace is None:
        return tap
    hop = next((number for number, one in enumerate(seen.trace.hops) if one.where == finding.hop), None)
    if hop is None:
        return tap
    named = [n for n, sight in enumerate(seen.shown) if f"{sight.port} {sight.way}" == finding.hop]
    return named[0] if named else max((n for n, sight in enumerate(seen.shown) if sight.hop <= hop), default=tap)


def _remarks(sight: Sight, leaf: Leaf | None, lost: bool) -> Iterator[str]:
    """What else a reader has to know; not of what is wrong."""
    if sight.made_up:
        yield f"csumlab: not known here and filled with placeholders: {'; '.join(sight.made_up)}"
    if leaf is None and sight.is_tap:
        yield "csumlab: beyond the bound of classes, not walked"
    elif lost and sight.is_tap and leaf is not None and leaf.outcome.facts.addresses:
        yield f"csumlab: not walked: {leaf.outcome.untold or NOT_WALKED}"
    elif leaf is not None and sight.is_tap and len(leaf.outcome.readings) > 1:
        first, *others = dict.fromkeys(reading_text(reading) for reading in leaf.outcome.readings)
        if others:
            yield f"csumlab: the other hops are shown as if it was {first}; it may also have been {' or '.join(others)}"
