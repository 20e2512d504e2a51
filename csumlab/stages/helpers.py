"""What helpers of connection tracking do to packets of the connections that they know (application-level gateways), as tables.

They rewrite addresses in the payload, so that a packet may become longer or shorter, and shift the sequence numbers of what comes after it.
None of them asks whether a sum is right. They run where a packet leaves the hooks, behind translation; one that connection tracking found
INVALID belongs to no connection and has none (net/netfilter/nf_conntrack_proto.c nf_confirm).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from csumlab.conditions import ABSENT_TRANSPORT
from csumlab.headers import Layer
from csumlab.operations import Rule, Selector, rewrite, translate, write_pseudo
from csumlab.packet import Header
from csumlab.stage import (
    ANY,
    SAME,
    Row,
    Stage,
    Token,
    fresh,
)
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed

REWRITE = Stage(
    name="helper",
    title="conntrack helper",
    source="linux 6.1 net/netfilter/nf_nat_helper.c __nf_nat_mangle_tcp_packet, nf_nat_mangle_udp_packet; nf_nat_proto.c nf_nat_csum_recalc",
    table=(
        Row(OWED, (), rewrite(Rule.PSEUDO), SAME, "the payload is rewritten; the pseudo-header sum follows the length, and the fill to come will see the rest", sure="observed"),
        Row(ANY, (ABSENT_TRANSPORT,), rewrite(Rule.LEAVE), SAME, "the payload is rewritten; a zero UDP sum stays zero", sure="observed"),
        Row(ANY, (), (*rewrite(Rule.LEAVE), *write_pseudo(Selector.TRANSPORT)), fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT), "the payload is rewritten; whatever the sum was, the pseudo-header's takes its place and the rest is owed", sure="observed"),
    ),
)  # fmt: skip

SNMP = Stage(
    name="helper-snmp",
    title="conntrack helper for SNMP",
    source="linux 6.1 net/ipv4/netfilter/nf_nat_snmp_basic_main.c snmp_helper, fast_csum",
    table=(
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "an address in the payload is rewritten; a zero UDP sum stays zero", sure="observed"),
        Row(OWED, (), translate(Rule.LEAVE, Rule.FINAL), SAME, "an address in the payload is rewritten; the helper does not ask whether the sum is owed and updates the pseudo-header's as a finished one: what is filled will be wrong by the difference", sure="observed"),
        Row(ANY, (), translate(Rule.LEAVE, Rule.FINAL), SAME, "an address in the payload is rewritten; the sum is updated by the difference, so a wrong one stays wrong", sure="observed"),
    ),
)  # fmt: skip

SEQUENCE = Stage(
    name="sequence-numbers",
    title="sequence numbers behind a helper",
    source="linux 6.1 net/netfilter/nf_conntrack_seqadj.c nf_ct_seq_adjust, nf_ct_sack_block_adjust",
    table=(
        Row(OWED, (), translate(Rule.LEAVE, Rule.LEAVE), SAME, "sequence numbers are shifted by what the helper made longer before; the fill to come will see it", sure="observed"),
        Row(ANY, (), translate(Rule.LEAVE, Rule.FINAL), SAME, "sequence numbers are shifted by what the helper made longer before; the sum is updated by the difference, so a wrong one stays wrong", sure="observed"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper: the ``ports`` of its protocol by layer, the table of what it does (``by``, a word of a preset's editors), and whether it
    changes lengths, so that ``shifted`` sequence numbers follow."""

    ports: Mapping[Layer, tuple[int, ...]]
    by: str = "helper"
    shifted: bool = True


HELPERS: Mapping[str, Helper] = {
    "ftp": Helper({Layer.TCP: (21,)}),
    "irc": Helper({Layer.TCP: (6667,)}),
    "sip": Helper({Layer.UDP: (5060,), Layer.TCP: (5060,)}),
    "amanda": Helper({Layer.UDP: (10080,)}),
    "h323": Helper({Layer.TCP: (1720,), Layer.UDP: (1719,)}),
    "pptp": Helper({Layer.TCP: (1723,)}, shifted=False),
    "snmp": Helper({Layer.UDP: (161, 162)}, by="helper-snmp", shifted=False),
}
"""By the kernel's name (``nfct helper``, nft ct helper); those of TFTP and others that rewrite nothing are left out."""
EDITORS: Mapping[str, Stage] = {"helper": REWRITE, "helper-snmp": SNMP, "sequence": SEQUENCE}


def helped_ports(name: str) -> Iterator[int]:
    """The ports that a helper of this name looks at, none of no helper."""
    for ports in HELPERS[name].ports.values() if name else ():
        yield from ports


def looks_at(name: str, transport: Header | None) -> bool:
    """Whether a helper of this name looks at what a header carries: what is for one of its ports, and the answers."""
    ports = HELPERS[name].ports.get(transport.layer, ()) if transport is not None else ()
    sides = (transport.source, transport.destination) if transport is not None else ()
    return any(side is not None and side.within(port, port) for side in sides for port in ports)
