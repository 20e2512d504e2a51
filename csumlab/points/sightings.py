"""Packets of one capture as rows that can be held against those of another one, taken elsewhere.

A packet is known by its innermost readable IP packet, so that tunnels around it do not matter; one that is in fragments by the IP header
that says so. Everything is numbers in columns: millions of packets cost no Python each.
Source of offsets: RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1, RFC 768, RFC 792, RFC 4443 section 2.1.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.facts import Facts, FragmentRole
from csumlab.fingerprints import Outer, Wide, mixed, outer_headers, scrambled
from csumlab.headers import KINDS, MAX_SUMS, UNREADABLE, Kind, Layer
from csumlab.index import Columns, Index
from csumlab.inet import MODULUS
from csumlab.kernels.payloads import hash_payloads
from csumlab.rows import Rows
from csumlab.tables import Tables

_BETWEEN: Final = frozenset({Layer.EXTENSION, Layer.REMOTE})
_PORTED: Final = frozenset({Layer.TCP, Layer.UDP, Layer.UDPLITE, Layer.DCCP, Layer.SCTP})
_QUERIES: Final = {Layer.ICMP: (0, 8, 13, 14, 15, 16, 17, 18), Layer.ICMPV6: (128, 129)}
"""ICMP types with an identifier, which a translator of addresses rewrites like a port (RFC 792, RFC 950, RFC 4443, RFC 5508)."""
_ICMP_HEADER: Final = 8

Long = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unit:
    """One IP header with what it carries: the places of its sums in ``Facts.sums``, -1 for none. ``inside`` are the layers between its
    transport header and the next IP header: the tunnel."""

    ip_sum: int
    sum: int
    inside: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What is the same for all packets of a class. ``ip`` and ``transport`` index ``facts.layers``, -1 for none; ``units`` are the IP
    headers from the one that the packet is known by outwards; ``quote`` is the first quoted layer of an ICMP error, -1 for none."""

    facts: Facts
    ip: int
    transport: int
    layer: Layer
    protocol: int
    role: FragmentRole
    quote: int
    units: tuple[Unit, ...]

    @property
    def sealed(self) -> bool:
        """Whether what it carries cannot be read."""
        return self.layer in UNREADABLE


def form_of(facts: Facts) -> Form:
    """By which of its headers packets of a class are known."""
    layers = facts.layers
    end = layers.index(Layer.QUOTE) if Layer.QUOTE in layers else len(layers)
    addresses = [one for one in facts.addresses if one.header < end]
    quote = end + 1 if end + 1 < len(layers) else -1
    if not addresses:
        return Form(facts, -1, -1, Layer.NOTHING, 0, FragmentRole.WHOLE, quote, ())
    depth = next((n for n, one in enumerate(addresses) if one.fragment is not FragmentRole.WHOLE), len(addresses) - 1)
    known = addresses[depth]
    transport = -1
    if known.fragment is not FragmentRole.LATER:
        transport = next((n for n in range(known.header + 1, end) if layers[n] not in _BETWEEN), -1)
    sums = {one.header: place for place, one in enumerate(facts.sums)}
    units = []
    for place in range(depth, -1, -1):
        ip = addresses[place].header
        until = addresses[place + 1].header if place < depth else end
        own = [n for n in range(ip + 1, until) if layers[n] not in _BETWEEN]
        first = own[0] if own else -1
        units.append(Unit(sums.get(ip, -1), sums.get(first, -1), tuple(layers[n] for n in own) if place < depth else ()))
    layer = layers[transport] if transport >= 0 else Layer.NOTHING
    return Form(facts, known.header, transport, layer, known.protocol, known.fragment, quote, tuple(units))


def _prime() -> int:
    """A prime between 2^30 and 2^31 that nobody can foresee (Miller and Rabin's test; these bases are enough below 3,215,031,751)."""
    while True:
        one = secrets.randbelow(1 << 30) | 1 << 30 | 1
        twos = ((one - 1) & -(one - 1)).bit_length() - 1
        if all(_probable(one, base, (one - 1) >> twos, twos) for base in (2, 3, 5, 7)):
            return one


