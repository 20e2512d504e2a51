"""FreeBSD, OpenBSD, MirageOS, and the hosts of Hyper-V and ESXi, as far as documents carry."""

from __future__ import annotations

from dataclasses import replace

from csumlab.stages import (
    hypervisors,
    othersystems,
    translators,
)
from csumlab.topology.model import DeviceKind as K
from csumlab.topology.options import (
    ENCAPSULATED,
    FEATURES,
    GENERIC,
    GRO,
    NO_CSUM,
    RX,
    SCTP,
    SUMS_UDP,
    TAGGED,
    V4,
    V6,
)
from csumlab.topology.presets.linux import LINUX_6_1

FREEBSD_10 = replace(
    LINUX_6_1,
    name="freebsd-10",
    title="FreeBSD 10 (xn and pf; LRO as until 2021, vtnet as until 2025; all else as Linux 6.1)",
    gro=othersystems.FREEBSD_LRO,
    input=othersystems.FREEBSD_INPUT,
    bridge_netfilter=None,
    switched={},
    stacked={},
    nat=othersystems.FREEBSD_PF,
    netfront_transmit=othersystems.FREEBSD_NETFRONT_TRANSMIT,
    netfront_receive=othersystems.FREEBSD_NETFRONT_RECEIVE,
    virtio_receive=othersystems.FREEBSD_VTNET_RECEIVE,
    features={
        **LINUX_6_1.features,
        K.NETFRONT: frozenset({V4, RX, "ipv4-header-checked"}),
        K.VIRTIO: frozenset({GENERIC, RX}),
        # epair(4) and if_bridge(4) themselves offer nothing (sys/net/if_epair.c epair_setup_ifp, sys/net/if_bridge.c bridge_clone_create).
        K.VETH: frozenset(),
        K.BRIDGE: frozenset(),
    },
    fixed={**LINUX_6_1.fixed, K.NETFRONT: frozenset({V6, SCTP}), K.VETH: frozenset(FEATURES), K.BRIDGE: frozenset(FEATURES)},
    keys=frozenset({NO_CSUM}),
    editors={"pf": othersystems.FREEBSD_PF_OPTIONS},
    ecn=None,
    looped_back=None,
    multicast_forward=None,
    source="FreeBSD 10 sys/dev/xen/netfront/netfront.c, sys/dev/virtio/network/if_vtnet.c",
    tool="ifconfig",
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
    title="FreeBSD 15 (af-to; vtnet tells owed from verified; epair leaves sums open; all else as freebsd-14)",
    editors={**FREEBSD_14.editors, "af-to": translators.AF_TO},
    virtio_receive=othersystems.FREEBSD_VTNET_RECEIVE_15,
    carrying={**FREEBSD_14.carrying, K.ESP: (othersystems.FREEBSD_ESP_SEAL, FREEBSD_14.carrying[K.ESP][1])},
    features={**FREEBSD_14.features, K.VETH: frozenset({V4, V6, RX})},
    fixed={**FREEBSD_14.fixed, K.VETH: frozenset(FEATURES) - {V4, V6}},
    source="FreeBSD 15 sys/netpfil/pf/pf.c, sys/net/if_epair.c (TXCSUM), sys/netipsec/ipsec_output.c; in all else FreeBSD 14",
)
FREEBSD_15_CURRENT = replace(
    FREEBSD_14,
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
    switched={},
    stacked={},
    editors={},
    ecn=None,
    source="OpenBSD 5.4 sys/net/pf.c; Brauer, EuroBSDcon 2013",
    tool="",
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
    switched={},
    stacked={},
    features={K.VIF: frozenset(), K.NETFRONT: frozenset()},
    fixed={K.VIF: frozenset(FEATURES), K.NETFRONT: frozenset(FEATURES)},
    keys=frozenset(),
    editors={},
    ecn=None,
    source="qubes-mirage-firewall issue 1, mirage pull request 286",
    tool="",
)
_HOST = replace(
    LINUX_6_1,
    name="",
    title="",
    carrying={},
    editors={},
    ecn=None,
    bridge_netfilter=None,
    virtio_transmit=None,
    virtio_receive=None,
    tap_transmit=None,
    tap_receive=None,
    macvtap_deliver=None,
    stacked={},
    offers={},
    # What comes in is put together, if at all, at the port of the guest that takes it so.
    features={**LINUX_6_1.features, K.NIC: LINUX_6_1.features[K.NIC] - {GRO}},
    tool="",
)
HYPER_V = replace(
    _HOST,
    name="hyper-v",
    title="Hyper-V of Windows Server 2012 R2 and later (the ports of its switch; cards and bridges as Linux 6.1's)",
    switched={K.NETVSP: (hypervisors.NETVSP_TRANSMIT, hypervisors.NETVSP_RECEIVE)},
    features={**_HOST.features, K.NETVSP: frozenset({GENERIC, TAGGED, SUMS_UDP})},
    fixed={**LINUX_6_1.fixed, K.NETVSP: frozenset(FEATURES)},
    source="openvmm vm/devices/net/netvsp; Microsoft, NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO",
)
HYPER_V_2008 = replace(
    HYPER_V,
    name="hyper-v-2008",
    title="Hyper-V of Windows Server 2008 R2 (it makes no sums of UDP; all else as hyper-v)",
    features={**HYPER_V.features, K.NETVSP: frozenset({GENERIC, TAGGED})},
    source="linux commit 4d447c9a6ebc; in all else hyper-v",
)
_OPENVMM = "openvmm vm/devices/net/netvsp, vm/devices/net/net_tap; in all else linux-6.1"
OPENVMM = replace(
    LINUX_6_1,
    name="openvmm",
    title="OpenVMM on Linux 6.1 (the ports of its guests, each before a tap)",
    switched={K.NETVSP: (hypervisors.OPENVMM_TRANSMIT, hypervisors.OPENVMM_RECEIVE)},
    features={**LINUX_6_1.features, K.NETVSP: frozenset({GENERIC, TAGGED, SUMS_UDP})},
    fixed={**LINUX_6_1.fixed, K.NETVSP: frozenset(FEATURES)},
    source=_OPENVMM,
    tool="",
)
OPENVMM_2026_06 = replace(
    OPENVMM,
    name="openvmm-2026-06",
    title="OpenVMM of April to June 2026 (a large send's sum is seeded without the length; all else as openvmm)",
    switched={K.NETVSP: (hypervisors.OPENVMM_TRANSMIT, hypervisors.OPENVMM_RECEIVE_2026_06)},
)
OPENVMM_2026_03 = replace(
    OPENVMM,
    name="openvmm-2026-03",
    title="OpenVMM of March 2026 (a large send's IPv4 header stays blank, too; all else as openvmm-2026-06)",
    switched={K.NETVSP: (hypervisors.OPENVMM_TRANSMIT, hypervisors.OPENVMM_RECEIVE_2026_03)},
)
OPENVMM_2025_08 = replace(
    OPENVMM,
    name="openvmm-2025-08",
    title="OpenVMM before September 2025 (its tap has no virtio header; Windows asks for sums all the same; all else as openvmm)",
    switched={K.NETVSP: (hypervisors.OPENVMM_TRANSMIT_2025, hypervisors.OPENVMM_RECEIVE_2025)},
    features={**LINUX_6_1.features, K.NETVSP: frozenset()},
)
ESXI = replace(
    _HOST,
    name="esxi",
    title="VMware ESXi 7 and later (the ports of its switch; cards and bridges as Linux 6.1's)",
    switched={K.VMPORT: (hypervisors.VMPORT_TRANSMIT, hypervisors.VMPORT_RECEIVE)},
    features={**_HOST.features, K.VMPORT: frozenset({GENERIC, ENCAPSULATED, TAGGED})},
    fixed={**LINUX_6_1.fixed, K.VMPORT: frozenset(FEATURES)},
    source="linux 6.1 drivers/net/vmxnet3/vmxnet3_defs.h, vmxnet3_drv.c",
    tool="",
)

KERNELS = (
    FREEBSD_10,
    FREEBSD_13,
    FREEBSD_14,
    FREEBSD_15,
    FREEBSD_15_CURRENT,
    OPENBSD_5_4,
    MIRAGE,
    HYPER_V,
    HYPER_V_2008,
    OPENVMM,
    OPENVMM_2026_06,
    OPENVMM_2026_03,
    OPENVMM_2025_08,
    ESXI,
)
