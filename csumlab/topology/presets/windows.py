"""Guests with Windows' own network stack, as far as documents and the sources of their drivers carry."""

from __future__ import annotations

from dataclasses import replace

from csumlab.stages import (
    windows,
    windows_drivers,
    windows_xen,
)
from csumlab.state import NetBuffer
from csumlab.topology.model import DeviceKind as K
from csumlab.topology.options import (
    FEATURES,
    IPV6_CSUM,
    LRO,
    NO_CSUM,
    RX,
    TSO4,
    TSO6,
    UNNEGOTIATED,
    UNOFFERED,
    USO,
    V4,
    V6,
)
from csumlab.topology.presets.linux import LINUX_6_1

_OFFERED = frozenset({V4, V6, RX, TSO4, TSO6})
_MAY = _OFFERED | {USO}
_NEVER = frozenset(FEATURES) - _MAY
_PLAIN = frozenset(FEATURES) - _OFFERED
_SWITCHED = _OFFERED | {LRO}
_NETVSC = _SWITCHED | {UNOFFERED}

WINDOWS = replace(
    LINUX_6_1,
    name="windows",
    title="Windows 8 and later (NDIS 6.30), with the drivers of virtio-win and of the Xen project",
    family=NetBuffer,
    devices=frozenset({K.NIC, K.VIRTIO, K.NETFRONT, K.NETVSC, K.VMXNET3}),
    routes=False,
    sender=windows.SENDER,
    egress=windows.EGRESS,
    segmentation=windows.SEGMENTATION,
    gro=windows.COALESCING,
    input=windows.INPUT,
    receive=windows.RECEIVE,
    nic_transmit=windows_drivers.NIC_TRANSMIT,
    nic_receive=windows_drivers.NIC_RECEIVE,
    virtio_transmit=windows_drivers.NETKVM_TRANSMIT,
    virtio_receive=windows_drivers.NETKVM_RECEIVE,
    netfront_transmit=windows_xen.XENVIF_TRANSMIT,
    netfront_receive=windows_xen.XENVIF_RECEIVE,
    tap_transmit=None,
    tap_receive=None,
    macvtap_deliver=None,
    stacked={},
    carrying={},
    switched={
        K.NETVSC: (windows_drivers.NETVSC_TRANSMIT, windows_drivers.SWITCHED_RECEIVE),
        K.VMXNET3: (windows_drivers.VMXNET3_TRANSMIT, windows_drivers.SWITCHED_RECEIVE),
    },
    offers={},
    editors={},
    ecn=None,
    looped_back=None,
    multicast_forward=None,
    bridge_netfilter=None,
    fragmentation=None,
    bridge_fragmentation=None,
    reassembly=None,
    xdp_pass=None,
    flowtable=None,
    flowtable_nat=None,
    features={**dict.fromkeys((K.NIC, K.VIRTIO, K.NETFRONT), _OFFERED), K.NETVSC: _NETVSC, K.VMXNET3: _SWITCHED},
    fixed={
        **dict.fromkeys((K.NIC, K.VIRTIO), _NEVER),
        K.NETFRONT: _PLAIN,
        **dict.fromkeys((K.NETVSC, K.VMXNET3), _PLAIN - {LRO}),
    },
    keys=frozenset({NO_CSUM, IPV6_CSUM}),
    source="Microsoft, Offloading Checksum Tasks; virtio-win kvm-guest-drivers-windows NetKVM; xenproject win-xenvif src/xenvif",
    mended_as="windows",
    tool="powershell",
)
WINDOWS_113 = replace(
    WINDOWS,
    name="windows-virtio-win-0.1.113",
    title="Windows with virtio-win 0.1.113 of 2016 (it asks for sums over IPv6 whatever its host can; all else as windows)",
    features={**WINDOWS.features, K.VIRTIO: _OFFERED | {UNNEGOTIATED}},
    source="https://github.com/virtio-win/kvm-guest-drivers-windows/issues/59; in all else windows",
)
WINDOWS_GPLPV = replace(
    WINDOWS,
    name="windows-gplpv",
    title="Windows Vista and later with GPLPV on Xen (all else as windows)",
    netfront_transmit=windows_xen.GPLPV_TRANSMIT,
    netfront_receive=windows_xen.GPLPV_RECEIVE,
    # It knows no sums over IPv6, and its checksum offload on receive cannot be refused (xennet.c, win-pvdrivers).
    features={**WINDOWS.features, K.NETFRONT: frozenset({V4, RX, TSO4})},
    fixed={**WINDOWS.fixed, K.NETFRONT: frozenset(FEATURES) - {V4, TSO4}},
    keys=frozenset({NO_CSUM}),
    slots_used=19,
    source="James Harper's win-pvdrivers xennet/xennet_tx.c, xennet_rx.c; in all else windows",
)

KERNELS = (WINDOWS, WINDOWS_113, WINDOWS_GPLPV)
