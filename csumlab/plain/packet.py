"""The second interpreter: the same operations on real bytes, with the arithmetic that the kernel itself uses.

It is the readable definition that the symbolic one must equal, and makes the frames of other capture points. ``data`` starts at the
outermost VLAN tag or IP header; the link-layer header takes no part in a walk.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from csumlab.facts import FragmentRole
from csumlab.headers import KINDS, UDP_TUNNELS, Layer
from csumlab.inet import negate, residue
from csumlab.interpreting import Translation
from csumlab.lengths import ETHERNET_SIZE, SHORTEST_FRAME
from csumlab.operations import Follows, Rule
from csumlab.outer import FRONT_SIZES, HOPS_AT, MESH, Outer, OuterSum, inner_start, outer_bytes, outer_headers
from csumlab.packet import Header, cut_behind, enclosing, in_one, in_pieces, outer_ip, outer_transport, piece_of, uncovered, unmeasured
from csumlab.pieces import cut, join
from csumlab.plain.edits import PlainEdits
from csumlab.rewriting import mentioning
from csumlab.symbolic.sums import NOT_CUT, Untold

_KEY = 0x5A
"""The cipher: every byte is changed, lengths stay. It stands for any real one."""
SEGMENT = 1000
"""Bytes of payload in one segment of a super-frame. It stands for any number: the sums follow whatever it is."""
_LEFT_OVER = b"\x17\x5a"
"""What a buffer held before. It stands for anything that does not add up to zero."""
_CUT_BEHIND = {Layer.UDP: 8, Layer.SCTP: 12}
"""Bytes of headers that every segment of a super-frame gets. (Where SCTP is cut its chunks end; here anywhere.)"""
_LAST_ONLY = 0x09
"""FIN and PSH, which only the last segment of a super-frame has (net/ipv4/tcp_offload.c tcp_gso_segment)."""


@dataclass(frozen=True, slots=True)
class FramePacket(PlainEdits):
    """A packet as bytes that can be cut, joined, put into tunnels and taken out."""

    def trim(self, rule: Rule) -> Self:
        end, first = self._end(), self._summed()
        packet = replace(self, data=self.data[:end])
        if self.carried is None or first is None:
            return packet
        start = self.sums[first].start
        cut = residue(self.data[start:]) - residue(self.data[start:end])
        return replace(packet, carried=(self.carried - cut * (256 if rule is Rule.SWAPPED else 1)) % 0xFFFF)

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

    def rewrite(self, edit: Translation, rule: Rule) -> Self:
        """Linux net/netfilter/nf_nat_helper.c mangle_contents, and nf_nat_proto.c nf_nat_csum_recalc for a sum that is owed."""
        transport = outer_transport(self.headers)
        if transport is None or edit.mentioned is None:
            return self
        at = self.offset(transport.uid)
        start = at + (self.data[at + 12] >> 4 << 2 if transport.layer is Layer.TCP else 8)
        payload, end = mentioning(self.data[start:], *edit.mentioned), len(self.data)
        packet = replace(self, data=self.data[:start] + payload, headers=unmeasured(self.headers), carried=None)
        packet = packet._with_lengths(len(packet.data) - end, self.headers[: inner_start(self.headers)])
        old, new = ((size - at).to_bytes(2, "big") for size in (end, len(packet.data)))
        return packet._updated(transport.uid, old, new, rule)

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
        if self.long:
            return replace(self, long=False, undivided=0).fragment(mtu)
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

    def undivide(self, mtu: int) -> Self:
        ip = outer_ip(self.headers)
        return self if ip is None else replace(self, long=True, undivided=piece_of(ip, mtu))

    def reassemble(self) -> Self:
        """Linux net/ipv4/ip_fragment.c ip_frag_reasm; what follows a fragment on its wire is no part of it."""
        ip = outer_ip(self.headers)
        assert ip is not None
        whole = join([self._ip_packet(), *(piece._ip_packet() for piece in self.pieces)])
        return replace(self, data=self.data[: self.offset(ip.uid)] + whole, headers=in_one(self.headers), pieces=())

    def from_wire(self) -> Self:
        """What was captured as a super-frame crossed the wire in segments, each as right or wrong as the whole, or in fragments."""
        if self.undivided:
            return self.fragment(self.undivided)
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
        around = self._around(outer, data, None, how, None)
        packet = replace(around, sealed=self, long=False, undivided=0, pages=0, behind=None, pieces=())
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
        first = self.headers[0].layer
        size = FRONT_SIZES[first] if first in FRONT_SIZES else self.offset(self.headers[1].uid)
        pieces = tuple(piece.unwrap(layers, Follows.BYTES) for piece in self.pieces)
        packet = replace(self, data=self.data[size:], headers=self.headers[1:], pieces=pieces)
        if follows is Follows.BYTES or self.carried is None:
            return packet
        return replace(packet, carried=(self.carried + residue(self.data[:size])) % 0xFFFF)

    def decrement_hops(self, follows: Follows) -> Self:
        if not self.headers or self.headers[0].layer not in MESH:
            return self
        packet = self._patched(HOPS_AT, bytes([(self.data[HOPS_AT] - 1) % 256]))
        if follows is Follows.BYTES or self.carried is None:
            return packet
        return replace(packet, carried=(self.carried + 0x100) % 0xFFFF)

    def unseal(self) -> Self:
        if self.sealed is None:
            raise Untold("what the tunnel carries is encrypted and was not seen before it was sealed")
        inner = self.sealed
        return replace(
            self,
            data=inner.data,
            headers=inner.headers,
            long=inner.long,
            undivided=inner.undivided,
            pages=inner.pages,
            sealed=inner.sealed,
            behind=inner.behind,
            pieces=inner.pieces,
        )

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
        last = cut_behind(self.headers)
        if last is None:
            raise Untold(NOT_CUT)
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
