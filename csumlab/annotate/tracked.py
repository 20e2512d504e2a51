"""A packet as bytes that knows which of its words nobody can know, and walks with the words that the capture shows.

The plain-bytes executor makes up what a model cannot know: an outer header's identification and source port, the port that a translation
chose. Here these are the captured ones where the capture shows them, and are written down where it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from csumlab.dissection import Checksum, Dissection
from csumlab.headers import Layer
from csumlab.inet import negate, residue
from csumlab.interpreting import Translation
from csumlab.operations import Rule
from csumlab.outer import Outer, OuterSum
from csumlab.packet import Header
from csumlab.plain.packet import FramePacket

OUTER_UNKNOWN = "the outer header's identification, hop limit and source port, and the inner Ethernet addresses"
PORT_UNKNOWN = "the port that the translation chose"
ADDRESS_UNKNOWN = "the address that the translation chose"
SEGMENT_UNKNOWN = "how long the segments are: shown is the first"
_TUNNEL_BYTES = 8
_ETHERNET_BYTES = 14


@dataclass(frozen=True, slots=True)
class OuterWords:
    """What only the capture tells of headers that a tunnel's kernel makes. ``ip`` and ``port`` are the bytes of the outer IP header as it
    was sent and of the UDP source port, ``tunnel`` those from behind the UDP header to the inner Ethernet type."""

    ip: bytes
    port: bytes
    tunnel: bytes


@dataclass(frozen=True, slots=True)
class TrackedPacket(FramePacket):
    """``words`` has the outer headers of the capture by how many IP headers a packet with them has; ``unknown`` names what is made up in
    ``data``."""

    words: Mapping[int, OuterWords] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def translate(self, edit: Translation, address: Rule, port: Rule, ip: Rule = Rule.FINAL) -> Self:
        packet = FramePacket.translate(self, edit, address, port, ip)
        for label, spans in (
            (ADDRESS_UNKNOWN, (edit.source, edit.destination)),
            (PORT_UNKNOWN, (edit.source_port, edit.destination_port)),
        ):
            if any(span is not None and not span.exact for span in spans):
                packet = packet.with_unknown(label)
        return packet

    def segment(self, uid: int) -> Self:
        return FramePacket.segment(self, uid).with_unknown(SEGMENT_UNKNOWN)

    def from_wire(self) -> Self:
        packet = FramePacket.from_wire(self)
        return packet.with_unknown(SEGMENT_UNKNOWN) if packet.segmented else packet

    def merge(self) -> Self:
        packet = FramePacket.merge(self)
        return replace(packet, unknown=tuple(text for text in packet.unknown if text != SEGMENT_UNKNOWN))

    def pop(self) -> Self:
        packet = FramePacket.pop(self)
        return replace(packet, unknown=tuple(text for text in packet.unknown if text != OUTER_UNKNOWN))

    def unseal(self) -> Self:
        packet = FramePacket.unseal(self)
        assert isinstance(self.sealed, TrackedPacket)
        return replace(packet, unknown=self.sealed.unknown)

    def with_unknown(self, text: str) -> Self:
        """The same bytes, of which one more thing is made up."""
        return self if text in self.unknown else replace(self, unknown=(*self.unknown, text))

    def _layout(self) -> tuple[dict[int, int], dict[int, Checksum]]:
        return _laid_out(self.data, self.headers, self.tunnel_ports)

    def _around(self, outer: Outer, payload: bytes, first: Layer | None, how: OuterSum, remote: tuple[int, int] | None) -> Self:
        made = FramePacket._around(self, outer, payload, first, how, remote)
        if outer.source is None:
            return made  # Of the link layer only: nothing is made up.
        known = self.words.get(1 + sum(header.is_ip for header in self.headers)) if first is not None else None
        if known is None or Layer.VXLAN not in outer.layers:
            return made.with_unknown(OUTER_UNKNOWN)
        data, udp = bytearray(made.data), 20 if outer.version == 4 else 40
        data[udp + 8 : udp + 8 + len(known.tunnel)] = known.tunnel
        if outer.version == 4:
            data[1], data[4:9], data[20:22] = known.ip[1], known.ip[4:9], known.port
            data[10:12] = bytes(2)
            data[10:12] = negate(residue(bytes(data[:20]))).to_bytes(2, "big")
        else:
            data[:4], data[7], data[40:42] = known.ip[:4], known.ip[7], known.port
        return replace(made, data=bytes(data))


@lru_cache(256)
def _laid_out(data: bytes, headers: tuple[Header, ...], ports: tuple[tuple[int, Layer], ...]) -> tuple[dict[int, int], dict[int, Checksum]]:
    """Where the headers and sums of the same bytes are: asked many times on a way, told once."""
    return FramePacket(data, headers, tunnel_ports=ports)._layout()


def outer_words(data: bytes, dissection: Dissection, routers: int) -> dict[int, OuterWords]:
    """The words of the VXLAN headers that a captured packet has; ``routers`` forwarded it since the outermost was put on."""
    found: dict[int, OuterWords] = {}
    headers = dissection.headers
    depth = sum(header.layer in (Layer.IPV4, Layer.IPV6) for header in headers)
    for place, header in enumerate(headers[:-2]):
        if header.layer not in (Layer.IPV4, Layer.IPV6):
            continue
        udp, tunnel = headers[place + 1], headers[place + 2]
        if udp.layer is Layer.UDP and tunnel.layer is Layer.VXLAN:
            ip = bytearray(data[header.offset : header.offset + header.length])
            at = 8 if header.layer is Layer.IPV4 else 7
            ip[at] = min(ip[at] + (0 if found else routers), 0xFF)
            behind = tunnel.offset + _TUNNEL_BYTES + _ETHERNET_BYTES - 2
            found[depth] = OuterWords(bytes(ip), data[udp.offset : udp.offset + 2], data[tunnel.offset : behind])
        depth -= 1
    return found
