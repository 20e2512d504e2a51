"""Network devices of a dump: ``ip link`` with details as JSON (iproute2 4.13 and later) or as text (older ones, busybox)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from csumlab.host.dump import Section, number_of
from csumlab.topology.model import ALIKE

_NAME = re.compile(r"[^\s/:]{1,15}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HEAD = re.compile(r"(\d{1,10}): ([^:@\s]+)(?:@(\S+))?: <([^>]*)>(.*)")
_TUNNELS = ("vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl")
_NO_KIND = ("link/", "alias", "altname", "RX", "TX", "prog/", "vf", "parentbus", "openvswitch_slave")


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What a tunnel device says of itself. ``udpcsum`` (of IPv4), ``zero_send`` and ``zero_receive`` (of IPv6) are None if the dump does
    not say; ``csum`` that GRE sends sums; ``encap`` what UDP goes around it, to ``encap_port``. ``external``: routes or a program name the
    other end of each packet."""

    remote: str = ""
    local: str = ""
    group: bool = False
    port: int = 0
    udpcsum: bool | None = None
    zero_send: bool | None = None
    zero_receive: bool | None = None
    csum: bool = False
    encap: str = ""
    encap_port: int = 0
    encap_csum: bool = False
    encap_remcsum: bool = False
    remcsum_send: bool = False
    remcsum_receive: bool = False
    external: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One device as the kernel tells of it. ``kind`` is IFLA_INFO_KIND, "" for a card or what says nothing of itself; ``lower`` the device
    it stands on or the veth's other end here; ``peer`` the other end's index if that is in the namespace with the number ``beyond`` or the
    name ``beyond_name``; ``slave`` the kind of port it is; ``mode`` that of a macvlan or ipvlan, in words, ``active`` the port that a bond
    uses alone; ``service`` says that a VLAN's tag is 802.1ad's,
    ``ppp`` that its link is PPP."""

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
    service: bool = False
    vlan_filtering: bool = False
    ppp: bool = False
    mode: str = ""
    active: str = ""


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

    choice, number = partial(_choice, data), partial(_number, data)
    return Link(
        name=entry.ifname,
        index=entry.ifindex,
        kind=ALIKE.get(info.info_kind, info.info_kind),
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
        tunnel=_tunnel(data),
        tap=data.get("type") != "tun",
        vnet_hdr=choice("vnet_hdr"),
        vlan=number("id") if info.info_kind == "vlan" else 0,
        service=data.get("protocol") == "802.1ad",
        vlan_filtering=number("vlan_filtering") != 0,
        ppp=entry.link_type == "ppp",
        mode=_mode(info.info_kind, _text(data, "mode"), [word for word in _FLAGS if data.get(word) is True]),
        active=_text(data, "active_slave") if info.info_kind == "bond" else "",
    )


_FLAGS = ("private", "vepa")
"""Those of an ipvlan that are told beside its mode (iproute2 ip/iplink_ipvlan.c); the third is "bridge", the default."""


def _mode(kind: str, mode: str, flags: Sequence[str]) -> str:
    return mode if kind == "macvlan" else " ".join((mode, *flags)) if kind == "ipvlan" else ""


def _text(data: Mapping[str, Any], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := data.get(key), str)), "")


def _number(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _choice(data: Mapping[str, Any], key: str) -> bool | None:
    value = data.get(key)
    return value if isinstance(value, bool) else None


def _tunnel(data: Mapping[str, Any]) -> Tunnel:
    """By the names that iproute2 gives them (ip/iplink_vxlan.c, link_gre.c, tunnel.c tnl_print_encap)."""
    encap = data.get("encap")
    around: Mapping[str, Any] = encap if isinstance(encap, dict) else {}
    return Tunnel(
        remote=_text(data, "remote", "remote6", "group", "group6"),
        local=_text(data, "local", "local6"),
        group=bool(_text(data, "group", "group6")),
        port=_number(data, "port"),
        udpcsum=_choice(data, "udp_csum"),
        zero_send=_choice(data, "udp_zero_csum6_tx"),
        zero_receive=_choice(data, "udp_zero_csum6_rx"),
        csum=data.get("ocsum") is True,
        encap=_text(around, "type"),
        encap_port=_number(around, "dport"),
        encap_csum=around.get("csum") is True or around.get("csum6") is True,
        encap_remcsum=around.get("remcsum") is True,
        remcsum_send=data.get("remcsum_tx") is True,
        remcsum_receive=data.get("remcsum_rx") is True,
        external=data.get("external") is True,
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
        ether, ppp = first == "link/ether", first == "link/ppp"
        return replace(link, mac=mac, ether=ether, ppp=ppp, beyond=beyond, beyond_name=after.get("link-netns", ""))
    if first.endswith("_slave"):
        return replace(link, slave=first.removesuffix("_slave"))
    if first.startswith(_NO_KIND) or link.kind or not link.mac:
        return link
    link = replace(link, kind=ALIKE.get(first, first))
    if first in _TUNNELS:
        return replace(link, tunnel=_tunnel_from_text(words, after))
    if first == "tun":
        header = after.get("vnet_hdr")
        return replace(link, tap=after.get("type") != "tun", vnet_hdr=None if header is None else header == "on")
    if first in ("macvlan", "ipvlan"):
        return replace(link, mode=_mode(first, after.get("mode", ""), [word for word in _FLAGS if word in words[3:]]))
    if first == "bond":
        return replace(link, active=after.get("active_slave", ""))
    if first == "vlan":
        return replace(link, vlan=number_of(after.get("id")), service=after.get("protocol") == "802.1ad")
    return replace(link, vlan_filtering=after.get("vlan_filtering", "0") != "0")


def _tunnel_from_text(words: list[str], after: Mapping[str, str]) -> Tunnel:
    def choice(word: str) -> bool | None:
        return True if word in words else False if f"no{word}" in words else None

    return Tunnel(
        remote=after.get("remote", "") or after.get("group", ""),
        local=after.get("local", ""),
        group="group" in after,
        port=number_of(after.get("dstport")),
        udpcsum=choice("udpcsum"),
        zero_send=choice("udp6zerocsumtx"),
        zero_receive=choice("udp6zerocsumrx"),
        csum="ocsum" in words or "csum" in words,
        encap=after.get("encap", ""),
        encap_port=number_of(after.get("encap-dport")),
        encap_csum="encap-csum" in words or "encap-csum6" in words,
        encap_remcsum="encap-remcsum" in words,
        remcsum_send="remcsumtx" in words,
        remcsum_receive="remcsumrx" in words,
        external="external" in words,
    )
