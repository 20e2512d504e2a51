"""Results of ``check`` as pandas DataFrames with typed columns."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from csumlab.report.data import COLUMNS, summary_rows
from csumlab.report.packets import COLUMNS as PACKET_COLUMNS
from csumlab.report.packets import packet_rows

if TYPE_CHECKING:
    import pandas as pd

    from csumlab.checking import CheckResult

MOST_ROWS: Final = 2_000_000
"""Checksums that a frame may hold."""


def summary_frame(result: CheckResult) -> pd.DataFrame:
    """One row per file, kind, verdict and cause."""
    import pandas as pd

    frame = pd.DataFrame(list(summary_rows(result)), columns=list(COLUMNS))
    kinds: dict[str, Any] = dict.fromkeys(("file", "kind", "verdict", "standing", "cause"), "category")
    kinds |= dict.fromkeys(("detail", "first_packets", "sentence"), "string")
    return frame.astype({**kinds, "inner": "boolean", "checksums": "Int64", "packets": "Int64"})


def packet_frame(result: CheckResult) -> pd.DataFrame:
    """One row per checksum per packet. ValueError if that is more than MOST_ROWS, or a file was read from standard input."""
    import pandas as pd

    total = sum(result.tally.values())
    if total > MOST_ROWS:
        raise ValueError(
            f"{total:,} checksums are more than the {MOST_ROWS:,} that a frame holds; write them: csumlab check FILE --packets --csv"
        )
    if "-" in result.files:
        raise ValueError("standard input cannot be read twice: save the capture to a file first")
    rows = [row for one in result.results if one.packets for row in islice(packet_rows(one.file, tables=one.tables), MOST_ROWS)]
    frame = pd.DataFrame(rows, columns=list(PACKET_COLUMNS))
    kinds: dict[str, Any] = dict.fromkeys(("file", "kind", "verdict", "reason"), "category")
    return frame.astype(
        {**kinds, "packet": "Int64", "header": "Int64", "offset": "Int64", "field": "Int64", "residue": "Int64", "seed": "Int64"}
    )
