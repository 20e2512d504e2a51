"""What becomes of packets to groups, beside what becomes of all: the copy for the sender's own sockets, and routers of groups, as tables."""

from __future__ import annotations

from csumlab.conditions import TTL_EXPIRES
from csumlab.operations import DECREMENT_TTL, DROP, KEEP
from csumlab.stage import (
    ANY,
    SAME,
    Part,
    Row,
    Stage,
    changed,
    when,
)
from csumlab.stages.linux import TO_UNNECESSARY
from csumlab.stages.patterns import OWED
from csumlab.state import Skb, Summed, XenSkb

_COPY = "a copy for the sockets of the host that sends"
_XMIT = "net/core/dev.c dev_loopback_xmit; net/ipv4/ip_output.c ip_mc_output; net/ipv6/ip6_output.c ip6_finish_output2"

LOOPED_BACK = Stage(
    name="looped-back",
    title="looped back to the sender",
    source=f"linux 6.1 {_XMIT}",
    table=(
        Row(when(Skb, summed=Summed.NONE), (), KEEP, changed(summed=Summed.UNNECESSARY, level=0), f"{_COPY}: that nothing is owed counts as verified", vouches=True),
        Row(when(Skb), (), KEEP, SAME, f"{_COPY}: what is owed stays owed"),
    ),
)  # fmt: skip

LOOPED_BACK_5_15 = Stage(
    name="looped-back-5.15",
    title=LOOPED_BACK.title,
    source=f"linux 5.15 {_XMIT}; mended by linux commit 9122a70a6333 (5.16, and stable kernels of November 2021)",
    table=(
        Row(OWED, (), KEEP, TO_UNNECESSARY, f"{_COPY}: what is owed is marked as verified, and nobody will fill it", vouches=True),
        Row(when(Skb), (), KEEP, TO_UNNECESSARY, f"{_COPY}: whatever it is, it is marked as verified", vouches=True),
    ),
)  # fmt: skip

XEN_LOOPED_BACK = Stage(
    name="xen-looped-back",
    title=LOOPED_BACK.title,
    source="linux 2.6.12 net/ipv4/ip_output.c ip_dev_loopback_xmit",
    table=(
        Row(when(XenSkb), (), KEEP, changed(summed=Summed.UNNECESSARY), f"{_COPY}: whatever it is, it is marked as verified", sure="derived", vouches=True),
    ),
)  # fmt: skip

MULTICAST_FORWARD = Stage(
    name="multicast-forward",
    title="multicast forwarding",
    source="linux 6.1 net/ipv4/ipmr.c ip_mr_forward, ipmr_queue_xmit; net/ipv6/ip6mr.c ip6_mr_forward, ip6mr_forward2",
    part=Part.FORWARD,
    table=(
        Row(ANY, (TTL_EXPIRES,), DROP, SAME, "TTL or hop limit is not above the threshold of the way out: it is dropped"),
        Row(ANY, (), DECREMENT_TTL, SAME, "routed on; the IPv4 header sum follows the TTL; what the packet carries goes with it, a sum of the whole packet too"),
    ),
)  # fmt: skip
