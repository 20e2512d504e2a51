"""Where a packet goes: neighbours, ways across bridges and wires, routes, translation rules. Decides paths, never checksums.

Everything that cannot be decided is an exception with the reason; nothing is guessed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from csumlab.headers import Layer
from csumlab.machine import Translation
from csumlab.packet import Header, Span, exactly
from csumlab.topology.intervals import ANYBODYS, GROUPS, OF_ONE_LINK, Range
from csumlab.topology.model import CARRIAGES, WRAPPING, Device, DeviceKind, Domain, Nat, NatKind, Port, Topology


class Unreachable(Exception):
    """No way can be told; ``reason`` is a clause that follows "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Step:
    """One step across a segment: a packet leaves ``port``, crosses to ``peer``, and there meets a ``bridge``, an XDP program that takes it
    to another port (``redirected``), a filter of tc that does (``diverted``), a macvtap over it or a device below it (``stacked``), or ends
    the segment. ``wrapping`` is a VLAN or MACsec device: it wraps the frame on its way from it, as ``port``, down to the ``peer`` below,
    and unwraps it on its way up to it, as ``peer``, from the ``port`` below. From a tunnel device to itself: the frame comes out of the
    tunnel there."""

    port: Port
    peer: Port
    bridge: str = ""
    redirected: bool = False
    stacked: bool = False
    wrapping: Port | None = None
    diverted: bool = False


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


def diversion(topology: Topology, port: Port) -> Port | None:
    """The port that tc sends what comes in by ``port`` out of; None if nowhere else, or through an ifb and back."""
    name = topology.device(port).tc_in
    found = Port(port.domain, name)
    return found if name and topology.device(found).kind is not DeviceKind.IFB else None


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


def segment(topology: Topology, start: Port, inward: bool = False) -> dict[Port, tuple[Step, ...]]:
    """Every port with an IP stack that frames from ``start`` reach without a router, with the way there, shortest first; and tunnels that
    carry frames to where nobody is known. ``inward``: the frame does not leave by ``start``, it comes out of the tunnel there. Tagged
    frames are not followed into a tunnel."""
    found: dict[Port, tuple[Step, ...]] = {}
    todo: deque[tuple[Port, _Wraps, tuple[Step, ...]]] = deque()
    seen: set[tuple[Port, _Wraps]] = set()

    def leave(port: Port, wraps: _Wraps, way: tuple[Step, ...]) -> None:
        if (port, wraps) not in seen:
            seen.add((port, wraps))
            todo.append((port, wraps, way))

    def arrive(peer: Port, wraps: _Wraps, way: tuple[Step, ...], last: Step) -> None:
        """``last`` is the step to ``peer``."""
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
        if device.kind in WRAPPING:
            below = Port(port.domain, device.lower)
            leave(below, (*wraps, (device.kind, device.id)), (*way, Step(port, below, wrapping=port)))
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
            onward = diversion(topology, peer)
            if onward is not None:
                leave(onward, wraps, (*way, Step(port, peer, diverted=True)))
                continue
            for other in stacked(topology, peer):
                leave(other, wraps, (*way, Step(port, peer, stacked=True)))
            if topology.device(peer).kind is not DeviceKind.MACVTAP:
                arrive(peer, wraps, way, Step(port, peer))
    return found


def route(domain: Domain, destination: Span, beside: str = "") -> tuple[Device, Span]:
    """The device a packet leaves by and the next hop's address. Longest prefix first, connected prefixes before routes of equal length.
    ``beside`` is a device whose routes do not count."""
    best: tuple[int, int, Device, Span] | None = None
    for device in domain.devices.values():
        for prefix in device.prefixes:
            if prefix.covers(destination) and (best is None or prefix.length >= best[0]):
                best = (prefix.length, 1, device, destination)
    for entry in domain.routes:
        if entry.device != beside and entry.to.covers(destination) and (best is None or entry.to.length > best[0]):
            best = (entry.to.length, 0, domain.devices[entry.device], entry.via or destination)
    if best is None:
        tops = [device for device in domain.devices.values() if not device.bridge and device.kind not in CARRIAGES]
        if domain.outside or (len(tops) == 1 and len(domain.devices) == 1):
            return tops[0], destination
        raise Unreachable(f"{domain.name} has no route to {destination.named('the destination')}")
    return best[2], best[3]


def next_stop(topology: Topology, sender: Port, hop: Span, destination: Span, inward: bool = False) -> Port:
    """The port on the segment of ``sender`` that answers for the next hop: who has its address, who has the destination's,
    the one that stands for the outside, the only other one, the only other one that forwards to the destination. A tunnel to where nobody
    is known counts as the outside. ``inward`` as for :func:`segment`."""
    reachable = segment(topology, sender, inward)
    for address in (hop, destination):
        owner = topology.owners.get(address)
        if owner in reachable and owner is not None:
            return owner
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


def owner_of(topology: Topology, address: Span) -> Domain | None:
    """The domain that has ``address``; None if nobody modelled has it."""
    port = topology.owners.get(address)
    return topology.domains[port.domain] if port else None


def is_local(domain: Domain, destination: Span) -> bool:
    return any(destination in device.spans for device in domain.devices.values())


def is_group(address: Span) -> bool:
    """Multicast, or IPv4's limited broadcast."""
    return _lies_in(address, GROUPS)


def is_anybodys(source: Span) -> bool:
    """Whether an address tells nothing of who sends."""
    return _lies_in(source, ANYBODYS)


def stays_on_its_link(group: Span) -> bool:
    """Whether no router hands packets to a group on."""
    return _lies_in(group, OF_ONE_LINK)


