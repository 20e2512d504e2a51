"""``csumlab scenario``."""

from __future__ import annotations

import json
import sys

import click

from csumlab.commands.common import fail


@click.group()
def scenario() -> None:
    """Scenario folders: traffic.pcapng, topology.toml, expected.toml and make.py, which made the traffic."""


@scenario.command()
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def run(folders: tuple[str, ...], as_json: bool) -> None:
    """Replay the capture of each FOLDER and hold the findings against what is expected there."""
    from csumlab.capture import CaptureError
    from csumlab.scenario import ScenarioError, run_scenario
    from csumlab.topology.load import TopologyError

    results = []
    for folder in folders:
        try:
            results.append(run_scenario(folder))
        except (CaptureError, ScenarioError, TopologyError, ValueError) as error:
            fail(error)
    if as_json:
        click.echo(json.dumps([result.to_dict() for result in results], indent=2))
    else:
        click.echo("\n\n".join(map(str, results)))
    sys.exit(0 if all(result.passed for result in results) else 1)


@scenario.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--story", required=True, help="What happens here, in a sentence.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where the capture was taken, if topology.toml does not say.")
@click.option("--force", is_flag=True, help="Replace an expected.toml that is there.")
def new(folder: str, story: str, at: str, force: bool) -> None:
    """Record what replay says today of FOLDER's traffic.pcapng and topology.toml as its expected.toml. Read it before you trust it."""
    from pathlib import Path

    from csumlab.capture import CaptureError
    from csumlab.scenario import ScenarioError, record
    from csumlab.topology.load import TopologyError

    file = Path(folder) / "expected.toml"
    if file.exists() and not force:
        fail(f"{file} is there already (--force replaces it)")
    try:
        text = record(folder, story, at)
    except (CaptureError, ScenarioError, TopologyError, ValueError) as error:
        fail(error)
    temporary = file.with_suffix(".toml.partial")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    click.echo(f"{file}: written; pytest collects the folder, csumlab scenario run {folder} runs it")


@scenario.command("list")
@click.argument("root", default="captures")
def list_(root: str) -> None:
    """List the scenario folders under ROOT (captures)."""
    from csumlab.scenario import ScenarioError, list_scenarios

    try:
        for name, story in list_scenarios(root):
            click.echo(f"{name}: {story}")
    except ScenarioError as error:
        fail(error)
