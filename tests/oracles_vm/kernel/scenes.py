"""Two sites joined by each tunnel that the kernel has, and what is sent through it.

Tunnels that csumlab models carry a topology, and their recording is held against it. Of the others it is recorded what the kernel does: at
the tunnel device, on the cable between the gateways, behind the tunnel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .. import sites
from ..matrix import HOW, Sent, encapsulated, injected, said
from ..running import Scene
from ..sites import FAR, LEFT, NEAR, RIGHT

WAN = {NEAR: "192.0.2.1", FAR: "192.0.2.9"}
_OTHER = {NEAR: FAR, FAR: NEAR}
_INNER = {NEAR: ("10.8.0.1", "fd08::1"), FAR: ("10.8.0.2", "fd08::2")}
_BEHIND = {NEAR: ("10.3.0.0/24", "fd03::/64"), FAR: ("10.1.0.0/24", "fd01::/64")}
_TUNNEL_MAC = {NEAR: "02:00:00:00:80:01", FAR: "02:00:00:00:80:02"}
_UNMODELLED = {each: tuple(how for how in hows if "begun" not in how and "but" not in how) for each, hows in HOW.items()}
_HASH, _CIPHER = "0x" + "11" * 32, "0x" + "22" * 16


@dataclass(frozen=True)
class Tunnel:
    """``make`` gives the commands that make the device at a gateway; ``ethernet`` says that it carries Ethernet frames; ``kind``, ``more``
    are how csumlab's topology names it, "" if it has no model; ``families`` are the inner IP versions it carries."""

    name: str
    make: Callable[[str], tuple[str, ...]]
    ethernet: bool = False
    kind: str = ""
    more: str = ""
    families: tuple[int, ...] = (4, 6)


def _link(words: str) -> Callable[[str], tuple[str, ...]]:
    return lambda place: (f"ip link add tun0 {words.format(local=WAN[place], remote=WAN[_OTHER[place]], mac=_TUNNEL_MAC[place])}",)


def _esp(place: str) -> tuple[str, ...]:
    """Transformations need no device: a dummy one takes the routes, and policies catch what would leave by it (Linux net/xfrm)."""
    here, there = WAN[place], WAN[_OTHER[place]]
    states = [
        f"ip xfrm state add src {a} dst {b} proto esp spi {spi} mode tunnel auth-trunc hmac(sha256) {_HASH} 128 enc cbc(aes) {_CIPHER}"
        for a, b, spi in ((here, there, f"0x{len(place)}00"), (there, here, f"0x{len(_OTHER[place])}00"))
    ]
    mine, theirs = ("10.1.0.0/24", "10.3.0.0/24") if place == NEAR else ("10.3.0.0/24", "10.1.0.0/24")
    policies = [
        f"ip xfrm policy add src {a} dst {b} dir {way} tmpl src {x} dst {y} proto esp mode tunnel"
        for a, b, way, x, y in ((mine, theirs, "out", here, there), (theirs, mine, "in", there, here), (theirs, mine, "fwd", there, here))
    ]
    return ("ip link add tun0 type dummy", *states, *policies)


TUNNELS = (
    Tunnel("vxlan, udpcsum", _link("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789 udpcsum"), True, "vxlan"),
    Tunnel("vxlan, noudpcsum", _link("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789 noudpcsum"), True,
           "vxlan", "options = { udpcsum = false }\n"),
    Tunnel("geneve, udpcsum", _link("address {mac} type geneve id 7 remote {remote} dstport 6081 udpcsum"), True),
    Tunnel("geneve, noudpcsum", _link("address {mac} type geneve id 7 remote {remote} dstport 6081 noudpcsum"), True),
    Tunnel("ipip", _link("type ipip local {local} remote {remote}"), families=(4,)),
    Tunnel("sit", _link("type sit mode any local {local} remote {remote}")),
    Tunnel("gre", _link("type gre local {local} remote {remote}")),
    Tunnel("gre, csum", _link("type gre local {local} remote {remote} csum")),
    Tunnel("gretap, csum", _link("address {mac} type gretap local {local} remote {remote} csum"), True),
    Tunnel("esp", _esp, families=(4,)),
    Tunnel("wireguard", lambda place: (
        "ip link add tun0 type wireguard",
        f"wg set tun0 private-key /oracle/{place}.key listen-port 51820 peer PUBLIC-{_OTHER[place]}"
        f" endpoint {WAN[_OTHER[place]]}:51820 allowed-ips 0.0.0.0/0,::/0",
    )),
    Tunnel("vlan", _link("link wan0 type vlan id 5"), True),
    Tunnel("macsec", lambda place: (
        "ip link add link wan0 tun0 type macsec encrypt on",
        f"ip macsec add tun0 tx sa 0 pn 1 on key 00 {'11' * 16}",
        f"ip macsec add tun0 rx port 1 address {sites.MACS[_OTHER[place], 'wan0']}",
        f"ip macsec add tun0 rx port 1 address {sites.MACS[_OTHER[place], 'wan0']} sa 0 pn 1 on key 00 {'11' * 16}",
    ), True),
)  # fmt: skip


