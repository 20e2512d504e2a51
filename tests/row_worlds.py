"""The worlds in which a real kernel was asked, as topologies; the frames that were put in; and what came out, in the words of the rows.

tests/oracle_rows/linux-6.18.json has the rows. A frame is written into the tap ``dut:ta`` with a virtio header, and read at ``tb``, which
is what two virtual machines would do.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import frames
from frames import Frame

from csumlab.classes import headers_of
from csumlab.dissection import Checksum, dissect_packet
from csumlab.headers import Kind, Layer
from csumlab.inet import negate, residue
from csumlab.packet import Header
from csumlab.plain.packet import FramePacket
from csumlab.state import Bare, Skb, State, Summed, Virtio
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.options import BRIDGE_CALLS
from csumlab.trace import Hop, Trace
from csumlab.walk import Walker

ETHERNET = 14
_PAYLOAD = b"a payload that every program would know again, and long enough to be damaged"


@dataclass(frozen=True)
class World:
    """A topology, who sends, from where to where (by IP version), and the port and stage at which it is looked at; "" for the socket at
    the end. ``choices`` are those of the walk."""

    text: str
    sources: tuple[str, str] = ("10.1.0.23", "fd00:1::23")
    destinations: tuple[str, str] = ("10.2.0.2", "fd00:2::2")
    origin: str = "guest"
    port: str = "dut:tb"
    stage: str = "tap-transmit"
    link: int = ETHERNET
    payload: bytes = _PAYLOAD
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def topology(self) -> Topology:
        return _parsed(self.text)


@cache
def _parsed(text: str) -> Topology:
    return parse_topology(text)


def device(name: str, kind: str, **words: object) -> str:
    """A device table of ``domain:device``."""
    domain, _, short = name.partition(":")
    lines = [f'[domain.{domain}.device."{short}"]', f'kind = "{kind}"', *(f"{word} = {_toml(value)}" for word, value in words.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{word}" = {_toml(item)}' for word, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"'


def route(domain: str, to: str, leaving: str, via: str = "") -> str:
    return f'[[domain.{domain}.route]]\nto = "{to}"\ndevice = "{leaving}"\n' + (f'via = "{via}"\n' if via else "")


def guest(way_out: bool = True) -> str:
    """Who writes into ``ta``."""
    text = device("guest:eth0", "virtio", peer="dut:ta", address=["10.1.0.23/24", "fd00:1::23/64"])
    return text + (route("guest", "default", "eth0", "10.1.0.1") + route("guest", "::/0", "eth0", "fd00:1::1") if way_out else "")


def reader(tap: str, offered: bool, *, addresses: tuple[str, str] = ("10.2.0.2/24", "fd00:2::2/64"), **words: Any) -> str:
    """A tap and who reads it; ``offered`` says that sums may be left to the reader. The encapsulation features of a tap are Linux 6.17's
    (drivers/net/tun.c tun_net_initialize)."""
    options = {"TUN_F_CSUM": offered, **words.pop("options", {})}
    features = {"hw-enc-checksum": offered, **words.pop("features", {})}
    return device(tap, "tap", peer="peer:eth0", options=options, features=features, **words) + device(
        "peer:eth0", "virtio", address=list(addresses)
    )


BRIDGED = ("10.1.0.3/24", "fd00:1::3/64")
OWN = {"ta": ["10.1.0.1/24", "fd00:1::1/64"], "tb": ["10.2.0.1/24", "fd00:2::1/64"]}


def bridge(offered: bool, **way_in: object) -> World:
    text = guest(False) + device("dut:ta", "tap", bridge="br0", **way_in) + device("dut:br0", "bridge")
    return World(text + reader("dut:tb", offered, addresses=BRIDGED, bridge="br0"), destinations=("10.1.0.3", "fd00:1::3"))


def hooked_bridge(offered: bool) -> World:
    """A bridge whose packets pass the hooks of IP."""
    calls = ", ".join(f'"{name}" = true' for name in BRIDGE_CALLS.values())
    plain = bridge(offered)
    return replace(plain, text=f"[domain.dut]\nsysctl = {{ {calls} }}\n{plain.text}")


def routed(offered: bool, settings: str = "", rules: str = "", way_in: dict[str, object] | None = None, **way_out: Any) -> World:
    text = guest() + f"[domain.dut]\nforwarding = true\n{settings}" + device("dut:ta", "tap", address=OWN["ta"], **way_in or {})
    return World(text + reader("dut:tb", offered, address=OWN["tb"], **way_out) + rules)


def cutting(offered: bool) -> World:
    """A router with a link that takes 600 bytes, and a frame that is longer."""
    return replace(routed(offered, mtu=600), payload=_PAYLOAD * 16)


def looped(variant: str) -> World:
    """What a host sends itself."""
    text = device("dut:lo", "loopback") + device("dut:ta", "tap", address=OWN["ta"], peer="guest:eth0")
    text += device("guest:eth0", "virtio", address=["10.1.0.23/24", "fd00:1::23/64"])
    own = {"lo": "127.0.0.1", "own address": "10.1.0.1", "multicast": "239.1.2.3"}[variant]
    source = "127.0.0.1" if variant == "lo" else "10.1.0.1"
    copy = {"which copy of what dut sends to everybody is followed": "looped back to the host that sends"}
    return World(text, (source, "::1"), (own, "::1"), "dut", "", "", choices=copy)


def _verify(variant: str) -> str:
    return f'sysctl = {{ "net.netfilter.nf_conntrack_checksum" = {"true" if variant.endswith("1") else "false"} }}\n'


def masquerade(offered: bool, variant: str) -> World:
    return routed(offered, _verify(variant), '[[domain.dut.nat]]\nkind = "masquerade"\ndevice = "tb"\nto-port = 1500\n')


def dnat(offered: bool, variant: str) -> World:
    rules = "".join(
        f'[[domain.dut.nat]]\nkind = "dnat"\ndevice = "ta"\nprotocol = "{protocol}"\nport = 7777\naddress = "{address}"\nto-port = 99\n'
        for protocol in ("tcp", "udp")
        for address in ("10.2.0.2", "fd00:2::2")
    )
    return replace(routed(offered, _verify(variant), rules), destinations=("10.1.0.1", "fd00:1::1"))


def veth(offered: bool, variant: str) -> World:
    off = {"features": {"tx": False}} if "tx off" in variant else {}
    text = guest(False) + device("dut:ta", "tap", bridge="br0") + device("dut:br0", "bridge")
    text += device("dut:va", "veth", bridge="br0", peer="far:vb", **off) + device("far:vb", "veth", bridge="br1", **off)
    text += device("far:br1", "bridge") + reader("far:tb", offered, addresses=BRIDGED, bridge="br1")
    return World(text, destinations=("10.1.0.3", "fd00:1::3"), port="far:tb")


def local(settings: str = "", **way_in: object) -> World:
    text = guest() + f"[domain.dut]\n{settings}" + device("dut:ta", "tap", address=OWN["ta"], **way_in)
    return World(text, destinations=("10.1.0.1", "fd00:1::1"), port="", stage="")


_OFFICE = (
    device("office:eth0", "nic", wire="lan", address=["192.0.2.9/24"])
    + route("office", "10.1.0.0/24", "tun0")
    + route("office", "fd00:1::/64", "tun0")
)


def vpn(offered: bool, header: bool, origin: str = "guest") -> World:
    """``dut`` has a tun device on which a program reads; the program's other half is ``office``, behind which is a reader."""
    options = {"vnet-hdr": header, "TUN_F_CSUM": offered}
    text = guest() + "[domain.dut]\nforwarding = true\n" + device("dut:ta", "tap", address=OWN["ta"])
    text += device("dut:eth0", "nic", wire="lan", address=["192.0.2.1/24"])
    text += device("dut:tun0", "vpn", local="192.0.2.1", remote="192.0.2.9", options=options, address=["10.8.0.1/24", "fd00:8::1/64"])
    text += route("dut", "10.2.0.0/24", "tun0") + route("dut", "fd00:2::/64", "tun0")
    text += "[domain.office]\nforwarding = true\n" + _OFFICE
    text += device("office:tun0", "vpn", local="192.0.2.9", remote="192.0.2.1", address=["10.8.0.2/24", "fd00:8::2/64"])
    text += reader("office:tb", False, address=OWN["tb"])
    return World(text, origin=origin, port="dut:tun0", stage="tun-read", link=0)


