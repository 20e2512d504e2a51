"""Hosts whose guests leave long datagrams whole (UDP fragmentation offload), and datagrams that tell what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator

import frames
from middleboxes import Middlebox, whole

from csumlab.inet import residue
from csumlab.topology.load import parse_topology

ENDS = """
at = "host:vb"
[domain.a]
preset = "GUEST"
[domain.a.device.eth0]
kind = "virtio"
mtu = INNER
FLAGS
address = ["10.1.0.11/24", "fd00:1::11/64"]
[[domain.a.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
[[domain.a.route]]
to = "::/0"
device = "eth0"
via = "fd00:1::1"
[domain.b]
preset = "PRESET"
[domain.b.device.eth0]
kind = "veth"
mtu = OUTER
address = ["10.NET.0.22/24", "fd00:NET::22/64"]
[[domain.b.route]]
to = "default"
device = "eth0"
via = "10.NET.0.1"
[[domain.b.route]]
to = "::/0"
device = "eth0"
via = "fd00:NET::1"
"""

BRIDGED = (
    ENDS.replace("NET", "1")
    + """
[domain.host]
preset = "PRESET"
HOST
[domain.host.device.tap0]
kind = "tap"
peer = "a:eth0"
bridge = "br0"
mtu = INNER
OPTIONS
[domain.host.device.vb]
kind = "veth"
peer = "b:eth0"
bridge = "br0"
mtu = OUTER
FEATURES
[domain.host.device.br0]
kind = "bridge"
mtu = INNER
"""
)
ROUTED = (
    ENDS.replace("NET", "2")
    + """
[domain.host]
preset = "PRESET"
forwarding = true
HOST
[domain.host.device.tap0]
kind = "tap"
peer = "a:eth0"
mtu = INNER
address = ["10.1.0.1/24", "fd00:1::1/64"]
OPTIONS
[domain.host.device.vb]
kind = "veth"
peer = "b:eth0"
mtu = OUTER
address = ["10.2.0.1/24", "fd00:2::1/64"]
FEATURES
"""
)
MASQUERADE = """
[[domain.host.nat]]
kind = "masquerade"
device = "vb"
source = "10.1.0.0/24"
"""
CARD = """
at = "host:eth0"
[domain.host]
preset = "PRESET"
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
address = ["10.1.0.11/24", "fd00:1::11/64"]
features = { tx-udp-fragmentation = true }
MORE
[domain.there]
[domain.there.device.eth0]
kind = "nic"
wire = "lan"
address = ["10.1.0.22/24", "fd00:1::22/64"]
"""
UNFLAGGED = "options = { gso-unflagged = true }"
UNTAKEN = "features = { tx-udp-fragmentation = false }"


def _host(text: str, preset: str, guest: str = "", *mtus: int, **words: str) -> str:
    inner, outer = mtus or (1500, 1500)
    found = {"PRESET": preset, "GUEST": guest or preset, "INNER": str(inner), "OUTER": str(outer)}
    for word, value in {**dict.fromkeys(("FLAGS", "HOST", "OPTIONS", "FEATURES", "MORE"), ""), **found, **words}.items():
        text = text.replace(word, value)
    return text


def every() -> Iterator[Middlebox]:
    across, through = _packets("10.1.0.22", "fd00:1::22"), _packets("10.2.0.22", "fd00:2::22")
    four = {kind: frame for kind, frame in across.items() if kind.endswith("4")}
    for preset in ("linux-6.1", "linux-4.9", "linux-4.4", "linux-3.10"):
        guest = "linux-4.9" if preset == "linux-6.1" else preset
        packets = across if preset in ("linux-6.1", "linux-3.10") else four
        yield _box(f"bridged, {preset}", _host(BRIDGED, preset, guest), packets)
        if preset != "linux-6.1":
            yield _box(f"bridged, {preset}, not taken", _host(BRIDGED, preset, guest, FEATURES=UNTAKEN), packets)
    yield _box("no flag", _host(BRIDGED, "linux-6.1", "linux-4.9", FLAGS=UNFLAGGED), across)
    merging = {"OPTIONS": "options = { napi = true }", "FLAGS": UNFLAGGED}
    yield _box("merging", _host(BRIDGED, "linux-6.1", "linux-4.9", **merging), four)
    for name, rule in (("routed", ""), ("masquerade", MASQUERADE)):
        yield _box(name, _host(ROUTED, "linux-6.1", "linux-4.9", FLAGS=UNFLAGGED, HOST="conntrack = true") + rule, through)
    yield _box("routed, cut again", _host(ROUTED, "linux-6.1", "linux-4.9", 2600, 1500), through)
    yield _box("bridged, longer than a port's MTU", _host(BRIDGED, "linux-6.1", "linux-4.9", 2600, 1500), four)
    yield _box("bridged, not longer than every MTU", _host(BRIDGED, "linux-4.9", "linux-4.9", 1500, 9000), four)
    yield _box("card that cuts none", _host(CARD.replace("features = { tx-udp-fragmentation = true }", ""), "linux-4.9"), four, "host")
    yield _box("card", _host(CARD, "linux-4.9"), across, "host")
    yield _box("card that does not fill", _host(CARD, "linux-4.9", MORE='card = "tx-unfilled"'), four, "host")


def _box(name: str, text: str, packets: dict[str, bytes], origin: str = "a") -> Middlebox:
    return Middlebox(f"long datagrams, {name}", parse_topology(text), origin, packets)


def _packets(four: str, six: str) -> dict[str, bytes]:
    found = {}
    for version, ends in ((4, ("10.1.0.11", four)), (6, ("fd00:1::11", six))):
        datagram = whole(frames.udp(b"long " * 800, 53), *ends)
        at = 14 + (20 if version == 4 else 40) + 6
        found[f"udp, IPv{version}"] = datagram
        found[f"udp, damaged, IPv{version}"] = datagram[:-1] + b"!"
        found[f"udp, none, IPv{version}"] = frames.patch(datagram, at, 0)
        found[f"udp, sum of zero, IPv{version}"] = _summed_to_zero(datagram, at)
    return found


def _summed_to_zero(frame: bytes, at: int) -> bytes:
    """With a last word that makes the sum come out as 0, which is written as ffff."""
    field = int.from_bytes(frame[at : at + 2], "big")
    last = residue(frame[-2:] + field.to_bytes(2, "big"))
    return frames.patch(frames.patch(frame, len(frame) - 2, last), at, 0xFFFF)
