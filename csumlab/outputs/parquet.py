"""Parquet: a row for each checksum of a check, or for each packet of a replay, block by block: memory does not grow with the capture.

The columns of a check are those of ``check --packets``, with time, cause and standing; they are made class by class with numpy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture import Capture, open_capture
from csumlab.capture.block import Block
from csumlab.causes import Cause
from csumlab.checking import CheckResult, FileResult
from csumlab.collect import findings_of_leaf
from csumlab.facts import Facts, FieldValue
from csumlab.headers import KINDS, REASONS
from csumlab.index import Columns, Index
from csumlab.outcome import Leaf
from csumlab.replaying import Replay, ReplayResult
from csumlab.whole import WholeFile

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[Capture], None]
"""Called after every block."""


class MissingPart(Exception):
    """An optional part is not installed; ``str()`` names it and the command that installs it."""


def write_check(result: CheckResult, path: str | os.PathLike[str], *, progress: Progress | None = None) -> int:
    """One row per checksum; how many. The captures are read again; ``result`` must have ``labels``. Raises MissingPart, WriteError,
    CaptureError, and ValueError for captures that came from a stream or were checked without labels."""
    arrow = _arrow()
    words = arrow.dictionary(arrow.int32(), arrow.string())
    schema = arrow.schema(
        [
            ("file", words),
            ("packet", arrow.int64()),
            ("time", arrow.timestamp("ns", tz="UTC")),
            ("kind", words),
            ("header", arrow.int16()),
            ("offset", arrow.int32()),
            ("verdict", words),
            ("field", arrow.uint32()),
            ("residue", arrow.uint32()),
            ("seed", arrow.uint32()),
            ("reason", words),
            ("cause", words),
            ("detail", words),
            ("standing", words),
        ]
    )
    for one in result.results:
        if one.packets and (one.labels is None or one.file == "standard input"):
            raise ValueError("Parquet needs files that can be read twice, checked with labels=True: save standard input to a file first")
    with _writer(arrow, path, schema) as put:
        return sum(put(batch) for one in result.results if one.packets for batch in _sum_batches(arrow, schema, one, progress))


def write_replay(result: ReplayResult, path: str | os.PathLike[str], *, progress: Progress | None = None) -> int:
    """One row per packet; how many. Raises as :func:`write_check`."""
    arrow = _arrow()
    if result.file == "-":
        raise ValueError("Parquet needs a file that can be read twice: save standard input to a file first")
    words = arrow.dictionary(arrow.int32(), arrow.string())
    schema = arrow.schema(
        [
            ("packet", arrow.int64()),
            ("time", arrow.timestamp("ns", tz="UTC")),
            ("length", arrow.int64()),
            ("origin", words),
            ("readings", arrow.int16()),
            ("fate", words),
            ("end", words),
            ("why", words),
            ("findings", arrow.list_(arrow.string())),
            ("hops", arrow.list_(arrow.string())),
        ]
    )
    with _writer(arrow, path, schema) as put:
        return sum(put(batch) for batch in _packet_batches(arrow, schema, result, progress))


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingPart("Parquet is written by pyarrow, which is not installed: pip install 'csumlab[parquet]'") from None
    return pyarrow


@contextmanager
def _writer(arrow: Any, path: str | os.PathLike[str], schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], int]]:
    """A function that writes a batch and gives its number of rows. The file is there once all went well."""
    from pyarrow import parquet

    with WholeFile(path) as file, parquet.ParquetWriter(file.file, schema, compression="zstd") as writer:

        def put(batch: pa.RecordBatch) -> int:
            writer.write_batch(batch)
            return int(batch.num_rows)

        yield put


class _Table:
    """The rows of one batch as arrays by column; words as numbers of a list."""

    def __init__(self) -> None:
        self._words: dict[str | None, int] = {None: 0}
        self._parts: list[dict[str, NDArray[Any]]] = []

    def word(self, text: str | None) -> int:
        """The number that stands for a word."""
        return self._words.setdefault(text, len(self._words))

    def add(self, size: int, columns: dict[str, NDArray[Any] | int]) -> None:
        """Rows; a number stands for as many of it. Columns that begin with ``known `` say where the one behind that word is not null."""
        self._parts.append({name: np.broadcast_to(np.asarray(value), (size,)) for name, value in columns.items()})

    def __len__(self) -> int:
        return len(self._parts)

    def batch(self, arrow: Any, schema: pa.Schema, order: tuple[str, ...]) -> pa.RecordBatch:
        """All rows, ordered by these columns, the last one first."""
        columns = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        places = np.lexsort([columns[name] for name in order])
        words = arrow.array([word or "" for word in self._words], arrow.string())
        arrays = []
        for field in schema:
            values = columns[field.name][places]
            if arrow.types.is_dictionary(field.type):
                # Number 0 stands for null, and Parquet wants that said of the number, not of the word.
                numbers = arrow.array(values.astype(np.int32), arrow.int32(), mask=values == 0)
                arrays.append(arrow.DictionaryArray.from_arrays(numbers, words))
                continue
            known = columns.get(f"known {field.name}")
            mask = None if known is None else ~known[places]
            plain = arrow.int64() if arrow.types.is_timestamp(field.type) else field.type
            arrays.append(arrow.array(values.astype(plain.to_pandas_dtype()), plain, mask=mask).cast(field.type))
        return arrow.record_batch(arrays, schema=schema)


# Checksums.


def _sum_batches(arrow: Any, schema: pa.Schema, one: FileResult, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    assert one.labels is not None
    index = Index(one.tables)
    known: list[Facts] = []
    with open_capture(one.file) as capture:
        for block in capture:
            member = index.add(block)
            if len(block) and int(member.class_of.max()) >= len(known):
                known = [entry.facts for entry in index.classes]
            senders = one.labels.evidence.senders_of(member)
            table = _Table()
            for number in np.unique(member.class_of[member.class_of >= 0]).tolist():
                rows = member.rows(number)
                rows = rows[rows + block.first <= one.packets]
                if known[number].sums and len(rows):
                    _add_class(table, one, number, known[number], index.columns(block, rows), senders[rows])
            if len(table):
                yield table.batch(arrow, schema, ("header", "packet"))
            if progress is not None:
                progress(capture)


def _add_class(table: _Table, one: FileResult, number: int, facts: Facts, columns: Columns, senders: NDArray[np.int64]) -> None:
    """The rows of the packets of one class in a block."""
    block, rows = columns.block, columns.rows
    for place, total in enumerate(facts.sums):
        cause, detail, standing = _labels(table, one, number, place, rows + block.first, senders)
        table.add(
            len(rows),
            {
                "file": table.word(one.file),
                "packet": rows + block.first,
                "time": block.timestamp[rows],
                "kind": table.word(KINDS[total.kind].label),
                "header": total.header,
                "offset": columns.at[place],
                "verdict": table.word(total.verdict.name.lower()),
                "field": columns.field[place],
                "known field": np.asarray(total.field is not FieldValue.UNKNOWN),
                "residue": columns.residue[place],
                "known residue": columns.known_residue[place],
                "seed": columns.seed[place],
                "known seed": columns.known_seed[place],
                "reason": table.word(REASONS[total.why_residue] if total.why_residue else None),
                "cause": cause,
                "detail": detail,
                "standing": standing,
            },
        )


def _labels(
    table: _Table, one: FileResult, of_class: int, place: int, packets: NDArray[np.int64], senders: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Cause, detail and standing of one sum of packets of a class, as numbers of words."""
    assert one.labels is not None
    found = np.zeros((3, len(packets)), np.int32)

    def enter(rows: NDArray[np.bool_], label: tuple[Cause, str] | None) -> None:
        if label is not None:
            cause, detail = label
            words = (cause.name, detail or None, cause.standing.name.lower())
            found[:, rows] = np.array([table.word(text) for text in words], np.int32)[:, None]

    for sender in np.unique(senders).tolist():
        key = (of_class, sender, place)
        here = senders == sender
        enter(here, one.labels.rest.get(key))
        for packet, label in one.labels.numbered.get(key, {}).items():
            enter(here & (packets == packet), label)
    return found[0], found[1], found[2]


