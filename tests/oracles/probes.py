"""The frames that are put in: of each kind, in each state that a sender can hand to a kernel, each with a mark of its own.

A state is what the virtio header says beside the bytes. Neither a TAP nor a packet socket takes DATA_VALID from its user: Linux looks at
NEEDS_CSUM only (include/linux/virtio_net.h virtio_net_hdr_to_skb), so with DATA_VALID nothing is known of the frame, as with no flag.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import frames
from frames import Frame

from csumlab.headers import Kind, Layer
from csumlab.inet import negate, residue
from csumlab.plain.packet import SEGMENT
from csumlab.state import Skb, State, Summed

from .ports import DATA_VALID, GSO_TCPV4, GSO_TCPV6, GSO_UDP, GSO_UDP_L4, NEEDS_CSUM, Virtio
from .sockets import PORT

PARTIAL = Skb(Summed.PARTIAL)
UNKNOWN = Skb()
KINDS = ("tcp", "udp", "ping")
STATES: Mapping[str, str] = {
    "right": "every sum is right",
    "partial": "NEEDS_CSUM, and the field holds the pseudo-header sum",
    "verified": "DATA_VALID, and every sum is right",
    "verified, damaged": "DATA_VALID, and a byte of the payload is not what was summed",
    "damaged": "a byte of the payload is not what was summed",
    "damaged source": "a bit of the source address is not what was summed, and the IPv4 header fits it",
    "partial, damaged": "NEEDS_CSUM, the pseudo-header sum, and a byte of the payload damaged before anybody summed it",
    "partial, finished": "NEEDS_CSUM, but the field holds the finished sum",
    "partial, unseeded": "NEEDS_CSUM, but the field holds 0",
    "pseudo only": "the field holds the pseudo-header sum, and no flag says so",
    "all ones": "the field holds ffff, which is not the sum",
    "none": "the UDP field is 0: no sum",
    "none, damaged": "the UDP field is 0, and a byte of the payload is damaged",
    "wrong IPv4 sum": "the IPv4 header's sum is wrong",
    "trailer": "two bytes follow the IP packet",
    "partial, trailer": "NEEDS_CSUM, the pseudo-header sum, and two bytes follow the IP packet",
    "last hop": "the TTL or hop limit is 1",
    "first fragment": "a first fragment",
    "DF": "right, DF is set, and longer than some link takes",
    "tagged": "a VLAN tag inside the frame",
    "partial, tagged": "a VLAN tag inside the frame, NEEDS_CSUM and the pseudo-header sum",
    "extensions": "an IPv6 extension header",
    "partial, extensions": "an IPv6 extension header, NEEDS_CSUM and the pseudo-header sum",
}
LONG: Mapping[str, str] = {
    "partial, long": "a super-frame: NEEDS_CSUM, and the field holds the pseudo-header sum with the whole length",
    "partial, damaged, long": "the same, and a byte of the payload damaged before anybody summed it",
    "partial, unseeded, long": "a super-frame, NEEDS_CSUM, and the field holds 0",
    "right, long": "a super-frame whose sum is right, and no flag",
    "damaged, long": "a super-frame with a damaged byte, and no flag",
    "none, long": "a super-frame whose UDP field is 0, and no flag",
}
"""Conditions of super-frames, which are cut into segments of SEGMENT bytes; a probe is the first of them. One datagram in a super-frame is
cut into fragments."""
FRAGMENT = {4: 1480, 6: 1448}
"""Bytes of payload in a fragment that Ethernet takes, by IP version."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A frame to put in: ``mark`` finds it again, ``state`` is what the kernel's buffer is then taken to carry. ``ports`` are its own, or
    those of the datagram that an error quotes."""

    kind: str
    condition: str
    mark: bytes
    frame: bytes
    virtio: Virtio
    state: State
    ports: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.kind}, {self.condition}"


_CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "sctp": ("right", "damaged", "pseudo only"),
    "udplite": ("right", "partial", "damaged", "damaged source", "partial, damaged", "pseudo only", "all ones"),
    "error": ("right", "damaged", "pseudo only", "all ones"),
    **dict.fromkeys(("even option", "odd option", "marked"), ("right", "partial", "damaged")),
    **dict.fromkeys(("sip", "trap"), ("right", "partial", "damaged", "partial, damaged", "none", "none, damaged")),
}
"""The conditions that tell something of kinds that a kernel only passes on. The CRC of SCTP has no pseudo-header: its field is then 0.
An option is TCP's MSS, at an even or an odd place; what is marked is UDP in a packet that may be marked with congestion, ECT(0)."""
OPTIONS: Mapping[str, bytes] = {"even option": b"\2\4\5\xb4", "odd option": b"\1\2\4\5\xb4\1\1\1", "tcp": b""}
_ECT0 = 2


