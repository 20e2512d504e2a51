"""Rules that refuse a packet and answer it, as tables: what is verified before an ICMP error or a TCP reset goes back, and the reset."""

from __future__ import annotations

from dataclasses import replace

from csumlab.conditions import ABSENT_TRANSPORT, FRAGMENT, QUOTES, agrees, carries, right, version
from csumlab.headers import Kind
from csumlab.operations import ACCEPT, DROP, Selector, compute, write_pseudo
from csumlab.stage import ANY, SAME, Mended, Part, Row, Stage, Token, differing, fresh, when
from csumlab.stages.linux import WITH_CHECKSUM
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

_ZERO = Mended("Linux 5.19", "4f9bd53084d1")
_ALL = Mended("Linux 5.1", "7fc38225363d")
_OF_NO_SUM = next(n for n, row in enumerate(REJECT.table, 1) if row.given == (ABSENT_TRANSPORT,))
_OF_OTHERS = next(n for n, row in enumerate(REJECT.table, 1) if row.given == (~carries(*_VERIFIED),))
REJECT_5_18 = differing(
    REJECT,
    "reject-5.18",
    "linux 5.18 include/net/netfilter/nf_reject.h nf_reject_verify_csum (it asks for the protocol only); mended by linux commit 4f9bd53084d1",
    {_OF_NO_SUM: Row(ANY, (ABSENT_TRANSPORT,), DROP, SAME, "refused without an answer: that there is no UDP sum is taken for a wrong one", mended=_ZERO)},
)  # fmt: skip
_ANY_PROTOCOL = "refused without an answer: whatever the protocol is, its bytes are verified as if they had"
REJECT_5_0 = replace(
    REJECT_5_18,
    name="reject-5.0",
    source="linux 5.0 net/ipv4/netfilter/nf_reject_ipv4.c nf_send_unreach; net/ipv6/netfilter/nf_reject_ipv6.c reject6_csum_ok; mended by linux commit 7fc38225363d (5.1)",
    like=REJECT_5_18,
    table=(
        *REJECT_5_18.table[: _OF_OTHERS - 1],
        Row(ANY, (carries(Kind.SCTP),), DROP, SAME, f"{_ANY_PROTOCOL} an Internet checksum, which a CRC is not", source="linux commit cf6e007eef83 tells so of SCTP", mended=_ALL),
        Row(ANY, (version(4), carries(Kind.UDPLITE, Kind.DCCP)), DROP, SAME, f"{_ANY_PROTOCOL} a sum without a pseudo-header", mended=_ALL),
        Row(ANY, (~carries(*WITH_CHECKSUM),), DROP, SAME, f"{_ANY_PROTOCOL} a sum, and these have none", mended=_ALL),
        *REJECT_5_18.table[_OF_OTHERS:],
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
