"""``csumlab replay``, and what other commands need to find topology and tap."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from csumlab.commands.common import SLOW, announce_compiling, fail, progress, reports, write_reports

if TYPE_CHECKING:
    from csumlab.outcome import Settings
    from csumlab.replaying import ReplayResult
    from csumlab.topology.model import Topology


def settings_for(topology: str | None, line: str | None, at: str, assume: str, exposure: bool) -> Settings | None:
    """From the options that replay and explain share; None without a topology. Ends with exit status 2 on any error."""
    from csumlab.outcome import Settings
    from csumlab.replaying import tap_of
    from csumlab.topology.line import parse_line
    from csumlab.topology.load import TopologyError, load_topology

    if topology and line:
        fail("choose one of --topology and --path")
    try:
        host: Topology | None = load_topology(topology) if topology else parse_line(line) if line else None
        return Settings(host, tap_of(host, at), assume, exposure) if host else None
    except (TopologyError, ValueError) as error:
        fail(error)


@click.command()
@click.argument("capture", metavar="CAPTURE")
@click.option("--topology", "-t", metavar="FILE", help="The host as TOML.")
@click.option("--path", "-p", "line", metavar="LINE", help="The host in a line: 'domU:eth0 > vif1.0 > xenbr0 > eth0 > wire > host'.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where the capture was taken: domain:device.")
@click.option(
    "--assume", type=click.Choice(["unchecked", "verified", "must-compute"]), help="The carried state at the tap, if it is known."
)
@click.option("--exposure", is_flag=True, help="Also say where damage inside one host's memory would go unnoticed.")
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
@click.option(
    "-w", "target", metavar="FILE", help="Also write the packets as captures at every hop would show them: one pcapng interface a hop."
)
@click.option("--parquet", metavar="FILE", help="Also write a row per packet as Parquet, of captures of any size.")
@reports
def replay(
    capture: str,
    topology: str | None,
    line: str | None,
    at: str,
    assume: str | None,
    exposure: bool,
    as_json: bool,
    target: str | None,
    parquet: str | None,
    sarif: str | None,
    junit: str | None,
) -> None:
    """Walk every packet of CAPTURE through a modelled host, from its sender through the capture point to its end, and say what is wrong,
    where, why, and which change mends it."""
    from csumlab.capture import CaptureError

    settings = settings_for(topology, line, at, assume or "", exposure)
    if settings is None:
        if target or parquet or sarif or junit:
            fail("nothing was walked that could be written: say through what host, with --topology FILE or --path LINE")
        from csumlab.suggest import suggest

        try:
            suggestion = suggest(capture)
        except CaptureError as error:
            fail(error)
        click.echo(json.dumps(suggestion.to_dict(), indent=2) if as_json else str(suggestion))
        sys.exit(suggestion.status)
    from csumlab.replaying import replay as run
    from csumlab.whole import WriteError

    announce_compiling((capture,))
    try:
        with progress((capture,)) as step:
            result = run(capture, settings.topology, at=str(settings.tap), assume=settings.assume, exposure=exposure, progress=step)
        if target is not None:
            with progress((capture,), SLOW) as step:
                click.echo(result.write(target, step), err=True)
    except (CaptureError, WriteError, ValueError) as error:
        fail(error)
    if parquet is not None:
        _tabulate(result, parquet, capture)
    if sarif or junit:
        from csumlab.outputs import junit as as_junit
        from csumlab.outputs import sarif as as_sarif

        write_reports([(sarif, lambda: as_sarif.of_replay(result)), (junit, lambda: as_junit.of_replay(result))])
    click.echo(json.dumps(result.to_dict(), indent=2) if as_json else str(result))
    if as_json and result.fault is not None:
        click.echo(f"csumlab: {result.fault}", err=True)
    sys.exit(result.status)


def _tabulate(result: ReplayResult, path: str, capture: str) -> None:
    from csumlab.capture import CaptureError
    from csumlab.outputs.parquet import MissingPart, write_replay
    from csumlab.whole import WriteError

    try:
        with progress((capture,)) as step:
            click.echo(f"{path}: {write_replay(result, path, progress=step):,} packets", err=True)
    except (CaptureError, MissingPart, WriteError, ValueError) as error:
        fail(error)
