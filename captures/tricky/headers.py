"""Headers for make.py, byte by byte, innermost first. Sums are made over the bytes as they are handed over; the dissector has no part.

A host is a number: it gives the hardware address, and of both versions of IP the address. ``Ends`` are source and destination address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

from csumlab.crc32c import crc32c
from csumlab.inet import Zero, residue, spell

Fill = Callable[[bytes, int, int, int], int]
"""From a segment with a zeroed field, the sum of the pseudo-header without its length, that length and the bytes covered: the field."""


class Ends(NamedTuple):
    source: str
    destination: str

    @property
    def back(self) -> Ends:
        return Ends(self.destination, self.source)

    @property
    def packed(self) -> bytes:
        return ip_address(self.source).packed + ip_address(self.destination).packed


def four(number: int, peer: int = 0) -> Ends:
    """Host ``number`` of 10.0.0.0/8 and a server."""
    return Ends(f"10.0.{number}.1", f"192.0.2.{peer or number}")


def six(number: int, peer: int = 0) -> Ends:
    return Ends(f"2001:db8:{number}::1", f"2001:db8:ffff::{peer or number}")


def text(length: int, start: str = "") -> bytes:
    """So many bytes that look like something."""
    return (start.encode() + bytes(range(0x21, 0x7F)) * (length // 94 + 1))[:length]


# ---- what a field may hold ---------------------------------------------------------------------------------------------------------------


def right(segment: bytes, seed: int, length: int, covered: int) -> int:
    """Right, and 0xffff for 0, as UDP wants it and as a fill leaves it."""
    return spell(-(seed + length + residue(segment[:covered])), Zero.ONES)


def partial(segment: bytes, seed: int, length: int, covered: int) -> int:
    """The pseudo-header's sum, for a card to fill (Linux CHECKSUM_PARTIAL)."""
    return spell(seed + length, Zero.ONES)


def without_length(segment: bytes, seed: int, length: int, covered: int) -> int:
    """The same without a length, for a card that splits (Windows LSO, DPDK)."""
    return spell(seed, Zero.ONES)


def of_segment(size: int) -> Fill:
    """The same with the length of one segment."""
    return lambda segment, seed, length, covered: spell(seed + size, Zero.ONES)


def blank(segment: bytes, seed: int, length: int, covered: int) -> int:
    return 0


def over(more: bytes) -> Fill:
    """As if these bytes came after the end of what is summed."""

    def filled(segment: bytes, seed: int, length: int, covered: int) -> int:
        return spell(-(seed + length + residue(segment[:covered] + more)), Zero.ONES)

    return filled


def changed(fill: Fill, by: int) -> Fill:
    """What ``fill`` writes, then updated by ``by``, which it should not have been or not so."""
    return lambda segment, seed, length, covered: spell(fill(segment, seed, length, covered) + by, Zero.ONES)


def swapped(segment: bytes, seed: int, length: int, covered: int) -> int:
    value = right(segment, seed, length, covered)
    return value >> 8 | (value & 0xFF) << 8


def stored(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("!H", value) + data[at + 2 :]


def summed(segment: bytes, at: int, fill: Fill = right, seed: int = 0, length: int = 0, covered: int | None = None) -> bytes:
    return stored(segment, at, fill(segment, seed, length, len(segment) if covered is None else covered))


def over_ip(ends: Ends, protocol: int, segment: bytes, at: int, fill: Fill, covered: int | None = None) -> bytes:
    """With a pseudo-header. Its addresses and numbers add up to the same in both versions of IP (RFC 9293 section 3.1, RFC 8200 8.1)."""
    return summed(segment, at, fill, residue(ends.packed) + protocol, len(segment), covered)


# ---- transports --------------------------------------------------------------------------------------------------------------------------


def tcp(
    ends: Ends,
    data: bytes,
    fill: Fill = right,
    *,
    seq: int = 1000,
    ack: int = 5000,
    flags: int = 0x18,
    ports: tuple[int, int] = (40000, 80),
    window: int = 502,
) -> bytes:
    return over_ip(ends, 6, struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, window, 0, 0) + data, 16, fill)


def udp(ends: Ends, data: bytes, fill: Fill = right, *, ports: tuple[int, int] = (40000, 9999), length: int | None = None) -> bytes:
    length = 8 + len(data) if length is None else length
    return over_ip(ends, 17, struct.pack("!HHHH", *ports, length, 0) + data, 6, fill)


def udplite(ends: Ends, data: bytes, coverage: int) -> bytes:
    """RFC 3828: only the first ``coverage`` bytes are summed, the pseudo-header says the whole length."""
    return over_ip(ends, 136, struct.pack("!HHHH", 40000, 9999, coverage, 0) + data, 6, right, coverage)


def dccp(ends: Ends, data: bytes, words: int) -> bytes:
    """RFC 4340 section 9: the header and 4 (``words`` - 1) bytes of the data are summed."""
    header = struct.pack("!HHBBHBBHI", 40000, 5001, 4, words, 0, 2 << 1 | 1, 0, 0, 77)
    return over_ip(ends, 33, header + data, 6, right, 16 + 4 * (words - 1))


def sctp(data: bytes, check: Callable[[bytes], int] = crc32c, *, port: int = 40000) -> bytes:
    """A data chunk, with the CRC as it is stored (RFC 9260 appendix A)."""
    data += bytes(-len(data) % 4)
    body = struct.pack("!HHII", port, 5000, 0xCAFE, 0) + struct.pack("!BBHIHHI", 0, 3, 16 + len(data), 77, 1, 2, 0) + data
    return body[:8] + struct.pack("<I", check(body)) + body[12:]


