"""The *settled residue* r*, by which everything is judged: the residue once the fill that the carried state owes is applied in thought.

It is -g for the sum that is owed (and for an IPv4 header's that is owed beside it), r - s·(r + g) for one around it (-g in a super-frame,
each of whose segments gets it anew), r otherwise. A sum that a tunnel's header leaves to the far end is owed too.
"""

from __future__ import annotations

from collections.abc import Mapping

from csumlab.forms import Form
from csumlab.interpreting import Packet
from csumlab.outer import inner_start
from csumlab.packet import enclosing, left_to_far_end
from csumlab.state import State, owed, owed_header
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Sum, Untold, decide


def settled(packet: Packet, state: State, uid: int) -> Form:
    """r* of the checksum of header ``uid``."""
    assert isinstance(packet, SymbolicPacket)
    own = packet.sums[uid]
    if uid in (left_to_far_end(packet.headers), owed_header(state, packet.headers)):
        return -own.seed
    due = owed(state, packet.headers)
    if due is None or due not in packet.sums:
        return own.residue
    if uid == due:
        return -own.seed
    factor = next((f for header, f in enclosing(packet.headers, due) if header.uid == uid), None)
    if factor is None:
        return own.residue
    if packet.long:
        return -own.seed  # Around an owed sum of a super-frame: it is written anew for each segment.
    inner = packet.sums[due]
    return own.residue - factor * inner.lacking


def wrong_sums(packet: Packet, state: State) -> tuple[frozenset[int], frozenset[int]]:
    """The uids of the sums with r* other than 0, and of those where that cannot be told. Raises Undecided. Sums that are absent do not
    count.

    A partial sum that nobody owes any more is wrong although its residue was not seen: it is right in one packet of 65535.
    """
    assert isinstance(packet, SymbolicPacket)
    wrong: set[int] = set()
    untold: set[int] = set()
    due = owed(state, packet.headers)
    for uid, own in packet.sums.items():
        if own.absent:
            continue
        try:
            if not decide(settled(packet, state, uid), packet.answers):
                wrong.add(uid)
        except Untold:
            unfinished = own.unfinished and uid not in (due, left_to_far_end(packet.headers))
            (wrong if unfinished else untold).add(uid)
    return frozenset(wrong), frozenset(untold)


def taken(packet: Packet) -> frozenset[int]:
    """The uids of the headers that whoever accepts a packet takes: not those inside a tunnel that was not opened there. Of what it
    carries nothing is said; a kernel without the tunnel does not look at it (net/ipv4/ip_input.c ip_protocol_deliver_rcu)."""
    return frozenset(header.uid for header in packet.headers[: inner_start(packet.headers)])


def present(packet: Packet, uid: int) -> bool:
    return any(header.uid == uid for header in packet.headers)


def sums_of(packet: Packet) -> Mapping[int, Sum]:
    assert isinstance(packet, SymbolicPacket)
    return packet.sums


def consumes(packet: Packet, uid: int) -> bool:
    return any(header.uid == uid and header.consumes for header in packet.headers)
