"""``csumlab check``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from csumlab.commands.common import SLOW, announce_compiling, coloured, fail, progress, reports, tunnels_of, write_reports

if TYPE_CHECKING:
    from csumlab.checking import CheckResult
    from csumlab.topology.model import Topology


@click.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
@click.option("--csv", "as_csv", is_flag=True, help="A row per kind and cause; with --packets a row per checksum.")
@click.option("--packets", is_flag=True, help="A line per checksum that is not good; with --csv or --json per checksum.")
@click.option("--topology", "-t", metavar="FILE", help="The host as TOML: its NAT rules may explain wrong sums, its tunnels are opened.")
@click.option("--udp", multiple=True, metavar="PORT=TUNNEL", help="What a UDP port carries, such as 5555=fou or 9999=vxlan.")
@click.option(
    "-w", "target", metavar="FILE", help="Also write CAPTURE as pcapng with what was found beside each packet; no packet changes."
)
@click.option("--parquet", metavar="FILE", help="Also write a row per checksum as Parquet, of captures of any size.")
@reports
def check(
    captures: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    packets: bool,
    topology: str | None,
    udp: tuple[str, ...],
    target: str | None,
    parquet: str | None,
    sarif: str | None,
    junit: str | None,
) -> None:
    """Every checksum of every header in CAPTURE (pcap, pcapng, snoop; plain or packed with gzip, zstd, xz, bzip2 or lz4; - is standard
    input; a file that is still being written is read as far as it goes): good, partial, blank, absent, bad or unverified, and for what is
    not good the cause, and whether it matters."""
    if as_json and as_csv:
        fail("choose one of --json and --csv")
    if packets and "-" in captures:
        fail("--packets reads a capture twice: save standard input to a file first")
    if parquet and "-" in captures:
        fail("--parquet reads a capture twice: save standard input to a file first")
    if target and (len(captures) > 1 or "-" in captures):
        fail("-w takes one capture, which is read twice: no standard input")
    from csumlab.checking import check as run

    host = _host(topology)
    announce_compiling(captures)
    with progress(captures) as step:
        result = run(*captures, progress=step, topology=host, udp=tunnels_of(udp), labels=bool(target or parquet))
    if target is not None:
        _mark(result, target, captures)
    if parquet is not None:
        _tabulate(result, parquet, captures)
    if sarif or junit:
        from csumlab.outputs import junit as as_junit
        from csumlab.outputs import sarif as as_sarif

        write_reports([(sarif, lambda: as_sarif.of_check(result)), (junit, lambda: as_junit.of_check(result))])
    if packets:
        sys.exit(_packets(result, as_json, as_csv))
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


def _mark(result: CheckResult, target: str, captures: tuple[str, ...]) -> None:
    from csumlab.capture import CaptureError

    try:
        with progress(captures, SLOW) as step:
            click.echo(result.write(target, step), err=True)
    except (CaptureError, ValueError) as error:
        fail(error)


def _tabulate(result: CheckResult, path: str, captures: tuple[str, ...]) -> None:
    from csumlab.capture import CaptureError
    from csumlab.outputs.parquet import MissingPart, write_check
    from csumlab.whole import WriteError

    try:
        with progress(captures) as step:
            click.echo(f"{path}: {write_check(result, path, progress=step):,} checksums", err=True)
    except (CaptureError, MissingPart, WriteError, ValueError) as error:
        fail(error)


def _paint(text: str, standing: object) -> str:
    colours = {"REAL": "red", "DOUBTFUL": "yellow", "HARMLESS": "green"}
    return click.style(text, fg=colours.get(getattr(standing, "name", "")), bold=True)


def _host(path: str | None) -> Topology | None:
    if path is None:
        return None
    from csumlab.topology.load import TopologyError, load_topology

    try:
        return load_topology(path)
    except TopologyError as error:
        fail(error)


def _packets(result: CheckResult, as_json: bool, as_csv: bool) -> int:
    from csumlab.report.data import csv_line
    from csumlab.report.packets import COLUMNS, packet_line, packet_rows

    if as_csv:
        click.echo(csv_line(list(COLUMNS)), nl=False)
    for one in result.results:
        if not one.packets:
            continue
        if not (as_json or as_csv) and len(result.results) > 1:
            click.echo(f"== {one.file}")
        for row in packet_rows(one.file, all_verdicts=as_json or as_csv, tables=one.tables):
            if as_csv:
                click.echo(csv_line(list(row)), nl=False)
            else:
                click.echo(json.dumps(row._asdict()) if as_json else packet_line(row))
    for fault in result.faults:
        click.echo(f"csumlab: {fault}", err=True)
    return result.status