def _probable(one: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, one)
    return power in (1, one - 1) or any(pow(power, 1 << n, one) == one - 1 for n in range(1, twos))


PRIME: Final = _prime()
"""What payloads are hashed by (kernels.payloads)."""


class Sightings:
    """Makes rows of the blocks of one capture.

    Columns: ``number``, ``time`` (nanoseconds, the capture's own clock), ``kind`` the class in ``index``. ``flow``: hash of protocol,
    addresses and ports (or ICMP identifier); ``addresses``, ``ports``: hashes of these alone. ``identity``: the IPv4 identification,
    0 if it has none. ``place``: hash of what orders a packet in its flow (TCP's numbers and flags, ICMP's type and sequence, the fragment
    offset). ``size`` and ``hash`` of the payload, ``sample`` of some of it; ``cut`` where the capture lacks some of it (then both are 0).
    ``sequenced``: hash of TCP's numbers and of the first bytes of the payload, which a super-frame shares with its first segment.
    ``head``: hash of the rest of the transport header. ``stream`` with ``start`` and ``end``: TCP's sequence numbers of the payload;
    ``datagram`` with ``from`` and ``to``: the same of an IPv4 datagram and its fragments; 0 where there is none. ``long``: a super-frame.
    Per checksum of the class ``field``, ``residue``, ``pseudo`` and the ``moved`` sum of the ports of its header, [n, MAX_SUMS].
    ``telling``: whether place, identity and payload tell it from other packets of its protocol. ``looks``: hash of all of a row that is
    looked at, ``same``: also of its class. ``without`` counts packets that have no IP header, ``beyond`` those of too many classes,
    ``sealed`` those that cannot be read inside. ``forms`` has the form of each class.
    """

    def __init__(self, tables: Tables, accelerate: bool | None = None) -> None:
        self.index = Index(tables, accelerate=accelerate)
        self.without = 0
        self.beyond = 0
        self.sealed = 0
        self.forms: list[Form] = []

    def rows(self, block: Block) -> Rows:
        """The packets of ``block`` that have an IP header, in its order."""
        member = self.index.add(block)
        at = np.full(len(block), -1, np.int64)
        transport = np.full(len(block), -1, np.int64)
        quoted = np.full(len(block), -1, np.int64)
        sums = {name: np.zeros((len(block), MAX_SUMS), kind) for name, kind in _SUM_COLUMNS.items()}
        self.beyond += int(np.count_nonzero(member.class_of < 0))
        counts = np.bincount(member.class_of[member.class_of >= 0])
        if len(counts) > len(self.forms):
            self.forms += [form_of(one.facts) for one in self.index.classes[len(self.forms) :]]
        for kind in np.flatnonzero(counts).tolist():
            form = self.forms[kind]
            if form.ip < 0:
                continue
            rows = member.rows(kind)
            self.sealed += len(rows) if form.sealed else 0
            columns = self.index.columns(block, rows)
            at[rows] = columns.offset[form.ip]
            if form.transport >= 0:
                transport[rows] = columns.offset[form.transport]
            if form.quote >= 0:
                quoted[rows] = columns.offset[form.quote]
            _take_sums(form, columns, rows, sums)
        outer = outer_headers(block, at)
        self.without += int(np.count_nonzero(member.class_of >= 0)) - len(outer.rows)
        made = self._made(block, outer, member.class_of[outer.rows], transport[outer.rows], quoted[outer.rows])
        made |= {name: column[outer.rows] for name, column in sums.items()}
        total = sum((scrambled(made[name].astype(np.uint64), n) for n, name in enumerate(_LOOKED_AT)), np.zeros(len(outer.rows), np.uint64))
        for place in range(MAX_SUMS):
            total += scrambled(made["field"][:, place].astype(np.uint64) << np.uint64(32) | made["residue"][:, place], 16 + place)
        made["looks"] = mixed(total)
        made["same"] = mixed(total + scrambled(made["kind"].astype(np.uint64), 15))
        return made

    def _made(self, block: Block, outer: Outer, kind: NDArray[np.int32], transport: Long, quoted: Long) -> Rows:
        words, end = outer.words, outer.end
        # By class, then spread over its packets.
        forms = self.forms
        layer = np.array([int(form.layer) for form in forms] or [0], np.int64)[kind]
        protocol = np.array([form.protocol for form in forms] or [0], np.uint64)[kind]
        role = np.array([int(form.role) for form in forms] or [0], np.int64)[kind]
        long = np.array([form.facts.long for form in forms] or [False], np.bool_)[kind]
        begin = np.where(transport >= 0, transport + block.offset[outer.rows], outer.transport)
        tcp = (layer == Layer.TCP) & (role == FragmentRole.WHOLE)
        first, second, third = (words.load(begin + 8 * n, end) for n in range(3))
        header = _header_table()[layer]
        header = np.where(layer == Layer.TCP, np.maximum((second >> np.uint64(36) & np.uint64(15)).astype(np.int64) * 4, 20), header)
        start = np.minimum(begin + header, end)
        until = end.copy()
        error = quoted >= 0
        # Of what an ICMP error quotes, only what no translator rewrites: length and identification.
        there = quoted + block.offset[outer.rows]
        start = np.where(error, np.minimum(there + np.where(outer.six, 4, 2), end), start)
        until = np.where(error, np.minimum(there + np.where(outer.six, 6, 8), end), until)
        ports = np.where(np.isin(layer, [int(one) for one in _PORTED]), first & np.uint64(0xFFFFFFFF), np.uint64(0))
        for one, types in _QUERIES.items():
            query = (layer == one) & np.isin((first & np.uint64(0xFF)).astype(np.int64), types)
            ports = np.where(query, first >> np.uint64(32) & np.uint64(0xFFFF), ports)
        icmp = np.isin(layer, [int(one) for one in _QUERIES])
        place = np.where(icmp, first & np.uint64(0xFFFF) | first >> np.uint64(48) << np.uint64(16), np.uint64(0))
        order = np.where(layer == Layer.TCP, first >> np.uint64(32) | second << np.uint64(32), np.uint64(0))
        flags = np.where(layer == Layer.TCP, second >> np.uint64(40) & np.uint64(0xFF), np.uint64(0))
        sequence = _swapped(first >> np.uint64(32))
        addresses = mixed(
            scrambled(outer.source[0], 0) + scrambled(outer.source[1], 1) + scrambled(outer.destination[0], 2)
            + scrambled(outer.destination[1], 3) + protocol
        )  # fmt: skip
        # The first words of a fragment's transport header tell its flow, those of a later one do not.
        fragment = role != FragmentRole.WHOLE
        word = np.where(outer.six, np.uint64(0), outer.identity)
        identity = (word & np.uint64(0xFFFF)).astype(np.uint16)
        offset = (_swapped(word >> np.uint64(16), 2) & 0x1FFF) * 8
        true_end = outer.at + outer.length
        size = np.where(error, np.int64(0), np.maximum(true_end - start, 0))
        cut = outer.cut & ~error
        hashes, sample = self._hashes(block, outer, start, until)
        hashes[cut], sample[cut] = 0, 0
        lead_words = scrambled(words.load(start, until), 24) + scrambled(words.load(start + 8, until), 25)
        datagram = (identity != 0) & ~outer.six
        lead = np.where(role == FragmentRole.LATER, offset, 0)
        telling = (identity != 0) | ((layer == Layer.TCP) & ((order >> np.uint64(32)) != 0)) | ((until - start >= 8) & ~cut)
        return {
            "number": outer.rows + block.first,
            "time": block.timestamp[outer.rows],
            "kind": kind.astype(np.int32),
            "flow": mixed(addresses + scrambled(ports, 4)),
            "addresses": addresses,
            "ports": ports,
            "protocol": protocol | outer.six.astype(np.uint64) << np.uint64(8),
            "identity": identity,
            "place": mixed(scrambled(order, 5) + scrambled(flags, 6) + scrambled(place, 7) + scrambled((lead + 1).astype(np.uint64), 8)),
            "sequenced": mixed(scrambled(order, 5) + scrambled(flags & np.uint64(6), 6) + lead_words) * tcp.astype(np.uint64),
            "size": size,
            "hash": hashes,
            "sample": sample,
            "cut": cut,
            "head": _head_hash(outer, layer, begin, start, second, third),
            "ttl": outer.ttl.astype(np.uint8),
            "stream": tcp & (size > 0),
            "start": sequence,
            "end": sequence + size,
            "datagram": datagram,
            "fragment": fragment,
            "from": lead + start - begin,
            "to": lead + true_end - begin,
            "long": long,
            "telling": telling,
        }

    def _hashes(self, block: Block, outer: Outer, start: Long, until: Long) -> tuple[Long, Wide]:
        hashes = np.zeros(len(start), np.int64)
        if self.index.compiled:
            from csumlab import accelerate

            accelerate.compiled().hash_payloads(np.require(block.data, np.uint8, ["C", "W"]), start, until, PRIME, hashes)
        else:
            hash_payloads(memoryview(block.data), start.tolist(), until.tolist(), PRIME, hashes)  # type: ignore[arg-type]
        sample = np.zeros(len(start), np.uint64)
        for n in range(3):
            sample += scrambled(outer.words.load(start + 8 * n, until), 9 + n)
        sample += scrambled(outer.words.load(np.maximum(until - 8, start), until), 12)
        return hashes, mixed(sample)


