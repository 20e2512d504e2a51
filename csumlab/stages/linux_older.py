"""Linux before 6.1 as far as its tables differ. Each is the table of 6.1 with the rows that were others."""

from __future__ import annotations

from dataclasses import replace

from csumlab.conditions import (
    AIMED_AT_TRANSPORT,
    ENCAPSULATED,
    LONG,
    ODD_LENGTH,
    STACKED,
    TAGGED,
    TRAILER,
    TTL_EXPIRES,
    UNDIVIDED,
    aimed_at,
    carries,
    feature,
    fills_to_zero,
    knob,
    outer_version,
    right,
    version,
)
from csumlab.headers import Kind
from csumlab.operations import (
    CUT,
    KEEP,
    REJECT,
    TRIM,
    Follows,
    Rule,
    Selector,
    compute,
    fill,
    segment,
    spoil,
    translate,
    trim,
    write_pseudo,
    write_zero,
)
from csumlab.stage import (
    ANY,
    SAME,
    Mended,
    Row,
    Stage,
    changed,
    differing,
    fresh,
    when,
)
from csumlab.stages import linux, rewriters
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed

_COMPLETE = when(Skb, summed=Summed.COMPLETE)
_UNOWED = (Summed.NONE, Summed.UNNECESSARY, Summed.COMPLETE)
_FORGOTTEN = changed(summed=Summed.NONE, level=0)
_ZERO = fills_to_zero(Selector.AIMED)

_VETH = Mended("Linux 4.5", "ce8c839b74e3", "stable kernels of early 2016")
_CRC = Mended("Linux 4.13", "5d65a16a689a (a merge)")
_FILL = Mended("Linux 4.9", "4f2e4ad56a65")
_GRE = Mended("Linux 5.9", stable="stable kernels since August 2020 (b3e3feb569e0 in one of them)")
_IPV6 = Mended("Linux 5.6", "189c9b1e9453")
_PULL = Mended("Linux 4.20", "db4f1be3ca9b")
_BEHIND = Mended("Linux 6.12", "04c20a9356f2", "stable kernels since November 2024")
_PSEUDO = Mended("Linux 4.10", "1814096980bb")
_TAGS = Mended("Linux 5.2", "2ecba2d1e45b")
_OFFSET = Mended("Linux 5.1", "273160ffc6b9", "stable kernels of March 2019")
_FLOW = Mended("Linux 4.6")
_TRACKED = Mended("Linux 4.9", "cf6e007eef83")
_SKIPPED = Mended("Linux 4.9")
_TRIM = Mended("Linux 4.20", stable="stable kernels of November 2018")

VETH_4_4 = differing(
    linux.VETH,
    "veth-4.4",
    "linux 4.4 drivers/net/veth.c veth_xmit; mended by linux commit ce8c839b74e3 (4.5, and later stable kernels)",
    {},
    before={1: Row(when(Skb, summed=Summed.NONE), (feature("peer-rx-checksum"),), KEEP, changed(summed=Summed.UNNECESSARY, level=0, invalid=False), "rx-checksum of the other end is on: what nobody looked at is marked as verified", vouches=True, mended=_VETH)},
)  # fmt: skip

