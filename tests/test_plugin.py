"""The pytest plugin and the assertions: what a user's own suite of scenario folders sees."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap

import csumlab
from csumlab.asserting import assert_delivered, assert_never_laundered, assert_no_findings
from csumlab.cli import cli
from csumlab.scenario import ScenarioError
from csumlab.trace import Fate

CAPTURES = Path(__file__).parents[1] / "captures"
pytest_plugins = ["pytester"]


def replayed(name: str) -> csumlab.ReplayResult:
    return csumlab.replay(CAPTURES / name / "traffic.pcapng", CAPTURES / name / "topology.toml")


def test_folders_are_collected_and_a_wrong_expectation_shows_the_hop(pytester: pytest.Pytester) -> None:
    """A folder with the three files is a test; where it expects something else the failure names the finding and its hop."""
    for name in ("good", "changed"):
        shutil.copytree(CAPTURES / "xen-3.0.0-napt", pytester.path / name)
    expected = pytester.path / "changed" / "expected.toml"
    expected.write_text(expected.read_text().replace("packets = 6", "packets = 5", 1))
    (pytester.path / "other").mkdir()
    (pytester.path / "other" / "expected.toml").write_text("of another tool")
    result = pytester.runpytest_inprocess("-q")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*CSL102 at dom0:eth0 out: expected 5 packets, found 6*"])


def test_a_recorded_scenario_passes_and_is_not_overwritten(tmp_path: Path) -> None:
    """`scenario new` writes what replay says today, all findings and taps; a second time it asks for --force."""
    folder = tmp_path / "mine"
    shutil.copytree(CAPTURES / "vxlan-masquerade", folder)
    before = (folder / "expected.toml").read_text()
    (folder / "expected.toml").unlink()
    run = CliRunner()
    assert run.invoke(cli, ["scenario", "new", str(folder), "--story", 'a "story"']).exit_code == 0
    assert run.invoke(cli, ["scenario", "run", str(folder)]).exit_code == 0
    recorded = (folder / "expected.toml").read_text()
    assert recorded.count("[[finding]]") == before.count("[[finding]]")
    again = run.invoke(cli, ["scenario", "new", str(folder), "--story", "x"])
    assert again.exit_code == 2
    assert "--force" in again.output
    assert run.invoke(cli, ["scenario", "new", str(tmp_path), "--story", "x"]).exit_code == 2


def test_where_the_capture_was_taken_is_recorded(tmp_path: Path) -> None:
    """`scenario new --at` writes a folder that runs as it is; without any place the error is a sentence, for pytest too."""
    folder = tmp_path / "mine"
    shutil.copytree(CAPTURES / "linux-6.1-bridge", folder, ignore=shutil.ignore_patterns("expected.toml"))
    topology = folder / "topology.toml"
    lines = topology.read_text().splitlines()
    at = next(line for line in lines if line.startswith("at =")).split('"')[1]
    topology.write_text("\n".join(line for line in lines if not line.startswith("at =")))
    run = CliRunner()
    assert run.invoke(cli, ["scenario", "new", str(folder), "--story", "x", "--at", at]).exit_code == 0
    expected = folder / "expected.toml"
    assert f'at = "{at}"' in expected.read_text()
    assert csumlab.run_scenario(folder).passed
    recorded = expected.read_text()
    for wrong, says in (("", "where was the capture taken"), ('at = "nowhere:eth0"', "names no port")):
        expected.write_text(recorded.replace(f'at = "{at}"', wrong))
        with pytest.raises(ScenarioError, match=says):
            csumlab.run_scenario(folder)
        told = run.invoke(cli, ["scenario", "run", str(folder)])
        assert told.exit_code == 2
        assert says in told.output


def test_python_takes_the_names_that_the_command_line_takes(tmp_path: Path) -> None:
    """An id, a slug in any case, and a shipped folder's name; what is none, or has no folders here, is a sentence."""
    results = csumlab.run_scenarios("CB-039")
    assert results[0].passed
    assert csumlab.run_scenario("cb-039").name == results[0].name
    assert csumlab.run_scenario(results[0].name).name == results[0].name
    with pytest.raises(ScenarioError, match="did you mean"):
        csumlab.run_scenario("CB-0399")
    with pytest.raises(ScenarioError, match="not installed"):
        csumlab.run_scenario("CB-039", captures=tmp_path)


def test_assertions_hold_where_nothing_is_wrong() -> None:
    """A bridge that fills on the way has no finding, delivers everything and hides nothing."""
    result = replayed("linux-6.1-bridge")
    assert_no_findings(result)
    assert_delivered(result)
    assert_never_laundered(result)


def test_assertions_fail_with_the_hop() -> None:
    """What is rejected at the far end fails two of them, and the messages name hop and packets."""
    result = replayed("xen-3.0.0-domu-router")
    with pytest.raises(AssertionError, match=r"CSL101.*dom0:vif1\.0 out") as told:
        assert_no_findings(result)
    assert "cure: in " in str(told.value)
    command = next(line for line in str(told.value).splitlines() if "see: " in line).partition("see: ")[2]
    shown = CliRunner().invoke(cli, shlex.split(command)[1:])
    assert shown.exit_code == 0
    with pytest.raises(AssertionError, match=r"(?s)rejected.*outside"):
        assert_delivered(result)
    assert_no_findings(result, ignore={finding.code for finding in result.findings})


def test_nothing_walked_is_not_delivered(tmp_path: Path) -> None:
    """A capture without a packet proves nothing."""
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    result = csumlab.replay(empty, CAPTURES / "linux-6.1-bridge" / "topology.toml")
    for holds in (assert_delivered, assert_never_laundered, assert_no_findings):
        with pytest.raises(AssertionError, match="no packet could be walked"):
            holds(result)


def test_packets_that_were_not_walked_prove_nothing(tmp_path: Path) -> None:
    """Beside good packets, one whose sender nobody is fails each assertion unless it is allowed."""
    folder = CAPTURES / "linux-6.1-bridge"
    stranger = Ether() / IP(src="198.51.100.77", dst="198.51.100.78") / UDP() / b"payload"
    mixed = tmp_path / "mixed.pcap"
    wrpcap(str(mixed), [*rdpcap(str(folder / "traffic.pcapng")), stranger])
    result = csumlab.replay(mixed, folder / "topology.toml")
    for holds in (assert_delivered, assert_never_laundered):
        with pytest.raises(AssertionError, match="not every packet could be walked"):
            holds(result)
        holds(result, allow_unwalked=True)
    with pytest.raises(AssertionError, match=r"CSL901.*; at the tap: "):
        assert_no_findings(result)
    assert_no_findings(result, allow_unwalked=True)


def test_fragments_are_delivered_with_their_datagram() -> None:
    """Later fragments of a datagram that is there and whole wait for nothing."""
    result = replayed("fragments-laundered")
    assert any(reading.trace.fate is Fate.WAITING for leaf in result.classes for reading in leaf.outcome.readings)
    assert_delivered(result)
    with pytest.raises(AssertionError, match=r"\(19\) held for reassembly"):
        assert_delivered(replayed("fragments-through-nat"))
