"""What a row of a stage does to the packet: operations, with selectors and rules from closed lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from csumlab.outer import OuterSum


class Selector(Enum):
    """Which checksum an operation or a predicate speaks of."""

    AIMED = "the sum aimed at"
    OUTER_IP = "the outer IPv4 header's sum"
    TRANSPORT = "the outer transport sum"
    INNER = "the first sum inside the tunnel"
    INNER_IP = "the inner IPv4 header's sum"


class Rule(Enum):
    """How an incremental update treats a checksum field (RFC 1624; Linux net/core/utils.c inet_proto_csum_replace4). SWAPPED is the final
    rule in the wrong byte order, or for words at an odd place as if they lay at an even one: the field follows by 256 times the difference
    (RFC 1071 section 2, byte order independence)."""

    FINAL = "final rule"
    ONES = "final rule, zero as ffff"
    SWAPPED = "final rule, bytes swapped"
    PSEUDO = "partial rule"
    LEAVE = "left alone"

    @property
    def keeps_residue(self) -> bool:
        """Whether the field takes up the whole difference."""
        return self in (Rule.FINAL, Rule.ONES)


ECN: Mapping[str, int] = {"not ECT": 0, "ECT(1)": 1, "ECT(0)": 2, "CE": 3}
"""The two ECN bits of an IP header (RFC 3168 section 5)."""


class Coverage(Enum):
    """Which bytes a device adds up for the sum that it hands up with a packet (skb->csum of CHECKSUM_COMPLETE). Linux takes it for the sum
    of all that follows the Ethernet header."""

    FRAME = "all of it"
    PACKET = "no further than the IP packet"
    BEHIND_TAG = "from behind the VLAN tag"
    OTHER = "other bytes than those of the packet"


class Follows(Enum):
    """What an editor of bytes does to the sum that travels beside the packet. Linux sums an IPv6 header with it; of an IPv4 header, which
    sums to zero, nothing is left. So a new IPv4 address shows in the checksum field only, and a new IPv6 address and the field that follows
    it cancel."""

    ADDRESSES_4 = "follows IPv4 addresses"
    ADDRESSES = "is changed for every address, for those of IPv6 too, which the field has made up for"
    BYTES = "follows all that is edited"
    NOTHING = "stays what it was"


class Operation(Enum):
    FILL = "fill"
    WRITE_PSEUDO = "write the pseudo-header sum"
    WRITE_ZERO = "write zero into"
    COMPUTE = "compute"
    SPOIL = "write a wrong number into"
    STAMP = "write the time into the packet"
    REWRITE = "rewrite the payload"
    RESPELL = "update by no difference"
    CARRY = "carry the sum of the packet"
    CONVERT = "carry the sum that the outer one implies"
    TRANSLATE = "translate"
    MARK = "mark the IP header"
    EXCHANGE = "exchange the IP header for one of the other version"
    TRANSLATE_QUOTE = "translate the quoted packet the other way round"
    DECREMENT_TTL = "decrement TTL"
    DECREMENT_HOPS = "decrement the TTL of the mesh's header"
    ADVANCE = "go on to the next segment"
    TRIM = "cut what follows the IP packet"
    PAD = "pad a short frame with what is left in a buffer"
    SEGMENT = "cut into segments"
    MERGE = "merge with the segments behind it"
    JOIN = "merge with the segments behind it, sums added up"
    UNDIVIDE = "leave it whole, to be cut into fragments"
    FRAGMENT = "cut into fragments"
    REASSEMBLE = "put the fragments together"
    MEND_PAYLOAD = "update what stands in later fragments at the place of the sum"
    BUNDLE = "merge with the datagrams behind it, whatever they carry"
    UNBUNDLE = "cut into the datagrams that it was merged from"
    PUSH = "encapsulate"
    POP = "decapsulate"
    SEAL = "seal"
    UNSEAL = "unseal"
    TAG = "put a VLAN tag on"
    UNTAG = "take the VLAN tag off"
    WRAP = "put the device's headers before it"
    UNWRAP = "take the outermost link-layer header off"
    WOULD_DROP = "would drop elsewhere"
    UNSEEN = "leave it out of the program's view"
    DISABLE = "disable the interface"
    DROP = "drop"
    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Do:
    """One operation. ``target`` for FILL, WRITE_PSEUDO, WRITE_ZERO, COMPUTE, SPOIL, SEGMENT and RESPELL (the final rule for a word that
    stays: it spells a zero anew); ``outer`` for PUSH and SEAL; ``remote`` for a PUSH whose header leaves the sum aimed at to the far end;
    ``coverage`` for CARRY; ``crc`` for a FILL with a CRC32c; ``mark`` for MARK, with the rule of the IPv4 header's own sum (``ip``) and
    whether that of the packet ``follows``; for TRIM that by which it loses what is cut off (``ip``). For
    TRANSLATE: by which rule the transport sum follows an ``address``, and a ``port`` or what else is edited from the transport header on;
    by which the IPv4 header's own sum does (``ip``); and what the sum beside the packet ``follows``. For EXCHANGE: by which rule the
    transport sum follows the pseudo-header (``address``). For TRANSLATE_QUOTE: by which rule the sum of the error follows all that has
    changed in what it quotes (``port``), or only what the addresses would leave there if a sum of the quoted packet had taken them up
    (``address``)."""

    operation: Operation
    target: Selector | None = None
    address: Rule = Rule.LEAVE
    port: Rule = Rule.LEAVE
    ip: Rule = Rule.FINAL
    outer: OuterSum = OuterSum.NONE
    remote: bool = False
    coverage: Coverage = Coverage.FRAME
    crc: bool = False
    follows: Follows = Follows.ADDRESSES_4
    mark: str = ""

    def __str__(self) -> str:
        if self.operation is Operation.TRANSLATE:
            text = f"translate: addresses by the {self.address.value}, ports by the {self.port.value}"
            text += "" if self.ip is Rule.FINAL else f"; the IPv4 header sum: {self.ip.value}"
            return text if self.follows is Follows.ADDRESSES_4 else f"{text}; the sum of the packet {self.follows.value}"
        if self.operation is Operation.TRANSLATE_QUOTE and self.port is not Rule.LEAVE:
            return f"{self.operation.value}; the sum follows by the {self.port.value}"
        if self.operation is Operation.TRANSLATE_QUOTE and self.address is not Rule.LEAVE:
            return f"{self.operation.value}; the sum follows the addresses by the {self.address.value}"
        if self.operation in (Operation.UNWRAP, Operation.DECREMENT_HOPS, Operation.ADVANCE):
            return f"{self.operation.value}; the sum of the packet {self.follows.value}"
        if self.operation is Operation.EXCHANGE:
            return f"{self.operation.value}; the transport sum: {self.address.value}"
        if self.operation is Operation.PUSH:
            remote = ", the inner sum left to the far end" if self.remote else ""
            return f"encapsulate, outer sum: {self.outer.value}{remote}"
        if self.operation is Operation.SEAL:
            return f"seal, outer sum: {self.outer.value}"
        if self.operation in (Operation.STAMP, Operation.REWRITE):
            return f"{self.operation.value}; its sum: {self.port.value}"
        if self.operation is Operation.MARK:
            forgets = "; the sum of the packet stays what it was" if self.follows is Follows.NOTHING else ""
            return f"{self.operation.value} {self.mark}" + (f"; its sum: {self.ip.value}" if self.ip is not Rule.FINAL else "") + forgets
        if self.operation is Operation.TRIM and self.ip is not Rule.FINAL:
            return f"{self.operation.value}; the sum of the packet: {self.ip.value}"
        if self.operation is Operation.CARRY:
            return f"{self.operation.value}: {self.coverage.value}"
        if self.crc and self.target is not None:
            return f"{self.operation.value} {self.target.value} with a CRC32c"
        return f"{self.operation.value} {self.target.value}" if self.target else str(self.operation.value)


def fill(target: Selector, *, crc: bool = False) -> tuple[Do]:
    """From csum_start to the end of the frame: the Internet checksum whatever belongs there, or with ``crc`` the CRC32c."""
    return (Do(Operation.FILL, target, crc=crc),)


def write_pseudo(target: Selector) -> tuple[Do]:
    return (Do(Operation.WRITE_PSEUDO, target),)


def write_zero(target: Selector) -> tuple[Do]:
    return (Do(Operation.WRITE_ZERO, target),)


def carry(coverage: Coverage = Coverage.FRAME) -> tuple[Do]:
    """The sum of the packet as it is here travels on beside it."""
    return (Do(Operation.CARRY, coverage=coverage),)


def compute(target: Selector) -> tuple[Do]:
    return (Do(Operation.COMPUTE, target),)


def spoil(target: Selector) -> tuple[Do]:
    """The field becomes another than the one it was."""
    return (Do(Operation.SPOIL, target),)


def stamp(rule: Rule) -> tuple[Do]:
    """Words of the payload become the time; the transport sum follows by ``rule``."""
    return (Do(Operation.STAMP, port=rule),)


def rewrite(rule: Rule) -> tuple[Do]:
    """The payload becomes another, perhaps of another length, and the IPv4 header is summed anew. The transport sum follows the length in
    the pseudo-header (PSEUDO) or is left alone."""
    return (Do(Operation.REWRITE, port=rule),)


def respell(target: Selector) -> tuple[Do]:
    return (Do(Operation.RESPELL, target),)


def translate(address: Rule, port: Rule, ip: Rule = Rule.FINAL, follows: Follows = Follows.ADDRESSES_4) -> tuple[Do]:
    return (Do(Operation.TRANSLATE, address=address, port=port, ip=ip, follows=follows),)


def mark(bits: str, ip: Rule = Rule.FINAL, follows: Follows = Follows.BYTES) -> tuple[Do]:
    """The ECN bits of the outermost IP header are set to those of one of ECN's words."""
    return (Do(Operation.MARK, mark=bits, ip=ip, follows=follows),)


