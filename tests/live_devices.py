"""What the tests of live capture need: a reader of the files that knows nothing but the format, devices to send through, captures that
run while something is sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from csumlab.live import Place, Recorded, Wishes, record
from csumlab.live.namespaces import within

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class Sent:
    """A frame with the virtio_net_hdr it is sent with; ``start`` and ``offset`` are csum_start and csum_offset."""

    frame: bytes
    flags: int = 0
    start: int = 0
    offset: int = 0
    gso_type: int = 0
    gso_size: int = 0

    def packed(self) -> bytes:
        headers = self.start + 20 if self.gso_type else 0
        return struct.pack("=BBHHHH", self.flags, self.gso_type, headers, self.gso_size, self.start, self.offset) + self.frame


@dataclass
class Told:
    """What one packet of a capture tells, read with nothing but the format's description."""

    interface: str
    frame: bytes
    original: int
    flags: int
    comment: str
    numbers: tuple[int, ...]


@dataclass
class Contents:
    """A pcapng file: interfaces as options by code, packets, the statistics of each interface by code."""

    interfaces: list[dict[int, bytes]] = field(default_factory=list)
    linktypes: list[int] = field(default_factory=list)
    packets: list[Told] = field(default_factory=list)
    statistics: dict[str, dict[int, int]] = field(default_factory=dict)

    def name(self, interface: int) -> str:
        return self.interfaces[interface][2].decode()


def options_of(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data):
        code, size = struct.unpack_from("<HH", data, at)
        if code == 0:
            assert at + 4 == len(data), "the options end with the block"
            break
        found[code] = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return found


def contents_of(path: Path) -> Contents:
    data, found, at = path.read_bytes(), Contents(), 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        body = data[at + 8 : at + length - 4]
        if kind == 1:
            found.linktypes.append(int.from_bytes(body[:2], "little"))
            found.interfaces.append(options_of(body[8:]))
        elif kind == 6:
            interface, _, _, kept, original = struct.unpack_from("<5I", body)
            options = options_of(body[20 + kept + -kept % 4 :])
            enterprise, magic, *numbers = struct.unpack("<I8sBBHHHHHI", options[2989])
            assert (enterprise, magic) == (32473, b"csumlab\x01")
            flags = int.from_bytes(options[2], "little")
            told = Told(found.name(interface), body[20 : 20 + kept], original, flags, options.get(1, b"").decode(), tuple(numbers))
            found.packets.append(told)
        elif kind == 5:
            values = {code: int.from_bytes(value, "little") for code, value in options_of(body[12:]).items()}
            found.statistics[found.name(int.from_bytes(body[:4], "little"))] = values
        at += length
    return found


@dataclass(frozen=True)
class Pair:
    """A veth pair between two namespaces: ``near`` in ``here``, ``far`` in ``there``, both as Places."""

    near: Place
    far: Place

    def send(self, *frames_sent: Sent) -> None:
        """Through the near end."""
        with within(self.near.namespace, lambda: _sender(self.near.interface)) as sender:
            for one in frames_sent:
                sender.send(one.packed())


def _sender(interface: str) -> socket.socket:
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
    sender.bind((interface, 0))
    return sender


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def is_running(interface: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking, 0x8913, struct.pack("16s24x", interface.encode()))  # SIOCGIFFLAGS
    return bool(struct.unpack_from("=H", answer, 16)[0] & 0x41 == 0x41)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it did not happen in 5 seconds"
        time.sleep(0.002)


@contextlib.contextmanager
def recording(path: Path, *places: Place, wishes: Wishes | None = None) -> Iterator[list[Recorded]]:
    """Capture while the block runs; afterwards the list has the result."""
    ready, done, results = threading.Event(), threading.Event(), []

    def run() -> None:
        try:
            results.append(record(places, str(path), wishes or Wishes(), stop=done.is_set, started=lambda _: ready.set()))
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(5)
        yield results
    finally:
        done.set()
        thread.join()


def open_tun(name: str, kind: int) -> int:
    """A TUN or TAP device that takes a virtio_net_hdr before each frame, by its open handle."""
    handle = os.open("/dev/net/tun", os.O_RDWR)
    no_information, vnet_header = 0x1000, 0x4000
    fcntl.ioctl(handle, 0x400454CA, struct.pack("16sH22x", name.encode(), kind | no_information | vnet_header))
    return handle


@contextlib.contextmanager
def program(*words: str) -> Iterator[subprocess.Popen[str]]:
    """`csumlab capture` once it listens; killed at the latest at the end."""
    command = [sys.executable, "-m", "csumlab", "capture", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        try:
            assert "capturing on" in process.stderr.readline()
            yield process
        finally:
            process.kill()
