"""Random topologies for property tests: a chain of machines with every kind of cable between them, random settings and kernel versions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.presets import PRESETS

CABLES = {
    "veth": ("veth", "veth"),
    "nic": ("nic", "nic"),
    "virtio": ("virtio", "tap"),
    "tap": ("tap", "virtio"),
    "netfront": ("netfront", "vif"),
    "vif": ("vif", "netfront"),
}
TUNNELS = ("vxlan", "vpn", "geneve", "gre", "ipip", "l2tp", "wireguard", "esp")
FEATURES = ("tx", "rx", "gro", "hw-enc-checksum")


@dataclass(frozen=True)
class RandomHost:
    """A chain of machines and who talks through it: ``origin`` from ``source`` to ``destination``, which is the far end. ``text`` is the
    topology as TOML."""

    text: str
    topology: Topology
    origin: str
    source: str
    destination: str

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


@st.composite
def random_hosts(draw: st.DrawFn) -> RandomHost:
    """Two to four machines in a row. All but the ends are routers, with or without connection tracking, its verification and a
    masquerading rule. Segment N is 10.N.0.0/24 with .1 on the left; a port may be on a bridge, and a machine that only bridges may stand
    between. Perhaps a tunnel joins the ends (10.99.0.0/24). What the loader refuses (a kernel without virtio behind a tap) is drawn
    again."""
    count = draw(st.integers(2, 4))
    kernels = st.one_of(st.just("linux-6.1"), st.sampled_from(sorted(PRESETS)))  # Half of them know every device and tunnel.
    presets = [draw(kernels) for _ in range(count)]
    domains: list[dict[str, Any]] = [{"preset": preset} for preset in presets]
    devices: dict[str, Any] = {}
    routes: list[list[dict[str, str]]] = [[] for _ in domains]
    rules: list[list[dict[str, Any]]] = [[] for _ in domains]
    switches: dict[str, Any] = {}
    leaving, entering = [""] * count, [""] * count
    for n in range(count - 1):
        switched = draw(st.booleans())
        machines = (f"m{n}", f"m{n + 1}")
        steps = ((machines[0], f"s{n}"), (f"s{n}", machines[1])) if switched else (machines,)
        if switched:
            switches[f"s{n}"] = {"preset": draw(kernels)}
            devices[f"domain.s{n}.device.switch"] = {"kind": "bridge"}
        for left, right in steps:
            kinds = CABLES[draw(st.sampled_from(sorted(CABLES)))]
            for machine, other, kind, side in ((left, right, kinds[0], "right"), (right, left, kinds[1], "left")):
                device: dict[str, Any] = {"kind": kind}
                opposite = "left" if side == "right" else "right"
                device |= {"wire": f"{left}-{right}"} if kind == "nic" else {"peer": f"{other}:{opposite}{n}"}
                features = draw(st.dictionaries(st.sampled_from(FEATURES), st.booleans(), max_size=2))
                device |= {"features": features} if features else {}
                port, address = f"{side}{n}", [f"10.{n}.0.{1 if machine == machines[0] else 2}/24"]
                if machine.startswith("s"):
                    device["bridge"] = "switch"
                elif draw(st.booleans()) and kind in ("nic", "vif", "tap", "veth"):
                    port = device["bridge"] = f"bridge{n}{side}"
                    devices[f"domain.{machine}.device.{port}"] = {"kind": "bridge", "address": address}
                else:
                    device["address"] = address
                devices[f"domain.{machine}.device.{side}{n}"] = device
                if not machine.startswith("s"):
                    (leaving if machine == machines[0] else entering)[int(machine[1:])] = port
    for n in range(count):
        routes[n] += [{"to": f"10.{far}.0.0/24", "device": leaving[n], "via": f"10.{n}.0.2"} for far in range(n + 1, count - 1)]
        routes[n] += [{"to": f"10.{far}.0.0/24", "device": entering[n], "via": f"10.{n - 1}.0.1"} for far in range(n - 1)]
        if 0 < n < count - 1:
            domains[n] |= {"forwarding": True, "conntrack": draw(st.booleans())}
            domains[n]["sysctl"] = {"net.netfilter.nf_conntrack_checksum": draw(st.booleans())}
            if draw(st.booleans()):
                rule: dict[str, Any] = {"kind": "masquerade", "device": leaving[n], "source": f"10.{n - 1}.0.0/24"}
                rules[n].append(rule | ({"protocol": "tcp", "to-port": 40000} if draw(st.booleans()) else {}))
    ends_at = ["10.0.0.1", f"10.{count - 2}.0.2"]
    tunnel = draw(st.sampled_from(("", *TUNNELS)))
    if tunnel:
        for end, number in enumerate((0, count - 1)):
            inside: dict[str, Any] = {"kind": tunnel, "local": ends_at[end], "remote": ends_at[1 - end]}
            inside["address"] = [f"10.99.0.{end + 1}/24"]
            if tunnel in ("vxlan", "geneve", "gre"):
                inside["options"] = {"csum" if tunnel == "gre" else "udpcsum": draw(st.booleans())}
            devices[f"domain.m{number}.device.tunnel"] = inside
        ends_at = ["10.99.0.1", "10.99.0.2"]
    tables: dict[str, Any] = {"at": f"m0:{draw(st.sampled_from([d.rsplit('.', 1)[1] for d in devices if d.startswith('domain.m0.')]))}"}
    tables |= {f"domain.m{n}": domain for n, domain in enumerate(domains)}
    tables |= {f"domain.{name}": domain for name, domain in switches.items()} | devices
    tables |= {f"domain.m{n}.route": found for n, found in enumerate(routes) if found}
    tables |= {f"domain.m{n}.nat": found for n, found in enumerate(rules) if found}
    try:
        topology = parse_topology(toml(tables))
    except TopologyError:
        return draw(st.deferred(random_hosts))
    return RandomHost(toml(tables), topology, "m0", *ends_at)
