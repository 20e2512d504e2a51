"""UDP datagrams that are longer than the MTU, where a socket may leave them whole (UFO, UDP fragmentation offload), as tables.

Until Linux 4.13 a sender does so where the device of the route cuts datagrams into fragments itself. Later kernels make none, and take
them from guests of older ones and from programs behind a tap (0c19f846d582); what they do with one is in the tables of segmentation.
A walk comes here only in kernels of the first kind, with a datagram that is too long.
"""

from __future__ import annotations

from csumlab.conditions import ABSENT_TRANSPORT, feature, knob
from csumlab.operations import CUT, UNDIVIDE, Selector, compute
from csumlab.stage import ANY, SAME, Row, Stage
from csumlab.stages.linux import UFO

SUMMED = "summed"
"""The knob that says that a program has seen to the sum itself."""
_OFFERED = "the route's device cuts datagrams into fragments: this one is left whole"
_TAKEN = (feature(UFO), ~knob("ipsec"))
_WHOLE = Row(ANY, _TAKEN, UNDIVIDE, SAME, _OFFERED)
_IN_PIECES = (
    Row(ANY, (ABSENT_TRANSPORT,), CUT, SAME, "the datagram is cut into fragments while it is sent; the program asked for no UDP checksum"),
    Row(ANY, (knob(SUMMED),), CUT, SAME, "the datagram is cut into fragments while it is sent, with the sum that its program made"),
    Row(ANY, (), (*compute(Selector.TRANSPORT), *CUT), SAME, "the datagram is summed in software and cut into fragments while it is sent"),
)

LARGE_DATAGRAM = Stage(
    name="large-datagram",
    title="a datagram longer than the MTU",
    source="linux 4.9 net/ipv4/ip_output.c __ip_append_data, ip_ufo_append_data; net/ipv6/ip6_output.c ip6_ufo_append_data",
    table=(
        Row(ANY, (*_TAKEN, ~ABSENT_TRANSPORT), UNDIVIDE, SAME, _OFFERED, source="linux commit 40ba330227ad (4.5) net/ipv4/ip_output.c __ip_append_data (sk_no_check_tx)"),
        *_IN_PIECES,
    ),
)  # fmt: skip

LARGE_DATAGRAM_4_4 = Stage(
    name="large-datagram-4.4",
    title=LARGE_DATAGRAM.title,
    source="linux 4.4 net/ipv4/ip_output.c __ip_append_data, before 40ba330227ad (4.5): whether the program asked for a sum is not looked at",
    table=(_WHOLE, *_IN_PIECES),
    like=LARGE_DATAGRAM,
)
