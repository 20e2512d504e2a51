"""Guests of Hyper-V and VMware ESXi, their network devices and the virtual switches behind them, as tables.

Beside a packet stands a ``Descriptor``: NDIS_TCP_IP_CHECKSUM_INFO between Linux's hv_netvsc and Hyper-V, a descriptor of the rings of
vmxnet3. Towards the host it says where a sum is owed, towards the guest only what the host verified. The guests' halves are read in
Linux. The hosts' halves are not open, and rest on what the drivers of guests say of them, on documents, and on OpenVMM, Microsoft's
implementation of the same protocol; what one guest's unfinished sum becomes on its way to another of the same host is told nowhere, so that
both ways are walked.
"""

from __future__ import annotations

from typing import Final

from csumlab.conditions import (
    ENCAPSULATED,
    EXTENSIONS,
    LONG,
    SEGMENTED,
    aimed_at,
    carries,
    feature,
    knob,
    outer_version,
    to_port,
)
from csumlab.headers import Kind
from csumlab.operations import DROP, KEEP, MERGE, Selector, compute, fill, spoil, write_pseudo, write_zero
from csumlab.stage import (
    Becomes,
    Row,
    Stage,
    Token,
    differing,
    fresh,
    when,
)
from csumlab.stages.patterns import FINISHED, OWED
from csumlab.state import Descriptor, Skb, Summed

OFFLOADED_PORTS: Final = (4789, 6081, 8472)
"""UDP ports of the tunnels in which vmxnet3 makes sums: VXLAN, Geneve, VXLAN as Linux first had it (linux drivers/net/vmxnet3/
vmxnet3_ethtool.c vmxnet3_features_check)."""
SAYS_VERIFIED: Final = "says-verified"
"""The knob that says that a switch hands one guest's unfinished sum to another as verified."""

_VERIFIED = when(Skb, summed=Summed.UNNECESSARY)
_TOLD = fresh(Descriptor, needs=True, start=Token.AS_AIMED)
_SUCCEEDED = fresh(Descriptor, valid=True)
_NOTHING = fresh(Descriptor)
_TO_PARTIAL = fresh(Skb, summed=Summed.PARTIAL, start=Token.AS_AIMED)
_TO_UNNECESSARY = fresh(Skb, summed=Summed.UNNECESSARY)
_MERGED = (*MERGE, *compute(Selector.TRANSPORT))
_MERGES = (feature("peer-rx-lro"), SEGMENTED, carries(Kind.TCP))
_HWCAPS = "linux 6.1 drivers/net/hyperv/rndis_filter.c rndis_netdev_set_hwcaps (NDIS_TXCSUM_CAP_UDP4); netvsc_drv.c netvsc_xmit"
_RSC = "Microsoft, Indicating Coalesced Segments (IpChecksumValueInvalid); linux commit bf48648d650d; openvmm vm/devices/net/net_backend RxChecksumState::ValidatedButWrong"
_UNTOLD = "no document; a guest's descriptor on receive has no place for a sum that is owed"
_NETVSC = "linux 6.1 drivers/net/hyperv/netvsc_drv.c netvsc_alloc_recv_skb"

_LARGE_SEND = Row(OWED, (LONG, outer_version(4)), write_zero(Selector.OUTER_IP), _TOLD, "a large send: the IPv4 header's sum is blanked, and whoever cuts the frame makes all sums of its segments")  # fmt: skip
NETVSC_TRANSMIT = Stage(
    name="netvsc-transmit",
    title="guest to Hyper-V",
    source="linux 6.1 drivers/net/hyperv/netvsc_drv.c netvsc_xmit, net_checksum_info",
    table=(
        _LARGE_SEND,
        Row(OWED, (LONG,), KEEP, _TOLD, "a large send: whoever cuts the frame makes the sums of its segments"),
        Row(OWED, (~carries(Kind.TCP, Kind.UDP),), fill(Selector.AIMED), _NOTHING, "what follows the outermost IP header is neither TCP nor UDP: the driver fills, behind the capture point"),
        Row(OWED, (EXTENSIONS,), fill(Selector.AIMED), _NOTHING, "the driver looks at the IPv6 header alone and finds no TCP or UDP behind it: it fills, behind the capture point"),
        Row(OWED, (aimed_at(Kind.UDP), ~feature("peer-sums-udp")), fill(Selector.AIMED), _NOTHING, "this host makes no sums of UDP: the driver fills, behind the capture point", source=_HWCAPS),
        Row(OWED, (), KEEP, _TOLD, "the host is told where the header starts, and that its sum is owed"),
        Row(FINISHED, (), KEEP, _NOTHING, "nothing is asked for; what was verified is not passed on"),
    ),
)  # fmt: skip
NETVSC_TRANSMIT_4_9 = differing(
    NETVSC_TRANSMIT,
    "netvsc-transmit-4.9",
    "linux 3.15 to 4.11 drivers/net/hyperv/netvsc_drv.c netvsc_start_xmit",
    {5: Row(OWED, (aimed_at(Kind.UDP),), fill(Selector.AIMED), _NOTHING, "hosts get sums of UDP wrong for Linux, or make none: the driver fills, behind the capture point", source="linux commit 4d447c9a6ebc (the comment on UDP)", sure="memory")},
)  # fmt: skip

