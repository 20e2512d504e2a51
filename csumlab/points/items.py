"""What a comparison found as sentences, the harmful first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from csumlab.headers import KINDS, UNFILLED, Kind, Verdict
from csumlab.points.changes import Cause, Change, Kinship, Seen, SumChange, in_words
from csumlab.points.pairing import DOUBTS
from csumlab.points.predicting import Prediction, Predictions
from csumlab.points.tallies import EXAMPLES, Count, Fate, Lonely, in_order
from csumlab.shown import counted


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happened, over all packets it happened to. ``what`` is a word of Change or Fate, "damaged" or "not predicted"; ``sum``
    the checksum it is about, "" if it is about packets. ``harmful`` items make the exit status 1. ``examples``: packet numbers before and
    after, 0 for none. ``why`` and ``do`` are sentences, "" if there is nothing to say; ``prediction`` is the model's, None without one."""

    what: str
    sum: str
    sentence: str
    why: str
    do: str
    harmful: bool
    packets: int
    examples: tuple[tuple[int, int], ...]
    prediction: Prediction | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.sentence}: {counted(self.packets, 'packet')}" + (f"; {self.why}" if self.why else "")


NOT_PREDICTED: Final = "not predicted"
ORDER: Final = (
    Change.BROKEN.value, Change.LAUNDERED.value, "damaged", Fate.LOST.value, Change.STILL_WRONG.value, Change.CLEARED.value,
    Change.TELLS.value,
    Change.UNDONE.value, Fate.UNSEEN.value, Fate.AMBIGUOUS.value, Fate.FORGOTTEN.value, NOT_PREDICTED,
    Change.FILLED.value, Change.LEFT.value,
    Change.FOLLOWED.value, Change.KEPT.value, Change.MADE.value, Change.NEW.value, Change.GONE.value, Change.UNKNOWN.value,
    Fate.NEW.value, Fate.OUTSIDE.value,
)  # fmt: skip

_SENTENCES: Final = {
    Change.BROKEN: "{old} before, wrong after",
    Change.LAUNDERED: "{old} before, {new} after",
    Change.TELLS: "{old} before, wrong after, as the bytes changed and the sum did not",
    Change.STILL_WRONG: "wrong before and wrong after",
    Change.CLEARED: "{old} before, none after",
    Change.UNDONE: "right before, unfilled after",
    Change.FILLED: "left unfilled before, right after",
    Change.LEFT: "unfilled before and after",
    Change.FOLLOWED: "right before and after, changed with what it covers",
    Change.KEPT: "the same before and after",
    Change.MADE: "none before, right after",
    Change.NEW: "put around the packet, {new}",
    Change.GONE: "taken off with its header, {old}",
    Change.UNKNOWN: "not to be verified on one side",
}
_DO: Final = {
    Change.BROKEN: "look at what lies between the two capture points; a topology (--topology) lets csumlab name the device and the setting",
    Change.LAUNDERED: "find who recomputes sums between the two points (a proxy, a VPN, receive offload): it hides damage from receivers",
    Change.STILL_WRONG: "the fault lies before the first capture point: csumlab check tells more",
    Change.UNDONE: "receive aggregation leaves sums so; if these packets leave that host, turn GRO and LRO off there",
    Change.CLEARED: "allowed for UDP over IPv4; receivers of these packets cannot notice damage",
}
_HARMFUL: Final = {Change.BROKEN, Change.LAUNDERED}
_WORDS: Final = {
    Verdict.GOOD: "right",
    Verdict.BAD: "wrong",
    Verdict.PARTIAL: "unfilled",
    Verdict.BLANK: "unfilled",
    Verdict.DEFERRED: "waiting for the inner one",
    Verdict.ABSENT: "none",
    Verdict.UNVERIFIED: "not to be verified",
    Verdict.NOTHING: "none",
}


def items_of(pairs: Mapping[Kinship, Count], alone: Mapping[Lonely, Count], predictions: Predictions | None) -> tuple[Item, ...]:
    """Everything that happened, the harmful first, then by count; what differs only in how packets travelled is one item."""
    merged: dict[tuple[str, str, str, str, str], Item] = {}
    for kinship, count in in_order(pairs):
        told = predictions.pairs.get(kinship) if predictions else None
        harmful = False
        for item in _of_pairs(kinship, count):
            _merge(merged, replace(item, prediction=told) if item.harmful else item)
            harmful = harmful or item.harmful
        if told is not None and told.agrees is not True and not harmful:
            examples = tuple(sorted(count.examples))
            _merge(merged, Item(NOT_PREDICTED, "", told.sentence, "", "", False, count.packets, examples, told))
    for lonely, count in in_order(alone):
        item = _of_lonely(lonely, count)
        _merge(merged, replace(item, prediction=predictions.alone.get(lonely) if predictions else None))
    return tuple(
        sorted(merged.values(), key=lambda item: (not item.harmful, ORDER.index(item.what), -item.packets, item.sum, item.examples))
    )