def conditions(kind: str, version: int, *, bridged: bool = False, long: bool = False, large: bool = False) -> Iterator[str]:
    """The conditions that a probe of this kind can be in; ``bridged`` says that no IP stack will meet it: a VLAN tag would have it dropped
    there. ``large``: some link does not take it. ``long``: those of super-frames instead, of which Linux takes one of UDP only if its sum
    is owed (include/linux/virtio_net.h)."""
    if long:
        taken = {"tcp": ("partial", "right", "damaged"), "udp": ("partial",), "datagram": ("partial", "right", "damaged", "none")}
        yield from (one for one in LONG if one.startswith(taken.get(kind, ("nothing",))))
        return
    for condition in _CONDITIONS.get(kind, STATES):
        if condition.startswith("none") and kind not in ("udp", *TALK):
            continue
        if condition == "wrong IPv4 sum" and version == 6:
            continue
        if condition == "damaged source" and (kind, version) == ("ping", 4):
            continue
        if condition == "partial, unseeded" and (kind, version) == ("ping", 4):
            continue
        if "tagged" in condition and not bridged:
            continue
        if "extensions" in condition and version == 4:
            continue
        if condition == "first fragment" and version == 6:
            continue
        if condition == "DF" and (version == 6 or not large):
            continue
        yield condition


def made(
    kind: str,
    condition: str,
    number: int,
    macs: tuple[bytes, bytes],
    source: str,
    destination: str,
    ports: tuple[int, int] | None = None,
    size: int = 24,
) -> Probe:
    """One probe. ``number`` makes it unlike all others; ``macs`` are destination and source; ``size`` bytes of payload, 16 or more."""
    version = 6 if ":" in source else 4
    mark = b"csum" + struct.pack("!I", number)
    payload = mark + bytes((number * 7 + n * 3) & 0xFF for n in range(size - 8))
    ports = ports or (20000 + number % 40000, PORT)
    if kind == "error":
        transport = _error(version, payload, ports, destination, source)
    elif kind in TALK:
        transport = _transport("udp", version, TALK[kind](payload, source, ports[0]), number, ports)
    else:
        transport = _transport(kind, version, payload, number, ports)
    frame = _around(transport, condition, version, source, destination, _ECT0 if kind == "marked" else 0)
    data = macs[0] + macs[1] + frame.data[12:]
    plan = next(one for one in frame.sums if one.kind is not Kind.IPV4)
    virtio, state = Virtio(), UNKNOWN
    if condition.startswith("partial"):
        virtio, state = Virtio(NEEDS_CSUM, plan.start, frames.FIELDS[plan.kind]), PARTIAL
        if condition.startswith("partial, unseeded"):
            data = frames.patch(data, plan.at, 0)
        elif condition != "partial, finished":
            data = frames.patch(data, plan.at, residue(plan.pseudo) or (0xFFFF if plan.pseudo else 0))
    if condition.startswith("verified"):
        virtio = Virtio(DATA_VALID)
    if condition == "pseudo only":
        data = frames.patch(data, plan.at, residue(plan.pseudo) or (0xFFFF if plan.pseudo else 0))
        if plan.kind is Kind.SCTP:
            data = frames.patch(data, plan.at + 2, 0)
    if condition == "all ones":
        data = frames.patch(data, plan.at, 0xFFFF)
    if condition.startswith("none"):
        data = frames.patch(data, plan.at, 0)
    if condition.endswith(("damaged", "damaged, long")):
        at = plan.end - 4 if condition.endswith("damaged") else plan.start + 40
        data = data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]
    if condition == "damaged source":
        data = _other_source(data, version)
    if condition == "wrong IPv4 sum":
        data = frames.patch(data, 24, int.from_bytes(data[24:26], "big") ^ 0x1234)
    if condition.endswith("trailer"):
        data += b"\0\x17"
    if condition.endswith("long"):
        sort = {"udp": GSO_UDP_L4, "datagram": GSO_UDP}.get(kind, GSO_TCPV4 if version == 4 else GSO_TCPV6)
        virtio = replace(virtio, cut=FRAGMENT[version] if kind == "datagram" else SEGMENT, sort=sort)
    return Probe(kind, condition, mark, data, virtio, state, ports)


_LOGIN = b"USER anonymous\r\n"


def commanded(probe: Probe, ways: Sequence[tuple[str, str]], macs: Sequence[tuple[bytes, bytes]]) -> Iterator[tuple[int, bytes]]:
    """What goes before a segment of a control connection of FTP, with its way, forth (0) or back: so much that the connection counts as
    established, and a command with an address (RFC 959, PORT). ``ways`` are source and destination, ``macs`` destination and source."""
    source, target = probe.ports
    sequence = int.from_bytes(probe.mark[4:], "big")
    command = f"PORT {ways[0][0].replace('.', ',')},4,1\r\n".encode()
    # The helper looks at a command only behind the end of another line (net/netfilter/nf_conntrack_ftp.c find_nl_seq).
    first, then = sequence - len(command) - len(_LOGIN) & 0xFFFFFFFF, sequence - len(command) & 0xFFFFFFFF
    segments = ((0, first, 9, b""), (1, 9, first, b""), (0, first, 9, _LOGIN), (0, then, 9, command))
    for way, number, acknowledged, payload in segments:
        ports = (source, target) if way == 0 else (target, source)
        header = struct.pack("!HHIIBBHHH", *ports, number, acknowledged, 5 << 4, 0x18 if payload else 0x10, 512, 0, 0)
        packet = frames.ipv4(Frame(payload).inside(header, Layer.TCP, pending=Kind.TCP), *ways[way])
        yield way, macs[way][0] + macs[way][1] + frames.ethernet(packet).data[12:]


