"""The pytest plugin and the assertions: what a user's own suite of scenario folders sees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import csumlab
from csumlab.asserting import assert_delivered, assert_never_laundered, assert_no_findings
from csumlab.cli import cli

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


def test_assertions_hold_where_nothing_is_wrong() -> None:
    """A bridge that fills on the way has no finding, delivers everything and hides nothing."""
    result = replayed("linux-6.1-bridge")
    assert_no_findings(result)
    assert_delivered(result)
    assert_never_laundered(result)


def test_assertions_fail_with_the_hop() -> None:
    """What is rejected at the far end fails two of them, and the messages name hop and packets."""
    result = replayed("xen-3.0.0-domu-router")
    with pytest.raises(AssertionError, match=r"CSL101.*dom0:vif1\.0 out"):
        assert_no_findings(result)
    with pytest.raises(AssertionError, match=r"(?s)rejected.*outside"):
        assert_delivered(result)
    assert_no_findings(result, ignore={finding.code for finding in result.findings})


def test_nothing_walked_is_not_delivered(tmp_path: Path) -> None:
    """A capture without a packet proves nothing."""
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    result = csumlab.replay(empty, CAPTURES / "linux-6.1-bridge" / "topology.toml")
    with pytest.raises(AssertionError, match="no packet could be walked"):
        assert_delivered(result)
