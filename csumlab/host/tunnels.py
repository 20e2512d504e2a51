"""Tunnel devices of a dump as devices of the model: both ends, what goes around a packet, who makes which sum."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from csumlab.host.dump import Notes, without_zone
from csumlab.host.links import Link
from csumlab.host.peers import Transformation
from csumlab.host.places import Place
from csumlab.host.written import Draft
from csumlab.topology.model import CARRIAGES, Device, DeviceKind
from csumlab.topology.presets import PRESETS
from csumlab.topology.rules import Prefix, Route

_NOWHERE = "00:00:00:00:00:00"
"""The address of a VXLAN device's forwarding table that stands for all that is not known."""


class Left(Exception):
    """A tunnel device that has no place in the model; ``str()`` is the reason."""


def tunnel_of(draft: Draft, place: Place, link: Link, made: Device, notes: Notes) -> Device:
    """The device with both ends and its options. Raises Left."""
    told = link.tunnel
    if told.external:
        raise Left("routes or a program name the other end of each packet (external)")
    port, options = told.port, dict[str, bool]()
    local, remote = told.local, "" if told.group else told.remote
    match made.kind:
        case DeviceKind.WIREGUARD:
            remote, port = _peer(draft, place, link, notes)
        case DeviceKind.L2TP:
            session = place.sessions[link.name]
            local, remote, port = session.local, session.remote, session.port
            made = replace(made, encap="udp" if port else "")
            options = {"udpcsum": session.summed} if port else {}
            if port and not session.verified and ":" in remote:
                options["udp6zerocsumrx"] = True
        case DeviceKind.VXLAN if not remote:
            remote = _flooded(draft, place, link, notes)
    local, remote = _ends(draft, place, link, local, remote)
    version = ip_address(remote).version
    if version not in CARRIAGES[made.kind].outer:
        raise Left(f"a {made.kind.value} that travels in IPv{version}")
    if made.kind in (DeviceKind.VXLAN, DeviceKind.GENEVE):
        sums = told.udpcsum if version == 4 else None if told.zero_send is None else not told.zero_send
        options |= {} if sums is None else {"udpcsum": sums}
        options |= {"udp6zerocsumrx": told.zero_receive} if told.zero_receive is not None else {}
        options |= {word: True for word, on in (("remcsumtx", told.remcsum_send), ("remcsumrx", told.remcsum_receive)) if on}
    if told.encap in ("fou", "gue"):
        port = told.encap_port or port
        if told.encap == "fou" and not 0 < port < 0x10000:
            raise Left("Foo over UDP to a port that the dump does not say")
        made = replace(made, encap=told.encap)
        options |= {"encap-csum": told.encap_csum} | ({"encap-remcsum": True} if told.encap_remcsum else {})
    elif told.encap not in ("", "none"):
        raise Left(f"encapsulation {told.encap} is not modelled")
    if told.csum and made.encap:
        draft.note(link.name, "GRE's own sum inside UDP is not modelled: taken for a tunnel without it")
        notes.warn(f"{draft.name}:{link.name}: GRE's own sum inside UDP is not modelled: taken for a tunnel without it")
    elif told.csum:
        options["csum"] = True
    return replace(made, local=local, remote=remote, port=port if 0 < port < 0x10000 else 0, options=options)


def add_transformations(draft: Draft, place: Place, notes: Notes) -> None:
    """A device for each end of IPsec, and for each policy a route to it."""
    made: dict[tuple[str, str, bool, int], str] = {}
    for one in place.transformations:
        problem = one.problem or _unfit(draft, one)
        if problem:
            notes.warn(f"{draft.name}: IPsec to {one.to}: left out: {problem}")
            continue
        key = (one.local, one.remote, one.transport, one.port)
        if key not in made:
            made[key] = name = _free(draft)
            options = {"transport": True} if one.transport else {}
            draft.devices[name] = Device(
                name, DeviceKind.ESP, local=one.local, remote=one.remote, encap="udp" if one.port else "", port=one.port, options=options
            )
            draft.note(name, "policies of IPsec (ip xfrm policy); a policy's source prefix has no place in the model")
        draft.routes.append((Route(Prefix.parse(one.to), made[key]), "ip xfrm policy"))


def _unfit(draft: Draft, one: Transformation) -> str:
    if DeviceKind.ESP not in PRESETS[draft.preset].carrying:
        return "the preset has it not"
    return "its ends are of two IP versions" if ip_address(one.local).version != ip_address(one.remote).version else ""


def _free(draft: Draft) -> str:
    return next(name for number in range(len(draft.devices) + 1) if (name := f"esp{number}") not in draft.devices)


def _peer(draft: Draft, place: Place, link: Link, notes: Notes) -> tuple[str, int]:
    peers = place.peers.get(link.name)
    if peers is None or not peers.known:
        raise Left("no peer has an address that is known (wg show)")
    if len(peers.known) + peers.unknown > 1:
        notes.warn(f"{draft.name}:{link.name}: {len(peers.known) + peers.unknown} peers; only {peers.known[0][0]} is taken")
    draft.key_notes[link.name, "remote"] = "wg show"
    return peers.known[0]


def _flooded(draft: Draft, place: Place, link: Link, notes: Notes) -> str:
    """The other end that a VXLAN device sends what is not known to: of its forwarding table."""
    entries = [entry for entry in place.entries if entry.device == link.name and entry.remote]
    ends = dict.fromkeys(entry.remote for entry in entries if entry.mac == _NOWHERE)
    # Flannel and Docker write one entry for each station instead.
    found = tuple(ends or dict.fromkeys(entry.remote for entry in entries))
    if not found:
        return ""
    draft.key_notes[link.name, "remote"] = f"the first of {len(found)} in the forwarding table" if found[1:] else "forwarding table"
    if found[1:]:
        notes.warn(f"{draft.name}:{link.name}: {len(found)} remote ends; only {found[0]} is taken")
    return found[0]


def _ends(draft: Draft, place: Place, link: Link, local: str, remote: str) -> tuple[str, str]:
    """Both addresses; the local one as the kernel would choose it if it is not said."""
    what = "without one remote and one local address"
    try:
        there = ip_address(without_zone(remote))
        if local in ("", "any") or ip_address(without_zone(local)).is_unspecified:
            local = _source_for(place, remote)
            draft.key_notes[link.name, "local"] = "default: the address of the device on the way to the remote end"
        here = ip_address(without_zone(local))
    except ValueError:
        raise Left(f"{what} (a group, or ends that are learned)") from None
    if here.version != there.version or there.is_multicast or there.is_unspecified:
        raise Left(f"{what} (a group, or ends that are learned)")
    return str(here), str(there)


def _source_for(place: Place, remote: str) -> str:
    """The address the kernel would send from: of the device that has the remote end's prefix, or that the longest route names."""
    target = ip_address(remote)
    ways = [(ip_interface(a.text).network, a.device) for a in place.addresses]
    ways += [(ip_network(a.peer), a.device) for a in place.addresses if a.peer]
    ways += [(ip_network(way.to), way.device) for way in place.routes]
    fitting = [(network.prefixlen, device) for network, device in ways if network.version == target.version and target in network]
    if not fitting:
        return ""
    device = max(fitting)[1]
    return next((a.text.split("/")[0] for a in place.addresses_of(device) if ip_interface(a.text).version == target.version), "")
