"""What captures at other taps would show: packets of a scenario walked as bytes from its origin through its own tap to its end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from csumlab.annotate.sights import ByteWalk, Captured
from csumlab.capture import PcapngWriter, open_capture
from csumlab.classes import headers_of
from csumlab.collect import Finding, collect
from csumlab.dissection import Dissection
from csumlab.explain import explain
from csumlab.headers import Layer, Link
from csumlab.outcome import Settings
from csumlab.plain.packet import FramePacket
from csumlab.replaying import ReplayResult, replay
from csumlab.sources import Reading
from csumlab.topology.load import load_topology
from csumlab.topology.model import Topology
from csumlab.trace import TAP, Trace

CAPTURES = Path(__file__).parents[1] / "captures"
SCENARIOS = tuple(sorted(file.parent.name for file in CAPTURES.glob("*/expected.toml")))


@dataclass(frozen=True)
class Walked:
    """One packet of a scenario: ``number`` from 1, its bytes as ``captured``, its walk as bytes, and the bytes from the outermost IP header
    on with which the walk ``arrived`` at the tap; from there on it walks with those that were captured. ``carried`` says that it is inside
    a tunnel there whose headers the walk makes up."""

    number: int
    captured: bytes
    trace: Trace
    arrived: bytes
    carried: bool


def frames_in(path: Path) -> list[bytes]:
    """The packets of a capture."""
    found = []
    with open_capture(path) as capture:
        for block in capture:
            for start, length in zip(block.offset.tolist(), block.captured.tolist(), strict=True):
                found.append(block.data[start : start + length].tobytes())
    return found


def write_frames(path: Path, frames: list[bytes]) -> None:
    with PcapngWriter(path) as file:
        interface = file.add_interface(Link.ETHERNET, "tap")
        for number, frame in enumerate(frames):
            file.write(frame, interface=interface, timestamp_ns=number)


@cache
def topology_of(name: str) -> Topology:
    return load_topology(CAPTURES / name / "topology.toml")


@cache
def replay_of(name: str) -> ReplayResult:
    return replay(CAPTURES / name / "traffic.pcapng", topology_of(name))


@cache
def sampled(name: str) -> tuple[Walked, ...]:
    """Two packets of every class of a scenario with their walks as bytes, by the first reading that fits."""
    return _walked(name, {number for leaf in replay_of(name).classes for number in leaf.first[:2]})


@cache
def walked(name: str) -> tuple[Walked, ...]:
    """The same for every packet."""
    return _walked(name, {number for leaf in replay_of(name).classes for number in leaf.first})


def _walked(name: str, numbers: set[int]) -> tuple[Walked, ...]:
    path, result = CAPTURES / name / "traffic.pcapng", replay_of(name)
    frames, settings = frames_in(path), result.settings
    explanations = [(frames[number - 1], explain(path, number, settings)) for number in sorted(numbers)]
    return tuple(_walk(e.number, frame, settings, e.dissection, e.outcome.readings[0]) for frame, e in explanations)


def _walk(number: int, captured: bytes, settings: Settings, dissection: Dissection, reading: Reading) -> Walked:
    one = Captured(number, captured, len(captured), Link.ETHERNET, 0, dissection)
    walk = ByteWalk(one, reading, settings, headers_of(dissection.facts, settings.topology))
    trace = walk.run()
    assert trace is not None, f"packet {number} does not pass its tap"
    assert walk.arrived is not None
    depth = sum(header.layer in (Layer.IPV4, Layer.IPV6) for header in dissection.headers)
    carried = sum(header.is_ip for header in reading.origin.headers) < depth
    return Walked(number, captured, trace, walk.arrived, carried)


@dataclass(frozen=True)
class View:
    """What a capture at one port holds: frames by the number of their packet in the scenario."""

    port: str
    frames: dict[int, bytes]


def views(packets: tuple[Walked, ...], *, sealed: bool = False) -> dict[str, View]:
    """A capture at every port that packets pass, of those that can be seen there, or with ``sealed`` of those that cannot: they are inside
    an opaque tunnel."""
    found: dict[str, View] = {}
    for one in packets:
        for hop in one.trace.hops:
            if hop.stage is TAP:
                packet = hop.after
                assert isinstance(packet, FramePacket)
                if (packet.sealed is not None) is sealed:
                    found.setdefault(hop.port, View(hop.port, {})).frames.setdefault(one.number, packet.frame())
    return found


def by_packet(result: ReplayResult, numbers: list[int]) -> dict[int, list[Finding]]:
    """What is found of each packet; ``numbers`` are the scenario's numbers of the packets of the capture."""
    found: dict[int, list[Finding]] = {number: [] for number in numbers}
    for leaf in result.classes:
        assert leaf.count == len(leaf.first), "a class of a scenario has at most as many packets as a leaf keeps"
        for place in leaf.first:
            found[numbers[place - 1]] += collect((leaf,), result.settings)
    return found
