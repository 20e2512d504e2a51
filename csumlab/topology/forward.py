"""Where a packet goes: neighbours, ways across bridges and wires, routes. Decides paths, never checksums.

Everything that cannot be decided is an exception with the reason; nothing is guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from csumlab.packet import Span, exactly
from csumlab.topology import stacking
from csumlab.topology.intervals import ANYBODYS, GROUPS, LOOPED, OF_ONE_LINK, Range
from csumlab.topology.model import BUNDLING, CARRIAGES, SHARING, WRAPPING, Device, DeviceKind, Domain, Port, Topology


class Unreachable(Exception):
    """No way can be told; ``reason`` is a clause that follows "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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


def segment(topology: Topology, start: Port, inward: bool = False, by: Mapping[Port, Port] | None = None) -> dict[Port, tuple[Step, ...]]:
    """Every port with an IP stack that frames from ``start`` reach without a router, with the way there, shortest first; and tunnels that
    carry frames to where nobody is known. ``inward``: the frame does not leave by ``start``, it comes out of the tunnel there. ``by`` says
    of bonds which of their ports frames pass; of others the first that leads to a port is. Tagged frames are not followed into a tunnel."""
    chosen = by or {}
    found: dict[Port, tuple[Step, ...]] = {}
    todo: deque[tuple[Port, _Wraps, tuple[Step, ...]]] = deque()
    seen: set[tuple[Port, _Wraps]] = set()

    def leave(port: Port, wraps: _Wraps, way: tuple[Step, ...]) -> None:
        if (port, wraps) not in seen:
            seen.add((port, wraps))
            todo.append((port, wraps, way))

    def arrive(peer: Port, wraps: _Wraps, way: tuple[Step, ...], last: Step) -> None:
        """``last`` is the step to ``peer``."""
        bond = stacking.bond_of(topology, peer)
        if bond is not None:
            if (bond, wraps) not in seen and peer in stacking.ports_of(topology, bond) and chosen.get(bond, peer) == peer:
                seen.add((bond, wraps))
                arrive(bond, wraps, (*way, last), Step(peer, bond, upper=bond))
            return
        for other in stacked(topology, peer):
            leave(other, wraps, (*way, replace(last, stacked=True)))
        sharing, owner_too = stacking.takers_of_frames(topology, peer)
        for other in sharing:
            if (other, wraps) not in seen:
                seen.add((other, wraps))
                arrive(other, wraps, (*way, last), Step(peer, other, upper=other))
        if not owner_too:
            return
        if wraps:
            above = unwrapping(topology, peer, wraps)
            if above is not None:
                arrive(above, wraps[:-1], (*way, last), Step(peer, above, wrapping=above))
                return
        bridge = topology.device(peer).bridge
        if not bridge:
            if not wraps or topology.domains[peer.domain].outside:
                found.setdefault(peer, (*way, last))
            return
        device = Port(peer.domain, bridge)
        step = replace(last, bridge=bridge)
        if not wraps and device != start and topology.device(device).addresses:
            found.setdefault(device, (*way, step))
        for other in members(topology, device):
            leave(other, wraps, (*way, step))

    def divert(onward: tuple[Port, bool], wraps: _Wraps, way: tuple[Step, ...]) -> None:
        target, comes_in = onward
        if not comes_in:
            leave(target, wraps, way)
        elif (target, wraps) not in seen:
            seen.add((target, wraps))
            arrive(target, wraps, way, Step(target, target))

    if inward:
        seen.add((start, ()))
        arrive(start, (), (), Step(start, start))
    else:
        for port in members(topology, start) if topology.device(start).kind is DeviceKind.BRIDGE else (start,):
            leave(port, (), ())
            for wrap in _wraps(topology) if topology.domains[start.domain].outside else ():
                leave(port, wrap, ())
    while todo:
        port, wraps, way = todo.popleft()
        device = topology.device(port)
        elsewhere = diversion(topology, port, "out")
        if elsewhere is not None:
            divert(elsewhere, wraps, (*way, Step(port, elsewhere[0], turned=True)))
            continue
        if device.kind in WRAPPING:
            below = Port(port.domain, device.lower)
            leave(below, (*wraps, (device.kind, device.id)), (*way, Step(port, below, wrapping=port)))
            continue
        if device.kind is DeviceKind.LOOPBACK:
            found.setdefault(port, (*way, Step(port, port)))
            continue
        if device.kind in BUNDLING:
            for below in stacking.ports_of(topology, port):
                if chosen.get(port, below) == below:
                    leave(below, wraps, (*way, Step(port, below, upper=port)))
            continue
        if device.kind in SHARING:
            below = stacking.below(port, device)
            for other in stacking.reached_across(topology, port):
                if (other, wraps) not in seen:
                    seen.add((other, wraps))
                    if device.kind is DeviceKind.MACVLAN:
                        arrive(other, wraps, (*way, Step(port, below, upper=port, across=True)), Step(below, other, upper=other))
                    else:
                        arrive(other, wraps, way, Step(port, other, upper=port, across=True))
            if not device.routed:
                leave(below, wraps, (*way, Step(port, below, upper=port)))
            continue
        if carries_frames(device):
            beyond = neighbours(topology, port) if not wraps else ()
            if not beyond and not wraps:
                found.setdefault(port, way)
            for peer in beyond:
                if (peer, wraps) not in seen:
                    seen.add((peer, wraps))
                    arrive(peer, wraps, way, Step(port, peer))
            continue
        for peer in neighbours(topology, port):
            if (peer, wraps) in seen:
                continue
            seen.add((peer, wraps))
            redirect = topology.device(peer).redirects_to
            if redirect:
                leave(Port(peer.domain, redirect), wraps, (*way, Step(port, peer, redirected=True)))
                continue
            onward = diversion(topology, peer, "in")
            if onward is not None:
                divert(onward, wraps, (*way, Step(port, peer, diverted=True)))
                continue
            if topology.device(peer).kind is DeviceKind.MACVTAP:
                for other in stacked(topology, peer):
                    leave(other, wraps, (*way, Step(port, peer, stacked=True)))
            else:
                arrive(peer, wraps, way, Step(port, peer))
    return found


