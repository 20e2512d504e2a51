"""Hosts that send and pass on packets to everybody, and such packets."""

from __future__ import annotations

from collections.abc import Iterator

import frames
from middleboxes import Middlebox, whole

from csumlab.topology.load import parse_topology

SEGMENT = """
at = "host:br0"
[domain.host]
preset = "PRESET"
[domain.host.device.br0]
kind = "bridge"
address = ["10.5.0.1/24", "fd00:5::1/64"]
[domain.host.device.v1]
kind = "veth"
bridge = "br0"
[domain.host.device.v2]
kind = "veth"
bridge = "br0"
[domain.one]
preset = "PRESET"
[domain.one.device.eth0]
kind = "veth"
peer = "host:v1"
address = ["10.5.0.11/24", "fd00:5::11/64"]
[domain.two]
preset = "PRESET"
[domain.two.device.eth0]
kind = "veth"
peer = "host:v2"
address = ["10.5.0.12/24"]
READER
"""

ROUTER = """
at = "r:vb"
[domain.a]
preset = "PRESET"
[domain.a.device.eth0]
kind = "veth"
peer = "r:va"
address = ["10.1.0.11/24", "fd00:1::11/64"]
[domain.r]
preset = "PRESET"
[domain.r.device.va]
kind = "veth"
address = ["10.1.0.1/24", "fd00:1::1/64"]
[domain.r.device.vb]
kind = "veth"
peer = "b:eth0"
address = ["10.2.0.1/24", "fd00:2::1/64"]
[[domain.r.multicast]]
device = "va"
to = "vb"
[domain.b]
preset = "PRESET"
[domain.b.device.eth0]
kind = "veth"
address = ["10.2.0.22/24", "fd00:2::22/64"]
"""

TUNNELED = """
at = "one:br0"
[domain.one]
[domain.one.device.br0]
kind = "bridge"
address = ["10.5.0.1/24"]
[domain.one.device.vxlan0]
kind = "vxlan"
local = "192.0.2.1"
remote = "192.0.2.2"
bridge = "br0"
[domain.one.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.1/24"]
[domain.two]
[domain.two.device.br0]
kind = "bridge"
address = ["10.5.0.2/24"]
[domain.two.device.vxlan0]
kind = "vxlan"
local = "192.0.2.2"
remote = "192.0.2.1"
bridge = "br0"
[domain.two.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.2/24"]
"""


def every() -> Iterator[Middlebox]:
    for preset in ("linux-6.1", "linux-5.10", "xen-3.0.0"):
        veth = SEGMENT.replace("PRESET", preset)
        reader = 'reader = "dhcp-client"' if preset == "linux-6.1" else ""
        topology = parse_topology(veth.replace("READER", reader))
        for address in ("255.255.255.255", "10.5.0.255", "239.1.1.1", "ff05::1"):
            source = "fd00:5::1" if ":" in address else "10.5.0.1"
            yield Middlebox(f"everybody, {preset}, from the host to {address}", topology, "host", _packets(source, address))
        yield Middlebox(f"everybody, {preset}, from nobody yet", topology, "one", _packets("0.0.0.0", "255.255.255.255"), states=False)
    for preset in ("linux-6.1", "linux-5.10"):
        topology = parse_topology(ROUTER.replace("PRESET", preset))
        for address in ("239.1.1.1", "224.0.0.251", "ff05::1"):
            for origin, four in (("r", "10.1.0.1"), ("a", "10.1.0.11")):
                source = four.replace("10.1.0.", "fd00:1::") if ":" in address else four
                name = f"everybody, routed on by {preset}, from {origin} to {address}"
                yield Middlebox(name, topology, origin, _packets(source, address), states=origin == "r")
    yield Middlebox("everybody, tunneled", parse_topology(TUNNELED), "one", _packets("10.5.0.1", "10.5.0.255"), states=False)


def _packets(source: str, destination: str) -> dict[str, bytes]:
    packets = {"udp": whole(frames.udp(b"all", 68), source, destination)}
    packets["udp, none"] = frames.patch(packets["udp"], 14 + (40 if ":" in source else 20) + 6, 0)
    if destination == "239.1.1.1":
        packets["igmp"] = whole(frames.igmp(destination), source, destination)
        packets["igmp, damaged"] = packets["igmp"][:-1] + b"?"
    packets["udp, damaged"] = packets["udp"][:-1] + b"?"
    around = frames.ipv6 if ":" in source else frames.ipv4
    packets["udp, last hop"] = frames.ethernet(around(frames.udp(b"all", 68), source, destination, hops=1)).data
    return packets
