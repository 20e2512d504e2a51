"""Routes, translation rules, forwarding, connection tracking and sysctls of a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_interface

from csumlab.host.building import Work
from csumlab.host.changes import FILL, copied, drops_invalid, filled_by, offloaded, place_changes, redirected, taken
from csumlab.host.network import Way
from csumlab.host.places import Place
from csumlab.host.rules import resolve
from csumlab.host.written import Draft
from csumlab.packet import exactly
from csumlab.topology.options import KNOBS
from csumlab.topology.presets import PRESETS
from csumlab.topology.rules import Prefix, Route

_OLD_NAMES = {"net.netfilter.nf_conntrack_checksum": "net/ipv4/netfilter/ip_conntrack_checksum"}


def add_routes(work: Work, draft: Draft, place: Place) -> None:
    """The main table, best route of each prefix; what the prefixes of the addresses say already is not repeated."""
    best: dict[str, Way] = {}
    for way in sorted((*place.routes, *_peers(place)), key=lambda way: way.metric):
        if way.to in best:
            if (best[way.to].device, best[way.to].via) != (way.device, way.via):
                draft.above.append(f"left out: route to {way.to} by {way.device}: one of a lower metric or before it is there")
            continue
        best[way.to] = way
    for way in best.values():
        text = f"{draft.name}: route to {way.to}" + (f" by {way.device}" if way.device else "")
        if way.kind != "unicast":
            if way.kind not in ("local", "broadcast", "multicast", "anycast"):
                work.notes.warn(f"{text} is left out: kind {way.kind} is not modelled")
            continue
        if way.encap:
            policy = ': a policy of segment routing is a device, kind = "seg6"' if way.encap == "seg6" else ""
            work.notes.warn(f"{text} is left out, as it does more than that ({way.encap}){policy}")
            continue
        if way.device not in draft.devices:
            if way.device != "lo":
                work.notes.warn(f"{text} is left out: the device is")
            continue
        own = [str(ip_interface(address).network) for address in draft.devices[way.device].addresses]
        if not way.via and way.to in own:
            continue
        via = exactly(way.via) if way.via else None
        to = Prefix.parse(way.to)
        if via is not None and via.version != to.version:
            work.notes.warn(f"{text}: the next hop {way.via} of another IP version is left out")
            via = None
        if way.several:
            work.notes.warn(f"{text}: the first of several next hops is taken")
        draft.routes.append((Route(to, way.device, via), "the first of several next hops" if way.several else ""))


def _peers(place: Place) -> Sequence[Way]:
    """The other ends of point-to-point links, which the topology knows only as routes."""
    return [Way(address.peer, address.device) for address in place.addresses if address.peer]


def _add_changes(work: Work, draft: Draft, place: Place) -> None:
    """What rules and filters change beside translation."""
    known = PRESETS[draft.preset].editors
    for where, edit in place_changes(place.changes, draft.devices, draft.forwarding, work.notes):
        if edit.by not in known:
            work.notes.warn(f"{where}: {edit.by} is not modelled for {draft.preset}: left out")
            continue
        if edit.by == "nfqueue":
            work.notes.warn(f'{where}: a program decides (NFQUEUE); taken for one that edits nothing: program = "..." says how it behaves')
        draft.edits.append((edit, where))
    rule = drops_invalid(place.changes)
    if rule:
        draft.drops_invalid, draft.key_notes["", "drops-invalid"] = True, rule
    draft.local += taken(place.changes, draft.devices, work.notes)
    draft.copies += copied(place.changes, draft.devices, work.notes)
    for name, way, target in redirected(place.changes, draft.devices, work.notes):
        device = draft.devices[name]
        draft.devices[name] = replace(device, tc_in=target) if way == "in" else replace(device, tc_out=target)
    known_here = PRESETS[draft.preset].flowtable is not None
    draft.flowtable = offloaded(place.changes, place.offloading, draft.devices, known_here, work.notes)
    for name, where in filled_by(place.changes, draft.devices, work.notes).items():
        device = draft.devices[name]
        draft.devices[name] = replace(device, options={**device.options, FILL: True})
        draft.key_notes[name, "options"] = "; ".join(filter(None, (draft.key_notes.get((name, "options"), ""), where)))


def add_settings(work: Work, draft: Draft, place: Place) -> None:
    """Forwarding, rules, connection tracking, sysctls; each with a remark where it is a default."""
    sysctls, notes = place.sysctls, work.notes
    if "net/ipv4/ip_forward" not in sysctls:
        draft.above.append("default: whether it forwards is not in the dump: no")
    four = sysctls.get("net/ipv4/ip_forward") == 1
    six = sysctls.get("net/ipv6/conf/all/forwarding") == 1
    draft.forwarding = four or six
    if four != six and draft.forwarding:
        draft.key_notes["", "forwarding"] = f"of IPv{4 if four else 6} only; the model has one setting for both"
    differing = [
        key.split("/")[3]
        for key, value in sysctls.items()
        if key.startswith("net/ipv4/conf/") and key.endswith("/forwarding") and key.split("/")[3] in draft.devices and (value == 1) != four
    ]
    if differing:
        notes.warn(f"{draft.name}: forwarding differs on {', '.join(differing)}; the model has one setting for all")
    for where, rule in resolve(place.rules, draft.devices, notes):
        draft.nat.append((rule, where))
    _add_changes(work, draft, place)
    loaded = "net/netfilter/nf_conntrack_checksum" in sysctls or "conntrack" in work.dump.section("modules").text
    if place.tracks is None:
        draft.conntrack = loaded
        known = "its module is loaded" if loaded else "its module is not loaded"
        draft.above.append(f"default: the rules could not be read; connection tracking by whether {known}")
        if loaded:
            notes.warn(f"{draft.name}: no rules could be read (nft -j or iptables-save is needed); translation is unknown")
    else:
        draft.conntrack = place.tracks
    for knob in KNOBS:
        value = sysctls.get(knob.replace(".", "/"), sysctls.get(_OLD_NAMES.get(knob, ""), -1))
        if value >= 0:
            draft.sysctl[knob] = bool(value)
