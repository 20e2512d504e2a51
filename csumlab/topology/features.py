"""Whether a device has a feature: what is fixed, set, negotiated with the other end, or the default of its kernel."""

from __future__ import annotations

from csumlab.topology.model import BUNDLING, Device, DeviceKind, Domain
from csumlab.topology.options import (
    CUTS_V4,
    CUTS_V6,
    GENERIC,
    IPV6_CSUM,
    LRO,
    NO_CSUM,
    RX,
    SCATTER,
    SCTP,
    SCTP_CUTS,
    SEGMENTING,
    SUMS_UDP,
    TAGGED,
    TSO4,
    TSO6,
    UFO,
    UNNEGOTIATED,
    UNOFFERED,
    USO,
    V4,
    V6,
    options_of,
)
from csumlab.topology.presets import PRESETS, Preset
from csumlab.virtio_features import FEATURES as VIRTIO_FEATURES
from csumlab.virtio_features import parse_features

_VIRTIO_CUTS = {TSO4: "TSO4", TSO6: "TSO6", USO: "USO", UFO: "UFO"}
"""What follows HOST_ or GUEST_ in the name of a virtio feature, and stands for a kind of segmentation."""
_CUT_KEYS = {TSO4: CUTS_V4, TSO6: CUTS_V6}
"""Keys of the other end of a Xen ring without which super-frames are cut before it (drivers/net/xen-netback/interface.c
xenvif_fix_features; drivers/net/xen-netfront.c xennet_fix_features)."""


def negotiated(device: Device, peer: Device | None, name: str) -> bool:
    """Whether a guest's virtio device and its host agreed on a feature. If it is not said: all features, as far as ``peer`` has a header to
    carry them (QEMU hw/net/virtio-net.c virtio_net_get_features takes them back without IFF_VNET_HDR). A card that is emulated agrees on
    nothing."""
    if device.kind is DeviceKind.NIC:
        return False
    if device.virtio:
        return VIRTIO_FEATURES[name] in parse_features(device.virtio)
    return peer is None or options_of(peer)["vnet-hdr"]


def reader_sums(device: Device, peer: Device | None) -> bool:
    """Whether the reader of a tun or tap device said that sums may be left to it (TUN_F_CSUM), said or as its guest decides. A guest that
    loads an XDP program takes it back (Linux drivers/net/virtio_net.c virtnet_xdp_set, virtnet_clear_guest_offloads)."""
    if peer is None or "TUN_F_CSUM" in device.options:
        return options_of(device)["TUN_F_CSUM"]
    return options_of(device)["vnet-hdr"] and negotiated(peer, device, "VIRTIO_NET_F_GUEST_CSUM") and not peer.native_xdp