_SUM_COLUMNS: Final[dict[str, Any]] = {"field": np.uint32, "residue": np.uint32, "pseudo": np.uint16, "moved": np.uint16}
_LOOKED_AT: Final = ("flow", "identity", "place", "size", "hash", "sample", "head", "ttl", "protocol", "start", "from", "to")


def _header_table() -> Long:
    """Bytes of a transport header of fixed length by layer; of one that is not known all is payload."""
    table = np.zeros(len(Layer), np.int64)
    for kind, rule in KINDS.items():
        if kind not in (Kind.IPV4, Kind.GRE):
            table[rule.layer] = rule.field + rule.width
    table[[int(Layer.UDP), int(Layer.UDPLITE), int(Layer.ICMP), int(Layer.ICMPV6)]] = _ICMP_HEADER
    return table


def _head_hash(outer: Outer, layer: Long, begin: Long, start: Long, second: Wide, third: Wide) -> Wide:
    """TCP's window, urgent pointer and the first 20 bytes of options."""
    total = scrambled(second >> np.uint64(48), 13) + scrambled(third & np.uint64(0xFFFF0000), 14)
    for n in range(3):
        total += scrambled(outer.words.load(begin + 20 + 8 * n, start), 15 + n)
    return np.where(layer == Layer.TCP, mixed(total), np.uint64(0))


def _swapped(word: Wide, width: int = 4) -> Long:
    """The low bytes of a little-endian word as a big-endian number."""
    kind = np.uint32 if width == 4 else np.uint16
    return (word & np.uint64((1 << 8 * width) - 1)).astype(kind).byteswap().astype(np.int64)


def _take_sums(form: Form, columns: Columns, rows: Long, sums: Rows) -> None:
    """The numbers of the checksums of one class into the rows of all."""
    for place, one in enumerate(form.facts.sums[:MAX_SUMS]):
        sums["field"][rows, place] = columns.field[place]
        sums["residue"][rows, place] = columns.residue[place]
        sums["pseudo"][rows, place] = columns.pseudo[place]
        layer = form.facts.layers[one.header]
        if layer in _PORTED:
            total = columns.word(one.header, 0).astype(np.int64) + columns.word(one.header, 2)
            sums["moved"][rows, place] = total % MODULUS
        elif layer in _QUERIES:
            sums["moved"][rows, place] = columns.word(one.header, 4) % MODULUS
