"""Guests behind devices of a host: a domain at the other end of every vif, tap and unpaired veth, with what configurations, xenstore,
bridges and neighbour tables tell of it. All else about a guest is a default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface, ip_network

from csumlab.host.building import Open, Work
from csumlab.host.dump import Dump
from csumlab.host.featuring import tell_defaults
from csumlab.host.guests import Card, Configured, read_proxmox, read_virsh, read_xl, xen_card, xen_guest
from csumlab.host.places import Place
from csumlab.host.sorting import VIF
from csumlab.host.written import Draft
from csumlab.packet import exactly
from csumlab.topology.checking import PAIRS
from csumlab.topology.model import Device, DeviceKind, Port
from csumlab.topology.rules import Prefix, Route

MAX_ADDRESSES = 8
"""Addresses that a guest may get from the neighbour table."""
_MADE_UP = {DeviceKind.NETFRONT: ("dom0", "vif1.0", "xenbr0"), DeviceKind.VIRTIO: ("host", "tap0", "br0")}
"""For a guest's card what its host is called, the device there, and the bridge that this is in."""
_PROXMOX = re.compile(r"(tap|veth)(\d{1,9})i(\d{1,2})")


@dataclass(frozen=True, slots=True)
class _Found:
    """A guest's card: ``owner`` tells cards of one guest from those of another, ``source`` is who told of it."""

    owner: str
    name: str
    card: Card
    source: str


@dataclass(frozen=True)
class _Lists:
    """What the host's managers say of their guests."""

    xl: Mapping[int, str]
    machines: Mapping[str, Configured]
    containers: Mapping[str, Configured]
    libvirt: Mapping[str, tuple[str, int, str]]

    @classmethod
    def of(cls, dump: Dump) -> _Lists:
        return cls(
            read_xl(dump.section("xl")),
            read_proxmox(dump.section("proxmox-qemu-server")),
            read_proxmox(dump.section("proxmox-lxc")),
            read_virsh(dump.section("virsh")),
        )


def add_guests(work: Work) -> None:
    """Give every device that waits its other end."""
    lists = _Lists.of(work.dump)
    by_owner: dict[str, Draft] = {}
    for opened in work.waiting:
        if opened.kind in _MADE_UP:
            _hypervisor(work, opened)
            continue
        found = _identify(work, opened, lists)
        draft = by_owner.get(found.owner)
        if draft is None:
            draft = by_owner[found.owner] = work.add(found.name, "default: a guest's kernel is not in the dump")
            draft.above.append(f"a guest, known by {found.source}; what is not marked otherwise is a default")
        _card(work, opened, draft, found.card)


def _identify(work: Work, opened: Open, lists: _Lists) -> _Found:
    """Whose card is at the other end of a device."""
    name = opened.link.name
    if opened.kind is DeviceKind.VIF:
        match = VIF.fullmatch(name)
        domid, handle = work.renamed.get(name) or ((int(match[1]), int(match[2])) if match else (0, 0))
        guest = xen_guest(work.xenstore, domid)
        label = guest.name if guest.source == "xenstore" else lists.xl.get(domid, guest.name)
        return _Found(f"xen {domid}", label, xen_card(work.xenstore, domid, handle), guest.source)
    if name in lists.libvirt:
        label, number, mac = lists.libvirt[name]
        return _Found(f"libvirt {label}", label, Card(f"eth{number}", mac), "libvirt")
    proxmox = _PROXMOX.fullmatch(name)
    if proxmox:
        kind, guest_id, number = proxmox[1], proxmox[2], int(proxmox[3])
        known = (lists.machines if kind == "tap" else lists.containers).get(guest_id)
        card = (known.cards.get(number) if known else None) or Card(f"eth{number}")
        label = (known.name if known else "") or f"guest{guest_id}"
        return _Found(f"proxmox {guest_id}", label, card, "Proxmox's configuration" if known else "the device's name")
    return _Found(f"behind {opened.place.key} {name}", f"behind-{name}", Card("eth0"), "the device's name")


