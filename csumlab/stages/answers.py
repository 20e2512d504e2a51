"""Rules that refuse a packet and answer it, as tables: what is verified before an ICMP error or a TCP reset goes back, and the reset."""

from __future__ import annotations

from csumlab.conditions import ABSENT_TRANSPORT, FRAGMENT, QUOTES, agrees, carries, right, version
from csumlab.headers import Kind
from csumlab.operations import ACCEPT, DROP, Selector, compute, write_pseudo
from csumlab.stage import ANY, SAME, Part, Row, Stage, Token, fresh, when
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed

_VERIFIED = (Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6)
_UNREACH = "linux 6.1 net/ipv4/netfilter/nf_reject_ipv4.c nf_send_unreach, nf_send_reset; net/ipv6/netfilter/nf_reject_ipv6.c"

REJECT = Stage(
    name="reject",
    part=Part.FORWARD,
    title="a rule refuses and answers",
    source=f"{_UNREACH}; include/net/netfilter/nf_reject.h nf_reject_verify_csum; net/netfilter/utils.c nf_ip_checksum",
    table=(
        Row(ANY, (QUOTES,), DROP, SAME, "refused: nobody answers an ICMP error", source="linux 6.1 net/ipv4/icmp.c __icmp_send; RFC 1122 section 3.2.2"),
        Row(ANY, (FRAGMENT,), DROP, SAME, "refused: of fragments only a first one that is right by itself is answered", source=_UNREACH, sure="derived"),
        Row(OWED, (), ACCEPT, SAME, "refused, and answered by an ICMP error or a reset: a sum that is still owed is trusted", sure="observed"),
        Row(when(Skb, summed=Summed.UNNECESSARY), (), ACCEPT, SAME, "refused, and answered by an ICMP error or a reset: marked as verified, which is trusted"),
        Row(ANY, (~carries(*_VERIFIED),), ACCEPT, SAME, "refused, and answered by an ICMP error: nobody looks at a sum of this protocol", sure="observed"),
        Row(ANY, (ABSENT_TRANSPORT,), ACCEPT, SAME, "refused, and answered by an ICMP error: there is no UDP sum", sure="observed"),
        Row(when(Skb, summed=Summed.COMPLETE), (agrees(Selector.TRANSPORT),), ACCEPT, SAME, "refused, and answered by an ICMP error or a reset: right by the sum that came with the packet"),
        Row(ANY, (right(Selector.TRANSPORT),), ACCEPT, SAME, "refused, and answered by an ICMP error or a reset: verified, the sum is right", sure="observed"),
        Row(ANY, (), DROP, SAME, "refused without an answer: verified, the sum is wrong", sure="observed"),
    ),
)  # fmt: skip

RESET = Stage(
    name="reject-reset",
    part=Part.SENDER,
    title="a rule answers with a reset",
    source="linux 6.1 net/ipv4/netfilter/nf_reject_ipv4.c nf_reject_ip_tcphdr_put; net/ipv6/netfilter/nf_reject_ipv6.c nf_reject_ip6_tcphdr_put",
    table=(
        Row(ANY, (version(4),), write_pseudo(Selector.TRANSPORT), fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT), "a reset from the address that the refused packet was for; over IPv4 its sum is left to whoever transmits it", sure="observed"),
        Row(ANY, (), compute(Selector.TRANSPORT), fresh(Skb), "a reset from the address that the refused packet was for; over IPv6 the rule makes the whole sum", sure="observed"),
    ),
)  # fmt: skip
