"""Nodes of a mesh, what one of them sends to the other and to everybody, and a gateway that bridges its clients into it."""

from __future__ import annotations

from collections.abc import Iterator

import frames
from middleboxes import Middlebox, whole

from csumlab.topology.load import parse_topology

NODE = """
at = "node:eth0"
[domain.node]
preset = "PRESET"
[domain.node.device.eth0]
kind = "nic"
wire = "backhaul"
card = "rx-complete"
[domain.node.device.bat0]
kind = "batman"
lower = "eth0"
bridge = "clients"
[domain.node.device.clients]
kind = "bridge"
address = ["10.5.0.1/24", "fd00:5::1/64"]
"""
OTHER = """
[domain.other]
preset = "PRESET"
[domain.other.device.eth0]
kind = "nic"
wire = "backhaul"
[domain.other.device.bat0]
kind = "batman"
lower = "eth0"
address = ["10.5.0.2/24", "fd00:5::2/64"]
"""


def every() -> Iterator[Middlebox]:
    alone = parse_topology(NODE.replace("PRESET", "linux-6.1"))
    for preset in ("linux-6.1", "linux-6.12", "linux-5.10"):
        topology = parse_topology((NODE + OTHER).replace("PRESET", preset))
        for address in ("10.5.0.1", "10.5.0.255", "239.1.1.1", "fd00:5::1", "ff05::1"):
            source = "fd00:5::2" if ":" in address else "10.5.0.2"
            packets = {"udp": whole(frames.udp(b"to all", 68), source, address), "tcp": whole(frames.tcp(b"to one"), source, address)}
            packets |= {f"{name}, damaged": frame[:-1] + b"?" for name, frame in packets.items()}
            if preset == "linux-6.1":
                yield Middlebox(f"mesh, to {address} from elsewhere", alone, "outside", packets)
            yield Middlebox(f"mesh, {preset}, to {address}", topology, "other", packets, states=preset == "linux-6.1")
