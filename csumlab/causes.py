"""Why a checksum is not good, and whether that matters: a table of causes, and the one function that chooses among them.

It judges from the capture alone (recorded direction, sender's other sums, frame length, TTL). What a capture cannot show is said as such:
DOUBTFUL is a verdict, not a guess. With a topology ``csumlab replay`` knows more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from csumlab.capture.block import CHECKSUM_NOT_READY, DIRECTION_MASK, INBOUND, OUTBOUND
from csumlab.evidence import Mark
from csumlab.facts import Facts, FieldValue, SumFacts
from csumlab.headers import REASONS, Kind, Layer, Link, Reason, Verdict


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
    "long", Standing.HARMLESS, "longer than a frame on the wire: segmentation offload before the card, or receive offload after it merged"
)
MERGED: Final = Cause(
    "merged", Standing.HARMLESS, "most likely merged by receive offload: its sender's other packets are full, and longer ones were merged"
)
SENDER: Final = Cause(
    "sender",
    Standing.HARMLESS,
    "its sender leaves its sums partial, as where a host is captured before its network card fills them",
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
UNUSUAL: Final = Cause(
    "unusual", Standing.DOUBTFUL, "the field is zero, yet hosts do not leave this kind of checksum to their cards", _FROM_ELSEWHERE
)
CROWD: Final = Cause(
    "crowd", Standing.DOUBTFUL, "its sender could not be told apart: no source address, or more senders than are kept", _FROM_ELSEWHERE
)
NO_LENGTH: Final = Cause(
    "no-length",
    Standing.HARMLESS,
    "the sum of the pseudo-header without its length, as Windows and DPDK leave it for segmentation by the card",
    _AT_SENDER,
)
ZERO: Final = Cause(
    "zero",
    Standing.DOUBTFUL,
    "the field is zero: left to a network card that computes everything itself, or never filled",
    _FROM_ELSEWHERE,
)
TRAILER: Final = Cause(
    "trailer",
    Standing.REAL,
    "off by just what the bytes after the end of the IP packet add up to: a card or driver summed the padding too",
    "turn tx checksumming off on the device that filled it (ethtool -K DEVICE tx off)",
)
OVERFLOW: Final = Cause(
    "overflow", Standing.DOUBTFUL, "in a capture with more kinds of packets than are told apart: counted, not looked at", _FROM_ELSEWHERE
)
OVERFLOW_BAD: Final = Cause(
    "overflow-bad", Standing.REAL, "in a capture with more kinds of packets than are told apart: counted without packet numbers"
)
SAME_ERROR: Final = Cause(
    "same-error",
    Standing.REAL,
    "every one is off by the same amount: a word was rewritten (address, port) and the sum not updated with it",
    "look for NAT or a proxy that rewrites before the sum is filled: csumlab replay CAPTURE --topology host.toml",
)
WRONG: Final = Cause(
    "wrong",
    Standing.REAL,
    "the sum does not match the bytes: damaged on the way, or changed without updating the sum",
    "capture before and after each hop; a receiver that verifies drops these packets",
)
NONE_SENT: Final = Cause("none-sent", Standing.HARMLESS, "sent without a checksum, which UDP over IPv4 may (RFC 768)")
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

# Interfaces that lead to a guest or a container by the names that Linux hosts give them.
_VIRTUAL_NAMES = ("vif", "veth", "tap", "vnet", "tun", "docker", "br-", "virbr", "xenbr", "xapi", "cali", "cni", "lxc", "fwpr", "fwbr")
# Sums that senders leave to their cards. ICMP and ICMPv6 are always computed (net/ipv4/icmp.c icmp_push_reply, net/ipv6/icmp.c).
_NEVER_LEFT = (Kind.ICMP, Kind.ICMPV6)
_COOKED_FROM_US = 4


@dataclass(frozen=True, slots=True)
class SenderEvidence:
    """What one sender does with one kind of checksum over the whole capture; counts are of packets.

    ``full`` right sums; ``owed`` partial ones, of which ``sent`` are recorded as leaving, ``long`` are longer than a frame, and
    ``forwarded`` have passed a router. ``own_card`` says that its hardware address also sends partial sums that have not.
    """

    known: bool
    full: int = 0
    owed: int = 0
    sent: int = 0
    long: int = 0
    forwarded: int = 0
    own_card: bool = False
    loopback: bool = False


def leaves(facts: Facts) -> bool:
    """Whether the capture recorded these packets as sent by the host it was taken on."""
    return facts.packet_type == _COOKED_FROM_US or (facts.has_flags and facts.flags & DIRECTION_MASK == OUTBOUND)


def arrives(facts: Facts) -> bool:
    """Whether the capture recorded these packets as received."""
    return 0 <= facts.packet_type < _COOKED_FROM_US or (facts.has_flags and facts.flags & DIRECTION_MASK == INBOUND)


def cause_of(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str, marks: Sequence[Mark] = ()) -> Cause | None:
    """Why one sum of a class is not good; None if it is. ``interface`` is the capture interface's name, empty if not recorded; ``marks``
    are those of this sum in the packets that were looked at."""
    match total.verdict:
        case Verdict.PARTIAL | Verdict.DEFERRED:
            cause = _owed(facts, total, sender, interface)
            return INNER_OWED if total.verdict is Verdict.DEFERRED and cause.standing is Standing.HARMLESS else cause
        case Verdict.BAD:
            return _bad(facts, total, sender, interface, marks)
        case Verdict.ABSENT:
            return _absent(facts, total)
        case Verdict.UNVERIFIED:
            return UNVERIFIED[total.why_residue]
    return None


def _owed(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str) -> Cause:
    """Whether a sum that somebody still has to fill will be filled. The order is from what was recorded to what is inferred."""
    if total.kind in _NEVER_LEFT:
        return UNUSUAL
    if facts.has_flags and facts.flags & CHECKSUM_NOT_READY:
        return FLAGGED
    if sender.loopback or interface == "lo" or facts.linktype in (Link.NULL, Link.LOOP):
        return LOOPBACK
    if leaves(facts):
        return SENT
    if facts.long:
        return LONG
    if arrives(facts):
        return _arrived(sender, interface)
    return _inferred(sender)


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
    if sender.full >= sender.owed:
        return MERGED if sender.long else MIXED
    if sender.forwarded == sender.owed and not sender.own_card:
        return FORWARDED
    return SENDER


def _bad(facts: Facts, total: SumFacts, sender: SenderEvidence, interface: str, marks: Sequence[Mark]) -> Cause:
    if marks and all(mark.no_length for mark in marks):
        cause = _owed(facts, total, sender, interface)
        return NO_LENGTH if cause.standing is Standing.HARMLESS else cause
    if marks and all(mark.trailer for mark in marks):
        return TRAILER
    if total.field is FieldValue.ZEROS and total.kind is Kind.TCP:
        return ZERO
    return SAME_ERROR if len(marks) > 1 and len({mark.residue for mark in marks}) == 1 else WRONG


def _absent(facts: Facts, total: SumFacts) -> Cause:
    beneath = [layer for layer in facts.layers[: total.header] if layer in (Layer.IPV4, Layer.IPV6)]
    if not beneath or beneath[-1] is Layer.IPV4:
        return NONE_SENT
    return NONE_SENT_TUNNEL if Layer.VXLAN in facts.layers[total.header + 1 : total.header + 2] else NONE_SENT_IPV6