def icmp(kind: int, code: int, rest: bytes, after: bytes = bytes(4)) -> bytes:
    return summed(struct.pack("!BBH", kind, code, 0) + after + rest, 2)


def icmpv6(ends: Ends, kind: int, code: int, rest: bytes) -> bytes:
    return over_ip(ends, 58, struct.pack("!BBHI", kind, code, 0, 0) + rest, 2, right)


def vrrp3(addresses: bytes, ends: Ends | None) -> bytes:
    """RFC 5798 section 5.2.8; ``ends`` None: without a pseudo-header."""
    body = struct.pack("!BBBBHH", 0x31, 5, 100, len(addresses) // 4, 100, 0) + addresses
    return over_ip(ends, 112, body, 6, right) if ends else summed(body, 6)


def pim_register(inner: bytes) -> bytes:
    """RFC 7761 section 4.9: the first 8 bytes are summed."""
    return summed(struct.pack("!BBHI", 0x21, 0, 0, 0) + inner, 2, covered=8)


def ospf_hello_with_block() -> bytes:
    """RFC 2328 appendix A.3.2, then a block of link-local signalling with its own sum (RFC 5613), which the OSPF length leaves out."""
    hello = struct.pack("!4sHBBI4s4s", b"\xff\xff\xff\0", 10, 0x12, 1, 40, b"\x0a\0\x09\x01", bytes(4))
    header = struct.pack("!BBH4s4sHH", 2, 1, 24 + len(hello), b"\x0a\0\x09\x01", bytes(4), 0, 0)
    whole = summed(header + hello, 12)
    block = summed(struct.pack("!HHHHI", 0, 3, 1, 4, 1), 0)
    return whole[:16] + bytes(8) + whole[16:] + block


# ---- networks and links ------------------------------------------------------------------------------------------------------------------


def ipv4(
    ends: Ends,
    protocol: int,
    payload: bytes,
    *,
    identification: int = 1,
    ttl: int = 64,
    fragment: int = 0x4000,
    total: int | None = None,
    fill: Fill = right,
) -> bytes:
    """``fragment``: flags and offset as in the header, by default "do not fragment"; ``total``: the length that it says."""
    total = 20 + len(payload) if total is None else total
    header = struct.pack("!BBHHHBBH", 0x45, 0, total, identification, fragment, ttl, protocol, 0) + ends.packed
    field = fill(header, 0, 0, 20)
    # A header's sum of 0xffff would be the other zero; of what is made here none is.
    return stored(header, 10, field) + payload


def ipv6(ends: Ends, following: int, payload: bytes, *, length: int | None = None) -> bytes:
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, length, following, 64) + ends.packed + payload


def ethernet(packet: bytes, source: int, destination: int = 1, kind: int = 0) -> bytes:
    """The type is read off the packet unless it is given."""
    kind = kind or (0x0800 if packet[0] >> 4 == 4 else 0x86DD)
    return struct.pack("!6s6sH", *(b"\0\x16\x3e\0\0" + bytes([number]) for number in (destination, source)), kind) + packet


def vxlan(frame: bytes) -> bytes:
    return b"\x08\0\0\0\0\0\x2a\0" + frame


def geneve(packet: bytes) -> bytes:
    return struct.pack("!BBHI", 0, 0, 0x0800, 0x2A00) + packet


def gtpu(packet: bytes) -> bytes:
    return struct.pack("!BBHI", 0x30, 255, len(packet), 0xCAFE) + packet


def gue_remote(packet: bytes, start: int, field: int) -> bytes:
    """Linux include/net/gue.h: the sum from ``start``, with its field at ``field``, is left to the receiver."""
    return struct.pack("!BBHIHH", 2, 4, 1, 0x80000000, start, field) + packet


def gre_with_sum(packet: bytes, fill_over: bytes) -> bytes:
    """RFC 2784 with a sum over ``fill_over``, which is the packet as it will be."""
    header = struct.pack("!HHHH", 0x8000, 0x0800, 0, 0)
    return stored(header, 4, _field(header + fill_over)) + packet


def _field(data: bytes) -> int:
    return spell(-residue(data), Zero.ONES)


def mpls(packet: bytes) -> bytes:
    return struct.pack("!I", 0x54321 << 12 | 1 << 8 | 63) + packet


def pppoe(packet: bytes) -> bytes:
    return struct.pack("!BBHHH", 0x11, 0, 0x1234, len(packet) + 2, 0x0021) + packet


def routing(following: int, left: int, *addresses: str) -> bytes:
    """Segment routing (RFC 8754): the last address of the way comes first."""
    packed = b"".join(ip_address(one).packed for one in addresses)
    return struct.pack("!BBBBI", following, len(packed) // 8, 4, left, (len(addresses) - 1) << 24) + packed


def home_address(following: int, address: str) -> bytes:
    """RFC 6275 section 6.3."""
    return bytes([following]) + b"\x02\x01\x02\0\0\xc9\x10" + ip_address(address).packed


def jumbo(following: int, length: int) -> bytes:
    """RFC 2675: the length in a hop-by-hop option, this header included."""
    return struct.pack("!BBBBI", following, 0, 0xC2, 4, length + 8)