def _transport(kind: str, version: int, payload: bytes, number: int, ports: tuple[int, int]) -> Frame:
    if kind in OPTIONS:
        size = 20 + len(OPTIONS[kind])
        header = struct.pack("!HHIIBBHHH", *ports, number & 0xFFFFFFFF, 9, size // 4 << 4, 0x18, 512, 0, 0) + OPTIONS[kind]
        return Frame(payload).inside(header, Layer.TCP, pending=Kind.TCP)
    if kind == "sctp":
        return frames.sctp(payload, ports)
    if kind == "udplite":
        return frames.udplite(payload, ports)
    if kind in ("udp", "marked", "datagram"):
        return Frame(payload).inside(struct.pack("!HHHH", *ports, 8 + len(payload), 0), Layer.UDP, pending=Kind.UDP)
    layer, pending, echo = (Layer.ICMP, Kind.ICMP, 8) if version == 4 else (Layer.ICMPV6, Kind.ICMPV6, 128)
    return Frame(payload).inside(struct.pack("!BBHHH", echo, 0, 0, ports[0], number & 0xFFFF), layer, pending=pending)


def _request(body: bytes, source: str, port: int) -> bytes:
    """A request of SIP that says twice where it comes from (RFC 3261 sections 8.1.1.7, 8.1.1.8)."""
    own = f"{source}:{port}"
    lines = (
        "OPTIONS sip:b@there SIP/2.0",
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK1",
        "From: <sip:a@here>;tag=1",
        "To: <sip:b@there>",
        "Call-ID: 1",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:a@{own}>",
        f"Content-Length: {len(body)}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body


def _trap(body: bytes, source: str, port: int) -> bytes:
    """A trap of SNMP that has the sender's address in it (RFC 3416 section 3, SNMPv2-Trap-PDU)."""

    def part(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    address = part(0x40, bytes(map(int, source.split("."))))
    bindings = b"".join(part(0x30, part(6, b"\x2b\6\1") + value) for value in (address, part(4, body)))
    numbers = part(2, bytes([port & 0x7F])) + part(2, b"\0") + part(2, b"\0")
    return part(0x30, part(2, b"\1") + part(4, b"public") + part(0xA7, numbers + part(0x30, bindings)))


TALK = {"sip": _request, "trap": _trap}
"""Datagrams whose payload names an address: of their bytes, the sender's address over IPv4 and its port."""


def _error(version: int, payload: bytes, ports: tuple[int, int], source: str, destination: str) -> Frame:
    """An error about a datagram that went the other way."""
    upper = Frame(payload).inside(struct.pack("!HHHH", *ports, 8 + len(payload), 0), Layer.UDP, pending=Kind.UDP)
    if version == 4:
        return frames.icmp_error(frames.ipv4(upper, source, destination).data)
    return frames.icmpv6_error(frames.ipv6(upper, source, destination).data)


def _around(transport: Frame, condition: str, version: int, source: str, destination: str, ecn: int) -> Frame:
    if version == 4:
        word = {"first fragment": 0x2000, "DF": 0x4000}.get(condition, 0)
        packet = frames.ipv4(transport, source, destination, fragment=word, ecn=ecn)
    else:
        options = ((60, bytes([0, 0, 1, 4, 0, 0, 0, 0])),) if "extensions" in condition else ()
        packet = frames.ipv6(transport, source, destination, extensions=options, ecn=ecn)
    if condition == "last hop":
        packet = Frame(_last_hop(packet.data, version), packet.layers, packet.sums)
    return frames.ethernet(frames.vlan(packet) if "tagged" in condition else packet)


def _last_hop(data: bytes, version: int) -> bytes:
    if version == 6:
        return data[:7] + b"\1" + data[8:]
    data = frames.patch(data[:8] + b"\1" + data[9:], 10, 0)
    return frames.patch(data, 10, negate(residue(data[:20])))


def _other_source(data: bytes, version: int) -> bytes:
    """The frame with another source address in the same network, and an IPv4 sum that fits it; its transport sum does not follow."""
    if version == 6:
        return data[:37] + bytes([data[37] ^ 0x10]) + data[38:]
    data = frames.patch(data[:29] + bytes([data[29] ^ 0x10]) + data[30:], 24, 0)
    return frames.patch(data, 24, negate(residue(data[14:34])))
