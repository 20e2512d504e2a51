"""XenLinux: the kernels of Xen 3.0, 2005 to 2007."""

from __future__ import annotations

from dataclasses import replace

from csumlab.stages import (
    groups,
    xenlinux,
    xenlinux_later,
)
from csumlab.state import XenSkb
from csumlab.topology.model import DeviceKind as K
from csumlab.topology.options import (
    FEATURES,
    GENERIC,
    NO_CSUM,
    RX,
    V4,
)
from csumlab.topology.presets.preset import Preset

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
    looped_back=groups.XEN_LOOPED_BACK,
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

KERNELS = (XEN_3_0_0, XEN_2005_10, XEN_3_0_1, XEN_2006_04_02, XEN_3_0_2, XEN_3_0_3, XEN_2_6_18)
