"""The kernel that runs the tests takes damage out of a tunnel whose datagrams it forwarded in a list, as the model says it may."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import frames
import pytest
from oracles.namespaces import Untestable, missing
from oracles.ports import Virtio
from oracles.predict import Origin, predictions
from oracles.rules import VNI
from oracles.sockets import PORT
from oracles.world import Observed, World

from csumlab.headers import Layer
from csumlab.state import Skb
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Port
from csumlab.trace import Fate

HOST = """
at = "host:tap0"
[domain.far]
[domain.far.device.eth0]
kind = "virtio"
peer = "host:tap0"
address = ["10.1.0.9/24"]
[[domain.far.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
[domain.host]
forwarding = true
[domain.host.device.tap0]
kind = "tap"
address = ["10.1.0.1/24"]
features = { rx-gro-list = LISTS }
options = { napi = true }
[domain.host.device.vb]
kind = "veth"
peer = "pod:eth0"
address = ["10.2.0.1/24"]
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
address = ["10.2.0.2/24"]
[domain.pod.device.vxlan0]
kind = "vxlan"
local = "10.2.0.2"
remote = "10.1.0.9"
address = ["10.5.0.2/24"]
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "10.2.0.1"
"""
MARK = b"csum in a list"
HELD = 20_000_000
"""Nanoseconds for which receive aggregation waits for more (Documentation/ABI/testing/sysfs-class-net, gro_flush_timeout)."""


def damaged_inside(macs: tuple[bytes, bytes], inner_macs: bytes, number: int) -> bytes:
    """A datagram in VXLAN that was damaged before it was put in: the outer sum is right."""
    inner = frames.ipv4(frames.udp(MARK + b"%d" % number, PORT), "10.5.0.9", "10.5.0.2")
    whole = frames.ethernet(inner)
    carried = replace(whole, data=inner_macs + whole.data[12:-1] + b"!")
    tunnel = carried.inside(b"\x08\0\0\0" + VNI.to_bytes(3, "big") + b"\0", Layer.VXLAN)
    return macs[0] + macs[1] + frames.ethernet(frames.ipv4(frames.udp(tunnel, 4789), "10.1.0.9", "10.2.0.2")).data[12:]


@pytest.mark.long
@pytest.mark.needs_root
@pytest.mark.parametrize("lists", [True, False])
def test_a_list_vouches_for_what_is_in_a_tunnel(lists: bool) -> None:
    """Datagrams that come in together are accepted by the pod although their own sum is wrong; without lists they are refused."""
    reason = missing("unshare")
    if reason:
        pytest.skip(reason)
    topology = parse_topology(HOST.replace("LISTS", str(lists).lower()))
    try:
        with World(topology, ("far",)) as world:
            end = Port("far", "eth0")
            world.ready(end)
            with world.inside("host"):
                waits = f"mount -t sysfs none /sys && echo {HELD} > /sys/class/net/tap0/gro_flush_timeout"
                subprocess.run(["unshare", "--mount", "sh", "-c", waits], check=True)
            macs = (world.macs[Port("host", "tap0")], world.macs[end])
            sent = [damaged_inside(macs, world.macs[Port("pod", "vxlan0")] + bytes([2, 0, 0, 0, 0, 9]), number) for number in range(4)]
            before = world.begin()
            for frame in sent:
                world.send(end, Virtio(), frame)
            observed = world.observe(before, MARK, _ended, 2)
    except Untestable as why:
        pytest.skip(f"it cannot be made here: {why}")
    said = {one.fate for one in predictions(Origin(topology, "far", sent[0], Skb()), {"far"}, {})}
    assert said == ({Fate.ACCEPTED, Fate.REJECTED} if lists else {Fate.REJECTED})
    assert (MARK in observed.delivered.get("pod", b"")) is lists
    assert observed.counted["pod"].get("Udp.InCsumErrors", 0) == (0 if lists else 4)


def _ended(observed: Observed) -> bool:
    return "pod" in observed.delivered or observed.counted["pod"].get("Udp.InCsumErrors", 0) == 4
