"""``csumlab explain``."""

from __future__ import annotations

import json
import sys

import click

from csumlab.commands.common import fail


@click.command()
@click.argument("what", metavar="CAPTURE|CODE")
@click.argument("number", type=int, required=False, metavar="[PACKET]")
@click.option("--topology", "-t", metavar="FILE", help="The host as TOML.")
@click.option("--path", "-p", "line", metavar="LINE", help="The host in a line.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where the capture was taken.")
@click.option(
    "--assume", type=click.Choice(["unchecked", "verified", "must-compute"]), help="The carried state at the tap, if it is known."
)
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def explain(what: str, number: int | None, topology: str | None, line: str | None, at: str, assume: str | None, as_json: bool) -> None:
    """One packet of CAPTURE hop by hop (its number counts from 1), or with a CODE such as CSL101 what that finding means."""
    from csumlab.findings import CATALOGUE

    if what.upper() in CATALOGUE and number is None:
        from csumlab.report.explain import entry_dict, entry_text

        entry = CATALOGUE[what.upper()]
        click.echo(json.dumps(entry_dict(entry), indent=2) if as_json else entry_text(entry))
        return
    if number is None:
        codes = ", ".join(CATALOGUE)
        fail(f"{what}: give a packet number and a topology (csumlab explain CAPTURE 17 --topology host.toml), or one of the codes {codes}")
    from csumlab.capture import CaptureError
    from csumlab.commands.replay import settings_for
    from csumlab.explain import explain as run

    settings = settings_for(topology, line, at, assume or "", False)
    if settings is None:
        fail("say through what host: --topology FILE or --path LINE")
    try:
        explanation = run(what, number, settings)
    except (CaptureError, ValueError) as error:
        fail(error)
    click.echo(json.dumps(explanation.to_dict(), indent=2) if as_json else str(explanation))
    sys.exit(0)
