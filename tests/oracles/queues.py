"""The program behind an NFQUEUE rule, and the rules that send packets to it (include/uapi/linux/netfilter/nfnetlink_queue.h)."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_interface

from csumlab import programs
from csumlab.classes import headers_of
from csumlab.dissection import dissect_packet
from csumlab.facts import FragmentRole
from csumlab.interpreting import Translation
from csumlab.operations import Rule
from csumlab.outer import MACS
from csumlab.packet import outer_ip, outer_transport
from csumlab.plain.packet import FramePacket
from csumlab.topology.editing import edits
from csumlab.topology.model import Domain, Topology
from csumlab.topology.rules import Edit, Nat

from .namespaces import Untestable

_NETLINK_NETFILTER, _SUBSYSTEM = 12, 3
_PACKET, _VERDICT, _CONFIG, _ERROR = 0, 1, 2, 2
_REQUEST, _ACK = 1, 4
_CFG_COMMAND, _CFG_PARAMETERS, _CFG_MASK, _CFG_FLAGS = 1, 2, 4, 5
_BIND, _COPY_PACKET, _F_GSO = 1, 2, 4
_HEADER, _VERDICT_HEADER, _PAYLOAD, _INFO = 1, 2, 10, 14
_DROP, _ACCEPT = 0, 1
NOT_READY, NOT_VERIFIED = 1, 4
"""NFQA_SKB_CSUMNOTREADY and NFQA_SKB_CSUM_NOTVERIFIED."""


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


@dataclass(frozen=True, slots=True)
class Queued:
    """A packet from its IP header on, as the kernel hands it to a program, with what it says of it (NFQA_SKB_INFO)."""

    number: int
    info: int
    data: bytes


class Queue:
    """One queue of the present namespace. ``unfinished``: packets as they are (NFQA_CFG_F_GSO)."""

    def __init__(self, number: int, *, unfinished: bool) -> None:
        self.number = number
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self._set(_attribute(_CFG_COMMAND, struct.pack("=BBH", _BIND, 0, 0)))
        self._set(_attribute(_CFG_PARAMETERS, struct.pack("!IB", 0xFFFF, _COPY_PACKET)))
        if unfinished:
            self._set(_attribute(_CFG_FLAGS, struct.pack("!I", _F_GSO)) + _attribute(_CFG_MASK, struct.pack("!I", _F_GSO)))
        self.socket.setblocking(False)

    def _send(self, kind: int, flags: int, attributes: bytes) -> None:
        body = struct.pack("!BBH", 0, 0, self.number) + attributes
        self.socket.send(struct.pack("=IHHII", 16 + len(body), _SUBSYSTEM << 8 | kind, _REQUEST | flags, 0, 0) + body)

    def _set(self, attributes: bytes) -> None:
        """Raises Untestable if the kernel refuses."""
        self._send(_CONFIG, _ACK, attributes)
        answer = self.socket.recv(4096)
        kind, code = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
        if kind != _ERROR or code:
            raise Untestable(f"the kernel gives no queue (error {-code})")

    def packets(self) -> Iterator[Queued]:
        """What has come since the last call."""
        while True:
            try:
                message = self.socket.recv(0x20000)
            except BlockingIOError:
                return
            assert struct.unpack_from("=H", message, 4)[0] == _SUBSYSTEM << 8 | _PACKET
            found: dict[int, bytes] = {}
            at, end = 20, struct.unpack_from("=I", message)[0]
            while at < end:
                length, kind = struct.unpack_from("=HH", message, at)
                found[kind & 0x7FFF] = message[at + 4 : at + length]
                at += length + -length % 4
            info = struct.unpack("!I", found[_INFO])[0] if _INFO in found else 0
            yield Queued(struct.unpack_from("!I", found[_HEADER])[0], info, found[_PAYLOAD])

    def decide(self, packet: Queued, accepts: bool, data: bytes | None = None) -> None:
        """``data`` replaces the packet's bytes."""
        verdict = _attribute(_VERDICT_HEADER, struct.pack("!II", _ACCEPT if accepts else _DROP, packet.number))
        self._send(_VERDICT, 0, verdict + (_attribute(_PAYLOAD, data) if data is not None else b""))

    def close(self) -> None:
        self.socket.close()


