"""The header before every frame of a virtio network device: four layouts, both byte orders, read from any scatter-gather list.

=====  ==============================================  =======================================================
bytes  struct (Linux include/uapi/linux/virtio_net.h)  when
=====  ==============================================  =======================================================
10     virtio_net_hdr                                  neither VIRTIO_NET_F_MRG_RXBUF nor VIRTIO_F_VERSION_1
12     virtio_net_hdr_v1, virtio_net_hdr_mrg_rxbuf     with one of these
20     virtio_net_hdr_v1_hash                          VIRTIO_NET_F_HASH_REPORT
24     virtio_net_hdr_v1_hash_tunnel                   one of the four UDP tunnel GSO features
=====  ==============================================  =======================================================

A device with VIRTIO_F_VERSION_1 is little-endian, an older one has the byte order of its guest (Virtio 1.2 section 2.4.3), which a host of
the other order has to be told (TUNSETVNETLE, TUNSETVNETBE).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal

from csumlab.virtio_features import FEATURES

ByteOrder = Literal["little", "big"]
SIZES = (10, 12, 20, 24)
_TUNNELS = frozenset(bit for name, bit in FEATURES.items() if "UDP_TUNNEL_GSO" in name)
_LAYOUT = "BBHHHHHIHHHH"
"""Without padding; the first ten bytes are the oldest header, and each longer one goes on from there."""
_FIELDS = {10: 6, 12: 7, 20: 10, 24: 12}


class HeaderFlag(IntFlag):
    """Virtio 1.2 section 5.1.6; the last one is Linux 6.17's."""

    NEEDS_CSUM = 1
    DATA_VALID = 2
    RSC_INFO = 4
    UDP_TUNNEL_CSUM = 8


class Segmentation(IntEnum):
    """gso_type without its flag bits (0x20 and 0x40 for a UDP tunnel over IPv4 and IPv6, 0x80 for ECN)."""

    NONE = 0
    TCPV4 = 1
    UDP = 3
    TCPV6 = 4
    UDP_L4 = 5


class VirtioHeaderError(ValueError):
    """Bytes or numbers that are no header; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class VirtioHeader:
    """All fields of the longest layout; those that a shorter one has not are 0. Offsets and lengths are bytes from the first byte of the
    frame. With RSC_INFO the device uses ``csum_start`` and ``csum_offset`` for two counts: ask ``coalesced``."""

    flags: int = 0
    gso_type: int = 0
    hdr_len: int = 0
    gso_size: int = 0
    csum_start: int = 0
    csum_offset: int = 0
    num_buffers: int = 0
    hash_value: int = 0
    hash_report: int = 0
    padding: int = 0
    outer_th_offset: int = 0
    inner_nh_offset: int = 0

    @property
    def owed(self) -> tuple[int, int] | None:
        """csum_start and the place of the field, both from the first byte of the frame, if a sum is still to be computed."""
        if not self.flags & HeaderFlag.NEEDS_CSUM or self.flags & HeaderFlag.RSC_INFO:
            return None
        return self.csum_start, self.csum_start + self.csum_offset

    @property
    def verified(self) -> bool:
        """Whether a device vouches for the first sum (DATA_VALID)."""
        return bool(self.flags & HeaderFlag.DATA_VALID)

    @property
    def coalesced(self) -> tuple[int, int] | None:
        """Segments merged and duplicate ACKs among them, if the device says so (VIRTIO_NET_F_RSC_EXT, Virtio 1.2 section 5.1.6.4.4)."""
        return (self.csum_start, self.csum_offset) if self.flags & HeaderFlag.RSC_INFO else None

    def pack(self, size: int, order: ByteOrder = "little") -> bytes:
        """The header as ``size`` bytes. VirtioHeaderError if a field does not fit, or has a value that this layout has no place for."""
        count = _count(size)
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        lost = [name for name, value in zip(list(self.__dataclass_fields__)[count:], values[count:], strict=True) if value]
        if lost:
            raise VirtioHeaderError(f"a header of {size} bytes has no {', '.join(lost)}")
        try:
            return struct.pack(_format(size, order), *values[:count])
        except struct.error as error:
            raise VirtioHeaderError(f"a field does not fit: {error}") from None


def unpack(data: bytes | bytearray | memoryview, size: int, order: ByteOrder = "little") -> VirtioHeader:
    """The header at the start of ``data``. VirtioHeaderError if there are fewer than ``size`` bytes."""
    _count(size)
    if len(data) < size:
        raise VirtioHeaderError(f"{len(data)} bytes where a header of {size} belongs")
    return VirtioHeader(*struct.unpack_from(_format(size, order), data))


def consume(
    parts: Iterable[bytes | bytearray | memoryview], size: int, order: ByteOrder = "little"
) -> tuple[VirtioHeader, tuple[memoryview, ...]]:
    """The header from a list of buffers, and what is left of them behind it, not copied.

    A driver may lay header and frame out over buffers as it likes (VIRTIO_F_ANY_LAYOUT, always so with VIRTIO_F_VERSION_1; Virtio 1.2
    section 2.6.4): the header may end within a buffer, take up several, and empty ones may stand between. VirtioHeaderError if all of them
    together are too short.
    """
    _count(size)
    head = bytearray()
    rest: list[memoryview] = []
    for part in parts:
        view = memoryview(part).cast("B")
        taken = min(size - len(head), len(view))
        head += view[:taken]
        if taken < len(view):
            rest.append(view[taken:])
    return unpack(head, size, order), tuple(rest)


def header_size(features: Set[int]) -> int:
    """The layout that negotiated feature bits ask for (Linux drivers/net/virtio_net.c virtnet_probe, vi->hdr_len)."""
    if features & _TUNNELS:
        return 24
    if FEATURES["VIRTIO_NET_F_HASH_REPORT"] in features:
        return 20
    if features & {FEATURES["VIRTIO_NET_F_MRG_RXBUF"], FEATURES["VIRTIO_F_VERSION_1"]}:
        return 12
    return 10


def byte_order(features: Set[int], guest: ByteOrder) -> ByteOrder:
    """The byte order that negotiated features ask for, for a guest whose processor has the order ``guest``."""
    return "little" if FEATURES["VIRTIO_F_VERSION_1"] in features else guest


def _count(size: int) -> int:
    if size not in _FIELDS:
        raise VirtioHeaderError(f"a header has {', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]} bytes, not {size}")
    return _FIELDS[size]


def _format(size: int, order: ByteOrder) -> str:
    return ("<" if order == "little" else ">") + _LAYOUT[: _count(size)]
