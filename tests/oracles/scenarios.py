"""What is compared: topologies of devices that any Linux has, and what is sent through them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cutters
import detours

from csumlab.tables import ETHERNET_MTU
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology

from .answers import Answer
from .devices import TAP_SUMS_ENCAPSULATED
from .probes import KINDS, LONG, STATES, conditions
from .sockets import PORT

CAPTURES = Path(__file__).resolve().parents[2] / "captures"


BRIEF = ("right", "partial", "damaged", "partial, damaged", "partial, trailer", "none", "pseudo only", "extensions")


@dataclass(frozen=True)
class Flow:
    """Probes out of ``port`` from one address to another; ``bridged`` says that no IP stack meets them but at the end.

    ``only`` are the conditions of the probes if not all, ``port_to`` is where they go, ``size`` their bytes of payload; the first has the
    number ``first``. Before each probe a datagram of ``after`` is sent, which opens the connection that the probe is about. ``long``: they
    are super-frames. ``answered``: before each probe a connection is opened, of which that is the way back, and an FTP command sent.
    ``cut_to``: each probe is put in as fragments, which this MTU takes and which all say the same of their sum."""

    port: str
    source: str
    destination: str
    bridged: bool = False
    only: tuple[str, ...] = ()
    port_to: int = PORT
    kinds: tuple[str, ...] = KINDS
    size: int = 24
    first: int = 0
    after: Flow | None = None
    long: bool = False
    answered: Flow | None = None
    cut_to: int = 0

    @property
    def large(self) -> bool:
        """Whether its packets are longer than Ethernet takes, and no super-frames."""
        return self.size > ETHERNET_MTU and not self.long

    @property
    def version(self) -> int:
        return 6 if ":" in self.source else 4

    def probes(self, only: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
        """Kind and condition of each probe; ``only`` narrows them further."""
        for kind in self.kinds:
            for condition in conditions(kind, self.version, bridged=self.bridged, long=self.long, large=self.large):
                if (not self.only or condition in self.only) and (not only or condition in only):
                    yield kind, condition


@dataclass(frozen=True)
class Scenario:
    """A topology, the flows through it, the domains that are played instead of made, and the flows of programs that send for themselves.

    ``tapped`` makes cards of TAP devices. ``brief``: in the default run only the conditions that tell most."""

    name: str
    text: str
    flows: tuple[Flow, ...]
    played: tuple[str, ...] = ()
    senders: tuple[Flow, ...] = ()
    tapped: bool = False
    brief: bool = False
    answers: tuple[Answer, ...] = ()

    @cached_property
    def topology(self) -> Topology:
        return parse_topology(self.text, self.name)

    @property
    def addresses(self) -> list[str]:
        return sorted({address for flow in (*self.flows, *self.senders) for address in (flow.source, flow.destination)})

    def ports(self, flow: Flow, number: int) -> tuple[int, int]:
        """Source and destination port of a probe."""
        return 20000 + number % 20000, flow.port_to


def device(domain: str, name: str, kind: str, **words: Any) -> str:
    """A device table; values that are no strings are written as TOML has them."""
    lines = [f'[domain.{domain}.device."{name}"]', f'kind = "{kind}"']
    for word, value in words.items():
        lines.append(f"{word} = {toml(value)}")
    return "\n".join(lines) + "\n"


def toml(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{word}" = {toml(item)}' for word, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)


def domain(
    name: str, *devices: str, routes: tuple[tuple[str, str, str], ...] = (), nat: tuple[dict[str, object], ...] = (), **words: object
) -> str:
    """A domain table with its devices; ``routes`` are target, device, gateway."""
    lines = [f"[domain.{name}]", *(f"{word} = {toml(value)}" for word, value in words.items())]
    text = "\n".join(lines) + "\n" + "".join(devices)
    for to, leaving, via in routes:
        text += f'[[domain.{name}.route]]\nto = "{to}"\ndevice = "{leaving}"\n' + (f'via = "{via}"\n' if via else "")
    for rule in nat:
        text += f"[[domain.{name}.nat]]\n" + "".join(f"{word} = {toml(value)}\n" for word, value in rule.items())
    return text


NO_TX = {"tx": False}
AS_TAP = {"tx-checksum-sctp": False} | ({} if TAP_SUMS_ENCAPSULATED else {"hw-enc-checksum": False})
NO_ENCAPSULATED = {"hw-enc-checksum": False}
A4, A6, B4, B6 = "10.1.0.11", "fd00:1::11", "10.2.0.22", "fd00:2::22"


def guest(name: str, peer: str, addresses: tuple[str, ...], gateways: tuple[str, ...] = (), **words: Any) -> str:
    """A domain with one veth device."""
    routes = tuple(("::/0" if ":" in via else "default", "eth0", via) for via in gateways)
    return domain(name, device(name, "eth0", "veth", peer=peer, address=list(addresses), **words), routes=routes)


def bridged(sender: dict[str, Any], way_in: dict[str, Any], way_out: dict[str, Any]) -> str:
    """Two guests on a bridge of a host that has addresses on it. The arguments are further words of the three devices in between."""
    return (
        guest("a", "host:va", ("10.1.0.11/24", "fd00:1::11/64"), **sender)
        + domain(
            "host",
            device("host", "va", "veth", bridge="br0", **way_in),
            device("host", "vb", "veth", bridge="br0", **way_out),
            device("host", "br0", "bridge", address=["10.1.0.1/24", "fd00:1::1/64"]),
        )
        + guest("b", "host:vb", ("10.1.0.22/24", "fd00:1::22/64"))
    )


ACROSS = (Flow("a:eth0", A4, "10.1.0.22", bridged=True), Flow("a:eth0", A6, "fd00:1::22", bridged=True))
TO_HOST = (Flow("a:eth0", A4, "10.1.0.1"), Flow("a:eth0", A6, "fd00:1::1"))
FROM_HOST = (Flow("host:br0", "10.1.0.1", A4, bridged=True),)


def routed(
    way_in: dict[str, Any] | None = None,
    way_out: dict[str, Any] | None = None,
    nat: tuple[dict[str, object], ...] = (),
    **words: Any,
) -> str:
    """A guest, a router and another guest, each cable a network."""
    return (
        guest("a", "r:va", ("10.1.0.11/24", "fd00:1::11/64"), ("10.1.0.1", "fd00:1::1"))
        + domain(
            "r",
            device("r", "va", "veth", address=["10.1.0.1/24", "fd00:1::1/64"], **way_in or {}),
            device("r", "vb", "veth", address=["10.2.0.1/24", "fd00:2::1/64"], **way_out or {}),
            nat=nat,
            forwarding=True,
            **words,
        )
        + guest("b", "r:vb", ("10.2.0.22/24", "fd00:2::22/64"), ("10.2.0.1", "fd00:2::1"))
    )


THROUGH = (Flow("a:eth0", A4, B4), Flow("a:eth0", A6, B6))
TO_ROUTER = (Flow("a:eth0", A4, "10.1.0.1"), Flow("a:eth0", A6, "fd00:1::1"))
UNVERIFIED: dict[str, object] = {"net.netfilter.nf_conntrack_checksum": False}
MASQUERADE: tuple[dict[str, object], ...] = (
    {"kind": "masquerade", "device": "vb", "source": "10.1.0.0/24", "to-port": 40000},
    {"kind": "masquerade", "device": "vb", "source": "fd00:1::/64", "to-port": 40000},
)
SNAT: tuple[dict[str, object], ...] = (
    {"kind": "snat", "device": "vb", "source": "10.1.0.0/24", "address": "10.2.0.77"},
    {"kind": "snat", "device": "vb", "source": "fd00:1::/64", "address": "fd00:2::77"},
)
DNAT: tuple[dict[str, object], ...] = tuple(
    {"kind": "dnat", "device": "va", "protocol": protocol, "port": 8080, "address": address, "to-port": PORT}
    for protocol in ("tcp", "udp")
    for address in (B4, B6)
)


def pods(outer: int, sums: bool, host: str = "", nat: tuple[dict[str, object], ...] = (), **way_out: object) -> str:
    """A pod with a VXLAN device, a host that routes or translates its outer packets, and a peer with the other end."""
    local, remote, gates = (
        ("10.9.0.2", "10.8.0.9", ("10.9.0.1", "10.8.0.1")) if outer == 4 else ("fd00:9::2", "fd00:8::9", ("fd00:9::1", "fd00:8::1"))
    )
    length = 24 if outer == 4 else 64
    allowed = outer == 6 and not sums
    options = {"udpcsum": sums, "udp6zerocsumrx": allowed}
    seen_from_peer = next((str(rule["address"]) for rule in nat if (":" in str(rule["address"])) == (outer == 6)), local)

    def pod(name: str, cable: str, own: str, other: str, gate: str, inner: list[str]) -> str:
        return domain(
            name,
            device(name, "vxlan0", "vxlan", local=own, remote=other, address=inner, options=options),
            device(name, "eth0", "veth", peer=cable, address=[f"{own}/{length}"]),
            routes=(("default" if outer == 4 else "::/0", "eth0", gate),),
        )

    return (
        pod("pod", "host:va", local, remote, gates[0], ["10.244.0.1/16", "fd00:244::1/64"])
        + domain(
            "host",
            device("host", "va", "veth", address=[f"{gates[0]}/{length}"]),
            device("host", "vb", "veth", address=[f"{gates[1]}/{length}"], **way_out),
            nat=nat,
            forwarding=True,
        )
        + pod("peer", "host:vb", remote, seen_from_peer, gates[1], ["10.244.3.3/16", "fd00:244::3/64"])
    )


def segment_routed(*way: str, ends: tuple[str, ...] = (), across: bool = False) -> str:
    """Two guests, their gateways with a policy of segment routing each, and a router between them. ``way``: the segments before the last,
    ``ends`` those of the far gateway; ``across``: the router and the far gateway hand on to their neighbours, whatever their routes say."""

    def gateway(name: str, number: int, inside: str, outside: str, there: int, passed: tuple[str, ...], own: tuple[str, ...]) -> str:
        return domain(
            name,
            device(name, "lan", "veth", address=[f"fd00:{number}::1/64"], peer=inside),
            device(name, "wan", "veth", address=[f"fd00:9:{number}::1/64"], peer=outside),
            device(name, "policy", "seg6", local=f"fc00:{number}::d", remote=f"fc00:{there}::d", segments=list(passed)),
            routes=((f"fd00:{there}::/64", "policy", ""), ("fc00::/16", "wan", f"fd00:9:{number}::9")),
            segments=list(own),
            neighbours={f"fc00:{number}::d": f"fd00:{number}::{11 * number}"} if across else {},
            forwarding=True,
        )

    astray = ("fc00:2::/32", "near", "fd00:9:1::1")
    return (
        guest("a", "near:lan", ("fd00:1::11/64",), ("fd00:1::1",))
        + gateway("near", 1, "a:eth0", "m:near", 2, way, ())
        + domain(
            "m",
            device("m", "near", "veth", address=["fd00:9:1::9/64"]),
            device("m", "far", "veth", address=["fd00:9:2::9/64"]),
            routes=(("fc00:1::/32", "near", "fd00:9:1::1"), astray if across else ("fc00:2::/32", "far", "fd00:9:2::1")),
            segments=["fc00:9::e"],
            neighbours={"fc00:9::e": "fd00:9:2::1"} if across else {},
            forwarding=True,
        )
        + gateway("far", 2, "b:eth0", "m:far", 1, (), ends)
        + guest("b", "far:lan", ("fd00:2::22/64",), ("fd00:2::1",))
    )


SEGMENTS = (Flow("a:eth0", A6, B6), Flow("a:eth0", A6, "fd00:2::1"))
INSIDE = (Flow("pod:vxlan0", "10.244.0.1", "10.244.3.3"), Flow("pod:vxlan0", "fd00:244::1", "fd00:244::3"))
OUTER_MASQUERADE: tuple[dict[str, object], ...] = (
    {"kind": "snat", "device": "vb", "source": "10.9.0.0/24", "address": "10.8.0.77"},
    {"kind": "snat", "device": "vb", "source": "fd00:9::/64", "address": "fd00:8::77"},
)


def virtual_machines(offer_in: bool, offer_out: bool, **words: Any) -> str:
    """Two virtual machines, played, whose TAP devices are on a bridge of a host; each offers to finish sums or not."""
    features: list[dict[str, Any]] = [{"tx": offered, **AS_TAP} for offered in (offer_in, offer_out)]
    return (
        guest("a", "host:tap0", ("10.1.0.11/24", "fd00:1::11/64"))
        + domain(
            "host",
            device("host", "tap0", "veth", bridge="br0", features=features[0]),
            device("host", "tap1", "veth", bridge="br0", features=features[1]),
            device("host", "br0", "bridge", address=["10.1.0.1/24", "fd00:1::1/64"]),
            **words,
        )
        + guest("b", "host:tap1", ("10.1.0.22/24", "fd00:1::22/64"))
    )


def tapped_router(offer_out: bool, nat: tuple[dict[str, object], ...] = (), **words: Any) -> str:
    """As ``routed``, with a virtual machine played at each side."""
    return routed({"features": AS_TAP}, {"features": {"tx": offer_out, **AS_TAP}}, nat, **words)


def virtual_machines_by_name(tap0: dict[str, Any], tap1: dict[str, Any]) -> str:
    """Two virtual machines with virtio devices, played, on a bridge; the arguments are the options of the TAP devices behind them."""

    def machine(name: str, tap: str, number: int) -> str:
        addresses = [f"10.1.0.{number}/24", f"fd00:1::{number}/64"]
        return domain(name, device(name, "eth0", "virtio", peer=f"host:{tap}", address=addresses))

    return (
        machine("a", "tap0", 11)
        + domain(
            "host",
            device("host", "tap0", "tap", bridge="br0", options=tap0),
            device("host", "tap1", "tap", bridge="br0", options=tap1),
            device("host", "br0", "bridge", address=["10.1.0.1/24", "fd00:1::1/64"]),
        )
        + machine("b", "tap1", 22)
    )


def routed_machines(nat: tuple[dict[str, object], ...] = (), **words: Any) -> str:
    """As ``routed``, with a virtual machine played at each side by its virtio device."""
    text = routed(nat=nat, **words)
    return re.sub(r'(\[domain\.[ab]\.device."eth0"\]\nkind = )"veth"', r'\1"virtio"', text).replace('kind = "veth"', 'kind = "tap"')


OUTSIDE = """
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
address = ["192.0.2.254/24", "2001:db8:2::fe/64"]
"""


def carded(**features: bool) -> str:
    """A host whose card is on a bridge with a guest; the wire is played."""
    return (
        domain(
            "host",
            device("host", "eth0", "nic", wire="lan", bridge="br0", features=features),
            device("host", "va", "veth", bridge="br0"),
            device("host", "br0", "bridge", address=["192.0.2.1/24", "2001:db8:2::1/64"]),
        )
        + guest("a", "host:va", ("192.0.2.11/24", "2001:db8:2::11/64"), ("192.0.2.254", "2001:db8:2::fe"))
        + OUTSIDE
    )


CARDED = (
    Flow("outside:eth0", "192.0.2.254", "192.0.2.11", bridged=True),
    Flow("outside:eth0", "2001:db8:2::fe", "2001:db8:2::11", bridged=True),
    Flow("outside:eth0", "192.0.2.254", "192.0.2.1"),
    Flow("a:eth0", "192.0.2.11", "198.51.100.80", bridged=True),
)


AS_A_CARD_SEES = ("right", "partial", "verified", "damaged", "damaged source", "pseudo only", "extensions")
"""What the kernel's own receive aggregation tells apart as a card does that verifies sums: it stands in for one."""


