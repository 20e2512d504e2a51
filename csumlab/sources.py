"""Where a captured packet came from: every origin that the topology allows, walked forward to the tap and held against the bytes seen.

A tap is an observation on the way. A source that must have sent a wrong sum counts only if none that sends a right or a partial one fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, DIRECTION_MASK, INBOUND, OUTBOUND
from csumlab.classes import Made, headers_of, may_be, may_be_a_segment, may_have_been_none, observed, originated, shape
from csumlab.exchange import other_protocol, other_quote, other_version
from csumlab.facts import Facts, Quality, SumFacts
from csumlab.forms import ZERO, Form
from csumlab.headers import KINDS, Layer, Verdict
from csumlab.interpreting import Packet, Translation
from csumlab.outer import front_start
from csumlab.packet import ANY_PORT, PORTED, Header, Span, outer_transport
from csumlab.state import Bare, NetBuffer, Skb, State, Summed, XenSkb
from csumlab.symbolic.packet import SymbolicPacket
from csumlab.symbolic.sums import Untold, decide
from csumlab.topology import forward, translating
from csumlab.topology.model import Domain, Port, Topology
from csumlab.topology.presets import PRESETS
from csumlab.topology.rules import Nat
from csumlab.trace import Trace
from csumlab.walk import Walker
from csumlab.walking.places import Misfit, Observation, Undetermined

_OUTGOING = 4
"""PACKET_OUTGOING, Linux include/uapi/linux/if_packet.h."""
MAX_READINGS = 32
"""Combinations of run-time possibilities that are followed for one origin."""


@dataclass(frozen=True, slots=True)
class Tap:
    """Where the capture was taken; ``way`` "in", "out" or "" for both."""

    port: Port
    way: str = ""

    def __str__(self) -> str:
        return f"{self.port}{':' + self.way if self.way else ''}"


@dataclass(frozen=True, slots=True)
class Origin:
    """One candidate: who sends, in what shape, with which headers."""

    domain: Domain
    made: Made
    headers: tuple[Header, ...]

    def __str__(self) -> str:
        someone = f"a {'rule' if self.made is Made.REFUSAL else 'program'} in {self.domain.name}"
        who = "outside" if self.domain.outside else someone
        return f"sent by {who} {self.made.value}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a class: an origin that fits what was seen, and the walk from there through the tap to the end. ``weak`` says that
    of some sum nothing was predicted that could have been other than what was seen."""

    origin: Origin
    trace: Trace
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Readings:
    """All that fit, or none and why each did not. ``untold`` says why nobody was tried."""

    fitting: tuple[Reading, ...]
    misfits: tuple[str, ...]
    untold: str = ""


def origins(facts: Facts, topology: Topology, made: tuple[Made, ...]) -> Iterator[tuple[int, Origin]]:
    """Candidates with their depth: how many IP headers were put on since. Deepest first. Where there are VLAN or PPPoE devices a
    packet may have been sent without what they put before it."""
    headers = headers_of(facts, topology)
    places = [n for n, header in enumerate(headers) if header.is_ip]
    for depth in range(len(places) - 1, -1, -1):
        start = front_start(headers, places[depth])
        untagged = {places[depth]} if topology.wrappers else set()
        if made == (Made.REFUSAL,):
            yield from ((depth, Origin(domain, Made.REFUSAL, headers[start:])) for domain in _refusing(headers[start:], topology))
            continue
        found = [(first, *one) for first in sorted({start} | untagged, reverse=True) for one in _senders(headers[first:], topology)]
        # What stands before a packet from outside is somebody else's.
        for _, domain, variant in sorted(found, key=lambda one: one[1].outside and one[0] != start):
            for shape_made in made:
                never = shape_made is (Made.FINISHED if domain.outside else Made.UNFINISHED)
                if not never and (shape_made is not Made.CUT or may_be_a_segment(facts, variant)):
                    yield depth, Origin(domain, shape_made, variant)


