"""What puts packets into other packets and takes them out again, as tables: tunnels, encryption, VLAN tags, user-space VPN programs.

One table encapsulates for every tunnel that leaves the inner packet readable: which headers it pushes is the topology's
(topology/carrying.py), which sum the outermost of them gets is the same rule for UDP and GRE (Linux net/ipv4/udp.c udp_set_csum,
net/ipv4/ip_gre.c gre_build_header).
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    AIMED_AT_TRANSPORT,
    BUNDLED,
    LONG,
    REMOTE,
    SEGMENTED,
    aimed_at,
    came_marked,
    carries,
    is_marked,
    knob,
)
from csumlab.headers import Kind
from csumlab.operations import (
    CONVERT,
    DROP,
    KEEP,
    POP,
    TAG,
    TRIM,
    UNSEAL,
    UNTAG,
    WRAP,
    Coverage,
    Follows,
    Rule,
    Selector,
    carry,
    compute,
    fill,
    mark,
    push,
    seal,
    translate,
    unwrap,
)
from csumlab.outer import OuterSum
from csumlab.stage import (
    ANY,
    SAME,
    Mended,
    Row,
    Stage,
    Token,
    changed,
    differing,
    fresh,
    when,
)
from csumlab.stages.patterns import COMPLETE, OWED, PARTIAL, UNNECESSARY
from csumlab.state import Bare, Skb, Summed

_AIMED = fill(Selector.AIMED)
_OUTER_OWED = fresh(Skb, summed=PARTIAL, start=Token.AT_TRANSPORT)
_ALL_LEVELS = fresh(Skb, summed=UNNECESSARY, level=3)

ENCAPSULATE = Stage(
    name="encapsulate",
    title="tunnel encapsulation",
    source="linux 6.1 net/ipv4/udp.c udp_set_csum; net/ipv4/ip_gre.c gre_build_header; include/linux/skbuff.h lco_csum; net/ipv4/ip_tunnel_core.c iptunnel_handle_offloads",
    table=(
        Row(OWED, (knob("encap-remcsum"), knob("outer-checksum")), push(OuterSum.PSEUDO, remote=True), _OUTER_OWED, "GUE leaves the inner sum to the far end (remote checksum offload); the outer one is left to whoever transmits it", source="linux 6.1 net/ipv4/fou_core.c __gue_build_header"),
        Row(OWED, (knob("encap-remcsum"),), push(OuterSum.NONE, remote=True), fresh(Skb), "GUE leaves the inner sum to the far end (remote checksum offload), and there is no outer sum", source="linux 6.1 net/ipv4/fou_core.c __gue_build_header"),
        Row(OWED, (knob("remcsumtx"), aimed_at(Kind.TCP, Kind.UDP), knob("outer-checksum")), push(OuterSum.PSEUDO, remote=True), _OUTER_OWED, "VXLAN leaves the inner sum of TCP or UDP to the far end (remote checksum offload); the outer one is left to whoever transmits it", source="linux 6.1 drivers/net/vxlan/vxlan_core.c vxlan_build_skb"),
        Row(OWED, (knob("remcsumtx"), aimed_at(Kind.TCP, Kind.UDP)), push(OuterSum.NONE, remote=True), fresh(Skb), "VXLAN leaves the inner sum of TCP or UDP to the far end (remote checksum offload), and there is no outer sum", source="linux 6.1 drivers/net/vxlan/vxlan_core.c vxlan_build_skb"),
        Row(OWED, (knob("outer-checksum"), LONG), push(OuterSum.PSEUDO), changed(encapsulation=True), "a super-frame: the outer field gets the pseudo-header's sum, and each segment a sum of its own when it is cut", sure="observed"),
        Row(OWED, (knob("outer-checksum"),), push(OuterSum.LCO), changed(encapsulation=True), "the outer sum is written for the inner sum as it will be once filled (local checksum offload)"),
        Row(OWED, (), push(OuterSum.NONE), changed(encapsulation=True), "no outer sum; the inner one is still owed"),
        Row(when(Skb), (knob("outer-checksum"),), push(OuterSum.PSEUDO), _OUTER_OWED, "the outer sum is left to whoever transmits it; what was known of the inner one is forgotten"),
        Row(when(Skb), (), push(OuterSum.NONE), fresh(Skb), "no outer sum; what was known of the inner one is forgotten"),
    ),
)  # fmt: skip

_ECN = "linux 6.1 include/net/inet_ecn.h __INET_ECN_decapsulate, INET_ECN_decapsulate, IP_ECN_set_ce, IP6_ECN_set_ce; RFC 6040 section 4.2"
_CE = (
    Row(ANY, (came_marked("CE"), is_marked("not ECT")), DROP, SAME, "somebody on the tunnel's way marked congestion (CE), and who sent what is in it does not know such marks: it is dropped", sure="observed"),
    Row(ANY, (came_marked("CE"),), mark("CE"), SAME, "the packet is marked with congestion as the outer one was; the IPv4 header sum is updated by the difference", sure="observed"),
)  # fmt: skip
_UNMARKED = Row(ANY, (), KEEP, SAME, "no mark is put in from the outer packet")
DECAPSULATE_ECN = Stage(
    name="decapsulate-ecn",
    title="tunnel decapsulation, ECN marks",
    source=_ECN,
    table=(
        *_CE,
        Row(ANY, (came_marked("ECT(1)"), is_marked("ECT(0)")), mark("ECT(1)"), SAME, "the packet's ECT(0) becomes ECT(1) as the outer one's; the IPv4 header sum is updated by the difference", source="linux 6.1 include/net/inet_ecn.h IP_ECN_set_ect1, IP6_ECN_set_ect1", sure="observed"),
        _UNMARKED,
    ),
)  # fmt: skip
DECAPSULATE_ECN_5_9 = Stage(
    name="decapsulate-ecn-5.9",
    title="tunnel decapsulation, ECN marks",
    source=_ECN,
    table=(
        *_CE,
        Row(ANY, (came_marked("ECT(1)"), is_marked("ECT(0)")), mark("ECT(1)", Rule.SWAPPED), SAME, "the packet's ECT(0) becomes ECT(1) as the outer one's; one is added to the IPv4 header sum in the order in which a little-endian machine counts", source="linux 5.9 include/net/inet_ecn.h IP_ECN_set_ect1 (b723748750ec, 5.8; mended in 5.9.13)", mended=Mended("Linux 5.9.13")),
        _UNMARKED,
    ),
)  # fmt: skip
DECAPSULATE_ECN_5_7 = Stage(
    name="decapsulate-ecn-5.7",
    title="tunnel decapsulation, ECN marks",
    source="linux 5.7 include/net/inet_ecn.h __INET_ECN_decapsulate: ECT(1) is not handed on before b723748750ec",
    table=(*_CE, _UNMARKED),
)

DECAPSULATE_ECN_4_4 = Stage(
    name="decapsulate-ecn-4.4",
    title="tunnel decapsulation, ECN marks",
    source="linux 4.4 include/net/inet_ecn.h IP6_ECN_set_ce; mended in 4.5, and later stable kernels (IP6_ECN_set_ce takes the packet and updates its sum)",
    table=(
        _CE[0],
        Row(when(Skb, summed=COMPLETE), (came_marked("CE"),), mark("CE", follows=Follows.NOTHING), SAME, "the packet is marked with congestion as the outer one was; the IPv4 header sum is updated by the difference, but IPv6 has none to make up for it, and the sum of the packet stays what it was", mended=Mended("Linux 4.5", stable="later stable kernels")),
        _CE[1],
        _UNMARKED,
    ),
)  # fmt: skip

DECAPSULATE = Stage(
    name="decapsulate",
    title="tunnel decapsulation",
    source="linux 6.1 include/linux/skbuff.h skb_postpull_rcsum, __skb_checksum_convert; net/ipv4/udp.c udp_queue_rcv_one_skb",
    table=(
        Row(ANY, (REMOTE, ~knob("remcsumrx")), DROP, SAME, "the tunnel's header leaves the inner sum to this end, which was not told to compute it (remcsumrx)", source="linux 6.1 drivers/net/vxlan/vxlan_core.c vxlan_rcv (unparsed flags)"),
        Row(when(Skb), (REMOTE,), POP, fresh(Skb, summed=PARTIAL, start=Token.AS_TUNNEL_SAYS), "the tunnel's header says where the inner sum is owed: it is owed here now, and counts as verified", source="linux 6.1 include/linux/skbuff.h skb_remcsum_process, skb_remcsum_adjust_partial"),
        Row(OWED, (BUNDLED,), DROP, SAME, "several datagrams were merged on the way here, and the tunnel takes them for one: all but the first are lost", source="linux before 3d010c8031e3 (6.9) net/ipv4/udp.c udp_unexpected_gso"),
        Row(OWED, (AIMED_AT_TRANSPORT,), POP, fresh(Skb), "csum_start lies in the header that is taken off: nothing is known of the inner sums"),
        Row(OWED, (), POP, changed(encapsulation=False), "what is owed inside stays owed, and counts as verified here"),
        Row(when(Skb, summed=UNNECESSARY), (), POP, SAME, "the levels that are left speak of the inner headers"),
        Row(when(Skb, summed=COMPLETE), (), POP, SAME, "what is taken off is taken off the sum that is carried: the inner sum can be verified for free"),
        Row(when(Skb), (ABSENT_TRANSPORT,), POP, fresh(Skb), "no outer sum: nothing is known of the inner one"),
        Row(when(Skb), (~carries(Kind.UDP, Kind.GRE),), POP, SAME, "the outer header has no checksum: what was known stays known"),
        Row(when(Skb), (), CONVERT + POP, fresh(Skb, summed=COMPLETE), "the outer sum counts as right, which gives the sum of the inner packet: it can be verified for free"),
    ),
)  # fmt: skip

L2TP_DECAPSULATE = Stage(
    name="l2tp-decapsulate",
    title="L2TP decapsulation",
    source="linux 6.1 net/l2tp/l2tp_eth.c l2tp_eth_dev_recv",
    table=(
        Row(when(Skb), (), POP, fresh(Skb), "the Ethernet frame comes out with CHECKSUM_NONE, whatever was known or owed"),
    ),
)  # fmt: skip

WIREGUARD_SEAL = Stage(
    name="wireguard-seal",
    title="WireGuard encrypts",
    source="linux 6.1 drivers/net/wireguard/send.c encrypt_packet; drivers/net/wireguard/socket.c send4; net/ipv4/udp_tunnel_core.c udp_tunnel_xmit_skb",
    table=(
        Row(OWED, (), _AIMED + seal(OuterSum.PSEUDO), _OUTER_OWED, "the inner sum is filled before the packet is encrypted; the outer one is left to whoever transmits it"),
        Row(when(Skb), (), seal(OuterSum.PSEUDO), _OUTER_OWED, "encrypted as it is, wrong sums too; the outer sum is left to whoever transmits it"),
    ),
)  # fmt: skip

WIREGUARD_UNSEAL = Stage(
    name="wireguard-unseal",
    title="WireGuard decrypts",
    source="linux 6.1 drivers/net/wireguard/receive.c wg_packet_consume_data_done",
    table=(
        Row(when(Skb), (), UNSEAL + TRIM, _ALL_LEVELS, "nobody changed the packet since the peer encrypted it, and all its sums are marked as verified for that: what was wrong before passes too; what follows the IP packet is cut off, padding too", vouches=True),
    ),
)  # fmt: skip

OVPN_UNSEAL = Stage(
    name="ovpn-unseal",
    title="OpenVPN in the kernel decrypts",
    source="linux 6.16 drivers/net/ovpn/io.c ovpn_netdev_write",
    table=(
        Row(when(Skb), (knob("dco-trusts"),), UNSEAL, _ALL_LEVELS, "all its sums are marked as verified, as WireGuard does it", vouches=True, source="ovpn-dco 0.2 drivers/net/ovpn-dco/ovpn.c tun_netdev_write"),
        Row(when(Skb), (), UNSEAL, fresh(Skb), "the packet may have been wrong before it was encrypted: nothing is taken as known"),
    ),
)  # fmt: skip

_ESP6 = "linux 6.1 net/ipv6/esp6.c esp_output_encap_csum; RFC 8200 section 8.1"
ESP_SEAL = Stage(
    name="esp-seal",
    title="IPsec encrypts",
    source="linux 6.1 net/xfrm/xfrm_output.c xfrm_output; net/ipv4/esp4.c esp_output_udp_encap",
    table=(
        Row(OWED, (SEGMENTED, knob("esp-offload")), seal(), fresh(Skb), "what was cut here was to be filled by then, and nobody asks again: encrypted unfilled", source="linux 6.1 net/xfrm/xfrm_device.c validate_xmit_xfrm; net/ipv4/esp4_offload.c esp_xmit", sure="derived"),
        Row(OWED, (knob("outer-checksum"),), (*_AIMED, *seal(OuterSum.PSEUDO), *compute(Selector.TRANSPORT)), fresh(Skb), "the inner sum is filled before the packet is encrypted; over IPv6 the outer UDP header needs a sum, which is made over the ciphertext", source=_ESP6),
        Row(when(Skb), (knob("outer-checksum"),), (*seal(OuterSum.PSEUDO), *compute(Selector.TRANSPORT)), fresh(Skb), "encrypted as it is, wrong sums too; over IPv6 the outer UDP header needs a sum, which is made over the ciphertext", source=_ESP6),
        Row(OWED, (), _AIMED + seal(), fresh(Skb), "the inner sum is filled before the packet is encrypted; the outer UDP header, if there is one, has no sum"),
        Row(when(Skb), (), seal(), fresh(Skb), "encrypted as it is, wrong sums too; the outer UDP header, if there is one, has no sum"),
    ),
)  # fmt: skip

ESP_UNSEAL = Stage(
    name="esp-unseal",
    title="IPsec decrypts",
    source="linux 6.1 net/ipv4/esp4.c esp_input, esp_input_done2",
    table=(
        Row(when(Skb), (knob("transport"), carries(Kind.UDP)), UNSEAL + translate(Rule.LEAVE, Rule.LEAVE), fresh(Skb, summed=UNNECESSARY), "NAT may have changed the addresses that the inner sum covers, so it is marked as verified: it is not looked at", vouches=True, source="linux 6.1 net/ipv4/esp4.c esp_input_done2; RFC 3948 section 3.1.2"),
        Row(when(Skb), (knob("transport"),), UNSEAL + translate(Rule.LEAVE, Rule.LEAVE), fresh(Skb), "nothing is known of the inner sum, which stands behind the outer addresses again"),
        Row(when(Skb), (), UNSEAL, fresh(Skb), "nothing is known of the inner sums"),
    ),
)  # fmt: skip

VLAN_TAG = Stage(
    name="vlan-tag",
    title="VLAN device sends",
    source="linux 6.1 net/8021q/vlan_dev.c vlan_dev_hard_start_xmit",
    table=(
        Row(ANY, (), TAG, SAME, "the tag is put on, what is owed stays owed; whether the device below can do that for tagged frames is asked there"),
    ),
)  # fmt: skip

VLAN_UNTAG = Stage(
    name="vlan-untag",
    title="VLAN device receives",
    source="linux 6.1 net/8021q/vlan_core.c vlan_do_receive",
    table=(
        Row(ANY, (), UNTAG, SAME, "the tag is taken off; what is known or owed is about what follows it"),
    ),
)  # fmt: skip

MACSEC_SEAL = Stage(
    name="macsec-seal",
    title="MACsec encrypts",
    source="linux 6.1 drivers/net/macsec.c macsec_start_xmit, macsec_encrypt",
    table=(
        Row(when(Skb), (), seal(), fresh(Skb), "encrypted as it is, wrong sums too; the device offers no help with sums, so that none is owed here"),
    ),
)  # fmt: skip

MACSEC_UNSEAL = Stage(
    name="macsec-unseal",
    title="MACsec decrypts",
    source="linux 6.1 drivers/net/macsec.c macsec_reset_skb",
    table=(
        Row(when(Skb), (), UNSEAL, fresh(Skb), "nothing is known of the sums inside"),
    ),
)  # fmt: skip

MACSEC_UNSEAL_5_2 = differing(
    MACSEC_UNSEAL,
    "macsec-unseal-5.2",
    "linux 5.2 drivers/net/macsec.c macsec_finalize_skb; mended by linux commit 7d8b16b9facb",
    {},
    before={1: Row(when(Skb, summed=Summed.COMPLETE), (), (*UNSEAL, *carry(Coverage.OTHER)), SAME, "decrypted; the card's sum of the encrypted frame is kept as if it were of what was inside", mended=Mended("Linux 5.3", "7d8b16b9facb", "Linux 5.1.21 and 5.2.4"))},
)  # fmt: skip

PPPOE_SEND = Stage(
    name="pppoe-send",
    title="PPPoE sends",
    source="linux 6.1 drivers/net/ppp/ppp_generic.c ppp_setup, ppp_start_xmit; drivers/net/ppp/pppoe.c __pppoe_xmit",
    table=(
        Row(when(Skb), (), WRAP, SAME, "two headers are put before the packet; the PPP device offers no help with sums, so that none is owed here"),
    ),
)  # fmt: skip

PPPOE_RECEIVE = Stage(
    name="pppoe-receive",
    title="PPPoE receives",
    source="linux 6.1 drivers/net/ppp/pppoe.c pppoe_rcv; drivers/net/ppp/ppp_generic.c ppp_receive_nonmp_frame (skb_pull_rcsum)",
    table=(
        Row(when(Skb), (), (*unwrap(), *unwrap(), *TRIM), SAME, "both headers are taken off, and off the sum of the packet; what the session's length leaves out is cut off"),
    ),
)  # fmt: skip

PPPOE_RECEIVE_2_6_15 = Stage(
    name="pppoe-receive-2.6.15",
    title="PPPoE receives",
    source="linux 2.6.15 drivers/net/ppp_generic.c ppp_receive_nonmp_frame (skb_pull); mended in 2.6.16, linux-kernel 2006-02-07, [PPP]: Fixed hardware RX checksum handling",
    table=(
        Row(when(Skb), (), (*unwrap(), *unwrap(Follows.NOTHING), *TRIM), SAME, "both headers are taken off, but the sum of the packet still counts that of PPP", mended=Mended("Linux 2.6.16")),
    ),
)  # fmt: skip

TUN_READ = Stage(
    name="tun-read",
    title="tun device to a program",
    source="linux 6.1 drivers/net/tun.c tun_put_user",
    table=(
        Row(OWED, (knob("vnet-hdr"),), fill(Selector.AIMED), fresh(Bare), "the virtio_net_hdr says NEEDS_CSUM, and the program sums before it goes on", source="linux 6.1 drivers/net/tun.c tun_put_user; wireguard-go tun/offload_linux.go handleVirtioRead", sure="observed"),
        Row(ANY, (), KEEP, fresh(Bare), "the program reads bytes; nothing tells it of a sum that is still owed"),
    ),
)  # fmt: skip

VPN_SEAL = Stage(
    name="vpn-seal",
    title="VPN program encrypts",
    source="any user-space VPN: the inner packet is payload (RFC 768 sum of the outer packet apart)",
    table=(
        Row(when(Bare), (), seal(OuterSum.SOCKET), SAME, "the packet is encrypted as it is and leaves in a UDP packet of the program"),
    ),
)  # fmt: skip

VPN_UNSEAL = Stage(
    name="vpn-unseal",
    title="VPN program decrypts",
    source="linux 6.1 drivers/net/tun.c tun_get_user (no IFF_VNET_HDR)",
    table=(
        Row(ANY, (), UNSEAL, fresh(Skb), "the program writes bytes to its tun device: nothing is known of their sums"),
    ),
)  # fmt: skip
