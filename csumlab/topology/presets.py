"""Version presets: which table plays which part in a kernel, and what its devices can do when nothing is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from csumlab.stage import Stage
from csumlab.stages import (
    fragments,
    hooks,
    linux,
    linux_later,
    linux_older,
    nic,
    othersystems,
    programs,
    rewriters,
    slots,
    translators,
    tunnels,
    virtio,
    xen,
    xenlinux,
    xenlinux_later,
)
from csumlab.stages import readers as taking
from csumlab.state import Skb, XenSkb
from csumlab.topology.model import DeviceKind
from csumlab.topology.options import (
    ENCAPSULATED,
    FEATURES,
    GENERIC,
    GRO,
    IPV6_CSUM,
    NO_CSUM,
    RX,
    SCTP,
    SCTP_CUTS,
    SEGMENTING,
    TAGGED,
    TSO4,
    TSO6,
    USO,
    V4,
    V6,
)

K = DeviceKind


@dataclass(frozen=True, slots=True)
class Preset:
    """One kernel version. ``carrying``: what a tunnel or wrapping device does to a packet that leaves by it and to one that comes in;
    ``features`` are what each kind of device has on by default, ``fixed`` what ethtool cannot change, ``keys`` those of xenstore that
    its Xen network drivers write and heed, ``editors`` what edits packets beside NAT, by its word in topologies. ``mended_in`` is the
    first version that does not do what is special about this one, "" if there is nothing to mend, and ``mended_as`` the preset that stands
    for it. ``refuses_short_tails``: a tap asks how long the last segment of a super-frame is. Of a packet's slots of a ring behind the
    first: the most that its netfront uses, the most that its netback takes, and the most with which that does not disable the interface
    (0: it never does)."""

    name: str
    title: str
    family: type[Any]
    sender: Stage
    egress: Stage
    bridge: Stage
    input: Stage
    conntrack: Stage
    nat: Stage
    forward: Stage
    receive: Stage
    gro: Stage
    nic_transmit: Stage
    nic_receive: Stage
    netfront_transmit: Stage
    netback_receive: Stage
    netback_transmit: Stage
    netfront_receive: Stage
    veth: Stage
    vpn_unseal: Stage
    carrying: Mapping[DeviceKind, tuple[Stage, Stage]]
    features: Mapping[DeviceKind, frozenset[str]]
    fixed: Mapping[DeviceKind, frozenset[str]]
    segmentation: Stage | None = None
    bridge_netfilter: Stage | None = None
    fragmentation: Stage | None = None
    bridge_fragmentation: Stage | None = None
    reassembly: Stage | None = None
    virtio_transmit: Stage | None = None
    virtio_receive: Stage | None = None
    tap_transmit: Stage | None = None
    tap_receive: Stage | None = None
    macvtap_deliver: Stage | None = None
    ecn: Stage | None = None
    editors: Mapping[str, Stage] = field(default_factory=dict)
    xdp_pass: Stage | None = None
    keys: frozenset[str] = frozenset()
    slots_used: int = 18
    slots_valid: int = 18
    slots_fatal: int = 0
    source: str = ""
    refuses_short_tails: bool = False
    mended_in: str = ""
    mended_as: str = "linux-6.1"

    @property
    def tables(self) -> Iterator[Stage]:
        """Every table of this kernel, some more than once, in the order of a packet's way."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name == "carrying":
                yield from (stage for pair in self.carrying.values() for stage in pair)
            elif name == "editors":
                yield from self.editors.values()
            elif isinstance(value, Stage):
                yield value

    @property
    def has_virtio(self) -> bool:
        """The first virtio network driver is that of Linux 2.6.24."""
        return self.virtio_transmit is not None


_ALL = frozenset({GENERIC, ENCAPSULATED, TAGGED, RX})
_CUTS = frozenset({TSO4, TSO6})
_READABLE = (K.VXLAN, K.GENEVE, K.GRE, K.GRETAP, K.IPIP, K.SIT, K.IP6TNL)

