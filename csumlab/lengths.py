"""How long a frame is and where its parts lie, as far as the walk of a class knows: what a card may be bad at.

Lengths are bytes of the frame with its Ethernet header, as a driver has it: no preamble, no frame check sequence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from csumlab.behaviours import LONGEST
from csumlab.headers import Kind, Layer
from csumlab.packet import Header

ETHERNET_SIZE: Final = 14
SHORTEST_FRAME: Final = 60
"""Bytes of the shortest frame on Ethernet without its check sequence: ETH_ZLEN (include/uapi/linux/if_ether.h)."""
FIELD_PLACES: Final = {Kind.TCP: 16, Kind.UDP: 6, Kind.UDPLITE: 6, Kind.DCCP: 6, Kind.ICMP: 2, Kind.ICMPV6: 2, Kind.GRE: 4, Kind.SCTP: 8}
"""Where the field stands in a header with a sum of what follows it: csum_offset of CHECKSUM_PARTIAL."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is known of a number of bytes: from ``low`` to ``high``. ``padding`` are those that follow the outermost IP packet of a frame,
    and are in ``low`` and ``high``."""

    low: int = 0
    high: int = LONGEST
    padding: int = 0

    def more(self, other: Extent) -> Extent:
        return Extent(self.low + other.low, min(self.high + other.high, LONGEST))

    def less(self, other: Extent) -> Extent:
        return Extent(max(self.low - other.high, 0), max(self.high - other.low, 0) if self.high < LONGEST else LONGEST, self.padding)

    def trimmed(self) -> Extent:
        return replace(self, low=max(self.low - self.padding, 0), high=max(self.high - self.padding, 0), padding=0)

    def within(self, low: int, high: int) -> bool | None:
        """Whether the number lies in ``low``..``high``; None if that cannot be told."""
        if low <= self.low and self.high <= high:
            return True
        return False if self.high < low or high < self.low else None


UNTOLD_LENGTH: Final = Extent()
LONG: Final = Extent(SHORTEST_FRAME * 4, LONGEST)
"""A frame of which only is known that it is not short."""

_SIZES: Final = {
    Layer.ETHERNET: Extent(14, 14),
    Layer.VLAN: Extent(4, 4),
    Layer.PPPOE: Extent(6, 6),
    Layer.PPP: Extent(2, 2),
    Layer.IPV4: Extent(20, 20),
    Layer.IPV6: Extent(40, 40),
    Layer.EXTENSION: Extent(8, 2048),
    Layer.TCP: Extent(20, 60),
    Layer.UDP: Extent(8, 8),
    Layer.VXLAN: Extent(8, 8),
}
"""Bytes of headers, those of others are not known."""
_IPV4_OPTIONS: Final = Extent(24, 60)


def size_of(header: Header) -> Extent:
    """How many bytes a header has."""
    if header.layer is Layer.IPV4 and header.extensions:
        return _IPV4_OPTIONS
    if header.layer is Layer.BATMAN:
        # Captured it may have the address of the sender too (kernels/mesh.py).
        return Extent(10, 10 if header.index < 0 else 18)
    if header.layer is Layer.BATMAN_FLOOD:
        return Extent(14, 14) if header.index < 0 else Extent(6)
    if header.layer is Layer.GENEVE:
        # What this walk pushed has no options (outer.py).
        return Extent(8, 8 if header.index < 0 else 260)
    if header.layer is Layer.GRE:
        size = 8 if header.kind else 4
        return Extent(size, size if header.index < 0 else 16)
    return _SIZES.get(header.layer, Extent())


def size(headers: Iterable[Header]) -> Extent:
    """How many bytes headers have together."""
    total = Extent(0, 0)
    for header in headers:
        total = total.more(size_of(header))
    return total