OPENED = """
[domain.left.device.lan0]
kind = "veth"
peer = "near:lan0"
address = ["10.1.0.2/24"]
[domain.near]
outside = true
[domain.near.device.lan0]
kind = "veth"
address = ["10.1.0.1/24"]
"""
"""Whoever is outside opens IPIP and GRE: here a stack with devices for them, of which the model has none."""


def scenes() -> Iterator[tuple[Callable[[int], Scene], dict[str, str]]]:
    """Every scene, made with the number of its first packet, and the namespaces it wants, by place."""
    for number, tunnel in enumerate(TUNNELS):
        yield _maker(tunnel), {place: f"{place}{number}" for place in (LEFT, NEAR, FAR, RIGHT)}
    for carrier in ("ipip", "gre", "gre, csum", "gre, wrong csum"):
        yield _opener(carrier), {place: f"{place}-{carrier.replace(', ', '-').replace(' ', '-')}" for place in (LEFT, NEAR, FAR, RIGHT)}


def _maker(tunnel: Tunnel) -> Callable[[int], Scene]:
    def made(first: int) -> Scene:
        more = tunnel.more + ("port = 4789\n" if tunnel.kind == "vxlan" else "")
        return Scene(
            name=tunnel.name,
            host=sites.topology(tunnel.kind, "tun0", "tun0", more) if tunnel.kind else "",
            sent=tuple(_packets(first, tunnel.families, HOW if tunnel.kind else _UNMODELLED)),
            watch={LEFT: ("lan0",), NEAR: ("lan0", "tun0", "wan0"), FAR: ("wan0", "tun0", "lan0"), RIGHT: ("lan0",)},
            listen={LEFT: ("10.1.0.2", "fd01::2"), RIGHT: ("10.3.0.2", "fd03::2")},
            link=lambda one: sites.link(one.place, one.device),
            commands=tuple(_commands(tunnel)),
            patience=1.0,
        )

    return made


def _opener(carrier: str) -> Callable[[int], Scene]:
    """Packets that are encapsulated already, to a stack that opens them and is their end."""
    kind = "ipip" if carrier == "ipip" else "gre"
    words = f"ip link add tun0 type {kind} local 10.1.0.1 remote 10.1.0.2{' icsum' if 'csum' in carrier else ''}"
    commands = [(place, command) for place in (LEFT, NEAR, FAR, RIGHT) for command in sites.configured(place)]
    commands += [(NEAR, words), (NEAR, "ip addr add 10.8.0.1/24 dev tun0"), (NEAR, "ip link set tun0 up")]
    return lambda first: Scene(
        name=f"{carrier}, opened",
        host=OPENED,
        sent=tuple(
            encapsulated(one, carrier, "10.1.0.2", "10.1.0.1") for one in injected(first, LEFT, "lan0", "10.1.0.2", "10.8.0.1", HOW)
        ),
        watch={LEFT: ("lan0",), NEAR: ("lan0",)},
        listen={NEAR: ("10.8.0.1",)},
        link=lambda one: sites.link(one.place, one.device),
        commands=tuple(commands),
        patience=1.0,
    )


def _commands(tunnel: Tunnel) -> Iterator[tuple[str, str]]:
    for place in (LEFT, NEAR, FAR, RIGHT):
        yield from ((place, command) for command in sites.configured(place))
    for place in (NEAR, FAR):
        yield from ((place, command) for command in tunnel.make(place))
        yield place, f"ip addr add {_INNER[place][0]}/24 dev tun0"
        yield place, "ip link set tun0 mtu 1400 up"
        if 6 in tunnel.families:
            yield place, f"ip addr add {_INNER[place][1]}/64 dev tun0 nodad"
        for version, net, gateway in zip((4, 6), _BEHIND[place], _INNER[_OTHER[place]], strict=True):
            if version in tunnel.families:
                yield place, f"ip route add {net} {f'via {gateway} ' if tunnel.ethernet else ''}dev tun0"
    if tunnel.ethernet:
        own = tunnel.name in ("vlan", "macsec")
        for place in (NEAR, FAR):
            mac = sites.MACS[_OTHER[place], "wan0"] if own else _TUNNEL_MAC[_OTHER[place]]
            yield from ((place, f"ip neigh replace {address} lladdr {mac} dev tun0") for address in _INNER[_OTHER[place]])


def _packets(first: int, families: tuple[int, ...], hows: dict[str, tuple[str, ...]]) -> Iterator[Sent]:
    number = first
    for version, place, source, destination in (
        (4, LEFT, "10.1.0.2", "10.3.0.2"),
        (6, LEFT, "fd01::2", "fd03::2"),
        (4, RIGHT, "10.3.0.2", "10.1.0.2"),
    ):
        if version in families:
            for one in injected(number, place, "lan0", source, destination, hows):
                yield one
                number = one.number + 1
            for one in said(number, place, source, destination):
                yield one
                number = one.number + 1