LINUX_6_1 = Preset(
    name="linux-6.1",
    title="Linux 6.1",
    family=Skb,
    sender=linux.SENDER,
    egress=linux.EGRESS,
    bridge=linux.BRIDGE,
    input=linux.INPUT,
    conntrack=linux.CONNTRACK,
    nat=linux.NAT,
    ecn=tunnels.DECAPSULATE_ECN,
    editors={**rewriters.EDITORS, "nfqueue": programs.QUEUE_EDIT, "jool": translators.JOOL},
    forward=linux.FORWARD,
    receive=linux.RECEIVE,
    gro=linux.GRO,
    nic_transmit=nic.NIC_TRANSMIT,
    nic_receive=nic.NIC_RECEIVE,
    netfront_transmit=xen.NETFRONT_TRANSMIT,
    netback_receive=xen.NETBACK_RECEIVE,
    netback_transmit=xen.NETBACK_TRANSMIT,
    netfront_receive=xen.NETFRONT_RECEIVE,
    veth=linux.VETH,
    vpn_unseal=tunnels.VPN_UNSEAL,
    carrying={
        **dict.fromkeys(_READABLE, (tunnels.ENCAPSULATE, tunnels.DECAPSULATE)),
        K.L2TP: (tunnels.ENCAPSULATE, tunnels.L2TP_DECAPSULATE),
        K.WIREGUARD: (tunnels.WIREGUARD_SEAL, tunnels.WIREGUARD_UNSEAL),
        K.OVPN: (tunnels.WIREGUARD_SEAL, tunnels.OVPN_UNSEAL),
        K.ESP: (tunnels.ESP_SEAL, tunnels.ESP_UNSEAL),
        K.VLAN: (tunnels.VLAN_TAG, tunnels.VLAN_UNTAG),
        K.MACSEC: (tunnels.MACSEC_SEAL, tunnels.MACSEC_UNSEAL),
        K.PPPOE: (tunnels.PPPOE_SEND, tunnels.PPPOE_RECEIVE),
    },
    segmentation=linux.SEGMENTATION,
    bridge_netfilter=linux.BRIDGE_NETFILTER,
    fragmentation=fragments.FRAGMENTATION,
    bridge_fragmentation=fragments.BRIDGE_FRAGMENTATION,
    reassembly=fragments.REASSEMBLY,
    virtio_transmit=virtio.VIRTIO_TRANSMIT,
    virtio_receive=virtio.VIRTIO_RECEIVE,
    tap_transmit=virtio.TAP_TRANSMIT,
    tap_receive=virtio.TAP_RECEIVE,
    macvtap_deliver=virtio.MACVTAP_DELIVER,
    xdp_pass=hooks.XDP_PASS,
    features={
        K.NIC: _ALL | _CUTS | {GRO},
        K.VIF: frozenset({V4, V6, RX}) | _CUTS,
        K.NETFRONT: frozenset({V4, V6, RX, GRO}) | _CUTS,
        K.VETH: _ALL | frozenset({SCTP, *SEGMENTING}),
        K.VIRTIO: frozenset({GENERIC, TAGGED, RX, GRO}) | _CUTS,
        K.TAP: frozenset({GENERIC, TAGGED, GRO}) | _CUTS,
        K.MACVTAP: frozenset({GENERIC, ENCAPSULATED, TAGGED}) | _CUTS,
        # A bridge device has no hw_enc_features (net/bridge/br_device.c br_dev_setup): what a tunnel hands to it is filled before.
        K.BRIDGE: (_ALL - {ENCAPSULATED}) | frozenset(SEGMENTING),
        **dict.fromkeys(_READABLE, _ALL | frozenset({TSO4, TSO6, USO, SCTP_CUTS, GRO})),
        # drivers/net/wireguard/device.c wg_setup; drivers/net/macsec.c MACSEC_FEATURES; net/l2tp/l2tp_eth.c l2tp_eth_dev_setup: the last
        # two offer no sums. GRO runs behind WireGuard's and MACsec's decryption, on packets that nobody else has seen.
        K.WIREGUARD: frozenset({GENERIC, ENCAPSULATED, GRO, TSO4, TSO6, USO}),
        K.OVPN: frozenset({GENERIC, RX, GRO}),
        K.MACSEC: frozenset({GRO}),
        K.VLAN: frozenset({GENERIC, SCTP, TAGGED, RX, TSO4, TSO6, USO}),
        K.VPN: frozenset({GENERIC}),
    },
    fixed={
        # Of devices without a card below only veth offers NETIF_F_SCTP_CRC (drivers/net/veth.c VETH_FEATURES).
        **dict.fromkeys((K.BRIDGE, K.WIREGUARD, K.OVPN, *_READABLE), frozenset({SCTP})),
        K.VIF: frozenset({RX, SCTP}),
        K.NETFRONT: frozenset({V4, RX, SCTP}),
        K.VIRTIO: frozenset({RX, V4, V6, SCTP}),
        K.TAP: frozenset({RX, V4, V6, SCTP}),
        K.MACVTAP: frozenset(FEATURES),
        K.VPN: frozenset(FEATURES) - {GENERIC},
        K.MACSEC: frozenset(FEATURES) - {GRO},
        K.L2TP: frozenset(FEATURES),
        K.PPPOE: frozenset(FEATURES),
        K.ESP: frozenset(FEATURES),
    },
    keys=frozenset({NO_CSUM, IPV6_CSUM}),
    slots_used=17,
    slots_fatal=20,
    source="linux 6.1 drivers/net/xen-netfront.c, drivers/net/xen-netback/interface.c, drivers/net/veth.c, net/bridge/br_device.c; "
    "observed on Xen 4.17",
)