def _senders(stack: tuple[Header, ...], topology: Topology) -> Iterator[tuple[Domain, tuple[Header, ...]]]:
    if topology.line is not None:
        for end in topology.line:
            yield topology.domains[end.domain], stack
        return
    ip = next(header for header in stack if header.is_ip)
    assert ip.source is not None
    assert ip.destination is not None
    if forward.is_group(ip.destination) and forward.is_anybodys(ip.source):
        yield from ((domain, stack) for domain in topology.domains.values())
        return
    for before in _before_exchange(stack, ip, topology):
        yield from _senders(before, topology)
    for source, port in _before_nat(ip.source, stack, topology, "source"):
        for destination, there in _before_nat(ip.destination, stack, topology, "destination"):
            variant = _with(stack, ip, source, destination, port, there)
            owner = forward.owner_of(topology, source)
            looped = forward.is_looped(source)
            for domain in topology.domains.values():
                device = domain.loopback
                if domain is not owner and device is not None and (looped or source in device.spans):
                    yield domain, variant
            if owner is not None:
                yield owner, variant
            elif not looped:
                for domain in topology.domains.values():
                    if domain.outside:
                        yield domain, variant
    for domain in topology.domains.values():
        assert ip.destination is not None
        if any(rule.sends(ip.source, ip.destination, outer_transport(stack)) for rule in domain.local):
            yield domain, stack


def _refusing(stack: tuple[Header, ...], topology: Topology) -> Iterator[Domain]:
    """Who may have a rule that refuses connections and answers in the name of whoever they are for."""
    transport = outer_transport(stack)
    if transport is None or transport.layer is not Layer.TCP:
        return
    for domain in topology.domains.values():
        if any(edit.by == "reject" and edit.protocol in ("", "tcp") for edit in domain.edits):
            yield domain


def _before_exchange(stack: tuple[Header, ...], ip: Header, topology: Topology) -> Iterator[tuple[Header, ...]]:
    """What the packet may have been over the other version of IP, before a NAT64 of the topology."""
    assert ip.source is not None
    assert ip.destination is not None
    for rule in (rule for domain in topology.domains.values() for rule in domain.nat64):
        pairs: list[tuple[Span, Span]] = []
        if rule.address.version == 6:
            if rule.inside.covers(ip.destination):
                pairs = [(rule.within(ip.source), rule.address)]
            elif ip.source == rule.address and rule.prefix.covers(ip.destination):
                pairs = [(rule.inside.span, rule.without(ip.destination))]
        elif rule.prefix.covers(ip.source) and rule.inside.covers(ip.destination):
            pairs = [(rule.without(ip.source), rule.address)]
        elif ip.source == rule.address:
            there = rule.within(ip.destination)
            pairs = [(span, there) for span in topology.owners if rule.inside.covers(span)] or [(rule.inside.span, there)]
        for source, destination in pairs:
            edit = Translation(source, destination, prefix=rule.prefix.span, shift=rule.shift)
            places, transport = {ip.uid: other_version(ip, edit, ip.uid)}, outer_transport(stack)
            if transport is not None:
                places[transport.uid] = other_protocol(transport)
                if transport.quotes:
                    quote = other_quote(ip, transport, edit, transport.quote[0].uid)
                    places[transport.uid] = replace(places[transport.uid], quote=quote)
            yield tuple(places.get(header.uid, header) for header in stack)


def _before_nat(address: Span, stack: tuple[Header, ...], topology: Topology, side: str) -> Iterator[tuple[Span, Span | None]]:
    """The address itself, and what it may have been before a rule of the topology translated it, with the port if that may have changed."""
    yield address, None
    for domain in topology.domains.values():
        for rule in domain.nat:
            outer = domain.devices[rule.device].spans
            if rule.of_destinations:
                yield from _before_redirection(rule, address, outer, outer_transport(stack), side)
                continue
            external = [rule.address] if rule.address else list(outer)
            port = ANY_PORT if rule.to_port else None
            if side == "source" and address in external:
                inside = [
                    s for s, p in topology.owners.items() if p.domain != domain.name and (rule.source is None or rule.source.covers(s))
                ]
                # What this host sends itself is translated too, if it has an inside address.
                inside += translating.hidden(rule, domain, address)
                yield from ((span, port) for span in inside if span.version == address.version)
                if rule.source is not None and not inside:
                    yield rule.source.span, port
            elif side == "destination" and rule.source is not None and rule.source.covers(address):
                yield from ((span, port) for span in external if span is not None and span.version == address.version)