_FILLED_TO_ZERO = "the sum comes out as 0 and the kernel writes that: a UDP field then says that there is none"
_SCTP = "linux 4.12 net/sctp/output.c sctp_packet_pack, net/core/dev.c validate_xmit_skb; mended by linux merge 5d65a16a689a (4.13)"
SENDER_4_12 = replace(
    linux.SENDER,
    name="sender-4.12",
    source=_SCTP,
    like=linux.SENDER,
    table=(
        *linux.SENDER.table[:7],
        linux.SENDER.table[9],
        Row(ANY, (carries(Kind.SCTP), feature(linux.SCTP)), write_zero(Selector.TRANSPORT), linux.TO_PARTIAL, "the route's device makes CRCs: SCTP leaves a blank field to it, and nothing says that it is no sum that is owed", mended=_CRC),
        linux.SENDER.table[-1],
    ),
)  # fmt: skip
_EXTENDED = (
    "linux 6.11 net/core/dev.c skb_csum_hwoffload_help; mended by linux commit 04c20a9356f2 (6.12, and stable kernels since November 2024)"
)
EGRESS_6_11 = differing(
    linux.EGRESS,
    "egress-6.11",
    _EXTENDED,
    {10: Row(OWED, (feature("tx-checksum-ipv6"), version(6), aimed_at(Kind.TCP, Kind.UDP)), KEEP, SAME, "tx-checksum-ipv6 is on: the fill is left to the device, behind extension headers too", mended=_BEHIND)},
)  # fmt: skip
EGRESS_4_12 = Stage(
    "egress-4.12",
    linux.EGRESS.title,
    _SCTP,
    (
        Row(OWED, (aimed_at(Kind.SCTP), feature(linux.SCTP)), KEEP, SAME, "the device sums this IP version: what is owed is left to it, and it knows SCTP", mended=_CRC),
        *(row for row in EGRESS_6_11.table[4:] if STACKED not in row.given and LONG not in row.given),
    ),
    EGRESS_6_11,
)  # fmt: skip
EGRESS_4_8 = differing(
    EGRESS_4_12,
    "egress-4.8",
    "linux 4.8 net/core/dev.c skb_checksum_help; mended by linux commit 4f2e4ad56a65 (4.9)",
    {},
    before={
        2: Row(OWED, (ENCAPSULATED, ~feature("hw-enc-checksum"), _ZERO), write_zero(Selector.AIMED), fresh(Skb), _FILLED_TO_ZERO, mended=_FILL),
        3: Row(OWED, (TAGGED, ~feature("vlan-checksum"), _ZERO), write_zero(Selector.AIMED), fresh(Skb), _FILLED_TO_ZERO, mended=_FILL),
        7: Row(OWED, (_ZERO,), write_zero(Selector.AIMED), fresh(Skb), _FILLED_TO_ZERO, mended=_FILL),
    },
)  # fmt: skip

_CUT_OF_GRE = next(n for n, row in enumerate(linux.SEGMENTATION.table, 1) if "need_recompute_csum" in row.source and row.does)
SEGMENTATION_5_8 = differing(
    linux.SEGMENTATION,
    "segmentation-5.8",
    "linux 5.8 net/ipv4/gre_offload.c gre_gso_segment; mended in August 2020 (net: gre: recompute gre csum for sctp over gre tunnels; stable commit b3e3feb569e0)",
    {_CUT_OF_GRE: Row(when(Skb, summed=Summed.PARTIAL, crc=True), (ENCAPSULATED, carries(Kind.GRE)), (*segment(Selector.AIMED), *fill(Selector.AIMED, crc=True), *compute(Selector.TRANSPORT), *spoil(Selector.TRANSPORT)), fresh(Skb), "the kernel cuts the super-frame and makes the CRC of each packet; GRE's sum is made as if that were a sum, which adds up to nothing with its data", mended=_GRE)},
)  # fmt: skip

