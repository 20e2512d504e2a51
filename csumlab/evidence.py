"""Who sent what is not good: collected per class and sender while a capture is read, to tell later whether a partial sum belongs there.

Good packets cost nothing here beyond one table look-up per packet and an even sample of at most ``SAMPLE`` packets per block (it
estimates how many full sums the same senders send). All tables are bounded: ``SENDERS`` senders, ``KEPT`` packet numbers each.
Source of truth for offsets: IEEE 802.3, RFC 791 section 3.1, RFC 8200 section 3, LINKTYPE_LINUX_SLL and SLL2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.dissection import Dissection, dissect_packet
from csumlab.facts import Facts
from csumlab.forensics import note_of
from csumlab.headers import UNFILLED, Kind, Layer, Verdict
from csumlab.index import Membership
from csumlab.recorded import contradicts, unread
from csumlab.tables import NO_TABLES, Tables

SENDERS: Final = 4096
"""Senders that are told apart; later ones share sender 0."""
KEPT: Final = 20
"""Packet numbers kept per class and sender."""
SAMPLE: Final = 16384
"""Packets per block whose full sums are looked at."""
EXAMINED: Final = 4096
"""Packets with bad sums that are looked at closely."""
EXAMINED_OWED: Final = 1024
"""Packets with partial sums that are."""
EXAMINED_OWED_EACH: Final = 8
"""The same, of one class and sender."""
EXAMINED_OCTETS: Final = 32 << 20
"""Bytes kept of all packets that are looked at closely."""
_CHUNK: Final = 65536
# Pairs of class and sender are counted in an array while their numbers stay below this, and by sorting above it.
_DENSE: Final = 1 << 18
# Initial TTLs in use; a packet with another one above the lowest of these has passed a router.
_INITIAL_TTLS: Final = (32, 60, 64, 128, 255)

_MAC_AT: Final = {Layer.ETHERNET: 6, Layer.COOKED: 6, Layer.COOKED2: 12}


def passed_router(ttl: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Whether a TTL or hop limit says that the packet has passed a router."""
    return (ttl > _INITIAL_TTLS[0]) & ~np.isin(ttl, _INITIAL_TTLS)


@dataclass(frozen=True, slots=True)
class Sender:
    """Source of a packet: hardware address and outermost IP source address as text, each empty if the packet shows none."""

    mac: str
    address: str

    def __str__(self) -> str:
        if self.address and self.mac:
            return f"{self.address} ({self.mac})"
        return self.address or self.mac or "an unknown sender"


UNKNOWN_SENDER: Final = Sender("", "")


@dataclass(frozen=True, slots=True)
class Examined:
    """A packet that is looked at closely: its number, nanoseconds since 1970, link type, bytes on the wire, captured bytes, what they
    are, and the tables that said so."""

    number: int
    timestamp: int
    linktype: int
    original: int
    data: bytes
    dissection: Dissection
    tables: Tables = NO_TABLES


