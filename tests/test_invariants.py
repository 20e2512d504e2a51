"""What must hold on every host: random topologies, settings and traffic, the same sentences for each.

Nobody's claim becomes verified without a comparison unless the row is marked; what is owed becomes final by exactly one fill; what would
be accepted or hidden of damaged bytes is what the judge says; forms and bytes agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import walks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_hosts import RandomHost, random_hosts

from csumlab.classes import headers_of, numbers
from csumlab.forms import Form
from csumlab.judge import Judgement, expose, judge
from csumlab.plain import FramePacket
from csumlab.stage import Operation, Packet
from csumlab.state import Claim, Skb, State, Summed, owed, project
from csumlab.symbolic import Undecided, Untold
from csumlab.topology.presets import PRESETS
from csumlab.trace import Fate, Fault, Hop, Trace
from csumlab.walk import Undetermined, Walker

Answer = TypeVar("Answer")
KINDS = (
    "tcp",
    "udp",
    "ping",
    "tcp, damaged",
    "udp, damaged",
    "udp, none",
    "tcp, partial",
    "udp, partial",
    "tcp, trailer",
    "udp, none, damaged",
)
STATES = (None, None, Skb(), Skb(Summed.UNNECESSARY), Skb(Summed.PARTIAL))
RANDOM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
MAKING = (Operation.FILL, Operation.COMPUTE, Operation.WRITE_PSEUDO)


@st.composite
def cases(draw: st.DrawFn) -> walks.Case:
    """One packet of a random kind through a random host, made by its kernel or sent as it is with some carried state (never a
    finished sum as one that is owed: then to forget it mends it)."""
    host: RandomHost = draw(random_hosts())
    kind = draw(st.sampled_from(KINDS))
    state: State | None = draw(st.sampled_from(STATES))
    lies = isinstance(state, Skb) and state.summed is Summed.PARTIAL and "partial" not in kind
    if lies or PRESETS[host.topology.domains[host.origin].preset].family is not Skb:
        state = None
    frame = walks.packets_between(host.source, host.destination, 4, draw(st.sampled_from((b"payload", b"evenly.."))))[kind]
    return walks.Case(f"{kind}, {state or 'by its kernel'}, {host!r}", host.topology, host.origin, frame, state)


class Walked:
    """A case walked by its forms and judged. What the forms leave open is answered from the packet's own numbers."""

    def __init__(self, case: walks.Case, choices: dict[str, str]) -> None:
        self.case, self.choices, self.answers = case, choices, dict[Form, bool]()
        self.headers = headers_of(walks.dissected(case).facts, case.topology)
        self.trace = self._answered(lambda: self._walk(None))
        self.judged = self._answered(lambda: judge(self.trace))

    def exposures(self) -> tuple[Judgement, ...]:
        """What damage would do, put in everywhere."""
        return self._answered(lambda: tuple(expose(self.trace, self._walk, memory=True)))

    def _walk(self, number: int | None) -> Trace:
        packet = walks.symbolic(self.case, self.headers, self.answers)
        return walk(self.case, packet, self.choices, lambda at, present: present.damage() if at == number else present)  # type: ignore[attr-defined]

    def _answered(self, ask: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return ask()
            except Undecided as question:
                values, known = numbers(question.form, walks.columns_of(self.case))
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


def operations(hop: Hop) -> set[Operation]:
    return {do.operation for do in hop.row.does}


@RANDOM
@given(cases())
def test_no_claim_becomes_verified_without_a_comparison(case: walks.Case) -> None:
    """A sum that is called verified after a hop and was not before was compared there, was just written there, or says that there is
    none; other rows carry a mark."""
    for walked in readings(case):
        for hop in walked.trace.hops:
            if hop.row.vouches or operations(hop) & {*MAKING, Operation.PUSH, Operation.UNSEAL}:
                continue
            before, after = project(hop.state_before, hop.before.headers), project(hop.state_after, hop.after.headers)
            raised = [uid for uid, claim in after.items() if claim is Claim.VERIFIED and before.get(uid) is not Claim.VERIFIED]
            unfounded = [uid for uid in raised if uid not in hop.checked and not hop.after.absent(uid)]
            assert not unfounded, str(hop)


@RANDOM
@given(cases())
def test_what_is_owed_becomes_final_by_one_fill(case: walks.Case) -> None:
    """A sum that is owed stays owed until it is filled; where that is forgotten, or a second fill follows, the judge says so."""
    for walked in readings(case):
        lost, filled = [], dict[int, int]()
        for hop in walked.trace.hops:
            due = owed(hop.state_before, hop.before.headers)
            if due is not None and Operation.FILL in operations(hop):
                filled[due] = filled.get(due, 0) + 1
            elif due is not None and owed(hop.state_after, hop.after.headers) != due and due in project(hop.state_after, hop.after.headers):
                lost += [hop] if due not in filled else []
        for hop in lost:
            assert walked.judged or walked.trace.fate is not Fate.ACCEPTED, f"{hop}: what is owed is forgotten, and nobody says so"
        assert all(times == 1 for times in filled.values()) or walked.judged


def spoil(packet: FramePacket) -> FramePacket:
    """Damage: one bit of the last byte of the innermost data that a sum covers, or could."""
    innermost = [header.uid for header in packet.headers if header.consumes][-1]
    at = packet.sums[innermost].end - 1
    return replace(packet, data=packet.data[:at] + bytes([packet.data[at] ^ 0x10]) + packet.data[at + 1 :])


def wrong_sums(packet: FramePacket, state: State) -> frozenset[int]:
    """The sums that are wrong once what is owed is filled, by the bytes."""
    due = owed(state, packet.headers)
    whole = packet.trim()
    if due is not None:
        whole = whole.fill(due)
    return frozenset(uid for uid, one in whole.sums.items() if not whole.absent(uid) and one.residue)


@RANDOM
@given(cases())
def test_what_the_judge_says_of_damage_is_what_the_bytes_do(case: walks.Case) -> None:
    """Damage put into real bytes at every hop: accepted with a wrong sum, hidden by a sum that somebody wrote over it, seen by no sum, or
    caught; the judge says the same of its forms. Not asked where a mark that a fill left on (XenLinux 3.0) calls a finished sum owed."""
    for walked in readings(case):
        if walked.trace.fate is not Fate.ACCEPTED or walked.judged:
            continue
        said = {one.segment: one.code for one in walked.exposures()}
        headers = walked.headers
        filled: set[int | None] = set()
        for number, hop in enumerate(walked.trace.hops):
            due = owed(hop.state_before, hop.before.headers)
            if hop.stage.name.endswith("sender") or due in filled:
                continue
            filled |= {due} if due is not None and Operation.FILL in operations(hop) else set()
            seen = by_bytes(case, walks.plain(case, headers), walked.choices, number)
            assert said.get(number) == seen, f"damage before {hop}: the judge says {said.get(number)}, the bytes {seen}"


def by_bytes(case: walks.Case, packet: FramePacket, choices: dict[str, str], number: int) -> str | None:
    """The code of what becomes of damage put in before hop ``number``; None if it is caught, or lies in what is encrypted."""

    def inject(at: int, present: Packet) -> Packet:
        assert isinstance(present, FramePacket)
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
    if not wrong_sums(entered.before, entered.state_before):
        return "CSL312"
    return "CSL311" if wrong_sums(end.after, end.state_after) else "CSL411"


@RANDOM
@given(cases())
def test_forms_equal_bytes_on_random_hosts(case: walks.Case) -> None:
    """The walk of a class and the walk of its bytes agree hop by hop."""
    assert walks.differences(case) == []


def test_random_hosts_reach_far() -> None:
    """The generator is worth something: in a fixed sample most packets arrive, and every fault class, tunnel and translation is met."""
    stages: set[str] = set()
    faults: set[Fault] = set()
    fates: list[Fate] = []

    @settings(RANDOM, max_examples=60, derandomize=True, database=None)
    @given(cases())
    def look(case: walks.Case) -> None:
        for trace in walks.run_plain(case):
            stages.update(hop.stage.name for hop in trace.hops)
            faults.update(hop.fault for hop in trace.hops)
            fates.append(trace.fate)

    look()
    print(sorted(stages), fates)
    assert {
        "nat",
        "vpn-seal",
        "encapsulate",
        "wireguard-unseal",
        "decapsulate",
        "conntrack",
        "bridge",
        "nic-receive",
        "netfront-receive",
    } <= stages
    assert set(Fault) <= faults
    assert fates.count(Fate.ACCEPTED) > len(fates) / 4
