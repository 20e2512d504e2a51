"""Columns read from the outermost IP header of many packets at once, and what is hashed from them: flows and whole packets.

Nothing here decides anything: two packets with equal hashes are candidates, made with constants that differ in every process so that
no capture can be built to collide. Works on NumPy columns only, so that millions of packets cost no Python each.
Source of offsets: RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1, RFC 768, RFC 792, RFC 9260 section 3.1.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block

Wide = NDArray[np.uint64]
Long = NDArray[np.int64]

TCP: Final = 6
_UDP, _ICMP, _ICMPV6, _DCCP, _SCTP, _UDPLITE, _IGMP = 17, 1, 58, 33, 132, 136, 2
_LATER_FRAGMENT: Final = 255
"""Stands for the protocol of a later fragment, which has no transport header (255 is reserved by IANA)."""
_WORDS: Final = 8
"""8-byte words from the start of the transport header on that are hashed whole."""
_CUT_WORDS: Final = 3
"""Of a packet that the snap length cut: two captures of it need not end at the same byte."""
_SPREAD: Final = 4
"""Words from the rest of a long packet, evenly spread; the last 8 bytes come besides."""

# The first n bytes of a word that was read as little-endian.
_FIRST_BYTES: Final = np.array([(1 << (8 * count)) - 1 for count in range(9)], np.uint64)
_PORTED: Final = (TCP, _UDP, _DCCP, _SCTP, _UDPLITE)


def _hidden(*bytes_: int) -> int:
    """A mask without these bytes of a word."""
    return ((1 << 64) - 1) & ~sum(0xFF << (8 * byte) for byte in bytes_)


def _mask_table(hidden: dict[int, tuple[int, ...]]) -> Wide:
    table = np.full(256, (1 << 64) - 1, np.uint64)
    for protocol, places in hidden.items():
        table[protocol] = _hidden(*places)
    return table


# By protocol number: which bytes of the first and second word, and of the third, are no checksum.
_NO_SUM: Final = (
    _mask_table({_UDP: (6, 7), _UDPLITE: (6, 7), _DCCP: (6, 7), _ICMP: (2, 3), _ICMPV6: (2, 3), _IGMP: (2, 3)}),
    _mask_table({_SCTP: (0, 1, 2, 3)}),
    _mask_table({TCP: (0, 1)}),
)
# What a translator of addresses rewrites in the first word besides: ports, or the identifier of an ICMP query (RFC 5508).
_NO_PORTS: Final = _mask_table({**dict.fromkeys(_PORTED, (0, 1, 2, 3)), _ICMP: (4, 5)})
_HAS_PORTS: Final = np.isin(np.arange(256), _PORTED)
_REWRITABLE: Final = np.isin(np.arange(256), (*_PORTED, _ICMP))

_KEYS: Final = np.array([secrets.randbits(64) | 1 for _ in range(32)], np.uint64)
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


class Words:
    """Unaligned 8-byte reads, little-endian, from the data of a block."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        data = np.ascontiguousarray(data, np.uint8)
        if len(data) < 8:
            data = np.concatenate((data, np.zeros(8, np.uint8)))
        self._last = len(data) - 8
        self._words: Wide = np.ndarray((self._last + 1,), np.dtype("<u8"), buffer=data, strides=(1,))

    def load(self, at: Long, end: Long) -> Wide:
        """The 8 bytes from ``at`` on; those from ``end`` on, which must lie in the data, read as zeros. ``at`` may be anything."""
        place = np.minimum(at, self._last)
        np.maximum(place, 0, out=place)
        word: Wide = self._words[place]
        beyond = np.flatnonzero(at > self._last)
        if len(beyond):
            word[beyond] >>= (np.minimum(at[beyond] - self._last, 7) << 3).astype(np.uint64)
        left = end - at
        short = np.flatnonzero(left < 8)
        if len(short):
            word[short] &= _FIRST_BYTES[np.maximum(left[short], 0)]
        return word


