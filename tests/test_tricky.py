"""The packets of captures/tricky, which fool tools: each gets the verdicts and the standing that are due by what is true of it."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from csumlab.causes import Standing
from csumlab.checking import CheckResult, check
from csumlab.report.packets import packet_rows

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "captures" / "tricky"
CAPTURE = FOLDER / "traffic.pcapng"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "packets.toml").read_text(encoding="utf-8"))["case"]
STARTS = [1 + sum(len(case["packets"]) for case in CASES[:index]) for index in range(len(CASES))]
"""The number of the first packet of each case."""
WRONG = ("yes", "no", "open")


@pytest.fixture(scope="module")
def result() -> CheckResult:
    return check(CAPTURE)


@pytest.fixture(scope="module")
def sums() -> dict[int, str]:
    """By packet its checksums with their verdicts, outermost first."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in packet_rows(str(CAPTURE)):
        found[row.packet].append(f"{row.kind} {row.verdict}")
    return {number: ", ".join(verdicts) for number, verdicts in found.items()}


def expected_to_fail() -> list[Any]:
    """A parameter for each case; the weak ones are expected to fail, and a test that passes against that fails."""
    return [
        pytest.param(start, case, id=case["name"], marks=[pytest.mark.xfail(reason=case["weak"])] if "weak" in case else [])
        for start, case in zip(STARTS, CASES, strict=True)
    ]


def found(result: CheckResult, number: int) -> list[str]:
    """What the report says of one packet. Groups of this capture name all their packets."""
    assert all(group.packets <= len(group.numbers) for group in result.groups)
    return sorted(f"{one.label}: {one.standing.name.lower()}: {one.cause.name}" for one in result.groups if number in one.numbers)


def fits(said: str, wanted: str) -> bool:
    """Equal, or equal but for a cause that is not asked for."""
    return said == wanted or (wanted.count(": ") == 1 and said.rpartition(": ")[0] == wanted)


@pytest.mark.parametrize(("start", "case"), expected_to_fail())
def test_every_packet(result: CheckResult, sums: dict[int, str], start: int, case: dict[str, Any]) -> None:
    """Verdict of each checksum, standing and cause of what is not good: as expected, nothing more and nothing less."""
    for number, packet in enumerate(case["packets"], start):
        assert sums[number] == packet["sums"], number
        said, wanted = found(result, number), [one for one in packet["found"].split("; ") if one]
        assert len(said) == len(wanted), (number, said)
        assert all(fits(left, right) for left, right in zip(said, wanted, strict=True)), (number, said)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_expectations_follow_the_truth(case: dict[str, Any]) -> None:
    """What is wrong is expected to be called so, and nothing else is: no expectation is bent to what the program says today."""
    wanted = [one.split(": ")[1] for packet in case["packets"] for one in packet["found"].split("; ") if one]
    standings = {Standing[word.upper()] for word in wanted}
    assert case["wrong"] in WRONG
    assert (Standing.REAL in standings) is (case["wrong"] == "yes")
    assert case["wrong"] != "open" or standings, "what cannot be told is said"


def test_the_capture_holds_the_cases(result: CheckResult) -> None:
    """As many packets as expectations, and the exit status says that something is wrong."""
    assert result.packets == STARTS[-1] - 1 + len(CASES[-1]["packets"])
    assert not result.faults
    assert result.status == 1


def test_made_by_its_script(tmp_path: Path) -> None:
    """make.py makes the same bytes again, of the same cases in the same order."""
    folder = tmp_path / "tricky"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("traffic.pcapng", "__pycache__"))
    shutil.copy(ROOT / "captures" / "craft.py", tmp_path)
    subprocess.run([sys.executable, folder / "make.py"], check=True, timeout=60)
    assert (folder / "traffic.pcapng").read_bytes() == CAPTURE.read_bytes()
    names = runpy.run_path(str(FOLDER / "make.py"))["cases"]()
    assert [name for name, _ in names] == [case["name"] for case in CASES]


def test_the_comparison_is_fresh(result: CheckResult) -> None:
    """docs/comparison.md has the cases, their truth and csumlab's words of today; `make comparison` writes it."""
    module = runpy.run_path(str(ROOT / "docs" / "compare.py"))
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    for start in module["row_starts"](result):
        assert f"\n{start}" in page, f"docs/comparison.md is stale: make comparison ({start})"
