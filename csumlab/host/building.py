"""From places to drafts: domains with devices and cables, tunnels, addresses. What is not known is a default and said to be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from csumlab.cards import DRIVERS
from csumlab.host.dump import HERE, Dump, Notes
from csumlab.host.featuring import features_for
from csumlab.host.guests import read_ovs, read_xenstore, renamed_vifs
from csumlab.host.links import Link
from csumlab.host.places import Place
from csumlab.host.settings import release_of
from csumlab.host.sorting import Sort, Sorted, sort_link
from csumlab.host.tunnels import Left, tunnel_of
from csumlab.host.wiring import End, device_below, veth_pairs
from csumlab.host.written import Draft
from csumlab.topology import stacking
from csumlab.topology.checking import BUNDLED, PAIRS, SHARED
from csumlab.topology.model import BUNDLING, CARRIAGES, SHARING, WRAPPING, Device, DeviceKind, Port
from csumlab.topology.options import GENERIC
from csumlab.topology.presets import PRESETS
from csumlab.topology.presets.versions import nearest_preset


@dataclass
class Open:
    """A device of a place whose other end is outside the dump: a guest has it."""

    draft: Draft
    place: Place
    link: Link
    kind: DeviceKind


@dataclass
class Work:
    """What is known while a topology is made: the drafts by name, which domain a place became, the devices that wait for their other
    end."""

    dump: Dump
    notes: Notes
    places: list[Place]
    preset: str
    why: str
    xenstore: Mapping[str, str]
    renamed: Mapping[str, tuple[int, int]]
    switched: Mapping[str, str]
    pairs: Mapping[End, End]
    drafts: dict[str, Draft] = field(default_factory=dict)
    domain_of: dict[str, str] = field(default_factory=dict)
    waiting: list[Open] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)

    def add(self, wanted: str, why: str) -> Draft:
        """A new domain; its name is made of what is wanted, and no other has it."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-")[:40] or "guest"
        name, number = plain, 2
        while name in self.drafts:
            name, number = f"{plain}-{number}", number + 1
        self.drafts[name] = Draft(name, self.preset, why)
        return self.drafts[name]


def build(dump: Dump, places: Sequence[Place], notes: Notes, name: str) -> Work:
    """The domains of the places. ``name`` is what this host shall be called; "" for dom0 or host."""
    preset, why = nearest_preset(release_of(dump.section("uname")))
    xenstore = read_xenstore(dump.section("xenstore"))
    work = Work(
        dump,
        notes,
        list(places),
        preset,
        why,
        xenstore,
        renamed_vifs(xenstore),
        read_ovs(dump.section("ovs")),
        veth_pairs(places, dump.section("own-names").text.split()),
    )
    is_xen = "control_d" in dump.section("xen").text or bool(xenstore)
    kept = {place.key: _kept(work, place) for place in places}
    for place in places:
        if not kept[place.key] and place.key != HERE:
            continue
        wanted = (name or ("dom0" if is_xen else "host")) if place.key == HERE else place.process or place.key.partition(":")[2]
        draft = work.add(wanted, work.why)
        work.domain_of[place.key] = draft.name
        told = "this host" if place.key == HERE else f"network namespace {place.key}"
        errors = ", ".join(f"{protocol} {count}" for protocol, count in place.counters.items())
        draft.above.append(told + (f"; InCsumErrors counted there: {errors}" if errors else ""))
    for place in places:
        if place.key in work.domain_of:
            _devices(work, work.drafts[work.domain_of[place.key]], place, kept[place.key], kept)
    _without_shared(work)
    return work


def _kept(work: Work, place: Place) -> dict[str, Sorted]:
    """The devices of a place that go into the topology; the others are told of."""
    vifs, bridges = frozenset(work.renamed), frozenset(work.switched.values())
    found: dict[str, Sorted] = {}
    for link in place.links:
        what = sort_link(link, place, vifs, bridges, PRESETS[work.preset])
        where = link.name if place.key == HERE else f"{place.key} {link.name}"
        if what.sort is Sort.LEFT:
            work.tail.append(f"left out: {where}: {what.remark}")
            if what.loud:
                work.notes.warn(f"{where}: left out: {what.remark}")
        elif what.sort is Sort.DEVICE and _used(work, place, link):
            found[link.name] = what
    for name in [name for name, what in found.items() if what.kind in BUNDLING]:
        ports = [other for other in place.links if other.master == name and other.name in found]
        if not ports:
            found[name] = Sorted(Sort.DEVICE, remark="without a port that is modelled: taken for one card", loud=True)
        for port in ports:
            if found[port.name].kind not in BUNDLED:
                del found[port.name]
                work.notes.warn(f"{port.name}: left out: a {port.kind} as a port of {name}")
    return found


