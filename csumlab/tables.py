"""What a topology tells the dissector: sorted interval bounds of addresses and ports, hardware addresses, VXLAN ports, MTU. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.headers import VXLAN_PORTS

ETHERNET_MTU: Final = 1500
_BIAS: Final = 1 << 63
_PLACES: Final = 7
"""Entries before the first table: kernels.TABLE_MTU to kernels.TABLE_END."""


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Intervals that addresses and ports are sorted into, each given by the sorted starts of its intervals.

    The index of an address is the number of bounds that are not above it: 0 below the first bound, or without any.
    ``ipv4`` uint32. ``ipv6_upper`` and ``ipv6_lower`` uint64, the two halves of each bound. ``macs`` uint64, sorted; entry k is index k + 2
    in facts.Facts. ``ports`` uint16. ``vxlan_ports``: UDP destination ports besides headers.VXLAN_PORTS. ``mtu``: bytes of the longest
    IP packet that is not called long. ValueError if anything is out of order or out of range.
    """

    ipv4: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    ipv6_upper: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    ipv6_lower: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    macs: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    ports: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    vxlan_ports: tuple[int, ...] = ()
    mtu: int = ETHERNET_MTU

    def __post_init__(self) -> None:
        halves = list(zip(self.ipv6_upper.tolist(), self.ipv6_lower.tolist(), strict=True))
        for name, bounds in (("ipv4", self.ipv4.tolist()), ("ipv6", halves), ("macs", self.macs.tolist()), ("ports", self.ports.tolist())):
            if any(left >= right for left, right in pairwise(bounds)):
                raise ValueError(f"{name}: not in ascending order, or twice the same")
        if any(not 0 <= port <= 0xFFFF for port in self.vxlan_ports):
            raise ValueError("vxlan_ports: not a port number")
        if self.mtu < 0:
            raise ValueError("mtu: negative")

    def flat(self) -> list[int]:
        """All tables as one list of signed 64-bit numbers, as kernels.py reads them: MTU, the start of each table, the tables.

        Halves of IPv6 bounds are less 2^63, so that signed numbers are in the order of the unsigned ones (kernels.load64).
        """
        halves = (half - _BIAS for pair in zip(self.ipv6_upper.tolist(), self.ipv6_lower.tolist(), strict=True) for half in pair)
        parts: tuple[list[int], ...] = (
            sorted({*VXLAN_PORTS, *self.vxlan_ports}),
            self.ports.tolist(),
            self.macs.tolist(),
            self.ipv4.tolist(),
            list(halves),
        )
        places = [_PLACES]
        for part in parts:
            places.append(places[-1] + len(part))
        return [self.mtu, *places, *(entry for part in parts for entry in part)]


NO_TABLES: Final = Tables()