def from_vpn(offered: bool) -> World:
    """A program writes what comes out of its tunnel to ``dut:tun0``."""
    text = "[domain.dut]\nforwarding = true\n" + device("dut:eth0", "nic", wire="lan", address=["192.0.2.1/24"])
    text += device("dut:tun0", "vpn", local="192.0.2.1", remote="192.0.2.9", address=["10.1.0.1/24", "fd00:1::1/64"])
    text += device("office:eth0", "nic", wire="lan", address=["192.0.2.9/24"]) + route("office", "10.2.0.0/24", "tun0")
    text += device("office:tun0", "vpn", local="192.0.2.9", remote="192.0.2.1", address=["10.1.0.23/24", "fd00:1::23/64"])
    text += route("office", "fd00:2::/64", "tun0") + reader("dut:tb", offered, address=OWN["tb"])
    return World(text, origin="office")


def vxlan(offered: bool, variant: str) -> World:
    four, sums = variant.endswith("v4"), variant.startswith("udpcsum")
    ends = ("10.2.0.1", "10.2.0.2") if four else ("fd00:2::1", "fd00:2::2")
    tunnel = device(
        "dut:vxlan0", "vxlan", local=ends[0], remote=ends[1], address=["10.3.0.1/24", "fd00:3::1/64"], options={"udpcsum": sums}
    )
    return replace(routed(offered, rules=tunnel), destinations=("10.3.0.2", "fd00:3::2"))


