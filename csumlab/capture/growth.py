"""Whether a capture that ends within a record is still being written, or was cut."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import time
from typing import Any, Final

LATELY: Final = 10.0
"""Seconds after its last write in which a file may still be growing."""


def being_written(stream: Any, least: int) -> bool:
    """Whether ``stream`` is a regular file of at least ``least`` bytes that was written in the last ``LATELY`` seconds, and that a
    program has open for writing as far as can be known: Linux tells the owner of a file, elsewhere the time alone must do."""
    try:
        handle = stream.fileno()
        status = os.fstat(handle)
    except (AttributeError, OSError, ValueError):
        return False
    lately = abs(time.time() - status.st_mtime) <= LATELY
    return stat.S_ISREG(status.st_mode) and status.st_size >= least and lately and not _without_writer(handle)


def _without_writer(handle: int) -> bool:
    """Whether it is certain that nobody has the file open for writing.

    A read lease is only granted then (fcntl(2), "Leases"). It is given back at once; a program that opens the file for writing in
    between waits for that, and the signal that would tell of it is one that is ignored by default.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    set_signal = 10  # F_SETSIG of <fcntl.h>, which the module does not have.
    try:
        fcntl.fcntl(handle, set_signal, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True
