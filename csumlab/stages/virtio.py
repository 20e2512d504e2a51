"""The virtio network device of a guest and the tap or macvtap device behind it in the host, as tables.

Between them stands a virtio_net_hdr. Unlike a Xen ring slot it has csum_start and csum_offset: what is owed is carried, never found again
by parsing. Whether a sum may be left to the other side at all is negotiated (VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM) and
is not here: it sets the port's features, and egress resolution fills before the port's capture point. vhost-net takes the header across
and looks at no flag of it (drivers/vhost/net.c), so it needs no table of its own.
"""

from __future__ import annotations

from csumlab.conditions import LONG, feature, knob
from csumlab.operations import DROP, KEEP, Selector, fill
from csumlab.stage import (
    SAME,
    Mended,
    Row,
    Stage,
    Token,
    fresh,
    when,
)
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed, Virtio

_ALL_BUT_PARTIAL = (Summed.NONE, Summed.UNNECESSARY, Summed.COMPLETE)
_NEEDS = fresh(Virtio, needs=True, start=Token.AS_AIMED)
_PARTIAL = fresh(Skb, summed=Summed.PARTIAL, start=Token.AS_AIMED)

VIRTIO_TRANSMIT = Stage(
    name="virtio-transmit",
    title="guest to the host",
    source="linux 6.1 drivers/net/virtio_net.c xmit_skb; include/linux/virtio_net.h virtio_net_hdr_from_skb",
    table=(
        Row(when(Skb), (LONG, knob("gso-unflagged")), KEEP, fresh(Virtio), "the driver of this guest asks for segmentation and does not say that the sum is owed", source="Virtio 1.2 section 5.1.6.2.1 forbids it", sure="observed"),
        Row(OWED, (), KEEP, _NEEDS, "NEEDS_CSUM with csum_start and csum_offset as the stack set them, for any protocol"),
        Row(when(Skb, summed=_ALL_BUT_PARTIAL), (), KEEP, fresh(Virtio), "no flag: a driver must not say DATA_VALID, so what was verified is forgotten", source="linux 6.1 drivers/net/virtio_net.c xmit_skb (has_data_valid is false); Virtio 1.2 section 5.1.6.2.1"),
    ),
)  # fmt: skip

TAP_RECEIVE = Stage(
    name="tap-receive",
    title="tap from the guest",
    source="linux 6.1 drivers/net/tun.c tun_get_user, tun_xdp_one; drivers/net/tap.c tap_get_user; include/linux/virtio_net.h virtio_net_hdr_to_skb; drivers/vhost/net.c handle_tx",
    table=(
        Row(when(Virtio, needs=True), (~knob("vnet-hdr"),), KEEP, fresh(Skb), "no header (IFF_VNET_HDR is not set): what the guest says is not passed on"),
        Row(when(Virtio, needs=True), (), KEEP, _PARTIAL, "NEEDS_CSUM: csum_start is taken as the guest gives it, after a test of its bounds only", sure="observed"),
        Row(when(Virtio), (), KEEP, fresh(Skb), "no NEEDS_CSUM: nothing is known; a guest's DATA_VALID is not heeded", sure="observed"),
    ),
)  # fmt: skip

SHORT_TAIL = "short-tail"
"""The knob that says that the last segment of a super-frame would be shorter than its headers, or every one."""
TAP_RECEIVE_6_10 = Stage(
    name="tap-receive-6.10",
    title=TAP_RECEIVE.title,
    source=TAP_RECEIVE.source,
    table=(
        Row(when(Virtio, needs=True), (LONG, knob(SHORT_TAIL)), DROP, SAME, "what is left of the frame for the last segment is shorter than its headers: the check of the header refuses the super-frame (EINVAL)", source="linux commit e269d79c7d35 (6.10, and stable kernels of July 2024) include/linux/virtio_net.h virtio_net_hdr_to_skb; mended by 89add40066f9 (6.11)", mended=Mended("Linux 6.11", "89add40066f9")),
        *TAP_RECEIVE.table,
    ),
)  # fmt: skip

TAP_TRANSMIT = Stage(
    name="tap-transmit",
    title="tap to the guest",
    source="linux 6.1 drivers/net/tun.c tun_put_user; drivers/net/tap.c tap_put_user; include/linux/virtio_net.h virtio_net_hdr_from_skb",
    table=(
        Row(OWED, (knob("vnet-hdr"),), KEEP, _NEEDS, "NEEDS_CSUM with csum_start and csum_offset as they are", sure="observed"),
        Row(OWED, (), KEEP, fresh(Virtio), "no header (IFF_VNET_HDR is not set): the bytes go with the pseudo-header's sum, and nothing tells of it", sure="observed"),
        Row(when(Skb, summed=Summed.UNNECESSARY), (knob("vnet-hdr"),), KEEP, fresh(Virtio, valid=True), "DATA_VALID: one level only; it is set even if the guest asked for no sums to be left to it", sure="observed"),
        Row(when(Skb), (), KEEP, fresh(Virtio), "no flag: the guest checks for itself"),
    ),
)  # fmt: skip

MACVTAP_DELIVER = Stage(
    name="macvtap-deliver",
    title="macvtap takes a frame from the device below",
    source="linux 6.1 drivers/net/tap.c tap_handle_frame",
    table=(
        Row(OWED, (feature("reader-checksum"),), KEEP, SAME, "the reader takes unfinished sums and has a header to be told by", sure="observed"),
        Row(OWED, (), fill(Selector.AIMED), fresh(Skb), "the reader takes no unfinished sums, or has no header: the kernel fills, also if TUN_F_CSUM was left set", sure="observed"),
        Row(when(Skb, summed=_ALL_BUT_PARTIAL), (), KEEP, SAME, "nothing is owed"),
    ),
)  # fmt: skip

VIRTIO_RECEIVE = Stage(
    name="virtio-receive",
    title="guest from the host",
    source="linux 6.1 drivers/net/virtio_net.c receive_buf; include/linux/virtio_net.h virtio_net_hdr_to_skb",
    table=(
        Row(when(Virtio, needs=True), (), KEEP, _PARTIAL, "NEEDS_CSUM: still to be computed, at csum_start"),
        Row(when(Virtio, valid=True), (), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "DATA_VALID is believed, also without VIRTIO_NET_F_GUEST_CSUM"),
        Row(when(Virtio), (), KEEP, fresh(Skb), "no flag: nothing is known"),
    ),
)  # fmt: skip