def _lies_in(address: Span, ranges: Iterable[Range]) -> bool:
    return any(address.version == version and address.within(low, high) for version, low, high in ranges)


def _matches(rule: Nat, transport: Header | None, port: Span | None) -> bool:
    if rule.protocol and (transport is None or transport.layer is not Layer[rule.protocol.upper()]):
        return False
    return not rule.port or (port is not None and port.within(rule.port, rule.port))


def meant(transport: Header | None) -> Header | None:
    """The transport header by which a connection is known: of an ICMP error the one that it quotes, seen from the other side."""
    if transport is None or not transport.quotes:
        return transport
    quoted = next((header for header in transport.quote if not header.is_ip), None)
    return replace(quoted, source=quoted.destination, destination=quoted.source) if quoted else None


def translate_source(domain: Domain, leaving: Device, ip: Header, transport: Header | None) -> Translation | None:
    """What POSTROUTING does to a new connection that leaves by ``leaving``, or, for a DNAT rule, to its replies."""
    assert ip.source is not None
    assert ip.destination is not None
    transport = meant(transport)
    for rule in domain.tracked:
        if rule.kind is NatKind.DNAT:
            if rule.device == leaving.name and rule.address == ip.source and _is_reply(rule, transport):
                own = _own_address(leaving, ip.source.version)
                return Translation(source=own, source_port=_span(rule.port) if rule.to_port else None, by=rule.by, helper=rule.helper)
        elif (
            rule.device == leaving.name
            and _is_of(rule, ip.source)
            and (rule.source is None or rule.source.covers(ip.source))
            and _matches(rule, transport, None)
        ):
            address = rule.address or _own_address(leaving, ip.source.version)
            if address is not None and address != ip.source:
                return Translation(source=address, source_port=_span(rule.to_port), by=rule.by, helper=rule.helper)
    return None


def translate_destination(
    topology: Topology, domain: Domain, entering: Device, ip: Header, transport: Header | None
) -> Iterator[tuple[str, Translation | None]]:
    """What PREROUTING may do to a packet that comes in by ``entering``: every possibility with a name. More than one where only the
    connection table, which was not seen, could tell."""
    assert ip.destination is not None
    assert ip.source is not None
    transport = meant(transport)
    for rule in domain.tracked:
        if not _is_of(rule, ip.destination):
            continue
        mine = ip.destination in entering.spans
        if rule.kind is NatKind.DNAT:
            if (
                rule.device == entering.name
                and mine
                and rule.address
                and _matches(rule, transport, transport.destination if transport else None)
            ):
                edit = Translation(destination=rule.address, destination_port=_span(rule.to_port), by=rule.by, helper=rule.helper)
                yield (f"the rule to {rule.address}", edit)
                return
        elif rule.device == entering.name and ip.destination in (rule.address, *entering.spans):
            inside = [
                span
                for span, port in topology.owners.items()
                if port.domain != domain.name and (rule.source is None or rule.source.covers(span))
            ]
            inside = [
                span
                for span in inside
                if span.version == ip.destination.version and not topology.domains[topology.owners[span].domain].outside
            ]
            if rule.source is None and not inside:
                continue
            if not inside and rule.source is not None:
                inside = [rule.source.span]
            for span in inside:
                port = Span(0, 0, 0xFFFF) if rule.to_port else None
                yield (f"a reply to {span}", Translation(destination=span, destination_port=port, by=rule.by, helper=rule.helper))
            yield ("a packet to this host itself", None)
            return
    yield ("", None)


def exchanges(topology: Topology, domain: Domain, ip: Header) -> Iterator[tuple[str, Translation | None]]:
    """What a translator between IPv4 and IPv6 may do to a packet that comes in: every possibility with a name, as
    :func:`translate_destination` has them."""
    assert ip.source is not None
    assert ip.destination is not None
    for rule in domain.nat64:
        put = partial(Translation, prefix=rule.prefix.span, shift=rule.shift, by=rule.by)
        if rule.address.version == 6:
            if rule.inside.covers(ip.source) and not is_local(domain, ip.destination):
                yield ("", put(rule.address, rule.within(ip.destination)))
                return
            if ip.destination != rule.address or not rule.prefix.covers(ip.source):
                continue
        elif rule.inside.covers(ip.source) and rule.prefix.covers(ip.destination):
            yield ("", put(rule.address, rule.without(ip.destination)))
            return
        if ip.destination == rule.address:
            source = rule.without(ip.source) if ip.source.version == 6 else rule.within(ip.source)
            hosts = [span for span, port in topology.owners.items() if rule.inside.covers(span) and port.domain != domain.name]
            for span in hosts:
                yield ("" if rule.inside.span.exact else f"NAT64 to {span}", put(source, span))
            if not hosts or (rule.address.version == 4 and is_local(domain, ip.destination)):
                yield ("a packet to this host itself", None)
            return
    yield ("", None)


def _is_of(rule: Nat, address: Span) -> bool:
    """Whether a rule is about this version of IP: one that names an address or a prefix is about that's only."""
    named = rule.address or rule.source
    return named is None or named.version == address.version


def _is_reply(rule: Nat, transport: Header | None) -> bool:
    number = rule.to_port or rule.port
    if rule.protocol and (transport is None or transport.layer is not Layer[rule.protocol.upper()]):
        return False
    return not number or (transport is not None and transport.source is not None and transport.source.within(number, number))


def _own_address(device: Device, version: int) -> Span | None:
    return next((span for span in device.spans if span.version == version), None)


def _span(port: int) -> Span | None:
    return Span(0, port, port) if port else None