def _card(work: Work, opened: Open, draft: Draft, card: Card) -> None:
    """The guest's end of a cable, and the cable."""
    host, name = opened.draft.name, opened.link.name
    inside = card.name if card.name not in draft.devices else f"{card.name}-{name}"
    kind = PAIRS[opened.kind]
    near = opened.draft.devices[name]
    # The guest's card has the hardware address of its macvtap.
    mac = card.mac or (opened.link.mac if opened.kind is DeviceKind.MACVTAP else _learned_mac(opened.place, name))
    addresses, source = card.addresses, "configuration"
    if not addresses:
        addresses, source = _neighbours(opened.place, near, mac), "neighbour table"
    addresses = tuple(text for text in (_with_length(opened.place, near, text) for text in addresses) if not _is_taken(work, text))
    number = int(mac.replace(":", ""), 16) if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac) else None
    tell_defaults(draft, inside, kind)
    far = Port(draft.name, inside)
    cable = Port(host, name)
    draft.devices[inside] = Device(inside, kind, number, addresses, peer=cable, xenstore=card.frontend, mtu=opened.link.mtu)
    opened.draft.devices[name] = replace(near, peer=far, xenstore=card.backend)
    draft.key_notes[inside, "address"] = source
    for key, device_draft, device in (("xenstore", draft, inside), ("xenstore", opened.draft, name)):
        device_draft.key_notes[device, key] = "xenstore-ls"
    if card.gateway:
        draft.routes.append((Route(Prefix.parse("default"), inside, exactly(card.gateway)), "configuration"))
    elif len(draft.devices) == 1:
        _default_route(opened, draft, inside, addresses)


def _default_route(opened: Open, draft: Draft, inside: str, addresses: tuple[str, ...]) -> None:
    """A guess for a guest of a host that routes: by the host's address on the guest's prefix."""
    if not opened.place.sysctls.get("net/ipv4/ip_forward"):
        return
    near = opened.draft.devices[opened.link.name]
    serving = opened.draft.devices.get(near.bridge, near)
    bridged = [device for device in opened.draft.devices.values() if device.bridge == serving.name and device.kind is DeviceKind.NIC]
    gateways = {way.via for way in opened.place.routes}
    for text in addresses:
        if text.split("/")[0] in gateways:
            return
        network = ip_interface(text).network
        via = next((own.split("/")[0] for own in serving.addresses if ip_interface(own).ip in network), "")
        if via and network.version == 4 and not bridged:
            draft.routes.append((Route(Prefix.parse("default"), inside, exactly(via)), "default: this host routes for the guest"))
            return


def _learned_mac(place: Place, name: str) -> str:
    """The one hardware address that a bridge learned behind a port; "" if it learned none, or several."""
    learned = {entry.mac for entry in place.entries if entry.device == name and not entry.own}
    return learned.pop() if len(learned) == 1 else ""


def _neighbours(place: Place, near: Device, mac: str) -> tuple[str, ...]:
    """Addresses that answered with a hardware address on the device or its bridge; on a device without a bridge whoever answered."""
    device = near.bridge or near.name
    fitting = [entry.address for entry in place.neighbours if entry.device == device and (entry.mac == mac or not near.bridge)]
    return tuple(dict.fromkeys(fitting))[:MAX_ADDRESSES]


def _with_length(place: Place, near: Device, text: str) -> str:
    """An address with the prefix length that the host has on the same segment; a single address if it has none."""
    if "/" in text:
        return text
    address = ip_interface(text).ip
    for own in place.addresses_of(near.bridge or near.name):
        network = ip_network(own.text, strict=False)
        if network.version == address.version and address in network:
            return f"{text}/{network.prefixlen}"
    return f"{address}/{address.max_prefixlen}"


def _is_taken(work: Work, text: str) -> bool:
    host = text.split("/")[0]
    found = any(
        host == other.split("/")[0] for draft in work.drafts.values() for device in draft.devices.values() for other in device.addresses
    )
    if found:
        work.notes.warn(f"address {text} of a guest is left out: another device of the dump has it too")
    return found


def _hypervisor(work: Work, opened: Open) -> None:
    """This host is a guest itself: a host that bridges it to a wire is made up."""
    name = opened.link.name
    kind = PAIRS[opened.kind]
    label, near, bridge = _MADE_UP[opened.kind]
    outer = work.add(f"{label}-of-{name}", "default: the host of this guest is not in the dump")
    outer.above.append(f"default: a host that bridges {name} to a wire; nothing of it is in the dump")
    for device in (
        Device(near, kind, bridge=bridge, peer=Port(opened.draft.name, name)),
        Device("eth0", DeviceKind.NIC, wire=f"wire-of-{outer.name}", bridge=bridge),
    ):
        outer.devices[device.name] = device
        tell_defaults(outer, device.name, device.kind)
    outer.devices[bridge] = Device(bridge, DeviceKind.BRIDGE)
    opened.draft.devices[name] = replace(opened.draft.devices[name], peer=Port(outer.name, near))