@dataclass(frozen=True, slots=True, eq=False)
class Outer:
    """The outermost IP headers of the packets in ``rows`` of a block: only packets that have a whole one.

    Offsets count in the block's data: ``at`` the header, ``transport`` what follows it (extension headers are not passed over),
    ``end`` the end of what was captured of the IP packet; ``cut`` says that this is not all of it. ``length`` is the whole length in
    bytes. ``identity`` is the IPv4 identification with the fragment word, 0 for IPv6. ``ports`` is source + 65536 * destination in the
    bytes' own order, 0 without ports; addresses are two words each, of which IPv4 uses the first.
    """

    words: Words
    rows: Long
    six: NDArray[np.bool_]
    at: Long
    transport: Long
    end: Long
    cut: NDArray[np.bool_]
    length: Long
    ttl: Long
    protocol: Long
    identity: Wide
    ports: Wide
    source: tuple[Wide, Wide]
    destination: tuple[Wide, Wide]

    @property
    def identified(self) -> NDArray[np.bool_]:
        """Whether the IPv4 identification is not zero, so that it tells packets of one flow apart (RFC 6864 section 4)."""
        known: NDArray[np.bool_] = (self.identity & np.uint64(0xFFFF)) != 0
        return known


def address_text(first: int, second: int, six: bool) -> str:
    """An address of :class:`Outer`, as people write it."""
    raw = first.to_bytes(8, "little") + second.to_bytes(8, "little")
    return str(IPv6Address(raw)) if six else str(IPv4Address(raw[:4]))


def outer_headers(block: Block, ip_offsets: Long) -> Outer:
    """Read the outermost IP headers; ``ip_offsets`` int64, one for each packet, from the packet's start, -1 where there is none."""
    words = Words(block.data)
    rows = np.flatnonzero((ip_offsets >= 0) & (ip_offsets <= block.captured - 20))
    at = block.offset[rows] + ip_offsets[rows]
    limit = block.offset[rows] + block.captured[rows]
    head = words.load(at, limit)
    version = _byte(head, 0) >> 4
    right = ((version == 4) & (_byte(head, 0) & 15 >= 5)) | ((version == 6) & (at + 40 <= limit))
    if not right.all():
        rows, at, limit, head, version = rows[right], at[right], limit[right], head[right], version[right]
    six = version == 6
    second = words.load(at + 8, limit)
    header = np.where(six, 40, (_byte(head, 0) & 15) * 4)
    length = np.where(six, 40 + _big16(head, 4), _big16(head, 2))
    # A length of zero is left to a card by segmentation offload, or a jumbogram: what is there is taken for all of it.
    length = np.where(np.where(six, length == 40, length == 0), limit - at, length)
    later = ~six & ((head >> np.uint64(48)) & np.uint64(0xFF1F) != 0)
    protocol = np.where(six, _byte(head, 6), np.where(later, _LATER_FRAGMENT, _byte(second, 1)))
    transport = at + header
    end = np.minimum(at + length, limit)
    source, destination = _addresses(words, at, limit, six)
    ports = words.load(transport, end) & np.uint64(0xFFFFFFFF)
    ports[~_HAS_PORTS[protocol]] = 0
    return Outer(
        words=words,
        rows=rows,
        six=six,
        at=at,
        transport=transport,
        end=end,
        cut=at + length > limit,
        length=length,
        ttl=np.where(six, _byte(head, 7), _byte(second, 0)),
        protocol=protocol,
        identity=np.where(six, np.uint64(0), head >> np.uint64(32)),
        ports=ports,
        source=source,
        destination=destination,
    )


def _addresses(words: Words, at: Long, limit: Long, six: NDArray[np.bool_]) -> tuple[tuple[Wide, Wide], tuple[Wide, Wide]]:
    """Source and destination."""
    both = words.load(at + 12, limit)
    source = [both & np.uint64(0xFFFFFFFF), np.zeros(len(at), np.uint64)]
    destination = [both >> np.uint64(32), np.zeros(len(at), np.uint64)]
    long = np.flatnonzero(six)
    if len(long):
        for pair, place in ((source, 8), (destination, 24)):
            for half in (0, 1):
                pair[half][long] = words.load(at[long] + place + 8 * half, limit[long])
    return (source[0], source[1]), (destination[0], destination[1])


