"""Ways across a segment: over cables, bridges and devices on devices to every IP stack that frames reach without a router. Decides paths,
never checksums.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from csumlab.packet import exactly
from csumlab.topology import stacking
from csumlab.topology.model import BUNDLING, CARRIAGES, SHARING, WRAPPING, Device, DeviceKind, Port, Topology


@dataclass(frozen=True, slots=True)
class Step:
    """One step across a segment: a packet leaves ``port``, crosses to ``peer``, and there meets a ``bridge``, an XDP program that takes it
    to another port (``redirected``), a filter of tc that does (``diverted``), a macvtap over it or a device below it (``stacked``), or ends
    the segment. ``turned``: a filter of tc takes it to ``peer`` before it leaves ``port``. ``wrapping`` is a VLAN or MACsec device: it
    wraps the frame on its way from it, as ``port``, down to the ``peer`` below, and unwraps it on its way up to it, as ``peer``, from the
    ``port`` below. ``upper`` is a macvlan, ipvlan, bond or team that hands the frame down or takes it in the same manner; ``across``: down
    to the device that it is on or to another on that one, as if it came in there. From a device to itself: the frame comes out of the
    tunnel there, is handed in there by tc, or what it is sent out of is a loopback device."""

    port: Port
    peer: Port
    bridge: str = ""
    redirected: bool = False
    stacked: bool = False
    wrapping: Port | None = None
    diverted: bool = False
    turned: bool = False
    upper: Port | None = None
    across: bool = False


Way = tuple[Step, ...]


def neighbours(topology: Topology, port: Port) -> tuple[Port, ...]:
    """The ports at the other end of ``port``'s cable: its peer, or all others on its wire; of a tunnel that carries frames its other end,
    if that is known."""
    device = topology.device(port)
    if device.peer is not None:
        return (device.peer,)
    if carries_frames(device):
        return tuple(other for other in topology.ports if other != port and _other_end(device, topology.device(other)))
    return tuple(other for other in topology.wires.get(device.wire, ()) if other != port)


def carries_frames(device: Device) -> bool:
    """Whether a device is a tunnel that may be the port of a bridge."""
    return device.kind in CARRIAGES and not device.is_raw


def leads_away(device: Device) -> bool:
    """Whether a device is where a segment goes on: a tunnel as the port of a bridge."""
    return bool(device.bridge) and carries_frames(device)


def _other_end(one: Device, other: Device) -> bool:
    if other.kind is not one.kind or other.encap != one.encap:
        return False
    return exactly(other.local) == exactly(one.remote) and exactly(other.remote) == exactly(one.local)


def members(topology: Topology, bridge: Port) -> tuple[Port, ...]:
    """The ports of a bridge."""
    domain = topology.domains[bridge.domain]
    return tuple(Port(domain.name, name) for name, device in domain.devices.items() if device.bridge == bridge.device)


def stacked(topology: Topology, port: Port) -> tuple[Port, ...]:
    """The ports that a frame is handed to within the same kernel without a bridge: from a macvtap the device it sits on, from that device
    the macvtaps. (Frames from one macvtap to another are not followed.)"""
    domain, device = topology.domains[port.domain], topology.device(port)
    if device.kind is DeviceKind.MACVTAP:
        return (Port(port.domain, device.lower),)
    return tuple(
        Port(port.domain, name) for name, above in domain.devices.items() if above.lower == port.device and above.kind is DeviceKind.MACVTAP
    )


def diversion(topology: Topology, port: Port, way: str) -> tuple[Port, bool] | None:
    """The port that tc sends what passes ``port`` on this way out of, or with True as if it came in there; None if nowhere else, or through
    an ifb and back."""
    name, inward = topology.device(port).diverted(way)
    found = Port(port.domain, name)
    return (found, inward) if name and topology.device(found).kind is not DeviceKind.IFB else None


_Wraps = tuple[tuple[DeviceKind, int], ...]
"""What a frame is wrapped in, outermost last: VLAN tags by number, MACsec, PPPoE."""


def unwrapping(topology: Topology, port: Port, wraps: _Wraps) -> Port | None:
    """The VLAN, MACsec or PPPoE device over ``port`` that a frame which is wrapped like this is for."""
    domain = topology.domains[port.domain]
    above = (name for name, device in domain.devices.items() if device.lower == port.device and (device.kind, device.id) == wraps[-1])
    return next((Port(port.domain, name) for name in above), None)


def _wraps(topology: Topology) -> list[_Wraps]:
    """What somebody outside may have wrapped a frame in: what devices of the host take off, one above the other."""
    found: dict[_Wraps, None] = {}
    for port in topology.ports:
        devices, name = topology.domains[port.domain].devices, port.device
        made: _Wraps = ()
        while name in devices and devices[name].kind in WRAPPING:
            made = (*made, (devices[name].kind, devices[name].id))
            name = devices[name].lower
        found |= {made: None} if made else {}
    return list(found)


def segment(topology: Topology, start: Port, inward: bool = False, by: Mapping[Port, Port] | None = None) -> dict[Port, Way]:
    """Every port with an IP stack that frames from ``start`` reach without a router, with the way there, shortest first; and tunnels that
    carry frames to where nobody is known. ``inward``: the frame does not leave by ``start``, it comes out of the tunnel there. ``by`` says
    of bonds which of their ports frames pass; of others the first that leads to a port is. Tagged frames are not followed into a tunnel."""
    search = _Search(topology, start, by or {})
    if inward:
        search.seen.add((start, ()))
        search.arrive(start, (), (), Step(start, start))
    else:
        for port in members(topology, start) if topology.device(start).kind is DeviceKind.BRIDGE else (start,):
            search.leave(port, (), ())
            for wrap in _wraps(topology) if topology.domains[start.domain].outside else ():
                search.leave(port, wrap, ())
    while search.todo:
        search.go_on(*search.todo.popleft())
    return search.found


class _Search:
    """Frames that are followed in every direction at once. ``todo``: the ports that they leave by next, what they are wrapped in there,
    and the way there."""

    def __init__(self, topology: Topology, start: Port, by: Mapping[Port, Port]) -> None:
        self.topology, self.start, self.by = topology, start, by
        self.found: dict[Port, Way] = {}
        self.todo: deque[tuple[Port, _Wraps, Way]] = deque()
        self.seen: set[tuple[Port, _Wraps]] = set()

    def is_new(self, port: Port, wraps: _Wraps) -> bool:
        """Whether frames that are wrapped like this come by ``port`` for the first time."""
        new = (port, wraps) not in self.seen
        self.seen.add((port, wraps))
        return new

    def leave(self, port: Port, wraps: _Wraps, way: Way) -> None:
        if self.is_new(port, wraps):
            self.todo.append((port, wraps, way))

    def arrive(self, peer: Port, wraps: _Wraps, way: Way, last: Step) -> None:
        """``last`` is the step to ``peer``."""
        topology = self.topology
        bond = stacking.bond_of(topology, peer)
        if bond is not None:
            carries = peer in stacking.ports_of(topology, bond) and self.by.get(bond, peer) == peer
            if carries and self.is_new(bond, wraps):
                self.arrive(bond, wraps, (*way, last), Step(peer, bond, upper=bond))
            return
        for other in stacked(topology, peer):
            self.leave(other, wraps, (*way, replace(last, stacked=True)))
        sharing, owner_too = stacking.takers_of_frames(topology, peer)
        for other in sharing:
            if self.is_new(other, wraps):
                self.arrive(other, wraps, (*way, last), Step(peer, other, upper=other))
        if not owner_too:
            return
        if wraps:
            above = unwrapping(topology, peer, wraps)
            if above is not None:
                self.arrive(above, wraps[:-1], (*way, last), Step(peer, above, wrapping=above))
                return
        bridge = topology.device(peer).bridge
        if not bridge:
            if not wraps or topology.domains[peer.domain].outside:
                self.found.setdefault(peer, (*way, last))
            return
        device = Port(peer.domain, bridge)
        step = replace(last, bridge=bridge)
        if not wraps and device != self.start and topology.device(device).addresses:
            self.found.setdefault(device, (*way, step))
        for other in members(topology, device):
            self.leave(other, wraps, (*way, step))

    def divert(self, onward: tuple[Port, bool], wraps: _Wraps, way: Way) -> None:
        """As :func:`diversion` says."""
        target, comes_in = onward
        if not comes_in:
            self.leave(target, wraps, way)
        elif self.is_new(target, wraps):
            self.arrive(target, wraps, way, Step(target, target))

    def go_on(self, port: Port, wraps: _Wraps, way: Way) -> None:
        """Out by ``port``, whatever device that is."""
        device = self.topology.device(port)
        elsewhere = diversion(self.topology, port, "out")
        if elsewhere is not None:
            self.divert(elsewhere, wraps, (*way, Step(port, elsewhere[0], turned=True)))
        elif device.kind in WRAPPING:
            below = Port(port.domain, device.lower)
            self.leave(below, (*wraps, (device.kind, device.id)), (*way, Step(port, below, wrapping=port)))
        elif device.kind is DeviceKind.LOOPBACK:
            self.found.setdefault(port, (*way, Step(port, port)))
        elif device.kind in BUNDLING:
            for below in stacking.ports_of(self.topology, port):
                if self.by.get(port, below) == below:
                    self.leave(below, wraps, (*way, Step(port, below, upper=port)))
        elif device.kind in SHARING:
            self.share(port, device, wraps, way)
        elif carries_frames(device):
            self.carry(port, wraps, way)
        else:
            self.cross(port, wraps, way)

    def share(self, port: Port, device: Device, wraps: _Wraps, way: Way) -> None:
        """From a macvlan or ipvlan to others on the same device, and by that."""
        below = stacking.below(port, device)
        for other in stacking.reached_across(self.topology, port):
            if not self.is_new(other, wraps):
                continue
            if device.kind is DeviceKind.MACVLAN:
                self.arrive(other, wraps, (*way, Step(port, below, upper=port, across=True)), Step(below, other, upper=other))
            else:
                self.arrive(other, wraps, way, Step(port, other, upper=port, across=True))
        if not device.routed:
            self.leave(below, wraps, (*way, Step(port, below, upper=port)))

    def carry(self, port: Port, wraps: _Wraps, way: Way) -> None:
        """To the other end of a tunnel."""
        beyond = neighbours(self.topology, port) if not wraps else ()
        if not beyond and not wraps:
            self.found.setdefault(port, way)
        for peer in beyond:
            if self.is_new(peer, wraps):
                self.arrive(peer, wraps, way, Step(port, peer))

    def cross(self, port: Port, wraps: _Wraps, way: Way) -> None:
        """To the other end of a cable."""
        for peer in neighbours(self.topology, port):
            if not self.is_new(peer, wraps):
                continue
            redirect = self.topology.device(peer).redirects_to
            onward = diversion(self.topology, peer, "in")
            if redirect:
                self.leave(Port(peer.domain, redirect), wraps, (*way, Step(port, peer, redirected=True)))
            elif onward is not None:
                self.divert(onward, wraps, (*way, Step(port, peer, diverted=True)))
            elif self.topology.device(peer).kind is DeviceKind.MACVTAP:
                for other in stacked(self.topology, peer):
                    self.leave(other, wraps, (*way, Step(port, peer, stacked=True)))
            else:
                self.arrive(peer, wraps, way, Step(port, peer))
