"""Flows seen with other addresses or ports at another place: what a translator of addresses did, as far as a capture shows it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from csumlab.fingerprints import mixed

Columns = dict[str, NDArray[Any]]

REWRITES: Final = 1024
"""Pairs of flows that are kept."""
EXAMPLES: Final = 5
"""Packets kept as examples of a pair."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Addresses and ports as one packet has them; ports 0 if it has none."""

    source: IPv4Address | IPv6Address
    source_port: int
    destination: IPv4Address | IPv6Address
    destination_port: int

    def __str__(self) -> str:
        return f"{_end(self.source, self.source_port)} -> {_end(self.destination, self.destination_port)}"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """``packets`` that were ``old`` at one place and ``new`` at a later one; ``examples`` pairs of packet numbers, old and new."""

    old: Ends
    new: Ends
    packets: int
    examples: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return f"{self.old} became {self.new}: {self.packets} packet{'' if self.packets == 1 else 's'}"


@dataclass(slots=True)
class _Pair:
    old: Ends
    new: Ends
    packets: int
    examples: list[tuple[int, int]]


class Rewrites:
    """Collects pairs. ``capped`` counts the packets of pairs past the bound."""

    def __init__(self) -> None:
        self.capped = 0
        self._pairs: dict[int, _Pair] = {}

    def add(self, old: Columns, new: Columns) -> None:
        """Rows of copies.Copies, as many of both: packets before and after."""
        key = np.zeros(len(old["number"]), np.uint64)
        for rows in (old, new):
            for name in ("source", "source_rest", "destination", "destination_rest", "ports"):
                key = mixed(key + rows[name])
        keys, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        inverse = inverse.reshape(-1)
        for index in np.argsort(first).tolist():
            one, row, count = int(keys[index]), int(first[index]), int(counts[index])
            pair = self._pairs.get(one)
            if pair is None:
                if len(self._pairs) >= REWRITES:
                    self.capped += count
                    continue
                pair = self._pairs[one] = _Pair(_ends(old, row), _ends(new, row), 0, [])
            pair.packets += count
            if len(pair.examples) < EXAMPLES:
                shown = np.flatnonzero(inverse == index)[: EXAMPLES - len(pair.examples)]
                pair.examples += zip(old["number"][shown].tolist(), new["number"][shown].tolist(), strict=True)

    @property
    def found(self) -> tuple[Rewrite, ...]:
        """All pairs, those of most packets first."""
        found = [Rewrite(pair.old, pair.new, pair.packets, tuple(pair.examples)) for pair in self._pairs.values()]
        return tuple(sorted(found, key=lambda rewrite: -rewrite.packets))


def _ends(rows: Columns, row: int) -> Ends:
    ports = int(rows["ports"][row]).to_bytes(4, "little")
    source, destination = (
        int(rows[name][row]).to_bytes(8, "little") + int(rows[f"{name}_rest"][row]).to_bytes(8, "little")
        for name in ("source", "destination")
    )
    address = IPv6Address if rows["six"][row] else _ipv4
    return Ends(address(source), int.from_bytes(ports[:2], "big"), address(destination), int.from_bytes(ports[2:], "big"))


def _ipv4(octets: bytes) -> IPv4Address:
    return IPv4Address(octets[:4])


def _end(address: IPv4Address | IPv6Address, port: int) -> str:
    if not port:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
