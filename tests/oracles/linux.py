"""The oracle that is the running kernel: every probe of a scenario is sent through real devices and held against the model's walk."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

import walks

from csumlab.packet import exactly
from csumlab.pieces import cut
from csumlab.topology.model import DeviceKind, Port
from csumlab.trace import Fate

from . import sockets
from .answers import SIGHTS, Answer, asked, origin
from .compare import Difference, differences, known
from .ports import Virtio
from .predict import Origin, Prediction, outer_words, predictions, unsummed
from .probes import KINDS, Probe, commanded, made
from .scenarios import BRIEF, Flow, Scenario
from .world import Observed, World

SENDING = ("tcp", "udp", "udp, no sum", "long udp", "ping")
"""What programs send; a long datagram is cut into fragments by their kernel."""


def version() -> str:
    """The kernel, as uname has it without what a distributor adds."""
    return os.uname().release.split("-")[0]


@dataclass(frozen=True)
class Comparison:
    """One probe through one scenario: what was sent, what the model says (every possibility), and what was seen. ``ends`` false: the probe
    is part of something larger, whose end is not the probe's."""

    scenario: str
    flow: Flow
    probe: str
    origin: Origin
    predictions: tuple[Prediction, ...]
    observed: Observed
    played: frozenset[str]
    real: frozenset[str]
    ends: bool = True

    @property
    def name(self) -> str:
        return f"{self.scenario}: {self.probe} from {self.flow.port} to {self.flow.destination}"

    def differences(self) -> list[Difference]:
        """None if one of the model's possibilities is what the kernel did; else those of the nearest."""
        return nearest(list(self.predictions), self)

    def unknown(self) -> list[Difference]:
        """The differences that no entry of known_differences.toml covers."""
        return [d for d in self.differences() if not any(entry.covers(self.scenario, self.probe, d) for entry in known())]

    def again(self) -> list[Prediction]:
        """The predictions made anew: with other tables they may differ."""
        return list(predictions(self.origin, self.played, outer_words(self.observed.sights, self.origin.topology.tables)))

    def between_interpreters(self) -> list[str]:
        """Where the walk over forms disagrees with the one over bytes. That forms cannot tell what depends on a number that a kernel makes
        up is no disagreement: the bytes have one."""
        return [text for text in walks.differences(self.origin.case(self.name)) if "is chosen at run time" not in text]


def nearest(possible: list[Prediction], comparison: Comparison) -> list[Difference]:
    tables = comparison.origin.topology.tables
    real = comparison.real if comparison.ends else frozenset[str]()
    found = [differences(one, comparison.observed, real, tables) for one in possible]
    return min(found, key=len)


QUICK, PATIENT = 0.02, 0.5
"""Seconds to wait for what is said to come. Frames run through the kernel while they are sent; a busy machine may put some off. What
differs is sent again, and waited for longer: a late frame is no difference."""


def run(scenario: Scenario, *, thorough: bool = False) -> Iterator[Comparison]:
    """Build a scenario and send all its probes, and those of programs. Raises Untestable."""
    only = BRIEF if scenario.brief and not thorough else ()
    with World(scenario.topology, scenario.played, scenario.addresses, tapped=scenario.tapped) as world:
        number = 0
        for flow in scenario.flows:
            world.ready(_port(flow))
            number = flow.first - 1 if flow.first else number
            for kind, condition in flow.probes(only):
                number += 1
                found = _compared(world, scenario, flow, kind, condition, number, QUICK)
                if found.unknown():
                    number += 1
                    found = _compared(world, scenario, flow, kind, condition, number, PATIENT)
                yield found
        for flow in scenario.senders:
            world.ready(_port(flow))
            for kind in SENDING if flow.kinds == KINDS else flow.kinds:
                if kind == "long udp" and scenario.topology.device(_port(flow)).kind is DeviceKind.VXLAN:
                    continue  # Its first piece fills the tunnel device; with headers around it is cut again, which the model does not do.
                number += 1
                yield _by_a_program(world, scenario, flow, kind, number)
        for answer in scenario.answers:
            number += 1
            yield _answer(world, scenario, answer, number)


def _port(flow: Flow) -> Port:
    return Port(*flow.port.split(":"))


def _compared(world: World, scenario: Scenario, flow: Flow, kind: str, condition: str, number: int, patience: float) -> Comparison:
    port = _port(flow)
    macs = (world.next_mac(port, exactly(flow.destination)), world.macs[port])
    probe = made(kind, condition, number, macs, flow.source, flow.destination, scenario.ports(flow, number), flow.size)
    origin = Origin(scenario.topology, port.domain, probe.frame, probe.state, cut_to=flow.cut_to)
    if scenario.topology.domains[port.domain].outside and port.domain in world.played and scenario.topology.device(port).wire:
        origin = Origin(scenario.topology, port.domain, probe.frame, None)
    played, real = frozenset(world.played), frozenset(world.real)
    expected = list(predictions(origin, played, {}))
    observed = _sent(world, port, probe, expected, patience, flow)
    words = outer_words(observed.sights, scenario.topology.tables)
    said = tuple(predictions(origin, played, words) if words else expected)
    return Comparison(scenario.name, flow, str(probe), origin, said, observed, played, real)


