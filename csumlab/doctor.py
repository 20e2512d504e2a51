"""What of this machine csumlab can use: libraries, programs, rights; what each missing one would give, and how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final

_TIMEOUT: Final = 5
"""Seconds that a program may take to say its version."""
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_VERSION: Final = re.compile(r"\d+(\.\d+)+\S*|\d{6,}|-ss\d+")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is there or not. ``needed``: csumlab does not work without it. ``gives``: what it is good for; ``get``: the command
    that gets it, "" if it is there or there is none."""

    name: str
    found: bool
    version: str
    needed: bool
    gives: str
    get: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "found": self.found,
            "version": self.version,
            "needed": self.needed,
            "gives": self.gives,
            "get": self.get,
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All parts, in the order in which they are shown."""

    csumlab: str
    machine: str
    parts: tuple[Part, ...]

    @property
    def status(self) -> int:
        """1 if a needed part is missing, else 0."""
        return int(any(part.needed and not part.found for part in self.parts))

    def to_dict(self) -> dict[str, Any]:
        """Stable JSON."""
        return {
            "format": 1,
            "csumlab": self.csumlab,
            "machine": self.machine,
            "status": self.status,
            "parts": [part.to_dict() for part in self.parts],
        }


_LIBRARIES: Final = {
    "click": "the command line",
    "dpkt": "snoop captures",
    "lz4": "captures packed with lz4",
    "zstandard": "captures packed with zstd",
    "msgspec": "topologies and scenarios are read with it",
    "numba": "compiled kernels: millions of packets a second in place of thousands",
    "numpy": "columns of packets",
    "pandas": "frames",
    "rich": "progress bars",
    "scapy": "scenario scripts make packets with it",
    "jinja2": "pages of HTML: reports, styled frames",
    "pyarrow": "--parquet, and frames saved as Parquet (frame.to_parquet)",
    "matplotlib": "plots of frames (frame.plot)",
}
_OPTIONAL: Final = ("jinja2", "pyarrow", "matplotlib")

# Of each program: how it says its version, what it gives, and the package that has it where its name is another (by installer).
_PROGRAMS: Final[dict[str, tuple[tuple[str, ...], str, dict[str, str]]]] = {
    "tcpdump": (("--version",), "filter expressions of csumlab capture", {}),
    "tshark": (("--version",), "a look into annotated captures without a screen; csumlab's own tests hold it against them", {
        "dnf": "wireshark-cli", "pacman": "wireshark-cli", "zypper": "wireshark", "brew": "wireshark",
    }),
    "wireshark": (("--version",), "annotated captures with the profile of csumlab wireshark install", {"pacman": "wireshark-qt"}),
    "ethtool": (("--version",), "csumlab host save reads features of devices; most cures are ethtool commands", {}),
    "ip": (("-V",), "csumlab host save reads devices, routes and namespaces", {"dnf": "iproute"}),
    "nft": (("--version",), "csumlab host save reads nftables rules", {
        "apt-get": "nftables", "dnf": "nftables", "pacman": "nftables", "zypper": "nftables", "apk": "nftables",
    }),
    "iptables-save": (("--version",), "csumlab host save reads iptables rules", {
        "apt-get": "iptables", "dnf": "iptables-nft", "pacman": "iptables", "zypper": "iptables", "apk": "iptables",
    }),
}  # fmt: skip
_LINUX_ONLY: Final = frozenset({"ethtool", "ip", "nft", "iptables-save"})
_PACKAGE: Final = {"ip": "iproute2"}
_INSTALLERS: Final = {
    "apt-get": "apt-get install",
    "dnf": "dnf install",
    "pacman": "pacman -S",
    "zypper": "zypper install",
    "apk": "apk add",
    "brew": "brew install",
}


def diagnose() -> Diagnosis:
    """Look at this machine."""
    parts = (*_python(), *_libraries(), *_kernels(), *_programs(), *_rights())
    return Diagnosis(_version("csumlab") or "not installed", f"{platform.system()} {platform.release()} {platform.machine()}", parts)


def _python() -> Iterator[Part]:
    yield Part("Python", True, platform.python_version(), True, f"{sys.executable}")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _requirements() -> list[str]:
    """What the installed package says that it needs, without extras."""
    try:
        stated = metadata.requires("csumlab") or []
    except metadata.PackageNotFoundError:
        return []
    return [found.group() for text in stated if "extra ==" not in text and (found := _NAME.match(text))]


def _libraries() -> Iterator[Part]:
    needed = _requirements()
    for name in dict.fromkeys((*needed, *_OPTIONAL)):
        version = _version(name)
        get = "" if version else f"{sys.executable} -m pip install {name}"
        yield Part(name, bool(version), version, name in needed, _LIBRARIES.get(name, "a library that csumlab names as needed"), get)


def _kernels() -> Iterator[Part]:
    """Whether the compiled kernels are there and kept."""
    from csumlab.accelerate import COMPILE_SECONDS, available, cache_folder, needs_compiling

    if not available():
        return
    folder = cache_folder()
    gives = f"compiled once, in about {COMPILE_SECONDS} s, and kept"
    if folder is None:
        yield Part("kernel cache", False, "", False, f"{gives}; every run compiles anew", "export NUMBA_CACHE_DIR=$HOME/.cache/numba")
    elif needs_compiling():
        yield Part("kernel cache", True, "empty: the first large capture compiles", False, f"{gives} in {folder}")
    else:
        yield Part("kernel cache", True, "filled", False, f"{gives} in {folder}")


def _programs() -> Iterator[Part]:
    installer = next((name for name in _INSTALLERS if shutil.which(name)), "")
    for name, (ask, gives, packages) in _PROGRAMS.items():
        if name in _LINUX_ONLY and sys.platform != "linux":
            continue
        path = shutil.which(name)
        if path is not None:
            yield Part(name, True, _said([path, *ask]), False, gives)
            continue
        package = packages.get(installer, _PACKAGE.get(name, name))
        get = f"{_INSTALLERS[installer]} {package}" if installer else ""
        yield Part(name, False, "", False, gives, f"sudo {get}" if get and installer != "brew" and _user() != 0 else get)


def _said(command: list[str]) -> str:
    """The version in what a program says of itself, "" if it says none."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return "does not answer"
    found = _VERSION.search((run.stdout + run.stderr).partition("\n")[0])
    return found.group().rstrip(".,)") if found else ""


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else -1


def _rights() -> Iterator[Part]:
    """Whether live capture may open packet sockets."""
    if sys.platform != "linux":
        yield Part("live capture", False, "", False, "csumlab capture and csumlab host save are made for Linux")
        return
    import socket

    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as error:
        command = f"sudo setcap cap_net_raw,cap_net_admin+ep {os.path.realpath(sys.executable)}"
        yield Part("live capture", False, error.strerror or "", False, "csumlab capture; or run it with sudo", command)
    else:
        yield Part("live capture", True, "root" if _user() == 0 else "allowed", False, "csumlab capture")
