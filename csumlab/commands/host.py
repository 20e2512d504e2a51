"""``csumlab host``: a topology from a live host."""

from __future__ import annotations

import shlex
import sys

import click

from csumlab.commands.common import HelpfulGroup, fail, wrote


@click.group(cls=HelpfulGroup)
def host() -> None:
    """A topology from a live host, so that nobody has to write one.

    \b
    csumlab host script | ssh root@dom0 sh > dump.txt    where Python is not: any POSIX shell
    csumlab host load dump.txt -o host.toml
    csumlab replay capture.pcapng --topology host.toml --at dom0:vif3.0
    """


@host.command(short_help="Print the shell script that dumps a host without csumlab.")
def script() -> None:
    """Print the shell script that dumps a host. It needs no more than /bin/sh, and only reads."""
    from csumlab.host.script import SCRIPT

    click.echo(SCRIPT, nl=False)


@host.command(short_help="Dump this host.")
@click.option("--output", "-o", metavar="FILE", help="Where to write the dump; else standard output.")
@click.option("--netns", metavar="NAME", multiple=True, help="Only this network namespace beside the host's own; may be repeated.")
@click.option("--no-netns", is_flag=True, help="No other network namespaces.")
def save(output: str | None, netns: tuple[str, ...], no_netns: bool) -> None:
    """Dump this host: run the script here."""
    from csumlab.host.dump import DumpError, save_dump

    if netns and no_netns:
        fail("choose one of --netns and --no-netns")
    try:
        data = save_dump(("-",) if no_netns else netns)
    except DumpError as error:
        fail(error)
    _write(output, data.decode("utf-8", errors="replace"), "csumlab host load {} -o host.toml makes a topology of it")


@host.command(short_help="Make a topology of a dump.")
@click.argument("dump", metavar="DUMP")
@click.option("--output", "-o", metavar="FILE", help="Where to write the topology; else standard output.")
@click.option("--name", default="", help="What to call the host in it; else dom0 or host.")
@click.option("--at", default="", metavar="PORT[:in|:out]", help="Where captures are taken: domain:device.")
def load(dump: str, output: str | None, name: str, at: str) -> None:
    """Make a topology of DUMP ('-' for standard input). What is not known or not modelled is said in its comments and on standard error.

    Exit status: 0, also with such warnings; 2 if DUMP cannot be used.
    """
    from csumlab.host.dump import DumpError, parse_dump, read_dump
    from csumlab.host.loading import load_host

    try:
        read = parse_dump(sys.stdin.buffer.read(), "standard input") if dump == "-" else read_dump(dump)
        loaded = load_host(read, name=name, at=at)
    except (DumpError, ValueError) as error:
        fail(error)
    for warning in loaded.warnings:
        click.echo(f"csumlab: warning: {warning}", err=True)
    _write(output, loaded.text, "csumlab replay CAPTURE --topology {}" + ("" if at else " --at DOMAIN:DEVICE"))


@host.command(short_help="Print a topology to start from.")
@click.option("--host", "kind", default="", metavar="HOST", help="One of xen, xcp-ng, proxmox, libvirt.")
@click.option("--vif", default="", metavar="VIF", help="The guest's device in dom0, such as vif3.0.")
@click.option("--vm", default="", metavar="VM", help="The virtual machine: a number with proxmox, a name with libvirt.")
@click.option("--address", default="", metavar="ADDRESS", help="The guest's address, such as 10.0.0.11/24.")
@click.option("--tunnel", default="", metavar="TUNNEL", help="A tunnel or VPN instead, such as wireguard; 'list' says which there are.")
@click.option("--in", "place", default="host", metavar="PLACE", help="Where the tunnel's near end stands, such as container.")
@click.option("--offload", type=click.Choice(["on", "off"]), default="on", help="Checksum offload and GRO at the tunnel's near end.")
@click.option("--kernel", default="linux-6.1", metavar="PRESET", help="The kernel at the tunnel's near end.")
@click.option("--output", "-o", metavar="FILE", help="Where to write the topology; else standard output.")
def template(kind: str, vif: str, vm: str, address: str, tunnel: str, place: str, offload: str, kernel: str, output: str | None) -> None:
    """Print a topology to start from, for those who have only the capture: a host with a guest (--host), or a tunnel or VPN to another
    machine (--tunnel)."""
    from csumlab.host.setups import listing, setup
    from csumlab.host.templates import template as make
    from csumlab.topology.load import TopologyError, parse_topology

    if bool(kind) == bool(tunnel):
        fail("say --host or --tunnel, one of them")
    if tunnel == "list":
        click.echo(listing())
        return
    try:
        if tunnel:
            text = setup(tunnel, place, offload=offload == "on", kernel=kernel)
            parse_topology(text)
        else:
            text = make(kind, vif=vif, vm=vm, address=address)
    except (TopologyError, ValueError) as error:
        fail(error)
    _write(output, text, "correct it where it says so, then: csumlab replay CAPTURE --topology {}")


def _write(output: str | None, text: str, then: str) -> None:
    """``then``: what to do with the file, {} standing for its name."""
    if output is None:
        click.echo(text, nl=False)
        return
    from csumlab.whole import WriteError, write_text

    try:
        write_text(output, text)
    except WriteError as error:
        fail(error)
    wrote(output, then.replace("{}", shlex.quote(output)))