LINUX_5_10 = replace(
    LINUX_6_1,
    name="linux-5.10",
    title="Linux 5.9.13 to 5.16 (nft in later fragments, Open vSwitch below a card that hands up the sum of the packet; all else as 6.1)",
    editors={**LINUX_6_1.editors, "nft": rewriters.NFT_5_16, "openvswitch": rewriters.OPENVSWITCH_5_16},
    source="linux 5.16 net/netfilter/nft_payload.c, net/openvswitch/actions.c; in all else Linux 6.1",
    mended_in="Linux 5.17",
)
LINUX_5_9 = replace(
    LINUX_5_10,
    name="linux-5.9",
    title="Linux 5.8 to 5.9.12 (ECN marks of tunnels; all else as 5.10)",
    ecn=tunnels.DECAPSULATE_ECN_5_9,
    source="linux 5.9 include/net/inet_ecn.h IP_ECN_set_ect1; in all else Linux 5.10",
    mended_in="Linux 5.9.13",
)
LINUX_5_7 = replace(
    LINUX_5_10,
    name="linux-5.7",
    title="Linux 5.7 (ECN marks of tunnels, super-frames of SCTP in GRE; all else as 5.10)",
    ecn=tunnels.DECAPSULATE_ECN_5_7,
    segmentation=linux_older.SEGMENTATION_5_8,
)
LINUX_5_6 = replace(
    LINUX_5_7,
    name="linux-5.6",
    title="Linux 5.6",
    nat=linux.NAT_5_6,
    editors={**LINUX_5_7.editors, "nft": rewriters.NFT_5_6},
    source="linux 5.6 net/netfilter/nf_nat_proto.c, nft_payload.c; in all else Linux 5.7",
)
LINUX_4_20 = replace(
    LINUX_5_6,
    name="linux-4.20",
    title="Linux 4.20 to 5.5 (IPv6 NAT below a card that hands up the sum of the packet; all else as 5.6)",
    nat=linux_older.NAT_5_5,
    editors={**LINUX_5_6.editors, "openvswitch": linux_older.OPENVSWITCH_5_5},
    source="linux 5.5 net/core/utils.c; in all else Linux 5.6",
)
LINUX_4_19 = replace(
    LINUX_4_20,
    name="linux-4.19",
    title="Linux 4.18 and 4.19 (UDP below a card that hands up the sum of the packet; all else as 4.20)",
    receive=linux_older.RECEIVE_4_19,
    source="linux 4.19 net/ipv4/udp.c; in all else Linux 4.20",
)
LINUX_4_17 = replace(
    LINUX_4_19,
    name="linux-4.17",
    title="Linux 4.13 to 4.17 (what is cut off takes the sum of the packet with it; all else as 4.19)",
    input=linux_older.INPUT_4_17,
    source="linux 4.17 include/linux/skbuff.h pskb_trim_rcsum; in all else Linux 4.19",
)
LINUX_4_9 = replace(
    LINUX_4_17,
    name="linux-4.9",
    title="Linux 4.9 to 4.12 (a CRC32c that is owed is taken for a sum; all else as 4.17)",
    sender=linux_older.SENDER_4_12,
    egress=linux_older.EGRESS_4_12,
    source="linux 4.12 net/core/dev.c validate_xmit_skb; in all else Linux 4.17",
)
LINUX_4_4 = replace(
    LINUX_4_9,
    name="linux-4.4",
    title="Linux 4.4 (veth before its fix, the fill that writes 0, UDP as in 6.1; all else as 4.9)",
    receive=linux.RECEIVE,
    veth=linux_older.VETH_4_4,
    egress=linux_older.EGRESS_4_8,
    source="linux 4.4 drivers/net/veth.c, net/core/dev.c, net/ipv4/udp.c (before e6afc8ace6dd); in all else Linux 4.9",
)
_SINCE_6_9 = {**LINUX_6_1.carrying, **dict.fromkeys(_READABLE, (tunnels.ENCAPSULATE, linux_later.DECAPSULATE_6_9))}
LINUX_6_10 = replace(
    LINUX_6_1,
    name="linux-6.10",
    carrying=_SINCE_6_9,
    title="Linux 6.10 (a tap or tun device that refuses some super-frames; all else as in 6.1)",
    tap_receive=virtio.TAP_RECEIVE_6_10,
    refuses_short_tails=True,
    xdp_pass=hooks.XDP_PASS_6_10,
    source="linux 6.10 include/linux/virtio_net.h virtio_net_hdr_to_skb, drivers/net/virtio_net.c receive_buf; in all else Linux 6.1",
    mended_in="Linux 6.11",
    mended_as="linux-6.12",
)
LINUX_6_11 = replace(
    LINUX_6_1,
    name="linux-6.11",
    carrying=_SINCE_6_9,
    title="Linux 6.11 (datagrams of programs that ask for segmentation; all else as in 6.1)",
    sender=linux_later.SENDER_6_11,
    xdp_pass=hooks.XDP_PASS_6_10,
    source="linux 6.11 net/ipv4/udp.c udp_send_skb, 6.10 drivers/net/virtio_net.c receive_buf; in all else Linux 6.1",
    mended_in="Linux 6.12",
    mended_as="linux-6.12",
)
LINUX_6_12 = replace(
    LINUX_6_11,
    name="linux-6.12",
    title="Linux 6.12.111 and later 6.12 (tc's csum action and super-frames; all else as in 6.11)",
    sender=linux_later.SENDER_6_12,
    segmentation=linux_later.SEGMENTATION_6_12,
    editors={**LINUX_6_1.editors, "act-csum": linux_later.CSUM_6_12},
    source="linux 6.12.117 net/ipv4/udp.c, net/sched/act_csum.c, 6.10 drivers/net/virtio_net.c receive_buf; in all else Linux 6.1",
    mended_in="",
)
LINUX_6_18 = replace(
    LINUX_6_1,
    name="linux-6.18",
    carrying=_SINCE_6_9,
    sender=linux_later.SENDER_6_12,
    segmentation=linux_later.SEGMENTATION_6_12,
    title="Linux 6.18 (a tap takes sums inside tunnels, virtio-net behind XDP, BPF_F_IPV6; all else as in 6.1)",
    xdp_pass=hooks.XDP_PASS_6_10,
    editors={**LINUX_6_1.editors, "bpf-ipv6": rewriters.BPF_IPV6},
    features={**LINUX_6_1.features, K.TAP: LINUX_6_1.features[K.TAP] | {ENCAPSULATED}},
    source="linux 6.17 drivers/net/tun.c tun_net_initialize, 6.10 drivers/net/virtio_net.c receive_buf, "
    "6.16 net/core/filter.c bpf_l4_csum_replace; in all else Linux 6.1",
)

