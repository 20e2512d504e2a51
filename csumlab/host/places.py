"""One place of a dump (this host, or a network namespace) with everything that its sections say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from csumlab.host.changes import Change, changes_of, stateless
from csumlab.host.dump import Dump, DumpError, Notes, Section
from csumlab.host.filters import read_filters
from csumlab.host.guests import read_process
from csumlab.host.iptables import read_iptables
from csumlab.host.links import Link, read_links
from csumlab.host.network import (
    Address,
    Entry,
    Neighbour,
    Way,
    count_rules,
    read_addresses,
    read_entries,
    read_neighbours,
    read_routes,
)
from csumlab.host.nft import read_nft
from csumlab.host.peers import Peers, Session, Transformation, read_pppoe, read_sessions, read_transformations, read_wireguard
from csumlab.host.rules import Rule, RuleSet, flatten
from csumlab.host.settings import (
    Feature,
    Sysfs,
    read_counters,
    read_drivers,
    read_features,
    read_sysctls,
    read_sysfs,
)

T = TypeVar("T")
VIRTUAL = "virtual"
"""The kind of a device that has no driver and of which nothing else is known."""
_KINDS = {
    "bridge": "bridge",
    "veth": "veth",
    "tun": "tun",
    "vxlan": "vxlan",
    "bonding": "bond",
    "802.1Q VLAN Support": "vlan",
    "openvswitch": "openvswitch",
    "team": "team",
    "ipvlan": "ipvlan",
    "macvlan": "macvlan",
    "dummy": "dummy",
    "wireguard": "wireguard",
    "ipip": "ipip",
    "sit": "sit",
    "gre": "gre",
    "gretap": "gretap",
    "ip6gre": "ip6gre",
    "ip6gretap": "ip6gretap",
    "ip6tnl": "ip6tnl",
    "geneve": "geneve",
    "MACsec": "macsec",
}
"""Kinds of devices by what ``ethtool -i`` calls their driver, for programs that do not print kinds."""


@dataclass(frozen=True, slots=True)
class Place:
    """``key`` as in the dump; ``process`` a name for a namespace without one; ``rules`` translate and ``changes`` change
    packets otherwise, flattened; ``offloading`` are devices of flowtables; ``tracks`` is None where no
    rule set could be read; ``namespaces`` are the names of other namespaces by number. ``peers`` of WireGuard and ``sessions`` of L2TP by
    device, ``transformations`` of IPsec."""

    key: str
    process: str
    links: tuple[Link, ...]
    addresses: tuple[Address, ...]
    routes: tuple[Way, ...]
    neighbours: tuple[Neighbour, ...]
    entries: tuple[Entry, ...]
    features: Mapping[str, Mapping[str, Feature]]
    drivers: Mapping[str, str]
    virtio: Mapping[str, str]
    sysctls: Mapping[str, int]
    counters: Mapping[str, int]
    rules: tuple[Rule, ...]
    changes: tuple[Change, ...]
    offloading: tuple[str, ...]
    tracks: bool | None
    namespaces: Mapping[int, str]
    peers: Mapping[str, Peers]
    sessions: Mapping[str, Session]
    transformations: tuple[Transformation, ...]

    def link(self, name: str) -> Link | None:
        return next((link for link in self.links if link.name == name), None)

    def addresses_of(self, device: str) -> tuple[Address, ...]:
        return tuple(address for address in self.addresses if address.device == device)

    def lower_of(self) -> frozenset[str]:
        """Devices on which others stand."""
        return frozenset(link.lower for link in self.links if link.lower and link.kind != "veth")


def read_place(dump: Dump, key: str, notes: Notes) -> Place:
    """Everything of one place. Sections that cannot be read become warnings, but without links there is no host: DumpError."""

    def attempt(read: Callable[[Section], T], name: str, otherwise: T) -> T:
        return notes.attempt(read, dump.section(name, key), otherwise)

    sysfs: Mapping[str, Sysfs] = attempt(read_sysfs, "sys", {})
    drivers: Mapping[str, str] = attempt(read_drivers, "ethtool-i", {})
    section = dump.section("ip-link", key)
    if not section.text.strip():
        reason = "; ".join(section.notes) or "there is no such section"
        raise DumpError(dump.name, f"no list of network devices: {reason}", section.line, section.title)
    read = read_links(section)
    bridges = {link.master for link in read if link.slave in ("", "bridge")}
    # Where sysfs shows another namespace's devices, the indexes differ.
    known_to = {link.name: entry for link in read if (entry := sysfs.get(link.name)) is not None and entry.index == link.index}
    links = tuple(_completed(link, known_to.get(link.name), drivers, bridges) for link in read)
    below = read_pppoe(dump.section("pppoe", key))
    if len(below) == 1:
        links = tuple(replace(link, lower=below[0]) if link.ppp else link for link in links)
    spoken_over = {link.master: link.name for link in reversed(links) if link.master}
    links = tuple(replace(link, lower=spoken_over.get(link.name, "")) if link.kind == "batadv" else link for link in links)
    drivers = {**{name: entry.driver for name, entry in known_to.items() if entry.driver}, **drivers}
    four: tuple[Way, ...] = attempt(_routes4, "ip-route", ())
    six: tuple[Way, ...] = attempt(_routes6, "ip-route6", ())
    tables, known = _tables(dump, key, notes)
    tables.append(attempt(read_filters, "tc", RuleSet({})))
    policy = attempt(count_rules, "ip-rule", 0)
    if policy:
        notes.warn(f"{key}: {policy} policy routing rules are not read; only the main table is")
    return Place(
        key=key,
        process=read_process(dump.section("process", key)),
        links=links,
        addresses=attempt(read_addresses, "ip-addr", ()),
        routes=four + six,
        neighbours=attempt(read_neighbours, "ip-neigh", ()),
        entries=attempt(read_entries, "bridge-fdb", ()),
        features=attempt(read_features, "ethtool-k", {}),
        drivers=drivers,
        virtio={name: entry.virtio for name, entry in known_to.items() if entry.virtio},
        sysctls=attempt(read_sysctls, "sysctl", {}),
        counters=attempt(read_counters, "snmp", {}),
        rules=tuple(rule for table in tables for rule in (*flatten(table, notes), *stateless(table, notes))),
        changes=tuple(change for table in tables for change in changes_of(table)),
        offloading=tuple(name for table in tables for name in table.offloading),
        tracks=any(table.tracks for table in tables) if known else None,
        namespaces=_namespaces(dump.section("netns-ids", key).text),
        peers=attempt(read_wireguard, "wireguard", {}),
        sessions=read_sessions(dump.section("l2tp-tunnel", key), dump.section("l2tp-session", key)),
        transformations=read_transformations(dump.section("xfrm-policy", key), dump.section("xfrm-state", key)),
    )


def _routes4(section: Section) -> tuple[Way, ...]:
    return read_routes(section, 4)


def _routes6(section: Section) -> tuple[Way, ...]:
    return read_routes(section, 6)


def _tables(dump: Dump, key: str, notes: Notes) -> tuple[list[RuleSet], bool]:
    """Rule sets of all programs, and whether any of them could be asked."""
    found: list[RuleSet] = []
    seen: set[str] = set()
    known = False
    for name, version in (("iptables-save", 4), ("ip6tables-save", 6), ("iptables-legacy-save", 4)):
        section = dump.section(name, key)
        rules = "\n".join(line for line in section.text.split("\n") if line.startswith(("*", "-A")))
        told = (key, name) in dump.sections and not section.notes
        known = known or told
        if told and rules not in seen:
            seen.add(rules)
            found.append(notes.attempt(partial(read_iptables, version=version), section, RuleSet({})))
    nft = dump.section("nft", key)
    compatible = any(table.chains for table in found)
    found += notes.attempt(partial(read_nft, skip_compatible=compatible), nft, [])
    return found, known or ((key, "nft") in dump.sections and not nft.notes)


def _namespaces(text: str) -> Mapping[int, str]:
    found = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) > 4 and words[0] == "nsid" and words[1].isdecimal() and len(words[1]) < 10 and words[4] == "name:":
            found[int(words[1])] = words[5].rstrip(")") if len(words) > 5 else ""
    return found


def _completed(link: Link, sysfs: Sysfs | None, drivers: Mapping[str, str], bridges: set[str]) -> Link:
    """With what sysfs and ethtool know if ``ip`` said nothing of the kind (busybox). ``bridges``: what has ports, as far as they tell."""
    told = sysfs or Sysfs()
    if link.kind == "tun" and link.vnet_hdr is None:
        link = replace(link, vnet_hdr=told.vnet_hdr)
    if not link.master and told.master:
        link = replace(link, master=told.master)
    if link.kind:
        return link
    driver = drivers.get(link.name, told.driver)
    if told.tap is not None:
        return replace(link, kind="tun", tap=told.tap, vnet_hdr=told.vnet_hdr)
    if driver in _KINDS:
        kind = _KINDS[driver]
    elif told.bond:
        kind = "bond"
    elif told.bridge or (link.name in bridges and not driver):
        kind = "bridge"
    elif not driver and (link.peer or told.peer or link.lower):
        kind = "vlan" if "." in link.name and link.lower else "veth"
    else:
        kind = VIRTUAL if sysfs is not None and not driver else ""
    return replace(link, kind=kind, peer=link.peer or (told.peer if kind == "veth" and not link.lower else 0))
