"""What rewrites packets beside connection tracking's NAT, as tables. Source: Linux 6.1 unless a row says otherwise.

Rules of nft and iptables stand in the netfilter hooks; tc's actions and Open vSwitch at the devices, before anything has checked the packet
or after everything has. None of them asks whether a sum is right.
"""

from __future__ import annotations

from collections.abc import Mapping

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    EDITS_TRANSPORT,
    ENCAPSULATED,
    FRAGMENT,
    LONG,
    ODD_OPTION,
    QUOTES,
    SHORT_QUOTE,
    carries,
    outer_version,
)
from csumlab.headers import Kind
from csumlab.operations import (
    DROP,
    KEEP,
    MEND_PAYLOAD,
    Follows,
    Rule,
    Selector,
    compute,
    spoil,
    translate,
    translate_quote,
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
from csumlab.stages.patterns import COMPLETE, NONE, OWED, PARTIAL, UNNECESSARY
from csumlab.state import Skb

TRANSPORT = Selector.TRANSPORT
_UNOWED = (NONE, UNNECESSARY, COMPLETE)
_VERIFIED = changed(summed=UNNECESSARY, level=0)
_SUMMED = when(Skb, summed=COMPLETE)
_SUMMED_WRONG = "the sum of the packet is changed for a new IPv6 address although the field has made up for it: it is wrong from here on"
_IN_NFT = "nftables src/proto.c (checksum_key); linux 6.1 net/netfilter/nft_payload.c nft_payload_set_eval"

_NFT_PARTIAL = Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE, Rule.ONES), SAME, "edited; the pseudo-header sum follows the addresses, and the fill to come will see the ports", sure="observed")  # fmt: skip
_NFT_ZERO = (
    Row(OWED, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE, Rule.ONES), SAME, "edited; a zero UDP sum stays zero", source="linux 6.1 net/netfilter/nft_payload.c nft_payload_udp_checksum"),
    Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.ONES, Rule.ONES), SAME, "edited; a zero UDP sum stays zero if an address is edited, but is updated like any other if a port is", source=_IN_NFT, sure="observed"),
)  # fmt: skip
_NFT_SUMS = (
    Row(_SUMMED, (outer_version(6), carries(Kind.UDPLITE)), translate(Rule.ONES, Rule.LEAVE, Rule.ONES, Follows.ADDRESSES), SAME, f"edited; nft does not tell the kernel where UDP-Lite's sum is, so it does not follow a port; {_SUMMED_WRONG}", source="linux 6.1 net/netfilter/nft_payload.c nft_payload_l4csum_update"),
    Row(when(Skb, summed=_UNOWED), (carries(Kind.UDPLITE),), translate(Rule.ONES, Rule.LEAVE, Rule.ONES), SAME, "edited; nft does not tell the kernel where UDP-Lite's sum is, so it does not follow a port", source=_IN_NFT, sure="observed"),
    Row(when(Skb, summed=_UNOWED), (carries(Kind.DCCP),), translate(Rule.LEAVE, Rule.LEAVE, Rule.ONES), SAME, "edited; neither nft nor the kernel's table of transport sums has DCCP's", source="linux 6.1 net/netfilter/nft_payload.c nft_payload_l4csum_offset"),
    Row(_SUMMED, (outer_version(6),), translate(Rule.ONES, Rule.ONES, Rule.ONES, Follows.ADDRESSES), SAME, f"edited; {_SUMMED_WRONG}", source="linux 6.1 net/netfilter/nft_payload.c nft_payload_l4csum_update", sure="observed"),
    Row(when(Skb, summed=_UNOWED), (), translate(Rule.ONES, Rule.ONES, Rule.ONES), SAME, "edited; the sum is updated by the difference, so a wrong sum stays wrong", sure="observed"),
)  # fmt: skip
NFT = Stage(
    name="nft-payload",
    title="nft payload statement",
    source="linux 6.1 net/netfilter/nft_payload.c nft_payload_set_eval, nft_csum_replace, nft_payload_l4csum_update",
    table=(
        *_NFT_ZERO,
        _NFT_PARTIAL,
        Row(when(Skb, summed=_UNOWED), (carries(Kind.SCTP), EDITS_TRANSPORT), (*translate(Rule.LEAVE, Rule.LEAVE, Rule.ONES), *compute(TRANSPORT)), _VERIFIED, "edited; SCTP's CRC is computed anew, whatever it was, and marked as verified", source="linux 6.1 net/netfilter/nft_payload.c nft_payload_csum_sctp", sure="observed"),
        *_NFT_SUMS,
    ),
)  # fmt: skip
_BLIND = "linux 5.16 net/netfilter/nft_payload.c nft_payload_l4csum_offset (mended by 4e1860a38637)"
_SEEN = Mended("Linux 5.17", "4e1860a38637")
_NFT_BLIND = (
    Row(ANY, (FRAGMENT, ABSENT_TRANSPORT), (*MEND_PAYLOAD, *translate(Rule.LEAVE, Rule.ONES, Rule.ONES)), SAME, "edited; a zero UDP sum stays zero, but the payload of later fragments is taken for a header with a sum: two bytes of it are changed", source=_BLIND, mended=_SEEN),
    Row(when(Skb, summed=_UNOWED), (FRAGMENT, ~carries(Kind.UDPLITE, Kind.DCCP, Kind.SCTP)), (*MEND_PAYLOAD, *translate(Rule.ONES, Rule.ONES, Rule.ONES)), SAME, "edited; the sum is updated by the difference, and so are two bytes of payload where later fragments would have it", source=_BLIND, mended=_SEEN),
)  # fmt: skip
NFT_5_16 = Stage(
    name="nft-payload-5.16",
    title=NFT.title,
    source="linux 5.16 net/netfilter/nft_payload.c nft_payload_set_eval; in all but fragments as 6.1",
    table=(*_NFT_BLIND, *NFT.table),
    like=NFT,
)
NFT_5_6 = Stage(
    name="nft-payload-5.6",
    title="nft payload statement",
    source="linux 5.6 net/netfilter/nft_payload.c nft_payload_set_eval",
    table=(
        *_NFT_BLIND,
        *_NFT_ZERO,
        _NFT_PARTIAL,
        Row(when(Skb, summed=_UNOWED), (carries(Kind.SCTP),), translate(Rule.LEAVE, Rule.LEAVE, Rule.ONES), SAME, "edited; SCTP's CRC does not follow", source="linux 5.6 net/netfilter/nft_payload.c (mended by 346e320cb210)", mended=Mended("Linux 5.10", "346e320cb210")),
        *_NFT_SUMS,
    ),
)  # fmt: skip

