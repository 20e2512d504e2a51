"""The two sentences that a report on one capture opens with: where it was taken, and whether what is not good is real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from csumlab.causes import (
    FILLED,
    FLAGGED,
    GUEST,
    INNER_OWED,
    LEFT_OTHERWISE,
    LONG,
    LOOPBACK,
    MERGED,
    QUOTED,
    RELAYED,
    REMOTE,
    SENDER,
    SENT,
    TAKEN,
    Standing,
)
from csumlab.groups import Group
from csumlab.headers import UNFILLED, Kind, Verdict

# In this order: the first cause that a capture shows says where it was taken.
_PLACES = (
    (LOOPBACK, "Taken on a loopback interface, where nobody fills the sums"),
    (SENT, "Taken on the sending host before its network card fills the sums"),
    (GUEST, "Taken on a host whose guests or containers leave the sums to it"),
    (RELAYED, "Taken on a host whose guests or containers leave the sums to it"),
    (FLAGGED, "Taken before the sums are filled, as the capture itself recorded"),
    (SENDER, "Looks taken on the sending host before its network card fills the sums"),
    (LONG, "Looks taken on a host whose network card or kernel splits or merges packets"),
    (MERGED, "Looks taken on a host whose network card or kernel splits or merges packets"),
    (TAKEN, "Looks taken before the sums are filled"),
    (FILLED, "Taken at several places, before and after the sums are filled"),
    (INNER_OWED, "Looks taken on the sending host before its network card fills the sums"),
    (REMOTE, "Tunnels in it leave sums to their receivers"),
)
_OTHERWISE = "Sums are left to be filled after this was taken"
_NAMED = 5


def headline_of(packets: int, tally: Mapping[tuple[Kind, Verdict], int], groups: Sequence[Group]) -> str:
    """Two sentences: ``tally`` counts all checksums, ``groups`` explain those that are not good."""
    if not packets:
        return "No packet was read. There is nothing to judge."
    return f"{_where(tally, groups)} {_verdict(tally, groups)}"


def _where(tally: Mapping[tuple[Kind, Verdict], int], groups: Sequence[Group]) -> str:
    if not _known(tally):
        return "No checksum in it can be verified."
    left = [group for group in groups if group.verdict in UNFILLED or group.cause.name in LEFT_OTHERWISE]
    owed = [group for group in left if group.standing is Standing.HARMLESS and group.cause is not QUOTED]
    if not owed:
        if any(group.verdict in UNFILLED and group.cause is not QUOTED for group in groups):
            return "Where this was taken cannot be told."
        return "No checksum offload is to be seen: sums are filled where this was taken."
    counts = Counter({group.cause.name: 0 for group in owed})
    for group in owed:
        counts[group.cause.name] += group.count
    # The place that most of them speak for; of equal ones the first in the table.
    place = max(_PLACES, key=lambda entry: counts[entry[0].name])[1] if any(counts[cause.name] for cause, _ in _PLACES) else _OTHERWISE
    return f"{place}: {sum(group.count for group in owed):,} not filled, harmless there."


def _known(tally: Mapping[tuple[Kind, Verdict], int]) -> int:
    """Checksums of which something is known."""
    return sum(count for (_, verdict), count in tally.items() if verdict not in (Verdict.UNVERIFIED, Verdict.ABSENT))


def _verdict(tally: Mapping[tuple[Kind, Verdict], int], groups: Sequence[Group]) -> str:
    parts: list[str] = []
    for standing, text in (
        (Standing.REAL, "wrong for real"),
        (Standing.DOUBTFUL, "more may be wrong, which cannot be told from this capture"),
    ):
        found = [group for group in groups if group.standing is standing]
        if found:
            count = sum(group.count for group in found)
            wording = text if parts or standing is Standing.REAL else text.removeprefix("more ")
            parts.append(f"{count:,} {wording}{_packets(found)}.")
    if parts:
        return " ".join(parts)
    unverified = sum(group.count for group in groups if group.standing is Standing.UNVERIFIED)
    if unverified and not _known(tally):
        return "Whether anything is wrong cannot be told."
    return f"Nothing is wrong in what can be verified ({unverified:,} cannot)." if unverified else "Nothing is wrong."


def _packets(groups: Sequence[Group]) -> str:
    numbers = sorted({number for group in groups for number in group.numbers})
    if not numbers:
        return ""
    total = max(len(numbers), *(group.packets for group in groups), 0)
    more = f" and {total - _NAMED:,} more" if total > _NAMED else ""
    return f": {'packet' if total == 1 else 'packets'} {', '.join(str(number) for number in numbers[:_NAMED])}{more}"
