"""``csumlab schema``."""

from __future__ import annotations

import json

import click

from csumlab.commands.common import fail, near


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of an output, or list the names."""
    from csumlab.schemas import NAMES
    from csumlab.schemas import schema as make

    if name is None:
        width = max(map(len, NAMES))
        click.echo("\n".join(f"{word.ljust(width)}  {title}" for word, title in NAMES.items()))
        return
    if name not in NAMES:
        fail(f"no schema {name!r}{near(name, NAMES) or '; csumlab schema lists them'}")
    click.echo(json.dumps(make(name), indent=2))
