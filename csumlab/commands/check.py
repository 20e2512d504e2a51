"""``csumlab check``."""

from __future__ import annotations

import json
import sys

import click

from csumlab.commands.common import announce_compiling, coloured, fail, progress


@click.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
@click.option("--csv", "as_csv", is_flag=True, help="A row per kind and cause; with --packets a row per checksum.")
@click.option("--packets", is_flag=True, help="A line per checksum that is not good; with --csv or --json per checksum.")
def check(captures: tuple[str, ...], as_json: bool, as_csv: bool, packets: bool) -> None:
    """Every checksum of every header in CAPTURE (pcap, pcapng; .gz, .zst; - is standard input): good, partial, absent, bad or unverified,
    and for what is not good the likely cause, and whether it matters."""
    if as_json and as_csv:
        fail("choose one of --json and --csv")
    if packets:
        if "-" in captures:
            fail("--packets reads a capture twice: save standard input to a file first")
        sys.exit(_packets(captures, as_json, as_csv))
    from csumlab.checking import check as run

    announce_compiling(captures)
    with progress(captures) as step:
        result = run(*captures, progress=step)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    elif as_csv:
        from csumlab.report.data import summary_csv

        for line in summary_csv(result):
            click.echo(line, nl=False)
    else:
        from csumlab.report.text import check_text, plain

        click.echo(check_text(result, _paint if coloured() else plain))
    if as_json or as_csv:
        for fault in result.faults:
            click.echo(f"csumlab: {fault}", err=True)
    sys.exit(result.status)


def _paint(text: str, standing: object) -> str:
    colours = {"REAL": "red", "DOUBTFUL": "yellow", "HARMLESS": "green"}
    return click.style(text, fg=colours.get(getattr(standing, "name", "")), bold=True)


def _packets(captures: tuple[str, ...], as_json: bool, as_csv: bool) -> int:
    from csumlab.checking import check as run
    from csumlab.report.data import csv_line
    from csumlab.report.packets import COLUMNS, packet_line, packet_rows

    result = run(*captures)
    if as_csv:
        click.echo(csv_line(list(COLUMNS)), nl=False)
    for one in result.results:
        if not one.packets:
            continue
        if not (as_json or as_csv) and len(captures) > 1:
            click.echo(f"== {one.file}")
        for row in packet_rows(one.file, all_verdicts=as_json or as_csv):
            if as_csv:
                click.echo(csv_line(list(row)), nl=False)
            else:
                click.echo(json.dumps(row._asdict()) if as_json else packet_line(row))
    for fault in result.faults:
        click.echo(f"csumlab: {fault}", err=True)
    return result.status