def inner_ends(**words: Any) -> str:
    """A pod and a host with a VXLAN device each, nothing between but a cable. No sums are offered on the pod's way out with ``words``."""
    return domain(
        "pod",
        device("pod", "vxlan0", "vxlan", local="10.9.0.2", remote="10.9.0.1", address=["10.244.0.1/16"]),
        device("pod", "eth0", "veth", peer="host:va", address=["10.9.0.2/24"], **words),
    ) + domain(
        "host",
        device("host", "va", "veth", address=["10.9.0.1/24"]),
        device("host", "vxlan0", "vxlan", local="10.9.0.1", remote="10.9.0.2", address=["10.244.3.3/16"]),
        conntrack=True,
    )


def over_a_bridge() -> str:
    """As ``inner_ends``, with the pod's outer address on a bridge; a bridge device sums nothing that is encapsulated."""
    return inner_ends().replace('peer = "host:va"\naddress = ["10.9.0.2/24"]', 'peer = "host:va"\nbridge = "br0"') + device(
        "pod", "br0", "bridge", address=["10.9.0.2/24"], features=NO_ENCAPSULATED
    )


def overlay(routed: bool = False, **words: Any) -> str:
    """Containers on bridges of two hosts whose VXLAN devices are ports of these bridges, as Docker, Flannel and OpenStack have it.
    ``routed``: the second host has its container's address on the VXLAN device instead. ``words`` are of the cable between the hosts,
    which takes what is wrapped in one piece."""
    made = ""
    for own, inside in (("one", "a"), ("two", "b")):
        near, far = ("10.9.0.2", "10.9.0.1") if own == "one" else ("10.9.0.1", "10.9.0.2")
        addresses = ["10.5.0.1/24", "fd00:5::1/64"] if own == "one" else ["10.5.0.2/24", "fd00:5::2/64"]
        cable: dict[str, Any] = {"peer": "two:eth0"} if own == "one" else {}
        bridged = not routed or own == "one"
        port: dict[str, Any] = {"bridge": "br0"} if bridged else {"address": addresses}
        made += domain(
            own,
            device(own, "eth0", "veth", address=[f"{near}/24"], mtu=1600, **cable, **words),
            device(own, "vxlan0", "vxlan", local=near, remote=far, **port),
            *([device(own, "br0", "bridge"), device(own, "v0", "veth", bridge="br0")] if bridged else []),
        )
        made += domain(inside, device(inside, "eth0", "veth", peer=f"{own}:v0", address=addresses)) if bridged else ""
    return made