_NOT_TAKEN = Row(
    when(Descriptor, valid=True), (~feature("rx-checksum"),), KEEP, fresh(Skb), "rx-checksum is off: what the host says is not heeded"
)
_BELIEVED = Row(
    when(Descriptor, valid=True), (), KEEP, _TO_UNNECESSARY, "the host says that the sum was found right (tcp_checksum_succeeded): believed"
)
_UNSAID = Row(
    when(Descriptor), (), KEEP, fresh(Skb), "the host says nothing, or that the sum is wrong, which is not heeded: the guest looks itself"
)
NETVSC_RECEIVE = Stage(
    name="netvsc-receive",
    title="guest from Hyper-V",
    source=_NETVSC,
    table=(
        Row(when(Descriptor, blank_ip=True), (~feature("rx-checksum"),), compute(Selector.OUTER_IP), fresh(Skb), "the host checked the IPv4 header and left its sum out: the driver makes it"),
        Row(when(Descriptor, blank_ip=True), (), compute(Selector.OUTER_IP), _TO_UNNECESSARY, "the host checked the IPv4 header and left its sum out: the driver makes it, and believes what is said of TCP"),
        _NOT_TAKEN,
        _BELIEVED,
        _UNSAID,
    ),
)  # fmt: skip
NETVSC_RECEIVE_4_20 = Stage(
    name="netvsc-receive-4.20",
    title=NETVSC_RECEIVE.title,
    source="linux 4.20 to 5.3 drivers/net/hyperv/netvsc_drv.c netvsc_alloc_recv_skb, before bf48648d650d",
    table=(
        Row(when(Descriptor, valid=True), (~feature("rx-checksum"),), KEEP, fresh(Skb), "rx-checksum is off: what the host says is not heeded"),
        Row(when(Descriptor, valid=True), (), KEEP, _TO_UNNECESSARY, "what the host says of TCP and UDP is believed; an IPv4 sum that it left out stays blank"),
        Row(when(Descriptor), (), KEEP, fresh(Skb), "the host says nothing: the guest looks itself"),
    ),
)  # fmt: skip


def _receives(name: str, title: str, source: str, *before: Row) -> Stage:
    """A port of a switch, from its guest."""
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            *before,
            Row(when(Descriptor, needs=True), (), KEEP, _TO_PARTIAL, "the guest says where a sum is owed: it is left to the card, or made where there is none", sure="derived"),
            Row(when(Descriptor), (), KEEP, fresh(Skb), "nothing is asked for"),
        ),
    )  # fmt: skip


def _transmits(name: str, title: str, source: str, said: Becomes, *before: Row) -> Stage:
    """A port of a switch, to its guest; ``said`` of what the card verified."""
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            *before,
            Row(OWED, (knob(SAYS_VERIFIED),), KEEP, _SUCCEEDED, "another guest's sum that is still owed is handed over as it is, and called verified", source=_UNTOLD, sure="uncertain", vouches=True),
            Row(OWED, (), fill(Selector.AIMED), _SUCCEEDED, "another guest's sum that is still owed is made first, and called verified", source=_UNTOLD, sure="uncertain"),
            Row(_VERIFIED, (), KEEP, said, "the guest is told that the card verified the sum"),
            Row(when(Skb), (), KEEP, _NOTHING, "the guest is told nothing, or that the sum is wrong"),
        ),
    )  # fmt: skip


