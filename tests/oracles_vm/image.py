"""Initial file systems with Python, programs and modules, as cpio archives.

The format is "newc" (Linux Documentation/driver-api/early-userspace/buffer-format.rst).
"""

from __future__ import annotations

import lzma
import os
import struct
import subprocess
from pathlib import Path
from typing import Self

from .packages import Packages

_DIRECTORY, _FILE, _LINK, _CHARACTERS = 0o040000, 0o100000, 0o120000, 0o020000
_UNUSED: tuple[str, ...] = (
    "test",
    "idlelib",
    "lib2to3",
    "distutils",
    "ensurepip",
    "pydoc_data",
    "tkinter",
    "turtledemo",
    "unittest",
    "sqlite3",
    "multiprocessing",
)
_UNUSED += (
    "concurrent",
    "dbm",
    "curses",
    "wsgiref",
    "xmlrpc",
    "html",
    "email",
    "http",
    "asyncio",
    "tomllib",
    "zoneinfo",
    "venv",
    "logging",
)
"""Parts of the standard library that no agent imports."""
_EXTENSIONS = ("_ctypes", "_json", "_typing", "_contextvars", "_queue")
HERE = Path(__file__).parent


class Image:
    """Files by path. ``bytes(image)`` is the archive; archives may be written one behind another."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes]] = {}
        self._devices: dict[str, tuple[int, int]] = {}

    def __bytes__(self) -> bytes:
        made = [
            _entry(number, path, mode, data, self._devices.get(path, (0, 0)))
            for number, (path, (mode, data)) in enumerate(self._entries.items(), 1)
        ]
        whole = b"".join(made) + _entry(0, "TRAILER!!!", 0, b"")
        return whole + bytes(-len(whole) % 512)

    def add(self, path: str, data: bytes, mode: int = 0o644) -> Self:
        """A file, with the folders above it."""
        for place in reversed(Path(path).parents):
            if str(place) != ".":
                self._entries.setdefault(str(place), (_DIRECTORY | 0o755, b""))
        self._entries[path] = (_FILE | mode, data)
        return self

    def folder(self, *paths: str) -> Self:
        for path in paths:
            self.add(f"{path}/.keep", b"")
        return self

    def link(self, path: str, target: str) -> Self:
        self._entries[path] = (_LINK | 0o777, target.encode())
        return self

    def programs(self, packages: Packages, *names: str) -> Self:
        """Programs under the paths that they have in their packages, with the libraries they need."""
        libraries = {"ld-linux-x86-64.so.2"}
        for name in names:
            program = packages.program(name)
            self.add(str(program.relative_to(packages.root)), program.read_bytes(), 0o755)
            libraries |= packages.libraries(program)
        self.libraries(packages, *sorted(libraries))
        return self.add("lib64/ld-linux-x86-64.so.2", packages.shared_object("ld-linux-x86-64.so.2").read_bytes(), 0o755)

    def libraries(self, packages: Packages, *names: str) -> Self:
        for name in names:
            self.add(f"lib/x86_64-linux-gnu/{name}", packages.shared_object(name).read_bytes(), 0o755)
        return self

    def python(self, packages: Packages) -> Self:
        """The distribution's Python with its standard library compiled, and the agent."""
        home = max(path for path in (packages.root / "usr/lib").glob("python3.*") if path.is_dir())
        _compile(packages, home)
        self.programs(packages, f"usr/bin/{home.name}").link("python", f"usr/bin/{home.name}")
        for path in sorted(home.rglob("*")):
            inside = path.relative_to(home)
            if inside.parts[0] in _UNUSED or not path.is_file():
                continue
            if "__pycache__" in inside.parts and path.stem.endswith(("opt-1", "opt-2")):
                continue
            if path.suffix in (".py", ".pyc") or path.name.split(".")[0] in _EXTENSIONS:
                self.add(str(path.relative_to(packages.root)), path.read_bytes())
                if path.suffix == ".so":
                    self.libraries(packages, *packages.libraries(path))
        for name in ("__init__", "agent", "boot"):
            self.add(f"oracle/oracles_vm/{name}.py", (HERE / f"{name}.py").read_bytes())
        return self

    def modules(self, packages: Packages, names: tuple[str, ...], folder: str = "modules", *, some: bool = False) -> Self:
        """Kernel modules, numbered in the order in which boot.load_modules loads them; ``some`` as in Packages.modules."""
        self.folder(folder)
        for number, (name, data) in enumerate(packages.modules(names, some=some)):
            self.add(f"{folder}/{number:03d}-{name}", data)
        return self

    def start(self, script: Path) -> Self:
        """The program that the kernel starts. A Python on a kernel without random numbers yet reads /dev/urandom before anything is mounted
        (character device 1, 9: Linux Documentation/admin-guide/devices.txt)."""
        self._entries["dev"] = (_DIRECTORY | 0o755, b"")
        self._entries["dev/urandom"], self._devices["dev/urandom"] = (_CHARACTERS | 0o444, b""), (1, 9)
        return self.folder("dev", "proc", "sys", "run", "tmp", "var/log", "etc").add("init", script.read_bytes(), 0o755)


def unpacked_kernel(packages: Packages) -> bytes:
    """The ELF kernel inside the bzImage (Linux Documentation/arch/x86/boot.rst, payload_offset), so that nobody decompresses it under
    emulation."""
    data = (packages.root / "boot" / f"vmlinuz-{packages.kernel()}").read_bytes()
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = ((data[0x1F1] or 4) + 1) * 512 + offset
    payload = data[start : start + length]
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(payload)
    raise ValueError(f"the kernel is packed in a way that is not known: {payload[:6].hex()}")


def _compile(packages: Packages, home: Path) -> None:
    """Compile the library with its own interpreter, once; a guest under emulation would take seconds for it."""
    if (home / "__pycache__").exists():
        return
    libraries = [str(packages.root / place) for place in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")]
    environment = {**os.environ, "PYTHONHOME": str(packages.root / "usr"), "LD_LIBRARY_PATH": ":".join(libraries)}
    words = [str(packages.shared_object("ld-linux-x86-64.so.2")), str(packages.root / "usr/bin" / home.name)]
    subprocess.run(
        [*words, "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(home)],
        env=environment,
        capture_output=True,
        check=False,
    )


def _entry(number: int, path: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> bytes:
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