XEN_3_0_0 = Preset(
    name="xen-3.0.0",
    title="Xen 3.0.0 (XenLinux 2.6.12)",
    family=XenSkb,
    sender=xenlinux.SENDER,
    egress=xenlinux.EGRESS,
    bridge=xenlinux.BRIDGE,
    input=xenlinux.INPUT,
    conntrack=xenlinux.CONNTRACK,
    nat=xenlinux.NAT,
    forward=xenlinux.FORWARD,
    receive=xenlinux.RECEIVE,
    gro=xenlinux.GRO,
    nic_transmit=xenlinux.NIC_TRANSMIT,
    nic_receive=xenlinux.NIC_RECEIVE,
    netfront_transmit=xenlinux.NETFRONT_TRANSMIT,
    netback_receive=xenlinux.NETBACK_RECEIVE,
    netback_transmit=xenlinux.NETBACK_TRANSMIT,
    netfront_receive=xenlinux.NETFRONT_RECEIVE,
    veth=xenlinux.LOOPBACK,
    vpn_unseal=xenlinux.VPN_UNSEAL,
    carrying={
        **dict.fromkeys((K.GRE, K.IPIP, K.SIT), (xenlinux.ENCAPSULATE, xenlinux.DECAPSULATE)),
        K.VLAN: (xenlinux.VLAN_TAG, xenlinux.VLAN_UNTAG),
        K.ESP: (xenlinux.ESP_SEAL, xenlinux.ESP_UNSEAL),
    },
    features={
        K.NIC: frozenset({V4, RX}),
        K.VIF: frozenset({GENERIC, RX}),
        K.NETFRONT: frozenset({V4, RX}),
        K.VETH: frozenset({GENERIC, RX}),
        K.BRIDGE: frozenset({GENERIC, RX}),
        K.VPN: frozenset(),
    },
    fixed={
        **dict.fromkeys((K.GRE, K.IPIP, K.SIT, K.VLAN, K.ESP), frozenset(FEATURES)),
        K.VIF: frozenset(FEATURES),
        K.VETH: frozenset(FEATURES),
        K.BRIDGE: frozenset(FEATURES),
        K.VPN: frozenset(FEATURES),
    },
    source="xen 3.0.0 linux-2.6-xen-sparse/drivers/xen/netback/interface.c, loopback.c, netfront.c",
    mended_in="Linux 2.6.39",
)

