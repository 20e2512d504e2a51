"""Files that appear whole or not at all: written beside their target, renamed at the end, gone after an error."""

from __future__ import annotations

import contextlib
import os
import tempfile
from types import TracebackType
from typing import BinaryIO, Self


class WriteError(Exception):
    """A file cannot be written; ``str()`` names it, says why and what to try."""

    def __init__(self, path: str, problem: str, advice: str) -> None:
        self.path, self.problem, self.advice = path, problem, advice
        super().__init__(f"{path}: {problem} ({advice})")


class WholeFile:
    """A binary file that takes its name only once it is complete. Raises WriteError.

    A file that had the name before stays as it was until then, and for good after an error.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        folder = os.path.dirname(self.path) or "."
        if os.path.exists(self.path) and not os.path.isfile(self.path):
            raise WriteError(self.path, "cannot be written: it is there and no regular file", "name a file")
        try:
            handle, self.unfinished = tempfile.mkstemp(prefix=f".{os.path.basename(self.path)}.", dir=folder)
        except OSError as error:
            raise WriteError(self.path, f"cannot be written: {error.strerror}", "check the folder and its permissions") from None
        self.file: BinaryIO = os.fdopen(handle, "wb", buffering=1 << 18)

    def put(self, data: bytes) -> None:
        """Add ``data``."""
        try:
            self.file.write(data)
        except OSError as error:
            raise self._full(error) from None

    def close(self) -> None:
        """Finish the file: only now it is there under its name."""
        if self.file.closed:
            return
        try:
            self.file.close()
            # A temporary file is private; the finished one is as open as any new file of this process.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(self.unfinished, 0o666 & ~mask)
            os.replace(self.unfinished, self.path)
        except OSError as error:
            self.discard()
            raise self._full(error) from None

    def discard(self) -> None:
        """Give up: nothing stays behind."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            os.unlink(self.unfinished)

    def _full(self, error: OSError) -> WriteError:
        return WriteError(self.path, f"cannot be written: {error.strerror or error}", "is there room on the disk?")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text as UTF-8, whole or not at all. Raises WriteError."""
    with WholeFile(path) as file:
        file.put(text.encode())
