"""One watched segment and its flow: what each further segment of the flow says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from csumlab.headers import Verdict
from csumlab.testimony.segments import HALF, SYN, TURN, End, Segment
from csumlab.testimony.twins import MOST_DIFFERENCES, account_for, differences

PATIENCE: Final = 120 * 10**9
"""Nanoseconds for which a segment is watched: the longest retransmission timeout in use (RFC 6298 section 2.5 asks for 60 s at least)."""
SAME_MOMENT: Final = 10**6
"""Nanoseconds within which an equal segment without IPv4 identification is the same packet and not sent again."""
SAME_IDENTIFICATION: Final = 10**8
"""The same with one: below every retransmission timeout, for the systems that use an identification again."""
LONGEST: Final = 1 << 20
"""Longer than any segment, super-frames included."""


@dataclass(slots=True, eq=False)
class Watch:
    """One segment that is not good and what was seen since. ``missing``: parts of its range of which no better copy was seen.
    ``compared``: payload bytes that the twin was compared with. ``explained``: what differs accounts for the wrong sum."""

    segment: Segment
    missing: list[tuple[int, int]]
    acknowledged: bool | None = None
    acknowledged_by: int | None = None
    twin: int | None = None
    twin_good: bool = False
    twin_after: int = 0
    differs: tuple[int, ...] = ()
    compared: int = 0
    explained: bool = False
    wrong_copies: int = 0
    copy: int | None = None
    before: bool = False
    duplicates: int = 0


@dataclass(slots=True, eq=False)
class Flow:
    """Both directions of one flow. ``key`` is what :meth:`Testimony.wanted` looks for, by ``ports`` or by addresses alone."""

    key: int
    ports: bool
    open: list[Watch] = field(default_factory=list)
    highest: dict[End, int] = field(default_factory=dict)
    last: dict[End, int] = field(default_factory=dict)
    """By sender: the highest end of a segment, and the last acknowledgement."""


def is_new(flow: Flow, segment: Segment) -> bool:
    """Whether a SYN opens another connection: its number is far from what its sender sent so far."""
    highest = flow.highest.get(segment.sender)
    if not segment.flags & SYN or highest is None or (highest - segment.start) % TURN < LONGEST:
        return False
    del flow.highest[segment.sender]
    return True


def raise_end(flow: Flow, segment: Segment) -> None:
    raise_to(flow, segment.sender, (segment.start + segment.range) % TURN)


def raise_to(flow: Flow, sender: End, end: int) -> None:
    highest = flow.highest.get(sender)
    if highest is None or (end - highest) % TURN < HALF:
        flow.highest[sender] = end


def note(flow: Flow, watch: Watch, segment: Segment) -> bool:
    """Take note of a segment of the watched flow; whether all is known now that will be."""
    watched = watch.segment
    if segment.number == watched.number:
        return False
    if segment.number > watched.number and segment.timestamp - watched.timestamp > PATIENCE:
        return True
    if segment.sender == watched.sender:
        _note_copy(watch, segment)
        return False
    return segment.number > watched.number and _note_acknowledgement(flow, watch, segment)


def _note_copy(watch: Watch, segment: Segment) -> None:
    """A segment of the same direction: does it carry the same sequence numbers again?"""
    watched = watch.segment
    low = (segment.start - watched.start + HALF) % TURN - HALF
    high = low + segment.range
    if high <= 0 or low >= watched.range:
        return
    better = segment.known or (watched.verdict is Verdict.BAD and segment.verdict is not Verdict.BAD)
    covers = low <= 0 and high >= watched.range
    if covers and _same_packet(watched, segment):
        if better and watch.copy is None:
            watch.copy = segment.number
            watch.missing = []
            if watch.twin is None:
                _compare(watch, segment)
        return
    if segment.number < watched.number:
        if better and covers and watched.timestamp - segment.timestamp <= PATIENCE:
            watch.before = True
            _take_twin(watch, segment)
        return
    if better:
        watch.missing = _without(watch.missing, low, high)
    elif covers:
        watch.wrong_copies += 1
    if covers and (watch.twin is None or (not watch.twin_good and segment.verdict is Verdict.GOOD)):
        _take_twin(watch, segment)


def _take_twin(watch: Watch, segment: Segment) -> None:
    watched = watch.segment
    if len(watched.content) > watched.payload_at and len(segment.content) <= segment.payload_at:
        return  # A length is claimed, but nothing is there to compare: the header may be wrong.
    watch.twin = segment.number
    watch.twin_good = segment.verdict is Verdict.GOOD
    watch.twin_after = segment.timestamp - watch.segment.timestamp
    _compare(watch, segment)


def _compare(watch: Watch, other: Segment) -> None:
    watched = watch.segment
    shift = (watched.start - other.start + bool(watched.flags & SYN) - bool(other.flags & SYN)) % TURN
    watch.compared = max(min(len(watched.content) - watched.payload_at, len(other.content) - other.payload_at - shift), 0)
    pair = watched.content, watched.payload_at, other.content, other.payload_at, shift
    watch.differs = differences(*pair, exact=watched.range == other.range)
    watch.explained = watched.residue is not None and account_for(watched.residue, *pair, exact=watched.range == other.range)


def _same_packet(watched: Segment, other: Segment) -> bool:
    """Whether this is another sighting of the packet and not the same bytes sent again: a sender gives those a new identification
    (RFC 6864 section 4.1 asks it of all that are not atomic, and systems do it for all)."""
    if watched.range != other.range or watched.identification != other.identification:
        return False
    apart = abs(other.timestamp - watched.timestamp)
    if watched.identification:
        return apart <= SAME_IDENTIFICATION
    return apart <= SAME_MOMENT and watched.content[8:16] == other.content[8:16]


def _note_acknowledgement(flow: Flow, watch: Watch, segment: Segment) -> bool:
    """A later segment of the peer: does it acknowledge the watched one, or ask for it again? Whether that settles the matter."""
    watched = watch.segment
    value = segment.acknowledges
    if value is None:
        return False
    if (value - watched.start - watched.range) % TURN < HALF:
        # A number that was never sent is no acknowledgement (RFC 9293 section 3.10.7.4): with a wrong sum it may be damaged itself.
        highest = flow.highest.get(watched.sender, watched.start)
        if segment.verdict is Verdict.BAD and (highest - value) % TURN >= HALF:
            return False
        end = (watched.start + watched.range) % TURN
        earlier = flow.last.get(segment.sender)
        if (value != end) if earlier is None else (earlier - end) % TURN < HALF:
            # It may have been acknowledged before this segment came: its own number may be what is damaged.
            return earlier is not None
        if not watch.before:
            watch.acknowledged = bool(watch.missing)
            watch.acknowledged_by = segment.number
        return True
    if value == watched.start and not segment.range and flow.last.get(segment.sender) == value:
        watch.duplicates += 1
    return False


def _without(parts: list[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """The parts of a range without ``low`` to ``high``. A range in many pieces counts as covered: it proves nothing any more."""
    left = [piece for start, end in parts for piece in ((start, min(end, low)), (max(start, high), end)) if piece[0] < piece[1]]
    return left if len(left) <= MOST_DIFFERENCES else []
