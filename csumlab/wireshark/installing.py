"""Put the profile and the extcap where Wireshark looks, and take away just that.

What was installed is written down with its digest. A file that is there and is not what was installed is somebody's own: it stays, and is
named.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

import msgspec

from csumlab.whole import WriteError, write_text
from csumlab.wireshark.folders import Folders

PROFILE: Final = "csumlab"
MANIFEST: Final = "csumlab-installed.json"
EXTCAP: Final = "csumlab-capture"
SOURCES: Final = Path(__file__).parent / "profile"
_SCRIPT: Final = """#!{python}
# Made by csumlab wireshark install.
from csumlab.extcap import main

main()
"""


class What(Enum):
    """What became of one file; the value is how a person reads it."""

    INSTALLED = "installed"
    UPDATED = "updated"
    SAME = "is there already"
    REPLACED = "replaced; what was there is now {}"
    KEPT = "left as it is: you changed it (--force replaces it and keeps yours)"
    REMOVED = "removed"
    FOREIGN = "left: it was changed since it was installed"
    MISSING = "not installed"
    CHANGED = "changed since it was installed"
    OLDER = "of another version; csumlab wireshark install brings it up to date"
    UNABLE = "cannot be written: {}"


@dataclass(frozen=True, slots=True)
class Step:
    """One file and what became of it."""

    path: Path
    what: What
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what.value.format(self.detail)}"

    def to_dict(self) -> dict[str, Any]:
        return {"path": str(self.path), "state": self.what.name.lower(), "detail": self.detail}


def targets(folders: Folders, *, extcap: bool = True) -> Iterator[tuple[Path, str]]:
    """Every file with what it should hold."""
    for source in sorted(SOURCES.iterdir()):
        yield folders.configuration / "profiles" / PROFILE / source.name, source.read_text(encoding="utf-8")
    if extcap and sys.platform == "linux":
        yield folders.extcap / EXTCAP, _SCRIPT.format(python=sys.executable)


def install(folders: Folders, *, force: bool = False, extcap: bool = True) -> list[Step]:
    """Install or bring up to date. ``force`` replaces files that somebody changed, and keeps those beside them."""
    manifest = _Manifest.read(folders)
    steps = []
    for path, text in targets(folders, extcap=extcap):
        step = _put(path, text, manifest, force)
        steps.append(step)
        if step.what in (What.INSTALLED, What.UPDATED, What.REPLACED):
            manifest.files[str(path)] = _digest(text.encode())
    manifest.write()
    return steps


def _put(path: Path, text: str, manifest: _Manifest, force: bool) -> Step:
    present = _read(path)
    if present == text.encode():
        return Step(path, What.SAME)
    own = present is not None and _digest(present) != manifest.files.get(str(path))
    if own and not force:
        return Step(path, What.KEPT)
    kept = path.with_name(f"{path.name}.yours")
    try:
        manifest.make(path.parent)
        if own:
            os.replace(path, kept)
        write_text(path, text)
        if text.startswith("#!"):
            path.chmod(0o755)
    except (OSError, WriteError) as error:
        return Step(path, What.UNABLE, str(getattr(error, "problem", None) or getattr(error, "strerror", None) or error))
    if own:
        return Step(path, What.REPLACED, str(kept))
    return Step(path, What.INSTALLED if present is None else What.UPDATED)


def remove(folders: Folders) -> list[Step]:
    """Remove what was installed and nobody changed; folders only if nothing else is in them."""
    manifest = _Manifest.read(folders)
    steps = []
    for name, digest in list(manifest.files.items()):
        path = Path(name)
        present = _read(path)
        if present is None:
            steps.append(Step(path, What.MISSING))
        elif _digest(present) != digest:
            steps.append(Step(path, What.FOREIGN))
            continue
        else:
            try:
                path.unlink()
            except OSError as error:
                steps.append(Step(path, What.UNABLE, error.strerror or str(error)))
                continue
            steps.append(Step(path, What.REMOVED))
        del manifest.files[name]
    manifest.write()
    return steps


def status(folders: Folders) -> list[Step]:
    """What is installed; nothing is changed."""
    known = _Manifest.read(folders).files
    return [Step(path, _state(_read(path), text, known.get(str(path)))) for path, text in targets(folders)]


def _state(present: bytes | None, text: str, known: str | None) -> What:
    if present is None:
        return What.MISSING
    if present == text.encode():
        return What.SAME
    return What.OLDER if _digest(present) == known else What.CHANGED


@dataclass(slots=True)
class _Manifest:
    """What was installed: ``files`` with their digests by path, and the ``folders`` that were made for them, the outermost first."""

    path: Path
    files: dict[str, str]
    folders: list[str]

    @classmethod
    def read(cls, folders: Folders) -> _Manifest:
        """Empty if there is none, or none that can be read: then no file counts as ours."""
        path = folders.configuration / MANIFEST
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_Stored)
        except (OSError, msgspec.MsgspecError):
            return cls(path, {}, [])
        return cls(path, found.files, found.folders)

    def make(self, folder: Path) -> None:
        """Make a folder, and note which had to be made. Raises OSError."""
        missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
        folder.mkdir(parents=True, exist_ok=True)
        self.folders += (str(one) for one in reversed(missing))

    def write(self) -> None:
        """Write it down, or if nothing is installed any more remove it and the folders that were made and are empty. Raises WriteError."""
        if self.files:
            write_text(self.path, json.dumps({"files": self.files, "folders": self.folders}, indent=2) + "\n")
            return
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        for folder in reversed(self.folders):
            with suppress(OSError):
                os.rmdir(folder)


class _Stored(msgspec.Struct):
    files: dict[str, str]
    folders: list[str] = []


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
