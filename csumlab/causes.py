"""Why a checksum is not good, and whether that matters: a table of causes, and the one function that chooses among them.

It judges from the capture alone: what was recorded, what else the sender does, frame length, TTL, and what forensics finds in wrong
sums. What a capture cannot show is said as such: DOUBTFUL is a verdict, not a guess. With a topology ``csumlab replay`` knows more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from csumlab.facts import Facts, SumFacts
from csumlab.forensics import Explanation, note_of
from csumlab.headers import REASONS, UDP_TUNNELS, Kind, Layer, Link, Reason, Verdict
from csumlab.recorded import arrives, contradicts, is_owed, is_quoted, is_super_frame, is_verified, leaves, spoken_of


class Standing(Enum):
    """Whether something that is not good matters. The value is how reports call it."""

    REAL = "wrong for real"
    DOUBTFUL = "cannot be told from here"
    HARMLESS = "harmless"
    UNVERIFIED = "not verified"


@dataclass(frozen=True, slots=True)
class Cause:
    """``name`` is stable and goes into JSON; ``sentence`` and ``advice`` are for people."""

    name: str
    standing: Standing
    sentence: str
    advice: str = ""


_AT_SENDER = "nothing is wrong; to see filled sums capture on another host, or turn tx checksumming off on the sender while capturing"
_FROM_ELSEWHERE = "capture on the sender and on the wire, or name the host's parts: csumlab replay CAPTURE --topology host.toml"

SENT: Final = Cause("sent", Standing.HARMLESS, "recorded as leaving this host, whose network card fills the sum afterwards", _AT_SENDER)
FLAGGED: Final = Cause("flagged", Standing.HARMLESS, "recorded as still to be computed (epb_flags bit 9)", _AT_SENDER)
LOOPBACK: Final = Cause("loopback", Standing.HARMLESS, "on a loopback interface: the packet never leaves the host and nobody needs the sum")
GUEST: Final = Cause(
    "guest",
    Standing.HARMLESS,
    "received from a guest or container of this host, which leaves the sum to the host's network card",
    _AT_SENDER,
)
RELAYED: Final = Cause(
    "relayed",
    Standing.HARMLESS,
    "recorded as received, yet the same sender's packets are also recorded as leaving: a guest or container behind this host",
    _AT_SENDER,
)
LONG: Final = Cause(
    "long",
    Standing.HARMLESS,
    "longer than a frame on the wire, or recorded as left to segmentation (epb_flags bit 11): before the card splits it, or merged by "
    "receive offload",
)
MERGED: Final = Cause(
    "merged", Standing.HARMLESS, "most likely merged by receive offload: its sender's other packets are full, and longer ones were merged"
)
SENDER: Final = Cause(
    "sender",
    Standing.HARMLESS,
    "its sender leaves such sums unfilled, as where a host is captured before its network card fills them",
    _AT_SENDER,
)
INNER_OWED: Final = Cause(
    "inner-owed", Standing.HARMLESS, "right once the partial sum inside it is filled: local checksum offload of a tunnel", _AT_SENDER
)
RECEIVED: Final = Cause(
    "received",
    Standing.REAL,
    "recorded as received with the sum never filled: some host or card before this one passed it on unfinished",
    "turn tx checksumming off (ethtool -K DEVICE tx off) on the sender or the guest behind it, or find the part that forgets to fill: "
    "csumlab replay CAPTURE --topology host.toml; if the interface leads to a guest of this host, nothing is wrong",
)
MIXED: Final = Cause(
    "mixed",
    Standing.DOUBTFUL,
    "the same sender's other sums are full, so it does not leave them to a card that comes after this capture",
    _FROM_ELSEWHERE,
)
FORWARDED: Final = Cause(
    "forwarded",
    Standing.DOUBTFUL,
    "its TTL shows that a router passed it on unfilled: harmless on a host that routes for its guests, wrong for real on any wire",
    _FROM_ELSEWHERE,
)
FILLED: Final = Cause(
    "filled",
    Standing.HARMLESS,
    "the same packet is in the capture again, at a later place and with its sum filled",
    _AT_SENDER,
)
TAKEN: Final = Cause(
    "taken",
    Standing.HARMLESS,
    "not filled, and its receiver acknowledged it: it is filled after this capture point, or never crosses a wire",
    _AT_SENDER,
)
REFUSED: Final = Cause(
    "refused",
    Standing.REAL,
    "not filled, and its receiver kept asking for it (duplicate acknowledgements): nobody fills it on the way",
    "turn tx checksumming off (ethtool -K DEVICE tx off) on the sender or the guest behind it, or find the part that forgets to fill: "
    "csumlab replay CAPTURE --topology host.toml",
)
UNUSUAL: Final = Cause(
    "unusual", Standing.DOUBTFUL, "not filled, yet hosts do not leave this kind of checksum to their cards", _FROM_ELSEWHERE
)
REMOTE: Final = Cause(
    "remote", Standing.HARMLESS, "the tunnel header says that the receiver computes it: remote checksum offload (GUE, VXLAN)"
)
FRAGMENTS_OWED: Final = Cause(
    "fragments-owed",
    Standing.REAL,
    "not filled, though it was cut into fragments: no card fills a sum over several packets (net/ipv4/ip_output.c ip_do_fragment)",
    "find the part that cuts before it fills: csumlab replay CAPTURE --topology host.toml",
)
UNMARKED: Final = Cause(
    "unmarked",
    Standing.REAL,
    "partial, yet the capture, which marks such sums (epb_flags bit 9), does not mark it: nobody counts it as owed, so nobody will fill it",
    "find the part before this capture point that lost the note: csumlab replay CAPTURE --topology host.toml",
)
VERIFIED_WRONG: Final = Cause(
    "verified-wrong",
    Standing.REAL,
    "recorded as verified (epb_flags bit 10), yet it is not right: whoever vouched for it did not look, or the bytes changed since",
    "turn rx checksumming off on the device that received it (ethtool -K DEVICE rx off), so that software verifies",
)
OWED_GOOD: Final = Cause(
    "owed-good",
    Standing.DOUBTFUL,
    "recorded as still to be computed (epb_flags bit 9), yet already right: a device that fills it again makes it wrong",
    _FROM_ELSEWHERE,
)
OWED_BAD: Final = Cause(
    "owed-bad",
    Standing.DOUBTFUL,
    "recorded as still to be computed (epb_flags bit 9), yet the field is not the sum that a fill by addition starts from",
    _FROM_ELSEWHERE,
)
QUOTED: Final = Cause(
    "quoted", Standing.HARMLESS, "in a packet that an ICMP error quotes: a copy, often cut or partial, which nobody sums again"
)
BLANK_CRC: Final = Cause(
    "blank-crc",
    Standing.DOUBTFUL,
    "the CRC is zero: left to a card that computes it (tx-checksum-sctp), or agreed to be left out (RFC 9653)",
    _FROM_ELSEWHERE,
)
CROWD: Final = Cause(
    "crowd", Standing.DOUBTFUL, "its sender could not be told apart: no source address, or more senders than are kept", _FROM_ELSEWHERE
)
ZERO: Final = Cause(
    "zero",
    Standing.DOUBTFUL,
    "the field is zero: left to a network card that computes everything itself, or never filled",
    _FROM_ELSEWHERE,
)
OVERFLOW: Final = Cause(
    "overflow", Standing.DOUBTFUL, "in a capture with more kinds of packets than are told apart: counted, not looked at", _FROM_ELSEWHERE
)
OVERFLOW_BAD: Final = Cause(
    "overflow-bad", Standing.REAL, "in a capture with more kinds of packets than are told apart: counted without packet numbers"
)
WRONG: Final = Cause(
    "wrong",
    Standing.REAL,
    "the sum does not match the bytes: damaged on the way, or changed without updating the sum",
    "capture before and after each hop; a receiver that verifies drops these packets",
)
NOT_EXAMINED: Final = Cause(
    "not-examined",
    Standing.REAL,
    "the sum does not match the bytes; more packets like others that were looked at closely, for different causes",
    "look at these alone: cut the capture to the packets of one sender (editcap, tcpdump -r)",
)
NOT_EXAMINED_DOUBTFUL: Final = Cause(
    "not-examined",
    Standing.DOUBTFUL,
    "the sum does not match the bytes; more packets like others that were looked at closely, not all of which were wrong for real",
    "look at these alone: cut the capture to the packets of one sender (editcap, tcpdump -r)",
)
ACKNOWLEDGED: Final = Cause(
    "acknowledged",
    Standing.DOUBTFUL,
    "the sum does not match the bytes, yet the receiver acknowledged them: it was filled after this capture point, or nobody looked",
    _FROM_ELSEWHERE,
)
DAMAGED: Final = Cause(
    "damaged",
    Standing.REAL,
    "damaged: the same segment is in the capture a second time with other bytes and a right sum",
    "capture before and after each hop; the bytes that differ say what was hit",
)
SUM_ONLY: Final = Cause(
    "sum-only",
    Standing.REAL,
    "only the sum is wrong: the same segment is in the capture a second time with the same bytes and a right sum",
    "look for what writes or updates this sum on the way; the payload was not damaged",
)
TESTIFIED: Final = {"acknowledged": ACKNOWLEDGED, "damaged": DAMAGED, "sum-only": SUM_ONLY}
"""What TCP's own testimony makes of a wrong sum that nothing else explains."""
NONE_SENT: Final = Cause("none-sent", Standing.HARMLESS, "sent without a checksum, which UDP over IPv4 may (RFC 768)")
NONE_SENT_OTHER: Final = Cause("none-sent-other", Standing.HARMLESS, "sent without a checksum, which this protocol may")
NONE_SENT_TUNNEL: Final = Cause(
    "none-sent-tunnel",
    Standing.HARMLESS,
    "a tunnel over IPv6 without a checksum, which RFC 6935 allows",
    "the receiving tunnel must allow it too (udp6zerocsumrx)",
)
NONE_SENT_IPV6: Final = Cause(
    "none-sent-ipv6",
    Standing.DOUBTFUL,
    "sent over IPv6 without a checksum, which only tunnels may (RFC 6935); any other receiver drops it (RFC 8200 section 8.1)",
    "turn UDP checksums on at the sender, unless this is a tunnel whose receiver allows zero",
)
UNVERIFIED: Final[dict[Reason, Cause]] = {
    reason: Cause(f"unverified-{reason.name.lower().replace('_', '-')}", Standing.UNVERIFIED, sentence)
    for reason, sentence in REASONS.items()
}

