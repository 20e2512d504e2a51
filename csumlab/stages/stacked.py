"""What a device that sits on others does to a frame: macvlan, ipvlan, bonds and teams. They add no header, and whatever is known of a sum
stays known; which device fills it is decided where the frame leaves, by the device below.
"""

from __future__ import annotations

from csumlab.conditions import outer_version
from csumlab.operations import KEEP, Selector, compute
from csumlab.stage import SAME, Row, Stage, changed, when
from csumlab.stages.patterns import OWED
from csumlab.state import Skb

_MACVLAN = "linux 6.1 drivers/net/macvlan.c"
_IPVLAN = "linux 6.1 drivers/net/ipvlan/ipvlan_core.c"
_BOND = "linux 6.1 drivers/net/bonding/bond_main.c"
_UNMARKED = changed(invalid=False)
_TAKEN = "taken as it came: what the card verified or summed holds here too"


def _across(name: str, title: str, source: str) -> Stage:
    """To another device on the same one: the frame never comes to a driver."""
    return Stage(
        name=name,
        title=title,
        source=f"{source}; net/core/dev.c dev_forward_skb; net/core/skbuff.c skb_scrub_packet",
        table=(
            Row(OWED, (), KEEP, SAME, "what is owed stays owed, and the other container believes it as it does everything that carries a debt: nothing ever fills it", sure="observed"),
            Row(when(Skb), (), KEEP, _UNMARKED, "handed over with what it carries, but for conntrack's mark"),
        ),
    )  # fmt: skip


def _kept(name: str, title: str, source: str, because: str) -> Stage:
    """Whatever a frame carries, it keeps."""
    return Stage(name=name, title=title, source=source, table=(Row(when(Skb), (), KEEP, SAME, because, sure="observed"),))


MACVLAN_SEND = _kept(
    "macvlan-send",
    "macvlan to the device below",
    f"{_MACVLAN} macvlan_queue_xmit",
    "handed down as it is: a macvlan offers all sums, and the device below decides who fills them",
)

MACVLAN_ACROSS = _across("macvlan-across", "macvlan to another one on the same device", f"{_MACVLAN} macvlan_queue_xmit, macvlan_broadcast")

MACVLAN_RECEIVE = _kept("macvlan-receive", "macvlan takes a frame from the device below", f"{_MACVLAN} macvlan_handle_frame", _TAKEN)

IPVLAN_SEND = _kept(
    "ipvlan-send",
    "ipvlan to the device below",
    f"{_IPVLAN} ipvlan_xmit_mode_l2",
    "handed down as it is: an ipvlan offers all sums, and the device below decides who fills them",
)

IPVLAN_ACROSS = _across("ipvlan-across", "ipvlan to another one on the same device", f"{_IPVLAN} ipvlan_rcv_frame")

IPVLAN_ROUTE = Stage(
    name="ipvlan-route",
    title="ipvlan to the IP stack of the device below",
    source=f"{_IPVLAN} ipvlan_process_outbound; net/ipv4/ip_output.c __ip_local_out; net/core/skbuff.c skb_scrub_packet",
    table=(
        Row(when(Skb), (outer_version(4),), compute(Selector.OUTER_IP), _UNMARKED, "sent by the owner of the device as its own: the IPv4 header is summed anew, right or wrong, and all else is kept", sure="observed"),
        Row(when(Skb), (), KEEP, _UNMARKED, "sent by the owner of the device as its own, with what it carries", sure="observed"),
    ),
)  # fmt: skip

IPVLAN_RECEIVE = _kept(
    "ipvlan-receive",
    "ipvlan takes a packet from the device below",
    f"{_IPVLAN} ipvlan_rcv_frame; drivers/net/ipvlan/ipvlan_l3s.c ipvlan_l3_rcv, ipvlan_nf_input",
    _TAKEN,
)

BOND_SEND = _kept(
    "bond-send",
    "bond to one of its ports",
    f"{_BOND} bond_start_xmit, bond_dev_queue_xmit, bond_fix_features; drivers/net/team/team.c team_xmit",
    "handed to a port as it is: the bond offers sums whatever its ports do, and the port decides who fills them",
)

BOND_RECEIVE = _kept(
    "bond-receive",
    "bond takes a frame from one of its ports",
    f"{_BOND} bond_handle_frame; drivers/net/team/team.c team_handle_frame",
    _TAKEN,
)
