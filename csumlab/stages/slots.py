"""Slots of the Xen network ring that a frame takes on its way from a guest to its host, as a table.

A slot grants at most one page of 4096 bytes. netback counts the slots behind the first one, as the kernel counts the fragments of a
packet (MAX_SKB_FRAGS); all numbers here are of that count.
"""

from __future__ import annotations

from csumlab.conditions import more_slots
from csumlab.operations import DISABLE, DROP, KEEP, WOULD_DROP
from csumlab.stage import ANY, SAME, Row, Stage

_COUNT = (
    "linux 6.1 drivers/net/xen-netback/netback.c xenvif_count_requests; linux 2.6.18-xen drivers/xen/netback/netback.c netbk_count_requests"
)

RING_SLOTS = Stage(
    name="ring-slots",
    title="slots of the ring",
    source=_COUNT,
    table=(
        Row(ANY, (more_slots("fatal"),), (*DROP, *DISABLE), SAME, "more slots than the backend takes for an honest mistake: it disables the interface, and every later packet of it is lost"),
        Row(ANY, (more_slots("valid"),), DROP, SAME, "more slots than the backend takes: the frame is dropped with an error response"),
        Row(ANY, (), KEEP, SAME, "the backend takes that many slots"),
    ),
)  # fmt: skip

RING_SLOTS_ELSEWHERE = Stage(
    name="ring-slots-elsewhere",
    title="slots of the next host's ring",
    source=_COUNT,
    table=(
        Row(ANY, (more_slots("fatal"),), WOULD_DROP, SAME, "the host that the guest moves to takes so many slots for an attack: it will disable the interface"),
        Row(ANY, (more_slots("valid"),), WOULD_DROP, SAME, "the host that the guest moves to takes fewer slots: it will drop such frames"),
        Row(ANY, (), KEEP, SAME, "the host that the guest moves to takes that many slots too"),
    ),
)  # fmt: skip
