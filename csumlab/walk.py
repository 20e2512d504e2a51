"""The walk: one packet of a class from its origin through the modelled host to its end, a table at every step.

The driver is the same for both interpreters; what it needs of a packet is the Packet protocol. It decides where a packet goes with
``topology/forward.py``, applies the preset's table for what happens there, and writes down hops. It judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from csumlab.behaviours import Measured
from csumlab.cards import lengths
from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer
from csumlab.machine import Packet, Setting, Translation, apply
from csumlab.outer import IN_FRONT, Outer, inner_start
from csumlab.packet import Header, Span, exactly, outer_ip, outer_transport
from csumlab.programs import behaviours
from csumlab.slots import bounds, last_of, limits, parts
from csumlab.stage import Operation, Stage
from csumlab.stages import hooks, nic, programs, readers, rewriters, tunnels, virtio
from csumlab.stages.slots import RING_SLOTS, RING_SLOTS_ELSEWHERE
from csumlab.state import Bare, Skb, State, owed
from csumlab.symbolic.sums import Untold
from csumlab.topology import forward
from csumlab.topology.editing import edits
from csumlab.topology.features import is_on
from csumlab.topology.model import CARRIAGES, WRAPPING, Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import BRIDGE_CALLS, CLAIMS, KNOBS, knobs_of, options_of
from csumlab.topology.presets import PRESETS, Preset, in_use
from csumlab.trace import TAP, Fate, Fault, Hop, Trace

MAX_HOPS = 400
"""A way longer than this goes in circles."""


class Undetermined(Exception):
    """The walk has to be told which of several possibilities holds: ``label`` asks, ``options`` are the answers."""

    def __init__(self, label: str, options: tuple[str, ...]) -> None:
        super().__init__(label)
        self.label, self.options = label, options


class _Ended(Exception):
    def __init__(self, fate: Fate, why: str) -> None:
        super().__init__(why)
        self.fate, self.why = fate, why


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
class Walker:
    """One walk. ``choices`` answers what only run-time state could tell; ``inject`` is called with the number of each hop about to be
    made and the packet, and gives the packet to use (the fault hypothesis). ``finished`` says that the packet is sent as it is, not
    summed by the sender's table."""

    topology: Topology
    choices: Mapping[str, str] = field(default_factory=dict)
    observation: Observation | None = None
    inject: Callable[[int, Packet], Packet] | None = None
    finished: State | None = None
    hops: list[Hop] = field(default_factory=list)
    tap: int = -1
    packet: Packet = field(init=False)
    state: State = field(init=False)
    _tunnels: list[Port] = field(default_factory=list)
    _next_hops: list[Span] = field(default_factory=list)
    _fault: Fault = Fault.MEMORY

    def run(self, origin: Domain, packet: Packet) -> Trace:
        """Walk ``packet`` from ``origin``: from its socket, or if it is the outside from the wire. Raises Undecided, Undetermined,
        Misfit."""
        self.packet, self.state = packet, Bare()
        try:
            ip = outer_ip(packet.headers)
            if ip is None or ip.destination is None:
                raise _Ended(Fate.UNTOLD, "there is no IP header")
            if forward.is_group(ip.destination):
                raise _Ended(Fate.UNTOLD, "packets to a group address are not followed")
            device, hop = (
                forward.route(origin, ip.destination) if self.topology.line is None else (self._only_device(origin), ip.destination)
            )
            sender = Port(origin.name, device.name)
            if origin.outside:
                self.packet = packet.from_wire()
                self._cross(sender, forward.next_stop(self.topology, sender, hop, ip.destination), hop, from_wire=True)
            else:
                self._send(origin, sender, hop)
        except _Ended as end:
            return self._trace(origin, end.fate, end.why)
        except (Untold, forward.Unreachable) as end:
            return self._trace(origin, Fate.UNTOLD, end.reason)
        raise AssertionError("a walk ends by an ending")

    def _trace(self, origin: Domain, fate: Fate, why: str) -> Trace:
        return Trace(origin.name, tuple(self.hops), fate, why, self.tap, dict(self.choices))

    # One table at one place.

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
    ) -> None:
        """``socket``: the options asked for are those of the socket that the packet is for, not of the device it came in by. ``words`` are
        how the program behaves that does it. ``mtu``: of another port than ``port``."""
        if len(self.hops) >= MAX_HOPS:
            raise _Ended(Fate.UNTOLD, f"after {MAX_HOPS} hops the packet still goes on: the topology sends it in circles")
        if self.inject is not None:
            self.packet = self.inject(len(self.hops), self.packet)
        knobs = self._knobs(domain, self._tunnel_of_packet(domain) if socket else port, words)
        measures = self._lengths(port)
        setting = Setting(self._features(domain, port), knobs, slots, limits or {}, edit, measures, mtu or self._mtu(port))
        done = apply(stage, self.state, self.packet, setting)
        fault, self._fault = (self._fault if fault is Fault.MEMORY else fault), Fault.MEMORY
        self.hops.append(
            Hop(stage, done.row, domain.name, str(port or ""), way, self.packet, done.packet, self.state, done.state, done.checked, fault)
        )
        self.packet, self.state = done.packet, done.state
        if done.ending is Operation.DROP:
            raise _Ended(Fate.DROPPED, done.row.because)
        if done.ending is Operation.REJECT:
            raise _Ended(Fate.REJECTED, done.row.because)

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
        return lambda name: is_on(domain, device, peer, name, there)

    def _lengths(self, port: Port | None) -> Mapping[str, Measured]:
        return lengths(self.topology.device(port).card) if port else {}

    def _knobs(self, domain: Domain, port: Port | None, words: Collection[str] = ()) -> Callable[[str], bool]:
        options = knobs_of(self.topology.device(port)) if port else {}
        words = (*words, *behaviours(domain.program))
        return lambda name: name in words or {**KNOBS, **options, **domain.sysctl}.get(name, False)

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

    # The ways of a packet.

    def _preset(self, domain: Domain) -> Preset:
        return in_use(domain.preset, bool(domain.program))

    def _only_device(self, domain: Domain) -> Device:
        return next(iter(domain.devices.values()))

    def _send(self, domain: Domain, sender: Port, hop: Span) -> None:
        """A packet of a local socket."""
        if self.finished is not None:
            self.state, self.finished = self.finished, None
        else:
            self._apply(self._preset(domain).sender, domain, sender)
        self._output(domain, sender, hop)

    def _output(self, domain: Domain, sender: Port, hop: Span) -> None:
        """POSTROUTING, then out by ``sender``."""
        self._postrouting(domain, sender)
        if self.topology.device(sender).kind is not DeviceKind.ESP:
            self._cut(self._preset(domain).fragmentation, domain, sender, sender, "out")
        if self.topology.device(sender).kind in CARRIAGES:
            self._enter_tunnel(domain, sender, hop)
            return
        self._cross(sender, forward.next_stop(self.topology, sender, hop, _destination(self.packet)), hop)

    def _cut(self, stage: Stage | None, domain: Domain, port: Port, leaving: Port, way: str = "") -> None:
        """Into fragments, if the packet is longer than the MTU of ``leaving`` or came in fragments."""
        ip, mtu = outer_ip(self.packet.headers), self._mtu(leaving)
        if ip is None or not mtu or not (ip.reassembled or (ip.exceeds(mtu) and not self.packet.long)):
            return
        if stage is None:
            raise _Ended(Fate.UNTOLD, f"how {self._preset(domain).title} cuts packets into fragments is not modelled")
        if any(header.gathered for header in self.packet.headers if header is not ip):
            raise _Ended(Fate.UNTOLD, "fragments of a tunnel's packets that carry fragments are not followed")
        self._apply(stage, domain, port, way, mtu=mtu)

    def _gather(self, domain: Domain, port: Port) -> None:
        """Put a datagram together of which the walk has all fragments."""
        ip, stage = outer_ip(self.packet.headers), self._preset(domain).reassembly
        if ip is not None and ip.gathered and stage is not None:
            self._apply(stage, domain, port, "in")

    def _postrouting(self, domain: Domain, sender: Port) -> None:
        """The rules for what leaves by ``sender``."""
        device = self.topology.device(sender)
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        if self._is_udp(transport) and options_of(device)["checksum-fill"]:
            self._apply(hooks.CHECKSUM_TARGET, domain, sender, "out")
        self._rewrite(domain, sender, "out", rewriters.IN_NETFILTER)
        if ip is not None and domain.tracked:
            edit = forward.translate_source(domain, device, ip, transport)
            if edit is not None:
                self._translate(domain, sender, "out", edit)

    def _cross(self, sender: Port, target: Port, next_hop: Span, from_wire: bool = False, inward: bool = False) -> None:
        """Across a segment, from ``sender`` to ``target``, and up the stack there. ``inward``: out of the tunnel that ``sender`` is."""
        steps = forward.segment(self.topology, sender, inward).get(target)
        if steps is None:
            raise forward.Unreachable(f"no way leads from {sender} to {target}")
        if self.topology.device(sender).kind is DeviceKind.BRIDGE:
            domain = self.topology.domains[sender.domain]
            self._egress(domain, sender)
            self._tap(sender, "out")
        if from_wire:
            self._wrap_outside(steps)
        redirected = hooked = False
        for step, leaving in zip(steps, (*(later.port for later in steps[1:]), None), strict=True):
            domain = self.topology.domains[step.port.domain]
            if step.port == step.peer:
                self._tap(step.peer, "in")
                self._rewrite(domain, step.peer, "in", rewriters.AT_DEVICE)
                hooked = self._cross_bridge(step, target, leaving)
                continue
            if forward.carries_frames(self.topology.device(step.port)):
                self._enter_tunnel(domain, step.port, next_hop)
                return
            if step.wrapping is not None:
                self._wrap(step, domain, from_wire)
                if step.wrapping == step.peer:
                    hooked = self._cross_bridge(step, target, leaving)
                continue
            if self.topology.device(step.port).kind is DeviceKind.MACVTAP:
                self._tap(step.port, "in")
                self._virtio(self._preset(domain).macvtap_deliver, domain, step.port, "in")
            elif not from_wire and not redirected:
                self._egress(domain, step.port)
                self._tap(step.port, "out")
            self._link(step.port, step.peer, from_wire)
            from_wire, redirected = False, step.redirected
            if redirected:
                native = self.topology.device(step.peer).native_xdp
                redirect = hooks.XDP_REDIRECT if native else hooks.XDP_GENERIC_REDIRECT
                self._apply(redirect, self.topology.domains[step.peer.domain], step.peer, "in")
                continue
            if self.topology.device(step.peer).kind is DeviceKind.MACVTAP:
                there = self.topology.domains[step.peer.domain]
                self._egress(there, step.peer)
                self._tap(step.peer, "out")
                continue
            if not self.topology.device(step.peer).feeds_reader or not self._is_read(step.peer):
                there = self.topology.domains[step.peer.domain]
                self._tap(step.peer, "in")
                self._rewrite(there, step.peer, "in", rewriters.AT_DEVICE)
                self._by_program(programs.PROGRAM_TAKES, there, step.peer, "in")
            hooked = self._cross_bridge(step, target, leaving)
        if forward.leads_away(self.topology.device(target)):
            self._enter_tunnel(self.topology.domains[target.domain], target, next_hop)
            return
        self._input(self.topology.domains[target.domain], target, hooked)

    def _cross_bridge(self, step: forward.Step, target: Port, leaving: Port | None) -> bool:
        """Whether the packet has come to ``target``, a bridge, and has been through PREROUTING by then (net/bridge/br_netfilter_hooks.c
        br_nf_pre_routing, ip_sabotage_in). ``leaving`` is the port that it leaves the bridge by, None if it is a tunnel or nothing."""
        if not step.bridge:
            return False
        there = self.topology.domains[step.peer.domain]
        bridge = Port(there.name, step.bridge)
        checks = self._bridge_netfilter(there)
        if checks is not None:
            self._apply(checks, there, bridge, "in")
            self._prerouting(there, bridge)
        if bridge == target:
            self._tap(bridge, "in")
            return checks is not None
        self._apply(self._preset(there).bridge, there, bridge)
        if checks is not None:
            self._postrouting(there, bridge)
        if leaving is not None:
            self._cut(self._preset(there).bridge_fragmentation, there, bridge, leaving)
        return False

    def _bridge_netfilter(self, domain: Domain) -> Stage | None:
        """What checks the packet before the hooks of IP see it on a bridge, None if they do not: tagged frames are left alone
        (net.bridge.bridge-nf-filter-vlan-tagged is 0)."""
        ip = outer_ip(self.packet.headers)
        called = ip is not None and self._knobs(domain, None)(BRIDGE_CALLS[4 if ip.layer is Layer.IPV4 else 6])
        return self._preset(domain).bridge_netfilter if called and self.packet.headers[0].is_ip else None

    def _wrap(self, step: forward.Step, domain: Domain, from_wire: bool) -> None:
        """Between a VLAN, MACsec or PPPoE device and the device that it sits on, down or up."""
        assert step.wrapping is not None
        preset, kind = self._preset(domain), self.topology.device(step.wrapping).kind
        (down, up), headers = preset.carrying[kind], Outer(0, WRAPPING[kind])
        if step.wrapping == step.port:
            if not from_wire:
                self._egress(domain, step.port)
                self._tap(step.port, "out")
            if kind is DeviceKind.PPPOE and not self.packet.headers[0].is_ip:
                raise _Ended(Fate.UNTOLD, "PPP carries IP packets, and this one has a VLAN tag before it")
            self._apply(down, domain, step.port, "out", headers)
            return
        self._apply(up, domain, step.peer, "in", headers)
        if kind is DeviceKind.MACSEC:
            self._apply(preset.gro, domain, step.peer, "in")
        self._tap(step.peer, "in")

    def _wrap_outside(self, steps: Iterable[forward.Step]) -> None:
        """What comes from outside is in the frames that the devices on its way take it out of, even if it was captured behind them."""
        if not self.packet.headers[0].is_ip:
            return
        kinds = [self.topology.device(step.peer).kind for step in steps if step.wrapping is not None and step.wrapping == step.peer]
        layers = tuple(layer for kind in kinds for layer in WRAPPING[kind])
        if layers and all(layer in IN_FRONT for layer in layers):
            self.packet = self.packet.wrap(layers)

    def _link(self, port: Port, peer: Port, from_wire: bool) -> None:
        """What lies between two ends of a cable."""
        here, there = self.topology.domains[port.domain], self.topology.domains[peer.domain]
        ours, theirs = self._preset(here), self._preset(there)
        match self.topology.device(port).kind:
            case DeviceKind.NIC:
                if not from_wire:
                    self._claim(here, port)
                    self._apply(ours.nic_transmit, here, port, "out")
                # A table that knows no segmentation has its card send a super-frame whole: no wire takes that.
                self.packet = self.packet.from_wire()
                self._apply(nic.WIRE, here, port, fault=Fault.LINK)
                self._apply(theirs.nic_receive, there, peer, "in")
            case DeviceKind.NETFRONT:
                self._take_slots(port, peer)
                self._apply(ours.netfront_transmit, here, port, "out")
                self._claim(here, port)
                heeds = options_of(self.topology.device(peer))["heeds-rx-off"]
                self._apply(hooks.VIF_HEEDS_RX if heeds else theirs.netback_receive, there, peer, "in")
            case DeviceKind.VIF:
                self._apply(ours.netback_transmit, here, port, "out")
                self._apply(theirs.netfront_receive, there, peer, "in")
            case DeviceKind.VIRTIO:
                self._virtio(ours.virtio_transmit, here, port, "out")
                self._claim(here, port)
                self._virtio(theirs.tap_receive, there, peer, "in", self._tail(theirs, port))
            case DeviceKind.TAP | DeviceKind.MACVTAP:
                self._virtio(ours.tap_transmit, here, port, "out")
                self._claim(here, port)
                self._virtio(theirs.virtio_receive, there, peer, "in")
            case _:
                self._apply(ours.veth, here, port, "out")
        entered = self.topology.device(peer)
        if entered.native_xdp:
            self._rewrite(there, peer, "in", rewriters.IN_DRIVER)
            if entered.redirects_to or (entered.feeds_reader and self._is_read(peer)):
                return
            if entered.kind is DeviceKind.VIRTIO:
                self._virtio(theirs.xdp_pass, there, peer, "in")
        if entered.kind in (DeviceKind.NIC, DeviceKind.NETFRONT, DeviceKind.VIRTIO) or options_of(entered)["napi"]:
            self._apply(theirs.gro, there, peer, "in", words=self._found_by_gro(there, peer))

    def _found_by_gro(self, domain: Domain, port: Port) -> tuple[str, ...]:
        """What receive aggregation finds when it looks for the socket that a datagram is for (net/ipv4/udp_offload.c udp_gro_receive): a
        tunnel's that can be looked into, or none."""
        ip = outer_ip(self.packet.headers)
        if ip is None or ip.destination is None or not self._is_here(domain, port, ip.destination):
            return ("for-elsewhere",)
        tunnel = self._tunnel_of_packet(domain)
        device = self.topology.device(tunnel) if tunnel else None
        known = device is not None and (device.kind in (DeviceKind.VXLAN, DeviceKind.GENEVE) or device.encap in ("fou", "gue"))
        return ("gro-into-tunnel",) if known else ()

    def _claim(self, domain: Domain, port: Port) -> None:
        """What a driver or program says of every packet, whatever it is."""
        if any(options_of(self.topology.device(port))[name] for name in CLAIMS):
            self._apply(hooks.DRIVER_CLAIMS, domain, port, "out")

    def _watches(self, port: Port) -> bool:
        return bool(options_of(self.topology.device(port)).get("watches"))

    def _is_read(self, port: Port) -> bool:
        """Whether a program at ``port`` takes the packet, or watches it."""
        device, transport = self.topology.device(port), outer_transport(self.packet.headers)
        if not device.reader or transport is None or transport.layer not in (Layer.TCP, Layer.UDP):
            return False
        return transport.layer is Layer.UDP or not options_of(device).get("udp-only")

    def _read(self, domain: Domain, port: Port) -> None:
        """A program takes the packet: its way ends here."""
        self._apply(readers.READER, domain, port, "in")
        if not self.hops[-1].row.does:
            raise _Ended(Fate.WAITING, "the datagram is whole only in another packet")
        raise _Ended(Fate.ACCEPTED, self.hops[-1].row.because)

    def _take_slots(self, port: Port, peer: Port) -> None:
        """Into the slots of the ring between a guest's ``port`` and its host's ``peer``, and those of the host that the guest moves to."""
        if self.packet.pages < 2 or self.packet.segmented:
            return
        guest, host = self.topology.domains[port.domain], self.topology.domains[peer.domain]
        front, back = self.topology.device(port), self.topology.device(peer)
        there = {"": limits(back, self._preset(host))}
        if guest.moves_to:
            there[guest.moves_to] = limits(replace(back, slots=0, fatal_slots=0), PRESETS[guest.moves_to])
        whole = bounds(self.packet.pages, front, self._preset(guest))
        found = parts(whole, [limit for one in there.values() for limit in one.values()])
        label = f"how many slots of the ring of {port} a frame takes that needs {self.packet.pages} pages"
        if len(found) > 1 and label not in self.choices:
            raise Undetermined(label, tuple(f"in {part}" for part in found))
        # A number that was chosen stays the one it was if the limits have changed since: it is the last of its part.
        most = last_of(self.choices[label]) if label in self.choices else whole.most
        for name, limit in there.items():
            self._apply(RING_SLOTS_ELSEWHERE if name else RING_SLOTS, host, peer, "in", slots=most, limits=limit)

    def _prerouting(self, domain: Domain, port: Port) -> None:
        """Connection tracking, and the rules for what comes in by ``port``."""
        device = self.topology.device(port)
        if domain.tracks() and not domain.program:
            self._gather(domain, port)
            self._apply(self._preset(domain).conntrack, domain, port, "in")
        self._rewrite(domain, port, "in", rewriters.IN_NETFILTER)
        ip, transport = outer_ip(self.packet.headers), outer_transport(self.packet.headers)
        assert ip is not None
        if domain.tracks() or domain.tracked:
            edit = self._choose(
                f"what {domain.name} has in its connection table",
                list(forward.translate_destination(self.topology, domain, device, ip, transport)),
            )
            if edit is None and any(rule.by in rewriters.TRACKED for rule in domain.nat) and transport is not None and transport.quotes:
                edit = Translation()  # An ICMP error is looked at where addresses are translated, be there something to translate or not.
            if edit is not None:
                self._translate(domain, port, "in", edit)

    def _exchange(self, domain: Domain, port: Port) -> None:
        """Through a translator between IPv4 and IPv6."""
        ip = outer_ip(self.packet.headers)
        assert ip is not None
        edit = self._choose(f"what {domain.name} has in its NAT64 table", list(forward.exchanges(self.topology, domain, ip)))
        if edit is not None:
            self._apply(self._preset(domain).editors[edit.by], domain, port, "in", edit)

    def _input(self, domain: Domain, port: Port, hooked: bool = False) -> None:
        """IP input on ``port``: PREROUTING unless the packet has been there (``hooked``), then delivery or forwarding."""
        preset = self._preset(domain)
        device = self.topology.device(port)
        if device.feeds_reader and self._is_read(port):
            self._apply(readers.XDP_SOCKET, domain, port, "in")
            self._read(domain, port)
        self._apply(preset.input, domain, port, "in")
        if not hooked:
            self._prerouting(domain, port)
        self._exchange(domain, port)
        destination = _destination(self.packet)
        if self._is_here(domain, port, destination):
            if self._is_read(port) and not self._watches(port):
                self._read(domain, port)
            self._deliver(domain, port)
            return
        if not domain.forwarding:
            raise _Ended(Fate.DROPPED, f"{domain.name} does not forward (net.ipv4.ip_forward is 0) and {destination} is not its address")
        leaving, hop = forward.route(domain, destination)
        if hooked and leaving.name == port.device:
            raise _Ended(Fate.UNTOLD, "a packet that bridge netfilter sends back into its bridge is not followed")
        self._apply(preset.forward, domain, Port(domain.name, leaving.name))
        self._output(domain, Port(domain.name, leaving.name), hop)

    def _virtio(self, stage: Stage | None, domain: Domain, port: Port, way: str, words: Collection[str] = ()) -> None:
        if stage is None:
            raise _Ended(Fate.UNTOLD, f"{self._preset(domain).title} has no virtio and no tap with offload")
        self._apply(stage, domain, port, way, words=words)

    def _tail(self, preset: Preset, port: Port) -> tuple[str, ...]:
        """How short the last segment of a super-frame from ``port`` would be, where that matters: the size of segments is not captured."""
        if not preset.refuses_short_tails or not self.packet.long or owed(self.state, self.packet.headers) is None:
            return ()
        label, short = f"how long the last segment of a super-frame of {port} is", "its last segment would be shorter than its headers"
        if label not in self.choices:
            raise Undetermined(label, ("its last segment would be longer than its headers", short))
        return (virtio.SHORT_TAIL,) if self.choices[label] == short else ()

    def _egress(self, domain: Domain, port: Port) -> None:
        """What stands between the stack and a device: tc's rules, then transmit feature resolution: what the device cannot do, the kernel
        does before the capture point."""
        preset = self._preset(domain)
        self._by_program(programs.PROGRAM_GIVES, domain, port, "out")
        self._rewrite(domain, port, "out", rewriters.AT_DEVICE)
        if options_of(self.topology.device(port))["netem-corrupt"] and preset.family is Skb:
            self._apply(hooks.NETEM_CORRUPT, domain, port, "out")
            self._fault = Fault.LINK
        if preset.segmentation is not None and self.packet.long:
            self._apply(preset.segmentation, domain, port, "out")
        self._apply(preset.egress, domain, port, "out")

    def _by_program(self, stage: Stage, domain: Domain, port: Port, way: str) -> None:
        """Between a device and the program that is the stack of its domain. Of a virtio device the program is the other end itself."""
        if domain.program and self.topology.device(port).kind is not DeviceKind.VIRTIO:
            self._apply(stage, domain, port, way)

    def _rewrite(self, domain: Domain, port: Port, way: str, whose: Collection[str]) -> None:
        for stage, edit, words in edits(domain, self.topology.device(port), way, whose, lambda: self.packet.headers):
            segmentation = self._preset(domain).segmentation
            if stage is programs.NFQUEUE and self.packet.long and "takes-unfinished" not in words and segmentation is not None:
                # Who does not ask for super-frames gets them cut (net/netfilter/nfnetlink_queue.c nfqnl_enqueue_packet).
                self._apply(segmentation, domain, None, way)
            copied = stage is programs.QUEUE_EDIT and edit != Translation()
            self._apply(stage, domain, port, way, edit, fault=Fault.PROGRAM if copied else Fault.MEMORY, words=words)

    def _translate(self, domain: Domain, port: Port, way: str, edit: Translation) -> None:
        preset = self._preset(domain)
        self._apply(preset.editors.get(edit.by, preset.nat), domain, port, way, edit)

    def _is_udp(self, transport: Header | None) -> bool:
        return transport is not None and transport.layer is Layer.UDP

    def _is_here(self, domain: Domain, port: Port, destination: Span) -> bool:
        if self.topology.line is not None:
            return port in self.topology.line
        return forward.is_local(domain, destination) or (domain.outside and not domain.forwarding)

    def _choose(self, label: str, options: list[tuple[str, Translation | None]]) -> Translation | None:
        if len(options) == 1:
            return options[0][1]
        if label not in self.choices:
            raise Undetermined(label, tuple(name for name, _ in options))
        return next(edit for name, edit in options if name == self.choices[label])

    def _deliver(self, domain: Domain, port: Port) -> None:
        """Local delivery: the transport checks, then a tunnel end takes its header off and the inner packet goes on."""
        preset = self._preset(domain)
        self._gather(domain, port)
        self._apply(preset.receive, domain, port, "in", socket=True)
        ip = outer_ip(self.packet.headers)
        if ip is not None and ip.fragment is not FragmentRole.WHOLE:
            raise _Ended(Fate.WAITING, "the datagram is whole only in another packet")
        kind, tunnel = self._tunnel_end(domain)
        if kind is None or (tunnel is None and not domain.outside and not CARRIAGES[kind].sealed):
            raise _Ended(Fate.ACCEPTED, self.hops[-1].row.because)
        if preset.ecn is not None and CARRIAGES[kind].marks:
            self._apply(preset.ecn, domain, tunnel or port, "in")
        leave = preset.vpn_unseal if kind is DeviceKind.VPN else preset.carrying.get(kind, (None, tunnels.DECAPSULATE))[1]
        self._apply(leave, domain, tunnel or port, "in", self._outer_addresses())
        if CARRIAGES[kind].sealed:
            self._fault = Fault.PROGRAM if kind is DeviceKind.VPN else Fault.MEMORY
        if tunnel is None:
            self._apply(preset.input, domain, port, "in")
            self._deliver(domain, port)
            return
        if CARRIAGES[kind].merges:
            self._apply(preset.gro, domain, tunnel, "in")
        next_hop = self._next_hops.pop() if self._next_hops else None
        if self.topology.device(tunnel).bridge:
            destination = _destination(self.packet)
            hop = next_hop or destination
            self._cross(tunnel, forward.next_stop(self.topology, tunnel, hop, destination, inward=True), hop, inward=True)
            return
        # Transformations have no device: what they decrypt comes in once more where it came in encrypted.
        entered = port if kind is DeviceKind.ESP else tunnel
        self._tap(entered, "in")
        self._rewrite(domain, entered, "in", rewriters.AT_DEVICE)
        self._input(domain, entered)

    def _outer_addresses(self) -> Translation | None:
        """The addresses that a packet in transport mode gets back with its header."""
        ip = outer_ip(self.packet.headers)
        return Translation(source=ip.source, destination=ip.destination) if ip is not None else None

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

    def _enter_tunnel(self, domain: Domain, port: Port, next_hop: Span) -> None:
        """Out by a tunnel device: the packet becomes the payload of another one, which this host sends. ``next_hop`` is whom the frame in
        the tunnel is for."""
        preset, device = self._preset(domain), self.topology.device(port)
        if port in self._tunnels:
            raise _Ended(Fate.UNTOLD, f"the packets of tunnel {port} are routed into it again")
        self._tunnels.append(port)
        self._next_hops.append(next_hop)
        if device.kind is not DeviceKind.ESP:
            self._egress(domain, port)
            self._tap(port, "out")
        if CARRIAGES[device.kind].sealed and preset.segmentation is not None and self.packet.long:
            # Nobody can cut what is encrypted: whatever the device offers, it is done now (net/xfrm/xfrm_output.c xfrm_output_gso).
            self._apply(preset.segmentation, domain, port if options_of(device)["esp-offload"] else None, "out")
        local, remote = exactly(device.local), exactly(device.remote)
        layers = (Layer.IPV4 if local.version == 4 else Layer.IPV6, *device.tunnel_layers)
        outer = Outer(local.version, layers, local, remote, Span(0, device.port, device.port))
        leaving, hop = forward.route(domain, remote, beside=device.name if device.kind is DeviceKind.ESP else "")
        sender = Port(domain.name, leaving.name)
        if device.kind is DeviceKind.VPN:
            self._apply(tunnels.TUN_READ, domain, port, "out")
            self._apply(tunnels.VPN_SEAL, domain, port, "out", outer, fault=Fault.PROGRAM)
            self._send(domain, sender, hop)
        else:
            in_card = device.kind is DeviceKind.ESP and options_of(device)["card-encrypts"]
            if in_card:
                self._apply(nic.CARD_SEAL, domain, sender, "out", outer)
            else:
                self._apply(preset.carrying[device.kind][0], domain, port, "out", outer)
            self._output(domain, sender, hop)


def _destination(packet: Packet) -> Span:
    ip = outer_ip(packet.headers)
    if ip is None or ip.destination is None:
        raise _Ended(Fate.UNTOLD, "there is no IP header")
    return ip.destination


def _tunnel_layers(headers: tuple[Header, ...]) -> tuple[Layer, ...]:
    """The layers between the outermost IP header and the next, without extension headers; to the end if there is no other."""
    depth = next(n for n, header in enumerate(headers) if header.is_ip)
    return tuple(header.layer for header in headers[depth + 1 : inner_start(headers)] if header.layer is not Layer.EXTENSION)


def _carries(device: Device, layers: tuple[Layer, ...], inner: Header | None) -> bool:
    """Whether a tunnel device takes packets with these layers and this inner IP header."""
    fits = inner is None or (4 if inner.layer is Layer.IPV4 else 6) in CARRIAGES[device.kind].inner
    return fits and device.tunnel_layers == layers


def _is_tunnel(headers: tuple[Header, ...]) -> bool:
    """Whether there is another IP header behind the outermost (one quoted in an ICMP error is not dissected as a header)."""
    return sum(header.is_ip for header in headers) > 1 and not any(header.kind in (Kind.ICMP, Kind.ICMPV6) for header in headers[:2])
