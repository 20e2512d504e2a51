"""What the script printed, cut into sections. Contents may be anything: a fault names the line and the section."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import msgspec

from csumlab.host.script import SCRIPT

HERE: Final = "here"
MAX_BYTES: Final = 64 << 20
"""A dump beyond this is refused; one of a host with a hundred guests has about a megabyte."""
SAVE_SECONDS: Final = 600
_SECTION = re.compile(r"%section ([\w-]+) (here|netns:[\w.-]+|pid:\d+)")
T = TypeVar("T")


class DumpError(Exception):
    """A dump that cannot be used. ``str()`` names file, line where one is known, section, and what is wrong."""

    def __init__(self, name: str, problem: str, line: int = 0, section: str = "") -> None:
        self.name, self.problem, self.line, self.section = name, problem, line, section
        where = name + (f", line {line}" if line else "") + (f", {section}" if section else "")
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class Section:
    """What one program printed at one place. ``line`` is the number of the first line of ``text`` in the dump; ``notes`` are the
    script's own remarks."""

    dump: str
    name: str
    place: str
    line: int
    text: str = ""
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"section {self.name}" + (f" of {self.place}" if self.place != HERE else "")

    @property
    def is_json(self) -> bool:
        return self.text.lstrip()[:1] in ("[", "{")

    def fault(self, problem: str, offset: int = 0) -> DumpError:
        return DumpError(self.dump, problem, self.line + offset, self.title)

    def decode(self, kind: type[T]) -> T:
        """The text as JSON of the shape of a type. DumpError if it is not."""
        try:
            return msgspec.json.decode(self.text, type=kind)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise self.fault(f"not the JSON that was expected: {error}") from None


@dataclass(frozen=True)
class Dump:
    """A whole dump. ``complete`` says that its last line was there."""

    name: str
    sections: Mapping[tuple[str, str], Section]
    complete: bool

    @property
    def places(self) -> tuple[str, ...]:
        """``here`` and every network namespace, in the order of the dump."""
        return tuple(dict.fromkeys((HERE, *(place for place, _ in self.sections))))

    def section(self, name: str, place: str = HERE) -> Section:
        """A section; an empty one if there is none."""
        return self.sections.get((place, name)) or Section(self.name, name, place, 0)


def parse_dump(data: bytes, name: str = "dump") -> Dump:
    """Sections of a dump. What stands before its first line (a banner, the echo of a command) is passed over. Raises DumpError."""
    if len(data) > MAX_BYTES:
        raise DumpError(name, f"longer than {MAX_BYTES >> 20} MiB: this is no dump of a host")
    lines = data.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
    start = next((number for number, line in enumerate(lines) if line.startswith("%csumlab-host ")), None)
    if start is None:
        raise DumpError(name, "no line '%csumlab-host 1': not what the script of `csumlab host script` prints")
    if lines[start].split()[1:] != ["1"]:
        raise DumpError(name, f"format {lines[start][14:34]!r} is not known here; this csumlab reads format 1", start + 1)
    found: dict[tuple[str, str], Section] = {}
    texts: list[str] = []
    current: Section | None = None
    complete = False

    def close() -> None:
        if current is not None:
            found.setdefault((current.place, current.name), replace(current, text="\n".join(texts)))

    for number, line in enumerate(lines[start + 1 :], start + 2):
        if line.startswith("%section "):
            close()
            match = _SECTION.fullmatch(line.rstrip())
            if match is None:
                raise DumpError(name, f"expected '%section NAME PLACE', not {line[:60]!r}", number)
            current, texts = Section(name, match[1], match[2], number + 1), []
        elif line.startswith("%note "):
            if current is not None:
                current = replace(current, notes=(*current.notes, plain(line[6:])))
        elif line.rstrip() == "%end":
            complete = True
            break
        elif line.startswith("%"):
            raise DumpError(name, f"a line cannot begin with {line[:20]!r} here", number, current.title if current else "")
        else:
            texts.append(line.removeprefix(" "))
    close()
    return Dump(name, found, complete)


def read_dump(path: str | os.PathLike[str]) -> Dump:
    """Read a dump from a file. Raises DumpError."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            return parse_dump(file.read(MAX_BYTES + 1), name)
    except OSError as error:
        advice = " (csumlab host save -o FILE makes a dump)" if isinstance(error, FileNotFoundError) else ""
        raise DumpError(name, f"cannot be read: {error.strerror}{advice}") from None


def save_dump(namespaces: Sequence[str] = ()) -> bytes:
    """Run the script on this host. ``namespaces``: only these network namespaces; ("-",) for none. DumpError if there is no shell."""
    try:
        done = subprocess.run(["/bin/sh", "-s", "--", *namespaces], input=SCRIPT.encode(), stdout=subprocess.PIPE, timeout=SAVE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DumpError("this host", f"the script cannot be run: {error}") from None
    return done.stdout


class Notes:
    """Collects what could not be read or has no place in the model, once each."""

    def __init__(self) -> None:
        self.warnings: dict[str, None] = {}

    def warn(self, text: str) -> None:
        self.warnings[plain(text)] = None

    def attempt(self, read: Callable[[Section], T], section: Section, otherwise: T) -> T:
        """What a reader makes of a section; if that fails, a warning and ``otherwise``."""
        try:
            return read(section)
        except DumpError as error:
            self.warn(str(error))
            return otherwise


def number_of(text: Any) -> int:
    """A decimal number of at most ten digits; 0 for anything else."""
    return int(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,10}", text) else 0


def without_zone(text: str) -> str:
    """An address as it may stand in a topology: ``fe80::1%eth0`` with its zone, which may be any text, is a ValueError."""
    if "%" in text:
        raise ValueError(f"{text[:40]!r} has a zone")
    return text


def plain(text: str) -> str:
    """Text that may stand in a comment or on a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:400]
