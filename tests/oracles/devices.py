"""A topology made of real devices: each domain a network namespace, each cable a pair of veth devices or a TAP.

A domain can be *played*: it has no namespace, and what stands at the other end of its cables is this program. The wire between cards is
always played: what a card is given to send is finished here, as the card would, and handed to the card that it is addressed to.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol, Self

from csumlab.packet import exactly
from csumlab.topology import forward, stacking, ways
from csumlab.topology.features import is_on
from csumlab.topology.load import OF_LOOPBACK
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import FEATURES, SEGMENTING, options_of
from csumlab.topology.presets import PRESETS

from . import features, namespaces, segments
from .namespaces import Namespace, Untestable
from .ports import LONGEST, LONGEST_FRAME, End, PacketEnd, Tap, Watcher
from .queues import Program
from .relays import Relay
from .rules import VNI, local_routes, ruleset, vxlan_options
from .sockets import Connections, Sockets

TAP_SUMS_ENCAPSULATED = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2]) >= (6, 17)
"""Linux 6.17 gave TAP devices the offloads of encapsulated packets (drivers/net/tun.c, hw_enc_features); before they had none."""
_HIDDEN = ("hw-enc-checksum", "vlan-checksum")
_REAL = (
    *(
        DeviceKind.VETH,
        DeviceKind.NIC,
        DeviceKind.BRIDGE,
        DeviceKind.VXLAN,
        DeviceKind.TAP,
        DeviceKind.IFB,
        DeviceKind.SEG6,
        DeviceKind.LOOPBACK,
    ),
    DeviceKind.MACVLAN,
)


def _shown(topology: Topology) -> int:
    """The longest frame that a watcher may meet, in bytes: where a domain leaves datagrams whole, none that is longer than a wire's."""
    whole = any(PRESETS[domain.preset].large_datagram for domain in topology.domains.values())
    return LONGEST_FRAME if whole else LONGEST


class _Closing(Protocol):
    def close(self) -> None: ...


