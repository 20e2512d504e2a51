"""Why a checksum is not good, and whether that matters: the table of causes. ``choosing`` chooses among them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from csumlab.headers import REASONS, Reason


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


AT_SENDER = "nothing is wrong; to see filled sums capture on another host, or turn tx checksumming off on the sender while capturing"
_FROM_ELSEWHERE = "capture on the sender and on the wire, or name the host's parts: csumlab replay CAPTURE --topology host.toml"

SENT: Final = Cause("sent", Standing.HARMLESS, "recorded as leaving this host, whose network card fills the sum afterwards", AT_SENDER)
FLAGGED: Final = Cause("flagged", Standing.HARMLESS, "recorded as still to be computed (epb_flags bit 9)", AT_SENDER)
LOOPBACK: Final = Cause("loopback", Standing.HARMLESS, "on a loopback interface: the packet never leaves the host and nobody needs the sum")
GUEST: Final = Cause(
    "guest",
    Standing.HARMLESS,
    "received from a guest or container of this host, which leaves the sum to the host's network card",
    AT_SENDER,
)
RELAYED: Final = Cause(
    "relayed",
    Standing.HARMLESS,
    "recorded as received, yet the same sender's packets are also recorded as leaving: a guest or container behind this host",
    AT_SENDER,
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
    AT_SENDER,
)
INNER_OWED: Final = Cause(
    "inner-owed", Standing.HARMLESS, "right once the partial sum inside it is filled: local checksum offload of a tunnel", AT_SENDER
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
    AT_SENDER,
)
TAKEN: Final = Cause(
    "taken",
    Standing.HARMLESS,
    "not filled, and its receiver acknowledged it: it is filled after this capture point, or never crosses a wire",
    AT_SENDER,
)
REFUSED: Final = Cause(
    "refused",
    Standing.REAL,
    "not filled, and its receiver kept asking for it (duplicate acknowledgements): nobody fills it on the way",
    "turn tx checksumming off (ethtool -K DEVICE tx off) on the sender or the guest behind it, or find the part that forgets to fill: "
    "csumlab replay CAPTURE --topology host.toml",
)
FRAGMENTS_BAD: Final = Cause(
    "fragments-bad",
    Standing.REAL,
    "the sum does not match the bytes of all its fragments: damaged on the way, or a fragment of another datagram was put in",
    "capture before and after each hop; a receiver that verifies drops the whole datagram",
)
FRAGMENTS_FIRST: Final = Cause(
    "fragments-first",
    Standing.REAL,
    "the sum is that of its first fragment alone: whoever made it took a fragment for a whole packet",
    "look for what fills or sums behind the place where it is cut: a card that is left the sum of a fragment (ethtool -K DEVICE tx off), "
    "or a program that makes sums anew; receivers drop the whole datagram",
)
FRAGMENTS_CONTRADICT: Final = Cause(
    "fragments-contradict",
    Standing.DOUBTFUL,
    "its pieces overlap or contradict each other, so that receivers differ in what they put together (RFC 5722, RFC 8200 section 4.5)",
    "look at the packets: such pieces are a fault of the sender, or an attack",
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
LEFT_OTHERWISE: Final = frozenset({"unfilled-no-length", "unfilled-segment-length", "unfilled-inverted"})
"""Suspects of forensics that are a partial sum in another form: harmless where a partial one is."""
