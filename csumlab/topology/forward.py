"""Where a packet goes: routes, and who takes it on a segment. Decides paths, never checksums.

Everything that cannot be decided is an exception with the reason; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

from csumlab.packet import Span, exactly
from csumlab.topology import stacking, ways
from csumlab.topology.intervals import ANYBODYS, GROUPS, LOOPED, OF_ONE_LINK, Range
from csumlab.topology.model import CARRIAGES, Device, DeviceKind, Domain, Port, Topology


class Unreachable(Exception):
    """No way can be told; ``reason`` is a clause that follows "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
    is known counts as the outside. ``inward`` as for :func:`csumlab.topology.ways.segment`."""
    reachable = ways.segment(topology, sender, inward)
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
        port
        for port in reachable
        if not ways.leads_away(topology.device(port)) and _serves(topology.domains[port.domain], destination, port)
    ]
    if len(serving) == 1:
        return serving[0]
    outside = [port for port in reachable if topology.domains[port.domain].outside or ways.leads_away(topology.device(port))]
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
