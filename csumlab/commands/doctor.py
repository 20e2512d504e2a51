"""``csumlab doctor``."""

from __future__ import annotations

import json
import sys

import click

from csumlab.commands.common import style


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def doctor(as_json: bool) -> None:
    """Versions of Python and libraries, optional parts and what each missing one would give, with the command that gets it. Exit status 1
    if something needed is missing."""
    from csumlab.doctor import diagnose
    from csumlab.report.doctor import text

    diagnosis = diagnose()
    click.echo(json.dumps(diagnosis.to_dict(), indent=2) if as_json else text(diagnosis, style()))
    sys.exit(diagnosis.status)
