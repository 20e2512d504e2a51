"""The second interpreter: the same operations on real bytes, with the arithmetic that the kernel itself uses.

It is the readable definition that the symbolic one must equal, and makes the frames of other capture points. ``data`` starts at the
outermost VLAN tag or IP header; the link-layer header takes no part in a walk.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from csumlab.behaviours import Measure, Measured
from csumlab.crc32c import crc32c
from csumlab.dissection import Checksum, Dissection, dissect_packet
from csumlab.exchange import exchanged, other_protocol, other_version
from csumlab.facts import FragmentRole
from csumlab.headers import KINDS, UDP_TUNNELS, Kind, Layer, Link
from csumlab.inet import negate, residue
from csumlab.lengths import ETHERNET_SIZE, SHORTEST_FRAME
from csumlab.machine import Translation
from csumlab.outer import ETHERTYPES, IN_FRONT, MACS, Outer, OuterSum, inner_start, outer_bytes, outer_headers
from csumlab.packet import PORTED, Header, Span, enclosing, in_one, in_pieces, outer_ip, outer_transport, uncovered, unmeasured
from csumlab.pieces import cut, join, payload_of
from csumlab.rewriting import ADDRESS_PLACES, by_final_rule, by_partial_rule, tcp_option, translated_quote
from csumlab.stage import Coverage, Follows, Rule
from csumlab.symbolic.edits import TAKEN_FOR_SUMS
from csumlab.symbolic.sums import Untold
from csumlab.tables import Tables

_KEY = 0x5A
"""The cipher: every byte is changed, lengths stay. It stands for any real one."""
_INSIDE = 6
"""Where in an IPv4 header a csum_start is that does not point at what follows it: the first place that a tap lets pass."""
SEGMENT = 1000
"""Bytes of payload in one segment of a super-frame. It stands for any number: the sums follow whatever it is."""
_ERROR = 6
"""By how much a spoiled field is wrong. It stands for any number but 0."""
_TIMESTAMP = 34
"""Where a PTP message has the time that it was sent."""
_LEFT_OVER = b"\x17\x5a"
"""What a buffer held before. It stands for anything that does not add up to zero."""
_UDP = 17
_CUT_BEHIND = {Layer.UDP: 8, Layer.SCTP: 12}
"""Bytes of headers that every segment of a super-frame gets. (Where SCTP is cut its chunks end; here anywhere.)"""
_ECHOES = {8: 128, 0: 129, 128: 8, 129: 0}
"""Types of ICMP and ICMPv6 (RFC 7915 sections 4.2, 5.2)."""
_LAST_ONLY = 0x09
"""FIN and PSH, which only the last segment of a super-frame has (net/ipv4/tcp_offload.c tcp_gso_segment)."""


@dataclass(frozen=True, slots=True)
class FramePacket:
    """A packet as bytes. ``headers`` are parallel to what the dissector finds; ``sealed`` is the packet that an opaque tunnel carries;
    ``carried`` the sum that travels beside it, as in SymbolicPacket, of all fragments together. ``pieces`` are the fragments behind the
    first one of a datagram that was cut on the walk. ``behind`` is what the other segments hold if the packet is the first of several:
    payload and TCP flags. ``bundle_size`` are the bytes of the datagrams that were merged with it."""

    data: bytes
    headers: tuple[Header, ...]
    long: bool = False
    pages: int = 0
    sealed: FramePacket | None = None
    behind: tuple[bytes, int] | None = None
    bundle_size: int = 0
    tunnel_ports: tuple[tuple[int, Layer], ...] = ()
    carried: int | None = None
    pieces: tuple[FramePacket, ...] = ()

    @property
    def segmented(self) -> bool:
        return self.behind is not None and not self.bundle_size

    @property
    def bundled(self) -> bool:
        return self.bundle_size > 0

    @property
    def sums(self) -> dict[int, Checksum]:
        """The checksums by uid of their header, with offsets into ``data``."""
        return self._layout()[1]

    def offset(self, uid: int) -> int:
        """Where a header starts in ``data``."""
        return self._layout()[0][uid]

    def right(self, uid: int) -> bool:
        found = self.sums[uid].residue
        if found is None:
            raise Untold("the checksum's coverage is not all here")
        return found == 0

    def spelled(self, uid: int) -> bool:
        one = self.sums[uid]
        return (one.field or 0) % 0xFFFF != 0 or one.field == KINDS[one.kind].computed_zero

    def absent(self, uid: int) -> bool:
        one = self.sums[uid]
        return KINDS[one.kind].zero_is_absent and one.field == 0

    @property
    def trailing(self) -> bool:
        """Bytes of zero add nothing to any sum and are not told from none."""
        return residue(self.data[self._end() :]) != 0

    def is_of(self, said: Measured, uid: int) -> bool:
        match said.measure:
            case Measure.FRAME:
                found = ETHERNET_SIZE + len(self.data)
            case Measure.START:
                found = ETHERNET_SIZE + self.offset(uid)
            case Measure.BEHIND:
                found = len(self.data) - self.sums[uid].at - 2
        return said.low <= found <= said.high

    def agrees(self, uid: int) -> bool:
        first = self._summed()
        if not KINDS[self.sums[uid].kind].sums_rest or first is None:
            return False
        if self.carried is None:
            return self.right(uid)
        pseudo = self._pseudo(uid) if self.sums[uid].pseudo is not None else 0
        before = residue(self.data[self.sums[first].start : self.sums[uid].start])
        return (pseudo + self.carried - before) % 0xFFFF == 0

    def odd_option(self, number: int) -> bool:
        transport = outer_transport(self.headers)
        at = self._option(transport, number) if transport is not None else None
        return transport is not None and at is not None and (at - self.offset(transport.uid)) % 2 == 1

    def marked(self, uid: int, bits: int) -> bool:
        return self._ecn(uid) == bits

    def mark(self, uid: int, bits: int, rule: Rule) -> Self:
        """Linux include/net/inet_ecn.h IP_ECN_set_ce, IP6_ECN_set_ce, where skb->csum follows."""
        header = next(header for header in self.headers if header.uid == uid)
        at, four = self.offset(uid), header.layer is Layer.IPV4
        new = self._with_ecn(uid, bits)
        packet = self._edited(uid if four else None, at, new, rule)
        if self.carried is None:
            return packet
        length = len(self.data) - at
        return replace(packet, carried=(self.carried + residue(packet.data[-length:]) - residue(self.data[-length:])) % 0xFFFF)

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

    def fills_to_zero(self, uid: int) -> bool:
        return self.sums[uid].kind is not Kind.IPV4 and residue(self.data[self.sums[uid].start :]) == 0

    def carry(self, coverage: Coverage) -> Self:
        first = self._summed()
        if first is None:
            return self.forget()
        end = self._end() if coverage is Coverage.PACKET else len(self.data)
        total = residue(self.data[self.sums[first].start : end])
        if coverage is Coverage.BEHIND_TAG:
            ip = outer_ip(self.headers)
            total -= residue(self.data[: self.offset(ip.uid) if ip else 0])
        total += sum(residue(payload_of(piece._ip_packet())) for piece in self.pieces)
        return replace(self, carried=total % 0xFFFF)

    def convert(self) -> Self:
        first = self._summed()
        if first is None:
            return self
        return replace(self, carried=negate(self._pseudo(first) if self.sums[first].pseudo is not None else 0))

    def forget(self) -> Self:
        return self if self.carried is None else replace(self, carried=None)

    def fill(self, uid: int, crc: bool = False) -> Self:
        """Linux net/core/dev.c skb_checksum_help: from csum_start to the end of the frame, 0 as 0xffff; skb_crc32c_csum_help."""
        one = self.sums[uid]
        if crc:
            return self._patched(one.at, crc32c(self.data[one.start :]).to_bytes(4, "little"))
        start = one.start + (_INSIDE if one.kind is Kind.IPV4 else 0)
        return self._with_field(uid, negate(residue(self.data[start:])) or 0xFFFF)

    def write_pseudo(self, uid: int) -> Self:
        return self._with_field(uid, self._pseudo(uid) or 0xFFFF)

    def write_zero(self, uid: int) -> Self:
        one = self.sums[uid]
        return self._patched(one.at, bytes(KINDS[one.kind].width))

    def compute(self, uid: int) -> Self:
        one = self.sums[uid]
        if KINDS[one.kind].crc:
            return self._patched(one.at, self._crc(one))
        body = self.data[one.start : one.at] + bytes(2) + self.data[one.at + 2 : one.end]
        value = negate(residue(body) + (self._pseudo(uid) if one.pseudo is not None else 0))
        return self._with_field(uid, value or KINDS[one.kind].computed_zero)

    def respell(self, uid: int) -> Self:
        return self._updated(uid, b"", b"", Rule.FINAL)

    def spoil(self, uid: int) -> Self:
        return self._with_field(uid, ((self.sums[uid].field or 0) + _ERROR) % 0xFFFF or 0xFFFF)

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
        if transport is not None and transport.layer in PORTED:
            for side, span in (("source", edit.source_port), ("destination", edit.destination_port)):
                if span is not None:
                    packet = packet._rewrite(transport, side, span, port, ip)
        if transport is not None and edit.option:
            packet = packet._with_option(transport, edit, port)
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
        """RFC 7915 sections 4.1 and 5.1, and 4.5 for the numbers of echoes. The field follows as Linux csum_replace4 does it, word for
        word."""
        old, transport = exchanged(self.headers)
        new, moved = other_version(old, edit, self._next_uid()), other_protocol(transport)
        start, at = self.offset(old.uid), self.offset(transport.uid)
        body, size = self.data[at : self._end()], 4 if new.layer is Layer.IPV4 else 16
        sources, destinations = (self._moved_address(old, side, edit, size) for side in ("source", "destination"))
        protocol = {Layer.ICMP: 1, Layer.ICMPV6: 58, Layer.TCP: 6, Layer.UDP: 17}[moved.layer]
        first = body[:2]
        if moved.layer is not transport.layer:
            first = bytes([_ECHOES.get(body[0], body[0]), body[1]])
        head = self.data[start:at]
        if new.layer is Layer.IPV4:
            traffic = int.from_bytes(head[:2], "big") >> 4 & 0xFF
            made = struct.pack("!BBHHHBBH", 0x45, traffic, 20 + len(body), 0, 0x4000, head[7], protocol, 0) + sources + destinations
            made = made[:10] + negate(residue(made)).to_bytes(2, "big") + made[12:]
        else:
            made = struct.pack("!IHBB", 6 << 28 | head[1] << 20, len(body), protocol, head[8]) + sources + destinations
        places = {old.uid: new, transport.uid: moved}
        headers = tuple(places.get(header.uid, header) for header in self.headers)
        packet = replace(self, data=self.data[:start] + made + first + body[2:], headers=headers, carried=None)
        was, become = self._in_pseudo(old, transport), packet._in_pseudo(new, moved)
        if rule is Rule.PSEUDO:
            return packet._updated(transport.uid, was, become, rule)
        return packet._updated(transport.uid, was + body[:2], become + first, rule)

    def _in_pseudo(self, ip: Header, transport: Header) -> bytes:
        """The bytes of a pseudo-header as they are summed, none if this protocol has no such sum."""
        if not KINDS[transport.kind].pseudo:
            return bytes(36)
        first, _, size = ADDRESS_PLACES[ip.layer]
        at = self.offset(ip.uid) + first
        length = len(self.data) - self.offset(transport.uid)
        number = {Layer.ICMPV6: 58, Layer.TCP: 6, Layer.UDP: 17}[transport.layer]
        return (self.data[at : at + 2 * size] + struct.pack("!HH", length, number)).ljust(36, b"\0")

    def _moved_address(self, old: Header, side: str, edit: Translation, size: int) -> bytes:
        """An address of an exchanged header: what the edit says, or the old one put into the prefix or taken out of it."""
        span = edit.source if side == "source" else edit.destination
        if span is not None and span.exact:
            return span.low.to_bytes(size, "big")
        first, second, width = ADDRESS_PLACES[old.layer]
        at = self.offset(old.uid) + (first if side == "source" else second)
        present = self.data[at : at + width]
        prefix = edit.prefix.low.to_bytes(16, "big")[:12] if edit.prefix is not None else bytes(12)
        return prefix + present if size == 16 else present[12:]

    def translate_quote(self, edit: Translation, address: Rule, whole: Rule) -> Self:
        """Linux net/netfilter/nf_nat_proto.c nf_nat_icmp_reply_translation: the quoted packet is translated by the same code, as far as it
        was quoted. Cilium bpf/lib/nat.h snat_v4_calc_icmp_error_csum_diff: the error's own sum follows what the addresses leave."""
        transport = outer_transport(self.headers)
        if transport is None or not transport.quotes:
            return self
        found = _dissected(self.frame(), self.tunnel_ports)
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
        packet, start = replace(self, pieces=tuple(piece.decrement_ttl() for piece in self.pieces)), self.offset(ip.uid)
        if ip.layer is Layer.IPV6:
            return packet._patched(start + 7, bytes([self.data[start + 7] - 1 & 0xFF]))
        check = self.sums[ip.uid].field or 0
        check += 0x0100
        packet = packet._patched(start + 8, bytes([self.data[start + 8] - 1 & 0xFF]))
        return packet._patched(start + 10, (check + (check >= 0xFFFF) & 0xFFFF).to_bytes(2, "big"))

    def trim(self) -> Self:
        end, first = self._end(), self._summed()
        packet = replace(self, data=self.data[:end])
        if self.carried is None or first is None:
            return packet
        start = self.sums[first].start
        cut = residue(self.data[start:]) - residue(self.data[start:end])
        return replace(packet, carried=(self.carried - cut) % 0xFFFF)

    def pad(self) -> Self:
        """Bytes of whatever was in the buffer, to the shortest frame of Ethernet."""
        lacking = SHORTEST_FRAME - ETHERNET_SIZE - len(self.data)
        return replace(self, data=self.data + (_LEFT_OVER * lacking)[:lacking]) if lacking > 0 else self

    def segment(self, uid: int) -> Self:
        """The first segment. A transport field moves with the length in the pseudo-header, as Linux adds the difference to what it finds
        (net/ipv4/tcp_offload.c tcp_gso_segment); the IPv4 headers and an outer UDP sum are made anew around it."""
        if self.bundled:
            return self.unbundle()
        packet = self._first()
        before, after = self.sums, packet.sums
        own = after[uid]
        seed = (before[uid].field or 0) - self._pseudo(uid)
        if not KINDS[own.kind].crc:
            packet = packet._with_field(uid, (packet._pseudo(uid) + seed) % 0xFFFF or 0xFFFF)
        for header, _ in enclosing(self.headers, uid):
            outer = after[header.uid]
            if self.absent(header.uid):
                continue
            seed = (before[header.uid].field or 0) - (self._pseudo(header.uid) if outer.pseudo is not None else 0)
            packet = packet._with_field(header.uid, 0)
            ahead = residue(packet.data[outer.start : own.start])
            inside = negate(packet.sums[uid].field or 0)
            pseudo = packet._pseudo(header.uid) if outer.pseudo is not None else 0
            packet = packet._with_field(header.uid, negate(ahead + inside + pseudo + seed) or KINDS[outer.kind].computed_zero)
        return packet

    def merge(self) -> Self:
        return self if self.behind is None else self._again()._seeded()

    def join(self) -> Self:
        return self if self.behind is None else self._again()._as_right_as(self)

    def bundle(self) -> Self:
        """With a datagram of the same bytes behind it, which stands for any."""
        transport = outer_transport(self.headers)
        if transport is None:
            return self
        more = self.data[self.offset(transport.uid) + 8 :]
        packet = replace(self, data=self.data + more, long=True, bundle_size=len(more), carried=None)
        return packet._with_lengths(len(more), self.headers[: inner_start(self.headers)])._seeded()

    def unbundle(self) -> Self:
        size = self.bundle_size
        packet = replace(self, data=self.data[: len(self.data) - size], long=False, bundle_size=0, carried=None)
        return packet._with_lengths(-size, self.headers[: inner_start(self.headers)])._seeded()

    def _seeded(self) -> Self:
        """With the pseudo-header's sum in the outer transport field, unless there is no sum."""
        transport = outer_transport(self.headers)
        return self if transport is None or self.absent(transport.uid) else self.write_pseudo(transport.uid)

    def _again(self) -> Self:
        """The super-frame again, under the headers as they are now."""
        assert self.behind is not None
        payload, flags = self.behind
        packet = replace(self, data=self.data + payload, long=True, behind=None, carried=None)
        transport = outer_transport(self.headers)
        if transport is not None and transport.layer is Layer.TCP:
            at = packet.offset(transport.uid) + 13
            packet = packet._patched(at, bytes([packet.data[at] | flags]))
        return packet._with_lengths(len(payload))

    def fragment(self, mtu: int) -> Self:
        """The first fragment; the others go with it."""
        headers, ip = in_pieces(self.headers, mtu, self._next_uid()), outer_ip(self.headers)
        assert ip is not None
        size, place = min(mtu, ip.piece or mtu), self.offset(ip.uid)
        first, *others = [self.data[:place] + piece for piece in cut(self._ip_packet(), size)]
        known = next(n for n, header in enumerate(headers) if header.is_ip) + 1
        while known < len(headers) and headers[known].layer is Layer.EXTENSION:
            known += 1
        later = tuple(replace(header, fragment=FragmentRole.LATER) if header.is_ip else header for header in headers[:known])
        made: list[FramePacket] = [replace(self, data=data, headers=later, pieces=(), carried=None) for data in others]
        for piece in self.pieces:
            made += [replace(piece, data=piece.data[:place] + data) for data in cut(piece._ip_packet(), size)]
        return replace(self, data=first, headers=headers, pieces=tuple(made))

    def reassemble(self) -> Self:
        """Linux net/ipv4/ip_fragment.c ip_frag_reasm; what follows a fragment on its wire is no part of it."""
        ip = outer_ip(self.headers)
        assert ip is not None
        whole = join([self._ip_packet(), *(piece._ip_packet() for piece in self.pieces)])
        return replace(self, data=self.data[: self.offset(ip.uid)] + whole, headers=in_one(self.headers), pieces=())

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

    def from_wire(self) -> Self:
        """What was captured as a super-frame crossed the wire in segments, each as right or wrong as the whole."""
        return self._first()._as_right_as(self) if self.long else self

    def _as_right_as(self, before: Self) -> Self:
        """With fields that make each sum right or wrong by as much as it was ``before``."""
        packet, earlier = self, before.sums
        for header in reversed(self.headers):
            one = earlier.get(header.uid)
            if one is None or one.residue is None or before.absent(header.uid):
                continue
            if KINDS[one.kind].crc:
                packet = packet if one.residue else packet.compute(header.uid)
                continue
            present = packet.sums[header.uid]
            off = ((present.residue or 0) - one.residue) % 0xFFFF
            packet = packet._with_field(header.uid, ((present.field or 0) - off) % 0xFFFF or KINDS[one.kind].computed_zero)
        return packet

    def push(self, outer: Outer, how: OuterSum, aimed: int | None, remote: bool) -> Self:
        far = None
        if remote and aimed is not None:
            one = self.sums[aimed]
            far = (one.start, one.at - one.start)
        pieces = tuple(piece.push(outer, how, aimed, remote) for piece in self.pieces)
        packet = replace(self, pieces=pieces)._around(outer, self.data, self.headers[0].layer, how, far)
        own = outer_transport(packet.headers)
        if own is None or how is OuterSum.NONE:
            return packet
        one, pseudo = packet.sums[own.uid], packet._pseudo(own.uid)
        zero = KINDS[own.kind].computed_zero
        if how is OuterSum.LCO and aimed is not None:
            # Linux include/linux/skbuff.h lco_csum: what the inner sum covers will add up to the complement of its field.
            target = packet.sums[aimed]
            ahead = residue(packet.data[one.start : target.start])
            return packet._with_field(own.uid, negate(ahead + negate(target.field or 0) + pseudo) or zero)
        return packet._with_field(own.uid, pseudo or zero)

    def pop(self) -> Self:
        kept = uncovered(self.headers, inner_start(self.headers))
        start = self.offset(kept[0].uid) if kept else len(self.data)
        packet = replace(self, data=self.data[start:], headers=kept, pieces=tuple(piece.pop() for piece in self.pieces))
        old, new = self._summed(), packet._summed()
        if self.carried is None or old is None or new is None:
            return packet.forget()
        pulled = residue(self.data[self.sums[old].start : start + packet.sums[new].start])
        return replace(packet, carried=(self.carried - pulled) % 0xFFFF)

    def seal(self, outer: Outer, how: OuterSum) -> Self:
        data = bytes(byte ^ _KEY for byte in self.data)
        packet = replace(self._around(outer, data, None, how, None), sealed=self, long=False, pages=0, behind=None, pieces=())
        own = outer_transport(packet.headers)
        if own is None or how is OuterSum.NONE:
            return packet
        # A field of zero would say that a program wants no sum; the sender's table writes it next.
        return packet.compute(own.uid) if how is OuterSum.SOCKET else packet.write_pseudo(own.uid)

    def wrap(self, layers: tuple[Layer, ...]) -> Self:
        data = outer_bytes(Outer(0, layers), self.data, self.headers[0].layer, summed=False)
        made = tuple(Header(uid, layer) for uid, layer in enumerate(layers, self._next_uid()))
        return replace(self, data=data, headers=(*made, *self.headers), pieces=tuple(piece.wrap(layers) for piece in self.pieces))

    def unwrap(self, layers: Collection[Layer], follows: Follows) -> Self:
        if not self.headers or self.headers[0].layer not in layers:
            return self
        size = IN_FRONT[self.headers[0].layer]
        pieces = tuple(piece.unwrap(layers, Follows.BYTES) for piece in self.pieces)
        packet = replace(self, data=self.data[size:], headers=self.headers[1:], pieces=pieces)
        if follows is Follows.BYTES or self.carried is None:
            return packet
        return replace(packet, carried=(self.carried + residue(self.data[:size])) % 0xFFFF)

    def unseal(self) -> Self:
        if self.sealed is None:
            raise Untold("what the tunnel carries is encrypted and was not seen before it was sealed")
        inner = self.sealed
        return replace(
            self,
            data=inner.data,
            headers=inner.headers,
            long=inner.long,
            pages=inner.pages,
            sealed=inner.sealed,
            behind=inner.behind,
            pieces=inner.pieces,
        )

    def frame(self) -> bytes:
        """The packet with an Ethernet header in front."""
        return MACS + ETHERTYPES[self.headers[0].layer].to_bytes(2, "big") + self.data

    def _layout(self) -> tuple[dict[int, int], dict[int, Checksum]]:
        if not self.headers:
            return {}, {}
        found = _dissected(self.frame(), self.tunnel_ports)
        places = [(index, place) for index, place in enumerate(found.headers) if index and place.layer is not Layer.REMOTE]
        uids = {index: header.uid for header, (index, _) in zip(self.headers, places, strict=False)}
        offsets = {uids[index]: place.offset - 14 for index, place in places if index in uids}
        sums = {}
        for one in found.sums:
            if one.header in uids:
                sums[uids[one.header]] = replace(one, at=one.at - 14, start=one.start - 14, end=one.end - 14)
        return offsets, sums

    def _end(self) -> int:
        """Where the outermost IP packet ends by its own length."""
        ip = outer_ip(self.headers)
        if ip is None:
            return len(self.data)
        start = self.offset(ip.uid)
        if ip.layer is Layer.IPV4:
            length = int.from_bytes(self.data[start + 2 : start + 4], "big")
        else:
            length = 40 + int.from_bytes(self.data[start + 4 : start + 6], "big")
        return start + length if length > 40 or (ip.layer is Layer.IPV4 and length) else len(self.data)

    def _ip_packet(self) -> bytes:
        """The outermost IP packet by its own length."""
        ip = outer_ip(self.headers)
        return self.data[self.offset(ip.uid) : self._end()] if ip is not None else b""

    def _summed(self) -> int | None:
        first = next((header for header in self.headers if header.consumes), None)
        return first.uid if first is not None and first.uid in self.sums and KINDS[first.kind].sums_rest else None

    def _addresses(self, ip: Header) -> int:
        source, _, size = ADDRESS_PLACES[ip.layer]
        at = self.offset(ip.uid) + source
        return residue(self.data[at : at + 2 * size])

    def _pseudo(self, uid: int) -> int:
        found = self.sums[uid].pseudo if KINDS[self.sums[uid].kind].pseudo else 0
        if found is None:
            raise Untold("the pseudo-header is not all here")
        return found

    def _patched(self, at: int, new: bytes) -> Self:
        return replace(self, data=self.data[:at] + new + self.data[at + len(new) :])

    def _with_field(self, uid: int, value: int) -> Self:
        return self._patched(self.sums[uid].at, value.to_bytes(2, "big"))

    def _crc(self, one: Checksum) -> bytes:
        """The CRC that belongs there (RFC 9260 appendix A: least significant byte first)."""
        return crc32c(self.data[one.start : one.at] + bytes(4) + self.data[one.at + 4 : one.end]).to_bytes(4, "little")

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

    def _edited(self, uid: int | None, at: int, new: bytes, rule: Rule) -> Self:
        """Bytes written over; the sum of header ``uid`` follows by ``rule``, which counts a word at an odd place with its bytes swapped."""
        packet, old = self._patched(at, new), self.data[at : at + len(new)]
        if uid is None:
            return packet
        return packet._updated(uid, old, new, rule, odd=(at - self.offset(uid)) % 2 == 1)

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

    def _updated(self, uid: int, old: bytes, new: bytes, rule: Rule, odd: bool = False) -> Self:
        """Linux net/core/utils.c inet_proto_csum_replace4 and include/net/checksum.h csum_replace4, word for word. ``odd``: the words lie
        at an odd place."""
        one = self.sums[uid]
        if rule.keeps_residue or rule is Rule.SWAPPED:
            ones, swapped = KINDS[one.kind].writes_ones or rule is Rule.ONES, odd is not (rule is Rule.SWAPPED)
            return self._with_field(uid, by_final_rule(one.field or 0, old, new, ones=ones, odd=swapped))
        if rule is Rule.PSEUDO:
            return self._with_field(uid, by_partial_rule(one.field or 0, old, new))
        return self

    def _around(self, outer: Outer, payload: bytes, first: Layer | None, how: OuterSum, remote: tuple[int, int] | None) -> Self:
        """``payload`` behind new outer headers with a final IPv4 sum and an unwritten UDP or GRE field. ``first`` is the layer that it
        starts with, None for ciphertext, behind which no header of the present packet is read any more."""
        summed = how is not OuterSum.NONE
        covered = self.headers if first is not None else ()
        made = outer_headers(outer, self._next_uid(), summed=summed, remote=remote is not None, inside=covered)
        data = outer_bytes(outer, payload, first, summed=summed, remote=remote)
        tunnel = next((layer for layer in outer.layers if layer in UDP_TUNNELS.values() or layer is Layer.FOU), None)
        ports = self.tunnel_ports
        if covered and tunnel is not None and outer.port is not None:
            ports = (*ports, (outer.port.low, tunnel))
        return replace(self, data=data, headers=(*made, *covered), tunnel_ports=ports)

    def _first(self) -> Self:
        """The first segment with its lengths and flags, the rest put behind it; sums are as they were but for those of IPv4 headers."""
        last = next((header for header in reversed(self.headers) if header.layer in _CUT_BEHIND or header.layer is Layer.TCP), None)
        if last is None:
            raise Untold("it is no super-frame of TCP, UDP or SCTP")
        at = self.offset(last.uid)
        size = self.data[at + 12] >> 4 << 2 if last.layer is Layer.TCP else _CUT_BEHIND[last.layer]
        end = at + size + SEGMENT
        if end >= len(self.data):
            raise Untold("it is too short to be cut into segments")
        flags = self.data[at + 13] & _LAST_ONLY if last.layer is Layer.TCP else 0
        packet = replace(
            self, data=self.data[:end], headers=unmeasured(self.headers), long=False, behind=(self.data[end:], flags), carried=None
        )
        if flags:
            packet = packet._patched(at + 13, bytes([self.data[at + 13] & ~_LAST_ONLY]))
        return packet._with_lengths(end - len(self.data))

    def _with_lengths(self, more: int, of: tuple[Header, ...] | None = None) -> Self:
        """With every length of an IP or UDP header (``of`` some, else of all) changed by ``more``, and these IPv4 headers summed anew."""
        packet, offsets = self, {header.uid: self.offset(header.uid) for header in self.headers}
        changed = self.headers if of is None else of
        for header in changed:
            place = {Layer.IPV4: 2, Layer.IPV6: 4, Layer.UDP: 4}.get(header.layer)
            if place is not None:
                at = offsets[header.uid] + place
                length = int.from_bytes(packet.data[at : at + 2], "big") + more
                packet = packet._patched(at, length.to_bytes(2, "big"))
        for header in changed:
            if header.layer is Layer.IPV4:
                packet = packet.compute(header.uid)
        return packet

    def _next_uid(self) -> int:
        return max([*(header.uid + 1 for header in self.headers), self.sealed._next_uid() if self.sealed else 0])


@lru_cache(maxsize=256)
def _dissected(frame: bytes, tunnel_ports: tuple[tuple[int, Layer], ...]) -> Dissection:
    """The same bytes are asked about many times on a way: most stages change none."""
    return dissect_packet(frame, Link.ETHERNET, tables=Tables(tunnel_ports=tunnel_ports))
