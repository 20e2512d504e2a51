"""What a topology tells the dissector: sorted interval bounds of addresses, ports and lengths, hardware addresses, ports of UDP tunnels.
Arrays only."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from csumlab.headers import UDP_TUNNELS, Layer

ETHERNET_MTU: Final = 1500
_MOST_LENGTHS: Final = 255
_BIAS: Final = 1 << 63
_PLACES: Final = 10
"""Entries before the first table: kernels.layout.TABLE_MTU to TABLE_OCTETS."""


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Intervals that addresses and ports are sorted into, each given by the sorted starts of its intervals.

    The index of an address is the number of bounds that are not above it: 0 below the first bound, or without any.
    ``ipv4`` uint32. ``ipv6_upper`` and ``ipv6_lower`` uint64, the two halves of each bound. ``macs`` uint64, sorted; entry k is index k + 2
    in facts.Facts. ``ports`` uint16. ``tunnel_ports``: UDP ports and the tunnel that each stands
    for, besides headers.UDP_TUNNELS and before it. ``mtu``: bytes of the longest
    IP packet that is not called long. ``pages``: whether the number of pages that a frame needs is a fact. ``octets``: whether the length
    of a short packet is. ``lengths``: bounds of the lengths of IP packets that are told apart, at most 255.
    ValueError if anything is out of order or out of range.
    """

    ipv4: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    ipv6_upper: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    ipv6_lower: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    macs: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    ports: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    tunnel_ports: tuple[tuple[int, Layer], ...] = ()
    mtu: int = ETHERNET_MTU
    pages: bool = False
    octets: bool = False
    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        halves = list(zip(self.ipv6_upper.tolist(), self.ipv6_lower.tolist(), strict=True))
        for name, bounds in (
            ("ipv4", self.ipv4.tolist()),
            ("ipv6", halves),
            ("macs", self.macs.tolist()),
            ("ports", self.ports.tolist()),
            ("lengths", list(self.lengths)),
        ):
            if any(left >= right for left, right in pairwise(bounds)):
                raise ValueError(f"{name}: not in ascending order, or twice the same")
        if any(not 0 <= port <= 0xFFFF for port, _ in self.tunnel_ports):
            raise ValueError("tunnel_ports: not a port number")
        if any(layer not in UDP_TUNNELS.values() and layer is not Layer.FOU for _, layer in self.tunnel_ports):
            raise ValueError("tunnel_ports: not a tunnel over UDP")
        if self.mtu < 0:
            raise ValueError("mtu: negative")
        if len(self.lengths) > _MOST_LENGTHS:
            raise ValueError(f"lengths: more than {_MOST_LENGTHS}")

    def flat(self) -> list[int]:
        """All tables as one list of signed 64-bit numbers, as the kernels read them: MTU, the start of each table, whether pages
        and the lengths of short packets are asked for, the tables.
        A tunnel port is port * 256 + layer.

        Halves of IPv6 bounds are less 2^63, so that signed numbers are in the order of the unsigned ones (kernels.primitives.load64).
        """
        halves = (half - _BIAS for pair in zip(self.ipv6_upper.tolist(), self.ipv6_lower.tolist(), strict=True) for half in pair)
        parts: tuple[list[int], ...] = (
            sorted(port << 8 | layer for port, layer in (UDP_TUNNELS | dict(self.tunnel_ports)).items()),
            self.ports.tolist(),
            self.macs.tolist(),
            self.ipv4.tolist(),
            list(halves),
            list(self.lengths),
        )
        places = [_PLACES]
        for part in parts:
            places.append(places[-1] + len(part))
        return [self.mtu, *places, int(self.pages), int(self.octets), *(entry for part in parts for entry in part)]


NO_TABLES: Final = Tables()
