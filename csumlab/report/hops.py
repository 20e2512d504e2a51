"""Hops as pandas DataFrames with typed columns: of one packet, and of every class of a replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from csumlab.explain import Explanation, explain_each
from csumlab.outcome import Leaf
from csumlab.report.signs import sign_of

if TYPE_CHECKING:
    import pandas as pd

    from csumlab.replaying import ReplayResult

MAX_CLASSES: Final = 64
"""Classes whose hops are worked out, those with the most packets first."""
_CATEGORIES = ("domain", "port", "way", "stage", "sum", "sign", "verdict", "claim", "carried", "sure")
_KEYS = ("hop", "domain", "port", "way", "stage", "sum", "field", "sign", "verdict", "claim", "carried", "because", "source", "sure")
_OF_CLASS = ("class", "packets", "example", "headers", "fate")


def explanation_frame(explanation: Explanation) -> pd.DataFrame:
    """One row per hop and checksum of a packet: ``sum`` names the checksum, ``field`` its 16 bits there (missing if they cannot be
    predicted), ``sign`` and ``verdict`` how it stands, ``claim`` what the carried state (``carried``) says of it, ``because`` and
    ``source`` the row that fired, ``sure`` where that is known from."""
    return _frame(_rows(explanation), _KEYS)


def class_frame(result: ReplayResult) -> pd.DataFrame:
    """The same for every walked class, up to MAX_CLASSES with the most packets: ``class`` numbers them from 0, ``packets`` says how many
    it has, ``example`` is the packet whose numbers are shown, ``fate`` how it ended. Reads the capture once more; ValueError if it was
    standard input."""
    if result.file == "-":
        raise ValueError("standard input cannot be read twice: save the capture to a file first")
    walked = walked_classes(result)
    explained = explain_each(result.file, [leaf.first[0] for leaf in walked], result.settings)
    rows: list[dict[str, Any]] = []
    for number, leaf in enumerate(walked):
        one = explained[leaf.first[0]]
        if isinstance(one, Explanation):
            headers = " / ".join(layer.name for layer in one.facts.layers)
            of_class = dict(zip(_OF_CLASS, (number, leaf.count, leaf.first[0], headers, one.trace.fate.value), strict=True))
            rows += [of_class | row for row in _rows(one)]
    return _frame(rows, (*_OF_CLASS, *_KEYS))


def walked_classes(result: ReplayResult) -> list[Leaf]:
    """The classes that were followed, with the most packets first."""
    able = [leaf for leaf in result.classes if leaf.outcome.readings and leaf.first]
    return sorted(able, key=lambda leaf: -leaf.count)[:MAX_CLASSES]


def _rows(explanation: Explanation) -> Iterator[dict[str, Any]]:
    for number, view in enumerate(explanation.views):
        hop = view.hop
        fixed = (number, hop.domain, hop.port.partition(":")[2], hop.way, hop.stage.name)
        end = (str(hop.state_after), hop.because, hop.stage.citation(hop.row), hop.row.sure)
        for field in view.after:
            verdict = field.verdict.name.lower() if field.verdict else None
            middle = (field.label, field.value, sign_of(field).value, verdict, field.claim.value if field.claim else None)
            yield dict(zip(_KEYS, (*fixed, *middle, *end), strict=True))


def _frame(rows: Iterable[dict[str, Any]], keys: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    kinds: dict[str, Any] = {key: "category" for key in (*_CATEGORIES, "headers", "fate") if key in keys}
    kinds |= {key: "Int64" for key in ("hop", "field", "class", "packets", "example") if key in keys}
    kinds |= dict.fromkeys(("because", "source"), "string")
    return pd.DataFrame(list(rows), columns=list(keys)).astype(kinds)
