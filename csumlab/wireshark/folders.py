"""Where Wireshark keeps a person's settings and looks for extcaps: as the installed tshark says, or as Wireshark's sources do.

Source: Wireshark 4.0 wsutil/filesystem.c get_persconffile_dir_no_profile and extcap.c; ``tshark -G folders``.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which as find_program
from typing import Final

_CONFIGURATION: Final = "Personal configuration"
_EXTCAPS: Final = "Personal Extcap path"
_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Folders:
    """``configuration`` is the personal folder, ``extcap`` where Wireshark looks for the person's own extcaps. ``version`` is the first
    line of tshark --version, "" without a tshark."""

    configuration: Path
    extcap: Path
    version: str


def find_folders() -> Folders:
    """The folders of the person who runs this. Whatever the environment sets (WIRESHARK_CONFIG_DIR) counts."""
    tshark = find_program("tshark")
    said = _said(tshark) if tshark else {}
    configuration = Path(said[_CONFIGURATION]) if _CONFIGURATION in said else _by_rule()
    # Until Wireshark 4.0 the extcaps were in the folder of the settings, and tshark did not name it (extcap.c extcap_load_interface_list).
    extcap = Path(said[_EXTCAPS]) if _EXTCAPS in said else configuration / "extcap"
    return Folders(configuration, extcap, _run(tshark, "--version").partition("\n")[0] if tshark else "")


def _said(tshark: str) -> dict[str, str]:
    """``tshark -G folders`` as names and paths."""
    lines = (line.partition(":") for line in _run(tshark, "-G", "folders").splitlines())
    return {name.strip(): path.strip() for name, _, path in lines if path.strip()}


def _run(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _by_rule() -> Path:
    """Wireshark's own rule where no tshark can be asked."""
    if os.environ.get("WIRESHARK_CONFIG_DIR"):
        return Path(os.environ["WIRESHARK_CONFIG_DIR"])
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", str(Path.home()))) / "Wireshark"
    ours = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "wireshark"
    old = Path.home() / ".wireshark"
    return old if old.is_dir() and not ours.is_dir() else ours
