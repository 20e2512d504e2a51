"""XenLinux of Xen 3.0.0 (December 2005, Linux 2.6.12 with net-csum.patch), as tables.

An skb has two bits more than Linux': ``proto_data_valid`` (here ``valid``) and ``proto_csum_blank`` (``blank``). netback takes every
packet of a domU as made and verified there; towards a domU there is no flag for a sum that is still owed. Xen git commits a3294b77de,
fbbeac4db8, 107808a452 and the tree at RELEASE-3.0.0.
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    FRAGMENT,
    INVALID,
    TAGGED,
    TTL_EXPIRES,
    carries,
    feature,
    knob,
    right,
    version,
    wrong,
)
from csumlab.headers import Kind
from csumlab.operations import (
    ACCEPT,
    DECREMENT_TTL,
    DROP,
    KEEP,
    POP,
    REJECT,
    TAG,
    TRIM,
    UNSEAL,
    UNTAG,
    Rule,
    Selector,
    compute,
    fill,
    push,
    seal,
    translate,
    write_pseudo,
)
from csumlab.outer import OuterSum
from csumlab.stage import (
    ANY,
    SAME,
    Part,
    Row,
    Stage,
    changed,
    fresh,
    when,
)
from csumlab.state import Bare, Ring, Summed, XenSkb

NONE, UNNECESSARY, HW = Summed.NONE, Summed.UNNECESSARY, Summed.HW
TRANSPORT = Selector.TRANSPORT
WITH_CHECKSUM = (Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6, Kind.IGMP, Kind.GRE)
_TREE = "xen 3.0.0 linux-2.6-xen-sparse"

SENDER = Stage(
    name="xenlinux-sender",
    part=Part.SENDER,
    title="socket",
    source="linux 2.6.12 net/ipv4/tcp_output.c tcp_transmit_skb, net/ipv4/ip_output.c ip_append_data",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, fresh(XenSkb), "a fragmented datagram is summed in software"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, fresh(XenSkb), "the program asked for no UDP checksum"),
        Row(ANY, (carries(Kind.TCP, Kind.UDP), version(4), feature("tx-checksum-ipv4")), write_pseudo(TRANSPORT), fresh(XenSkb, summed=HW), "the device can sum: the pseudo-header sum only"),
        Row(ANY, (carries(Kind.TCP, Kind.UDP), feature("tx-checksum-ip-generic")), write_pseudo(TRANSPORT), fresh(XenSkb, summed=HW), "the device never needs a sum: the pseudo-header sum only"),
        Row(ANY, (), compute(TRANSPORT), fresh(XenSkb), "summed in software"),
    ),
)  # fmt: skip

EGRESS = Stage(
    name="xenlinux-egress",
    title="dev_queue_xmit",
    source=f"{_TREE}/net/core/dev.c dev_queue_xmit",
    table=(
        Row(when(XenSkb, blank=True), (TAGGED,), DROP, SAME, "csum_blank on a frame that is not plain IPv4 is dropped"),
        Row(when(XenSkb, blank=True), (~carries(Kind.TCP, Kind.UDP),), DROP, SAME, "csum_blank on something other than TCP or UDP is dropped"),
        Row(when(XenSkb, blank=True), (~version(4),), DROP, SAME, "csum_blank on IPv6 is dropped"),
        Row(when(XenSkb, blank=True), (feature("tx-checksum-ip-generic"),), KEEP, changed(summed=HW), "csum_blank becomes CHECKSUM_HW; the device takes that as it is"),
        Row(when(XenSkb, blank=True), (feature("tx-checksum-ipv4"),), KEEP, changed(summed=HW), "csum_blank becomes CHECKSUM_HW: the fill is left to the device"),
        Row(when(XenSkb, blank=True), (), fill(TRANSPORT), changed(summed=NONE), "csum_blank: the kernel fills in software, and does not clear the bit"),
        Row(when(XenSkb, summed=HW), (feature("tx-checksum-ip-generic"),), KEEP, SAME, "the device takes an unfinished sum as it is (NETIF_F_NO_CSUM)"),
        Row(when(XenSkb, summed=HW), (feature("tx-checksum-ipv4"), version(4)), KEEP, SAME, "the fill is left to the device"),
        Row(when(XenSkb, summed=HW), (), fill(TRANSPORT), changed(summed=NONE), "the device does not sum this: the kernel fills it in software"),
        Row(when(XenSkb), (), KEEP, SAME, "ip_summed says that nothing is owed, whatever the field holds"),
    ),
)  # fmt: skip

BRIDGE = Stage(
    name="xenlinux-bridge",
    title="bridge",
    source="linux 2.6.12 net/bridge/br_forward.c br_dev_queue_push_xmit",
    table=(
        Row(when(XenSkb), (), KEEP, changed(summed=NONE), "a forwarded frame is set to CHECKSUM_NONE; only the two Xen bits survive", sure="memory"),
    ),
)  # fmt: skip

INPUT = Stage(
    name="xenlinux-input",
    part=Part.INPUT,
    title="IP input",
    source="linux 2.6.12 net/ipv4/ip_input.c ip_rcv",
    table=(
        Row(ANY, (wrong(Selector.OUTER_IP),), DROP, SAME, "the IPv4 header sum is checked every time and is wrong"),
        Row(ANY, (), TRIM, SAME, "the IPv4 header sum is right; what follows the packet is cut off"),
    ),
)  # fmt: skip

CONNTRACK = Stage(
    name="xenlinux-conntrack",
    title="connection tracking",
    source="linux 2.6.12 net/ipv4/netfilter/ip_conntrack_proto_tcp.c tcp_error, ip_conntrack_proto_udp.c udp_error",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is held until its datagram is whole"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP, Kind.ICMP),), KEEP, SAME, "no checksum that connection tracking knows"),
        Row(when(XenSkb, summed=UNNECESSARY), (), KEEP, SAME, "marked as verified: trusted"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "a zero UDP sum says that there is none"),
        Row(when(XenSkb), (right(TRANSPORT),), KEEP, SAME, "verified in software: right"),
        Row(when(XenSkb), (), KEEP, changed(invalid=True), "the sum is wrong: the packet is INVALID and will not be translated"),
    ),
)  # fmt: skip

NAT = Stage(
    name="xenlinux-nat",
    part=Part.TRANSLATION,
    title="address translation",
    source=f"{_TREE}/net/ipv4/netfilter/ip_nat_proto_tcp.c tcp_manip_pkt, ip_nat_proto_udp.c udp_manip_pkt; bug 447, mended 2006-02-09",
    table=(
        Row(ANY, (INVALID,), KEEP, SAME, "an INVALID packet leaves untranslated"),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero"),
        Row(when(XenSkb, blank=True), (), translate(Rule.PSEUDO, Rule.FINAL), SAME, "translated; the addresses follow the rule for an unfinished sum, but the port is subtracted as if the sum were finished, so the fill counts it twice"),
        Row(when(XenSkb, summed=HW), (), (*fill(TRANSPORT), *translate(Rule.FINAL, Rule.FINAL)), changed(summed=NONE), "a sum of this kernel's own that is owed is filled first; translated, and updated by the difference", source="linux 2.6.12 net/ipv4/netfilter/ip_nat_standalone.c ip_nat_fn"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong"),
    ),
)  # fmt: skip

FORWARD = Stage(
    name="xenlinux-forward",
    part=Part.FORWARD,
    title="IP forwarding",
    source="linux 2.6.12 net/ipv4/ip_forward.c ip_forward",
    table=(
        Row(ANY, (TTL_EXPIRES,), DROP, SAME, "TTL is used up: ICMP time exceeded goes back"),
        Row(when(XenSkb), (), DECREMENT_TTL, changed(summed=NONE), "forwarded and set to CHECKSUM_NONE; only the two Xen bits survive"),
    ),
)  # fmt: skip

RECEIVE = Stage(
    name="xenlinux-receive",
    title="transport input",
    source="linux 2.6.12 net/ipv4/tcp_ipv4.c tcp_v4_checksum_init; net/ipv4/udp.c udp_checksum_init; net/ipv4/igmp.c igmp_rcv",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment waits for the rest of its datagram"),
        Row(ANY, (~carries(*WITH_CHECKSUM),), ACCEPT, SAME, "the kernel verifies no checksum of this header: who takes it by a raw socket has to"),
        Row(ANY, (ABSENT_TRANSPORT, version(6)), REJECT, SAME, "a zero UDP sum is not allowed over IPv6"),
        Row(when(XenSkb, summed=UNNECESSARY), (), ACCEPT, SAME, "marked as verified: believed, not checked"),
        Row(ANY, (ABSENT_TRANSPORT,), ACCEPT, SAME, "there is no UDP checksum to check"),
        Row(ANY, (right(TRANSPORT),), ACCEPT, SAME, "verified: the sum is right"),
        Row(ANY, (), REJECT, SAME, "verified: the sum is wrong, the packet is dropped (InErrs)"),
    ),
)  # fmt: skip

NIC_TRANSMIT = Stage(
    name="xenlinux-nic-transmit",
    title="card sends",
    source="linux 2.6.12 include/linux/skbuff.h, B. Checksumming on output",
    table=(
        Row(when(XenSkb, summed=HW), (), fill(TRANSPORT), fresh(Bare), "the card sums and writes the field"),
        Row(ANY, (), KEEP, fresh(Bare), "the card sends the bytes as they are"),
    ),
)  # fmt: skip

NIC_RECEIVE = Stage(
    name="xenlinux-nic-receive",
    title="card receives",
    source=f"linux 2.6.12 include/linux/skbuff.h, A. Checksumming of received packets; {_TREE}/net/core/dev.c netif_receive_skb",
    table=(
        Row(when(Bare), (~feature("rx-checksum"),), KEEP, fresh(XenSkb), "rx-checksum is off: nothing is known"),
        Row(when(Bare), (FRAGMENT,), KEEP, fresh(XenSkb), "a card does not check a fragment"),
        Row(when(Bare), (~carries(Kind.TCP, Kind.UDP),), KEEP, fresh(XenSkb), "a card checks only TCP and UDP"),
        Row(when(Bare), (ABSENT_TRANSPORT,), KEEP, fresh(XenSkb), "there is no sum to check"),
        Row(when(Bare), (right(TRANSPORT),), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True), "the card verified the sum: right; data_valid is set with it"),
        Row(when(Bare), (), KEEP, fresh(XenSkb), "the card verified the sum: wrong; passed up with no mark"),
    ),
)  # fmt: skip

NETFRONT_TRANSMIT = Stage(
    name="xenlinux-netfront-transmit",
    title="netfront to the ring",
    source=f"{_TREE}/drivers/xen/netfront/netfront.c network_start_xmit",
    table=(
        Row(when(XenSkb, summed=HW), (), KEEP, fresh(Ring, blank=True), "the slot is flagged csum_blank"),
        Row(when(XenSkb), (), KEEP, fresh(Ring), "no flag; there is none for 'not verified' either"),
    ),
)  # fmt: skip

NETBACK_RECEIVE = Stage(
    name="xenlinux-netback-receive",
    title="netback from the ring",
    source=f"{_TREE}/drivers/xen/netback/netback.c net_tx_action",
    table=(
        Row(when(Ring, blank=True), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True, blank=True), "every packet of a domU counts as made and verified there; the sum is still owed", vouches=True),
        Row(when(Ring), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True), "every packet of a domU counts as made and verified there, also one that it only passes on", vouches=True),
    ),
)  # fmt: skip

NETBACK_TRANSMIT = Stage(
    name="xenlinux-netback-transmit",
    title="netback to the ring",
    source=f"{_TREE}/drivers/xen/netback/netback.c net_rx_action, netif_be_start_xmit",
    table=(
        Row(when(XenSkb, valid=True, blank=False, summed=(NONE, UNNECESSARY)), (), KEEP, fresh(Ring, validated=True), "the slot is flagged csum_valid"),
        Row(when(XenSkb, valid=True), (), KEEP, fresh(Ring, validated=True), "the slot is flagged csum_valid; that the sum is still owed cannot be said: there is no flag for it towards a domU", vouches=True),
        Row(when(XenSkb, summed=HW), (), KEEP, fresh(Ring, validated=True), "a sum of dom0's own that is still owed is passed as csum_valid; there is no flag for it towards a domU", sure="uncertain", vouches=True),
        Row(when(XenSkb), (), KEEP, fresh(Ring), "no flag: the domU checks for itself"),
    ),
)  # fmt: skip

NETFRONT_RECEIVE = Stage(
    name="xenlinux-netfront-receive",
    title="netfront from the ring",
    source=f"{_TREE}/drivers/xen/netfront/netfront.c netif_poll",
    table=(
        Row(when(Ring, validated=True), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True), "csum_valid is believed; whether the sum is owed cannot be told", vouches=True),
        Row(when(Ring), (), KEEP, fresh(XenSkb), "no flag: nothing is known"),
    ),
)  # fmt: skip

LOOPBACK = Stage(
    name="xenlinux-loopback",
    title="veth0 to vif0.0",
    source=f"{_TREE}/drivers/xen/netback/loopback.c loopback_start_xmit",
    table=(
        Row(when(XenSkb, summed=HW), (), KEEP, fresh(XenSkb, summed=UNNECESSARY, valid=True, blank=True), "a local packet: counted as verified, its sum still owed (csum_blank)"),
        Row(when(XenSkb, valid=True), (), KEEP, changed(summed=UNNECESSARY), "data_valid is kept"),
        Row(when(XenSkb), (), KEEP, changed(summed=NONE), "nothing is known"),
    ),
)  # fmt: skip

GRO = Stage(
    name="xenlinux-no-gro",
    title="receive",
    source="linux 2.6.12 net/core/dev.c netif_receive_skb",
    table=(
        Row(ANY, (), KEEP, SAME, "received packets are not merged in this kernel"),
    ),
)  # fmt: skip

VPN_UNSEAL = Stage(
    name="xenlinux-vpn-unseal",
    title="VPN program decrypts",
    source="linux 2.6.12 drivers/net/tun.c tun_get_user",
    table=(
        Row(ANY, (), UNSEAL, fresh(XenSkb), "the program writes bytes to its tun device: nothing is known of their sums"),
    ),
)  # fmt: skip

ENCAPSULATE = Stage(
    name="xenlinux-encapsulate",
    title="tunnel encapsulation",
    source="linux 2.6.12 net/ipv4/ipip.c ipip_tunnel_xmit; net/ipv4/ip_gre.c ipgre_tunnel_xmit",
    table=(
        Row(when(XenSkb), (knob("outer-checksum"),), (*push(OuterSum.PSEUDO), *compute(TRANSPORT)), SAME, "the outer header is put on, and GRE's sum is computed at once over the packet as it is; csum_blank is left as it was", source="linux 2.6.12 net/ipv4/ip_gre.c ipgre_tunnel_xmit (GRE_CSUM)", sure="memory"),
        Row(when(XenSkb), (), push(OuterSum.NONE), SAME, "the outer header is put on; csum_blank, which the device's own dev_queue_xmit filled and did not clear, now speaks of the outer header", sure="memory"),
    ),
)  # fmt: skip

DECAPSULATE = Stage(
    name="xenlinux-decapsulate",
    title="tunnel decapsulation",
    source="linux 2.6.12 net/ipv4/ipip.c ipip_rcv; net/ipv4/ip_gre.c ipgre_rcv",
    table=(
        # A mark that was of the outer header (GRE with a sum) speaks of the inner one from here on.
        Row(ANY, (), POP, SAME, "the outer header is taken off; the marks stay what they were", vouches=True, sure="memory"),
    ),
)  # fmt: skip

VLAN_TAG = Stage(
    name="xenlinux-vlan-tag",
    title="VLAN device sends",
    source="linux 2.6.12 net/8021q/vlan_dev.c vlan_dev_hard_start_xmit",
    table=(
        Row(when(XenSkb), (), TAG, SAME, "the tag is put on; csum_blank stays set, though the device's own dev_queue_xmit has filled", sure="memory"),
    ),
)  # fmt: skip

VLAN_UNTAG = Stage(
    name="xenlinux-vlan-untag",
    title="VLAN device receives",
    source="linux 2.6.12 net/8021q/vlan_dev.c vlan_skb_recv",
    table=(
        Row(ANY, (), UNTAG, SAME, "the tag is taken off; the marks stay what they were", sure="memory"),
    ),
)  # fmt: skip

ESP_SEAL = Stage(
    name="xenlinux-esp-seal",
    title="IPsec encrypts",
    source="linux 2.6.12 net/ipv4/xfrm4_output.c xfrm4_output; Xen bug 143",
    table=(
        Row(when(XenSkb, summed=HW), (), fill(TRANSPORT) + seal(), fresh(XenSkb), "CHECKSUM_HW: the sum is filled before the packet is encrypted"),
        Row(when(XenSkb), (), seal(), SAME, "only CHECKSUM_HW is asked for: a sum that csum_blank marks is encrypted open, and the mark stays on the outer packet"),
    ),
)  # fmt: skip

ESP_UNSEAL = Stage(
    name="xenlinux-esp-unseal",
    title="IPsec decrypts",
    source="linux 2.6.12 net/ipv4/esp4.c esp_input",
    table=(
        Row(when(XenSkb), (), UNSEAL, fresh(XenSkb), "nothing is known of the inner sums", sure="memory"),
    ),
)  # fmt: skip
