"""Tunnels and VPNs as people run them: every kind at every place, with offload on and off, against a table that was read cell by cell.

``UPDATE_GOLDEN=1 pytest tests/test_setups.py`` writes tests/golden/setups.txt anew. A cell says where the tunnel's near end stands, what a
capture at the set-up's tap shows of a segment that is sent, and for both ways what becomes of a segment / of one that was damaged before
it came to the tunnel / of one that is damaged on the wire behind it. "unopened": the host itself takes the packet, which has no such
tunnel, because nobody told whether its connection table knows it; "undecryptable": the cipher finds the damage; "by the bytes": the forms
cannot tell, which is what CSL902 says.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import walks
from click.testing import CliRunner
from judged import by_bytes, readings
from setup_cells import Cell, behind, cells, line
from taps import CAPTURES

from csumlab.cli import cli
from csumlab.host.setups import PLACES, TUNNELS, setup
from csumlab.replaying import replay
from csumlab.topology.load import parse_topology

pytestmark = pytest.mark.long

GOLDEN = Path(__file__).parent / "golden" / "setups.txt"
SAMPLE = 17
"""Every so many cells are walked by their bytes too; it divides neither the number of tunnels nor that of places."""


@pytest.fixture(scope="module")
def every() -> list[Cell]:
    return list(cells())


def test_what_becomes_of_packets(every: list[Cell]) -> None:
    """Every cell is as it is in the table, and the table has no other."""
    lines = [line(cell) for cell in every]
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert [(new, old) for new, old in zip(lines, kept, strict=False) if new != old] == []
    assert len(lines) == len(kept)


def test_forms_equal_bytes_in_set_ups(every: list[Cell]) -> None:
    """Both interpreters agree hop by hop, for right packets and for damaged ones, there and back."""
    for cell in every[::SAMPLE]:
        for way in cell.ways:
            for kind in ("tcp", "tcp, damaged", "ping"):
                assert walks.differences(cell.case(way, kind)) == []


def test_damage_behind_the_tunnel_is_what_bytes_say(every: list[Cell]) -> None:
    """What the judge says of damage on the wire between the sites is what flipping a bit there does."""
    for cell in every[5::SAMPLE]:
        for way in cell.ways:
            case = cell.case(way, "tcp")
            for one in readings(case):
                number = behind(one.trace)
                if number is not None and not one.judged:
                    said = next((judgement.code for judgement in one.exposures(memory=False) if judgement.segment == number), None)
                    assert said == by_bytes(case, walks.plain(case, one.headers), one.choices, number), case.name


@pytest.mark.parametrize(
    ("tunnel", "place", "says"),
    [
        ("carrier-pigeon", "host", "wireguard"),
        ("wireguard", "cloud", "container"),
        ("ipsec-transport", "gateway", "only the two machines themselves"),
        ("pppoe", "container-routed", "without a router"),
    ],
)
def test_what_there_is_not_is_said(tunnel: str, place: str, says: str) -> None:
    """A word that is not known names those that are; a set-up that cannot be says why."""
    with pytest.raises(ValueError, match=says):
        setup(tunnel, place)


def test_a_cure_is_tried_with_what_was_captured() -> None:
    """Both sums are wrong on the wire: veth of Linux 4.4 marks the outer one as verified, and VXLAN takes the inner one to be right for
    that. Sent anew from the far end the outer sum would be right, and anything would seem to help; what helps is the veth's rx off."""
    topology = parse_topology(setup("vxlan", "container-routed", kernel="linux-4.4"))
    result = replay(CAPTURES / "vxlan-container-damage" / "traffic.pcapng", topology, at="host:eth0:in")
    found = next(finding for finding in result.findings if finding.code == "CSL301")
    assert found.packets == 2
    assert found.cure is not None
    assert str(found.cure) == "in pod: ethtool -K eth0 rx off"


def test_a_set_up_from_the_command_line() -> None:
    """The command prints what the table's cells are made of, lists the words, and says what a kernel lacks."""
    run = CliRunner().invoke
    printed = run(cli, ["host", "template", "--tunnel", "vxlan", "--in", "container", "--offload", "off"])
    assert printed.stdout == setup("vxlan", "container", offload=False)
    listed = run(cli, ["host", "template", "--tunnel", "list"]).stdout
    assert all(word in listed for word in (*TUNNELS, *PLACES))
    refused = run(cli, ["host", "template", "--tunnel", "wireguard", "--in", "xen", "--kernel", "xen-3.0.0"])
    assert (refused.exit_code, "xen-3.0.0 has no wireguard device" in refused.stderr) == (2, True)
    assert run(cli, ["host", "template"]).exit_code == 2


def test_the_table_holds_every_word(every: list[Cell]) -> None:
    """No tunnel and no place is left out."""
    assert {cell.tunnel for cell in every} == set(TUNNELS)
    assert {cell.place for cell in every} == set(PLACES)