_UFO_4_9 = "linux 4.9.227 net/ipv4/udp_offload.c udp4_ufo_fragment; net/core/dev.c validate_xmit_skb, skb_gso_segment"
_UFO_4_4 = "linux 4.4 net/ipv4/udp_offload.c udp4_ufo_fragment; net/ipv6/udp_offload.c udp6_ufo_fragment"
_UFO_3_10 = "linux 3.11 net/ipv4/udp_offload.c udp4_ufo_send_check, udp4_ufo_fragment; net/core/dev.c skb_mac_gso_segment; mended by udp: move logic out of udp[46]_ufo_send_check (3.18)"
_CUTS = feature(linux.UFO)
_WHOLE = "the device cuts datagrams into fragments: this one is handed over whole"
_SUMMED_ANEW = "the kernel makes the datagram's sum anew over all of it, whatever stood in the field, and cuts it into fragments"
_CUT_OF_DATAGRAMS = next(n for n, row in enumerate(SEGMENTATION_5_8.table, 1) if UNDIVIDED in row.given)
SEGMENTATION_4_9 = differing(
    SEGMENTATION_5_8,
    "segmentation-4.9",
    _UFO_4_9,
    {},
    before={_CUT_OF_DATAGRAMS: Row(when(Skb), (UNDIVIDED, _CUTS), KEEP, SAME, f"{_WHOLE}, with its sum owed or not")},
)
SEGMENTATION_4_4 = differing(
    SEGMENTATION_4_9,
    "segmentation-4.4",
    _UFO_4_4,
    {_CUT_OF_DATAGRAMS + 1: Row(when(Skb), (UNDIVIDED,), (*compute(Selector.TRANSPORT), *CUT), fresh(Skb), f"{_SUMMED_ANEW}; nothing is known of these")},
)  # fmt: skip
SEGMENTATION_3_10 = replace(
    SEGMENTATION_4_4,
    name="segmentation-3.10",
    source=_UFO_3_10,
    like=SEGMENTATION_4_4,
    table=(
        *SEGMENTATION_4_4.table[: _CUT_OF_DATAGRAMS - 1],
        Row(OWED, (UNDIVIDED, _CUTS), KEEP, SAME, _WHOLE),
        Row(when(Skb), (UNDIVIDED, _CUTS), write_pseudo(Selector.TRANSPORT), linux.TO_PARTIAL, f"{_WHOLE}; its sum was not owed: the kernel writes the pseudo-header's, whatever stood in the field"),
        Row(OWED, (UNDIVIDED, _ZERO), (*write_zero(Selector.AIMED), *CUT), fresh(Skb), f"{_FILLED_TO_ZERO}; then it cuts the datagram into fragments", mended=Mended("Linux 3.18")),
        Row(OWED, (UNDIVIDED,), (*fill(Selector.AIMED), *CUT), fresh(Skb), "the kernel fills the datagram's sum, then cuts it into fragments"),
        *SEGMENTATION_4_4.table[_CUT_OF_DATAGRAMS:],
    ),
)  # fmt: skip

NAT_5_5 = differing(
    linux.NAT_5_6,
    "nat-5.5",
    "linux 5.5 net/core/utils.c inet_proto_csum_replace16; mended by linux commit 189c9b1e9453",
    {},
    before={len(linux.NAT_5_6.table): Row(_COMPLETE, (outer_version(6),), translate(Rule.FINAL, Rule.FINAL, follows=Follows.ADDRESSES), SAME, "translated; the sum of the packet is changed for the new address although the field has made up for it: it is wrong from here on", mended=_IPV6)},
)  # fmt: skip

_KNOWN = next(n for n, row in enumerate(linux.CONNTRACK.table) if row.given == (~carries(*linux.CHECKED_BY_CONNTRACK),))
CONNTRACK_4_8 = replace(
    linux.CONNTRACK,
    name="conntrack-4.8",
    source="linux 4.8 net/netfilter/nf_conntrack_proto_sctp.c nf_conntrack_l4proto_sctp4 (it has no error); mended by linux commit cf6e007eef83 (4.9)",
    like=linux.CONNTRACK,
    table=(
        *linux.CONNTRACK.table[:_KNOWN],
        Row(ANY, (carries(Kind.SCTP),), KEEP, SAME, "connection tracking does not look at SCTP's CRC: nothing is verified", mended=_TRACKED),
        *(row for row in linux.CONNTRACK.table[_KNOWN:] if carries(Kind.SCTP) not in row.given),
    ),
)  # fmt: skip
_MANIP = "linux 4.8 net/netfilter/nf_nat_proto_sctp.c sctp_manip_pkt"
_CRC_OF_NAT = next(n for n, row in enumerate(NAT_5_5.table, 1) if carries(Kind.SCTP) in row.given)
NAT_4_8 = differing(
    NAT_5_5,
    "nat-4.8",
    f"{_MANIP}; mended by netfilter: nat: skip checksum on offload SCTP packets (4.9)",
    {_CRC_OF_NAT: Row(when(Skb, summed=_UNOWED), (carries(Kind.SCTP),), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(Selector.TRANSPORT)), SAME, "translated; SCTP's CRC is computed anew, whatever it was")},
    before={_CRC_OF_NAT: Row(OWED, (carries(Kind.SCTP), AIMED_AT_TRANSPORT), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(Selector.TRANSPORT)), SAME, "translated; SCTP's CRC is computed although it is owed, and stays owed: whoever makes it takes this one for a part of the packet", mended=_SKIPPED)},
)  # fmt: skip

