"""Two sites joined by each tunnel that a kernel has, and what is sent through it.

Each carries a topology, and its recording is held against it: at the tunnel device, on the cable between the gateways, behind the tunnel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .. import sites
from ..matrix import HOW, Sent, encapsulated, injected, said
from ..running import Scene
from ..sites import FAR, LEFT, NEAR, RIGHT

WAN = {NEAR: "192.0.2.1", FAR: "192.0.2.9"}
WAN_SIX = {NEAR: "fd02::1", FAR: "fd02::9"}
_OTHER = {NEAR: FAR, FAR: NEAR}
_INNER = {NEAR: ("10.8.0.1", "fd08::1"), FAR: ("10.8.0.2", "fd08::2")}
_BEHIND = {NEAR: ("10.3.0.0/24", "fd03::/64"), FAR: ("10.1.0.0/24", "fd01::/64")}
_TUNNEL_MAC = {NEAR: "02:00:00:00:80:01", FAR: "02:00:00:00:80:02"}
_HASH, _CIPHER = "0x" + "11" * 32, "0x" + "22" * 16


@dataclass(frozen=True)
class Tunnel:
    """``make`` gives the commands that make the device at a gateway; ``ethernet`` says that it carries Ethernet frames; ``kind``, ``more``
    are how csumlab's topology names it; ``families`` are the inner IP versions it carries; ``outer`` is that of its own packets."""

    name: str
    make: Callable[[str], tuple[str, ...]]
    ethernet: bool = False
    kind: str = ""
    more: str = ""
    families: tuple[int, ...] = (4, 6)
    outer: int = 4


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


def _foo(encapsulation: str, *words: str) -> Callable[[str], tuple[str, ...]]:
    """IPIP in UDP: what comes to the port is opened, what leaves by the device gets the headers (Linux net/ipv4/fou.c)."""
    opened = "port 6080 gue" if encapsulation == "gue" else "port 5555 ipproto 4"
    made = f"type ipip local {{local}} remote {{remote}} encap {encapsulation} encap-sport auto encap-dport {opened.split()[1]}"
    return lambda place: (f"ip fou add {opened}", *_link(" ".join((made, *words)))(place))


def _l2tp(carrier: str, ends: Mapping[str, str] = WAN) -> Callable[[str], tuple[str, ...]]:
    """An L2TP version 3 session that carries Ethernet, both ends set by hand."""
    return lambda place: (
        f"ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap {carrier} local {ends[place]} remote {ends[_OTHER[place]]}",
        "ip l2tp add session name tun0 tunnel_id 1 session_id 7 peer_session_id 7",
        f"ip link set tun0 address {_TUNNEL_MAC[place]}",
    )


def _link_six(words: str, *before: str) -> Callable[[str], tuple[str, ...]]:
    return lambda place: (
        *before,
        f"ip link add tun0 {words.format(local=WAN_SIX[place], remote=WAN_SIX[_OTHER[place]], mac=_TUNNEL_MAC[place])}",
    )


def _addressed_six(place: str) -> tuple[str, ...]:
    """Addresses for a tunnel whose own packets are IPv6."""
    other = _OTHER[place]
    return (
        f"ip addr add {WAN_SIX[place]}/64 dev wan0 nodad",
        f"ip neigh replace {WAN_SIX[other]} lladdr {sites.MACS[other, 'wan0']} dev wan0",
    )