XEN_2005_10 = replace(
    XEN_3_0_0, name="xen-2005-10", title="Xen unstable of early October 2005 (XenLinux 2.6.12)", nat=xenlinux_later.NAT_2005
)
XEN_3_0_1 = replace(
    XEN_3_0_0,
    name="xen-3.0.1",
    title="Xen 3.0.1 (XenLinux 2.6.12, January 2006)",
    features={**XEN_3_0_0.features, K.VETH: frozenset({V4, RX})},
    fixed={kind: names for kind, names in XEN_3_0_0.fixed.items() if kind is not K.VETH},
    source="xen git 2006-01-19 linux-2.6-xen-sparse/drivers/xen/netback/loopback.c: ethtool -K veth0 tx",
)
XEN_2006_04_02 = replace(
    XEN_3_0_1,
    name="xen-2006-04-02",
    title="Xen unstable of 2 to 5 April 2006 (XenLinux 2.6.16)",
    nat=xenlinux_later.NAT_2006,
    netfront_transmit=xenlinux_later.NETFRONT_TRANSMIT_APRIL,
    netback_receive=xenlinux_later.NETBACK_RECEIVE_APRIL,
    netback_transmit=xenlinux_later.NETBACK_TRANSMIT_APRIL,
    netfront_receive=xenlinux_later.NETFRONT_RECEIVE_APRIL,
    features={**XEN_3_0_1.features, K.VIF: frozenset({V4, RX})},
    fixed={kind: names for kind, names in XEN_3_0_1.fixed.items() if kind is not K.VIF},
    source="xen git 0c48c2080d linux-2.6-xen-sparse/drivers/xen/netback/interface.c",
)
XEN_3_0_2 = replace(
    XEN_2006_04_02,
    name="xen-3.0.2",
    title="Xen 3.0.2 (XenLinux 2.6.16, from 5 April 2006)",
    netfront_transmit=xenlinux_later.NETFRONT_TRANSMIT_2006,
    netback_receive=xenlinux_later.NETBACK_RECEIVE_2006,
    netback_transmit=xenlinux_later.NETBACK_TRANSMIT_2006,
    netfront_receive=xenlinux_later.NETFRONT_RECEIVE_2006,
    source="xen git 1b7e15f112 linux-2.6-xen-sparse/drivers/xen/netback/interface.c",
)
XEN_3_0_3 = replace(
    XEN_3_0_2,
    name="xen-3.0.3",
    title="Xen 3.0.3 and 3.0.4 (XenLinux 2.6.16, from October 2006)",
    egress=xenlinux_later.EGRESS_2006,
    carrying={**XEN_3_0_2.carrying, K.ESP: (xenlinux_later.ESP_SEAL_2006, xenlinux.ESP_UNSEAL)},
    keys=frozenset({NO_CSUM}),
    source="xen 3.0.3 linux-2.6-xen-sparse/drivers/xen/netback/xenbus.c connect_rings",
)
XEN_2_6_18 = replace(
    XEN_3_0_3,
    name="xenlinux-2.6.18",
    title="XenLinux 2.6.18 (Xen 3.0.4 and later)",
    conntrack=xenlinux_later.CONNTRACK_2_6_18,
    source="linux 2.6.18-xen drivers/xen/netback/xenbus.c connect_rings, netfront/netfront.c",
)
LINUX_3_12 = replace(
    LINUX_6_1,
    name="linux-3.12",
    title="Linux 2.6.39 to 3.12 (its Xen network drivers; all else as in 6.1)",
    netback_receive=xen.NETBACK_RECEIVE_IPV4,
    netfront_receive=xen.NETFRONT_RECEIVE_IPV4,
    features={**LINUX_6_1.features, K.VIF: frozenset({V4, RX, TSO4}), K.NETFRONT: frozenset({V4, RX, GRO, TSO4})},
    fixed={**LINUX_6_1.fixed, K.VIF: frozenset({RX, V6, SCTP}), K.NETFRONT: frozenset({RX, V6, SCTP})},
    keys=frozenset({NO_CSUM}),
    source="linux 3.12 drivers/net/xen-netfront.c, drivers/net/xen-netback/interface.c",
    mended_in="Linux 3.13",
)
LINUX_2_6_39 = replace(
    LINUX_3_12,
    name="linux-2.6.39",
    title="Linux 2.6.39 to 3.7 (its netback drops a packet of more than 18 slots and goes on; all else as linux-3.12)",
    slots_used=18,
    slots_fatal=0,
    source="linux 2.6.39 drivers/net/xen-netback/netback.c netbk_count_requests",
)
LINUX_3_8 = replace(
    LINUX_3_12,
    name="linux-3.8",
    title="Linux 3.8 and 3.9, and older ones with the fix of XSA-39 (17 slots, more is fatal; all else as linux-3.12)",
    slots_valid=17,
    slots_fatal=17,
    source="linux 3.8 drivers/net/xen-netback/netback.c netbk_count_requests, netbk_fatal_tx_err; Xen security advisory 39",
)
LINUX_3_10 = replace(
    LINUX_4_4,
    name="linux-3.10",
    title="Linux 3.10 (Xen network drivers as linux-3.12's; all else as linux-4.4)",
    netback_receive=LINUX_3_12.netback_receive,
    netfront_receive=LINUX_3_12.netfront_receive,
    features={**LINUX_4_4.features, **{kind: LINUX_3_12.features[kind] for kind in (K.VIF, K.NETFRONT)}},
    fixed={**LINUX_4_4.fixed, **{kind: LINUX_3_12.fixed[kind] for kind in (K.VIF, K.NETFRONT)}},
    keys=LINUX_3_12.keys,
    source="linux 3.10 drivers/net/xen-netfront.c, drivers/net/xen-netback/interface.c; in all else Linux 4.4",
)
LINUX_2_6_15 = replace(
    LINUX_3_10,
    name="linux-2.6.15",
    title="Linux 2.6.15 (PPP below a card that hands up the sum of the packet, no virtio; all else as linux-3.10)",
    carrying={**LINUX_3_10.carrying, K.PPPOE: (tunnels.PPPOE_SEND, tunnels.PPPOE_RECEIVE_2_6_15)},
    virtio_transmit=None,
    virtio_receive=None,
    tap_transmit=None,
    tap_receive=None,
    macvtap_deliver=None,
    source="linux 2.6.15 drivers/net/ppp_generic.c; in all else Linux 3.10",
)
LINUX_3_13 = replace(
    LINUX_6_1,
    name="linux-3.13",
    title="Linux 3.13 and later (its Xen network drivers, which know IPv6; all else as in 6.1)",
)

