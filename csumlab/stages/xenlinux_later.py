"""XenLinux around 3.0.0 as far as its tables differ: October 2005, the spring of 2006, 3.0.3 and later.

The ring learned in April 2006 to say "still owed" and "verified" in both directions, with the same two flags. Xen git commits 0c48c2080d
(2 April), 1b7e15f112 (5 April), 6afda10e40 (14 April) and the trees of drivers/xen in Linux 2.6.18.
"""

from __future__ import annotations

from csumlab.conditions import feature, knob
from csumlab.operations import KEEP, Rule, Selector, fill, seal, translate
from csumlab.stage import Row, Stage, changed, differing, fresh, when
from csumlab.stages import xenlinux
from csumlab.state import Ring, Summed, XenSkb

NONE, UNNECESSARY, HW = Summed.NONE, Summed.UNNECESSARY, Summed.HW
_FROM_RING = "csum_blank is kept: the sum is still owed"

NAT_2005 = differing(
    xenlinux.NAT,
    "xenlinux-nat-2005",
    "Xen unstable before 2005-10-15, linux-2.6.12 net/ipv4/netfilter/ip_nat_proto_tcp.c tcp_manip_pkt",
    {3: Row(when(XenSkb, blank=True), (), translate(Rule.FINAL, Rule.FINAL), changed(), "translated; the update does not ask whether the sum is finished: an unfinished one follows with the opposite sign")},
)  # fmt: skip

NAT_2006 = differing(
    xenlinux.NAT,
    "xenlinux-nat-2006",
    "xen git 2006-02-09 (bug 447) linux-2.6-xen-sparse/net/ipv4/netfilter/ip_nat_proto_tcp.c tcp_manip_pkt",
    {3: Row(when(XenSkb, blank=True), (), translate(Rule.PSEUDO, Rule.LEAVE), changed(), "translated; an unfinished sum follows the addresses, and the fill to come will see the ports")},
)  # fmt: skip

EGRESS_2006 = differing(
    xenlinux.EGRESS,
    "xenlinux-egress-2006",
    "xen git 6afda10e40 (2006-04-14) linux-2.6-xen-sparse/net/core/dev.c skb_checksum_setup, dev_queue_xmit",
    {
        4: Row(when(XenSkb, blank=True), (feature("tx-checksum-ip-generic"),), KEEP, changed(summed=HW, blank=False), "csum_blank becomes CHECKSUM_HW and is cleared; the device takes that as it is"),
        5: Row(when(XenSkb, blank=True), (feature("tx-checksum-ipv4"),), KEEP, changed(summed=HW, blank=False), "csum_blank becomes CHECKSUM_HW and is cleared: the fill is left to the device"),
        6: Row(when(XenSkb, blank=True), (), fill(Selector.TRANSPORT), changed(summed=NONE, blank=False), "csum_blank: the kernel fills in software and clears the bit"),
    },
)  # fmt: skip

ESP_SEAL_2006 = Stage(
    name="xenlinux-esp-seal-2006",
    title=xenlinux.ESP_SEAL.title,
    source="xen git 65fbb3b646 (2006-04-22) linux-2.6-xen-sparse/net/ipv4/xfrm4_output.c (bug 143)",
    table=(
        Row(when(XenSkb, blank=True), (), fill(Selector.TRANSPORT) + seal(), fresh(XenSkb), "csum_blank is turned into CHECKSUM_HW first: the sum is filled before the packet is encrypted"),
        *xenlinux.ESP_SEAL.table,
    ),
    like=xenlinux.ESP_SEAL,
)  # fmt: skip

CONNTRACK_2_6_18 = Stage(
    name="xenlinux-conntrack-2.6.18",
    title=xenlinux.CONNTRACK.title,
    source="linux 2.6.18 net/ipv4/netfilter/ip_conntrack_proto_tcp.c tcp_error, ip_conntrack_proto_udp.c udp_error",
    table=(
        Row(when(XenSkb), (~knob("net.netfilter.nf_conntrack_checksum"),), KEEP, changed(), "ip_conntrack_checksum is 0: nothing is verified", sure="memory"),
        *xenlinux.CONNTRACK.table,
    ),
    like=xenlinux.CONNTRACK,
)  # fmt: skip


