"""Answers by addresses that are not a host's own: what its rules and its programs send, from the first sight of it on."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Literal

import frames

from csumlab.headers import Kind, Layer
from csumlab.inet import negate, residue
from csumlab.packet import exactly
from csumlab.topology.model import Port

from .ports import Virtio
from .predict import Origin, unsummed
from .probes import made
from .sockets import PORT, transparent
from .world import World

SIGHTS = 2
"""Where an answer is seen: leaving its host, and coming in at who asked."""


@dataclass(frozen=True)
class Answer:
    """The answer to what is asked by ``source``, out of ``asker``, of ``destination`` and its ``port``. ``way``: a rule refuses it
    ("reset"), a program has it by a rule that translates it ("translated") to the address ``own``, or takes it as it is and answers
    likewise ("transparent")."""

    asker: str
    source: str
    destination: str
    answers: str
    way: Literal["reset", "translated", "transparent"]
    own: str = ""
    port: int = 8080

    def __str__(self) -> str:
        return f"{self.way} answer over IPv{6 if ':' in self.source else 4}"


def asked(world: World, answer: Answer, number: int) -> tuple[dict[str, dict[str, int]], bytes]:
    """Ask, and answer if no rule does. The counters before, and the bytes by which the answer is known."""
    domain, _, name = answer.asker.partition(":")
    port = Port(domain, name)
    macs = (world.next_mac(port, exactly(answer.destination)), world.macs[port])
    ports = (20000 + number, answer.port)
    before = world.begin()
    if answer.way == "reset":
        sequence = number << 16 | 0x6373
        world.send(port, Virtio(), macs[0] + macs[1] + _opening(answer, ports, sequence)[12:])
        # The reset acknowledges what it refuses.
        return before, struct.pack("!I", sequence + 1)
    probe = made("udp", "right", number, macs, answer.source, answer.destination, ports)
    world.send(port, probe.virtio, probe.frame)
    world.until(lambda: any(probe.mark in data for data in world.sockets[answer.answers].received()))
    mark = b"answ" + number.to_bytes(4, "big")
    with world.inside(answer.answers):
        _answered(world, answer, ports, mark + bytes(16))
    return before, mark


def _opening(answer: Answer, ports: tuple[int, int], sequence: int) -> bytes:
    """The first segment of a connection, in a frame."""
    header = struct.pack("!HHIIBBHHH", *ports, sequence, 0, 5 << 4, 2, 512, 0, 0)
    around = frames.ipv6 if ":" in answer.source else frames.ipv4
    segment = frames.Frame(b"").inside(header, Layer.TCP, pending=Kind.TCP)
    return frames.ethernet(around(segment, answer.source, answer.destination)).data


def _answered(world: World, answer: Answer, ports: tuple[int, int], payload: bytes) -> None:
    six = ":" in answer.source
    if answer.way == "translated":
        world.sockets[answer.answers].udp.sendto(payload, (answer.source if six else f"::ffff:{answer.source}", ports[0]))
        return
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        transparent(one)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((answer.destination if six else f"::ffff:{answer.destination}", answer.port))
        one.sendto(payload, (answer.source if six else f"::ffff:{answer.source}", ports[0]))


def origin(world: World, answer: Answer, frame: bytes) -> Origin:
    """The answer as it was before its kernel saw to it, from its ``frame`` where it leaves."""
    if answer.way == "translated":
        frame = _from_itself(frame, answer.own)
    return Origin(world.topology, answer.answers, unsummed(frame, world.topology.tables), None, answer.way == "reset")


def _from_itself(frame: bytes, own: str) -> bytes:
    """A frame before its source was translated."""
    address = socket.inet_pton(socket.AF_INET6 if ":" in own else socket.AF_INET, own)
    if len(address) == 16:
        return frame[:22] + address + frame[38:54] + PORT.to_bytes(2, "big") + frame[56:]
    frame = frame[:24] + bytes(2) + address + frame[30:34] + PORT.to_bytes(2, "big") + frame[36:]
    return frames.patch(frame, 24, negate(residue(frame[14:34])))
