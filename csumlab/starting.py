"""The topology that explains who talks to whom in a capture with the least: guests or containers on a bridge, or a host with one card,
and somebody outside. All settings are defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from csumlab.stations import Neighbourhood
from csumlab.topology.checking import PAIRS
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.rules import Prefix, Route

XEN_MAC: Final = "00:16:3e"
"""The vendor prefix of Xen guests (IEEE OUI registry, XenSource)."""
QEMU_MAC: Final = "52:54:00"
"""The prefix of locally administered addresses that QEMU and libvirt give to guests."""
LINUX: Final = "linux-6.1"
MOST_HOSTS: Final = 16
"""Guests of a suggested topology."""
MOST_ADDRESSES: Final = 256
"""Addresses of one device of it."""


@dataclass(frozen=True)
class Start:
    """``names`` are the domains that stand for local stations; ``left`` says that there were more of these than are in it."""

    topology: Topology
    names: Mapping[str, str] = field(default_factory=dict)
    left: bool = False


def start_from(near: Neighbourhood) -> Start:
    """A topology in which the local stations of the capture are what their hardware addresses look like."""
    local = near.local[:MOST_HOSTS]
    if len(local) <= 1 and not any(_guest(near, station) for station in local):
        return _one_card(near, local)
    return _bridged(near, local)


def _guest(near: Neighbourhood, station: str) -> DeviceKind | None:
    """The card of a guest that has such a hardware address, or that leaves to it what only a veth takes."""
    if station in near.crc:
        return DeviceKind.VETH
    prefixes = {XEN_MAC: DeviceKind.NETFRONT, QEMU_MAC: DeviceKind.VIRTIO}
    return prefixes.get(station[:8]) if _number(station) is not None else None


def _number(station: str) -> int | None:
    """The hardware address that a station is known by; None if it is an IP address."""
    return int(station.replace(":", ""), 16) if len(station) == 17 and station.count(":") == 5 else None


def _one_card(near: Neighbourhood, local: tuple[str, ...]) -> Start:
    station = local[0] if local else ""
    card = Device("eth0", DeviceKind.NIC, _number(station), _addresses(near, station) or ("192.0.2.10/24",), wire="lan")
    domains = {"host": Domain("host", _preset(near, station), {"eth0": card})}
    _add_behind(domains, near, station, Port("host", "eth0"))
    return Start(_with_outside(domains, "host:eth0"), dict.fromkeys(local, "host"))


def _bridged(near: Neighbourhood, local: tuple[str, ...]) -> Start:
    """Guests, or containers, on a bridge with a card. Beside guests the first that is none is taken for the host itself."""
    kinds = {station: _guest(near, station) for station in local}
    xen = DeviceKind.NETFRONT in kinds.values()
    host, bridge = ("dom0", "xenbr0") if xen else ("host", "br0")
    itself = next((station for station in local if kinds[station] is None), "") if any(kinds.values()) else ""
    devices = {bridge: Device(bridge, DeviceKind.BRIDGE, _number(itself), _addresses(near, itself))}
    domains = {host: Domain(host)}
    places, ports = {itself: Port(host, bridge)}, {itself: Port(host, bridge)}
    for station in local:
        if station == itself:
            continue
        kind = kinds[station] or DeviceKind.VETH
        name, port = _cable(kind, sum(there.device == "eth0" for there in places.values()))
        places[station], ports[station] = Port(name, "eth0"), Port(host, port)
        devices[port] = Device(port, PAIRS[kind], bridge=bridge, peer=places[station])
        near_end = Device("eth0", kind, _number(station), _addresses(near, station), peer=ports[station])
        domains[name] = Domain(name, _preset(near, station) if kinds[station] else LINUX, {"eth0": near_end})
    devices["eth0"] = Device("eth0", DeviceKind.NIC, wire="lan", bridge=bridge)
    domains[host] = Domain(host, devices=devices)
    for station in local:
        _add_behind(domains, near, station, places[station])
    # A host sees frames of Windows behind the driver that made the sums of their IPv4 headers.
    at = next((places[one] if one in near.headless and kinds[one] else ports[one] for one in near.between(local)), None)
    apart = all(not {one.sender, one.receiver} <= {*local} for one in near.ends if one.receiver)
    names = {station: places[station].domain for station in local}
    return Start(_with_outside(domains, str(at or Port(host, "eth0" if apart else bridge))), names, len(near.local) > len(local))


def _preset(near: Neighbourhood, station: str) -> str:
    return "windows" if station in near.headless else LINUX


def _cable(kind: DeviceKind, number: int) -> tuple[str, str]:
    """Names of a guest and of its device in the host; ``number`` guests are there already."""
    count = "" if not number else str(number + 1)
    if kind is DeviceKind.NETFRONT:
        return f"domU{count}", f"vif{number + 1}.0"
    return (f"guest{count}", f"vnet{number}") if kind is DeviceKind.VIRTIO else (f"container{count}", f"veth{number}")


def _addresses(near: Neighbourhood, station: str) -> tuple[str, ...]:
    return tuple(address + ("/64" if ":" in address else "/24") for address in near.own.get(station, ())[:MOST_ADDRESSES])


def _add_behind(domains: dict[str, Domain], near: Neighbourhood, station: str, port: Port) -> None:
    """What a local router forwards for: somebody at the other end of a veth pair, who may leave sums to it."""
    addresses = near.behind.get(station, ())[:MOST_ADDRESSES]
    if not addresses:
        return
    domain, far = domains[port.domain], Port(f"behind-{port.domain}", "eth0")
    inner = Device("behind0", DeviceKind.VETH, peer=far)
    routes = [Route(Prefix.parse(address), inner.name) for address in addresses]
    routes += [Route(Prefix.parse(everything), port.device) for everything in ("0.0.0.0/0", "::/0")]
    domains[port.domain] = replace(domain, devices={**domain.devices, inner.name: inner}, routes=tuple(routes), forwarding=True)
    single = tuple(f"{address}/{128 if ':' in address else 32}" for address in addresses)
    end = Device(far.device, DeviceKind.VETH, addresses=single, peer=Port(port.domain, inner.name))
    domains[far.domain] = Domain(far.domain, devices={far.device: end})


def _with_outside(domains: dict[str, Domain], at: str) -> Topology:
    outside = Domain("outside", devices={"eth0": Device("eth0", DeviceKind.NIC, wire="lan")}, outside=True)
    return Topology({**domains, "outside": outside}, at)
