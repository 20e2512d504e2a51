"""A program that takes frames from one device by a packet socket and hands them to another one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from csumlab import programs
from csumlab.topology.model import Domain

from . import namespaces
from .namespaces import Untestable
from .ports import DATA_VALID, LONGEST, NEEDS_CSUM, PacketEnd, Virtio
from .rules import finished

_SOL_PACKET, _AUXDATA, _VNET_HEADER, _IGNORE_OUTGOING = 263, 8, 15, 23
_NOT_READY, _VALID = 8, 128
_ETH_P_ALL = 3


class _Port:
    """A packet socket on a device. Without ``header`` nothing but bytes and a status comes in, and bytes go out; with ``raw`` IPv4 goes
    out by a raw socket (IP_HDRINCL)."""

    def __init__(self, device: str, *, header: bool, raw: bool) -> None:
        self.header = PacketEnd(device, receives=True) if header else None
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        self.socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        self.socket.bind((device, 0 if header else _ETH_P_ALL))
        self.socket.setblocking(False)
        self.raw: socket.socket | None = None
        if raw:
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())

    def take(self) -> tuple[Virtio, bytes] | None:
        """The next frame. Where csum_start is, a status does not say: the program knows its protocols."""
        if self.header is not None:
            return self.header.receive()
        try:
            frame, extra, _, _ = self.socket.recvmsg(LONGEST, 256)
        except BlockingIOError:
            return None
        status = struct.unpack_from("=I", extra[0][2])[0]
        start = 34 if frame[12:14] == b"\x08\0" else 54
        udp = frame[start - 11 if start == 34 else 20] == socket.IPPROTO_UDP
        if status & _NOT_READY:
            return Virtio(NEEDS_CSUM, start, 6 if udp else 16), frame
        return Virtio(DATA_VALID if status & _VALID else 0), frame

    def give(self, virtio: Virtio, frame: bytes) -> None:
        if self.raw is not None:
            if frame[12:14] == b"\x08\0":
                self.raw.sendto(frame[14:], (socket.inet_ntoa(frame[30:34]), 0))
        elif self.header is not None:
            self.header.send(virtio, frame)
        else:
            self.socket.send(frame)

    def close(self) -> None:
        if self.header is not None:
            self.header.close()
        if self.raw is not None:
            self.raw.close()
        self.socket.close()


class Relay:
    """The program of a domain with two devices on one bridge, which is not made: it hands on what comes in by the first of them, and what
    the probe's end answers is lost. ``neighbours`` are the hardware addresses of those behind the second, for what is sent by a raw
    socket. Raises Untestable."""

    def __init__(self, domain: Domain, neighbours: Mapping[str, str]) -> None:
        self.domain, self.drops = domain, 0
        self.words = programs.behaviours(domain.program)
        names = [device.name for device in domain.devices.values() if device.bridge]
        if len(names) != 2 or domain.forwarding:
            raise Untestable(f"{domain.name} is a program that does more than bridge two devices")
        for address, mac in neighbours.items():
            commands = (f"route replace {address} dev {names[1]}", f"neigh replace {address} lladdr {mac} dev {names[1]} nud permanent")
            namespaces.ip(list(commands))
        words = self.words
        self.way_in, self.way_out = (_Port(name, header="keeps-header" in words, raw="header-included" in words) for name in names)

    def work(self) -> None:
        """Hand on everything that waits."""
        while (got := self.way_in.take()) is not None:
            virtio, frame = got
            if self.way_out.raw is not None and frame[12:14] == b"\x08\0":
                frame = frame[: 14 + int.from_bytes(frame[16:18], "big")]
            if "keeps-header" not in self.words:
                frame = finished(virtio, frame) if "heeds-owed" in self.words else frame
                virtio = Virtio()
            self.way_out.give(Virtio(virtio.flags & NEEDS_CSUM, virtio.start, virtio.offset, virtio.cut, virtio.sort), frame)

    def close(self) -> None:
        self.way_in.close()
        self.way_out.close()
