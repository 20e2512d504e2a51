"""The fast path of forwarding (nftables' flowtable), as tables: packets of flows that it knows, taken where they come in by a device, before
IP input and the hooks, and sent out by another."""

from __future__ import annotations

from dataclasses import replace

from csumlab.conditions import ABSENT_TRANSPORT, FOR_DESTINATIONS, outer_version
from csumlab.operations import DECREMENT_TTL, Rule, translate
from csumlab.stage import ANY, SAME, Part, Row, Stage
from csumlab.stages.patterns import OWED

FLOWTABLE_NAT = Stage(
    name="flowtable-nat",
    title="flowtable translates",
    source="linux 6.1 net/netfilter/nf_flow_table_ip.c nf_flow_nat_ip_tcp, nf_flow_nat_ip_udp; nf_flow_table_core.c nf_flow_nat_port_tcp, nf_flow_nat_port_udp",
    table=(
        Row(OWED, (ABSENT_TRANSPORT,), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "a UDP sum is updated unless it is zero and nothing is owed: with an inner sum owed, an outer zero that says none becomes a number"),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero"),
        Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the update looks only at ip_summed: what the field holds is taken for the pseudo-header sum, which the fill to come will start from"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong"),
    ),
)  # fmt: skip

_FORGETS = "by a rule for destinations the IPv4 header's own sum does not follow"
FLOWTABLE_NAT_4_16 = replace(
    FLOWTABLE_NAT,
    name="flowtable-nat-4.16",
    source="linux 4.16 net/ipv4/netfilter/nf_flow_table_ipv4.c nf_flow_snat_ip, nf_flow_dnat_ip",
    table=(
        *(
            replace(
                row,
                given=(FOR_DESTINATIONS, outer_version(4), *row.given),
                does=tuple(replace(do, ip=Rule.LEAVE) for do in row.does),
                because=f"{_FORGETS}; {row.because}",
            )
            for row in FLOWTABLE_NAT.table
        ),
        *FLOWTABLE_NAT.table,
    ),
    like=FLOWTABLE_NAT,
)

FLOWTABLE = Stage(
    name="flowtable",
    part=Part.FORWARD,
    title="flowtable forwards",
    source="linux 6.1 net/netfilter/nf_flow_table_ip.c nf_flow_offload_ip_hook, nf_flow_offload_ipv6_hook",
    table=(
        Row(ANY, (), DECREMENT_TTL, SAME, "forwarded before IP input: the IPv4 header sum is not verified and follows the TTL, connection tracking verifies nothing, and what follows the packet is not cut off"),
    ),
)  # fmt: skip