def unwrap(follows: Follows = Follows.BYTES) -> tuple[Do]:
    """``follows``: whether what is taken off is taken off the sum of the packet too."""
    return (Do(Operation.UNWRAP, follows=follows),)


def decrement_hops(follows: Follows = Follows.BYTES) -> tuple[Do]:
    """``follows``: whether the sum of the packet is told of it."""
    return (Do(Operation.DECREMENT_HOPS, follows=follows),)


def advance(follows: Follows = Follows.BYTES) -> tuple[Do]:
    """The destination becomes that of the edit, and the routing header has one segment less left: the pseudo-header has had the last one
    all along (RFC 8200 section 8.1). ``follows``: whether the sum of the packet is told."""
    return (Do(Operation.ADVANCE, follows=follows),)


def trim(rule: Rule = Rule.FINAL) -> tuple[Do]:
    """By which rule the sum of the packet loses what is cut off."""
    return (Do(Operation.TRIM, ip=rule),)


def push(outer: OuterSum, *, remote: bool = False) -> tuple[Do]:
    return (Do(Operation.PUSH, outer=outer, remote=remote),)


def seal(outer: OuterSum = OuterSum.NONE) -> tuple[Do]:
    return (Do(Operation.SEAL, outer=outer),)


def segment(target: Selector) -> tuple[Do]:
    """Cut a super-frame: ``target`` is the sum that each segment gets from the super-frame's field, those around it follow."""
    return (Do(Operation.SEGMENT, target),)


