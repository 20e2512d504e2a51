"""What the model says will be seen of a probe: the same walk as everywhere else, over bytes, as lists of what each domain shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Self

import walks
from frames import FIELDS, patch

from csumlab.classes import headers_of
from csumlab.dissection import Checksum, dissect_packet
from csumlab.facts import FragmentRole
from csumlab.headers import KINDS, Layer
from csumlab.inet import negate, residue
from csumlab.outer import Outer, OuterSum
from csumlab.packet import Header, outer_transport
from csumlab.plain.packet import FramePacket
from csumlab.stages.hooks import MIRROR
from csumlab.state import Skb, State, Summed
from csumlab.state import Virtio as VirtioHeader
from csumlab.tables import Tables
from csumlab.topology.model import DeviceKind, Port, Topology
from csumlab.trace import Fate, Hop, Trace
from csumlab.walking.places import Undetermined

from .ports import DATA_VALID, NEEDS_CSUM, Sight, Virtio

_ETHERNET = 14
_CHECKS = ("conntrack", "receive", "gro")
"""The stages in which a kernel may check a sum and remember it."""


@dataclass(frozen=True, slots=True)
class OuterWords:
    """What the model cannot know of headers that a kernel makes: ``head`` is the first word of IPv6, or of IPv4 the bytes 4 to 7 (ID and
    DF, as before it is cut); ``traffic`` is IPv4's second byte; ``macs`` the inner Ethernet addresses."""

    head: bytes
    traffic: int
    hops: int
    port: bytes
    macs: bytes


@dataclass(frozen=True, slots=True)
class SeenPacket(FramePacket):
    """A packet whose outer headers, once it has some, hold the words that the kernel chose. ``known`` has them by outer source and
    destination. All else, every sum above all, is the model's."""

    known: Mapping[tuple[str, str], OuterWords] = field(default_factory=dict)

    def _layout(self) -> tuple[dict[int, int], dict[int, Checksum]]:
        return _laid_out(self.data, self.headers, self.tunnel_ports)

    def _around(self, outer: Outer, payload: bytes, first: Layer | None, how: OuterSum, remote: tuple[int, int] | None) -> Self:
        made = FramePacket._around(self, outer, payload, first, how, remote)
        words = self.known.get((str(outer.source), str(outer.destination)))
        if words is None:
            return made
        data, udp = bytearray(made.data), 20 if outer.version == 4 else 40
        data[udp + 16 : udp + 28] = words.macs
        if outer.version == 4:
            data[1], data[4:8], data[8], data[20:22] = words.traffic, words.head, words.hops, words.port
            data[10:12] = bytes(2)
            data[10:12] = negate(residue(bytes(data[:20]))).to_bytes(2, "big")
        else:
            data[:4], data[7], data[40:42] = words.head, words.hops, words.port
        return replace(made, data=bytes(data))


@lru_cache(4096)
def _laid_out(data: bytes, headers: tuple[Header, ...], ports: tuple[tuple[int, Layer], ...]) -> tuple[dict[int, int], dict[int, Checksum]]:
    """Where the headers and sums of the same bytes are, told once."""
    return FramePacket(data, headers, tunnel_ports=ports)._layout()


def outer_words(sights: Mapping[str, list[Sight]], tables: Tables) -> dict[tuple[str, str], OuterWords]:
    """The words of every encapsulation that was seen, by its addresses; of several sights of one, from before it was forwarded."""
    found: dict[tuple[str, str], OuterWords] = {}
    for sight in (sight for several in sights.values() for sight in several):
        headers = dissect_packet(sight.frame, 1, tables=tables).headers
        outer = next((header.offset for header in headers if header.layer in (Layer.IPV4, Layer.IPV6)), None)
        tunnel = next((header.offset for header in headers if header.layer is Layer.VXLAN), None)
        if tunnel is None or outer is None:
            continue
        ip = sight.frame[outer:]
        six = ip[0] >> 4 == 6
        pair = (ip[8:24], ip[24:40]) if six else (ip[12:16], ip[16:20])
        addresses = (str(ip_address(pair[0])), str(ip_address(pair[1])))
        port, macs = sight.frame[tunnel - 8 : tunnel - 6], sight.frame[tunnel + 8 : tunnel + 20]
        words = OuterWords(ip[:4] if six else ip[4:6] + bytes([ip[6] & 0x40, 0]), ip[1], ip[7] if six else ip[8], port, macs)
        if addresses not in found or found[addresses].hops < words.hops:
            found[addresses] = words
    return found


@dataclass(frozen=True, slots=True)
class Expected:
    """A frame that a device will show, from behind its Ethernet header on. ``verified`` None: either, because the bit also stays from an
    earlier check of the same buffer (skb->csum_valid), which nobody believes later (include/linux/skbuff.h __skb_checksum_validate)."""

    device: str
    way: str
    virtio: Virtio
    verified: bool | None
    data: bytes
    state: State


@dataclass(frozen=True, slots=True)
class Prediction:
    """What will be seen, by domain in order, and where the packet ends: ``fate`` in ``domain`` with ``payload`` given to a program if it
    is accepted. ``copies`` are the ways of its copies."""

    trace: Trace
    seen: Mapping[str, list[Expected]]
    fate: Fate
    domain: str
    kind: str
    payload: bytes
    copies: tuple[Trace, ...] = ()

    @property
    def count(self) -> int:
        return sum(map(len, self.seen.values()))


@dataclass(frozen=True)
class Origin:
    """Where a frame starts and what it carries there; ``state`` None: its kernel makes it, as a reset by which a rule
    ``refuses``, or as any. ``cut_to``: it starts in fragments, which this MTU takes, and each carries the state."""

    topology: Topology
    domain: str
    frame: bytes
    state: State | None
    refuses: bool = False
    cut_to: int = 0

    def case(self, name: str = "") -> walks.Case:
        return walks.Case(name, self.topology, self.domain, self.frame, self.state, self.refuses)


