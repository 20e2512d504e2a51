"""XDP programs on the kernel that runs the tests, and the tables: what a tap shows of frames that were passed or redirected to it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import xdp_programs
from oracles.namespaces import Namespace, Untestable, ip, missing, quiet
from oracles.ports import Tap
from row_worlds import World, device, header_text, look, put, walked, word

from csumlab.dissection import dissect_packet
from csumlab.headers import Verdict
from csumlab.plain.packet import FramePacket

WHY_NOT = missing("ethtool") if os.geteuid() == 0 else "XDP programs need root"
POD, FAR, PORT = "10.1.0.23", "10.1.0.9", 7777
WAITING = 2.0
"""Seconds to wait for a frame."""


def world(xdp: str, tx: bool, offered: bool) -> World:
    """A container whose end of the veth pair in the host has the program; the tap is the other way out."""
    text = device("pod:eth0", "veth", peer="host:veth1", address=[f"{POD}/24"], features={} if tx else {"tx": False})
    bridged = {"bridge": "br0"} if xdp.endswith("pass") or not xdp else {}
    text += device("host:veth1", "veth", **({"xdp": xdp} if xdp else {}), **bridged)
    text += device("host:tap0", "tap", peer="guest:eth0", options={"TUN_F_CSUM": offered}, **bridged)
    text += (device("host:br0", "bridge") if bridged else "") + device("guest:eth0", "virtio", address=[f"{FAR}/24"])
    return World(text, (POD, ""), (FAR, ""), "pod", "host:tap0")


def predicted(xdp: str, tx: bool, offered: bool) -> tuple[str, str]:
    """The virtio header at the tap, and the word for the frame behind it."""
    where = world(xdp, tx, offered)
    given = put("udp4", "full", where)
    hop = look(where, walked(where, given, by_kernel=True))
    assert hop is not None
    assert isinstance(hop.after, FramePacket)
    return header_text(hop.state_after, hop.after, 14), word(given, hop.after, hop.state_after)


@contextmanager
def made(xdp: str, tx: bool, offered: bool) -> Iterator[tuple[Namespace, Tap]]:
    """The same, of the kernel's devices."""
    pod, host = Namespace(), Namespace()
    tap = None
    try:
        with host.entered():
            quiet()
            ip([f"link add veth1 index 901 type veth peer name eth0 index 902 netns {pod.path}"])
            tap = Tap("tap0", offload=offered, napi=False)
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
                program = xdp_programs.load(xdp_programs.redirect(target) if "redirect" in xdp else xdp_programs.PASS)
                mode = xdp_programs.GENERIC if xdp.startswith("generic") else xdp_programs.DRIVER
                xdp_programs.attach(socket.if_nametoindex("veth1"), program, mode)
                os.close(program)
        yield pod, tap
    finally:
        if tap is not None:
            tap.close()
        pod.close()
        host.close()


def observed(xdp: str, tx: bool, offered: bool) -> tuple[str, str]:
    """What the tap's reader gets of a datagram that a program in the container sends."""
    with made(xdp, tx, offered) as (pod, tap):
        end = time.monotonic() + WAITING
        while time.monotonic() < end:
            with pod.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"what a program says", (FAR, PORT))
            time.sleep(0.002)
            while (got := tap.receive()) is not None:
                header, frame = got
                if frame[36:38] == PORT.to_bytes(2, "big"):
                    text = f"NEEDS_CSUM@{header.start}+{header.offset}" if header.flags & 1 else "DATA_VALID" if header.flags else "0"
                    return text, _word(frame, bool(header.flags & 1))
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
