"""What captures at the other hops would have shown of one packet: it is walked as bytes from its sender through the capture point on.

From the capture point on the walk goes on with the captured bytes. What was before it is shown only if the walk brings exactly the
captured bytes to the capture point; what nobody can know is left out with the reason, or made up and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from csumlab.annotate.replies import Replier, destination_port, source_of
from csumlab.annotate.tracked import OUTER_UNKNOWN, TrackedPacket, outer_words
from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, HAS_FLAGS, INBOUND, OUTBOUND, SEGMENTATION_OFFLOAD
from csumlab.classes import Made, headers_of, may_be, shape
from csumlab.dissection import Dissection
from csumlab.facts import FragmentRole
from csumlab.headers import KINDS, Layer, Link
from csumlab.inet import MODULUS
from csumlab.interpreting import Packet
from csumlab.operations import Operation
from csumlab.outcome import Settings
from csumlab.outer import ETHERTYPES
from csumlab.packet import ANY_PORT, Header, outer_ip, outer_transport
from csumlab.rewriting import ADDRESS_PLACES
from csumlab.sources import Reading, recorded_way, walker
from csumlab.stage import Part
from csumlab.state import Bare, Claim, State, owed, project
from csumlab.topology.model import Port, Topology
from csumlab.trace import TAP, Hop, Trace
from csumlab.walking.places import Misfit, Observation, Undetermined

_ETHERNET_BYTES = 14
MADE_UP_MACS = "the Ethernet addresses"
TRAILER = "what stands behind the IP packet"
BEFORE = "what it was before a translation"
SEALED = "it is inside an encrypted tunnel"
CUT = "it was cut by the snap length, so what it becomes cannot be computed"
NOT_WALKED = "no sender in the topology fits it"
OTHER_BYTES = "the walk from its sender brings other bytes to the capture point"
IN_DATAGRAM = "it was put together with the other fragments of its datagram on the way, which are other packets"
IN_PIECES = "it left in a tunnel's packet that was cut into fragments, and the others are other packets"
NO_ETHERNET = "what its link layer looks like is not known"


@dataclass(frozen=True, slots=True)
class Sight:
    """The packet at one port. ``hop`` is its place in the trace, -1 if there is none; ``made_up`` names what in ``data`` nobody can know;
    ``offset`` is where its first VLAN tag or IP header starts; ``packet`` has headers and sums, None if it was not walked."""

    port: Port
    way: str
    linktype: int
    data: bytes
    state: State
    hop: int
    offset: int
    packet: TrackedPacket | None
    made_up: tuple[str, ...] = ()
    is_tap: bool = False


@dataclass(frozen=True, slots=True)
class Captured:
    """A packet of the capture. ``flags`` as in a Block's column."""

    number: int
    data: bytes
    original: int
    linktype: int
    flags: int
    dissection: Dissection

    @property
    def cut(self) -> bool:
        return self.original > len(self.data)


@dataclass(frozen=True, slots=True)
class Sights:
    """All sights of one packet in the order of its way, the one at the capture point as captured; ``hidden`` are ports that it passes where
    it cannot be shown, with the reason. ``trace`` None: it was not walked."""

    shown: tuple[Sight, ...]
    hidden: tuple[tuple[Port, str], ...]
    trace: Trace | None


def sights(one: Captured, reading: Reading | None, settings: Settings) -> Sights:
    """Walk a packet by a reading of its class (None if no sender fits it)."""
    if reading is None:
        return Sights((_as_captured(one, settings, Bare(), -1, ""),), (), None)
    told = [(hop, number) for number, hop in enumerate(reading.trace.hops) if hop.stage is TAP]
    if one.cut:
        return _only_here(one, reading.trace, settings, told, CUT)
    headers = headers_of(one.dissection.facts, settings.topology)
    first = reading.origin.headers[0]
    if first.index < 0 or headers[0].layer not in ETHERTYPES:
        return _only_here(one, reading.trace, settings, told, NO_ETHERNET)
    if any(header.fragment is not FragmentRole.WHOLE and header.index < first.index for header in headers if header.is_ip):
        return _only_here(one, reading.trace, settings, told, IN_PIECES)
    walk = ByteWalk(one, reading, settings, headers)
    trace = walk.run()
    if trace is None:
        return _only_here(one, reading.trace, settings, told, OTHER_BYTES)
    shown: list[Sight] = []
    hidden: list[tuple[Port, str]] = []
    behind = _behind_reassembly(reading.trace)
    for sight, why in _along(one, trace, walk, settings):
        if isinstance(sight, Sight) and sight.port in behind and not sight.is_tap:
            hidden.append((sight.port, IN_DATAGRAM))
        elif isinstance(sight, Sight):
            shown.append(sight)
        else:
            hidden.append((sight, why))
    return Sights(tuple(shown), tuple(hidden), trace)


