"""Words that say how something behaves, and the names of things that are known to: what ``card`` and ``reader`` of a device may hold."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """Something that is known to behave so. ``sure`` as in stage.Row."""

    name: str
    behaviours: tuple[str, ...]
    source: str
    sure: str = "read"


def chosen(text: str, what: str, behaviours: Mapping[str, str], known: Sequence[Known]) -> tuple[str, ...]:
    """The behaviours that ``text`` names: words, each a behaviour or something ``known``. ``what`` it is, for the error. Raises
    ValueError, which says what there is."""
    found: list[str] = []
    names = {one.name: one.behaviours for one in known}
    for word in text.split():
        if word not in names and word not in behaviours:
            near = difflib.get_close_matches(word, [*names, *behaviours], 1)
            hint = f"did you mean {near[0]!r}?" if near else f"valid: {', '.join([*names, *behaviours])}"
            raise ValueError(f"unknown {what} or behaviour {word!r}; {hint}")
        found += names.get(word, (word,))
    return tuple(dict.fromkeys(found))
