"""A packet as bytes: its headers, what is asked of its sums, and the writing of single fields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from csumlab.behaviours import Measure, Measured
from csumlab.crc32c import crc32c
from csumlab.dissection import Checksum, Dissection, dissect_packet
from csumlab.headers import KINDS, Kind, Layer, Link
from csumlab.inet import negate, residue
from csumlab.lengths import ETHERNET_SIZE
from csumlab.operations import Coverage, Rule
from csumlab.outer import ETHERTYPES, MACS
from csumlab.packet import Header, outer_ip
from csumlab.pieces import payload_of
from csumlab.rewriting import ADDRESS_PLACES, by_final_rule, by_partial_rule
from csumlab.symbolic.sums import Untold
from csumlab.tables import Tables

_INSIDE = 6
"""Where in an IPv4 header a csum_start is that does not point at what follows it: the first place that a tap lets pass."""
_ERROR = 6
"""By how much a spoiled field is wrong. It stands for any number but 0."""


@dataclass(frozen=True, slots=True)
class PlainFields:
    """A packet as bytes. ``headers`` are parallel to what the dissector finds; ``sealed`` is the packet that an opaque tunnel carries;
    ``carried`` the sum that travels beside it, as in SymbolicPacket, of all fragments together. ``pieces`` are the fragments behind the
    first one of a datagram that was cut on the walk. ``behind`` is what the other segments hold if the packet is the first of several:
    payload and TCP flags. ``bundle_size`` are the bytes of the datagrams that were merged with it, ``undivided`` as in SymbolicPacket."""

    data: bytes
    headers: tuple[Header, ...]
    long: bool = False
    pages: int = 0
    sealed: Self | None = None
    behind: tuple[bytes, int] | None = None
    bundle_size: int = 0
    undivided: int = 0
    tunnel_ports: tuple[tuple[int, Layer], ...] = ()
    carried: int | None = None
    pieces: tuple[Self, ...] = ()

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
            case Measure.PACKET:
                ip = outer_ip(self.headers)
                found = self._end() - self.offset(ip.uid) if ip is not None else 0
            case Measure.START:
                found = ETHERNET_SIZE + self.offset(uid)
            case Measure.BEHIND:
                found = len(self.data) - self.sums[uid].at - 2
            case Measure.REACH:
                found = ETHERNET_SIZE + self.sums[uid].at + 2
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
        total += 1 if coverage is Coverage.OTHER else 0  # Which they are is not known: any wrong number stands for them.
        return replace(self, carried=total % 0xFFFF)

    def convert(self) -> Self:
        first = self._summed()
        if first is None:
            return self
        return replace(self, carried=negate(self._pseudo(first) if self.sums[first].pseudo is not None else 0))

    def forget(self) -> Self:
        return self if self.carried is None else replace(self, carried=None)

    def fill(self, uid: int, crc: bool = False) -> Self:
        """Linux net/core/dev.c skb_checksum_help: from csum_start to the end of the frame, 0 as 0xffff; skb_crc32c_csum_help. What is owed
        of a fragment is owed of each, at the same place: in later ones it goes into the payload."""
        one = self.sums[uid]
        if crc:
            return self._patched(one.at, crc32c(self.data[one.start :]).to_bytes(4, "little"))
        start = one.start + (_INSIDE if one.kind is Kind.IPV4 else 0)
        pieces = tuple(piece._with_sum(one.at, start) for piece in self.pieces)
        return replace(self, pieces=pieces)._with_sum(one.at, start)

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

    def frame(self) -> bytes:
        """The packet with an Ethernet header in front."""
        return MACS + ETHERTYPES[self.headers[0].layer].to_bytes(2, "big") + self.data

    def _layout(self) -> tuple[dict[int, int], dict[int, Checksum]]:
        if not self.headers:
            return {}, {}
        found = dissected(self.frame(), self.tunnel_ports)
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

    def _with_sum(self, at: int, start: int) -> Self:
        return self._patched(at, (negate(residue(self.data[start:])) or 0xFFFF).to_bytes(2, "big")) if at + 2 <= len(self.data) else self

    def _with_field(self, uid: int, value: int) -> Self:
        return self._patched(self.sums[uid].at, value.to_bytes(2, "big"))

    def _crc(self, one: Checksum) -> bytes:
        """The CRC that belongs there (RFC 9260 appendix A: least significant byte first)."""
        return crc32c(self.data[one.start : one.at] + bytes(4) + self.data[one.at + 4 : one.end]).to_bytes(4, "little")

    def _edited(self, uid: int | None, at: int, new: bytes, rule: Rule) -> Self:
        """Bytes written over; the sum of header ``uid`` follows by ``rule``, which counts a word at an odd place with its bytes swapped."""
        packet, old = self._patched(at, new), self.data[at : at + len(new)]
        if uid is None:
            return packet
        return packet._updated(uid, old, new, rule, odd=(at - self.offset(uid)) % 2 == 1)

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

    def _next_uid(self) -> int:
        return max([*(header.uid + 1 for header in self.headers), self.sealed._next_uid() if self.sealed else 0])


@lru_cache(maxsize=256)
def dissected(frame: bytes, tunnel_ports: tuple[tuple[int, Layer], ...]) -> Dissection:
    """The same bytes are asked about many times on a way: most stages change none."""
    return dissect_packet(frame, Link.ETHERNET, tables=Tables(tunnel_ports=tunnel_ports))
