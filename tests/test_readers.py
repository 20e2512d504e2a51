"""Programs that read or watch beside the kernel's sockets: what they are told, what they take, and what this kernel does."""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import frames
import hosts
import pytest
import walks
from oracles.namespaces import Namespace, Untestable, ip, missing, quiet
from oracles.ports import NEEDS_CSUM, Tap, Virtio

from csumlab.classes import headers_of
from csumlab.dissection import dissect_packet
from csumlab.interpreting import Setting
from csumlab.machine import apply
from csumlab.plain.packet import FramePacket
from csumlab.readers import BEHAVIOURS, READERS, behaviours
from csumlab.scenario import run_scenario
from csumlab.stages.linux import RECEIVE
from csumlab.stages.readers import READER, WATCHER
from csumlab.state import Skb, Summed, owed
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.trace import Fate

CAPTURES = Path(__file__).parents[1] / "captures"
WHY_NOT = missing() if os.geteuid() == 0 else "packet and raw sockets need root"
HERE, THERE, PORT = "10.9.0.1", "10.9.0.2", 7777
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_HOST, _SO_NO_CHECK = 263, 8, 0, 11
_NOT_READY, _VALID = 8, 128
"""TP_STATUS_CSUMNOTREADY and TP_STATUS_CSUM_VALID of include/uapi/linux/if_packet.h."""


def frame(condition: str, kind: str = "udp") -> tuple[Virtio, bytes]:
    """A packet for the tap's host that is right, damaged, or owed with its pseudo-header's sum, which the virtio header says."""
    made = frames.udp(b"payload", PORT) if kind == "udp" else frames.tcp(b"payload")
    data = frames.ethernet(frames.ipv4(made, THERE, HERE)).data
    if condition == "damaged":
        return Virtio(), data[:-1] + bytes([data[-1] ^ 4])
    if condition == "right":
        return Virtio(), data
    headers = headers_of(dissect_packet(data, 1).facts, walks.hosts_of("linux-6.1")["bridge"])
    state = Skb(Summed.PARTIAL, start=headers[-1].uid)
    due = owed(state, headers)
    assert due is not None
    body = FramePacket(data[14:], headers).write_pseudo(due).data
    return Virtio(NEEDS_CSUM, 34, 6 if kind == "udp" else 16), data[:14] + body


@contextmanager
def tapped(napi: bool) -> Iterator[tuple[Tap, socket.socket, socket.socket, socket.socket]]:
    """A tap with an address, and three who listen there: a UDP socket that asks for no checksums (SO_NO_CHECK), a raw socket, a packet
    socket that asks for the status."""
    with ExitStack() as stack:
        home = Namespace()
        stack.callback(home.close)
        with home.entered():
            quiet()
            tap = Tap("tap0", offload=True, napi=napi)
            stack.callback(tap.close)
            ip([f"addr add {HERE}/24 dev tap0", "link set tap0 address 02:00:00:00:00:01", "link set tap0 up"])
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
            udp.bind((HERE, PORT))
            raw = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP))
            packet = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)))
            packet.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            for one in (udp, raw, packet):
                one.setblocking(False)
            yield tap, udp, raw, packet


def taken(one: socket.socket) -> bool:
    try:
        return bool(one.recv(2048))
    except BlockingIOError:
        return False


