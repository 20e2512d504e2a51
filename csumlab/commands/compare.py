"""``csumlab compare``."""

from __future__ import annotations

import json
import sys

import click

from csumlab.commands.common import announce_compiling, fail, progress, tunnels_of
from csumlab.shown import counted


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--topology", "-t", metavar="FILE", help="The host between the two points as TOML: was it predicted, what mends it.")
@click.option("--path", "-p", "line", metavar="LINE", help="The host in a line.")
@click.option("--at-before", default="", metavar="PORT[:in|:out]", help="Where BEFORE was taken: domain:device.")
@click.option("--at-after", default="", metavar="PORT[:in|:out]", help="Where AFTER was taken.")
@click.option("--udp", multiple=True, metavar="PORT=TUNNEL", help="What a UDP port carries, such as 5555=fou or 9999=vxlan.")
@click.option("--window", type=click.FloatRange(0, 3600, min_open=True), metavar="SECONDS", help="Look for partners within this time.")
@click.option("-w", "target", metavar="FILE", help="Write both captures into one pcapng; comments name the partner and what happened.")
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
@click.option("--csv", "as_csv", is_flag=True, help="A row for each thing that happened.")
def compare(
    before: str,
    after: str,
    topology: str | None,
    line: str | None,
    at_before: str,
    at_after: str,
    udp: tuple[str, ...],
    window: float | None,
    target: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Two captures of the same traffic at two places: which checksums were filled, changed, broken or laundered in between, which packets
    damaged or lost. Finds packets again behind NAT, tunnels, segmentation and fragmentation. A packet that could be several is called
    ambiguous."""
    from csumlab.capture import CaptureError
    from csumlab.points.comparing import compare as run
    from csumlab.tables import Tables
    from csumlab.topology.line import parse_line
    from csumlab.topology.load import TopologyError

    if as_json and as_csv:
        fail("choose one of --json and --csv")
    if topology and line:
        fail("choose one of --topology and --path")
    if (at_before or at_after) and not (topology or line):
        fail("--at-before and --at-after name places of a host: give it with --topology FILE or --path LINE")
    tables = Tables(tunnel_ports=tuple(tunnels_of(udp).items()))
    announce_compiling((before, after))
    try:
        host = parse_line(line) if line else topology
        with progress((before, after), passes=3 if target else 2) as step:
            result = run(before, after, host, at_before=at_before, at_after=at_after, tables=tables, window=window, progress=step)
            count = result.write(target, step) if target else 0
        if target:
            click.echo(f"csumlab: {counted(count, 'packet')} in {target}", err=True)
    except (CaptureError, TopologyError, ValueError) as error:
        fail(error)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    elif as_csv:
        from csumlab.report.data import csv_line
        from csumlab.report.points import COLUMNS, summary_rows

        for row in [COLUMNS, *summary_rows(result)]:
            click.echo(csv_line(list(row)), nl=False)
    else:
        click.echo(str(result))
    if as_json or as_csv:
        for fault in result.faults:
            click.echo(f"csumlab: {fault}", err=True)
    sys.exit(result.status)
