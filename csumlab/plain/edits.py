"""Edits of headers in real bytes, and how the fields above follow: translation, marks, options, the exchange of IP versions."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Self

from csumlab.exchange import exchanged, other_protocol, other_quote, other_version, quoted_addresses
from csumlab.facts import FragmentRole
from csumlab.headers import KINDS, Layer
from csumlab.inet import negate, residue
from csumlab.interpreting import Translation
from csumlab.operations import Follows, Rule
from csumlab.packet import PORTED, Header, Span, one_hop_less, outer_ip, outer_transport, with_hops
from csumlab.pieces import payload_of
from csumlab.plain.exchanging import exchanged_address, exchanged_header, exchanged_quote, other_message
from csumlab.plain.fields import PlainFields, dissected
from csumlab.rewriting import ADDRESS_PLACES, by_final_rule, tcp_option, translated_quote
from csumlab.symbolic.edits import TAKEN_FOR_SUMS

_TIMESTAMP = 34
"""Where a PTP message has the time that it was sent."""
_UDP = 17
_NO_OPERATION = b"\1"
"""The option of TCP that says nothing (RFC 9293 section 3.2)."""


@dataclass(frozen=True, slots=True)
class PlainEdits(PlainFields):
    """A packet as bytes whose headers can be edited."""

    def odd_option(self, number: int) -> bool:
        transport = outer_transport(self.headers)
        at = self._option(transport, number) if transport is not None else None
        return transport is not None and at is not None and (at - self.offset(transport.uid)) % 2 == 1

    def odd_length(self, uid: int) -> bool:
        return (self._end() - self.offset(uid)) % 2 == 1

    def marked(self, uid: int, bits: int) -> bool:
        return self._ecn(uid) == bits

    def mark(self, uid: int, bits: int, rule: Rule) -> Self:
        """Linux include/net/inet_ecn.h IP_ECN_set_ce, IP6_ECN_set_ce."""
        header = next(header for header in self.headers if header.uid == uid)
        return self._edited(uid if header.layer is Layer.IPV4 else None, self.offset(uid), self._with_ecn(uid, bits), rule)

    def stamp(self, rule: Rule) -> Self:
        """IEEE 1588 section 13.6: originTimestamp, of which one bit stands for all; in a packet without room for one, its last word."""
        transport = outer_transport(self.headers)
        if transport is None:
            return self
        start = self.offset(transport.uid) + 8
        end = self.sums[transport.uid].end
        at = start + _TIMESTAMP if start + _TIMESTAMP + 2 <= end else end - 2 - (end - start) % 2
        return self._edited(transport.uid, at, bytes([self.data[at] ^ 1, self.data[at + 1]]), rule)

    def translate(self, edit: Translation, address: Rule, port: Rule, ip: Rule = Rule.FINAL) -> Self:
        outer, transport = outer_ip(self.headers), outer_transport(self.headers)
        packet = self
        if outer is not None:
            for side, span in (("source", edit.source), ("destination", edit.destination)):
                if span is not None:
                    packet = packet._rewrite(outer, side, span, address, ip)
            packet = packet._mark(outer, edit, ip)
        if edit.ttl is not None:
            packet = replace(packet, headers=with_hops(packet.headers, edit.ttl))
        if transport is not None and transport.layer in PORTED:
            for side, span in (("source", edit.source_port), ("destination", edit.destination_port)):
                if span is not None:
                    packet = packet._rewrite(transport, side, span, port, ip)
        if transport is not None and edit.option:
            packet = packet._with_option(transport, edit, port)
        if transport is not None and edit.within:
            how = packet._without_option if edit.strip else packet._with_mention if edit.mentioned else packet._with_numbers
            packet = how(transport, edit, port)
        return replace(packet, pieces=tuple(piece.translate(edit, address, port, ip) for piece in self.pieces))

    def carried_on(self, before: Self, edit: Translation, address: Rule, follows: Follows) -> Self:
        """As SymbolicPacket.carried_on, over the bytes."""
        first, transport, ip = self._summed(), outer_transport(self.headers), outer_ip(self.headers)
        if before.carried is None or first is None or ip is None:
            return self
        old, new = before.sums[first].start, self.sums[first].start
        if follows is Follows.BYTES:
            changed = residue(self.data[new:]) - residue(before.data[old:])
        else:
            changed = residue(before.data[:old]) - residue(self.data[:new])
            in_field = transport is not None and transport.uid == first and KINDS[transport.kind].pseudo and address.keeps_residue
            if in_field and follows is not Follows.NOTHING and (ip.layer is Layer.IPV4 or follows is Follows.ADDRESSES):
                changed += before._addresses(ip) - self._addresses(ip)
        return replace(self, carried=(before.carried + changed) % 0xFFFF)

    def exchange(self, edit: Translation, rule: Rule) -> Self:
        """RFC 7915 sections 4.1 and 5.1, and 4.2 to 4.5 for ICMP. The field follows as Linux csum_replace4 does it, word for word."""
        old, transport = exchanged(self.headers)
        new, moved = other_version(old, edit, self._next_uid()), other_protocol(transport)
        start, at = self.offset(old.uid), self.offset(transport.uid)
        body = self.data[at : self._end()]
        become_body = body
        if moved.layer is not transport.layer:
            become_body = other_message(body[:2], new.layer is Layer.IPV6) + body[2:]
        if transport.quotes:
            quote = other_quote(old, transport, edit, new.uid + 1)
            moved = replace(moved, quote=quote)
            back = quoted_addresses(old, transport.quote[0], edit)
            become_body = become_body[:8] + exchanged_quote(body[8:], back)
        addresses = b"".join(self._moved_address(old, side, edit) for side in ("source", "destination"))
        made = exchanged_header(self.data[start:at], addresses, len(become_body))
        places = {old.uid: new, transport.uid: moved}
        headers = tuple(places.get(header.uid, header) for header in self.headers)
        packet = replace(self, data=self.data[:start] + made + become_body, headers=headers, carried=None)
        was, become = self._in_pseudo(old, transport), packet._in_pseudo(new, moved)
        if rule is Rule.PSEUDO:
            return packet._updated(transport.uid, was, become, rule)
        behind = 8 if transport.quotes else len(body)
        before, after = (one[:2] + one[behind:] for one in (body, become_body))
        return packet._updated(transport.uid, was + before + bytes(len(before) % 2), become + after + bytes(len(after) % 2), rule)

    def _in_pseudo(self, ip: Header, transport: Header) -> bytes:
        """The bytes of a pseudo-header as they are summed, none if this protocol has no such sum."""
        if not KINDS[transport.kind].pseudo:
            return bytes(36)
        first, _, size = ADDRESS_PLACES[ip.layer]
        at = self.offset(ip.uid) + first
        length = len(self.data) - self.offset(transport.uid)
        number = {Layer.ICMPV6: 58, Layer.TCP: 6, Layer.UDP: 17}[transport.layer]
        return (self.data[at : at + 2 * size] + struct.pack("!HH", length, number)).ljust(36, b"\0")

    def _moved_address(self, old: Header, side: str, edit: Translation) -> bytes:
        """An address of an exchanged header: what the edit says, or the old one put into the prefix or taken out of it."""
        first, second, width = ADDRESS_PLACES[old.layer]
        at = self.offset(old.uid) + (first if side == "source" else second)
        return exchanged_address(self.data[at : at + width], edit.source if side == "source" else edit.destination, edit)

    def translate_quote(self, edit: Translation, address: Rule, whole: Rule) -> Self:
        """Linux net/netfilter/nf_nat_proto.c nf_nat_icmp_reply_translation: the quoted packet is translated by the same code, as far as it
        was quoted. Cilium bpf/lib/nat.h snat_v4_calc_icmp_error_csum_diff: the error's own sum follows what the addresses leave."""
        transport = outer_transport(self.headers)
        if transport is None or not transport.quotes:
            return self
        found = dissected(self.frame(), self.tunnel_ports)
        place = next(n for n, header in enumerate(found.headers) if header.layer is Layer.QUOTE)
        start = found.headers[place].offset - 14
        old, new = self.data[start:], translated_quote(self.data[start:], edit)
        even = len(old) & ~1  # Nothing behind the quoted headers changes.
        packet = replace(self, data=self.data[:start] + new)._updated(transport.uid, old[:even], new[:even], whole)
        if not address.keeps_residue:
            return packet
        first, second, size = ADDRESS_PLACES[Layer.IPV4 if old[0] >> 4 == 4 else Layer.IPV6]
        places = (slice(first, first + size), slice(second, second + size))
        was, become = (b"".join(quoted[place] for place in places) for quoted in (old, new))
        return packet._updated(transport.uid, become, was, address)

    def decrement_ttl(self) -> Self:
        """Linux include/net/ip.h ip_decrease_ttl; IPv6 has no sum to follow."""
        ip = outer_ip(self.headers)
        if ip is None:
            return self
        pieces, start = tuple(piece.decrement_ttl() for piece in self.pieces), self.offset(ip.uid)
        packet = replace(self, pieces=pieces, headers=one_hop_less(self.headers))
        if ip.layer is Layer.IPV6:
            return packet._patched(start + 7, bytes([self.data[start + 7] - 1 & 0xFF]))
        check = self.sums[ip.uid].field or 0
        check += 0x0100
        packet = packet._patched(start + 8, bytes([self.data[start + 8] - 1 & 0xFF]))
        return packet._patched(start + 10, (check + (check >= 0xFFFF) & 0xFFFF).to_bytes(2, "big"))

    def advance(self, destination: Span, follows: Follows) -> Self:
        """RFC 8754 section 4.3.1.1, without its own look at the list: the topology says what is next."""
        ip, routing = outer_ip(self.headers), self._routing_header()
        if ip is None or routing is None:
            return self
        at, left = self.offset(ip.uid) + 24, routing + 3
        old = self.data[at : at + 16] + bytes([0, self.data[left]])
        new = destination.low.to_bytes(16, "big") + bytes([0, self.data[left] - 1 & 0xFF])
        headers = tuple(replace(header, destination=destination) if header is ip else header for header in self.headers)
        packet = replace(self._patched(at, new[:16])._patched(left, new[17:]), headers=headers)
        if follows is Follows.BYTES or self.carried is None:
            return packet
        return replace(packet, carried=(self.carried + residue(old) + negate(residue(new))) % 0xFFFF)

    def _routing_header(self) -> int | None:
        """Where the outermost IP header's routing header starts."""
        place = next((n for n, header in enumerate(self.headers) if header.is_ip), len(self.headers))
        number = self.data[self.offset(self.headers[place].uid) + 6] if place < len(self.headers) else 0
        for header in self.headers[place + 1 :]:
            if header.layer is not Layer.EXTENSION:
                break
            start = self.offset(header.uid)
            if number == 43:
                return start
            number = self.data[start]
        return None

    def mend_payload(self, edit: Translation) -> Self:
        """As SymbolicPacket.mend_payload. A word of zero where UDP's sum would be is left alone."""
        packet, ip = replace(self, pieces=tuple(piece.mend_payload(edit) for piece in self.pieces)), outer_ip(self.headers)
        if ip is None or ip.fragment is not FragmentRole.LATER:
            return packet
        start = self.offset(ip.uid)
        whole = self._ip_packet()
        at = start + len(whole) - len(payload_of(whole))
        number = self.data[start + 9] if ip.layer is Layer.IPV4 else self.data[at - 8]
        place = next((at + place for protocol, place in TAKEN_FOR_SUMS.values() if protocol == number), len(self.data))
        first, second, size = ADDRESS_PLACES[ip.layer]
        for where, span in ((first, edit.source), (second, edit.destination)):
            word = int.from_bytes(packet.data[place : place + 2], "big")
            if span is None or not span.exact or place + 2 > len(self.data) or (number == _UDP and not word):
                continue
            old = self.data[start + where : start + where + size]
            mended = by_final_rule(word, old, span.low.to_bytes(size, "big"), ones=True)
            packet = packet._patched(place, mended.to_bytes(2, "big"))
        return packet

    def _ecn(self, uid: int) -> int:
        header = next(header for header in self.headers if header.uid == uid)
        first = int.from_bytes(self.data[self.offset(uid) : self.offset(uid) + 2], "big")
        return first >> (0 if header.layer is Layer.IPV4 else 4) & 3

    def _with_ecn(self, uid: int, bits: int) -> bytes:
        """The first word of an IP header with other ECN bits."""
        header = next(header for header in self.headers if header.uid == uid)
        shift = 0 if header.layer is Layer.IPV4 else 4
        first = int.from_bytes(self.data[self.offset(uid) : self.offset(uid) + 2], "big")
        return (first & ~(3 << shift) | bits << shift).to_bytes(2, "big")

    def _mark(self, ip: Header, edit: Translation, rule: Rule) -> Self:
        """New DSCP, ECN bits, TTL or hop limit. (Linux include/net/dsfield.h ipv4_change_dsfield.)"""
        packet, at, four = self, self.offset(ip.uid), ip.layer is Layer.IPV4
        if edit.dscp is not None:
            word = int.from_bytes(packet.data[at : at + 2], "big")
            word = word & ~0xFC | edit.dscp << 2 if four else word & ~0x0FC0 | edit.dscp << 6
            packet = packet._edited(ip.uid if four else None, at, word.to_bytes(2, "big"), rule)
        if edit.ecn is not None:
            packet = packet._edited(ip.uid if four else None, at, packet._with_ecn(ip.uid, edit.ecn), rule)
        if edit.ttl is not None:
            place = at + (8 if four else 6)
            old = packet.data[place : place + 2]
            new = bytes([edit.ttl, old[1]]) if four else bytes([old[0], edit.ttl])
            packet = packet._edited(ip.uid if four else None, place, new, rule)
        return packet

    def _option(self, transport: Header, number: int) -> int | None:
        return tcp_option(self.data, self.offset(transport.uid), number) if transport.layer is Layer.TCP else None

    def _with_option(self, transport: Header, edit: Translation, rule: Rule) -> Self:
        """A smaller MSS option of a segment that has one (Linux net/netfilter/xt_TCPMSS.c tcpmss_mangle_packet), or a timestamp with
        another last bit, which stands for any other."""
        at = self._option(transport, edit.option)
        if at is None:
            return self
        if edit.mss is None:
            return self._edited(transport.uid, at, self.data[at : at + 3] + bytes([self.data[at + 3] ^ 1]), rule)
        old = int.from_bytes(self.data[at : at + 2], "big")
        return self._edited(transport.uid, at, min(old, edit.mss).to_bytes(2, "big"), rule)

    def _with_numbers(self, transport: Header, edit: Translation, rule: Rule) -> Self:
        """Other sequence and acknowledgment numbers of TCP (Linux net/netfilter/nf_conntrack_seqadj.c nf_ct_seq_adjust)."""
        packet, start = self, self.offset(transport.uid)
        for at, more in ((start + 4, edit.sequence), (start + 8, edit.acknowledgment)):
            new = int.from_bytes(self.data[at : at + 4], "big") + more & 0xFFFFFFFF
            packet = packet._edited(transport.uid, at, new.to_bytes(4, "big"), rule)
        return packet

    def _without_option(self, transport: Header, edit: Translation, rule: Rule) -> Self:
        """An option of TCP as so many that say nothing; the sum follows byte by byte (Linux net/netfilter/xt_TCPOPTSTRIP.c
        tcpoptstrip_mangle_packet, nft_exthdr.c nft_exthdr_tcp_strip_eval)."""
        start = self.offset(transport.uid)
        found = tcp_option(self.data, start, edit.strip) if transport.layer is Layer.TCP else None
        if found is None:
            return self
        size = self.data[found - 1]
        return self._edited(transport.uid, found - 2, _NO_OPERATION * size, rule)

    def _with_mention(self, transport: Header, edit: Translation, rule: Rule) -> Self:
        """Another address in the payload, as bytes (Linux net/ipv4/netfilter/nf_nat_snmp_basic_main.c snmp_helper); in a payload that does
        not have it another last word, which stands for any."""
        assert edit.mentioned is not None
        old, new = (span.low.to_bytes(4 if span.version == 4 else 16, "big") for span in edit.mentioned)
        start, end = self.offset(transport.uid) + 8, self.sums[transport.uid].end
        at = self.data.find(old, start, end)
        if at < 0:
            at, new = end - 2 - (end - start) % 2, b""
        new = new or bytes([self.data[at] ^ 1, self.data[at + 1]])
        return self._edited(transport.uid, at, new, rule)

    def _rewrite(self, header: Header, side: str, span: Span, rule: Rule, ip: Rule) -> Self:
        """New address or port, and the fields that follow it. One that only run-time state could tell stays as it is."""
        first, second, size = ADDRESS_PLACES[header.layer] if header.is_ip else (0, 2, 2)
        at = self.offset(header.uid) + (first if side == "source" else second)
        old = self.data[at : at + size]
        new = span.low.to_bytes(size, "big") if span.exact else old
        packet = self._patched(at, new)
        if header.layer is Layer.IPV4:
            packet = packet._updated(header.uid, old, new, ip)
        transport = outer_transport(self.headers)
        if transport is not None and header.uid == transport.uid and KINDS[header.kind].crc:
            if rule.keeps_residue:
                one, was = packet.sums[header.uid], self.sums[header.uid]
                field, before, after = packet.data[one.at : one.at + 4], self._crc(was), packet._crc(one)
                packet = packet._patched(one.at, bytes(a ^ b ^ c for a, b, c in zip(field, before, after, strict=True)))
        elif transport is not None:
            in_pseudo = header.is_ip and KINDS[packet.sums[transport.uid].kind].pseudo
            if in_pseudo or header.uid == transport.uid:
                packet = packet._updated(transport.uid, old, new, Rule.LEAVE if rule is Rule.PSEUDO and not in_pseudo else rule)
        headers = tuple(
            (replace(h, source=span) if side == "source" else replace(h, destination=span)) if h.uid == header.uid else h
            for h in packet.headers
        )
        return replace(packet, headers=headers)
