"""Segment routing (SRv6, RFC 8754, RFC 8986): what a host does with a packet that is sent to one of its segments, as a table.

A policy is a tunnel with a list of segments to pass, and its end takes the packet out: both by the tables of ``stages/tunnels.py``.
"""

from __future__ import annotations

from csumlab.conditions import knob
from csumlab.operations import DROP, Follows, advance
from csumlab.stage import SAME, Row, Stage, when
from csumlab.state import Skb, Summed

SEGMENT_END = Stage(
    name="segment-end",
    title="segment routing, End",
    source="linux 6.1 net/ipv6/seg6_local.c input_action_end_core, get_and_validate_srh, advance_nextseg, seg6_lookup_any_nexthop",
    table=(
        Row(when(Skb), (knob("no-segments"),), DROP, SAME, "the packet has no segment routing header with segments left"),
        Row(when(Skb), (knob("leads-here"),), DROP, SAME, "the next segment is an address of this host itself, to which End hands nothing"),
        Row(when(Skb, summed=Summed.COMPLETE), (), advance(Follows.NOTHING), SAME, "the next segment becomes the destination, and one less is left; the sum of the packet is told of neither"),
        Row(when(Skb), (), advance(), SAME, "the next segment becomes the destination, and one less is left; no sum covers either but that of the packet"),
    ),
)  # fmt: skip
