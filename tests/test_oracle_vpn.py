"""Real VPN programs between two network namespaces, and the model's VPN: the same packets at every device, bit for bit.

Needs root, and openvpn, wireguard-go with wg, fastd, tincd; without one of them its tests skip.
"""

from __future__ import annotations

import os
import shutil
from functools import cache

import pytest
from mutants import mutants
from oracles_vm.prediction import disagrees, predict, rows_passed, sealed, step_differences
from oracles_vm.running import righted
from oracles_vpn.observing import Run, observe
from oracles_vpn.programs import PROGRAMS, Program
from patching import patched

from csumlab.dissection import dissect_packet
from csumlab.headers import Kind, Link
from csumlab.stage import Stage
from csumlab.stages.tunnels import TUN_READ, VPN_SEAL, VPN_UNSEAL
from csumlab.topology.load import parse_topology

NAMES = {program.name: program for program in PROGRAMS}


def _missing(program: Program) -> str:
    if os.geteuid() != 0:
        return "network namespaces and tun devices need root"
    absent = [name for name in ("ip", *program.needs) if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


pytestmark = [pytest.mark.long, pytest.mark.needs_root, pytest.mark.needs_program]
every_program = pytest.mark.parametrize("name", list(NAMES))


@cache
def run_of(name: str) -> Run:
    """What was observed of a program, once for all tests."""
    missing = _missing(NAMES[name])
    if missing:
        pytest.skip(missing)
    return observe(NAMES[name])


@every_program
def test_every_device_shows_what_the_model_says(name: str) -> None:
    """Bytes, virtio flags, csum_start, who receives it, which error counters move: for every state, both directions, IPv4 and IPv6."""
    step = run_of(name).step
    assert len(step.packets) > 100
    assert [str(difference) for difference in step_differences(step)] == []


@every_program
def test_the_program_reads_finished_sums_and_keeps_wrong_ones(name: str) -> None:
    """A sum that is owed is filled before the program reads the packet; a wrong one comes out at the other gateway as it went in."""
    run = run_of(name)
    filled = wrong = 0
    for one in run.step.packets:
        views = {port.split()[0]: view for port, view in one.views.items() if port.split()[0].split(":")[1] in run.devices.values()}
        if not views:
            continue
        assert len({view.data[20:] for view in views.values()}) == 1, "the tunnel brings out what was put in"
        assert {view.state for view in views.values()} == {""}
        inside = next(iter(views.values())).data
        if one.state and "begun" not in one.what and "right" not in one.what:
            filled += 1
            assert inside == righted(inside), one.what
        if "damaged" in one.what and "absent" not in one.what:
            wrong += 1
            assert inside != righted(inside), one.what
            assert one.delivered is False
    assert filled >= 8
    assert wrong >= 12


@every_program
def test_the_programs_own_packets_are_as_the_model_makes_them(name: str) -> None:
    """On the cable between the gateways every UDP packet of the program is partial and told so, as any local socket's on a veth pair."""
    run = run_of(name)
    topology = parse_topology(run.step.host)
    expected = set()
    for one in run.step.packets[::8]:
        for port, view in sealed(predict(topology, one)[0]).items():
            (udp,) = (found for found in dissect_packet(bytes(12) + b"\x08\x00" + view.data, Link.ETHERNET).sums if found.kind is Kind.UDP)
            expected.add((port, udp.verdict.name.lower(), view.state))
    assert set(run.outer) <= expected
    # tinc goes by TCP until its probes by UDP are answered, which may be later than this.
    assert name == "tinc" or set(run.outer) == expected


@pytest.mark.parametrize("stage", [TUN_READ, VPN_SEAL, VPN_UNSEAL], ids=lambda stage: stage.name)
def test_a_changed_row_does_not_agree_with_openvpn(stage: Stage) -> None:
    """The comparison confirms the rows that openvpn's packets come by: each one changed makes it fail."""
    step = run_of("openvpn").step
    passed = rows_passed(step)
    tried = [mutant for mutant in mutants() if mutant.stage is stage and (stage.name, stage.table.index(mutant.original) + 1) in passed]
    assert tried
    for mutant in tried:
        with patched(mutant.stage, mutant.changed):
            assert disagrees(step), mutant.name
