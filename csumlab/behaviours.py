"""Words that say how something behaves, and the names of things that are known to: what ``card`` and ``reader`` of a device may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from csumlab.words import advice

LONGEST: Final = 0xFFFF
"""More bytes than a frame has."""


class Measure(Enum):
    """What of a frame is counted, with its Ethernet header and without its check sequence; the value is how a person reads it. Of the
    shortest frames all are told by every byte, of IP packets what is longer than a number that somebody in the topology heeds."""

    FRAME = "bytes of the frame"
    PACKET = "bytes of the IP packet"
    START = "bytes before csum_start"
    BEHIND = "bytes behind the field"
    REACH = "bytes up to the end of the field"


@dataclass(frozen=True, slots=True)
class Measured:
    """Frames of which ``measure`` is from ``low`` to ``high``, both included."""

    measure: Measure
    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high if self.high < LONGEST else ''} {self.measure.value}"


@dataclass(frozen=True, slots=True)
class Known:
    """Something that is known to behave so. ``sure`` as in stage.Row."""

    name: str
    behaviours: tuple[str, ...]
    source: str
    sure: str = "read"


def chosen(
    text: str, what: str, behaviours: Mapping[str, str], known: Sequence[Known], lengths: Mapping[str, Measured] | None = None
) -> dict[str, Measured | None]:
    """The behaviours that ``text`` names: words, each a behaviour or something ``known``; and of which frames each is, if it is of some
    only: those of ``lengths``, or between the two numbers behind the word ("word:55-59"). ``what`` it is, for the error. Raises
    ValueError, which says what there is."""
    found: dict[str, Measured | None] = {}
    names = {one.name: one.behaviours for one in known}
    for word in (each for part in text.split() for each in names.get(part, (part,))):
        name, _, numbers = word.partition(":")
        if name not in behaviours:
            raise ValueError(f"unknown {what} or behaviour {name!r}; {advice(name, [*names, *behaviours])}")
        found[name] = (lengths or {}).get(name)
        if numbers:
            found[name] = _between(name, numbers, found[name])
    return found


def _between(name: str, numbers: str, usual: Measured | None) -> Measured:
    fits = re.fullmatch(r"(\d{1,5})-(\d{0,5})", numbers)
    if usual is None or fits is None or not int(fits[1]) <= int(fits[2] or LONGEST) <= LONGEST:
        says = f"{name}:LOW-HIGH" if usual is not None else f"{name} alone: it is of frames of every length"
        raise ValueError(f"{name}:{numbers} is not of the form {says}")
    return replace(usual, low=int(fits[1]), high=int(fits[2] or LONGEST))