def exchange(address: Rule) -> tuple[Do]:
    """The outermost IP header becomes one of the other version, with the addresses of the edit, and ICMP becomes ICMPv6 or the reverse."""
    return (Do(Operation.EXCHANGE, address=address),)


def translate_quote(address: Rule = Rule.LEAVE, port: Rule = Rule.LEAVE) -> tuple[Do]:
    return (Do(Operation.TRANSLATE_QUOTE, address=address, port=port),)


KEEP: tuple[Do, ...] = ()
TRANSLATE_QUOTE = translate_quote()
DECREMENT_TTL = (Do(Operation.DECREMENT_TTL),)
TRIM = trim()
PAD = (Do(Operation.PAD),)
MERGE = (Do(Operation.MERGE),)
JOIN = (Do(Operation.JOIN),)
UNDIVIDE = (Do(Operation.UNDIVIDE),)
CUT = (Do(Operation.FRAGMENT),)
REASSEMBLE = (Do(Operation.REASSEMBLE),)
MEND_PAYLOAD = (Do(Operation.MEND_PAYLOAD),)
BUNDLE = (Do(Operation.BUNDLE),)
UNBUNDLE = (Do(Operation.UNBUNDLE),)
POP = (Do(Operation.POP),)
CONVERT = (Do(Operation.CONVERT),)
UNSEAL = (Do(Operation.UNSEAL),)
TAG = (Do(Operation.TAG),)
UNTAG = (Do(Operation.UNTAG),)
WRAP = (Do(Operation.WRAP),)
WOULD_DROP = (Do(Operation.WOULD_DROP),)
UNSEEN = (Do(Operation.UNSEEN),)
DISABLE = (Do(Operation.DISABLE),)
DROP = (Do(Operation.DROP),)
ACCEPT = (Do(Operation.ACCEPT),)
REJECT = (Do(Operation.REJECT),)
ENDINGS = frozenset({Operation.DROP, Operation.ACCEPT, Operation.REJECT})
