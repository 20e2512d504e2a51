"""``csumlab completion``."""

from __future__ import annotations

import sys
from typing import Final

import click
from click.shell_completion import get_completion_class

from csumlab.commands.common import fail

_INSTALL: Final = {
    "bash": "csumlab completion bash > ~/.local/share/bash-completion/completions/csumlab   (create the folder if it is not there)",
    "zsh": "csumlab completion zsh > ~/.zfunc/_csumlab, with  fpath+=~/.zfunc; autoload -U compinit; compinit  in ~/.zshrc",
    "fish": "csumlab completion fish > ~/.config/fish/completions/csumlab.fish",
}
_NOW: Final = {
    "bash": 'eval "$(csumlab completion bash)"',
    "zsh": 'eval "$(csumlab completion zsh)"',
    "fish": "csumlab completion fish | source",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion(shell: str) -> None:
    """Print a script that completes commands, options, files, findings, scenarios, devices and the ports of a topology in SHELL.

    For this shell only: eval "$(csumlab completion bash)". For good, the script says in its first lines where it goes.
    """
    from csumlab.cli import COMPLETING, cli

    made = get_completion_class(shell)
    if made is None:
        fail(f"this version of click has no completion for {shell}")
    script = made(cli, {}, "csumlab", COMPLETING)
    try:
        source = script.source_template % script.source_vars()
    except RuntimeError as error:
        fail(error)
    # The first line of a zsh script names the command that it completes.
    first, _, rest = source.lstrip().partition("\n")
    click.echo(first)
    click.echo(f"# Completion of csumlab for {shell}. To install: {_INSTALL[shell]}\n# Only in this shell: {_NOW[shell]}")
    click.echo(rest)
    if sys.stdout.isatty():
        click.echo(f"csumlab: to install: {_INSTALL[shell]}; only in this shell: {_NOW[shell]}", err=True)