OPENVSWITCH_5_5 = differing(
    rewriters.OPENVSWITCH_5_16,
    "openvswitch-set-5.5",
    "linux 5.5 net/openvswitch/actions.c update_ipv6_checksum, net/core/utils.c inet_proto_csum_replace16; mended by linux commit 189c9b1e9453",
    {},
    before={5: Row(_COMPLETE, (outer_version(6),), translate(Rule.FINAL, Rule.FINAL, follows=Follows.ADDRESSES), SAME, "translated; the sum of the packet is changed for a new address although the field has made up for it: it is wrong from here on", mended=_IPV6)},
)  # fmt: skip

INPUT_4_19 = differing(
    linux.INPUT,
    "input-4.19",
    "linux 4.19 net/core/skbuff.c pskb_trim_rcsum_slow (88078d98d1bb, 4.18); mended in 4.20, and stable kernels of November 2018 (net: fix pskb_trim_rcsum_slow() with odd trim offset)",
    {},
    before={2: Row(_COMPLETE, (TRAILER, ODD_LENGTH), trim(Rule.SWAPPED), SAME, "what follows the packet is cut off, and off the sum that came with it as if it began at an even place: it begins at an odd one, and the sum is wrong from here on", mended=_TRIM)},
)  # fmt: skip
INPUT_4_17 = differing(
    linux.INPUT,
    "input-4.17",
    "linux 4.17 net/ipv4/ip_input.c ip_rcv; include/linux/skbuff.h pskb_trim_rcsum (before linux commit 88078d98d1bb)",
    {},
    before={2: Row(_COMPLETE, (TRAILER,), TRIM, fresh(Skb), "what follows the packet is cut off, and the sum that came with it is forgotten: the packet will be summed")},
)  # fmt: skip

RECEIVE_4_19 = differing(
    linux.RECEIVE,
    "receive-4.19",
    "linux 4.19 net/ipv4/udp.c udp4_csum_init, include/net/udp.h udp_csum_pull_header; mended by linux commit db4f1be3ca9b (4.20)",
    {},
    before={9: Row(_COMPLETE, (carries(Kind.UDP), right(Selector.TRANSPORT)), REJECT, SAME, "the sum that came with the packet says wrong, and the check in software starts from it: a good datagram is dropped (InCsumErrors)", mended=_PULL)},
)  # fmt: skip

BALANCED = "balanced"
"""The knob that says that IPVS has chosen to which server a packet goes."""
_IPVS_4_9 = "linux 4.9 net/netfilter/ipvs/ip_vs_xmit.c ip_vs_nat_xmit, __ip_vs_get_out_rt; mended by linux commit 8d8e20e2d7bb (4.10)"
FORWARD_4_9 = replace(
    linux.FORWARD,
    name="forward-4.9",
    source=_IPVS_4_9,
    like=linux.FORWARD,
    table=(
        *(replace(row, given=(*row.given, ~knob(BALANCED)), source=linux.FORWARD.source) if TTL_EXPIRES in row.given else row for row in linux.FORWARD.table[:4]),
        Row(when(Skb), (knob(BALANCED),), KEEP, SAME, "sent on by IPVS, which does not look at the TTL and does not lower it", mended=Mended("Linux 4.10", "8d8e20e2d7bb")),
        *linux.FORWARD.table[4:],
    ),
)  # fmt: skip

_NFT_4_9 = "linux 4.9 net/netfilter/nft_payload.c nft_payload_set_eval; mended by linux commit 1814096980bb (4.10)"
_ONLY_ITS_OWN = "nothing looks for a sum behind another header, so an address that is in the pseudo-header is not followed"
NFT_4_9 = Stage(
    "nft-payload-4.9",
    rewriters.NFT.title,
    _NFT_4_9,
    (
        Row(OWED, (), translate(Rule.LEAVE, Rule.LEAVE, Rule.ONES), SAME, f"edited, and the IPv4 header's sum updated; {_ONLY_ITS_OWN}", mended=_PSEUDO),
        Row(when(Skb), (carries(Kind.SCTP, Kind.DCCP),), translate(Rule.LEAVE, Rule.LEAVE, Rule.ONES), SAME, "edited; nft knows no sum of this header", sure="derived"),
        Row(when(Skb), (), translate(Rule.LEAVE, Rule.ONES, Rule.ONES), SAME, f"edited; the sum of the header that is edited is updated by the difference; {_ONLY_ITS_OWN}", mended=_PSEUDO),
    ),
)  # fmt: skip