class Devices:
    """A topology in being, within ``with``. ``played`` are the domains without a kernel; those outside that have only cards always are.
    ``addresses`` are those that will be sent to beside the topology's own; ``tapped`` makes cards of TAP
    devices. Raises Untestable with the reason."""

    def __init__(self, topology: Topology, played: Iterable[str] = (), addresses: Iterable[str] = (), *, tapped: bool = False) -> None:
        self.topology, self.tapped = topology, tapped
        self.played = {*played, *(d.name for d in topology.domains.values() if is_wire_only(d))}
        self.real = {name: domain for name, domain in topology.domains.items() if name not in self.played}
        self.addresses = [*topology.owners, *map(exactly, addresses)]
        self.spaces: dict[str, Namespace] = {}
        self.watchers: dict[str, Watcher] = {}
        self.sockets: dict[str, Sockets] = {}
        self.connections: dict[str, Connections] = {}
        self.ends: dict[Port, End] = {}
        self.programs: list[Program | Relay] = []
        self._wires: Namespace | None = None
        self._indices = iter(range(100, 10000))

    def __enter__(self) -> Self:
        try:
            self._check()
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        things: list[_Closing] = [*self.connections.values(), *self.ends.values(), *self.sockets.values(), *self.watchers.values()]
        things += self.programs
        for thing in things:
            thing.close()
        for space in (*self.spaces.values(), *filter(None, [self._wires])):
            space.close()

    # Making it.

    def _check(self) -> None:
        for name, domain in self.real.items():
            if domain.preset != "linux-6.1":
                raise Untestable(f"{name} is {domain.preset}, and this kernel is not")
            for device in domain.devices.values():
                if device.kind not in _REAL:
                    raise Untestable(f"{name}:{device.name} is a {device.kind.value}, which has no real counterpart here")
                if len(device.name) > 15:
                    raise Untestable(f"{device.name} is too long a name for a device")
                if device.peer is not None:
                    self._check_cable(Port(name, device.name), device, device.peer)

    def _check_cable(self, port: Port, device: Device, peer: Port) -> None:
        if device.kind is DeviceKind.TAP and peer.domain not in self.played:
            raise Untestable(f"the guest at {port} would have to be a virtual machine: it can only be played")
        if self.topology.device(peer).bridge and peer.domain in self.played:
            raise Untestable(f"{peer} is a port of a bridge, and the domain is played: nobody would bridge there")

    def check_sender(self, port: Port) -> None:
        """What a played domain sends must come to the other end of the cable as it is. Raises Untestable."""
        if not all(self._on(port, name) for name in ("tx-checksum-ip-generic", "vlan-checksum")):
            raise Untestable(f"{port} is played, and has features with which its kernel would change what is sent")

    def _on(self, port: Port, name: str) -> bool:
        device = self.topology.device(port)
        return is_on(self.topology.domains[port.domain], device, self.topology.device(device.peer) if device.peer else None, name)

    @contextmanager
    def inside(self, domain: str) -> Iterator[None]:
        with self.spaces[domain].entered():
            yield

    @cached_property
    def macs(self) -> dict[Port, bytes]:
        made = {}
        for number, port in enumerate(self.topology.ports, 1):
            mac = self.topology.device(port).mac
            made[port] = mac.to_bytes(6, "big") if mac is not None else bytes([2, 0, 0, 0xCA, number >> 8, number & 0xFF])
        return made

    def _build(self) -> None:
        for name in self.real:
            self.spaces[name] = Namespace()
            with self.inside(name):
                namespaces.quiet()
        done: set[Port] = set()
        ports = [Port(name, device.name) for name, domain in self.real.items() for device in self._made(domain)]
        # What sits on another device comes when all those are there.
        for port in sorted(ports, key=lambda one: self.topology.device(one).kind is DeviceKind.MACVLAN):
            device = self.topology.device(port)
            if port not in done:
                done |= {port, *([device.peer] if device.peer else [])}
                self._make(port, device)
        for name, domain in self.real.items():
            with self.inside(name):
                self._set_up(domain)
        for name, domain in self.real.items():
            with self.inside(name):
                self._features(domain)
                self.watchers[name] = Watcher(_shown(self.topology))
                self.watchers[name].names = {socket.if_nametoindex(device.name): device.name for device in self._made(domain)}
                self.sockets[name] = Sockets(for_others=bool(domain.local))
                if domain.tracks():
                    self.connections[name] = Connections()
                # Bridges take up to a second (linkwatch); what only passes through one need not wait for the bridge device itself.
                wait_until_running(device.name for device in self._made(domain) if device.kind is not DeviceKind.BRIDGE)

    def _link(self, port: Port, kind: str, peer: str = "", on: str = "") -> None:
        mac, mtu = self.macs[port].hex(":"), self.topology.device(port).mtu
        namespaces.ip([f"link add {on} name {port.device} index {next(self._indices)} address {mac} mtu {mtu} type {kind} {peer}".rstrip()])

    def _make(self, port: Port, device: Device) -> None:
        if device.kind is DeviceKind.MACVLAN:
            below = stacking.below(port, device)
            with self.inside(below.domain):
                self._link(port, f"macvlan mode {device.mode}", on=f"link {below.device} netns {self.spaces[port.domain].path}")
            return
        with self.inside(port.domain):
            match device.kind:
                case DeviceKind.LOOPBACK:
                    namespaces.ip([f"link set dev {device.name} up"])
                case DeviceKind.BRIDGE:
                    self._link(port, "bridge forward_delay 0 stp_state 0 mcast_snooping 0")
                case DeviceKind.VXLAN:
                    self._link(port, f"vxlan id {VNI} {vxlan_options(device)}")
                case DeviceKind.NIC:
                    self._make_card(port)
                case DeviceKind.IFB:
                    self._link(port, "ifb")
                case DeviceKind.TAP:
                    options = options_of(device)
                    self._add_tap(port, napi=options["napi"], header=options["vnet-hdr"])
                case _ if device.peer is not None and device.peer.domain in self.played:
                    self._make_tap(port, napi=False)
                case _:
                    assert device.peer is not None
                    # Ends with equal indices in two namespaces do not count as urgent for linkwatch, and wait up to a second.
                    there = f"netns {self.spaces[device.peer.domain].path}" if device.peer.domain != port.domain else ""
                    other = (
                        f"index {next(self._indices)} address {self.macs[device.peer].hex(':')} mtu {self.topology.device(device.peer).mtu}"
                    )
                    self._link(port, "veth", f"peer name {device.peer.device} {other} {there}")

    def _make_tap(self, port: Port, napi: bool) -> None:
        if self._on(port, "hw-enc-checksum") is not TAP_SUMS_ENCAPSULATED or not self._on(port, "vlan-checksum"):
            wanted = "all" if TAP_SUMS_ENCAPSULATED else "no"
            raise Untestable(f"{port} is a TAP, which here is for {wanted} encapsulated packets and all tagged ones what it is for others")
        self._add_tap(port, napi=napi, header=True)

    def _add_tap(self, port: Port, *, napi: bool, header: bool) -> None:
        self.ends[port] = Tap(
            port.device,
            offload=self._on(port, "tx-checksum-ip-generic"),
            segments=self._on(port, "tx-tcp-segmentation"),
            napi=napi,
            header=header,
        )
        namespaces.ip([f"link set dev {port.device} address {self.macs[port].hex(':')} mtu {self.topology.device(port).mtu}"])

    def _make_card(self, port: Port) -> None:
        """A TAP, or a veth pair whose other end is out of sight."""
        merges = self._on(port, "rx-gro")
        if self._on(port, "rx-checksum") and not merges:
            raise Untestable(f"{port} verifies sums and does not merge: no device in software marks packets so")
        if self.tapped:
            self._make_tap(port, napi=merges)
            return
        self._wires = self._wires or Namespace()
        far = f"w{next(self._indices)}"
        self._link(port, "veth", f"peer name {far} index {next(self._indices)} mtu 9000 netns {self._wires.path}")
        with self._wires.entered():
            namespaces.ip([f"link set dev {far} up"])
            # A veth receives through NAPI, and so through GRO, only what comes from an end without TSO (veth_skb_is_eligible_for_gro).
            features.switch(
                far,
                {
                    "tx-tcp-segmentation": False,
                    "tx-tcp6-segmentation": False,
                    "tx-tcp-ecn-segmentation": False,
                    "tx-tcp-mangleid-segmentation": False,
                },
            )
            self.ends[port] = PacketEnd(far, receives=True)

    def _set_up(self, domain: Domain) -> None:
        commands = []
        for device in self._made(domain):
            if device.bridge and not domain.program:
                commands.append(f"link set dev {device.name} master {device.bridge}")
            # The loopback device has its own addresses once it is up.
            addresses = [text for text in device.addresses if text not in OF_LOOPBACK]
            commands += [f"address add {text} dev {device.name}{' nodad' if ':' in text else ''}" for text in addresses]
            commands.append(f"link set dev {device.name} up")
        namespaces.ip(commands)
        namespaces.tc([line for device in self._made(domain) for line in _redirecting(domain, device)])
        commands = []
        for route in domain.routes:
            via = f" via {route.via} onlink" if route.via else ""
            commands.append(f"route replace {segments.network(route.to)}{via} {segments.leaving_by(domain, domain.devices[route.device])}")
        commands += segments.commands(domain)
        if domain.outside and not domain.forwarding:
            commands += ["route add local 0.0.0.0/0 dev lo", "route add local ::/0 dev lo"]
        commands += [
            f"neigh replace {hop} lladdr {mac} dev {device} nud permanent" for (hop, device), mac in self._neighbours(domain).items()
        ]
        namespaces.ip(commands)
        for version in (4, 6) if domain.local else ():
            namespaces.ip(list(local_routes(domain, version)), version)
        if domain.program:
            behind = list(domain.devices.values())[1].peer
            known = {
                str(span): self.macs[port].hex(":") for span, port in self.topology.owners.items() if port == behind and span.version == 4
            }
            self.programs.append(Relay(domain, known))
        else:
            namespaces.bridge(list(self._forwarding_entries(domain)))
        namespaces.sysctl("net/ipv4/ip_forward", int(domain.forwarding))
        namespaces.sysctl("net/ipv6/conf/all/forwarding", int(domain.forwarding))
        if domain.tracks() or domain.nat or domain.edits or domain.local:
            namespaces.nft(ruleset(domain))
        rules = [rule for one in (domain.nat, domain.edits) for rule in one if rule.by == "nfqueue"]
        self.programs += (Program(self.topology, domain, rule, number) for number, rule in enumerate(rules))
        for name, value in domain.sysctl.items():
            namespaces.sysctl(name.replace(".", "/"), int(value))

    def _made(self, domain: Domain) -> Iterator[Device]:
        """The devices that are made: where a program bridges, no bridge is, and what is only a route is none."""
        made = (device for device in domain.devices.values() if device.kind is not DeviceKind.SEG6)
        return (device for device in made if not (domain.program and device.kind is DeviceKind.BRIDGE))

    def _neighbours(self, domain: Domain) -> dict[tuple[str, str], str]:
        """Hardware addresses of the next hops towards every address that is used: nobody has to ask for them."""
        found: dict[tuple[str, str], str] = {}
        for address in self.addresses:
            try:
                device, hop = forward.route(domain, address)
                if device.kind is DeviceKind.LOOPBACK:
                    continue
                if device.kind is DeviceKind.VXLAN:
                    stop = self._other_end(device)
                else:
                    stop = forward.next_stop(self.topology, Port(domain.name, device.name), hop, address)
            except forward.Unreachable:
                continue
            if stop is not None and address not in device.spans:
                found[str(hop), device.name] = self.macs[stop].hex(":")
        return found

    def _other_end(self, tunnel: Device) -> Port | None:
        return next(
            (
                p
                for p in self.topology.ports
                if self.topology.device(p).kind is DeviceKind.VXLAN and self.topology.device(p).local == tunnel.remote
            ),
            None,
        )

    def _forwarding_entries(self, domain: Domain) -> Iterator[str]:
        """What every bridge would learn, and nothing else: a frame to a place that it does not know would go out everywhere."""
        for device in domain.devices.values():
            if not device.bridge:
                continue
            groups = any(map(forward.is_group, self.addresses))
            yield f"link set dev {device.name} flood off mcast_flood {'on' if groups else 'off'} learning off"
            for port in ways.segment(self.topology, Port(domain.name, device.name)):
                yield f"fdb replace {self.macs[port].hex(':')} dev {device.name} master static"

    def _features(self, domain: Domain) -> None:
        for device in self._made(domain):
            port = Port(domain.name, device.name)
            if device.kind is DeviceKind.LOOPBACK:
                continue
            wanted = {name: self._on(port, name) for name in FEATURES if name not in _HIDDEN}
            if device.kind in (DeviceKind.BRIDGE, DeviceKind.VXLAN, DeviceKind.VETH, DeviceKind.IFB, DeviceKind.MACVLAN):
                if device.kind is not DeviceKind.VXLAN:
                    del wanted["rx-gro"]  # The model's receive aggregation is that of cards and tunnels.
                del wanted["rx-checksum"]
            if device.kind is DeviceKind.BRIDGE or isinstance(self.ends.get(port), Tap):
                for name in SEGMENTING:
                    del wanted[name]  # A bridge has what its ports have; a TAP was asked for it when it was made.
            if isinstance(self.ends.get(port), Tap):
                del wanted["tx-checksum-sctp"]  # A TAP that stands in for a veth makes no CRC; no probe leaves one to it.
            if device.kind in (DeviceKind.NIC, DeviceKind.TAP):
                del wanted["rx-checksum"]  # What a card or a guest says of a packet is played.
            features.switch(device.name, wanted)
            unlike = sorted(name for name in wanted if (name in features.active(device.name)) is not wanted[name])
            if unlike:
                raise Untestable(f"{port} is a {device.kind.value}: {', '.join(unlike)} cannot be set as wanted")
            a_veth = device.kind in (DeviceKind.VETH, DeviceKind.NIC) and not isinstance(self.ends.get(port), Tap)
            fixed = _HIDDEN if a_veth else () if device.kind is DeviceKind.TAP else _HIDDEN[1:]
            off = [name for name in fixed if not self._on(port, name)]
            if off:
                raise Untestable(f"{port} is a {device.kind.value}: {', '.join(off)} cannot be switched off")


