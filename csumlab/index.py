"""The class index: blocks of packets in, classes out; and columns of numbers for chosen packets of one class.

Memory is bounded by ``max_classes`` whatever is captured: per class its facts, counters and the first few packet numbers are kept,
never a row per packet. Packets of further classes are counted by kind and verdict only.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.dissection import Checksum, Dissection, Header, dissect_packet, facts_of
from csumlab.facts import Facts
from csumlab.headers import Kind, Layer, Reason, Verdict
from csumlab.kernels import classes as k
from csumlab.kernels import layout
from csumlab.kernels.codes import N_VERDICTS
from csumlab.tables import NO_TABLES, Tables

__all__ = [
    "NO_TABLES",
    "Checksum",
    "Columns",
    "Dissection",
    "Header",
    "Index",
    "Membership",
    "PacketClass",
    "Tables",
    "dissect_packet",
    "facts_of",
]

MAX_CLASSES: Final = 1 << 14
WORTH_COMPILING: Final = 1000
"""Packets in a block from which on loading the compiled functions pays."""
_PART: Final = 2048
"""Packets that are worth a thread."""
_MOST_THREADS: Final = 8
_PROCESS_SEED: Final = secrets.randbits(63)


@dataclass(frozen=True, slots=True)
class PacketClass:
    """Packets with the same facts: how many, their octets on the wire, the numbers of the first ones in order."""

    facts: Facts
    count: int
    octets: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """For each packet of ``block`` the index of its class in Index.classes, int32, or -1 past the bound of classes; and where its
    outermost IP header starts, int64, from the start of the packet, or -1 if it has none."""

    block: Block
    class_of: NDArray[np.int32]
    network: NDArray[np.int64]

    def rows(self, number: int) -> NDArray[np.int64]:
        """The rows of the block that are in class ``number``."""
        return np.flatnonzero(self.class_of == number).astype(np.int64, copy=False)


@dataclass(frozen=True, slots=True)
class Columns:
    """Numbers of m packets of one class. ``offset`` [layers, m]: where each header starts, from the start of the packet.

    Per checksum [sums, m]: ``at`` offset of the field, ``start`` and ``end`` of what it covers, ``field`` raw; ``pseudo`` (P),
    ``residue`` (r) and ``seed`` (g) residues 0..65534, which mean something only where ``known_residue`` or, for ``pseudo`` and
    ``seed``, ``known_seed`` say so.
    Reads the block's data: valid as long as the block is.
    """

    block: Block
    rows: NDArray[np.int64]
    layers: tuple[Layer, ...]
    offset: NDArray[np.int64]
    at: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    field: NDArray[np.uint32]
    pseudo: NDArray[np.uint16]
    residue: NDArray[np.uint32]
    seed: NDArray[np.uint32]
    known_residue: NDArray[np.bool_]
    known_seed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)

    def has_word(self, layer: int, displacement: int) -> NDArray[np.bool_]:
        """For which packets the word that :meth:`word` reads was captured."""
        at = self.offset[layer] + displacement
        here: NDArray[np.bool_] = (at >= 0) & (at + 2 <= self.block.captured[self.rows])
        return here

    def word(self, layer: int, displacement: int) -> NDArray[np.uint16]:
        """The big-endian 16-bit word ``displacement`` bytes after the start of header ``layer``; 0 where it was not captured."""
        here = self.has_word(layer, displacement)
        data = self.block.data
        if not len(data):
            return np.zeros(len(self), np.uint16)
        at = np.where(here, self.block.offset[self.rows] + self.offset[layer] + displacement, 0)
        words = data[at].astype(np.uint16) << np.uint16(8) | data[np.minimum(at + 1, len(data) - 1)]
        return np.where(here, words, np.uint16(0))

    def address_sum(self, layer: int, which: Literal["source", "destination"]) -> NDArray[np.uint16]:
        """The residue of an address of the IPv4 or IPv6 header ``layer``. ValueError for any other layer."""
        places = {Layer.IPV4: (12, 16, 4), Layer.IPV6: (8, 24, 16)}.get(self.layers[layer])
        if places is None:
            raise ValueError(f"a {self.layers[layer].name} header has no addresses")
        start = places[0] if which == "source" else places[1]
        total = np.zeros(len(self), np.int64)
        for displacement in range(start, start + places[2], 2):
            total += self.word(layer, displacement)
        return (total % 0xFFFF).astype(np.uint16)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Index:
    """Sorts packets into classes.

    ``accelerate``: True compiled, False plain, None compiled from the first block of WORTH_COMPILING packets on if numba is there.
    Results do not depend on it, nor on ``threads`` (None: the cores that this process may use). ``max_classes``: classes kept apart.
    ImportError if ``accelerate`` is True without numba.
    """

    def __init__(
        self, tables: Tables = NO_TABLES, *, accelerate: bool | None = None, threads: int | None = None, max_classes: int = MAX_CLASSES
    ) -> None:
        if max_classes < 1 or (threads is not None and threads < 1):
            raise ValueError("max_classes and threads must be at least 1")
        self.tables = tables
        self.packets = 0
        self.overflow = 0
        """Packets past the bound of classes."""
        self._accelerate = accelerate
        self._fast: Any = None
        self._threads = min(_cores(), _MOST_THREADS) if threads is None else threads
        self._pool: ThreadPoolExecutor | None = None
        self._flat = tables.flat()
        self._flat_array = np.array(self._flat, np.int64)
        self._facts: list[Facts] = []
        self._tally = np.zeros(len(Kind) * N_VERDICTS, np.int64)
        places = 1 << (2 * max_classes - 1).bit_length()
        self._keys = np.zeros(places, np.int64)
        self._slots = np.full(places, -1, np.int32)
        self._counts = np.zeros(max_classes, np.int64)
        self._octets = np.zeros(max_classes, np.int64)
        self._firsts = np.zeros((max_classes, k.FIRST_KEPT), np.int64)
        self._new_rows = np.zeros(max_classes, np.int64)

    @property
    def compiled(self) -> bool:
        """Whether the compiled functions are in use."""
        return self._fast is not None

    @property
    def classes(self) -> list[PacketClass]:
        """The classes in the order in which they were first seen: a snapshot."""
        return [
            PacketClass(
                facts, int(self._counts[c]), int(self._octets[c]), tuple(self._firsts[c, : min(self._counts[c], k.FIRST_KEPT)].tolist())
            )
            for c, facts in enumerate(self._facts)
        ]

    def facts(self, number: int) -> Facts:
        """What the packets of class ``number`` have in common."""
        return self._facts[number]

    @property
    def tally(self) -> NDArray[np.int64]:
        """Checksums seen, [Kind][Verdict], of all packets: exact also past the bound of classes."""
        return self._tally.reshape(len(Kind), N_VERDICTS).copy()

    def counted(self, kind: Kind, verdict: Verdict) -> int:
        """One entry of :attr:`tally`."""
        return int(self._tally[kind * N_VERDICTS + verdict])

    def add(self, block: Block) -> Membership:
        """Sort a block's packets into classes. ValueError for a block whose packets do not lie in its data or name no interface."""
        block = _orderly(block)
        if self._fast is None and (self._accelerate or (self._accelerate is None and len(block) >= WORTH_COMPILING)):
            self._load()
        signatures = np.zeros(len(block), np.int64)
        network = np.zeros(len(block), np.int64)
        if self._fast is None:
            self._sign_plain(block, signatures, network)
            group: Callable[..., int] = k.group_packets
        else:
            self._sign_compiled(block, signatures, network)
            group = self._fast.group_packets
        class_of = np.zeros(len(block), np.int32)
        known = len(self._facts)
        used = group(
            signatures,
            block.original,
            block.first,
            self._keys,
            self._slots,
            known,
            self._counts,
            self._octets,
            self._firsts,
            class_of,
            self._new_rows,
        )
        self._facts.extend(self._facts_of(block, int(row)) for row in self._new_rows[known:used])
        self.packets += len(block)
        self.overflow += int(np.count_nonzero(class_of < 0))
        return Membership(block, class_of, network)

    def columns(self, block: Block, rows: NDArray[np.int64]) -> Columns:
        """Numbers of the packets in ``rows`` of a block, all of one class; ValueError if ``rows`` is empty."""
        if not len(rows):
            raise ValueError("no packet to read")
        block = _orderly(block)
        rows = np.ascontiguousarray(rows, np.int64)
        facts = self._facts_of(block, int(rows[0]))
        offset = np.zeros((len(facts.layers), len(rows)), np.int64)
        sums = np.zeros((len(facts.sums), layout.SUM_SIZE, len(rows)), np.int64)
        data: Any = block.data
        tables: Any = self._flat_array
        work: Any = np.zeros(layout.WORK_SIZE, np.int64)
        read: Callable[..., None] = k.read_columns
        if self._fast is None:
            data, tables, work = _bytes(block), self._flat, work.tolist()
        else:
            read = self._fast.read_columns
        read(data, block.offset, block.captured, block.original, facts.linktype, rows, tables, work, offset, sums)
        return Columns(
            block=block,
            rows=rows,
            layers=facts.layers,
            offset=offset,
            at=sums[:, layout.SUM_AT],
            start=sums[:, layout.SUM_START],
            end=sums[:, layout.SUM_END],
            field=sums[:, layout.SUM_FIELD].astype(np.uint32),
            pseudo=sums[:, layout.SUM_PSEUDO].astype(np.uint16),
            residue=sums[:, layout.SUM_RESIDUE].astype(np.uint32),
            seed=sums[:, layout.SUM_SEED].astype(np.uint32),
            known_residue=sums[:, layout.SUM_WHY_RESIDUE] == Reason.KNOWN,
            known_seed=sums[:, layout.SUM_WHY_SEED] == Reason.KNOWN,
        )

    def _load(self) -> None:
        from csumlab import accelerate

        if self._accelerate or accelerate.available():
            self._fast = accelerate.compiled()

    def _facts_of(self, block: Block, row: int) -> Facts:
        start = int(block.offset[row])
        number = int(block.interface[row])
        return facts_of(
            _bytes(block)[start : start + int(block.captured[row])],
            block.interfaces[number].linktype,
            int(block.original[row]),
            self.tables,
            interface=number,
            flags=int(block.flags[row]),
        )

    def _sign_plain(self, block: Block, signatures: NDArray[np.int64], network: NDArray[np.int64]) -> None:
        k.sign_packets(
            _bytes(block),
            block.offset.tolist(),
            block.captured.tolist(),
            block.original.tolist(),
            block.interface.tolist(),
            block.flags.tolist(),
            [interface.linktype for interface in block.interfaces],
            self._flat,
            _PROCESS_SEED,
            0,
            len(block),
            [0] * layout.WORK_SIZE,
            signatures,
            network,
            self._tally,
        )

    def _sign_compiled(self, block: Block, signatures: NDArray[np.int64], network: NDArray[np.int64]) -> None:
        linktypes = np.array([interface.linktype for interface in block.interfaces], np.int64)
        parts = max(1, min(self._threads, len(block) // _PART))
        bounds = [len(block) * part // parts for part in range(parts + 1)]

        def sign(part: int) -> NDArray[np.int64]:
            tally = np.zeros_like(self._tally)
            self._fast.sign_packets(
                block.data,
                block.offset,
                block.captured,
                block.original,
                block.interface,
                block.flags,
                linktypes,
                self._flat_array,
                _PROCESS_SEED,
                bounds[part],
                bounds[part + 1],
                np.zeros(layout.WORK_SIZE, np.int64),
                signatures,
                network,
                tally,
            )
            return tally

        if parts == 1:
            self._tally += sign(0)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "csumlab")
        for tally in self._pool.map(sign, range(parts)):
            self._tally += tally


def _bytes(block: Block) -> memoryview:
    """The data of a block for the plain functions, whose elements must be ints."""
    return memoryview(block.data)  # type: ignore[arg-type]  # NumPy's stubs leave out that an array is a buffer


def _orderly(block: Block) -> Block:
    """The block as the compiled functions take it: they test no bounds of their own, so what a Block promises is made sure of here.

    Its arrays are copied only where they are read-only or not contiguous. ValueError as :meth:`Index.add` says.
    """
    if not len(block):
        return block
    lengths = {len(column) for column in (block.offset, block.captured, block.original, block.interface, block.flags)}
    ends = block.offset + block.captured
    if len(lengths) != 1 or block.offset.min() < 0 or block.captured.min() < 0 or ends.max() > len(block.data):
        raise ValueError("a packet of the block lies outside its data")
    if block.interface.min() < 0 or block.interface.max() >= len(block.interfaces):
        raise ValueError("a packet of the block names an interface that is not there")
    return replace(
        block,
        data=np.require(block.data, np.uint8, ["C", "W"]),
        offset=np.require(block.offset, np.int64, ["C", "W"]),
        captured=np.require(block.captured, np.int64, ["C", "W"]),
        original=np.require(block.original, np.int64, ["C", "W"]),
        interface=np.require(block.interface, np.int32, ["C", "W"]),
        flags=np.require(block.flags, np.int64, ["C", "W"]),
    )
