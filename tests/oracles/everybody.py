"""The running kernel and packets to everybody: all copies are seen at once, each of which is one walk of the model."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from csumlab.trace import Fate

from . import namespaces
from .ports import Sight
from .predict import Expected, Origin, Prediction, predictions, unsummed
from .probes import made
from .sockets import COUNTERS, PORT
from .world import Observed, World

_LINK = 14
_MRT_INIT, _MRT_ADD_VIF, _MRT_ADD_MFC = 200, 202, 204
_VIFF_USE_IFINDEX = 8
_MAXVIFS = 32
PATIENCE = 0.1
"""Seconds to wait for copies. Who gets one is the question, so that nothing says when all have come."""


def hardware_address(group: str) -> bytes:
    """Where frames to a group, or to everybody, go (RFC 1112 section 6.4, RFC 2464 section 7)."""
    address = ip_address(group)
    if not address.is_multicast:
        return b"\xff" * 6
    last = address.packed[-4:]
    return b"\x33\x33" + last if address.version == 6 else b"\x01\x00\x5e" + bytes([last[1] & 0x7F]) + last[2:]


def join(world: World, domain: str, device: str, group: str) -> None:
    """Have the socket of a host take what comes to a group by a device."""
    with world.inside(domain):
        index, address = socket.if_nametoindex(device), ip_address(group).packed
    if ":" in group:
        world.sockets[domain].udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, address + struct.pack("=I", index))
    else:
        world.sockets[domain].udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, address + bytes(4) + struct.pack("=i", index))


@contextmanager
def routing_groups(world: World, domain: str, way_in: str, way_out: str, source: str, group: str) -> Iterator[None]:
    """Within, a host routes what ``source`` sends to a group on (include/uapi/linux/mroute.h). Raises Untestable."""
    with world.inside(domain):
        try:
            router = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
            router.setsockopt(socket.IPPROTO_IP, _MRT_INIT, 1)
        except OSError as error:
            raise namespaces.Untestable(f"this kernel routes no groups ({error.strerror})") from None
        for number, name in enumerate((way_in, way_out)):
            vif = struct.pack("=HBBIi4x", number, _VIFF_USE_IFINDEX, 1, 0, socket.if_nametoindex(name))
            router.setsockopt(socket.IPPROTO_IP, _MRT_ADD_VIF, vif)
        limits = bytes([0, 1]) + bytes(_MAXVIFS - 2)
        route = socket.inet_aton(source) + socket.inet_aton(group) + struct.pack("=H", 0) + limits + bytes(2 + 16)
        router.setsockopt(socket.IPPROTO_IP, _MRT_ADD_MFC, route)
    with router:
        yield


def by_a_program(world: World, domain: str, device: str, source: str, group: str, number: int) -> tuple[list[Prediction], Observed]:
    """A datagram of a socket; its sender's kernel sums it or not."""
    mark = b"csum" + number.to_bytes(4, "big")
    before = world.begin()
    with world.inside(domain), socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if ":" in source:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(device))
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 9)
        else:
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 9)
        one.bind((source, 0))
        one.sendto(mark + bytes(16), (group, PORT))
    observed = world.observe(before, mark, lambda found: False, PATIENCE)
    frame = next(sight.frame for sight in observed.sights[domain] if (sight.device, sight.way) == (device, "out"))
    return _said(world, Origin(world.topology, domain, unsummed(frame, world.topology.tables), None)), observed


def by_a_guest(world: World, domain: str, source: str, group: str, condition: str, number: int) -> tuple[list[Prediction], Observed]:
    """A datagram out of the only device of a domain that is played, in a condition of tests/oracles/probes.py."""
    port = next(port for port in world.topology.ports if port.domain == domain)
    probe = made("udp", condition, number, (hardware_address(group), world.macs[port]), source, group)
    before = world.begin()
    world.send(port, probe.virtio, probe.frame)
    observed = world.observe(before, probe.mark, lambda found: False, PATIENCE)
    return _said(world, Origin(world.topology, domain, probe.frame, probe.state)), observed


def _said(world: World, origin: Origin) -> list[Prediction]:
    """One prediction for each copy; who is played has no sockets that a copy would come back to."""
    return [
        one
        for one in predictions(origin, frozenset(world.played), {})
        if origin.domain not in world.played or not any(hop.stage.name == "looped-back" for hop in one.trace.hops)
    ]


def faults(world: World, said: Sequence[Prediction], observed: Observed) -> Iterator[str]:
    """Where the copies that were seen are not those of the model."""
    domains = dict.fromkeys([*observed.sights, *(name for one in said for name in one.seen)])
    for domain in domains:
        expected = [one for prediction in said for one in prediction.seen.get(domain, [])]
        seen = observed.sights.get(domain, [])
        places = {(one.device, one.way) for one in expected}, {(sight.device, sight.way) for sight in seen}
        if places[0] != places[1]:
            yield f"{domain}: the model has copies at {sorted(places[0])}, the kernel at {sorted(places[1])}"
        for one in expected:
            if not any(_is_like(one, sight) for sight in seen):
                yield f"{domain}: {one.device} {one.way}: nothing is like {one.virtio}, {one.data.hex()}"
    for domain in world.real:
        ends = {one.fate: one for one in said if one.domain == domain}
        payload, counted = observed.delivered.get(domain), observed.counted.get(domain, {})
        text = f"{domain}: the model says {', '.join(fate.value for fate in ends) or 'nothing'}"
        if (Fate.ACCEPTED in ends) is not (payload is not None):
            yield f"{text}, a socket got {payload!r}"
        elif payload is not None and payload != ends[Fate.ACCEPTED].payload:
            yield f"{domain}: a socket got other bytes"
        if (Fate.REJECTED in ends) is not any(COUNTERS[word] == "rejected" for word in counted):
            yield f"{text}, counted is {counted}"


def _is_like(one: Expected, sight: Sight) -> bool:
    place = (sight.device, sight.way, sight.virtio, sight.frame[_LINK:]) == (one.device, one.way, one.virtio, one.data)
    return place and one.verified in (None, sight.verified)
