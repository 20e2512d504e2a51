"""The fast path of forwarding (nftables' flowtable), as tables: packets of flows that it knows, taken where they come in by a device, before
IP input and the hooks, and sent out by another."""

from __future__ import annotations

from csumlab.stage import ABSENT_TRANSPORT, ANY, DECREMENT_TTL, SAME, Part, Row, Rule, Stage, translate, when
from csumlab.state import Skb, Summed

_OWED = when(Skb, summed=Summed.PARTIAL)

FLOWTABLE_NAT = Stage(
    name="flowtable-nat",
    title="flowtable translates",
    source="linux 6.1 net/netfilter/nf_flow_table_ip.c nf_flow_nat_ip_tcp, nf_flow_nat_ip_udp; nf_flow_table_core.c nf_flow_nat_port_tcp, nf_flow_nat_port_udp",
    table=(
        Row(_OWED, (ABSENT_TRANSPORT,), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "a UDP sum is updated unless it is zero and nothing is owed: with an inner sum owed, an outer zero that says none becomes a number"),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero"),
        Row(_OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the update looks only at ip_summed: what the field holds is taken for the pseudo-header sum, which the fill to come will start from"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong"),
    ),
)  # fmt: skip

FLOWTABLE = Stage(
    name="flowtable",
    part=Part.FORWARD,
    title="flowtable forwards",
    source="linux 6.1 net/netfilter/nf_flow_table_ip.c nf_flow_offload_ip_hook, nf_flow_offload_ipv6_hook",
    table=(
        Row(ANY, (), DECREMENT_TTL, SAME, "forwarded before IP input: the IPv4 header sum is not verified and follows the TTL, connection tracking verifies nothing, and what follows the packet is not cut off"),
    ),
)  # fmt: skip
