"""The one place that knows numba: compiled clones of the plain functions in kernels.py and capture/walk.py.

A clone is the same code object with other globals: the primitives below instead of the plain ones, other clones instead of the
functions called. numba is imported when :func:`compiled` is first called and not before; without numba everything runs plain.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from csumlab import kernels
from csumlab.capture import walk

COMPILE_SECONDS: Final = 20
"""What to tell a person about the first run. Measured on a machine of 2021."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The compiled entry points; arguments as the plain functions of the same name, arrays instead of lists."""

    sign_packets: Callable[..., None]
    group_packets: Callable[..., int]
    read_columns: Callable[..., None]
    walk_pcap: Callable[..., int]
    walk_pcapng: Callable[..., int]


@cache
def available() -> bool:
    """Whether numba can be found. It is not imported."""
    return importlib.util.find_spec("numba") is not None


def needs_compiling() -> bool:
    """Whether :func:`compiled` will have to compile, which takes about COMPILE_SECONDS: a cheap guess from the cache folder, without numba."""
    folder = _cache_folder()
    return available() and (folder is None or not any(folder.rglob("*.nbc")))


def cache_note() -> str:
    """A sentence when compiled code cannot be kept for the next run, else an empty string."""
    if available() and _cache_folder() is None:
        return "compiled kernels cannot be kept for the next run: no writable folder (set NUMBA_CACHE_DIR to one)"
    return ""


def _bounds_checked() -> bool:
    return os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0")


@cache
def _source_digest() -> str:
    """Names the compiled state of these sources: numba itself looks at the time stamp of one file only."""
    digest = hashlib.sha256(f"{sys.version} {sys.byteorder} {_bounds_checked()}".encode())
    for name in ("kernels.py", "accelerate.py", "capture/walk.py", "headers.py", "facts.py"):
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:16]


def _candidates() -> Iterable[Path]:
    """Where compiled code may be kept: the user's choice, beside the package, the user's cache folder, a private temporary folder."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        yield Path(chosen)
    yield Path(__file__).parent / "__pycache__"
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "csumlab"
    yield Path(tempfile.gettempdir()) / f"csumlab-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


@cache
def _cache_folder() -> Path | None:
    """The first folder that can be written and that nobody else can: compiled code is code."""
    for candidate in _candidates():
        folder = candidate / f"kernels-{_source_digest()}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.stat()
            if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
                continue
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


@cache
def compiled() -> Compiled:
    """Load, or compile and keep, the fast functions. ImportError without numba."""
    import numba
    from numba import types

    folder = _cache_folder()
    chosen = numba.config.CACHE_DIR
    try:
        if folder is not None:
            numba.config.CACHE_DIR = str(folder)
        fast = _clone(kernels, _primitives())
        fast_walk = _clone(walk, {})
        octets = types.Array(types.uint8, 1, "C", readonly=False)
        longs, halves = types.int64[::1], types.int32[::1]
        number = types.int64
        entry = [
            _entry(
                fast["sign_packets"],
                types.void(octets, longs, longs, longs, halves, longs, longs, longs, number, number, number, longs, longs, longs),
            ),
            _entry(
                fast["group_packets"],
                number(longs, longs, number, longs, halves, number, longs, longs, types.int64[:, ::1], halves, longs),
            ),
            _entry(
                fast["read_columns"],
                types.void(octets, longs, longs, longs, number, longs, longs, longs, types.int64[:, ::1], types.int64[:, :, ::1]),
            ),
            _lazy(fast_walk["walk_pcap"]),
            _lazy(fast_walk["walk_pcapng"]),
        ]
    finally:
        numba.config.CACHE_DIR = chosen
    return Compiled(*entry)