def _before_redirection(
    rule: Nat, address: Span, own: Sequence[Span], transport: Header | None, side: str
) -> Iterator[tuple[Span, Span | None]]:
    """What an address may have been before a rule for destinations translated it, or back an answer of whoever the packets go to."""
    target = rule.target(own, address.version)
    if side == "destination" and rule.address is not None and target == address:
        yield from ((span, rule.asked_port) for span in rule.wanted(own, address.version))
    elif side == "source" and target is not None and rule.wants(address, own):
        asked = transport.source if transport is not None else None
        if address in own or not rule.port or (asked is not None and asked.within(rule.port, rule.port)):
            yield target, Span(0, rule.to_port, rule.to_port) if rule.to_port else None


def _with(
    stack: tuple[Header, ...], ip: Header, source: Span, destination: Span, port: Span | None, there: Span | None
) -> tuple[Header, ...]:
    """The stack with other addresses and ports in its outermost IP header; a word that was changed later has no column of its own."""
    changed: list[Header] = []
    passed = False
    for header in stack:
        if header.quotes and ((source, destination) != (ip.source, ip.destination) or port or there):
            header = replace(header, quote=_quote_before(header.quote, ip, source, destination, port, there))
        if header.uid == ip.uid:
            header = replace(
                header, source=source, destination=destination, shifted=header.source != source or header.destination != destination
            )
            passed = True
        elif passed and header.layer in PORTED:
            header = replace(header, source=port or header.source, destination=there or header.destination, shifted=bool(port or there))
            passed = False
        elif header.is_ip:
            passed = False
        changed.append(header)
    return tuple(changed)


def _quote_before(
    quote: tuple[Header, ...], ip: Header, source: Span, destination: Span, port: Span | None, there: Span | None
) -> tuple[Header, ...]:
    """What an error quotes, with the words that were translated back with it."""
    before: list[Header] = []
    for header in quote:
        if header.is_ip:
            back = destination if header.source == ip.destination else header.source
            out = source if header.destination == ip.source else header.destination
            header = replace(header, source=back, destination=out, shifted=(back, out) != (header.source, header.destination))
        elif header.layer in PORTED:
            header = replace(header, source=there or header.source, destination=port or header.destination, shifted=bool(port or there))
        before.append(header)
    return tuple(before)


def read(facts: Facts, topology: Topology, tap: Tap, assume: str, answers: Mapping[Form, bool]) -> Readings:
    """Every origin that fits, of the greatest depth at which one fits: what a kernel makes before what a program made itself, then what a
    kernel makes in a super-frame (a segment does not say that it is one), a wrong sum last. A reading that predicts nothing of some sum
    never fits alone: all such are given, of every shape, if no other fits. ``assume`` is "" or what the user says of the carried state at
    the tap. Raises Undecided."""
    misfits: list[str] = []
    weak: list[Reading] = []
    for made in (Made.RIGHT, Made.REFUSAL, Made.UNSUMMED, Made.UNFINISHED, Made.FINISHED, Made.CUT, Made.WRONG):
        if made is Made.UNSUMMED and not any(may_have_been_none(entry) for entry in facts.sums):
            continue
        fitting: list[tuple[int, Reading]] = []
        for depth, origin in origins(facts, topology, (made,)):
            if fitting and fitting[0][0] != depth:
                break
            fitting += ((depth, reading) for reading in _follow(facts, topology, tap, origin, assume, answers, misfits))
        strong = tuple(reading for _, reading in fitting if not reading.weak)
        if strong:
            # That a program sent what is wrong here is no more likely than that somebody on the way made it so.
            return Readings((*strong, *weak) if made is Made.WRONG else strong, tuple(misfits))
        weak += (reading for _, reading in fitting)
    return Readings(tuple(weak), tuple(dict.fromkeys(misfits)))


