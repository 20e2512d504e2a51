"""Linux before 6.1, back to 2.6.15."""

from __future__ import annotations

from dataclasses import replace

from csumlab.stages import (
    answers,
    datagrams,
    flowtable,
    groups,
    hypervisors,
    linux,
    linux_older,
    mesh,
    rewriters,
    tunnels,
    tunnels_older,
    xen,
)
from csumlab.topology.model import DeviceKind as K
from csumlab.topology.options import (
    ENCAPSULATED,
    GRO,
    LRO,
    NO_CSUM,
    RX,
    SCTP,
    TSO4,
    TUNNEL,
    TUNNEL_SUMS,
    UFO,
    V4,
    V6,
)
from csumlab.topology.presets.linux import LINUX_6_1, READABLE
from csumlab.topology.presets.preset import TunnelOffer

LINUX_5_14 = replace(
    LINUX_6_1,
    name="linux-5.14",
    until=(6, 0),
    title="Linux 5.14 to 5.16 (nft in later fragments, Open vSwitch below a card that hands up the sum of the packet, copies for the "
    "sender's own sockets as until 5.15, rules that refuse UDP as until 5.18, sums behind IPv6 extension headers; all else as 6.1)",
    looped_back=groups.LOOPED_BACK_5_15,
    egress=linux_older.EGRESS_6_11,
    editors={**LINUX_6_1.editors, "reject": answers.REJECT_5_18, "nft": rewriters.NFT_5_16, "openvswitch": rewriters.OPENVSWITCH_5_16},
    switched={**LINUX_6_1.switched, K.VMXNET3: (hypervisors.VMXNET3_TRANSMIT, hypervisors.VMXNET3_RECEIVE_5_8)},
    source="linux 5.16 net/netfilter/nft_payload.c, net/openvswitch/actions.c; in all else Linux 6.1",
    mended_in="Linux 5.17",
)
LINUX_5_10 = replace(
    LINUX_5_14,
    name="linux-5.10",
    until=(5, 13),
    carrying={**LINUX_5_14.carrying, K.BATMAN: (mesh.BATMAN_SEND, mesh.BATMAN_RECEIVE_5_13)},
    title="Linux 5.9.13 to 5.13 (vmxnet3 and tunnels on ports of their own, batman-adv's TTL; all else as 5.14)",
    offers={K.VMXNET3: TunnelOffer()},
    source="linux before b22580233d47 (5.14) drivers/net/vmxnet3/vmxnet3_ethtool.c vmxnet3_features_check; "
    "5.13 net/batman-adv/routing.c; in all else Linux 5.14",
)
LINUX_5_9 = replace(
    LINUX_5_10,
    name="linux-5.9",
    until=(5, 9, 12),
    title="Linux 5.8 to 5.9.12 (ECN marks of tunnels, nft and SCTP; all else as 5.10)",
    ecn=tunnels.DECAPSULATE_ECN_5_9,
    editors={**LINUX_5_10.editors, "nft": rewriters.NFT_5_6},
    source="linux 5.9 include/net/inet_ecn.h IP_ECN_set_ect1; in all else Linux 5.10",
    mended_in="Linux 5.9.13",
)
# drivers/net/ipvlan/ipvlan_main.c ipvlan_init, ipvlan_device_event before d0f5c7076e01 (5.9, and stable kernels of September 2020).
_FOLLOWING = frozenset({K.IPVLAN})
LINUX_5_8 = replace(
    LINUX_5_9,
    name="linux-5.8",
    until=(5, 8),
    title="Linux 5.8 (vmxnet3 and tunnels without UDP; all else as 5.9)",
    offers={},
    follows=_FOLLOWING,
    source="linux 5.8 drivers/net/vmxnet3/vmxnet3_drv.c, before 1dac3b1bc66d (5.9); in all else Linux 5.9",
    mended_in="Linux 5.9",
)
LINUX_5_7 = replace(
    LINUX_5_10,
    name="linux-5.7",
    until=(5, 7),
    title="Linux 5.7 (ECN marks of tunnels, nft and SCTP, super-frames of SCTP in GRE; all else as 5.10)",
    editors=LINUX_5_9.editors,
    ecn=tunnels.DECAPSULATE_ECN_5_7,
    follows=_FOLLOWING,
    segmentation=linux_older.SEGMENTATION_5_8,
    # Sums inside tunnels came with version 4 of the device, in 5.8 (dacce2be3312).
    features={**LINUX_5_10.features, K.VMXNET3: LINUX_5_10.features[K.VMXNET3] - {ENCAPSULATED, TUNNEL, TUNNEL_SUMS}},
)
LINUX_5_6 = replace(
    LINUX_5_7,
    name="linux-5.6",
    until=(5, 6),
    title="Linux 5.6",
    nat=linux.NAT_5_6,
    source="linux 5.6 net/netfilter/nf_nat_proto.c; in all else Linux 5.7",
)
LINUX_4_20 = replace(
    LINUX_5_6,
    name="linux-4.20",
    until=(5, 5),
    title="Linux 4.20 to 5.5 (IPv6 NAT below a card that hands up the sum of the packet, tc's csum action; all else as 5.6)",
    nat=linux_older.NAT_5_5,
    editors={
        **LINUX_5_6.editors,
        "openvswitch": linux_older.OPENVSWITCH_5_5,
        "act-csum": linux_older.CSUM_5_1,
        "act-csum-ip": linux_older.CSUM_IP_5_1,
        "act-csum-in": linux_older.CSUM_IN_5_0,
    },
    switched={**LINUX_5_6.switched, K.NETVSC: (hypervisors.NETVSC_TRANSMIT, hypervisors.NETVSC_RECEIVE_4_20)},
    source="linux 5.5 net/core/utils.c, 5.3 drivers/net/hyperv/netvsc_drv.c; in all else Linux 5.6",
)
LINUX_4_19 = replace(
    LINUX_4_20,
    name="linux-4.19",
    until=(4, 19),
    title="Linux 4.18 and 4.19 (UDP and what is cut off below a card that hands up the sum of the packet, rules that refuse as until 5.0; "
    "all else as 4.20)",
    input=linux_older.INPUT_4_19,
    receive=linux_older.RECEIVE_4_19,
    carrying={**LINUX_4_20.carrying, K.MACSEC: (tunnels.MACSEC_SEAL, tunnels.MACSEC_UNSEAL_5_2)},
    # hv_netvsc takes merged segments since 4.20 (c8e4eff4675f).
    features={**LINUX_4_20.features, K.NETVSC: LINUX_4_20.features[K.NETVSC] - {LRO}},
    editors={**LINUX_4_20.editors, "reject": answers.REJECT_5_0},
    source="linux 4.19 net/ipv4/udp.c; in all else Linux 4.20",
)
LINUX_4_17 = replace(
    LINUX_4_19,
    name="linux-4.17",
    until=(4, 17),
    title="Linux 4.13 to 4.17 (what is cut off takes the sum of the packet with it, DNAT by a flowtable as in 4.16; all else as 4.19)",
    input=linux_older.INPUT_4_17,
    flowtable_nat=flowtable.FLOWTABLE_NAT_4_16,
    source="linux 4.17 include/linux/skbuff.h pskb_trim_rcsum; linux 4.16 net/ipv4/netfilter/nf_flow_table_ipv4.c; in all else Linux 4.19",
)
# drivers/net/veth.c VETH_FEATURES, net/bridge/br_device.c COMMON_FEATURES, drivers/net/virtio_net.c virtnet_probe, drivers/net/tun.c.
_CUTTING = {kind: LINUX_4_17.features[kind] | {UFO} for kind in (K.VETH, K.BRIDGE, K.VIRTIO, K.TAP)}
LINUX_4_9 = replace(
    LINUX_4_17,
    name="linux-4.9",
    until=(4, 12),
    title="Linux 4.9 to 4.12 (a CRC32c that is owed is taken for a sum, nft and IPVS as until 4.9, UDP fragmentation offload; all else as "
    "4.17)",
    forward=linux_older.FORWARD_4_9,
    large_datagram=datagrams.LARGE_DATAGRAM,
    segmentation=linux_older.SEGMENTATION_4_9,
    features={**LINUX_4_17.features, **_CUTTING},
    editors={**LINUX_4_17.editors, "nft": linux_older.NFT_4_9},
    sender=linux_older.SENDER_4_12,
    egress=linux_older.EGRESS_4_12,
    switched={**LINUX_4_17.switched, K.NETVSC: (hypervisors.NETVSC_TRANSMIT_4_9, hypervisors.NETVSC_RECEIVE_4_20)},
    source="linux 4.12 net/core/dev.c validate_xmit_skb; in all else Linux 4.17",
)
LINUX_4_7 = replace(
    LINUX_4_9,
    name="linux-4.7",
    until=(4, 8),
    title="Linux 4.7 and 4.8 (the fill that writes 0, SCTP in connection tracking, NAT and tc's csum action; all else as 4.9)",
    conntrack=linux_older.CONNTRACK_4_8,
    nat=linux_older.NAT_4_8,
    egress=linux_older.EGRESS_4_8,
    editors={**LINUX_4_9.editors, "act-csum": linux_older.CSUM_4_8, "act-csum-in": linux_older.CSUM_4_8},
    segmentation=linux_older.SEGMENTATION_4_4,
    source="linux 4.8 net/core/dev.c skb_checksum_help, net/netfilter/nf_conntrack_proto_sctp.c, net/netfilter/nf_nat_proto_sctp.c; "
    "in all else Linux 4.9",
)
_BEFORE_LCO = {
    **{kind: (tunnels_older.ENCAPSULATE_4_5, LINUX_4_7.carrying[kind][1]) for kind in (*READABLE, K.L2TP)},
    K.GENEVE: (tunnels_older.GENEVE_ENCAPSULATE_4_5, LINUX_4_7.carrying[K.GENEVE][1]),
}
LINUX_4_5 = replace(
    LINUX_4_7,
    name="linux-4.5",
    until=(4, 6),
    title="Linux 4.5, and stable kernels of 4.4 (tunnels without local checksum offload, VXLAN without outer sums, UDP as in 6.1, veth "
    "pairs that make no CRC32c, Open vSwitch and IPv6; all else as 4.7)",
    receive=linux.RECEIVE,
    carrying={**LINUX_4_7.carrying, **_BEFORE_LCO},
    # VXLAN's udpcsum is off by default until 4.6 (drivers/net/vxlan.c); L2TP takes "no sums over IPv6" for the opposite
    # (net/l2tp/l2tp_core.c l2tp_tunnel_sock_create). Both were seen.
    unsummed=frozenset({(K.VXLAN, 4), (K.L2TP, 6)}),
    editors={**LINUX_4_7.editors, "openvswitch": linux_older.OPENVSWITCH_4_5},
    # An ip6tnl offers nothing yet (net/ipv6/ip6_tunnel.c ip6_tnl_dev_setup): what is owed is filled before.
    features={**LINUX_4_7.features, K.VETH: LINUX_4_7.features[K.VETH] - {SCTP}, K.IP6TNL: frozenset({GRO})},
    source="linux 4.6 net/ipv4/udp.c (before e6afc8ace6dd); drivers/net/veth.c VETH_FEATURES as Ubuntu's 4.4.0-21 has them",
)
LINUX_4_4 = replace(
    LINUX_4_5,
    name="linux-4.4",
    until=(4, 4),
    title="Linux 4.4 (veth before its fix, ECN marks of IPv6; all else as 4.5)",
    veth=linux_older.VETH_4_4,
    ecn=tunnels.DECAPSULATE_ECN_4_4,
    large_datagram=datagrams.LARGE_DATAGRAM_4_4,
    source="linux 4.4 drivers/net/veth.c; in all else Linux 4.5",
)
LINUX_3_13 = replace(
    LINUX_4_4,
    name="linux-3.13",
    until=(4, 3),
    title="Linux 3.13 to 4.3 (all as linux-4.4)",
    # Masked set actions are of 4.0 and later.
    editors=LINUX_4_7.editors,
    source="linux 3.13 drivers/net/xen-netback/netback.c, drivers/net/xen-netfront.c; in all else Linux 4.4",
)
LINUX_3_12 = replace(
    LINUX_3_13,
    name="linux-3.12",
    until=(3, 12),
    # macvlan_init added nothing to what the device below offers before 3.14.
    follows=frozenset({K.MACVLAN}),
    title="Linux 3.12 (its Xen network drivers; all else as linux-3.13)",
    segmentation=linux_older.SEGMENTATION_3_10,
    netback_receive=xen.NETBACK_RECEIVE_IPV4,
    netfront_receive=xen.NETFRONT_RECEIVE_IPV4,
    # A veth pair takes no datagram that is left whole before 3.13 (82d8189826d5).
    features={
        **LINUX_3_13.features,
        K.VETH: LINUX_3_13.features[K.VETH] - {UFO},
        K.VIF: frozenset({V4, RX, TSO4}),
        K.NETFRONT: frozenset({V4, RX, GRO, TSO4}),
    },
    fixed={**LINUX_3_13.fixed, K.VIF: frozenset({RX, V6, SCTP}), K.NETFRONT: frozenset({RX, V6, SCTP})},
    keys=frozenset({NO_CSUM}),
    source="linux 3.12 drivers/net/xen-netfront.c, drivers/net/xen-netback/interface.c; in all else Linux 3.13",
    mended_in="Linux 3.13",
)
LINUX_3_10 = replace(
    LINUX_3_12,
    name="linux-3.10",
    until=(3, 11),
    title="Linux 3.10 and 3.11 (all as linux-3.12)",
    source="linux 3.10 drivers/net/xen-netfront.c, drivers/net/xen-netback/interface.c; in all else Linux 3.12",
    mended_in=LINUX_3_13.mended_in,
)
LINUX_2_6_39 = replace(
    LINUX_3_12,
    name="linux-2.6.39",
    until=(3, 7),
    title="Linux 2.6.39 to 3.7 (its netback drops a packet of more than 18 slots and goes on; all else as linux-3.12)",
    slots_used=18,
    slots_fatal=0,
    source="linux 2.6.39 drivers/net/xen-netback/netback.c netbk_count_requests",
)
LINUX_3_8 = replace(
    LINUX_3_12,
    name="linux-3.8",
    until=(3, 9),
    title="Linux 3.8 and 3.9, and older ones with the fix of XSA-39 (17 slots, more is fatal; all else as linux-3.12)",
    slots_valid=17,
    slots_fatal=17,
    source="linux 3.8 drivers/net/xen-netback/netback.c netbk_count_requests, netbk_fatal_tx_err; Xen security advisory 39",
)
LINUX_2_6_15 = replace(
    LINUX_3_10,
    name="linux-2.6.15",
    until=(2, 6, 15),
    title="Linux 2.6.15 (PPP below a card that hands up the sum of the packet, no virtio; all else as linux-3.10)",
    carrying={**LINUX_3_10.carrying, K.PPPOE: (tunnels.PPPOE_SEND, tunnels.PPPOE_RECEIVE_2_6_15)},
    virtio_transmit=None,
    virtio_receive=None,
    tap_transmit=None,
    tap_receive=None,
    macvtap_deliver=None,
    switched={},
    source="linux 2.6.15 drivers/net/ppp_generic.c; in all else Linux 3.10",
)
LINUX_2_6_36 = replace(
    LINUX_3_10,
    name="linux-2.6.36",
    until=(2, 6, 38),
    title="Linux 2.6.36 and before (IPVS and sums that are owed, SCTP's CRC before IPsec; all else as linux-3.10)",
    sender=linux_older.SENDER_2_6_36,
    editors={**LINUX_3_10.editors, "ipvs": linux_older.IPVS_2_6_36},
    source="linux 2.6.36 net/sctp/output.c, net/netfilter/ipvs; in all else Linux 3.10",
)
LINUX_3_13_RC = replace(
    LINUX_3_13,
    name="linux-3.13-rc",
    title="Linux 3.13 before its release, and kernels of Xen hosts that had its netback (sums far into a frame; all else as 3.13)",
    netback_receive=xen.NETBACK_RECEIVE_3_13_RC,
    source="linux 3.13-rc1 drivers/net/xen-netback/netback.c checksum_setup; in all else Linux 3.13",
    mended_in="Linux 3.13",
)

KERNELS = (
    LINUX_5_14,
    LINUX_5_10,
    LINUX_5_9,
    LINUX_5_8,
    LINUX_5_7,
    LINUX_5_6,
    LINUX_4_20,
    LINUX_4_19,
    LINUX_4_17,
    LINUX_4_9,
    LINUX_4_7,
    LINUX_4_5,
    LINUX_4_4,
    LINUX_3_13,
    LINUX_3_13_RC,
    LINUX_3_12,
    LINUX_3_10,
    LINUX_3_8,
    LINUX_2_6_39,
    LINUX_2_6_36,
    LINUX_2_6_15,
)