MANGLE = Stage(
    name="mangle",
    title="DSCP, TTL, HL, ECN, TCPMSS and TCPOPTSTRIP targets, nft TCP options",
    source="linux 6.1 net/netfilter/xt_DSCP.c, xt_HL.c, xt_TCPMSS.c tcpmss_mangle_packet, xt_TCPOPTSTRIP.c, nft_exthdr.c nft_exthdr_tcp_set_eval, nft_exthdr_tcp_strip_eval",
    table=(
        Row(OWED, (), translate(Rule.LEAVE, Rule.LEAVE), SAME, "edited; the fill to come will see it", sure="observed"),
        Row(ANY, (ODD_OPTION,), translate(Rule.LEAVE, Rule.SWAPPED), SAME, "edited; the option lies at an odd place and is counted as if it lay at an even one: the sum is wrong by 255 times the difference", sure="observed"),
        Row(ANY, (), translate(Rule.LEAVE, Rule.FINAL), SAME, "edited; the sums are updated by the difference, so a wrong one stays wrong", sure="observed"),
    ),
)  # fmt: skip

SYNPROXY = Stage(
    name="synproxy",
    title="SYNPROXY, timestamps",
    source="linux 6.1 net/netfilter/nf_synproxy_core.c synproxy_tstamp_adjust; net/core/utils.c inet_proto_csum_replace4",
    table=(
        Row(OWED, (), translate(Rule.LEAVE, Rule.LEAVE), SAME, "the timestamp is shifted; the fill to come will see it"),
        Row(ANY, (ODD_OPTION,), translate(Rule.LEAVE, Rule.SWAPPED), SAME, "the timestamp is shifted; it lies at an odd place and is counted as if it lay at an even one: the sum is wrong by 255 times the difference"),
        Row(ANY, (), translate(Rule.LEAVE, Rule.FINAL), SAME, "the timestamp is shifted; the sum is updated by the difference, so a wrong one stays wrong"),
    ),
)  # fmt: skip

