"""The catalogue of documented bugs: one status each, what an entry names exists and shows what it says; it can be searched and run."""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from csumlab.catalogue import CatalogueError, Entry, Outcome, catalogue, parse_catalogue
from csumlab.cli import cli
from csumlab.report.bugs import bugs_markdown
from csumlab.scenario import expectation
from csumlab.shipped import ScenarioError, captures_folder

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = {file.parent.name for file in CAPTURES.glob("*/expected.toml")}
CODES = {
    Outcome.REJECT: ("CSL001", "CSL10", "CSL2", "CSL501"),
    Outcome.ACCEPT: ("CSL3",),
    Outcome.LAUNDER: ("CSL4",),
    Outcome.CORRUPT: ("CSL102", "CSL103"),
    Outcome.DROP: ("CSL5",),
}
"""What a finding of a scenario says for an outcome; the others are no findings."""
BUG = """
[[bug]]
id = "CB-001"
slug = "a-bug"
title = "a"
summary = "b"
outcome = ["drop"]
stages = ["vif"]
outside = "nothing is wrong"
"""


@cache
def codes(folders: tuple[str, ...]) -> frozenset[str]:
    return frozenset(finding.code for folder in folders for finding in expectation(CAPTURES / folder).finding)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["scenario", *words])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without scenarios: those beside the package are used."""
    monkeypatch.chdir(tmp_path)


def ids(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.id for entry in entries]


def test_every_documented_bug_has_a_place() -> None:
    """89 bugs of the catalogue, those found since, and 36 set-ups, by ids of their own kind, each with a reference, a summary that is a
    sentence, and where it is found."""
    found = catalogue()
    kinds = Counter(entry.id.partition("-")[0] for entry in found.bug)
    assert (kinds["CB"], len(found.setup)) == (89, 36)
    assert set(kinds) == {"CB", "CSUM"}
    assert all(entry.references and entry.component and entry.versions for entry in found.bug)
    assert ids(found.setup) == [f"RS-{number:02}" for number in range(1, len(found.setup) + 1)]
    assert all(entry.summary.endswith(".") and not entry.title.endswith(".") for entry in found)


def test_every_folder_is_there() -> None:
    """What entries name are scenarios; tests/test_scenarios.py runs them all."""
    assert {folder for entry in catalogue() for folder in entry.folders} <= FOLDERS


@pytest.mark.parametrize("entry", [entry for entry in catalogue().bug if entry.scenario], ids=lambda entry: entry.id)
def test_a_scenario_shows_the_outcome_of_its_bug(entry: Entry) -> None:
    """Findings of the buggy folders are of the kind that the bug's outcomes have; a bug that no finding tells shows it at a tap."""
    told = [one for one in entry.outcome if one in CODES]
    for outcome in told:
        assert any(code.startswith(CODES[outcome]) for code in codes(entry.scenario)), outcome
    if not told:
        assert any(expectation(CAPTURES / folder).tap for folder in entry.scenario)


@pytest.mark.parametrize("entry", [entry for entry in catalogue() if entry.fixed], ids=lambda entry: entry.id)
def test_where_it_is_mended_nothing_but_damage_is_found(entry: Entry) -> None:
    """A fixed folder has no finding, unless that damage is caught and kept out."""
    assert codes(entry.fixed) <= {"CSL001"}


def test_every_scenario_of_a_bug_tells_the_way_out() -> None:
    """A bug that is shown has a folder where it is mended, or every finding of it has a cure that was tried."""
    for entry in catalogue().bug:
        if entry.scenario and not entry.fixed:
            assert all(finding.cure for folder in entry.scenario for finding in expectation(CAPTURES / folder).finding), entry.id


def test_only_what_is_not_about_right_and_wrong_is_outside() -> None:
    """What is only slow, noisy or a crash may be outside; what rejects, accepts, launders or corrupts only if no mechanism is known."""
    soft = {Outcome.SLOW, Outcome.CRASH, Outcome.NOISE}
    for entry in catalogue():
        if entry.outside:
            assert set(entry.outcome) <= soft or "no mechanism" in entry.outside, entry.id
    assert {entry.id for entry in catalogue() if set(entry.outcome) <= {Outcome.SLOW, Outcome.CRASH}} <= {
        entry.id for entry in catalogue() if entry.outside or entry.scenario
    }


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('outside = "nothing is wrong"', "", "CB-001 a-bug: give exactly one of"),
        ('outside = "nothing is wrong"', 'outside = "x"\nscenario = ["y"]', "exactly one"),
        ('outside = "nothing is wrong"', 'outside = "x"\nfixed = ["y"]', "what is outside has no folders"),
        ('outside = "nothing is wrong"', 'missing = "time"', "missing begins with"),
        ('["drop"]', '["lost"]', "lost"),
        ('["drop"]', "[]", "needs an outcome"),
        ('["vif"]', '["vethh"]', "unknown stage 'vethh'; did you mean 'veth'?"),
        ('["vif"]', '["zzz"]', "unknown stage 'zzz'; valid: bond, bpf"),
        ("slug", "slog", "slog"),
        (BUG, BUG + BUG, "cb-001 is there twice"),
        (BUG, BUG + BUG.replace("CB-001", "CB-002"), "a-bug is there twice"),
        ("[[bug]]", "[[bug]", "Expected"),
    ],
)
def test_a_catalogue_that_is_wrong_says_where(old: str, new: str, says: str) -> None:
    """Whoever adds an entry is told what is missing in it."""
    assert ids(parse_catalogue(BUG).bug) == ["CB-001"]
    with pytest.raises(CatalogueError) as error:
        parse_catalogue(BUG.replace(old, new))
    assert says in str(error.value)


