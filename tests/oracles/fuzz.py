"""``python -m tests.oracles.fuzz --minutes 10``: random hosts and frames on the kernel and in the model, as long as one likes.

A host is a chain from ``a`` to ``b`` with bridges and routers between, some of which track and translate connections, and perhaps a VXLAN
tunnel from end to end. A difference that is not listed is made as small as it stays one, and printed so that it can be pasted into a test.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from .linux import Comparison, run
from .namespaces import Untestable, missing
from .probes import KINDS, conditions
from .scenarios import NO_TX, Flow, Scenario, device, domain

FLOWS = 24
"""Probes that are sent through one host."""


@dataclass(frozen=True, slots=True)
class Middle:
    """One domain between the ends. ``kind`` is bridge or router; the rest is for routers: ``nat`` is "", masquerade, ported or snat."""

    kind: str = "bridge"
    offload_left: bool = True
    offload_right: bool = True
    conntrack: bool = False
    verify: bool = True
    nat: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A whole chain. ``tunnel`` is "", "udpcsum" or "noudpcsum"."""

    middles: tuple[Middle, ...] = ()
    offload_a: bool = True
    offload_b: bool = True
    tunnel: str = ""

    @property
    def bridged(self) -> bool:
        return not self.tunnel and all(middle.kind == "bridge" for middle in self.middles)


@dataclass(frozen=True, slots=True)
class Sending:
    """One probe: the IP version it goes by (inside a tunnel), what it is, and in what state."""

    version: int
    kind: str
    condition: str
    size: int
    number: int


def some_host(dice: random.Random) -> Host:
    middles = tuple(
        Middle(
            dice.choice(("bridge", "router")),
            dice.random() < 0.7,
            dice.random() < 0.7,
            dice.random() < 0.4,
            dice.random() < 0.6,
            dice.choice(("", "", "masquerade", "ported", "snat")),
        )
        for _ in range(dice.randint(1, 3))
    )
    return Host(middles, dice.random() < 0.7, dice.random() < 0.7, dice.choice(("", "", "udpcsum", "noudpcsum")))


def some_sending(dice: random.Random, host: Host, number: int) -> Sending:
    version, kind = dice.choice((4, 6)), dice.choice(KINDS)
    condition = dice.choice(list(conditions(kind, version, bridged=host.bridged)))
    return Sending(version, kind, condition, dice.randint(16, 1200), number)


def scenario_of(host: Host, sendings: list[Sending]) -> Scenario:
    """The scenario that a host and its probes are. Networks are numbered from the left; a router's left address ends in 1, its right one
    in 2."""
    net = 1
    text = ""
    routers = sum(middle.kind == "router" for middle in host.middles)
    for place, middle in enumerate(host.middles, 1):
        text += _bridge(place, middle) if middle.kind == "bridge" else _router(place, middle, net, routers)
        net += middle.kind == "router"
    last = f"m{len(host.middles)}:r" if host.middles else ""
    text = _end("a", "m1:l", host, 1, 11, f"10.{net}.0.22", routers > 0) + text
    text += _end("b", last, host, net, 22, "10.1.0.11", routers > 0)
    ends = {4: ("10.1.0.11", f"10.{net}.0.22"), 6: ("fd00:1::11", f"fd00:{net}::22")}
    if host.tunnel:
        ends = {4: ("10.244.0.1", "10.244.0.2"), 6: ("fd00:244::1", "fd00:244::2")}
    port = "a:vxlan0" if host.tunnel else "a:eth0"
    flows = tuple(
        Flow(port, *ends[one.version], bridged=host.bridged, only=(one.condition,), kinds=(one.kind,), size=one.size, first=one.number)
        for one in sendings
    )
    return Scenario("random" + (" vxlan" if host.tunnel else ""), text, flows)


def _end(name: str, peer: str, host: Host, net: int, number: int, other: str, routed: bool) -> str:
    offload = host.offload_a if name == "a" else host.offload_b
    own, gate = f"10.{net}.0.{number}", 1 if name == "a" else 2
    words: dict[str, Any] = {} if offload else {"features": NO_TX}
    devices = [device(name, "eth0", "veth", peer=peer, address=[f"{own}/24", f"fd00:{net}::{number}/64"], **words)]
    if host.tunnel:
        inside = 1 if name == "a" else 2
        addresses = [f"10.244.0.{inside}/24", f"fd00:244::{inside}/64"]
        options = {"udpcsum": host.tunnel == "udpcsum"}
        devices.append(device(name, "vxlan0", "vxlan", local=own, remote=other, address=addresses, options=options))
    routes = (("default", "eth0", f"10.{net}.0.{gate}"), ("::/0", "eth0", f"fd00:{net}::{gate}")) if routed else ()
    return domain(name, *devices, routes=routes)


def _cables(place: int, middle: Middle) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, other end and further words of a middle's two devices; the one on the right leads to the next."""
    name = f"m{place}"
    yield "l", "a:eth0" if place == 1 else f"m{place - 1}:r", {} if middle.offload_left else {"features": NO_TX}
    yield "r", f"{name}:r", {} if middle.offload_right else {"features": NO_TX}


def _bridge(place: int, middle: Middle) -> str:
    name = f"m{place}"
    (_, peer, left), (_, _, right) = _cables(place, middle)
    return domain(
        name,
        device(name, "l", "veth", peer=peer, bridge="br0", **left),
        device(name, "r", "veth", bridge="br0", **right),
        device(name, "br0", "bridge"),
    )


