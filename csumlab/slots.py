"""How many slots of a Xen ring a frame may take, and what the two ends make of it: numbers for the tables of stages/slots.py.

Least: the frame fills its pages. Most: its headers cross a page (two slots), and its data, one run of memory, starts at the end of one;
a frontend never uses more slots than it has. Data that an application wrote in many small pieces may take more than that, which is not
followed. All counts are of the slots behind the first, as netback counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.topology.model import Device
from csumlab.topology.presets import Preset

UNLIMITED = 1 << 16


@dataclass(frozen=True, slots=True)
class Bounds:
    """``least`` and ``most`` slots behind the first."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least} slots behind the first" if self.least == self.most else f"{self.least} to {self.most} slots behind the first"


def bounds(pages: int, front: Device, preset: Preset) -> Bounds:
    """Of a frame that needs at least ``pages`` pages, sent by ``front`` of a kernel."""
    least = pages - 1
    return Bounds(least, max(least, min(pages + 2, front.slots or preset.slots_used)))


def limits(back: Device, preset: Preset) -> dict[str, int]:
    """What the other end takes: "valid", and "fatal" beyond which it disables the interface. Where a kernel has one limit for both, it has
    one if it is another number too."""
    valid = back.slots or preset.slots_valid
    fatal = valid if preset.slots_fatal == preset.slots_valid else preset.slots_fatal
    return {"valid": valid, "fatal": back.fatal_slots or fatal or UNLIMITED}


def last_of(part: str) -> int:
    """The last number of slots of a part, from the words that it was chosen by."""
    return int(part.split(" slots")[0].split()[-1])


def parts(whole: Bounds, at: list[int]) -> list[Bounds]:
    """The bounds cut behind each of the limits ``at``: within one part all rows agree."""
    cuts = sorted({cut for cut in at if whole.least <= cut < whole.most})
    starts = [whole.least, *(cut + 1 for cut in cuts)]
    return [Bounds(start, end) for start, end in zip(starts, [*cuts, whole.most], strict=True)]
