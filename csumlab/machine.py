"""Runs tables: the first row that fits is applied to a packet, whichever interpreter the packet is of.

What a row may say is in ``stage.py``, ``conditions.py`` and ``operations.py``. Nothing here says good or bad; ``judge.py`` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from csumlab.headers import Layer
from csumlab.interpreting import Packet, Setting, Translation
from csumlab.operations import (
    ECN,
    ENDINGS,
    Do,
    Follows,
    Operation,
    Rule,
    Selector,
)
from csumlab.outer import Outer
from csumlab.packet import left_to_far_end, outer_ip, outer_transport
from csumlab.predicates import holds, select
from csumlab.stage import Becomes, Row, Stage, Token
from csumlab.state import Skb, State, Summed


@dataclass(frozen=True, slots=True)
class Applied:
    """What a stage did. ``checked`` are the uids of the sums that were really verified on the way to the row."""

    row: Row
    packet: Packet
    state: State
    checked: tuple[int, ...]
    ending: Operation | None


class Incomplete(Exception):
    """No row of a table fits: a fault of the table, never of the packet."""


def apply(stage: Stage, state: State, packet: Packet, setting: Setting) -> Applied:
    """Run a stage's table: the first row that fits. Raises Incomplete when none does, and whatever the packet raises when a
    predicate cannot be decided for the class."""
    checked: list[int] = []
    for row in stage.table:
        if not row.when.fits(state):
            continue
        if not all(holds(given, state, packet, setting, checked) for given in row.given):
            continue
        after, ending = packet, None
        for do in row.does:
            if do.operation in ENDINGS:
                ending = do.operation
            else:
                after = _operate(do, state, after, setting)
        became = _next_state(row.becomes, state, packet, after)
        if not (isinstance(became, Skb) and became.summed is Summed.COMPLETE):
            after = after.forget()
        return Applied(row, after, became, tuple(checked), ending)
    raise Incomplete(f"stage {stage.name}: no row for {state}")


def _operate(do: Do, state: State, packet: Packet, setting: Setting) -> Packet:
    edit = setting.edit
    match do.operation:
        case Operation.TRANSLATE if isinstance(edit, Translation):
            edited = packet.translate(edit, do.address, do.port, do.ip)
            return edited.carried_on(packet, edit, do.address, do.follows)
        case Operation.REWRITE if isinstance(edit, Translation):
            return packet.rewrite(edit, do.port)
        case Operation.MEND_PAYLOAD if isinstance(edit, Translation):
            return packet.mend_payload(edit)
        case Operation.TRANSLATE_QUOTE if isinstance(edit, Translation):
            return packet.translate_quote(edit.mirrored, do.address, do.port)
        case Operation.MARK:
            ip = outer_ip(packet.headers)
            if ip is None:
                return packet
            bits = ECN[do.mark]
            return packet.mark(ip.uid, bits, do.ip).carried_on(packet, Translation(ecn=bits), Rule.LEAVE, do.follows)
        case Operation.EXCHANGE if isinstance(edit, Translation):
            return packet.exchange(edit, do.address)
        case Operation.DECREMENT_TTL:
            return packet.decrement_ttl()
        case Operation.ADVANCE if isinstance(edit, Translation) and edit.destination is not None:
            return packet.advance(edit.destination, do.follows)
        case Operation.DECREMENT_HOPS:
            return packet.decrement_hops(do.follows)
        case Operation.TRIM:
            return packet.trim(do.ip)
        case Operation.STAMP:
            return packet.stamp(do.port)
        case Operation.PAD:
            return packet.pad()
        case Operation.MERGE:
            return packet.merge()
        case Operation.JOIN:
            return packet.join()
        case Operation.FRAGMENT:
            return packet.fragment(packet.undivided or setting.mtu)
        case Operation.UNDIVIDE:
            return packet.undivide(setting.mtu)
        case Operation.REASSEMBLE:
            return packet.reassemble()
        case Operation.BUNDLE:
            return packet.bundle()
        case Operation.UNBUNDLE:
            return packet.unbundle()
        case Operation.PUSH if isinstance(edit, Outer):
            return packet.push(edit, do.outer, state.start if isinstance(state, Skb) else None, do.remote)
        case Operation.POP:
            return packet.pop()
        case Operation.CARRY:
            return packet.carry(do.coverage)
        case Operation.CONVERT:
            return packet.convert()
        case Operation.SEAL if isinstance(edit, Outer):
            return packet.seal(edit, do.outer)
        case Operation.UNSEAL:
            return packet.unseal()
        case Operation.TAG:
            return packet.wrap((Layer.VLAN,))
        case Operation.UNTAG:
            return packet.unwrap((Layer.VLAN,), Follows.BYTES)
        case Operation.WRAP if isinstance(edit, Outer):
            return packet.wrap(edit.layers)
        case Operation.UNWRAP if isinstance(edit, Outer):
            return packet.unwrap(edit.layers, do.follows)
        case Operation.WOULD_DROP | Operation.UNSEEN | Operation.DISABLE:
            return packet
    if do.target is None:
        raise Incomplete(f"{do.operation.value} has nothing to work on")
    uid = select(do.target, state, packet.headers)
    if uid is None:
        return packet
    match do.operation:
        case Operation.FILL:
            return packet.fill(uid, do.crc)
        case Operation.WRITE_PSEUDO:
            return packet.write_pseudo(uid)
        case Operation.RESPELL:
            return packet.respell(uid)
        case Operation.SPOIL:
            return packet.spoil(uid)
        case Operation.WRITE_ZERO:
            return packet.write_zero(uid)
        case Operation.SEGMENT:
            return packet.segment(uid)
        case _:
            return packet.compute(uid)


def _next_state(becomes: Becomes, state: State, before: Packet, packet: Packet) -> State:
    def value(name: str, token: Any) -> Any:
        if token is Token.AT_TRANSPORT:
            header = outer_transport(packet.headers)
            return header.uid if header else None
        if token is Token.AT_INNER:
            return select(Selector.INNER, state, packet.headers)
        if token is Token.INSIDE_IP:
            header = outer_ip(packet.headers)
            return header.uid if header else None
        if token is Token.AS_TUNNEL_SAYS:
            return left_to_far_end(before.headers)
        if token is Token.LEVEL_LESS_ONE:
            return getattr(state, name) - 1
        if token is Token.LEVEL_PLUS_ONE:
            return getattr(state, name) + 1
        if token is Token.AS_AIMED:
            return getattr(state, name)
        return token

    fields = {name: value(name, token) for name, token in becomes.fields}
    if becomes.family is None:
        return replace(state, **fields) if fields else state
    built: State = becomes.family(**fields)
    return built
