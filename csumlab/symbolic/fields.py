"""A packet of a class: its checksums as forms, what is asked of them and what is written into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from csumlab.behaviours import LONGEST, Measure, Measured
from csumlab.forms import ZERO, Form, Symbol, of, unknown
from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import Zero
from csumlab.lengths import ETHERNET_SIZE, FIELD_PLACES, UNTOLD_LENGTH, Extent, size
from csumlab.operations import Coverage, Rule
from csumlab.packet import (
    Header,
    enclosing,
    ip_of,
    outer_ip,
    words,
)
from csumlab.symbolic.sums import CRC_WORDS, Sum, Untold, decide

MARKS = {"ecn": (1, 16), "dscp": (4, 64), "ttl": (256, 1)}
"""Words of an IP header that no pseudo-header holds, by their names in an edit: what one of them is worth in a sum over IPv4, and over
IPv6."""
DAMAGE = Symbol("damage", damage=True)


def _swapped(difference: Form, uid: int) -> Form:
    """What an update counts that takes a difference with its bytes swapped. One that is not tracked is taken to be another than its
    swapped self, as all but one in 257 are."""
    if not difference.unknowns:
        return 256 * difference
    name = f"what swapped bytes leave in the sum of header {uid}"
    return difference - of(Symbol(name, unknown=difference.unknowns[0].unknown, nonzero=True))


@dataclass(frozen=True, slots=True)
class SymbolicFields:
    """A packet in the walk. ``sums`` by uid of the carrying header. ``extent`` is how long its frame is. ``known_words`` are the
    present forms of addresses and ports that were rewritten, by (uid, "source" or "destination"). ``trailer`` is the sum of what
    follows the innermost IP packet that was captured, and ``around_trailer`` are the sums made later that cover it. ``sealed`` is the
    packet inside an opaque tunnel. ``long`` says that it is a super-frame, ``segmented`` that it is one of the segments of one,
    ``bundled`` that it is several datagrams merged without a look at the tunnel's packets in them, ``remade`` how often it was cut or
    merged. ``undivided`` is of a super-frame that is one datagram: the bytes of the longest fragment that it is to be cut into, else 0.
    ``spoiled`` says that damage was put into what is encrypted. ``carried`` is the sum that
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
    undivided: int = 0
    remade: int = 0
    trailer: Form = ZERO
    around_trailer: frozenset[int] = frozenset()
    known_words: Mapping[tuple[int, str], Form] = field(default_factory=dict)
    sealed: SymbolicFields | None = None
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

    def once_filled(self, uid: int) -> Form:
        """The residue of a sum once a partial one inside it is filled, by the bytes alone: nobody may know that it is owed."""
        residue = self.sums[uid].residue
        for header in self.headers:
            if header.uid in self.sums and KINDS[header.kind].pseudo and self.sums[header.uid].seed == ZERO:
                factor = next((f for outer, f in enclosing(self.headers, header.uid) if outer.uid == uid), None)
                if factor is not None:
                    return residue - factor * self.sums[header.uid].lacking
        return residue

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
        ahead = self.headers[: next(n for n, h in enumerate(self.headers) if h.uid == uid)]
        start = Extent(ETHERNET_SIZE, ETHERNET_SIZE).more(size(ahead))
        end = 0
        ip = outer_ip(self.headers)
        match said.measure:
            case Measure.FRAME:
                found = self.extent
            case Measure.PACKET if self.long:
                return said.high >= LONGEST
            case Measure.PACKET:
                found = Extent(*ip.sent_bounds) if ip is not None and ip.sent_bounds is not None else UNTOLD_LENGTH
            case Measure.START:
                found = start
            case Measure.BEHIND:
                place = FIELD_PLACES[self.sums[uid].kind] + 2
                found = self.extent.less(start.more(Extent(place, place)))
            case Measure.REACH:
                end = FIELD_PLACES[self.sums[uid].kind] + 2
                found = start.more(Extent(end, end))
        answer = found.within(said.low, said.high)
        if answer is None and said.measure in (Measure.START, Measure.REACH):
            answer = self._starts_within(ahead, uid, said.low - end, said.high - end)
        if answer is None:
            raise Untold(f"how many {said.measure.value} there are is not known")
        return answer

    def _starts_within(self, ahead: tuple[Header, ...], uid: int, low: int, high: int) -> bool | None:
        """Whether the header ``uid`` has ``low`` to ``high`` bytes before it in the frame: of what was captured each packet tells. None
        where the walk has put on headers of unknown length."""
        pushed = [header for header in ahead if header.index < 0]
        captured = [header.index for header in ahead if header.index >= 0]
        own = next(header.index for header in self.headers if header.uid == uid)
        before = Extent(ETHERNET_SIZE, ETHERNET_SIZE).more(size(pushed))
        if not captured or own < 0 or before.low != before.high:
            return None
        return self._is_farther(captured[0], own, low - before.low - 1) and not self._is_farther(captured[0], own, high - before.low)

    def _is_farther(self, first: int, other: int, limit: int) -> bool:
        """Whether more than ``limit`` bytes lie between the starts of two captured headers."""
        if limit < 0 or limit >= LONGEST:
            return limit < 0
        symbol = Symbol(f"header {other} more than {limit} bytes behind header {first}", ("farther", other, first << 16 | limit))
        return not decide(of(symbol), self.answers)

    def carry(self, coverage: Coverage) -> Self:
        first = self._summed
        if first is None:
            return self.forget()
        total = self._from(first)
        if coverage is Coverage.PACKET and self.trailing:
            total = total - self.trailer
        elif coverage is Coverage.BEHIND_TAG:
            total = total - of(Symbol("tag", unknown="the bytes of the VLAN tag are not summed", nonzero=True))
        elif coverage is Coverage.OTHER:
            total = total + of(Symbol("other bytes", unknown="which bytes were summed is not known", nonzero=True))
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
        that it was cut, or merged of several datagrams or is one, and how often."""
        cut, merged = self.segmented and not seen.long, self.bundled and seen.long
        long = seen.long or self.undivided > 0
        seen = replace(seen, long=long, segmented=cut, bundled=merged, undivided=self.undivided, remade=self.remade)
        return seen._following(self)

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
        own, ip = self.sums[uid], ip_of(self.headers, uid)
        if ip is not None and ip.gathered:
            reason = "a sum over one fragment is none of the datagram"
            others = Symbol(f"what later fragments of header {uid} add", unknown=reason, nonzero=True)
            return self._write(uid, of(others) - own.pseudo - own.data, Zero.ONES)
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

    @property
    def stale(self) -> bool:
        """Whether the sum that is carried is known not to be that of the packet's bytes."""
        first = self._summed
        return self.carried is not None and first is not None and self.carried != self._from(first)

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

    def _write(self, uid: int, value: Form, zero: Zero) -> Self:
        """Set a field; it is a word of every sum around it."""
        sums = dict(self.sums)
        difference = value - sums[uid].field
        sums[uid] = replace(sums[uid], field=value, zero=zero, absent=False)
        for header, factor in enclosing(self.headers, uid):
            if header.uid in sums:
                sums[header.uid] = replace(sums[header.uid], data=sums[header.uid].data + factor * difference)
        return replace(self, sums=sums)

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
