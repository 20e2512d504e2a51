"""Differences between model and machine that are known, with their reasons. Strict both ways: one that is gone is an error too."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from .prediction import Difference

KNOWN = Path(__file__).parent / "known_differences.toml"


@dataclass(frozen=True, slots=True)
class Known:
    """An entry. ``recording`` (golden files' names without the suffix), ``step``, ``packet`` and ``text`` are patterns of fnmatch."""

    recording: str
    step: str
    packet: str
    text: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        pairs = ((difference.step, self.step), (difference.packet, self.packet), (difference.text, self.text))
        return all(fnmatchcase(word, pattern) for word, pattern in pairs)


def known(recording: str) -> tuple[Known, ...]:
    entries = tomllib.loads(KNOWN.read_text(encoding="utf-8")).get("difference", [])
    return tuple(entry for entry in (Known(**one) for one in entries) if fnmatchcase(recording, entry.recording))


def sorted_out(recording: str, found: Iterable[Difference]) -> tuple[list[str], list[str]]:
    """The differences that no entry covers, and the entries that cover none."""
    entries = known(recording)
    used: set[Known] = set()
    unknown = []
    for difference in found:
        covering = [entry for entry in entries if entry.covers(difference)]
        used |= set(covering)
        if not covering:
            unknown.append(str(difference))
    return unknown, [f"{entry.step}: {entry.packet}: {entry.text}" for entry in entries if entry not in used]
