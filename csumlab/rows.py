"""Rows of packets as columns, and the two things that everything that matches packets does with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = dict[str, NDArray[Any]]
"""A column for each name, all of the same length; what a column holds is said where the rows are made."""


def taken(rows: Rows, which: slice | NDArray[Any]) -> Rows:
    """The rows that ``which`` chooses, by place or by mask."""
    return {name: column[which] for name, column in rows.items()}


def joined(first: Rows, second: Rows) -> Rows:
    """The rows of both, which have the same columns."""
    return {name: np.concatenate((column, second[name])) for name, column in first.items()}


def runs(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and length of each run of equal values."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return starts, np.diff(starts, append=len(values))