def to_a_tap() -> str:
    """A pod whose outer packets leave by a TAP."""
    return inner_ends(features=AS_TAP)


def carded_router(nat: tuple[dict[str, object], ...] = (), **features: bool) -> str:
    """A host with a card that merges what it receives, tracks connections and routes to a guest."""
    return (
        domain(
            "host",
            device("host", "eth0", "nic", wire="lan", address=["192.0.2.1/24"], features={**AS_TAP, **features}),
            device("host", "va", "veth", address=["10.1.0.1/24"]),
            routes=(("default", "eth0", "192.0.2.254"),),
            nat=nat,
            forwarding=True,
            conntrack=True,
        )
        + guest("a", "host:va", ("10.1.0.11/24",), ("10.1.0.1",))
        + OUTSIDE.replace(', "2001:db8:2::fe/64"', "")
        + '[[domain.outside.route]]\nto = "10.1.0.0/24"\ndevice = "eth0"\nvia = "192.0.2.1"\n'
    )


PUBLISHED: tuple[dict[str, object], ...] = tuple(
    {"kind": "dnat", "device": "eth0", "protocol": protocol, "port": 8080, "address": "10.1.0.11", "to-port": PORT}
    for protocol in ("tcp", "udp")
)
FROM_OUTSIDE = (Flow("outside:eth0", "192.0.2.254", "10.1.0.11"), Flow("outside:eth0", "192.0.2.254", "192.0.2.1"))
BEHIND = (Flow("outside:eth0", "192.0.2.254", "192.0.2.1", port_to=8080), Flow("a:eth0", "10.1.0.11", "198.51.100.80"))


