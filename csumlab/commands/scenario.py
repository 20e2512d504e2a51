"""``csumlab scenario``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from csumlab.commands.common import HelpfulGroup, fail, reports, write_reports

if TYPE_CHECKING:
    from csumlab.catalogue import Entry

_CAPTURES = click.option(
    "--captures", default="", metavar="DIR", help="Where the shipped scenario folders are, if not here or beside the package."
)


@click.group(cls=HelpfulGroup)
def scenario() -> None:
    """Scenario folders: traffic.pcapng, topology.toml, expected.toml and make.py, which made the traffic; and the bugs that they show."""


@scenario.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_CAPTURES
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
@reports
def run(names: tuple[str, ...], captures: str, as_json: bool, sarif: str | None, junit: str | None) -> None:
    """Replay captures and hold the findings against what is expected. NAME is a scenario folder, the name of a shipped one, or a documented
    bug by its id or slug (csumlab scenario list): then all that show it run, and those that show how it ends where it is mended."""
    from csumlab.capture import CaptureError
    from csumlab.outputs import junit as as_junit
    from csumlab.outputs import sarif as as_sarif
    from csumlab.scenario import ScenarioError, run_scenario
    from csumlab.shipped import scenario_folders
    from csumlab.topology.load import TopologyError

    try:
        wanted = [one for name in names for one in scenario_folders(name, captures)]
    except ScenarioError as error:
        fail(error)
    told, results, runs = [], [], []
    entry = None
    for of, folder in wanted:
        try:
            result = run_scenario(folder)
        except (CaptureError, ScenarioError, TopologyError) as error:
            fail(error)
        runs.append(result)
        results.append({**result.to_dict(), "entry": of.id if of else ""})
        if of is not None and of is not entry:
            told.append(_headline(of))
        entry = of
        told.append(str(result))
    write_reports([(sarif, lambda: as_sarif.of_scenarios(runs)), (junit, lambda: as_junit.of_scenarios(runs))])
    click.echo(json.dumps(results, indent=2) if as_json else "\n\n".join(told))
    sys.exit(0 if all(result["passed"] for result in results) else 1)


def _headline(entry: Entry) -> str:
    head = f"{entry.id} {entry.slug}: {entry.title}"
    return f"{head}\nThe bug itself cannot be shown ({entry.missing}); how it ends where it is mended:" if entry.missing else head


@scenario.command(short_help="Record what replay says today as what is expected.")
@click.argument("folder", metavar="FOLDER")
@click.option("--story", required=True, help="What happens here, in a sentence.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where the capture was taken; recorded.")
@click.option("--force", is_flag=True, help="Replace an expected.toml that is there.")
def new(folder: str, story: str, at: str, force: bool) -> None:
    """Record what replay says today of FOLDER's traffic.pcapng and topology.toml as its expected.toml. Read it before you trust it."""
    from csumlab.capture import CaptureError
    from csumlab.scenario import ScenarioError, record
    from csumlab.topology.load import TopologyError
    from csumlab.whole import WriteError, write_text

    file = Path(folder) / "expected.toml"
    if file.exists() and not force:
        fail(f"{file} is there already (--force replaces it)")
    try:
        text = record(folder, story, at)
    except (CaptureError, ScenarioError, TopologyError) as error:
        fail(error)
    try:
        write_text(file, text)
    except WriteError as error:
        fail(error)
    click.echo(f"{file}: written; pytest collects the folder, csumlab scenario run {folder} runs it")


@scenario.command("list")
@click.argument("text", nargs=-1)
@click.option("--stage", default="", help="Only bugs of this stage, by its name or another word for it: nat, card, ring, tunnel ...")
@click.option("--outcome", default="", help="Only bugs that did this: rejected, accepted, laundered, corrupted, dropped ...")
@_CAPTURES
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def list_(text: tuple[str, ...], stage: str, outcome: str, captures: str, as_json: bool) -> None:
    """List documented bugs, and the scenario folders that belong to none. TEXT: only those with all these words; or a folder, to list the
    scenarios below it."""
    from csumlab.report.bugs import entry_dict, entry_text
    from csumlab.scenario import ScenarioError

    entries: tuple[Entry, ...] = ()
    others: list[tuple[str, str]] = []
    lost = ""
    below = len(text) == 1 and Path(text[0]).is_dir()
    words = " ".join(text).lower()
    if not below:
        entries = _search(words, stage, outcome)
    try:
        if below:
            others = _folders(text[0])
        elif not (stage or outcome):
            others = _folders(captures, words)
    except ScenarioError as error:
        if below:
            fail(error)
        lost = str(error)
    if as_json:
        data = [entry_dict(entry) for entry in entries] + [{"folder": name, "story": story} for name, story in others]
        click.echo(json.dumps(data, indent=2))
    else:
        lines = [entry_text(entry) for entry in entries] + [f"{name}: {story}" for name, story in others]
        click.echo("\n".join(lines) or _nothing(words))
    if lost:
        click.echo(f"csumlab: {lost}", err=True)


def _folders(root: str, words: str | None = None) -> list[tuple[str, str]]:
    """Name and story of the scenarios below ``root``; with ``words`` of those shipped ones that belong to no entry and have all of them.
    Raises ScenarioError."""
    from csumlab.catalogue import catalogue
    from csumlab.scenario import list_scenarios
    from csumlab.shipped import captures_folder

    if words is None:
        return list(list_scenarios(root))
    taken = {folder for entry in catalogue() for folder in entry.folders}
    free = [(name, story) for name, story in list_scenarios(captures_folder(root)) if name not in taken]
    return [(name, story) for name, story in free if all(word in f"{name} {story}".lower() for word in words.split())]


def _nothing(words: str) -> str:
    """What is said where nothing fits, with the nearest words that would."""
    from csumlab.catalogue import catalogue

    near = " or ".join(catalogue().near(words))
    return f"Nothing fits; did you mean {near}?" if near else "Nothing fits; csumlab scenario list without words lists everything."


def _search(words: str, stage: str, outcome: str) -> tuple[Entry, ...]:
    from csumlab.catalogue import STAGES, Outcome, catalogue, outcomes_called, stages_called
    from csumlab.words import advice

    others = (other for words in STAGES.values() for other in words)
    for word, found, valid, what in (
        (stage, stages_called(stage), (*STAGES, *others), "stage"),
        (outcome, outcomes_called(outcome), tuple(one.value for one in Outcome), "outcome"),
    ):
        if word and not found:
            fail(f"no {what} {word!r}; {advice(word, valid)}")
    return tuple(entry for entry in catalogue() if entry.matches(words, stage, outcome))