class Program:
    """A program that behaves as the rule says, behind a queue of its own."""

    def __init__(self, topology: Topology, domain: Domain, rule: Nat | Edit, number: int) -> None:
        self.topology, self.domain, self.rule = topology, domain, rule
        self.words = programs.behaviours(rule.program)
        self.drops = 0
        self.queue = Queue(number, unfinished="takes-unfinished" in self.words)
        for program, words in _matches(rule, number):
            if shutil.which(program) is None:
                raise Untestable(f"{program} is not installed")
            done = subprocess.run([program, "-t", "mangle", *words], capture_output=True, text=True, check=False)
            if done.returncode:
                raise Untestable(f"{program}: {done.stderr.strip()}")

    def work(self) -> None:
        """Decide over everything that waits."""
        for packet in self.queue.packets():
            start = MACS + (b"\x08\0" if packet.data[0] >> 4 == 4 else b"\x86\xdd")
            dissection = dissect_packet(start + packet.data, 1, tables=self.topology.tables)
            frame = FramePacket(packet.data, headers_of(dissection.facts, self.topology))
            if not self._takes(packet, frame):
                self.drops += 1
                self.queue.decide(packet, accepts=False)
                continue
            edit = self._edit(frame)
            if edit == Translation():
                self.queue.decide(packet, accepts=True)
            else:
                self.queue.decide(packet, accepts=True, data=self._edited(packet, frame, edit).data)

    def _takes(self, packet: Queued, frame: FramePacket) -> bool:
        transport, ip = outer_transport(frame.headers), outer_ip(frame.headers)
        if "sums" not in self.words or transport is None or (ip is not None and ip.fragment is not FragmentRole.WHOLE):
            return True
        if transport.layer.name not in ("TCP", "UDP"):
            return True
        if packet.info & NOT_READY and "heeds-owed" in self.words:
            return True
        if not packet.info & (NOT_READY | NOT_VERIFIED) and "heeds-verified" in self.words:
            return True
        return frame.absent(transport.uid) or frame.right(transport.uid)

    def _edit(self, frame: FramePacket) -> Translation:
        rule = self.rule
        alone = Domain(
            self.domain.name,
            devices=self.domain.devices,
            nat=(rule,) if isinstance(rule, Nat) else (),
            edits=(rule,) if isinstance(rule, Edit) else (),
        )
        way = "out" if isinstance(rule, Nat) else rule.way
        found = edits(alone, self.domain.devices[rule.device], way, ("nfqueue",), lambda: frame.headers)
        return next((edit for _, edit, _ in found), Translation())

    def _edited(self, packet: Queued, frame: FramePacket, edit: Translation) -> FramePacket:
        transport, ip = outer_transport(frame.headers), outer_ip(frame.headers)
        assert ip is not None
        if (transport is not None and frame.absent(transport.uid)) or "forgets" in self.words:
            return frame.translate(edit, Rule.LEAVE, Rule.LEAVE)
        if "anew" in self.words and ip.fragment is FragmentRole.WHOLE:
            made = frame.translate(edit, Rule.LEAVE, Rule.LEAVE)
            return made.compute(transport.uid) if transport is not None else made
        if packet.info & NOT_READY and "heeds-owed" in self.words:
            return frame.translate(edit, Rule.PSEUDO, Rule.LEAVE)
        return frame.translate(edit, Rule.FINAL, Rule.FINAL)

    def close(self) -> None:
        self.queue.close()


def _matches(rule: Nat | Edit, number: int) -> Iterator[tuple[str, list[str]]]:
    """The program to call and its words, one for each version of IP that the rule is about."""
    out = isinstance(rule, Nat) or rule.way == "out"
    words = ["-A", "POSTROUTING" if out else "PREROUTING", "-o" if out else "-i", rule.device]
    words += ["-p", rule.protocol] if rule.protocol else []
    source = rule.source if isinstance(rule, Nat) else None
    for version, program in ((4, "iptables"), (6, "ip6tables")):
        if source is None or source.version == version:
            network = ["-s", str(ip_interface((source.low, source.length)).network)] if source is not None else []
            yield program, [*words, *network, "-j", "NFQUEUE", "--queue-num", str(number)]
