"""What can be hooked in on a packet's way, as tables: XDP programs, the CHECKSUM target, drivers that say the same of every packet."""

from __future__ import annotations

from csumlab.conditions import FRAGMENT, INVALID, LONG, carries, knob, version, wrong
from csumlab.headers import Kind
from csumlab.operations import DECREMENT_TTL, DROP, KEEP, Selector, fill, segment
from csumlab.stage import (
    ANY,
    SAME,
    Row,
    Stage,
    Token,
    changed,
    fresh,
    when,
)
from csumlab.stages.patterns import OWED
from csumlab.state import Ring, Skb, Summed, Virtio

XDP_PASS = Stage(
    name="xdp-pass",
    title="XDP program passes",
    source="linux 6.1 drivers/net/virtio_net.c receive_small, receive_mergeable (keep zeroed vnet hdr since XDP is loaded)",
    table=(
        Row(when(Skb), (), KEEP, fresh(Skb), "behind an XDP program the driver does not read the header: what it said is lost"),
    ),
)  # fmt: skip

XDP_PASS_6_10 = Stage(
    name="xdp-pass-6.10",
    title="XDP program passes",
    source="linux 6.10 drivers/net/virtio_net.c receive_buf (703eec1b2422): its comment says what is kept and what is dropped",
    table=(
        Row(OWED, (), DROP, SAME, "an XDP program cannot work with a sum that is still owed: the driver drops what the host should not have sent (NEEDS_CSUM)", sure="derived"),
        Row(when(Skb), (), KEEP, SAME, "DATA_VALID is read before the program runs, and kept"),
    ),
)  # fmt: skip

XDP_REDIRECT = Stage(
    name="xdp-redirect",
    title="XDP program redirects",
    source="linux 6.1 include/net/xdp.h struct xdp_frame; drivers/net/veth.c veth_xdp_rcv_skb; drivers/net/virtio_net.c __virtnet_xdp_xmit_one",
    table=(
        Row(when(Skb), (), KEEP, fresh(Skb), "an xdp_frame has bytes and no checksum state: what was owed is forgotten", sure="observed"),
    ),
)  # fmt: skip

XDP_FORWARD = Stage(
    name="xdp-forward",
    title="XDP program forwards",
    source="linux 6.1 samples/bpf/xdp_fwd_kern.c xdp_fwd_flags (bpf_fib_lookup, ip_decrease_ttl); include/net/xdp.h struct xdp_frame",
    table=(
        Row(when(Skb), (), DECREMENT_TTL, fresh(Skb), "a program sends the frame on by the routes, also out of the device that it came in by (XDP_TX); an xdp_frame has bytes and no checksum state: what was owed is forgotten", sure="observed"),
    ),
)  # fmt: skip

XDP_GENERIC_REDIRECT = Stage(
    name="xdp-generic-redirect",
    title="generic XDP program redirects",
    source="linux 6.1 net/core/dev.c generic_xdp_tx; net/core/filter.c xdp_do_generic_redirect",
    table=(
        Row(when(Skb), (), KEEP, SAME, "the socket buffer goes on with what it carries; transmit feature resolution is passed by, whatever the device can do", sure="observed"),
    ),
)  # fmt: skip

_DROPPED = "a rule drops what connection tracking calls INVALID"
INVALID_DROPPED = Stage(
    name="invalid-dropped",
    title="rule for INVALID packets",
    source="linux 6.1 net/netfilter/nft_ct.c nft_ct_get_eval (NFT_CT_STATE); net/netfilter/xt_conntrack.c conntrack_mt",
    table=(
        Row(ANY, (~INVALID,), KEEP, SAME, "connection tracking does not call it INVALID"),
        Row(ANY, (wrong(Selector.TRANSPORT),), DROP, SAME, f"{_DROPPED}: its sum is wrong"),
        Row(ANY, (), DROP, SAME, f"{_DROPPED}, although its sum is right"),
    ),
)  # fmt: skip

