"""Linux before 6.1 as far as its tables differ. Each is the table of 6.1 with the rows that were others."""

from __future__ import annotations

from csumlab.stage import (
    ENCAPSULATED,
    KEEP,
    TAGGED,
    Row,
    Selector,
    changed,
    differing,
    feature,
    fills_to_zero,
    fresh,
    when,
    write_zero,
)
from csumlab.stages import linux
from csumlab.state import Skb, Summed

_OWED = when(Skb, summed=Summed.PARTIAL)
_ZERO = fills_to_zero(Selector.AIMED)

VETH_4_4 = differing(
    linux.VETH,
    "veth-4.4",
    "linux 4.4 drivers/net/veth.c veth_xmit; mended by linux commit ce8c839b74e3 (4.5, and later stable kernels)",
    {},
    before={1: Row(when(Skb, summed=Summed.NONE), (feature("peer-rx-checksum"),), KEEP, changed(summed=Summed.UNNECESSARY, level=0, invalid=False), "rx-checksum of the other end is on: what nobody looked at is marked as verified", vouches=True)},
)  # fmt: skip

_FILLED_TO_ZERO = "the sum comes out as 0 and the kernel writes that: a UDP field then says that there is none"
EGRESS_4_8 = differing(
    linux.EGRESS,
    "egress-4.8",
    "linux 4.8 net/core/dev.c skb_checksum_help; mended by linux commit 4f2e4ad56a65 (4.9)",
    {},
    before={
        1: Row(_OWED, (ENCAPSULATED, ~feature("hw-enc-checksum"), _ZERO), write_zero(Selector.AIMED), fresh(Skb), _FILLED_TO_ZERO),
        2: Row(_OWED, (TAGGED, ~feature("vlan-checksum"), _ZERO), write_zero(Selector.AIMED), fresh(Skb), _FILLED_TO_ZERO),
        6: Row(_OWED, (_ZERO,), write_zero(Selector.AIMED), fresh(Skb), _FILLED_TO_ZERO),
    },
)  # fmt: skip
