"""IP headers of the other version as bytes, and what ICMP messages become with them (RFC 7915)."""

from __future__ import annotations

import struct
from typing import Final

from csumlab.headers import KINDS, Kind, Layer
from csumlab.inet import negate, residue
from csumlab.interpreting import Translation
from csumlab.packet import Span
from csumlab.rewriting import ADDRESS_PLACES, by_final_rule

_ICMP: Final = 1
_ICMPV6: Final = 58
_OTHER: Final = {_ICMP: _ICMPV6, _ICMPV6: _ICMP}
_TO_SIX: Final = {8: (128, 0), 0: (129, 0), 11: (3, 0), 12: (4, 0)}
_TO_FOUR: Final = {128: (8, 0), 129: (0, 0), 3: (11, 0), 4: (12, 0), 2: (3, 4)}
"""Types of ICMP and ICMPv6, with the code that they get (RFC 7915 sections 4.2, 5.2); of all others see below."""
_UNREACHABLE_SIX: Final = {3: (1, 4), 4: (2, 0)}
_UNREACHABLE_FOUR: Final = {4: (3, 3), 1: (3, 10)}
"""Codes of destination unreachable."""
_PLACES: Final = {KINDS[kind].protocol: KINDS[kind].field for kind in (Kind.TCP, Kind.UDP, Kind.ICMP, Kind.ICMPV6)}


def other_message(start: bytes, six: bool) -> bytes:
    """Type and code of an ICMP message in the other protocol, ICMPv6 if ``six``."""
    if six:
        return bytes(_TO_SIX.get(start[0]) or _UNREACHABLE_SIX.get(start[1], (1, 0)))
    return bytes(_TO_FOUR.get(start[0]) or _UNREACHABLE_FOUR.get(start[1], (3, 1)))


def exchanged_header(head: bytes, addresses: bytes, length: int) -> bytes:
    """The IP header with these addresses that stands in the place of ``head``, in front of ``length`` bytes."""
    if head[0] >> 4 == 4:
        return struct.pack("!IHBB", 6 << 28 | head[1] << 20, length, _OTHER.get(head[9], head[9]), head[8]) + addresses
    traffic, protocol = int.from_bytes(head[:2], "big") >> 4 & 0xFF, _OTHER.get(head[6], head[6])
    made = struct.pack("!BBHHHBBH", 0x45, traffic, 20 + length, 0, 0x4000, head[7], protocol, 0) + addresses
    return made[:10] + negate(residue(made)).to_bytes(2, "big") + made[12:]


def exchanged_address(old: bytes, span: Span | None, edit: Translation) -> bytes:
    """An address of the other version: what the edit says, or the old one put into the prefix or taken out of it."""
    size = 16 if len(old) == 4 else 4
    if span is not None and span.exact:
        return span.low.to_bytes(size, "big")
    prefix, present = edit.prefix.low if edit.prefix is not None else 0, int.from_bytes(old, "big")
    moved = prefix + (present << edit.shift) if size == 16 else present - prefix >> edit.shift
    return moved.to_bytes(size, "big")


def exchanged_quote(quoted: bytes, edit: Translation) -> bytes:
    """The start of a packet that an ICMP error quotes, over the other version of IP. Its sum follows where it is quoted, but a zero UDP sum
    (Jool src/mod/common/rfc7915/common.c ttpcomm_translate_inner_packet)."""
    four = quoted[0] >> 4 == 4
    first, second, size = ADDRESS_PLACES[Layer.IPV4 if four else Layer.IPV6]
    start, protocol = (20, quoted[9]) if four else (40, quoted[6])
    length = int.from_bytes(quoted[2:4], "big") - start if four else int.from_bytes(quoted[4:6], "big")
    old = [quoted[at : at + size] for at in (first, second)]
    new = [exchanged_address(one, span, edit) for one, span in zip(old, (edit.source, edit.destination), strict=True)]
    made = exchanged_header(quoted[:start], b"".join(new), length)
    body, was, become = bytearray(quoted[start:]), b"".join(old), b"".join(new)
    if protocol in _OTHER:
        covered = struct.pack("!HH", length & 0xFFFF, _ICMPV6)
        was, become = (b"", become + covered) if protocol == _ICMP else (was + covered, b"")
        was, become = was + bytes(body[:2]), become + other_message(bytes(body[:2]), four)
        body[:2] = become[-2:]
    place = _PLACES[protocol]
    field = int.from_bytes(body[place : place + 2], "big")
    if place + 2 <= len(body) and (field or protocol != KINDS[Kind.UDP].protocol):
        body[place : place + 2] = by_final_rule(field, was, become, ones=protocol == KINDS[Kind.UDP].protocol).to_bytes(2, "big")
    return made + bytes(body)
