"""What must hold between the devices of a topology: both ends of cables, bridges without loops, addresses that one device has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from csumlab.packet import Span
from csumlab.topology import stacking
from csumlab.topology.ages import AGES
from csumlab.topology.features import is_on, negotiated
from csumlab.topology.model import BUNDLING, CARRIAGES, SHARING, WRAPPING, Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import (
    FEATURES,
    options_of,
)
from csumlab.topology.presets.versions import first_with, lacking
from csumlab.topology.reading import Reader
from csumlab.topology.ways import members, neighbours, stacked

PAIRS: Mapping[DeviceKind, DeviceKind] = {
    DeviceKind.VIF: DeviceKind.NETFRONT,
    DeviceKind.NETFRONT: DeviceKind.VIF,
    DeviceKind.VETH: DeviceKind.VETH,
    DeviceKind.VIRTIO: DeviceKind.TAP,
    DeviceKind.TAP: DeviceKind.VIRTIO,
    DeviceKind.MACVTAP: DeviceKind.VIRTIO,
    DeviceKind.NIC: DeviceKind.TAP,
    DeviceKind.NETVSC: DeviceKind.NETVSP,
    DeviceKind.NETVSP: DeviceKind.NETVSC,
    DeviceKind.VMXNET3: DeviceKind.VMPORT,
    DeviceKind.VMPORT: DeviceKind.VMXNET3,
}
"""What is at the other end of a cable between two devices. Behind a virtio a macvtap may take the place of the tap, and before a tap a card
that a hypervisor emulates that of the virtio; other cards are on a wire."""
_CARDS = (DeviceKind.NIC, DeviceKind.VETH, DeviceKind.VIRTIO, DeviceKind.NETFRONT, DeviceKind.NETVSC, DeviceKind.VMXNET3)
BUNDLED = frozenset(_CARDS)
"""What may be the port of a bond."""
SHARED = frozenset({*_CARDS, DeviceKind.VLAN, *BUNDLING})
"""What may be shared by macvtap, macvlan and ipvlan devices."""


class Checker(Reader):
    """The parts of a topology held against each other."""

    def wired(self, topology: Topology) -> Topology:
        """With both ends of every cable named, and somebody outside on a wire that has one end only."""
        domains = {name: dict(domain.devices) for name, domain in topology.domains.items()}
        for port in topology.ports:
            device = topology.device(port)
            if device.peer is None:
                continue
            key = f"domain.{port.domain}.device.{port.device}.peer"
            self.words([str(device.peer)], map(str, topology.ports), key, "port")
            other = domains[device.peer.domain][device.peer.device]
            pair = PAIRS[device.kind]
            if other.kind is not pair and PAIRS.get(other.kind) is not device.kind:
                raise self.fail(key, f"the other end of a {device.kind.value} is a {pair.value}, not a {other.kind.value}")
            if other.peer not in (None, port) or device.peer == port:
                raise self.fail(key, f"{device.peer} is at the other end of {other.peer}")
            domains[device.peer.domain][device.peer.device] = replace(other, peer=port)
        made = {name: replace(domain, devices=domains[name]) for name, domain in topology.domains.items()}
        return _with_outside(replace(topology, domains=made))

    def check(self, topology: Topology) -> None:
        owners: dict[Span, Port] = {}
        for domain in topology.domains.values():
            self.old_enough(domain)
        for port in topology.ports:
            self.no_ring(topology, port)
        for port in topology.ports:
            device, key = topology.device(port), f"domain.{port.domain}.device.{port.device}"
            if device.bridge:
                others = topology.domains[port.domain].devices
                bridges = [name for name, other in others.items() if other.kind is DeviceKind.BRIDGE]
                if not bridges:
                    raise self.fail(f"{key}.bridge", f"{port.domain} has no bridge {device.bridge!r}")
                self.words([device.bridge], bridges, f"{key}.bridge", "bridge")
            if device.kind is DeviceKind.NIC:
                if bool(device.wire) is (device.peer is not None):
                    raise self.fail(key, "a nic needs a wire, or if it is emulated for a guest a tap as its peer")
            elif device.kind in PAIRS and device.peer is None:
                raise self.fail(key, f"a {device.kind.value} needs a peer")
            if device.kind is DeviceKind.MACVTAP:
                below = topology.domains[port.domain].devices.get(device.lower)
                if below is None or below.kind not in SHARED or below.bridge or below.bond:
                    raise self.fail(f"{key}.lower", f"a macvtap sits on a card, VLAN or bond of {port.domain} that is in no bridge")
            if device.kind in SHARING:
                self.sharing(topology, port, device, key)
            if device.bond or device.kind in BUNDLING:
                self.bundled(topology, port, device, key)
            if device.kind in WRAPPING:
                below = topology.domains[port.domain].devices.get(device.lower)
                if below is None:
                    raise self.fail(f"{key}.lower", f"{port.domain} has no device {device.lower!r}")
                if below.kind in (DeviceKind.BRIDGE, DeviceKind.MACVTAP, DeviceKind.IPVLAN, *CARRIAGES) or below.bond:
                    raise self.fail(f"{key}.lower", f"a {device.kind.value} sits on a device of {port.domain} that is on a cable")
            if device.redirects_to:
                self.words([device.redirects_to], topology.domains[port.domain].devices, f"{key}.xdp", "device")
            self.redirected(topology, port, device, key)
            if device.kind is DeviceKind.VETH and device.peer is not None:
                kernels = [topology.domains[end.domain].preset for end in (port, device.peer)]
                if kernels[0] != kernels[1]:
                    raise self.fail(f"{key}.peer", f"both ends of a veth pair are in one kernel, but here in {kernels[0]} and {kernels[1]}")
            if device.kind is DeviceKind.VIRTIO and device.peer is not None:
                self.agreed(device, topology.device(device.peer), key)
            for span in device.spans if device.kind is not DeviceKind.LOOPBACK else ():
                if span in owners:
                    raise self.fail(f"{key}.address", f"{span} is the address of {owners[span]} too")
                owners[span] = port
        for port in topology.ports:
            if topology.device(port).kind is DeviceKind.BRIDGE:
                self.no_loop(topology, port)
        if topology.at:
            name = re.sub(":(in|out)$", "", topology.at)
            self.words([name], [str(port) for port in topology.ports] + [port.device for port in topology.ports], "at", "port")

    def old_enough(self, domain: Domain) -> None:
        """A kernel has what is asked of it."""
        for word, key in lacking(domain).items():
            raise self.fail(
                f"domain.{domain.name}.{key}",
                f"{domain.preset} has no {word}, which is of {AGES[word]}: take the preset {first_with(word)!r} or a later one; or if the "
                f'distribution\'s kernel has it, backported = ["{word}"] in [domain.{domain.name}]',
            )

    def sharing(self, topology: Topology, port: Port, device: Device, key: str) -> None:
        """What a macvlan or ipvlan sits on, and who else does: of a device all are of one kind, ipvlans of one mode."""
        below = stacking.below(port, device)
        self.words([str(below)], map(str, topology.ports), f"{key}.lower", "device")
        lower = topology.device(below)
        if lower.kind not in SHARED or lower.bridge or lower.bond:
            raise self.fail(f"{key}.lower", f"a {device.kind.value} sits on a card, VLAN or bond that is in no bridge and no bond")
        kernels = [topology.domains[end.domain].preset for end in (port, below)]
        if kernels[0] != kernels[1]:
            raise self.fail(
                f"{key}.lower", f"a {device.kind.value} and what it sits on are in one kernel, but here in {' and '.join(kernels)}"
            )
        if device.kind is DeviceKind.IPVLAN and stacked(topology, below):
            raise self.fail(f"{key}.lower", f"{below} cannot have an ipvlan beside a macvtap")
        for other in map(topology.device, stacking.sharers(topology, below)):
            alone = "passthru" in (device.mode, other.mode) and other is not device
            if other.kind is not device.kind or alone or (device.kind is DeviceKind.IPVLAN and other.mode != device.mode):
                words = [f"{one.kind.value} in mode {one.mode}" for one in (device, other)]
                raise self.fail(f"{key}.lower", f"{below} cannot have a {words[0]} beside a {words[1]}")

    def bundled(self, topology: Topology, port: Port, device: Device, key: str) -> None:
        """A bond has ports, and of them the active one; a port is of a bond."""
        devices = topology.domains[port.domain].devices
        if device.bond:
            self.words([device.bond], [name for name, one in devices.items() if one.kind in BUNDLING], f"{key}.bond", "bond or team")
            return
        ports = [name for name, one in devices.items() if one.bond == device.name]
        if not ports:
            raise self.fail(key, f'a {device.kind.value} needs ports: devices with bond = "{device.name}"')
        self.word(device.active, ports, f"{key}.active", "port")

    def redirected(self, topology: Topology, port: Port, device: Device, key: str) -> None:
        """Where tc sends what passes a device must be a device of the same kernel."""
        devices = topology.domains[port.domain].devices
        for word in ("tc-in", "tc-out"):
            name, inward = device.diverted(word.removeprefix("tc-"))
            if name:
                self.words([name], devices, f"{key}.{word}", "device")
                kind = devices[name].kind
                if kind not in (*PAIRS, DeviceKind.NIC) and (inward or kind is not DeviceKind.IFB):
                    also = "" if inward else "an ifb or "
                    raise self.fail(f"{key}.{word}", f"frames are redirected to {also}a device on a cable, and {name} is a {kind.value}")
                if name == device.name:
                    raise self.fail(f"{key}.{word}", "frames that are redirected to where they are go round for ever")

    def agreed(self, device: Device, tap: Device, key: str) -> None:
        """What a guest's device says to have negotiated must be what the host's tap can give, and what its XDP program needs."""
        header = options_of(tap)["vnet-hdr"]
        for name in ("VIRTIO_NET_F_CSUM", "VIRTIO_NET_F_GUEST_CSUM"):
            if device.virtio and negotiated(device, tap, name) and not header:
                raise self.fail(f"{key}.virtio", f"{name} cannot be offered by a tap without a header (vnet-hdr = false)")
        changeable = negotiated(device, tap, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS")
        if device.native_xdp and negotiated(device, tap, "VIRTIO_NET_F_GUEST_CSUM") and not changeable:
            raise self.fail(
                f"{key}.xdp",
                "the driver refuses an XDP program: VIRTIO_NET_F_GUEST_CSUM is on, and without VIRTIO_NET_F_CTRL_GUEST_OFFLOADS stays on",
            )

    def no_ring(self, topology: Topology, start: Port) -> None:
        """A device sits on others, and at last on one that sits on none."""
        seen, port, known = {start}, start, set(topology.ports)
        while topology.device(port).lower:
            port = stacking.below(port, topology.device(port))
            if port in seen:
                key = f"domain.{start.domain}.device.{start.device}.lower"
                raise self.fail(key, f"{start} sits on itself" + (f", by way of {port}" if port != start else ""))
            if port not in known:
                return
            seen.add(port)

    def no_loop(self, topology: Topology, start: Port) -> None:
        """A frame that comes back to a bridge by another of its ports would go round for ever."""
        todo: list[tuple[Port, Port | None]] = [(start, None)]
        seen = {start}
        while todo:
            bridge, entered = todo.pop()
            for port in members(topology, bridge):
                if port == entered:
                    continue
                for peer in neighbours(topology, port):
                    there = topology.device(peer).bridge
                    if not there:
                        continue
                    following = Port(peer.domain, there)
                    if following in seen:
                        raise self.fail(
                            f"domain.{port.domain}.device.{port.device}", f"closes a loop: {bridge} and {following} are joined twice"
                        )
                    seen.add(following)
                    todo.append((following, peer))


def _with_outside(topology: Topology) -> Topology:
    if any(domain.outside for domain in topology.domains.values()):
        return topology
    # The ports of a bond are one end.
    ends = {name: {stacking.bond_of(topology, port) or port for port in ports} for name, ports in topology.wires.items()}
    single = [name for name, ports in ends.items() if len(ports) == 1]
    domains = dict(topology.domains)
    for wire in single:
        name = "outside" if len(single) == 1 else f"outside-{wire}"
        if name not in domains:
            domains[name] = Domain(name, devices={"eth0": Device("eth0", DeviceKind.NIC, wire=wire)}, outside=True)
    return replace(topology, domains=domains)


def defaults(topology: Topology) -> Iterable[str]:
    """What was not said and is taken as default, for the devices whose features matter most."""
    for port in topology.ports:
        domain, device = topology.domains[port.domain], topology.device(port)
        if domain.outside or device.kind in (DeviceKind.BRIDGE, *CARRIAGES, *SHARING) or device.features:
            continue
        peer = topology.device(device.peer) if device.peer else None
        there = topology.domains[device.peer.domain] if device.peer else None
        on = [name for name in FEATURES if is_on(domain, device, peer, name, there)]
        yield f"{port}: features not given, taken from {domain.preset}: {', '.join(on) or 'none'}"
