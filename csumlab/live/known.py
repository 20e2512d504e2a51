"""What the kernel knew of a packet, in the words of pcapng: epb_flags, a custom option with the numbers, a comment for people.

Sources: IETF pcapng draft, sections 3.5.1 (comments, custom options) and 4.3.1 (epb_flags); Linux include/uapi/linux/if_packet.h,
include/uapi/linux/virtio_net.h; RFC 5612 (enterprise number 32473, for examples). docs/capture.md describes the option.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, INBOUND, OUTBOUND, SEGMENTATION_OFFLOAD
from csumlab.capture.walk import FLAGS_OPTION
from csumlab.capture.writer import COMMENT_OPTION, CUSTOM_OPTION, encode_options, text_value
from csumlab.live.ring import STATUS_VLAN, Carried

ENTERPRISE: Final = 32473
"""The number that RFC 5612 sets aside for examples: csumlab has none of its own, and MAGIC tells its options from those of others."""
MAGIC: Final = b"csumlab\x01"
"""The name and the version of what follows."""
_NUMBERS: Final = struct.Struct("<I8sBBHHHHHI")
"""Enterprise number, MAGIC; then of the virtio_net_hdr flags, gso_type, hdr_len, gso_size, csum_start, csum_offset; zero; tp_status."""

_NEEDS_CSUM: Final = 1
_DATA_VALID: Final = 2
_STATUS_NOT_READY: Final = 1 << 3
_STATUS_VALID: Final = 1 << 7
_GSO_KINDS: Final = {1: "TCPv4", 3: "UDP fragments", 4: "TCPv6", 5: "UDP"}
_GSO_ECN: Final = 0x80

_HOST, _BROADCAST, _MULTICAST, _OTHER_HOST, _OUTGOING = range(5)
_RECEPTION: Final = {_HOST: 1 << 2, _MULTICAST: 2 << 2, _BROADCAST: 3 << 2, _OTHER_HOST: 4 << 2}
"""sll_pkttype -> bits 2 to 4 of epb_flags: unicast, multicast, broadcast, promiscuous."""


def packet_flags(carried: Carried) -> int:
    """The bits of epb_flags: direction, reception, CSUMNOTREADY, CSUMVALID, segmentation offload."""
    flags = OUTBOUND if carried.packet_type == _OUTGOING else INBOUND | _RECEPTION.get(carried.packet_type, 0)
    if carried.flags & _NEEDS_CSUM or carried.status & _STATUS_NOT_READY:
        flags |= CHECKSUM_NOT_READY
    elif carried.flags & _DATA_VALID or carried.status & _STATUS_VALID:
        flags |= CHECKSUM_VALID
    return flags | (SEGMENTATION_OFFLOAD if carried.gso_type else 0)


def describe(carried: Carried) -> str:
    """A sentence each for what is owed, split later or put back; "" if the flags say it all."""
    return "; ".join(_said(carried))


def _said(carried: Carried) -> Iterator[str]:
    if carried.flags & _NEEDS_CSUM:
        field = carried.start + carried.offset
        yield f"CHECKSUM_PARTIAL: csum_start {carried.start}, csum_offset {carried.offset}; the sum at byte {field} is still to be computed"
    elif carried.status & _STATUS_VALID and not carried.flags & _DATA_VALID:
        yield "TP_STATUS_CSUM_VALID without DATA_VALID: the kernel found the sum right in CHECKSUM_COMPLETE"
    if carried.gso_type:
        kind = _GSO_KINDS.get(carried.gso_type & ~_GSO_ECN, f"type {carried.gso_type & ~_GSO_ECN}")
        yield f"GSO: {kind}{' with ECN' if carried.gso_type & _GSO_ECN else ''}, segments of {carried.gso_size} bytes"
    if carried.status & STATUS_VLAN:
        yield "VLAN tag put back: the kernel carried it beside the packet"


@lru_cache(maxsize=1 << 12)
def packet_options(carried: Carried) -> bytes:
    """The options of an enhanced packet block, encoded. Few packets differ in them, so they are kept."""
    comment = describe(carried)
    numbers = _NUMBERS.pack(
        ENTERPRISE,
        MAGIC,
        carried.flags,
        carried.gso_type,
        carried.header_bytes & 0xFFFF,
        carried.gso_size,
        carried.start & 0xFFFF,
        carried.offset,
        0,
        carried.status,
    )
    options = [(COMMENT_OPTION, text_value(comment))] if comment else []
    return encode_options([*options, (FLAGS_OPTION, struct.pack("<I", packet_flags(carried))), (CUSTOM_OPTION, numbers)])