def status(packet: socket.socket) -> int:
    """The status of the frame that came in; both bits of it that speak of sums."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            _, extra, _, where = packet.recvmsg(2048, 64)
        except BlockingIOError:
            time.sleep(0.002)
            continue
        if where[2] == _PACKET_HOST:
            told: int = struct.unpack_from("=I", extra[0][2])[0]
            return told & (_NOT_READY | _VALID)
    raise AssertionError("no frame came to the packet socket in two seconds")


@pytest.mark.needs_root
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be made here")
@pytest.mark.parametrize("condition", ["right", "damaged", "partial"])
def test_what_sockets_of_this_kernel_take(condition: str) -> None:
    """A raw socket takes every datagram, a UDP socket none that is wrong, SO_NO_CHECK or not: as the tables say. A packet socket is told
    what is owed."""
    virtio, data = frame(condition)
    try:
        with tapped(napi=False) as (tap, udp, raw, packet):
            tap.send(virtio, data)
            told = status(packet)
            seen = (taken(udp), taken(raw))
    except (OSError, Untestable) as reason:
        pytest.skip(f"this kernel does not take the set-up: {reason}")
    headers = headers_of(dissect_packet(data, 1).facts, walks.hosts_of("linux-6.1")["bridge"])
    given = FramePacket(data[14:], headers)
    state = Skb(Summed.PARTIAL, start=headers[-1].uid) if virtio.flags else Skb()
    ending = [apply(stage, state, given, Setting(knobs=lambda name: name == "trusts")).ending for stage in (RECEIVE, READER)]
    assert seen == tuple(one is not None and one.name == "ACCEPT" for one in ending)
    assert told == (_NOT_READY if condition == "partial" else 0)


@pytest.mark.needs_root
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be made here")
@pytest.mark.parametrize(("condition", "told"), [("right", _VALID), ("damaged", 0), ("partial", _NOT_READY)])
def test_what_receive_aggregation_verified_is_said(condition: str, told: int) -> None:
    """A segment that GRO found right is said to be valid, a wrong one is not; what is owed is not called valid beside."""
    try:
        with tapped(napi=True) as (tap, _, _, packet):
            tap.send(*frame(condition, "tcp"))
            found = status(packet)
    except (OSError, Untestable) as reason:
        pytest.skip(f"this kernel does not take the set-up: {reason}")
    assert found == told


def test_every_behaviour_is_asked_for() -> None:
    """Each by a row or by the walk, but for the word that says what is done without any; no program without a source."""
    rows = {given.argument for stage in (READER, WATCHER) for row in stage.table for given in row.given if given.test.name == "KNOB"}
    driving = "".join(path.read_text(encoding="utf-8") for path in (Path(walks.__file__).parents[1] / "csumlab" / "walking").glob("*.py"))
    walked = set(re.findall(r'"([a-z-]+)"', driving))
    assert set(BEHAVIOURS) == rows | {"sums"} | (walked & {"udp-only", "watches"})
    assert all(one.source and behaviours(one.name) == one.behaviours for one in READERS)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ('reader = "zeke"', "did you mean 'zeek'"),
        ('xdp = "socket"', "needs a reader"),
        ('xdp = "socket"\nreader = "suricata"', "needs a reader"),
        ("options = { heeds-rx-off = true }", "heeds-rx-off is of a vif"),
    ],
)
def test_what_cannot_be_is_said(words: str, hint: str) -> None:
    """A program that nobody knows, a socket that nobody reads, a setting of another device."""
    text = hosts.CARD.replace('card = "CARD"', words).replace("TRACKS", "false")
    with pytest.raises(TopologyError, match=hint):
        parse_topology(text)


def test_only_udp_is_taken_from_the_kernel() -> None:
    """A program that takes UDP only leaves TCP to the kernel's sockets, which verify it."""
    text = hosts.CARD.replace('card = "CARD"', 'xdp = "socket"\nreader = "udp-only trusts"').replace("TRACKS", "false")
    for kind, fate in (("udp, damaged", Fate.ACCEPTED), ("tcp, damaged", Fate.REJECTED)):
        data = walks.packets_between("198.51.100.80", "192.0.2.7", 4)[kind]
        (trace,) = walks.run_plain(walks.Case(kind, walks.host(text), "outside", data, None))
        assert trace.fate is fate


def test_a_detector_is_blind_to_what_is_left_open_only() -> None:
    """What is finished before it is seen is no finding: the cure of the scenario, applied, leaves none."""
    result = run_scenario(CAPTURES / "sensor-blind").result
    assert {finding.code for finding in result.findings} == {"CSL506"}
    assert all(finding.cure for finding in result.findings)
