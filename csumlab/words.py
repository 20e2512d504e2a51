"""What an error says in place of a word that there is not: the nearest one that there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

BEGINNING: Final = 3
"""Letters with which the beginning of a word is a hint of it."""


def nearest(word: str, valid: Iterable[str], most: int = 1) -> tuple[str, ...]:
    """The valid words, at most ``most``, that ``word`` may be a slip of, in any case of letters; the likeliest first.

    The beginning of a word says more than the likeness of another: nfq is nfqueue's, not nft.
    """
    by_lower = {one.lower(): one for one in valid}
    wanted = word.lower()
    begun = [one for one in by_lower if one.startswith(wanted)] if len(wanted) >= BEGINNING else []
    alike = difflib.get_close_matches(wanted, by_lower, most)
    return tuple(by_lower[one] for one in dict.fromkeys((*begun[:most], *alike)))[:most]


def advice(word: str, valid: Iterable[str]) -> str:
    """``did you mean 'veth'?``, or what is valid if nothing is near."""
    valid = list(valid)
    near = nearest(word, valid)
    return f"did you mean {near[0]!r}?" if near else f"valid: {', '.join(valid)}"
