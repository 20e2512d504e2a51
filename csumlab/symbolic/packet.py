"""A packet of a class that is cut, merged, put into tunnels and taken out: what ``machine.Packet`` asks for, complete."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from csumlab.forms import ZERO, Form, Symbol, of, unknown
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import Zero
from csumlab.interpreting import Translation
from csumlab.lengths import LONG, SHORTEST_FRAME, UNTOLD_LENGTH, Extent, size
from csumlab.operations import Follows, Rule
from csumlab.outer import MESH, PPP_PROTOCOLS, Outer, OuterSum, inner_start, outer_headers
from csumlab.packet import (
    Header,
    cut_behind,
    enclosing,
    in_one,
    in_pieces,
    outer_ip,
    outer_transport,
    piece_of,
    uncovered,
    unmeasured,
)
from csumlab.symbolic.edits import SymbolicEdits, edited
from csumlab.symbolic.sums import CRC_WORDS, NOT_CUT, Sum, Untold


@dataclass(frozen=True, slots=True)
class SymbolicPacket(SymbolicEdits):
    """With what makes other packets of it."""

    def trim(self, rule: Rule) -> Self:
        """Linux net/core/skbuff.c pskb_trim_rcsum_slow: what is cut off is taken off the sum that is carried."""
        packet = replace(self, extent=self.extent.trimmed())
        if not self.trailing:
            return packet
        trimmed = replace(packet, trailer=ZERO)._following(self)
        if rule is not Rule.SWAPPED or trimmed.carried is None:
            return trimmed
        return replace(trimmed, carried=trimmed.carried + self.trailer - 256 * self.trailer)

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

    def rewrite(self, edit: Translation, rule: Rule) -> Self:
        """Another payload of another length, neither of which is known (Linux net/netfilter/nf_nat_helper.c mangle_contents)."""
        packet = replace(self._remade("rewritten packet", long=self.long, segmented=self.segmented), extent=UNTOLD_LENGTH)
        transport = outer_transport(self.headers)
        if transport is None or rule is not Rule.PSEUDO:
            return packet
        own = packet.sums[transport.uid]
        return packet._with_sum(transport.uid, replace(own, field=own.pseudo + self.sums[transport.uid].seed, zero=Zero.ONES))

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
        headers = in_pieces(self.headers, mtu, self._next_uid())
        return replace(self, headers=headers, long=False, undivided=0, extent=LONG)._with_new_ip("fragment")

    def undivide(self, mtu: int) -> Self:
        """One datagram in a super-frame, of which ``mtu`` tells how long its fragments will be (skb_shinfo(skb)->gso_size)."""
        ip = outer_ip(self.headers)
        return self if ip is None else replace(self, long=True, undivided=piece_of(ip, mtu))

    def reassemble(self) -> Self:
        """Linux net/ipv4/ip_fragment.c ip_frag_reasm: the sums beside the fragments add up to that of the datagram."""
        return replace(self, headers=in_one(self.headers), extent=LONG)._with_new_ip("datagram that was put together")

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
        """What was captured as a super-frame crossed the wire in segments, each as right or wrong as the whole, or in fragments."""
        if self.undivided:
            return self.fragment(self.undivided)
        if self.long and cut_behind(self.headers) is None:
            raise Untold(NOT_CUT)
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
            undivided=0,
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
        left = Form(PPP_PROTOCOLS[behind]) if first.layer is Layer.PPP and behind in PPP_PROTOCOLS else edited("the bytes", first)
        return replace(packet, carried=self.carried + left)

    def decrement_hops(self, follows: Follows) -> Self:
        """The TTL of the mesh's header becomes less by one. The sum that is carried has that header no more: who does not take the change
        off it leaves the difference in there when the header is taken off."""
        in_mesh = self.headers and self.headers[0].layer in MESH
        if not in_mesh or follows is Follows.BYTES or self.carried is None:
            return self
        return replace(self, carried=self.carried + Form(0x100))

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
            spoiled=inner.spoiled,
            long=inner.long,
            pages=inner.pages,
            segmented=inner.segmented,
            undivided=inner.undivided,
            remade=inner.remade,
        )

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
                data = (
                    unknown(label, "a tunnel's source port is chosen by a hash of the flow", spread=header.layer is Layer.UDP)
                    + self._total()
                )
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
