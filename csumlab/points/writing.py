"""Both captures in one pcapng, in the order of time, with comments that name each packet's partner and what happened in between."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import Capture, PcapngWriter, open_capture
from csumlab.capture.block import HAS_FLAGS, Interface
from csumlab.headers import Verdict
from csumlab.points.changes import Change, Kinship
from csumlab.points.clocks import Clock
from csumlab.points.pairing import DOUBTS, Doubt
from csumlab.points.tallies import PAIRED, Fate

if TYPE_CHECKING:
    from csumlab.points.comparing import Comparison

_PIECE: Final = 1 << 16
_SIDES: Final = ("before", "after")

_Packet = tuple[int, int, int, int, Interface, int, int, int, bytes]
"""Time by the first clock, side, number, interface number, interface, own time, original length, flags, bytes."""


class _Partners:
    """The first record of each packet of one capture and how many it has, in a temporary file."""

    def __init__(self, records: NDArray[Any], side: int, packets: int) -> None:
        kind = np.dtype([("record", "<i8"), ("count", "<i4")])
        with tempfile.TemporaryFile(prefix="csumlab-") as file:
            file.truncate((packets + 1) * kind.itemsize)
            self._places = np.memmap(file, kind, "r+", shape=(packets + 1,))
        self._records = records
        self._other = _SIDES[1 - side]
        for start in range(0, len(records), _PIECE):
            numbers = records[_SIDES[side]][start : start + _PIECE]
            there = np.flatnonzero(numbers > 0)
            # The first record of a packet is the one that stays.
            fresh = there[self._places["count"][numbers[there]] == 0][::-1]
            self._places["record"][numbers[fresh]] = fresh + start
            np.add.at(self._places["count"], numbers[there], 1)

    def of(self, number: int) -> tuple[int, int, int, int]:
        """Partner (0 for none), how many, group and state of a packet; no packets, -1 and PAIRED if nothing was said of it."""
        place = self._places[number]
        if not place["count"]:
            return 0, 0, -1, PAIRED
        record = self._records[int(place["record"])]
        return int(record[self._other]), int(place["count"]), int(record["group"]), int(record["state"])


def write_pairs(result: Comparison, target: str | os.PathLike[str], progress: Callable[[Capture], None] | None = None) -> int:
    """Write the file; the number of packets in it. Raises CaptureError, and ValueError for a target that is one of the captures."""
    sides = (result.before, result.after)
    if any(os.path.exists(target) and os.path.samefile(side.file, target) for side in sides):
        raise ValueError(f"{os.fspath(target)} is one of the captures: name another file")
    records = result.tally.spool.all()
    partners = [_Partners(records, n, side.packets) for n, side in enumerate(sides)]
    written = 0
    with PcapngWriter(target) as writer:
        interfaces: dict[tuple[int, int], int] = {}
        streams = [_packets(side.file, n, result.clock, progress) for n, side in enumerate(sides)]
        for _, n, number, place, interface, time, original, flags, data in heapq.merge(*streams, key=lambda one: one[:2]):
            if (n, place) not in interfaces:
                name = _SIDES[n] + (f": {interface.name}" if interface.name else "")
                told = f"{os.path.basename(sides[n].file)}" + (f"; {interface.description}" if interface.description else "")
                interfaces[n, place] = writer.add_interface(interface.linktype, name, told, interface.snaplen)
            comment = _comment(result, n, partners[n].of(number))
            writer.write(
                data,
                interface=interfaces[n, place],
                timestamp_ns=time,
                original=original,
                flags=flags & 0xFFFFFFFF if flags & HAS_FLAGS else None,
                comment=comment,
            )
            written += 1
    return written


def _packets(file: str, side: int, clock: Clock, progress: Callable[[Capture], None] | None) -> Iterator[_Packet]:
    reached = -(1 << 62)
    with open_capture(file) as capture:
        for block in capture:
            if progress is not None:
                progress(capture)
            times = clock.turned(block.timestamp) if side else block.timestamp
            data = memoryview(block.data)  # type: ignore[arg-type]  # NumPy's stubs leave out that an array is a buffer
            for row in range(len(block)):
                start, place = int(block.offset[row]), int(block.interface[row])
                reached = max(reached, int(times[row]))
                yield (
                    reached,
                    side,
                    block.first + row,
                    place,
                    block.interfaces[place],
                    int(block.timestamp[row]),
                    int(block.original[row]),
                    int(block.flags[row]),
                    bytes(data[start : start + int(block.captured[row])]),
                )


def _comment(result: Comparison, side: int, found: tuple[int, int, int, int]) -> str:
    partner, count, group, state = found
    other = os.path.basename((result.after if side == 0 else result.before).file)
    if not count:
        return "not compared: no IP packet, or of a kind past the bound"
    fate = result.tally.fate_of(group, state)
    if fate is not None:
        reason = DOUBTS.get(Doubt(group)) if fate is Fate.AMBIGUOUS else None
        return f"no partner in {other}: {fate.value}" + (f", {reason}" if reason else "")
    more = f" and {count - 1} more" if count > 1 else ""
    text = f"packet {partner}{more} of {other}"
    return f"{text}: {story_of(result.tally.numbers[group])}" if group >= 0 else text


def story_of(kinship: Kinship) -> str:
    """What became of a pair."""
    told = [str(one) for one in kinship.sums if one.change is not Change.KEPT and Verdict.NOTHING not in (one.before, one.after)]
    return "; ".join([kinship.what, *told])
