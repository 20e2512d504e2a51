"""From packets to send to a step for the agent, and from what its devices showed back to packets."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from csumlab.crc32c import crc32c
from csumlab.dissection import dissect_packet
from csumlab.headers import Kind, Link
from csumlab.inet import negate, residue

from .matrix import ETHERTYPES, MARK, SEQUENCE, STRIDE, Sent, header_of, number_in, payload, state_of, untagged
from .recording import Observed, Step, View

_ANSWER = (0, 129)
"""Types of an ICMP and an ICMPv6 echo reply."""
_RESET = 0x04


@dataclass(frozen=True)
class Scene:
    """A host and what is done with it at once. ``watch`` and ``listen``: devices and addresses by place; ``link``: the link layer addresses
    (destination, source) in front of an injected packet, empty for a device without any; ``unheard``: places whose stack nobody can ask;
    ``pause``: seconds between the commands and the first packet; ``patience``: seconds after the last one."""

    name: str
    host: str
    sent: tuple[Sent, ...]
    watch: Mapping[str, tuple[str, ...]]
    listen: Mapping[str, tuple[str, ...]]
    link: Callable[[Sent], bytes]
    commands: tuple[tuple[str, str], ...] = ()
    unheard: Callable[[Sent], bool] = lambda one: False
    pause: float = 0
    patience: float = 0.25

    @cached_property
    def echoes(self) -> frozenset[int]:
        """The numbers of the packets that ask for an echo; the answers carry the number too."""
        return frozenset(one.number for one in self.sent if one.what.startswith("icmp"))


@dataclass
class Shown:
    """What was seen and heard of the packets of one scene: views by number and port, numbers that arrived."""

    views: dict[int, dict[str, View]] = field(default_factory=dict)
    arrived: set[int] = field(default_factory=set)

    def add(self, scene: Scene, port: str, data: bytes, state: str | None) -> None:
        """A packet that was seen at ``port`` ("domain:device way")."""
        refused = _refused(untagged(data))
        if refused is not None:
            self.arrived.add(refused)
            return
        number = number_in(data)
        if number is None:
            return
        if number in scene.echoes:
            if data[data.find(MARK) - 8] in _ANSWER:
                self.arrived.add(number)
                return
        elif _is_icmp(untagged(data)):
            return  # An error that quotes the packet.
        self.views.setdefault(number, {}).setdefault(port, View(data, state))


def request(scene: Scene) -> dict[str, Any]:
    """The step for agent.perform."""
    inject: list[list[Any]] = []
    for one in scene.sent:
        if one.say is None:
            link = scene.link(one)
            frame = link + (ETHERTYPES[one.data[0] >> 4] if link else b"") + one.data
            entry = [header_of(one.state, len(link) + 2 if link else 0).hex(), frame.hex()]
            if inject and inject[-1][:2] == [one.place, one.device]:
                inject[-1][2].append(entry)
            else:
                inject.append([one.place, one.device, [entry]])
    return {
        "commands": scene.commands,
        "watch": {place: list(devices) for place, devices in scene.watch.items()},
        "listen": {place: list(addresses) for place, addresses in scene.listen.items()},
        "inject": inject,
        "say": [[one.place, *one.say, payload(one.number).hex()] for one in scene.sent if one.say],
        "sctp": any(one.say and one.say[0].startswith("sctp") for one in scene.sent),
        "pause": scene.pause,
        "patience": scene.patience,
    }


def observed(scene: Scene, result: Mapping[str, Any], elsewhere: Iterable[tuple[str, bytes]] = ()) -> Step:
    """What the agent's result says of the scene's packets; ``elsewhere`` are frames seen at ports that no agent watches, from the link
    layer on, with their port and way."""
    shown = Shown()
    for place, frames in result["seen"].items():
        for device, way, header, data, link in frames:
            shown.add(scene, f"{place}:{device} {way}", bytes.fromhex(data), state_of(bytes.fromhex(header), link))
    ports = [f"{place}:{device}" for place, devices in scene.watch.items() for device in devices]
    for port, frame in elsewhere:
        shown.add(scene, port, frame[14:], None)
        ports.append(port.split()[0])
    for datagrams in result["received"].values():
        shown.arrived |= {number for text in datagrams if (number := number_in(bytes.fromhex(text))) is not None}
    packets = tuple(_observed(scene, one, shown) for one in scene.sent)
    commands = tuple(f"{place}: {command}" for place, command in scene.commands)
    return Step(scene.name, scene.host, commands, tuple(dict.fromkeys(ports)), result["counters"], packets)


def _observed(scene: Scene, one: Sent, shown: Shown) -> Observed:
    views = shown.views.get(one.number, {})
    delivered = None if scene.unheard(one) else one.number in shown.arrived
    data = one.data
    if one.say is not None:
        own = [view.data for port, view in views.items() if port.startswith(f"{one.place}:") and port.endswith(" out")]
        if not own:
            raise LookupError(f"{scene.name}: no device of {one.place} showed packet {one.number}, {one.what}")
        data = righted(own[0])
    return Observed(one.number, one.what, one.place, data, one.state, one.say is not None, views, delivered)


def righted(data: bytes) -> bytes:
    """A packet, from its IP header on, with every sum that is not absent made right, innermost first."""
    frame = bytearray(bytes(12) + ETHERTYPES[data[0] >> 4] + data)
    for place in range(len(dissect_packet(bytes(frame), Link.ETHERNET).sums) - 1, -1, -1):
        one = dissect_packet(bytes(frame), Link.ETHERNET).sums[place]
        if one.kind is Kind.SCTP:
            frame[one.at : one.at + 4] = bytes(4)
            frame[one.at : one.at + 4] = crc32c(bytes(frame[one.start : one.end])).to_bytes(4, "little")
            continue
        frame[one.at : one.at + 2] = bytes(2)
        value = negate(residue(bytes(frame[one.start : one.end])) + (one.pseudo or 0))
        frame[one.at : one.at + 2] = (value or (0xFFFF if one.pseudo is not None else 0)).to_bytes(2, "big")
    return bytes(frame[14:])


def _is_icmp(data: bytes) -> bool:
    return (data[9] == 1) if data[0] >> 4 == 4 else (data[6] == 58)


def _refused(data: bytes) -> int | None:
    """The number of the TCP packet that this one answers with a reset (RFC 9293 section 3.10.7.1), or None."""
    start = (data[0] & 15) * 4 if data[0] >> 4 == 4 else 40
    protocol = data[9] if data[0] >> 4 == 4 else data[6]
    if protocol != 6 or len(data) < start + 20 or not data[start + 13] & _RESET:
        return None
    answered: int = struct.unpack_from("!I", data, start + 8)[0]
    return (answered - SEQUENCE) // STRIDE if 0 <= answered - SEQUENCE < 0x10000 * STRIDE else None


def features(text: str) -> dict[str, str]:
    """What ``ethtool -k`` says of checksums and aggregation: "on", "off", with "[fixed]" where it cannot be changed."""
    lines = (line.strip().partition(": ") for line in text.splitlines())
    return {name: value for name, _, value in lines if name.startswith(("tx-checksum-", "rx-checksumming", "generic-receive-offload"))}


def numbered(scenes: Iterable[Callable[[int], Scene]]) -> Iterator[Scene]:
    """Scenes whose packets are numbered on."""
    first = 1
    for make in scenes:
        scene = make(first)
        first += len(scene.sent)
        yield scene
