"""What a capture recorded of a packet besides its bytes: direction, and the carried state of its checksum; and where the bytes deny it,
only quote the packet, or end before they are read.

Sources: IETF pcapng draft section 4.3.1 (epb_flags), LINKTYPE_LINUX_SLL packet types (Linux include/uapi/linux/if_packet.h).
"""

from __future__ import annotations

from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, DIRECTION_MASK, INBOUND, OUTBOUND, SEGMENTATION_OFFLOAD
from csumlab.facts import Facts, SumFacts
from csumlab.headers import KINDS, UNFILLED, Kind, Layer, Reason, Verdict

_COOKED_FROM_US = 4
# Reasons behind which a packet whose other sums are known may have more of them.
_HIDING = (Reason.CUT, Reason.TRUNCATED, Reason.LENGTH, Reason.DEPTH, Reason.HEADER)
_WRONG = UNFILLED | {Verdict.BAD}


def leaves(facts: Facts) -> bool:
    """Whether the capture recorded these packets as sent by the host it was taken on."""
    return facts.packet_type == _COOKED_FROM_US or (facts.has_flags and facts.flags & DIRECTION_MASK == OUTBOUND)


def arrives(facts: Facts) -> bool:
    """Whether the capture recorded these packets as received."""
    return 0 <= facts.packet_type < _COOKED_FROM_US or (facts.has_flags and facts.flags & DIRECTION_MASK == INBOUND)


def is_owed(facts: Facts) -> bool:
    """Whether the capture recorded that a checksum is still to be computed (bit 9)."""
    return facts.has_flags and bool(facts.flags & CHECKSUM_NOT_READY)


def is_verified(facts: Facts) -> bool:
    """Whether the capture recorded that the checksum was found valid (bit 10)."""
    return facts.has_flags and bool(facts.flags & CHECKSUM_VALID)


def is_super_frame(facts: Facts) -> bool:
    """Whether the packet was recorded as left to segmentation offload (bit 11), or is longer than any frame."""
    return facts.long or (facts.has_flags and bool(facts.flags & SEGMENTATION_OFFLOAD))


def spoken_of(facts: Facts) -> SumFacts | None:
    """The checksum that the recorded state speaks of: that of the outermost transport header. None if there is none."""
    addressed = 0
    for total in facts.sums:
        addressed = sum(layer in (Layer.IPV4, Layer.IPV6) for layer in facts.layers[: total.header])
        if total.kind is not Kind.IPV4:
            return total if addressed == 1 and KINDS[total.kind].pseudo else None
    return None


def contradicts(facts: Facts) -> bool:
    """Whether the bytes deny what was recorded: verified, yet not good; still to be computed, yet neither partial nor blank."""
    total = spoken_of(facts)
    if total is None:
        return False
    if is_verified(facts):
        return total.verdict in _WRONG
    # A partial sum inside may be the one that is meant.
    owed = any(one.verdict in UNFILLED for one in facts.sums)
    return is_owed(facts) and not owed and total.verdict in (Verdict.GOOD, Verdict.BAD)


def is_quoted(facts: Facts, total: SumFacts) -> bool:
    """Whether the sum stands in a packet that an ICMP error quotes."""
    return Layer.QUOTE in facts.layers[: total.header]


def unread(facts: Facts) -> Reason | None:
    """Why headers of a packet were not read, if no checksum of it says so; None if all were, or if nobody can read what follows."""
    if facts.stop is Reason.KNOWN or not facts.sums:
        return facts.stop or None
    told = Layer.QUOTE in facts.layers or any(total.verdict is Verdict.UNVERIFIED for total in facts.sums)
    return facts.stop if facts.stop in _HIDING and not told else None
