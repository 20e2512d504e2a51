"""The one dissector: from a packet's bytes to the numbers that its :class:`~csumlab.facts.Facts` are made of.

Plain loops over integers in the part of Python that numba compiles, so that one text is both the readable definition and
the fast path. ``accelerate.py`` makes compiled clones of these functions in which only the primitives of the first section are
exchanged. Nothing here raises for any bytes: what cannot be known is written down with its :class:`~csumlab.headers.Reason`.

``work`` is a flat scratch of WORK_SIZE integers: a list, or an int64 array when compiled. Offsets in it count from the start of the
packet. Its first entries are the named ones below, then three tables: layers, sums, addresses.

Sources: RFC 791, 8200 (IP), 2675 (jumbograms), 6275 (home address), 8754 (segment routing), 4302 (AH), 768, 9293, 792, 4443,
2784, 2890 (GRE), 7348 (VXLAN); the LINKTYPE registry for link headers; coverage end points as Linux has them (net/ipv4/udp.c,
tcp_ipv4.c, icmp.c, gre_demux.c).
"""

from __future__ import annotations

from typing import Any, Final

from csumlab import inet
from csumlab.facts import FieldValue, FragmentRole, Quality, verdict_of
from csumlab.headers import KINDS, MAX_LAYERS, MAX_SUMS, Kind, Layer, Link, Reason, Verdict

# ---- primitives: each has a second definition in accelerate.py ---------------------------------------------------------------------


def load8(data: Any, at: int) -> int:
    """The byte at ``at``."""
    return int(data[at])


def load16(data: Any, at: int) -> int:
    """The big-endian 16-bit word at ``at``."""
    return int(data[at] << 8 | data[at + 1])


def load32(data: Any, at: int) -> int:
    """The big-endian 32-bit word at ``at``."""
    return int.from_bytes(data[at : at + 4], "big")


def load64(data: Any, at: int) -> int:
    """The big-endian 64-bit word at ``at``, less 2^63: a signed number in the order of the unsigned ones."""
    return int.from_bytes(data[at : at + 8], "big") - (1 << 63)


def sum_words(data: Any, start: int, end: int) -> int:
    """:func:`csumlab.inet.residue` of the bytes from ``start`` to ``end``."""
    return inet.residue(data[start:end])


def pointer(values: Any) -> Any:
    """``values`` as the functions below index it. Compiled: the bare address of its first element, which spares them reference counts."""
    return values


_WORD: Final = (1 << 64) - 1
MIX_FACTOR: Final = 0x2545F4914F6CDD1D
MIX_SHIFT: Final = 29


def mix(state: int, value: int) -> int:
    """One step of the class hash: signed 64-bit in and out. A different ``value`` always gives a different result."""
    product = ((state ^ value) * MIX_FACTOR) & _WORD
    product ^= product >> MIX_SHIFT
    return product - (1 << 64) if product >> 63 else product


def _verdict_table() -> bytes:
    """:func:`csumlab.facts.verdict_of` for every combination, indexed as :func:`judge_sums` does."""
    return bytes(
        verdict_of(kind, residue, seed, settled, field)
        for kind in Kind
        for residue in Quality
        for seed in Quality
        for settled in Quality
        for field in FieldValue
    )


VERDICTS = _verdict_table()

# ---- layout of the scratch ---------------------------------------------------------------------------------------------------------

N_LAYERS: Final = 0
N_SUMS: Final = 1
N_ADDRESSES: Final = 2
STOP: Final = 3
TRAILER: Final = 4
LONG: Final = 5
PACKET_TYPE: Final = 6
SOURCE_MAC: Final = 7
DESTINATION_MAC: Final = 8
# How far the packet reaches. AVAILABLE: bytes before this offset can be read and belong to the layer at hand. BEYOND: why no byte after
# it can. EXTENT: where the layer at hand would end had nothing been cut.
AVAILABLE: Final = 9
BEYOND: Final = 10
EXTENT: Final = 11
# What the network layer at hand hands to its transport.
IP_VERSION: Final = 12
IP_END: Final = 13
IP_FRAGMENT: Final = 14
IP_SOURCE: Final = 15
IP_DESTINATION: Final = 16
IP_WHY: Final = 17
"""Why the addresses of the pseudo-header are not known."""

LAYERS: Final = 18
LAYER_KIND: Final = 0
LAYER_OFFSET: Final = 1
LAYER_LENGTH: Final = 2
LAYER_SIZE: Final = 3

SUMS: Final = LAYERS + LAYER_SIZE * MAX_LAYERS
SUM_KIND: Final = 0
SUM_HEADER: Final = 1
SUM_AT: Final = 2
SUM_START: Final = 3
SUM_END: Final = 4
SUM_PSEUDO: Final = 5
SUM_FIELD: Final = 6
SUM_RESIDUE: Final = 7
SUM_SEED: Final = 8
SUM_WHY_RESIDUE: Final = 9
SUM_WHY_SEED: Final = 10
SUM_QUALITY_RESIDUE: Final = 11
SUM_QUALITY_SEED: Final = 12
SUM_QUALITY_SETTLED: Final = 13
SUM_FIELD_VALUE: Final = 14
SUM_ODD: Final = 15
SUM_VERDICT: Final = 16
SUM_SIZE: Final = 17

ADDRESSES: Final = SUMS + SUM_SIZE * MAX_SUMS
ADDRESS_HEADER: Final = 0
ADDRESS_SOURCE: Final = 1
ADDRESS_DESTINATION: Final = 2
ADDRESS_FRAGMENT: Final = 3
ADDRESS_PROTOCOL: Final = 4
ADDRESS_SOURCE_PORT: Final = 5
ADDRESS_DESTINATION_PORT: Final = 6
ADDRESS_TTL: Final = 7
ADDRESS_EXTENSIONS: Final = 8
ADDRESS_SIZE: Final = 9

WORK_SIZE: Final = ADDRESSES + ADDRESS_SIZE * MAX_LAYERS

# ---- layout of the flat tables: see tables.Tables.flat -----------------------------------------------------------------------------