RARE = ("sctp", "udplite")


def rewriters() -> Iterator[Scenario]:
    """Translation of what no socket here takes, and of ICMP errors, between two virtual machines that are played."""
    rare = tuple(replace(flow, kinds=RARE) for flow in THROUGH)
    back = (Flow("b:eth0", B4, "10.2.0.1", kinds=("error",)), Flow("b:eth0", B6, "fd00:2::1", kinds=("error",)))
    errors = tuple(replace(flow, after=first) for flow, first in zip(back, THROUGH, strict=True))
    asked = (Flow("a:eth0", A4, "10.1.0.1", port_to=8080), Flow("a:eth0", A6, "fd00:1::1", port_to=8080))
    answers = tuple(
        Flow("b:eth0", one.source, two.source, kinds=("error",), after=first) for one, two, first in zip(back, THROUGH, asked, strict=True)
    )
    hidden = tuple({word: value for word, value in rule.items() if word != "to-port"} for rule in MASQUERADE)
    for name, rules, flows in (("ports", MASQUERADE, rare), ("snat", SNAT, rare), ("masquerade", hidden, errors), ("dnat", DNAT, answers)):
        for sysctl in ({}, UNVERIFIED):
            words = {"sysctl": sysctl} if sysctl else {}
            yield Scenario(f"rare, {name}{', unverified' if sysctl else ''}", tapped_router(True, rules, **words), flows, ("a", "b"))
    for name, rules, flows in (("", MASQUERADE, (*THROUGH, *TO_ROUTER)), (", rare", MASQUERADE, rare), (", no translation", (), THROUGH)):
        yield Scenario(f"invalid dropped{name}", tapped_router(True, rules, **{"drops-invalid": True}), flows, ("a", "b"))


def long(*flows: Flow) -> tuple[Flow, ...]:
    """The same flows with super-frames."""
    return tuple(replace(flow, long=True, kinds=("tcp",), size=1800) for flow in flows)


def segmented() -> Iterator[Scenario]:
    """Super-frames, which somebody has to cut."""
    no_tso: dict[str, Any] = {"features": {"tso": False}}
    yield Scenario("segments, bridge", bridged({}, {}, {}), long(*ACROSS, *TO_HOST))
    yield Scenario("segments, bridge, way out without segmentation", bridged({}, {}, no_tso), long(*ACROSS))
    yield Scenario("segments, bridge, way out without offload", bridged({}, {}, {"features": NO_TX}), long(*ACROSS))
    datagrams = tuple(replace(flow, kinds=("udp",)) for flow in long(*THROUGH))
    for name, way_out in (("", {"tx-udp-segmentation": False}), (" without offload", NO_TX)):
        yield Scenario(f"segments of datagrams, way out{name}", routed(way_out={"features": way_out}), datagrams)
    yield Scenario("segments, masquerade", routed(nat=MASQUERADE, way_out=no_tso), long(*THROUGH))
    for sums in (True, False):
        tunnel = f"vxlan, udpcsum {sums}".lower()
        off = {"tx-udp_tnl-segmentation": False, "tx-udp_tnl-csum-segmentation": False}
        yield Scenario(f"segments, {tunnel}", pods(4, sums), long(*INSIDE))
        yield Scenario(f"segments, {tunnel}, way out without segmentation", pods(4, sums, features=off), long(*INSIDE))
        yield Scenario(f"segments, {tunnel}, way out without offload", pods(4, sums, features=NO_TX), long(*INSIDE))
    owed = tuple(replace(flow, only=tuple(one for one in LONG if one.startswith("partial"))) for flow in long(*ACROSS))
    unflagged = tuple(replace(flow, only=("right, long", "damaged, long")) for flow in long(*ACROSS, *TO_HOST))
    for name, tap0, tap1 in (("", {}, {}), (", no sums left to the guest", {}, {"TUN_F_CSUM": False}), (", merging", {"napi": True}, {})):
        yield Scenario(f"segments, virtio{name}", virtual_machines_by_name(tap0, tap1), owed, ("a", "b"))
        text = virtual_machines_by_name(tap0, tap1).replace('peer = "host:tap0"', 'peer = "host:tap0"\noptions = { gso-unflagged = true }')
        yield Scenario(f"segments, virtio, unflagged{name}", text, unflagged, ("a", "b"))