MIRRED = Stage(
    name="mirred",
    title="tc redirects",
    source="linux 6.1 net/sched/act_mirred.c tcf_mirred_act (nf_reset_ct; skb_push_rcsum or skb_pull_rcsum where the way changes)",
    table=(
        Row(when(Skb), (), KEEP, changed(invalid=False), "the socket buffer goes to another device with what it carries, but for conntrack's mark; the sum of the packet follows what is put before it", sure="observed"),
    ),
)  # fmt: skip

MIRROR = Stage(
    name="mirror",
    title="a copy is sent",
    source="linux 6.1 net/sched/act_mirred.c tcf_mirred_act (skb_clone, nf_reset_ct, tcf_mirred_forward); net/netfilter/nf_dup_netdev.c nf_dup_netdev_egress; net/openvswitch/actions.c do_output",
    table=(
        Row(when(Skb), (), KEEP, changed(invalid=False), "a copy of the socket buffer goes to another device with what it carries, but for conntrack's mark: what is owed is owed there too", sure="observed"),
    ),
)  # fmt: skip

IFB = Stage(
    name="ifb",
    title="ifb sends back",
    source="linux 6.1 drivers/net/ifb.c ifb_ri_tasklet, net/core/dev.c __netif_receive_skb_core (skip_classify)",
    table=(
        Row(when(Skb), (), KEEP, SAME, "the socket buffer goes back to the device that it was redirected from, with what it carries", sure="observed"),
    ),
)  # fmt: skip

LOOPED = Stage(
    name="loopback",
    title="loopback device",
    source="linux 6.1 drivers/net/loopback.c loopback_xmit (skb_orphan, __netif_rx)",
    table=(
        Row(when(Skb), (), KEEP, SAME, "what a host sends to itself comes back with what it carries: what is owed stays owed, and nobody needs it", sure="observed"),
    ),
)  # fmt: skip

CHECKSUM_TARGET = Stage(
    name="checksum-target",
    title="CHECKSUM target",
    source="linux 6.1 net/netfilter/xt_CHECKSUM.c checksum_tg (iptables -t mangle -A POSTROUTING -o DEVICE -p udp -j CHECKSUM --checksum-fill)",
    table=(
        Row(OWED, (), fill(Selector.AIMED), fresh(Skb), "the rule fills what is owed, so that a reader of packet sockets finds a finished sum", sure="observed"),
        Row(ANY, (), KEEP, SAME, "nothing is owed"),
    ),
)  # fmt: skip

NETEM_CORRUPT = Stage(
    name="netem-corrupt",
    title="netem flips a bit",
    source="linux 6.1 net/sched/sch_netem.c netem_enqueue, netem_segment (tc qdisc add dev DEVICE root netem corrupt 100%)",
    table=(
        Row(OWED, (LONG,), (*segment(Selector.AIMED), *fill(Selector.AIMED)), fresh(Skb), "a super-frame is cut and its sums are filled before a bit of a segment is flipped: who checks will notice"),
        Row(OWED, (), fill(Selector.AIMED), fresh(Skb), "the kernel fills what is owed before a bit is flipped: who checks will notice"),
        Row(ANY, (), KEEP, SAME, "a bit is flipped, and what the packet carries stays: who was told that its sum is verified will not look"),
    ),
)  # fmt: skip