_HEADERS = (
    Row(when(Descriptor, needs=True, needs_ip=True), (), compute(Selector.OUTER_IP), _TO_PARTIAL, "the guest says where a sum is owed, and that the IPv4 header's is: that one is made, the other left to the card, or made where there is none", sure="derived"),
    Row(when(Descriptor, needs_ip=True), (), compute(Selector.OUTER_IP), fresh(Skb), "the guest says that the IPv4 header's sum is owed: it is made", sure="derived"),
)  # fmt: skip
NETVSP_RECEIVE = _receives(
    "netvsp-receive",
    "Hyper-V from the guest",
    "openvmm vm/devices/net/netvsp/src/lib.rs; Microsoft, Offloading Checksum Tasks",
    *_HEADERS,
)
NETVSP_TRANSMIT = _transmits(
    "netvsp-transmit",
    "Hyper-V to the guest",
    "openvmm vm/devices/net/netvsp/src/buffers.rs write_header",
    _SUCCEEDED,
    Row(_VERIFIED, (*_MERGES, outer_version(4)), (*_MERGED, *write_zero(Selector.OUTER_IP)), fresh(Descriptor, valid=True, blank_ip=True), "the switch puts segments together (RSC): the IPv4 header was checked, and the sum of the whole is left out", source=_RSC),
    Row(_VERIFIED, _MERGES, _MERGED, _SUCCEEDED, "the switch puts segments together (RSC), which were verified", source=_RSC),
)  # fmt: skip

OPENVMM_TRANSMIT = _transmits(
    "openvmm-transmit",
    "OpenVMM to the guest",
    "openvmm vm/devices/net/netvsp/src/buffers.rs write_header; vm/devices/net/net_tap/src/lib.rs parse_vnet_hdr",
    _SUCCEEDED,
)
_NET_TAP = "openvmm vm/devices/net/net_tap/src/"
_LARGE = when(Descriptor, needs=True)
OPENVMM_RECEIVE = _receives(
    "openvmm-receive",
    "OpenVMM from the guest",
    f"{_NET_TAP}lib.rs build_vnet_hdr, fixup_ipv4_header_checksum",
    Row(_LARGE, (LONG, outer_version(4)), (*write_pseudo(Selector.AIMED), *compute(Selector.OUTER_IP)), _TO_PARTIAL, "a large send: the IPv4 header's sum is made, and the pseudo-header's with the length, as the tap of the host takes it", source=f"{_NET_TAP}tx.rs fixup_gso_pseudo_header"),
    Row(_LARGE, (LONG,), write_pseudo(Selector.AIMED), _TO_PARTIAL, "a large send: the pseudo-header's sum is made with the length, as the tap of the host takes it", source=f"{_NET_TAP}tx.rs fixup_gso_pseudo_header"),
    *_HEADERS,
)  # fmt: skip
_SEED = "https://github.com/microsoft/openvmm/pull/3812"
OPENVMM_RECEIVE_2026_06 = differing(
    OPENVMM_RECEIVE,
    "openvmm-receive-2026-06",
    f"{_NET_TAP}lib.rs before {_SEED}",
    {
        1: Row(_LARGE, (LONG, outer_version(4)), (*compute(Selector.OUTER_IP), *spoil(Selector.AIMED)), _TO_PARTIAL, "a large send: the IPv4 header's sum is made; the guest's sum of the pseudo-header without the length is taken for one with it", source=_SEED),
        2: Row(_LARGE, (LONG,), spoil(Selector.AIMED), _TO_PARTIAL, "a large send: the guest's sum of the pseudo-header without the length is taken for one with it", source=_SEED),
    },
)  # fmt: skip
OPENVMM_RECEIVE_2026_03 = differing(
    OPENVMM_RECEIVE_2026_06,
    "openvmm-receive-2026-03",
    f"{_NET_TAP}lib.rs before https://github.com/microsoft/openvmm/pull/3128",
    {1: Row(_LARGE, (LONG, outer_version(4)), (*write_zero(Selector.OUTER_IP), *spoil(Selector.AIMED)), _TO_PARTIAL, "a large send: the IPv4 header's sum stays blank, and the sum of the pseudo-header without the length is taken for one with it", source="https://github.com/microsoft/openvmm/pull/3128")},
)  # fmt: skip
_BARE = f"{_NET_TAP}lib.rs before https://github.com/microsoft/openvmm/pull/2996: a tap without a virtio header"
OPENVMM_RECEIVE_2025 = Stage(
    name="openvmm-receive-2025",
    title="OpenVMM from the guest",
    source=_BARE,
    table=(
        Row(when(Descriptor, needs=True), (LONG,), DROP, fresh(Skb), "a large send is not cut, and a frame longer than the MTU goes nowhere", sure="derived"),
        Row(when(Descriptor), (), KEEP, fresh(Skb), "the bytes are written to the tap of the host, and what is asked for is not looked at"),
    ),
)  # fmt: skip
OPENVMM_TRANSMIT_2025 = Stage(
    name="openvmm-transmit-2025",
    title="OpenVMM to the guest",
    source=_BARE,
    table=(Row(when(Skb), (), KEEP, _NOTHING, "the tap takes finished sums only, and nothing is said of them"),),
)  # fmt: skip