def undivided() -> Iterator[Scenario]:
    """Long datagrams that a guest leaves whole, as kernels until 4.13 did and this one does no more (UDP fragmentation offload)."""

    def older(text: str, preset: str) -> str:
        return text.replace("[domain.a]\n", f'[domain.a]\npreset = "{preset}"\n')

    whole: dict[str, Any] = {"long": True, "kinds": ("datagram",), "size": 2800}
    owed = tuple(one for one in LONG if one.startswith("partial"))
    rest = tuple(one for one in LONG if one not in owed)
    for name, tap0 in (("", {}), (", merging", {"napi": True})):
        text = older(virtual_machines_by_name(tap0, {}), "linux-4.4")
        flows = tuple(replace(flow, only=owed, **whole) for flow in (*ACROSS, *TO_HOST))
        yield Scenario(f"datagrams left whole{name}", text, flows, ("a", "b"))
        text = text.replace('peer = "host:tap0"', 'peer = "host:tap0"\noptions = { gso-unflagged = true }')
        flows = tuple(replace(flow, only=rest, **whole) for flow in (*ACROSS, *TO_HOST))
        yield Scenario(f"datagrams left whole, no flag{name}", text, flows, ("a", "b"))
    for name, words in (("router, conntrack", {"conntrack": True}), ("masquerade", {"nat": MASQUERADE})):
        text = older(routed_machines(**words), "linux-4.4")
        flows = tuple(replace(flow, only=owed, **whole) for flow in (*THROUGH, *TO_ROUTER))
        yield Scenario(f"datagrams left whole, {name}", text, flows, ("a", "b"))
        text = text.replace('peer = "r:va"', 'peer = "r:va"\noptions = { gso-unflagged = true }')
        flows = tuple(replace(flow, only=rest, **whole) for flow in (*THROUGH, *TO_ROUTER))
        yield Scenario(f"datagrams left whole, no flag, {name}", text, flows, ("a", "b"))


HOOKED: dict[str, object] = {"net.bridge.bridge-nf-call-iptables": True, "net.bridge.bridge-nf-call-ip6tables": True}


def hooked() -> Iterator[Scenario]:
    """Bridges whose packets pass the hooks of IP (br_netfilter)."""
    snat = tuple({**rule, "device": "br0", "source": "10.1.0.0/24", "address": "10.1.0.77"} for rule in SNAT[:1])
    for name, more, nat in (
        ("", HOOKED, ()),
        (", conntrack", HOOKED, None),
        (", conntrack, unverified", {**HOOKED, **UNVERIFIED}, None),
        (", snat", HOOKED, snat),
    ):
        words = f"[domain.host]\nsysctl = {toml(more)}\n" + ("conntrack = true\n" if nat is None else "")
        text = bridged({}, {}, {}).replace("[domain.host]\n", words)
        for rule in nat or ():
            text += "[[domain.host.nat]]\n" + "".join(f"{word} = {toml(value)}\n" for word, value in rule.items())
        yield Scenario(f"bridge, netfilter{name}", text, (*ACROSS, *TO_HOST), brief=name.endswith("unverified"))


def helped() -> Iterator[Scenario]:
    """Packets that helpers of connection tracking rewrite, and segments behind one."""
    rule: dict[str, object] = {"kind": "masquerade", "device": "vb", "source": "10.1.0.0/24", "helper": "ftp"}
    back = Flow("b:eth0", B4, "10.2.0.1")
    behind = Flow("a:eth0", A4, B4, kinds=("tcp",), only=("right", "partial", "damaged"), port_to=21, answered=back)
    for sysctl in ({}, UNVERIFIED):
        text = tapped_router(True, (rule,), **({"sysctl": sysctl} if sysctl else {}))
        yield Scenario(f"helper, ftp{', unverified' if sysctl else ''}", text, (behind,), ("a", "b"))
    for helper, kind, port in (("sip", "sip", 5060), ("snmp", "trap", 162)):
        rule = {**rule, "helper": helper}
        for sysctl in ({}, UNVERIFIED):
            text = tapped_router(True, (rule,), **({"sysctl": sysctl} if sysctl else {}))
            name = f"helper, {helper}{', unverified' if sysctl else ''}"
            yield Scenario(name, text, (Flow("a:eth0", A4, B4, kinds=(kind,), port_to=port),), ("a", "b"))


def editors() -> Iterator[Scenario]:
    """Rules that edit without a connection, between the same virtual machines."""
    everything = tuple(replace(flow, kinds=(*KINDS, *RARE, "even option", "odd option")) for flow in THROUGH)
    ports = tuple({**rule, "to-port": 40000} for rule in SNAT)
    for name, rules in (("addresses", SNAT), ("ports", ports)):
        stateless = tuple({**rule, "by": "nft"} for rule in rules)
        for tracked in (False, True):
            text = tapped_router(True, stateless, conntrack=tracked)
            yield Scenario(f"nft, {name}{', conntrack' if tracked else ''}", text, everything, ("a", "b"), brief=True)
    for name, edit in (
        ("marks", 'by = "nft"\ndscp = 46\nttl = 33'),
        ("mss", 'by = "iptables"\nprotocol = "tcp"\nmss = 1200'),
        ("strip", 'by = "iptables"\nstrip = "mss"'),
    ):
        text = tapped_router(True) + f'[[domain.r.edit]]\ndevice = "vb"\nway = "out"\n{edit}\n'
        yield Scenario(f"nft, {name}", text, everything, ("a", "b"), brief=True)
    marked = tuple(replace(flow, kinds=("marked", "ping"), only=("right", "partial", "damaged")) for flow in INSIDE)
    for outer, sums, bits in ((4, True, 1), (4, False, 3), (6, True, 1)):
        rule = f'[[domain.host.edit]]\nby = "nft"\ndevice = "vb"\nway = "out"\necn = {bits}\n'
        yield Scenario(f"vxlan over IPv{outer}, udpcsum {sums}, marked {bits} on the way".lower(), pods(outer, sums) + rule, marked)


def queued() -> Iterator[Scenario]:
    """Packets that a program decides over, and edits, behind a queue."""
    look = '[[domain.r.edit]]\nby = "nfqueue"\ndevice = "WHERE"\nway = "WAY"\nprogram = "WORDS"\n'
    for words in ("", "takes-unfinished", "takes-unfinished sums", "sums heeds-owed heeds-verified takes-unfinished"):
        for where, way in (("va", "in"), ("vb", "out")):
            text = routed(conntrack=way == "in") + look.replace("WHERE", where).replace("WAY", way).replace("WORDS", words)
            yield Scenario(f"queue, way {way}{', ' if words else ''}{words}", text, THROUGH, brief=True)
    ports = tuple({**rule, "to-port": 40000, "by": "nfqueue"} for rule in SNAT)
    for words in ("", "takes-unfinished", "anew", "takes-unfinished anew", "forgets", "takes-unfinished heeds-owed"):
        text = tapped_router(True, tuple({**rule, "program": words} for rule in ports))
        yield Scenario(f"queue, edited{', ' if words else ''}{words}", text, THROUGH, ("a", "b"), brief=True)
    marked = look.replace("WHERE", "vb").replace("WAY", "out").replace("WORDS", "takes-unfinished") + "dscp = 46\n"
    for name, rule in (("", look.replace("WHERE", "vb").replace("WAY", "out").replace("WORDS", "")), (", edited", marked)):
        yield Scenario(f"segments, queue{name}", routed() + rule, long(*THROUGH))


