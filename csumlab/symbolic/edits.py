"""What editors do to a packet of a class: addresses, ports, marks, options, and what ICMP errors quote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from csumlab.exchange import exchanged, other_protocol, other_quote, other_version, quoted_addresses
from csumlab.forms import ZERO, Form, Symbol, of, unknown
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import Zero
from csumlab.interpreting import Translation
from csumlab.operations import Follows, Rule
from csumlab.packet import (
    PORTED,
    Header,
    Span,
    one_hop_less,
    outer_ip,
    outer_transport,
    with_hops,
    words,
)
from csumlab.symbolic.fields import MARKS, SymbolicFields
from csumlab.symbolic.sums import CRC_WORDS, Sum, Untold, decide

TAKEN_FOR_SUMS = {Kind.TCP: (6, 16), Kind.UDP: (17, 6), Kind.ICMPV6: (58, 2)}
"""Protocol number and place of the sum of what an editor mends without a look at the fragment's offset (nft_payload_l4csum_offset)."""


def edited(what: str, header: Header) -> Form:
    """A word that a rule writes over, of which the columns do not hold what it was: it is taken to have been another."""
    name = f"change of {what} of {header.layer.name} header {header.uid}"
    return of(Symbol(name, unknown="what was there before is not tracked", nonzero=True))


@dataclass(frozen=True, slots=True)
class SymbolicEdits(SymbolicFields):
    """With edits of what the headers say."""

    def odd_option(self, number: int) -> bool:
        """Whether the TCP header has this option with its value at an odd place."""
        transport = outer_transport(self.headers)
        if transport is None or transport.layer is not Layer.TCP or transport.index < 0:
            return False
        return not decide(of(Symbol(f"even place of option {number}", ("even option", transport.index, number))), self.answers)

    def odd_length(self, uid: int) -> bool:
        """Whether an IP packet is of odd length."""
        header = next(header for header in self.headers if header.uid == uid)
        if header.index < 0:
            raise Untold("how long a packet is that was made on the way is not known")
        return not decide(of(Symbol(f"odd length of header {header.index}", ("odd length", header.index, 0))), self.answers)

    def marked(self, uid: int, bits: int) -> bool:
        """Whether an IP header has these ECN bits."""
        header = next(header for header in self.headers if header.uid == uid)
        return decide(self._mark(header, "ecn") - bits, self.answers)

    def mark(self, uid: int, bits: int, rule: Rule) -> Self:
        """Other ECN bits."""
        return self._marked(next(header for header in self.headers if header.uid == uid), Translation(ecn=bits), rule)

    def _mark(self, header: Header, name: str) -> Form:
        """One of MARKS of an IP header as it is. A header that a tunnel put on has no ECN bits: those that Linux copies into it do nothing
        where it is taken off (include/net/inet_ecn.h INET_ECN_encapsulate)."""
        known = self.known_words.get((header.uid, name))
        if known is not None or (header.index < 0 and name == "ecn"):
            return known or ZERO
        if header.index < 0:
            return edited(name, header)
        return of(Symbol(f"{name} of header {header.index}", (name, header.index, 0)))

    def _marks(self, header: Header, edit: Translation) -> Iterator[tuple[str, Form]]:
        """Which of MARKS an edit changes, with how much that adds to a sum."""
        four = header.layer is Layer.IPV4
        for name, (unit, unit6) in MARKS.items():
            value: int | None = getattr(edit, name)
            if value is not None:
                exact = self.seen or (header.uid, name) in self.known_words
                change = Form(value) - self._mark(header, name) if exact else edited(name, header)
                yield name, (unit if four else unit6) * change

    def _marked(self, header: Header, edit: Translation, rule: Rule) -> Self:
        packet = self
        for name, difference in self._marks(header, edit):
            rules = {header.uid: rule} if header.layer is Layer.IPV4 else {}
            packet = packet._change(header.uid, difference, rules, in_pseudo=False)
            packet = replace(packet, known_words={**packet.known_words, (header.uid, name): Form(getattr(edit, name))})
        return packet

    def stamp(self, rule: Rule) -> Self:
        transport = outer_transport(self.headers)
        if transport is None:
            return self
        return self._change(transport.uid, edited("time", transport), {transport.uid: rule}, in_pseudo=False)

    def translate(self, edit: Translation, address: Rule, port: Rule, ip: Rule = Rule.FINAL) -> Self:
        outer, transport = outer_ip(self.headers), outer_transport(self.headers)
        packet = self
        if outer is not None:
            packet = packet._replace_words(outer, edit.source, edit.destination, address, ip)
            packet = packet._marked(outer, edit, ip)
        if edit.ttl is not None:
            packet = replace(packet, headers=with_hops(packet.headers, edit.ttl))
        if transport is None:
            return packet
        rules = {transport.uid: port}
        if transport.layer in PORTED:
            packet = packet._replace_words(transport, edit.source_port, edit.destination_port, port, ip)
        if edit.option and transport.layer is Layer.TCP:
            packet = packet._change(transport.uid, edited(f"option {edit.option}", transport), rules, in_pseudo=False)
        if edit.within and (transport.layer is Layer.TCP or not edit.strip):
            packet = packet._change(transport.uid, edited(edit.within, transport), rules, in_pseudo=False)
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
        if transport.quotes:
            quoted, quote = transport.quote[0], other_quote(old, transport, edit, new.uid + 1)
            back = quoted_addresses(old, quoted, edit)
            words |= {(quote[0].uid, side): self._exchanged(quoted, quote[0], side, back) for side in ("source", "destination")}
            moved = replace(moved, quote=quote)
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
            field = own.field - added if moved.kind is transport.kind else own.residue - pseudo - data
            changed = replace(changed, field=field, zero=changed.computed_zero, absent=False)
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
        # Where an address starts at an odd byte, its bytes are summed in the other order; 256 is its own inverse modulo 0xffff.
        factor = 256 if edit.shift % 16 else 1
        return factor * self.word(old, side) + prefix if new.layer is Layer.IPV6 else factor * (self.word(old, side) - prefix)

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
        packet = replace(self, known_words=known, headers=one_hop_less(self.headers))
        if ip.layer is not Layer.IPV4:
            return packet
        return packet._change(ip.uid, Form(-0x100 % 0xFFFF), {ip.uid: Rule.FINAL}, in_pseudo=False)

    def advance(self, destination: Span, follows: Follows) -> Self:
        """To the next segment: no pseudo-header changes, and the sum that is carried only if who edits does not take the change off it."""
        ip = outer_ip(self.headers)
        if ip is None:
            return self
        headers = tuple(replace(header, destination=destination) if header is ip else header for header in self.headers)
        known = {**self.known_words, (ip.uid, "destination"): Form(words(destination))}
        packet = replace(self, headers=headers, known_words=known)
        if follows is Follows.BYTES or self.carried is None:
            return packet
        return replace(packet, carried=self.carried + self.word(ip, "destination") - words(destination) + 1)

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