_ENCAPSULATION = "linux 6.1 drivers/net/vmxnet3/vmxnet3_drv.c vmxnet3_tq_xmit (VMXNET3_OM_ENCAP)"
VMXNET3_TRANSMIT = Stage(
    name="vmxnet3-transmit",
    title="guest to ESXi",
    source="linux 6.1 drivers/net/vmxnet3/vmxnet3_drv.c vmxnet3_tq_xmit, vmxnet3_prepare_tso",
    table=(
        Row(OWED, (ENCAPSULATED,), KEEP, fresh(Descriptor, needs=True, start=Token.AS_AIMED, tunnel=True), "the descriptor says that the sum inside a tunnel is owed, and where its header ends", source=_ENCAPSULATION),
        _LARGE_SEND,
        Row(OWED, (), KEEP, _TOLD, "the descriptor says where the sum starts and where its field is (VMXNET3_OM_CSUM), for any protocol"),
        Row(FINISHED, (), KEEP, _NOTHING, "nothing is asked for; what was verified is not passed on"),
    ),
)  # fmt: skip
VMXNET3_RECEIVE = Stage(
    name="vmxnet3-receive",
    title="guest from ESXi",
    source="linux 6.2 drivers/net/vmxnet3/vmxnet3_drv.c vmxnet3_rx_csum; 3d8f2c4269d0, in 6.1.4",
    table=(
        _NOT_TAKEN,
        Row(when(Descriptor, valid=True), (), KEEP, fresh(Skb, summed=Summed.UNNECESSARY, level=Token.AS_AIMED), "the host says that the sums were found right, inside a tunnel too: believed"),
        _UNSAID,
    ),
)  # fmt: skip
VMXNET3_RECEIVE_5_8 = differing(
    VMXNET3_RECEIVE,
    "vmxnet3-receive-5.8",
    "linux 5.8 to 6.1 drivers/net/vmxnet3/vmxnet3_drv.c vmxnet3_rx_csum, before 3d8f2c4269d0",
    {2: Row(when(Descriptor, valid=True), (), KEEP, _TO_UNNECESSARY, "the host says that the sums were found right: believed of the outermost one only")},
)  # fmt: skip

_ASKED = when(Descriptor, needs=True, tunnel=True)
_KNOWN = (
    "linux commits 1dac3b1bc66d and b22580233d47: the inner offload is restricted to UDP tunnels with the default ports of VXLAN and Geneve"
)
_IN_TUNNEL = fresh(Skb, summed=Summed.PARTIAL, start=Token.AS_AIMED, encapsulation=True)
VMPORT_RECEIVE = _receives(
    "vmport-receive",
    "ESXi from the guest",
    "linux 6.1 drivers/net/vmxnet3/vmxnet3_defs.h struct Vmxnet3_TxDesc",
    Row(_ASKED, (knob("tunnels-unfilled"),), KEEP, fresh(Skb), "the switch was asked for a sum inside a tunnel, offered to make it, and does not", source="https://github.com/projectcalico/calico/issues/9433", sure="derived"),
    *(Row(_ASKED, (carries(Kind.UDP), to_port(port)), KEEP, _IN_TUNNEL, "the guest says where the sum inside the tunnel is owed: it is left to the card, or made where there is none", source=_KNOWN, sure="derived") for port in OFFLOADED_PORTS),
    Row(_ASKED, (), KEEP, fresh(Skb), "the switch was asked for a sum inside a tunnel that it does not know: it stays unfilled", source=_KNOWN, sure="derived"),
)  # fmt: skip
VMPORT_TRANSMIT = _transmits(
    "vmport-transmit",
    "ESXi to the guest",
    "linux 6.1 drivers/net/vmxnet3/vmxnet3_defs.h struct Vmxnet3_RxCompDesc",
    fresh(Descriptor, valid=True, level=Token.AS_AIMED),
    Row(_VERIFIED, _MERGES, _MERGED, _SUCCEEDED, "the switch puts segments together (LRO), which were verified", source="linux 6.1 drivers/net/vmxnet3/vmxnet3_drv.c vmxnet3_rq_rx_complete (VMXNET3_CDTYPE_RXCOMP_LRO)", sure="uncertain"),
)  # fmt: skip
