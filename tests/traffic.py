"""IP packets with a transport sum as it is wanted, and captures of them: what the tests of ``check`` are made of."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from frames import patch

from csumlab.capture import PcapngWriter
from csumlab.checking import CheckResult
from csumlab.groups import Group
from csumlab.headers import Verdict
from csumlab.inet import MODULUS, negate, residue

CLIENT, SERVER, OUTSIDE = "10.0.0.1", "10.0.9.9", "192.0.2.7"
CLIENT_MAC, SERVER_MAC = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"
TCP, UDP = 6, 17
IN, OUT = 1, 2
NOT_READY, VALID, SEGMENTS = 1 << 9, 1 << 10, 1 << 11
START = 10**18
MILLISECOND = 10**6


@dataclass(frozen=True, slots=True)
class Shot:
    """A packet as a capture has it: bytes, milliseconds from the start, interface, epb_flags, bytes on the wire."""

    data: bytes
    at: float | None = None
    interface: int = 0
    flags: int | None = None
    original: int | None = None


def capture(path: Path, shots: Iterable[Shot | bytes], *, linktype: int = 1, names: Sequence[str] = ("",)) -> Path:
    """A pcapng file; packets without a time come 1 ms apart."""
    with PcapngWriter(path) as file:
        for name in names:
            file.add_interface(linktype, name)
        for number, shot in enumerate(shots):
            one = Shot(shot) if isinstance(shot, bytes) else shot
            at = START + int((number if one.at is None else one.at) * MILLISECOND)
            file.write(one.data, interface=one.interface, timestamp_ns=at, original=one.original, flags=one.flags)
    return path


@dataclass(frozen=True, slots=True)
class Make:
    """How a packet is made. ``state``: the sum is good, partial, or this field; ``error`` is added to it. ``seed_length``: the length
    that a partial sum has in its pseudo-header, None for the right one. ``became``: the source address that is put there afterwards,
    without a word to the sum."""

    source: str = CLIENT
    destination: str = SERVER
    ports: tuple[int, int] = (40000, 80)
    protocol: int = TCP
    number: int = 100
    acknowledges: int = 5
    flags: int = 0x18
    identification: int = 0
    ttl: int = 64
    state: str | int = "good"
    error: int = 0
    seed_length: int | None = None
    became: str = ""
    total: int | None = None

    def packet(self, payload: bytes) -> bytes:
        """An IPv4 or IPv6 packet."""
        if self.protocol == TCP:
            words = (*self.ports, self.number, self.acknowledges, 0x50, self.flags, 512, 0, 0)
            body, at = struct.pack("!HHIIBBHHH", *words) + payload, 16
        else:
            body, at = struct.pack("!HHHH", *self.ports, 8 + len(payload), 0) + payload, 6
        addresses = ip_address(self.source).packed + ip_address(self.destination).packed
        seed = residue(addresses) + self.protocol + (len(body) if self.seed_length is None else self.seed_length)
        right = negate((seed + residue(body)) % MODULUS) or MODULUS
        value = self.state if isinstance(self.state, int) else right if self.state == "good" else seed % MODULUS
        body = patch(body, at, (value + self.error) % MODULUS if self.error else value)
        if self.became:
            addresses = ip_address(self.became).packed + ip_address(self.destination).packed
        if len(addresses) == 32:
            return struct.pack("!IHBB", 6 << 28, len(body), self.protocol, self.ttl) + addresses + body
        total = 20 + len(body) if self.total is None else self.total
        header = struct.pack("!BBHHHBBH", 0x45, 0, total, self.identification, 0x4000, self.ttl, self.protocol, 0) + addresses
        return patch(header, 10, negate(residue(header))) + body

    def frame(self, payload: bytes) -> bytes:
        """The same in an Ethernet frame."""
        return framed(self.packet(payload))


def framed(packet: bytes, mac: bytes = CLIENT_MAC) -> bytes:
    return SERVER_MAC + mac + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0") + packet


def tcp(payload: bytes, **how: object) -> bytes:
    """An Ethernet frame with a TCP segment; ``how`` as in :class:`Make`."""
    return replace(Make(), **how).frame(payload)  # type: ignore[arg-type]


def udp(payload: bytes, **how: object) -> bytes:
    return replace(Make(protocol=UDP, ports=(5353, 9999)), **how).frame(payload)  # type: ignore[arg-type]


def answer(acknowledges: int) -> bytes:
    """A bare acknowledgement from the server."""
    way = Make(source=SERVER, destination=CLIENT, ports=(80, 40000), number=5, acknowledges=acknowledges, flags=0x10)
    return framed(way.packet(b""), SERVER_MAC)


def cooked2(packet: bytes, index: int, kind: int) -> bytes:
    """A packet behind the link header of version 2 that captures on "any" have; ``kind`` 0 is to us, 3 to another host, 4 sent by us."""
    return struct.pack("!HHIHBB8s", 0x0800, 0, index, 1, kind, 6, CLIENT_MAC) + packet


def cooked(packet: bytes, kind: int) -> bytes:
    """The same of version 1."""
    return struct.pack("!HHH8sH", kind, 1, 6, CLIENT_MAC, 0x0800) + packet


def pieces(packet: bytes, size: int) -> list[bytes]:
    """An IPv4 packet without options cut into fragments with ``size`` bytes of payload."""
    body, found = packet[20:], []
    for at in range(0, len(body), size):
        part = body[at : at + size]
        word = at // 8 | (0x2000 if at + size < len(body) else 0)
        header = packet[:2] + struct.pack("!H", 20 + len(part)) + packet[4:6] + struct.pack("!H", word) + packet[8:10] + bytes(2)
        header += packet[12:20]
        found.append(patch(header, 10, negate(residue(header))) + part)
    return found


def group(result: CheckResult, name: str) -> Group:
    """The one group with this cause."""
    (found,) = (one for one in result.groups if one.cause.name == name)
    return found


def causes(result: CheckResult) -> dict[str, int]:
    """Checksums by cause."""
    found: Counter[str] = Counter()
    for one in result.groups:
        found[one.cause.name] += one.count
    return dict(found)


def assert_adds_up(result: CheckResult) -> None:
    """Every checksum that is not good is in exactly one group, and none is in a group that is not in the tally."""
    counted = Counter({key: count for key, count in result.tally.items() if key[1] is not Verdict.GOOD})
    grouped: Counter[object] = Counter()
    for one in result.groups:
        if one.verdict is Verdict.GOOD:
            assert one.count <= result.tally[one.kind, one.verdict]
        elif one.kind:
            grouped[one.kind, one.verdict] += one.count
    assert grouped == counted
