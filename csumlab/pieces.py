"""IP packets as bytes, cut into fragments and put together again (RFC 791 section 3.2, RFC 8200 section 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from csumlab.inet import negate, residue

_FRAGMENT: Final = 44
_EXTENSIONS: Final = frozenset({0, 43, 51, 60})
"""Hop-by-hop options, routing, authentication, destination options: they stand before a fragment header that a host puts in."""
_AUTHENTICATION: Final = 51
IDENTIFICATION: Final = 0x5EA1
"""Of an IPv6 datagram that is cut; any number."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """``header`` with IPv4 options or the IPv6 extension headers before a fragment header; ``payload`` behind it, which starts at byte
    ``offset`` of the datagram's; ``more`` fragments follow. ``protocol`` and ``number`` are what an IPv6 fragment header holds."""

    header: bytes
    payload: bytes
    offset: int
    more: bool
    protocol: int
    number: int

    @property
    def version(self) -> int:
        return self.header[0] >> 4

    def as_fragment(self, payload: bytes, offset: int, *, more: bool) -> bytes:
        """A packet with a part of the payload. DF is not set (Linux net/ipv4/ip_output.c ip_frag_next)."""
        place = offset // 8
        if self.version == 4:
            return _ipv4(self.header, payload, place | (0x2000 if more else 0))
        behind = bytes([self.protocol, 0]) + (place << 3 | more).to_bytes(2, "big") + self.number.to_bytes(4, "big")
        return _ipv6(self.header, behind + payload, _FRAGMENT)


def cut(packet: bytes, mtu: int) -> list[bytes]:
    """The fragments of an IP packet, the first one first. A packet that fits into ``mtu`` is one piece as it is."""
    if len(packet) <= mtu:
        return [packet]
    whole = _read(packet)
    room = (mtu - len(whole.header) - (8 if whole.version == 6 else 0)) // 8 * 8
    made = []
    for start in range(0, len(whole.payload), room):
        more = whole.more or start + room < len(whole.payload)
        made.append(whole.as_fragment(whole.payload[start : start + room], whole.offset + start, more=more))
    return made


def join(fragments: Sequence[bytes]) -> bytes:
    """The datagram of fragments that lie one behind the other, the first one first, under the header of the first."""
    pieces = [_read(one) for one in fragments]
    payload = b"".join(one.payload for one in pieces)
    first = pieces[0]
    return _ipv4(first.header, payload, 0) if first.version == 4 else _ipv6(first.header, payload, first.protocol)


def gather(fragments: Sequence[bytes]) -> bytes:
    """As join, but a datagram over IPv6 keeps a fragment header that says it is whole (RFC 6946), so that it has the headers of its first
    fragment."""
    return _read(fragments[0]).as_fragment(b"".join(payload_of(one) for one in fragments), 0, more=False)


def payload_of(packet: bytes) -> bytes:
    """What follows the IP header, or the IPv6 extension headers to the fragment header."""
    return _read(packet).payload


def _read(packet: bytes) -> _Piece:
    if packet[0] >> 4 == 4:
        size, word = (packet[0] & 15) * 4, int.from_bytes(packet[6:8], "big")
        return _Piece(packet[:size], packet[size:], (word & 0x1FFF) * 8, bool(word & 0x2000), packet[9], 0)
    following, at = packet[6], 40
    while following in _EXTENSIONS:
        size = (packet[at + 1] + 2) * 4 if following == _AUTHENTICATION else (packet[at + 1] + 1) * 8
        following, at = packet[at], at + size
    if following != _FRAGMENT:
        return _Piece(packet[:at], packet[at:], 0, False, following, IDENTIFICATION)
    word = int.from_bytes(packet[at + 2 : at + 4], "big")
    return _Piece(packet[:at], packet[at + 8 :], word & 0xFFF8, bool(word & 1), packet[at], int.from_bytes(packet[at + 4 : at + 8], "big"))


def _ipv4(header: bytes, payload: bytes, word: int) -> bytes:
    """With this payload, these flags and offset, and a sum made anew."""
    made = header[:2] + (len(header) + len(payload)).to_bytes(2, "big") + header[4:6] + word.to_bytes(2, "big") + header[8:10]
    rest = header[12:]
    return made + negate(residue(made + rest)).to_bytes(2, "big") + rest + payload


def _ipv6(header: bytes, behind: bytes, following: int) -> bytes:
    """With these bytes behind the header and its extension headers, of which the last names ``following``."""
    place, at, current = 6, 40, header[6]
    while at < len(header):
        size = (header[at + 1] + 2) * 4 if current == _AUTHENTICATION else (header[at + 1] + 1) * 8
        place, current, at = at, header[at], at + size
    made = header[:place] + bytes([following]) + header[place + 1 :]
    return made[:4] + (len(made) - 40 + len(behind)).to_bytes(2, "big") + made[6:] + behind