_SIX, _ENDS, _GUE_SIX = "type ip6tnl mode any", "encaplimit none local {local} remote {remote}", "ip fou add port 6080 gue -6"
_OVER = 'lower = "wan0"\n'
TUNNELS = (
    Tunnel("vxlan", _link("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789"), True, "vxlan"),
    Tunnel("vxlan, udpcsum", _link("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789 udpcsum"), True, "vxlan",
           "options = { udpcsum = true }\n"),
    Tunnel("vxlan, noudpcsum", _link("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789 noudpcsum"), True,
           "vxlan", "options = { udpcsum = false }\n"),
    Tunnel("vxlan, remcsum", _link("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789 udpcsum remcsumtx remcsumrx"),
           True, "vxlan", "options = { udpcsum = true, remcsumtx = true, remcsumrx = true }\n"),
    Tunnel("geneve, udpcsum", _link("address {mac} type geneve id 7 remote {remote} dstport 6081 udpcsum"), True,
           "geneve", "options = { udpcsum = true }\n"),
    Tunnel("geneve, noudpcsum", _link("address {mac} type geneve id 7 remote {remote} dstport 6081 noudpcsum"), True, "geneve"),
    Tunnel("ipip", _link("type ipip local {local} remote {remote}"), kind="ipip", families=(4,)),
    Tunnel("sit", _link("type sit mode any local {local} remote {remote}"), kind="sit"),
    Tunnel("ip6tnl", _link_six(f"{_SIX} {_ENDS}"), kind="ip6tnl", outer=6),
    Tunnel("ip6tnl, fou", _link_six(f"{_SIX} {_ENDS} encap fou encap-sport auto encap-dport 5555", "ip fou add port 5555 ipproto 41 -6"),
           kind="ip6tnl", more='encap = "fou"\nport = 5555\n', families=(6,), outer=6),
    Tunnel("ip6tnl, gue, no sum", _link_six(f"{_SIX} {_ENDS} encap gue encap-sport auto encap-dport 6080 noencap-udp6-csum", _GUE_SIX),
           kind="ip6tnl", more='encap = "gue"\noptions = { encap-csum = false }\n', outer=6),
    Tunnel("vxlan, IPv6", _link_six("address {mac} type vxlan id 7 local {local} remote {remote} dstport 4789"), True, "vxlan", outer=6),
    Tunnel("geneve, IPv6", _link_six("address {mac} type geneve id 7 remote {remote} dstport 6081"), True, "geneve", outer=6),
    Tunnel("l2tp, udp, IPv6", _l2tp("udp udp_sport 1701 udp_dport 1701", WAN_SIX), True, "l2tp", 'encap = "udp"\n', outer=6),
    Tunnel("gre", _link("type gre local {local} remote {remote}"), kind="gre"),
    Tunnel("gre, csum", _link("type gre local {local} remote {remote} csum"), kind="gre", more="options = { csum = true }\n"),
    Tunnel("gretap, csum", _link("address {mac} type gretap local {local} remote {remote} csum"), True,
           "gretap", "options = { csum = true }\n"),
    Tunnel("fou, csum", _foo("fou", "encap-csum"), kind="ipip", more='encap = "fou"\nport = 5555\noptions = { encap-csum = true }\n',
           families=(4,)),
    Tunnel("gue, nocsum", _foo("gue", "noencap-csum"), kind="ipip", more='encap = "gue"\n', families=(4,)),
    Tunnel("gue, remcsum", _foo("gue", "encap-csum", "encap-remcsum"), kind="ipip",
           more='encap = "gue"\noptions = { encap-csum = true, encap-remcsum = true }\n', families=(4,)),
    Tunnel("gue, nocsum, remcsum", _foo("gue", "noencap-csum", "encap-remcsum"), kind="ipip",
           more='encap = "gue"\noptions = { encap-remcsum = true }\n', families=(4,)),
    Tunnel("l2tp, udp", _l2tp("udp udp_sport 1701 udp_dport 1701 udp_csum on"), True, "l2tp",
           'encap = "udp"\noptions = { udpcsum = true }\n'),
    Tunnel("l2tp, udp, no sum", _l2tp("udp udp_sport 1701 udp_dport 1701 udp_csum off"), True, "l2tp",
           'encap = "udp"\noptions = { udpcsum = false }\n'),
    Tunnel("l2tp, ip", _l2tp("ip"), True, "l2tp"),
    Tunnel("esp", _esp, kind="esp", families=(4,)),
    Tunnel("wireguard", lambda place: (
        "ip link add tun0 type wireguard",
        f"wg set tun0 private-key /oracle/{place}.key listen-port 51820 peer PUBLIC-{_OTHER[place]}"
        f" endpoint {WAN[_OTHER[place]]}:51820 allowed-ips 0.0.0.0/0,::/0",
    ), kind="wireguard"),
    Tunnel("vlan", _link("link wan0 type vlan id 5"), True, "vlan", f"{_OVER}id = 5\n"),
    Tunnel("macsec", lambda place: (
        "ip link add link wan0 tun0 type macsec encrypt on",
        f"ip macsec add tun0 tx sa 0 pn 1 on key 00 {'11' * 16}",
        f"ip macsec add tun0 rx port 1 address {sites.MACS[_OTHER[place], 'wan0']}",
        f"ip macsec add tun0 rx port 1 address {sites.MACS[_OTHER[place], 'wan0']} sa 0 pn 1 on key 00 {'11' * 16}",
    ), True, "macsec", _OVER),
)  # fmt: skip


