"""Puts frames into network devices in a known checksum state and writes down what every device shows of them.

Runs where only a bare Python is: in an initramfs, in dom0 and its guests, in network namespaces. It uses the standard library only, judges
nothing and knows nothing of csumlab. A *place* is one kernel's network stack: this process's own, a namespace, or another machine's agent.

The state of a frame is what ``struct virtio_net_hdr`` says of it (Linux include/uapi/linux/virtio_net.h), which packet sockets take and
give with PACKET_VNET_HDR (Linux net/packet/af_packet.c packet_snd, packet_rcv_vnet).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

PORT = 5001
"""Where every place listens, UDP and TCP."""
CONTROL_PORT = 7000
"""Where the agent of another machine waits for requests."""
_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_VNET_HDR = 263, 8, 15
_TAGGED = 0x10
"""TP_STATUS_VLAN_VALID."""
_SO_RCVBUFFORCE = 33
_CLONE_NEWNET = 0x40000000
_ARPHRD_ETHER = 1
_HEADER = 10
"""Bytes of struct virtio_net_hdr."""
_NO_SUMS = bytes(_HEADER)
_IP = (b"\x08\x00", b"\x86\xdd", b"\x81\x00")
_SILENCE = 0.25
"""Seconds without a frame at any device after which a step is over."""


class Place(Protocol):
    """One network stack."""

    def request(self, name: str, **arguments: Any) -> Any:
        """Do what the method of Here with this name does, and give its result."""


class Here:
    """A network stack that this process can reach: its own, or that of the namespace at path ``namespace``."""

    def __init__(self, namespace: str = "") -> None:
        self._namespace = namespace
        self._ears: list[tuple[str, socket.socket]] = []
        self._mouths: list[socket.socket] = []
        self._datagrams: list[socket.socket] = []
        self._streams: list[socket.socket] = []

    def request(self, name: str, **arguments: Any) -> Any:
        with self.inside():
            return getattr(self, name)(**arguments)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in this namespace, and afterwards back where it was."""
        if not self._namespace:
            yield
            return
        library = ctypes.CDLL(None, use_errno=True)
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self._namespace, os.O_RDONLY)
        try:
            if library.setns(there, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns", self._namespace)
            yield
        finally:
            library.setns(back, _CLONE_NEWNET)
            os.close(there)
            os.close(back)

    def run(self, command: str) -> str:
        """What the words of ``command`` print when run as a program; raises RuntimeError with it if that fails. Several lines: see
        ``batched``.
        ``sysctl NAME=VALUE`` is done here, for there may be no such program."""
        if command.startswith("sysctl "):
            name, _, value = command.removeprefix("sysctl ").partition("=")
            self.write("/proc/sys/" + name.replace(".", "/"), value)
            return ""
        words, lines = command.split(), ""
        if "\n" in command:
            words, lines = list(BATCHES[words[0]]), "\n".join(line.partition(" ")[2] for line in command.splitlines()) + "\n"
        done = subprocess.run(words, input=lines, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command}: {(done.stdout + done.stderr).strip()}")
        return done.stdout

    def write(self, path: str, text: str) -> None:
        with open(path, "w") as file:
            file.write(text)

    def listen(self, addresses: list[str], sctp: bool = False) -> None:
        """Receive what is sent to PORT of these addresses (all of them bound here), with ``sctp`` by SCTP too; what came before is
        forgotten."""
        for each in (*self._datagrams, *self._streams):
            each.close()
        self._datagrams, self._streams = [], []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            datagrams = socket.socket(family, socket.SOCK_DGRAM)
            datagrams.bind((address, PORT))
            datagrams.setblocking(False)
            self._datagrams.append(datagrams)
            for protocol in (0, socket.IPPROTO_SCTP)[: 1 + sctp]:
                streams = socket.socket(family, socket.SOCK_STREAM, protocol)
                streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                streams.bind((address, PORT))
                streams.listen(64)
                streams.setblocking(False)
                self._streams.append(streams)

    def watch(self, devices: list[str]) -> None:
        """Keep every frame that these devices show from now on."""
        self._ears = []
        for device in devices:
            ear = _packet_socket(device, _ETH_P_ALL)
            try:
                ear.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
            except PermissionError:
                ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._ears.append((device, ear))

    def heard(self) -> list[list[Any]]:
        """What was seen since ``watch``: device, "in" or "out", struct virtio_net_hdr and the packet behind the link layer header, from its
        VLAN tag on if it has one, both in hex, and what is to be taken from csum_start so that it counts from the packet's first byte."""
        found: list[list[Any]] = []
        for device, ear in self._ears:
            for data, where, tag in _drain(ear):
                link = 14 if where[3] == _ARPHRD_ETHER else 0
                frame = data[_HEADER:]
                frame = frame[:12] + tag + frame[12:]
                if link and frame[12:14] not in _IP:
                    continue
                way = "out" if where[2] == socket.PACKET_OUTGOING else "in"
                found.append([device, way, data[:_HEADER].hex(), frame[link:].hex(), link - len(tag)])
        return found

    def inject(self, device: str, frames: list[list[str]]) -> None:
        """Send frames out of ``device``; each is the struct virtio_net_hdr and the frame with its link layer header, in hex. Of what the
        frame carries the kernel is told, as not every driver reads it from the frame (an ipvlan does not). One that the device drops at
        once is lost (NET_XMIT_DROP)."""
        mouth = _packet_socket(device, 0)
        with mouth:
            framed = mouth.getsockname()[3] == _ARPHRD_ETHER
            for header, frame in frames:
                data = bytes.fromhex(frame)
                protocol = int.from_bytes(data[12:14], "big") if framed else 0
                try:
                    mouth.sendto(bytes.fromhex(header or _NO_SUMS.hex()) + data, (device, protocol))
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise

    def say(self, protocol: str, address: str, source: str, payload: str) -> None:
        """Send ``payload`` (hex) to PORT of ``address``, or the port behind ``protocol``, by a socket bound to ``source``."""
        protocol, _, port = protocol.partition(" ")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        mouth = socket.socket(family, kind, socket.IPPROTO_SCTP if protocol == "sctp" else 0)
        mouth.settimeout(2)
        mouth.bind((source, 0))
        self._mouths.append(mouth)
        if protocol == "udp":
            mouth.sendto(bytes.fromhex(payload), (address, int(port or PORT)))
            return
        try:
            mouth.connect((address, int(port or PORT)))
            mouth.sendall(bytes.fromhex(payload))
        except OSError as error:
            if error.errno not in (None, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                raise

    def received(self) -> list[str]:
        """What sockets received since ``listen``, in hex."""
        found: list[str] = []
        for datagrams in self._datagrams:
            found += [data.hex() for data, _, _ in _drain(datagrams)]
        for streams in self._streams:
            while True:
                try:
                    stream, _ = streams.accept()
                except BlockingIOError:
                    break
                with stream:
                    stream.settimeout(0.2)
                    try:
                        found.append(stream.recv(0xFFFF).hex())
                    except OSError:
                        found.append("")
        return found

    def hush(self) -> None:
        """Close what ``watch`` and ``say`` have opened."""
        for each in (*self._mouths, *(ear for _, ear in self._ears)):
            each.close()
        self._mouths, self._ears = [], []

    def counters(self) -> dict[str, int]:
        """Checksum error counters of this stack, by protocol (Linux net/ipv4/proc.c, net/ipv6/proc.c)."""
        found: dict[str, int] = {}
        with open("/proc/thread-self/net/snmp") as file:
            lines = file.read().splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            protocol = names.split(":")[0]
            for name, value in zip(names.split()[1:], values.split()[1:], strict=True):
                if name == "InCsumErrors" and protocol in ("Tcp", "Udp", "Icmp"):
                    found[protocol] = int(value)
        if os.path.exists("/proc/thread-self/net/snmp6"):
            with open("/proc/thread-self/net/snmp6") as file:
                for line in file:
                    name, value = line.split()
                    if name in ("Udp6InCsumErrors", "Icmp6InCsumErrors"):
                        found[name.removesuffix("InCsumErrors")] = int(value)
        return found


class There:
    """The network stack of another machine, whose agent is reached at ``address``."""

    def __init__(self, address: str, patience: float = 60) -> None:
        until = time.monotonic() + patience
        while True:
            try:
                connection = socket.create_connection((address, CONTROL_PORT), 2)
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        connection.settimeout(patience)
        self._lines = connection.makefile("rw")

    def request(self, name: str, **arguments: Any) -> Any:
        self._lines.write(json.dumps([name, arguments]) + "\n")
        self._lines.flush()
        answer = json.loads(self._lines.readline())
        if "error" in answer:
            raise RuntimeError(f"{name}: {answer['error']}")
        return answer["result"]


def serve() -> None:
    """Answer requests for this machine's own stack, one connection after another, for ever."""
    here = Here()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", CONTROL_PORT))
    listener.listen(1)
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                name, arguments = json.loads(line)
                try:
                    answer = {"result": here.request(name, **arguments)}
                except Exception as error:
                    answer = {"error": repr(error)}
                lines.write(json.dumps(answer) + "\n")
                lines.flush()


def perform(places: dict[str, Place], step: dict[str, Any]) -> dict[str, Any]:
    """Run one step and give what was observed. A step is

    ``commands``: [place, command] in order; ``watch``: devices by place; ``listen``: addresses by place;
    ``inject``: [place, device, [[header, frame], ...]]; ``say``: [place, protocol, address, source, payload]; ``sctp``: whether who listens
    does so by SCTP too.

    Observed: ``seen`` and ``received`` by place, ``counters`` by place as differences, ``printed`` what the commands printed.
    """
    printed = [places[place].request("run", command=command) for place, command in batched(step.get("commands", []))]
    time.sleep(step.get("pause", 0))
    for place, addresses in step["listen"].items():
        places[place].request("listen", addresses=addresses, sctp=step.get("sctp", False))
    before = {name: place.request("counters") for name, place in places.items()}
    for place, devices in step["watch"].items():
        places[place].request("watch", devices=devices)
    for place, device, frames in step["inject"]:
        places[place].request("inject", device=device, frames=frames)
    for place, protocol, address, source, payload in step["say"]:
        places[place].request("say", protocol=protocol, address=address, source=source, payload=payload)
    time.sleep(step.get("patience", _SILENCE))
    seen = {place: places[place].request("heard") for place in step["watch"]}
    received = {place: places[place].request("received") for place in step["listen"]}
    for place in places.values():
        place.request("hush")
    after = {name: place.request("counters") for name, place in places.items()}
    moved = {
        name: {key: after[name][key] - value for key, value in counts.items() if after[name][key] != value}
        for name, counts in before.items()
    }
    return {"seen": seen, "received": received, "counters": {name: counts for name, counts in moved.items() if counts}, "printed": printed}


BATCHES = {"ip": ("ip", "-batch", "-"), "tc": ("tc", "-batch", "-"), "nft": ("nft", "-f", "-"), "ipvsadm": ("ipvsadm", "-R")}
"""How programs take their commands from standard input, one on a line."""


def batched(commands: list[list[str]]) -> Iterator[tuple[str, str]]:
    """The same with commands of one of BATCHES that follow each other at one place put together, each on a line: to start a program
    takes an emulator half a second."""
    before: tuple[str, str] | None = None
    for place, command in commands:
        program = command.split()[0]
        if before is not None and before[0] == place and program in BATCHES and before[1].split()[0] == program:
            before = (place, f"{before[1]}\n{command}")
            continue
        if before is not None:
            yield before
        before = (place, command)
    if before is not None:
        yield before


def _packet_socket(device: str, protocol: int) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    made.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    made.bind((device, protocol))
    return made


def _drain(source: socket.socket) -> Iterator[tuple[bytes, Any, bytes]]:
    """Everything that a socket holds: bytes, where from, and the VLAN tag that the kernel took out of the frame (struct tpacket_auxdata,
    Linux include/uapi/linux/if_packet.h)."""
    source.setblocking(False)
    while True:
        try:
            data, told, _, where = source.recvmsg(0x11000, 64)
        except BlockingIOError:
            return
        tag = b""
        for level, kind, auxiliary in told:
            if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack_from("=IIIHHHH", auxiliary)
                tag = struct.pack("!HH", tpid, tci) if status & _TAGGED else b""
        yield data, where, tag
