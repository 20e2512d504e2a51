"""What captures at other taps would show: every packet of a scenario walked as bytes from its origin through its own tap to its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from csumlab import sources
from csumlab.capture import PcapngWriter, open_capture
from csumlab.classes import Made
from csumlab.collect import Finding, collect
from csumlab.dissection import Dissection
from csumlab.explain import explain
from csumlab.headers import Layer, Link
from csumlab.inet import MODULUS
from csumlab.outcome import Settings
from csumlab.packet import Header, Span, outer_ip, outer_transport
from csumlab.plain import FramePacket
from csumlab.replaying import ReplayResult, tap_of
from csumlab.sources import Reading
from csumlab.stage import Operation, Packet, Translation
from csumlab.state import State
from csumlab.topology.load import load_topology
from csumlab.topology.model import Topology
from csumlab.trace import TAP, Trace
from csumlab.walk import Observation, Walker

CAPTURES = Path(__file__).parents[1] / "captures"
SCENARIOS = tuple(sorted(file.parent.name for file in CAPTURES.glob("*/expected.toml")))
_ADDRESS_BYTES = {Layer.IPV4: (12, 16, 4), Layer.IPV6: (8, 24, 16)}


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
def walked(name: str) -> tuple[Walked, ...]:
    """Every packet of a scenario with its walk as bytes, by the first reading that fits it."""
    path, topology = CAPTURES / name / "traffic.pcapng", topology_of(name)
    settings = Settings(topology, tap_of(topology, ""))
    explanations = [(frame, explain(path, number, settings)) for number, frame in enumerate(frames_in(path), start=1)]
    return tuple(_walk(e.number, frame, settings, e.dissection, e.outcome.readings[0]) for frame, e in explanations)


def _walk(number: int, captured: bytes, settings: Settings, dissection: Dissection, reading: Reading) -> Walked:
    arrived: list[bytes] = []
    seen = FramePacket(captured[_start(dissection) :], (), tunnel_ports=settings.topology.tables.tunnel_ports)
    depth = _depth(dissection)

    def meet(packet: Packet, state: State) -> tuple[Packet, State] | None:
        assert isinstance(packet, FramePacket)
        if packet.sealed is not None or _visible_depth(packet) != depth:
            return None
        arrived.append(packet.data)
        return replace(packet, data=seen.data), state

    walker = _Replier(
        settings.topology,
        dict(reading.trace.chosen or {}),
        Observation(settings.tap.port, settings.tap.way, meet),
        finished=sources.walker(settings.topology, reading.origin, {}).finished,
        ports=_ports(seen.data, dissection),
    )
    packet = _as_sent(captured, dissection, reading, settings.topology)
    trace = walker.run(reading.origin.domain, packet)
    assert len(arrived) == 1, f"packet {number} passes its tap {len(arrived)} times: {trace}"
    carried = sum(header.is_ip for header in reading.origin.headers) < depth
    return Walked(number, captured, trace, arrived[0], carried)


@dataclass
class _Replier(Walker):
    """A walk that knows the connection table: a reply gets back the destination port that the capture shows."""

    ports: tuple[int, int] = (0, 0)

    def _choose(self, label: str, options: list[tuple[str, Translation | None]]) -> Translation | None:
        edit = super()._choose(label, options)
        if edit is not None and edit.destination_port is not None and edit.destination_port.low != edit.destination_port.high:
            return replace(edit, destination_port=Span(0, self.ports[1], self.ports[1]))
        return edit


def _start(dissection: Dissection) -> int:
    return next(h.offset for h in dissection.headers if h.layer in (Layer.IPV4, Layer.IPV6, Layer.VLAN))


def _depth(dissection: Dissection) -> int:
    return sum(header.layer in (Layer.IPV4, Layer.IPV6) for header in dissection.headers)


def _visible_depth(packet: FramePacket) -> int:
    return sum(header.is_ip for header in packet.headers)


def _ports(data: bytes, dissection: Dissection) -> tuple[int, int]:
    """Source and destination port of the outermost TCP or UDP header."""
    base = _start(dissection)
    place = next((h.offset - base for h in dissection.headers if h.layer in (Layer.TCP, Layer.UDP)), None)
    if place is None:
        return 0, 0
    return int.from_bytes(data[place : place + 2], "big"), int.from_bytes(data[place + 2 : place + 4], "big")


def _as_sent(captured: bytes, dissection: Dissection, reading: Reading, topology: Topology) -> FramePacket:
    """The packet as the origin sends it: without the headers put on since, with the addresses and the TTL it had at first, and right sums
    unless the origin sends wrong ones."""
    origin = reading.origin
    start = dissection.headers[origin.headers[0].index].offset
    packet = FramePacket(captured[start:], origin.headers, dissection.facts.long, tunnel_ports=topology.tables.tunnel_ports)
    for header in (outer_ip(packet.headers), outer_transport(packet.headers)):
        if header is not None and header.shifted:
            packet = replace(packet, data=_with_words(packet, header))
    packet = replace(packet, data=_younger(packet, _routers(reading)))
    if origin.made is not Made.RIGHT:
        return packet
    for header in reversed(packet.headers):
        if header.uid in packet.sums and not packet.absent(header.uid):
            packet = packet.compute(header.uid)
    return packet


def _routers(reading: Reading) -> int:
    """How often the packet itself, not one that carries it, was forwarded before the tap."""
    trace, depth = reading.trace, sum(header.is_ip for header in reading.origin.headers)
    return sum(
        any(do.operation is Operation.DECREMENT_TTL for do in hop.row.does)
        for hop in trace.hops[: trace.tap + 1]
        if sum(header.is_ip for header in hop.before.headers) == depth and getattr(hop.before, "sealed", None) is None
    )


def _younger(packet: FramePacket, routers: int) -> bytes:
    """The bytes with a TTL that is greater by ``routers`` and an IPv4 sum that agrees."""
    data = bytearray(packet.data)
    ip = outer_ip(packet.headers)
    if ip is not None and routers:
        start = packet.offset(ip.uid)
        if ip.layer is Layer.IPV6:
            data[start + 7] += routers
        else:
            data[start + 8] += routers
            place = slice(start + 10, start + 12)
            data[place] = ((int.from_bytes(data[place], "big") - 0x100 * routers) % MODULUS).to_bytes(2, "big")
    return bytes(data)


def _with_words(packet: FramePacket, header: Header) -> bytes:
    first, second, size = _ADDRESS_BYTES[header.layer] if header.is_ip else (0, 2, 2)
    data = bytearray(packet.data)
    for span, place in ((header.source, first), (header.destination, second)):
        if span is not None and span.low == span.high:
            at = packet.offset(header.uid) + place
            data[at : at + size] = span.low.to_bytes(size, "big")
    return bytes(data)


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
