"""``csumlab explain``."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Final

import click

from csumlab.commands.common import fail, progress, style

_CODE: Final = re.compile(r"(?i)csl\d*")


@click.command()
@click.argument("what", metavar="CAPTURE|CODE")
@click.argument("packet", required=False, metavar="[PACKET]")
@click.option("--topology", "-t", metavar="FILE", help="The host as TOML.")
@click.option("--path", "-p", "line", metavar="LINE", help="The host in a line.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where the capture was taken.")
@click.option(
    "--assume", type=click.Choice(["unchecked", "verified", "must-compute"]), help="The carried state at the tap, if it is known."
)
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def explain(what: str, packet: str | None, topology: str | None, line: str | None, at: str, assume: str | None, as_json: bool) -> None:
    """One packet of CAPTURE hop by hop (its number counts from 1), or with a CODE such as CSL101 what that finding means."""
    from csumlab.findings import CATALOGUE

    if what.upper() in CATALOGUE and packet is None:
        from csumlab.report.explain import entry_dict, entry_text

        entry = CATALOGUE[what.upper()]
        click.echo(json.dumps(entry_dict(entry), indent=2) if as_json else entry_text(entry))
        return
    if what.upper() in CATALOGUE:
        fail(f"{what} is a finding and has no packets: csumlab explain {what}; for a packet name the capture in its place")
    if what.isdecimal() and not os.path.exists(what):
        fail(f"the capture comes before the packet: csumlab explain {packet or 'CAPTURE'} {what}")
    if packet is None:
        if _CODE.fullmatch(what):
            fail(f"there is no finding {what}; there are: {', '.join(CATALOGUE)}")
        from csumlab.catalogue import catalogue

        bug = catalogue().find(what)
        if bug is not None and not os.path.exists(what):
            fail(f"{what} is a documented bug: csumlab scenario run {bug.id}, csumlab scenario list {bug.id}")
        fail(f"{what}: give a packet number too: csumlab explain {what} 17 --topology host.toml (or a finding: csumlab explain CSL101)")
    if not packet.isdecimal():
        fail(f"{packet!r} is no packet number; it is counted from 1: csumlab explain {what} 17")
    from csumlab.capture import CaptureError
    from csumlab.commands.replay import settings_for
    from csumlab.explain import explain as run

    settings = settings_for(topology, line, at, assume or "", False)
    if settings is None:
        fail(
            "say through what host: --topology FILE or --path LINE; without one yet, csumlab replay "
            f"{what} suggests a topology, and csumlab host save makes one of a live host"
        )
    try:
        with progress((what,)) as step:
            explanation = run(what, int(packet), settings, progress=step)
    except (CaptureError, ValueError) as error:
        fail(error)
    if as_json:
        click.echo(json.dumps(explanation.to_dict(), indent=2))
    else:
        from csumlab.report.explain import text

        click.echo(text(explanation, style()))
    sys.exit(0)
