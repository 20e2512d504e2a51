"""A router whose card lists datagrams (fraglist GRO), and the packets of a tunnel that it sends on."""

from __future__ import annotations

from collections.abc import Iterator

import frames
from middleboxes import Middlebox, whole

from csumlab.topology.load import parse_topology

HOST = """
at = "pod:vxlan0"
[domain.far]
[domain.far.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.7/24"]
[domain.far.device.vxlan0]
kind = "vxlan"
options = { udpcsum = SUMMED }
local = "192.0.2.7"
remote = "10.9.0.2"
address = ["10.244.0.1/16"]
[[domain.far.route]]
to = "10.9.0.0/24"
device = "eth0"
via = "192.0.2.9"
[domain.host]
preset = "PRESET"
forwarding = true
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.9/24"]
features = { rx-gro-list = LISTS, rx-checksum = VERIFIES }
[domain.host.device.veth1]
kind = "veth"
peer = "pod:eth0"
address = ["10.9.0.1/24"]
[domain.pod]
preset = "PRESET"
[domain.pod.device.eth0]
kind = "veth"
address = ["10.9.0.2/24"]
[domain.pod.device.vxlan0]
kind = "vxlan"
local = "10.9.0.2"
remote = "192.0.2.7"
address = ["10.244.3.3/16"]
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "10.9.0.1"
"""


def every() -> Iterator[Middlebox]:
    ends = ("10.244.0.1", "10.244.3.3")
    made = {"tcp": whole(frames.tcp(b"data"), *ends), "udp": whole(frames.udp(b"data", 53), *ends)}
    packets = {**made, **{f"{kind}, damaged": frame[:-1] + b"!" for kind, frame in made.items()}}
    for name, preset, lists, verifies, summed in (
        ("", "linux-6.1", "true", "true", "true"),
        (", card verifies nothing", "linux-6.1", "true", "false", "true"),
        (", no outer sum", "linux-6.1", "true", "true", "false"),
        (", no lists", "linux-6.1", "false", "true", "true"),
    ):
        words = {"PRESET": preset, "LISTS": lists, "VERIFIES": verifies, "SUMMED": summed}
        text = HOST
        for word, value in words.items():
            text = text.replace(word, value)
        yield Middlebox(f"datagrams in lists{name}", parse_topology(text), "far", packets)
