"""Systems other than Linux as far as documents carry: FreeBSD's drivers until 2025, OpenBSD's pf of 2013, the MirageOS firewall of
Qubes OS.

FreeBSD keeps several facts beside an mbuf; here CSUM_DATA_VALID with CSUM_PSEUDO_HDR is "verified", CSUM_TCP or CSUM_UDP (CSUM_DELAY_DATA)
"to be computed". Its tables for what is not named here are those of Linux 6.1, which do the same with these two.
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    FRAGMENT,
    ODD_OPTION,
    SEGMENTED,
    TTL_EXPIRES,
    carries,
    feature,
    knob,
    right,
    wrong,
)
from csumlab.headers import Kind
from csumlab.operations import (
    ACCEPT,
    DECREMENT_TTL,
    DROP,
    JOIN,
    KEEP,
    TRIM,
    Rule,
    Selector,
    compute,
    seal,
    translate,
)
from csumlab.stage import (
    ANY,
    SAME,
    Part,
    Row,
    Stage,
    Token,
    differing,
    fresh,
    when,
)
from csumlab.stages.patterns import OWED
from csumlab.stages.tunnels import ESP_SEAL
from csumlab.state import Ring, Skb, Summed, Virtio

_VERIFIED = fresh(Skb, summed=Summed.UNNECESSARY)

FREEBSD_NETFRONT_TRANSMIT = Stage(
    name="freebsd-netfront-transmit",
    title="xn(4) to the ring",
    source="FreeBSD 10 sys/dev/xen/netfront/netfront.c xn_assemble_tx_request",
    table=(
        Row(OWED, (), KEEP, fresh(Ring, blank=True, validated=True), "the sum is left to others (CSUM_DELAY_DATA): the slot is flagged csum_blank and data_validated"),
        Row(when(Skb), (), KEEP, fresh(Ring), "no flag: what was verified on receive is not passed on"),
    ),
)  # fmt: skip

FREEBSD_NETFRONT_RECEIVE = Stage(
    name="freebsd-netfront-receive",
    title="xn(4) from the ring",
    source="FreeBSD 10 sys/dev/xen/netfront/netfront.c xn_rxeof",
    table=(
        Row(when(Ring, validated=True, blank=True), (), KEEP, _VERIFIED, "data_validated is believed and csum_blank is not looked at: that the sum is still owed is forgotten", vouches=True),
        Row(when(Ring, validated=True), (), KEEP, _VERIFIED, "data_validated is believed"),
        Row(when(Ring), (), KEEP, fresh(Skb), "no data_validated: nothing is known"),
    ),
)  # fmt: skip

FREEBSD_VTNET_RECEIVE = Stage(
    name="freebsd-vtnet-receive",
    title="vtnet(4) from the host",
    source="FreeBSD before 3008f30d2c2c (2025) sys/dev/virtio/network/if_vtnet.c vtnet_rxq_csum",
    table=(
        Row(when(Virtio, needs=True), (), KEEP, _VERIFIED, "NEEDS_CSUM counts as verified: that the sum is still owed is forgotten", sure="memory", vouches=True),
        Row(when(Virtio, valid=True), (), KEEP, _VERIFIED, "DATA_VALID is believed", sure="memory"),
        Row(when(Virtio), (), KEEP, fresh(Skb), "no flag: nothing is known", sure="memory"),
    ),
)  # fmt: skip

FREEBSD_VTNET_RECEIVE_15 = Stage(
    name="freebsd-vtnet-receive-15",
    title="vtnet(4) from the host",
    source="FreeBSD 3008f30d2c2c (2025) sys/dev/virtio/network/if_vtnet.c",
    table=(
        Row(when(Virtio, needs=True), (), KEEP, fresh(Skb, summed=Summed.PARTIAL, start=Token.AS_AIMED), "NEEDS_CSUM: the sum is still to be made (CSUM_TCP, CSUM_UDP); who takes the packet does not look at it, and who sends it on fills"),
        Row(when(Virtio, valid=True), (), KEEP, _VERIFIED, "DATA_VALID is believed", sure="memory"),
        Row(when(Virtio), (), KEEP, fresh(Skb), "no flag: nothing is known", sure="memory"),
    ),
)  # fmt: skip

FREEBSD_ESP_SEAL = differing(
    ESP_SEAL,
    "freebsd-esp-seal",
    "FreeBSD 15 sys/netipsec/ipsec_output.c ipsec4_common_output",
    {},
    {
        1: Row(
            OWED,
            (knob("forwarded"),),
            seal(),
            fresh(Skb),
            "what is forwarded is encrypted as it is: only of what this host sends itself is the sum made first (in_delayed_cksum)",
            source="FreeBSD 15 sys/netipsec/ipsec_output.c ipsec4_common_output (forwarding); https://github.com/cbsd/cbsd/issues/892",
        )
    },
)

_LRO = "FreeBSD before ca1a7e1021a9 (2021) sys/netinet/tcp_lro.c tcp_lro_rx2, tcp_lro_flush"
_MERGES = (SEGMENTED, carries(Kind.TCP))
FREEBSD_LRO = Stage(
    name="freebsd-lro",
    title="LRO",
    source=_LRO,
    table=(
        Row(ANY, (~feature("rx-gro"),), KEEP, SAME, "LRO is off"),
        Row(when(Skb), _MERGES, JOIN, _VERIFIED, "segments are merged whatever the card said of their sums; the whole counts as verified, and its field is what theirs add up to", sure="derived", vouches=True),
        Row(ANY, (), KEEP, SAME, "a segment that is merged with none is passed up as it came", sure="derived"),
    ),
)  # fmt: skip

FREEBSD_LRO_14 = Stage(
    name="freebsd-lro-14",
    title="LRO",
    source="FreeBSD ca1a7e1021a9 (2021) sys/netinet/tcp_lro.c tcp_lro_rx_common",
    table=(
        Row(ANY, (~feature("rx-gro"),), KEEP, SAME, "LRO is off"),
        Row(when(Skb, summed=Summed.UNNECESSARY), _MERGES, JOIN, _VERIFIED, "segments that the card verified are merged; the field of the whole is what theirs add up to"),
        Row(ANY, (), KEEP, SAME, "what the card did not verify is not merged"),
    ),
)  # fmt: skip

FREEBSD_INPUT = Stage(
    name="freebsd-input",
    part=Part.INPUT,
    title="IP input",
    source="FreeBSD 10 sys/netinet/ip_input.c ip_input: CSUM_IP_CHECKED; sys/dev/xen/netfront/netfront.c xn_rxeof; FreeBSD differential diff 25778",
    table=(
        Row(when(Skb, summed=Summed.UNNECESSARY), (feature("ipv4-header-checked"),), TRIM, SAME, "xn(4) said with data_validated that the IPv4 header was checked too (CSUM_IP_CHECKED): it is believed", sure="derived", vouches=True),
        Row(ANY, (wrong(Selector.OUTER_IP),), DROP, SAME, "the IPv4 header sum is checked and is wrong", sure="memory"),
        Row(ANY, (), TRIM, SAME, "the IPv4 header sum is right (IPv6 has none); what follows the packet is cut off", sure="memory"),
    ),
)  # fmt: skip

FREEBSD_PF = Stage(
    name="freebsd-pf",
    part=Part.TRANSLATION,
    title="pf translates",
    source="FreeBSD 10 before r289316 (2015) sys/netpfil/pf/pf.c pf_change_ap; reviews.freebsd.org rS289703",
    table=(
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero", sure="memory"),
        Row(OWED, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; pf knows finished sums only, so one that is left to the card follows with the opposite sign"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong", sure="memory"),
    ),
)  # fmt: skip

FREEBSD_PF_13 = Stage(
    name="freebsd-pf-13",
    part=Part.TRANSLATION,
    title="pf translates",
    source="FreeBSD since r289316 (2015) sys/netpfil/pf/pf.c pf_change_ap, pf_proto_cksum_fixup: a sum that is left to the card (CSUM_DELAY_DATA) is known",
    table=(
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero", sure="memory"),
        Row(OWED, (), translate(Rule.PSEUDO, Rule.LEAVE), SAME, "translated; the pseudo-header sum that is left to the card follows the addresses"),
        Row(ANY, (), translate(Rule.FINAL, Rule.FINAL), SAME, "translated; the sum is updated by the difference, so a wrong sum stays wrong", sure="memory"),
    ),
)  # fmt: skip

_PF_OPTIONS = "sys/netpfil/pf/pf_norm.c pf_normalize_tcp_stateful (scrub reassemble tcp modulates timestamps), pf.c pf_modulate_sack"
_PF_OWED = Row(
    OWED,
    (),
    translate(Rule.LEAVE, Rule.LEAVE),
    SAME,
    "the option is edited; the fill to come will see it",
    sure="uncertain",
)
_PF_EDITED = Row(
    ANY,
    (),
    translate(Rule.LEAVE, Rule.FINAL),
    SAME,
    "the option is edited; the sum is updated by the difference, so a wrong one stays wrong",
)
FREEBSD_PF_OPTIONS = Stage(
    name="freebsd-pf-options",
    title="pf edits TCP options",
    source=f"FreeBSD before c3f69af03ae7 (2020) {_PF_OPTIONS}; pf_cksum_fixup; FreeBSD bug 240416",
    table=(
        _PF_OWED,
        Row(ANY, (ODD_OPTION,), translate(Rule.LEAVE, Rule.SWAPPED), SAME, "the option is edited; it lies at an odd place and is counted as if it lay at an even one: the sum is wrong by 255 times the difference"),
        _PF_EDITED,
    ),
)  # fmt: skip
FREEBSD_PF_OPTIONS_13 = Stage(
    name="freebsd-pf-options-13",
    title="pf edits TCP options",
    source=f"FreeBSD 13 {_PF_OPTIONS}; pf_patch_32 (c3f69af03ae7)",
    table=(_PF_OWED, _PF_EDITED),
)

_OPENBSD = "OpenBSD 5.4 sys/net/pf.c, sys/netinet/in.c in_proto_cksum_out; Brauer, EuroBSDcon 2013, slide 27: set flag, be done"
OPENBSD_PF_CHECK = Stage(
    name="openbsd-pf-check",
    title="pf looks at the sum",
    source=_OPENBSD,
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is held until its datagram is whole", sure="memory"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6),), KEEP, SAME, "no checksum that pf knows", sure="memory"),
        Row(when(Skb, summed=(Summed.PARTIAL, Summed.UNNECESSARY)), (), KEEP, SAME, "the card says that the sum is right, or it is yet to be made: not looked at"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "a zero UDP sum says that there is none", sure="memory"),
        Row(ANY, (right(Selector.TRANSPORT),), KEEP, _VERIFIED, "verified in software; that is remembered"),
        Row(ANY, (), DROP, SAME, "verified in software: the sum is wrong, pf drops the packet"),
    ),
)  # fmt: skip

OPENBSD_PF = Stage(
    name="openbsd-pf",
    part=Part.TRANSLATION,
    title="pf translates",
    source=_OPENBSD,
    table=(
        Row(ANY, (FRAGMENT,), translate(Rule.FINAL, Rule.FINAL), SAME, "pf translates a datagram that it has put together: a fragment here follows by the difference", sure="uncertain"),
        Row(ANY, (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), SAME, "translated; a zero UDP sum stays zero", sure="memory"),
        Row(when(Skb), (), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(Selector.TRANSPORT)), fresh(Skb), "translated; the sum is not updated: a new one is made on the way out, over the bytes as they are then"),
    ),
)  # fmt: skip

MIRAGE_TRANSMIT = Stage(
    name="mirage-transmit",
    title="mirage-net-xen to the ring",
    source="mirage-net-xen before pull request 126 (2026) lib/frontend.ml, lib/backend.ml; issue 122",
    table=(
        Row(ANY, (), KEEP, fresh(Ring), "no flag is set, in either direction"),
    ),
)  # fmt: skip

MIRAGE_RECEIVE = Stage(
    name="mirage-receive",
    title="mirage-net-xen from the ring",
    source="mirage-net-xen lib/frontend.ml, lib/backend.ml; qubes-mirage-firewall issue 1; mirage pull request 286",
    table=(
        Row(when(Ring), (), KEEP, fresh(Skb), "the unikernel does not see the ring's flags: what is owed and what was verified look alike"),
    ),
)  # fmt: skip

MIRAGE_FORWARD = Stage(
    name="mirage-forward",
    part=Part.FORWARD,
    title="firewall",
    source="qubes-mirage-firewall issue 1; mirage-nat lib/nat_packet.ml",
    table=(
        Row(ANY, (TTL_EXPIRES,), DROP, SAME, "TTL is used up", sure="uncertain"),
        Row(ANY, (FRAGMENT,), DECREMENT_TTL, SAME, "a fragment is passed on as it is", sure="uncertain"),
        Row(ANY, (ABSENT_TRANSPORT,), DECREMENT_TTL, SAME, "a zero UDP sum stays", sure="uncertain"),
        Row(ANY, (carries(Kind.TCP, Kind.UDP, Kind.ICMP),), (*DECREMENT_TTL, *compute(Selector.TRANSPORT)), fresh(Skb), "the packet is written anew, with a fresh sum over whatever came in"),
        Row(ANY, (), DECREMENT_TTL, SAME, "the firewall knows TCP, UDP and ICMP only", sure="uncertain"),
    ),
)  # fmt: skip

MIRAGE_ACCEPT = Stage(
    name="mirage-accept",
    title="transport input",
    source="mirage-tcpip pull request 539: sums are not verified",
    table=(
        Row(ANY, (), ACCEPT, SAME, "mirage-tcpip verifies no sum", sure="uncertain"),
    ),
)  # fmt: skip