CONTRADICTED: Final = Cause(
    "length-contradicts",
    Standing.REAL,
    "a length field of its header contradicts the packet, so that nobody can tell what the sum covers: receivers drop it",
    "capture before and after each hop: the length was damaged, or a program made it wrong",
)
INFERRED: Final = frozenset(cause.name for cause in (MIXED, FORWARDED, CROWD))
"""Causes that are inferred from what else the sender does, and give way to what the capture shows."""
GIVES_WAY: Final = INFERRED | {SENDER.name, MERGED.name, RECEIVED.name, RELAYED.name, GUEST.name}
"""Causes that give way to a receiver which refuses the packets."""
RESTS_ON_SENDER: Final = frozenset(cause.name for cause in (RELAYED, MERGED, SENDER, MIXED, FORWARDED, ZERO, RECEIVED))
"""Causes for which it counts what else the sender does."""

# Interfaces that lead to a guest or a container by the names that Linux hosts give them.
_VIRTUAL_NAMES = ("vif", "veth", "tap", "vnet", "tun", "docker", "br-", "virbr", "xenbr", "xapi", "cali", "cni", "lxc", "fwpr", "fwbr")
# Sums that senders do not leave to their cards: they are always computed (net/ipv4/icmp.c icmp_push_reply, net/ipv6/icmp.c, udplite.h).
_NEVER_LEFT = frozenset(Kind) - {Kind.IPV4, Kind.TCP, Kind.UDP, Kind.SCTP, Kind.GRE}
LEFT_OTHERWISE: Final = frozenset({"unfilled-no-length", "unfilled-segment-length", "unfilled-inverted"})
"""Suspects of forensics that are a partial sum in another form: harmless where a partial one is."""
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


def cause_of(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str, explanation: Explanation | None = None) -> Cause | None:
    """Why one sum of a class is not good; None if it is. ``interface`` is the capture interface's name, empty if not recorded;
    ``explanation`` is what forensics says of this sum in the packets that were looked at."""
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
        return Cause(found.name, Standing.HARMLESS, found.sentence, _AT_SENDER) if cause.standing is Standing.HARMLESS else cause
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