def _behind_reassembly(trace: Trace) -> set[Port]:
    """The ports behind the place where a captured fragment was put together with the others: what passes there is the datagram."""
    places = (number for number, hop in enumerate(trace.hops) if Operation.REASSEMBLE in hop.operations)
    first = outer_ip(trace.hops[trace.tap].after.headers)
    start = next(places, len(trace.hops)) if first is not None and first.gathered else len(trace.hops)
    return {port_of(hop) for hop in trace.hops[start:] if hop.stage is TAP}


def _only_here(one: Captured, trace: Trace, settings: Settings, told: list[tuple[Hop, int]], why: str) -> Sights:
    here = trace.hops[trace.tap]
    sight = _as_captured(one, settings, here.state_after, trace.tap, here.way)
    return Sights((sight,), tuple((port_of(hop), why) for hop, number in told if number != trace.tap), None)


def _as_captured(one: Captured, settings: Settings, state: State, hop: int, way: str) -> Sight:
    way = recorded_way(one.dissection.facts) or way or settings.tap.way
    return Sight(settings.tap.port, way, one.linktype, one.data, state, hop, 0, None, is_tap=True)


def port_of(hop: Hop) -> Port:
    """The port of a hop at a capture point."""
    domain, _, device = hop.port.partition(":")
    return Port(domain, device)


class ByteWalk:
    """The walk of a packet's bytes by a reading of its class; ``headers`` are those of its class. ``arrived`` are the bytes with which it
    came to the capture point."""

    def __init__(self, one: Captured, reading: Reading, settings: Settings, headers: tuple[Header, ...]) -> None:
        # A packet is shown with its own bytes: a fragment goes on alone, whatever became of its datagram.
        origin = replace(reading.origin, headers=tuple(replace(header, piece=0) for header in reading.origin.headers))
        self.one, self.reading, self.settings, self.seen = one, replace(reading, origin=origin), settings, headers
        self.start = one.dissection.headers[headers[0].index].offset
        self.arrived: bytes | None = None

    def run(self) -> Trace | None:
        """None if it does not come to the capture point as one packet."""
        topology, reading = self.settings.topology, self.reading
        way = self.settings.tap.way or recorded_way(self.one.dissection.facts)
        made = walker(topology, reading.origin, {})
        run = Replier(
            topology,
            dict(reading.trace.chosen or {}),
            Observation(self.settings.tap.port, way, self._meet),
            finished=made.finished,
            refuses=made.refuses,
            port=destination_port(self.one.data, self.one.dissection),
            source=source_of(self.one.data, self.one.dissection, reading.origin.headers),
        )
        try:
            trace = run.run(topology.domains[reading.origin.domain.name], _as_sent(self.one, reading, topology))
        except (Undetermined, Misfit):
            return None
        return trace if self.arrived is not None else None

    def _meet(self, packet: Packet, state: State) -> tuple[Packet, State] | None:
        assert isinstance(packet, TrackedPacket)
        if packet.sealed is not None or shape(packet.headers) != shape(self.seen):
            return None
        for walked, there in zip(packet.headers, self.seen, strict=False):
            if not (may_be(walked.source, there.source) and may_be(walked.destination, there.destination)):
                return None
        self.arrived = packet.data
        # What the capture or the user says of the carried state there holds for the bytes as for the forms.
        following = self.reading.trace.hops[self.reading.trace.tap + 1 :]
        return replace(packet, data=self.one.data[self.start :], unknown=()), following[0].state_before if following else state

    @property
    def exact(self) -> bool:
        return self.arrived == self.one.data[self.start :]


