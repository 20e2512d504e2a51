"""batman-adv: Ethernet frames that wireless nodes hand to one another (Linux include/uapi/linux/batadv_packet.h, compatibility version
15)."""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import BATMAN, BATMAN_FLOOD, KNOWN, NEXT_DONE, NEXT_ETHERNET
from csumlab.kernels.primitives import load8, load16
from csumlab.kernels.steps import opaque, push_layer, stop, why_short

VERSION: Final = 15
"""Of the headers that are read (BATADV_COMPAT_VERSION): those of other versions have other numbers."""
BROADCAST: Final = 0x01
CODED: Final = 0x02
MULTICAST: Final = 0x05
UNICAST: Final = 0x40
FRAGMENT: Final = 0x41
UNICAST_FROM: Final = 0x42
"""A unicast header with the address of the sender (batadv_unicast_4addr_packet)."""


def read_batman(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """One header with the frame behind it. Fragments and network coded frames cannot be read alone, and what else there is keeps the mesh
    going and has no Internet checksum."""
    why = why_short(work, at + 2)
    if why != KNOWN:
        return stop(work, why), at
    kind = load8(data, base + at)
    if load8(data, base + at + 1) != VERSION or kind in (FRAGMENT, CODED):
        return opaque(work, at), at
    size = 0
    if kind == BROADCAST:
        size = 14
    elif kind == MULTICAST:
        size = 6
    elif kind == UNICAST:
        size = 10
    elif kind == UNICAST_FROM:
        size = 18
    if size == 0:
        return stop(work, KNOWN), at
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if kind == MULTICAST:
        # Behind the header stand containers, as many bytes as it says (tvlv_len).
        size += load16(data, base + at + 4)
        why = why_short(work, at + size)
        if why != KNOWN:
            return stop(work, why), at
    if not push_layer(work, BATMAN_FLOOD if kind < UNICAST else BATMAN, at, size):
        return NEXT_DONE, at
    return NEXT_ETHERNET, at + size
