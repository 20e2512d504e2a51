"""What commands share: the progress bar, colour, and how they end."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from csumlab.words import nearest

if TYPE_CHECKING:
    from csumlab.capture import Capture
    from csumlab.headers import Layer
    from csumlab.report.path import Style

LONG = 64 << 20
"""Bytes of a capture from which on a progress bar is worth it."""


def fail(message: object) -> NoReturn:
    """End with exit status 2 and a message."""
    click.echo(f"csumlab: {message}", err=True)
    raise SystemExit(2)


def near(word: str, names: Iterable[str]) -> str:
    """``; did you mean ...?`` if one of ``names`` looks like ``word``, else nothing."""
    found = nearest(word, names)
    return f"; did you mean {found[0]}?" if found else ""


def wrote(path: str, then: str) -> None:
    """Say what was written and what to do with it, on standard error: standard output is for results."""
    click.echo(f"csumlab: wrote {path}: {then}", err=True)


class HelpfulGroup(click.Group):
    """A group that says what may have been meant by a command that it does not have."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        known = self.list_commands(ctx)
        if word not in known and not word.startswith("-") and not ctx.resilient_parsing:
            advice = near(word, known)
            if not advice and ctx.parent is None and os.path.isfile(word):
                advice = f"; it is a file: csumlab check {word}"
            ctx.fail(f"there is no command {word!r}{advice or '; there are: ' + ', '.join(known)}")
        return super().resolve_command(ctx, args)


Command = TypeVar("Command", bound=Callable[..., Any])


def reports(command: Command) -> Command:
    """The options for files that other programs read."""
    for flag, help_text in (
        ("--junit", "Also write JUnit XML: what is wrong as failures."),
        ("--sarif", "Also write SARIF 2.1.0, for code scanning."),
    ):
        command = click.option(flag, metavar="FILE", help=help_text)(command)
    return command


def write_reports(made: Iterable[tuple[str | None, Callable[[], str]]]) -> None:
    """Write each file that was asked for, whole or not at all; ends with exit status 2 if that cannot be."""
    from csumlab.whole import WriteError, write_text

    for path, make in made:
        if path is not None:
            try:
                write_text(path, make())
            except WriteError as error:
                fail(error)


def coloured() -> bool:
    """Colour only on a terminal, and never with NO_COLOR."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


_COLOURS: Final[dict[str, dict[str, Any]]] = {
    "good": {"fg": "green"},
    "owed": {"fg": "yellow"},
    "bad": {"fg": "red", "bold": True},
    "quiet": {"dim": True},
    "strong": {"bold": True},
}


def style() -> Style:
    """How to draw on standard output: the terminal's width, its letters, its colours."""
    from csumlab.report.path import LETTERS, Style
    from csumlab.report.table import WIDTH

    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    try:
        LETTERS.encode(sys.stdout.encoding or "ascii")
        unicode = True
    except (UnicodeEncodeError, LookupError):
        unicode = False
    shown = coloured()
    return Style(width, unicode, lambda text, colour: click.style(text, **_COLOURS[colour]) if shown and text else text)


def announce_compiling(paths: tuple[str, ...]) -> None:
    """A first run that compiles says so."""
    from csumlab.accelerate import COMPILE_SECONDS, cache_note, needs_compiling

    sizes = [os.path.getsize(path) for path in paths if os.path.isfile(path)]
    if sum(sizes) > (1 << 20) and needs_compiling():
        click.echo(f"csumlab: compiling kernels, once: about {COMPILE_SECONDS} s. {cache_note()}".rstrip(), err=True)


SLOW = 256 << 10
"""The same, of work that takes a packet at a time."""


@contextmanager
def progress(paths: tuple[str, ...], long: int = LONG, passes: int = 1) -> Iterator[Callable[[Capture], None] | None]:
    """A function to call after every block, or None where nobody would see a bar or the work is short: fewer bytes than ``long``.
    ``passes``: how often each file is read."""
    sizes = [os.path.getsize(path) for path in paths if os.path.isfile(path)]
    if not sys.stderr.isatty() or passes * sum(sizes) < long:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[int, int] = {}
        seen: list[Capture] = []  # Kept, so that no two have the same id.

        def step(capture: Capture) -> None:
            if id(capture) not in tasks:
                seen.append(capture)
                turn = f" ({1 + sum(one.path == capture.path for one in seen[:-1])}/{passes})" if passes > 1 else ""
                tasks[id(capture)] = bar.add_task((os.path.basename(capture.path) or capture.path) + turn, total=capture.size)
            bar.update(tasks[id(capture)], completed=capture.bytes_read)  # type: ignore[arg-type]

        yield step


def tunnels_of(texts: tuple[str, ...]) -> dict[int, Layer]:
    """The options PORT=TUNNEL as numbers and layers."""
    from csumlab.headers import UDP_TUNNELS, Layer

    names = {layer.name.lower(): layer for layer in (*UDP_TUNNELS.values(), Layer.FOU)}
    found: dict[int, Layer] = {}
    for text in texts:
        port, _, name = text.partition("=")
        if not port.isdecimal() or not 0 < int(port) < 1 << 16 or name.lower() not in names:
            fail(f"--udp {text}: give a port and one of {', '.join(sorted(names))}, such as 5555=fou")
        found[int(port)] = names[name.lower()]
    return found