def _as_sent(one: Captured, reading: Reading, topology: Topology) -> TrackedPacket:
    """The packet as its origin sends it: without the headers put on since, with the addresses and the TTL it had at first, and right sums
    unless the origin sends wrong ones."""
    origin, dissection = reading.origin, one.dissection
    start = dissection.headers[origin.headers[0].index].offset
    depth = sum(header.layer in (Layer.IPV4, Layer.IPV6) for header in dissection.headers)
    packet = TrackedPacket(
        one.data[start:],
        origin.headers,
        dissection.facts.long,
        dissection.facts.pages,
        tunnel_ports=topology.tables.tunnel_ports,
        words=outer_words(one.data, dissection, _routers(reading, depth)),
    )
    shown = {header.uid: header for header in headers_of(dissection.facts, topology)}
    for header in (outer_ip(packet.headers), outer_transport(packet.headers)):
        if header is not None and header.shifted:
            packet = _with_words(packet, header, shown.get(header.index))
    packet = replace(packet, data=_younger(packet, _routers(reading, sum(header.is_ip for header in origin.headers))))
    if dissection.facts.trailer:
        packet = packet.with_unknown(TRAILER)
    if origin.made in (Made.RIGHT, Made.REFUSAL, Made.UNSUMMED, Made.CUT):
        for header in reversed(packet.headers):
            one_sum = packet.sums.get(header.uid)
            # A fragment's transport sum covers what other packets hold: it is as it was seen.
            if one_sum is not None and one_sum.residue is not None and not packet.absent(header.uid):
                unsummed = origin.made is Made.UNSUMMED and KINDS[one_sum.kind].zero_is_absent and one_sum.residue
                packet = packet.write_zero(header.uid) if unsummed else packet.compute(header.uid)
    return packet


def _routers(reading: Reading, depth: int) -> int:
    """How often the packet, with ``depth`` IP headers, was forwarded before the capture point."""
    trace = reading.trace
    return sum(
        Operation.DECREMENT_TTL in hop.operations
        for hop in trace.hops[: trace.tap + 1]
        if sum(header.is_ip for header in hop.before.headers) == depth and getattr(hop.before, "sealed", None) is None
    )


def _younger(packet: TrackedPacket, routers: int) -> bytes:
    """The bytes with a TTL that is greater by ``routers`` and an IPv4 sum that agrees."""
    data = bytearray(packet.data)
    ip = outer_ip(packet.headers)
    if ip is not None and routers:
        start = packet.offset(ip.uid)
        at = start + (7 if ip.layer is Layer.IPV6 else 8)
        added = min(routers, 0xFF - data[at])
        data[at] += added
        if ip.layer is Layer.IPV4:
            place = slice(start + 10, start + 12)
            data[place] = ((int.from_bytes(data[place], "big") - 0x100 * added) % MODULUS).to_bytes(2, "big")
    return bytes(data)


def _with_words(packet: TrackedPacket, header: Header, shown: Header | None) -> TrackedPacket:
    """Addresses or ports of a header as they were before they were translated, as far as that is known."""
    first, second, size = ADDRESS_PLACES[header.layer] if header.is_ip else (0, 2, 2)
    data = bytearray(packet.data)
    unknown = False
    for span, place, there in (
        (header.source, first, shown and shown.source),
        (header.destination, second, shown and shown.destination),
    ):
        if span is not None and span.exact:
            at = packet.offset(header.uid) + place
            data[at : at + size] = span.low.to_bytes(size, "big")
        elif span is not None:
            unknown |= span == ANY_PORT or span != there
    packet = replace(packet, data=bytes(data))
    return packet.with_unknown(BEFORE) if unknown else packet


# From the hops of a walk to frames.


@dataclass
class _Segment:
    """Hops between which a frame keeps its link-layer header, and that header; None if nobody knows it."""

    ports: list[Port] = field(default_factory=list)
    header: bytes | None = None


def _along(one: Captured, trace: Trace, walk: ByteWalk, settings: Settings) -> Iterator[tuple[Sight | Port, str]]:
    """Every capture point on the way: a sight, or the port and why nothing is shown there."""
    segments, of_hop = _segments(trace)
    ethernet = one.data[:_ETHERNET_BYTES] if one.linktype == Link.ETHERNET and walk.start >= _ETHERNET_BYTES else None
    here = segments[of_hop[trace.tap]]
    here.header = ethernet
    learned: dict[Port, bytes] = {}
    if ethernet is not None:
        learned = {here.ports[-1]: ethernet[:6], here.ports[0]: ethernet[6:12]}
    _carry_inner(trace, segments, of_hop)
    for number, hop in enumerate(trace.hops):
        if hop.stage is not TAP:
            continue
        port, packet = port_of(hop), hop.after
        assert isinstance(packet, TrackedPacket)
        if number == trace.tap:
            sight = _as_captured(one, settings, hop.state_after, number, hop.way)
            yield replace(sight, packet=replace(packet, data=one.data[walk.start :]), offset=walk.start), ""
        elif packet.sealed is not None:
            yield port, SEALED
        elif number < trace.tap and not walk.exact:
            yield port, OTHER_BYTES
        elif not packet.headers or packet.headers[0].layer not in ETHERTYPES:
            yield port, NO_ETHERNET
        else:
            yield _sight(port, hop, number, packet, segments[of_hop[number]], learned, settings.topology), ""


