"""What datagrams that came in fragments add to a capture's result: their sums in the tally, and a group for those that are not good.

The first piece of a datagram alone has a sum that cannot be verified; over all its pieces it can, and that verdict takes its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from csumlab.causes import UNVERIFIED, Cause, Standing
from csumlab.evidence import KEPT
from csumlab.fragments import Datagram, Outcome
from csumlab.groups import SENDERS_NAMED, Group
from csumlab.headers import Kind, Reason, Verdict

FRAGMENTS_BAD: Final = Cause(
    "fragments-bad",
    Standing.REAL,
    "the sum does not match the bytes of all its fragments: damaged on the way, or a fragment of another datagram was put in",
    "capture before and after each hop; a receiver that verifies drops the whole datagram",
)
FRAGMENTS_OWED: Final = Cause(
    "fragments-owed",
    Standing.REAL,
    "not filled, though it was cut into fragments: no card fills a sum over several packets (net/ipv4/ip_output.c ip_do_fragment)",
    "find the part that cuts before it fills: csumlab replay CAPTURE --topology host.toml",
)
FRAGMENTS_CONTRADICT: Final = Cause(
    "fragments-contradict",
    Standing.DOUBTFUL,
    "its pieces overlap or contradict each other, so that receivers differ in what they put together (RFC 5722, RFC 8200 section 4.5)",
    "look at the packets: such pieces are a fault of the sender, or an attack",
)

_CAUSES: Final = {
    Verdict.BAD: FRAGMENTS_BAD,
    Verdict.PARTIAL: FRAGMENTS_OWED,
    Verdict.BLANK: FRAGMENTS_OWED,
}


def datagram_groups(file: str, datagrams: Sequence[Datagram]) -> tuple[Group, ...]:
    """Groups of datagrams that are wrong, or whose pieces contradict each other."""
    gathered: defaultdict[tuple[Kind, Verdict, Cause], list[Datagram]] = defaultdict(list)
    for one in datagrams:
        cause = FRAGMENTS_CONTRADICT if one.outcome in (Outcome.OVERLAP, Outcome.MALFORMED) else _CAUSES.get(one.verdict)
        if cause is not None:
            gathered[one.kind, one.verdict, cause].append(one)
    groups = []
    for (kind, verdict, cause), found in gathered.items():
        numbers = sorted({number for one in found for number in one.packets})
        senders = list(dict.fromkeys(one.source for one in found))
        groups.append(
            Group(
                file=file,
                kind=kind,
                inner=False,
                verdict=verdict,
                cause=cause,
                detail="",
                count=len(found),
                packets=len(numbers),
                numbers=tuple(numbers[:KEPT]),
                senders=tuple(senders[:SENDERS_NAMED]),
                sender_count=len(senders),
            )
        )
    return tuple(groups)


def settle(
    tally: Mapping[tuple[Kind, Verdict], int], groups: Sequence[Group], datagrams: Sequence[Datagram]
) -> tuple[dict[tuple[Kind, Verdict], int], tuple[Group, ...]]:
    """The tally and the groups with the verdicts on whole datagrams in place of "only a fragment" of their first pieces."""
    verified: defaultdict[tuple[Kind, Verdict], int] = defaultdict(int)
    for one in datagrams:
        # A partial or absent sum shows in the first piece already.
        if one.verdict in (Verdict.GOOD, Verdict.BAD):
            verified[one.kind, one.verdict] += 1
    settled = dict(tally)
    taken: defaultdict[Kind, int] = defaultdict(int)
    for (kind, verdict), count in verified.items():
        moved = min(count, settled.get((kind, Verdict.UNVERIFIED), 0))
        settled[kind, Verdict.UNVERIFIED] = settled.get((kind, Verdict.UNVERIFIED), 0) - moved
        settled[kind, verdict] = settled.get((kind, verdict), 0) + moved
        taken[kind] += moved
    kept = []
    for group in groups:
        if group.cause is UNVERIFIED[Reason.FRAGMENT] and taken[group.kind]:
            moved = min(taken[group.kind], group.count)
            taken[group.kind] -= moved
            group = replace(group, count=group.count - moved, packets=max(group.packets - moved, 0))
        if group.count:
            kept.append(group)
    return {key: count for key, count in sorted(settled.items()) if count}, tuple(kept)