def pair(variant: str, state: str) -> World:
    """Two hosts and a veth pair between them; captures at both ends."""
    words: dict[str, object] = {"features": {"tx": False}} if state == "tx off" else {}
    if state.endswith("checksum-fill"):
        words = {"options": {"checksum-fill": True}}
    text = device("a:va", "veth", peer="b:vb", address=OWN["ta"], **words) + device("b:vb", "veth", address=list(BRIDGED))
    port = "a:va" if variant.startswith("sender") else "b:vb"
    return World(text, ("10.1.0.1", "fd00:1::1"), ("10.1.0.3", "fd00:1::3"), "a", port, "tap")


def frame(protocol: str, sender: str, receiver: str, payload: bytes = _PAYLOAD) -> Frame:
    """An Ethernet frame with right sums, to port 7777."""
    body = Frame(payload)
    head, layer, kind = {
        "udp": (struct.pack("!HHHH", 20011, 7777, 8 + len(payload), 0), Layer.UDP, Kind.UDP),
        "tcp": (struct.pack("!HHIIBBHHH", 20011, 7777, 7, 0, 5 << 4, 2, 8192, 0, 0), Layer.TCP, Kind.TCP),
        "icmp": (struct.pack("!BBHHH", 8 if protocol[-1] == "4" else 128, 0, 0, 77, 1), Layer.ICMP, Kind.ICMP),
    }[protocol[:-1]]
    if protocol == "icmp6":
        layer, kind = Layer.ICMPV6, Kind.ICMPV6
    upper = body.inside(head, layer, pending=kind)
    return frames.ethernet(frames.ipv4(upper, sender, receiver) if protocol[-1] == "4" else frames.ipv6(upper, sender, receiver))


@dataclass(frozen=True)
class Put:
    """A frame as it is put in, the virtio header before it, and the wrong sum's residue."""

    state: str
    data: bytes
    needs: bool
    valid: bool
    damaged: bool
    residue: int | None


def put(protocol: str, state: str, world: World) -> Put:
    """A frame in one of the states of the rows."""
    version = int(protocol[-1] == "6")
    made = frame(protocol, world.sources[version], world.destinations[version], world.payload)
    plan, data = made.sums[-1], made.data
    seed = residue(plan.pseudo) or (0xFFFF if plan.pseudo else 0)
    values = {"partial": seed, "partial_dmg": seed, "nc_dv": seed, "flag0_partial": seed, "udp0": 0, "udp0_bad": 0, "nc_seed0": 0}
    if state in values:
        data = frames.patch(data, plan.at, values[state])
    damaged = state in ("bad", "dv_bad", "udp0_bad", "nc_full_bad", "partial_dmg", "bad_src", "ipbad")
    if state == "bad_src":
        at = 14 + (15 if protocol[-1] == "4" else 23)
        data = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        if protocol[-1] == "4":
            data = frames.patch(data, 24, 0)
            data = frames.patch(data, 24, negate(residue(data[14:34])))
    elif state == "ipbad":
        data = frames.patch(data, 24, int.from_bytes(data[24:26], "big") ^ 0x1234)
    elif damaged:
        data = data[:-9] + bytes([data[-9] ^ 0x40]) + data[-8:]
    needs = state.startswith(("partial", "nc_"))
    return Put(state, data, needs, state in ("dv", "dv_bad", "nc_dv"), damaged, dissect_packet(data, 1).sums[-1].residue)


