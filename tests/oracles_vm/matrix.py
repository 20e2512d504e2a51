"""The frames of a recording: each protocol with its checksum in each state that a sender can give it.

Every packet carries its number, in its payload and for TCP as its sequence number, so that it is known again at every device.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from csumlab.crc32c import crc32c
from csumlab.inet import negate, residue

MARK = b"#csl"
"""What a numbered payload begins with; four bytes of number follow."""
PORT = 5001
SEQUENCE, STRIDE = 0x0C510000, 64
"""TCP sequence numbers are this plus the packet's number times STRIDE, which is more than a payload has bytes."""
_CODES = {"tcp": 6, "udp": 17, "udplite": 136, "dccp": 33, "sctp": 132}
_PROTOCOL = {(name, version): code for name, code in _CODES.items() for version in (4, 6)}
_PROTOCOL |= {("icmp", 4): 1, ("icmp", 6): 58}
_FIELD = {"tcp": 16, "udp": 6, "icmp": 2, "udplite": 6, "dccp": 6, "sctp": 8}
_ERROR = 0x1234
_VLAN = b"\x00\x05"
ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd", 0: b"\x81\x00"}
"""By the first half byte of what follows the link layer: an IP version, or a VLAN tag of priority 0."""

HOW = {
    "tcp": ("right", "damaged", "wrong", "stale", "owed", "owed, badly begun", "owed, but right"),
    "udp": ("right", "damaged", "wrong", "stale", "owed", "owed, badly begun", "owed, but right", "absent", "absent, damaged"),
    "icmp": ("right", "damaged", "owed"),
}
"""right; damaged: changed after it was summed; wrong: another sum; stale: the pseudo-header's sum and nobody told; owed: the same, told by
NEEDS_CSUM; badly begun: owed, from a wrong start; absent: a UDP sum of zero."""
CORE = {"tcp": ("right", "damaged", "stale", "owed"), "udp": ("right", "damaged", "stale", "owed", "absent"), "icmp": ("right", "damaged")}
TAGGED = ("tagged, right", "tagged, damaged", "tagged, owed")
FRAGMENTS = ("fragment", "fragment, owed")


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet to be sent from ``place``. Injected out of ``device`` it has ``data`` (from the IP header on) and ``state``: "" or
    ``partial START OFFSET``, both counted from the IP header and from START. Said by a socket it has no data yet, and ``say`` is protocol,
    destination and source."""

    number: int
    what: str
    place: str
    device: str = ""
    data: bytes = b""
    state: str = ""
    say: tuple[str, str, str] | None = None


def payload(number: int, size: int = 21) -> bytes:
    """The numbered payload of a packet."""
    return (MARK + struct.pack("!I", number) + b"checksum oracle, all of it")[:size]


def number_in(data: bytes) -> int | None:
    """The number of the packet whose payload is in ``data``, or None."""
    at = data.find(MARK)
    return struct.unpack_from("!I", data, at + len(MARK))[0] if 0 <= at <= len(data) - len(MARK) - 4 else None


def packet(number: int, protocol: str, how: str, source: str, destination: str) -> tuple[bytes, str]:
    """A packet from its VLAN tag or IP header on, with its state as in Sent."""
    addresses = ip_address(source).packed + ip_address(destination).packed
    version = 4 if len(addresses) == 8 else 6
    tag = how.startswith("tagged, ")
    how = how.removeprefix("tagged, ")
    code, field = _PROTOCOL[protocol, version], _FIELD[protocol]
    segment = bytearray(_segment(number, protocol, version) + payload(number, 21 if number % 2 else 22))
    if how == "owed, giving 0":
        segment[-2:] = bytes(2)
    pseudo = 0
    if protocol != "icmp" or version == 6:
        pseudo = residue(addresses + (struct.pack("!HH", code, len(segment)) if version == 4 else struct.pack("!II", len(segment), code)))
    if how == "owed, giving 0":
        segment[-2:] = negate(residue(bytes(segment)) + pseudo).to_bytes(2, "big")
        pseudo = pseudo or 0xFFFF
    if protocol == "sctp":
        segment[field : field + 4] = crc32c(bytes(segment)).to_bytes(4, "little")
    finished = negate(residue(bytes(segment)) + pseudo) or 0xFFFF
    if how.startswith("absent"):
        value = 0
    elif how in ("right", "damaged", "owed, but right", "fragment"):
        value = finished
    elif how == "wrong":
        value = (finished + _ERROR) % 0xFFFF or 1
    elif how == "owed, badly begun":
        value = (pseudo + _ERROR) % 0xFFFF or 1
    else:
        value = pseudo
    if protocol != "sctp":
        segment[field : field + 2] = value.to_bytes(2, "big")
    if how.endswith("damaged"):
        segment[-1] ^= 0x41
    fragment = 0x2000 if "fragment" in how else 0
    if fragment:
        segment = segment[: len(segment) // 8 * 8]
    if version == 4:
        head = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), number, fragment, 64, code, 0) + addresses)
        head[10:12] = negate(residue(bytes(head))).to_bytes(2, "big")
    else:
        head = bytearray(struct.pack("!IHBB", 6 << 28, len(segment), code, 64) + addresses)
    if tag:
        head[:0] = _VLAN + ETHERTYPES[version]
    return bytes(head + segment), f"partial {len(head)} {field}" if "owed" in how else ""


def injected(first: int, place: str, device: str, source: str, destination: str, hows: Mapping[str, tuple[str, ...]]) -> Iterator[Sent]:
    """Every protocol in every state of ``hows``, numbered from ``first``."""
    number = first
    for protocol, each in hows.items():
        for how in each:
            data, state = packet(number, protocol, how, source, destination)
            yield Sent(number, f"{protocol}, {how}, from {source} to {destination}", place, device, data, state)
            number += 1


def encapsulated(one: Sent, carrier: str, source: str, destination: str) -> Sent:
    """The packet inside another IPv4 packet: ``carrier`` is ipip, gre, "gre, csum" or "gre, wrong csum"."""
    head = b""
    if carrier.startswith("gre"):
        summed = carrier != "gre"
        head = struct.pack("!HH", 0x8000 if summed else 0, 0x0800 if one.data[0] >> 4 == 4 else 0x86DD) + bytes(4 if summed else 0)
        if summed:
            value = negate(residue(head + one.data)) or 0xFFFF
            head = head[:4] + (value if carrier == "gre, csum" else (value + _ERROR) % 0xFFFF or 1).to_bytes(2, "big") + head[6:]
    code = 47 if head else 4 if one.data[0] >> 4 == 4 else 41
    addresses = ip_address(source).packed + ip_address(destination).packed
    outer = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head) + len(one.data), one.number, 0, 64, code, 0) + addresses)
    outer[10:12] = negate(residue(bytes(outer))).to_bytes(2, "big")
    state = one.state
    if state:
        _, start, offset = state.split()
        state = f"partial {int(start) + len(outer) + len(head)} {offset}"
    return replace(one, what=f"{one.what}, in {carrier}", data=bytes(outer) + head + one.data, state=state)


def in_vxlan(one: Sent, source: str, destination: str) -> Sent:
    """The packet in VXLAN over IPv4 whose outer UDP sum is absent (RFC 7348 section 5)."""
    frame = bytes.fromhex("020000000b01020000000b02") + ETHERTYPES[one.data[0] >> 4] + one.data
    head = struct.pack("!HHHHII", 20000 + one.number, 4789, 16 + len(frame), 0, 8 << 24, 7 << 8)
    addresses = ip_address(source).packed + ip_address(destination).packed
    outer = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head) + len(frame), one.number, 0, 64, 17, 0) + addresses)
    outer[10:12] = negate(residue(bytes(outer))).to_bytes(2, "big")
    _, start, offset = one.state.split()
    state = f"partial {int(start) + len(outer) + len(head) + 14} {offset}"
    return replace(one, what=f"udp, absent, around {one.what}", data=bytes(outer) + head + frame, state=state)


def said(first: int, place: str, source: str, destination: str, protocols: tuple[str, ...] = ("udp", "tcp")) -> Iterator[Sent]:
    """What a socket sends; a protocol may have another port than PORT behind it."""
    for number, protocol in enumerate(protocols, first):
        yield Sent(number, f"{protocol} socket, from {source} to {destination}", place, say=(protocol, destination, source))


def untagged(data: bytes) -> bytes:
    """The packet without its VLAN tag."""
    return data[4:] if data[0] >> 4 == 0 else data


def header_of(state: str, link: int) -> bytes:
    """struct virtio_net_hdr for a state, when a link layer header of ``link`` bytes is in front (native byte order)."""
    if not state:
        return bytes(10)
    start, offset = (int(word) for word in state.split()[1:])
    return struct.pack("=BBHHHH", 1, 0, 0, 0, start + link, offset)


def state_of(header: bytes, link: int) -> str:
    """The state that struct virtio_net_hdr tells: "", ``partial START OFFSET`` or "valid" (VIRTIO_NET_HDR_F_DATA_VALID)."""
    flags, _, _, _, start, offset = struct.unpack("=BBHHHH", header)
    if flags & 1:
        return f"partial {start - link} {offset}"
    return "valid" if flags & 2 else ""


def _segment(number: int, protocol: str, version: int) -> bytes:
    """The transport header with a field of zero. TCP asks a closed port for a connection: refused only if the sum is right."""
    match protocol:
        case "tcp":
            return struct.pack("!HHIIBBHHH", 20000 + number, PORT - 1, SEQUENCE + STRIDE * number, 0, 5 << 4, 0x02, 0xFFFF, 0, 0)
        case "udp" | "udplite":
            return struct.pack("!HHHH", 20000 + number, PORT, 8 + (21 if number % 2 else 22), 0)
        case "dccp":  # a request with its service code (RFC 4340 section 5.2)
            return struct.pack("!HHBBHBBHII", 20000 + number, PORT, 5, 0, 0, 1, 0, 0, number, 0)
        case "sctp":  # a DATA chunk (RFC 9260 section 3.3.1) of an association that nobody has
            size = 16 + (21 if number % 2 else 22)
            return struct.pack("!HHIIBBHIHHI", 20000 + number, PORT, number, 0, 0, 3, size, number, 0, 0, 0)
        case _:
            return struct.pack("!BBHHH", 8 if version == 4 else 128, 0, 0, number, 1)
