"""Linux 6.1, from which all other presets are told apart, and later Linux."""

from __future__ import annotations

from dataclasses import replace

from csumlab.stages import (
    answers,
    flowtable,
    fragments,
    groups,
    helpers,
    hooks,
    hypervisors,
    linux,
    linux_later,
    linux_older,
    mesh,
    nic,
    programs,
    rewriters,
    segments,
    stacked,
    translators,
    tunnels,
    virtio,
    xen,
)
from csumlab.state import Skb
from csumlab.topology.model import DeviceKind as K
from csumlab.topology.options import (
    ENCAPSULATED,
    FEATURES,
    GENERIC,
    GRO,
    IPV6_CSUM,
    LRO,
    NO_CSUM,
    RX,
    SCTP,
    SCTP_CUTS,
    SEGMENTING,
    TAGGED,
    TSO4,
    TSO6,
    TUNNEL,
    TUNNEL_SUMS,
    USO,
    V4,
    V6,
)
from csumlab.topology.presets.preset import Preset, Stacked, TunnelOffer

_ALL = frozenset({GENERIC, ENCAPSULATED, TAGGED, RX})
_CUTS = frozenset({TSO4, TSO6})
READABLE = (K.VXLAN, K.GENEVE, K.GRE, K.GRETAP, K.ERSPAN, K.BAREUDP, K.IPIP, K.SIT, K.IP6TNL)

