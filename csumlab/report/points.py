"""What a comparison of two captures found, as text, plain data, HTML and DataFrames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from csumlab.points.items import Item
from csumlab.points.tallies import PAIRED
from csumlab.points.writing import story_of
from csumlab.report.table import aligned, folded, printable
from csumlab.shown import counted

if TYPE_CHECKING:
    import pandas as pd

    from csumlab.points.comparing import Comparison, Side

_PAST: Final = {"filled": "filled over damage", "put around": "put around it wrong", "no packet of its flow came": "never seen again"}
"""What the headline calls harmful items whose name does not say it."""
_NANO: Final = 1_000_000_000


def names(result: Comparison) -> tuple[str, str]:
    """The two files as a sentence calls them: short where that tells them apart."""
    short = tuple(printable(os.path.basename(side.file)) for side in (result.before, result.after))
    return (short[0], short[1]) if short[0] != short[1] else (printable(result.before.file), printable(result.after.file))


def headline(result: Comparison) -> str:
    """How much of the first capture is in the second one, and whether anything went wrong in between."""
    before, after = names(result)
    here, there = result.found
    first = f"{here:,} of {counted(result.before.packets, 'packet')} of {before} are {there:,} of {result.after.packets:,} of {after}."
    counts: dict[tuple[str, str], int] = {}
    for item in result.items:
        if item.harmful:
            key = (f"{item.sum} sum" if item.sum else "packet", _PAST.get(item.what, item.what))
            counts[key] = counts.get(key, 0) + item.packets
    if not counts:
        if not result.paired:
            return f"{first} No packet is known to be in both."
        return f"{first} Nothing went wrong in between: what was right stayed right, what was unfilled was filled or is still owed."
    told = [f"{counted(count, noun)} {what}" for (noun, what), count in counts.items()]
    return f"{first} In between: {', '.join(told)}."


def clock_line(result: Comparison) -> str:
    """What is known of the two clocks."""
    clock = result.clock
    if not clock.known:
        return f"Clocks: no packet in common was found to compare them; taken as equal. Window {_duration(clock.window)}."
    way = "ahead of" if clock.offset >= 0 else "behind"
    text = f"Clocks: {names(result)[1]} is {_duration(abs(clock.offset))} {way} {names(result)[0]}, the way included"
    text += f"; packets differ by {_duration(clock.spread)}" if clock.spread else ""
    text += f"; drift {clock.drift * 1e6:+.1f} ppm" if clock.drift else ""
    return f"{text} ({counted(clock.common, 'packet')} in common). Partners are looked for within {_duration(clock.window)}."


def _duration(nanoseconds: int) -> str:
    for unit, size in (("s", _NANO), ("ms", 10**6), ("us", 10**3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:,.4g} {unit}"
    return f"{nanoseconds} ns"


def text(result: Comparison) -> str:
    """The whole report, without a line end."""
    lines: list[str] = []
    for fault in result.faults:
        lines += [*folded(f"PARTIAL RESULT, only what was read before a fault: {printable(str(fault))}", ""), ""]
    lines += [*folded(headline(result), ""), *folded(clock_line(result), "")]
    for item in result.items:
        if item.harmful:
            lines += ["", *_item(item)]
    rest = [item for item in result.items if not item.harmful]
    if rest:
        lines += ["", "Also"]
        for item in rest:
            lines += _short(item)
    lines += ["", *aligned([["", "packets", "no IP", "sealed"], *(_side_row(side) for side in (result.before, result.after))])]
    if result.before.sealed or result.after.sealed:
        lines += folded("Sealed packets (VPN, IPsec) cannot be read inside: what they carry shows as lost or new here.", "")
    for sentence in result.capped:
        lines += folded(f"Left out: {sentence}.", "")
    if result.predictions is not None and result.predictions.unasked:
        lines += folded(f"The model was not asked about {result.predictions.unasked:,} further kinds.", "")
    return "\n".join(lines)


def _side_row(side: Side) -> list[str]:
    return [printable(os.path.basename(side.file)), f"{side.packets:,}", f"{side.without:,}", f"{side.sealed:,}"]


def _item(item: Item) -> list[str]:
    title = f"{item.what.upper()}  {item.sum}{': ' if item.sum else ''}{item.sentence}"
    lines = folded(title, "")
    parts = [("why", item.why), ("packets", f"{item.packets:,}, such as {examples(item)}")]
    if item.prediction is not None:
        parts += [("model", item.prediction.sentence), ("cure", item.prediction.cure)]
    if item.prediction is None or not item.prediction.cure:
        parts.append(("do", item.do))
    for word, sentence in parts:
        if sentence:
            first, *more = folded(printable(sentence), " " * 11)
            lines += [f"  {word:<8} {first.lstrip()}", *more]
    return lines


def _short(item: Item) -> list[str]:
    told = f"{item.what}: {item.packets:,} {item.sum + ', ' if item.sum else ''}{item.sentence}; such as {examples(item)}"
    told += f"; {item.why}" if item.why else ""
    first, *rest = folded(printable(told), "    ")
    return [f"  {first.lstrip()}", *rest]


def examples(item: Item) -> str:
    """Such as ``3 -> 5, 7 -> 9``."""
    return ", ".join(f"{one} -> {two}" if one and two else str(one or two) for one, two in item.examples)


def to_dict(result: Comparison) -> dict[str, Any]:
    """Plain data for JSON. Keys are only ever added; ``format`` is raised if one changes."""
    clock, predictions = result.clock, result.predictions
    return {
        "format": 1,
        "headline": headline(result),
        "status": result.status,
        "before": _side_dict(result.before),
        "after": _side_dict(result.after),
        "clock": {
            "known": clock.known,
            "offset_ns": clock.offset,
            "drift_ppm": clock.drift * 1e6,
            "spread_ns": clock.spread,
            "common": clock.common,
            "window_ns": clock.window,
        },
        "pairs": result.paired,
        "taps": {"before": predictions.before, "after": predictions.after} if predictions else None,
        "items": [_item_dict(item) for item in result.items],
        "kinds": [
            {
                "what": kinship.what,
                "packets": count.packets,
                "examples": [list(pair) for pair in count.examples],
                "sums": [
                    {
                        "sum": one.label,
                        "before": one.before.name.lower(),
                        "after": one.after.name.lower(),
                        "change": one.change.value,
                        "cause": one.cause.value,
                    }
                    for one in kinship.sums
                ],
            }
            for kinship, count in result.pairs.items()
        ],
        "left_out": list(result.capped),
    }


def _side_dict(side: Side) -> dict[str, Any]:
    return {
        "file": side.file,
        "packets": side.packets,
        "without_ip": side.without,
        "sealed": side.sealed,
        "past_the_bound": side.beyond,
        "first_ns": side.first,
        "last_ns": side.last,
        "fault": str(side.fault) if side.fault else None,
    }


def _item_dict(item: Item) -> dict[str, Any]:
    told = item.prediction
    return {
        "what": item.what,
        "sum": item.sum,
        "sentence": item.sentence,
        "why": item.why,
        "do": item.do,
        "harmful": item.harmful,
        "packets": item.packets,
        "examples": [list(pair) for pair in item.examples],
        "prediction": None
        if told is None
        else {"agrees": told.agrees, "sentence": told.sentence, "codes": list(told.codes), "cure": told.cure},
    }


COLUMNS: Final = ("what", "sum", "harmful", "packets", "predicted", "sentence", "why", "do", "prediction", "examples")


def summary_rows(result: Comparison) -> Iterator[tuple[object, ...]]:
    """A row of COLUMNS for each item."""
    for item in result.items:
        told = item.prediction
        yield (
            item.what,
            item.sum,
            item.harmful,
            item.packets,
            told.agrees if told else None,
            item.sentence,
            item.why,
            item.do,
            told.sentence if told else "",
            examples(item),
        )


def summary_frame(result: Comparison) -> pd.DataFrame:
    """One row for each item: what and sum are categories, harmful and predicted booleans, packets Int64, the rest strings."""
    import pandas as pd

    kinds: dict[str, Any] = dict.fromkeys(("what", "sum"), "category") | dict.fromkeys(("harmful", "predicted"), "boolean")
    kinds |= dict.fromkeys(("sentence", "why", "do", "prediction", "examples"), "string")
    return pd.DataFrame(list(summary_rows(result)), columns=list(COLUMNS)).astype({**kinds, "packets": "Int64"})


def packet_frame(result: Comparison) -> pd.DataFrame:
    """One row for each pair and each packet without a partner: before and after are packet numbers, <NA> for none; what is "paired" or a
    word of Fate, kind says what happened, change is the most harmful of the checksums' changes."""
    import pandas as pd

    from csumlab.report.frame import MOST_ROWS

    records = result.tally.spool.all()
    records = records[np.lexsort((records["after"], records["before"]))]
    if len(records) > MOST_ROWS:
        raise ValueError(
            f"{len(records):,} rows are more than the {MOST_ROWS:,} that a frame holds; write them: csumlab compare ... -w FILE"
        )
    kinds = [story_of(one) for one in result.tally.numbers]
    worst = [_worst_of(result, place) for place in range(len(kinds))]
    group = [one if state == PAIRED else -1 for one, state in zip(records["group"].tolist(), records["state"].tolist(), strict=True)]
    fates = [result.tally.fate_of(one, state) for one, state in zip(records["group"].tolist(), records["state"].tolist(), strict=True)]
    what = ["paired" if fate is None else fate.value for fate in fates]
    frame = pd.DataFrame(
        {
            "before": pd.array(records["before"], dtype="Int64"),
            "after": pd.array(records["after"], dtype="Int64"),
            "what": what,
            "change": [worst[one] if one >= 0 else "" for one in group],
            "kind": [kinds[one] if one >= 0 else "" for one in group],
        }
    )
    frame["before"] = frame["before"].mask(frame["before"] == 0)
    frame["after"] = frame["after"].mask(frame["after"] == 0)
    return frame.astype({"what": "category", "change": "category", "kind": "category"})


def _worst_of(result: Comparison, place: int) -> str:
    from csumlab.points.items import ORDER

    words = [one.change.value for one in result.tally.numbers[place].sums]
    return min(words, key=ORDER.index) if words else ""


def html(result: Comparison) -> str:
    """For a notebook: the headline and a table."""
    from csumlab.report.html import html_table, paragraph

    rows = [["what", "sum", "", "packets", "why", "model"]]
    for item in result.items:
        model = item.prediction.sentence if item.prediction else ""
        rows.append([item.what, item.sum, item.sentence, f"{item.packets:,}", item.why, model])
    return paragraph(headline(result)) + paragraph(clock_line(result)) + html_table(rows)
