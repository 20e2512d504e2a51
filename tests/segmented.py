"""Sites that are joined by segment routing, and what crosses them: to the site behind, to the far gateway itself, through a segment on the
way and one of the far gateway's own."""

from __future__ import annotations

from collections.abc import Iterator

import frames
from middleboxes import Middlebox, whole

from csumlab.topology.load import parse_topology

SITES = """
at = "far:wan0"
[domain.left.device.lan0]
kind = "veth"
peer = "near:lan0"
address = ["10.1.0.2/24", "fd01::2/64"]
[[domain.left.route]]
to = "default"
device = "lan0"
via = "10.1.0.1"
[[domain.left.route]]
to = "::/0"
device = "lan0"
via = "fd01::1"
[domain.near]
forwarding = true
[domain.near.device.lan0]
kind = "veth"
address = ["10.1.0.1/24", "fd01::1/64"]
[domain.near.device.wan0]
kind = "nic"
wire = "wan"
address = ["fd00::1/64"]
[domain.near.device.policy]
kind = "seg6"
local = "fc00:a::d"
remote = "fc00:b::d"
NEAR
[[domain.near.route]]
to = "10.3.0.0/24"
device = "policy"
[[domain.near.route]]
to = "fd03::/64"
device = "policy"
[[domain.near.route]]
to = "fc00::/16"
device = "wan0"
via = "fd00::9"
[domain.far]
forwarding = true
FAR
[domain.far.device.wan0]
kind = "nic"
wire = "wan"
card = "rx-complete"
address = ["fd00::9/64"]
[domain.far.device.policy]
kind = "seg6"
local = "fc00:b::d"
remote = "fc00:a::d"
[domain.far.device.lan0]
kind = "veth"
peer = "right:lan0"
address = ["10.3.0.1/24", "fd03::1/64"]
[[domain.far.route]]
to = "10.1.0.0/24"
device = "policy"
[[domain.far.route]]
to = "fd01::/64"
device = "policy"
[[domain.far.route]]
to = "fc00::/16"
device = "wan0"
via = "fd00::1"
[domain.right.device.lan0]
kind = "veth"
address = ["10.3.0.2/24", "fd03::2/64"]
[[domain.right.route]]
to = "default"
device = "lan0"
via = "10.3.0.1"
[[domain.right.route]]
to = "::/0"
device = "lan0"
via = "fd03::1"
"""
THROUGH = ('segments = ["fc00:b::e"]', 'segments = ["fc00:b::e"]')
ASTRAY = ('segments = ["fc00:b::e", "fd00::9"]', 'segments = ["fc00:b::e"]')
WAYS = {"straight": ("", ""), "through End": THROUGH, "End to its host": ASTRAY}


def every() -> Iterator[Middlebox]:
    for name, (near, far) in WAYS.items():
        topology = parse_topology(SITES.replace("NEAR", near).replace("FAR", far))
        for origin, source, to in (("left", "10.1.0.2", "10.3.0.2"), ("left", "fd01::2", "fd03::1"), ("near", "10.1.0.1", "10.3.0.1")):
            packets = {
                "tcp": whole(frames.tcp(b"along the segments"), source, to),
                "udp": whole(frames.udp(b"along the segments", 53), source, to),
            }
            packets |= {f"{kind}, damaged": frame[:-1] + b"?" for kind, frame in packets.items()}
            packets["tcp, long"] = whole(frames.tcp(b"segment." * 250), source, to)
            yield Middlebox(f"segments, {name}, to {to}", topology, origin, packets)
    bare = parse_topology(SITES.replace("NEAR", THROUGH[0]).replace("FAR", THROUGH[1]).replace('card = "rx-complete"\n', ""))
    carried = {"tcp": whole(frames.tcp(b"along the segments"), "fd01::2", "fd03::2")}
    yield Middlebox("segments, through End, another card", bare, "left", carried)
    through = parse_topology(SITES.replace("NEAR", THROUGH[0]).replace("FAR", THROUGH[1]))
    asked = {"udp": whole(frames.udp(b"to a segment", 53), "fd00::1", "fc00:b::e")}
    yield Middlebox("segments, to one itself", through, "near", asked, states=False)
    # What is taken out goes to a neighbour (End.DX4): to the site, whoever of it is meant, and nothing of IPv6.
    across = parse_topology(SITES.replace("NEAR", "").replace("FAR", 'neighbours = { "fc00:b::d" = "10.3.0.2" }'))
    for source, to in (("10.1.0.2", "10.3.0.2"), ("10.1.0.2", "10.3.0.1"), ("fd01::2", "fd03::2")):
        handed = {"tcp": whole(frames.tcp(b"along the segments"), source, to), "ping": whole(frames.icmp(b"along"), source, to)}
        handed = {"tcp": handed["tcp"]} if ":" in to else handed
        yield Middlebox(f"segments, to a neighbour, to {to}", across, "left", handed)
