"""Packets to everybody: which addresses stand for groups, who sends to them by which device, and who gets a copy. Decides ways only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from csumlab.packet import Span
from csumlab.topology.forward import is_group
from csumlab.topology.model import WRAPPING, Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.ways import Step, carries_frames, leads_away, segment


def floods(topology: Topology, sender: Port, destination: Span) -> bool:
    """Whether a packet out of ``sender`` is for everybody on its segment: sent to a group, or to the network's broadcast address."""
    if is_group(destination):
        return True
    prefixes = topology.device(sender).prefixes
    return destination in topology.broadcasts and (not prefixes or any(prefix.is_last(destination) for prefix in prefixes))


def ways_out(domain: Domain, source: Span) -> list[str]:
    """The devices by which a domain may send to a group from ``source``: the one with this address, else all that may have one."""
    own = [name for name, device in domain.devices.items() if source in device.spans]
    return own or [
        name
        for name, device in domain.devices.items()
        if not device.bridge and not device.bond and device.kind not in (DeviceKind.MACVTAP, DeviceKind.IFB, DeviceKind.LOOPBACK)
    ]


def takers(
    topology: Topology, sender: Port, seen_at: Port | None, inward: bool = False, wrapped: bool = False
) -> tuple[dict[str, Port], bool]:
    """Who takes a copy of what ``sender`` sends to everybody, in words and as the port whose way it goes, and whether there are others:
    of those that are alike the first stands for all, and of what goes into a tunnel one. With ``seen_at`` only copies that may come by
    there. ``inward`` as for :func:`csumlab.topology.ways.segment`. ``wrapped``: in the frame stand headers that some device puts before
    a packet, and who has a device that takes them off takes it."""
    # An ipvlan in a mode of layer 3 takes nothing that is for everybody: it looks for its own addresses.
    ways = {target: way for target, way in segment(topology, sender, inward).items() if not topology.device(target).routed}
    if wrapped:
        ways = {target: way for target, way in ways.items() if any(step.wrapping == step.peer for step in way)} or ways
    found: dict[str, Port] = {}
    kept: list[object] = []
    for target, way in ways.items():
        tunnel = next((step.port for step in way if carries_frames(topology.device(step.port)) and step.port != step.peer), None)
        tunnel = tunnel or (target if leads_away(topology.device(target)) else None)
        if seen_at is not None and tunnel is None and not _may_show(topology, seen_at, sender, target, way):
            continue
        likeness = (tunnel,) if tunnel else tuple(_likeness(topology, target, way))
        if likeness not in kept:
            kept.append(likeness)
            found[f"sent into {tunnel}" if tunnel else f"taken by {target}"] = target
    return found, len(ways) > 1


def _may_show(topology: Topology, seen_at: Port, sender: Port, target: Port, way: tuple[Step, ...]) -> bool:
    passed = {sender, target} | {port for step in way for port in (step.port, step.peer, Port(step.peer.domain, step.bridge))}
    return seen_at in passed or bool(topology.domains[target.domain].multicast)


def _likeness(topology: Topology, target: Port, way: tuple[Step, ...]) -> Iterator[object]:
    """What a copy meets on its way, without the names and addresses."""
    for step in way:
        yield bool(step.bridge), step.redirected, step.diverted, step.turned, step.stacked, step.across
        yield from (_nameless(topology.device(port)) for port in (step.port, step.peer))
        yield replace(topology.domains[step.peer.domain], name="", devices={}, routes=())
    yield bool(topology.domains[target.domain].devices[target.device].addresses)


def _nameless(device: Device) -> Device:
    lower = device.lower if device.kind in WRAPPING else ""
    return replace(device, name="", mac=None, addresses=(), peer=None, bridge="", wire="", lower=lower, bond="")
