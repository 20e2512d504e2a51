"""``csumlab stages``."""

from __future__ import annotations

import json

import click

from csumlab.commands.common import fail, near


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Plain data instead of text.")
def stages(name: str | None, as_json: bool) -> None:
    """List the stages, or print the table of one; "cards", "readers" and "programs" print what network cards, programs
    that read and programs that put packets back can be told to do."""
    from csumlab.report.stages import VOCABULARIES, list_text, stage_dict, stage_text
    from csumlab.topology.presets import stages as every

    found = every()
    if name is None:
        click.echo(json.dumps([stage_dict(stage) for stage in found.values()], indent=2) if as_json else list_text())
        return
    if name in VOCABULARIES:
        click.echo(json.dumps(VOCABULARIES[name].to_dict(), indent=2) if as_json else str(VOCABULARIES[name]))
        return
    if name not in found:
        fail(f"no stage {name!r}{near(name, found) or '; csumlab stages lists them'}")
    click.echo(json.dumps(stage_dict(found[name]), indent=2) if as_json else stage_text(found[name]))
