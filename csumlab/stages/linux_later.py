"""Linux after 6.1 as far as its tables differ. Each is the table of 6.1 with a row that is another; the others are the same rows."""

from __future__ import annotations

from dataclasses import replace

from csumlab.conditions import BUNDLED, EXTENSIONS, LONG, carries, feature, knob, version
from csumlab.headers import Kind
from csumlab.operations import DROP, KEEP, POP, UNBUNDLE, compute, write_pseudo
from csumlab.stage import ANY, SAME, Mended, Row, differing
from csumlab.stages import linux, rewriters, tunnels
from csumlab.stages.patterns import OWED

_ASKS = (carries(Kind.UDP), knob("udp-segment"))
_NO_OFFLOAD = "linux commit 10154dbded6d (6.11) net/ipv4/udp.c udp_send_skb, udp4_hwcsum; mended by d96016a764f6 (6.12)"


SENDER_6_11 = differing(
    linux.SENDER,
    "sender-6.11",
    linux.SENDER.source,
    {8: Row(ANY, _ASKS, write_pseudo(linux.TRANSPORT), linux.TO_NONE, "the program asks for segmentation: the pseudo-header's sum only, with no note that it is owed; what fits one datagram is never cut, where a segment would get its sum", source=_NO_OFFLOAD, mended=Mended("Linux 6.12", "d96016a764f6"))},
)  # fmt: skip
SENDER_6_12 = differing(
    linux.SENDER,
    "sender-6.12",
    linux.SENDER.source,
    {8: Row(ANY, _ASKS, compute(linux.TRANSPORT), linux.TO_NONE, "the program asks for segmentation of what fits one datagram: summed in software like any other", source="linux 6.12 net/ipv4/udp.c udp_send_skb")},
)  # fmt: skip

EGRESS_6_16 = differing(
    linux.EGRESS,
    "egress-6.16",
    "linux 6.16 net/core/dev.c validate_xmit_skb, skb_csum_hwoffload_help, skb_checksum_help (skb_warn_bad_offload)",
    {11: Row(OWED, (LONG, feature("tx-checksum-ipv6"), version(6), EXTENSIONS), DROP, SAME, "behind IPv6 extension headers a sum is not left to a device that offers tx-checksum-ipv6 only, but cutting is: the kernel would have to fill a super-frame, warns of it and drops it", mended=Mended("Linux 6.17", "864e3396976e", "later stable kernels"))},
)  # fmt: skip

CSUM_6_12 = differing(
    rewriters.CSUM,
    "tc-csum-6.12",
    rewriters.CSUM.source,
    {5: Row(ANY, (LONG, carries(Kind.UDP)), KEEP, SAME, "segmentation will compute the sums, a tunnel's too", source="linux 6.12.111 net/sched/act_csum.c tcf_csum_ipv4_udp (SKB_GSO_UDP_TUNNEL, SKB_GSO_UDP_TUNNEL_CSUM)")},
)  # fmt: skip

SEGMENTATION_6_12 = replace(
    linux.SEGMENTATION,
    name="segmentation-6.12",
    like=linux.SEGMENTATION,
    table=tuple(row for row in linux.SEGMENTATION.table if "1118aaa3b351" not in row.source),
)
"""What is to be encrypted is known by its security path, which is not dropped (linux 6.15 net/ipv4/udp_offload.c, commit 1118aaa3b351)."""

DECAPSULATE_6_9 = differing(
    tunnels.DECAPSULATE,
    "decapsulate-6.9",
    tunnels.DECAPSULATE.source,
    {3: Row(OWED, (BUNDLED,), (*UNBUNDLE, *POP), linux.TO_NONE, "datagrams that were merged on the way here are cut again before the tunnel looks at each", source="linux 6.12 include/linux/udp.h udp_unexpected_gso; net/ipv4/udp.c udp_queue_rcv_skb")},
)  # fmt: skip
