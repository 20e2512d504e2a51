"""One table at one place of a walk: what the place offers and asks for, and what is seen there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from csumlab.behaviours import Measure, Measured
from csumlab.cards import lengths
from csumlab.headers import Kind, Layer
from csumlab.interpreting import Packet, Setting, Translation
from csumlab.machine import apply
from csumlab.operations import Operation
from csumlab.outer import Outer, inner_start
from csumlab.packet import Header, Span, exactly, outer_ip, outer_transport
from csumlab.programs import behaviours
from csumlab.stage import Stage
from csumlab.stages import readers
from csumlab.state import Skb, State
from csumlab.topology import forward
from csumlab.topology.features import is_on
from csumlab.topology.model import CARRIAGES, Device, DeviceKind, Domain, Port, Topology, below
from csumlab.topology.options import FOLLOWED, KNOBS, OF_TRANSMIT, knobs_of, options_of
from csumlab.topology.presets import Preset, in_use
from csumlab.topology.rules import Copy, is_of
from csumlab.trace import TAP, Fate, Fault, Hop

COPY = "which copy"
"""How questions begin whose answers all hold: of a packet that is copied each copy goes its way."""
MAX_HOPS = 400
"""A way longer than this goes in circles."""


class Undetermined(Exception):
    """The walk has to be told which of several possibilities holds: ``label`` asks, ``options`` are the answers."""

    def __init__(self, label: str, options: tuple[str, ...]) -> None:
        super().__init__(label)
        self.label, self.options = label, options


class Ended(Exception):
    """The walk is over: how, and why."""

    def __init__(self, fate: Fate, why: str) -> None:
        super().__init__(why)
        self.fate, self.why = fate, why


class Copied(Exception):
    """The walk goes on with a copy of the packet that ``rule`` of ``domain`` sends."""

    def __init__(self, domain: Domain, rule: Copy) -> None:
        super().__init__(rule)
        self.domain, self.rule = domain, rule


class Misfit(Exception):
    """At the tap the packet is not the one that was captured; ``why`` says in what."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Observation:
    """What is done at the tap: ``meet`` gets the walked packet and state and gives those to walk on with, or raises Misfit."""

    port: Port
    way: str
    meet: Callable[[Packet, State], tuple[Packet, State] | None]


