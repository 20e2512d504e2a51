"""What can be hooked in on a packet's way, as tables: XDP programs, the CHECKSUM target, programs that read a packet socket, frontends
that say of every packet the same."""

from __future__ import annotations

from csumlab.stage import ABSENT_TRANSPORT, ACCEPT, ANY, KEEP, REJECT, SAME, Row, Selector, Stage, fill, fresh, knob, right, when
from csumlab.state import Bare, Ring, Skb, Summed

XDP_PASS = Stage(
    name="xdp-pass",
    title="XDP program passes",
    source="linux 6.1 drivers/net/virtio_net.c receive_small, receive_mergeable (keep zeroed vnet hdr since XDP is loaded)",
    table=(
        Row(when(Skb), (), KEEP, fresh(Skb), "behind an XDP program the driver does not read the header: what it said is lost"),
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

XDP_GENERIC_REDIRECT = Stage(
    name="xdp-generic-redirect",
    title="generic XDP program redirects",
    source="linux 6.1 net/core/dev.c generic_xdp_tx; net/core/filter.c xdp_do_generic_redirect",
    table=(
        Row(when(Skb), (), KEEP, SAME, "the socket buffer goes on with what it carries; transmit feature resolution is passed by, whatever the device can do", sure="observed"),
    ),
)  # fmt: skip

CHECKSUM_TARGET = Stage(
    name="checksum-target",
    title="CHECKSUM target",
    source="linux 6.1 net/netfilter/xt_CHECKSUM.c checksum_tg (iptables -t mangle -A POSTROUTING -o DEVICE -p udp -j CHECKSUM --checksum-fill)",
    table=(
        Row(when(Skb, summed=Summed.PARTIAL), (), fill(Selector.AIMED), fresh(Skb), "the rule fills what is owed, so that a reader of packet sockets finds a finished sum", sure="observed"),
        Row(ANY, (), KEEP, SAME, "nothing is owed"),
    ),
)  # fmt: skip

PACKET_READER = Stage(
    name="packet-reader",
    title="packet socket",
    source="linux 6.1 net/packet/af_packet.c packet_recvmsg; a program that sums UDP itself, as DHCP clients do (ISC dhcp common/packet.c decode_udp_ip_header)",
    table=(
        Row(ANY, (ABSENT_TRANSPORT,), ACCEPT, fresh(Bare), "there is no UDP checksum to check"),
        Row(when(Skb, summed=Summed.PARTIAL), (knob("packet-auxdata"),), ACCEPT, SAME, "TP_STATUS_CSUMNOTREADY tells the program that the sum is still owed", sure="observed"),
        Row(ANY, (right(Selector.TRANSPORT),), ACCEPT, fresh(Bare), "the program sums the bytes itself: right"),
        Row(ANY, (), REJECT, fresh(Bare), "the program sums the bytes itself: wrong; it does not ask whether the sum is still owed"),
    ),
)  # fmt: skip

FRONTEND_CLAIMS = Stage(
    name="frontend-claims",
    title="the guest's own flags",
    source="xen/include/public/io/netif.h NETTXF_csum_blank, NETTXF_data_validated: a guest may set what it likes",
    table=(
        Row(when(Ring), (knob("claims-owed"),), KEEP, fresh(Ring, blank=True, validated=True), "this guest says of every packet that its sum is still owed (csum_blank)"),
        Row(when(Ring), (knob("claims-verified"),), KEEP, fresh(Ring, validated=True), "this guest says of every packet that its sum is verified (data_validated)", vouches=True),
        Row(when(Ring), (), KEEP, fresh(Ring), "this guest sets no flag of any packet, whatever its sum holds"),
    ),
)  # fmt: skip
