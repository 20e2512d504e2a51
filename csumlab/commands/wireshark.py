"""``csumlab wireshark``."""

from __future__ import annotations

import json
import sys

import click

from csumlab.commands.common import HelpfulGroup, fail


@click.group(cls=HelpfulGroup)
def wireshark() -> None:
    """A profile for Wireshark (columns, colours, filters, validation on), and an extcap that puts live capture with what the kernel knows
    into its list of interfaces."""


@wireshark.command()
@click.option("--force", is_flag=True, help="Replace files that you changed; yours are kept beside them.")
@click.option("--no-extcap", is_flag=True, help="The profile only.")
def install(force: bool, no_extcap: bool) -> None:
    """Install or bring up to date. Files that you changed stay as they are, and are named."""
    from csumlab.whole import WriteError
    from csumlab.wireshark.folders import find_folders
    from csumlab.wireshark.installing import PROFILE, What
    from csumlab.wireshark.installing import install as run

    folders = find_folders()
    try:
        steps = run(folders, force=force, extcap=not no_extcap)
    except (OSError, WriteError) as error:
        fail(error)
    for step in steps:
        click.echo(step)
    unable = [step for step in steps if step.what is What.UNABLE]
    if unable:
        click.echo(f"csumlab: {unable[0].path.parent} cannot be written to; set WIRESHARK_CONFIG_DIR to a folder of yours", err=True)
    click.echo(f"Use it: wireshark -C {PROFILE} FILE, or Edit, Configuration Profiles.")
    sys.exit(2 if unable else 0)


@wireshark.command()
def remove() -> None:
    """Remove what was installed. What you changed since stays, and is named."""
    from csumlab.whole import WriteError
    from csumlab.wireshark.folders import find_folders
    from csumlab.wireshark.installing import What
    from csumlab.wireshark.installing import remove as run

    try:
        steps = run(find_folders())
    except (OSError, WriteError) as error:
        fail(error)
    for step in steps:
        click.echo(step)
    if not steps:
        click.echo("Nothing of csumlab is installed.")
    sys.exit(2 if any(step.what is What.UNABLE for step in steps) else 0)


@wireshark.command()
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def status(as_json: bool) -> None:
    """Say what is installed and where, and change nothing."""
    from csumlab.wireshark.folders import find_folders
    from csumlab.wireshark.installing import status as run

    folders = find_folders()
    steps = run(folders)
    if as_json:
        data = {
            "format": 1,
            "version": folders.version,
            "configuration": str(folders.configuration),
            "extcap": str(folders.extcap),
            "files": [step.to_dict() for step in steps],
        }
        click.echo(json.dumps(data, indent=2))
        return
    click.echo(folders.version or "tshark is not installed")
    for step in steps:
        click.echo(step)