def predictions(origin: Origin, played: Set[str], known: Mapping[tuple[str, str], OuterWords]) -> Iterator[Prediction]:
    """Every walk of the frame: more than one where only a connection table could tell."""
    dissection = dissect_packet(origin.frame, 1, tables=origin.topology.tables)
    headers = headers_of(dissection.facts, origin.topology)
    packet = SeenPacket(
        origin.frame[_ETHERNET:], headers, dissection.facts.long, tunnel_ports=origin.topology.tables.tunnel_ports, known=known
    )
    packet = packet.fragment(origin.cut_to) if origin.cut_to else packet
    todo: list[dict[str, str]] = [{}]
    traces: list[Trace] = []
    while todo:
        choices = todo.pop()
        try:
            traces.append(walks.run(origin.case(), packet, choices))
        except Undetermined as question:
            todo += [{**choices, question.label: option} for option in question.options]
    for trace in traces:
        if not _is_copy(trace):
            yield _shown(trace, [copy for copy in traces if _is_copy(copy)], origin.topology, played)


def _is_copy(trace: Trace) -> bool:
    return any(hop.stage is MIRROR for hop in trace.hops)


def _shown(trace: Trace, copies: Sequence[Trace], topology: Topology, played: Set[str]) -> Prediction:
    """What a trace shows, and the copies of its packet: each is sent before the packet itself goes on."""
    found = [((number, 1), number, domain, one) for number, domain, one in _sights(trace, topology, played)]
    for copy in copies:
        start = next(number for number, hop in enumerate(copy.hops) if hop.stage is MIRROR)
        found += [((start, 0), number, domain, one) for number, domain, one in _sights(copy, topology, played) if number >= start]
    seen: dict[str, list[Expected]] = {}
    for _, _, domain, one in sorted(found, key=lambda entry: entry[:2]):
        seen.setdefault(domain, []).append(one)
    end = trace.hops[-1]
    packet = end.after
    assert isinstance(packet, FramePacket)
    transport = outer_transport(packet.headers)
    kind = KINDS[transport.kind].label if transport else ""
    return Prediction(trace, seen, trace.fate, end.domain, kind, _payload(packet, transport), tuple(copies))


def _sights(trace: Trace, topology: Topology, played: Set[str]) -> Iterator[tuple[int, str, Expected]]:
    """What is seen at each hop, by its number, and in which domain."""
    for number, hop in enumerate(trace.hops):
        domain, _, name = hop.port.partition(":")
        device = topology.device(Port(domain, name)) if name else None
        peer = device.peer if device else None
        if hop.stage.name == "tap-transmit" and peer and peer.domain in played:
            yield number, peer.domain, _read(hop, peer.device)
        if hop.stage.name != "tap" or not hop.way or device is None or hop.after.undivided:
            # A packet socket that asks for a virtio header gets no datagram that was left whole: none can be written for it
            # (include/linux/virtio_net.h virtio_net_hdr_from_skb, net/packet/af_packet.c tpacket_rcv).
            continue
        if domain in played and (domain == trace.origin or hop.way == "out" or peer is None or device.kind is DeviceKind.VIRTIO):
            continue
        checked = any(before.stage.name in _CHECKS for before in trace.hops[:number])
        yield number, domain, _expected(hop, name, domain in played, checked)


def _expected(hop: Hop, device: str, at_tap: bool, checked: bool) -> Expected:
    packet, state = hop.after, hop.state_after
    assert isinstance(packet, FramePacket)
    assert isinstance(state, Skb)
    virtio = Virtio()
    verified: bool | None = None if checked else False
    match state.summed:
        case Summed.PARTIAL if state.start is not None:
            one = packet.sums[state.start]
            virtio, verified = Virtio(NEEDS_CSUM, _ETHERNET + one.start, one.at - one.start), False
        case Summed.UNNECESSARY:
            virtio, verified = Virtio(DATA_VALID), True
        case Summed.COMPLETE:
            verified = True
    if hop.way == "out" or at_tap:
        verified = False
    return Expected(device, hop.way, virtio, verified, packet.data, state)


def _read(hop: Hop, device: str) -> Expected:
    """What the program behind a TAP reads."""
    packet, state = hop.after, hop.state_after
    assert isinstance(packet, FramePacket)
    assert isinstance(state, VirtioHeader)
    virtio = Virtio(DATA_VALID if state.valid else 0)
    if state.needs and state.start is not None:
        one = packet.sums[state.start]
        virtio = Virtio(NEEDS_CSUM, _ETHERNET + one.start, one.at - one.start)
    return Expected(device, "in", virtio, False, packet.data, state)


def _payload(packet: FramePacket, transport: Header | None) -> bytes:
    """What a program gets of a packet that is delivered."""
    if transport is None or transport.layer not in (Layer.TCP, Layer.UDP):
        return b""
    start = packet.offset(transport.uid)
    return packet.data[start + (8 if transport.layer is Layer.UDP else packet.data[start + 12] >> 4 << 2) :]


def unsummed(frame: bytes, tables: Tables) -> bytes:
    """A frame as it was before its sender's kernel saw to its sum: with something in the field that is to be replaced, unless it has no
    sum or is a fragment."""
    found = dissect_packet(frame, 1, tables=tables)
    one = next((one for one in found.sums if one.kind in FIELDS and one.end <= len(frame)), None)
    fragment = any(entry.fragment is not FragmentRole.WHOLE for entry in found.facts.addresses)
    return frame if one is None or fragment or one.field == 0 else patch(frame, one.at, 0x5AA5)