def _encode(name: str, title: str, source: str) -> Stage:
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            Row(when(XenSkb, summed=HW), (), KEEP, fresh(Ring, blank=True, validated=True), "the slot is flagged csum_blank and data_validated"),
            Row(when(XenSkb, valid=True), (), KEEP, fresh(Ring, validated=True), "the slot is flagged data_validated"),
            Row(when(XenSkb), (), KEEP, fresh(Ring), "no flag: the other side checks for itself"),
        ),
    )  # fmt: skip


def _decode(name: str, title: str, source: str) -> Stage:
    return Stage(
        name=name,
        title=title,
        source=source,
        table=(
            Row(when(Ring, blank=True), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True, blank=True), f"either flag counts as verified; {_FROM_RING}"),
            Row(when(Ring, validated=True), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True), "data_validated is believed"),
            Row(when(Ring), (), KEEP, fresh(XenSkb), "no flag: nothing is known"),
        ),
    )  # fmt: skip


def _first_encode(name: str, title: str, source: str) -> Stage:
    """Of 2 April 2006: what is owed is not called verified."""
    return differing(
        _encode(name, title, source),
        name,
        source,
        {1: Row(when(XenSkb, summed=HW, valid=False), (), KEEP, fresh(Ring, blank=True), "the slot is flagged csum_blank, and not data_validated")},
        before={1: Row(when(XenSkb, summed=HW, valid=True), (), KEEP, fresh(Ring, blank=True, validated=True), "passed on by this kernel: the slot is flagged csum_blank and data_validated")},
    )  # fmt: skip


def _first_decode(name: str, title: str, source: str) -> Stage:
    """Of 2 April 2006: only data_validated counts as verified."""
    return differing(
        _decode(name, title, source),
        name,
        source,
        {1: Row(when(Ring, blank=True, validated=True), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True, blank=True), f"data_validated is believed; {_FROM_RING}")},
        before={2: Row(when(Ring, blank=True), (), KEEP, fresh(XenSkb, blank=True), f"without data_validated nothing counts as verified, although {_FROM_RING}")},
    )  # fmt: skip


_FRONT, _BACK = "linux-2.6-xen-sparse/drivers/xen/netfront/netfront.c", "linux-2.6-xen-sparse/drivers/xen/netback/netback.c"
_APRIL_2, _APRIL_5 = "xen git 0c48c2080d (2006-04-02)", "xen git 1b7e15f112 (2006-04-05), linux 2.6.18-xen"

NETFRONT_TRANSMIT_APRIL = _first_encode(
    "xenlinux-netfront-transmit-april", "netfront to the ring", f"{_APRIL_2} {_FRONT} network_start_xmit"
)
NETBACK_RECEIVE_APRIL = _first_decode("xenlinux-netback-receive-april", "netback from the ring", f"{_APRIL_2} {_BACK} net_tx_action")
NETBACK_TRANSMIT_APRIL = _first_encode("xenlinux-netback-transmit-april", "netback to the ring", f"{_APRIL_2} {_BACK} net_rx_action")
NETFRONT_RECEIVE_APRIL = _first_decode("xenlinux-netfront-receive-april", "netfront from the ring", f"{_APRIL_2} {_FRONT} netif_poll")
NETFRONT_TRANSMIT_2006 = _encode("xenlinux-netfront-transmit-2006", "netfront to the ring", f"{_APRIL_5} {_FRONT} network_start_xmit")
NETBACK_RECEIVE_2006 = _decode("xenlinux-netback-receive-2006", "netback from the ring", f"{_APRIL_5} {_BACK} net_tx_action")
NETBACK_TRANSMIT_2006 = _encode("xenlinux-netback-transmit-2006", "netback to the ring", f"{_APRIL_5} {_BACK} net_rx_action")
NETFRONT_RECEIVE_2006 = _decode("xenlinux-netfront-receive-2006", "netfront from the ring", f"{_APRIL_5} {_FRONT} netif_poll")