_CSUM_5_1 = "linux 5.1 net/sched/act_csum.c tcf_csum_act (tc_skb_protocol); mended by linux commit 2ecba2d1e45b (5.2)"
_OF_THE_TAG = Row(
    ANY,
    (TAGGED,),
    KEEP,
    SAME,
    "the protocol of the frame is that of its VLAN tag, of which the action knows no sum: nothing is computed",
    mended=_TAGS,
)
CSUM_5_1 = differing(rewriters.CSUM, "tc-csum-5.1", _CSUM_5_1, {}, before={1: _OF_THE_TAG})
CSUM_IP_5_1 = differing(rewriters.CSUM_IP, "tc-csum-ip-5.1", _CSUM_5_1, {}, before={1: _OF_THE_TAG})
CSUM_IN_5_0 = differing(
    CSUM_5_1,
    "tc-csum-in-5.0",
    "linux 5.0 include/net/sctp/checksum.h sctp_compute_cksum; mended by linux commit 273160ffc6b9 (5.1, and stable kernels of March 2019)",
    {},
    before={
        8: Row(
            when(Skb, summed=_UNOWED),
            (carries(Kind.SCTP),),
            spoil(Selector.TRANSPORT),
            _FORGOTTEN,
            "where SCTP's header begins is not known yet, so the old CRC is not taken out of the field before the new one is made: unless it was 0, the new one is wrong",
            sure="observed",
            mended=_OFFSET,
        )
    },
)
CSUM_4_8 = differing(
    CSUM_5_1,
    "tc-csum-4.8",
    "linux 4.8 net/sched/act_csum.c tcf_csum_ipv4, tcf_csum_ipv6; SCTP was added in 4.11 (act_csum: compute crc32c on SCTP packets)",
    {},
    before={1: Row(ANY, (carries(Kind.SCTP),), KEEP, SAME, "the action knows no SCTP: nothing is computed", sure="observed")},
)

_PROTOCOL = "linux 4.4 net/openvswitch/actions.c set_ipv6; mended in 4.6 (openvswitch: use flow protocol when recalculating ipv6 checksums)"
_MASKED = "the transport's number is looked for in the masked action, which has none, so no sum follows an IPv6 address"
OPENVSWITCH_4_5 = differing(
    rewriters.OPENVSWITCH_5_16,
    "openvswitch-set-4.5",
    _PROTOCOL,
    {},
    before={
        2: Row(OWED, (outer_version(6),), translate(Rule.LEAVE, Rule.LEAVE), SAME, f"translated; {_MASKED}, and the fill to come will start from the old one", sure="observed", mended=_FLOW),
        6: Row(ANY, (outer_version(6),), translate(Rule.LEAVE, Rule.FINAL), SAME, f"translated; {_MASKED}, but ports it does", sure="observed", mended=_FLOW),
    },
)  # fmt: skip

SENDER_2_6_36 = replace(
    SENDER_4_12,
    name="sender-2.6.36",
    source="linux 2.6.36 net/sctp/output.c sctp_packet_transmit; mended by linux commit 27127a82561a (3.12, and later stable kernels)",
    like=SENDER_4_12,
    table=tuple(row for row in SENDER_4_12.table if row is not linux.SENDER.table[9]),
)
"""Whether the packet will be encrypted is not asked."""
_OWED_BY_IPVS = next(
    n for n, row in enumerate(rewriters.IPVS.table, 1) if row.when == OWED and row.does == translate(Rule.PSEUDO, Rule.LEAVE)
)
IPVS_2_6_36 = differing(
    rewriters.IPVS,
    "ipvs-2.6.36",
    "linux 2.6.36 net/netfilter/ipvs/ip_vs_proto_tcp.c tcp_dnat_handler, tcp_partial_csum_update; mended in 2.6.37 (ipvs: fix CHECKSUM_PARTIAL for TCP, UDP)",
    {_OWED_BY_IPVS: Row(OWED, (), translate(Rule.FINAL, Rule.LEAVE), SAME, "translated; the old and the new address change places where an unfinished sum is updated: the pseudo-header's sum goes the wrong way by the difference", sure="memory", mended=Mended("Linux 2.6.37"))},
)  # fmt: skip
