"""What a stage is: a table of rows, a row is data, and the first row that fits is applied (``machine.py``).

A row says *when* (pattern over the carried state) and *given* (predicates from one closed vocabulary) it fires, what it *does* to the
packet (operations with selectors from a closed list), what the carried state *becomes*, and *because* of what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from csumlab.headers import Kind
from csumlab.outer import OuterSum
from csumlab.shown import Shown
from csumlab.state import State


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
    TRIM = "cut what follows the IP packet"
    PAD = "pad a short frame with what is left in a buffer"
    SEGMENT = "cut into segments"
    MERGE = "merge with the segments behind it"
    JOIN = "merge with the segments behind it, sums added up"
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
        if self.operation is Operation.UNWRAP:
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
DROP = (Do(Operation.DROP),)
ACCEPT = (Do(Operation.ACCEPT),)
REJECT = (Do(Operation.REJECT),)
ENDINGS = frozenset({Operation.DROP, Operation.ACCEPT, Operation.REJECT})


class Test(Enum):
    """The closed vocabulary of predicates; the value is how a person reads it, ``{}`` the argument."""

    __test__ = False  # not a test case for pytest

    FEATURE = "{} is on"
    KNOB = "{} is set"
    CARRIES = "it carries {}"
    AIMED_AT_TRANSPORT = "aimed at the outer transport header"
    AIMED_AT = "aimed at {}"
    IP_VERSION = "IPv{}"
    OUTER_VERSION = "IPv{} outermost"
    TAGGED = "VLAN tag inside the frame"
    ENCAPSULATED = "marked as encapsulated"
    FRAGMENT = "fragment"
    EXTENSIONS = "IPv6 extension headers"
    TTL_EXPIRES = "TTL or hop limit used up"
    LONG = "longer than the MTU"
    SEGMENTED = "one of several segments"
    EXCEEDS = "longer than the MTU of the way out"
    PIECE_EXCEEDS = "its longest fragment is longer than the MTU of the way out"
    REASSEMBLED = "it came in fragments"
    LISTED = "it, or what it was in, came in fragments"
    DONT_FRAGMENT = "DF is set"
    BUNDLED = "several datagrams in one"
    INSIDE = "{} inside the tunnel"
    TRAILER = "bytes follow the IP packet"
    ODD_LENGTH = "the IP packet is of odd length"
    INVALID = "marked INVALID"
    REMOTE = "the tunnel's header leaves the inner sum to this end"
    QUOTES = "it quotes another packet"
    SHORT_QUOTE = "it quotes TCP, but not as far as the sum"
    EDITS = "something is edited"
    EDITS_TRANSPORT = "a port or what follows it is edited"
    ODD_OPTION = "the TCP option that is edited lies at an odd place"
    CAME_MARKED = "the outer IP header that was taken off is marked {}"
    ECN = "the IP header is marked {}"
    MORE_SLOTS = "more ring slots than are {}"
    RIGHT = "{} is right"
    EXACT = "{} is to the bit what computing it gives"
    ABSENT = "{} is 0: none"
    PASSES = "{} is right, or there is none"
    AGREES = "{} is right by the sum that is carried"
    FILLS_TO_ZERO = "the fill of {} gives 0"
    TUNNEL = "an IP packet inside the IP packet"
    PPPOE = "PPPoE inside the frame"
    TO_PORT = "UDP to port {}"
    LENGTH = "of a length that is said of {}"


@dataclass(frozen=True, slots=True)
class Given:
    """One predicate, possibly negated with ``~``."""

    test: Test
    argument: Any = None
    negated: bool = False

    def __invert__(self) -> Given:
        return replace(self, negated=not self.negated)

    def __str__(self) -> str:
        argument = self.argument
        if isinstance(argument, Selector):
            argument = argument.value
        elif isinstance(argument, tuple):
            argument = " or ".join(kind.name if isinstance(kind, Kind) else str(kind) for kind in argument)
        text = self.test.value.format(argument)
        return f"not ({text})" if self.negated else text


def feature(name: str) -> Given:
    """An effective ethtool feature of the port the stage stands at."""
    return Given(Test.FEATURE, name)


def knob(name: str) -> Given:
    """A sysctl, a xenstore key or a tunnel option."""
    return Given(Test.KNOB, name)


def carries(*kinds: Kind) -> Given:
    return Given(Test.CARRIES, kinds)


def aimed_at(*kinds: Kind) -> Given:
    """csum_start points at a header of one of these kinds."""
    return Given(Test.AIMED_AT, kinds)


def inside(*kinds: Kind) -> Given:
    """The first checksum inside a tunnel is of one of these kinds, and not a fragment's."""
    return Given(Test.INSIDE, kinds)