def relayed() -> Iterator[Scenario]:
    """Two guests with a program on packet sockets between them."""
    plain = bridged({}, {}, {}).replace('kind = "bridge"\naddress = ["10.1.0.1/24", "fd00:1::1/64"]', 'kind = "bridge"')
    # The kernel takes a tag off before a packet socket sees the frame; by a status a program does not learn where a sum starts.
    told = tuple(one for one in STATES if "tagged" not in one)
    flows = tuple(replace(flow, only=told) for flow in ACROSS)
    plainer = tuple(replace(flow, kinds=("tcp", "udp"), only=tuple(one for one in told if "extensions" not in one)) for flow in ACROSS)
    for words in ("relay", "keeps-header", "heeds-owed heeds-verified", "relay header-included", "heeds-owed header-included"):
        some = plainer if "owed" in words else flows
        some = some[:1] if "included" in words else some
        text = plain.replace("[domain.host]\n", f'[domain.host]\nprogram = "{words}"\n')
        yield Scenario(f"program, {words}", text, some, brief=words != "keeps-header")
    yield Scenario("segments, program", plain.replace("[domain.host]\n", '[domain.host]\nprogram = "keeps-header"\n'), long(*ACROSS))


def taken() -> Iterator[Scenario]:
    """Packets for others that a host takes: by a rule that translates them to itself (REDIRECT), unchanged (TPROXY), or by a route."""
    asked = tuple(replace(flow, port_to=8080) for flow in (*THROUGH, *TO_ROUTER))
    ends = ((A4, B4, "10.1.0.1"), (A6, B6, "fd00:1::1"))
    here: tuple[dict[str, object], ...] = tuple(
        {"kind": "redirect", "device": "va", "destination": to, "protocol": name, "port": 8080, "to-port": PORT}
        for name in ("tcp", "udp")
        for to in (B4, B6)
    )
    translated = tuple(Answer("a:eth0", source, to, "r", "translated", own) for source, to, own in ends)
    yield Scenario("redirect", routed(nat=here), asked[:2], answers=translated)
    anywhere: tuple[dict[str, object], ...] = tuple(
        {"kind": "redirect", "device": "va", "protocol": name, "port": 8080, "to-port": PORT} for name in ("tcp", "udp")
    )
    yield Scenario("redirect of everything", routed(nat=anywhere), asked, brief=True)
    refused = tuple(Answer("a:eth0", source, to, "r", "reset") for source, to, _ in ends)
    for features in ({}, NO_TX):
        way = "" if not features else ", way back without offload"
        rule = '[[domain.r.edit]]\nby = "reject"\ndevice = "vb"\nway = "out"\nprotocol = "tcp"\n'
        yield Scenario(f"refused{way}", routed({"features": features}) + rule, (), answers=refused)
    there: tuple[dict[str, object], ...] = tuple(
        {"kind": "dnat", "device": "va", "protocol": "udp", "destination": to, "port": 8080, "address": address, "to-port": PORT}
        for to, address in (("203.0.113.0/24", B4), ("2001:db8:9::/48", B6))
    )
    ways = (("203.0.113.0/24", "vb", B4), ("2001:db8:9::/48", "vb", B6))
    elsewhere = tuple(
        replace(flow, destination=to, kinds=("udp",)) for flow, to in zip(asked, ("203.0.113.9", "2001:db8:9::9"), strict=False)
    )
    yield Scenario("dnat of another destination", routed(nat=there, routes=ways), elsewhere, brief=True)
    proxy = "".join(f'[[domain.r.local]]\ndevice = "va"\nprotocol = "{name}"\nport = 8080\n' for name in ("tcp", "udp"))
    unchanged = tuple(Answer("a:eth0", source, to, "r", "transparent") for source, to, _ in ends)
    yield Scenario("tproxy", routed() + proxy, asked[:2], answers=unchanged)
    yield Scenario("tproxy, conntrack", routed(conntrack=True) + proxy, asked[:2], brief=True)
    anyip = '[[domain.r.local]]\nto = "10.2.0.22/32"\n[[domain.r.local]]\nto = "fd00:2::22/128"\n'
    yield Scenario("local route", routed() + anyip, THROUGH, brief=True)


def detoured() -> Iterator[Scenario]:
    """Frames that tc redirects or copies; the rest of these hosts is compared by tests/test_oracle_detours.py."""
    hosts = {"redirected": detours.ACROSS.replace("OUT", "true"), "shaped": detours.SHAPED.replace("IN", "false").replace("OUT", "true")}
    hosts |= detours.TURNED
    hosts |= {f"copied {way}": detours.copied(device, way) for device, way in (("va", "in"), ("vb", "out"))}
    for name, text in hosts.items():
        yield Scenario(name, text, ACROSS, brief=True)


def looped() -> Iterator[Scenario]:
    """A host that sends to itself, and by a rule of its own what is for others, as a sidecar of a mesh has it."""
    text = routed().replace('[domain.r.device."va"]', '[domain.r.device.lo]\nkind = "loopback"\n[domain.r.device."va"]')
    itself = (Flow("r:lo", "127.0.0.1", "127.0.0.1"), Flow("r:lo", "::1", "::1"), Flow("r:lo", "10.1.0.1", "127.0.0.6"))
    yield Scenario("loopback", text, (), senders=itself)
    rules = "".join(f'[[domain.r.nat]]\nkind = "redirect"\ndevice = "lo"\nprotocol = "{name}"\nport = {PORT}\n' for name in ("tcp", "udp"))
    redirected = tuple(Flow("r:lo", own, to, kinds=("tcp", "udp", "udp, no sum")) for own, to in (("10.1.0.1", B4), ("fd00:1::1", B6)))
    yield Scenario("loopback, redirected", text + rules, (), senders=redirected)
    services = "".join(
        f'[[domain.r.nat]]\nkind = "dnat"\ndevice = "lo"\ndestination = "{to}"\naddress = "{address}"\n'
        for to, address in (("203.0.113.9/32", B4), ("2001:db8:9::9/128", B6))
    )
    ways = '[[domain.r.route]]\nto = "203.0.113.0/24"\ndevice = "vb"\n[[domain.r.route]]\nto = "2001:db8:9::/48"\ndevice = "vb"\n'
    elsewhere = (Flow("r:vb", "10.2.0.1", "203.0.113.9"), Flow("r:vb", "fd00:2::1", "2001:db8:9::9"))
    yield Scenario("own packets sent elsewhere", text + services + ways, (), senders=elsewhere)


