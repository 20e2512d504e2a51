"""The symbolic interpreter: a packet of a class as linear forms, one triple (P, D, F) per checksum.

P is the pseudo-header's sum, D the sum of the covered bytes without the field, F the field; r = P + D + F is 0 for a right sum and
g = F - P is 0 for a partial one. Every operation is a word change: it adds its difference to the D of each checksum that covers the word
and to the P of each whose pseudo-header holds it, and a written field is a word of every sum around it. docs/model.md has the algebra.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from csumlab.behaviours import Measure, Measured
from csumlab.facts import FragmentRole
from csumlab.forms import ZERO, Form, Symbol, of, unknown
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import Zero
from csumlab.lengths import ETHERNET_SIZE, FIELD_PLACES, LONG, SHORTEST_FRAME, UNTOLD_LENGTH, Extent, size
from csumlab.machine import Translation
from csumlab.outer import PPP_PROTOCOLS, Outer, OuterSum, inner_start, outer_headers
from csumlab.packet import (
    PORTED,
    Header,
    Span,
    enclosing,
    in_one,
    in_pieces,
    ip_of,
    outer_ip,
    outer_transport,
    uncovered,
    unmeasured,
    words,
)
from csumlab.stage import Coverage, Follows, Rule

MARKS = {"ecn": (1, 16), "dscp": (4, 64), "ttl": (256, 1)}
"""Words of an IP header that no pseudo-header holds, by their names in an edit: what one of them is worth in a sum over IPv4, and over
IPv6."""
CRC_WORDS = "a CRC is no sum: its words are not predicted"
TAKEN_FOR_SUMS = {Kind.TCP: (6, 16), Kind.UDP: (17, 6), Kind.ICMPV6: (58, 2)}
"""Protocol number and place of the sum of what an editor mends without a look at the fragment's offset (nft_payload_l4csum_offset)."""
DAMAGE = Symbol("damage", damage=True)


class Undecided(Exception):
    """A predicate differs from packet to packet: ``form`` has to be compared with 0 over the members of the class."""

    def __init__(self, form: Form) -> None:
        super().__init__(str(form))
        self.form = form