def _used(work: Work, place: Place, link: Link) -> bool:
    """A veth that is down at both ends, without address and bridge, is not worth a cable."""
    if link.kind != "veth" or link.up or link.master or place.addresses_of(link.name):
        return True
    end = work.pairs.get(End(place.key, link.name))
    there = next((other for other in work.places if end is not None and other.key == end.place), None)
    far = there.link(end.name) if there is not None and end is not None else None
    return far is not None and there is not None and bool(far.up or far.master or there.addresses_of(far.name))


def _devices(work: Work, draft: Draft, place: Place, kept: Mapping[str, Sorted], everywhere: Mapping[str, Mapping[str, Sorted]]) -> None:
    links = {link.name: link for link in place.links}
    for name, what in kept.items():
        link = links[name]
        addresses = _addresses(work, draft, place, name) if what.kind is not DeviceKind.IFB else ()
        made = Device(name, what.kind, addresses=addresses, mtu=link.mtu)
        if (made.addresses and what.kind not in WRAPPING) or what.kind in (DeviceKind.NIC, DeviceKind.NETFRONT, DeviceKind.VIRTIO):
            made = replace(made, mac=int(link.mac.replace(":", ""), 16) if link.mac else None)
        bridge = work.switched.get(name, "") if link.master in ("", "ovs-system") else link.master
        if bridge and bridge != name:
            master = kept[bridge].kind if bridge in kept else None
            if master is DeviceKind.BRIDGE:
                made = replace(made, bridge=bridge)
            elif master in BUNDLING:
                made = replace(made, bond=bridge, addresses=(), mac=None)
            elif master is not DeviceKind.BATMAN:
                draft.note(name, f"a port of {bridge}, which is left out")
                work.notes.warn(f"{draft.name}:{name} is a port of {bridge}, which is not modelled")
        if what.remark:
            draft.note(name, what.remark)
            if what.loud:
                work.notes.warn(f"{draft.name}:{name}: {what.remark}")
        if what.kind is DeviceKind.NIC:
            driver = place.drivers.get(name, "")
            if driver in DRIVERS:
                draft.note(
                    name, f'driver {driver}: there are cards with faults; if this is one: card = "{DRIVERS[driver]}" (csumlab stages cards)'
                )
            # The ports of a bond lead to one segment.
            made = replace(made, wire=f"{draft.name}-{made.bond or name}" if place.key != HERE else f"wire-{made.bond or name}")
            draft.key_notes[name, "wire"] = "default: what is plugged in is not known; somebody outside is at the other end"
        elif what.kind in CARRIAGES:
            try:
                made = tunnel_of(draft, place, link, made, work.notes)
            except Left as reason:
                _leave(work, draft, name, str(reason))
                continue
        elif what.kind in WRAPPING:
            made = replace(made, lower=link.lower, id=link.vlan)
        elif what.kind in BUNDLING:
            made = replace(made, active=link.active)
        elif what.kind in (DeviceKind.MACVTAP, *SHARING):
            try:
                made = _sharing(work, place, link, made, everywhere)
            except Left as reason:
                _leave(work, draft, name, str(reason))
                continue
            if what.kind is DeviceKind.MACVTAP:
                work.waiting.append(Open(draft, place, link, what.kind))
        elif what.kind in PAIRS:
            end = _other_end(work, place, name, what, kept)
            if end is not None and end.name in everywhere.get(end.place, {}):
                made = replace(made, peer=Port(work.domain_of[end.place], end.name))
            elif end is not None:
                work.notes.warn(f"{draft.name}:{name}: left out: its other end {end.name} is")
                continue
            else:
                work.waiting.append(Open(draft, place, link, what.kind))
        if what.kind is DeviceKind.TAP:
            made = replace(made, options=_reader(draft, place, link))
        elif name in place.virtio and what.kind is DeviceKind.VIRTIO:
            made = replace(made, virtio=place.virtio[name])
            draft.key_notes[name, "virtio"] = "negotiated, as sysfs shows it"
        # Those of a macvtap are fixed, whatever ethtool shows of the device that it sits on.
        told = place.features.get(name, {}) if what.kind is not DeviceKind.MACVTAP else {}
        features = features_for(draft, name, what.kind, told, work.notes)
        draft.devices[name] = replace(made, features=features)
    _without_lower(work, draft)


