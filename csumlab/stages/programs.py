"""Programs that take packets out of the kernel and put them back, as tables. Which behaviours there are is told by ``csumlab/programs.py``.

What a program gets by a packet socket or a ring of vhost-user comes with a header, a status or nothing that says what stood beside the
packet; inside the program the state here is what it was told.

A queue keeps the kernel's own packet and gives the program a copy. If the verdict has no payload, the kernel goes on with what it kept; if
it has one, the bytes are the program's and nothing is known of them, whatever stood beside the packet before.
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    EDITS,
    FRAGMENT,
    LONG,
    carries,
    knob,
    outer_version,
    right,
    wrong,
)
from csumlab.headers import Kind
from csumlab.operations import (
    DROP,
    KEEP,
    REJECT,
    TRIM,
    Rule,
    Selector,
    compute,
    exchange,
    fill,
    translate,
    write_zero,
)
from csumlab.stage import (
    ANY,
    SAME,
    Row,
    Stage,
    changed,
    fresh,
    when,
)
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed

_HEEDS_OWED = knob("heeds-owed")
_BUILD = "linux 6.1 net/netfilter/nfnetlink_queue.c nfqnl_build_packet_message, nfqnl_put_packet_info"
_MANGLE = "linux 6.1 net/netfilter/nfnetlink_queue.c nfqnl_recv_verdict, nfqnl_mangle"

NFQUEUE = Stage(
    name="nfqueue",
    title="queue to a program",
    source=_BUILD,
    table=(
        Row(OWED, (knob("takes-unfinished"),), KEEP, SAME, "the program asked for packets as they are (NFQA_CFG_F_GSO): NFQA_SKB_CSUMNOTREADY tells it that the sum is still owed", sure="observed"),
        Row(when(Skb, summed=Summed.PARTIAL, crc=True), (), fill(Selector.AIMED, crc=True), fresh(Skb), "the CRC that is owed is made before the program gets its copy", source="linux 6.18 net/netfilter/nfnetlink_queue.c nf_queue_checksum_help"),
        Row(OWED, (), fill(Selector.AIMED), fresh(Skb), "what is owed is filled before the program gets its copy, and in the packet that the kernel keeps", sure="observed"),
        Row(when(Skb), (), KEEP, SAME, "nothing is owed: the program gets a copy", sure="observed"),
    ),
)  # fmt: skip

QUEUE_VERDICT = Stage(
    name="queue-verdict",
    title="program decides",
    source=_BUILD,
    table=(
        Row(ANY, (~knob("sums"),), KEEP, SAME, "the program looks at no sum"),
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is not summed", sure="derived"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP),), KEEP, SAME, "the program sums TCP and UDP", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "there is no UDP checksum to check"),
        Row(OWED, (_HEEDS_OWED,), KEEP, SAME, "NFQA_SKB_CSUMNOTREADY tells the program that the sum is still owed", sure="observed"),
        Row(when(Skb, summed=Summed.UNNECESSARY), (knob("heeds-verified"),), KEEP, SAME, "NFQA_SKB_CSUM_NOTVERIFIED is not set: believed, not checked", sure="observed"),
        Row(ANY, (right(Selector.TRANSPORT),), KEEP, SAME, "the program sums the bytes itself: right", sure="observed"),
        Row(ANY, (), REJECT, SAME, "the program sums the bytes itself: wrong; its verdict is to drop the packet", sure="observed"),
    ),
)  # fmt: skip

_BACK = changed(summed=Summed.NONE, level=0, start=None)
_OF_ZERO = "a zero UDP field says that there is no sum, and is updated as if it were one: it becomes a wrong sum"
_ZERO = "gVisor pull request 13526; OpenVPN issue 1037: an incremental update that does not ask for zero (RFC 768, RFC 3022 section 4.1)"
_UNKNOWN = "a verdict with a payload is taken back as CHECKSUM_NONE"
QUEUE_EDIT = Stage(
    name="queue-edit",
    title="program edits",
    source=_MANGLE,
    table=(
        Row(ANY, (~EDITS,), KEEP, SAME, "the verdict has no payload: the kernel goes on with the packet that it kept, and with all that stands beside it", sure="observed"),
        Row(when(Skb), (ABSENT_TRANSPORT, knob("updates-zero")), translate(Rule.FINAL, Rule.FINAL), _BACK, f"edited; {_OF_ZERO}; {_UNKNOWN}", source=_ZERO, sure="derived"),
        Row(when(Skb), (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), _BACK, f"edited; a zero UDP sum stays zero; {_UNKNOWN}", sure="observed"),
        Row(when(Skb), (knob("forgets"),), translate(Rule.LEAVE, Rule.LEAVE), _BACK, f"edited, and the sum left as it is; {_UNKNOWN}, so nobody makes it", sure="observed"),
        Row(when(Skb), (knob("anew"), ~FRAGMENT), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(Selector.TRANSPORT)), _BACK, f"edited, with a sum made anew over the bytes as they are, whatever it was; {_UNKNOWN}", sure="observed"),
        Row(OWED, (_HEEDS_OWED,), translate(Rule.PSEUDO, Rule.LEAVE), _BACK, f"edited; the unfinished sum is updated as one, but {_UNKNOWN}: that it is owed is forgotten", sure="observed"),
        Row(OWED, (), translate(Rule.FINAL, Rule.FINAL), _BACK, f"edited; the unfinished sum is updated as if it were finished, and {_UNKNOWN}: that it is owed is forgotten", sure="observed"),
        Row(when(Skb), (), translate(Rule.FINAL, Rule.FINAL), _BACK, f"edited; the sum is updated by the difference, so a wrong one stays wrong; {_UNKNOWN}", sure="observed"),
    ),
)  # fmt: skip

_HEADER = knob("keeps-header")
_READ = "linux 6.1 net/packet/af_packet.c packet_rcv, packet_recvmsg, tpacket_rcv"
_REFUSES = "https://github.com/bisdn/xdpd/issues/41; netmap sys/dev/netmap/netmap.c netmap_transmit (drop mbuf that needs checksum offload)"
PROGRAM_TAKES = Stage(
    name="program-takes",
    title="program takes the frame",
    source=_READ,
    table=(
        Row(OWED, (knob("refuses-owed"),), DROP, SAME, "the program is told that the sum is still owed, which it does not make: it drops the frame", source=_REFUSES, sure="derived"),
        Row(OWED, (_HEADER,), KEEP, SAME, "the virtio header says NEEDS_CSUM, with csum_start and csum_offset", sure="observed"),
        Row(OWED, (_HEEDS_OWED,), KEEP, SAME, "TP_STATUS_CSUMNOTREADY tells the program that the sum is still owed", sure="observed"),
        Row(when(Skb, summed=Summed.UNNECESSARY), (knob("heeds-verified"),), KEEP, changed(level=0), "the program is told that the sum is verified (TP_STATUS_CSUM_VALID, DATA_VALID): one level", sure="observed"),
        Row(when(Skb), (), KEEP, fresh(Skb), "the program gets bytes, and no word of what is verified or still owed", sure="observed"),
    ),
)  # fmt: skip

_SEND = "linux 6.1 net/packet/af_packet.c packet_snd, packet_snd_vnet_parse; include/linux/virtio_net.h virtio_net_hdr_to_skb"
_RAW = "linux 6.1 net/ipv4/raw.c raw_send_hdrinc; net/ipv6/raw.c rawv6_send_hdrinc"
_BY_RAW = knob("header-included")
_BLANK = "the sum of the IPv4 header is left to it too, and it makes none"
_BLANKS = "https://github.com/iqiyi/dpvs/pull/1061; https://github.com/AltraMayor/gatekeeper/issues/260; https://github.com/F-Stack/f-stack/issues/733"
PROGRAM_GIVES = Stage(
    name="program-gives",
    title="program hands the frame on",
    source=_SEND,
    table=(
        Row(OWED, (knob("blanks-ip"), outer_version(4)), (*fill(Selector.AIMED), *write_zero(Selector.OUTER_IP)), fresh(Skb), f"the card fills the sum that is owed; {_BLANK}", source=_BLANKS, sure="derived"),
        Row(ANY, (knob("blanks-ip"), outer_version(4)), write_zero(Selector.OUTER_IP), fresh(Skb), f"the frame goes to the card as the program wrote it; {_BLANK}", source=_BLANKS, sure="derived"),
        Row(OWED, (_HEADER, ~_BY_RAW), KEEP, SAME, "the virtio header that the program writes says NEEDS_CSUM", sure="observed"),
        Row(ANY, (LONG,), DROP, SAME, "without a virtio header that says how it is to be cut, a frame longer than the device takes is refused (EMSGSIZE)", sure="derived"),
        Row(OWED, (_BY_RAW,), (*TRIM, *fill(Selector.AIMED), *compute(Selector.OUTER_IP)), fresh(Skb), "the program knows that the sum is owed and fills it; the raw socket makes the IPv4 header's sum anew", source=_RAW, sure="observed"),
        Row(OWED, (), fill(Selector.AIMED), fresh(Skb), "the program knows that the sum is owed, has no header to say so, and fills it", sure="observed"),
        Row(ANY, (_BY_RAW,), (*TRIM, *compute(Selector.OUTER_IP)), fresh(Skb), "the raw socket makes the IPv4 header's sum anew; all else goes out as the program wrote it (CHECKSUM_NONE)", source=_RAW, sure="observed"),
        Row(ANY, (), KEEP, fresh(Skb), "the frame goes out as the program wrote it (CHECKSUM_NONE): what is owed, nobody fills", sure="observed"),
    ),
)  # fmt: skip

_OWN = "any program that routes: RFC 1812 section 5.2.2; FD.io VPP src/vnet/ip/ip4_input.h; OpenFastPath"
PROGRAM_INPUT = Stage(
    name="program-input",
    title="program looks at the packet",
    source=_OWN,
    table=(
        Row(ANY, (wrong(Selector.OUTER_IP),), DROP, SAME, "the IPv4 header's sum is wrong: not routed", sure="derived"),
        Row(ANY, (~knob("sums"),), KEEP, SAME, "the program looks at no transport sum", sure="derived"),
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is not summed", sure="derived"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP),), KEEP, SAME, "the program sums TCP and UDP", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "there is no UDP checksum to check", sure="derived"),
        Row(when(Skb, summed=(Summed.PARTIAL, Summed.UNNECESSARY)), (), KEEP, SAME, "the program was told that the sum is still owed or verified: not looked at", sure="derived"),
        Row(ANY, (right(Selector.TRANSPORT),), KEEP, SAME, "the program sums the bytes itself: right", sure="derived"),
        Row(ANY, (), REJECT, SAME, "the program sums the bytes itself: wrong; the packet is dropped", sure="derived"),
    ),
)  # fmt: skip

PROGRAM_NAT = Stage(
    name="program-nat",
    title="program translates",
    source="RFC 1624; FD.io VPP src/plugins/nat, ip_csum_update",
    table=(
        Row(ANY, (ABSENT_TRANSPORT, knob("updates-zero")), translate(Rule.FINAL, Rule.FINAL), SAME, f"translated; {_OF_ZERO}", source=_ZERO, sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero", sure="derived"),
        Row(ANY, (knob("forgets"),), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated, and the sum left as it is", sure="derived"),
        Row(when(Skb), (knob("anew"), ~FRAGMENT), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "translated, with a sum made anew over the bytes as they are, whatever it was", sure="derived"),
        Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the program was told that the sum is owed: the pseudo-header's follows the addresses", sure="derived"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, be it finished or not", sure="derived"),
    ),
)  # fmt: skip
PROGRAM_EXCHANGE = Stage(
    name="program-exchange",
    title="program exchanges IPv4 and IPv6",
    source="RFC 7915; Android external/android-clat checksum.c ip_checksum_adjust, translate.c udp_translate",
    table=(
        Row(when(Skb), (carries(Kind.ICMP, Kind.ICMPV6),), (*exchange(Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "ICMP: the IP header is exchanged, that of a quoted packet too, and the sum made anew, whatever it was", source="Android external/android-clat translate.c icmp_to_icmp6, icmp6_to_icmp"),
        Row(ANY, (ABSENT_TRANSPORT, outer_version(4)), (*exchange(Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "the IPv4 header is exchanged for one of IPv6, over which a UDP sum of zero is not allowed: one is made over what came in"),
        Row(ANY, (ABSENT_TRANSPORT, knob("updates-zero")), exchange(Rule.FINAL), SAME, f"the IPv6 header is exchanged for one of IPv4; {_OF_ZERO}", source="https://github.com/ayourtch/nat46/pull/18", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), exchange(Rule.LEAVE), SAME, "the IPv6 header is exchanged for one of IPv4; a zero UDP sum stays zero"),
        Row(when(Skb), (knob("anew"),), (*exchange(Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "the IP header is exchanged, and a sum made anew over the bytes as they are, whatever it was", sure="derived"),
        Row(OWED, (), exchange(Rule.PSEUDO), SAME, "the IP header is exchanged; the program was told that the sum is owed: the pseudo-header's follows the addresses"),
        Row(ANY, (), exchange(Rule.FINAL), SAME, "the IP header is exchanged; the sum is updated by the difference, be it finished or not"),
    ),
)  # fmt: skip
TABLES = (NFQUEUE, QUEUE_VERDICT, QUEUE_EDIT, PROGRAM_TAKES, PROGRAM_GIVES, PROGRAM_INPUT, PROGRAM_NAT, PROGRAM_EXCHANGE)
