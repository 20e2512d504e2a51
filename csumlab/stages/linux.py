"""What Linux does to checksum state, as tables. Source: Linux 6.1 unless a row says otherwise.

Each stage is one kernel function a packet passes on its way; ``walk.py`` says which, in what order.
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    AIMED_AT_TRANSPORT,
    DONT_FRAGMENT,
    EDITS,
    ENCAPSULATED,
    EXCEEDS,
    EXTENSIONS,
    FRAGMENT,
    INVALID,
    LISTED,
    LONG,
    PIECE_EXCEEDS,
    QUOTES,
    REASSEMBLED,
    REMOTE,
    SEGMENTED,
    STACKED,
    TAGGED,
    TRAILER,
    TTL_EXPIRES,
    UNDIVIDED,
    agrees,
    aimed_at,
    carries,
    feature,
    headed,
    inside,
    knob,
    outer_version,
    passes,
    right,
    version,
    wrong,
)
from csumlab.conditions import TUNNEL as HOLDS_TUNNEL
from csumlab.headers import KINDS, Kind, Layer
from csumlab.operations import (
    ACCEPT,
    BUNDLE,
    CUT,
    DECREMENT_TTL,
    DROP,
    KEEP,
    MERGE,
    REJECT,
    TRANSLATE_QUOTE,
    TRIM,
    Rule,
    Selector,
    carry,
    compute,
    fill,
    respell,
    segment,
    translate,
    write_pseudo,
    write_zero,
)
from csumlab.stage import (
    ANY,
    SAME,
    Mended,
    Part,
    Row,
    Stage,
    Token,
    changed,
    fresh,
    when,
)
from csumlab.stages.patterns import COMPLETE, NONE, OWED, PARTIAL, UNNECESSARY
from csumlab.state import Skb

TRANSPORT, AIMED, OUTER_IP = Selector.TRANSPORT, Selector.AIMED, Selector.OUTER_IP
WITH_CHECKSUM = tuple(kind for kind, rule in KINDS.items() if kind is not Kind.IPV4 and not rule.of_programs)
CHECKED_BY_CONNTRACK = (Kind.TCP, Kind.UDP, Kind.UDPLITE, Kind.DCCP, Kind.SCTP, Kind.ICMP, Kind.ICMPV6)
_SCTP_ERROR = "linux 6.1 net/netfilter/nf_conntrack_proto_sctp.c sctp_error"
TO_PARTIAL = fresh(Skb, summed=PARTIAL, start=Token.AT_TRANSPORT)
TO_INNER_PARTIAL = fresh(Skb, summed=PARTIAL, start=Token.AT_INNER, encapsulation=True)
TO_NONE = fresh(Skb)
TO_UNNECESSARY = fresh(Skb, summed=UNNECESSARY)

SCTP = "tx-checksum-sctp"
_CRC = when(Skb, summed=PARTIAL, crc=True)
_CRC_OWED = fresh(Skb, summed=PARTIAL, start=Token.AT_TRANSPORT, crc=True)
_CRC_HELP = "linux 6.1 net/core/dev.c skb_csum_hwoffload_help, skb_crc32c_csum_help"

SENDER = Stage(
    name="sender",
    part=Part.SENDER,
    title="socket",
    source="linux 6.1 net/ipv4/tcp_output.c __tcp_transmit_skb; net/ipv4/udp.c udp_send_skb; net/ipv4/ip_output.c __ip_append_data",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, TO_NONE, "a fragmented datagram is summed in software over all fragments"),
        Row(ANY, (carries(Kind.TCP),), write_pseudo(TRANSPORT), TO_PARTIAL, "TCP always leaves the sum to whoever transmits it and writes the pseudo-header sum"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, TO_NONE, "the program asked for no UDP checksum"),
        Row(ANY, (carries(Kind.UDP), EXCEEDS), compute(TRANSPORT), TO_NONE, "a datagram that will be cut into fragments is summed in software while it is sent"),
        Row(ANY, (carries(Kind.UDP), feature("tx-checksum-ip-generic")), write_pseudo(TRANSPORT), TO_PARTIAL, "the route's device can sum: UDP writes the pseudo-header sum only"),
        Row(ANY, (carries(Kind.UDP), version(4), feature("tx-checksum-ipv4")), write_pseudo(TRANSPORT), TO_PARTIAL, "the route's device can sum UDP over IPv4: the pseudo-header sum only"),
        Row(ANY, (carries(Kind.UDP), version(6), feature("tx-checksum-ipv6")), write_pseudo(TRANSPORT), TO_PARTIAL, "the route's device can sum UDP over IPv6: the pseudo-header sum only"),
        Row(ANY, (carries(Kind.UDP), knob("udp-segment")), DROP, SAME, "the program asks for segmentation, which needs a device that sums: the datagram is refused (EIO)", source="linux 6.1 net/ipv4/udp.c udp_send_skb (cork->gso_size)"),
        Row(ANY, (carries(Kind.SCTP), LONG), write_zero(TRANSPORT), _CRC_OWED, "a super-frame: the CRC of each packet is made when it is cut, whatever the route's device makes", source="linux 6.1 net/sctp/output.c sctp_packet_pack (gso)"),
        Row(ANY, (carries(Kind.SCTP), knob("ipsec")), compute(TRANSPORT), TO_NONE, "the packet will be encrypted, where no device reaches it: the CRC is made in software", source="linux 6.1 net/sctp/output.c sctp_packet_pack (dst_xfrm)"),
        Row(ANY, (carries(Kind.SCTP), feature(SCTP)), write_zero(TRANSPORT), _CRC_OWED, "the route's device makes CRCs: SCTP leaves a blank field to it", source="linux 6.1 net/sctp/output.c sctp_packet_pack"),
        Row(ANY, (), compute(TRANSPORT), TO_NONE, "the kernel sums this in software while it sends"),
    ),
)  # fmt: skip

_TWO_TAGS = "linux 6.1 include/linux/if_vlan.h vlan_features_check, net/core/dev.c dflt_features_check; since commit 35d2f80b07bb (4.12)"
_BEHIND = "linux commit 864e3396976e (6.17, and stable kernels) net/core/dev.c gso_features_check"
EGRESS = Stage(
    name="egress",
    title="transmit feature resolution",
    source="linux 6.1 net/core/dev.c validate_xmit_skb, skb_csum_hwoffload_help, netif_skb_features",
    table=(
        Row(_CRC, (LONG,), KEEP, SAME, "a super-frame: the CRC of each packet is made when it is cut", source="linux 6.1 net/core/dev.c skb_crc32c_csum_help (skb_is_gso)"),
        Row(_CRC, (TAGGED, ~feature("vlan-checksum")), fill(AIMED, crc=True), TO_NONE, "the device offers no help for tagged frames: the kernel makes the CRC", source=_CRC_HELP),
        Row(_CRC, (feature(SCTP),), KEEP, SAME, f"{SCTP} is on: the CRC is left to the device", source=_CRC_HELP),
        Row(_CRC, (), fill(AIMED, crc=True), TO_NONE, "the device makes no CRC, whatever sums it offers: the kernel makes it", source=_CRC_HELP),
        Row(OWED, (ENCAPSULATED, ~feature("hw-enc-checksum")), fill(AIMED), TO_NONE, "the device offers no checksum help for encapsulated packets: the kernel fills the inner sum"),
        Row(OWED, (TAGGED, ~feature("vlan-checksum")), fill(AIMED), TO_NONE, "the device offers no checksum help for tagged frames: the kernel fills"),
        Row(OWED, (STACKED, ~feature("tx-checksum-ip-generic")), fill(AIMED), TO_NONE, "of frames with two tags a sum is left only to a device that sums anything (tx-checksum-ip-generic): the kernel fills", source=_TWO_TAGS),
        Row(OWED, (feature("tx-checksum-ip-generic"),), KEEP, SAME, "tx-checksum-ip-generic is on: the fill is left to the device"),
        Row(OWED, (feature("tx-checksum-ipv4"), version(4), aimed_at(Kind.TCP, Kind.UDP)), KEEP, SAME, "tx-checksum-ipv4 is on: the fill is left to the device"),
        Row(OWED, (feature("tx-checksum-ipv6"), version(6), ~EXTENSIONS, aimed_at(Kind.TCP, Kind.UDP)), KEEP, SAME, "tx-checksum-ipv6 is on: the fill is left to the device"),
        Row(OWED, (LONG, feature("tx-checksum-ipv6"), version(6), EXTENSIONS), (*segment(AIMED), *fill(AIMED)), TO_NONE, "behind IPv6 extension headers none is left to be cut by a device that offers tx-checksum-ipv6 only: the kernel cuts the super-frame and fills the segments", source=_BEHIND),
        Row(OWED, (), fill(AIMED), TO_NONE, "the device does not sum this: the kernel fills it in software"),
        Row(when(Skb, summed=(NONE, UNNECESSARY, COMPLETE)), (), KEEP, SAME, "nothing is owed"),
    ),
)  # fmt: skip

TSO4, TSO6, USO = "tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-udp-segmentation"
SCTP_CUTS = "tx-sctp-segmentation"
UFO = "tx-udp-fragmentation"
_GRE_CUTS = "linux 6.1 net/ipv4/gre_offload.c gre_gso_segment (need_recompute_csum), net/sctp/offload.c sctp_gso_segment"
TUNNEL, TUNNEL_SUMS = "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation"
UDP_TUNNEL = "linux 6.1 net/ipv4/udp_offload.c __skb_udp_tunnel_segment; include/linux/skbuff.h gso_make_checksum"
UNFLAGGED = "linux 6.1 include/linux/virtio_net.h virtio_net_hdr_to_skb takes it; Virtio 1.2 section 5.1.6.2.1 forbids it"
REGENERATE = "linux 6.1 net/ipv4/tcp_offload.c tcp4_gso_segment, tcp_gso_segment; net/ipv6/tcpv6_offload.c tcp6_gso_segment"
SEGMENTATION = Stage(
    name="segmentation",
    title="segmentation",
    source="linux 6.1 net/core/dev.c validate_xmit_skb, include/linux/netdevice.h netif_needs_gso; net/ipv4/tcp_offload.c tcp_gso_segment",
    table=(
        Row(ANY, (knob("gso-unflagged"),), KEEP, SAME, "the driver of this guest hands super-frames to the host as they are", source=UNFLAGGED, sure="observed"),
        Row(ANY, (knob("claims-nothing"),), KEEP, SAME, "the driver of this guest hands super-frames to the ring as they are", source="a frontend that sets no flag; linux 6.1 drivers/net/xen-netback/netback.c checksum_setup", sure="derived"),
        Row(when(Skb), (UNDIVIDED,), (*compute(TRANSPORT), *CUT), TO_UNNECESSARY, "one datagram in a super-frame, which the device does not take: the kernel makes its sum anew over all of it, whatever stood in the field, and cuts it into fragments, which count as verified", source="linux 6.1 net/ipv4/udp_offload.c udp4_ufo_fragment; net/ipv6/udp_offload.c udp6_ufo_fragment", sure="observed"),
        Row(OWED, (knob("esp-offload"), ENCAPSULATED, carries(Kind.UDP), ~ABSENT_TRANSPORT, feature("tx-checksum-ip-generic")), (*segment(AIMED), *fill(AIMED), *write_pseudo(TRANSPORT)), TO_PARTIAL, "the kernel cuts the inner packet just before it encrypts it, and leaves the outer sums to the device, as nothing tells any more that they will be encrypted", source="linux 6.1 net/ipv4/udp_offload.c __skb_udp_tunnel_segment (need_ipsec looks at the route, which is dropped by then); mended by 1118aaa3b351", mended=Mended("Linux 6.15", "1118aaa3b351")),
        Row(OWED, (knob("esp-offload"),), (*segment(AIMED), *fill(AIMED)), TO_NONE, "the kernel cuts the super-frame just before it encrypts it, and fills every sum", source="linux 6.1 net/ipv4/esp4_offload.c esp4_gso_segment (esp_features)"),
        Row(_CRC, (feature(SCTP_CUTS),), KEEP, SAME, f"{SCTP_CUTS} is on: whoever the device hands the super-frame to cuts it", source=_GRE_CUTS),
        Row(_CRC, (ENCAPSULATED, carries(Kind.GRE)), (*segment(AIMED), *fill(AIMED, crc=True), *compute(TRANSPORT)), TO_NONE, "the kernel cuts the super-frame, makes the CRC of each packet and GRE's sum anew around it", source=_GRE_CUTS),
        Row(OWED, (STACKED, ~feature("tx-checksum-ip-generic")), segment(AIMED), SAME, "of frames with two tags none is left to the device to be cut: the kernel cuts the super-frame", source=_TWO_TAGS),
        Row(OWED, (~ENCAPSULATED, carries(Kind.TCP), outer_version(4), feature(TSO4)), KEEP, SAME, f"{TSO4} is on: the device cuts the super-frame"),
        Row(OWED, (~ENCAPSULATED, carries(Kind.TCP), outer_version(6), feature(TSO6)), KEEP, SAME, f"{TSO6} is on: the device cuts the super-frame"),
        Row(OWED, (~ENCAPSULATED, carries(Kind.UDP), feature(USO)), KEEP, SAME, f"{USO} is on: the device cuts the super-frame into datagrams"),
        Row(OWED, (ENCAPSULATED, feature("hw-enc-checksum"), carries(Kind.UDP), ABSENT_TRANSPORT, feature(TUNNEL)), KEEP, SAME, f"{TUNNEL} is on: the device cuts what is inside the tunnel"),
        Row(OWED, (ENCAPSULATED, feature("hw-enc-checksum"), carries(Kind.UDP), ~ABSENT_TRANSPORT, feature(TUNNEL_SUMS)), KEEP, SAME, f"{TUNNEL_SUMS} is on: the device cuts what is inside the tunnel, and writes the outer sums"),
        Row(OWED, (ENCAPSULATED, ~feature("hw-enc-checksum"), carries(Kind.UDP, Kind.GRE), ~ABSENT_TRANSPORT, feature("tx-checksum-ip-generic")), (*segment(AIMED), *fill(AIMED), *write_pseudo(TRANSPORT)), TO_PARTIAL, "the kernel cuts the inner packet and fills the inner sums, and leaves the outer ones to the device", source=UDP_TUNNEL),
        Row(OWED, (), segment(AIMED), SAME, "the kernel cuts the super-frame; every segment's sum is owed from what the super-frame's field held, with the segment's length"),
        Row(when(Skb), (ENCAPSULATED, carries(Kind.UDP), feature("hw-enc-checksum"), feature(TUNNEL_SUMS)), write_pseudo(Selector.INNER), TO_INNER_PARTIAL, "a tunnel's super-frame whose sum is not owed: the kernel makes the inner one anew as the pseudo-header's, and the device cuts, with what stood in the outer field", source=f"{UDP_TUNNEL}; {REGENERATE}", sure="derived"),
        Row(when(Skb), (ENCAPSULATED, carries(Kind.UDP)), (*write_pseudo(Selector.INNER), *segment(Selector.INNER)), TO_INNER_PARTIAL, "a tunnel's super-frame whose sum is not owed: the inner sums of the segments are made anew, and the outer ones from what stood in the super-frame's field", source=f"{UDP_TUNNEL}; {REGENERATE}"),
        Row(when(Skb), (carries(Kind.TCP), outer_version(4), feature(TSO4)), write_pseudo(TRANSPORT), TO_PARTIAL, "a super-frame whose sum is not owed: the kernel makes it anew as the pseudo-header's, whatever stood in the field, and the device cuts and fills", source=REGENERATE, sure="observed"),
        Row(when(Skb), (carries(Kind.TCP), outer_version(6), feature(TSO6)), write_pseudo(TRANSPORT), TO_PARTIAL, "a super-frame whose sum is not owed: the kernel makes it anew as the pseudo-header's, whatever stood in the field, and the device cuts and fills", source=REGENERATE, sure="observed"),
        Row(when(Skb), (carries(Kind.TCP),), (*write_pseudo(TRANSPORT), *segment(TRANSPORT)), TO_PARTIAL, "a super-frame whose sum is not owed: the kernel cuts it and makes the sums of the segments anew, whatever stood in the field", source=REGENERATE, sure="observed"),
        Row(ANY, (), KEEP, SAME, "only TCP, and UDP whose sum is owed, are cut into segments"),
    ),
)  # fmt: skip

BRIDGE = Stage(
    name="bridge",
    title="bridge",
    source="linux 6.1 net/bridge/br_forward.c br_dev_queue_push_xmit; include/linux/skbuff.h skb_forward_csum",
    table=(
        Row(when(Skb, summed=COMPLETE), (), KEEP, changed(summed=NONE), "a sum of the whole packet is not carried on when a frame is forwarded"),
        Row(when(Skb, summed=(NONE, UNNECESSARY, PARTIAL)), (), KEEP, SAME, "a bridge looks at no checksum and keeps what it was told"),
    ),
)  # fmt: skip

BRIDGE_NETFILTER = Stage(
    name="bridge-netfilter",
    title="bridge netfilter",
    source="linux 6.1 net/bridge/br_netfilter_hooks.c br_nf_pre_routing, br_validate_ipv4; net/bridge/br_netfilter_ipv6.c br_validate_ipv6",
    table=(
        Row(ANY, (wrong(OUTER_IP),), DROP, SAME, "a bridged packet is checked as IP input would: the IPv4 header sum is wrong (InHdrErrors, InCsumErrors)"),
        Row(ANY, (), TRIM, SAME, "a bridged packet is checked as IP input would: the IPv4 header sum is right (IPv6 has none); what follows the packet is cut off"),
    ),
)  # fmt: skip

INPUT = Stage(
    name="input",
    part=Part.INPUT,
    title="IP input",
    source="linux 6.1 net/ipv4/ip_input.c ip_rcv_core; net/ipv6/ip6_input.c ip6_rcv_core",
    table=(
        Row(ANY, (wrong(OUTER_IP),), DROP, SAME, "the IPv4 header sum is checked in software every time and is wrong (InHdrErrors)"),
        Row(ANY, (), TRIM, SAME, "the IPv4 header sum is right (IPv6 has none); what follows the packet is cut off"),
    ),
)  # fmt: skip

CONNTRACK = Stage(
    name="conntrack",
    title="connection tracking",
    source="linux 6.1 net/netfilter/nf_conntrack_proto_tcp.c tcp_error, nf_conntrack_proto_udp.c udp_error; net/netfilter/utils.c nf_ip_checksum",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is held until its datagram is whole"),
        Row(ANY, (~carries(*CHECKED_BY_CONNTRACK),), KEEP, SAME, "no checksum that connection tracking knows"),
        Row(ANY, (~knob("net.netfilter.nf_conntrack_checksum"),), KEEP, SAME, "net.netfilter.nf_conntrack_checksum is 0: nothing is verified"),
        Row(OWED, (), KEEP, SAME, "a sum that is still to be computed is trusted"),
        Row(when(Skb, summed=UNNECESSARY), (), KEEP, SAME, "marked as verified: trusted"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "a zero UDP sum says that there is none"),
        Row(when(Skb, summed=COMPLETE), (carries(Kind.SCTP),), KEEP, SAME, "a device's sum of the packet says nothing of a CRC, and the CRC is checked only where nothing is known", source=_SCTP_ERROR),
        Row(when(Skb, summed=NONE), (carries(Kind.SCTP), right(TRANSPORT)), KEEP, changed(summed=UNNECESSARY, level=0), "the CRC was verified in software: marked as verified", source=_SCTP_ERROR),
        Row(when(Skb, summed=(NONE, COMPLETE)), (carries(Kind.UDPLITE),), KEEP, changed(invalid=True), "UDP-Lite is verified with UDP's number in the pseudo-header: a right sum is found wrong, the packet is INVALID and will not be translated", source="linux 6.1 net/netfilter/nf_conntrack_proto_udp.c udplite_error; net/netfilter/utils.c nf_ip_checksum_partial", sure="observed"),
        Row(when(Skb, summed=(NONE, COMPLETE)), (carries(Kind.DCCP), right(TRANSPORT)), KEEP, changed(summed=NONE), "verified in software over what the sum covers, which may be less than the packet: nothing is remembered", source="linux 6.1 net/netfilter/nf_conntrack_proto_dccp.c dccp_error; net/netfilter/utils.c nf_ip_checksum_partial"),
        Row(when(Skb, summed=COMPLETE), (agrees(TRANSPORT),), KEEP, changed(summed=UNNECESSARY, level=0), "verified from the sum that came with the packet: its bytes are not looked at"),
        Row(when(Skb, summed=(NONE, COMPLETE)), (right(TRANSPORT),), carry(), changed(summed=COMPLETE), "verified in software; the sum is remembered"),
        Row(when(Skb, summed=(NONE, COMPLETE)), (), KEEP, changed(invalid=True), "the sum is wrong: the packet is INVALID, is not dropped, and will not be translated"),
    ),
)  # fmt: skip

_QUOTED = "linux 6.1 net/netfilter/nf_nat_proto.c nf_nat_icmp_reply_translation, nf_nat_icmpv6_reply_translation"
_ANEW = (*TRANSLATE_QUOTE, *compute(TRANSPORT), *translate(Rule.FINAL, Rule.LEAVE))
_ERRORS = (
    Row(when(Skb, summed=(NONE, COMPLETE)), (QUOTES, wrong(TRANSPORT)), DROP, SAME, "an ICMP error about a connection is verified where addresses are translated, whatever nf_conntrack_checksum says; its sum is wrong, it is dropped", source=_QUOTED),
    Row(when(Skb, summed=COMPLETE), (QUOTES, ~EDITS), KEEP, changed(summed=UNNECESSARY, level=0), "an ICMP error, verified from the sum of the packet; there is nothing to translate here", source=_QUOTED, sure="observed"),
    Row(when(Skb, summed=NONE), (QUOTES, ~EDITS), KEEP, changed(summed=COMPLETE), "an ICMP error, verified in software; there is nothing to translate here", source=_QUOTED),
    Row(ANY, (QUOTES, ~EDITS), KEEP, SAME, "an ICMP error with nothing to translate here", source=_QUOTED),
    Row(OWED, (QUOTES,), (*TRANSLATE_QUOTE, *translate(Rule.PSEUDO, Rule.LEAVE)), SAME, "an ICMP error: the packet that it quotes is translated the other way round, and the fill to come will see it", source=_QUOTED),
    Row(when(Skb, summed=COMPLETE), (QUOTES,), _ANEW, changed(summed=UNNECESSARY, level=0), "an ICMP error, verified from the sum of the packet: what it quotes is translated the other way round, and its sum computed anew", source=_QUOTED, sure="observed"),
    Row(ANY, (QUOTES,), _ANEW, SAME, "an ICMP error, verified: what it quotes is translated the other way round, and its sum computed anew", source=_QUOTED),
)  # fmt: skip
_OF_SOME = (
    Row(when(Skb, summed=(NONE, UNNECESSARY, COMPLETE)), (carries(Kind.SCTP),), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(TRANSPORT)), changed(summed=NONE, level=0), "translated; SCTP's CRC is computed anew, whatever it was", source="linux 6.1 net/netfilter/nf_nat_proto.c sctp_manip_pkt"),
    Row(when(Skb, summed=(NONE, UNNECESSARY, COMPLETE)), (carries(Kind.ICMP),), (*translate(Rule.FINAL, Rule.FINAL), *respell(TRANSPORT)), SAME, "translated; the identifier is put in by the final rule although it stays, which spells a zero ffff as 0000", source="linux 6.1 net/netfilter/nf_nat_proto.c icmp_manip_pkt"),
)  # fmt: skip
_OF_NO_SUM = Row(ANY, (~carries(*WITH_CHECKSUM),), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; nf_nat knows no sum of what the packet carries: one that has the addresses in it, as that of VRRP version 3, becomes wrong", source="linux 6.1 net/netfilter/nf_nat_proto.c l4proto_manip_pkt; keepalived issue 1490", sure="observed")  # fmt: skip
_BY_SUMMED = (
    Row(OWED, (AIMED_AT_TRANSPORT,), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the pseudo-header sum follows the addresses, and the fill to come will see the ports"),
    Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the update looks only at ip_summed, so a finished outer sum is treated as if it held the pseudo-header sum, though what is owed is an inner one", sure="observed"),
    Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong"),
)  # fmt: skip

NAT = Stage(
    name="nat",
    part=Part.TRANSLATION,
    title="address translation",
    source="linux 6.1 net/netfilter/nf_nat_proto.c nf_nat_ipv4_manip_pkt, tcp_manip_pkt, udp_manip_pkt; net/core/utils.c inet_proto_csum_replace4",
    table=(
        Row(ANY, (INVALID,), KEEP, SAME, "an INVALID packet belongs to no connection and leaves untranslated"),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero", source="linux 5.7 net/netfilter/nf_nat_proto.c udp_manip_pkt"),
        *_ERRORS,
        *_OF_SOME,
        _OF_NO_SUM,
        *_BY_SUMMED,
    ),
)  # fmt: skip

NAT_5_6 = Stage(
    name="nat-5.6",
    part=Part.TRANSLATION,
    title="address translation",
    source="linux 5.6 net/netfilter/nf_nat_proto.c nf_nat_ipv4_manip_pkt, tcp_manip_pkt, udp_manip_pkt",
    table=(
        NAT.table[0],
        Row(OWED, (ABSENT_TRANSPORT,), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "a UDP sum is updated unless it is zero and nothing is owed: with an inner sum owed, an outer zero that says none becomes a number", source="linux 5.6 net/netfilter/nf_nat_proto.c udp_manip_pkt (mended by ea64d8d6c675)", mended=Mended("Linux 5.7", "ea64d8d6c675", "5.6.13, 5.4.41, 4.19.123 and 4.14.181")),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero"),
        *_ERRORS,
        *_OF_SOME,
        _OF_NO_SUM,
        *_BY_SUMMED,
    ),
)  # fmt: skip

FORWARD = Stage(
    name="forward",
    part=Part.FORWARD,
    title="IP forwarding",
    source="linux 6.1 net/ipv4/ip_forward.c ip_forward; net/ipv6/ip6_output.c ip6_forward",
    table=(
        Row(ANY, (TTL_EXPIRES,), DROP, SAME, "TTL or hop limit is used up: ICMP time exceeded goes back"),
        Row(ANY, (outer_version(4), EXCEEDS, DONT_FRAGMENT, ~REASSEMBLED), DROP, SAME, "longer than the MTU of the way out, and DF is set: ICMP fragmentation needed goes back", source="linux 6.1 net/ipv4/ip_forward.c ip_exceeds_mtu"),
        Row(ANY, (outer_version(6), EXCEEDS, ~REASSEMBLED), DROP, SAME, "longer than the MTU of the way out, and an IPv6 router cuts nothing: ICMPv6 packet too big goes back", source="linux 6.1 net/ipv6/ip6_output.c ip6_pkt_too_big; RFC 8200 section 5"),
        Row(ANY, (outer_version(6), REASSEMBLED, PIECE_EXCEEDS), DROP, SAME, "its longest fragment was longer than the MTU of the way out: ICMPv6 packet too big goes back", source="linux 6.1 net/ipv6/ip6_output.c ip6_pkt_too_big (frag_max_size)"),
        Row(when(Skb, summed=COMPLETE), (), DECREMENT_TTL, changed(summed=NONE), "forwarded; the IPv4 header sum follows the TTL; a sum of the whole packet is not carried on"),
        Row(when(Skb, summed=(NONE, UNNECESSARY, PARTIAL)), (), DECREMENT_TTL, SAME, "forwarded; the IPv4 header sum follows the TTL; nothing else is verified or changed"),
    ),
)  # fmt: skip

RECEIVE = Stage(
    name="receive",
    title="transport input",
    source="linux 6.1 include/linux/skbuff.h __skb_checksum_validate_needed; net/ipv4/tcp_ipv4.c tcp_v4_rcv; net/ipv4/udp.c udp_queue_rcv_one_skb; net/ipv4/icmp.c icmp_rcv; net/ipv4/igmp.c igmp_rcv",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment waits for the rest of its datagram"),
        Row(ANY, (~carries(*WITH_CHECKSUM),), ACCEPT, SAME, "the kernel verifies no checksum of this header: who takes it by a raw socket has to"),
        Row(ANY, (ABSENT_TRANSPORT, outer_version(6), ~knob("udp6zerocsumrx")), REJECT, SAME, "a zero UDP sum is not allowed over IPv6", source="linux 6.1 net/ipv6/udp.c udp6_csum_init; RFC 8200 section 8.1"),
        Row(OWED, (~aimed_at(Kind.IPV4),), ACCEPT, SAME, "CHECKSUM_PARTIAL counts as verified on local delivery: it never left the host"),
        Row(when(Skb, summed=UNNECESSARY, level=0), (), ACCEPT, changed(summed=NONE), "marked as verified: believed, not checked"),
        Row(when(Skb, summed=UNNECESSARY), (), ACCEPT, changed(level=Token.LEVEL_LESS_ONE), "marked as verified at this level: believed, not checked"),
        Row(when(Skb, summed=(NONE, COMPLETE, PARTIAL)), (ABSENT_TRANSPORT,), ACCEPT, SAME, "there is no UDP checksum to check"),
        Row(when(Skb, summed=COMPLETE), (agrees(TRANSPORT),), ACCEPT, SAME, "verified from the sum that came with the packet: its bytes are not looked at", source="linux 6.1 include/linux/skbuff.h __skb_checksum_validate_complete"),
        Row(when(Skb, summed=COMPLETE), (carries(Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6, Kind.GRE), right(TRANSPORT)), (*ACCEPT, *carry()), SAME, "the sum that came with the packet says wrong, the kernel's own says right: accepted, with 'hw csum failure' in the log", source="linux 6.1 net/core/datagram.c __skb_checksum_complete; net/core/dev.c netdev_rx_csum_fault (not for UDP, net/ipv4/udp.c udp4_csum_init)"),
        Row(when(Skb, summed=(NONE, COMPLETE, PARTIAL)), (right(TRANSPORT),), (*ACCEPT, *carry()), changed(summed=COMPLETE), "verified: the sum is right"),
        Row(when(Skb, summed=(NONE, COMPLETE, PARTIAL)), (), REJECT, SAME, "verified: the sum is wrong, the packet is dropped (InCsumErrors)"),
    ),
)  # fmt: skip

VETH = Stage(
    name="veth",
    title="veth pair",
    source="linux 6.1 drivers/net/veth.c veth_xmit; net/core/skbuff.c skb_scrub_packet, nf_reset_ct",
    table=(
        Row(when(Skb), (), KEEP, changed(invalid=False), "a veth pair hands the packet over with what it carries, but for conntrack's mark"),
    ),
)  # fmt: skip

INNER = Selector.INNER
_INTO = (knob("gro-into-tunnel"), ~REMOTE, inside(Kind.TCP, Kind.UDP))
_PASSES = (passes(Selector.INNER_IP), passes(INNER))
_LOOKS_IN = "a tunnel that ends here is looked into"
_INNER_GRO = "linux 6.1 net/ipv4/udp_offload.c udp_gro_receive; drivers/net/vxlan/vxlan_core.c vxlan_gro_receive"
_MERGED_INSIDE = (*MERGE, *write_pseudo(INNER))
_DATAGRAMS = (SEGMENTED, carries(Kind.UDP), feature("rx-udp-gro-forwarding"), knob("for-elsewhere"))
_FORWARDED = "datagrams that no socket here takes are merged"
IN_A_LIST = "in-a-list"
"""The knob that says that datagrams of one flow come in together, and are listed."""
_LISTS = (feature("rx-gro-list"), knob(IN_A_LIST))
_IN_A_LIST = "datagrams that no socket here takes are put into a list, which counts each as verified once more than somebody looked: a sum inside a tunnel too"
_LIST = "linux 6.1 net/ipv4/udp_offload.c udp_gro_receive_segment, udp4_gro_complete (is_flist); linux 6.18 does so"
_FORWARDING = "linux 6.1 net/ipv4/udp_offload.c udp_gro_receive, udp_gro_receive_segment"

GRO = Stage(
    name="gro",
    title="receive aggregation",
    source="linux 6.1 include/net/gro.h __skb_gro_checksum_validate; net/ipv4/tcp_offload.c tcp4_gro_complete",
    table=(
        Row(ANY, (~feature("rx-gro"),), KEEP, SAME, "GRO is off"),
        Row(ANY, (headed(Layer.PPPOE, Layer.BATMAN, Layer.BATMAN_FLOOD),), KEEP, SAME, "receive aggregation knows neither PPPoE nor batman-adv: nothing is looked at", source="linux 6.1 net/core/gro.c dev_gro_receive: there is no packet_offload for ETH_P_PPP_SES and ETH_P_BATMAN", sure="derived"),
        Row(ANY, (wrong(OUTER_IP),), KEEP, SAME, "the IPv4 header's sum is wrong: nothing behind it is looked at", source="linux 6.1 net/ipv4/af_inet.c inet_gro_receive", sure="observed"),
        Row(ANY, (TRAILER,), KEEP, SAME, "the frame is longer than its IP packet: nothing is verified or merged", source="linux 6.1 net/ipv4/af_inet.c inet_gro_receive (flush); net/ipv4/tcp_offload.c tcp4_gro_receive", sure="observed"),
        Row(ANY, (LONG, ~feature("rx-lro")), KEEP, SAME, "a super-frame already, and none that a device made of segments and did not call so: nothing is verified or merged", source="linux 6.1 net/core/gro.c dev_gro_receive (flush); net/ipv4/tcp_offload.c tcp4_gro_receive; net/ipv4/udp_offload.c udp4_gro_receive", sure="observed"),
        Row(ANY, (FRAGMENT,), KEEP, SAME, "fragments are not merged"),
        Row(ANY, (LISTED,), KEEP, SAME, "it lies in a list of buffers, one of each fragment that it came in: nothing is verified or merged", source="linux 6.1 net/core/gro.c dev_gro_receive (flush); net/ipv4/udp_offload.c udp4_gro_receive", sure="observed"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP),), KEEP, SAME, "only TCP and UDP are looked at"),
        Row(when(Skb, summed=NONE), (*_INTO, ABSENT_TRANSPORT, SEGMENTED, inside(Kind.TCP), *_PASSES), _MERGED_INSIDE, TO_INNER_PARTIAL, f"{_LOOKS_IN}: segments there are verified and merged, and their sum becomes the pseudo-header's; there is no outer one", source=_INNER_GRO, sure="observed"),
        Row(when(Skb, summed=NONE), (*_INTO, ABSENT_TRANSPORT, *_PASSES), KEEP, fresh(Skb, summed=UNNECESSARY, level=1), f"{_LOOKS_IN}: that there is no outer sum counts as verified, and the first one inside is", source=_INNER_GRO, sure="observed"),
        Row(when(Skb, summed=NONE), (ABSENT_TRANSPORT,), KEEP, TO_UNNECESSARY, "a zero UDP sum says that there is none, which counts as verified", source="linux 6.1 net/ipv4/udp_offload.c udp4_gro_receive; include/net/gro.h skb_gro_incr_csum_unnecessary", sure="observed"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "there is no sum to check"),
        Row(when(Skb, summed=NONE), (*_INTO, SEGMENTED, inside(Kind.TCP), right(TRANSPORT), *_PASSES), _MERGED_INSIDE, TO_INNER_PARTIAL, f"{_LOOKS_IN}: segments there are verified and merged, and both sums become the pseudo-header's", source=_INNER_GRO, sure="observed"),
        Row(when(Skb, summed=UNNECESSARY, level=0), (*_INTO, SEGMENTED, inside(Kind.TCP), *_PASSES), _MERGED_INSIDE, TO_INNER_PARTIAL, f"{_LOOKS_IN}: segments there are verified and merged, and the sums become the pseudo-header's", source=_INNER_GRO),
        Row(when(Skb, summed=NONE), (*_INTO, right(TRANSPORT), *_PASSES), KEEP, fresh(Skb, summed=UNNECESSARY, level=1), f"{_LOOKS_IN}: the outer sum and the first one inside are verified in software", source=_INNER_GRO, sure="observed"),
        Row(when(Skb, summed=UNNECESSARY, level=0), (*_INTO, *_PASSES), KEEP, changed(level=1), f"{_LOOKS_IN}: the first sum inside is verified in software too", source=_INNER_GRO),
        Row(when(Skb, summed=UNNECESSARY), _LISTS, KEEP, changed(level=Token.LEVEL_PLUS_ONE), _IN_A_LIST, source=_LIST, vouches=True),
        Row(when(Skb, summed=NONE), (*_LISTS, right(TRANSPORT)), KEEP, fresh(Skb, summed=UNNECESSARY, level=1), f"verified in software; {_IN_A_LIST}", source=_LIST, sure="observed", vouches=True),
        Row(when(Skb, summed=UNNECESSARY), (*_DATAGRAMS, ~HOLDS_TUNNEL), MERGE, TO_PARTIAL, f"{_FORWARDED}: the sum becomes the pseudo-header's", source=_FORWARDING),
        Row(when(Skb, summed=UNNECESSARY), _DATAGRAMS, BUNDLE, TO_PARTIAL, f"{_FORWARDED}; nobody here looks what is in them, a tunnel's packets too", source=_FORWARDING),
        Row(when(Skb, summed=(UNNECESSARY, PARTIAL)), (SEGMENTED, carries(Kind.TCP)), MERGE, TO_PARTIAL, "segments that count as verified are merged: the sum becomes the pseudo-header's, to be computed anew", sure="observed"),
        Row(when(Skb, summed=(NONE, COMPLETE)), (SEGMENTED, carries(Kind.TCP), right(TRANSPORT)), MERGE, TO_PARTIAL, "segments are verified and merged: the sum becomes the pseudo-header's, to be computed anew", sure="observed"),
        Row(when(Skb, summed=(UNNECESSARY, COMPLETE, PARTIAL)), (), KEEP, SAME, "nothing to verify"),
        Row(when(Skb, summed=NONE), (*_DATAGRAMS, ~HOLDS_TUNNEL, right(TRANSPORT)), MERGE, TO_PARTIAL, f"verified in software; {_FORWARDED}: the sum becomes the pseudo-header's", source=_FORWARDING, sure="observed"),
        Row(when(Skb, summed=NONE), (*_DATAGRAMS, right(TRANSPORT)), BUNDLE, TO_PARTIAL, f"verified in software; {_FORWARDED}; nobody here looks what is in them, a tunnel's packets too", source=_FORWARDING, sure="observed"),
        Row(when(Skb, summed=NONE), (right(TRANSPORT),), KEEP, TO_UNNECESSARY, "verified in software before a merge: marked as verified", sure="observed"),
        Row(when(Skb, summed=NONE), (), KEEP, SAME, "the sum is wrong: passed up as it is"),
    ),
)  # fmt: skip
