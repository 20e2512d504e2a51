"""Distribution packages, downloaded and unpacked into a folder of their own; nothing is installed on this machine."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FOLLOWED = re.compile(r"^(lib|python3|zlib1g|xen-hypervisor-\d|xen-utils-\d|linux-image-\d)")
"""Dependencies that are needed to run a program from an image that has no package manager."""
_LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/systemd")
_PROGRAMS = ("bin", "sbin", "usr/bin", "usr/sbin")
_NEEDED, _STRING_TABLE = 1, 5
"""DT_NEEDED and DT_STRTAB (System V ABI, dynamic section)."""


def folder() -> Path:
    """Where packages and images are kept between runs: $CSUMLAB_VM, or csumlab-vm in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    made = Path(os.environ.get("CSUMLAB_VM") or Path(cache) / "csumlab-vm")
    made.mkdir(parents=True, exist_ok=True)
    return made


@dataclass(frozen=True)
class Archive:
    """A release of a distribution ("" is this machine's own), and where this machine has no key to its signatures the SHA-256 of each
    package file."""

    distribution: str
    name: str
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The archive for sources.list(5)."""
        trust = "arch=amd64 trusted=yes" if self.digests else f"signed-by=/usr/share/keyrings/{self.distribution}-archive-keyring.gpg"
        return f"deb [{trust}] {_mirror(self.distribution)} {self.name} main"

    def options(self) -> tuple[str, ...]:
        """Options that have apt know this archive and no other. Its lists are fetched the first time."""
        place = folder() / "archives" / self.name
        options = tuple(
            word
            for name, value in (
                ("Etc::sourcelist", place / "sources.list"),
                ("Etc::sourceparts", place / "none"),
                ("State::lists", place / "lists"),
                ("Cache", place / "cache"),
            )
            for word in ("-o", f"Dir::{name}={value}")
        )
        if not (place / "fetched").exists():
            for each in ("none", "lists/partial", "cache/archives/partial"):
                (place / each).mkdir(parents=True, exist_ok=True)
            (place / "sources.list").write_text(f"{self.line}\n")
            _run("apt-get", *options, "update")
            (place / "fetched").touch()
        return options

    def verify(self, path: Path) -> None:
        """ValueError if the file is not the one that is named here."""
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if self.digests and found != self.digests.get(path.name):
            raise ValueError(f"{path.name} has the SHA-256 {found}, which {self.name} does not name")


def _mirror(distribution: str) -> str:
    """Where packages of a distribution are: as $CSUMLAB_MIRROR_DEBIAN and the like say, else where this machine has its own from."""
    variable = f"CSUMLAB_MIRROR_{distribution.upper()}"
    known = (uri.rstrip("/") for uri in _run("apt-get", "indextargets", "--format", "$(REPO_URI)").splitlines())
    found = os.environ.get(variable) or next((uri for uri in known if uri.endswith(f"/{distribution}")), "")
    if not found:
        raise RuntimeError(f"say where packages of {distribution} are: {variable}=http://HOST/{distribution}")
    return found


HERE = Archive("", "")
"""This machine's distribution, as apt is set up."""


