"""XDP programs on the kernel that runs the tests, and the tables: what a tap shows of frames that were passed or redirected to it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import hosts
import pytest
import walks
import xdp_programs
from oracles.namespaces import Namespace, Untestable, ip, missing, quiet
from oracles.ports import Tap
from row_worlds import World, device, header_text, look, put, route, walked, word

from csumlab.capture import PcapngWriter
from csumlab.dissection import dissect_packet
from csumlab.headers import Verdict
from csumlab.plain.packet import FramePacket
from csumlab.replaying import replay
from csumlab.topology.load import parse_topology
from csumlab.trace import TAP

WHY_NOT = missing("ethtool") if os.geteuid() == 0 else "XDP programs need root"
POD, FAR, BEHIND, PORT = "10.1.0.23", "10.1.0.9", "10.9.0.9", 7777
MACHINE = "02:00:00:00:00:23"
WAITING = 2.0
"""Seconds to wait for a frame."""


def world(xdp: str, tx: bool, offered: bool, header: bool = True) -> World:
    """A container whose end of the veth pair in the host has the program; the tap is the other way out, and without ``header`` a device
    whose driver knows nothing of sums."""
    text = device("pod:eth0", "veth", peer="host:veth1", address=[f"{POD}/24"], features={} if tx else {"tx": False})
    bridged = {"bridge": "br0"} if xdp.endswith("pass") or not xdp else {}
    text += device("host:veth1", "veth", **({"xdp": xdp} if xdp else {}), **bridged)
    text += device("host:tap0", "tap", peer="guest:eth0", options={"TUN_F_CSUM": offered, "vnet-hdr": header}, **bridged)
    text += (device("host:br0", "bridge") if bridged else "") + device("guest:eth0", "virtio", address=[f"{FAR}/24"])
    return World(text, (POD, ""), (FAR, ""), "pod", "host:tap0")


def predicted(xdp: str, tx: bool, offered: bool, header: bool = True) -> tuple[str, str]:
    """The virtio header at the tap, and the word for the frame behind it."""
    where = world(xdp, tx, offered, header)
    given = put("udp4", "full", where)
    hop = look(where, walked(where, given, by_kernel=True))
    assert hop is not None
    assert isinstance(hop.after, FramePacket)
    return header_text(hop.state_after, hop.after, 14), word(given, hop.after, hop.state_after)


def attached(name: str, code: bytes, mode: int = xdp_programs.DRIVER) -> None:
    """A program put on a device of the present namespace."""
    program = xdp_programs.load(code)
    xdp_programs.attach(socket.if_nametoindex(name), program, mode)
    os.close(program)


@contextmanager
def made(xdp: str, tx: bool, offered: bool, header: bool = True) -> Iterator[tuple[Namespace, Tap]]:
    """The same, of the kernel's devices."""
    pod, host = Namespace(), Namespace()
    tap = None
    try:
        with host.entered():
            quiet()
            ip([f"link add veth1 index 901 type veth peer name eth0 index 902 netns {pod.path}"])
            tap = Tap("tap0", offload=offered, napi=False, header=header)
            if not xdp or xdp.endswith("pass"):
                ip(["link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set veth1 master br0", "link set tap0 master br0"])
                ip(["link set br0 up"])
            ip(["link set tap0 up", "link set veth1 up"])
        with pod.entered():
            quiet()
            ip([f"addr add {POD}/24 dev eth0", "link set eth0 up", f"neigh add {FAR} lladdr 02:00:00:00:00:09 dev eth0 nud permanent"])
            if not tx:
                os.system("ethtool -K eth0 tx off >/dev/null")
        with host.entered():
            if xdp:
                target = socket.if_nametoindex("tap0")
                code = xdp_programs.redirect(target) if "redirect" in xdp else xdp_programs.PASS
                attached("veth1", code, xdp_programs.GENERIC if xdp.startswith("generic") else xdp_programs.DRIVER)
        yield pod, tap
    finally:
        if tap is not None:
            tap.close()
        pod.close()
        host.close()


def observed(xdp: str, tx: bool, offered: bool, header: bool = True) -> tuple[str, str]:
    """What the tap's reader gets of a datagram that a program in the container sends."""
    with made(xdp, tx, offered, header) as (pod, tap):
        end = time.monotonic() + WAITING
        while time.monotonic() < end:
            with pod.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"what a program says", (FAR, PORT))
            time.sleep(0.002)
            while (got := tap.receive()) is not None:
                told, frame = got
                if frame[36:38] == PORT.to_bytes(2, "big"):
                    text = f"NEEDS_CSUM@{told.start}+{told.offset}" if told.flags & 1 else "DATA_VALID" if told.flags else "0"
                    return text, _word(frame, bool(told.flags & 1))
    raise AssertionError(f"no frame came out of the tap in {WAITING} seconds")


def _word(frame: bytes, needs: bool) -> str:
    verdict = dissect_packet(frame, 1).sums[-1].verdict
    if needs:
        return "delegated" if verdict is Verdict.PARTIAL else "delegated-badseed"
    return {Verdict.GOOD: "ok", Verdict.PARTIAL: "partial-preserved"}.get(verdict, "wrong")


