"""The command line: names and help of the commands. What a command needs is imported when it runs, so that ``--help`` is instant."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

import click

from csumlab.commands.common import HelpfulGroup

COMPLETING: Final = "_CSUMLAB_COMPLETE"
"""Set by a shell that wants completions (commands/completion.py)."""
GROUPS: Final = {
    "What is wrong with a capture": {
        "check": "Is it real? Every checksum, and why the wrong ones are wrong.",
        "replay": "Which device, which setting? Walk it through a modelled host.",
        "explain": "One packet, place by place; or what a finding means.",
        "compare": "What happened in between? The same traffic at two places.",
        "report": "A page for colleagues: one HTML file that opens offline.",
    },
    "Live hosts": {
        "capture": "Capture, and keep what the kernel knows of each packet.",
        "host": "This host as a topology, so that nobody has to write one.",
        "wireshark": "A profile, and live capture, for Wireshark.",
    },
    "What is known": {
        "scenario": "Documented bugs and your own regressions: list, run, new.",
        "stages": "What each device does to a checksum: the tables.",
    },
    "This machine, other programs": {
        "doctor": "What is missing on this machine, and how to get it.",
        "completion": "Completion for bash, zsh or fish.",
        "schema": "The JSON Schema of every output.",
    },
}
"""Headings of ``--help`` with the commands below them: each is the click command of the same name in csumlab.commands. A line of help fits
on one of 80 columns."""
COMMANDS: Final = {name: text for group in GROUPS.values() for name, text in group.items()}


class LazyGroup(HelpfulGroup):
    """A group whose commands are imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"csumlab.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        if COMPLETING in os.environ:
            from csumlab.commands.completing import add_completions

            add_completions(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="csumlab")
def cli() -> None:
    """Says whether the bad checksums in a capture are real, which device left them, and which setting mends it.

    Start with: csumlab check CAPTURE

    Exit status: 0 clean, 1 findings, 2 usage or unreadable input.
    """


def main() -> None:
    """Run the command line; a closed pipe ends it quietly."""
    try:
        cli()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
