"""The two interpreters: linear forms and real bytes walk every packet through every host alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import walks
from frames import block_of, patch
from hypothesis import given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab.classes import headers_of, numbers
from csumlab.forms import Form
from csumlab.inet import negate, residue
from csumlab.outcome import Settings
from csumlab.replaying import Replay, answers_for, tap_of
from csumlab.topology.presets import PRESETS, stages

CASES = list(walks.every_case())
STRIDE = max(1, 32 // TIMES)
"""One case in 32 in a default run, another one in each part; `make test-thorough` walks all."""


@pytest.mark.parametrize("part", range(8))
def test_forms_equal_bytes(part: int) -> None:
    """Rows, carried states, residues and fields agree hop by hop wherever the forms are known."""
    for case in CASES[part * STRIDE :: 8 * STRIDE]:
        assert walks.differences(case) == []


def test_no_dead_row() -> None:
    """Every row of every table fires in some walk. The golden ones are tried first: they should be enough."""
    golden = set((Path(__file__).parent / "golden" / "walks.txt").read_text(encoding="utf-8").splitlines())
    dead = {id(row): f"{stage.name} {number + 1}" for stage in stages().values() for number, row in enumerate(stage.table)}
    for case in sorted(CASES, key=lambda case: case.name not in golden):
        for hop in (hop for trace in walks.run_plain(case) for hop in trace.hops):
            dead.pop(id(hop.row), None)
        if not dead:
            break
    assert sorted(dead.values()) == []


def spoiled(frame: bytes, at: int, how: str, value: int) -> bytes:
    """A frame with a field made on purpose: r = -2 times a change, a raw 0x0000 or 0xffff, or r = g = 0."""
    if how == "twice":
        field = int.from_bytes(frame[at : at + 2], "big")
        return patch(frame, at, (field - 2 * value) % 0xFFFF)
    if how == "raw":
        return patch(frame, at, value if value in (0, 0xFFFF) else 0)
    if how == "both":
        # Right and partial at once: the payload is chosen so that D = -2P.
        body = frame[34:at] + bytes(2) + frame[at + 2 : -2]
        pseudo = residue(frame[26:34] + bytes([0, frame[23]]) + (len(frame) - 34).to_bytes(2, "big"))
        filler = negate(residue(body) + 2 * pseudo)
        return patch(frame[:-2] + filler.to_bytes(2, "big"), at, pseudo)
    return frame


@settings(max_examples=60 * TIMES, deadline=None)
@given(
    number=st.integers(0, len(CASES) - 1),
    how=st.sampled_from(("twice", "raw", "both", "as it is")),
    value=st.integers(0, 0xFFFF),
)
def test_forms_equal_bytes_for_made_fields(number: int, how: str, value: int) -> None:
    """The same for fields that are wrong by twice a change, 0x0000, 0xffff, and right and partial at once."""
    case = CASES[number]
    sums = [one for one in walks.dissected(case).sums if one.kind.name in ("TCP", "UDP")]
    plain = case.frame[12:14] == b"\x08\x00" and len(case.frame) % 2 == 0 and len(sums) == 1
    if sums and (how != "both" or plain):
        case = replace(case, frame=spoiled(case.frame, sums[-1].at, how, value))
    assert walks.differences(case) == []


def test_right_and_partial_at_once_is_made() -> None:
    """The generator above does what it says: r = g = 0."""
    frame = walks.packets_between("10.0.0.1", "10.0.0.2", 4, b"evenly..")["tcp"]
    case = replace(CASES[0], frame=spoiled(frame, 50, "both", 0))
    one = walks.dissected(case).sums[-1]
    assert (one.residue, one.seed) == (0, 0)


@pytest.mark.long
@pytest.mark.parametrize("name", ["bridge", "nat", "router"])
@pytest.mark.parametrize("preset", ["linux-6.1", "xen-3.0.0"])
def test_a_class_is_its_packets(name: str, preset: str) -> None:
    """Walking each packet alone gives what walking its class gives: the same rows, fate and judgement for every packet."""
    topology = walks.hosts_of(preset)[name]
    packets = [
        frame
        for _, source, destination, version in walks.ends_of(name)
        for payload in (b"one", b"two", b"three!")
        for frame in walks.packets_between(source, destination, version, payload).values()
    ]
    replay_settings = Settings(topology, tap_of(topology, topology.at))
    block = block_of(packets)
    together = Replay(replay_settings, accelerate=False)
    together.add(block)
    together.finish()
    leaves = list(together.leaves)
    of_class: dict[int, list[object]] = {}
    for leaf in leaves:
        assert leaf.count == len(leaf.first) or leaf.count > 8
        for number in leaf.first:
            of_class[number] = [(r.trace.fate, [hop.row for hop in r.trace.hops]) for r in leaf.outcome.readings] + [leaf.outcome.judged]
    assert sum(leaf.count for leaf in leaves) == len(packets)
    for row in range(len(packets)):
        if row + 1 not in of_class:
            continue
        columns = together.index.columns(block, np.array([row]))
        facts = together.index.classes[int(together.index.add(block).class_of[row])].facts
        outcome, _ = answers_for(facts, replay_settings, columns, 0)
        alone = [(r.trace.fate, [hop.row for hop in r.trace.hops]) for r in outcome.readings] + [outcome.judged]
        assert alone == of_class[row + 1]


def test_numbers_of_a_constant() -> None:
    """A form without symbols has its constant for every packet."""
    case = CASES[0]
    values, known = numbers(Form(17), walks.columns_of(case))
    assert (values.tolist(), known.tolist()) == ([17], [True])
    assert headers_of(walks.dissected(case).facts, case.topology)


@pytest.mark.long
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_packets_are_known_for_every_host(preset: str) -> None:
    """fuzz_replay sends them through all of them."""
    assert all(list(walks.ends_of(name)) for name in walks.hosts_of(preset))
