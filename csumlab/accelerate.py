"""The one place that knows numba: compiled clones of the plain functions in the package kernels and in capture/walk.py.

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

import numpy as np

from csumlab import facts, headers
from csumlab.capture import walk
from csumlab.crc32c import crc32c
from csumlab.kernels import (
    assembling,
    classes,
    codes,
    datagrams,
    layout,
    link,
    mesh,
    network,
    packet,
    payloads,
    pieces,
    primitives,
    routing,
    steps,
    tags,
    transport,
    tunnels,
    wireless,
)

_KERNELS: Final = (
    *(primitives, layout, codes, steps, wireless, tunnels, tags, network, mesh, link, transport, routing, packet, classes, payloads),
    *(pieces, datagrams, assembling),
)
"""Imports point from right to left; a module on the right may use any name on its left."""
COMPILE_SECONDS: Final = 18
"""What to tell a person about the first run. Measured on two cores of a virtual machine, otherwise idle."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The compiled entry points; arguments as the plain functions of the same name, arrays instead of lists."""

    sign_packets: Callable[..., None]
    group_packets: Callable[..., int]
    read_columns: Callable[..., None]
    hash_payloads: Callable[..., None]
    read_pieces: Callable[..., None]
    assemble: Callable[..., int]
    end_all: Callable[..., None]
    walk_pcap: Callable[..., int]
    walk_pcapng: Callable[..., int]


@cache
def available() -> bool:
    """Whether numba can be found. It is not imported."""
    return importlib.util.find_spec("numba") is not None


def loaded() -> bool:
    """Whether the compiled functions are in this process already, so that using them costs nothing more."""
    return compiled.cache_info().currsize > 0


def needs_compiling() -> bool:
    """Whether :func:`compiled` will compile, for about COMPILE_SECONDS: a cheap guess from the cache folder, without numba."""
    folder = cache_folder()
    return available() and (folder is None or not any(folder.rglob("*.nbc")))


def cache_note() -> str:
    """A sentence when compiled code cannot be kept for the next run, else an empty string."""
    if available() and cache_folder() is None:
        return "compiled kernels cannot be kept for the next run: no writable folder (set NUMBA_CACHE_DIR to one)"
    return ""


def _bounds_checked() -> bool:
    return os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0")


@cache
def _source_digest() -> str:
    """Names the compiled state of these sources: numba itself looks at the time stamp of one file only."""
    digest = hashlib.sha256(f"{sys.version} {sys.byteorder} {_bounds_checked()}".encode())
    for module in (*_KERNELS, walk, headers, facts):
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(Path(__file__).read_bytes())
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
def cache_folder() -> Path | None:
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


def _crc_slices() -> Any:
    """``[k, b]``, uint32: what byte b followed by k zero bytes does to the register of a CRC32c."""
    ones = 0xFFFFFFFF
    return np.array([[crc32c(bytes([value]) + bytes(zeros), ones) ^ ones for value in range(256)] for zeros in range(8)], np.uint32)


def _constants() -> dict[str, Any]:
    """The tables of kernels/primitives.py as arrays."""
    names = ("VERDICTS", "FIELD_PLACES", "ZERO_IS_ABSENT", "HAS_PSEUDO", "DATAGRAM_KINDS", "SHORTEST_HEADERS")
    return {name: np.frombuffer(getattr(primitives, name), np.uint8).astype(np.int64) for name in names}