PEDIT = Stage(
    name="tc-pedit",
    title="tc pedit action",
    source="linux 6.1 net/sched/act_pedit.c tcf_pedit_act; tc-pedit(8): no checksum is updated",
    table=(
        Row(ANY, (), translate(Rule.LEAVE, Rule.LEAVE, Rule.LEAVE), SAME, "the bytes are written over and no sum follows, not even the IPv4 header's"),
    ),
)  # fmt: skip

_CSUM = "linux 6.1 net/sched/act_csum.c"
CSUM_IP = Stage(
    name="tc-csum-ip",
    title="tc csum action, IPv4 header",
    source=f"{_CSUM} tcf_csum_ipv4 (TCA_CSUM_UPDATE_FLAG_IPV4HDR)",
    table=(
        Row(ANY, (), compute(Selector.OUTER_IP), SAME, "the IPv4 header sum is computed anew, whatever it was"),
    ),
)  # fmt: skip
CSUM = Stage(
    name="tc-csum",
    title="tc csum action",
    source=f"{_CSUM} tcf_csum_ipv4_tcp, tcf_csum_ipv4_udp, tcf_csum_ipv4_icmp, tcf_csum_sctp",
    table=(
        Row(ANY, (FRAGMENT, outer_version(6)), KEEP, SAME, "behind IPv6's fragment header nothing is looked at", source=f"{_CSUM} tcf_csum_ipv6"),
        Row(ANY, (FRAGMENT, carries(Kind.UDP)), write_zero(TRANSPORT), SAME, "the field is cleared, then the length is found not to be the fragment's and nothing is computed: the datagram goes on without a sum", source=f"{_CSUM} tcf_csum_ipv4_udp", sure="observed"),
        Row(when(Skb), (FRAGMENT, ~carries(Kind.UDPLITE)), spoil(TRANSPORT), fresh(Skb), "the sum is computed anew over the first fragment alone: for the datagram it is wrong", source=f"{_CSUM} tcf_csum_ipv4_tcp, tcf_csum_ipv4_icmp, tcf_csum_sctp", sure="observed"),
        Row(ANY, (LONG, carries(Kind.TCP)), KEEP, SAME, "segmentation will compute the sums", source=f"{_CSUM} tcf_csum_ipv4_tcp"),
        Row(ANY, (LONG, carries(Kind.UDP), ~ENCAPSULATED), KEEP, SAME, "segmentation will compute the sums", source="linux 6.12.111 net/sched/act_csum.c tcf_csum_ipv4_udp (SKB_GSO_UDP_L4)", sure="uncertain"),
        Row(when(Skb), (ABSENT_TRANSPORT, outer_version(4)), KEEP, changed(summed=NONE, level=0), "over IPv4 a zero UDP sum stays zero; what else was owed or known is forgotten", source=f"{_CSUM} tcf_csum_ipv4_udp; tcf_csum_ipv6_udp computes one", sure="observed"),
        Row(when(Skb), (), compute(TRANSPORT), changed(summed=NONE, level=0), "the sum is computed anew over the bytes as they are, whatever it was; what else was owed or known is forgotten"),
    ),
)  # fmt: skip

