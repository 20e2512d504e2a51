"""Plots for notebooks, with matplotlib (``pip install 'csumlab[notebook]'``): when it happens, which residues there are, and how each class
stands at each hop. Every function gives a matplotlib Figure and leaves no state behind.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from csumlab.checking import CheckResult, check
from csumlab.outcome import Leaf
from csumlab.replaying import ReplayResult, replay
from csumlab.survey import BINS, Sort, Survey, Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

    from csumlab.capture.block import Block

MOST_RESIDUES: Final = 16
MOST_CLASSES: Final = 24
_SHADES: Final = {
    "WRONG": "#b3261e",
    "LOST": "#a3156e",
    "OWED": "#c98a00",
    "DEFERRED": "#3465c8",
    "UNKNOWN": "#8a8f98",
    "GOOD": "#1f7a4d",
    "NONE": "#e3e3de",
}
_SORTS: Final = {Sort.WRONG: "WRONG", Sort.UNFINISHED: "OWED", Sort.UNVERIFIED: "UNKNOWN", Sort.GOOD: "GOOD", Sort.NONE: "NONE"}


def over_time(result: CheckResult | ReplayResult) -> Figure:
    """Packets over time: of a check by the worst of their checksums, of a replay by finding. Reads the captures once more. ValueError if
    one was standard input."""
    timeline, lanes = _findings_timeline(result) if isinstance(result, ReplayResult) else _sorts_timeline(result)
    figure = _figure(9, 0.9 + 0.8 * max(1, len(lanes)))
    axes = figure.subplots(max(1, len(lanes)), 1, sharex=True, squeeze=False)[:, 0]
    if not lanes:
        axes[0].set_title("nothing to show")
        return figure
    used = min(BINS, max(1, -(-(timeline.last - timeline.start + 1) // max(1, timeline.width))))
    width = timeline.width / 1e9
    for axis, (label, shade, counts) in zip(axes, lanes, strict=True):
        axis.bar(np.arange(used) * width, counts[:used], width=width, align="edge", color=shade)
        axis.set_ylabel("packets", fontsize=8)
        axis.yaxis.set_major_locator(_whole_numbers())
        axis.set_title(f"{label}: {int(counts.sum()):,} packets", loc="left", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    started = datetime.fromtimestamp(timeline.start / 1e9, UTC)
    axes[-1].set_xlabel(f"seconds since {started:%Y-%m-%d %H:%M:%S.%f} UTC")
    return figure


def residues(result: CheckResult, kind: str = "") -> Figure:
    """The residues r of the checksums that are wrong, most frequent first, up to MOST_RESIDUES: one that returns in packets of different
    contents names its cause (docs/causes.md). ``kind`` narrows them to one, as "TCP". Reads the captures once more; ValueError
    as for :meth:`csumlab.CheckResult.frame`."""
    frame = result.frame(packets=True)
    frame = frame[frame["verdict"] == "bad"]
    if kind:
        frame = frame[frame["kind"] == kind]
    counts = Counter(zip(frame["kind"].astype(str), frame["residue"].astype(int), strict=True))
    most = counts.most_common(MOST_RESIDUES)
    figure = _figure(8, 0.8 + 0.28 * max(2, len(most)))
    axis = figure.subplots()
    names = [f"{label} {residue:#06x}" for label, residue in (one for one, _ in most)]
    axis.barh(range(len(most)), [count for _, count in most], color=_SHADES["WRONG"])
    axis.set_yticks(range(len(most)), names, family="monospace", fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("checksums")
    axis.xaxis.set_major_locator(_whole_numbers())
    left = sum(counts.values()) - sum(count for _, count in most)
    axis.set_title(f"residues of wrong checksums{f'; {left:,} more with others' if left else ''}", loc="left", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def heat_map(result: ReplayResult) -> Figure:
    """Classes (rows, the most packets first) by the places they pass (columns): the worst of their checksums there, as a colour and a
    letter. Reads the capture once more; ValueError if it was standard input."""
    from matplotlib.colors import ListedColormap

    from csumlab.report.hops import class_frame
    from csumlab.report.signs import Sign

    frame = class_frame(result)
    signs = list(Sign)
    frame = frame[frame["class"] < MOST_CLASSES].assign(
        place=lambda f: f["domain"].astype(str) + ":" + f["port"].astype(str), rank=lambda f: [signs.index(Sign(s)) for s in f["sign"]]
    )
    last = frame.groupby(["class", "place"], observed=True)["hop"].transform("max")
    worst = frame[frame["hop"] == last].groupby(["class", "place"], observed=True)["rank"].min().unstack()
    places = list(dict.fromkeys(frame["place"]))
    grid = np.array(worst.reindex(columns=places), float)
    names = frame.drop_duplicates("class").set_index("class")
    figure = _figure(2.8 + 0.75 * len(places), 1.6 + 0.34 * len(grid))
    axis = figure.subplots()
    shades = ListedColormap([_SHADES[sign.name] for sign in signs])
    axis.imshow(np.ma.masked_invalid(grid), cmap=shades, vmin=-0.5, vmax=len(signs) - 0.5, aspect="auto")
    for row, column in zip(*np.nonzero(~np.isnan(grid)), strict=True):
        sign = signs[int(grid[row, column])]
        axis.text(column, row, sign.letter, ha="center", va="center", fontsize=8, color="black" if sign is Sign.NONE else "white")
    axis.set_xticks(range(len(places)), places, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(grid)), [f"{names.loc[n, 'headers']}, {names.loc[n, 'packets']} packets" for n in worst.index], fontsize=8)
    axis.set_title("  ".join(f"{sign.letter} {sign.value}" for sign in signs if (grid == signs.index(sign)).any()), loc="left", fontsize=8)
    return figure


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'csumlab[notebook]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def _whole_numbers() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, integer=True)


Lanes = list[tuple[str, str, Any]]


def _sorts_timeline(result: CheckResult) -> tuple[Timeline, Lanes]:
    if "-" in result.files:
        raise ValueError("standard input cannot be read twice: save the capture to a file first")
    survey = Survey()
    check(*result.files, watch=survey.see)
    counts = survey.timeline.counts
    words = {
        Sort.WRONG: "wrong",
        Sort.UNFINISHED: "not filled",
        Sort.UNVERIFIED: "not verified",
        Sort.GOOD: "right",
        Sort.NONE: "no checksum",
    }
    return survey.timeline, [(words[sort], _SHADES[_SORTS[sort]], counts[sort]) for sort in words if sort in counts]


def _findings_timeline(result: ReplayResult) -> tuple[Timeline, Lanes]:
    from csumlab.collect import findings_of_leaf

    if result.file == "-":
        raise ValueError("standard input cannot be read twice: save the capture to a file first")
    timeline = Timeline()

    def watch(leaf: Leaf, block: Block, rows: Any) -> None:
        codes = sorted({finding.code for finding in findings_of_leaf(leaf, result.findings)}) or ["nothing wrong"]
        for code in codes:
            timeline.add(code, block.timestamp[rows])

    settings = result.settings
    replay(result.file, settings.topology, at=str(settings.tap), assume=settings.assume, exposure=settings.exposure, watch=watch)
    titles = {finding.code: f"{finding.code} {finding.entry.title}" for finding in result.findings}
    keys = sorted(map(str, timeline.counts), key=lambda key: (key == "nothing wrong", key))
    return timeline, [(titles.get(key, key), _SHADES["GOOD" if key not in titles else "WRONG"], timeline.counts[key]) for key in keys]
