"""A machine under QEMU without KVM: its console, its network card's wire, and the results that it writes."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .boot import MARKER

QEMU = "qemu-system-x86_64"
_COMMAND = f"nice -n 10 {QEMU} -accel tcg,thread=single -machine pc -smp 1 -display none -monitor none -no-reboot -nic none"
FORWARDED = b"\x88\xb5"
"""EtherType (IEEE 802 local experimental) of a frame that asks the wire to send what it carries: two bytes of length, then a frame."""


class Wire:
    """The other end of the card's cable. Frames that arrive are kept; what FORWARDED asks for is sent back into the card."""

    def __init__(self, model: str, mac: str) -> None:
        self._model, self._mac = model, mac
        self.frames: list[bytes] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self._card: tuple[str, int] = probe.getsockname()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def options(self) -> list[str]:
        """QEMU's options for a card at this wire."""
        port = self._socket.getsockname()[1]
        name = f"wire{port}"
        netdev = f"socket,id={name},udp=127.0.0.1:{port},localaddr=127.0.0.1:{self._card[1]}"
        return ["-netdev", netdev, "-device", f"{self._model},netdev={name},mac={self._mac}"]

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                frame = self._socket.recv(0x11000)
            except TimeoutError:
                continue
            if frame[12:14] == FORWARDED:
                self._socket.sendto(frame[16 : 16 + int.from_bytes(frame[14:16], "big")], self._card)
            else:
                self.frames.append(frame)


def run(options: list[str], console: Path, seconds: float) -> dict[str, Any]:
    """Run QEMU until the machine powers off, and give its results by name. RuntimeError with the end of the console if it does not."""
    console.write_bytes(b"")
    started = time.monotonic()
    process = subprocess.Popen(
        [*_COMMAND.split(), "-serial", f"file:{console}", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        raise RuntimeError(f"the machine did not end within {seconds} s:\n{_last(console)}") from None
    found = results(console.read_text(errors="replace"))
    if process.returncode or "done" not in found:
        raise RuntimeError(f"the machine failed after {time.monotonic() - started:.0f} s ({process.returncode}): {said}\n{_last(console)}")
    return found


def results(text: str) -> dict[str, Any]:
    """The results in a console's text. ValueError if a part of one is missing or garbled."""
    parts: dict[str, dict[int, str]] = {}
    totals: dict[str, int] = {}
    for name, number, total, check, part in re.findall(rf"{MARKER} (\S+) (\d+)/(\d+) ([0-9a-f]{{8}}) (\S+)", text):
        totals[name] = int(total)
        if zlib.crc32(part.encode()) == int(check, 16):
            parts.setdefault(name, {})[int(number)] = part
    found = {}
    for name, total in totals.items():
        missing = [number for number in range(1, total + 1) if number not in parts.get(name, {})]
        if missing:
            raise ValueError(f"of the result {name!r} lines {missing} of {total} are missing or garbled")
        packed = base64.b64decode("".join(parts[name][number] for number in range(1, total + 1)))
        found[name] = json.loads(zlib.decompress(packed))
    return found


@contextmanager
def wire(model: str, mac: str) -> Iterator[Wire]:
    """A wire at a card of this QEMU model."""
    made = Wire(model, mac)
    try:
        yield made
    finally:
        made.close()


def _last(console: Path) -> str:
    return "\n".join(console.read_text(errors="replace").splitlines()[-25:])


def version() -> str:
    """The emulator's own name and version."""
    said = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0]