def in_one_sentence(misfits: Sequence[str], most: int = 3) -> str:
    """Why origins do not fit, "" if there are none: each reason once, behind all who have it; ``most`` reasons."""
    whose: dict[str, list[str]] = {}
    for text in misfits:
        origin, _, reason = text.partition(": ")
        whose.setdefault(reason, []).append(origin)
    return "; ".join(f"{_listed(origins)}: {reason}" for reason, origins in list(whose.items())[:most])


def _listed(origins: Sequence[str]) -> str:
    """``sent by outside as its kernel makes it or with a partial sum``: what several begin with is said once."""
    shapes: dict[str, list[str]] = {}
    for origin in origins:
        made = next((one.value for one in Made if origin.endswith(f" {one.value}")), "")
        shapes.setdefault(origin.removesuffix(made).rstrip(), []).append(made)
    return ", ".join(f"{who} {' or '.join(made)}".rstrip() for who, made in shapes.items())


def walk(
    topology: Topology, origin: Origin, packet: SymbolicPacket, choices: Mapping[str, str], observation: Observation | None = None
) -> Trace:
    """One walk from an origin. A packet with a wrong sum is not made by the sender's table: a program or a fault put it there."""
    return walker(topology, origin, choices, observation).run(origin.domain, packet)


def walker(topology: Topology, origin: Origin, choices: Mapping[str, str], observation: Observation | None = None) -> Walker:
    finished = PRESETS[origin.domain.preset].family() if origin.made in (Made.FINISHED, Made.WRONG) else None
    return Walker(topology, choices, observation, finished=finished, refuses=origin.made is Made.REFUSAL)


def _follow(
    facts: Facts, topology: Topology, tap: Tap, origin: Origin, assume: str, answers: Mapping[Form, bool], misfits: list[str]
) -> Iterator[Reading]:
    todo: list[dict[str, str]] = [{}]
    seen = 0
    while todo and seen < MAX_READINGS:
        choices = todo.pop()
        seen += 1
        blanks: list[int] = []
        watch = Observation(tap.port, tap.way or recorded_way(facts), partial(_meet, facts, topology, assume, answers, blanks))
        packet = originated(facts, origin.headers, origin.made, origin.domain.outside, answers)
        try:
            trace = walk(topology, origin, packet, choices, watch)
        except Undetermined as question:
            todo.extend({**choices, question.label: option} for option in question.options)
            continue
        except Misfit as misfit:
            misfits.append(f"{origin}: {misfit.why}")
            continue
        if trace.tap < 0:
            misfits.append(f"{origin}: its way does not pass {tap}" + (f" ({trace.why})" if trace.why else ""))
            continue
        yield Reading(origin, trace, bool(blanks))


def _meet(
    facts: Facts, topology: Topology, assume: str, answers: Mapping[Form, bool], blanks: list[int], packet: Packet, state: State
) -> tuple[Packet, State] | None:
    """Hold the walked packet against the class. None if another packet passes here; Misfit if its sums are not the ones seen. The uids of
    sums of which nothing is predicted go into ``blanks``."""
    assert isinstance(packet, SymbolicPacket)
    seen = headers_of(facts, topology)
    if shape(packet.headers) != shape(seen) or (packet.long and not facts.long and not packet.undivided):
        return None
    for walked, there in zip(packet.headers, seen, strict=False):
        if not (may_be(walked.source, there.source) and may_be(walked.destination, there.destination)):
            return None
    # From here on the packet is known by its columns. The uids of the walk are kept, so that its state still points where it did.
    renamed = tuple(replace(there, uid=walked.uid) for walked, there in zip(packet.headers, seen, strict=False))
    fresh = observed(facts, renamed, answers)
    if not assume:
        entries = {entry.header: entry for entry in facts.sums}
        for header in renamed:
            known = header.uid in packet.sums and header.index in entries
            if known and not _compare(packet, fresh, header.uid, entries[header.index], answers):
                blanks.append(header.uid)
    # Whether datagrams were merged without a look into them is not seen in what they became.
    fresh = replace(packet.beside(fresh), bundled=packet.bundled)
    told = assume or recorded_state(facts)
    return fresh, _assumed(told, state, fresh) if told else state