def is_on(domain: Domain, device: Device, peer: Device | None, name: str, there: Domain | None = None) -> bool:
    """Whether an ethtool feature is on: fixed, set, switched off by a xenstore key of the device's pair, or the default, in this order.
    "reader-checksum" is none of them: it is whether the reader of a tap takes unfinished sums and has a header to be told by.
    "peer-rx-checksum" and "peer-rx-lro" are those of the other end, and "peer-sums-udp" is
    whether a host makes sums of UDP for its guests. ``there`` is the domain of ``peer``, the same kernel if it is not given. A VLAN
    device offers sums if the device below does for tagged frames (net/8021q/vlan_dev.c vlan_dev_fix_features); ``peer`` is then that
    one's. A bond offers for tagged frames, and of what cuts anything but TCP, what any of its ports does (drivers/net/bonding/bond_main.c
    bond_compute_features, bond_fix_features). LRO is on where the card merges by itself, and off on a bridge and where the host forwards.
    (A card that merges what can be cut again has rx-gro-hw, which is not asked here.)

    feature-no-csum-offload of the frontend takes tx-checksum-ipv4 from the vif; feature-ipv6-csum-offload = 0 of one side, or a driver
    that does not know the key, takes tx-checksum-ipv6 from the other (observed on Xen 4.17 with Linux 6.1).
    """
    preset = PRESETS[domain.preset]
    default = name in preset.features.get(device.kind, frozenset())
    if peer is not None:
        if name == V4 and device.kind is DeviceKind.VIF and NO_CSUM in preset.keys and peer.xenstore.get(NO_CSUM):
            return False
        if name == V6 and device.kind in (DeviceKind.VIF, DeviceKind.NETFRONT):
            known = IPV6_CSUM in PRESETS[(there or domain).preset].keys
            if not peer.xenstore.get(IPV6_CSUM, known):
                return False
        if name in _CUT_KEYS and not all(peer.xenstore.get(key, True) for key in (SCATTER, _CUT_KEYS[name])):
            return False
    if device.kind is DeviceKind.VLAN and name in (GENERIC, SCTP) and device.lower in domain.devices:
        below = domain.devices[device.lower]
        sums = (GENERIC, V4, V6) if name == GENERIC else (SCTP,)
        if not is_on(domain, below, peer, TAGGED, there) or not any(is_on(domain, below, peer, csum, there) for csum in sums):
            return False
    if device.kind in BUNDLING and name in (TAGGED, USO, SCTP_CUTS):
        ports = [port for port in domain.devices.values() if port.bond == device.name]
        if not any(is_on(domain, port, None, name) for port in ports):
            return False
    if name == LRO:
        # Merged frames cannot be cut again as they were: Linux switches it off (net/core/dev.c dev_disable_lro), through a bond too.
        bridge = device.bridge or (device.bond and domain.devices[device.bond].bridge)
        return not bridge and not domain.forwarding and device.features.get(LRO, options_of(device).get("rx-merges", default))
    if name == "peer-rx-lro":
        return peer is not None and is_on(there or domain, peer, None, LRO)
    if name == "peer-sums-udp":
        return there is not None and peer is not None and SUMS_UDP in PRESETS[there.preset].features.get(peer.kind, frozenset())
    if name == "peer-rx-checksum":
        return peer is not None and is_on(there or domain, peer, None, RX)
    if name == "reader-checksum":
        return options_of(device)["vnet-hdr"] and reader_sums(device, peer)
    asks_anyway = name == V6 and UNNEGOTIATED in preset.features.get(device.kind, frozenset())
    if name in (GENERIC, V4, V6) and _unoffered(preset, device, peer, there):
        return False
    summing = name in (GENERIC, V4, V6) and device.kind is DeviceKind.VIRTIO and not asks_anyway
    if summing and not negotiated(device, peer, "VIRTIO_NET_F_CSUM"):
        return False
    if name == GENERIC and device.kind in (DeviceKind.TAP, DeviceKind.VPN) and not reader_sums(device, peer):
        return False
    if name in (*SEGMENTING, UFO) and not _may_cut(domain, device, peer, name, there):
        return False
    if name in preset.fixed_in(device.kind):
        return default
    return device.features.get(name, default)


def _unoffered(preset: Preset, device: Device, peer: Device | None, there: Domain | None) -> bool:
    """Whether a guest of Hyper-V's interface makes sums itself, as its host does not offer to."""
    if device.kind is not DeviceKind.NETVSC or peer is None or there is None or UNOFFERED in preset.features[device.kind]:
        return False
    return GENERIC not in PRESETS[there.preset].features.get(peer.kind, frozenset())


def _may_cut(domain: Domain, device: Device, peer: Device | None, name: str, there: Domain | None) -> bool:
    """Whether what segmentation by the device needs is there: it sums what it cuts (net/core/dev.c netdev_fix_features), and a guest and
    its host agreed on it (drivers/net/virtio_net.c virtnet_probe; drivers/net/tun.c set_offload)."""
    families = {TSO4: (V4,), TSO6: (V6,), USO: (V4, V6), UFO: (V4, V6)}.get(name, (GENERIC,))
    summed = is_on(domain, device, peer, GENERIC, there) or all(is_on(domain, device, peer, family, there) for family in families)
    if name != SCTP_CUTS and not summed:
        return False
    if device.kind is DeviceKind.VIRTIO:
        return name in _VIRTIO_CUTS and negotiated(device, peer, f"VIRTIO_NET_F_HOST_{_VIRTIO_CUTS[name]}")
    if device.kind is DeviceKind.TAP and peer is not None:
        if name not in _VIRTIO_CUTS or peer.native_xdp:
            return False
        bit = f"VIRTIO_NET_F_GUEST_{_VIRTIO_CUTS[name]}"
        return negotiated(peer, device, f"{bit}4" if name == USO else bit)
    return True