TABLE_MTU: Final = 0
TABLE_VXLAN: Final = 1
TABLE_PORT: Final = 2
TABLE_MAC: Final = 3
TABLE_IPV4: Final = 4
TABLE_IPV6: Final = 5
TABLE_END: Final = 6
"""Entries TABLE_VXLAN to TABLE_END are where each table starts; one ends where the next starts."""

# ---- enumerations as plain integers, which numba folds into the code ---------------------------------------------------------------

_ETHERNET: Final = int(Layer.ETHERNET)
_VLAN: Final = int(Layer.VLAN)
_COOKED: Final = int(Layer.COOKED)
_COOKED2: Final = int(Layer.COOKED2)
_LOOPBACK: Final = int(Layer.LOOPBACK)
_IPV4: Final = int(Layer.IPV4)
_IPV6: Final = int(Layer.IPV6)
_EXTENSION: Final = int(Layer.EXTENSION)
_TCP: Final = int(Layer.TCP)
_UDP: Final = int(Layer.UDP)
_ICMP: Final = int(Layer.ICMP)
_ICMPV6: Final = int(Layer.ICMPV6)
_GRE: Final = int(Layer.GRE)
_VXLAN: Final = int(Layer.VXLAN)
_OPAQUE: Final = int(Layer.OPAQUE)

_KIND_IPV4: Final = int(Kind.IPV4)
_KIND_TCP: Final = int(Kind.TCP)
_KIND_UDP: Final = int(Kind.UDP)
_KIND_ICMP: Final = int(Kind.ICMP)
_KIND_ICMPV6: Final = int(Kind.ICMPV6)
_KIND_GRE: Final = int(Kind.GRE)
_FIELD_IPV4: Final = KINDS[Kind.IPV4].field
_FIELD_TCP: Final = KINDS[Kind.TCP].field
_FIELD_UDP: Final = KINDS[Kind.UDP].field
_FIELD_ICMP: Final = KINDS[Kind.ICMP].field
_FIELD_ICMPV6: Final = KINDS[Kind.ICMPV6].field
_FIELD_GRE: Final = KINDS[Kind.GRE].field

_KNOWN: Final = int(Reason.KNOWN)
_CUT: Final = int(Reason.CUT)
_TRUNCATED: Final = int(Reason.TRUNCATED)
_WHY_FRAGMENT: Final = int(Reason.FRAGMENT)
_LENGTH: Final = int(Reason.LENGTH)
_WHY_OPAQUE: Final = int(Reason.OPAQUE)
_LINK_TYPE: Final = int(Reason.LINK_TYPE)
_DEPTH: Final = int(Reason.DEPTH)
_HEADER: Final = int(Reason.HEADER)

_UNKNOWN: Final = int(Quality.UNKNOWN)
_ZERO: Final = int(Quality.ZERO)
_NONZERO: Final = int(Quality.NONZERO)
_N_QUALITIES: Final = len(Quality)
_FIELD_UNKNOWN: Final = int(FieldValue.UNKNOWN)
_FIELD_ZEROS: Final = int(FieldValue.ZEROS)
_FIELD_ONES: Final = int(FieldValue.ONES)
_FIELD_OTHER: Final = int(FieldValue.OTHER)
_N_FIELDS: Final = len(FieldValue)
N_VERDICTS: Final = len(Verdict)

_WHOLE: Final = int(FragmentRole.WHOLE)
_FIRST: Final = int(FragmentRole.FIRST)
_LATER: Final = int(FragmentRole.LATER)

_LINK_ETHERNET: Final = int(Link.ETHERNET)
_LINK_NULL: Final = int(Link.NULL)
_LINK_LOOP: Final = int(Link.LOOP)
_LINK_COOKED: Final = int(Link.COOKED)
_LINK_COOKED2: Final = int(Link.COOKED2)
_LINK_RAW: Final = int(Link.RAW)
_LINK_RAW_12: Final = int(Link.RAW_12)
_LINK_RAW_14: Final = int(Link.RAW_14)
_LINK_IPV4: Final = int(Link.IPV4)
_LINK_IPV6: Final = int(Link.IPV6)

_ARPHRD_NETLINK: Final = 824
"""Linux if_arp.h: a cooked header's protocol field is then no EtherType."""

# What stands at the position at hand: an EtherType as such (0 to 0xffff), or one of these.
_NEXT_DONE: Final = -1
_NEXT_ETHERNET: Final = -2
_NEXT_ANY_IP: Final = -3
_TYPE_IPV4: Final = 0x0800
_TYPE_IPV6: Final = 0x86DD
_TYPE_ARP: Final = 0x0806
_TYPE_LEAST: Final = 0x0600
"""IEEE 802.3: smaller values are lengths."""
_TYPE_BRIDGED_ETHERNET: Final = 0x6558

# ---- small steps -------------------------------------------------------------------------------------------------------------------


def stop(work: Any, reason: int) -> int:
    """Dissection ends here, because of ``reason``."""
    work[STOP] = reason
    return _NEXT_DONE


def why_missing(work: Any, upto: int) -> int:
    """Why bytes before ``upto`` are missing from the layer at hand; KNOWN if none is."""
    return _KNOWN if upto <= work[AVAILABLE] else int(work[BEYOND])


def why_short(work: Any, upto: int) -> int:
    """The same for a header that ends at ``upto``: malformed if it does not fit its container, or if the record ends in its link header."""
    why = why_missing(work, upto)
    if why == _LENGTH or (why == _TRUNCATED and work[N_ADDRESSES] == 0):
        return _HEADER
    return why


def narrow(work: Any, end: int, beyond: int) -> None:
    """What follows belongs to a payload that ends at ``end``; a reader that needs more fails because of ``beyond``."""
    work[EXTENT] = end
    if end <= work[AVAILABLE]:
        work[AVAILABLE] = end
        work[BEYOND] = beyond


