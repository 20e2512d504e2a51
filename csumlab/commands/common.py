"""What commands share: the progress bar, colour, and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from csumlab.capture import Capture

LONG = 64 << 20
"""Bytes of a capture from which on a progress bar is worth it."""


def fail(message: object) -> NoReturn:
    """End with exit status 2 and a message."""
    click.echo(f"csumlab: {message}", err=True)
    raise SystemExit(2)


def coloured() -> bool:
    """Colour only on a terminal, and never with NO_COLOR."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def announce_compiling(paths: tuple[str, ...]) -> None:
    """A first run that compiles says so."""
    from csumlab.accelerate import COMPILE_SECONDS, cache_note, needs_compiling

    sizes = [os.path.getsize(path) for path in paths if os.path.isfile(path)]
    if sum(sizes) > (1 << 20) and needs_compiling():
        click.echo(f"csumlab: compiling kernels, once: about {COMPILE_SECONDS} s. {cache_note()}".rstrip(), err=True)


SLOW = 256 << 10
"""The same, of work that takes a packet at a time."""


@contextmanager
def progress(paths: tuple[str, ...], long: int = LONG) -> Iterator[Callable[[Capture], None] | None]:
    """A function to call after every block, or None where nobody would see a bar or the work is short: fewer bytes than ``long``."""
    sizes = [os.path.getsize(path) for path in paths if os.path.isfile(path)]
    if not sys.stderr.isatty() or sum(sizes) < long:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, int] = {}

        def step(capture: Capture) -> None:
            if capture.path not in tasks:
                tasks[capture.path] = bar.add_task(os.path.basename(capture.path) or capture.path, total=capture.size)
            bar.update(tasks[capture.path], completed=capture.bytes_read)  # type: ignore[arg-type]

        yield step
