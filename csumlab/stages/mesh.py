"""batman-adv: a mesh whose nodes hand Ethernet frames to one another, as tables.

A frame for one node has a unicast header; what is for everybody has one that every node hands on, and takes itself at the same time. Its
TTL is decremented before either.
"""

from __future__ import annotations

from csumlab.conditions import headed
from csumlab.headers import Layer
from csumlab.operations import WRAP, Follows, decrement_hops, unwrap
from csumlab.stage import SAME, Mended, Row, Stage, changed, differing, when
from csumlab.state import Skb

_BOTH = (*unwrap(), *unwrap())
_FRAME_OUT = "the header of the mesh and that of Ethernet are taken off, and off the sum of the packet"
_FLOODED = (headed(Layer.BATMAN_FLOOD),)

BATMAN_SEND = Stage(
    name="batman-send",
    title="mesh (batman-adv) sends",
    source="linux 6.1 net/batman-adv/soft-interface.c batadv_softif_init_early, batadv_interface_tx",
    table=(
        Row(when(Skb), (), WRAP, SAME, "the frame goes behind the header of the mesh; the device offers no help with sums, so that none is owed here"),
    ),
)  # fmt: skip

BATMAN_RECEIVE = Stage(
    name="batman-receive",
    title="mesh (batman-adv) receives",
    source="linux 6.1 net/batman-adv/soft-interface.c batadv_interface_rx (skb_pull_rcsum, skb_postpull_rcsum, nf_reset_ct)",
    table=(
        Row(when(Skb), _FLOODED, (*decrement_hops(), *_BOTH), changed(invalid=False), f"it is for everybody: its TTL is decremented, and the sum of the packet follows; {_FRAME_OUT}", source="linux commit e728bbdf3266 (net/batman-adv/routing.c batadv_skb_decrement_ttl)"),
        Row(when(Skb), (), _BOTH, changed(invalid=False), f"it is for this node: {_FRAME_OUT}"),
    ),
)  # fmt: skip

BATMAN_RECEIVE_5_14 = differing(
    BATMAN_RECEIVE,
    "batman-receive-5.14",
    "linux 5.14 net/batman-adv/routing.c batadv_recv_bcast_packet (since 3f69339068f9); 6.8 batadv_recv_mcast_packet",
    {
        1: Row(when(Skb), _FLOODED, (*decrement_hops(Follows.NOTHING), *_BOTH), changed(invalid=False), f"it is for everybody: its TTL is decremented, and the sum of the packet still counts the old one; {_FRAME_OUT}", mended=Mended("Linux 6.12.95", "e728bbdf3266", "other series, at the end of June 2026")),
    },
)  # fmt: skip

BATMAN_RECEIVE_5_13 = differing(
    BATMAN_RECEIVE,
    "batman-receive-5.13",
    "linux 5.13 net/batman-adv/routing.c batadv_recv_bcast_packet, send.c batadv_add_bcast_packet_to_list",
    {
        1: Row(when(Skb), _FLOODED, _BOTH, changed(invalid=False), f"it is for everybody: the TTL is decremented in the copy that goes on; {_FRAME_OUT}", sure="derived"),
    },
)  # fmt: skip
