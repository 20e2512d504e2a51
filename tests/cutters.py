"""Hosts whose links have different MTUs, and datagrams that have to be cut on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator

import frames

from csumlab.inet import residue
from csumlab.state import Skb, State
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology


def _device(domain: str, name: str, mtu: int, address: str = "", words: str = "") -> str:
    addresses = f'address = ["10.{address}/24", "fd00:{address.replace(".0.", "::")}/64"]\n' if address else ""
    return f'[domain.{domain}.device.{name}]\nkind = "veth"\nmtu = {mtu}\n{addresses}{words}'


def _gates(domain: str, device: str, number: int, host: int) -> str:
    four = f'[[domain.{domain}.route]]\nto = "default"\ndevice = "{device}"\nvia = "10.{number}.0.{host}"\n'
    return four + f'[[domain.{domain}.route]]\nto = "::/0"\ndevice = "{device}"\nvia = "fd00:{number}::{host}"\n'


def routers(first: int, second: int, third: int, tracked: bool, rules: str = "") -> str:
    """A guest, two routers and another guest, with the MTUs of the three cables between them. The second router tracks connections."""
    text = (
        'at = "r:va"\n[domain.a]\n'
        + _device("a", "eth0", first, "1.0.11", 'peer = "r:va"\n')
        + _gates("a", "eth0", 1, 1)
        + "[domain.r]\nforwarding = true\n"
        + _device("r", "va", first, "1.0.1")
        + _device("r", "vb", second, "2.0.1", 'peer = "s:va"\n')
        + _gates("r", "vb", 2, 2)
        + f"[domain.s]\nforwarding = true\nconntrack = {str(tracked).lower()}\n"
        + _device("s", "va", second, "2.0.2")
        + _device("s", "vb", third, "3.0.1", 'peer = "b:eth0"\n')
        + _gates("s", "va", 2, 1)
        + rules
        + "[domain.b]\n"
        + _device("b", "eth0", third, "3.0.22")
        + _gates("b", "eth0", 3, 1)
    )
    return text


STATELESS = '[[domain.s.nat]]\nkind = "snat"\ndevice = "vb"\nsource = "SOURCE"\naddress = "ADDRESS"\nby = "nft"\n'
NFT = "".join(
    STATELESS.replace("SOURCE", source).replace("ADDRESS", address)
    for source, address in (("10.1.0.0/24", "10.3.0.77"), ("fd00:1::/64", "fd00:3::77"))
)
SNAT = '[[domain.s.nat]]\nkind = "snat"\ndevice = "vb"\nsource = "10.1.0.0/24"\naddress = "10.3.0.77"\n'


NAT64 = '[[domain.s.nat64]]\naddress = "10.77.0.64"\ninside = "fd00:1::/64"\n'


def tunnel(sums: bool) -> str:
    """VXLAN between the two guests, whose packets are longer than their cables take."""
    text = routers(1500, 9000, 1500, tracked=True)
    for end, local, remote, number in (("a", "10.1.0.11", "10.3.0.22", 1), ("b", "10.3.0.22", "10.1.0.11", 2)):
        text += f'[domain.{end}.device.vxlan0]\nkind = "vxlan"\nmtu = 9000\nlocal = "{local}"\nremote = "{remote}"\n'
        text += f'address = ["10.9.0.{number}/24", "fd00:9::{number}/64"]\noptions = {{ udpcsum = {str(sums).lower()} }}\n'
    return text


def bridge(first: int, second: int, hooked: bool) -> str:
    """Two guests on a bridge whose ports have different MTUs; ``hooked``: bridge netfilter with connection tracking."""
    calls = '{ "net.bridge.bridge-nf-call-iptables" = true, "net.bridge.bridge-nf-call-ip6tables" = true }'
    text = (
        'at = "h:va"\n[domain.a]\n'
        + _device("a", "eth0", first, "1.0.11", 'peer = "h:va"\n')
        + "[domain.h]\n"
        + (f"conntrack = true\nsysctl = {calls}\n" if hooked else "")
        + _device("h", "va", first, words='bridge = "br0"\n')
        + _device("h", "vb", second, words='bridge = "br0"\npeer = "b:eth0"\n')
        + f'[domain.h.device.br0]\nkind = "bridge"\nmtu = {min(first, second)}\n[domain.b]\n'
        + _device("b", "eth0", second, "1.0.22")
    )
    return text


def of_kernel(preset: str, text: str) -> str:
    """The same hosts with another kernel."""
    return re.sub(r"(?m)^(\[domain\.\w+\])$", rf'\1\npreset = "{preset}"', text)


def hosts() -> dict[str, Topology]:
    """By name: the MTUs on the way, after "routed", "tunneled" or "bridged"."""
    texts = {
        "routed, 9000 1500 9000": routers(9000, 1500, 9000, tracked=False),
        "routed, 9000 1500 1400, snat": routers(9000, 1500, 1400, tracked=True, rules=SNAT),
        "routed, 9000 1500 9000, nft": routers(9000, 1500, 9000, tracked=False, rules=NFT),
        "routed, 1500 9000 1500, nft of 5.16": of_kernel("linux-5.14", routers(1500, 9000, 1500, tracked=False, rules=NFT)),
        "routed, 1500 9000 1500, nft of 5.6": of_kernel("linux-5.6", routers(1500, 9000, 1500, tracked=False, rules=NFT)),
        "routed, 1500 9000 1400": routers(1500, 9000, 1400, tracked=False),
        "routed, 1500 9000 1400, tracked": routers(1500, 9000, 1400, tracked=True),
        "routed, 1500 9000 1500, tracked": routers(1500, 9000, 1500, tracked=True),
        "exchanged, 1500 9000 1500": routers(1500, 9000, 1500, tracked=False, rules=NAT64),
        "tunneled": tunnel(sums=True),
        "tunneled, no outer sum": tunnel(sums=False),
        "bridged, 9000 1500": bridge(9000, 1500, hooked=False),
        "bridged, 9000 1500, hooked": bridge(9000, 1500, hooked=True),
        "bridged, 1500 9000, hooked": bridge(1500, 9000, hooked=True),
    }
    return {name: parse_topology(text) for name, text in texts.items()}


def some(kind: str, states: tuple[State | None, ...]) -> tuple[State | None, ...]:
    """Of a right datagram all states but levels, of others what its kernel makes and what nothing is known of."""
    told = kind in ("udp, large", "udp, large, partial")
    return tuple(one for one in states if one in (None, Skb()) or (told and not getattr(one, "level", 0)))


def ends_of(name: str) -> Iterator[tuple[str, str, str, int]]:
    if name.startswith("tunneled"):
        yield "a", "10.9.0.1", "10.9.0.2", 4
        yield "a", "fd00:9::1", "fd00:9::2", 6
        return
    if name.startswith("exchanged"):
        yield "a", "fd00:1::11", "64:ff9b::a03:16", 6
        yield "b", "10.3.0.22", "10.77.0.64", 4
        return
    far = "10.3.0.22" if name.startswith("routed") else "10.1.0.22"
    yield "a", "10.1.0.11", far, 4
    yield "a", "fd00:1::11", far.replace("10.", "fd00:").replace(".0.", "::"), 6


def packets(source: str, destination: str, version: int, payload: bytes) -> dict[str, bytes]:
    """Datagrams of some 2,800 bytes, right, damaged, unfinished and without a sum; with DF; one that fits."""
    long = (payload * 2800)[:2800] if payload else bytes(2800)

    def made(inner: frames.Frame) -> frames.Frame:
        return frames.ethernet((frames.ipv4 if version == 4 else frames.ipv6)(inner, source, destination))

    udp = made(frames.udp(long, 53))
    plan = udp.sums[-1]
    found = {
        "udp, large": udp.data,
        "udp, large, damaged": udp.data[:-1] + bytes([udp.data[-1] ^ 0x10]),
        "udp, large, partial": frames.patch(udp.data, plan.at, residue(plan.pseudo) or 0xFFFF),
        "udp, large, none": frames.patch(udp.data, plan.at, 0),
        "ping, large": made(frames.icmp(long) if version == 4 else frames.icmpv6(long)).data,
        "udp": made(frames.udp(payload, 53)).data,
    }
    if version == 4:
        found["udp, large, DF"] = frames.ethernet(frames.ipv4(frames.udp(long, 53), source, destination, fragment=0x4000)).data
    else:
        found["udp, large, extensions"] = frames.ethernet(
            frames.ipv6(frames.udp(long, 53), source, destination, extensions=((60, bytes([0, 0, 1, 4, 0, 0, 0, 0])),))
        ).data
    return found