def _primitives(numba: Any) -> dict[str, Any]:
    """The second definition of each function of kernels/primitives.py: loads through a bare pointer, bounds tested by the caller."""
    from llvmlite import ir
    from numba.extending import intrinsic

    little = sys.byteorder == "little"
    i64 = ir.IntType(64)

    def loader(bits: int, swap: bool) -> Any:
        """A load of ``bits`` at any address, in machine order or with its bytes swapped, as a 64-bit number."""
        integer = ir.IntType(bits)
        result = numba.types.uint64 if bits == 64 and not swap else numba.types.int64

        @intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]
        def load(typing: Any, data: Any, at: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                place = builder.gep(arguments[0], [arguments[1]])
                value = builder.load(builder.bitcast(place, integer.as_pointer()), align=1)
                value = builder.bswap(value) if swap and bits > 8 else value
                return builder.zext(value, i64) if bits < 64 else value

            return result(data, numba.types.int64), generate

        return load

    @intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]
    def pointer(typing: Any, values: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(signature.args[0])(context, builder, arguments[0]).data

        return numba.types.CPointer(values.dtype)(values), generate

    byte = loader(8, False)
    big16, big32, big64 = (loader(bits, little) for bits in (16, 32, 64))
    raw16, raw32, raw64 = (loader(bits, False) for bits in (16, 32, 64))
    factor, shift = np.uint64(primitives.MIX_FACTOR), np.uint64(primitives.MIX_SHIFT)
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)

    def load64(data: Any, at: Any) -> Any:
        return np.int64(np.uint64(big64(data, at)) ^ np.uint64(1 << 63))

    def sum_words(data: Any, start: Any, end: Any) -> Any:
        """Whole 64-bit words first, as two 32-bit halves, which vectorises (2^32 = 1 modulo 0xffff); bytes are swapped once, at the end."""
        total = np.uint64(0)
        words = (end - start) >> 3
        for index in range(words):
            word = raw64(data, start + (index << 3))
            total += (word >> half) + (word & low)
        at = start + (words << 3)
        if (end - start) & 4:
            total += np.uint64(raw32(data, at))
            at += 4
        if (end - start) & 2:
            total += np.uint64(raw16(data, at))
            at += 2
        if (end - start) & 1:
            total += np.uint64(byte(data, at) if little else byte(data, at) << 8)
        folded = np.int64(total % np.uint64(0xFFFF))
        return ((folded & 0xFF) << 8 | folded >> 8) % 0xFFFF if little else folded

    def mix(state: Any, value: Any) -> Any:
        product = (np.uint64(state) ^ np.uint64(value)) * factor
        return np.int64(product ^ (product >> shift))

    slices = _crc_slices()
    ones = np.uint32(0xFFFFFFFF)

    def crc(data: Any, start: Any, end: Any, previous: Any) -> Any:
        """Eight bytes at a time through eight tables."""
        register = np.uint32(previous) ^ ones
        at = start
        while at + 8 <= end:
            first = np.uint32(byte(data, at) | byte(data, at + 1) << 8 | byte(data, at + 2) << 16 | byte(data, at + 3) << 24) ^ register
            register = (
                slices[7, first & 0xFF]
                ^ slices[6, first >> 8 & 0xFF]
                ^ slices[5, first >> 16 & 0xFF]
                ^ slices[4, first >> 24]
                ^ slices[3, byte(data, at + 4)]
                ^ slices[2, byte(data, at + 5)]
                ^ slices[1, byte(data, at + 6)]
                ^ slices[0, byte(data, at + 7)]
            )
            at += 8
        while at < end:
            register = slices[0, (register ^ np.uint32(byte(data, at))) & 0xFF] ^ (register >> 8)
            at += 1
        return np.int64(register ^ ones)

    def crc_blank(previous: Any) -> Any:
        register = np.uint32(previous) ^ ones
        for _ in range(4):
            register = slices[0, register & 0xFF] ^ (register >> 8)
        return np.int64(register ^ ones)

    def remainder(data: Any, start: Any, end: Any, modulus: Any) -> Any:
        """Four bytes at a time: what is left of those before is less than 2^31."""
        left = np.int64(0)
        words = (end - start) >> 2
        for index in range(words):
            left = (left << 32 | np.int64(big32(data, start + (index << 2)))) % modulus
        for at in range(start + (words << 2), end):
            left = (left << 8 | np.int64(byte(data, at))) % modulus
        return left

    compile_lazily = numba.njit(nogil=True, boundscheck=False)
    return {
        "pointer": pointer,
        "load8": byte,
        "load16": big16,
        "load32": big32,
        "load64": compile_lazily(load64),
        "sum_words": compile_lazily(sum_words),
        "mix": compile_lazily(mix),
        "crc": compile_lazily(crc),
        "remainder": compile_lazily(remainder),
        "crc_blank": compile_lazily(crc_blank),
        **_constants(),
    }