# Packets.


def _packet_batches(arrow: Any, schema: pa.Schema, result: ReplayResult, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    running = Replay(result.settings)
    told: dict[int, tuple[Leaf, dict[str, Any]]] = {}
    with open_capture(result.file) as capture:
        for block in capture:
            leaves = running.leaves_of(block, result.gathered)[: max(result.packets - block.first + 1, 0)]
            for leaf in leaves:
                if leaf is not None and id(leaf) not in told:
                    told[id(leaf)] = leaf, _of_leaf(leaf, result)
            rows = [_NOT_WALKED if leaf is None else told[id(leaf)][1] for leaf in leaves]
            if rows:
                yield _packet_batch(arrow, schema, block, rows)
            if progress is not None:
                progress(capture)


_NOT_WALKED: Final[dict[str, Any]] = {
    "origin": None,
    "readings": 0,
    "fate": None,
    "end": None,
    "why": "beyond the bound of classes",
    "findings": [],
    "hops": [],
}


def _of_leaf(leaf: Leaf, result: ReplayResult) -> dict[str, Any]:
    """What the packets of one outcome share."""
    found = findings_of_leaf(leaf, result.findings)
    trace = leaf.outcome.readings[0].trace if leaf.outcome.readings else None
    return {
        "origin": str(leaf.outcome.readings[0].origin) if leaf.outcome.readings else None,
        "readings": len(leaf.outcome.readings),
        "fate": trace.fate.value if trace else None,
        "end": trace.hops[-1].where if trace and trace.hops else None,
        "why": trace.why if trace else leaf.outcome.untold or None,
        "findings": sorted({finding.code for finding in found}),
        "hops": sorted({finding.hop for finding in found if finding.hop}),
    }


def _packet_batch(arrow: Any, schema: pa.Schema, block: Block, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    count = len(rows)
    columns: dict[str, Any] = {
        "packet": arrow.array(np.arange(block.first, block.first + count)),
        "time": arrow.array(block.timestamp[:count], arrow.int64()).cast(schema.field("time").type),
        "length": arrow.array(block.original[:count], arrow.int64()),
    }
    for name in ("origin", "fate", "end", "why"):
        columns[name] = arrow.array([row[name] for row in rows], arrow.string()).dictionary_encode()
    columns["readings"] = arrow.array([row["readings"] for row in rows], arrow.int16())
    for name in ("findings", "hops"):
        columns[name] = arrow.array([row[name] for row in rows], schema.field(name).type)
    return arrow.record_batch([columns[field.name] for field in schema], schema=schema)