def _redirecting(domain: Domain, device: Device) -> Iterator[str]:
    """What tc is told of the device."""
    ways = [(hook, *device.diverted(way)) for hook, way in (("ingress", "in"), ("egress", "out"))]
    said = [(hook, "ingress" if inward else "egress", "redirect", name) for hook, name, inward in ways if name]
    copies = [rule for rule in domain.copies if rule.device == device.name]
    said = [("ingress" if rule.way == "in" else "egress", "egress", "mirror", rule.to) for rule in copies] + said
    yield from [f"qdisc add dev {device.name} clsact"] if said else []
    for hook, way, action, name in said:
        yield f"filter add dev {device.name} {hook} protocol all u32 match u32 0 0 action mirred {way} {action} dev {name}"


def is_wire_only(domain: Domain) -> bool:
    """Whether a domain stands for everybody on a wire: it is played."""
    return domain.outside and all(device.kind is DeviceKind.NIC for device in domain.devices.values())


def wait_until_running(devices: Iterable[str], limit: float = 2.5) -> None:
    """Until every device may send, and whoever watches devices has been told."""
    deadline = time.monotonic() + limit
    for name in devices:
        while True:
            if features.running(name):
                break
            if time.monotonic() > deadline:
                raise Untestable(f"{name} does not come up")
            time.sleep(0.0005)
        features.active(name)  # Takes the lock under which the others are told.
