"""What must hold on every host: random topologies, settings and traffic, the same sentences for each.

Nobody's claim becomes verified without a comparison unless the row is marked; what is owed becomes final by exactly one fill; what would
be accepted or hidden of damaged bytes is what the judge says; forms and bytes agree.
"""

from __future__ import annotations

import walks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged import by_bytes, readings
from random_hosts import RandomHost, random_hosts
from thoroughness import TIMES

from csumlab.operations import Operation
from csumlab.stage import Part
from csumlab.stages.hooks import DRIVER_CLAIMS
from csumlab.stages.nic import WIRE
from csumlab.state import Claim, Skb, State, Summed, owed, project
from csumlab.topology.presets import PRESETS
from csumlab.trace import Fate, Fault

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
    "sctp",
    "tcp, long",
    "udp, long",
)
STATES = (None, None, Skb(), Skb(Summed.UNNECESSARY), Skb(Summed.PARTIAL))
RANDOM = settings(max_examples=40 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
OWING = {Operation.MERGE, Operation.JOIN, Operation.WRITE_PSEUDO}
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
    payload = draw(st.sampled_from((b"payload", b"evenly..", b"more than the smallest MTU " * 50)))
    found = walks.packets_between(host.source, host.destination, host.version, payload)
    frame = found.get(kind, found["tcp"])
    return walks.Case(f"{kind}, {state or 'by its kernel'}, {host!r}", host.topology, host.origin, frame, state)


@RANDOM
@given(cases())
def test_no_claim_becomes_verified_without_a_comparison(case: walks.Case) -> None:
    """A sum that is called verified after a hop and was not before was compared or filled there or since the last wire, was just written
    there, or says that there is none; other rows carry a mark."""
    for walked in readings(case):
        compared = set[int]()
        for hop in walked.trace.hops:
            due = owed(hop.state_before, hop.before.headers)
            made = {due} if due is not None and Operation.FILL in hop.operations else set()
            compared = set() if hop.stage is WIRE else compared | set(hop.checked) | made
            if hop.row.vouches or hop.operations & {*MAKING, Operation.PUSH, Operation.UNSEAL}:
                continue
            before, after = project(hop.state_before, hop.before.headers), project(hop.state_after, hop.after.headers)
            raised = [uid for uid, claim in after.items() if claim is Claim.VERIFIED and before.get(uid) is not Claim.VERIFIED]
            unfounded = [uid for uid in raised if uid not in compared and not hop.after.absent(uid)]
            assert not unfounded, str(hop)


@RANDOM
@given(cases())
def test_what_is_owed_becomes_final_by_one_fill(case: walks.Case) -> None:
    """A sum that is owed stays owed until it is filled; where that is forgotten and nobody makes it anew, or a second fill follows, the
    judge says so."""
    for walked in readings(case):
        lost, filled, called = list[tuple[int, int]](), dict[int, int](), set[int | None]()
        for number, hop in enumerate(walked.trace.hops):
            due = owed(hop.state_before, hop.before.headers)
            if due is None and (hop.operations & OWING or hop.stage is DRIVER_CLAIMS):
                filled.clear()  # What was finished is owed once more: its segments have one sum again, or somebody says so who lies.
                called |= {owed(hop.state_after, hop.after.headers)} if hop.stage is DRIVER_CLAIMS else set()
            if due is not None and Operation.FILL in hop.operations:
                filled[due] = filled.get(due, 0) + 1
            elif due is not None and owed(hop.state_after, hop.after.headers) != due and due in project(hop.state_after, hop.after.headers):
                lost += [(number, due)] if due not in filled and due not in called else []
        for number, due in lost:
            hop, onwards = walked.trace.hops[number], walked.trace.hops[number:]
            anew = any(Operation.COMPUTE in present.operations for present in onwards)
            # A mark without a place for csum_start says nothing of a header without a sum, and speaks again once that is off.
            anew = anew or any(owed(present.state_after, present.after.headers) == due for present in onwards)
            said = walked.judged or walked.trace.fate is not Fate.ACCEPTED
            assert said or anew, f"{hop}: what is owed is forgotten, and nobody says so"
        assert all(times == 1 for times in filled.values()) or walked.judged


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
            if hop.stage.part is Part.SENDER or due in filled:
                continue
            filled |= {due} if due is not None and Operation.FILL in hop.operations else set()
            seen = by_bytes(case, walks.plain(case, headers), walked.choices, number)
            assert said.get(number) == seen, f"damage before {hop}: the judge says {said.get(number)}, the bytes {seen}"


@RANDOM
@given(cases())
def test_forms_equal_bytes_on_random_hosts(case: walks.Case) -> None:
    """The walk of a class and the walk of its bytes agree hop by hop."""
    assert walks.differences(case) == []


def test_random_hosts_reach_far() -> None:
    """The generator is worth something: in a fixed sample most packets arrive, and every fault class, tunnels that are encrypted and
    that are not, translation, and devices that sit on others are met."""
    stages: set[str] = set()
    faults: set[Fault] = set()
    fates: list[Fate] = []

    @settings(RANDOM, max_examples=160, derandomize=True, database=None)
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
        "encapsulate",
        "decapsulate",
        "conntrack",
        "bridge",
        "nic-receive",
        "netfront-receive",
        "macvlan-receive",
        "ipvlan-route",
        "bond-send",
    } <= stages
    assert any(name.endswith("-unseal") for name in stages)
    assert set(Fault) <= faults
    assert fates.count(Fate.ACCEPTED) > len(fates) / 4