@pytest.mark.needs_root
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be made here")
@pytest.mark.parametrize("offered", [True, False], ids=["TUN_F_CSUM", "no TUN_F_CSUM"])
@pytest.mark.parametrize("tx", [True, False], ids=["tx on", "tx off"])
@pytest.mark.parametrize("xdp", ["", "pass", "redirect tap0", "generic pass", "generic redirect tap0"])
def test_the_tap_shows_what_the_tables_say(xdp: str, tx: bool, offered: bool) -> None:
    """A redirect in the driver forgets what is owed, a generic one hands it to whoever reads, a pass changes nothing."""
    try:
        seen = observed(xdp, tx, offered)
    except (OSError, Untestable) as reason:
        pytest.skip(f"this kernel does not take the set-up: {reason}")
    assert predicted(xdp, tx, offered) == seen


@pytest.mark.needs_root
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be made here")
@pytest.mark.parametrize("xdp", ["", "generic pass", "generic redirect tap0"])
def test_a_driver_that_knows_of_no_sums(xdp: str) -> None:
    """The kernel fills before such a device, and does not where a generic program hands the frame to its driver."""
    try:
        seen = observed(xdp, True, False, header=False)
    except (OSError, Untestable) as reason:
        pytest.skip(f"this kernel does not take the set-up: {reason}")
    assert predicted(xdp, True, False, header=False) == seen == ("0", "partial-preserved" if "redirect" in xdp else "ok")


def test_a_card_that_offers_nothing(tmp_path: Path) -> None:
    """Whether its driver asks for the sum all the same is not known: what is found says if."""
    frame = walks.packets_between("192.0.2.21", "198.51.100.80", 4)["udp, partial"]
    with PcapngWriter(tmp_path / "a.pcapng") as file:
        file.write(frame, interface=file.add_interface(1))
    found = {}
    for tx, text in (("off", hosts.UNOFFERED), ("on", hosts.UNOFFERED.replace("tx = false", "tx = true"))):
        result = replay(tmp_path / "a.pcapng", parse_topology(text))
        found[tx] = [(one.code, one.hop, one.condition) for one in result.findings]
    condition = "if it was sent by a program in pod as its kernel makes it and the card sends it as it is"
    assert found == {"off": [("CSL101", "host:eth0 out", condition)], "on": []}


def sent_back(tx: bool) -> World:
    """A container whose requests a program in the host's driver sends back to it: it is the next hop."""
    text = device("pod:eth0", "veth", peer="host:veth1", address=[f"{POD}/24"], xdp="pass", features={} if tx else {"tx": False})
    text += route("pod", "10.9.0.0/16", "eth0", "10.1.0.1") + route("host", "10.9.0.0/16", "veth1", POD)
    text += "[domain.host]\nforwarding = true\n" + device("host:veth1", "veth", xdp="forward", address=["10.1.0.1/24"])
    return World(text, (POD, ""), (BEHIND, ""), "pod", "pod:eth0", "tap")


def came_back(tx: bool) -> bytes:
    """The frame that the container gets back of a datagram that it sends."""
    pod, host = Namespace(), Namespace()
    try:
        with host.entered():
            quiet()
            ip([f"link add veth1 type veth peer name eth0 address {MACHINE} netns {pod.path}", "link set veth1 up"])
        with pod.entered():
            quiet()
            ip([f"addr add {POD}/24 dev eth0", "link set eth0 up", "neigh add 10.1.0.1 lladdr 02:00:00:00:00:09 dev eth0 nud permanent"])
            ip(["route add 10.9.0.0/16 via 10.1.0.1"])
            # Only a veth that has a program itself is woken for such frames (drivers/net/veth.c veth_xdp_flush).
            attached("eth0", xdp_programs.PASS)
            if not tx:
                os.system("ethtool -K eth0 tx off >/dev/null")
        with host.entered():
            attached("veth1", xdp_programs.send_back(bytes.fromhex(MACHINE.replace(":", ""))))
        with pod.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as taken:
            taken.bind(("eth0", 0))
            taken.settimeout(0.05)
            end = time.monotonic() + WAITING
            while time.monotonic() < end:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(b"what a program says", (BEHIND, PORT))
                with suppress(TimeoutError):
                    while True:
                        frame, (_, _, way, *_) = taken.recvfrom(2048)
                        if way != socket.PACKET_OUTGOING and frame[36:38] == PORT.to_bytes(2, "big"):
                            return frame
    finally:
        pod.close()
        host.close()
    raise AssertionError(f"no frame came back in {WAITING} seconds")


@pytest.mark.needs_root
@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "it can be made here")
@pytest.mark.parametrize("tx", [True, False], ids=["tx on", "tx off"])
def test_what_a_program_sends_back_is_bytes_only(tx: bool) -> None:
    """What is owed is forgotten where a program sends a frame out of the device that it came in by."""
    where = sent_back(tx)
    hops = [hop for hop in walked(where, put("udp4", "full", where), by_kernel=True).hops if (hop.where, hop.stage) == ("pod:eth0 in", TAP)]
    assert len(hops) == 1
    hop = hops[0]
    assert isinstance(hop.after, FramePacket)
    try:
        seen = came_back(tx)
    except (OSError, Untestable) as reason:
        pytest.skip(f"this kernel does not take the set-up: {reason}")
    assert word(put("udp4", "full", where), hop.after, hop.state_after) == _word(seen, False)
