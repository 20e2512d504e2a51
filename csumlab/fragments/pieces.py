"""The pieces of datagrams in packets of a block, as columns."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from csumlab.capture.block import Block
from csumlab.index import WORTH_COMPILING
from csumlab.kernels import assembling, layout
from csumlab.kernels import pieces as k
from csumlab.tables import Tables

Longs = NDArray[np.int64]
_PROCESS_SEED: Final = secrets.randbits(63)


class Functions:
    """The functions of kernels/pieces.py and kernels/assembling.py, plain or compiled, with arguments as these take them.

    ``accelerate``: True compiled, False plain, None compiled from the first WORTH_COMPILING pieces at once on, or where this process has
    them already. Results do not depend on it.
    """

    def __init__(self, accelerate: bool | None) -> None:
        self._accelerate = accelerate
        self._fast: Any = None

    def choose(self, count: int) -> None:
        """``count`` pieces are at hand."""
        if self._fast is not None or self._accelerate is False:
            return
        from csumlab import accelerate

        if self._accelerate or (accelerate.available() and (count >= WORTH_COMPILING or accelerate.loaded())):
            self._fast = accelerate.compiled()

    def read_pieces(self, *arguments: Any) -> None:
        """As in kernels/pieces.py, of arrays."""
        self._call("read_pieces", k.read_pieces, arguments)

    def assemble(self, *arguments: Any) -> int:
        """As in kernels/assembling.py, of arrays."""
        return int(self._call("assemble", assembling.assemble, arguments))

    def end_all(self, *arguments: Any) -> None:
        """As in kernels/assembling.py, of arrays."""
        self._call("end_all", assembling.end_all, arguments)

    def _call(self, name: str, plain: Any, arguments: Sequence[Any]) -> Any:
        if self._fast is not None:
            return getattr(self._fast, name)(*arguments)
        # Plain functions need elements that are Python's numbers: a memoryview has them and writes through.
        return plain(*(memoryview(one) if isinstance(one, np.ndarray) else one for one in arguments))  # type: ignore[arg-type]


class Reader:
    """Reads pieces; ``tables`` as those of :class:`csumlab.index.Index`."""

    def __init__(self, tables: Tables, functions: Functions) -> None:
        self._functions = functions
        self._tables = np.array(tables.flat(), np.int64)

    def read(self, block: Block, rows: Longs) -> Longs:
        """[rows, kernels.pieces.PIECE_SIZE]: what the packets in ``rows`` hold. Never raises for any bytes. ``block`` is one that an Index
        has seen, or lies as one promises."""
        pieces = np.zeros(len(rows) * k.PIECE_SIZE, np.int64)
        self._functions.read_pieces(
            np.require(block.data, np.uint8, ["C", "W"]),
            np.require(block.offset, np.int64, ["C", "W"]),
            np.require(block.captured, np.int64, ["C", "W"]),
            np.require(block.original, np.int64, ["C", "W"]),
            np.require(block.interface, np.int32, ["C", "W"]),
            np.array([interface.linktype for interface in block.interfaces], np.int64),
            np.require(rows, np.int64, ["C", "W"]),
            self._tables,
            _PROCESS_SEED,
            np.zeros(layout.WORK_SIZE, np.int64),
            pieces,
        )
        return pieces.reshape(len(rows), k.PIECE_SIZE)