@dataclass(slots=True)
class Entry:
    """Packets of one class by one sender. ``forwarded`` of them show by their TTL that they have passed a router."""

    count: int = 0
    forwarded: int = 0
    numbers: list[int] = field(default_factory=list)
    examined: list[Examined] = field(default_factory=list)
    """The first packets, if a sum in them is wrong or partial and there was room."""

    def keep(self, rows: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        """Note the packet numbers of ``rows`` while there is room; the rows that were noted."""
        kept = rows[: KEPT - len(self.numbers)]
        self.numbers += (kept + first).tolist()
        return kept


class _Counted:
    """Counters of pairs of class and sender below _DENSE, as arrays: no Python per packet or pair while blocks pass."""

    def __init__(self) -> None:
        self.counts = np.zeros(_DENSE, np.int64)
        self.forwarded = np.zeros(_DENSE, np.int64)
        self.lacking = np.ones(_DENSE, np.bool_)
        """Whether a pair has fewer than KEPT packet numbers."""

    def add(self, pairs: NDArray[np.int64], forwarded: NDArray[np.bool_]) -> None:
        size = int(pairs.max()) + 1
        self.counts[:size] += np.bincount(pairs, minlength=size)
        self.forwarded[:size] += np.bincount(pairs[forwarded], minlength=size)

    def take(self) -> Iterator[tuple[int, int, int]]:
        """Pair, packets, forwarded packets; the counters are zero afterwards."""
        found = np.flatnonzero(self.counts)
        taken = list(zip(found.tolist(), self.counts[found].tolist(), self.forwarded[found].tolist(), strict=True))
        self.counts[found] = self.forwarded[found] = 0
        return iter(taken)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which source addresses a class has: the byte offset of the hardware address from the packet's start, -1 if there is none, and the
    ``version`` 4, 6 or 0 of the outermost IP header, whose place the dissector knows for each packet."""

    mac: int
    version: int

    @property
    def needed(self) -> int:
        """Captured bytes without which the hardware address cannot be read."""
        return self.mac + 8 if self.mac >= 0 else 0


def _layout_of(layers: Sequence[Layer]) -> _Layout:
    mac = _MAC_AT.get(layers[0], -1) if layers else -1
    version = next((4 if layer is Layer.IPV4 else 6 for layer in layers if layer in (Layer.IPV4, Layer.IPV6)), 0)
    return _Layout(mac, version)


class Evidence:
    """Collects while blocks pass. After the last block read ``entries``, ``senders``, ``full_sums`` and ``capped``."""

    def __init__(self, tables: Tables = NO_TABLES) -> None:
        self._tables = tables
        self._entries: dict[tuple[int, int], Entry] = {}
        self._counted = _Counted()
        self.senders: list[Sender] = [UNKNOWN_SENDER]
        self.capped = False
        """More senders appeared than are told apart."""
        self._key_of: list[int] = [0]
        self._full: dict[tuple[int, Kind], int] = {}
        self._sorted_keys: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._sorted_slots: NDArray[np.int64] = np.zeros(0, np.int64)
        self._by_sender: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._by_number: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._layout_number: NDArray[np.int64] = np.zeros(0, np.int64)
        self._layouts: list[_Layout] = []
        self._full_kinds: list[tuple[Kind, ...]] = []
        self._bad: list[bool] = []
        self._examined = 0
        self._examined_owed = 0
        self._octets = 0
        self.fresh: list[Examined] = []
        """What is looked at closely of the block that was taken in last, in the order of the capture."""
        self._network: NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def entries(self) -> dict[tuple[int, int], Entry]:
        """(class, sender) -> packets. Only classes with a sum that is owed or bad are kept by sender; others under sender 0."""
        for pair, count, forwarded in self._counted.take():
            entry = self._entry(pair)
            entry.count += count
            entry.forwarded += forwarded
        return self._entries

    def full_sums(self, sender: int, kind: Kind) -> int:
        """About how many packets of this sender carry full, right sums of this kind (exact in small captures)."""
        return self._full.get((self._key_of[sender], kind), 0)

    @property
    def classes(self) -> int:
        """How many classes are known here."""
        return len(self._bad)

    def see(self, member: Membership, fresh: Sequence[Facts]) -> None:
        """Take in one block with the classes of its packets; ``fresh`` are the facts of the classes after the first ``self.classes``."""
        block, class_of = member.block, member.class_of
        self._network = member.network
        self.fresh = []
        self._learn(fresh)
        if not len(self._by_sender) or not len(block):
            return
        if bool(self._by_sender.any()):
            for rows in _chunks(np.flatnonzero(_look_up(self._by_sender, class_of))):
                self._by_senders(block, rows, class_of[rows].astype(np.int64))
        if bool(self._by_number.any()):
            self._numbers_only(block, np.flatnonzero(_look_up(self._by_number, class_of)), class_of)
        self._sample(block, class_of)
        self.fresh.sort(key=lambda one: one.number)

    def senders_of(self, member: Membership) -> NDArray[np.int64]:
        """The number of each packet's sender, once all packets were taken in: 0 where senders are not told apart."""
        slots = np.zeros(len(member.block), np.int64)
        self._network = member.network
        rows = np.flatnonzero(_look_up(self._by_sender, member.class_of))
        classes = member.class_of[rows].astype(np.int64)
        for number, where in self._by_layout(classes):
            keys, readable = self._keys(member.block, rows[where], self._layouts[number])
            slots[rows[where]] = np.where(readable, self._match(keys), 0)
        return slots

    def _learn(self, fresh: Sequence[Facts]) -> None:
        if not fresh:
            return
        by_sender, by_number, layouts = [], [], []
        for one in fresh:
            verdicts = {total.verdict for total in one.sums}
            noted = {total.verdict for total in one.sums if note_of(total)}
            by_sender.append(bool(verdicts & {*UNFILLED, Verdict.BAD}) or Verdict.ABSENT in noted)
            by_number.append(
                not by_sender[-1] and (bool(verdicts - {Verdict.GOOD}) or not one.sums or contradicts(one) or bool(noted or unread(one)))
            )
            self._bad.append(Verdict.BAD in verdicts)
            layout = _layout_of(one.layers)
            if layout not in self._layouts:
                self._layouts.append(layout)
            layouts.append(self._layouts.index(layout))
            owed = {total.kind for total in one.sums if total.verdict in UNFILLED}
            self._full_kinds.append(tuple(sorted({total.kind for total in one.sums if total.verdict is Verdict.GOOD} - owed)))
        self._by_sender = np.concatenate([self._by_sender, np.array(by_sender, np.bool_)])
        self._by_number = np.concatenate([self._by_number, np.array(by_number, np.bool_)])
        self._layout_number = np.concatenate([self._layout_number, np.array(layouts, np.int64)])

    def _by_senders(self, block: Block, rows: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
        slots = np.zeros(len(rows), np.int64)
        forwarded = np.zeros(len(rows), np.bool_)
        for number, where in self._by_layout(classes):
            keys, readable = self._keys(block, rows[where], self._layouts[number])
            slots[where] = np.where(readable, self._slots(block, rows[where], keys, readable, self._layouts[number]), 0)
            forwarded[where] = readable & self._forwarded(block, rows[where], readable, self._layouts[number])
        pairs = classes * (SENDERS + 1) + slots
        if int(pairs.max()) < _DENSE:
            self._counted.add(pairs, forwarded)
            short = np.flatnonzero(self._counted.lacking[pairs])
            if len(short):
                pairs, rows = pairs[short], rows[short]
                order = np.argsort(pairs, kind="stable")
                starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
                for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
                    pair = int(pairs[order[start]])
                    self._keep(pair, block, rows[order[start:end]])
                    self._counted.lacking[pair] = len(self._entry(pair).numbers) < KEPT
            return
        order = np.argsort(pairs, kind="stable")
        starts = np.flatnonzero(np.diff(pairs[order], prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            members = order[start:end]
            pair = int(pairs[members[0]])
            entry = self._entry(pair)
            entry.count += len(members)
            entry.forwarded += int(forwarded[members].sum())
            self._keep(pair, block, rows[members])

    def _entry(self, pair: int) -> Entry:
        return self._entries.setdefault(divmod(pair, SENDERS + 1), Entry())

    def _keep(self, pair: int, block: Block, rows: NDArray[np.int64]) -> None:
        entry = self._entry(pair)
        kept = entry.keep(rows, block.first)
        bad = self._bad[pair // (SENDERS + 1)]
        for row in kept.tolist():
            owed_room = self._examined_owed < EXAMINED_OWED and len(entry.examined) < EXAMINED_OWED_EACH
            if not (self._examined < EXAMINED if bad else owed_room) or self._octets + int(block.captured[row]) > EXAMINED_OCTETS:
                break
            entry.examined.append(self._examine(block, row))
            self._examined += bad
            self._examined_owed += not bad

    def _examine(self, block: Block, row: int) -> Examined:
        start, captured = int(block.offset[row]), int(block.captured[row])
        data = block.data[start : start + captured].tobytes()
        self._octets += captured
        linktype = block.interfaces[int(block.interface[row])].linktype
        original = int(block.original[row])
        one = Examined(
            block.first + row,
            int(block.timestamp[row]),
            linktype,
            original,
            data,
            dissect_packet(data, linktype, original, self._tables, flags=int(block.flags[row])),
            self._tables,
        )
        self.fresh.append(one)
        return one

    def _numbers_only(self, block: Block, rows: NDArray[np.int64], class_of: NDArray[np.integer]) -> None:
        """Keep the first packet numbers of classes whose senders do not matter; a class that has enough is not looked at again."""
        found, starts = np.unique(class_of[rows], return_inverse=True)
        order = np.argsort(starts, kind="stable")
        edges = np.searchsorted(starts[order], np.arange(len(found) + 1))
        for position, number in enumerate(found):
            entry = self._entries.setdefault((int(number), 0), Entry())
            entry.keep(rows[order[edges[position] : edges[position + 1]]], block.first)
            self._by_number[number] = len(entry.numbers) < KEPT

    def _sample(self, block: Block, class_of: NDArray[np.integer]) -> None:
        """Estimate who sends full sums from every n-th packet."""
        # With a full table only senders that are in it already count: a thinner sample does.
        stride = max(1, -(-len(block) // SAMPLE)) * (16 if len(self._full) >= SENDERS else 1)
        rows = np.arange(0, len(block), stride)
        rows = rows[class_of[rows] >= 0]
        classes = class_of[rows].astype(np.int64)
        for number, where in self._by_layout(classes):
            keys, readable = self._keys(block, rows[where], self._layouts[number])
            chosen, classes_here = keys[readable], classes[where][readable]
            for one in np.unique(classes_here):
                kinds = self._full_kinds[one]
                if not kinds:
                    continue
                values, counts = np.unique(chosen[classes_here == one], return_counts=True)
                for key, count in zip(values.tolist(), counts.tolist(), strict=True):
                    for kind in kinds:
                        # Senders past the bound are left out: a look-up then finds fewer full sums than there are.
                        if (key, kind) in self._full or len(self._full) < SENDERS:
                            self._full[key, kind] = self._full.get((key, kind), 0) + count * stride

    def _by_layout(self, classes: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
        numbers = self._layout_number[classes]
        return [(int(number), np.flatnonzero(numbers == number)) for number in np.unique(numbers)]

    def _keys(self, block: Block, rows: NDArray[np.int64], layout: _Layout) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """A 64-bit mix of the source addresses of each row, and whether the row was captured far enough to have them."""
        readable = block.captured[rows] >= layout.needed
        if layout.version:
            readable &= self._network[rows] >= 0
        elif layout.mac < 0:
            readable = np.zeros(len(rows), np.bool_)
        keys = np.full(len(rows), layout.version, np.uint64)
        mixed = keys[readable]
        for value in self._addresses(block, rows[readable], layout):
            mixed = (mixed ^ value) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        keys[readable] = mixed
        return keys, readable

    def _slots(
        self, block: Block, rows: NDArray[np.int64], keys: NDArray[np.uint64], readable: NDArray[np.bool_], layout: _Layout
    ) -> NDArray[np.int64]:
        """The sender number of each row; new senders are entered while there is room."""
        slots = self._match(keys)
        fresh = np.flatnonzero((slots == 0) & readable)
        if not len(fresh):
            return slots
        values, firsts = np.unique(keys[fresh], return_index=True)
        # In the order in which they appear, so that a full table does not depend on the mix.
        for position in np.argsort(firsts).tolist():
            if len(self.senders) > SENDERS:
                self.capped = True
                break
            self._key_of.append(int(values[position]))
            self.senders.append(self._name(block, int(rows[fresh[firsts[position]]]), layout))
        known = np.array(self._key_of[1:], np.uint64)
        order = np.argsort(known)
        self._sorted_keys, self._sorted_slots = known[order], order + 1
        return self._match(keys)

    def _match(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        if not len(self._sorted_keys):
            return np.zeros(len(keys), np.int64)
        position = np.minimum(np.searchsorted(self._sorted_keys, keys), len(self._sorted_keys) - 1)
        return np.where(self._sorted_keys[position] == keys, self._sorted_slots[position], 0)

    def _addresses(self, block: Block, rows: NDArray[np.int64], layout: _Layout) -> list[NDArray[np.uint64]]:
        """Source MAC (as a number of 48 bits) and IP source address (one or two words) of the packets in ``rows``."""
        at = block.offset[rows]
        ip = at + self._network[rows]
        found = []
        if layout.mac >= 0:
            found.append(_words(block, at + layout.mac, ">u8") >> np.uint64(16))
        if layout.version == 4:
            found.append(_words(block, ip + 12, ">u4"))
        elif layout.version == 6:
            found += [_words(block, ip + 8, ">u8"), _words(block, ip + 16, ">u8")]
        return found

    def _forwarded(self, block: Block, rows: NDArray[np.int64], readable: NDArray[np.bool_], layout: _Layout) -> NDArray[np.bool_]:
        """Whether the TTL or hop limit is one that no sender starts with."""
        result = np.zeros(len(rows), np.bool_)
        if layout.version:
            chosen = rows[readable]
            ttl = _words(block, block.offset[chosen] + self._network[chosen] + (8 if layout.version == 4 else 7), ">u1")
            result[readable] = passed_router(ttl)
        return result

    def _name(self, block: Block, row: int, layout: _Layout) -> Sender:
        start = int(block.offset[row])
        ip = start + int(self._network[row])
        mac = block.data[start + layout.mac : start + layout.mac + 6].tobytes().hex(":") if layout.mac >= 0 else ""
        if layout.version == 4:
            return Sender(mac, str(IPv4Address(block.data[ip + 12 : ip + 16].tobytes())))
        if layout.version == 6:
            return Sender(mac, str(IPv6Address(block.data[ip + 8 : ip + 24].tobytes())))
        return Sender(mac, "")


def _chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def _look_up(table: NDArray[np.bool_], class_of: NDArray[np.integer]) -> NDArray[np.bool_]:
    """``table[class_of]``, False for packets of no class."""
    # Index -1 picks the entry appended for packets of no class.
    found: NDArray[np.bool_] = np.append(table, False)[class_of]
    return found


def _words(block: Block, at: NDArray[np.int64], kind: str) -> NDArray[np.uint64]:
    """Big-endian words of type ``kind`` at byte positions ``at``, which the caller has checked to lie inside the data."""
    size = np.dtype(kind).itemsize
    if not len(at):
        return np.zeros(0, np.uint64)
    overlapping = np.ndarray((len(block.data) - size + 1,), kind, block.data, 0, (1,))
    return overlapping[at].astype(np.uint64)
