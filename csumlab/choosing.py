"""Why one sum is not good: the one function that chooses a cause.

It judges from the capture alone: what was recorded, what else the sender does, frame length, TTL, what forensics finds in wrong sums,
what TCP flows say. What a capture cannot show is said as such: DOUBTFUL is a verdict, not a guess. With a topology ``csumlab replay``
knows more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from csumlab.causes import (
    AT_SENDER,
    BLANK_CRC,
    CONTRADICTED,
    CROWD,
    FILLED,
    FLAGGED,
    FORWARDED,
    FRAGMENTS_OWED,
    GIVES_WAY,
    GUEST,
    INFERRED,
    INNER_OWED,
    LEFT_OTHERWISE,
    LONG,
    LOOPBACK,
    MERGED,
    MIXED,
    NONE_SENT,
    NONE_SENT_IPV6,
    NONE_SENT_OTHER,
    NONE_SENT_TUNNEL,
    OWED_BAD,
    OWED_GOOD,
    QUOTED,
    RECEIVED,
    REFUSED,
    RELAYED,
    REMOTE,
    SENDER,
    SENT,
    TAKEN,
    UNMARKED,
    UNUSUAL,
    UNVERIFIED,
    VERIFIED_WRONG,
    WRONG,
    ZERO,
    Cause,
    Standing,
)
from csumlab.facts import Facts, SumFacts
from csumlab.forensics import Explanation, note_of
from csumlab.headers import UDP_TUNNELS, UNFILLED, Kind, Layer, Link, Reason, Verdict
from csumlab.recorded import arrives, contradicts, is_owed, is_quoted, is_super_frame, is_verified, leaves, spoken_of

REFUSALS: Final = 2
"""Segments of one sender that its receiver must ask for again before their unfilled sums are blamed."""

# Interfaces that lead to a guest or a container by the names that Linux hosts give them.
_VIRTUAL_NAMES = ("vif", "veth", "tap", "vnet", "tun", "docker", "br-", "virbr", "xenbr", "xapi", "cali", "cni", "lxc", "fwpr", "fwbr")
# Sums that senders do not leave to their cards: they are always computed (net/ipv4/icmp.c icmp_push_reply, net/ipv6/icmp.c, udplite.h).
_NEVER_LEFT = frozenset(Kind) - {Kind.IPV4, Kind.TCP, Kind.UDP, Kind.SCTP, Kind.GRE}
# What a suspect of forensics stands for where it is not wrong for real.
_STANDINGS: Final = {"esp-transport": Standing.HARMLESS}


@dataclass(frozen=True, slots=True)
class SenderEvidence:
    """What one sender does with one kind of checksum over the whole capture; counts are of packets.

    ``full`` right sums; ``owed`` partial ones, of which ``sent`` are recorded as leaving, ``long`` are longer than a frame, and
    ``forwarded`` have passed a router. ``own_card`` says that its hardware address also sends partial sums that have not;
    ``marked`` that the capture marks what is still to be computed on this interface.
    """

    known: bool
    full: int = 0
    owed: int = 0
    sent: int = 0
    long: int = 0
    forwarded: int = 0
    own_card: bool = False
    loopback: bool = False
    marked: bool = False


def cause_of(
    facts: Facts,
    total: SumFacts,
    sender: SenderEvidence,
    interface: str,
    explanation: Explanation | None = None,
    testimony: Collection[str] = (),
    filled: bool = False,
) -> Cause | None:
    """Why one sum of a class is not good; None if it is. ``interface`` is the capture interface's name, empty if not recorded.

    Of the packets that were looked at: ``explanation`` is what forensics says of this sum, ``testimony`` the words of
    :func:`csumlab.suspicion.told`, one for each that TCP flows speak of, ``filled`` that each is there again with its sum filled.
    """
    cause = _alone(facts, total, sender, interface, explanation)
    return None if cause is None else _heard(cause, facts, total, testimony, filled)


def _heard(cause: Cause, facts: Facts, total: SumFacts, testimony: Collection[str], filled: bool) -> Cause:
    """What other packets of the capture make of a cause."""
    said = set(testimony)
    if total.verdict in UNFILLED:
        inferred = cause.name in INFERRED
        if inferred and filled and total == spoken_of(facts):
            return FILLED
        if (inferred or cause.name == RECEIVED.name) and said == {"acknowledged"}:
            return TAKEN
        # A single packet that was lost would look the same: its sum must be the only reason left.
        if cause.name in GIVES_WAY and said == {"refused"} and len(testimony) >= REFUSALS:
            return REFUSED
    if total.verdict is Verdict.BAD and cause.standing is Standing.REAL and cause.name != WRONG.name and said == {"acknowledged"}:
        # Its receiver took it all the same: what is wrong here need not be wrong there.
        return replace(cause, standing=Standing.DOUBTFUL, sentence=f"{cause.sentence}; yet its receiver acknowledged it")
    return cause


def _alone(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str, explanation: Explanation | None) -> Cause | None:
    """The cause by the class, what was recorded, its sender and forensics."""
    if is_quoted(facts, total):
        return None if total.verdict is Verdict.GOOD else QUOTED
    if contradicts(facts) and total is spoken_of(facts):
        return VERIFIED_WRONG if is_verified(facts) else OWED_GOOD if total.verdict is Verdict.GOOD else OWED_BAD
    match total.verdict:
        case Verdict.GOOD:
            note = note_of(total)
            return Cause(note.name, Standing.HARMLESS, note.sentence, note.advice) if note else None
        case Verdict.PARTIAL | Verdict.DEFERRED:
            if explanation is not None and explanation.named:
                return _suspected(explanation)
            cause = _owed(facts, total, sender, interface)
            return INNER_OWED if total.verdict is Verdict.DEFERRED and cause.standing is Standing.HARMLESS else cause
        case Verdict.BLANK:
            return _blank(facts, total, sender, interface)
        case Verdict.BAD:
            return _bad(facts, total, sender, interface, explanation)
        case Verdict.ABSENT:
            return _absent(facts, total, sender)
        case Verdict.UNVERIFIED:
            short = total.why_residue is Reason.LENGTH and not is_super_frame(facts)
            return CONTRADICTED if short else UNVERIFIED[total.why_residue]
    return None


def _owed(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str) -> Cause:
    """Whether a sum that somebody still has to fill will be filled. The order is from what was recorded to what is inferred."""
    if total.kind in _NEVER_LEFT:
        return UNUSUAL
    if total.why_residue is Reason.FRAGMENT:
        return FRAGMENTS_OWED
    if is_owed(facts):
        return FLAGGED
    if Layer.REMOTE in facts.layers[: total.header]:
        return REMOTE
    if sender.loopback or interface == "lo" or facts.linktype in (Link.NULL, Link.LOOP):
        return LOOPBACK
    if sender.marked and facts.has_flags and total is spoken_of(facts):
        return UNMARKED
    if leaves(facts):
        return SENT
    if is_super_frame(facts):
        return LONG
    if arrives(facts):
        return _arrived(sender, interface)
    return _inferred(sender)


def _blank(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str) -> Cause:
    """A field of zeros. Cards that sum by themselves take it (IPv4 headers, SCTP); others want the sum of the pseudo-header there."""
    if total.kind in (Kind.IPV4, Kind.SCTP):
        cause = _owed(facts, total, sender, interface)
        return BLANK_CRC if total.kind is Kind.SCTP and cause.standing is not Standing.HARMLESS else cause
    if total.kind in _NEVER_LEFT:
        return UNUSUAL
    cause = _owed(facts, total, sender, interface)
    return cause if cause in (FRAGMENTS_OWED, FLAGGED, LOOPBACK, SENT, REMOTE) else ZERO


def _arrived(sender: SenderEvidence, interface: str) -> Cause:
    if interface.lower().startswith(_VIRTUAL_NAMES):
        return GUEST
    if sender.known and sender.sent:
        return RELAYED
    if sender.known and sender.long and sender.full:
        return MERGED
    return RECEIVED


def _inferred(sender: SenderEvidence) -> Cause:
    if not sender.known:
        return CROWD
    if sender.full and sender.full >= sender.owed:
        return MERGED if sender.long else MIXED
    if sender.owed and sender.forwarded == sender.owed and not sender.own_card:
        return FORWARDED
    return SENDER


def _bad(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str, explanation: Explanation | None) -> Cause:
    if explanation is None or not explanation.named:
        return WRONG
    found = _suspected(explanation)
    if found.name in LEFT_OTHERWISE:
        cause = _owed(facts, total, sender, interface)
        return Cause(found.name, Standing.HARMLESS, found.sentence, AT_SENDER) if cause.standing is Standing.HARMLESS else cause
    return found


def _suspected(explanation: Explanation) -> Cause:
    suspect = explanation.suspects[0]
    return Cause(suspect.name, _STANDINGS.get(suspect.name, Standing.REAL), suspect.sentence, suspect.advice)


def _absent(facts: Facts, total: SumFacts, sender: SenderEvidence) -> Cause:
    note = note_of(total)
    if note is not None and sender.full:
        # A sender that never sums has a right sum of zero now and then.
        return Cause(note.name, Standing.DOUBTFUL, note.sentence, note.advice)
    if total.kind is not Kind.UDP:
        return NONE_SENT_OTHER
    beneath = [layer for layer in facts.layers[: total.header] if layer in (Layer.IPV4, Layer.IPV6)]
    if not beneath or beneath[-1] is Layer.IPV4:
        return NONE_SENT
    inside = facts.layers[total.header + 1 : total.header + 2]
    return NONE_SENT_TUNNEL if inside and inside[0] in UDP_TUNNELS.values() else NONE_SENT_IPV6
