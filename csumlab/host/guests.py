"""Guests that a host tells of: xenstore, xl, Proxmox and libvirt configurations, Open vSwitch, processes of namespaces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_interface

from csumlab.host.dump import Section, without_zone
from csumlab.topology.options import IPV6_CSUM, NO_CSUM, XENSTORE

_PATH = re.compile(r'(/local/domain/[^=]*?)\s*= "(.*)"')
_NET = re.compile(r"(\S{1,20}) (name|hostname|net\d{1,2}|ipconfig\d{1,2}): ?(.*)")


@dataclass(frozen=True, slots=True)
class Card:
    """One network card of a guest. ``name`` is what it is called inside; ``xenstore`` keys that either end wrote, of the backend first."""

    name: str
    mac: str = ""
    addresses: tuple[str, ...] = ()
    gateway: str = ""
    backend: Mapping[str, bool] = field(default_factory=dict)
    frontend: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest by name. ``source`` says who told."""

    name: str
    source: str


def read_xenstore(section: Section) -> Mapping[str, str]:
    """``xenstore-ls -f`` as values by path."""
    found = {}
    for line in section.text.split("\n"):
        match = _PATH.match(line)
        if match:
            found[match[1]] = match[2]
    return found


def xen_guest(tree: Mapping[str, str], domid: int) -> Guest:
    name = tree.get(f"/local/domain/{domid}/name", "")
    return Guest(name or f"domU{domid}", "xenstore" if name else "the vif's name")


def xen_card(tree: Mapping[str, str], domid: int, handle: int) -> Card:
    """What xenstore has of a vif. Addresses as guest agents write them: attr/vif/N/ipv4/M and attr/ethN/ip."""
    back = f"/local/domain/0/backend/vif/{domid}/{handle}"
    front = f"/local/domain/{domid}/device/vif/{handle}"
    told = [
        value
        for path, value in tree.items()
        if re.fullmatch(rf"/local/domain/{domid}/attr/(vif/{handle}/ipv[46]/\d+|eth{handle}/ipv?6?(/\d+/addr)?)", path)
    ]
    told += tree.get(f"{back}/ip", "").split()
    return Card(
        name=f"eth{handle}",
        mac=(tree.get(f"{back}/mac") or tree.get(f"{front}/mac", "")).lower(),
        addresses=tuple(dict.fromkeys(text for text in told if _is_address(text))),
        backend={key: value for key, value in _keys(tree, back).items() if key != NO_CSUM},
        frontend=_keys(tree, front),
    )


def renamed_vifs(tree: Mapping[str, str]) -> Mapping[str, tuple[int, int]]:
    """Domain and handle of vifs that were given another name."""
    found = {}
    for path, value in tree.items():
        match = re.fullmatch(r"/local/domain/0/backend/vif/(\d{1,5})/(\d{1,3})/vifname", path)
        if match:
            found[value] = (int(match[1]), int(match[2]))
    return found


def _keys(tree: Mapping[str, str], folder: str) -> Mapping[str, bool]:
    """The keys that an end wrote and that differ from what is usual, or that there is no usual value for."""
    told = {key: tree[f"{folder}/{key}"] != "0" for key in XENSTORE if f"{folder}/{key}" in tree}
    return {key: value for key, value in told.items() if key in (NO_CSUM, IPV6_CSUM) or not value}


def _is_address(text: str) -> bool:
    try:
        address = ip_interface(without_zone(text)).ip
    except ValueError:
        return False
    return not (address.is_link_local and address.version == 6)


def read_xl(section: Section) -> Mapping[int, str]:
    """``xl list``: names by domain number."""
    found = {}
    for line in section.text.split("\n")[1:]:
        match = re.match(r"(\S+)\s+(\d{1,5})\s+\d+\s+\d+\s", line)
        if match:
            found[int(match[2])] = match[1]
    return found


@dataclass(frozen=True, slots=True)
class Configured:
    """A Proxmox guest: its name and cards by number."""

    name: str
    cards: Mapping[int, Card]


def read_proxmox(section: Section) -> Mapping[str, Configured]:
    """Lines ``100 net0: virtio=MAC,bridge=vmbr0`` of virtual machines and ``101 net0: name=eth0,hwaddr=MAC,ip=..`` of containers."""
    names: dict[str, str] = {}
    words: dict[str, dict[int, dict[str, str]]] = {}
    for line in section.text.split("\n"):
        match = _NET.match(line)
        if match is None:
            continue
        number, key, value = match.groups()
        if key in ("name", "hostname"):
            names[number] = value.strip()
            continue
        options = dict(part.split("=", 1) for part in value.strip().split(",") if "=" in part)
        words.setdefault(number, {}).setdefault(int(re.sub(r"\D", "", key)), {}).update(options)
    return {
        number: Configured(names.get(number, ""), {n: _proxmox_card(n, options) for n, options in cards.items()})
        for number, cards in words.items()
    }


def _proxmox_card(number: int, options: Mapping[str, str]) -> Card:
    mac = next((value for value in options.values() if re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", value)), "")
    addresses = tuple(options[key] for key in ("ip", "ip6") if _is_address(options.get(key, "")))
    gateway = options.get("gw", "")
    return Card(options.get("name", f"eth{number}"), mac.lower(), addresses, gateway if _is_address(gateway) else "")


def read_virsh(section: Section) -> Mapping[str, tuple[str, int, str]]:
    """``virsh domiflist`` of every guest: by device the guest, the card's number, its hardware address."""
    found: dict[str, tuple[str, int, str]] = {}
    guest, number = "", 0
    for line in section.text.split("\n"):
        if line.startswith("guest: "):
            guest, number = line[7:].strip(), 0
            continue
        words = line.split()
        if guest and len(words) == 5 and re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", words[4]):
            found[words[0]] = (guest, number, words[4])
            number += 1
    return found


def read_ovs(section: Section) -> Mapping[str, str]:
    """``ovs-vsctl show``: the bridge of every port."""
    found: dict[str, str] = {}
    bridge = ""
    for line in section.text.split("\n"):
        match = re.match(r'\s*(Bridge|Port) "?([^"\s]+)"?\s*$', line)
        if match and match[1] == "Bridge":
            bridge = match[2]
        elif match and bridge and match[2] != bridge:
            found[match[2]] = bridge
    return found


def read_process(section: Section) -> str:
    """A name for a namespace that has none: of the container if the process's control group tells, else of its program."""
    lines = section.text.split("\n")
    cgroup = "\n".join(lines[1:])
    match = re.search(r"/lxc(?:\.payload)?[./]([\w-]+)", cgroup)
    if match:
        return f"lxc-{match[1]}"
    match = re.search(r"(docker|libpod|cri-containerd|crio)[-/]([0-9a-f]{12})", cgroup)
    if match:
        return f"{match[1]}-{match[2]}"
    return lines[0].strip()
