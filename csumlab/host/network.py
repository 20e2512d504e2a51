"""Addresses, routes, neighbours and forwarding entries of a dump, as JSON or as text of older programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface, ip_network
from itertools import pairwise

import msgspec

from csumlab.host.dump import Section, number_of, without_zone


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a device with its prefix length, as text; ``peer`` the prefix at the other end of a point-to-point link."""

    device: str
    text: str
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """One route of the main table. ``to`` is a prefix; ``kind`` unicast or what the kernel calls it; ``several``: the first of several next
    hops; ``encap`` what the route puts around packets, or has done to them."""

    to: str
    device: str
    via: str = ""
    metric: int = 0
    kind: str = "unicast"
    several: bool = False
    encap: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    device: str
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A forwarding entry of a bridge port, or of a VXLAN device with the tunnel end ``remote`` behind which the address is."""

    device: str
    mac: str
    remote: str = ""
    own: bool = False


class _AddressInfo(msgspec.Struct):
    family: str = ""
    local: str = ""
    prefixlen: int = 0
    address: str = ""


class _Addressed(msgspec.Struct):
    ifname: str = ""
    addr_info: list[_AddressInfo] = []


class _Via(msgspec.Struct):
    host: str = ""


class _Hop(msgspec.Struct):
    gateway: str = ""
    via: _Via | None = None
    dev: str = ""


class _Route(msgspec.Struct):
    dst: str = ""
    dev: str = ""
    gateway: str = ""
    via: _Via | None = None
    metric: int = 0
    type: str = "unicast"
    nexthops: list[_Hop] = []
    encap: str = ""


class _Neighbour(msgspec.Struct):
    dst: str = ""
    dev: str = ""
    lladdr: str = ""
    state: list[str] = []


class _Entry(msgspec.Struct):
    mac: str = ""
    ifname: str = ""
    dst: str = ""
    state: str = ""
    flags: list[str] = []


class _PolicyRule(msgspec.Struct):
    priority: int = 0


def read_addresses(section: Section) -> tuple[Address, ...]:
    """Addresses that a packet may be sent to from elsewhere: not those of loopback devices, not link-local IPv6 ones."""
    found: list[Address] = []
    if section.is_json:
        for entry in section.decode(list[_Addressed]):
            for info in entry.addr_info:
                if info.family in ("inet", "inet6") and info.local:
                    peer = f"{info.address}/{info.prefixlen}" if info.address else ""
                    own = f"{info.local}/{(128 if info.family == 'inet6' else 32) if peer else info.prefixlen}"
                    found.append(_address(section, entry.ifname, own, peer))
    else:
        device = ""
        for offset, line in enumerate(section.text.split("\n")):
            words = line.split()
            head = re.match(r"\d+: ([^:@\s]+)(?:@\S+)?: <", line)
            if head:
                device = head[1]
            elif len(words) > 1 and words[0] in ("inet", "inet6") and device:
                peer = words[3] if len(words) > 3 and words[2] == "peer" else ""
                own = words[1] if "/" in words[1] or not peer else words[1] + ("/128" if ":" in words[1] else "/32")
                found.append(_address(section, device, own, peer, offset))
    return tuple(address for address in found if not _is_only_here(address.text))


def _address(section: Section, device: str, text: str, peer: str, offset: int = 0) -> Address:
    try:
        return Address(device, str(ip_interface(without_zone(text))), str(ip_network(peer, strict=False)) if peer else "")
    except ValueError as error:
        raise section.fault(f"{device[:20]!r} has an address that is none: {error}", offset) from None


def _is_only_here(text: str) -> bool:
    address = ip_interface(text).ip
    return address.is_loopback or (address.version == 6 and address.is_link_local)


def read_routes(section: Section, version: int) -> tuple[Way, ...]:
    """The main table of IPv4 or IPv6, without link-local and group prefixes."""
    ways = _routes_from_json(section) if section.is_json else _routes_from_text(section)
    found = []
    for offset, way in ways:
        text = ("0.0.0.0/0" if version == 4 else "::/0") if way.to == "default" else way.to
        try:
            to = ip_network(text, strict=False)
            via = str(ip_address(way.via)) if way.via else ""
        except ValueError as error:
            raise section.fault(f"a route that is none: {error}", offset) from None
        if to.version == 6 and (to.is_link_local or to.is_multicast) and to.prefixlen:
            continue
        found.append(replace(way, to=str(to), via=via))
    return tuple(found)


def _routes_from_json(section: Section) -> Iterator[tuple[int, Way]]:
    for entry in section.decode(list[_Route]):
        if not entry.dst:
            continue
        first = entry.nexthops[0] if entry.nexthops else _Hop(entry.gateway, entry.via, entry.dev)
        via = first.gateway or (first.via.host if first.via else "")
        yield 0, Way(entry.dst, first.dev, via, entry.metric, entry.type, len(entry.nexthops) > 1, entry.encap)


def _routes_from_text(section: Section) -> Iterator[tuple[int, Way]]:
    kinds = ("unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat", "anycast")
    pending: tuple[int, Way] | None = None
    for offset, line in enumerate(section.text.split("\n")):
        words = line.split()
        if not words or words[0].startswith("nexthop"):
            if words and pending is not None and not pending[1].device:
                after = _pairs(words)
                way = pending[1]
                pending = (pending[0], Way(way.to, after.get("dev", ""), after.get("via", ""), way.metric, kind=way.kind, several=True))
            continue
        if pending is not None:
            yield pending
        kind = words.pop(0) if words[0] in kinds else "unicast"
        if not words:
            raise section.fault("a route without a destination", offset)
        encap = words[words.index("encap") + 1] if "encap" in words[:-1] else ""
        after = _pairs(words[words.index("dev") :] if encap and "dev" in words else words[1:])
        via = after.get("via", "")
        if via in ("inet", "inet6"):
            via = after.get(via, "")
        pending = (offset, Way(words[0], after.get("dev", ""), via, number_of(after.get("metric")), kind, encap=encap))
    if pending is not None:
        yield pending


def read_neighbours(section: Section) -> tuple[Neighbour, ...]:
    """Who answered on which device; addresses that failed and link-local IPv6 ones left out."""
    found = []
    if section.is_json:
        for entry in section.decode(list[_Neighbour]):
            if not {"FAILED", "INCOMPLETE"} & set(entry.state):
                found.append(Neighbour(entry.dev, entry.dst, entry.lladdr.lower()))
    else:
        for line in section.text.split("\n"):
            words = line.split()
            after = _pairs(words[1:])
            if words and "lladdr" in after and "FAILED" not in words:
                found.append(Neighbour(after.get("dev", ""), words[0], after["lladdr"].lower()))
    return tuple(entry for entry in found if entry.mac and _is_plain(entry.address))


def _is_plain(text: str) -> bool:
    try:
        address = ip_address(without_zone(text))
    except ValueError:
        return False
    return not address.is_multicast and not (address.version == 6 and address.is_link_local)


def read_entries(section: Section) -> tuple[Entry, ...]:
    """Bridge forwarding entries. ``own`` marks addresses of the port itself."""
    found = []
    if section.is_json:
        for entry in section.decode(list[_Entry]):
            found.append(Entry(entry.ifname, entry.mac.lower(), entry.dst, entry.state == "permanent" or "self" in entry.flags))
    else:
        for line in section.text.split("\n"):
            words = line.split()
            after = _pairs(words[1:])
            if words and "dev" in after:
                found.append(Entry(after["dev"], words[0].lower(), after.get("dst", ""), "permanent" in words or "self" in words))
    return tuple(found)


def count_rules(section: Section) -> int:
    """Policy routing rules beyond the three that every kernel has."""
    standard = (0, 32766, 32767)
    if section.is_json:
        return sum(rule.priority not in standard for rule in section.decode(list[_PolicyRule]))
    numbers = (number_of(line.split(":")[0]) for line in section.text.split("\n") if line.strip())
    return sum(number not in standard for number in numbers)


def _pairs(words: list[str]) -> dict[str, str]:
    return dict(pairwise(words))