LINUX_6_1 = Preset(
    name="linux-6.1",
    until=(6, 9),
    title="Linux 6.1",
    family=Skb,
    sender=linux.SENDER,
    egress=linux.EGRESS,
    bridge=linux.BRIDGE,
    input=linux.INPUT,
    conntrack=linux.CONNTRACK,
    nat=linux.NAT,
    ecn=tunnels.DECAPSULATE_ECN,
    looped_back=groups.LOOPED_BACK,
    multicast_forward=groups.MULTICAST_FORWARD,
    editors={
        **rewriters.EDITORS,
        **helpers.EDITORS,
        "reject": answers.REJECT,
        "nfqueue": programs.QUEUE_EDIT,
        "jool": translators.JOOL,
        "jool-3.3": translators.JOOL_3_3,
        "jool-3.2": translators.JOOL_3_2,
    },
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
        **dict.fromkeys(READABLE, (tunnels.ENCAPSULATE, tunnels.DECAPSULATE)),
        K.L2TP: (tunnels.ENCAPSULATE, tunnels.L2TP_DECAPSULATE),
        K.WIREGUARD: (tunnels.WIREGUARD_SEAL, tunnels.WIREGUARD_UNSEAL),
        K.OVPN: (tunnels.WIREGUARD_SEAL, tunnels.OVPN_UNSEAL),
        K.ESP: (tunnels.ESP_SEAL, tunnels.ESP_UNSEAL),
        K.SEG6: (tunnels.ENCAPSULATE, tunnels.DECAPSULATE),
        K.VLAN: (tunnels.VLAN_TAG, tunnels.VLAN_UNTAG),
        K.MACSEC: (tunnels.MACSEC_SEAL, tunnels.MACSEC_UNSEAL),
        K.PPPOE: (tunnels.PPPOE_SEND, tunnels.PPPOE_RECEIVE),
        K.BATMAN: (mesh.BATMAN_SEND, mesh.BATMAN_RECEIVE_5_14),
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
    switched={
        K.NETVSC: (hypervisors.NETVSC_TRANSMIT, hypervisors.NETVSC_RECEIVE),
        K.VMXNET3: (hypervisors.VMXNET3_TRANSMIT, hypervisors.VMXNET3_RECEIVE),
    },
    stacked={
        K.MACVLAN: Stacked(stacked.MACVLAN_SEND, stacked.MACVLAN_RECEIVE, stacked.MACVLAN_ACROSS),
        K.IPVLAN: Stacked(stacked.IPVLAN_SEND, stacked.IPVLAN_RECEIVE, stacked.IPVLAN_ACROSS, stacked.IPVLAN_ROUTE),
        **dict.fromkeys((K.BOND, K.TEAM), Stacked(stacked.BOND_SEND, stacked.BOND_RECEIVE)),
    },
    offers={K.VMXNET3: TunnelOffer(hypervisors.OFFLOADED_PORTS)},
    xdp_pass=hooks.XDP_PASS,
    flowtable=flowtable.FLOWTABLE,
    flowtable_nat=flowtable.FLOWTABLE_NAT,
    segment=segments.SEGMENT_END,
    features={
        K.NIC: _ALL | _CUTS | {GRO},
        K.VIF: frozenset({V4, V6, RX}) | _CUTS,
        K.NETFRONT: frozenset({V4, V6, RX, GRO}) | _CUTS,
        K.VETH: _ALL | frozenset({SCTP, *SEGMENTING}),
        K.VIRTIO: frozenset({GENERIC, TAGGED, RX, GRO}) | _CUTS,
        K.TAP: frozenset({GENERIC, TAGGED, GRO}) | _CUTS,
        K.MACVTAP: frozenset({GENERIC, ENCAPSULATED, TAGGED}) | _CUTS,
        # drivers/net/macvlan.c ALWAYS_ON_FEATURES; drivers/net/ipvlan/ipvlan_main.c IPVLAN_ALWAYS_ON: whatever the device below does.
        # rx-checksum is that of the device below, and nobody asks for it.
        **dict.fromkeys((K.MACVLAN, K.IPVLAN), frozenset({GENERIC, ENCAPSULATED, TAGGED, RX, *SEGMENTING})),
        # drivers/net/bonding/bond_main.c bond_setup, BOND_ENC_FEATURES; of tags and some segmentation the ports decide (is_on).
        **dict.fromkeys((K.BOND, K.TEAM), frozenset({GENERIC, ENCAPSULATED, TAGGED, *SEGMENTING})),
        # drivers/net/ifb.c IFB_FEATURES: NETIF_F_HW_CSUM, NETIF_F_GSO_SOFTWARE and NETIF_F_GSO_ENCAP_ALL, for tags and tunnels too.
        K.IFB: frozenset({GENERIC, ENCAPSULATED, TAGGED, *SEGMENTING}),
        # drivers/net/hyperv/rndis_filter.c rndis_netdev_set_hwcaps; drivers/net/vmxnet3/vmxnet3_drv.c vmxnet3_declare_features.
        K.NETVSC: frozenset({V4, V6, TAGGED, RX, GRO, LRO}) | _CUTS,
        K.VMXNET3: frozenset({GENERIC, ENCAPSULATED, TAGGED, RX, GRO, LRO, TUNNEL, TUNNEL_SUMS}) | _CUTS,
        # drivers/net/loopback.c gen_lo_setup; ethtool can change segmentation only.
        K.LOOPBACK: frozenset({GENERIC, SCTP, RX, *SEGMENTING}),
        # A bridge device has no hw_enc_features (net/bridge/br_device.c br_dev_setup): what a tunnel hands to it is filled before.
        K.BRIDGE: (_ALL - {ENCAPSULATED}) | frozenset(SEGMENTING),
        **dict.fromkeys(READABLE, _ALL | frozenset({TSO4, TSO6, USO, SCTP_CUTS, GRO})),
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
        **dict.fromkeys((K.BRIDGE, K.WIREGUARD, K.OVPN, *READABLE), frozenset({SCTP})),
        K.IFB: frozenset({RX, SCTP, V4, V6}),
        K.LOOPBACK: frozenset({GENERIC, V4, V6, SCTP, RX, ENCAPSULATED, TAGGED}),
        K.VIF: frozenset({RX, SCTP}),
        K.NETFRONT: frozenset({V4, RX, SCTP}),
        K.VIRTIO: frozenset({RX, V4, V6, SCTP}),
        K.TAP: frozenset({RX, V4, V6, SCTP}),
        K.MACVTAP: frozenset(FEATURES),
        **dict.fromkeys((K.MACVLAN, K.IPVLAN), frozenset(FEATURES) - {RX}),
        **dict.fromkeys((K.BOND, K.TEAM), frozenset({RX, SCTP, V4, V6, ENCAPSULATED, TAGGED, GRO})),
        K.NETVSC: frozenset({GENERIC, SCTP}),
        K.VMXNET3: frozenset({V4, V6, SCTP}),
        K.VPN: frozenset(FEATURES) - {GENERIC},
        K.MACSEC: frozenset(FEATURES) - {GRO},
        K.L2TP: frozenset(FEATURES),
        K.PPPOE: frozenset(FEATURES),
        # net/batman-adv/soft-interface.c batadv_softif_init_early.
        K.BATMAN: frozenset(FEATURES),
        K.ESP: frozenset(FEATURES),
        K.SEG6: frozenset(FEATURES),
    },
    keys=frozenset({NO_CSUM, IPV6_CSUM}),
    slots_used=17,
    slots_fatal=20,
    source="linux 6.1 drivers/net/xen-netfront.c, drivers/net/xen-netback/interface.c, drivers/net/veth.c, net/bridge/br_device.c; "
    "observed on Xen 4.17",
    mended_as="linux-6.12",
)
_SINCE_6_9 = {**LINUX_6_1.carrying, **dict.fromkeys(READABLE, (tunnels.ENCAPSULATE, linux_later.DECAPSULATE_6_9))}
LINUX_6_10 = replace(
    LINUX_6_1,
    name="linux-6.10",
    until=(6, 10),
    carrying=_SINCE_6_9,
    title="Linux 6.10 (a tap or tun device that refuses some super-frames, sums behind IPv6 extension headers; all else as in 6.1)",
    egress=linux_older.EGRESS_6_11,
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
    until=(6, 11),
    carrying=_SINCE_6_9,
    title="Linux 6.11 (datagrams of programs that ask for segmentation, sums behind IPv6 extension headers; all else as in 6.1)",
    egress=linux_older.EGRESS_6_11,
    sender=linux_later.SENDER_6_11,
    xdp_pass=hooks.XDP_PASS_6_10,
    source="linux 6.11 net/ipv4/udp.c udp_send_skb, 6.10 drivers/net/virtio_net.c receive_buf; in all else Linux 6.1",
    mended_in="Linux 6.12",
    mended_as="linux-6.12",
)
LINUX_6_12 = replace(
    LINUX_6_11,
    name="linux-6.12",
    until=(6, 12),
    carrying={**_SINCE_6_9, K.BATMAN: (mesh.BATMAN_SEND, mesh.BATMAN_RECEIVE)},
    title="Linux 6.12.111 and later 6.12 (tc's csum action and super-frames, batman-adv's TTL; all else as in 6.11)",
    egress=linux.EGRESS,
    sender=linux_later.SENDER_6_12,
    segmentation=linux_later.SEGMENTATION_6_12,
    editors={**LINUX_6_1.editors, "act-csum": linux_later.CSUM_6_12},
    source="linux 6.12.117 net/ipv4/udp.c, net/sched/act_csum.c, net/batman-adv/routing.c, "
    "6.10 drivers/net/virtio_net.c receive_buf; in all else Linux 6.1",
    mended_in="",
)
LINUX_6_18 = replace(
    LINUX_6_1,
    name="linux-6.18",
    until=(),
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
LINUX_6_16 = replace(
    LINUX_6_18,
    name="linux-6.16",
    until=(6, 16),
    title="Linux 6.16 (super-frames behind IPv6 extension headers, no sums inside tunnels to a tap; all else as in 6.18)",
    egress=linux_later.EGRESS_6_16,
    features=LINUX_6_1.features,
    source="linux 6.16 net/core/dev.c gso_features_check, skb_csum_hwoffload_help; in all else Linux 6.18",
    mended_in="Linux 6.17",
    mended_as="linux-6.18",
)

KERNELS = (LINUX_6_1, LINUX_6_10, LINUX_6_11, LINUX_6_12, LINUX_6_16, LINUX_6_18)
