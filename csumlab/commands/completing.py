"""What a shell is told when it completes an argument: by the words that stand for it in the help, so that each command need not say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

import click
from click.shell_completion import CompletionItem

_Completer = Callable[[click.Context, str], list[CompletionItem]]
_NETWORK_DEVICES: Final = "/sys/class/net"


def add_completions(command: click.Command) -> None:
    """Teach a command, and those below it, what its arguments may be."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            add_completions(below)
    for parameter in command.params:
        completer = _completer(command, parameter)
        if completer is not None:
            # Click takes a completer only where a parameter is made; the method of this one object is exchanged.
            setattr(parameter, "shell_complete", completer)  # noqa: B010


def _completer(command: click.Command, parameter: click.Parameter) -> _Completer | None:
    words = (parameter.metavar or "").split("...")[0].strip("[]")
    if words == "CAPTURE|CODE":
        return _capture_or_code
    if words in ("CAPTURE", "BEFORE", "AFTER", "FILE", "DUMP"):
        return _file
    if words == "FOLDER":
        return lambda _, incomplete: [CompletionItem(incomplete, type="dir")]
    if words.startswith("PORT["):
        return _ports
    if words == "IFACE":
        return _devices
    if (command.name, parameter.name) == ("stages", "name"):
        return _stages
    if (command.name, parameter.name) == ("run", "names"):
        return _scenarios
    return None


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _file(_: click.Context, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def _capture_or_code(context: click.Context, incomplete: str) -> list[CompletionItem]:
    from csumlab.findings import CATALOGUE

    found = [CompletionItem(code, help=entry.title) for code, entry in CATALOGUE.items() if code.startswith(incomplete.upper())]
    return found if incomplete and found else _file(context, incomplete)


def _ports(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """The ports of the topology that stands before it on the line."""
    from csumlab.topology.line import parse_line
    from csumlab.topology.load import TopologyError, load_topology

    file, line = context.params.get("topology"), context.params.get("line")
    try:
        host = load_topology(file) if file else parse_line(line) if line else None
    except TopologyError:
        return []
    return _beginning([str(port) for port in host.ports], incomplete) if host else []


def _devices(_: click.Context, incomplete: str) -> list[CompletionItem]:
    try:
        return _beginning(sorted(os.listdir(_NETWORK_DEVICES)), incomplete)
    except OSError:
        return []


def _stages(_: click.Context, incomplete: str) -> list[CompletionItem]:
    from csumlab.topology.presets import stages

    return _beginning(stages(), incomplete)


def _scenarios(_: click.Context, incomplete: str) -> list[CompletionItem]:
    """Numbers and names of bugs; folders too."""
    from csumlab.catalogue import catalogue

    names = [name for entry in catalogue() for name in (entry.id, entry.slug)]
    found = _beginning(names, incomplete) if incomplete else []
    return found or [CompletionItem(incomplete, type="dir")]
