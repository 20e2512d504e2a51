"""Translators between IPv4 and IPv6 (NAT64), as tables. The IP header is exchanged, and with it the pseudo-header (RFC 7915)."""

from __future__ import annotations

from csumlab.stage import ABSENT_TRANSPORT, ANY, SAME, Row, Rule, Selector, Stage, compute, exchange, fresh, outer_version, when
from csumlab.state import Skb, Summed

_OWED = Row(when(Skb, summed=Summed.PARTIAL), (), exchange(Rule.PSEUDO), SAME, "the IP header is exchanged; the pseudo-header sum is that of the new one, and the fill to come will see the rest", sure="derived")  # fmt: skip
_MADE = Row(ANY, (ABSENT_TRANSPORT, outer_version(4)), (*exchange(Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "the IPv4 header is exchanged for one of IPv6, over which a UDP sum of zero is not allowed: one is made over what came in")  # fmt: skip
_NONE = Row(
    ANY, (ABSENT_TRANSPORT,), exchange(Rule.LEAVE), fresh(Skb), "the IPv6 header is exchanged for one of IPv4; a zero UDP sum stays zero"
)
_FOLLOWS = Row(
    ANY, (), exchange(Rule.FINAL), fresh(Skb), "the IP header is exchanged; the sum follows by the difference, so a wrong one stays wrong"
)

JOOL = Stage(
    name="jool",
    title="Jool, NAT64",
    source="Jool src/mod/common/rfc7915/4to6.c ttp46_udp, 6to4.c ttp64_tcp; RFC 7915 sections 4.1, 4.5, 5.1; RFC 6146 section 3.4",
    table=(_MADE, _OWED, _NONE, _FOLLOWS),
)
AF_TO = Stage(
    name="pf-af-to",
    title="pf, af-to",
    source="FreeBSD 15 sys/netpfil/pf/pf.c pf_translate_af, pf_change_ap (5d1219378dd5); RFC 7915 section 4.5",
    table=(_MADE, _OWED, _NONE, _FOLLOWS),
)
AF_TO_BEFORE = Stage(
    name="pf-af-to-before",
    title="pf, af-to",
    source="FreeBSD fcdb520c1b4e until 5d1219378dd5 (2025) sys/netpfil/pf/pf.c pf_translate_af, pf_change_ap",
    table=(
        Row(ANY, (ABSENT_TRANSPORT, outer_version(4)), exchange(Rule.LEAVE), fresh(Skb), "the IPv4 header is exchanged for one of IPv6; a zero UDP sum stays zero, which is not allowed there"),
        _OWED,
        _NONE,
        _FOLLOWS,
    ),
)  # fmt: skip
