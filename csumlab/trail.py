"""What only several packets show together: datagrams in fragments, copies at several places, what a TCP flow says of a segment.

Looks at few packets: fragments, flows with a segment that is not good, and all of a capture that can hold copies, with numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block, Interface
from csumlab.copies import Copies, PathSummary, Rewrite, may_have_copies
from csumlab.dissection import Header
from csumlab.evidence import Examined
from csumlab.facts import Facts, FragmentRole
from csumlab.fingerprints import outer_headers
from csumlab.fragments import Alike, Amount, Datagram, Datagrams
from csumlab.headers import UNFILLED, Kind, Layer, Verdict
from csumlab.index import Membership
from csumlab.recorded import is_owed, is_super_frame, leaves, spoken_of
from csumlab.tables import NO_TABLES, Tables
from csumlab.testimony import Statement, Testimony

PAIRS: Final = 4096
"""Pairs of hosts with ESP in UDP between them that are kept."""
OWED: Final = 128
"""TCP segments with sums that are not filled, of which the flow is asked: what it says of them is evidence only."""
OWED_LOOKS: Final = 1024
"""Packets of their flows that are dissected for it, and the rest of the block in which that many are reached."""

_WATCHED = UNFILLED | {Verdict.BAD}
# The codes of copies.Copies.add: none, good, partial, bad, other.
_CODES: Final = {Verdict.GOOD: 1, Verdict.PARTIAL: 2, Verdict.DEFERRED: 2, Verdict.BLANK: 2, Verdict.BAD: 3}


@dataclass(frozen=True, slots=True)
class Findings:
    """``datagrams`` that were in fragments, complete or not, and ``further_datagrams`` by kind; ``statements`` on segments by packet
    number; ``paths`` of packets that were seen more than once, ``further`` sightings in all, and the ``rewrites`` between them;
    ``transport_peers``: examined packets between whose hosts ESP in UDP was seen; ``filled``: examined packets of which a later sighting
    has a right transport sum. ``capped``: sentences on what the bounds left out."""

    datagrams: tuple[Datagram, ...] = ()
    further_datagrams: Mapping[Alike, Amount] = field(default_factory=dict)
    statements: Mapping[int, Statement] | None = None
    paths: tuple[PathSummary, ...] = ()
    further: int = 0
    rewrites: tuple[Rewrite, ...] = ()
    transport_peers: Mapping[int, bool] | None = None
    filled: frozenset[int] = frozenset()
    capped: tuple[str, ...] = ()


NOTHING_FOUND: Final = Findings()


class Trail:
    """Collects while blocks pass, in their order; then :meth:`finish`.

    Flows with sums that are not filled have a testimony of their own: in most captures there are many, and those with wrong sums must
    not go short for them."""

    def __init__(self, tables: Tables = NO_TABLES, accelerate: bool | None = None) -> None:
        self._owed = self._owed_looks = 0
        self._of_owed = Testimony(tables)
        self._roots: dict[int, int] = {}
        self._filled: dict[int, int] = {}
        self._datagrams = Datagrams(tables=tables, accelerate=accelerate)
        self._testimony = Testimony(tables)
        self._copies = Copies()
        self._further = 0
        self._pairs: set[tuple[int, ...]] = set()
        self._examined: list[Examined] = []
        self._is_fragment: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._is_sealed: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._codes: NDArray[np.int8] = np.zeros(0, np.int8)

    def see(self, member: Membership, fresh: Sequence[Facts], examined: Sequence[Examined], interfaces: Sequence[Interface]) -> None:
        """Take in one block: its packets' classes, the facts of classes that are new in it, what evidence examined of it."""
        if fresh:
            self._is_fragment = np.append(self._is_fragment, [_is_fragment(one) for one in fresh])
            self._is_sealed = np.append(self._is_sealed, [Layer.ESP in one.layers and Layer.UDP in one.layers for one in fresh])
            self._codes = np.append(self._codes, [np.int8(_code(one)) for one in fresh]).astype(np.int8)
        block, class_of = member.block, member.class_of
        if not len(block) or not len(self._codes):
            return
        if bool(self._is_fragment.any()):
            self._datagrams.add(block, np.flatnonzero(np.append(self._is_fragment, False)[class_of]))
        if bool(self._is_sealed.any()):
            self._add_pairs(block, member.network, np.append(self._is_sealed, False)[class_of])
        if may_have_copies(interfaces):
            codes = np.append(self._codes, np.int8(0))[class_of]
            first_of = self._copies.add(block, member.network, codes)
            self._further += int(np.count_nonzero(first_of))
            self._note_filled(block, first_of, codes, examined)
        self._watch(block, member.network, examined)

    def finish(self) -> Findings:
        """What was found. Nothing can be added afterwards."""
        datagrams = self._datagrams.finish()
        paths = tuple(path for path in self._copies.paths if len(path.hops) > 1)
        return Findings(
            datagrams=datagrams,
            further_datagrams=self._datagrams.further,
            statements=self._of_owed.verdicts() | self._testimony.verdicts(),
            paths=paths,
            further=self._further,
            rewrites=self._copies.rewrites,
            transport_peers=self._peers(),
            filled=frozenset(number for number, root in self._roots.items() if self._filled.get(root, 0) > number),
            capped=tuple(self._bounds()),
        )

    def _add_pairs(self, block: Block, network: NDArray[np.int64], chosen: NDArray[np.bool_]) -> None:
        if len(self._pairs) >= PAIRS:
            return
        outer = outer_headers(block, np.where(chosen, network, -1))
        columns = [*outer.source, *outer.destination]
        if len(outer.rows):
            for pair in np.unique(np.stack(columns, axis=1), axis=0)[: PAIRS - len(self._pairs)].tolist():
                self._pairs.add(tuple(pair))
                self._pairs.add((*pair[2:], *pair[:2]))

    def _note_filled(self, block: Block, first_of: NDArray[np.int64], codes: NDArray[np.int8], examined: Sequence[Examined]) -> None:
        """Of which examined packets a later sighting has a right sum: by the number of their first sighting."""
        for one in examined:
            self._roots[one.number] = int(first_of[one.number - block.first]) or one.number
        if self._roots:
            right = np.flatnonzero((codes == _CODES[Verdict.GOOD]) & (first_of > 0))
            known = np.fromiter(self._roots.values(), np.int64, len(self._roots))
            for row in right[np.isin(first_of[right], known)].tolist():
                self._filled[int(first_of[row])] = block.first + row

    def _watch(self, block: Block, network: NDArray[np.int64], examined: Sequence[Examined]) -> None:
        for one in examined:
            self._examined.append(one)
            facts = one.dissection.facts
            # The capture itself tells that a partial sum is no fault there: nobody needs to testify.
            watched = {Verdict.BAD} if leaves(facts) or is_owed(facts) or is_super_frame(facts) else _WATCHED
            for position, total in enumerate(one.dissection.sums):
                if total.kind is not Kind.TCP or total.verdict not in watched:
                    continue
                if total.verdict is Verdict.BAD:
                    self._testimony.watch(one.number, one.timestamp, one.data, one.dissection, position)
                elif self._owed < OWED:
                    self._owed += self._of_owed.watch(one.number, one.timestamp, one.data, one.dissection, position)
        self._testimony.follow(block, network)
        if self._owed_looks < OWED_LOOKS:
            self._owed_looks += self._of_owed.follow(block, network)

    def _peers(self) -> Mapping[int, bool]:
        """Which examined packets went between hosts that also speak ESP in UDP."""
        found: dict[int, bool] = {}
        if not self._pairs:
            return found
        for one in self._examined:
            ip = next((header for header in one.dissection.headers if header.layer in (Layer.IPV4, Layer.IPV6)), None)
            if ip is not None and any(total.verdict is Verdict.BAD for total in one.dissection.sums):
                found[one.number] = _pair(one.data, ip) in self._pairs
        return found

    def _bounds(self) -> list[str]:
        capped = self._testimony.capped
        left = {
            "datagrams given up early, because too many were open": self._datagrams.evicted,
            "TCP segments that were not watched": capped.segments + capped.flows,
            "packets of watched TCP flows": capped.looks,
            "sightings at more places, hops or paths than are told apart": self._copies.capped.places
            + self._copies.capped.hops
            + self._copies.capped.paths
            + self._copies.capped.rewrites,
            "sightings forgotten before a copy could come": self._copies.capped.window,
        }
        return [f"{count:,} {what}" for what, count in left.items() if count]


def _is_fragment(facts: Facts) -> bool:
    return any(one.fragment is not FragmentRole.WHOLE and Layer.QUOTE not in facts.layers[: one.header] for one in facts.addresses)


def _code(facts: Facts) -> int:
    total = spoken_of(facts)
    return 0 if total is None else _CODES.get(total.verdict, 4)


def _pair(data: bytes, ip: Header) -> tuple[int, ...]:
    """The addresses of an IP header as :func:`outer_headers` has them: two words for each, in the bytes' own order."""
    size, at = (4, ip.offset + 12) if ip.layer is Layer.IPV4 else (16, ip.offset + 8)
    found = []
    for address in (data[at : at + size], data[at + size : at + 2 * size]):
        found += [int.from_bytes(address[:8], "little"), int.from_bytes(address[8:], "little")]
    return tuple(found)
