"""Runs tables: the first row that fits is applied to a packet, whichever interpreter the packet is of.

What a row may say is in ``stage.py``, ``conditions.py`` and ``operations.py``. Rows are run by two interpreters that share this module:
symbolic forms (``symbolic/``) and plain bytes (``plain/``). Nothing here says good or bad; ``judge.py`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from csumlab.behaviours import Measured
from csumlab.conditions import Given, Test
from csumlab.facts import FragmentRole
from csumlab.headers import Kind, Layer
from csumlab.operations import (
    ECN,
    ENDINGS,
    Coverage,
    Do,
    Follows,
    Operation,
    Rule,
    Selector,
)
from csumlab.outer import Outer, OuterSum
from csumlab.packet import Header, Span, ip_of, left_to_far_end, outer_ip, outer_transport
from csumlab.stage import Becomes, Row, Stage, Token
from csumlab.state import Descriptor, NetBuffer, Skb, State, Summed, Virtio


@dataclass(frozen=True, slots=True)
class Translation:
    """New addresses and ports for the outermost IP header and what it carries; None leaves a word as it is.
    A port of ``Span(0, 0, 65535)`` is one that cannot be known. ``dscp`` (six bits) and ``ttl`` (also the hop limit) are words of the IP
    header that no pseudo-header holds, and so is ``ecn`` (two bits); ``mss`` is the TCP option, ``timestamps`` says that the first value of
    that option is another afterwards. Addresses of the other version of IP are those of a translator, with its ``prefix``: one that is not
    exact is the old one, put into the prefix or taken out of it, ``shift`` bits from the right (RFC 6052 section 2.2). ``mentioned`` are an
    address and what a helper writes in its place where the payload has it; ``sequence`` and ``acknowledgment`` are added to TCP's numbers;
    ``strip`` is the TCP option that is blanked out. ``for_destinations``: by a rule that translates destinations (DNAT), or for a reply to
    what it translated. ``by`` says who edits (stages/rewriters.py), ``helper`` which of conntrack's helpers
    looks at the connection (stages/helpers.py)."""

    source: Span | None = None
    destination: Span | None = None
    source_port: Span | None = None
    destination_port: Span | None = None
    dscp: int | None = None
    ttl: int | None = None
    ecn: int | None = None
    mss: int | None = None
    timestamps: bool = False
    prefix: Span | None = None
    mentioned: tuple[Span, Span] | None = None
    sequence: int = 0
    acknowledgment: int = 0
    strip: int = 0
    shift: int = 0
    for_destinations: bool = False
    by: str = "conntrack"
    helper: str = ""

    @property
    def in_transport(self) -> bool:
        """Whether the transport header or what it carries is edited."""
        return bool(self.source_port or self.destination_port or self.option or self.within)

    @property
    def within(self) -> str:
        """What is edited behind the ports that is no option, "" if nothing is."""
        if self.strip:
            return "the options"
        return "the payload" if self.mentioned else "the sequence numbers" if self.sequence or self.acknowledgment else ""

    @property
    def option(self) -> int:
        """The number of the TCP option that is edited, 0 if none is (RFC 9293 section 3.2, RFC 7323 section 3.2)."""
        return 2 if self.mss is not None else 8 if self.timestamps else 0

    @property
    def mirrored(self) -> Translation:
        """The same for a packet that goes the other way: the one that an error quotes."""
        return Translation(self.destination, self.source, self.destination_port, self.source_port, by=self.by)


class Packet(Protocol):
    """What a stage may ask of a packet and do to it; every operation gives a new packet. Implemented by both interpreters."""

    @property
    def headers(self) -> tuple[Header, ...]: ...
    @property
    def long(self) -> bool: ...
    @property
    def pages(self) -> int: ...
    @property
    def segmented(self) -> bool: ...
    @property
    def bundled(self) -> bool: ...
    @property
    def undivided(self) -> int: ...
    @property
    def trailing(self) -> bool: ...
    def is_of(self, said: Measured, uid: int) -> bool: ...
    def right(self, uid: int) -> bool: ...
    def spelled(self, uid: int) -> bool: ...
    def absent(self, uid: int) -> bool: ...
    def agrees(self, uid: int) -> bool: ...
    def odd_option(self, number: int) -> bool: ...
    def odd_length(self, uid: int) -> bool: ...
    def marked(self, uid: int, bits: int) -> bool: ...
    def fills_to_zero(self, uid: int) -> bool: ...
    def fill(self, uid: int, crc: bool = False) -> Self: ...
    def write_pseudo(self, uid: int) -> Self: ...
    def write_zero(self, uid: int) -> Self: ...
    def compute(self, uid: int) -> Self: ...
    def carry(self, coverage: Coverage) -> Self: ...
    def convert(self) -> Self: ...
    def forget(self) -> Self: ...
    def respell(self, uid: int) -> Self: ...
    def spoil(self, uid: int) -> Self: ...
    def stamp(self, rule: Rule) -> Self: ...
    def rewrite(self, edit: Translation, rule: Rule) -> Self: ...
    def translate(self, edit: Translation, address: Rule, port: Rule, ip: Rule = Rule.FINAL) -> Self: ...
    def carried_on(self, before: Self, edit: Translation, address: Rule, follows: Follows) -> Self: ...
    def translate_quote(self, edit: Translation, address: Rule, whole: Rule) -> Self: ...
    def mark(self, uid: int, bits: int, rule: Rule) -> Self: ...
    def exchange(self, edit: Translation, rule: Rule) -> Self: ...
    def decrement_ttl(self) -> Self: ...
    def advance(self, destination: Span, follows: Follows) -> Self: ...
    def decrement_hops(self, follows: Follows) -> Self: ...
    def trim(self, rule: Rule) -> Self: ...
    def pad(self) -> Self: ...
    def segment(self, uid: int) -> Self: ...
    def merge(self) -> Self: ...
    def join(self) -> Self: ...
    def fragment(self, mtu: int) -> Self: ...
    def reassemble(self) -> Self: ...
    def mend_payload(self, edit: Translation) -> Self: ...
    def bundle(self) -> Self: ...
    def unbundle(self) -> Self: ...
    def undivide(self, mtu: int) -> Self: ...
    def from_wire(self) -> Self: ...
    def push(self, outer: Outer, how: OuterSum, aimed: int | None, remote: bool) -> Self: ...
    def pop(self) -> Self: ...
    def seal(self, outer: Outer, how: OuterSum) -> Self: ...
    def unseal(self) -> Self: ...
    def wrap(self, layers: tuple[Layer, ...]) -> Self: ...
    def unwrap(self, layers: Collection[Layer], follows: Follows) -> Self: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a stage sees of the place it stands at: effective features and knobs by name, the slots of a ring that the packet takes with the
    limits there, the edit that the topology prescribes, the frames that behaviours of the device are said of, by the behaviour, the MTU of
    the way out, 0 where all are the same, and the ECN mark of the tunnel's packet that this one came in, if it is one to hand on."""

    features: Callable[[str], bool] = lambda name: False
    knobs: Callable[[str], bool] = lambda name: False
    slots: int = 0
    limits: Mapping[str, int] = field(default_factory=dict)
    edit: Translation | Outer | None = None
    lengths: Mapping[str, Measured] = field(default_factory=dict)
    mtu: int = 0
    came_marked: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a stage did. ``checked`` are the uids of the sums that were really verified on the way to the row."""

    row: Row
    packet: Packet
    state: State
    checked: tuple[int, ...]
    ending: Operation | None


class Incomplete(Exception):
    """No row of a table fits: a fault of the table, never of the packet."""


def select(target: Selector, state: State, headers: tuple[Header, ...]) -> int | None:
    """The uid of the header whose checksum ``target`` means, or None if the packet has no such sum."""
    if target is Selector.AIMED:
        return state.start if isinstance(state, Skb | Virtio | Descriptor | NetBuffer) else None
    if target is Selector.INNER:
        return next((header.uid for header in _inside(headers) if header.consumes), None)
    if target is Selector.INNER_IP:
        return next((header.uid for header in _inside(headers) if header.layer is Layer.IPV4), None)
    header = outer_ip(headers) if target is Selector.OUTER_IP else outer_transport(headers)
    return header.uid if header is not None and header.kind is not Kind.NOTHING else None


def _inside(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """What stands behind the second IP header."""
    return headers[next((n for n in [n for n, header in enumerate(headers) if header.is_ip][1:]), len(headers)) :]


def exceeds(packet: Packet, mtu: int) -> bool:
    """Whether what goes onto a wire of the packet is longer than ``mtu``, 0 for one that does not matter. Of a super-frame only the
    fragments of one datagram have a length that is known (Linux net/core/gso.c skb_gso_validate_network_len)."""
    if packet.long:
        return 0 < mtu < packet.undivided
    ip = outer_ip(packet.headers)
    return ip is not None and ip.exceeds(mtu)


def holds(given: Given, state: State, packet: Packet, setting: Setting, checked: list[int]) -> bool:
    """Whether a predicate holds. A real check is noted in ``checked``. A sum that is not there is neither right, wrong nor absent
    being asked for: such a predicate is false when asked plainly and true when negated, except that ``wrong`` or ``inexact`` of a missing
    sum is false."""
    headers = packet.headers
    result: bool
    match given.test:
        case Test.FEATURE:
            result = setting.features(given.argument)
        case Test.KNOB:
            result = setting.knobs(given.argument)
        case Test.CARRIES:
            transport = outer_transport(headers)
            result = transport is not None and transport.kind in given.argument
        case Test.AIMED_AT_TRANSPORT:
            transport = outer_transport(headers)
            result = transport is not None and isinstance(state, Skb) and state.start == transport.uid
        case Test.AIMED_AT:
            result = any(isinstance(state, Skb) and header.uid == state.start and header.kind in given.argument for header in headers)
        case Test.IP_VERSION:
            ip = _ip_meant(state, headers)
            result = ip is not None and ip.layer is (Layer.IPV4 if given.argument == 4 else Layer.IPV6)
        case Test.OUTER_VERSION:
            ip = outer_ip(headers)
            result = ip is not None and ip.layer is (Layer.IPV4 if given.argument == 4 else Layer.IPV6)
        case Test.TAGGED:
            result = bool(headers) and headers[0].layer is Layer.VLAN
        case Test.STACKED:
            result = len(headers) > 1 and headers[0].layer is headers[1].layer is Layer.VLAN
        case Test.ENCAPSULATED:
            result = isinstance(state, Skb) and state.encapsulation
        case Test.FRAGMENT:
            ip = outer_ip(headers)
            result = ip is not None and ip.fragment is not FragmentRole.WHOLE
        case Test.EXTENSIONS:
            ip = _ip_meant(state, headers)
            result = ip is not None and ip.layer is Layer.IPV6 and ip.extensions
        case Test.TTL_EXPIRES:
            ip = outer_ip(headers)
            result = ip is not None and ip.ttl_expires
        case Test.LONG:
            result = packet.long
        case Test.SEGMENTED:
            result = packet.segmented
        case Test.EXCEEDS:
            result = exceeds(packet, setting.mtu)
        case Test.PIECE_EXCEEDS:
            ip = outer_ip(headers)
            result = ip is not None and 0 < setting.mtu < ip.piece
        case Test.REASSEMBLED:
            ip = outer_ip(headers)
            result = ip is not None and ip.reassembled
        case Test.LISTED:
            ip = outer_ip(headers)
            result = ip is not None and (ip.listed or ip.reassembled)
        case Test.DONT_FRAGMENT:
            ip = outer_ip(headers)
            result = ip is not None and ip.dont_fragment
        case Test.BUNDLED:
            result = packet.bundled
        case Test.UNDIVIDED:
            result = packet.undivided > 0
        case Test.INSIDE:
            first = next((header for header in _inside(headers) if header.consumes), None)
            ip = ip_of(headers, first.uid) if first is not None else None
            result = first is not None and first.kind in given.argument and ip is not None and ip.fragment is FragmentRole.WHOLE
        case Test.TRAILER:
            result = packet.trailing
        case Test.ODD_LENGTH:
            ip = outer_ip(headers)
            result = ip is not None and packet.odd_length(ip.uid)
        case Test.INVALID:
            result = bool(getattr(state, "invalid", False))
        case Test.REMOTE:
            result = left_to_far_end(headers) is not None
        case Test.QUOTES:
            transport = outer_transport(headers)
            result = transport is not None and transport.quotes
        case Test.SHORT_QUOTE:
            transport = outer_transport(headers)
            quote = transport.quote if transport is not None else ()
            result = any(header.layer is Layer.TCP and header.kind is Kind.NOTHING for header in quote)
        case Test.SPOILT_QUOTE:
            transport = outer_transport(headers)
            result = transport is not None and any(header.spoilt for header in transport.quote)
        case Test.EDITS:
            result = setting.edit != Translation()
        case Test.EDITS_TRANSPORT:
            result = isinstance(setting.edit, Translation) and setting.edit.in_transport
        case Test.FOR_DESTINATIONS:
            result = isinstance(setting.edit, Translation) and setting.edit.for_destinations
        case Test.ODD_OPTION:
            result = isinstance(setting.edit, Translation) and bool(setting.edit.option) and packet.odd_option(setting.edit.option)
        case Test.CAME_MARKED:
            result = setting.came_marked == given.argument
        case Test.ECN:
            ip = outer_ip(headers)
            result = ip is not None and packet.marked(ip.uid, ECN[given.argument])
        case Test.MORE_SLOTS:
            result = setting.slots > setting.limits[given.argument]
        case Test.ABSENT:
            uid = select(given.argument, state, headers)
            result = uid is not None and packet.absent(uid)
        case Test.AGREES:
            uid = select(given.argument, state, headers)
            result = uid is not None and packet.agrees(uid)
        case Test.FILLS_TO_ZERO:
            uid = select(given.argument, state, headers)
            result = uid is not None and packet.fills_to_zero(uid)
        case Test.HEADED:
            result = next((header.layer for header in headers if header.layer is not Layer.VLAN), None) in given.argument
        case Test.TUNNEL:
            result = bool(_inside(headers))
        case Test.TO_PORT:
            transport = outer_transport(headers)
            result = (
                transport is not None and transport.kind is Kind.UDP and transport.destination == Span(0, given.argument, given.argument)
            )
        case Test.LENGTH:
            uid = select(Selector.AIMED, state, headers)
            said = [setting.lengths[name] for name in given.argument if name in setting.lengths]
            result = uid is not None and any(packet.is_of(one, uid) for one in said)
        case Test.MEASURED:
            uid = select(Selector.TRANSPORT, state, headers)
            result = uid is not None and packet.is_of(given.argument, uid)
        case Test.PASSES:
            uid = select(given.argument, state, headers)
            result = uid is None or packet.absent(uid) or packet.right(uid)
            if uid is not None and uid not in checked and not packet.absent(uid):
                checked.append(uid)
        case Test.RIGHT | Test.EXACT:
            uid = select(given.argument, state, headers)
            if uid is None:
                return False
            if uid not in checked:
                checked.append(uid)
            result = packet.right(uid) and (given.test is Test.RIGHT or packet.spelled(uid))
    return result is not given.negated


def apply(stage: Stage, state: State, packet: Packet, setting: Setting) -> Applied:
    """Run a stage's table: the first row that fits. Raises Incomplete when none does, and whatever the packet raises when a
    predicate cannot be decided for the class."""
    checked: list[int] = []
    for row in stage.table:
        if not row.when.fits(state):
            continue
        if not all(holds(given, state, packet, setting, checked) for given in row.given):
            continue
        after, ending = packet, None
        for do in row.does:
            if do.operation in ENDINGS:
                ending = do.operation
            else:
                after = _operate(do, state, after, setting)
        became = _next_state(row.becomes, state, packet, after)
        if not (isinstance(became, Skb) and became.summed is Summed.COMPLETE):
            after = after.forget()
        return Applied(row, after, became, tuple(checked), ending)
    raise Incomplete(f"stage {stage.name}: no row for {state}")


def _operate(do: Do, state: State, packet: Packet, setting: Setting) -> Packet:
    edit = setting.edit
    match do.operation:
        case Operation.TRANSLATE if isinstance(edit, Translation):
            edited = packet.translate(edit, do.address, do.port, do.ip)
            return edited.carried_on(packet, edit, do.address, do.follows)
        case Operation.REWRITE if isinstance(edit, Translation):
            return packet.rewrite(edit, do.port)
        case Operation.MEND_PAYLOAD if isinstance(edit, Translation):
            return packet.mend_payload(edit)
        case Operation.TRANSLATE_QUOTE if isinstance(edit, Translation):
            return packet.translate_quote(edit.mirrored, do.address, do.port)
        case Operation.MARK:
            ip = outer_ip(packet.headers)
            if ip is None:
                return packet
            bits = ECN[do.mark]
            return packet.mark(ip.uid, bits, do.ip).carried_on(packet, Translation(ecn=bits), Rule.LEAVE, do.follows)
        case Operation.EXCHANGE if isinstance(edit, Translation):
            return packet.exchange(edit, do.address)
        case Operation.DECREMENT_TTL:
            return packet.decrement_ttl()
        case Operation.ADVANCE if isinstance(edit, Translation) and edit.destination is not None:
            return packet.advance(edit.destination, do.follows)
        case Operation.DECREMENT_HOPS:
            return packet.decrement_hops(do.follows)
        case Operation.TRIM:
            return packet.trim(do.ip)
        case Operation.STAMP:
            return packet.stamp(do.port)
        case Operation.PAD:
            return packet.pad()
        case Operation.MERGE:
            return packet.merge()
        case Operation.JOIN:
            return packet.join()
        case Operation.FRAGMENT:
            return packet.fragment(packet.undivided or setting.mtu)
        case Operation.UNDIVIDE:
            return packet.undivide(setting.mtu)
        case Operation.REASSEMBLE:
            return packet.reassemble()
        case Operation.BUNDLE:
            return packet.bundle()
        case Operation.UNBUNDLE:
            return packet.unbundle()
        case Operation.PUSH if isinstance(edit, Outer):
            return packet.push(edit, do.outer, state.start if isinstance(state, Skb) else None, do.remote)
        case Operation.POP:
            return packet.pop()
        case Operation.CARRY:
            return packet.carry(do.coverage)
        case Operation.CONVERT:
            return packet.convert()
        case Operation.SEAL if isinstance(edit, Outer):
            return packet.seal(edit, do.outer)
        case Operation.UNSEAL:
            return packet.unseal()
        case Operation.TAG:
            return packet.wrap((Layer.VLAN,))
        case Operation.UNTAG:
            return packet.unwrap((Layer.VLAN,), Follows.BYTES)
        case Operation.WRAP if isinstance(edit, Outer):
            return packet.wrap(edit.layers)
        case Operation.UNWRAP if isinstance(edit, Outer):
            return packet.unwrap(edit.layers, do.follows)
        case Operation.WOULD_DROP | Operation.UNSEEN | Operation.DISABLE:
            return packet
    if do.target is None:
        raise Incomplete(f"{do.operation.value} has nothing to work on")
    uid = select(do.target, state, packet.headers)
    if uid is None:
        return packet
    match do.operation:
        case Operation.FILL:
            return packet.fill(uid, do.crc)
        case Operation.WRITE_PSEUDO:
            return packet.write_pseudo(uid)
        case Operation.RESPELL:
            return packet.respell(uid)
        case Operation.SPOIL:
            return packet.spoil(uid)
        case Operation.WRITE_ZERO:
            return packet.write_zero(uid)
        case Operation.SEGMENT:
            return packet.segment(uid)
        case _:
            return packet.compute(uid)


def _next_state(becomes: Becomes, state: State, before: Packet, packet: Packet) -> State:
    def value(name: str, token: Any) -> Any:
        if token is Token.AT_TRANSPORT:
            header = outer_transport(packet.headers)
            return header.uid if header else None
        if token is Token.AT_INNER:
            return select(Selector.INNER, state, packet.headers)
        if token is Token.INSIDE_IP:
            header = outer_ip(packet.headers)
            return header.uid if header else None
        if token is Token.AS_TUNNEL_SAYS:
            return left_to_far_end(before.headers)
        if token is Token.LEVEL_LESS_ONE:
            return getattr(state, name) - 1
        if token is Token.LEVEL_PLUS_ONE:
            return getattr(state, name) + 1
        if token is Token.AS_AIMED:
            return getattr(state, name)
        return token

    fields = {name: value(name, token) for name, token in becomes.fields}
    if becomes.family is None:
        return replace(state, **fields) if fields else state
    built: State = becomes.family(**fields)
    return built


def _ip_meant(state: State, headers: tuple[Header, ...]) -> Header | None:
    """The IP header of the sum aimed at, else the outermost."""
    if isinstance(state, Skb) and state.start is not None:
        return ip_of(headers, state.start)
    return outer_ip(headers)