@dataclass
class Places:
    """One walk. ``choices`` answers what only run-time state could tell; ``inject`` is called with the number of each hop about to be
    made and the packet, and gives the packet to use (the fault hypothesis). ``finished`` says that the packet is sent as it is, not
    summed by the sender's table; ``refuses``: it is the
    reset by which a rule refuses a connection."""

    topology: Topology
    choices: Mapping[str, str] = field(default_factory=dict)
    observation: Observation | None = None
    inject: Callable[[int, Packet], Packet] | None = None
    finished: State | None = None
    refuses: bool = False
    hops: list[Hop] = field(default_factory=list)
    tap: int = -1
    packet: Packet = field(init=False)
    state: State = field(init=False)
    _copy: int | None = None
    """The uid of the IP header of a copy, once one is followed."""
    _tunnels: list[Port] = field(default_factory=list)
    _next_hops: list[Span] = field(default_factory=list)
    _fault: Fault = Fault.MEMORY
    _seen_by_helper: Translation | None = None
    _balanced: bool = False
    """Whether IPVS has chosen to which server the packet goes that has just come in."""

    def _apply(
        self,
        stage: Stage,
        domain: Domain,
        port: Port | None,
        way: str = "",
        edit: Translation | Outer | None = None,
        fault: Fault = Fault.MEMORY,
        socket: bool = False,
        slots: int = 0,
        limits: Mapping[str, int] | None = None,
        words: Collection[str] = (),
        mtu: int = 0,
        came_marked: str = "",
    ) -> None:
        """``socket``: the options asked for are those of the socket that the packet is for, not of the device it came in by. ``words`` are
        how the program behaves that does it. ``mtu``: of another port than ``port``. ``came_marked``: see Setting."""
        if len(self.hops) >= MAX_HOPS:
            raise Ended(Fate.UNTOLD, f"after {MAX_HOPS} hops the packet still goes on: the topology sends it in circles")
        if self.inject is not None:
            self.packet = self.inject(len(self.hops), self.packet)
        knobs = self._knobs(domain, self._tunnel_of_packet(domain) if socket else port, words)
        measures = self._lengths(port)
        setting = Setting(self._features(domain, port), knobs, slots, limits or {}, edit, measures, mtu or self._mtu(port), came_marked)
        done = apply(stage, self.state, self.packet, setting)
        fault, self._fault = (self._fault if fault is Fault.MEMORY else fault), Fault.MEMORY
        self.hops.append(
            Hop(stage, done.row, domain.name, str(port or ""), way, self.packet, done.packet, self.state, done.state, done.checked, fault)
        )
        self.packet, self.state = done.packet, done.state
        if done.ending is Operation.DROP:
            raise Ended(Fate.DROPPED, done.row.because)
        if done.ending is Operation.REJECT:
            raise Ended(Fate.REJECTED, done.row.because)

    def _features(self, domain: Domain, port: Port | None) -> Callable[[str], bool]:
        if port is None:
            return lambda name: False
        device = self.topology.device(port)
        if device.kind is DeviceKind.ESP:
            # A policy is no device: what is asked for is what the card can that the encrypted packet leaves by.
            device = forward.route(domain, exactly(device.remote), beside=device.name)[0]
        end = domain.devices[device.lower] if device.kind is DeviceKind.VLAN else device
        peer = self.topology.device(end.peer) if end.peer else None
        there = self.topology.domains[end.peer.domain] if end.peer else None
        if device.kind in self._preset(domain).follows:
            lower = below(port, device)
            offered = self._features(self.topology.domains[lower.domain], lower)
            return lambda name: name in FOLLOWED and offered(name)
        if self._kept_away(domain, device):
            return lambda name: name not in OF_TRANSMIT and is_on(domain, device, peer, name, there)
        return lambda name: is_on(domain, device, peer, name, there)

    def _kept_away(self, domain: Domain, device: Device) -> bool:
        """Whether the driver keeps this packet away from its device (ndo_features_check): a tunnel's that the device does not know."""
        offer = self._preset(domain).offers.get(device.kind)
        return offer is not None and isinstance(self.state, Skb) and self.state.encapsulation and not offer.covers(self.packet.headers)

    def _lengths(self, port: Port | None) -> Mapping[str, Measured]:
        """Those of packets that are longer than the device's MTU are of none."""
        if port is None:
            return {}
        device = self.topology.device(port)
        found = lengths(device.card)
        return {word: said for word, said in found.items() if said.measure is not Measure.PACKET or said.low <= device.mtu}

    def _knobs(self, domain: Domain, port: Port | None, words: Collection[str] = ()) -> Callable[[str], bool]:
        options = knobs_of(self.topology.device(port), self._preset(domain).unsummed) if port else {}
        done = (*words, *behaviours(domain.program))
        return lambda name: name in done or domain.sysctl.get(name, options.get(name, KNOBS.get(name, False)))

    def _mtu(self, port: Port | None) -> int:
        """0 where all devices have the same: then nobody has to cut what another sent."""
        return self.topology.device(port).mtu if port is not None and self.topology.mtus else 0

    def _tap(self, port: Port, way: str) -> None:
        domain = self.topology.domains[port.domain]
        self._apply(TAP, domain, port, way)
        self._observe(port, way)
        if self._watches(port) and self._is_read(port):
            self._apply(readers.WATCHER, domain, port, way)

    def _observe(self, port: Port, way: str) -> None:
        watch = self.observation
        if watch is None or self.tap >= 0 or watch.port != port or watch.way not in ("", way):
            return
        met = watch.meet(self.packet, self.state)
        if met is not None:
            self.tap = len(self.hops) - 1
            self.packet, self.state = met

    def _watches(self, port: Port) -> bool:
        return bool(options_of(self.topology.device(port)).get("watches"))

    def _is_read(self, port: Port) -> bool:
        """Whether a program at ``port`` takes the packet, or watches it."""
        device, transport = self.topology.device(port), outer_transport(self.packet.headers)
        if not device.reader or transport is None or transport.layer not in (Layer.TCP, Layer.UDP):
            return False
        return transport.layer is Layer.UDP or not options_of(device).get("udp-only")

    def _preset(self, domain: Domain) -> Preset:
        return in_use(domain.preset, bool(domain.program))

    def _choose(self, label: str, options: list[tuple[str, Translation | None]]) -> Translation | None:
        name = self._decide(label, tuple(name for name, _ in options))
        return next(edit for text, edit in options if text == name)

    def _decide(self, label: str, options: tuple[str, ...], *, asked: bool = False) -> str:
        """The one of ``options`` that holds. A single one is not asked for, unless somewhere else there would be more (``asked``)."""
        if len(options) == 1 and not asked:
            return options[0]
        if label not in self.choices:
            raise Undetermined(label, options)
        return self.choices[label]

    def _copies(self, domain: Domain, port: Port, way: str) -> None:
        """At rules that send copies: of all that there are one is followed, or the packet itself. Raises Copied."""
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        rules = [rule for rule in domain.copies if (rule.device, rule.way) == (port.device, way) and is_of(rule.protocol, transport)]
        if not rules or self._copy is not None or ip is None:
            return
        answers = {**{f"the copy to {domain.name}:{rule.to}": rule for rule in rules}, "the packet itself": None}
        rule = answers[self._decide(f"{COPY} of what passes {port} {way} is followed", tuple(answers))]
        if rule is not None:
            raise Copied(domain, rule)

    def _is_here(self, domain: Domain, port: Port, destination: Span) -> bool:
        if self.topology.line is not None:
            return port in self.topology.line
        everybody = forward.is_group(destination) or any(
            prefix.is_last(destination) for device in domain.devices.values() for prefix in device.prefixes
        )
        looped = domain.loopback is not None and forward.is_looped(destination)
        if everybody or looped or forward.is_local(domain, destination) or (domain.outside and not domain.forwarding):
            return True
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        return any(rule.takes(port.device, ip.source if ip else None, destination, transport) for rule in domain.local)

    def _is_forwarded_by_program(self, port: Port) -> bool:
        """Whether an XDP program at ``port`` sends the packet on: what is for this host, is no IP packet or has no hop left goes up."""
        domain, ip = self.topology.domains[port.domain], outer_ip(self.packet.headers)
        if not self.topology.device(port).forwards_by_program or not domain.forwarding or ip is None or ip.destination is None:
            return False
        return self.packet.headers[0].is_ip and not ip.ttl_expires and not self._is_here(domain, port, ip.destination)

    def _tunnel_of_packet(self, domain: Domain) -> Port | None:
        """The tunnel end whose socket a packet is for; None if it is for another socket, whose options nobody told."""
        return self._tunnel_end(domain)[1]

    def _tunnel_end(self, domain: Domain) -> tuple[DeviceKind | None, Port | None]:
        """What kind of tunnel the packet came by, None if by none, and the device that it is for, by its headers and then its addresses."""
        headers = self.packet.headers
        sealed = getattr(self.packet, "sealed", None) is not None
        if not sealed and not _is_tunnel(headers):
            return None, None
        layers, outer = _tunnel_layers(headers), outer_ip(headers)
        inner = next((h for h in headers[inner_start(headers) :] if h.is_ip), None)
        found: list[tuple[bool, Port]] = []
        for name, device in domain.devices.items():
            carriage = CARRIAGES.get(device.kind)
            if carriage is None or carriage.sealed is not sealed or not _carries(device, layers, inner) or outer is None:
                continue
            if outer.destination is not None and outer.destination.exact and outer.destination != exactly(device.local):
                continue
            found.append((outer.source == exactly(device.remote), Port(domain.name, name)))
        if found:
            best = max(found, key=lambda one: one[0])[1]
            return self.topology.device(best).kind, best
        kinds = (kind for kind, carriage in CARRIAGES.items() if carriage.sealed is sealed and layers in carriage.layers.values())
        return next(kinds, DeviceKind.VPN if sealed else DeviceKind.VXLAN), None


def _tunnel_layers(headers: tuple[Header, ...]) -> tuple[Layer, ...]:
    """The layers between the outermost IP header and the next, without extension headers; to the end if there is no other."""
    depth = next(n for n, header in enumerate(headers) if header.is_ip)
    return tuple(header.layer for header in headers[depth + 1 : inner_start(headers)] if header.layer is not Layer.EXTENSION)


def _carries(device: Device, layers: tuple[Layer, ...], inner: Header | None) -> bool:
    """Whether a tunnel device takes packets with these layers and this inner IP header."""
    fits = inner is None or (4 if inner.layer is Layer.IPV4 else 6) in CARRIAGES[device.kind].inner
    return fits and tuple(layer for layer in device.tunnel_layers if layer is not Layer.EXTENSION) == layers


def _is_tunnel(headers: tuple[Header, ...]) -> bool:
    """Whether there is another IP header behind the outermost (one quoted in an ICMP error is not dissected as a header)."""
    return sum(header.is_ip for header in headers) > 1 and not any(header.kind in (Kind.ICMP, Kind.ICMPV6) for header in headers[:2])
