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
COMMANDS: Final = {
    "check": "Every checksum of a capture: is it real, and what to do.",
    "replay": "Walk a capture through a modelled host: which device, which setting.",
    "explain": "One packet hop by hop, or what a finding means.",
    "compare": "Two captures of the same traffic: what happened in between.",
    "report": "One HTML page that opens offline: verdict, drawings, findings, bytes.",
    "stages": "The tables of what devices do.",
    "capture": "Capture live, with what the kernel knows of each packet.",
    "schema": "The JSON Schema of an output.",
    "wireshark": "A profile and an extcap for Wireshark: install, remove, status.",
    "host": "A topology from a live host, so that nobody has to write one.",
    "doctor": "What this machine has of what csumlab can use, and how to get the rest.",
    "completion": "Completion for bash, zsh or fish.",
    "scenario": "Run scenario folders: a capture, a topology, what is expected.",
}
"""Each is the click command of the same name in csumlab.commands."""


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
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="csumlab")
def cli() -> None:
    """Says whether the bad checksums in a capture are real, which device left them, and which setting mends it.

    Exit status: 0 clean, 1 findings, 2 usage or unreadable input.
    """


def main() -> None:
    """Run the command line; a closed pipe ends it quietly."""
    try:
        cli()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
