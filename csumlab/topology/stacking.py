"""Devices that sit on others and add nothing to frames: macvlan and ipvlan on a device that they share, bonds and teams on their ports."""

from __future__ import annotations

from csumlab.packet import Span
from csumlab.topology.model import BUNDLING, Device, DeviceKind, Port, Topology
from csumlab.topology.model import below as below

MODES: dict[DeviceKind, tuple[str, ...]] = {
    DeviceKind.MACVLAN: ("bridge", "vepa", "private", "passthru"),
    DeviceKind.IPVLAN: tuple(mode + flag for mode in ("l2", "l3", "l3s") for flag in ("", " private", " vepa")),
}
"""The modes as iproute2 has them; a word behind that of an ipvlan is its flag, which is "bridge" if there is none."""
UNTOLD_MODE: dict[DeviceKind, str] = {DeviceKind.MACVLAN: "vepa", DeviceKind.IPVLAN: "l3"}
"""What the kernel makes where no mode is said (drivers/net/macvlan.c macvlan_common_newlink, drivers/net/ipvlan/ipvlan_main.c
ipvlan_link_new)."""


def joined(port: Port, device: Device) -> tuple[Port, ...]:
    """What the device at ``port`` sits on, or the bond that it is a port of."""
    lower = (below(port, device),) if device.lower else ()
    return (*lower, *((Port(port.domain, device.bond),) if device.bond else ()))


def sharers(topology: Topology, port: Port) -> tuple[Port, ...]:
    """The macvlan or ipvlan devices on ``port``, in whatever domain."""
    return topology.sharers.get(port, ())


def ports_of(topology: Topology, bond: Port) -> tuple[Port, ...]:
    """The ports of a bond or team that carry frames: the active one where one is said to be."""
    active = topology.device(bond).active
    devices = topology.domains[bond.domain].devices.values()
    return tuple(Port(bond.domain, device.name) for device in devices if device.bond == bond.device and active in ("", device.name))


def bond_of(topology: Topology, port: Port) -> Port | None:
    """The bond or team that ``port`` is a port of."""
    bond = topology.device(port).bond
    return Port(port.domain, bond) if bond else None


def is_bundle(topology: Topology, port: Port) -> bool:
    return topology.device(port).kind in BUNDLING


def reached_across(topology: Topology, port: Port) -> tuple[Port, ...]:
    """The others on the same device that a macvlan or ipvlan hands frames to without sending them (macvlan_queue_xmit,
    ipvlan_xmit_mode_l2, ipvlan_xmit_mode_l3)."""
    device = topology.device(port)
    if device.kind is DeviceKind.MACVLAN and device.mode != "bridge":
        return ()
    if device.kind is DeviceKind.IPVLAN and " " in device.mode:
        return ()
    others = sharers(topology, below(port, device))
    return tuple(other for other in others if other != port and topology.device(other).mode == device.mode)


def kept_apart(topology: Topology, port: Port, destination: Span) -> bool:
    """Whether an ipvlan drops what is for another one on its device, as they are private."""
    device = topology.device(port)
    others = sharers(topology, below(port, device))
    return device.mode.endswith(" private") and any(destination in topology.device(other).spans for other in others)


def takers_of_frames(topology: Topology, port: Port) -> tuple[tuple[Port, ...], bool]:
    """The macvlan and ipvlan devices that take frames which come in by ``port``, and whether its owner does too. An ipvlan in mode l3s
    takes packets behind the owner's routing, and no frames."""
    found = tuple(other for other in sharers(topology, port) if not topology.device(other).mode.startswith("l3s"))
    return found, all(topology.device(other).mode != "passthru" for other in found)


def taken_by_address(topology: Topology, port: Port, destination: Span, behind_routing: bool = False) -> Port | None:
    """The ipvlan on ``port`` that has ``destination``, and takes what comes in there for it, whomever the frame is for: before IP input
    (ipvlan_handle_mode_l3), or in mode l3s ``behind_routing`` (ipvlan_l3_rcv)."""
    for other in sharers(topology, port):
        device = topology.device(other)
        if device.kind is DeviceKind.IPVLAN and device.mode.startswith("l3s") is behind_routing and destination in device.spans:
            return other
    return None


def answering(topology: Topology, owner: Port) -> Port:
    """Who takes the frames for an address of ``owner``: of an ipvlan in mode l3s the device below."""
    device = topology.device(owner)
    return below(owner, device) if device.mode.startswith("l3s") else owner