OPENED = """
[domain.left]
preset = "{preset}"
[domain.left.device.lan0]
kind = "veth"
peer = "near:lan0"
address = ["10.1.0.2/24"]
[domain.near]
preset = "{preset}"
outside = true
[domain.near.device.lan0]
kind = "veth"
address = ["10.1.0.1/24"]
"""
"""Whoever is outside opens IPIP and GRE: here a stack with devices for them, of which the model has none."""


def scenes(preset: str, only: str = "*") -> Iterator[tuple[Callable[[int], Scene], dict[str, str]]]:
    """The scenes for a kernel whose names match ``only``, made with the number of their first packet, and the namespaces they want, by
    place."""
    for number, tunnel in enumerate(TUNNELS):
        if fnmatchcase(tunnel.name, only):
            yield _maker(tunnel, preset), {place: f"{place}{number}" for place in (LEFT, NEAR, FAR, RIGHT)}
    for carrier in ("ipip", "gre", "gre, csum", "gre, wrong csum"):
        if fnmatchcase(f"{carrier}, opened", only):
            plain = carrier.replace(", ", "-").replace(" ", "-")
            yield _opener(carrier, preset), {place: f"{place}-{plain}" for place in (LEFT, NEAR, FAR, RIGHT)}


def _maker(tunnel: Tunnel, preset: str) -> Callable[[int], Scene]:
    def made(first: int) -> Scene:
        more = tunnel.more + ("port = 4789\n" if tunnel.kind == "vxlan" else "")
        return Scene(
            name=tunnel.name,
            host=_host(tunnel, more, preset),
            sent=tuple(_packets(first, tunnel.families)),
            watch={LEFT: ("lan0",), NEAR: ("lan0", "tun0", "wan0"), FAR: ("wan0", "tun0", "lan0"), RIGHT: ("lan0",)},
            listen={LEFT: ("10.1.0.2", "fd01::2"), RIGHT: ("10.3.0.2", "fd03::2")},
            link=lambda one: sites.link(one.place, one.device),
            commands=tuple(_commands(tunnel)),
            patience=1.0,
        )

    return made


def _host(tunnel: Tunnel, more: str, preset: str) -> str:
    text = sites.topology(tunnel.kind, "tun0", "tun0", more, preset)
    if "lower" in more:
        return re.sub("(local|remote) = .*\n", "", text)
    if tunnel.outer == 6:
        for place, address in WAN.items():
            text = text.replace(f'"{address}"', f'"{WAN_SIX[place]}"').replace(f'"{address}/24"', f'"{address}/24", "{WAN_SIX[place]}/64"')
    return text


def _opener(carrier: str, preset: str) -> Callable[[int], Scene]:
    """Packets that are encapsulated already, to a stack that opens them and is their end."""
    kind = "ipip" if carrier == "ipip" else "gre"
    words = f"ip link add tun0 type {kind} local 10.1.0.1 remote 10.1.0.2{' icsum' if 'csum' in carrier else ''}"
    commands = [(place, command) for place in (LEFT, NEAR, FAR, RIGHT) for command in sites.configured(place)]
    commands += [(NEAR, words), (NEAR, "ip addr add 10.8.0.1/24 dev tun0"), (NEAR, "ip link set tun0 up")]
    return lambda first: Scene(
        name=f"{carrier}, opened",
        host=OPENED.format(preset=preset),
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
        if tunnel.outer == 6:
            yield from ((place, command) for command in _addressed_six(place))
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


def _packets(first: int, families: tuple[int, ...]) -> Iterator[Sent]:
    number = first
    for version, place, source, destination in (
        (4, LEFT, "10.1.0.2", "10.3.0.2"),
        (6, LEFT, "fd01::2", "fd03::2"),
        (4, RIGHT, "10.3.0.2", "10.1.0.2"),
    ):
        if version in families:
            for one in injected(number, place, "lan0", source, destination, HOW):
                yield one
                number = one.number + 1
            for one in said(number, place, source, destination):
                yield one
                number = one.number + 1
