"""Reading ahead: the next block is read in a thread while the present one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from csumlab.capture.block import Block
from csumlab.capture.reader import Capture


def ahead(capture: Capture) -> Iterator[Block]:
    """The blocks of ``capture``, each of them still valid while the next is read, as the reader promises for two blocks."""
    block = next(capture, None)
    if block is not None and capture.ended:
        yield block
        return
    with ThreadPoolExecutor(1, "csumlab-read") as thread:
        while block is not None:
            coming = thread.submit(next, capture, None)
            try:
                yield block
            finally:
                following = coming.result()
            block = following