class Untold(Exception):
    """A predicate cannot be told at all; ``reason`` is a clause that follows "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sum:
    """One checksum: its triple, how the last writer spells a zero field, and whether the field says "none"."""

    kind: Kind
    pseudo: Form
    data: Form
    field: Form
    zero: Zero = Zero.SEEN
    absent: bool = False

    @property
    def residue(self) -> Form:
        return self.pseudo + self.data + self.field

    @property
    def seed(self) -> Form:
        return self.field - self.pseudo

    @property
    def distance(self) -> Form:
        """The seed; of a finished sum whose data are not known some other number than 0, which it is in one packet of 65535."""
        if self.residue != ZERO or not self.seed.unknowns:
            return self.seed
        return of(Symbol("what a finished sum is off the pseudo-header's", unknown=self.seed.unknowns[0].unknown, nonzero=True))

    @property
    def lacking(self) -> Form:
        """What a fill takes off the words of the packet: r + g. A CRC's residue only says whether its words are the right ones, not
        by how much they differ."""
        if not KINDS[self.kind].crc:
            return self.residue + self.seed
        return ZERO if self.residue == ZERO else unknown(f"what the words of {self.residue} lack", CRC_WORDS)

    @property
    def unfinished(self) -> bool:
        """Whether the field is known to hold the pseudo-header's sum. Where the data are not known, such a sum counts as wrong: it is right
        in one packet of 65535."""
        return KINDS[self.kind].pseudo and self.seed == ZERO

    @property
    def computed_zero(self) -> Zero:
        """How who computes it spells zero."""
        return Zero.ONES if KINDS[self.kind].writes_ones else Zero.ZEROS


def _edited(what: str, header: Header) -> Form:
    """A word that a rule writes over, of which the columns do not hold what it was: it is taken to have been another."""
    name = f"change of {what} of {header.layer.name} header {header.uid}"
    return of(Symbol(name, unknown="what was there before is not tracked", nonzero=True))


def _swapped(difference: Form, uid: int) -> Form:
    """What an update counts that takes a difference with its bytes swapped. One that is not tracked is taken to be another than its
    swapped self, as all but one in 257 are."""
    if not difference.unknowns:
        return 256 * difference
    name = f"what swapped bytes leave in the sum of header {uid}"
    return difference - of(Symbol(name, unknown=difference.unknowns[0].unknown, nonzero=True))


_OTHER = {Layer.ICMP: (Layer.ICMPV6, Kind.ICMPV6), Layer.ICMPV6: (Layer.ICMP, Kind.ICMP)}


def exchanged(headers: tuple[Header, ...]) -> tuple[Header, Header]:
    """The headers that a translator between IPv4 and IPv6 changes. Raises Untold for a packet of which it is not known what it does."""
    ip, transport = outer_ip(headers), outer_transport(headers)
    simple = transport is not None and transport.layer in (Layer.TCP, Layer.UDP, *_OTHER) and not transport.quotes
    if ip is None or transport is None or not simple or ip.extensions or ip.fragment is not FragmentRole.WHOLE:
        raise Untold("only whole packets of TCP, UDP and echoes are followed from one version of IP to the other")
    return ip, transport


def other_version(old: Header, edit: Translation, uid: int) -> Header:
    """The IP header that stands in the place of another."""
    layer, kind = (Layer.IPV6, Kind.NOTHING) if old.layer is Layer.IPV4 else (Layer.IPV4, Kind.IPV4)
    return Header(uid, layer, kind, source=edit.source, destination=edit.destination, ttl_expires=old.ttl_expires)


def other_protocol(transport: Header) -> Header:
    """ICMP becomes ICMPv6 and the reverse; all else is the same over both."""
    layer, kind = _OTHER.get(transport.layer, (transport.layer, transport.kind))
    return replace(transport, layer=layer, kind=kind)


def decide(form: Form, answers: Mapping[Form, bool]) -> bool:
    """Whether ``form`` is zero for all members, by what the class fixes or by ``answers``. Raises Undecided or Untold."""
    answer = form.is_zero() if form not in answers else answers[form]
    if answer is not None:
        return answer
    if form.unknowns:
        raise Untold(form.unknowns[0].unknown)
    raise Undecided(form)


@dataclass(frozen=True, slots=True)
class SymbolicPacket:
    """A packet in the walk. ``sums`` by uid of the carrying header. ``extent`` is how long its frame is. ``known_words`` are the
    present forms of addresses and ports that were rewritten, by (uid, "source" or "destination"). ``trailer`` is the sum of what
    follows the innermost IP packet that was captured, and ``around_trailer`` are the sums made later that cover it. ``sealed`` is the
    packet inside an opaque tunnel. ``long`` says that it is a super-frame, ``segmented`` that it is one of the segments of one,
    ``bundled`` that it is several datagrams merged without a look at the tunnel's packets in them, ``remade`` how often it was cut or
    merged. ``spoiled`` says that damage was put into what is encrypted. ``carried`` is the sum that
    travels beside the packet (skb->csum of CHECKSUM_COMPLETE), counted from the first header whose checksum covers the rest; None says
    that it is whatever the bytes sum to. It stays as it is unless an operation says that it follows, so that it shows who changes bytes
    and forgets it. ``answers`` are what was found out of forms that the class leaves open, and ``presumed`` says of sums that were not
    seen yet whether they are right where they will be seen: what is checked between there and here is taken to have been the same.
    ``presumed_around`` says it of the headers that will be put on, by how many headers there are from each on to the innermost.
    ``presumed_fill`` is in the same way what a fill would have written. ``seen`` says that the packet is at or
    behind the place where it was captured: before, its columns may show words of MARKS as they became later."""

    headers: tuple[Header, ...]
    sums: Mapping[int, Sum]
    long: bool = False
    extent: Extent = UNTOLD_LENGTH
    pages: int = 0
    segmented: bool = False
    bundled: bool = False
    remade: int = 0
    trailer: Form = ZERO
    around_trailer: frozenset[int] = frozenset()
    known_words: Mapping[tuple[int, str], Form] = field(default_factory=dict)
    sealed: SymbolicPacket | None = None
    spoiled: bool = False
    carried: Form | None = None
    answers: Mapping[Form, bool] = field(default_factory=dict)
    seen: bool = True
    presumed: Mapping[int, bool] = field(default_factory=dict)
    presumed_around: Mapping[tuple[int, Layer], bool] = field(default_factory=dict)
    presumed_fill: Mapping[int, Form] = field(default_factory=dict)

    @property
    def trailing(self) -> bool:
        """Whether bytes other than zeros follow the outermost IP packet."""
        return self.trailer != ZERO and not any(header.uid in self.around_trailer for header in self.headers)

    def right(self, uid: int) -> bool:
        try:
            return decide(self.sums[uid].residue, self.answers)
        except Untold:
            # What is filled between here and there is not right yet.
            if self.sums[uid].unfinished:
                return False
            presumed = self._presumed(uid)
            if presumed is None:
                raise
            return presumed

    def _presumed(self, uid: int) -> bool | None:
        """Whether a sum will be right where it is seen, None if that is not known. A header that was put on since is known by its place."""
        if uid in self.presumed:
            return self.presumed[uid]
        place = next(n for n, header in enumerate(self.headers) if header.uid == uid)
        return self.presumed_around.get((len(self.headers) - place, self.headers[place].layer))

    def spelled(self, uid: int) -> bool:
        """Whether a field of zero is written as who computes it would: 0x0000, or 0xffff in UDP. A field that is not known is taken to be
        another number."""
        own = self.sums[uid]
        try:
            return own.zero is own.computed_zero or not decide(own.field, self.answers)
        except Untold:
            return True

    def absent(self, uid: int) -> bool:
        return self.sums[uid].absent

    def agrees(self, uid: int) -> bool:
        """Linux include/linux/skbuff.h __skb_checksum_validate_complete: the pseudo-header and the sum that is carried, less what stands
        before the header."""
        first = self._summed
        if not KINDS[self.sums[uid].kind].sums_rest or first is None:
            return False
        if self.carried is None:
            return self.right(uid)
        try:
            return decide(self.sums[uid].pseudo + self.carried - self._from(first) + self._from(uid), self.answers)
        except Untold:
            error = self.carried - self._from(first)
            presumed = self._presumed(uid)
            if presumed is not None and error == ZERO:
                return presumed
            if any(symbol.nonzero for symbol in error.unknowns):
                return False  # By how much the sum is wrong is not known: that it hides another error is one chance in 65535.
            raise

    def odd_option(self, number: int) -> bool:
        """Whether the TCP header has this option with its value at an odd place."""
        transport = outer_transport(self.headers)
        if transport is None or transport.layer is not Layer.TCP or transport.index < 0:
            return False
        return not decide(of(Symbol(f"even place of option {number}", ("even option", transport.index, number))), self.answers)

    def marked(self, uid: int, bits: int) -> bool:
        """Whether an IP header has these ECN bits."""
        header = next(header for header in self.headers if header.uid == uid)
        return decide(self._mark(header, "ecn") - bits, self.answers)

    def mark(self, uid: int, bits: int, rule: Rule) -> Self:
        """Other ECN bits, and the sum that is carried follows (Linux include/net/inet_ecn.h IP6_ECN_set_ce; of IPv4 the header's own sum
        makes up for them)."""
        header = next(header for header in self.headers if header.uid == uid)
        return self._marked(header, Translation(ecn=bits), rule)._following(self)

    def _mark(self, header: Header, name: str) -> Form:
        """One of MARKS of an IP header as it is. A header that a tunnel put on has no ECN bits: those that Linux copies into it do nothing
        where it is taken off (include/net/inet_ecn.h INET_ECN_encapsulate)."""
        known = self.known_words.get((header.uid, name))
        if known is not None or (header.index < 0 and name == "ecn"):
            return known or ZERO
        if header.index < 0:
            return _edited(name, header)
        return of(Symbol(f"{name} of header {header.index}", (name, header.index, 0)))

    def _marks(self, header: Header, edit: Translation) -> Iterator[tuple[str, Form]]:
        """Which of MARKS an edit changes, with how much that adds to a sum."""
        four = header.layer is Layer.IPV4
        for name, (unit, unit6) in MARKS.items():
            value: int | None = getattr(edit, name)
            if value is not None:
                exact = self.seen or (header.uid, name) in self.known_words
                change = Form(value) - self._mark(header, name) if exact else _edited(name, header)
                yield name, (unit if four else unit6) * change

    def _marked(self, header: Header, edit: Translation, rule: Rule) -> Self:
        packet = self
        for name, difference in self._marks(header, edit):
            rules = {header.uid: rule} if header.layer is Layer.IPV4 else {}
            packet = packet._change(header.uid, difference, rules, in_pseudo=False)
            packet = replace(packet, known_words={**packet.known_words, (header.uid, name): Form(getattr(edit, name))})
        return packet

    def fills_to_zero(self, uid: int) -> bool:
        if self.sums[uid].kind is Kind.IPV4:
            return False
        try:
            return decide(self._filled(uid), self.answers)
        except Untold:
            if uid in self.presumed_fill:
                return decide(self.presumed_fill[uid], self.answers)
            raise

    def is_of(self, said: Measured, uid: int) -> bool:
        ahead = size(header for header in self.headers[: next(n for n, h in enumerate(self.headers) if h.uid == uid)])
        start = Extent(ETHERNET_SIZE, ETHERNET_SIZE).more(ahead)
        match said.measure:
            case Measure.FRAME:
                found = self.extent
            case Measure.START:
                found = start
            case Measure.BEHIND:
                place = FIELD_PLACES[self.sums[uid].kind] + 2
                found = self.extent.less(start.more(Extent(place, place)))
        answer = found.within(said.low, said.high)
        if answer is None:
            raise Untold(f"how many {said.measure.value} there are is not known")
        return answer

    def carry(self, coverage: Coverage) -> Self:
        first = self._summed
        if first is None:
            return self.forget()
        total = self._from(first)
        if coverage is Coverage.PACKET and self.trailing:
            total = total - self.trailer
        elif coverage is Coverage.BEHIND_TAG:
            total = total - of(Symbol("tag", unknown="the bytes of the VLAN tag are not summed", nonzero=True))
        return replace(self, carried=total)

    def convert(self) -> Self:
        """Linux include/linux/skbuff.h __skb_checksum_convert: what the packet sums to if its outermost sum is right."""
        first = self._summed
        return self if first is None else replace(self, carried=-self.sums[first].pseudo)

    def forget(self) -> Self:
        return self if self.carried is None else replace(self, carried=None)

    @property
    def _summed(self) -> int | None:
        """The first header whose checksum is a sum of all that follows it: what is carried counts from there. What stands before it sums to
        zero (an IPv4 header), or is taken off with its own bytes wherever it is pulled."""
        first = next((header for header in self.headers if header.consumes and header.uid in self.sums), None)
        return first.uid if first is not None and KINDS[first.kind].sums_rest else None

    def _from(self, uid: int) -> Form:
        """The sum of all bytes from header ``uid`` on."""
        own = self.sums[uid]
        return own.data + own.field + (ZERO if uid in self.around_trailer else self.trailer)

    def beside(self, seen: Self) -> Self:
        """The same packet as it was ``seen``, with the sum that is carried wrong by as much as it is here, and with what no bytes show:
        that it was cut, or merged of several datagrams."""
        return replace(seen, segmented=self.segmented and not seen.long, bundled=self.bundled and seen.long)._following(self)

    def _following(self, before: Self) -> Self:
        """With the sum that is carried changed by what was changed since ``before``, where that carried one."""
        if before.carried is None:
            return self
        old, new = before._summed, self._summed
        if old is None or new is None:
            return self.forget()
        return replace(self, carried=before.carried - before._from(old) + self._from(new))

    def fill(self, uid: int, crc: bool = False) -> Self:
        """skb_checksum_help: the complement of the sum from csum_start to the end of the frame, field and trailer included; or the CRC of
        the same (skb_crc32c_csum_help), which is right if the field was blank and nothing follows the packet. Of an IPv4 header csum_start
        is in its middle, and where, is not known: its sum is wrong then."""
        own = self.sums[uid]
        if own.kind is Kind.IPV4:
            spoilt = Symbol(f"what is filled into header {uid}", unknown="by how much the field is wrong is not known", nonzero=True)
            return self._write(uid, of(spoilt) - own.data, Zero.ONES)
        if not crc and not KINDS[own.kind].crc:
            return self._write(uid, self._filled(uid), Zero.ONES)
        packet = self.compute(uid)
        also = own.field + (ZERO if uid in self.around_trailer else self.trailer)
        if crc and KINDS[own.kind].crc and also == ZERO:
            return packet
        error = Symbol(f"error of CRC {uid}", unknown=CRC_WORDS, nonzero=not crc or also.is_zero() is False)
        made = packet.sums[uid]
        return packet._with_sum(uid, replace(made, data=made.data + of(error)))

    def _filled(self, uid: int) -> Form:
        return -self._from(uid)

    def write_pseudo(self, uid: int) -> Self:
        return self._write(uid, self.sums[uid].pseudo, Zero.ONES)

    def write_zero(self, uid: int) -> Self:
        """A field of 0x0000, which for UDP says that there is no sum. Where the data are not known a blank sum counts as wrong: it is
        right in one packet of 65535."""
        packet = self._write(uid, ZERO, Zero.ZEROS)
        own = packet.sums[uid]
        crc = KINDS[own.kind].crc
        if (crc and self.sums[uid].field != ZERO) or (not KINDS[own.kind].zero_is_absent and own.data.unknowns):
            why = CRC_WORDS if crc else own.data.unknowns[0].unknown
            blank = Symbol(f"what blank header {uid} sums to", unknown=why, nonzero=True)
            own = replace(own, data=of(blank) - own.pseudo)
        return replace(packet, sums={**packet.sums, uid: replace(own, absent=KINDS[own.kind].zero_is_absent)})

    def compute(self, uid: int) -> Self:
        old = self.sums[uid]
        if KINDS[old.kind].crc:
            made = unknown(f"CRC of header {uid}, made anew", CRC_WORDS)
            packet = self._write(uid, made, Zero.ZEROS)
            return replace(packet, sums={**packet.sums, uid: replace(packet.sums[uid], data=-made)})
        return self._write(uid, -(old.pseudo + old.data), old.computed_zero)

    def respell(self, uid: int) -> Self:
        return self._write(uid, self.sums[uid].field, self.sums[uid].computed_zero)

    def spoil(self, uid: int) -> Self:
        error = of(Symbol(f"error of header {uid}", unknown="by how much the field is wrong is not known", nonzero=True))
        return self._write(uid, self.sums[uid].field + error, Zero.ONES)

    def stamp(self, rule: Rule) -> Self:
        transport = outer_transport(self.headers)
        if transport is None:
            return self
        return self._change(transport.uid, _edited("time", transport), {transport.uid: rule}, in_pseudo=False)

    def translate(self, edit: Translation, address: Rule, port: Rule, ip: Rule = Rule.FINAL) -> Self:
        outer, transport = outer_ip(self.headers), outer_transport(self.headers)
        packet = self
        if outer is not None:
            packet = packet._replace_words(outer, edit.source, edit.destination, address, ip)
            packet = packet._marked(outer, edit, ip)
        if transport is None:
            return packet
        rules = {transport.uid: port}
        if transport.layer in PORTED:
            packet = packet._replace_words(transport, edit.source_port, edit.destination_port, port, ip)
        if edit.option and transport.layer is Layer.TCP:
            packet = packet._change(transport.uid, _edited(f"option {edit.option}", transport), rules, in_pseudo=False)
        return packet

    def carried_on(self, before: Self, edit: Translation, address: Rule, follows: Follows) -> Self:
        """The sum that was carried ``before`` an edit, as it is after it (Linux net/core/utils.c inet_proto_csum_replace4,
        inet_proto_csum_replace16). It counts from the first checksum's header on: what is edited before that is taken off with its new
        bytes, whoever follows it or not."""
        first, transport, ip = self._summed, outer_transport(self.headers), outer_ip(self.headers)
        was = outer_ip(before.headers)
        if before.carried is None or first is None or ip is None or was is None:
            return self
        if follows is Follows.BYTES:
            return self._following(before)
        addresses = ZERO
        for side in ("source", "destination"):
            addresses = addresses + self.word(ip, side) - before.word(was, side)
        if ip.layer is Layer.IPV4:
            ahead = self.sums[ip.uid].residue - before.sums[ip.uid].residue
        else:
            ahead = addresses
            for _, difference in before._marks(was, edit):
                ahead = ahead + difference
        carried = before.carried - ahead
        in_field = transport is not None and transport.uid == first and KINDS[transport.kind].pseudo and address.keeps_residue
        if in_field and follows is not Follows.NOTHING and (ip.layer is Layer.IPV4 or follows is Follows.ADDRESSES):
            carried = carried - addresses
        return replace(self, carried=carried)

    @property
    def stale(self) -> bool:
        """Whether the sum that is carried is known not to be that of the packet's bytes."""
        first = self._summed
        return self.carried is not None and first is not None and self.carried != self._from(first)

    def exchange(self, edit: Translation, rule: Rule) -> Self:
        """An IP header of the other version, with a sum that is right if it is one of IPv4. Of TCP and UDP the pseudo-header changes by the
        addresses only; ICMPv6 has one with a length, which is not tracked, and other numbers than ICMP."""
        old, transport = exchanged(self.headers)
        new = other_version(old, edit, self._next_uid())
        sums = {uid: own for uid, own in self.sums.items() if uid != old.uid}
        if new.kind is not Kind.NOTHING:
            data = unknown(f"IPv4 header {new.uid}", "the length and the identification are chosen at run time")
            sums[new.uid] = Sum(new.kind, ZERO, data, -data, Zero.ZEROS)
        moved = other_protocol(transport)
        words = {(new.uid, side): self._exchanged(old, new, side, edit) for side in ("source", "destination")}
        added = ZERO
        for side in ("source", "destination"):
            added = added + words[(new.uid, side)] - self.word(old, side)
        own = self.sums[transport.uid]
        if moved.kind is transport.kind:
            pseudo, data = own.pseudo + added, own.data
        else:
            reason = "the length of the packet is not tracked"
            pseudo = unknown(f"P({transport.uid}) of {moved.layer.name}", reason) if KINDS[moved.kind].pseudo else ZERO
            data = unknown(f"D({transport.uid}) of {moved.layer.name}", reason)
        changed = replace(own, kind=moved.kind, pseudo=pseudo, data=data)
        if rule.keeps_residue:
            changed = replace(changed, field=own.residue - pseudo - data, zero=changed.computed_zero)
        elif rule is Rule.PSEUDO:
            changed = replace(changed, field=pseudo + own.seed, zero=Zero.ONES)
        sums[transport.uid] = changed
        places = {old.uid: new, transport.uid: moved}
        headers = tuple(places.get(header.uid, header) for header in self.headers)
        return replace(self, headers=headers, sums=sums, known_words={**self.known_words, **words}).forget()

    def _exchanged(self, old: Header, new: Header, side: str, edit: Translation) -> Form:
        """The sum of an address of an exchanged header."""
        span = new.source if side == "source" else new.destination
        if span is not None and span.exact:
            return Form(words(span))
        prefix = words(Span(6, edit.prefix.low, edit.prefix.low)) if edit.prefix is not None else 0
        return self.word(old, side) + (prefix if new.layer is Layer.IPV6 else -prefix)

    def translate_quote(self, edit: Translation, address: Rule, whole: Rule) -> Self:
        """What an ICMP error quotes changes as far as it is quoted: addresses and ports, and the sums that follow them. The error's own sum
        follows as the rules say."""
        transport = outer_transport(self.headers)
        if transport is None or not transport.quotes:
            return self
        addresses, change = self._quote_changed(transport.quote, edit)
        packet = self._change(transport.uid, change, {transport.uid: whole}, in_pseudo=False)
        if not address.keeps_residue:
            return packet
        return packet._write(transport.uid, packet.sums[transport.uid].field + addresses, packet.sums[transport.uid].computed_zero)

    def _quote_changed(self, quote: tuple[Header, ...], edit: Translation) -> tuple[Form, Form]:
        """What new addresses add to a sum, and what all that is edited in a quoted packet adds."""
        ip = next(header for header in quote if header.is_ip)
        inner = next((header for header in quote if header is not ip and (header.layer in PORTED or header.kind is not Kind.NOTHING)), None)
        addresses, ports = self._moved(ip, edit.source, edit.destination), ZERO
        if inner is not None and inner.layer in PORTED:
            ports = self._moved(inner, edit.source_port, edit.destination_port)
        change = ports if ip.layer is Layer.IPV4 else addresses + ports  # The sum of an IPv4 header takes up its addresses.
        if inner is not None and inner.layer is Layer.SCTP:
            change = change + unknown(f"change of the CRC of header {inner.uid}", "a CRC is no sum: its words are not predicted")
        elif inner is not None and inner.kind is not Kind.NOTHING:
            change = change - ports - (addresses if KINDS[inner.kind].pseudo else ZERO)
        return addresses, change

    def _moved(self, header: Header, source: Span | None, destination: Span | None) -> Form:
        """What new addresses or ports add to a sum; one that only run-time state could tell stays as it is."""
        total = ZERO
        for side, span in (("source", source), ("destination", destination)):
            if span is not None and span.exact:
                total = total + words(span) - self.word(header, side)
        return total

    def decrement_ttl(self) -> Self:
        ip = outer_ip(self.headers)
        if ip is None:
            return self
        known = {**self.known_words, (ip.uid, "ttl"): self._mark(ip, "ttl") - 1} if ip.index >= 0 and self.seen else self.known_words
        packet = replace(self, known_words=known)
        if ip.layer is not Layer.IPV4:
            return packet
        return packet._change(ip.uid, Form(-0x100 % 0xFFFF), {ip.uid: Rule.FINAL}, in_pseudo=False)

    def trim(self) -> Self:
        """Linux net/core/skbuff.c pskb_trim_rcsum_slow: what is cut off is taken off the sum that is carried."""
        packet = replace(self, extent=self.extent.trimmed())
        return replace(packet, trailer=ZERO)._following(self) if self.trailing else packet

    def pad(self) -> Self:
        """Linux and cards pad to the shortest frame of Ethernet; here with bytes of whatever was in the buffer."""
        lacking = SHORTEST_FRAME - self.extent.low
        if lacking <= 0:
            return self
        left = of(Symbol("padding", unknown="what is left in a card's buffer is not known", nonzero=True))
        extent = Extent(SHORTEST_FRAME, max(self.extent.high, SHORTEST_FRAME), self.extent.padding + lacking)
        return replace(self, trailer=self.trailer + left, extent=extent)

    def segment(self, uid: int) -> Self:
        """One segment of the super-frame. The sum of header ``uid`` keeps its distance from the pseudo-header's, which now has the
        segment's length (Linux net/ipv4/tcp_offload.c tcp_gso_segment); one around it is written for that sum as it will be once it is
        filled, with the distance it had itself (net/ipv4/udp_offload.c __skb_udp_tunnel_segment); IPv4 headers are summed anew
        (net/ipv4/af_inet.c inet_gso_segment). Hypothetical damage is in this segment."""
        if self.bundled:
            return self.unbundle()
        packet = self._remade("segment", long=False, segmented=True)
        sums = dict(packet.sums)
        own, seed = sums[uid], self.sums[uid].seed
        sums[uid] = replace(own, field=own.pseudo + seed, zero=Zero.ONES, absent=False)
        for header, factor in enclosing(self.headers, uid):
            if header.uid in sums and not sums[header.uid].absent:
                around, inner = sums[header.uid], sums[uid]
                residue = factor * inner.lacking - self.sums[header.uid].distance
                zero = around.computed_zero
                sums[header.uid] = replace(around, data=residue - around.pseudo - around.field, zero=zero)
        return replace(packet, sums=sums)

    def merge(self) -> Self:
        """The super-frame that the segments become: the transport field holds the pseudo-header's sum with the whole length, the IPv4
        header is summed anew (Linux net/ipv4/tcp_offload.c tcp4_gro_complete, net/ipv4/af_inet.c inet_gro_complete)."""
        return self._remade("super-frame", long=True, segmented=False)._seeded()

    def join(self) -> Self:
        """The super-frame that the segments become, with the sum that theirs add up to: it is off by what one of them was off."""
        return self._remade("super-frame", long=True, segmented=False)._as_right_as(self)

    def fragment(self, mtu: int) -> Self:
        """The datagram in fragments, of which the first is here: its transport sum, which covers them all, stays as it is, and what is
        done to the packet is done to each of them. The IPv4 header has a sum of its own."""
        return replace(self, headers=in_pieces(self.headers, mtu, self._next_uid()), extent=LONG)._with_new_ip("fragment")

    def reassemble(self) -> Self:
        """Linux net/ipv4/ip_fragment.c ip_frag_reasm: the sums beside the fragments add up to that of the datagram."""
        return replace(self, headers=in_one(self.headers), extent=LONG)._with_new_ip("datagram that was put together")

    def mend_payload(self, edit: Translation) -> Self:
        """Before an edit of addresses: who takes every fragment to begin with a transport header updates the word where the sum would be.
        How many there are and what stands there is not known, but that bytes under the datagram's sum change."""
        ip, transport = outer_ip(self.headers), outer_transport(self.headers)
        if ip is None or not ip.gathered or transport is None or not (edit.source or edit.destination):
            return self
        if transport.kind not in TAKEN_FOR_SUMS:
            return self
        reason = "what stands in later fragments at the place of the sum is not tracked"
        words = Symbol(f"words of later fragments of header {transport.uid}", unknown=reason, nonzero=True)
        return self._change(transport.uid, of(words), {}, in_pseudo=False)

    def bundle(self) -> Self:
        """Several datagrams in one: as they came, but for the outermost headers (Linux net/ipv4/udp_offload.c udp_gro_complete_segment)."""
        return self._regrouped(long=True)

    def unbundle(self) -> Self:
        return self._regrouped(long=False)

    def _regrouped(self, *, long: bool) -> Self:
        remade = self._remade("datagram", long=long, segmented=not long)
        carried = {header.uid for header in self.headers[inner_start(self.headers) :]}
        sums = {uid: self.sums[uid] if uid in carried else own for uid, own in remade.sums.items()}
        return replace(remade, sums=sums, bundled=long)._seeded()

    def _seeded(self) -> Self:
        """With the pseudo-header's sum in the outer transport field, unless there is no sum."""
        transport = outer_transport(self.headers)
        return self if transport is None or self.sums[transport.uid].absent else self.write_pseudo(transport.uid)

    def from_wire(self) -> Self:
        """What was captured as a super-frame crossed the wire in segments, each as right or wrong as the whole."""
        return self._remade("segment", long=False, segmented=True)._as_right_as(self) if self.long else self

    def push(self, outer: Outer, how: OuterSum, aimed: int | None, remote: bool) -> Self:
        packet = self._pushed(outer, self._next_uid(), how, remote)
        own = outer_transport(packet.headers)
        if own is None or how is not OuterSum.LCO or aimed is None:
            return packet
        made, inner = packet.sums[own.uid], self.sums[aimed]
        if KINDS[inner.kind].crc:
            # Local checksum offload takes the inner field for a sum, which will not make its words add up to zero.
            field = unknown(f"field {own.uid} around a CRC", CRC_WORDS)
            error = of(Symbol(f"error of header {own.uid} around a CRC", unknown=CRC_WORDS, nonzero=True))
            return packet._with_sum(own.uid, replace(made, field=field, data=error - made.pseudo - field))
        factor = next(f for header, f in enclosing(packet.headers, aimed) if header.uid == own.uid)
        # The inner region is taken to sum to minus the inner field, as it will once that field is filled.
        ahead = made.data - factor * (inner.data + inner.field) - self.trailer
        return packet._with_sum(own.uid, replace(made, field=-(made.pseudo + ahead - factor * inner.field)))

    def pop(self) -> Self:
        """Take off the outermost IP header and what stands before the next one."""
        kept = uncovered(self.headers, inner_start(self.headers))
        uids = {header.uid for header in kept}
        extent = self.extent.less(size(self.headers[: len(self.headers) - len(kept)]))
        sums = {uid: s for uid, s in self.sums.items() if uid in uids}
        return replace(self, headers=kept, sums=sums, extent=extent)._following(self)

    def seal(self, outer: Outer, how: OuterSum) -> Self:
        """A new packet whose payload is this one, encrypted."""
        empty = replace(
            self,
            headers=(),
            sums={},
            trailer=ZERO,
            known_words={},
            sealed=None,
            spoiled=False,
            long=False,
            pages=0,
            segmented=False,
            bundled=False,
        )
        return replace(empty._pushed(outer, self._next_uid(), how), sealed=self)

    def wrap(self, layers: tuple[Layer, ...]) -> Self:
        made = tuple(Header(uid, layer) for uid, layer in enumerate(layers, self._next_uid()))
        return replace(self, headers=(*made, *self.headers), extent=self.extent.more(size(made)))

    def unwrap(self, layers: Collection[Layer], follows: Follows) -> Self:
        """Without the outermost header if it is one of ``layers``. Who does not take it off the sum that is carried leaves it in there."""
        if not self.headers or self.headers[0].layer not in layers:
            return self
        packet = replace(self, headers=self.headers[1:], extent=self.extent.less(size(self.headers[:1])))
        if follows is Follows.BYTES or self.carried is None:
            return packet
        first, behind = self.headers[0], self.headers[1].layer
        left = Form(PPP_PROTOCOLS[behind]) if first.layer is Layer.PPP and behind in PPP_PROTOCOLS else _edited("the bytes", first)
        return replace(packet, carried=self.carried + left)

    def unseal(self) -> Self:
        if self.sealed is None:
            raise Untold("what the tunnel carries is encrypted and was not seen before it was sealed")
        if self.spoiled:
            raise Untold("damage to an encrypted packet is found by the tunnel's own authentication")
        inner = self.sealed
        return replace(
            self,
            headers=inner.headers,
            sums=inner.sums,
            known_words=inner.known_words,
            trailer=inner.trailer,
            extent=inner.extent,
            around_trailer=inner.around_trailer,
            sealed=inner.sealed,
            spoiled=False,
            long=inner.long,
            pages=inner.pages,
            segmented=inner.segmented,
            remade=inner.remade,
        )

    def damage(self) -> Self:
        """The packet with a hypothetical error in the innermost data that a sum covers (or could)."""
        innermost = next((header for header in reversed(self.headers) if header.consumes), None)
        if innermost is None:
            return replace(self, spoiled=self.sealed is not None)
        sums = dict(self.sums)
        for uid, factor in [(innermost.uid, 1)] + [(h.uid, f) for h, f in enclosing(self.headers, innermost.uid)]:
            if uid in sums:
                sums[uid] = replace(sums[uid], data=sums[uid].data + factor * of(DAMAGE))
        return replace(self, sums=sums, spoiled=self.sealed is not None)

    def word(self, header: Header, side: str) -> Form:
        """The present sum of an address or the present port of ``header``; ``side`` is "source" or "destination"."""
        changed = self.known_words.get((header.uid, side))
        if changed is not None:
            return changed
        span = header.source if side == "source" else header.destination
        if span is not None and span.exact:
            return Form(words(span))
        name = f"{side} {'address' if header.is_ip else 'port'} of {header.layer.name} header {header.uid}"
        if header.index < 0 or header.shifted:
            return unknown(name, f"the {name} is chosen at run time")
        return of(Symbol(name, ("address" if header.is_ip else "port", header.index, 0 if side == "source" else 1)))

    def _next_uid(self) -> int:
        inner = self.sealed._next_uid() if self.sealed else 0
        return max([inner, *(header.uid + 1 for header in self.headers)])

    def _remade(self, what: str, *, long: bool, segmented: bool) -> Self:
        """The packet with other bytes behind its headers, and other lengths in them: what was known of these is not any more, but that
        damage is there. IPv4 headers have a new sum."""
        reason = f"how the {what} is cut is not in the capture"
        named = f"{what} {self.remade}" if self.remade else what
        sums: dict[int, Sum] = {}
        for uid, own in self.sums.items():
            damage = Form(0, tuple((s, c) for s, c in own.data.terms if s.damage))
            data = unknown(f"D({uid}) of the {named}", reason) + damage
            pseudo = unknown(f"P({uid}) of the {named}", reason) if KINDS[own.kind].pseudo else ZERO
            field = unknown(f"field {uid} of the {named}", reason)
            if own.kind is Kind.IPV4:
                sums[uid] = replace(own, data=data, field=-data, zero=Zero.ZEROS)
            else:
                sums[uid] = replace(own, pseudo=pseudo, data=data, field=ZERO if own.absent else field, zero=own.zero)
        headers = unmeasured(self.headers)
        return replace(self, headers=headers, sums=sums, long=long, segmented=segmented, remade=self.remade + 1, carried=None, extent=LONG)

    def _as_right_as(self, before: Self) -> Self:
        """With fields that make each sum right or wrong by as much as it was ``before``."""
        fields = {uid: before.sums[uid].residue - own.pseudo - own.data for uid, own in self.sums.items()}
        sums = {uid: own if own.absent else replace(own, field=fields[uid]) for uid, own in self.sums.items()}
        return replace(self, sums=sums)

    def _with_new_ip(self, what: str) -> Self:
        """With another length, identification or offset in the outermost header, which is summed anew if it is IPv4's."""
        ip = outer_ip(self.headers)
        if ip is None or ip.uid not in self.sums:
            return self
        data = unknown(f"D({ip.uid}) of the {what} {self.remade}", "how a datagram is cut is not in the capture")
        new = replace(self.sums[ip.uid], data=data, field=-data, zero=Zero.ZEROS)
        return replace(self, sums={**self.sums, ip.uid: new}, remade=self.remade + 1)

    def _write(self, uid: int, value: Form, zero: Zero) -> Self:
        """Set a field; it is a word of every sum around it."""
        sums = dict(self.sums)
        difference = value - sums[uid].field
        sums[uid] = replace(sums[uid], field=value, zero=zero, absent=False)
        for header, factor in enclosing(self.headers, uid):
            if header.uid in sums:
                sums[header.uid] = replace(sums[header.uid], data=sums[header.uid].data + factor * difference)
        return replace(self, sums=sums)

    def _replace_words(self, header: Header, source: Span | None, destination: Span | None, rule: Rule, ip: Rule) -> Self:
        packet = self
        for side, span in (("source", source), ("destination", destination)):
            if span is None:
                continue
            old = packet.word(header, side)
            new = (
                Form(words(span))
                if span.exact
                else unknown(f"new {side} of {header.layer.name} header", "the translation is chosen at run time")
            )
            transport = outer_transport(packet.headers)
            rules = {header.uid: ip} if header.layer is Layer.IPV4 else {}
            if transport is not None:
                rules[transport.uid] = rule
            difference = new - old
            if header.kind is not Kind.NOTHING and KINDS[header.kind].crc:
                packet = packet._change(header.uid, difference, {}, in_pseudo=False)._changed_crc(header.uid, difference, rule)
            else:
                packet = packet._change(header.uid, difference, rules, in_pseudo=header.is_ip)
            changed = replace(header, source=span) if side == "source" else replace(header, destination=span)
            headers = tuple(changed if h.uid == header.uid else h for h in packet.headers)
            header = changed
            packet = replace(packet, headers=headers, known_words={**packet.known_words, (header.uid, side): new})
        return packet

    def _changed_crc(self, uid: int, difference: Form, rule: Rule) -> Self:
        """A CRC whose bytes have changed, of which sums know only whether they have: ``difference`` counts in no sum of this header.
        Raises Undecided."""
        present = self.sums[uid]
        try:
            same, told = decide(difference, self.answers), True
        except Untold:
            same, told = False, False
        change = ZERO if same else of(Symbol(f"change of the CRC of header {uid}", unknown=CRC_WORDS, nonzero=told))
        packet = replace(self, sums={**self.sums, uid: replace(present, data=present.data - difference + change)})
        return packet._write(uid, present.field - change, Zero.ZEROS) if rule.keeps_residue else packet

    def _change(self, uid: int, difference: Form, rules: Mapping[int, Rule], in_pseudo: bool) -> Self:
        """A word of header ``uid`` grows by ``difference``; the sums in ``rules`` are updated by their rule, all others are left alone.
        ``in_pseudo`` says that pseudo-headers hold the word."""
        shifts: dict[int, tuple[Form, Form]] = {}
        if uid in self.sums:
            shifts[uid] = (ZERO, difference)
        for header, factor in enclosing(self.headers, uid):
            if header.uid in self.sums:
                shifts[header.uid] = (ZERO, factor * difference)
        for header in self.headers if in_pseudo else ():
            ip = ip_of(self.headers, header.uid)
            if header.uid in self.sums and KINDS[header.kind].pseudo and ip is not None and ip.uid == uid:
                shifts[header.uid] = (difference, ZERO)
        packet = self
        sums = dict(self.sums)
        for changed, (pseudo, data) in shifts.items():
            sums[changed] = replace(sums[changed], pseudo=sums[changed].pseudo + pseudo, data=sums[changed].data + data)
        packet = replace(packet, sums=sums)
        for changed, (pseudo, data) in shifts.items():
            rule = rules.get(changed, Rule.LEAVE)
            present = packet.sums[changed]
            if rule.keeps_residue:
                zero = Zero.ONES if rule is Rule.ONES else present.computed_zero
                packet = packet._write(changed, present.field - pseudo - data, zero)
            elif rule is Rule.SWAPPED:
                packet = packet._write(changed, present.field - _swapped(pseudo + data, changed), present.computed_zero)
            elif rule is Rule.PSEUDO and pseudo != ZERO:
                packet = packet._write(changed, present.field + pseudo, Zero.ONES)
        return packet

    def _with_sum(self, uid: int, made: Sum) -> Self:
        return replace(self, sums={**self.sums, uid: made})

    def _pushed(self, outer: Outer, first_uid: int, how: OuterSum, remote: bool = False) -> Self:
        """With new outer headers: their IPv4 sum is final, that of UDP or GRE is what ``how`` starts from."""
        made = outer_headers(outer, first_uid, summed=how is not OuterSum.NONE, remote=remote, inside=self.headers)
        sums = dict(self.sums)
        for header in made:
            label = f"{header.layer.name} header {header.uid}"
            if header.kind is Kind.IPV4:
                data = unknown(label, "the IP ID and the length are chosen at run time")
                sums[header.uid] = Sum(header.kind, ZERO, data, -data, Zero.ZEROS)
            elif header.kind is not Kind.NOTHING:
                has_pseudo = KINDS[header.kind].pseudo
                pseudo = unknown(f"pseudo-header of {label}", "the length of the tunnel packet is not tracked") if has_pseudo else ZERO
                data = unknown(label, "a tunnel's source port is chosen by a hash of the flow") + self._total()
                field, zero = pseudo, Zero.ONES if has_pseudo else Zero.ZEROS
                if how is OuterSum.SOCKET:
                    field = unknown(f"field of {label}", "it is not yet written")
                elif how is OuterSum.NONE:
                    field, zero = ZERO, Zero.ZEROS
                sums[header.uid] = Sum(header.kind, pseudo, data, field, zero, absent=how is OuterSum.NONE)
        around = self.around_trailer | {header.uid for header in made}
        extent = self.extent.more(size(made))
        return replace(self, headers=(*made, *self.headers), sums=sums, around_trailer=around, extent=extent)

    def _total(self) -> Form:
        """The sum of all bytes of the packet."""
        total = ZERO
        for header in self.headers:
            own = self.sums.get(header.uid)
            if own is not None:
                total = total + own.data + own.field
                if header.covers_rest:
                    return total + self.trailer
            else:
                total = total + unknown(f"{header.layer.name} header {header.uid}", "these header bytes are not tracked")
        return total + unknown("payload", "ciphertext or bytes that no checksum covers")
