"""Linux before 6.1, back to 2.6.15."""

from __future__ import annotations

from dataclasses import replace

from csumlab.stages import (
    groups,
    hypervisors,
    linux,
    linux_older,
    rewriters,
    tunnels,
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
    V4,
    V6,
)
from csumlab.topology.presets.linux import LINUX_6_1
from csumlab.topology.presets.preset import TunnelOffer

LINUX_5_14 = replace(
    LINUX_6_1,
    name="linux-5.14",
    title="Linux 5.14 to 5.16 (nft in later fragments, Open vSwitch below a card that hands up the sum of the packet, copies for the "
    "sender's own sockets as until 5.15, sums behind IPv6 extension headers; all else as 6.1)",
    looped_back=groups.LOOPED_BACK_5_15,
    egress=linux_older.EGRESS_6_11,
    editors={**LINUX_6_1.editors, "nft": rewriters.NFT_5_16, "openvswitch": rewriters.OPENVSWITCH_5_16},
    switched={**LINUX_6_1.switched, K.VMXNET3: (hypervisors.VMXNET3_TRANSMIT, hypervisors.VMXNET3_RECEIVE_5_8)},
    source="linux 5.16 net/netfilter/nft_payload.c, net/openvswitch/actions.c; in all else Linux 6.1",
    mended_in="Linux 5.17",
)
LINUX_5_10 = replace(
    LINUX_5_14,
    name="linux-5.10",
    title="Linux 5.9.13 to 5.13 (vmxnet3 and tunnels on ports of their own; all else as 5.14)",
    offers={K.VMXNET3: TunnelOffer()},
    source="linux before b22580233d47 (5.14) drivers/net/vmxnet3/vmxnet3_ethtool.c vmxnet3_features_check; in all else Linux 5.14",
)
LINUX_5_9 = replace(
    LINUX_5_10,
    name="linux-5.9",
    title="Linux 5.8 to 5.9.12 (ECN marks of tunnels, nft and SCTP; all else as 5.10)",
    ecn=tunnels.DECAPSULATE_ECN_5_9,
    editors={**LINUX_5_10.editors, "nft": rewriters.NFT_5_6},
    source="linux 5.9 include/net/inet_ecn.h IP_ECN_set_ect1; in all else Linux 5.10",
    mended_in="Linux 5.9.13",
)
LINUX_5_8 = replace(
    LINUX_5_9,
    name="linux-5.8",
    title="Linux 5.8 (vmxnet3 and tunnels without UDP; all else as 5.9)",
    offers={},
    source="linux 5.8 drivers/net/vmxnet3/vmxnet3_drv.c, before 1dac3b1bc66d (5.9); in all else Linux 5.9",
    mended_in="Linux 5.9",
)
LINUX_5_7 = replace(
    LINUX_5_10,
    name="linux-5.7",
    title="Linux 5.7 (ECN marks of tunnels, nft and SCTP, super-frames of SCTP in GRE; all else as 5.10)",
    editors=LINUX_5_9.editors,
    ecn=tunnels.DECAPSULATE_ECN_5_7,
    segmentation=linux_older.SEGMENTATION_5_8,
    # Sums inside tunnels came with version 4 of the device, in 5.8 (dacce2be3312).
    features={**LINUX_5_10.features, K.VMXNET3: LINUX_5_10.features[K.VMXNET3] - {ENCAPSULATED, TUNNEL, TUNNEL_SUMS}},
)
LINUX_5_6 = replace(
    LINUX_5_7,
    name="linux-5.6",
    title="Linux 5.6",
    nat=linux.NAT_5_6,
    source="linux 5.6 net/netfilter/nf_nat_proto.c; in all else Linux 5.7",
)
LINUX_4_20 = replace(
    LINUX_5_6,
    name="linux-4.20",
    title="Linux 4.20 to 5.5 (IPv6 NAT below a card that hands up the sum of the packet, tc's csum action and tags; all else as 5.6)",
    nat=linux_older.NAT_5_5,
    editors={
        **LINUX_5_6.editors,
        "openvswitch": linux_older.OPENVSWITCH_5_5,
        "act-csum": linux_older.CSUM_5_1,
        "act-csum-ip": linux_older.CSUM_IP_5_1,
    },
    switched={**LINUX_5_6.switched, K.NETVSC: (hypervisors.NETVSC_TRANSMIT, hypervisors.NETVSC_RECEIVE_4_20)},
    source="linux 5.5 net/core/utils.c, 5.3 drivers/net/hyperv/netvsc_drv.c; in all else Linux 5.6",
)
LINUX_4_19 = replace(
    LINUX_4_20,
    name="linux-4.19",
    title="Linux 4.18 and 4.19 (UDP and what is cut off below a card that hands up the sum of the packet; all else as 4.20)",
    input=linux_older.INPUT_4_19,
    receive=linux_older.RECEIVE_4_19,
    # hv_netvsc takes merged segments since 4.20 (c8e4eff4675f).
    features={**LINUX_4_20.features, K.NETVSC: LINUX_4_20.features[K.NETVSC] - {LRO}},
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
    flowtable=None,
    flowtable_nat=None,
    title="Linux 4.9 to 4.12 (a CRC32c that is owed is taken for a sum, nft as until 4.9; all else as 4.17)",
    editors={**LINUX_4_17.editors, "nft": linux_older.NFT_4_9},
    sender=linux_older.SENDER_4_12,
    egress=linux_older.EGRESS_4_12,
    switched={**LINUX_4_17.switched, K.NETVSC: (hypervisors.NETVSC_TRANSMIT_4_9, hypervisors.NETVSC_RECEIVE_4_20)},
    source="linux 4.12 net/core/dev.c validate_xmit_skb; in all else Linux 4.17",
)
LINUX_4_4 = replace(
    LINUX_4_9,
    name="linux-4.4",
    title="Linux 4.4 (veth before its fix, the fill that writes 0, UDP as in 6.1, ECN marks of IPv6; all else as 4.9)",
    receive=linux.RECEIVE,
    veth=linux_older.VETH_4_4,
    ecn=tunnels.DECAPSULATE_ECN_4_4,
    egress=linux_older.EGRESS_4_8,
    source="linux 4.4 drivers/net/veth.c, net/core/dev.c, net/ipv4/udp.c (before e6afc8ace6dd); in all else Linux 4.9",
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
    switched={},
    source="linux 2.6.15 drivers/net/ppp_generic.c; in all else Linux 3.10",
)
LINUX_2_6_36 = replace(
    LINUX_3_10,
    name="linux-2.6.36",
    title="Linux 2.6.36 and before (IPVS and sums that are owed, SCTP's CRC before IPsec; all else as linux-3.10)",
    sender=linux_older.SENDER_2_6_36,
    editors={**LINUX_3_10.editors, "ipvs": linux_older.IPVS_2_6_36},
    source="linux 2.6.36 net/sctp/output.c, net/netfilter/ipvs; in all else Linux 3.10",
)
LINUX_3_13 = replace(
    LINUX_6_1,
    name="linux-3.13",
    title="Linux 3.13 and later (its Xen network drivers, which know IPv6; all else as in 6.1)",
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
    LINUX_4_4,
    LINUX_3_13,
    LINUX_3_12,
    LINUX_3_10,
    LINUX_3_8,
    LINUX_2_6_39,
    LINUX_2_6_36,
    LINUX_2_6_15,
)
