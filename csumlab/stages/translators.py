"""Translators between IPv4 and IPv6 (NAT64), as tables. The IP header is exchanged, and with it the pseudo-header (RFC 7915)."""

from __future__ import annotations

from dataclasses import replace

from csumlab.conditions import ABSENT_TRANSPORT, QUOTES, SPOILT_QUOTE, carries, outer_version, wrong
from csumlab.headers import Kind
from csumlab.operations import DROP, Rule, Selector, compute, exchange
from csumlab.stage import ANY, SAME, Row, Stage, differing, fresh, when
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed

_OWED = Row(OWED, (), exchange(Rule.PSEUDO), SAME, "the IP header is exchanged; the pseudo-header sum is that of the new one, and the fill to come will see the rest", sure="derived")  # fmt: skip
_MADE = Row(ANY, (ABSENT_TRANSPORT, outer_version(4)), (*exchange(Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "the IPv4 header is exchanged for one of IPv6, over which a UDP sum of zero is not allowed: one is made over what came in")  # fmt: skip
_NONE = Row(
    ANY, (ABSENT_TRANSPORT,), exchange(Rule.LEAVE), fresh(Skb), "the IPv6 header is exchanged for one of IPv4; a zero UDP sum stays zero"
)
_FOLLOWS = Row(
    ANY, (), exchange(Rule.FINAL), fresh(Skb), "the IP header is exchanged; the sum follows by the difference, so a wrong one stays wrong"
)
_ANEW = (*exchange(Rule.LEAVE), *compute(Selector.TRANSPORT))
_ERROR = "Jool src/mod/common/rfc7915/4to6.c post_icmp6error, 6to4.c post_icmp4error, validate_icmp4_csum, validate_icmp6_csum"
_ERRORS = (
    Row(when(Skb, summed=Summed.NONE), (QUOTES, wrong(Selector.TRANSPORT)), DROP, SAME, "an ICMP error is verified before what it quotes is exchanged too; its sum is wrong, it is dropped", source=_ERROR),
    Row(when(Skb, summed=Summed.NONE), (QUOTES,), _ANEW, fresh(Skb), "an ICMP error, verified: the IP headers are exchanged, that of the packet that it quotes too, and its sum is made anew", source=_ERROR),
    Row(ANY, (QUOTES,), _ANEW, fresh(Skb), "an ICMP error whose sum a card has spoken of, so that it is not looked at: what it quotes is exchanged too, and the sum made anew, whatever it was", source=_ERROR),
)  # fmt: skip
_PF_ICMP = Row(ANY, (carries(Kind.ICMP, Kind.ICMPV6),), _ANEW, fresh(Skb), "ICMP: the IP header is exchanged, that of a quoted packet too, and the sum made anew, whatever it was", source="OpenBSD sys/net/pf.c pf_translate_af, from which FreeBSD has it", sure="derived")  # fmt: skip

JOOL = Stage(
    name="jool",
    title="Jool, NAT64",
    source="Jool src/mod/common/rfc7915/4to6.c ttp46_udp, 6to4.c ttp64_tcp; RFC 7915 sections 4.1, 4.5, 5.1; RFC 6146 section 3.4",
    table=(*_ERRORS, _MADE, _OWED, _NONE, _FOLLOWS),
)
JOOL_3_3 = Stage(
    name="jool-3.3",
    title="Jool, NAT64",
    source="Jool 3.3 mod/6to4.c ttp64_tcp, ttp64_udp, update_csum_6to4; https://github.com/NICMx/Jool/issues/159",
    table=(
        *(replace(row, sure="derived") for row in _ERRORS),
        _MADE,
        Row(OWED, (), exchange(Rule.FINAL), fresh(Skb), "the IP header is exchanged; a sum that is owed is updated as a finished one, and the new packet is not told that it is owed"),
        _NONE,
        _FOLLOWS,
    ),
)  # fmt: skip
JOOL_3_2 = differing(
    JOOL_3_3,
    "jool-3.2",
    "https://github.com/NICMx/Jool/issues/126 (January 2015)",
    {},
    {1: Row(ANY, (SPOILT_QUOTE,), DROP, SAME, "an ICMP error that quotes an IPv4 header with a wrong sum is dropped, right as it is itself")},
)  # fmt: skip
AF_TO = Stage(
    name="pf-af-to",
    title="pf, af-to",
    source="FreeBSD 15 sys/netpfil/pf/pf.c pf_translate_af, pf_change_ap (5d1219378dd5); RFC 7915 section 4.5",
    table=(_PF_ICMP, _MADE, _OWED, _NONE, _FOLLOWS),
)
AF_TO_BEFORE = Stage(
    name="pf-af-to-before",
    title="pf, af-to",
    source="FreeBSD fcdb520c1b4e until 5d1219378dd5 (2025) sys/netpfil/pf/pf.c pf_translate_af, pf_change_ap",
    table=(
        Row(ANY, (ABSENT_TRANSPORT, outer_version(4)), exchange(Rule.LEAVE), fresh(Skb), "the IPv4 header is exchanged for one of IPv6; a zero UDP sum stays zero, which is not allowed there"),
        _PF_ICMP,
        _OWED,
        _NONE,
        _FOLLOWS,
    ),
)  # fmt: skip