def _merge(merged: dict[tuple[str, str, str, str, str], Item], item: Item) -> None:
    told = str(item.prediction or "")
    key = (item.what, item.sum, item.sentence, item.why, told)
    old = merged.get(key)
    if old is None:
        merged[key] = item
        return
    merged[key] = replace(
        old,
        packets=old.packets + item.packets,
        examples=tuple(sorted(set(old.examples + item.examples))[:EXAMPLES]),
        prediction=old.prediction or item.prediction,
    )


def _of_pairs(kinship: Kinship, count: Count) -> Iterator[Item]:
    examples = tuple(sorted(count.examples))
    for one in kinship.sums:
        if one.change is Change.KEPT and one.before is Verdict.ABSENT:
            continue
        sentence = _SENTENCES[one.change].format(old=_WORDS[one.before], new=_WORDS[one.after])
        harmful = one.change in _HARMFUL or one.cause is Cause.FILLED_DAMAGE or _arrived_wrong(one)
        if harmful:
            sentence += f" ({kinship.what})"
        yield Item(one.change.value, one.label, sentence, one.cause.value, _DO.get(one.change, ""), harmful, count.packets, examples)
    if Seen.PAYLOAD in kinship.seen and not any(one.cause in (Cause.HIDDEN, Cause.FILLED_DAMAGE) for one in kinship.sums):
        how = in_words(kinship.seen & ~Seen.PAYLOAD)
        sentence = "the bytes of the payload differ" + (f" ({how})" if how else "")
        yield Item("damaged", "", sentence, _guard(kinship), "", True, count.packets, examples)


def _arrived_wrong(one: SumChange) -> bool:
    return one.change is Change.NEW and one.after is Verdict.BAD


def _guard(kinship: Kinship) -> str:
    """What a receiver behind the second point can notice."""
    inner = next((one for one in kinship.sums if one.depth == 0 and one.kind is not Kind.IPV4), None)
    if inner is None or inner.after in (Verdict.ABSENT, Verdict.UNVERIFIED):
        return "no checksum after shows it"
    if inner.after is Verdict.BAD:
        return f"the {inner.label} sum after shows it: a receiver that looks rejects the packet"
    return f"the {inner.label} sum after is {_WORDS[inner.after]}: no receiver will notice"


def _of_lonely(lonely: Lonely, count: Count) -> Item:
    sum_word = f"{KINDS[lonely.kind].label} {_WORDS[lonely.verdict]}" if lonely.kind is not Kind.NOTHING else "no checksum"
    here, there = ("second", "first") if lonely.after else ("first", "second")
    why, do, harmful = "", "", False
    match lonely.fate:
        case Fate.LOST:
            sentence = f"in the {here} capture only, though others of the flow came through ({sum_word})"
            harmful = True
            if lonely.verdict is Verdict.BAD:
                why = "its sum was wrong already: whoever verified it in between rejected it"
            elif lonely.verdict in UNFILLED:
                why = "its sum was not filled there: if nobody filled it on the way, whoever verified it rejected it"
            else:
                why = "its sums were right where it was last seen: lost for another reason, or damaged on the way and rejected"
        case Fate.UNSEEN:
            sentence = f"in the first capture only, with all others of their flows ({sum_word})"
            why = "they went another way, were blocked, or were all rejected"
            harmful = lonely.verdict is Verdict.BAD
            if harmful:
                why += "; their sums were wrong"
            elif lonely.verdict in UNFILLED:
                why += "; their sums were not filled at the first point"
        case Fate.NEW:
            sentence = f"in the {here} capture only ({sum_word})"
            why = f"they started between the two points, or never pass the {there} one"
        case Fate.OUTSIDE:
            sentence = f"in the {here} capture, at a time that the {there} one does not cover"
        case Fate.AMBIGUOUS:
            sentence = f"in the {here} capture, with a partner that cannot be told ({sum_word})"
            why = DOUBTS[lonely.doubt]
        case Fate.FORGOTTEN:
            sentence = f"in the {here} capture, given up while waiting for a partner ({sum_word})"
            why = "too many packets waited at once: the clocks or the order of the captures are far apart"
            do = "give a shorter --window, or captures of the same minutes"
    return Item(lonely.fate.value, "", sentence, why, do, harmful, count.packets, tuple(sorted(count.examples)))
