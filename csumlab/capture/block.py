"""What a capture reader yields: blocks of packets as columns over one buffer, and where reading stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Bits of the flags column. The low 32 bits are pcapng's epb_flags (IETF pcapng draft, section 4.3.1) as read;
# HAS_FLAGS says that the record carried the option at all.
DIRECTION_MASK = 0b11
INBOUND = 0b01
OUTBOUND = 0b10
CHECKSUM_NOT_READY = 1 << 9
CHECKSUM_VALID = 1 << 10
SEGMENTATION_OFFLOAD = 1 << 11
HAS_FLAGS = 1 << 32


@dataclass(frozen=True, slots=True)
class Interface:
    """One capture interface; a pcap file has exactly one. ``linktype`` is a LINKTYPE number, ``snaplen`` 0 if unlimited."""

    linktype: int
    snaplen: int = 0
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of packets.

    ``data`` uint8, every packet's bytes somewhere inside (with whatever stands between them in the file).
    The columns have one entry per packet: ``offset`` int64 into ``data``; ``captured`` and ``original`` int64 lengths in bytes
    (``offset + captured <= len(data)`` holds always); ``timestamp`` int64 nanoseconds since 1970; ``interface`` int32 into
    ``interfaces``; ``flags`` int64, see HAS_FLAGS. ``first`` is the number of the first packet, counted from 1 over the
    whole file. ``data`` and the columns may be reused for the next block: copy what must outlive the iteration.
    """

    data: NDArray[np.uint8]
    offset: NDArray[np.int64]
    captured: NDArray[np.int64]
    original: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    interface: NDArray[np.int32]
    flags: NDArray[np.int64]
    first: int
    interfaces: tuple[Interface, ...]

    def __len__(self) -> int:
        return len(self.offset)


class CaptureError(Exception):
    """The capture cannot be read on from here: file, byte offset, field, what is wrong, what to try. ``str()`` is the whole sentence."""

    def __init__(self, path: str, offset: int | None, field: str, problem: str, advice: str = "") -> None:
        self.path, self.offset, self.field, self.problem, self.advice = path, offset, field, problem, advice
        where = f"{path}" + (f", offset {offset}" if offset is not None else "") + (f", {field}" if field else "")
        super().__init__(f"{where}: {problem}" + (f" ({advice})" if advice else ""))

    def __reduce__(self) -> Any:
        return (type(self), (self.path, self.offset, self.field, self.problem, self.advice))
