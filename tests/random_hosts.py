"""Random topologies for property tests: a chain of machines with every kind of cable between them, random settings and kernel versions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from csumlab import cards, programs
from csumlab.stages.rewriters import IN_DRIVER, ONLY_TRANSLATE, STATELESS
from csumlab.state import Skb
from csumlab.topology.checking import BUNDLED
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import CARRIAGES, WRAPPING, DeviceKind, Topology
from csumlab.topology.options import BRIDGE_CALLS, CLAIMS, misclaimed
from csumlab.topology.presets import PRESETS

CABLES = {
    "veth": ("veth", "veth"),
    "nic": ("nic", "nic"),
    "virtio": ("virtio", "tap"),
    "tap": ("tap", "virtio"),
    "netfront": ("netfront", "vif"),
    "vif": ("vif", "netfront"),
}
TUNNELS = tuple(kind.value for kind in CARRIAGES)
OFTEN = ("vpn", "vpn", "vpn", "wireguard", "vxlan", "vxlan")
"""What most users have is drawn more often."""
FRAMED = tuple(kind.value for kind, carriage in CARRIAGES.items() if "ETHERNET" in {layer.name for layer in carriage.layers[""][-1:]})
FEATURES = ("tx", "rx", "gro", "tso", "hw-enc-checksum")
MTUS = (1500, 1500, 1500, 1280)
CABLE_OPTIONS = ("checksum-fill", "netem-corrupt", "napi", "udp-segment")
TUNNEL_OPTIONS = ("csum", "udpcsum", "encap-csum", "remcsumtx", "remcsumrx", "esp-offload", "transport")


@dataclass(frozen=True)
class RandomHost:
    """A chain of machines and who talks through it: ``origin`` from ``source`` to ``destination``, which is the far end, by IP of
    ``version``. ``text`` is the topology as TOML."""

    text: str
    topology: Topology
    origin: str
    source: str
    destination: str
    version: int

    def __repr__(self) -> str:
        return f"from {self.origin}, {self.source} to {self.destination}, through\n{self.text}"


def toml(tables: dict[str, Any]) -> str:
    """TOML of ``{"domain.m0": {...}, "domain.m0.route": [{...}]}``; what stands in a list becomes an array of tables."""

    def value(thing: Any) -> str:
        if isinstance(thing, dict):
            return "{ " + ", ".join(f"{json.dumps(key)} = {value(inner)}" for key, inner in thing.items()) + " }"
        return json.dumps(thing)

    def body(table: dict[str, Any]) -> list[str]:
        return [f"{key} = {value(inner)}" for key, inner in table.items()]

    lines = body({key: inner for key, inner in tables.items() if not isinstance(inner, (dict, list))})
    for name, table in tables.items():
        if isinstance(table, list):
            for entry in table:
                lines += [f"[[{name}]]", *body(entry)]
        elif isinstance(table, dict):
            lines += [f"[{name}]", *body(table)]
    return "\n".join(lines) + "\n"


@dataclass
class Machine:
    """One domain while it is drawn. ``ports`` are the devices with its addresses, by side."""

    name: str
    table: dict[str, Any]
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    routes: list[dict[str, str]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    edits: list[dict[str, Any]] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)

    @property
    def preset(self) -> str:
        return str(self.table["preset"])

    @property
    def tables(self) -> dict[str, Any]:
        lists = {"route": self.routes, "nat": self.rules, "edit": self.edits}
        return {
            f"domain.{self.name}": self.table,
            **{f"domain.{self.name}.device.{name}": device for name, device in self.devices.items()},
            **{f"domain.{self.name}.{word}": found for word, found in lists.items() if found},
        }


def address(version: int, segment: int | str, end: int) -> str:
    """End 1 or 2 of a segment."""
    return f"10.{segment}.0.{end}" if version == 4 else f"2001:db8:{segment}::{end}"


def network(version: int, segment: int | str) -> str:
    return f"10.{segment}.0.0/24" if version == 4 else f"2001:db8:{segment}::/64"


def with_length(version: int, text: str) -> str:
    return f"{text}/{24 if version == 4 else 64}"


def device_of(draw: st.DrawFn, kind: str, family: type[Any]) -> dict[str, Any]:
    """A device on a cable, with what may be set of it. Half of all are as they come."""
    device: dict[str, Any] = {"kind": kind}
    features = draw(st.dictionaries(st.sampled_from(FEATURES), st.booleans(), max_size=2))
    device |= {"features": features} if features else {}
    if draw(st.booleans()) or family is not Skb:
        return device
    words = {*CABLE_OPTIONS, *(one for one in CLAIMS if not misclaimed(DeviceKind(kind), True, {one: True}))} - {"claims-ip-owed"}
    options = draw(st.sets(st.sampled_from(sorted(words)), max_size=1))
    device |= {"options": dict.fromkeys(sorted(options), True)} if options else {}
    if kind == "nic" and draw(st.booleans()):
        device["card"] = draw(st.sampled_from(sorted(cards.BEHAVIOURS)))
    return device


BUNDLED_KINDS = frozenset(kind.value for kind in BUNDLED)
MODES_OF_SHARING = ("macvlan bridge", "macvlan passthru", "ipvlan l2", "ipvlan l3", "ipvlan l3s")


def joined(draw: st.DrawFn, left: Machine, right: Machine, sides: tuple[str, str], mtu: int) -> None:
    """A cable between two machines."""
    kinds = CABLES[draw(st.sampled_from(sorted(CABLES)))]
    ends = ((left, right, kinds[0], sides[0], sides[1]), (right, left, kinds[1], sides[1], sides[0]))
    for machine, other, kind, here, there in ends:
        device = device_of(draw, kind, PRESETS[machine.preset].family)
        device |= {"wire": f"{left.name}-{right.name}"} if kind == "nic" else {"peer": f"{other.name}:{there}"}
        device |= {"mtu": mtu} if mtu != 1500 else {}
        machine.devices[here] = device
        machine.ports[here] = here


def settled(draw: st.DrawFn, machine: Machine, side: str, mine: str, wrapping: str, mtu: int) -> None:
    """The address of a machine on a cable: on the device, on a bridge or bond that the device is in, or on what sits on it (VLAN and the
    like)."""
    device = machine.devices[side]
    if wrapping:
        machine.ports[side] = f"over-{side}"
        machine.devices[f"over-{side}"] = {"kind": wrapping, "lower": side, "address": [mine]} | ({"id": 7} if wrapping == "vlan" else {})
    elif device["kind"] in ("nic", "vif", "tap", "veth") and draw(st.booleans()):
        machine.ports[side] = device["bridge"] = f"bridge-{side}"
        machine.devices[f"bridge-{side}"] = {"kind": "bridge", "address": [mine]} | ({"mtu": mtu} if mtu != 1500 else {})
    elif device["kind"] in BUNDLED_KINDS and (kind := draw(st.sampled_from(("", "", "bond", *MODES_OF_SHARING)))):
        machine.ports[side] = f"upper-{side}"
        if kind == "bond":
            device["bond"] = f"upper-{side}"
        over = {"kind": "bond"} if kind == "bond" else {"kind": kind.split()[0], "lower": side, "mode": kind.partition(" ")[2]}
        machine.devices[f"upper-{side}"] = over | {"address": [mine]} | ({"mtu": mtu} if mtu != 1500 else {})
    else:
        device["address"] = [mine]


def route_rules(draw: st.DrawFn, machine: Machine, left: str, right: str, inside: str, version: int) -> None:
    """What a router does beside routing: connection tracking, translation, an edit, a program as its stack."""
    machine.table |= {"forwarding": True, "conntrack": draw(st.booleans())}
    machine.table["sysctl"] = {"net.netfilter.nf_conntrack_checksum": draw(st.booleans())}
    preset = PRESETS[machine.preset]
    if preset.bridge_netfilter is not None and draw(st.booleans()):
        machine.table["sysctl"][BRIDGE_CALLS[version]] = True
    if draw(st.booleans()):
        rule: dict[str, Any] = {"kind": "masquerade", "device": right, "source": inside}
        machine.rules.append(rule | ({"protocol": "tcp", "to-port": 40000} if draw(st.booleans()) else {}))
    who = sorted((STATELESS & set(preset.editors)) - IN_DRIVER - ONLY_TRANSLATE)
    if draw(st.booleans()) and who:
        by, way = draw(st.sampled_from(who)), draw(st.sampled_from(("in", "out")))
        what: dict[str, Any] = {"timestamps": True}
        if by == "act-csum":
            what = {"sums": [draw(st.sampled_from(("ip", "tcp", "udp")))]}
        elif by not in ("pf", "synproxy"):
            what = {draw(st.sampled_from(("dscp", "ttl", "ecn"))): draw(st.integers(1, 3))}
        behaves = {"program": draw(st.sampled_from(sorted(programs.BEHAVIOURS)))} if by == "nfqueue" and draw(st.booleans()) else {}
        machine.edits.append({"by": by, "device": left if way == "in" else right, "way": way} | what | behaves)
    elif preset.family is Skb and draw(st.integers(0, 5)) == 0:
        machine.table["program"] = draw(st.sampled_from(sorted(programs.BEHAVIOURS)))


def tunnelled(draw: st.DrawFn, near: Machine, far: Machine, ends: tuple[str, str], version: int) -> tuple[str, str]:
    """A tunnel between the ends of the chain, perhaps as a port of a bridge; the addresses at its ends."""
    cut = any("mtu" in device for machine in (near, far) for device in machine.devices.values())
    # What L2TPv3 carries is found by lengths that fit, and in a first fragment none does.
    kind = draw(st.sampled_from([kind for kind in (*TUNNELS, *OFTEN) if not (cut and kind == "l2tp")]))
    bridged = kind in FRAMED and draw(st.booleans())
    choices = CARRIAGES[DeviceKind(kind)].layers
    encap = draw(st.sampled_from(sorted(choices)))
    words, value = draw(st.sets(st.sampled_from(TUNNEL_OPTIONS), max_size=2)), draw(st.booleans())
    settings = dict.fromkeys(sorted(words), value)
    inner = 6 if kind == "sit" else version
    for end, machine in enumerate((near, far)):
        mine = [with_length(inner, address(inner, 99, end + 1))]
        device: dict[str, Any] = {"kind": kind, "local": ends[end], "remote": ends[1 - end]}
        device |= {"encap": encap} if encap else {}
        device |= {"port": 5555} if encap == "fou" else {}
        device |= {"options": settings} if settings else {}
        if bridged:
            machine.devices["overlay"] = {"kind": "bridge", "address": mine}
        machine.devices["tunnel"] = device | ({"bridge": "overlay"} if bridged else {"address": mine})
    return address(inner, 99, 1), address(inner, 99, 2)


@st.composite
def random_hosts(draw: st.DrawFn) -> RandomHost:
    """Two to four machines in a row. All but the ends are routers, with or without connection tracking, its verification, translation, an
    edit or a program as their stack. Segment N is 10.N.0.0/24 or 2001:db8:N::/64 with .1 on the left; a port may be on a bridge, in a bond,
    or under a VLAN, MACsec, PPPoE, macvlan or ipvlan device, a machine that only bridges may stand between, and segments have their MTUs.
    Perhaps a tunnel joins the ends. What the loader refuses (a kernel without virtio behind a tap) is drawn again."""
    count, version = draw(st.integers(2, 4)), draw(st.sampled_from((4, 4, 6)))
    kernels = st.one_of(st.just("linux-6.1"), st.sampled_from(sorted(PRESETS)))  # Half of them know every device and tunnel.
    machines = [Machine(f"m{n}", {"preset": draw(kernels)}) for n in range(count)]
    switches: list[Machine] = []
    for n, (left, right) in enumerate(pairwise(machines)):
        mtu, switched = draw(st.sampled_from(MTUS)), draw(st.booleans())
        sides, wrapping = (f"right{n}", f"left{n}"), ""
        if switched:
            switch = Machine(f"s{n}", {"preset": draw(kernels)}, {"switch": {"kind": "bridge"} | ({"mtu": mtu} if mtu != 1500 else {})})
            switches.append(switch)
            joined(draw, left, switch, sides, mtu)
            joined(draw, switch, right, sides, mtu)
            for side in sides:
                switch.devices[side]["bridge"] = "switch"
        else:
            joined(draw, left, right, sides, mtu)
            wrapping = draw(st.sampled_from(("", "", "", *(kind.value for kind in WRAPPING))))
        settled(draw, left, sides[0], with_length(version, address(version, n, 1)), wrapping, mtu)
        settled(draw, right, sides[1], with_length(version, address(version, n, 2)), wrapping, mtu)
    for n, machine in enumerate(machines):
        for far in range(n + 1, count - 1):
            machine.routes.append({"to": network(version, far), "device": machine.ports[f"right{n}"], "via": address(version, n, 2)})
        for far in range(n - 1):
            machine.routes.append({"to": network(version, far), "device": machine.ports[f"left{n - 1}"], "via": address(version, n - 1, 1)})
        if 0 < n < count - 1:
            route_rules(draw, machine, machine.ports[f"left{n - 1}"], machine.ports[f"right{n}"], network(version, n - 1), version)
    ends_at = address(version, 0, 1), address(version, count - 2, 2)
    if draw(st.booleans()):
        ends_at = tunnelled(draw, machines[0], machines[-1], ends_at, version)
    tables: dict[str, Any] = {"at": f"m0:{draw(st.sampled_from(sorted(machines[0].devices)))}"}
    for machine in (*machines, *switches):
        tables |= machine.tables
    try:
        topology = parse_topology(toml(tables))
    except TopologyError:
        return draw(st.deferred(random_hosts))
    return RandomHost(toml(tables), topology, "m0", *ends_at, 6 if ":" in ends_at[0] else 4)