def _sharing(work: Work, place: Place, link: Link, made: Device, everywhere: Mapping[str, Mapping[str, Sorted]]) -> Device:
    """A macvlan, ipvlan or macvtap with what it sits on. Raises Left with the reason."""
    below = device_below(place, link, work.places, work.dump.section("own-names").text.split())
    if below is None:
        raise Left(f"a {link.kind}, of which the dump does not say what it sits on")
    what = everywhere.get(below.place, {}).get(below.name)
    lower = next((one for other in work.places if other.key == below.place for one in other.links if one.name == below.name), None)
    if what is None or what.kind not in SHARED or lower is None or lower.master:
        why = "left out" if what is None else "a port of another device" if lower is not None and lower.master else f"a {what.kind.value}"
        raise Left(f"a {link.kind} on {below.name}, which is {why}")
    if made.kind is DeviceKind.MACVTAP:
        if below.place != place.key:
            raise Left(f"a {link.kind} on {below.name} of another namespace, which is not modelled")
        return replace(made, lower=below.name)
    domain = "" if below.place == place.key else f"{work.domain_of[below.place]}:"
    # An ipvlan has the hardware address of what it sits on.
    return replace(made, lower=f"{domain}{below.name}", mode=link.mode, mac=None if made.kind is DeviceKind.IPVLAN else made.mac)


def _without_shared(work: Work) -> None:
    """Leave out what shares a device that was left out after all."""
    for draft in work.drafts.values():
        for device in [device for device in draft.devices.values() if device.kind in (DeviceKind.MACVTAP, *SHARING)]:
            below = stacking.below(Port(draft.name, device.name), device)
            if below.device not in work.drafts[below.domain].devices:
                del draft.devices[device.name]
                work.waiting = [one for one in work.waiting if (one.draft, one.link.name) != (draft, device.name)]
                _leave(work, draft, device.name, f"a {device.kind.value} on {device.lower}, which is left out")


def _without_lower(work: Work, draft: Draft) -> None:
    """Leave out what sits on a device that is not there, or on one that is on no cable."""
    while True:
        found = [
            device
            for device in draft.devices.values()
            if device.kind in WRAPPING
            and (
                (below := draft.devices.get(device.lower)) is None
                or below.kind in (DeviceKind.BRIDGE, DeviceKind.MACVTAP, DeviceKind.IPVLAN, *CARRIAGES)
            )
        ]
        if not found:
            return
        for device in found:
            below = draft.devices.get(device.lower)
            why = f"a {below.kind.value}" if below else "left out"
            del draft.devices[device.name]
            _leave(work, draft, device.name, f"a {device.kind.value} on {device.lower}, which is {why}")


def _leave(work: Work, draft: Draft, name: str, reason: str) -> None:
    work.tail.append(f"left out: {draft.name}:{name}: {reason}")
    work.notes.warn(f"{draft.name}:{name}: left out: {reason}")


def _addresses(work: Work, draft: Draft, place: Place, name: str) -> tuple[str, ...]:
    """A device's addresses; one that a device before it has is left out, as the model knows each address once."""
    taken = {text.split("/")[0] for other in work.drafts.values() for device in other.devices.values() for text in device.addresses}
    found = []
    for address in place.addresses_of(name):
        host = address.text.split("/")[0]
        if host in taken:
            work.notes.warn(f"{draft.name}:{name}: address {address.text} is left out: another device of the dump has it too")
        else:
            taken.add(host)
            found.append(address.text)
    return tuple(found)


def _other_end(work: Work, place: Place, name: str, what: Sorted, kept: Mapping[str, Sorted]) -> End | None:
    """The other end of a veth if it is in the dump."""
    if what.kind is not DeviceKind.VETH:
        return None
    end = work.pairs.get(End(place.key, name))
    if end is None and what.remark:
        # XenLinux: veth0 and vif0.0 are one pair.
        other = f"veth{name[5:]}" if name.startswith("vif0.") else f"vif0.{name[4:]}"
        return End(place.key, other) if other in kept else None
    return end


def _reader(draft: Draft, place: Place, link: Link) -> dict[str, bool]:
    """What the program behind a tap has set: the kernel shows TUN_F_CSUM as tx-checksum-ip-generic (drivers/net/tun.c set_offload)."""
    options = {} if link.vnet_hdr is None else {"vnet-hdr": link.vnet_hdr}
    told = place.features.get(link.name, {}).get(GENERIC)
    if told is not None:
        options["TUN_F_CSUM"] = told.on
    if options:
        draft.key_notes[link.name, "options"] = "ip -d link, ethtool -k"
    return options