def cut() -> Iterator[Scenario]:
    """Datagrams that are longer than the next link takes."""
    kinds: dict[str, Any] = {"kinds": ("udp", "ping"), "size": 2800}
    routed = (Flow("a:eth0", A4, "10.3.0.22", **kinds), Flow("a:eth0", A6, "fd00:3::22", **kinds))
    yield Scenario("fragments, router", cutters.routers(9000, 1500, 9000, tracked=False), routed)
    yield Scenario("fragments, router, conntrack", cutters.routers(9000, 1500, 9000, tracked=True), routed, brief=True)
    yield Scenario("fragments, router, snat", cutters.routers(9000, 1500, 1400, tracked=True, rules=cutters.SNAT), routed)
    yield Scenario("fragments, router, cut again", cutters.routers(9000, 1500, 1400, tracked=False), routed[:1], brief=True)
    across = tuple(replace(flow, bridged=True, **kinds) for flow in ACROSS)
    inside = (Flow("a:vxlan0", "10.9.0.1", "10.9.0.2", **kinds), Flow("a:vxlan0", "fd00:9::1", "fd00:9::2", **kinds))
    yield Scenario("fragments, vxlan", cutters.tunnel(sums=True), inside, brief=True)
    yield Scenario("fragments, vxlan, no outer sum", cutters.tunnel(sums=False), inside, brief=True)
    yield Scenario("fragments, bridge", cutters.bridge(9000, 1500, hooked=False), across, brief=True)
    yield Scenario("fragments, bridge, netfilter", cutters.bridge(9000, 1500, hooked=True), across)


OWED = ("partial", "partial, damaged", "partial, finished", "right", "damaged")


def cut_and_owed() -> Iterator[Scenario]:
    """Fragments of which somebody says that a sum is owed, as no kernel does."""

    def pieces(*flows: Flow) -> tuple[Flow, ...]:
        return tuple(replace(flow, kinds=("udp", "ping"), only=OWED, size=200, cut_to=148 if flow.version == 4 else 176) for flow in flows)

    yield Scenario("owed fragments, router", routed(), pieces(*THROUGH, *TO_ROUTER))
    yield Scenario("owed fragments, router fills", routed(way_out={"features": NO_TX}), pieces(*THROUGH))
    yield Scenario("owed fragments, conntrack", routed(conntrack=True), pieces(*THROUGH, *TO_ROUTER))
    yield Scenario("owed fragments, bridge fills", bridged({}, {}, {"features": NO_TX}), pieces(*ACROSS))


def shared(mode: str, **words: Any) -> str:
    """Two containers with a macvlan each on one end of a cable, whose other end is another host's; ``words`` are of the shared end."""
    gates = (("default", "eth0", "10.1.0.9"),)
    containers = (
        domain(
            name,
            device(name, "eth0", "macvlan", lower="host:va", mode=mode, address=[f"10.1.0.{number}/24", f"fd00:1::{number}/64"]),
            routes=gates,
        )
        for name, number in (("a", 11), ("b", 22))
    )
    host = domain("host", device("host", "va", "veth", peer="far:eth0", address=["10.1.0.1/24"], **words))
    return host + "".join(containers) + guest("far", "host:va", ("10.1.0.9/24", "fd00:1::9/64"))


TO_FAR = (Flow("a:eth0", A4, "10.1.0.9", bridged=True), Flow("a:eth0", A6, "fd00:1::9", bridged=True))
FROM_FAR = (Flow("far:eth0", "10.1.0.9", "10.1.0.22", bridged=True),)


def macvlans() -> Iterator[Scenario]:
    """Containers that share a device."""
    yield Scenario("macvlan", shared("bridge"), (*ACROSS, *TO_FAR, *FROM_FAR), senders=(*ACROSS[:1], *TO_FAR[:1]))
    unfilled = shared("bridge", features=NO_TX)
    yield Scenario("macvlan, the device below without offload", unfilled, (*ACROSS[:1], *TO_FAR), senders=TO_FAR[:1], brief=True)
    yield Scenario("macvlan, private", shared("private"), (*TO_FAR[:1], *FROM_FAR), brief=True)
    yield Scenario("segments, macvlan", shared("bridge"), long(*ACROSS[:1], *TO_FAR[:1]), brief=True)
    yield Scenario("segments, macvlan, the device below without offload", unfilled, long(*TO_FAR), brief=True)


