"""One bad checksum with its packet: what the suspects look at.

Letters as in RFC 1071 arithmetic modulo 0xffff: P sum of the pseudo-header, D of the covered bytes without the field, F the field.
S = P + D is the *rest*: the right field is -S and the residue is r = S + F. A suspect says which F it would have written, so that
its residue follows from the bytes around the field and never from the field itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from csumlab.dissection import Checksum, Dissection, Header
from csumlab.headers import KINDS, Kind, Layer, Verdict
from csumlab.inet import MODULUS, parity_factor, residue

MAX_REWRITES: Final = 16
"""Rewrites that are tried; more would explain nearly everything."""

# Their sums may end before the datagram does, while the pseudo-header has the whole length (RFC 3828 section 3.2, RFC 4340 section 9.1).
_COVERAGE: Final = (Kind.UDPLITE, Kind.DCCP)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A fault that makes sums bad. ``name`` is stable and goes into JSON; ``sentence`` and ``advice`` are for people."""

    name: str
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite that is known to happen on the way: residues of what was there and of what is there now.

    ``pseudo`` says that it is an address, which is in pseudo-headers and in the IPv4 header; else it is a port or another covered word.
    """

    old_sum: int
    new_sum: int
    pseudo: bool

    @property
    def delta(self) -> int:
        return (self.new_sum - self.old_sum) % MODULUS


@dataclass(frozen=True, slots=True)
class Case:
    """A checksum whose residue is known, in the captured bytes of its packet.

    ``position`` indexes ``dissection.sums``. ``rewrites`` are those that may have met this packet, from a topology or a matched flow, never
    from other addresses of the capture; only the first MAX_REWRITES are tried and ``capped`` says that there were more.
    ``transport_peers`` says that ESP in UDP was seen between the hosts (RFC 3948).
    """

    data: bytes
    dissection: Dissection
    position: int
    rewrites: tuple[Rewrite, ...] = ()
    transport_peers: bool = False
    total: Checksum = field(init=False, repr=False, compare=False)
    residue: int = field(init=False, repr=False, compare=False)
    """r, or 0 if it is not known: nothing is then suspected."""
    rest: int = field(init=False, repr=False, compare=False)
    """S. Of a CRC the right field."""
    pseudo: int = field(init=False, repr=False, compare=False)
    """P, 0 without a pseudo-header."""
    ip: Header | None = field(init=False, repr=False, compare=False)
    """The nearest IP header: the one with the sum, or the one before it."""
    ip_end: int = field(init=False, repr=False, compare=False)
    """Where that IP packet ends, in bytes from the packet's start, at most the end of what was captured."""

    def __post_init__(self) -> None:
        total = self.dissection.sums[self.position]
        put = object.__setattr__
        put(self, "total", total)
        put(self, "residue", total.residue or 0)
        raw = total.field or 0
        put(self, "rest", (total.residue or 0) ^ raw if KINDS[total.kind].crc else ((total.residue or 0) - raw) % MODULUS)
        put(self, "pseudo", (total.pseudo or 0) if KINDS[total.kind].pseudo else 0)
        ip = None
        for header in self.dissection.headers[: total.header + 1]:
            if header.layer is Layer.IPV4 or header.layer is Layer.IPV6:
                ip = header
        put(self, "ip", ip)
        put(self, "ip_end", min(ip.offset + self.ip_length, len(self.data)) if ip else total.end)

    @property
    def capped(self) -> bool:
        """More rewrites were given than are tried."""
        return len(self.rewrites) > MAX_REWRITES

    @property
    def crc(self) -> bool:
        return KINDS[self.total.kind].crc

    @property
    def length(self) -> int:
        """Covered bytes."""
        return self.total.end - self.total.start

    @property
    def content(self) -> bytes:
        """All that is summed: the bytes covered, after the addresses that stand in the nearest IP header."""
        return self._addresses + self.data[self.total.start : self.total.end]

    @property
    def protocol(self) -> int:
        """The protocol number, which is in the pseudo-header of a kind that has one."""
        return KINDS[self.total.kind].protocol

    @property
    def pseudo_length(self) -> int:
        """The length in the pseudo-header, in bytes."""
        return self.ip_end - self.total.start if self.total.kind in _COVERAGE else self.length

    @property
    def addresses(self) -> int:
        """Residue of both addresses in the pseudo-header that counts: with a routing header the final destination's."""
        return (self.pseudo - self.protocol - self.pseudo_length) % MODULUS

    @property
    def header_addresses(self) -> int:
        """Residue of both addresses that stand in the nearest IP header itself, 0 without one."""
        return residue(self._addresses)

    @property
    def _addresses(self) -> bytes:
        if self.ip is None:
            return b""
        start, end = (12, 20) if self.ip.layer is Layer.IPV4 else (8, 40)
        return self.data[self.ip.offset + start : self.ip.offset + end]

    @property
    def ip_length(self) -> int:
        """Length of the nearest IP packet by its header, in bytes; without one, or where it says 0, up to where the sum ends."""
        ip = self.ip
        if ip is None:
            return self.total.end
        four = ip.layer is Layer.IPV4
        said = self.word(ip.offset + (2 if four else 4))
        return (said if four else said + 40) if said else max(self.total.end - ip.offset, 0)

    @property
    def extensions(self) -> tuple[int, ...]:
        """Protocol numbers of the extension headers between the nearest IP header and the sum."""
        if self.ip is None:
            return ()
        found: list[int] = []
        following = self.byte(self.ip.offset + (9 if self.ip.layer is Layer.IPV4 else 6))
        for header in self.dissection.headers[: self.total.header]:
            if header.layer is Layer.EXTENSION and header.offset > self.ip.offset:
                found.append(following)
                following = self.byte(header.offset)
        return tuple(found)

    def byte(self, at: int) -> int:
        """The byte at ``at``; 0 if it was not captured."""
        return self.data[at] if 0 <= at < len(self.data) else 0

    def word(self, at: int) -> int:
        """The big-endian word at ``at``; 0 if it was not captured."""
        return int.from_bytes(self.data[at : at + 2], "big") if 0 <= at <= len(self.data) - 2 else 0

    def worth(self, start: int, end: int) -> int:
        """What the bytes from ``start`` to ``end`` add to this sum where they stand: with bytes swapped at an odd place (RFC 1071)."""
        return residue(self.data[start:end]) * parity_factor(start - self.total.start)

    def others(self, most: int) -> list[Checksum]:
        """The other 16-bit checksums of the packet whose field was captured, the nearest ``most``."""
        sums = self.dissection.sums
        nearest = sorted(
            (index for index in range(len(sums)) if index != self.position),
            key=lambda index: abs(index - self.position),
        )
        chosen = (sums[index] for index in nearest)
        return [other for other in chosen if other.field is not None and not KINDS[other.kind].crc][:most]


def cases_of(data: bytes, dissection: Dissection, rewrites: Sequence[Rewrite] = (), *, transport_peers: bool = False) -> list[Case]:
    """The bad checksums of one packet."""
    return [
        Case(data, dissection, position, tuple(rewrites), transport_peers)
        for position, total in enumerate(dissection.sums)
        if total.verdict is Verdict.BAD and total.residue
    ]