def version(number: int) -> Given:
    return Given(Test.IP_VERSION, number)


def outer_version(number: int) -> Given:
    """Of the outermost IP header, wherever csum_start points."""
    return Given(Test.OUTER_VERSION, number)


def right(target: Selector) -> Given:
    """A real check: the sum is verified over the bytes."""
    return Given(Test.RIGHT, target)


def wrong(target: Selector) -> Given:
    """A real check with the other outcome."""
    return Given(Test.RIGHT, target, negated=True)


def came_marked(word: str) -> Given:
    """The ECN bits of the outer IP header of the tunnel's packet that this one came in, by the words of ``ECN``."""
    return Given(Test.CAME_MARKED, word)


def is_marked(word: str) -> Given:
    """Those of the outermost IP header."""
    return Given(Test.ECN, word)


def inexact(target: Selector) -> Given:
    """A check that compares the field with what computing it anew gives, with the outcome that they differ: so do 0x0000 and 0xffff."""
    return Given(Test.EXACT, target, negated=True)


def more_slots(limit: str) -> Given:
    """More slots of a Xen ring than a limit of the setting."""
    return Given(Test.MORE_SLOTS, limit)


def absent(target: Selector) -> Given:
    return Given(Test.ABSENT, target)


def passes(target: Selector) -> Given:
    """A real check that lets pass what has no such sum."""
    return Given(Test.PASSES, target)


def agrees(target: Selector) -> Given:
    """The sum that travels beside the packet says that this one is right: its bytes are not looked at."""
    return Given(Test.AGREES, target)


def fills_to_zero(target: Selector) -> Given:
    return Given(Test.FILLS_TO_ZERO, target)


def to_port(number: int) -> Given:
    """A datagram to this port, which has to be one that the topology tells from others (cards.ports)."""
    return Given(Test.TO_PORT, number)


def of_length(*behaviours: str) -> Given:
    """One of these behaviours of the device is said of frames of this length."""
    return Given(Test.LENGTH, behaviours)


AIMED_AT_TRANSPORT = Given(Test.AIMED_AT_TRANSPORT)
TAGGED = Given(Test.TAGGED)
ENCAPSULATED = Given(Test.ENCAPSULATED)
FRAGMENT = Given(Test.FRAGMENT)
EXTENSIONS = Given(Test.EXTENSIONS)
TTL_EXPIRES = Given(Test.TTL_EXPIRES)
LONG = Given(Test.LONG)
SEGMENTED = Given(Test.SEGMENTED)
EXCEEDS = Given(Test.EXCEEDS)
PIECE_EXCEEDS = Given(Test.PIECE_EXCEEDS)
REASSEMBLED = Given(Test.REASSEMBLED)
LISTED = Given(Test.LISTED)
DONT_FRAGMENT = Given(Test.DONT_FRAGMENT)
BUNDLED = Given(Test.BUNDLED)
TRAILER = Given(Test.TRAILER)
ODD_LENGTH = Given(Test.ODD_LENGTH)
INVALID = Given(Test.INVALID)
REMOTE = Given(Test.REMOTE)
QUOTES = Given(Test.QUOTES)
SHORT_QUOTE = Given(Test.SHORT_QUOTE)
EDITS = Given(Test.EDITS)
EDITS_TRANSPORT = Given(Test.EDITS_TRANSPORT)
ODD_OPTION = Given(Test.ODD_OPTION)
TUNNEL = Given(Test.TUNNEL)
PPPOE = Given(Test.PPPOE)
ABSENT_TRANSPORT = absent(Selector.TRANSPORT)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern over the carried state: its family, and for some fields the values that fit. No family: any state."""

    family: type[Any] | None = None
    fields: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def fits(self, state: State) -> bool:
        if self.family is not None and not isinstance(state, self.family):
            return False
        return all(getattr(state, name) in values for name, values in self.fields)

    def __str__(self) -> str:
        if not self.fields:
            return "any" if self.family is None else f"any {self.family.__name__}"
        texts = []
        for name, values in self.fields:
            if values in ((True,), (False,)):
                texts.append(name if values[0] else f"no {name}")
            else:
                texts.append("/".join(value.value.removeprefix("CHECKSUM_") if isinstance(value, Enum) else str(value) for value in values))
        return ", ".join(texts)


ANY = Pattern()


def when(family: type[Any], **fields: Any) -> Pattern:
    """A pattern; a field's value may be a tuple of values that all fit."""
    return Pattern(family, tuple((name, value if isinstance(value, tuple) else (value,)) for name, value in fields.items()))