def _sight(
    port: Port, hop: Hop, number: int, packet: TrackedPacket, segment: _Segment, learned: dict[Port, bytes], topology: Topology
) -> Sight:
    if topology.device(port).is_raw:
        return Sight(port, hop.way, Link.RAW, packet.data, hop.state_after, number, 0, packet, packet.unknown)
    header, made_up = segment.header, packet.unknown
    if header is None:
        ends = [_mac(topology, learned, end) for end in (segment.ports[-1], segment.ports[0])]
        if None in ends:
            made_up = (*made_up, MADE_UP_MACS)
        spare = (b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2")
        header = b"".join(mac or other for mac, other in zip(ends, spare, strict=True)) + ETHERTYPES[packet.headers[0].layer].to_bytes(
            2, "big"
        )
    return Sight(port, hop.way, Link.ETHERNET, header + packet.data, hop.state_after, number, len(header), packet, made_up)


def _mac(topology: Topology, learned: dict[Port, bytes], port: Port) -> bytes | None:
    mac = topology.device(port).mac
    return learned.get(port) if mac is None else mac.to_bytes(6, "big")


def _segments(trace: Trace) -> tuple[list[_Segment], list[int]]:
    """The segments of a way, and the number of the segment of every hop. IP input ends one, as do the ends of tunnels."""
    segments, of_hop = [_Segment()], []
    for hop in trace.hops:
        if segments[-1].ports and (hop.stage.part is Part.INPUT or hop.operations & _ENDS):
            segments.append(_Segment())
        of_hop.append(len(segments) - 1)
        if hop.stage is TAP:
            segments[-1].ports.append(port_of(hop))
    return segments, of_hop


_ENDS = frozenset({Operation.PUSH, Operation.POP, Operation.SEAL, Operation.UNSEAL})


def _carry_inner(trace: Trace, segments: list[_Segment], of_hop: list[int]) -> None:
    """The Ethernet header inside a tunnel is that of the frame before and behind the tunnel."""
    for number, hop in enumerate(trace.hops):
        before, after = hop.before, hop.after
        assert isinstance(before, TrackedPacket)
        assert isinstance(after, TrackedPacket)
        outer, inner, segment = before, after, of_hop[number]
        if Operation.PUSH in hop.operations and number < trace.tap:
            outer, inner, segment = after, before, of_hop[number] - 1
        elif Operation.POP not in hop.operations or number < trace.tap:
            continue
        start, behind = len(outer.data) - len(inner.data), len(outer.headers) - len(inner.headers)
        if not behind or outer.headers[behind - 1].layer is not Layer.ETHERNET:
            continue
        if OUTER_UNKNOWN not in outer.unknown and start >= _ETHERNET_BYTES and segment >= 0:
            segments[segment].header = outer.data[start - _ETHERNET_BYTES : start]


def epb_flags(sight: Sight, flags: int) -> int:
    """epb_flags as a capture there would have set them: direction, and what the kernel knows of the sum. Of the captured packet as they
    are in the capture, if they are."""
    if sight.is_tap and flags & HAS_FLAGS:
        return flags & 0xFFFFFFFF
    bits = {"in": INBOUND, "out": OUTBOUND}.get(sight.way, 0)
    if sight.packet is None:
        return bits
    transport = outer_transport(sight.packet.headers)
    if owed(sight.state, sight.packet.headers) is not None:
        bits |= CHECKSUM_NOT_READY
    elif transport is not None and project(sight.state, sight.packet.headers)[transport.uid] is Claim.VERIFIED:
        bits |= CHECKSUM_VALID
    return bits | (flags & SEGMENTATION_OFFLOAD if sight.packet.long else 0)
