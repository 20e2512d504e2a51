"""``csumlab report``."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from csumlab.commands.common import announce_compiling, fail, progress, wrote
from csumlab.commands.replay import settings_for

_ENDINGS: Final = frozenset({".pcap", ".pcapng", ".cap", ".snoop", ".gz", ".zst", ".xz", ".bz2", ".lz4"})


@click.command()
@click.argument("capture", metavar="CAPTURE")
@click.option("--output", "-o", metavar="FILE", help="The HTML file to write; else CAPTURE's name with .html, here. - is standard output.")
@click.option("--topology", "-t", metavar="FILE", help="The host as TOML.")
@click.option("--path", "-p", "line", metavar="LINE", help="The host in a line: 'domU:eth0 > vif1.0 > xenbr0 > eth0 > wire > host'.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where the capture was taken: domain:device.")
@click.option(
    "--assume", type=click.Choice(["unchecked", "verified", "must-compute"]), help="The carried state at the tap, if it is known."
)
@click.option("--exposure", is_flag=True, help="Also say where damage inside one host's memory would go unnoticed.")
def report(capture: str, output: str | None, topology: str | None, line: str | None, at: str, assume: str | None, exposure: bool) -> None:
    """One HTML file about CAPTURE that opens offline: the verdict, the host with the ways of the packets, findings with the commands that
    mend them, packets byte by byte. Without a host it shows what check says. The exit status is that of replay or check."""
    from csumlab.capture import CaptureError
    from csumlab.report.page import report_page as run
    from csumlab.report.table import folded, printable
    from csumlab.whole import WriteError, write_text

    if capture == "-":
        fail("a report reads its capture several times: save standard input to a file first")
    settings = settings_for(topology, line, at, assume or "", exposure)
    announce_compiling((capture,))
    try:
        with progress((capture,)) as step:
            page = run(capture, settings, step)
    except CaptureError as error:
        fail(error)
    if output == "-":
        click.echo(page.html.encode(), nl=False)
    else:
        output = output or f"{_stem(capture)}.html"
        try:
            write_text(output, page.html)
        except WriteError as error:
            fail(error)
        click.echo("\n".join(folded(printable(page.headline), "")))
        wrote(output, "open it in a browser, or mail it")
    sys.exit(page.status)


def _stem(capture: str) -> str:
    """A capture's name without its folder and without the endings of captures and of packing."""
    name = os.path.basename(capture)
    while (parts := os.path.splitext(name))[1] in _ENDINGS and parts[0]:
        name = parts[0]
    return name
