"""The shipped scenarios: they pass, they are what their scripts make, and they say the same at every capture point."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import pytest

from csumlab.findings import CATALOGUE
from csumlab.scenario import ScenarioError, list_scenarios, run_scenario

ROOT = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(file.parent for file in ROOT.glob("*/expected.toml"))
NAMES = [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_scenario(folder: Path) -> None:
    """Findings, packets, cures and exit status are those expected, strictly both ways."""
    result = run_scenario(folder)
    assert result.passed, str(result)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_made_by_its_script(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """make.py makes the same bytes again."""
    shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("traffic.pcapng", "__pycache__"))
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    runpy.run_path(str(tmp_path / folder.name / "make.py"), run_name="__main__")
    assert (tmp_path / folder.name / "traffic.pcapng").read_bytes() == (folder / "traffic.pcapng").read_bytes()


@pytest.mark.parametrize(
    ("old", "new"), [("packets = 6", "packets = 5"), ('"CSL101"', '"CSL102"'), ("status = 1", "status = 0"), ("run Linux", "turn Linux")]
)
def test_a_wrong_expectation_fails(tmp_path: Path, old: str, new: str) -> None:
    """An expectation that is not met is a difference."""
    shutil.copytree(ROOT / "xen-3.0.0-domu-router", tmp_path / "one")
    file = tmp_path / "one" / "expected.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert not run_scenario(tmp_path / "one").passed


def test_folder_that_is_none(tmp_path: Path) -> None:
    """A folder without its parts is an error that names what is missing."""
    with pytest.raises(ScenarioError, match=r"expected\.toml"):
        run_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="no folder"):
        list(list_scenarios(tmp_path))
    assert dict(list_scenarios(ROOT)).keys() == set(NAMES)


@pytest.mark.long
def test_examples_exist() -> None:
    """The scenario that a finding names as its example shows that finding."""
    for entry in CATALOGUE.values():
        if entry.example:
            assert any(finding.code == entry.code for finding in run_scenario(ROOT / entry.example).result.findings)
