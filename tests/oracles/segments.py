"""Segment routing in a namespace: a policy is a route that encapsulates, a segment a route that does what its behaviour says."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface

from csumlab.topology import forward
from csumlab.topology.model import Device, DeviceKind, Domain
from csumlab.topology.rules import Prefix

_TABLE = 100
"""The routing table of what is taken out: routes that point at this host and routes that point on, in one (End.DT6 looks into one)."""


def network(prefix: Prefix) -> str:
    """A prefix as iproute2 has it, with its version to be seen."""
    return f"{ip_interface((prefix.low, prefix.length)).network}" if prefix.version == 4 or prefix.low else f"::/{prefix.length}"


def leaving_by(domain: Domain, device: Device) -> str:
    """What a route to ``device`` says: of a policy its segments, and the device that the first of them is behind."""
    if device.kind is not DeviceKind.SEG6:
        return f"dev {device.name}"
    leaving, _ = forward.route(domain, device.way[0], beside=device.name)
    return f"encap seg6 mode encap segs {','.join(map(str, device.way))} dev {leaving.name}"


def commands(domain: Domain) -> Iterator[str]:
    """Commands of iproute2 for the segments of a domain, and for what it takes out at the last one."""
    policies = [device for device in domain.devices.values() if device.kind is DeviceKind.SEG6]
    others = [device for device in domain.devices.values() if device.kind is not DeviceKind.SEG6]
    for device in policies:
        yield f"sr tunsrc set {device.local}"
        via = domain.neighbours.get(device.local)
        action = f"End.DX6 nh6 {via}" if via else f"End.DT6 table {_TABLE}"
        yield f"route add {device.local}/128 encap seg6local action {action} dev {others[0].name}"
    for segment in domain.segments:
        via = domain.neighbours.get(segment)
        yield f"route add {segment}/128 encap seg6local action {f'End.X nh6 {via}' if via else 'End'} dev {others[0].name}"
    if not policies:
        return
    for device in others:
        for address in (ip_interface(text) for text in device.addresses if ":" in text):
            yield f"route add local {address.ip} dev {device.name} table {_TABLE}"
            yield f"route add {address.network} dev {device.name} table {_TABLE}"
    for route in domain.routes:
        if route.to.version == 6:
            via = f" via {route.via} onlink" if route.via else ""
            yield f"route add {network(route.to)}{via} {leaving_by(domain, domain.devices[route.device])} table {_TABLE}"
