"""What a device of a dump is in the model: one of its kinds, or a reason why it has no place there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from csumlab.host.links import Link
from csumlab.host.places import Place
from csumlab.topology.model import DeviceKind
from csumlab.topology.presets import Preset
from csumlab.topology.stacking import MODES

VIF = re.compile(r"vif(\d{1,5})\.(\d{1,3})")
_NETFRONT_DRIVERS = ("vif", "netfront", "xen_netfront", "xennet")
_TUNNELS = {
    kind.value: kind
    for kind in (
        DeviceKind.VXLAN,
        DeviceKind.GENEVE,
        DeviceKind.GRE,
        DeviceKind.GRETAP,
        DeviceKind.IPIP,
        DeviceKind.SIT,
        DeviceKind.IP6TNL,
        DeviceKind.WIREGUARD,
    )
} | {"ip6gre": DeviceKind.GRE, "ip6gretap": DeviceKind.GRETAP}
"""Tunnel devices by IFLA_INFO_KIND."""
_SLAVES = ("bond", "team")


class Sort(Enum):
    """What becomes of a device. SKIP is silent, LEFT is told."""

    DEVICE = "device"
    SKIP = "skip"
    LEFT = "left out"


@dataclass(frozen=True, slots=True)
class Sorted:
    """``remark`` says what is approximated, or why the device is left out; ``loud`` that it is worth a warning."""

    sort: Sort
    kind: DeviceKind = DeviceKind.NIC
    remark: str = ""
    loud: bool = False


def sort_link(link: Link, place: Place, vifs: frozenset[str], bridges: frozenset[str], preset: Preset) -> Sorted:
    """What a device is. ``vifs`` are backends under other names, ``bridges`` those of Open vSwitch."""
    virtio = preset.has_virtio
    if link.loopback:
        return Sorted(Sort.SKIP)
    if not preset.stacked and is_bundled(link, place):
        return Sorted(Sort.LEFT, remark=f"a port of {link.master}")
    if link.ppp:
        return _ppp(link, preset)
    kind = DeviceKind.L2TP if link.name in place.sessions else _TUNNELS.get(link.kind)
    if kind is not None:
        return _tunnel(link, kind, place, preset)
    match link.kind:
        case "" | "virtual":
            return _without_kind(link, place, vifs, virtio)
        case "bridge":
            odd = "filters VLANs, which is not modelled: every port is taken to reach every other" if link.vlan_filtering else ""
            return Sorted(Sort.DEVICE, DeviceKind.BRIDGE, odd, loud=bool(odd))
        case "veth":
            return Sorted(Sort.DEVICE, DeviceKind.VETH)
        case "tun" if link.tap and not link.up and not link.master and not place.addresses_of(link.name):
            return Sorted(Sort.LEFT, remark="a tap that is down and unused")
        case "tun" if link.tap and not virtio:
            return Sorted(Sort.LEFT, remark="a tap, which the preset has not", loud=True)
        case "tun" if link.tap:
            return Sorted(Sort.DEVICE, DeviceKind.TAP)
        case "macvtap" if virtio:
            return Sorted(Sort.DEVICE, DeviceKind.MACVTAP)
        case "tun":
            return Sorted(Sort.LEFT, remark='a tun device; if a VPN program has it, write kind = "vpn" with local and remote', loud=True)
        case "ifb" if link.up:
            return Sorted(Sort.DEVICE, DeviceKind.IFB)
        case "ifb":
            return Sorted(Sort.LEFT, remark="an ifb that is down")
        case "vlan" | "macsec" if DeviceKind(link.kind) not in preset.carrying:
            return Sorted(Sort.LEFT, remark=f"a {link.kind}, which the preset has not", loud=True)
        case "vlan" if link.vlan and link.lower:
            tag = "tagged by 802.1ad: walked as 802.1Q is" if link.service else ""
            return Sorted(Sort.DEVICE, DeviceKind.VLAN, tag)
        case "macsec" if link.lower:
            return Sorted(Sort.DEVICE, DeviceKind.MACSEC)
        case "vlan" | "macsec":
            return Sorted(Sort.LEFT, remark=f"a {link.kind}, of which the dump does not say what it sits on", loud=True)
        case "batadv" if DeviceKind.BATMAN not in preset.carrying:
            return Sorted(Sort.LEFT, remark="a mesh (batman-adv), which the preset has not", loud=True)
        case "batadv" if link.lower:
            others = [other.name for other in place.links if other.master == link.name and other.name != link.lower]
            several = f"a mesh on {link.lower}, {', '.join(others)}: walked on the first only" if others else ""
            return Sorted(Sort.DEVICE, DeviceKind.BATMAN, several, loud=bool(several))
        case "batadv":
            return Sorted(Sort.LEFT, remark="a mesh (batman-adv) that speaks over no device", loud=link.up)
        case "ovpn":
            return Sorted(Sort.LEFT, remark='its peers are not shown: write kind = "ovpn" with local and remote', loud=True)
        case "bond" | "team" if DeviceKind(link.kind) in preset.stacked:
            return Sorted(Sort.DEVICE, DeviceKind(link.kind))
        case "bond" | "team":
            return Sorted(Sort.DEVICE, remark=f"a {link.kind}, which the preset has not: taken for one card", loud=True)
        case "macvlan" | "ipvlan" if DeviceKind(link.kind) not in preset.stacked:
            return Sorted(Sort.LEFT, remark=f"a {link.kind}, which the preset has not", loud=True)
        case "macvlan" | "ipvlan" if link.mode not in MODES[DeviceKind(link.kind)]:
            mode = f"in mode {link.mode}, which is not modelled" if link.mode else "of which the dump does not say the mode"
            return Sorted(Sort.LEFT, remark=f"a {link.kind} {mode}", loud=link.up)
        case "macvlan" | "ipvlan":
            return Sorted(Sort.DEVICE, DeviceKind(link.kind))
        case "openvswitch" if link.name in bridges:
            return Sorted(Sort.DEVICE, DeviceKind.BRIDGE, "of Open vSwitch: taken for a bridge; its flows are not read", loud=True)
        case "openvswitch" if link.name == "ovs-system":
            return Sorted(Sort.SKIP)
    return Sorted(Sort.LEFT, remark=f"kind {link.kind} is not read from a dump", loud=link.up)


def is_bundled(link: Link, place: Place) -> bool:
    """Whether a device is the port of a bond or team."""
    master = place.link(link.master)
    return link.slave in _SLAVES or (master is not None and master.kind in _SLAVES)


def _tunnel(link: Link, kind: DeviceKind, place: Place, preset: Preset) -> Sorted:
    if not link.up and not link.master and not place.addresses_of(link.name):
        # Modules make one that catches what no other takes: tunl0, gre0, sit0.
        return Sorted(Sort.LEFT, remark="a tunnel that is down and unused")
    if kind not in preset.carrying:
        return Sorted(Sort.LEFT, remark=f"a {kind.value}, which the preset has not", loud=True)
    return Sorted(Sort.DEVICE, kind)


def _ppp(link: Link, preset: Preset) -> Sorted:
    """A PPP device: of a PPPoE session if there are any, all of them on one device."""
    if not link.lower:
        told = 'if it is of PPPoE, write kind = "pppoe" with lower'
        return Sorted(Sort.LEFT, remark=f"a PPP device, of which the dump does not say what it is on: {told}", loud=link.up)
    if DeviceKind.PPPOE not in preset.carrying:
        return Sorted(Sort.LEFT, remark="a pppoe, which the preset has not", loud=True)
    return Sorted(Sort.DEVICE, DeviceKind.PPPOE, f"PPPoE on {link.lower}, as all sessions here are (/proc/net/pppoe)")


def _without_kind(link: Link, place: Place, vifs: frozenset[str], virtio: bool) -> Sorted:
    """A card, or an end of a Xen ring."""
    driver = place.drivers.get(link.name, "")
    loopback = re.fullmatch(r"vif0\.(\d{1,3})", link.name)
    if (loopback and place.link(f"veth{loopback[1]}")) or (link.name.startswith("veth") and place.link(f"vif0.{link.name[4:]}")):
        return Sorted(Sort.DEVICE, DeviceKind.VETH, "the loopback pair of XenLinux")
    if VIF.fullmatch(link.name) or link.name in vifs:
        return Sorted(Sort.DEVICE, DeviceKind.VIF)
    if driver in _NETFRONT_DRIVERS:
        return Sorted(Sort.DEVICE, DeviceKind.NETFRONT)
    if link.kind:
        return Sorted(Sort.LEFT, remark="a virtual device; what kind of, the dump does not say", loud=link.up)
    if not link.ether:
        return Sorted(Sort.LEFT, remark="no Ethernet device", loud=link.up)
    if not link.up and not link.master and not place.addresses_of(link.name) and link.name not in place.lower_of():
        return Sorted(Sort.LEFT, remark="down and unused")
    if driver == "virtio_net" and virtio:
        return Sorted(Sort.DEVICE, DeviceKind.VIRTIO)
    virtual = driver in ("virtio_net", "vmxnet3", "hv_netvsc")
    remark = f"{driver}: taken for a card, as the dump does not have what is behind it" if virtual else ""
    return Sorted(Sort.DEVICE, remark=remark, loud=virtual)
