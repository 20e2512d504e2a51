"""``csumlab capture``."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from csumlab.commands.common import fail
from csumlab.shown import counted

if TYPE_CHECKING:
    from csumlab.live import Recorded


class _Teller:
    """What is said on standard error: which interfaces are listened to, and on a terminal a line that counts."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._lively = sys.stderr.isatty() and not quiet
        self._next = 0.0

    def started(self, recorded: Recorded) -> None:
        if not self._quiet:
            names = ", ".join(one.name for one in recorded.interfaces)
            click.echo(f"csumlab: capturing on {names}; Ctrl-C ends it", err=True)

    def tick(self, recorded: Recorded) -> None:
        if self._lively and time.monotonic() >= self._next:
            self._next = time.monotonic() + 1
            click.echo(f"\r{counted(recorded.written, 'packet')}, {recorded.dropped:,} dropped ", nl=False, err=True)

    def ended(self, recorded: Recorded) -> None:
        if self._lively:
            click.echo(err=True)
        if not self._quiet:
            where = ", ".join(recorded.files[-3:]) + (f" and {len(recorded.files) - 3} before" if len(recorded.files) > 3 else "")
            click.echo(f"{counted(recorded.written, 'packet')} in {'standard output' if where == '-' else where}", err=True)
            for one in recorded.interfaces:
                click.echo(one, err=True)
        if recorded.dropped:
            click.echo(
                f"csumlab: missing: {counted(recorded.dropped, 'packet')}; enlarge the ring with -B, or keep less with -s or a filter",
                err=True,
            )


@click.command()
@click.argument("expression", metavar="[FILTER]...", nargs=-1)
@click.option(
    "-i", "interfaces", metavar="IFACE", multiple=True, required=True, help="Interface, NETNS:IFACE or pid:NUMBER:IFACE; may be repeated."
)
@click.option("-w", "target", metavar="FILE", default="", help="The pcapng file; - is standard output.")
@click.option("-c", "count", metavar="N", type=click.IntRange(1), default=None, help="End after N packets.")
@click.option("--duration", metavar="SECONDS", type=click.FloatRange(0, min_open=True), default=None, help="End after this time.")
@click.option("-s", "snaplen", metavar="BYTES", type=click.IntRange(0, 1 << 18), default=0, help="Keep so much of a packet; 0 is all.")
@click.option("-B", "buffer", metavar="KIB", type=click.IntRange(256, 1 << 21), default=16 << 10, help="Ring of each interface (16384).")
@click.option("-C", "megabytes", metavar="MB", type=click.IntRange(1), default=None, help="A new file before one exceeds MB million bytes.")
@click.option("-G", "seconds", metavar="SECONDS", type=click.FloatRange(0, min_open=True), default=None, help="A new file after this time.")
@click.option("-W", "keep", metavar="N", type=click.IntRange(1), default=None, help="With -C or -G: keep the newest N files.")
@click.option("--promiscuous", is_flag=True, help="Also frames to others, as the card gives them.")
@click.option("--quiet", "-q", is_flag=True, help="Say only what is wrong.")
def capture(
    expression: tuple[str, ...],
    interfaces: tuple[str, ...],
    target: str,
    count: int | None,
    duration: float | None,
    snaplen: int,
    buffer: int,
    megabytes: int | None,
    seconds: float | None,
    keep: int | None,
    promiscuous: bool,
    quiet: bool,
) -> None:
    """Capture live and keep what the kernel knows of each packet: direction, whether its checksum is still to be computed (and where) or
    was found right, segmentation offload. check and replay then need not guess. FILTER is a tcpdump expression.

    Needs CAP_NET_RAW, for another network namespace also CAP_SYS_ADMIN.
    """
    if sys.platform != "linux":
        fail("live capture is made for Linux")
    from csumlab.live import LiveError, Rotation, Wishes, parse_place, record
    from csumlab.live.recording import LONGEST_PACKET

    if not target:
        fail("where to? -w FILE keeps it; -w - | csumlab check - looks at it at once")
    if keep and not (megabytes or seconds):
        fail("-W needs -C or -G")
    stopped: list[int] = []

    def on_signal(number: int, _frame: Any) -> None:
        stopped.append(number)

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:  # nohup is heeded
            signal.signal(one, on_signal)
    rotation = Rotation((megabytes or 0) * 1_000_000, seconds or 0, keep or 0)
    wishes = Wishes(count or 0, duration or 0, snaplen or LONGEST_PACKET, buffer << 10, promiscuous, " ".join(expression), rotation)
    teller = _Teller(quiet)
    try:
        places = [parse_place(text) for text in dict.fromkeys(interfaces)]
        teller.ended(record(places, target, wishes, stop=lambda: bool(stopped), started=teller.started, tick=teller.tick))
    except LiveError as error:
        fail(error)