def route(domain: Domain, destination: Span, beside: str = "") -> tuple[Device, Span]:
    """The device a packet leaves by and the next hop's address. Longest prefix first, connected prefixes before routes of equal length.
    ``beside`` is a device whose routes do not count."""
    if domain.loopback is not None and (is_local(domain, destination) or is_looped(destination)):
        return domain.loopback, destination
    best: tuple[int, int, Device, Span] | None = None
    for device in domain.devices.values():
        for prefix in device.prefixes:
            if prefix.covers(destination) and (best is None or prefix.length >= best[0]):
                best = (prefix.length, 1, device, destination)
    for entry in domain.routes:
        if entry.device != beside and entry.to.covers(destination) and (best is None or entry.to.length > best[0]):
            best = (entry.to.length, 0, domain.devices[entry.device], entry.via or destination)
    if best is None:
        devices = [device for device in domain.devices.values() if device.kind is not DeviceKind.LOOPBACK]
        tops = [device for device in devices if not device.bridge and not device.bond and device.kind not in CARRIAGES]
        if domain.outside or (len(tops) == 1 and len(devices) == 1):
            return tops[0], destination
        raise Unreachable(f"{domain.name} has no route to {destination.named('the destination')}")
    return best[2], best[3]


def next_hop(domain: Domain, device: Device, destination: Span) -> Span:
    """Whom a packet is for that leaves by ``device`` whatever other routes say: without a route there, the destination itself."""
    ways = [entry for entry in domain.routes if entry.device == device.name and entry.to.covers(destination)]
    if any(prefix.covers(destination) for prefix in device.prefixes) or not ways:
        return destination
    return max(ways, key=lambda entry: entry.to.length).via or destination


def next_stop(topology: Topology, sender: Port, hop: Span, destination: Span, inward: bool = False) -> Port:
    """The port on the segment of ``sender`` that answers for the next hop: who has its address, who has the destination's,
    the one that stands for the outside, the only other one, the only other one that forwards to the destination. A tunnel to where nobody
    is known counts as the outside. ``inward`` as for :func:`segment`."""
    reachable = segment(topology, sender, inward)
    for address in (hop, destination):
        owner = topology.owners.get(address)
        if owner is not None and owner not in reachable:
            owner = stacking.answering(topology, owner)
        if owner in reachable and owner is not None:
            taker = stacking.taken_by_address(topology, owner, destination)
            return taker if taker in reachable and taker is not None else owner
    if topology.line is not None:
        return next((end for end in topology.line if end in reachable), next(iter(reachable), sender))
    serving = [
        port for port in reachable if not leads_away(topology.device(port)) and _serves(topology.domains[port.domain], destination, port)
    ]
    if len(serving) == 1:
        return serving[0]
    outside = [port for port in reachable if topology.domains[port.domain].outside or leads_away(topology.device(port))]
    if len(outside) == 1:
        return outside[0]
    if len(reachable) == 1 and not serving:
        return next(iter(reachable))
    if not reachable:
        raise Unreachable(f"nothing is connected to {sender}")
    raise Unreachable(f"several ports on the segment of {sender} may answer for {hop.named('the next hop')}")


def _serves(domain: Domain, destination: Span, port: Port) -> bool:
    """Whether a domain has the destination as one of its own, or a way to it by another device."""
    if any(destination in device.spans for device in domain.devices.values()):
        return True
    if not domain.forwarding or domain.outside:
        return False
    prefixes = [(prefix, name) for name, device in domain.devices.items() for prefix in device.prefixes]
    prefixes += [(entry.to, entry.device) for entry in domain.routes if entry.to.length]
    return any(prefix.covers(destination) and name != port.device for prefix, name in prefixes)


def following(topology: Topology, segment: Span, source: Span | None) -> Span | None:
    """What comes behind a segment on the way that somebody's policy sends packets, rather that of ``source``; None if no policy has it."""
    policies = [device for port in topology.ports if (device := topology.device(port)).kind is DeviceKind.SEG6]
    for device in sorted(policies, key=lambda one: exactly(one.local) != source):
        if segment in device.way[:-1]:
            return device.way[device.way.index(segment) + 1]
    return None


def owner_of(topology: Topology, address: Span) -> Domain | None:
    """The domain that has ``address``; None if nobody modelled has it."""
    port = topology.owners.get(address)
    return topology.domains[port.domain] if port else None


def is_local(domain: Domain, destination: Span) -> bool:
    return any(destination in device.spans for device in domain.devices.values())


def is_group(address: Span) -> bool:
    """Multicast, or IPv4's limited broadcast."""
    return _lies_in(address, GROUPS)


def is_looped(address: Span) -> bool:
    """Whether every host has the address of itself."""
    return _lies_in(address, LOOPED)


def is_anybodys(source: Span) -> bool:
    """Whether an address tells nothing of who sends."""
    return _lies_in(source, ANYBODYS)


def stays_on_its_link(group: Span) -> bool:
    """Whether no router hands packets to a group on."""
    return _lies_in(group, OF_ONE_LINK)


def _lies_in(address: Span, ranges: Iterable[Range]) -> bool:
    return any(address.version == version and address.within(low, high) for version, low, high in ranges)