def _by_a_program(world: World, scenario: Scenario, flow: Flow, kind: str, number: int) -> Comparison:
    """What a program sends, from its kernel's first sight of it on: without the sum, which the model's sender then sees to."""
    port = _port(flow)
    mark = b"csum" + number.to_bytes(4, "big")
    payload = mark + bytes(16 if kind != "long udp" else 2000)
    before = world.begin()
    with world.inside(port.domain):
        connection = _send(world, kind, flow, payload)

    def enough(observed: Observed) -> bool:
        return bool(observed.count) and (bool(observed.delivered) or any(observed.counted.values()))

    observed = world.observe(before, mark, enough, PATIENT)
    if connection is not None:
        connection.close()
    frame = next((sight.frame for sight in observed.sights[port.domain] if (sight.device, sight.way) == (port.device, "out")), None)
    if frame is None:
        raise AssertionError(f"{scenario.name}: {kind} from {flow.port} was not seen")
    origin = Origin(scenario.topology, port.domain, unsummed(frame, scenario.topology.tables), None)
    words = outer_words(observed.sights, scenario.topology.tables)
    said = tuple(predictions(origin, world.played, words))
    played, real = frozenset(world.played), frozenset(world.real)
    return Comparison(scenario.name, flow, f"{kind} by a program", origin, said, observed, played, real, kind != "long udp")


def _answer(world: World, scenario: Scenario, answer: Answer, number: int) -> Comparison:
    """What a host answers by an address that is not its own, from where it leaves."""
    port = Port(*answer.asker.split(":"))
    world.ready(port)
    before, mark = asked(world, answer, number)
    observed = world.observe(before, mark, lambda found: found.count >= SIGHTS, PATIENT)
    frame = next((sight.frame for sight in observed.sights[answer.answers] if sight.way == "out"), None)
    if frame is None:
        raise AssertionError(f"{scenario.name}: no {answer} was seen")
    start = origin(world, answer, frame)
    said = tuple(predictions(start, world.played, {}))
    flow = Flow(answer.asker, answer.destination, answer.source)
    return Comparison(scenario.name, flow, str(answer), start, said, observed, frozenset(world.played), frozenset(world.real), ends=False)


def _send(world: World, kind: str, flow: Flow, payload: bytes) -> socket.socket | None:
    """Send from a socket of the present namespace. A connection stays open."""
    if kind == "ping":
        sockets.ping(flow.source, flow.destination, payload)
    elif kind != "tcp":
        sockets.datagram(flow.source, flow.destination, payload, summed=kind != "udp, no sum")
    else:
        connection = sockets.connected(flow.source, flow.destination)
        world.until(lambda: any(several.accept() for several in world.sockets.values()))
        connection.send(payload)
        return connection
    return None


def _opened(world: World, flow: Flow, ports: tuple[int, int]) -> None:
    port = _port(flow)
    macs = (world.next_mac(port, exactly(flow.destination)), world.macs[port])
    first = made("udp", "right", 0, macs, flow.source, flow.destination, (ports[0], flow.port_to))
    world.send(port, first.virtio, first.frame)


def _commanded(world: World, flow: Flow, back: Flow, probe: Probe) -> None:
    """A connection of FTP whose helper rewrites a command: the probe is the segment behind that."""
    ways = [(_port(one), one.source, one.destination) for one in (flow, back)]
    macs = [(world.next_mac(port, exactly(to)), world.macs[port]) for port, _, to in ways]
    for way, frame in commanded(probe, [(source, to) for _, source, to in ways], macs):
        world.send(ways[way][0], Virtio(), frame)


def _sent(world: World, port: Port, probe: Probe, expected: list[Prediction], patience: float, flow: Flow) -> Observed:
    before = world.begin()
    if flow.after is not None:
        _opened(world, flow.after, probe.ports)
    if flow.answered is not None:
        _commanded(world, flow, flow.answered, probe)
    for virtio, frame in _cut(probe, flow):
        world.send(port, virtio, frame)

    def enough(observed: Observed) -> bool:
        return any(_shows(one, observed, world.real.keys()) for one in expected)

    return world.observe(before, probe.mark, enough, patience, probe.kind == "error")


def _cut(probe: Probe, flow: Flow) -> list[tuple[Virtio, bytes]]:
    """What is sent of a probe: each of its fragments, with what is said of all."""
    if not flow.cut_to:
        return [(probe.virtio, probe.frame)]
    header = 8 if flow.version == 6 else 0
    virtio = replace(probe.virtio, start=probe.virtio.start + header) if probe.virtio.flags else probe.virtio
    return [(virtio, probe.frame[:14] + piece) for piece in cut(probe.frame[14:], flow.cut_to)]


def _shows(prediction: Prediction, observed: Observed, real: Set[str]) -> bool:
    """Whether as much was seen as the model says will be; what it is, is asked later."""
    sights = {domain: len(several) for domain, several in prediction.seen.items()}
    seen = {domain: len(several) for domain, several in observed.sights.items() if several}
    ended = prediction.domain in observed.delivered or bool(observed.counted.get(prediction.domain))
    return sights == seen and (ended or prediction.domain not in real or prediction.fate not in (Fate.ACCEPTED, Fate.REJECTED))