def push_layer(work: Any, kind: int, offset: int, length: int) -> bool:
    """Record one header; False, with the stop reason set, when there are too many."""
    count = work[N_LAYERS]
    if count >= MAX_LAYERS:
        work[STOP] = _DEPTH
        return False
    at = LAYERS + LAYER_SIZE * count
    work[at + LAYER_KIND] = kind
    work[at + LAYER_OFFSET] = offset
    work[at + LAYER_LENGTH] = length
    work[N_LAYERS] = count + 1
    return True


def push_sum(data: Any, base: int, work: Any, kind: int, displacement: int, end: int, pseudo: int, why_pseudo: int, why_cover: int) -> bool:
    """Record the checksum of the last pushed layer: it covers from there to ``end``.

    ``pseudo`` is P or, with ``why_pseudo``, not known; ``why_cover`` says why the covered bytes are not all here.
    False, with the stop reason set, when there are too many.
    """
    count = work[N_SUMS]
    if count >= MAX_SUMS:
        work[STOP] = _DEPTH
        return False
    header = work[N_LAYERS] - 1
    start = work[LAYERS + LAYER_SIZE * header + LAYER_OFFSET]
    field_at = start + displacement
    at = SUMS + SUM_SIZE * count
    why_field = why_short(work, field_at + 2)
    field = 0
    if why_field == _KNOWN:
        field = load16(data, base + field_at)
        work[at + SUM_FIELD_VALUE] = _FIELD_ZEROS if field == 0 else (_FIELD_ONES if field == 0xFFFF else _FIELD_OTHER)
    else:
        work[at + SUM_FIELD_VALUE] = _FIELD_UNKNOWN
    why_seed = why_field if why_field != _KNOWN else why_pseudo
    why_residue = why_seed if why_seed != _KNOWN else why_cover
    work[at + SUM_KIND] = kind
    work[at + SUM_HEADER] = header
    work[at + SUM_AT] = field_at
    work[at + SUM_START] = start
    work[at + SUM_END] = end
    work[at + SUM_PSEUDO] = pseudo
    work[at + SUM_FIELD] = field
    work[at + SUM_WHY_SEED] = why_seed
    work[at + SUM_WHY_RESIDUE] = why_residue
    residue = 0
    seed = 0
    quality_residue = _UNKNOWN
    quality_seed = _UNKNOWN
    if why_seed == _KNOWN:
        seed = (field + 0xFFFF - pseudo) % 0xFFFF
        quality_seed = _ZERO if seed == 0 else _NONZERO
    if why_residue == _KNOWN:
        residue = (sum_words(data, base + start, base + end) + pseudo) % 0xFFFF
        quality_residue = _ZERO if residue == 0 else _NONZERO
    work[at + SUM_RESIDUE] = residue
    work[at + SUM_SEED] = seed
    work[at + SUM_QUALITY_RESIDUE] = quality_residue
    work[at + SUM_QUALITY_SEED] = quality_seed
    work[N_SUMS] = count + 1
    return True


