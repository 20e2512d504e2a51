"""Network devices of a dump: ``ip link`` with details as JSON (iproute2 4.13 and later) or as text (older ones, busybox)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import msgspec

from csumlab.host.dump import Section, number_of

_NAME = re.compile(r"[^\s/:]{1,15}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HEAD = re.compile(r"(\d{1,10}): ([^:@\s]+)(?:@(\S+))?: <([^>]*)>(.*)")
_NO_KIND = ("link/", "alias", "altname", "RX", "TX", "prog/", "vf", "parentbus", "openvswitch_slave")


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A VXLAN device. ``udpcsum`` (of IPv4), ``zero_send`` and ``zero_receive`` (of IPv6) are None if the dump does not say."""

    remote: str = ""
    local: str = ""
    group: bool = False
    port: int = 0
    udpcsum: bool | None = None
    zero_send: bool | None = None
    zero_receive: bool | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One device as the kernel tells of it. ``kind`` is IFLA_INFO_KIND, "" for a card or what says nothing of itself; ``lower`` the device
    it stands on or the veth's other end here; ``peer`` the other end's index if that is in the namespace with the number ``beyond`` or the
    name ``beyond_name``; ``slave`` the kind of port it is."""

    name: str
    index: int = 0
    kind: str = ""
    mac: str = ""
    mtu: int = 1500
    up: bool = False
    loopback: bool = False
    ether: bool = True
    master: str = ""
    slave: str = ""
    lower: str = ""
    peer: int = 0
    beyond: int = -1
    beyond_name: str = ""
    tunnel: Tunnel = field(default_factory=Tunnel)
    tap: bool = True
    vnet_hdr: bool | None = None
    vlan: int = 0
    vlan_filtering: bool = False


class _Info(msgspec.Struct):
    info_kind: str = ""
    info_data: dict[str, Any] = {}
    info_slave_kind: str = ""


class _Link(msgspec.Struct):
    ifname: str = ""
    ifindex: int = 0
    link: str | None = None
    link_index: int = 0
    link_netnsid: int = -1
    flags: list[str] = []
    mtu: int = 1500
    master: str = ""
    link_type: str = "ether"
    address: str = ""
    linkinfo: _Info | None = None


def read_links(section: Section) -> tuple[Link, ...]:
    """Every device of a place. DumpError if the section is neither JSON nor text of ``ip link``."""
    links = _from_json(section) if section.is_json else _from_text(section)
    names: set[str] = set()
    for link in links:
        if not _NAME.fullmatch(link.name) or not link.name.isprintable():
            raise section.fault(f"{link.name[:40]!r} is no name of a network device")
        if link.name in names:
            raise section.fault(f"{link.name} is there twice")
        names.add(link.name)
    return tuple(replace(link, mac=link.mac if _MAC.fullmatch(link.mac) else "", mtu=min(max(link.mtu, 68), 65535)) for link in links)


def _from_json(section: Section) -> list[Link]:
    # Old versions print an empty object for what they leave out.
    return [_made(entry) for entry in section.decode(list[_Link]) if entry.ifname]


def _made(entry: _Link) -> Link:
    info = entry.linkinfo or _Info()
    data = info.info_data

    def text(*keys: str) -> str:
        return next((value for key in keys if isinstance(value := data.get(key), str)), "")

    def number(key: str) -> int:
        value = data.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def choice(key: str) -> bool | None:
        value = data.get(key)
        return value if isinstance(value, bool) else None

    return Link(
        name=entry.ifname,
        index=entry.ifindex,
        kind=info.info_kind,
        mac=entry.address.lower(),
        mtu=entry.mtu,
        up="UP" in entry.flags,
        loopback="LOOPBACK" in entry.flags,
        ether=entry.link_type == "ether",
        master=entry.master,
        slave=info.info_slave_kind,
        lower=entry.link or "",
        peer=entry.link_index,
        beyond=entry.link_netnsid,
        tunnel=Tunnel(
            remote=text("remote", "remote6", "group", "group6"),
            local=text("local", "local6"),
            group=bool(text("group", "group6")),
            port=number("port"),
            udpcsum=choice("udp_csum"),
            zero_send=choice("udp_zero_csum6_tx"),
            zero_receive=choice("udp_zero_csum6_rx"),
        ),
        tap=data.get("type") != "tun",
        vnet_hdr=choice("vnet_hdr"),
        vlan=number("id") if info.info_kind == "vlan" else 0,
        vlan_filtering=number("vlan_filtering") != 0,
    )


def _from_text(section: Section) -> list[Link]:
    found: list[Link] = []
    for offset, line in enumerate(section.text.split("\n")):
        head = _HEAD.match(line)
        if head:
            found.append(_headed(head))
        elif found and line[:1].isspace():
            found[-1] = _detailed(found[-1], line.split())
        elif line.strip():
            raise section.fault(f"expected a line of `ip link`, not {line[:60]!r}", offset)
    return found


def _headed(head: re.Match[str]) -> Link:
    flags = head[4].split(",")
    words = head[5].split()
    after = dict(pairwise(words))
    beside = re.fullmatch(r"if(\d{1,10})", head[3] or "")
    return Link(
        name=head[2],
        index=int(head[1]),
        mtu=number_of(after.get("mtu")) or 1500,
        up="UP" in flags,
        loopback="LOOPBACK" in flags,
        master=after.get("master", ""),
        lower="" if beside else head[3] or "",
        peer=int(beside[1]) if beside else 0,
    )


def _detailed(link: Link, words: list[str]) -> Link:
    """With what one of the lines below the first says."""
    if not words:
        return link
    after = dict(pairwise(words))
    first = words[0]
    if first.startswith("link/"):
        beyond = number_of(after["link-netnsid"]) if "link-netnsid" in after else -1
        mac = words[1].lower() if len(words) > 1 else ""
        return replace(link, mac=mac, ether=first == "link/ether", beyond=beyond, beyond_name=after.get("link-netns", ""))
    if first.endswith("_slave"):
        return replace(link, slave=first.removesuffix("_slave"))
    if first.startswith(_NO_KIND) or link.kind or not link.mac:
        return link
    link = replace(link, kind=first)
    if first == "vxlan":
        remote = after.get("remote", "") or after.get("group", "")

        def choice(word: str) -> bool | None:
            return True if word in words else False if f"no{word}" in words else None

        port = number_of(after.get("dstport"))
        sums = (choice("udpcsum"), choice("udp6zerocsumtx"), choice("udp6zerocsumrx"))
        return replace(link, tunnel=Tunnel(remote, after.get("local", ""), "group" in after, port, *sums))
    if first == "tun":
        header = after.get("vnet_hdr")
        return replace(link, tap=after.get("type") != "tun", vnet_hdr=None if header is None else header == "on")
    if first == "vlan":
        return replace(link, vlan=number_of(after.get("id")))
    return replace(link, vlan_filtering=after.get("vlan_filtering", "0") != "0")