def _checked_primitives(numba: Any) -> dict[str, Any]:
    """The primitives by index, so that numba tests every bound: for NUMBA_BOUNDSCHECK=1, where speed is no aim.

    An index below 0 would count from the end and a range that ends before it starts would be empty: both are errors here, since the
    fast definitions read outside then.
    """
    compile_lazily = numba.njit(nogil=True, boundscheck=True)
    slices = _crc_slices()
    ones = np.uint32(0xFFFFFFFF)

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def load8(data: Any, at: Any) -> Any:
        if at < 0:
            raise IndexError("before the first byte")
        return np.int64(data[at])

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def load16(data: Any, at: Any) -> Any:
        return load8(data, at) << 8 | load8(data, at + 1)

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def load32(data: Any, at: Any) -> Any:
        return load16(data, at) << 16 | load16(data, at + 2)

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def load64(data: Any, at: Any) -> Any:
        return (load32(data, at) - (1 << 31)) << 32 | load32(data, at + 4)

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def sum_words(data: Any, start: Any, end: Any) -> Any:
        if start > end:
            raise IndexError("a sum that ends before it starts")
        total = 0
        for at in range(start, end):
            total += load8(data, at) << (0 if (at - start) & 1 else 8)
        return total % 0xFFFF

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def crc(data: Any, start: Any, end: Any, previous: Any) -> Any:
        if start > end:
            raise IndexError("a sum that ends before it starts")
        register = np.uint32(previous) ^ ones
        for at in range(start, end):
            register = slices[0, (register ^ np.uint32(load8(data, at))) & 0xFF] ^ (register >> 8)
        return np.int64(register ^ ones)

    @compile_lazily  # type: ignore[untyped-decorator, unused-ignore]
    def remainder(data: Any, start: Any, end: Any, modulus: Any) -> Any:
        if start > end:
            raise IndexError("a number that ends before it starts")
        left = 0
        for at in range(start, end):
            left = (left << 8 | load8(data, at)) % modulus
        return left

    checked = {function.__name__: function for function in (load8, load16, load32, load64, sum_words, crc, remainder)}
    return _primitives(numba) | checked | {"pointer": compile_lazily(primitives.pointer)}


def _clone(numba: Any, modules: Iterable[ModuleType], exchanged: dict[str, Any]) -> dict[str, FunctionType]:
    """Copies of the plain functions of ``modules`` that see ``exchanged`` and, compiled on first use, one another.

    One copy calls another through a stub that stands for it (numba's overload): that compiles a function once, and not anew for each
    constant that it is called with, and without a wrapper for calls from Python.
    """
    names: dict[str, Any] = {}
    plain: dict[str, FunctionType] = {}
    for module in modules:
        names |= vars(module)
        plain |= {
            name: value for name, value in vars(module).items() if isinstance(value, FunctionType) and value.__module__ == module.__name__
        }
    names |= exchanged
    copies = {name: FunctionType(function.__code__, names, name) for name, function in plain.items() if name not in exchanged}
    options = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    for name, copy in copies.items():
        names[name] = stub = FunctionType(copy.__code__, names, name)
        numba.extending.overload(stub, jit_options=options, strict=False)(lambda *_, copy=copy: copy)
    return copies


@cache
def compiled() -> Compiled:
    """Load, or compile and keep, the fast functions. ImportError without numba."""
    import numba
    import numba.extending
    from numba import types

    folder = cache_folder()
    chosen = numba.config.CACHE_DIR
    keep = folder is not None
    fast = _clone(numba, _KERNELS, _checked_primitives(numba) if _bounds_checked() else _primitives(numba))
    fast_walk = _clone(numba, (walk,), {})
    octets, longs, halves, number = types.uint8[::1], types.int64[::1], types.int32[::1], types.int64
    table = types.int64[:, ::1]
    signatures: dict[str, Any] = {
        "sign_packets": types.void(
            octets, longs, longs, longs, halves, longs, longs, longs, number, number, number, longs, longs, longs, longs
        ),
        "group_packets": number(longs, longs, number, longs, halves, number, longs, longs, table, halves, longs),
        "read_columns": types.void(octets, longs, longs, longs, number, longs, longs, longs, table, types.int64[:, :, ::1]),
        "hash_payloads": types.void(octets, longs, longs, number, longs),
        "read_pieces": types.void(octets, longs, longs, longs, halves, longs, longs, longs, number, longs, longs),
        "assemble": number(
            octets, longs, longs, number, longs, longs, number, number, number, number, longs, longs, longs, longs, octets, longs
        ),
        "end_all": types.void(longs, longs, longs, longs, octets, longs),
        "walk_pcap": number(octets, number, types.boolean, number, number, number, longs, longs, longs, longs, longs),
        "walk_pcapng": number(
            octets, number, types.boolean, number, number, table, number, longs, longs, longs, longs, halves, longs, longs
        ),
    }  # fmt: skip
    try:
        if keep:
            numba.config.CACHE_DIR = str(folder)
        entries = {
            name: numba.njit(signature, nogil=True, cache=keep)((fast if name in fast else fast_walk)[name])
            for name, signature in signatures.items()
        }
    finally:
        numba.config.CACHE_DIR = chosen
    return Compiled(**entries)