_WEAK = (
    Row(OWED, (ABSENT_TRANSPORT,), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "a UDP sum is updated unless it is zero and nothing is owed: with an inner sum owed, an outer zero that says none becomes a number"),
    Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero"),
    Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the pseudo-header sum follows the addresses"),
    Row(ANY, (carries(Kind.UDPLITE, Kind.DCCP),), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; the sums of UDP-Lite and DCCP are not known here and do not follow", sure="derived"),
    Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum, and a CRC, is updated by the difference, so a wrong one stays wrong"),
)  # fmt: skip
ACT_NAT = Stage(
    name="tc-nat",
    title="tc nat action",
    source="linux 6.1 net/sched/act_nat.c tcf_nat_act",
    table=_WEAK,
)
OPENVSWITCH_5_16 = Stage(
    name="openvswitch-set-5.16",
    title="Open vSwitch set action",
    source="linux 5.16 net/openvswitch/actions.c set_ipv4, update_ip_l4_checksum, set_tcp, set_udp, set_sctp; set_ipv6 leaves the sum of the packet as it is (mended in 5.17)",
    table=(
        Row(when(Skb, summed=PARTIAL, crc=True), (EDITS_TRANSPORT,), (*translate(Rule.LEAVE, Rule.LEAVE), *spoil(TRANSPORT)), SAME, "edited; the difference of two CRCs goes into a field that has to be blank until it is filled: what is filled will be wrong", source="linux 6.1 net/openvswitch/actions.c set_sctp", sure="derived"),
        *_WEAK,
    ),
)  # fmt: skip
OPENVSWITCH = differing(
    OPENVSWITCH_5_16,
    "openvswitch-set",
    "linux 6.1 net/openvswitch/actions.c set_ipv6_dsfield, set_ipv6_ttl, update_ipv6_checksum",
    {},
    before={6: Row(_SUMMED, (outer_version(6),), translate(Rule.FINAL, Rule.FINAL, follows=Follows.BYTES), SAME, "translated; the sum is updated by the difference, and so is that of the packet for what is edited in the IPv6 header")},
)  # fmt: skip

_BPF = "linux 6.1 net/core/filter.c bpf_l4_csum_replace (BPF_F_PSEUDO_HDR, BPF_F_MARK_MANGLED_0)"
BPF = Stage(
    name="bpf-nat",
    title="eBPF program translates",
    source=f"{_BPF}; net/core/utils.c inet_proto_csum_replace_by_diff; cilium bpf/lib/csum.h csum_l4_offset_and_flags",
    table=(
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP, Kind.ICMPV6),), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; the program knows no sum of this header that addresses are in", sure="uncertain"),
        Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the pseudo-header sum follows the addresses"),
        Row(_SUMMED, (outer_version(6),), translate(Rule.FINAL, Rule.FINAL, follows=Follows.ADDRESSES), SAME, f"translated; {_SUMMED_WRONG}"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong one stays wrong"),
    ),
)  # fmt: skip
BPF_IPV6 = differing(
    BPF,
    "bpf-nat-ipv6",
    "linux 6.16 net/core/filter.c bpf_l4_csum_replace (BPF_F_IPV6, ead7f9b8de65)",
    {4: Row(_SUMMED, (outer_version(6),), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the program says that it is IPv6 (BPF_F_IPV6): the sum of the packet is left as it is, and stays right")},
)  # fmt: skip

XDP = Stage(
    name="xdp-edit",
    title="XDP program edits",
    source="linux 6.1 include/net/xdp.h struct xdp_buff: a program has bytes and no checksum state, and brings sums up to date by itself (bpf_csum_diff)",
    table=(
        Row(when(Skb), (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE, follows=Follows.NOTHING), SAME, "edited; a zero UDP sum stays zero"),
        Row(when(Skb), (), translate(Rule.FINAL, Rule.FINAL, follows=Follows.NOTHING), SAME, "edited; the program updates the sum by the difference; what the card found before stays what it was"),
    ),
)  # fmt: skip

IPVS = Stage(
    name="ipvs",
    title="IPVS, masquerading",
    source="linux 6.1 net/netfilter/ipvs/ip_vs_proto_tcp.c tcp_dnat_handler, ip_vs_proto_udp.c udp_dnat_handler, ip_vs_proto_sctp.c sctp_dnat_handler",
    table=(
        Row(when(Skb, summed=PARTIAL, crc=True), (EDITS_TRANSPORT,), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(TRANSPORT)), fresh(Skb, summed=UNNECESSARY), "translated; the port changes: SCTP's CRC was owed and is made, and marked as verified", source="linux 6.1 net/netfilter/ipvs/ip_vs_proto_sctp.c sctp_snat_handler, sctp_dnat_handler", sure="observed"),
        Row(when(Skb, summed=PARTIAL, crc=True), (), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; the port stays: SCTP's CRC stays owed, which is made here if the way out makes none", source="linux 6.1 net/netfilter/ipvs/ip_vs_proto_sctp.c sctp_dnat_handler (NETIF_F_SCTP_CRC)", sure="observed"),
        Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the pseudo-header sum follows the addresses, a zero UDP sum too"),
        Row(when(Skb), (ABSENT_TRANSPORT,), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(TRANSPORT)), _VERIFIED, "translated; of a UDP packet without a sum one is made over the bytes as they are, and marked as verified", source="linux 6.1 net/netfilter/ipvs/ip_vs_proto_udp.c udp_dnat_handler (full checksum calculation)", sure="observed"),
        Row(when(Skb), (carries(Kind.SCTP), EDITS_TRANSPORT), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(TRANSPORT)), _VERIFIED, "translated; the port changes, so that SCTP's CRC is computed anew, whatever it was, and marked as verified"),
        Row(when(Skb), (carries(Kind.SCTP),), translate(Rule.LEAVE, Rule.LEAVE), _VERIFIED, "translated; the port stays: nobody looks at SCTP's CRC, which is marked as verified"),
        Row(when(Skb, summed=COMPLETE), (), translate(Rule.FINAL, Rule.FINAL), changed(summed=NONE), "translated; the sum is updated by the difference, and that of the packet forgotten"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong"),
    ),
)  # fmt: skip

_NAT_H = "Cilium bpf/lib/nat.h"
_OUTSIDE_QUOTE = translate(Rule.LEAVE, Rule.LEAVE)
_QUOTED_SIX = "over IPv6 the sum of an ICMP error follows its own addresses, and what changes in the packet that it quotes"
_CANCELS = Row(ANY, (QUOTES, outer_version(6)), (*translate_quote(), *translate(Rule.FINAL, Rule.LEAVE)), SAME, f"{_QUOTED_SIX} cancels out with the TCP or UDP sum there: with an SCTP CRC it does not", source=f"{_NAT_H} snat_v6_rev_nat_handle_icmp_pkt_toobig, snat_v6_rewrite_headers, before pull request 48309", sure="derived")  # fmt: skip
_CILIUM = (
    Row(ANY, (carries(Kind.SCTP),), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; SCTP's CRC has no addresses in it, and does not follow a port: eBPF makes none", source="Cilium issue 20490; bpf/lib/csum.h csum_l4_offset_and_flags", sure="derived"),
    Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero (BPF_F_MARK_MANGLED_0)"),
    Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the pseudo-header sum follows the addresses"),
    Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong"),
)  # fmt: skip
_HELPERS = "Cilium bpf/lib/nat.h snat_v4_rewrite_headers; linux 6.1 net/core/filter.c bpf_l4_csum_replace, net/core/utils.c inet_proto_csum_replace4"
CILIUM = Stage(
    name="cilium",
    title="Cilium translates",
    source=_HELPERS,
    table=(
        Row(ANY, (QUOTES, outer_version(6)), (*translate_quote(port=Rule.FINAL), *translate(Rule.FINAL, Rule.LEAVE)), SAME, f"{_QUOTED_SIX} is followed as well", source=f"{_NAT_H} with pull request 48309", sure="derived"),
        Row(ANY, (QUOTES,), (*translate_quote(port=Rule.FINAL), *_OUTSIDE_QUOTE), SAME, "an ICMP error: what it quotes is translated the other way round, and its sum follows what has changed there", source=f"{_NAT_H} with pull request 48819: no correction where what is quoted has no pseudo-header", sure="derived"),
        *_CILIUM,
    ),
)  # fmt: skip
CILIUM_1_19 = Stage(
    name="cilium-1.19",
    title="Cilium translates",
    source=_HELPERS,
    table=(
        _CANCELS,
        Row(ANY, (QUOTES,), (*translate_quote(address=Rule.FINAL), *_OUTSIDE_QUOTE), SAME, "an ICMP error: what it quotes is translated the other way round, and its sum follows as if a quoted TCP or UDP sum had taken up the addresses, whatever is quoted", source=f"{_NAT_H} snat_v4_calc_icmp_error_csum_diff (pull request 43196) before 48819"),
        *_CILIUM,
    ),
)  # fmt: skip
CILIUM_1_17 = Stage(
    name="cilium-1.17",
    title="Cilium translates",
    source=_HELPERS,
    table=(
        Row(ANY, (QUOTES, SHORT_QUOTE), DROP, SAME, "an ICMP error that quotes TCP without its sum: the update of that fails, and the error is dropped (DROP_CSUM_L4)", source=f"{_NAT_H} before pull request 40194; Cilium issue 33844"),
        _CANCELS,
        Row(ANY, (QUOTES,), (*translate_quote(), *_OUTSIDE_QUOTE), SAME, "an ICMP error: what it quotes is translated the other way round, and its own sum does not follow", source=f"{_NAT_H} before pull requests 43196 and 48086; Cilium issue 40827"),
        *_CILIUM,
    ),
)  # fmt: skip

OPTIONS: Mapping[str, int] = {"mss": 2, "window-scale": 3, "sack-permitted": 4, "sack": 5, "timestamps": 8}
"""Options of TCP that a rule may strip, by number (IANA, TCP Option Kind Numbers)."""
IN_NETFILTER = frozenset({"nft", "iptables", "nfqueue", "synproxy", "pf", "reject"})
"""What rewrites in the netfilter hooks without a connection, by the word that topologies have for it; behind nfqueue it is a program
(stages/programs.py)."""
IN_DRIVER = frozenset({"xdp"})
"""What rewrites in a card's driver, before there is a socket buffer."""
AT_DEVICE = frozenset({"pedit", "act-nat", "openvswitch", "act-csum", "bpf", "bpf-ipv6"})
"""What rewrites where a packet comes in by a device, before IP input, and where it leaves, before the device's features are asked for."""
STATELESS = IN_NETFILTER | AT_DEVICE | IN_DRIVER
ONLY_EDIT = frozenset({"act-csum", "iptables", "synproxy", "pf", "reject"})
"""Those that translate no addresses."""
ONLY_TRANSLATE = frozenset({"act-nat", "bpf", "bpf-ipv6"})
"""Those that do nothing else."""
TRACKED = ("conntrack", "ipvs")
"""Who translates by the connection tracking of the kernel, which looks at sums."""
OF_CONNECTIONS = (*TRACKED, "cilium", "cilium-1.19", "cilium-1.17")
"""Who translates with a memory, so that replies are translated back."""
TRANSLATORS = ("af-to", "jool", "jool-3.2", "jool-3.3")
"""Who translates between IPv4 and IPv6 (stages/translators.py)."""
GATHERING = ("jool", "jool-3.2", "jool-3.3")
"""Those that have fragments put together before they see them."""
EDITORS: Mapping[str, Stage] = {
    "nft": NFT,
    "iptables": MANGLE,
    "synproxy": SYNPROXY,
    "pedit": PEDIT,
    "act-nat": ACT_NAT,
    "openvswitch": OPENVSWITCH,
    "bpf": BPF,
    "xdp": XDP,
    "act-csum": CSUM,
    "act-csum-ip": CSUM_IP,
    "ipvs": IPVS,
    "cilium": CILIUM,
    "cilium-1.19": CILIUM_1_19,
    "cilium-1.17": CILIUM_1_17,
}
"""Who edits by which table, by the word that topologies have for it; a preset may have others. ``act-csum-ip`` is what act-csum
does to the IPv4 header, ``act-csum-in`` what it does to a packet that comes in, where that is something else."""
