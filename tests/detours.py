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

_ELSEWHERE = (
    ENDS
    + """
[domain.none]
[domain.none.device.eth0]
kind = "veth"
peer = "host:vn"
[domain.host]
[domain.host.device.br0]
kind = "bridge"
[domain.host.device.br1]
kind = "bridge"
[domain.host.device.va]
kind = "veth"
"""
)
_PORT = '[domain.host.device.{}]\nkind = "veth"\n{}'
TURNED = {
    "handed in elsewhere": _ELSEWHERE
    + 'tc-in = "ingress redirect vn"\n'
    + _PORT.format("vn", 'bridge = "br0"\n')
    + _PORT.format("vb", 'bridge = "br0"\n'),
    "out of another device": _ELSEWHERE
    + 'bridge = "br0"\n'
    + _PORT.format("vn", 'bridge = "br0"\ntc-out = "redirect vb"\n')
    + _PORT.format("vb", "features = { tx = false }\n"),
    "on the way out handed in elsewhere": _ELSEWHERE
    + 'bridge = "br0"\ntc-out = "redirect vn"\n'
    + _PORT.format("vn", 'bridge = "br0"\ntc-out = "ingress redirect vw"\n')
    + _PORT.format("vw", 'peer = "none:eth1"\nbridge = "br1"\n')
    + '[domain.none.device.eth1]\nkind = "veth"\n'
    + _PORT.format("vb", 'bridge = "br1"\n'),
}
"""Where tc sends frames not out of the device that they came by: as if they came in by another, or what would leave by one."""


def copied(device: str, way: str, more: str = "", span: str = "") -> str:
    """A bridge of two guests and a copy of what passes ``device``, for a third who looks at copies; ``span`` are words of the device that
    the copy leaves by."""
    return (
        ENDS
        + "[domain.host]\n"
        + _PORT.format("va", 'bridge = "br0"\n')
        + _PORT.format("vb", 'bridge = "br0"\n')
        + _PORT.format("vm", f'peer = "sensor:eth0"\n{span}\n')
        + '[domain.host.device.br0]\nkind = "bridge"\n'
        + f'[[domain.host.copy]]\ndevice = "{device}"\nway = "{way}"\nto = "vm"\n{more}\n'
        + '[domain.sensor]\n[domain.sensor.device.eth0]\nkind = "veth"\n'
    )


def copied_into_a_tunnel(reader: str = "") -> str:
    """As above, with the copies sent to the third in GRE, as routers send them to an analyser far away."""
    text = copied("va", "in").replace('to = "vm"', 'to = "gretap0"')
    text = text.replace('peer = "sensor:eth0"', 'peer = "sensor:eth0"\naddress = ["10.9.0.1/24"]').replace(
        '[domain.sensor.device.eth0]\nkind = "veth"', '[domain.sensor.device.eth0]\nkind = "veth"\naddress = ["10.9.0.2/24"]'
    )
    for domain, local, remote, more in (("host", 1, 2, ""), ("sensor", 2, 1, reader)):
        text += f'[domain.{domain}.device.gretap0]\nkind = "gretap"\nlocal = "10.9.0.{local}"\nremote = "10.9.0.{remote}"\n{more}\n'
    return text


def every() -> Iterator[Middlebox]:
    packets = {f"{kind}, IPv{version}": frame for version in (4, 6) for kind, frame in _packets(version).items()}
    for tx in ("true", "false"):
        yield Middlebox(f"redirected, sums left {tx}", parse_topology(ACROSS.replace("OUT", tx)), "a", packets)
    for before, after in (("true", "true"), ("false", "true"), ("true", "false")):
        topology = parse_topology(SHAPED.replace("IN", before).replace("OUT", after))
        yield Middlebox(f"shaped, sums left {before} {after}", topology, "a", packets)
    for name, text in TURNED.items():
        yield Middlebox(name, parse_topology(text), "a", packets)
    for name, text in (("copied in", copied("va", "in")), ("copied out", copied("vb", "out", 'protocol = "udp"'))):
        yield Middlebox(name, parse_topology(text), "a", packets)
    yield Middlebox("copied into a tunnel", parse_topology(copied_into_a_tunnel()), "a", packets)
    marked = SHAPED.replace("IN", "true").replace("OUT", "true").replace('kind = "bridge"', 'kind = "bridge"\naddress = ["10.1.0.1/24"]')
    hooked = 'conntrack = true\nsysctl = { "net.bridge.bridge-nf-call-iptables" = true }\n'
    topology = parse_topology(marked.replace("[domain.host]\n", f"[domain.host]\n{hooked}"))
    yield Middlebox("shaped, conntrack", topology, "a", {kind: frame for kind, frame in packets.items() if kind.endswith("4")})


def _packets(version: int) -> dict[str, bytes]:
    ends = ("10.1.0.11", "10.1.0.22") if version == 4 else ("fd00:1::11", "fd00:1::22")
    found = {"tcp": frames.tcp(b"data"), "udp": frames.udp(b"data", 53), "sctp": frames.sctp(b"data")}
    made = {kind: whole(inner, *ends) for kind, inner in found.items()}
    return {**made, "udp, damaged": made["udp"][:-1] + b"!"}
