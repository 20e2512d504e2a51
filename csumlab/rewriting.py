"""Rewriting of bytes as kernels do it: a checksum field that follows a changed word, and the packet that an ICMP error quotes."""

from __future__ import annotations

from csumlab.crc32c import crc32c
from csumlab.headers import KINDS, Kind, Layer
from csumlab.interpreting import Translation
from csumlab.packet import Span

ADDRESS_PLACES = {Layer.IPV4: (12, 16, 4), Layer.IPV6: (8, 24, 16)}
"""Offsets of source and destination and their length."""
_TCP, _SCTP = 6, 132
_HELD = {kind: KINDS[kind].protocol for kind in (Kind.TCP, Kind.UDP, Kind.UDPLITE, Kind.DCCP, Kind.ICMPV6)}
_PORTED = (_TCP, 17, 33, _SCTP, 136)
_NEEDED = {_TCP: 20, 17: 8, 33: 12, 136: 8, 58: 8}
"""Bytes of a quoted header that have to be there for its sum to be updated (Linux net/netfilter/nf_nat_proto.c tcp_manip_pkt ...)."""


def by_final_rule(field: int, old: bytes, new: bytes, *, ones: bool, odd: bool = False) -> int:
    """A field after words that its sum covers changed (RFC 1624; Linux include/net/checksum.h csum_replace4, word for word); ``ones``: a
    zero is written as 0xffff; ``odd``: the words count with their bytes swapped, as they do at an odd place."""
    old, new = (b"\0" + old + b"\0", b"\0" + new + b"\0") if odd else (old, new)
    value = ~_fold((~field & 0xFFFF) + 0xFFFF + _change(old, new)) & 0xFFFF
    return 0xFFFF if ones and not value else value


def by_partial_rule(field: int, old: bytes, new: bytes) -> int:
    """A field that holds the pseudo-header's sum, after a word of that changed (Linux net/core/utils.c inet_proto_csum_replace4)."""
    return _fold(field + _change(old, new))


def tcp_option(data: bytes, start: int, number: int) -> int | None:
    """Where the value of an option of the TCP header at ``start`` lies (RFC 9293 section 3.2); None if it is not there."""
    end = min(start + (data[start + 12] >> 4) * 4, len(data))
    at = start + 20
    while at + 4 <= end and data[at]:
        if data[at] == number:
            return at + 2
        at += 1 if data[at] == 1 else max(data[at + 1], 2)
    return None


def mentioning(payload: bytes, old: Span, new: Span) -> bytes:
    """A payload with another address wherever it has the old one as text: with the commas of FTP (RFC 959, PORT), else as it is always
    written. One that has it nowhere gets a byte more, which stands for any other change."""
    if old.exact and new.exact and old.version == 4:
        was, become = str(old).encode(), str(new).encode()
        found = payload.replace(was, become).replace(was.replace(b".", b","), become.replace(b".", b","))
    else:
        found = payload.replace(str(old).encode(), str(new).encode())
    return found if found != payload else payload + b"."


def translated_quote(quoted: bytes, edit: Translation) -> bytes:
    """The start of a packet, from its IP header on, with new addresses and ports. Sums follow by the final rule where enough of their
    header was quoted, but a zero UDP sum; an SCTP CRC is made anew over what was quoted."""
    four = quoted[0] >> 4 == 4
    start = (quoted[0] & 15) * 4 if four else 40
    protocol = quoted[9] if four else quoted[6]
    data = bytearray(quoted)
    kind = next((kind for kind, number in _HELD.items() if number == protocol), None)
    if kind is not None and len(quoted) < start + _NEEDED[protocol]:
        kind = None
    if kind is not None and KINDS[kind].zero_is_absent and not any(quoted[start + 6 : start + 8]):
        kind = None
    first, second, size = ADDRESS_PLACES[Layer.IPV4 if four else Layer.IPV6]
    words = [(first, size, edit.source), (second, size, edit.destination)]
    if protocol in _PORTED:
        words += [(start, 2, edit.source_port), (start + 2, 2, edit.destination_port)]
    for at, width, span in words:
        if span is None or not span.exact or at + width > len(data):
            continue
        old, new = bytes(data[at : at + width]), span.low.to_bytes(width, "big")
        data[at : at + width] = new
        if four and at < start:
            _follow(data, KINDS[Kind.IPV4].field, old, new, ones=False)
        if kind is not None:
            _follow(data, start + KINDS[kind].field, old, new, ones=KINDS[kind].writes_ones)
    if protocol == _SCTP and len(data) >= start + 12:
        data[start + 8 : start + 12] = bytes(4)
        data[start + 8 : start + 12] = crc32c(bytes(data[start:])).to_bytes(4, "little")
    return bytes(data)


def _follow(data: bytearray, at: int, old: bytes, new: bytes, *, ones: bool) -> None:
    value = by_final_rule(int.from_bytes(data[at : at + 2], "big"), old, new, ones=ones)
    data[at : at + 2] = value.to_bytes(2, "big")


def _change(old: bytes, new: bytes) -> int:
    return _ones_sum(bytes(byte ^ 0xFF for byte in old)) + _ones_sum(new)


def _ones_sum(data: bytes) -> int:
    return sum(int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2))


def _fold(value: int) -> int:
    """Linux csum_fold without the final complement."""
    while value > 0xFFFF:
        value = (value & 0xFFFF) + (value >> 16)
    return value