def _router(place: int, middle: Middle, net: int, routers: int) -> str:
    name = f"m{place}"
    (_, peer, left), (_, _, right) = _cables(place, middle)
    routes = []
    for other in range(1, routers + 2):
        device_name, via = ("r", (net + 1, 1)) if other > net + 1 else ("l", (net, 2))
        if other not in (net, net + 1):
            routes.append((f"10.{other}.0.0/24", device_name, f"10.{via[0]}.0.{via[1]}"))
            routes.append((f"fd00:{other}::/64", device_name, f"fd00:{via[0]}::{via[1]}"))
    nat: tuple[dict[str, object], ...] = ()
    if middle.nat:
        sources = ("10.0.0.0/8", "fd00::/16")
        addresses = (f"10.{net + 1}.0.{70 + place}", f"fd00:{net + 1}::{70 + place}")
        rule: dict[str, object] = {"kind": "snat" if middle.nat == "snat" else "masquerade", "device": "r"}
        rule |= {"to-port": 40000 + place} if middle.nat == "ported" else {}
        nat = tuple(
            {**rule, "source": source, **({"address": address} if middle.nat == "snat" else {})}
            for source, address in zip(sources, addresses, strict=True)
        )
    return domain(
        name,
        device(name, "l", "veth", peer=peer, address=[f"10.{net}.0.1/24", f"fd00:{net}::1/64"], **left),
        device(name, "r", "veth", address=[f"10.{net + 1}.0.2/24", f"fd00:{net + 1}::2/64"], **right),
        routes=tuple(routes),
        nat=nat,
        forwarding=True,
        conntrack=middle.conntrack,
        sysctl={"net.netfilter.nf_conntrack_checksum": middle.verify},
    )


def faults(host: Host, sendings: list[Sending], *, forms: bool = False) -> list[tuple[Sending, Comparison, list[str]]]:
    """The probes that come out different, each with what differs; ``forms`` asks both interpreters too."""
    found = []
    for sending, comparison in zip(sendings, run(scenario_of(host, sendings)), strict=True):
        texts = list(map(str, comparison.unknown())) + (comparison.between_interpreters() if forms else [])
        if texts:
            found.append((sending, comparison, texts))
    return found


def smaller(host: Host, sending: Sending) -> Iterator[tuple[Host, Sending]]:
    """Every way to make a case simpler by one step."""
    for place, middle in enumerate(host.middles):
        if len(host.middles) > 1:
            yield replace(host, middles=host.middles[:place] + host.middles[place + 1 :]), sending
        plain = Middle(middle.kind)
        for name in (entry.name for entry in fields(Middle)):
            if getattr(middle, name) != getattr(plain, name):
                changed = replace(middle, **{name: getattr(plain, name)})
                yield replace(host, middles=(*host.middles[:place], changed, *host.middles[place + 1 :])), sending
        if middle != Middle():
            yield replace(host, middles=(*host.middles[:place], Middle(), *host.middles[place + 1 :])), sending
    for simpler_host in (replace(host, offload_a=True), replace(host, offload_b=True), replace(host, tunnel="")):
        if simpler_host != host:
            yield simpler_host, sending
    simpler = (replace(sending, size=16), replace(sending, version=4), replace(sending, condition="right"), replace(sending, number=1))
    for changed_sending in simpler:
        if changed_sending != sending and changed_sending.condition in conditions(
            sending.kind, changed_sending.version, bridged=host.bridged
        ):
            yield host, changed_sending


def smallest(host: Host, sending: Sending, *, forms: bool) -> tuple[Host, Sending, Comparison, list[str]] | None:
    """The simplest case that still differs, or None if the difference does not come again."""
    best = _fault(host, sending, forms)
    if best is None:
        return None
    changed = True
    while changed:
        changed = False
        for simpler in smaller(host, sending):
            found = _fault(*simpler, forms)
            if found is not None:
                (host, sending), best, changed = simpler, found, True
                break
    return host, sending, *best


def _fault(host: Host, sending: Sending, forms: bool) -> tuple[Comparison, list[str]] | None:
    try:
        found = faults(host, [sending], forms=forms)
    except Untestable:
        return None
    return found[0][1:] if found else None


def printed(host: Host, sending: Sending, comparison: Comparison, texts: list[str]) -> str:
    """A case as a scenario that can be pasted into a test, with what was sent and what differs as comments."""
    scenario = scenario_of(host, [sending])
    flow = ", ".join(f"{entry.name}={getattr(scenario.flows[0], entry.name)!r}" for entry in fields(Flow))
    lines = [f"# {text}" for text in texts]
    lines.append(f"# {comparison.probe}: {comparison.origin.state}, {comparison.origin.frame.hex()}")
    return "\n".join([*lines, f'FOUND = Scenario("found", """\n{scenario.text}""", (Flow({flow}),))', ""])


def main() -> int:
    """The exit status: 0, 1 if something was found, 2 if nothing can be run here."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=None, help="the same hosts and frames again")
    options.add_argument("--no-forms", action="store_true", help="hold the kernel against the bytes only, not the bytes against the forms")
    given = options.parse_args()
    reason = missing("nft")
    if reason:
        print(reason)
        return 2
    seed = given.seed if given.seed is not None else random.randrange(1 << 32)
    dice = random.Random(seed)
    print(f"seed {seed}")
    deadline = time.monotonic() + 60 * given.minutes
    hosts = sent = 0
    seen: set[str] = set()
    while time.monotonic() < deadline:
        host = some_host(dice)
        sendings = [some_sending(dice, host, 1 + number) for number in range(FLOWS)]
        hosts, sent = hosts + 1, sent + len(sendings)
        for sending, _, _ in faults(host, sendings, forms=not given.no_forms):
            case = smallest(host, sending, forms=not given.no_forms)
            text = printed(*case) if case else f"# came once and not again: {sending} through {host}"
            if text not in seen:
                seen.add(text)
                print(text, flush=True)
    print(f"{hosts} hosts, {sent} frames, {len(seen)} differences")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
