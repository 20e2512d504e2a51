"""Walks of bytes that know the connection table as far as the capture shows what it did."""

from __future__ import annotations

from dataclasses import dataclass, replace

from csumlab.dissection import Dissection
from csumlab.headers import Layer
from csumlab.interpreting import Translation
from csumlab.packet import PORTED, Header, Span, outer_ip, outer_transport
from csumlab.rewriting import ADDRESS_PLACES
from csumlab.topology.model import Domain, Port
from csumlab.walk import Walker


@dataclass
class Replier(Walker):
    """A walk that knows the connection table: a reply gets back the destination port that the capture shows, an answer in the name of
    another the address and port of that one."""

    port: int = 0
    source: tuple[Span, Span] | None = None

    def _choose(self, label: str, options: list[tuple[str, Translation | None]]) -> Translation | None:
        edit = super()._choose(label, options)
        if edit is not None and edit.destination_port is not None and not edit.destination_port.exact and self.tap < 0:
            return replace(edit, destination_port=Span(0, self.port, self.port))
        return edit

    def _translate(self, domain: Domain, port: Port, way: str, edit: Translation) -> None:
        if self.source is not None and edit.source is not None and not edit.source.exact and self.tap < 0:
            address, number = self.source
            edit = replace(edit, source=address, source_port=number if edit.source_port else None)
        super()._translate(domain, port, way, edit)


def source_of(data: bytes, dissection: Dissection, headers: tuple[Header, ...]) -> tuple[Span, Span] | None:
    """The source address and port that the capture shows where the outermost headers of the origin stand; None if there are none."""
    ip, transport = outer_ip(headers), outer_transport(headers)
    if ip is None or transport is None or transport.layer not in PORTED or min(ip.index, transport.index) < 0:
        return None
    place, _, size = ADDRESS_PLACES[ip.layer]
    at, behind = (dissection.headers[header.index].offset for header in (ip, transport))
    address, number = data[at + place : at + place + size], int.from_bytes(data[behind : behind + 2], "big")
    value = int.from_bytes(address, "big")
    return Span(4 if size == 4 else 6, value, value), Span(0, number, number)


def destination_port(data: bytes, dissection: Dissection) -> int:
    """Of the outermost TCP or UDP header; 0 without one."""
    at = next((h.offset for h in dissection.headers if h.layer in (Layer.TCP, Layer.UDP)), None)
    return 0 if at is None else int.from_bytes(data[at + 2 : at + 4], "big")