def interval(tables: Any, table: int, value: int) -> int:
    """How many entries of a sorted table are not above ``value``."""
    low = int(tables[table])
    start = low
    high = int(tables[table + 1])
    while low < high:
        middle = (low + high) >> 1
        if tables[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - start


def interval6(tables: Any, upper: int, lower: int) -> int:
    """The same for IPv6 addresses in two halves as :func:`load64` gives them; the table holds pairs."""
    start = int(tables[TABLE_IPV6])
    low = 0
    high = (int(tables[TABLE_IPV6 + 1]) - start) >> 1
    while low < high:
        middle = (low + high) >> 1
        bound = tables[start + 2 * middle]
        if bound < upper or (bound == upper and tables[start + 2 * middle + 1] <= lower):
            low = middle + 1
        else:
            high = middle
    return low


def hardware_address(data: Any, at: int, tables: Any) -> int:
    """What facts.Facts says of a hardware address: 0 unknown, 1 group, from 2 on the table's entries."""
    if load8(data, at) & 1:
        return 1
    if tables[TABLE_MAC] == tables[TABLE_MAC + 1]:
        return 0
    value = load16(data, at) << 32 | load32(data, at + 2)
    count = interval(tables, TABLE_MAC, value)
    if count > 0 and tables[tables[TABLE_MAC] + count - 1] == value:
        return count + 1
    return 0


def find_option(data: Any, base: int, start: int, end: int, wanted: int, length: int) -> int:
    """Offset of the data of an IPv6 option (RFC 8200 section 4.2) of that type and length, or -1."""
    at = start
    while at + 2 <= end:
        kind = load8(data, base + at)
        if kind == 0:
            at += 1
            continue
        size = load8(data, base + at + 1)
        if kind == wanted and size == length and at + 2 + size <= end:
            return at + 2
        at += 2 + size
    return -1


# ---- link layers -------------------------------------------------------------------------------------------------------------------


def read_link(data: Any, base: int, linktype: int, tables: Any, work: Any) -> tuple[int, int]:
    """The capture's own link header: what comes next, and where."""
    if linktype == _LINK_ETHERNET:
        if work[AVAILABLE] >= 12:
            work[DESTINATION_MAC] = hardware_address(data, base, tables)
            work[SOURCE_MAC] = hardware_address(data, base + 6, tables)
        return _NEXT_ETHERNET, 0
    if linktype == _LINK_RAW or linktype == _LINK_RAW_12 or linktype == _LINK_RAW_14:  # noqa: SIM109 - a tuple is slower, compiled and plain
        return _NEXT_ANY_IP, 0
    if linktype == _LINK_IPV4:
        return _TYPE_IPV4, 0
    if linktype == _LINK_IPV6:
        return _TYPE_IPV6, 0
    if linktype == _LINK_COOKED:
        return read_cooked(data, base, tables, work)
    if linktype == _LINK_COOKED2:
        return read_cooked2(data, base, tables, work)
    if linktype == _LINK_NULL or linktype == _LINK_LOOP:  # noqa: SIM109
        return read_loopback(data, base, work)
    return stop(work, _LINK_TYPE), 0


def read_cooked(data: Any, base: int, tables: Any, work: Any) -> tuple[int, int]:
    """LINKTYPE_LINUX_SLL."""
    why = why_short(work, 16)
    if why != _KNOWN:
        return stop(work, why), 0
    push_layer(work, _COOKED, 0, 16)
    work[PACKET_TYPE] = load16(data, base)
    if load16(data, base + 4) == 6:
        work[SOURCE_MAC] = hardware_address(data, base + 6, tables)
    if load16(data, base + 2) == _ARPHRD_NETLINK:
        return stop(work, _WHY_OPAQUE), 16
    return load16(data, base + 14), 16


def read_cooked2(data: Any, base: int, tables: Any, work: Any) -> tuple[int, int]:
    """LINKTYPE_LINUX_SLL2."""
    why = why_short(work, 20)
    if why != _KNOWN:
        return stop(work, why), 0
    push_layer(work, _COOKED2, 0, 20)
    work[PACKET_TYPE] = load8(data, base + 10)
    if load8(data, base + 11) == 6:
        work[SOURCE_MAC] = hardware_address(data, base + 12, tables)
    if load16(data, base + 8) == _ARPHRD_NETLINK:
        return stop(work, _WHY_OPAQUE), 20
    return load16(data, base), 20


def read_loopback(data: Any, base: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_NULL and LINKTYPE_LOOP: a protocol family, in the writer's byte order; a family is below 256, which tells the order."""
    why = why_short(work, 4)
    if why != _KNOWN:
        return stop(work, why), 0
    push_layer(work, _LOOPBACK, 0, 4)
    family = load32(data, base)
    if family & 0xFFFFFF == 0:
        family >>= 24
    if family == 2:
        return _TYPE_IPV4, 4
    # AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
    if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
        return _TYPE_IPV6, 4
    push_layer(work, _OPAQUE, 4, 0)
    return stop(work, _WHY_OPAQUE), 4


def read_ethernet(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    why = why_short(work, at + 14)
    if why != _KNOWN:
        return stop(work, why), at
    if not push_layer(work, _ETHERNET, at, 14):
        return _NEXT_DONE, at
    return load16(data, base + at + 12), at + 14


def read_vlan(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    why = why_short(work, at + 4)
    if why != _KNOWN:
        return stop(work, why), at
    if not push_layer(work, _VLAN, at, 4):
        return _NEXT_DONE, at
    return load16(data, base + at + 2), at + 4


# ---- network layers ----------------------------------------------------------------------------------------------------------------


def begin_address(work: Any, source: int, destination: int, ttl: int) -> int:
    """Open the address entry of the IP header just pushed; its place in ``work``."""
    at = ADDRESSES + ADDRESS_SIZE * work[N_ADDRESSES]
    work[N_ADDRESSES] += 1
    work[at + ADDRESS_HEADER] = work[N_LAYERS] - 1
    work[at + ADDRESS_SOURCE] = source
    work[at + ADDRESS_DESTINATION] = destination
    work[at + ADDRESS_FRAGMENT] = _WHOLE
    work[at + ADDRESS_PROTOCOL] = 0
    work[at + ADDRESS_SOURCE_PORT] = 0
    work[at + ADDRESS_DESTINATION_PORT] = 0
    work[at + ADDRESS_TTL] = 1 if ttl <= 1 else 0
    work[at + ADDRESS_EXTENSIONS] = 0
    return int(at)


def begin_payload(data: Any, base: int, captured: int, at: int, end: int, tables: Any, work: Any) -> None:
    """An IP packet stands from ``at`` to ``end`` by its own length: bound what follows; the outermost one gives trailer and length."""
    if work[N_ADDRESSES] == 1:
        if end < captured and sum_words(data, base + end, base + captured) != 0:
            work[TRAILER] = 1
        if end - at > tables[TABLE_MTU]:
            work[LONG] = 1
    work[IP_END] = end
    narrow(work, end, _LENGTH)


def read_ipv4(data: Any, base: int, captured: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """One IPv4 header: the protocol inside and where it starts, or -1 after a stop."""
    why = why_short(work, at + 1)
    if why != _KNOWN:
        return stop(work, why), at
    first = load8(data, base + at)
    if first >> 4 != 4:
        return stop(work, _HEADER), at
    size = (first & 15) * 4
    if not push_layer(work, _IPV4, at, size):
        return _NEXT_DONE, at
    why_cover = why_short(work, at + size)
    if size < 20:
        push_sum(data, base, work, _KIND_IPV4, _FIELD_IPV4, at + size, 0, _HEADER, _HEADER)
        return stop(work, _HEADER), at
    if not push_sum(data, base, work, _KIND_IPV4, _FIELD_IPV4, at + size, 0, _KNOWN, why_cover):
        return _NEXT_DONE, at
    why = why_short(work, at + 20)
    if why != _KNOWN:
        return stop(work, why), at
    source = 0
    destination = 0
    if tables[TABLE_IPV4] != tables[TABLE_IPV4 + 1]:
        source = interval(tables, TABLE_IPV4, load32(data, base + at + 12))
        destination = interval(tables, TABLE_IPV4, load32(data, base + at + 16))
    address = begin_address(work, source, destination, load8(data, base + at + 8))
    protocol = load8(data, base + at + 9)
    work[address + ADDRESS_PROTOCOL] = protocol
    work[address + ADDRESS_EXTENSIONS] = 1 if size > 20 else 0
    fragment = load16(data, base + at + 6)
    role = _LATER if fragment & 0x1FFF else (_FIRST if fragment & 0x2000 else _WHOLE)
    work[address + ADDRESS_FRAGMENT] = role
    total = load16(data, base + at + 2)
    # An offloading sender leaves 0 in a super-frame of more than 65535 bytes: take what is there.
    end = work[EXTENT] if total == 0 else at + total
    if end < at + size:
        return stop(work, _LENGTH), at
    begin_payload(data, base, captured, at, end, tables, work)
    if work[AVAILABLE] == end and role != _WHOLE:
        work[BEYOND] = _WHY_FRAGMENT
    if why_cover != _KNOWN:
        return stop(work, why_cover), at
    work[IP_VERSION] = 4
    work[IP_FRAGMENT] = role
    work[IP_SOURCE] = at + 12
    work[IP_DESTINATION] = at + 16
    work[IP_WHY] = _KNOWN
    at += size
    if role == _LATER:
        return stop(work, _WHY_FRAGMENT), at
    while protocol == 51:
        protocol, at = read_extension(data, base, protocol, at, work)
        if protocol < 0:
            return _NEXT_DONE, at
        work[address + ADDRESS_PROTOCOL] = protocol
        work[address + ADDRESS_EXTENSIONS] = 1
    return protocol, at


def read_ipv6(data: Any, base: int, captured: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """One IPv6 header with its extension headers: the protocol inside and where it starts, or -1 after a stop."""
    why = why_short(work, at + 1)
    if why != _KNOWN:
        return stop(work, why), at
    if load8(data, base + at) >> 4 != 6:
        return stop(work, _HEADER), at
    if not push_layer(work, _IPV6, at, 40):
        return _NEXT_DONE, at
    why = why_short(work, at + 40)
    if why != _KNOWN:
        return stop(work, why), at
    source = 0
    destination = 0
    if tables[TABLE_IPV6] != tables[TABLE_IPV6 + 1]:
        source = interval6(tables, load64(data, base + at + 8), load64(data, base + at + 16))
        destination = interval6(tables, load64(data, base + at + 24), load64(data, base + at + 32))
    address = begin_address(work, source, destination, load8(data, base + at + 7))
    protocol = load8(data, base + at + 6)
    work[address + ADDRESS_PROTOCOL] = protocol
    begin_payload(data, base, captured, at, ipv6_end(data, base, at, protocol, work), tables, work)
    work[IP_VERSION] = 6
    work[IP_FRAGMENT] = _WHOLE
    work[IP_SOURCE] = at + 8
    work[IP_DESTINATION] = at + 24
    work[IP_WHY] = _KNOWN
    at += 40
    while protocol == 0 or protocol == 43 or protocol == 44 or protocol == 51 or protocol == 60:
        work[address + ADDRESS_EXTENSIONS] = 1
        protocol, at = read_extension(data, base, protocol, at, work)
        work[address + ADDRESS_FRAGMENT] = work[IP_FRAGMENT]
        if protocol < 0:
            return _NEXT_DONE, at
        work[address + ADDRESS_PROTOCOL] = protocol
        if work[IP_FRAGMENT] == _LATER:
            return stop(work, _WHY_FRAGMENT), at
    return protocol, at


def ipv6_end(data: Any, base: int, at: int, protocol: int, work: Any) -> int:
    """Where an IPv6 packet ends: payload length, jumbo payload option (RFC 2675 section 2), or, without either, what is there."""
    payload = load16(data, base + at + 4)
    if payload != 0:
        return int(at + 40 + payload)
    if protocol == 59:
        return int(at + 40)
    if protocol == 0 and at + 48 <= work[AVAILABLE]:
        size = (load8(data, base + at + 41) + 1) * 8
        if at + 40 + size <= work[AVAILABLE]:
            found = find_option(data, base, at + 42, at + 40 + size, 0xC2, 4)
            if found >= 0:
                return int(at + 40 + load32(data, base + found))
    return int(work[EXTENT])


def read_extension(data: Any, base: int, protocol: int, at: int, work: Any) -> tuple[int, int]:
    """One extension header: the next one's number and place, or -1 after a stop. What it does to the pseudo-header goes into ``work``."""
    why = why_short(work, at + 8)
    if why != _KNOWN:
        return stop(work, why), at
    size = 8
    if protocol == 51:
        size = (load8(data, base + at + 1) + 2) * 4
    elif protocol != 44:
        size = (load8(data, base + at + 1) + 1) * 8
    why = why_short(work, at + size)
    if why != _KNOWN:
        return stop(work, why), at
    if not push_layer(work, _EXTENSION, at, size):
        return _NEXT_DONE, at
    if protocol == 43:
        read_routing(data, base, at, size, work)
    elif protocol == 44:
        fragment = load16(data, base + at + 2)
        if fragment & 0xFFF8:
            work[IP_FRAGMENT] = _LATER
        elif fragment & 1:
            work[IP_FRAGMENT] = _FIRST
        if work[IP_FRAGMENT] != _WHOLE and work[AVAILABLE] == work[IP_END]:
            work[BEYOND] = _WHY_FRAGMENT
    elif protocol == 60:
        home = find_option(data, base, at + 2, at + size, 0xC9, 16)
        if home >= 0:
            work[IP_SOURCE] = home
    return load8(data, base + at), at + size


def read_routing(data: Any, base: int, at: int, size: int, work: Any) -> None:
    """The pseudo-header has the final destination (RFC 8200 section 8.1): types 0 and 2 have it last, segment routing first."""
    if load8(data, base + at + 3) == 0:
        return
    kind = load8(data, base + at + 2)
    if (kind == 0 or kind == 2) and size >= 24:
        work[IP_DESTINATION] = at + size - 16
    elif kind == 4 and size >= 24:
        work[IP_DESTINATION] = at + 8
    else:
        work[IP_WHY] = _WHY_OPAQUE


# ---- transport layers --------------------------------------------------------------------------------------------------------------


def pseudo_header(data: Any, base: int, protocol: int, length: int, work: Any) -> int:
    """P: the sum of both addresses, protocol and length (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
    size = 4 if work[IP_VERSION] == 4 else 16
    source = base + work[IP_SOURCE]
    destination = base + work[IP_DESTINATION]
    return int(sum_words(data, source, source + size) + sum_words(data, destination, destination + size) + protocol + length) % 0xFFFF


def read_ports(data: Any, base: int, at: int, tables: Any, work: Any) -> None:
    if at + 4 <= work[AVAILABLE] and tables[TABLE_PORT] != tables[TABLE_PORT + 1]:
        address = ADDRESSES + ADDRESS_SIZE * (work[N_ADDRESSES] - 1)
        work[address + ADDRESS_SOURCE_PORT] = interval(tables, TABLE_PORT, load16(data, base + at))
        work[address + ADDRESS_DESTINATION_PORT] = interval(tables, TABLE_PORT, load16(data, base + at + 2))


def read_tcp(data: Any, base: int, at: int, tables: Any, work: Any) -> int:
    """A TCP segment; the stop reason is left in ``work``."""
    end = work[IP_END]
    whole = work[IP_FRAGMENT] == _WHOLE
    size = 20
    malformed = whole and end < at + 20
    if at + 13 <= work[AVAILABLE]:
        size = (load8(data, base + at + 12) >> 4) * 4
    if not push_layer(work, _TCP, at, size):
        return _NEXT_DONE
    read_ports(data, base, at, tables, work)
    why_pseudo = int(work[IP_WHY])
    why_cover = why_missing(work, end)
    if not whole:
        why_pseudo = why_cover = _WHY_FRAGMENT
    if malformed:
        why_pseudo = why_cover = _HEADER
    pseudo = pseudo_header(data, base, 6, end - at, work) if why_pseudo == _KNOWN else 0
    if not push_sum(data, base, work, _KIND_TCP, _FIELD_TCP, end, pseudo, why_pseudo, why_cover):
        return _NEXT_DONE
    if malformed or size < 20 or (whole and at + size > end):
        return stop(work, _HEADER)
    return stop(work, why_short(work, at + size))


def read_udp(data: Any, base: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """A UDP datagram, and VXLAN inside it."""
    if not push_layer(work, _UDP, at, 8):
        return _NEXT_DONE, at
    read_ports(data, base, at, tables, work)
    why = why_short(work, at + 8)
    ip_end = work[IP_END]
    if why != _KNOWN:
        push_sum(data, base, work, _KIND_UDP, _FIELD_UDP, ip_end, 0, why, why)
        return stop(work, why), at
    length = load16(data, base + at + 4)
    if length == 0 and ip_end - at > 0xFFFF:
        length = ip_end - at
    end = at + length
    if length < 8:
        push_sum(data, base, work, _KIND_UDP, _FIELD_UDP, end, 0, _LENGTH, _LENGTH)
        return stop(work, _LENGTH), at
    why_pseudo = int(work[IP_WHY])
    why_cover = why_missing(work, end)
    if end > ip_end and work[IP_FRAGMENT] == _WHOLE:
        why_cover = _LENGTH
    pseudo = pseudo_header(data, base, 17, length, work) if why_pseudo == _KNOWN else 0
    if not push_sum(data, base, work, _KIND_UDP, _FIELD_UDP, end, pseudo, why_pseudo, why_cover):
        return _NEXT_DONE, at
    at += 8
    if end < ip_end:
        narrow(work, end, _LENGTH)
    # RFC 7348 section 5: the I flag must be set; without it the port alone proves nothing.
    if at + 8 <= work[AVAILABLE] and is_vxlan(tables, load16(data, base + at - 6)) and load8(data, base + at) & 8:
        if not push_layer(work, _VXLAN, at, 8):
            return _NEXT_DONE, at
        return _NEXT_ETHERNET, at + 8
    return stop(work, _KNOWN), at


def is_vxlan(tables: Any, port: int) -> bool:
    return any_equal(tables, int(tables[TABLE_VXLAN]), int(tables[TABLE_VXLAN + 1]), port)


def any_equal(tables: Any, start: int, end: int, value: int) -> bool:
    for at in range(start, end):  # noqa: SIM110 - a generator expression does not compile
        if tables[at] == value:
            return True
    return False


def read_icmp(data: Any, base: int, at: int, protocol: int, work: Any) -> int:
    """ICMP or ICMPv6; the packet quoted in an error is payload and not looked into."""
    end = work[IP_END]
    whole = work[IP_FRAGMENT] == _WHOLE
    why_cover = why_missing(work, end) if whole else _WHY_FRAGMENT
    if not push_layer(work, _ICMP if protocol == 1 else _ICMPV6, at, 8):
        return _NEXT_DONE
    if protocol == 1:
        pushed = push_sum(data, base, work, _KIND_ICMP, _FIELD_ICMP, end, 0, _KNOWN, why_cover)
    else:
        why_pseudo = int(work[IP_WHY]) if whole else _WHY_FRAGMENT
        pseudo = pseudo_header(data, base, 58, end - at, work) if why_pseudo == _KNOWN else 0
        pushed = push_sum(data, base, work, _KIND_ICMPV6, _FIELD_ICMPV6, end, pseudo, why_pseudo, why_cover)
    return stop(work, why_short(work, at + 4)) if pushed else _NEXT_DONE


def read_gre(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """GRE version 0 with checksum, key and sequence number (RFC 2784, RFC 2890)."""
    why = why_short(work, at + 4)
    if why != _KNOWN:
        return stop(work, why), at
    flags = load16(data, base + at)
    size = 4
    if flags & 7 == 0:
        size += (4 if flags & 0xC000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
    if not push_layer(work, _GRE, at, size):
        return _NEXT_DONE, at
    if flags & 7 != 0:
        push_layer(work, _OPAQUE, at + size, 0)
        return stop(work, _WHY_OPAQUE), at
    if flags & 0x8000:
        end = work[IP_END]
        why_cover = why_missing(work, end) if work[IP_FRAGMENT] == _WHOLE else _WHY_FRAGMENT
        if not push_sum(data, base, work, _KIND_GRE, _FIELD_GRE, end, 0, _KNOWN, why_cover):
            return _NEXT_DONE, at
    if flags & 0x4000:
        # Source routes of RFC 1701, given up by RFC 2784.
        push_layer(work, _OPAQUE, at + size, 0)
        return stop(work, _WHY_OPAQUE), at
    why = why_short(work, at + size)
    if why != _KNOWN:
        return stop(work, why), at
    kind = load16(data, base + at + 2)
    return (_NEXT_ETHERNET if kind == _TYPE_BRIDGED_ETHERNET else kind), at + size


def read_transport(data: Any, base: int, protocol: int, at: int, tables: Any, work: Any) -> tuple[int, int]:
    """What an IP header carries: what comes next, and where."""
    version = work[IP_VERSION]
    if protocol == 6:
        return read_tcp(data, base, at, tables, work), at
    if protocol == 17:
        return read_udp(data, base, at, tables, work)
    if (protocol == 1 and version == 4) or (protocol == 58 and version == 6):
        return read_icmp(data, base, at, protocol, work), at
    if protocol == 4:
        return _TYPE_IPV4, at
    if protocol == 41:
        return _TYPE_IPV6, at
    if protocol == 47:
        return read_gre(data, base, at, work)
    if protocol == 59 and version == 6:
        return stop(work, _KNOWN), at
    # ESP (50), or a protocol whose checksum, if any, is not one of ours.
    if push_layer(work, _OPAQUE, at, 0):
        stop(work, _WHY_OPAQUE)
    return _NEXT_DONE, at


# ---- the packet --------------------------------------------------------------------------------------------------------------------


def dissect(data: Any, base: int, captured: int, original: int, linktype: int, tables: Any, work: Any) -> None:
    """Fill ``work`` with what one packet holds: ``captured`` bytes from ``base`` on, of ``original`` on the wire.

    Ends for any bytes: every turn of the loop pushes a layer or stops, and there is room for MAX_LAYERS.
    """
    work[N_LAYERS] = 0
    work[N_SUMS] = 0
    work[N_ADDRESSES] = 0
    work[STOP] = _KNOWN
    work[TRAILER] = 0
    work[LONG] = 0
    work[PACKET_TYPE] = -1
    work[SOURCE_MAC] = 0
    work[DESTINATION_MAC] = 0
    work[AVAILABLE] = captured
    work[BEYOND] = _CUT if captured < original else _TRUNCATED
    work[EXTENT] = max(captured, original)
    following, at = read_link(data, base, linktype, tables, work)
    while following != _NEXT_DONE:
        if following == _NEXT_ANY_IP:
            # Raw IP: the version says which; the readers below report a packet without a first byte.
            following = _TYPE_IPV6 if work[AVAILABLE] > at and load8(data, base + at) >> 4 == 6 else _TYPE_IPV4
        if following == _NEXT_ETHERNET:
            following, at = read_ethernet(data, base, at, work)
        elif following == _TYPE_IPV4 or following == _TYPE_IPV6:  # noqa: SIM109
            if following == _TYPE_IPV4:
                protocol, at = read_ipv4(data, base, captured, at, tables, work)
            else:
                protocol, at = read_ipv6(data, base, captured, at, tables, work)
            following = protocol
            if protocol >= 0:
                following, at = read_transport(data, base, protocol, at, tables, work)
        elif following == 0x8100 or following == 0x88A8 or following == 0x9100:
            following, at = read_vlan(data, base, at, work)
        elif following == _TYPE_ARP or following < _TYPE_LEAST:
            # No Internet checksum in there.
            following = stop(work, _KNOWN)
        else:
            if push_layer(work, _OPAQUE, at, 0):
                stop(work, _WHY_OPAQUE)
            following = _NEXT_DONE
    judge_sums(work)


def judge_sums(work: Any) -> None:
    """What depends on all sums: parity in the enclosing coverage, settled residue, verdict. Innermost first.

    The settled residue is the residue after the owed fill, in thought: 0 for a partial sum; for a sum around one, r - s (r' + g') with
    the residues of the innermost partial sum inside, s = 1 or 256 by the parity of its field's place; r for any other.
    """
    count = work[N_SUMS]
    for index in range(count - 1, -1, -1):
        at = SUMS + SUM_SIZE * index
        field_at = work[at + SUM_AT]
        work[at + SUM_ODD] = 0
        for outer in range(index - 1, -1, -1):
            around = SUMS + SUM_SIZE * outer
            if work[around + SUM_START] <= field_at and field_at + 2 <= work[around + SUM_END]:
                work[at + SUM_ODD] = (field_at - work[around + SUM_START]) & 1
                break
        quality_residue = work[at + SUM_QUALITY_RESIDUE]
        quality_seed = work[at + SUM_QUALITY_SEED]
        settled = _ZERO if quality_seed == _ZERO else quality_residue
        if quality_seed != _ZERO and quality_residue != _UNKNOWN:
            for inner in range(count - 1, index, -1):
                inside = SUMS + SUM_SIZE * inner
                place = work[inside + SUM_AT] - work[at + SUM_START]
                if place < 0 or work[inside + SUM_AT] + 2 > work[at + SUM_END] or not is_owed(work, inside):
                    continue
                if work[inside + SUM_QUALITY_RESIDUE] == _UNKNOWN:
                    settled = _UNKNOWN
                else:
                    change = (work[inside + SUM_RESIDUE] + work[inside + SUM_SEED]) * (256 if place & 1 else 1)
                    settled = _ZERO if (work[at + SUM_RESIDUE] - change) % 0xFFFF == 0 else _NONZERO
                break
        work[at + SUM_QUALITY_SETTLED] = settled
        combination = (work[at + SUM_KIND] * _N_QUALITIES + quality_residue) * _N_QUALITIES + quality_seed
        combination = (combination * _N_QUALITIES + settled) * _N_FIELDS + work[at + SUM_FIELD_VALUE]
        work[at + SUM_VERDICT] = VERDICTS[combination]


def is_owed(work: Any, at: int) -> bool:
    """Whether the sum there is partial: its seed is zero, and it is neither good as it is nor absent."""
    if work[at + SUM_QUALITY_SEED] != _ZERO or work[at + SUM_QUALITY_RESIDUE] == _ZERO:
        return False
    return not (work[at + SUM_KIND] == _KIND_UDP and work[at + SUM_FIELD_VALUE] == _FIELD_ZEROS)


# ---- classes -----------------------------------------------------------------------------------------------------------------------

FLAG_BITS: Final = 0b1110_0000_0011
"""The epb_flags bits that are facts: direction, and 9 to 11 (IETF pcapng draft, section 4.3.1)."""
FLAGS_RECORDED: Final = 1 << 32
"""capture.block.HAS_FLAGS."""


def signature(work: Any, linktype: int, interface: int, flags: int, seed: int) -> int:
    """A signed 64-bit hash of exactly what :class:`csumlab.facts.Facts` holds; ``seed`` makes it unpredictable to who writes packets."""
    layers = work[N_LAYERS]
    sums = work[N_SUMS]
    addresses = work[N_ADDRESSES]
    word = (work[PACKET_TYPE] + 1) << 16 | layers << 8 | sums << 4 | work[STOP]
    state = mix(seed, word << 12 | addresses << 2 | work[TRAILER] << 1 | work[LONG])
    state = mix(state, (linktype & 0xFFFF) << 40 | (interface & 0xFFFFFFFF))
    state = mix(state, (flags & FLAG_BITS) << 1 | (1 if flags & FLAGS_RECORDED else 0))
    state = mix(state, work[SOURCE_MAC] << 31 | work[DESTINATION_MAC])
    word = 0
    for index in range(layers):
        word = word << 5 | work[LAYERS + LAYER_SIZE * index + LAYER_KIND]
        if index % 12 == 11:
            state = mix(state, word)
            word = 0
    state = mix(state, word)
    for index in range(sums):
        at = SUMS + SUM_SIZE * index
        word = work[at + SUM_KIND] << 5 | work[at + SUM_HEADER]
        word = word << 4 | work[at + SUM_WHY_RESIDUE]
        word = word << 4 | work[at + SUM_WHY_SEED]
        word = word << 2 | work[at + SUM_QUALITY_RESIDUE]
        word = word << 2 | work[at + SUM_QUALITY_SEED]
        word = word << 2 | work[at + SUM_QUALITY_SETTLED]
        word = word << 2 | work[at + SUM_FIELD_VALUE]
        state = mix(state, word << 1 | work[at + SUM_ODD])
    for index in range(addresses):
        at = ADDRESSES + ADDRESS_SIZE * index
        word = work[at + ADDRESS_HEADER] << 8 | work[at + ADDRESS_PROTOCOL]
        word = word << 2 | work[at + ADDRESS_FRAGMENT]
        word = word << 2 | work[at + ADDRESS_TTL] << 1 | work[at + ADDRESS_EXTENSIONS]
        state = mix(state, (word << 17 | work[at + ADDRESS_SOURCE_PORT]) << 17 | work[at + ADDRESS_DESTINATION_PORT])
        state = mix(state, work[at + ADDRESS_SOURCE] << 31 | work[at + ADDRESS_DESTINATION])
    return mix(state, 0)


def sign_packets(
    data: Any,
    offset: Any,
    captured: Any,
    original: Any,
    interface: Any,
    flags: Any,
    linktypes: Any,
    tables: Any,
    seed: int,
    begin: int,
    end: int,
    work: Any,
    signatures: Any,
    tally: Any,
) -> None:
    """Dissect packets ``begin`` to ``end`` of a block: their signatures, and ``tally[kind * N_VERDICTS + verdict]`` counted up."""
    octets = pointer(data)
    bounds = pointer(tables)
    scratch = pointer(work)
    for index in range(begin, end):
        number = interface[index]
        linktype = linktypes[number]
        dissect(octets, offset[index], captured[index], original[index], linktype, bounds, scratch)
        signatures[index] = signature(scratch, linktype, number, flags[index], seed)
        for one in range(scratch[N_SUMS]):
            at = SUMS + SUM_SIZE * one
            tally[scratch[at + SUM_KIND] * N_VERDICTS + scratch[at + SUM_VERDICT]] += 1


FIRST_KEPT: Final = 8
"""Packet numbers kept for each class."""


def group_packets(
    signatures: Any,
    original: Any,
    number: int,
    keys: Any,
    slots: Any,
    used: int,
    counts: Any,
    octets: Any,
    firsts: Any,
    class_of: Any,
    new_rows: Any,
) -> int:
    """Give every packet of a block its class; the number of classes afterwards.

    ``keys`` and ``slots`` (class number or -1) are an open hash table with a power of two of entries, at least twice as many as ``counts``
    has. When ``counts`` is full a packet of a new class gets -1. ``new_rows[k]`` becomes the row that opened class ``k``.
    """
    mask = len(keys) - 1
    limit = len(counts)
    for row in range(len(signatures)):
        key = signatures[row]
        slot = key & mask
        while slots[slot] >= 0 and keys[slot] != key:
            slot = (slot + 1) & mask
        found = slots[slot]
        if found < 0:
            if used >= limit:
                class_of[row] = -1
                continue
            found = used
            used += 1
            keys[slot] = key
            slots[slot] = found
            new_rows[found] = row
        class_of[row] = found
        if counts[found] < FIRST_KEPT:
            firsts[found, counts[found]] = number + row
        counts[found] += 1
        octets[found] += original[row]
    return used


def read_columns(
    data: Any,
    offset: Any,
    captured: Any,
    original: Any,
    linktype: int,
    rows: Any,
    tables: Any,
    work: Any,
    layers: Any,
    sums: Any,
) -> None:
    """For packets of one class, ``rows[k]``: ``layers[l, k]`` the offset of header l, ``sums[s, c, k]`` column c (SUM_*) of checksum s."""
    octets = pointer(data)
    bounds = pointer(tables)
    scratch = pointer(work)
    for column in range(len(rows)):
        row = rows[column]
        dissect(octets, offset[row], captured[row], original[row], linktype, bounds, scratch)
        for layer in range(min(scratch[N_LAYERS], layers.shape[0])):
            layers[layer, column] = scratch[LAYERS + LAYER_SIZE * layer + LAYER_OFFSET]
        for one in range(min(scratch[N_SUMS], sums.shape[0])):
            for entry in range(SUM_SIZE):
                sums[one, entry, column] = scratch[SUMS + SUM_SIZE * one + entry]
