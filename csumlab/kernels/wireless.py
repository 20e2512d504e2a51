"""Frames of IEEE 802.11, and the headers that capture programs put before them. Sources: IEEE 802.11-2020 section 9.2, radiotap.org."""

from __future__ import annotations

from typing import Any, Final

from csumlab.kernels.codes import (
    CAPTURE,
    CAPWAP,
    IEEE80211,
    KNOWN,
    NEXT_DONE,
    NEXT_LLC,
    NEXT_WIFI,
    WHY_FRAGMENT,
    WHY_HEADER,
    WHY_LENGTH,
)
from csumlab.kernels.layout import (
    LAYER_KIND,
    LAYER_SIZE,
    LAYERS,
    N_LAYERS,
    PADDED,
)
from csumlab.kernels.primitives import (
    load8,
    load16,
    load32,
)
from csumlab.kernels.steps import (
    little16,
    little32,
    narrow,
    opaque,
    push_layer,
    stop,
    strip_check,
    why_short,
)

AVS_MAGIC: Final = 0x80211000


def read_radiotap(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_IEEE802_11_RADIOTAP; its flags say whether a frame check sequence and padding are there."""
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why), at
    size = little16(data, base + at + 2)
    why = why_short(work, at + size)
    if why != KNOWN or size < 8:
        return stop(work, why if why != KNOWN else WHY_HEADER), at
    push_layer(work, CAPTURE, at, size)
    flags = radiotap_flags(data, base + at, size)
    if flags & 0x10:
        strip_check(work)
    if flags & 0x20:
        work[PADDED] = 4
    return NEXT_WIFI, at + size


def radiotap_flags(data: Any, start: int, size: int) -> int:
    """The flags field, 0 if there is none: it comes after all bitmaps and an aligned 64-bit time."""
    present = little32(data, start + 4)
    place = 8
    more = present
    while more >> 31 and place + 4 <= size:
        more = little32(data, start + place)
        place += 4
    if present & 1:
        place = ((place + 7) & ~7) + 8
    return load8(data, start + place) if present & 2 and place < size else 0


def read_prism(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """LINKTYPE_IEEE802_11_PRISM and _AVS: a length after the first four bytes, in big-endian order for AVS."""
    why = why_short(work, at + 8)
    if why != KNOWN:
        return stop(work, why), at
    big = load32(data, base + at) & 0xFFFFF000 == AVS_MAGIC
    size = load32(data, base + at + 4) if big else little32(data, base + at + 4)
    why = why_short(work, at + size)
    if why != KNOWN or size < 8:
        return stop(work, why if why != KNOWN else WHY_HEADER), at
    push_layer(work, CAPTURE, at, size)
    return NEXT_WIFI, at + size


def read_wifi(data: Any, base: int, at: int, work: Any) -> tuple[int, int]:
    """One frame: only unprotected data frames carry something with a checksum."""
    why = why_short(work, at + 2)
    if why != KNOWN:
        return stop(work, why), at
    control = load8(data, base + at)
    flags = load8(data, base + at + 1)
    tunnelled = work[N_LAYERS] > 0 and work[LAYERS + LAYER_SIZE * (work[N_LAYERS] - 1) + LAYER_KIND] == CAPWAP
    swapped = tunnelled and control & 15 != 8 and flags & 15 == 8
    if swapped:
        # Some access points write words in the other byte order there (Wireshark's preference capwap.swap_fc).
        control, flags = flags, control
    if control & 0x0F != 0x08 or control & 0x40:
        return stop(work, KNOWN), at
    quality = control & 0x80 != 0
    size = 30 if flags & 3 == 3 else 24
    if quality:
        size += 6 if flags & 0x80 else 2
    why = why_short(work, at + size)
    if why != KNOWN:
        return stop(work, why), at
    if not push_layer(work, IEEE80211, at, size):
        return NEXT_DONE, at
    merged = quality and load8(data, base + at + (30 if flags & 3 == 3 else 24)) & 0x80 != 0
    if flags & 0x40:
        return opaque(work, at + size), at
    if flags & 4 or (load16(data, base + at + 22) if swapped else little16(data, base + at + 22)) & 15:
        return stop(work, WHY_FRAGMENT), at
    at += size if work[PADDED] == 0 else (size + 3) & ~3
    if merged:
        # Of an aggregate the first frame is looked at: two addresses and a length come before it.
        why = why_short(work, at + 14)
        if why != KNOWN:
            return stop(work, why), at
        end = at + 14 + load16(data, base + at + 12)
        narrow(work, end, WHY_LENGTH)
        at += 14
    return NEXT_LLC, at