def _compare(walked: SymbolicPacket, seen: SymbolicPacket, uid: int, entry: SumFacts, answers: Mapping[Form, bool]) -> bool:
    """Whether a prediction was held against what was seen, or nothing was seen to hold it against. Misfit if they differ."""
    mine, theirs = walked.sums[uid], seen.sums[uid]
    label = KINDS[entry.kind].label
    if mine.absent != theirs.absent:
        raise Misfit(f"the {label} field should {'' if mine.absent else 'not '}be zero")
    if mine.absent:
        return True
    for name, predicted, present, unseen in (
        ("right", mine.residue, theirs.residue, entry.residue is Quality.UNKNOWN),
        ("partial", mine.seed, theirs.seed, entry.seed is Quality.UNKNOWN),
        ("right once the inner one is filled", walked.once_filled(uid), seen.once_filled(uid), entry.residue is Quality.UNKNOWN),
        ("zero", mine.field, theirs.field, entry.seed is Quality.UNKNOWN),
    ):
        if predicted.unknowns or unseen:
            continue
        try:
            same = decide(present - predicted, answers)
        except Untold:
            continue
        if not same:
            raise Misfit(
                f"the {label} sum should be {name if predicted == ZERO else 'off by ' + str(predicted)} here and is {_word(entry)}"
            )
        return True
    return entry.residue is Quality.UNKNOWN


def recorded_way(facts: Facts) -> str:
    """The direction that the capture recorded, as a way through the port: from pcapng's epb_flags or a cooked header's packet type."""
    if facts.has_flags and facts.flags & DIRECTION_MASK in (INBOUND, OUTBOUND):
        return "in" if facts.flags & DIRECTION_MASK == INBOUND else "out"
    return "" if facts.packet_type < 0 else "out" if facts.packet_type == _OUTGOING else "in"


def recorded_state(facts: Facts) -> str:
    """What the capture recorded of the carried state, as one of the words of ``assume`` (epb_flags bits 9 and 10, IETF pcapng draft)."""
    if not facts.has_flags:
        return ""
    return "must-compute" if facts.flags & CHECKSUM_NOT_READY else "verified" if facts.flags & CHECKSUM_VALID else ""


def _word(entry: SumFacts) -> str:
    return {Verdict.BAD: "wrong", Verdict.DEFERRED: "right only once the inner one is filled", Verdict.GOOD: "right"}.get(
        entry.verdict, entry.verdict.name.lower()
    )


def _is_crc(packet: SymbolicPacket, uid: int) -> bool:
    return uid in packet.sums and KINDS[packet.sums[uid].kind].crc


def _assumed(assume: str, state: State, packet: SymbolicPacket) -> State:
    """The carried state that the user states, in the family of the place."""
    if isinstance(state, Bare):
        return state
    transport = next((header.uid for header in packet.headers if header.consumes), None)
    # A partial sum says where csum_start is: the innermost one, around which others may be right once it is filled.
    owing = [
        header.uid for header in packet.headers if header.consumes and header.uid in packet.sums and packet.sums[header.uid].seed == ZERO
    ]
    start = owing[-1] if owing else transport
    if isinstance(state, XenSkb):
        return {
            "unchecked": XenSkb(),
            "verified": XenSkb(Summed.UNNECESSARY, valid=True),
            "must-compute": XenSkb(Summed.UNNECESSARY, valid=True, blank=True),
        }[assume]
    if isinstance(state, NetBuffer):
        # What a capture says of TCP or UDP says nothing of the IPv4 header.
        known = replace(state, needs=False, start=None, valid=False, failed=False)
        return {
            "unchecked": known,
            "verified": replace(known, valid=True),
            "must-compute": replace(known, needs=start is not None, start=start),
        }[assume]
    return {
        "unchecked": Skb(),
        "verified": Skb(Summed.UNNECESSARY),
        "must-compute": Skb(Summed.PARTIAL, start=start, crc=_is_crc(packet, start)) if start is not None else Skb(),
    }[assume]
