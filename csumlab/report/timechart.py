"""Packets over time, a lane for each thing counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from csumlab.report.hostmap import style_sheet
from csumlab.report.svg import Drawing, clipped
from csumlab.shown import counted
from csumlab.survey import BINS, Timeline

Lane = tuple[str, str, NDArray[np.int64]]
"""Label, class of its colour, packets in each stretch."""
_LABEL, _WIDTH, _LANE, _BAR = 230.0, 960.0, 46.0, 30.0


def draw_timeline(timeline: Timeline, lanes: Sequence[Lane], *, prefix: str = "time", style: bool = True) -> str:
    """The lanes as one SVG element, "" if nothing was counted. Heights are to the scale of each lane, and its peak is written beside."""
    if not timeline.width:
        return ""
    used = min(BINS, max(1, -(-(timeline.last - timeline.start + 1) // timeline.width)))
    step = (_WIDTH - _LABEL - 20) / used
    drawing = Drawing("Packets over time", describe(timeline, lanes), prefix)
    for number, (label, css, counts) in enumerate(lanes):
        base = 10 + number * _LANE + _BAR
        peak = int(counts.max())
        drawing.add("text", clipped(label, 31), x=0, y=base - 12, class_="csl-name")
        drawing.add("text", f"{int(counts.sum()):,} in all, at most {peak:,} at once", x=0, y=base + 2, class_="csl-small")
        drawing.add("line", x1=_LABEL, x2=_WIDTH - 20, y1=base + 0.5, y2=base + 0.5, class_="csl-axis")
        with drawing.group(class_=f"csl-bars {css}"):
            for place in np.flatnonzero(counts[:used]).tolist():
                height = max(2.0, _BAR * int(counts[place]) / peak)
                drawing.add("rect", x=_LABEL + place * step, y=base - height, width=max(1.0, step - 1), height=height)
    bottom = 10 + len(lanes) * _LANE
    drawing.add("text", _moment(timeline.start), x=_LABEL, y=bottom + 6, class_="csl-small")
    end = f"{_moment(timeline.last)}   ({duration(timeline.last - timeline.start)})"
    drawing.add("text", end, x=_WIDTH - 20, y=bottom + 6, class_="csl-small", text_anchor="end")
    return drawing.svg(_WIDTH, bottom + 14, style_sheet() if style else "")


def describe(timeline: Timeline, lanes: Sequence[Lane]) -> str:
    """The lanes in words: how many, and when the first and the last."""
    sentences = []
    for label, _, counts in lanes:
        found = np.flatnonzero(counts)
        if len(found):
            first, last = (duration(int(place) * timeline.width) for place in (found[0], found[-1]))
            sentences.append(f"{label}: {counted(int(counts.sum()), 'packet')}, from {first} to {last} after the start.")
    return " ".join(sentences)


def duration(nanoseconds: int) -> str:
    """A length of time for people."""
    seconds = nanoseconds / 1e9
    for limit, unit, size in ((1e-3, "µs", 1e-6), (1, "ms", 1e-3), (120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86400:,.0f} days"


def _moment(nanoseconds: int) -> str:
    try:
        return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{nanoseconds // 1_000_000_000} s after 1970"