@pytest.mark.parametrize("name", ["CB-034", "cb-034", "openvmm-consomme"])
def test_a_bug_runs_by_id_and_slug(name: str) -> None:
    """All folders of the bug run, buggy and mended, and the exit status says that all is as expected."""
    result = run("run", name)
    assert result.exit_code == 0
    assert result.output.startswith("CB-034 openvmm-consomme: ")
    assert result.output.count(": as expected") == 2


def test_a_bug_that_lacks_something_runs_where_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says first that the bug itself cannot be shown, and why."""
    lacking = BUG.replace('outside = "nothing is wrong"', 'missing = "stage not modelled: a sieve"\nfixed = ["virtio-xdp-pass"]')
    lacking = lacking.replace("[[bug]]", '[[bug]]\ncomponent = "c"\nversions = "v"\nreferences = ["r"]')
    monkeypatch.setattr("csumlab.catalogue.catalogue", lambda: parse_catalogue(lacking))
    result = run("run", "a-bug")
    assert result.exit_code == 0
    assert "The bug itself cannot be shown (stage not modelled: a sieve)" in result.output
    assert "virtio-xdp-pass: as expected" in result.output


def test_data_names_the_entry() -> None:
    """--json has one element a folder, with the bug that it was run for."""
    data = json.loads(run("run", "CB-111", str(CAPTURES / "linux-6.1-bridge"), "udp-sum-zero", "--json").stdout)
    assert [(one["entry"], one["name"]) for one in data] == [
        ("CB-111", "udp-sum-zero-4.4"),
        ("CB-111", "udp-sum-zero"),
        ("", "linux-6.1-bridge"),
        ("", "udp-sum-zero"),
    ]
    listed = json.loads(run("list", "--stage", "nat", "--json").stdout)
    assert all("nat" in one["stages"] and one["status"] in ("scenario", "missing", "outside") for one in listed)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "CB-014"), "CB-014 mirage-net-xen-data-validated has no scenario: performance only"),
        (("run", "CB-037"), "no bug of this id or slug; did you mean"),
        (("run", "nothing-like-it-at-all"), "csumlab scenario list"),
        (("list", "--stage", "moon"), "no stage 'moon'; valid: bond, bpf, "),
        (("list", "--stage", "conntrak"), "no stage 'conntrak'; did you mean 'conntrack'?"),
        (("list", "--outcome", "joy"), "no outcome 'joy'; valid: wrong reject, "),
        (("run", "CB-034", "--captures", "/nowhere"), "are not installed"),
        (("run", "CB-034", os.devnull), "no scenario folder with an expected.toml"),
    ],
)
def test_what_cannot_run_is_said(words: tuple[str, ...], says: str) -> None:
    """Exit status 2, and why or what is meant; nothing runs before all names are known."""
    result = run(*words)
    assert result.exit_code == 2
    assert says in result.output
    assert "as expected" not in result.output


def test_bugs_are_found_by_stage_outcome_and_words() -> None:
    """Every entry is listed without a filter; filters narrow together; words are looked for everywhere."""
    listed = run("list").output
    assert all(f"{entry.id}  {entry.slug}" in listed for entry in catalogue())
    narrow = run("list", "--stage", "vif", "--outcome", "accept").output
    assert "CB-002  " in narrow
    assert "CB-010  " in narrow
    assert "CB-001  " not in narrow
    for words in (("--stage", "netback"), ("--stage", "Ring"), ("--outcome", "wrongly accepted", "--stage", "xen")):
        assert "CB-010  " in run("list", *words).output
    assert run("list", "--outcome", "laundered").output == run("list", "--outcome", "laundering").output
    assert run("list", "twitter").output.startswith("Nothing fits; csumlab scenario list")
    assert "did you mean xen-nat-partial" in run("list", "xen-nat-parcial").output
    assert "CB-036  " in run("list", "ce8c839b74e3").output
    assert "CB-087  " in run("list", "63", "Seconds", "kubernetes").output


def test_scenarios_without_an_entry_are_listed_too(tmp_path: Path) -> None:
    """A folder of one's own is found below its directory, and below --captures by the words of its story."""
    (tmp_path / "mine" / "one").mkdir(parents=True)
    (tmp_path / "mine" / "one" / "expected.toml").write_text('story = "A tale of two sums."\n')
    assert run("list", str(tmp_path / "mine")).output == "one: A tale of two sums.\n"
    assert run("list", "two", "SUMS", "--captures", str(tmp_path / "mine")).output.endswith("one: A tale of two sums.\n")
    assert "one: " not in run("list", "three sums", "--captures", str(tmp_path / "mine")).output


def test_without_the_folders_the_list_still_works(tmp_path: Path) -> None:
    """An installed package has the catalogue and no captures: it lists, and says where the folders are."""
    result = run("list", "veth", "--captures", str(tmp_path))
    assert result.exit_code == 0
    assert "CB-036  " in result.output
    assert "captures/ of csumlab's source tree" in result.output
    with pytest.raises(ScenarioError, match="source tree"):
        captures_folder(tmp_path)
    assert captures_folder() == CAPTURES


def test_the_page_has_every_entry_and_every_lack() -> None:
    """docs/bugs.md names every bug and set-up once, and counts what is missing."""
    page = bugs_markdown()
    for entry in catalogue():
        assert page.count(f"`{entry.slug}`") == 1, entry.slug
    lacking = [entry.id for entry in catalogue().bug if entry.missing]
    assert f"; {len(lacking)} need something that is not modelled; " in page
    assert [name for name in lacking if f"| {name} `" not in page] == []
    assert ("## Not modelled yet" in page) is bool(lacking)