_WITH_SUM = carries(Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6)
_NEEDS = fresh(Virtio, needs=True, start=Token.AT_TRANSPORT)
_ASKED = fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT)
_ASKS = "DPDK rte_mbuf_core.h RTE_MBUF_F_TX_UDP_CKSUM"
_UNREAD = "linux 6.1 include/linux/virtio_net.h virtio_net_hdr_to_skb, net/core/skbuff.c skb_partial_csum_set: only the bounds are tested"
_AS_IT_IS = "what is said of other packets is not said of this one: it carries what it carried"
DRIVER_CLAIMS = Stage(
    name="driver-claims",
    title="flags that a driver or program sets of every packet",
    source="xen/include/public/io/netif.h NETTXF_csum_blank, NETTXF_data_validated; Virtio 1.2 section 5.1.6.2; DPDK rte_mbuf_core.h RTE_MBUF_F_TX_UDP_CKSUM: nobody compares them with the packet",
    table=(
        Row(when(Ring), (knob("claims-owed"),), KEEP, fresh(Ring, blank=True, validated=True), "this guest says of every packet that its sum is still owed (csum_blank)"),
        Row(when(Ring), (knob("claims-verified"),), KEEP, fresh(Ring, validated=True), "this guest says of every packet that its sum is verified (data_validated)", vouches=True),
        Row(when(Ring), (), KEEP, fresh(Ring), "this guest sets no flag of any packet, whatever its sum holds"),
        Row(when(Virtio), (knob("claims-fragment-owed"), FRAGMENT, _WITH_SUM), KEEP, _NEEDS, "of every fragment it is said that a sum is owed (NEEDS_CSUM) where the transport header is, and in later ones would be", source=_UNREAD, sure="observed"),
        Row(when(Virtio), (knob("claims-icmp-owed"), carries(Kind.ICMP, Kind.ICMPV6), ~FRAGMENT), KEEP, _NEEDS, "of every ICMP packet it is said that its sum is still owed (NEEDS_CSUM), finished or not", source=_UNREAD, sure="observed"),
        Row(when(Virtio), (knob("claims-owed"), carries(Kind.TCP, Kind.UDP), ~FRAGMENT), KEEP, _NEEDS, "of every TCP and UDP packet it is said that its sum is still owed (NEEDS_CSUM), finished or not"),
        Row(when(Virtio), (knob("claims-verified"),), KEEP, fresh(Virtio, valid=True), "of every packet it is said that its sum is verified (DATA_VALID)", vouches=True),
        Row(when(Virtio), (knob("claims-ip-owed"), version(4)), KEEP, fresh(Virtio, needs=True, start=Token.INSIDE_IP), "of every IPv4 packet it is said that a sum is owed which starts inside the IP header (NEEDS_CSUM) and belongs into the header's own field", source="Virtio 1.2 section 5.1.6.2; linux 6.1 include/linux/virtio_net.h virtio_net_hdr_to_skb asks for twenty bytes before csum_start, of the frame"),
        Row(when(Virtio), (knob("claims-nothing"),), KEEP, fresh(Virtio), "no flag is set of any packet, whatever its sum holds"),
        Row(when(Virtio), (), KEEP, SAME, _AS_IT_IS),
        Row(when(Skb), (knob("claims-fragment-owed"), FRAGMENT, _WITH_SUM), KEEP, _ASKED, "the program asks the card to fill every fragment, where the transport header is, and in later ones would be", source=_ASKS),
        Row(when(Skb), (knob("claims-icmp-owed"), carries(Kind.ICMP, Kind.ICMPV6), ~FRAGMENT), KEEP, _ASKED, "the program asks the card to fill every ICMP sum, finished or not", source=_ASKS),
        Row(when(Skb), (knob("claims-owed"), carries(Kind.TCP, Kind.UDP), ~FRAGMENT), KEEP, _ASKED, "the program asks the card to fill every TCP and UDP sum, finished or not", source=f"{_ASKS}; https://github.com/ironcore-dev/dpservice/issues/228"),
        Row(when(Skb), (knob("claims-nothing"),), KEEP, fresh(Skb), "the program asks the card for no sum, whatever the field holds", source="DPDK rte_mbuf_core.h: no RTE_MBUF_F_TX_L4_MASK flag"),
        Row(when(Skb), (), KEEP, SAME, _AS_IT_IS),
    ),
)  # fmt: skip

VIF_HEEDS_RX = Stage(
    name="vif-heeds-rx",
    title="vif with rx-checksumming off",
    source="linux commit 7365bcfa32d2: nothing makes a guest sum by itself, so no netback may do this",
    table=(
        Row(when(Ring), (), KEEP, fresh(Skb), "rx-checksumming is off and that is heeded: neither csum_blank nor data_validated is looked at", sure="derived"),
    ),
)  # fmt: skip
