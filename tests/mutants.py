"""Every row of every table with its effect changed, one change at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from csumlab.operations import ACCEPT, KEEP, REJECT, Operation, Selector, fill
from csumlab.stage import SAME, Becomes, Row, Stage, Token, fresh
from csumlab.state import Bare, Descriptor, NetBuffer, Ring, Skb, Summed, Virtio, XenSkb
from csumlab.topology.presets import PRESETS, stages
from csumlab.trace import TAP

OTHER_STATES: dict[type, tuple[Becomes, ...]] = {
    Skb: (fresh(Skb), fresh(Skb, summed=Summed.UNNECESSARY), fresh(Skb, summed=Summed.PARTIAL, start=Token.AT_TRANSPORT)),
    XenSkb: (fresh(XenSkb), fresh(XenSkb, summed=Summed.UNNECESSARY, valid=True), fresh(XenSkb, summed=Summed.HW, blank=True)),
    Ring: (fresh(Ring), fresh(Ring, validated=True), fresh(Ring, blank=True)),
    Virtio: (fresh(Virtio), fresh(Virtio, valid=True), fresh(Virtio, needs=True, start=Token.AT_TRANSPORT)),
    Descriptor: (fresh(Descriptor), fresh(Descriptor, valid=True), fresh(Descriptor, needs=True, start=Token.AT_TRANSPORT)),
    NetBuffer: (fresh(NetBuffer), fresh(NetBuffer, valid=True, valid_ip=True), fresh(NetBuffer, needs=True, start=Token.AT_TRANSPORT)),
    Bare: (),
}


@dataclass(frozen=True)
class Mutant:
    """A stage with one row changed; ``name`` is stage, row number and what was changed."""

    name: str
    stage: Stage
    original: Row
    changed: Stage


def family_after(stage: Stage, row: Row) -> type:
    """The family of states that a row leads to."""
    if row.becomes.family is not None:
        return row.becomes.family
    if row.when.family is not None:
        return row.when.family
    for preset in PRESETS.values():
        if any(each is stage for each in preset.tables):
            return preset.family
    return Skb


@cache
def mutants() -> tuple[Mutant, ...]:
    """All of them. A row that several tables share is changed in the first."""
    return tuple(_mutants())


def _mutants() -> Iterator[Mutant]:
    seen: set[int] = set()
    for stage in (*stages().values(), TAP):
        for number, row in enumerate(stage.table):
            if id(row) in seen:
                continue
            seen.add(id(row))
            operation = row.does[0].operation if row.does else None
            if operation is Operation.ACCEPT:
                yield _changed(stage, number, "does reject", replace(row, does=REJECT))
            elif operation is Operation.REJECT:
                yield _changed(stage, number, "does accept", replace(row, does=ACCEPT))
            elif row.does:
                yield _changed(stage, number, "does keep", replace(row, does=KEEP))
            else:
                yield _changed(stage, number, "does fill", replace(row, does=fill(Selector.TRANSPORT)))
                yield _changed(stage, number, "does reject", replace(row, does=REJECT))
            if operation in (Operation.DROP, Operation.REJECT):
                continue  # What a packet carries that is gone is nothing.
            for place, becomes in enumerate((*OTHER_STATES[family_after(stage, row)], SAME)):
                if becomes != row.becomes and (becomes is not SAME or row.becomes.family in (None, row.when.family)):
                    yield _changed(stage, number, f"becomes {place}", replace(row, becomes=becomes))


def _changed(stage: Stage, number: int, what: str, row: Row) -> Mutant:
    table = (*stage.table[:number], row, *stage.table[number + 1 :])
    return Mutant(f"{stage.name} {number + 1} {what}", stage, stage.table[number], replace(stage, table=table))
