"""The bytes of one packet at every hop of its way, by the plain-bytes executor.

At the capture point they are the captured ones, and behind it the executor makes them from those. Before it they are shown only if the
walk from the sender brings exactly the captured bytes to the capture point. Where the executor would go another way than the forms did,
or bytes are missing, nothing is shown rather than something wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from csumlab.annotate.sights import ByteWalk, Captured
from csumlab.classes import headers_of, shape
from csumlab.dissection import Checksum
from csumlab.explain import Explanation
from csumlab.interpreting import Packet
from csumlab.outcome import Settings
from csumlab.packet import Header
from csumlab.plain.packet import FramePacket
from csumlab.trace import Hop


@dataclass(frozen=True, slots=True)
class HopBytes:
    """The packet behind one hop. ``data`` starts at its outermost VLAN tag or IP header; ``starts`` says where each header begins;
    ``sums`` are in the order of the headers, with offsets into ``data``."""

    data: bytes
    starts: tuple[tuple[Header, int], ...]
    sums: tuple[Checksum, ...]


def hop_bytes(explanation: Explanation, settings: Settings) -> tuple[HopBytes | None, ...]:
    """One entry for each hop of ``explanation.trace``: the packet as it leaves that hop, None where its bytes cannot be told."""
    hops, tap, facts = explanation.trace.hops, explanation.trace.tap, explanation.facts
    headers = headers_of(facts, settings.topology)
    seen = _seen(explanation, settings)
    here: list[HopBytes | None] = [seen if number == tap else None for number in range(len(hops))]
    if explanation.cut:
        return tuple(here)
    reading = explanation.outcome.readings[0]
    if reading.origin.headers[0].index < 0:
        return tuple(here)
    captured = Captured(explanation.number, explanation.data, len(explanation.data), facts.linktype, facts.flags, explanation.dissection)
    walk = ByteWalk(captured, reading, settings, headers)
    trace = walk.run()
    walked: tuple[Hop, ...] = trace.hops if trace is not None else ()
    for number, (hop, other) in enumerate(zip(hops, walked, strict=False)):
        if other.row is not hop.row or shape(other.after.headers) != shape(hop.after.headers):
            break
        if number > tap or (number < tap and walk.exact):
            here[number] = _shown(other.after)
    return tuple(here)


def _seen(explanation: Explanation, settings: Settings) -> HopBytes | None:
    """The captured packet, from its outermost VLAN tag or IP header on."""
    headers = headers_of(explanation.facts, settings.topology)
    places = explanation.dissection.headers
    if explanation.trace.tap < 0 or not headers:
        return None
    start = places[headers[0].index].offset
    facts, tunnel_ports = explanation.facts, settings.topology.tables.tunnel_ports
    return _shown(FramePacket(explanation.data[start:], headers, facts.long, facts.pages, tunnel_ports=tunnel_ports))


def _shown(packet: Packet) -> HopBytes:
    assert isinstance(packet, FramePacket)
    sums = packet.sums
    starts = []
    for header in packet.headers:
        try:
            starts.append((header, packet.offset(header.uid)))
        except KeyError:
            break  # What lies behind ciphertext has no place in it.
    return HopBytes(packet.data, tuple(starts), tuple(sums[header.uid] for header in packet.headers if header.uid in sums))