@dataclass
class Writer(Walker):
    """A walk on which the virtio header of the first tap is the one that was put in, whatever the guest's driver would write."""

    put: Virtio | None = None

    def _apply(self, stage, *arguments, **words) -> None:  # type: ignore[no-untyped-def]
        super()._apply(stage, *arguments, **words)
        if self.put is not None and stage.name == "virtio-transmit":
            self.state, self.put = self.put, None


def walked(world: World, given: Put, by_kernel: bool = False) -> Trace:
    """The way of a frame from the origin of a world; ``by_kernel``: a socket of the origin sends it."""
    found = dissect_packet(given.data, 1, tables=world.topology.tables)
    headers = headers_of(found.facts, world.topology)
    packet = FramePacket(given.data[ETHERNET:], headers, tunnel_ports=world.topology.tables.tunnel_ports)
    start = _innermost(packet)[0].uid
    state: State = Skb(Summed.PARTIAL, start=start) if given.needs and world.origin == "guest" else Skb()
    header = Virtio(given.needs, given.valid, start if given.needs else None)
    walker = Writer(world.topology, world.choices, finished=None if by_kernel else state, put=None if by_kernel else header)
    return walker.run(world.topology.domains[world.origin], packet)


def look(world: World, trace: Trace) -> Hop | None:
    """The hop at the world's port and stage."""
    return next((hop for hop in trace.hops if hop.port == world.port and hop.stage.name == world.stage), None)


def header_text(state: State, packet: FramePacket, link: int) -> str:
    """The virtio header that a carried state becomes, as the rows write it."""
    needs = (isinstance(state, Virtio) and state.needs) or (isinstance(state, Skb) and state.summed is Summed.PARTIAL)
    if needs:
        assert isinstance(state, Skb | Virtio)
        assert state.start is not None
        one = packet.sums[state.start]
        return f"NEEDS_CSUM@{link + one.start}+{one.at - one.start}"
    return "DATA_VALID" if isinstance(state, Virtio) and state.valid else "0"


def word(given: Put, packet: FramePacket, state: State) -> str:
    """What became of a frame, in the word of the rows; of fragments, once they are put together."""
    packet = packet.reassemble() if packet.pieces else packet
    innermost, own = _innermost(packet)
    if (isinstance(state, Virtio) and state.needs) or (isinstance(state, Skb) and state.summed is Summed.PARTIAL):
        assert state.start is not None
        filled = packet.fill(state.start)
        if state.start == innermost.uid:
            return "delegated" if _innermost(filled)[1].residue == 0 else "delegated-badseed"
        return _plain_word(given, filled, _innermost(filled)[1])
    if isinstance(state, Virtio) and state.valid:
        return "zero+valid" if own.kind is Kind.UDP and own.field == 0 else "valid" if own.residue == 0 else "FALSE-VALID"
    assert isinstance(state, Skb | Virtio | Bare)
    return _plain_word(given, packet, own)


def _plain_word(given: Put, packet: FramePacket, own: Checksum) -> str:
    if own.kind is Kind.UDP and own.field == 0:
        return "zero"
    if own.residue == 0:
        headers = [one.residue for one in packet.sums.values() if one.kind is Kind.IPV4]
        if given.state == "ipbad":
            return "ok-but-ip-header-bad" if any(headers) else "mended"
        return "LAUNDERED" if given.damaged or (given.residue and not given.needs) else "ok"
    if given.state == "nc_full" and own.field == (own.pseudo or 0xFFFF):
        return "double-completed"
    if own.field == own.pseudo:
        return "PARTIAL-LEAK" if given.needs else "partial-preserved"
    return "damage-preserved" if own.residue == given.residue and not given.needs else "wrong"


def capture_word(packet: FramePacket, state: State, way: str) -> str:
    """What a packet socket sees: the innermost sum, and TP_STATUS_CSUMNOTREADY or TP_STATUS_CSUM_VALID."""
    own = _innermost(packet)[1]
    if own.kind is Kind.UDP and own.field == 0:
        seen = "zero"
    else:
        seen = "correct" if own.residue == 0 else "partial" if own.field == own.pseudo else "wrong"
    assert isinstance(state, Skb)
    told = {Summed.PARTIAL: "NOTREADY", Summed.UNNECESSARY: "VALID" if way == "in" else "0"}.get(state.summed, "0")
    return f"{seen}/{told}"


def _innermost(packet: FramePacket) -> tuple[Header, Checksum]:
    header = [header for header in packet.headers if header.consumes][-1]
    return header, packet.sums[header.uid]