def every() -> Iterator[Scenario]:
    """Every scenario."""
    yield from segmented()
    yield from undivided()
    yield from queued()
    yield from relayed()
    yield from macvlans()
    yield from taken()
    yield from detoured()
    yield from looped()
    yield Scenario("bridge", bridged({}, {}, {}), (*ACROSS, *TO_HOST, *FROM_HOST), senders=(*ACROSS, *FROM_HOST))
    yield Scenario("bridge, the guest sums for itself", bridged({"features": NO_TX}, {}, {}), ACROSS, senders=ACROSS, brief=True)
    yield Scenario("bridge, way out without offload", bridged({}, {}, {"features": NO_TX}), ACROSS, brief=True)
    yield Scenario("router", routed(), (*THROUGH, *TO_ROUTER), senders=THROUGH)
    yield Scenario("router, way out without offload", routed(way_out={"features": NO_TX}), THROUGH, brief=True)
    yield Scenario("router, conntrack", routed(conntrack=True), (*THROUGH, *TO_ROUTER))
    yield Scenario("router, conntrack, unverified", routed(conntrack=True, sysctl=UNVERIFIED), (*THROUGH, *TO_ROUTER), brief=True)
    yield Scenario("masquerade", routed(nat=MASQUERADE), THROUGH)
    yield Scenario("masquerade, unverified", routed(nat=MASQUERADE, sysctl=UNVERIFIED), THROUGH)
    yield Scenario("masquerade, way out without offload", routed(nat=MASQUERADE, way_out={"features": NO_TX}), THROUGH, brief=True)
    unsummed = (Flow("a:eth0", A4, B4, kinds=("ping",), only=("right", "partial", "partial, finished")),)
    text = routed(nat=MASQUERADE, sysctl=UNVERIFIED).replace('peer = "r:va"\n', 'peer = "r:va"\nfeatures = { tx = false }\n', 1)
    yield Scenario("masquerade, unverified, the guest sums for itself", text, unsummed)
    yield Scenario("snat", routed(nat=SNAT), THROUGH, brief=True)
    yield Scenario("dnat", routed(nat=DNAT), (Flow("a:eth0", A4, "10.1.0.1", port_to=8080), Flow("a:eth0", A6, "fd00:1::1", port_to=8080)))
    for outer in (4, 6):
        for sums in (True, False):
            yield Scenario(f"vxlan over IPv{outer}, udpcsum {sums}".lower(), pods(outer, sums), INSIDE, senders=INSIDE, brief=outer == 6)
            yield Scenario(
                f"vxlan over IPv{outer}, snat, udpcsum {sums}".lower(), pods(outer, sums, nat=OUTER_MASQUERADE), INSIDE, brief=True
            )
    yield Scenario("vxlan, way out without offload", pods(4, True, features=NO_TX), INSIDE, brief=True)
    yield Scenario("vxlan, snat, way out without offload", pods(4, True, nat=OUTER_MASQUERADE, features=NO_TX), INSIDE, brief=True)
    yield Scenario("vxlan, ends joined", inner_ends(), INSIDE[:1])
    yield Scenario("vxlan, ends joined, without offload", inner_ends(features=NO_TX), INSIDE[:1], brief=True)
    for name, here, there in (
        ("", "remcsumtx = true, remcsumrx = true", "remcsumtx = true, remcsumrx = true"),
        (", no outer sum", "remcsumtx = true, udpcsum = false", "remcsumrx = true"),
        (", not heeded", "remcsumtx = true", "remcsumrx = false"),
    ):
        first, second = inner_ends().split("[domain.host]\n")
        ends = [
            part.replace('kind = "vxlan"\n', f'kind = "vxlan"\noptions = {{ {words} }}\n')
            for part, words in ((first, here), (second, there))
        ]
        yield Scenario(f"vxlan, remote sums{name}", "[domain.host]\n".join(ends), INSIDE[:1], brief=True)
    yield Scenario("segment routing", segment_routed(), SEGMENTS, brief=True)
    yield Scenario("segment routing through a router", segment_routed("fc00:9::e"), SEGMENTS, brief=True)
    yield Scenario("segment routing to neighbours", segment_routed("fc00:9::e", across=True), SEGMENTS, brief=True)
    yield Scenario("segment routing, two of one host", segment_routed("fc00:9::e", "fc00:2::e", ends=("fc00:2::e",)), SEGMENTS, brief=True)
    yield Scenario(
        "segment routing to a host's address", segment_routed("fc00:2::e", "fd00:2::1", ends=("fc00:2::e",)), SEGMENTS[:1], brief=True
    )
    yield Scenario("vxlan over a bridge", over_a_bridge(), INSIDE[:1], brief=True)
    across = (Flow("a:eth0", "10.5.0.1", "10.5.0.2"), Flow("a:eth0", "fd00:5::1", "fd00:5::2"))
    yield Scenario("vxlan as a port of bridges", overlay(), across, senders=across[:1], brief=True)
    yield Scenario("vxlan as a port of bridges, without offload", overlay(features=NO_TX), across[:1], brief=True)
    yield Scenario("vxlan as a port of a bridge and an end", overlay(routed=True), across[:1], brief=True)
    yield Scenario("vxlan to a tap", to_a_tap(), INSIDE[:1], ("host",), brief=True)
    yield Scenario("card and router, conntrack", carded_router(rx=False), FROM_OUTSIDE, tapped=True)
    yield Scenario("card and router, dnat", carded_router(PUBLISHED, rx=False), BEHIND, tapped=True)
    for way_in, way_out in ((True, True), (True, False), (False, True)):
        yield Scenario(
            f"tap to tap, offload {way_in} {way_out}".lower(),
            virtual_machines(way_in, way_out),
            (*ACROSS, *TO_HOST),
            ("a", "b"),
            brief=way_in is not way_out,
        )
    for name, tap0, tap1 in (
        ("", {}, {}),
        (", no sums left to the guest", {}, {"TUN_F_CSUM": False}),
        (", no header", {}, {"vnet-hdr": False}),
        (", sums left to a guest that gets no header", {}, {"vnet-hdr": False, "TUN_F_CSUM": True}),
        (", merging", {"napi": True}, {}),
    ):
        yield Scenario(
            f"virtio{name}", virtual_machines_by_name(tap0, tap1), (*ACROSS, *TO_HOST), ("a", "b"), brief=not name.endswith("ing")
        )
    for offered in (True, False):
        yield Scenario(f"tap router, offload {offered}".lower(), tapped_router(offered), THROUGH, ("a", "b"), brief=True)
        yield Scenario(
            f"tap masquerade, offload {offered}".lower(), tapped_router(offered, MASQUERADE), THROUGH, ("a", "b"), brief=not offered
        )
    yield from rewriters()
    yield from helped()
    yield from editors()
    yield from hooked()
    yield from cut()
    yield from cut_and_owed()
    yield Scenario("card", carded(), tuple(replace(flow, only=AS_A_CARD_SEES) for flow in CARDED))
    yield Scenario("card as tap", carded(**AS_TAP), tuple(replace(flow, only=AS_A_CARD_SEES) for flow in CARDED), tapped=True)
    yield Scenario("card as tap, nothing verified", carded(**AS_TAP, rx=False), CARDED, tapped=True)
    yield Scenario("card as tap, nothing verified or merged", carded(**AS_TAP, rx=False, gro=False), CARDED, tapped=True, brief=True)
    yield Scenario("card as tap, no offload", carded(**AS_TAP, rx=False, tx=False), CARDED, tapped=True, brief=True)
    for name in ("vxlan-routed", "vxlan-masquerade"):
        text = (CAPTURES / name / "topology.toml").read_text(encoding="utf-8")
        yield Scenario(f"captures/{name}", text, (Flow("pod:vxlan0", "10.244.0.1", "10.244.3.3"),))
