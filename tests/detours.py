"""Hosts in which tc sends frames to other devices, and frames that tell what that does."""

from __future__ import annotations

from collections.abc import Iterator

import frames
from middleboxes import Middlebox, whole

from csumlab.topology.load import parse_topology

ENDS = """
at = "host:vb"
[domain.a]
[domain.a.device.eth0]
kind = "veth"
peer = "host:va"
address = ["10.1.0.11/24", "fd00:1::11/64"]
[domain.b]
[domain.b.device.eth0]
kind = "veth"
peer = "host:vb"
address = ["10.1.0.22/24", "fd00:1::22/64"]
"""

ACROSS = (
    ENDS
    + """
[domain.host]
[domain.host.device.va]
kind = "veth"
tc-in = "redirect vb"
[domain.host.device.vb]
kind = "veth"
features = { tx = OUT }
tc-in = "redirect va"
"""
)
"""As container runtimes join a device of a container and the tap of a guest."""

SHAPED = (
    ENDS
    + """
[domain.host]
[domain.host.device.va]
kind = "veth"
bridge = "br0"
tc-in = "redirect ifb0"
[domain.host.device.ifb0]
kind = "ifb"
features = { tx = IN }
[domain.host.device.vb]
kind = "veth"
bridge = "br0"
tc-out = "redirect ifb1"
[domain.host.device.ifb1]
kind = "ifb"
features = { tx = OUT }
[domain.host.device.br0]
kind = "bridge"
"""
)
"""As shapers of what comes in have it."""


def every() -> Iterator[Middlebox]:
    packets = {f"{kind}, IPv{version}": frame for version in (4, 6) for kind, frame in _packets(version).items()}
    for tx in ("true", "false"):
        yield Middlebox(f"redirected, sums left {tx}", parse_topology(ACROSS.replace("OUT", tx)), "a", packets)
    for before, after in (("true", "true"), ("false", "true"), ("true", "false")):
        topology = parse_topology(SHAPED.replace("IN", before).replace("OUT", after))
        yield Middlebox(f"shaped, sums left {before} {after}", topology, "a", packets)
    marked = SHAPED.replace("IN", "true").replace("OUT", "true").replace('kind = "bridge"', 'kind = "bridge"\naddress = ["10.1.0.1/24"]')
    hooked = 'conntrack = true\nsysctl = { "net.bridge.bridge-nf-call-iptables" = true }\n'
    topology = parse_topology(marked.replace("[domain.host]\n", f"[domain.host]\n{hooked}"))
    yield Middlebox("shaped, conntrack", topology, "a", {kind: frame for kind, frame in packets.items() if kind.endswith("4")})


def _packets(version: int) -> dict[str, bytes]:
    ends = ("10.1.0.11", "10.1.0.22") if version == 4 else ("fd00:1::11", "fd00:1::22")
    found = {"tcp": frames.tcp(b"data"), "udp": frames.udp(b"data", 53), "sctp": frames.sctp(b"data")}
    made = {kind: whole(inner, *ends) for kind, inner in found.items()}
    return {**made, "udp, damaged": made["udp"][:-1] + b"!"}