class Token(Enum):
    """A value of the next state that depends on the packet or on the state before."""

    AT_TRANSPORT = "at the outer transport header"
    INSIDE_IP = "inside the outermost IP header"
    LEVEL_LESS_ONE = "one level less"
    AS_AIMED = "csum_start as it is"
    AS_TUNNEL_SAYS = "at the sum that the tunnel's header names"
    AT_INNER = "at the first sum inside the tunnel"


@dataclass(frozen=True, slots=True)
class Becomes:
    """The next carried state: a fresh one of ``family``, or with no family the present one with ``fields`` changed."""

    family: type[Any] | None = None
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        if not self.fields:
            return "unchanged" if self.family is None else self.family.__name__ if self.family.__name__ != "Bare" else "bytes only"
        texts = []
        for name, value in self.fields:
            if isinstance(value, bool):
                texts.append(name if value else f"no {name}")
            else:
                texts.append(value.value.removeprefix("CHECKSUM_") if isinstance(value, Enum) else str(value))
        return ", ".join(texts)


SAME = Becomes()


def fresh(family: type[Any], **fields: Any) -> Becomes:
    return Becomes(family, tuple(fields.items()))


def changed(**fields: Any) -> Becomes:
    return Becomes(None, tuple(fields.items()))


@dataclass(frozen=True, slots=True)
class Mended:
    """When a fault was mended: the first release without it, such as "Linux 5.9"; the ``commit``, "" if it is not known; and the first
    ``stable`` releases of older kernels that have it too, as text."""

    release: str
    commit: str = ""
    stable: str = ""

    def __str__(self) -> str:
        by = f" by commit {self.commit}" if self.commit else ""
        return f"mended in {self.release}{by}" + (f", also in {self.stable}" if self.stable else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One transition. ``because`` is the sentence read everywhere; ``source`` overrides the stage's; ``sure`` is one of
    "read" (in source), "observed", "derived", "memory", "uncertain". ``vouches`` marks a row that calls a sum verified which nobody
    compared: tests/test_invariants.py finds every other row that does so. ``mended`` of a row that is a fault says when it ceased to be."""

    when: Pattern
    given: tuple[Given, ...]
    does: tuple[Do, ...]
    becomes: Becomes
    because: str
    source: str = ""
    sure: str = "read"
    vouches: bool = False
    mended: Mended | None = None


class Part(Enum):
    """The part that a table plays on a packet's way, for those who read a trace: judge.py and the annotated captures."""

    SENDER = "a socket's sums are written"
    INPUT = "a packet enters the IP of a domain"
    FORWARD = "a packet is routed on"
    TRANSLATION = "addresses and ports are translated by connection tracking"


@dataclass(frozen=True, slots=True, repr=False)
class Stage(Shown):
    """A device function as a table, tried from the top. ``source`` is where its rows are read, unless they say otherwise or are rows of
    the table that this one is ``like``."""

    name: str
    title: str
    source: str
    table: tuple[Row, ...]
    like: Stage | None = None
    part: Part | None = None

    def citation(self, row: Row) -> str:
        shared = self.like if self.like is not None and any(row is one for one in self.like.table) else None
        return row.source or (shared.citation(row) if shared else self.source)

    def __str__(self) -> str:
        from csumlab.report.stages import stage_text

        return stage_text(self)

    def _repr_html_(self) -> str:
        from csumlab.report.html import stage_html

        return stage_html(self)


def differing(stage: Stage, name: str, source: str, rows: Mapping[int, Row], before: Mapping[int, Row] | None = None) -> Stage:
    """A neighbour of a stage: the same table under another name, with ``rows`` in the place of those of these numbers (from 1) and others
    put ``before`` them. Rows that stay are the same rows, with the source that they were read in."""
    table: list[Row] = []
    for number, row in enumerate(stage.table, 1):
        table += [before[number]] if before and number in before else []
        table.append(rows.get(number, row))
    return replace(stage, name=name, source=source, table=tuple(table), like=stage)