def flow_hashes(outer: Outer) -> tuple[Wide, Wide]:
    """Of each packet a hash of addresses and ports and one of the addresses only, both the same for the two directions. Never 0."""
    source, destination = _sum_of(*outer.source, first=0), _sum_of(*outer.destination, first=0)
    addresses = mixed(mixed(source) + mixed(destination))
    source += scrambled(outer.ports & np.uint64(0xFFFF), 2)
    destination += scrambled(outer.ports >> np.uint64(16), 2)
    return mixed(mixed(source) + mixed(destination)) | np.uint64(1), addresses | np.uint64(1)


def packet_hashes(outer: Outer) -> tuple[Wide, Wide]:
    """Of each packet an exact hash and a loose one.

    Exact: everything that stays the same while a packet passes hosts, so without TTL, traffic class, header checksum and transport
    checksum. Loose: also without addresses, ports and ICMP identifier; 0 where what is left would not tell two packets apart.
    Of the payload a part is hashed only: a copy that was damaged elsewhere is still the same packet.
    """
    first = outer.words.load(outer.transport, outer.end) & _NO_SUM[0][outer.protocol]
    total = scrambled(outer.length.astype(np.uint64), 3)
    total += scrambled(outer.identity, 4)
    total += scrambled(outer.protocol.astype(np.uint64) | outer.six.astype(np.uint64) << np.uint64(8), 5)
    for index in range(1, _WORDS):
        at = outer.transport + 8 * index
        if not (at < outer.end).any():
            break  # Words of zeros add nothing.
        word = outer.words.load(at, outer.end)
        if index < len(_NO_SUM):
            word &= _NO_SUM[index][outer.protocol]
        if index >= _CUT_WORDS:
            word[outer.cut] = 0
        total += scrambled(word, 6 + index)
    _add_rest(outer, total)
    loose = mixed(total + scrambled(first & _NO_PORTS[outer.protocol], 6)) | np.uint64(1)
    total += scrambled(first, 6)
    total += _sum_of(*outer.source, first=20)
    total += _sum_of(*outer.destination, first=22)
    acknowledged = outer.words.load(outer.transport + 4, outer.end) != 0
    telling = _REWRITABLE[outer.protocol] & (outer.identified | ((outer.protocol == TCP) & acknowledged))
    loose[~telling] = 0
    return mixed(total) | np.uint64(1), loose


def _add_rest(outer: Outer, total: Wide) -> None:
    """Add samples of what lies behind the first words."""
    start = outer.transport + 8 * _WORDS
    long = np.flatnonzero((outer.end > start) & ~outer.cut)
    if not len(long):
        return
    begin, end = start[long], outer.end[long]
    room = end - begin
    for index in range(_SPREAD):
        total[long] += scrambled(outer.words.load(begin + room * index // _SPREAD, end), 14 + index)
    total[long] += scrambled(outer.words.load(end - 8, end), 14 + _SPREAD)


def scrambled(word: Wide, key: int) -> Wide:
    """One term of a sum that is a hash: each word goes with its own key."""
    term: Wide = (word ^ word >> np.uint64(29)) * _KEYS[key]
    return term


def mixed(total: Wide) -> Wide:
    """A sum of terms with its bits spread."""
    total = (total ^ total >> np.uint64(32)) * _MIX[0]
    total = (total ^ total >> np.uint64(29)) * _MIX[1]
    result: Wide = total ^ total >> np.uint64(32)
    return result


def _sum_of(low: Wide, high: Wide, first: int) -> Wide:
    total: Wide = scrambled(low, first) + scrambled(high, first + 1)
    return total


def _byte(word: Wide, index: int) -> Long:
    return (word >> np.uint64(8 * index) & np.uint64(0xFF)).astype(np.int64)


def _big16(word: Wide, index: int) -> Long:
    """The big-endian number in bytes ``index`` and ``index`` + 1."""
    return _byte(word, index) << 8 | _byte(word, index + 1)
