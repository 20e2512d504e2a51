"""Physical network cards and what lies between them, as tables."""

from __future__ import annotations

from csumlab.headers import Kind
from csumlab.stage import ABSENT_TRANSPORT, ANY, FRAGMENT, KEEP, SAME, Row, Selector, Stage, carries, feature, fill, fresh, right, when
from csumlab.state import Bare, Skb, Summed

NIC_TRANSMIT = Stage(
    name="nic-transmit",
    title="card sends",
    source="linux 6.1 Documentation/networking/checksum-offloads.rst",
    table=(
        Row(when(Skb, summed=Summed.PARTIAL), (), fill(Selector.AIMED), fresh(Bare), "the card sums from csum_start and writes the field"),
        Row(ANY, (), KEEP, fresh(Bare), "the card sends the bytes as they are"),
    ),
)  # fmt: skip

WIRE = Stage(
    name="wire",
    title="wire",
    source="IEEE 802.3 clause 3: the frame check sequence protects one link",
    table=(
        Row(when(Bare), (), KEEP, SAME, "bytes on a wire carry no state"),
    ),
)  # fmt: skip

NIC_RECEIVE = Stage(
    name="nic-receive",
    title="card receives",
    source="linux 6.1 include/linux/skbuff.h, Checksumming of packets, CHECKSUM_UNNECESSARY",
    table=(
        Row(when(Bare), (~feature("rx-checksum"),), KEEP, fresh(Skb), "rx-checksum is off: nothing is known"),
        Row(when(Bare), (FRAGMENT,), KEEP, fresh(Skb), "a card does not check a fragment"),
        Row(when(Bare), (~carries(Kind.TCP, Kind.UDP),), KEEP, fresh(Skb), "a card checks only TCP and UDP"),
        Row(when(Bare), (ABSENT_TRANSPORT,), KEEP, fresh(Skb), "there is no sum to check"),
        Row(when(Bare), (right(Selector.TRANSPORT),), KEEP, fresh(Skb, summed=Summed.UNNECESSARY), "the card verified the sum: right"),
        Row(when(Bare), (), KEEP, fresh(Skb), "the card verified the sum: wrong; the packet is passed up with no mark"),
    ),
)  # fmt: skip
