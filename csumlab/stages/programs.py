"""Programs that take packets out of the kernel and put them back, as tables. Which behaviours there are is told by ``csumlab/programs.py``.

A queue keeps the kernel's own packet and gives the program a copy. If the verdict has no payload, the kernel goes on with what it kept; if
it has one, the bytes are the program's and nothing is known of them, whatever stood beside the packet before.
"""

from __future__ import annotations

from csumlab.headers import Kind
from csumlab.stage import (
    ABSENT_TRANSPORT,
    ANY,
    EDITS,
    FRAGMENT,
    KEEP,
    REJECT,
    SAME,
    Row,
    Rule,
    Selector,
    Stage,
    aimed_at,
    carries,
    changed,
    compute,
    fill,
    fresh,
    knob,
    right,
    translate,
    when,
)
from csumlab.state import Skb, Summed

_OWED = when(Skb, summed=Summed.PARTIAL)
_HEEDS_OWED = knob("heeds-owed")
_BUILD = "linux 6.1 net/netfilter/nfnetlink_queue.c nfqnl_build_packet_message, nfqnl_put_packet_info"
_MANGLE = "linux 6.1 net/netfilter/nfnetlink_queue.c nfqnl_recv_verdict, nfqnl_mangle"

NFQUEUE = Stage(
    name="nfqueue",
    title="queue to a program",
    source=_BUILD,
    table=(
        Row(_OWED, (knob("takes-unfinished"),), KEEP, SAME, "the program asked for packets as they are (NFQA_CFG_F_GSO): NFQA_SKB_CSUMNOTREADY tells it that the sum is still owed", sure="observed"),
        Row(_OWED, (aimed_at(Kind.SCTP),), compute(Selector.AIMED), fresh(Skb), "the CRC that is owed is made before the program gets its copy", source="linux 6.18 net/netfilter/nfnetlink_queue.c nf_queue_checksum_help"),
        Row(_OWED, (), fill(Selector.AIMED), fresh(Skb), "what is owed is filled before the program gets its copy, and in the packet that the kernel keeps", sure="observed"),
        Row(when(Skb), (), KEEP, SAME, "nothing is owed: the program gets a copy", sure="observed"),
    ),
)  # fmt: skip

QUEUE_VERDICT = Stage(
    name="queue-verdict",
    title="program decides",
    source=_BUILD,
    table=(
        Row(ANY, (~knob("sums"),), KEEP, SAME, "the program looks at no sum"),
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is not summed", sure="derived"),
        Row(ANY, (~carries(Kind.TCP, Kind.UDP),), KEEP, SAME, "the program sums TCP and UDP", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "there is no UDP checksum to check"),
        Row(_OWED, (_HEEDS_OWED,), KEEP, SAME, "NFQA_SKB_CSUMNOTREADY tells the program that the sum is still owed", sure="observed"),
        Row(when(Skb, summed=Summed.UNNECESSARY), (knob("heeds-verified"),), KEEP, SAME, "NFQA_SKB_CSUM_NOTVERIFIED is not set: believed, not checked", sure="observed"),
        Row(ANY, (right(Selector.TRANSPORT),), KEEP, SAME, "the program sums the bytes itself: right", sure="observed"),
        Row(ANY, (), REJECT, SAME, "the program sums the bytes itself: wrong; its verdict is to drop the packet", sure="observed"),
    ),
)  # fmt: skip

_BACK = changed(summed=Summed.NONE, level=0, start=None)
_UNKNOWN = "a verdict with a payload is taken back as CHECKSUM_NONE"
QUEUE_EDIT = Stage(
    name="queue-edit",
    title="program edits",
    source=_MANGLE,
    table=(
        Row(ANY, (~EDITS,), KEEP, SAME, "the verdict has no payload: the kernel goes on with the packet that it kept, and with all that stands beside it", sure="observed"),
        Row(when(Skb), (ABSENT_TRANSPORT,), translate(Rule.LEAVE, Rule.LEAVE), _BACK, f"edited; a zero UDP sum stays zero; {_UNKNOWN}", sure="observed"),
        Row(when(Skb), (knob("forgets"),), translate(Rule.LEAVE, Rule.LEAVE), _BACK, f"edited, and the sum left as it is; {_UNKNOWN}, so nobody makes it", sure="observed"),
        Row(when(Skb), (knob("anew"), ~FRAGMENT), (*translate(Rule.LEAVE, Rule.LEAVE), *compute(Selector.TRANSPORT)), _BACK, f"edited, with a sum made anew over the bytes as they are, whatever it was; {_UNKNOWN}", sure="observed"),
        Row(_OWED, (_HEEDS_OWED,), translate(Rule.PSEUDO, Rule.LEAVE), _BACK, f"edited; the unfinished sum is updated as one, but {_UNKNOWN}: that it is owed is forgotten", sure="observed"),
        Row(_OWED, (), translate(Rule.FINAL, Rule.FINAL), _BACK, f"edited; the unfinished sum is updated as if it were finished, and {_UNKNOWN}: that it is owed is forgotten", sure="observed"),
        Row(when(Skb), (), translate(Rule.FINAL, Rule.FINAL), _BACK, f"edited; the sum is updated by the difference, so a wrong one stays wrong; {_UNKNOWN}", sure="observed"),
    ),
)  # fmt: skip
TABLES = (NFQUEUE, QUEUE_VERDICT, QUEUE_EDIT)