class Packages:
    """The packages ``roots`` and, of this machine's distribution, what they need, unpacked. ``versions`` by name of package."""

    def __init__(self, roots: tuple[str, ...], archive: Archive = HERE) -> None:
        self.root = folder() / ("root" + (f"-{archive.name}" if archive.name else ""))
        self.versions: dict[str, str] = {}
        downloads = folder() / "packages"
        downloads.mkdir(exist_ok=True)
        options = archive.options() if archive.name else ()
        names = roots if archive.name else sorted(_closure(roots))
        files = _files(options, names)
        missing = [name for name, file in files.items() if not (downloads / file).exists()]
        if missing:
            _run("apt-get", *options, "download", *missing, at=downloads)
        for name, file in files.items():
            archive.verify(downloads / file)
            self.versions[name] = file.split("_")[1].replace("%3a", ":")
            mark = self.root / ".unpacked" / file
            if not mark.exists():
                _run("dpkg", "-x", str(downloads / file), str(self.root))
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()

    def program(self, name: str) -> Path:
        """A program by its name or its path. FileNotFoundError if no package has it."""
        places = [self.root / name, *(self.root / place / name for place in _PROGRAMS)]
        return next((place for place in places if place.is_file()), None) or self._missing(name)

    def shared_object(self, name: str) -> Path:
        return next((self.root / place / name for place in _LIBRARIES if (self.root / place / name).exists()), None) or self._missing(name)

    def libraries(self, program: Path) -> set[str]:
        """The names of the shared libraries that a program needs, and those that these need."""
        found: set[str] = set()
        todo = list(needed(program.read_bytes()))
        while todo:
            name = todo.pop()
            if name not in found and not name.startswith("ld-linux"):
                found.add(name)
                todo += needed(self.shared_object(name).read_bytes())
        return found

    def run(self, name: str, *words: str, text: str = "") -> str:
        """What a program of the packages prints, run on this machine with its own libraries."""
        libraries = ":".join(str(self.root / place) for place in _LIBRARIES)
        command = [str(self.shared_object("ld-linux-x86-64.so.2")), "--library-path", libraries, str(self.program(name)), *words]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout

    def kernel(self) -> str:
        """The version of the kernel, as ``uname -r`` says it."""
        return max(path.name for path in (self.root / "lib/modules").iterdir())

    def modules(self, names: tuple[str, ...], *, some: bool = False) -> list[tuple[str, bytes]]:
        """Kernel modules with what they depend on, in the order of loading: name and contents. One that is built in is left out; with
        ``some`` one that this kernel does not have too, else that is a RuntimeError."""
        version = self.kernel()
        if not (self.root / "lib/modules" / version / "modules.dep.bin").exists():
            _run("depmod", "-b", str(self.root), version)
        found: dict[str, bytes] = {}
        for name in names:
            try:
                printed = _run("modprobe", "-d", str(self.root), "-S", version, "--show-depends", name)
            except RuntimeError:
                if some:
                    continue
                raise
            for line in printed.splitlines():
                verb, _, path = line.partition(" ")
                if verb == "insmod":
                    file = Path(path.split()[0])
                    found.setdefault(
                        file.name.removesuffix(".xz"), lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()
                    )
        return list(found.items())

    def _missing(self, name: str) -> Path:
        raise FileNotFoundError(f"{name} is in none of the packages {', '.join(self.versions)}")


def newest(pattern: str, archive: Archive = HERE) -> str:
    """The name of the newest package whose name matches ``pattern``, by the numbers in it. LookupError if there is none."""
    options = archive.options() if archive.name else ()
    names = [line.split()[0] for line in _run("apt-cache", *options, "search", "--names-only", pattern).splitlines()]
    if not names:
        raise LookupError(f"the distribution has no package {pattern}")
    return max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def needed(data: bytes) -> Iterator[str]:
    """The DT_NEEDED entries of a 64-bit little-endian ELF file."""
    if data[:6] != b"\x7fELF\x02\x01":
        return
    first, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, first + number * size) for number in range(count)]
    loaded = [(address, offset, length) for kind, _, offset, address, _, length, _, _ in segments if kind == 1]
    for kind, _, offset, _, _, length, _, _ in segments:
        if kind != 2:
            continue
        entries = [struct.unpack_from("<QQ", data, at) for at in range(offset, offset + length, 16)]
        address = next(value for tag, value in entries if tag == _STRING_TABLE)
        table = next(at + address - start for start, at, extent in loaded if start <= address < start + extent)
        for tag, value in entries:
            if tag == _NEEDED:
                yield data[table + value : data.index(b"\0", table + value)].decode()


def _closure(roots: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    todo = set(roots)
    while todo:
        found |= todo
        printed = _run("apt-cache", "depends", *sorted(todo))
        names = {line.split()[-1] for line in printed.splitlines() if line.lstrip().startswith(("Depends:", "PreDepends:"))}
        todo = {name for name in names if _FOLLOWED.match(name)} - found
    return found


def _files(options: tuple[str, ...], names: Sequence[str]) -> dict[str, str]:
    """The file that apt would download for each package."""
    found = {}
    for line in _run("apt-get", *options, "download", "--print-uris", *names).splitlines():
        file = line.split()[1]
        found[file.split("_")[0]] = file
    return found


def _run(*words: str, at: Path | None = None) -> str:
    done = subprocess.run(words, capture_output=True, text=True, cwd=at, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