FREEBSD_10 = replace(
    LINUX_6_1,
    name="freebsd-10",
    title="FreeBSD 10 (xn and pf; LRO as until 2021, vtnet as until 2025; all else as Linux 6.1)",
    gro=othersystems.FREEBSD_LRO,
    input=othersystems.FREEBSD_INPUT,
    bridge_netfilter=None,
    nat=othersystems.FREEBSD_PF,
    netfront_transmit=othersystems.FREEBSD_NETFRONT_TRANSMIT,
    netfront_receive=othersystems.FREEBSD_NETFRONT_RECEIVE,
    virtio_receive=othersystems.FREEBSD_VTNET_RECEIVE,
    features={**LINUX_6_1.features, K.NETFRONT: frozenset({V4, RX, "ipv4-header-checked"}), K.VIRTIO: frozenset({GENERIC, RX})},
    fixed={**LINUX_6_1.fixed, K.NETFRONT: frozenset({V6, SCTP})},
    keys=frozenset({NO_CSUM}),
    editors={"pf": othersystems.FREEBSD_PF_OPTIONS},
    ecn=None,
    source="FreeBSD 10 sys/dev/xen/netfront/netfront.c, sys/dev/virtio/network/if_vtnet.c",
)
FREEBSD_13 = replace(
    FREEBSD_10,
    name="freebsd-13",
    title="FreeBSD 13 (pf since 2020; all else as freebsd-10)",
    nat=othersystems.FREEBSD_PF_13,
    editors={"pf": othersystems.FREEBSD_PF_OPTIONS_13},
    source="FreeBSD 13 sys/netpfil/pf/pf.c; in all else FreeBSD 10",
)
FREEBSD_14 = replace(
    FREEBSD_13,
    name="freebsd-14",
    title="FreeBSD 14 (LRO of verified segments; all else as freebsd-13)",
    gro=othersystems.FREEBSD_LRO_14,
    source="FreeBSD ca1a7e1021a9 sys/netinet/tcp_lro.c; sys/dev/virtio/network/if_vtnet.c before 3008f30d2c2c (2025)",
)
FREEBSD_15 = replace(
    FREEBSD_14,
    name="freebsd-15",
    title="FreeBSD 15 (af-to; all else as freebsd-14)",
    editors={**FREEBSD_14.editors, "af-to": translators.AF_TO},
    source="FreeBSD 15 sys/netpfil/pf/pf.c; in all else FreeBSD 14",
)
FREEBSD_15_CURRENT = replace(
    FREEBSD_15,
    name="freebsd-15-current",
    title="FreeBSD 15-CURRENT of early 2025 (af-to as it came; all else as freebsd-15)",
    editors={**FREEBSD_14.editors, "af-to": translators.AF_TO_BEFORE},
    source="FreeBSD fcdb520c1b4e sys/netpfil/pf/pf.c; in all else FreeBSD 14",
)
OPENBSD_5_4 = replace(
    LINUX_6_1,
    name="openbsd-5.4",
    title="OpenBSD 5.4 (pf, which makes sums anew; all else as Linux 6.1)",
    conntrack=othersystems.OPENBSD_PF_CHECK,
    nat=othersystems.OPENBSD_PF,
    editors={},
    ecn=None,
    source="OpenBSD 5.4 sys/net/pf.c; Brauer, EuroBSDcon 2013",
)
MIRAGE = replace(
    LINUX_6_1,
    name="mirage-firewall",
    title="MirageOS firewall of Qubes OS (mirage-net-xen before 2026)",
    receive=othersystems.MIRAGE_ACCEPT,
    forward=othersystems.MIRAGE_FORWARD,
    netfront_transmit=othersystems.MIRAGE_TRANSMIT,
    netfront_receive=othersystems.MIRAGE_RECEIVE,
    netback_transmit=othersystems.MIRAGE_TRANSMIT,
    netback_receive=othersystems.MIRAGE_RECEIVE,
    features={K.VIF: frozenset(), K.NETFRONT: frozenset()},
    fixed={K.VIF: frozenset(FEATURES), K.NETFRONT: frozenset(FEATURES)},
    keys=frozenset(),
    editors={},
    ecn=None,
    source="qubes-mirage-firewall issue 1, mirage pull request 286",
)

PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        LINUX_6_1,
        LINUX_6_10,
        LINUX_6_11,
        LINUX_6_12,
        LINUX_6_18,
        LINUX_5_10,
        LINUX_5_9,
        LINUX_5_7,
        LINUX_5_6,
        LINUX_4_20,
        LINUX_4_19,
        LINUX_4_17,
        LINUX_4_9,
        LINUX_4_4,
        LINUX_3_13,
        LINUX_3_12,
        LINUX_3_10,
        LINUX_3_8,
        LINUX_2_6_39,
        LINUX_2_6_15,
        XEN_3_0_0,
        XEN_2005_10,
        XEN_3_0_1,
        XEN_2006_04_02,
        XEN_3_0_2,
        XEN_3_0_3,
        XEN_2_6_18,
        FREEBSD_10,
        FREEBSD_13,
        FREEBSD_14,
        FREEBSD_15,
        FREEBSD_15_CURRENT,
        OPENBSD_5_4,
        MIRAGE,
    )
}


def in_use(preset: str, program: bool) -> Preset:
    """The tables of a kernel; with ``program`` those of a stack that is a program on packet sockets of that kernel."""
    kernel = PRESETS[preset]
    if not program:
        return kernel
    return replace(kernel, input=programs.PROGRAM_INPUT, nat=programs.PROGRAM_NAT, bridge_netfilter=None)


def stages() -> dict[str, Stage]:
    """Every stage of every preset by name, in the order of a packet's way."""
    found: dict[str, Stage] = {}
    for preset in PRESETS.values():
        for stage in preset.tables:
            found.setdefault(stage.name, stage)
    hooked = (
        slots.RING_SLOTS,
        slots.RING_SLOTS_ELSEWHERE,
        hooks.XDP_REDIRECT,
        hooks.XDP_GENERIC_REDIRECT,
        hooks.CHECKSUM_TARGET,
        hooks.NETEM_CORRUPT,
        hooks.DRIVER_CLAIMS,
        hooks.VIF_HEEDS_RX,
        taking.READER,
        taking.WATCHER,
        taking.XDP_SOCKET,
    )
    for stage in (nic.WIRE, nic.CARD_SEAL, tunnels.TUN_READ, tunnels.VPN_SEAL, *hooked, rewriters.CSUM_IP, *programs.TABLES):
        found.setdefault(stage.name, stage)
    return found
