"""Walks that are judged: a case by its forms and every reading of it, damage put into its forms or its bytes anywhere on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import walks

from csumlab.classes import headers_of, numbers, observed
from csumlab.exposure import expose
from csumlab.forms import Form
from csumlab.headers import KINDS
from csumlab.index import Columns
from csumlab.inet import negate, residue
from csumlab.interpreting import Packet
from csumlab.judge import Judgement, judge
from csumlab.operations import Operation, Rule
from csumlab.plain.packet import FramePacket
from csumlab.settling import taken
from csumlab.state import State, owed
from csumlab.symbolic.sums import Undecided, Untold
from csumlab.trace import Fate, Trace
from csumlab.walk import Walker
from csumlab.walking.places import Undetermined

Answer = TypeVar("Answer")


class Walked:
    """A case walked by its forms and judged. What the forms leave open is answered from the packet's own numbers."""

    def __init__(self, case: walks.Case, choices: dict[str, str]) -> None:
        self.case, self.choices, self.answers = case, choices, dict[Form, bool]()
        self.facts = walks.dissected(case).facts
        self.headers = headers_of(self.facts, case.topology)
        self.trace = self._answered(lambda: self._walk(None))
        self.judged = self._answered(lambda: judge(self.trace))

    @cached_property
    def columns(self) -> Columns:
        return walks.columns_of(self.case)

    def exposures(self, *, memory: bool = True) -> tuple[Judgement, ...]:
        """What damage would do, put in everywhere, or without ``memory`` on links and in programs only."""
        return self._answered(lambda: tuple(expose(self.trace, self._walk, memory=memory)))

    def damaged(self, number: int) -> Trace:
        """The way of a packet that is damaged before hop ``number``."""
        return self._answered(lambda: self._walk(number))

    def _walk(self, number: int | None) -> Trace:
        packet = observed(self.facts, self.headers, self.answers)
        return walk(self.case, packet, self.choices, lambda at, present: present.damage() if at == number else present)  # type: ignore[attr-defined]

    def _answered(self, ask: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return ask()
            except Undecided as question:
                values, known = numbers(question.form, self.columns)
                assert known[0]
                self.answers[question.form] = bool(values[0] == 0)


def walk(case: walks.Case, packet: Packet, choices: dict[str, str], inject: Callable[[int, Packet], Packet]) -> Trace:
    state = walks.sent_with(case, packet)
    return Walker(case.topology, choices, finished=state, inject=inject).run(case.topology.domains[case.origin], packet)


def readings(case: walks.Case) -> list[Walked]:
    """Every way that only run-time state could tell from the others."""
    found, todo = [], [dict[str, str]()]
    while todo:
        choices = todo.pop()
        try:
            found.append(Walked(case, choices))
        except Undetermined as question:
            todo += [{**choices, question.label: option} for option in question.options]
    return found


def spoil(packet: FramePacket) -> FramePacket:
    """Damage: one bit of the last byte of the innermost data that a sum covers, or could."""
    innermost = [header.uid for header in packet.headers if header.consumes][-1]
    at = min(packet.sums[innermost].end, len(packet.data)) - 1  # Of a fragment: as far as it goes.
    return replace(packet, data=packet.data[:at] + bytes([packet.data[at] ^ 0x10]) + packet.data[at + 1 :])


def wrong_sums(packet: FramePacket, state: State) -> Mapping[int, int]:
    """By how much sums are wrong once what is owed is filled, by the bytes."""
    due = owed(state, packet.headers)
    whole = packet.trim(Rule.FINAL)
    if due is not None:
        # A trailer inside a tunnel is not filled over: who opens the tunnel cuts it off.
        one = whole.sums[due]
        field = negate(residue(whole.data[one.start : one.end])) or 0xFFFF
        filled = replace(whole, data=whole.data[: one.at] + field.to_bytes(2, "big") + whole.data[one.at + 2 :])
        whole = whole.compute(due) if KINDS[one.kind].crc else filled
    return {uid: one.residue for uid, one in whole.sums.items() if not whole.absent(uid) and one.residue}


def by_bytes(case: walks.Case, packet: FramePacket, choices: dict[str, str], number: int) -> str | None:
    """The code of what becomes of damage put in before hop ``number``; None if it is caught, lies in what is encrypted, or
    comes to an end where nobody opens the tunnel that it is in."""

    whole = packet

    def inject(at: int, present: Packet) -> Packet:
        nonlocal whole
        assert isinstance(present, FramePacket)
        whole = present if at == number else whole
        return spoil(present) if at == number and present.sealed is None else present

    try:
        damaged = walk(case, packet, choices, inject)
    except Untold:
        return None
    if damaged.fate is not Fate.ACCEPTED or len(damaged.hops) <= number:
        return None
    entered, end = damaged.hops[number], damaged.hops[-1]
    assert isinstance(entered.before, FramePacket)
    assert isinstance(end.after, FramePacket)
    if entered.before.sealed is not None:
        return None
    # Of a fragment nobody can tell before its datagram is put together.
    told = all(one.residue is not None for one in entered.before.sums.values())
    if told and wrong_sums(entered.before, entered.state_before) == wrong_sums(whole, entered.state_before):
        return "CSL312"
    wrong = wrong_sums(end.after, end.state_after)
    if not wrong:
        # A header of a tunnel may owe a sum (remote checksum offload): where nobody has filled it in the end, nobody has hidden anything.
        due = owed(end.state_after, end.after.headers)
        written = any(hop.operations & {Operation.FILL, Operation.COMPUTE} for hop in damaged.hops[number:])
        return "CSL312" if due in wrong_sums(whole, entered.state_before) and not written else "CSL411"
    return "CSL311" if wrong.keys() & taken(end.after) else None
