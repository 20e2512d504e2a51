"""What every init program of an image does first and last. Standard library only; it runs as process 1."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

MARKER = "@csumlab"
"""What a line of results on the console begins with."""
_LINE = 900
"""Characters of results on one line."""
_RB_POWER_OFF = 0x4321FEDC
_FINIT_MODULE = 313
"""System call number on x86-64 (Linux arch/x86/entry/syscalls/syscall_64.tbl)."""
_library = ctypes.CDLL(None, use_errno=True)


KERNEL_FILES = (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run"))


def mount(*files: tuple[str, str]) -> None:
    """Mount file systems of the kernel: kind and folder; those that every image has if none is named."""
    for kind, path in files or KERNEL_FILES:
        if _library.mount(kind.encode(), path.encode(), kind.encode(), 0, None):
            raise OSError(ctypes.get_errno(), f"mount {path}")
    os.environ["PATH"] = "/sbin:/bin:/usr/sbin:/usr/bin"


def load_modules(folder: str = "/modules") -> None:
    """Load every module of a folder, in order. One that finds no device, or is there, is not asked again."""
    for path in sorted(Path(folder).glob("*.ko")):
        file = os.open(path, os.O_RDONLY)
        if _library.syscall(_FINIT_MODULE, file, b"", 0):
            print(f"{path.name}: {os.strerror(ctypes.get_errno())}", flush=True)
        os.close(file)


def wait_for(path: str, patience: float = 30) -> None:
    """Wait until a file is there. TimeoutError with its name if it does not come."""
    until = time.monotonic() + patience
    while not os.path.exists(path):
        if time.monotonic() > until:
            raise TimeoutError(path)
        time.sleep(0.05)


def settings(values: dict[str, str]) -> None:
    """Write values to /proc/sys."""
    for name, value in values.items():
        Path("/proc/sys", name).write_text(value)


def plan() -> Any:
    return json.loads(Path("/oracle/plan.json").read_text())


def say(text: str) -> None:
    """A line of progress on the console, with the seconds since the kernel started."""
    print(f"[{time.monotonic():.1f}] {text}", flush=True)


def tell(name: str, result: Any) -> None:
    """Put a result on the console: packed, in numbered lines, each with its own check sum, for other lines may come between."""
    text = base64.b64encode(zlib.compress(json.dumps(result).encode(), 9)).decode()
    parts = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    for number, part in enumerate(parts, 1):
        print(f"\n{MARKER} {name} {number}/{len(parts)} {zlib.crc32(part.encode()):08x} {part}", flush=True)


def end() -> None:
    """Power off."""
    sys.stdout.flush()
    time.sleep(0.2)
    os.sync()
    _library.reboot(_RB_POWER_OFF)
