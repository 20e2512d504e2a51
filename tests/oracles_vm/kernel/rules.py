"""A gateway that rewrites packets on the way, by each means that a kernel has for it, and what is sent through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .. import gateway
from ..gateway import LEFT, NEAR, RIGHT
from ..matrix import Sent, in_vxlan, injected, said
from ..running import Scene

SOURCE = {4: "10.1.0.2", 6: "fd01::2"}
ROUTED = {4: "10.3.0.2", 6: "fd03::2"}
BRIDGED = {4: "10.1.0.3", 6: "fd01::3"}
PLAIN = {"tcp": ("right", "damaged", "owed"), "udp": ("right", "damaged", "owed", "absent"), "icmp": ("right", "damaged")}
OTHERS = {"udplite": ("right",), "sctp": ("right", "damaged")}
_UNASKED = ("udplite", "dccp", "sctp, ", "udp, absent, around")
"""Of these nobody at the other end says whether they arrived."""


_SINCE_5_4 = ("5.4", "5.10", "6.1", "6.12")
_SINCE_4_15 = ("4.15", *_SINCE_5_4)
_SINCE_4_4 = ("4.4", *_SINCE_4_15)


@dataclass(frozen=True)
class Rewriting:
    """``rules``: the gateway's in a topology; ``commands``: those that set them there. ``to``: the destinations by IP version, ``how``: the
    packets of each; ``around``: also a UDP packet without a sum around a TCP packet whose sum is owed; ``said``: what sockets of the
    machine on the left send to each; ``modules``: kernel modules that are loaded before; ``more``: lines for each device of the gateway;
    ``left``: for that of the machine on the left; ``tracked``: the gateway tracks connections without translating; ``kernels``: who is
    asked, by name."""

    name: str
    rules: str
    commands: tuple[str, ...]
    to: Mapping[int, str] = field(default_factory=lambda: ROUTED)
    how: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {**PLAIN, **OTHERS})
    around: bool = False
    bridged: bool = False
    more: str = ""
    modules: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    tracked: bool = False
    kernels: tuple[str, ...] = _SINCE_5_4
    left: str = ""
    patience: float = 0.6


def _nat(by: str, kind: str, device: str, address: str, more: str = "") -> str:
    return f'[[domain.near.nat]]\nby = "{by}"\nkind = "{kind}"\ndevice = "{device}"\naddress = "{address}"\n{more}'


def _edit(by: str, device: str, way: str, words: str) -> str:
    return f'[[domain.near.edit]]\nby = "{by}"\ndevice = "{device}"\nway = "{way}"\n{words}\n'


def _tc(device: str, way: str, action: str, *protocols: str) -> tuple[str, ...]:
    """A queue with a filter for each protocol that has an action done."""
    queue, where = {"in": ("ingress", "ingress"), "out": ("clsact", "egress")}[way]
    filters = [
        f"tc filter add dev {device} {where} protocol {one} prio {n} u32 match u32 0 0 action {action}"
        for n, one in enumerate(protocols, 1)
    ]
    return (f"tc qdisc add dev {device} {queue}", *filters)


def _flows(version: int, edits: Mapping[str, str]) -> Iterator[str]:
    """Flows of Open vSwitch's datapath from port 1 to port 2: by protocol what is set."""
    numbers = {"tcp": 6, "udp": 17, "udplite": 136, "sctp": 132, "icmp": 1 if version == 4 else 58}
    layer, kind = ("ipv4", "0x0800") if version == 4 else ("ipv6", "0x86dd")
    for protocol, actions in edits.items():
        flags = ",tcp_flags(0/0)" if protocol == "tcp" else ""
        header = "icmpv6" if (protocol, version) == ("icmp", 6) else protocol
        ports = f",{header}(){flags}" if protocol != "udplite" else ""
        yield f"in_port(1),eth(),eth_type({kind}),{layer}(proto={numbers[protocol]},frag=no){ports} {actions},2"


_BACK = (
    f"in_port(2),eth(),eth_type(0x0800),ipv4(frag=no) set(ipv4(dst={SOURCE[4]})),1",
    f"in_port(2),eth(),eth_type(0x86dd),ipv6(frag=no) set(ipv6(dst={SOURCE[6]})),1",
)


def _switch(*flows: str, back: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A datapath with both devices, these flows, and those by which all goes back, as it is if not told otherwise."""
    back = back or tuple(
        f"in_port(2),eth(),eth_type({kind}),{layer}(frag=no) 1" for layer, kind in (("ipv4", "0x0800"), ("ipv6", "0x86dd"))
    )
    made = ("ovs-dpctl add-dp dp0", "ovs-dpctl add-if dp0 lan0 wan0")
    return (*made, *(f"ovs-dpctl add-flow {flow}" for flow in (*flows, *back)))


_NEW = {4: "10.1.0.99", 6: "fd01::99"}
_NEW_ROUTED = {4: "10.3.0.1", 6: "fd03::1"}
_ALL = ("tcp", "udp", "udplite", "sctp", "icmp")


def _set(version: int, words: str, port: int = 0) -> dict[str, str]:
    layer = "ipv4" if version == 4 else "ipv6"
    with_port = {one: f",set({one}(src={port}))" if port and one in ("tcp", "udp", "sctp") else "" for one in _ALL}
    return {one: f"set({layer}({words})){more}" for one, more in with_port.items()}


def _set_in_words(version: int, port: int) -> str:
    """What ``_set`` does: the address of every packet, the port of those whose ports Open vSwitch knows."""
    rules = [
        _nat("openvswitch", "snat", "wan0", _NEW[version], f'protocol = "{one}"\nto-port = {port}\n') for one in ("tcp", "udp", "sctp")
    ]
    return "".join([_nat("openvswitch", "snat", "wan0", _NEW[version]), *rules])


_TRACK = ("nf_conntrack_ipv4", "nf_conntrack_ipv6", "nf_conntrack")
"""Before 4.19 each IP version has a module of its own, which must be there before those that need it."""
_OVS, _TC, _IPVS = (*_TRACK, "openvswitch"), ("sch_ingress", "cls_u32"), (*_TRACK, "ip_vs", "ip_vs_rr")
_NFT = (*_TRACK, "nf_tables", "nf_tables_ipv4", "nf_tables_ipv6", "nft_meta", "nft_ct")
_NFT_NAT = (*_NFT, "nf_nat", "nft_chain_nat", "nft_chain_nat_ipv4", "nft_chain_nat_ipv6", "nft_nat")
_NO_SUMS = ("tx-checksum-ip-generic", "tx-checksum-sctp")


def _services(version: int) -> Iterator[str]:
    """Virtual servers at the gateway's address with one real server each; that of SCTP's PORT + 1 has another port."""
    here, there = ("10.1.0.1", "10.3.0.2") if version == 4 else ("[fd01::1]", "[fd03::2]")
    for words, port, real in (("-t", 5000, 5000), ("-u", 5001, 5001), ("--sctp-service", 5001, 5001), ("--sctp-service", 5002, 5001)):
        yield f"ipvsadm -A {words} {here}:{port} -s rr"
        yield f"ipvsadm -a {words} {here}:{port} -r {there}:{real} -m"


def _nft(family: str, chain: str, *rules: str) -> tuple[str, ...]:
    return (
        f"nft add table {family} t",
        f"nft add chain {family} t c {{ type {chain} ; }}",
        *(f"nft add rule {family} t c {rule}" for rule in rules),
    )


_SNAT = (
    *_nft("ip", "nat hook postrouting priority 100", "oif wan0 snat to 10.3.0.1"),
    *_nft("ip6", "nat hook postrouting priority 100", "oif wan0 snat to fd03::1"),
)


def _to(port: int) -> str:
    return f"to-port = {port}\n"


def _ipvs(*services: tuple[str, int, int]) -> str:
    """The rules of services: protocol, virtual and real port."""
    return "".join(
        _nat("ipvs", "dnat", "lan0", ROUTED[version], f'protocol = "{protocol}"\nport = {port}\n{_to(real) if real != port else ""}')
        for version in (4, 6)
        for protocol, port, real in services
    )


REWRITINGS = (
    Rewriting("tc nat, destination", _nat("act-nat", "dnat", "lan0", "10.3.0.2"),
              _tc("lan0", "in", "nat ingress 10.1.0.1/32 10.3.0.2", "ip"), {4: "10.1.0.1"}, around=True, modules=(*_TC, "act_nat"),
              kernels=_SINCE_4_4),
    Rewriting("tc nat, source", _nat("act-nat", "snat", "wan0", "10.3.0.1"),
              _tc("wan0", "out", "nat egress 10.1.0.2/32 10.3.0.1", "ip"), {4: ROUTED[4]}, around=True, modules=(*_TC, "act_nat"),
              kernels=_SINCE_4_15),
    Rewriting("tc pedit, DSCP and TTL", _edit("pedit", "lan0", "in", "dscp = 8") + _edit("pedit", "lan0", "in", "ttl = 40"),
              _tc("lan0", "in", "pedit ex munge ip dsfield set 0x20 retain 0xfc munge ip ttl set 40", "ip"), {4: ROUTED[4]}, PLAIN,
              modules=(*_TC, "act_pedit"), kernels=_SINCE_4_15),
    Rewriting("tc csum, in", _edit("act-csum", "lan0", "in", 'sums = ["ip", "tcp", "udp", "icmp", "icmpv6", "udplite", "sctp"]'),
              _tc("lan0", "in", "csum ip4h and tcp and udp and icmp and udplite and sctp", "ip", "ipv6"), modules=(*_TC, "act_csum"),
              kernels=_SINCE_4_4),
    Rewriting("tc csum, out", _edit("act-csum", "wan0", "out", 'sums = ["tcp", "udp"]'),
              _tc("wan0", "out", "csum tcp and udp", "ip", "ipv6"), modules=(*_TC, "act_csum"), kernels=_SINCE_4_15),
    Rewriting("tc csum, fragments", _edit("act-csum", "lan0", "in", 'sums = ["tcp", "udp"]'),
              _tc("lan0", "in", "csum tcp and udp", "ip"), {4: ROUTED[4]}, {"tcp": ("fragment",), "udp": ("fragment", "absent, fragment")},
              modules=(*_TC, "act_csum")),
    Rewriting("SCTP", "", (), how={}, said=("sctp",), modules=("sctp",), kernels=_SINCE_4_4),
    Rewriting("SCTP, tc csum", _edit("act-csum", "lan0", "in", 'sums = ["sctp"]'), _tc("lan0", "in", "csum sctp", "ip", "ipv6"), how={},
              said=("sctp",), modules=(*_TC, "act_csum", "sctp"), kernels=_SINCE_4_4),
    Rewriting("SCTP, no CRC at the gateway", "", ("ethtool -K wan0 tx-checksum-sctp off",), how={}, said=("sctp",),
              more='features = { tx-checksum-sctp = false }\n', modules=("sctp",), kernels=_SINCE_4_4),
    Rewriting("SCTP, no CRC at the sender", "", (), how={}, said=("sctp",), left='features = { tx-checksum-sctp = false }\n',
              modules=("sctp",), kernels=_SINCE_4_4),
    Rewriting("SCTP, IPVS", _ipvs(("sctp", 5001, 5001), ("sctp", 5002, 5001)), (*_services(4), *_services(6)),
              {4: "10.1.0.1", 6: "fd01::1"}, {}, said=("sctp", "sctp 5002"), modules=(*_IPVS, "sctp"), kernels=_SINCE_4_15),
    Rewriting("SCTP, IPVS, no CRC at the sender", _ipvs(("sctp", 5001, 5001), ("sctp", 5002, 5001)), (*_services(4), *_services(6)),
              {4: "10.1.0.1", 6: "fd01::1"}, {}, said=("sctp", "sctp 5002"), left='features = { tx-checksum-sctp = false }\n',
              modules=(*_IPVS, "sctp"), kernels=_SINCE_4_15),
    Rewriting("SCTP, NAT", "".join(_nat("conntrack", "snat", "wan0", _NEW_ROUTED[v]) for v in (4, 6)), _SNAT, how={}, said=("sctp",),
              modules=(*_NFT_NAT, "sctp")),
    Rewriting("SCTP, Open vSwitch", "".join(_nat("openvswitch", "snat", "wan0", _NEW[v]) for v in (4, 6)),
              _switch(*(flow for v in (4, 6) for flow in _flows(v, _set(v, f"src={_NEW[v]}"))), back=_BACK), BRIDGED, {},
              bridged=True, said=("sctp",), modules=(*_OVS, "sctp"), kernels=_SINCE_4_4),
    Rewriting("Open vSwitch, source", "".join(_set_in_words(v, 7777) for v in (4, 6)),
              _switch(*(flow for v in (4, 6) for flow in _flows(v, _set(v, f"src={_NEW[v]}", 7777)))), BRIDGED, around=True, bridged=True,
              modules=_OVS, kernels=_SINCE_4_4),
    Rewriting("Open vSwitch, address", "".join(_nat("openvswitch", "snat", "wan0", _NEW[v]) for v in (4, 6)),
              _switch(*(flow for v in (4, 6) for flow in _flows(v, _set(v, f"src={_NEW[v]}")))), BRIDGED, bridged=True, modules=_OVS,
              kernels=_SINCE_4_4),
    Rewriting("Open vSwitch, DSCP and TTL", _edit("openvswitch", "lan0", "in", "dscp = 8") + _edit("openvswitch", "lan0", "in", "ttl = 40"),
              _switch(*_flows(4, _set(4, "tos=0x20/0xfc,ttl=40")), *_flows(6, _set(6, "tclass=0x20/0xfc,hlimit=40"))), BRIDGED, PLAIN,
              bridged=True, modules=_OVS, kernels=_SINCE_4_4),
    Rewriting("IPVS", _ipvs(("tcp", 5000, 5000), ("udp", 5001, 5001)), (*_services(4), *_services(6)), {4: "10.1.0.1", 6: "fd01::1"},
              {"tcp": PLAIN["tcp"], "udp": PLAIN["udp"]}, around=True, modules=_IPVS, kernels=_SINCE_4_15),
    Rewriting("nft, source", "".join(_nat("nft", "snat", "wan0", _NEW_ROUTED[v]) for v in (4, 6)), (
        *_nft("ip", "filter hook postrouting priority 50", "oif wan0 ct state new,invalid ip saddr set 10.3.0.1"),
        *_nft("ip6", "filter hook postrouting priority 50", "oif wan0 ct state new,invalid ip6 saddr set fd03::1")),
        how={**PLAIN, "udplite": ("right",), "dccp": ("right",)}, tracked=True, modules=_NFT),
    Rewriting("NAT", "".join(_nat("conntrack", "snat", "wan0", _NEW_ROUTED[v]) for v in (4, 6)), _SNAT, how=PLAIN, around=True,
              modules=_NFT_NAT, kernels=_SINCE_4_15),
    Rewriting("NAT to itself", "".join(_nat("conntrack", "dnat", "lan0", address) for address in ("10.3.0.1", "fd03::1")), (
        *_nft("ip", "nat hook prerouting priority -100", "iif lan0 ip daddr 10.1.0.1 dnat to 10.3.0.1"),
        *_nft("ip6", "nat hook prerouting priority -100", "iif lan0 ip6 daddr fd01::1 dnat to fd03::1")),
        {4: "10.1.0.1", 6: "fd01::1"}, PLAIN, modules=_NFT_NAT, kernels=_SINCE_4_15),
    Rewriting("nft to itself", "".join(_nat("nft", "dnat", "lan0", address) for address in ("10.3.0.1", "fd03::1")), (
        *_nft("ip", "filter hook prerouting priority -100", "iif lan0 ct state new,invalid ip daddr 10.1.0.1 ip daddr set 10.3.0.1"),
        *_nft("ip6", "filter hook prerouting priority -100", "iif lan0 ct state new,invalid ip6 daddr fd01::1 ip6 daddr set fd03::1")),
        {4: "10.1.0.1", 6: "fd01::1"}, PLAIN, tracked=True, modules=_NFT, kernels=_SINCE_4_15),
    Rewriting("fill", "", ("ethtool -K wan0 tx off",), how={"udp": ("owed", "owed, giving 0"), "tcp": ("owed",)},
              more=f"features = {{ {', '.join(f'{name} = false' for name in _NO_SUMS)} }}\n", kernels=_SINCE_4_4),
    Rewriting("damage", "", (), how={"udp": ("right", "damaged"), "tcp": ("damaged",)}, kernels=_SINCE_4_4),
)  # fmt: skip


def chosen(kernel: str, only: str = "*") -> list[Rewriting]:
    """Those that a kernel is asked and whose names match the pattern."""
    return [one for one in REWRITINGS if kernel in one.kernels and fnmatchcase(one.name, only)]


def scenes(preset: str, several: Iterable[Rewriting]) -> Iterator[tuple[Callable[[int], Scene], dict[str, str]]]:
    """A scene of each for a kernel, made with the number of its first packet, and the namespaces it wants, by place."""
    for number, one in enumerate(several):
        yield _maker(one, preset), {place: f"{place}-r{number}" for place in (LEFT, NEAR, RIGHT)}


def _maker(one: Rewriting, preset: str) -> Callable[[int], Scene]:
    def made(first: int) -> Scene:
        commands = [*gateway.configured(bridged=one.bridged), *((NEAR, command) for command in one.commands)]
        if one.bridged:
            commands[:0] = [
                (RIGHT, f"ip neigh replace {address} lladdr {gateway.MACS[LEFT, 'lan0']} dev lan0") for address in _NEW.values()
            ]
        right = BRIDGED if one.bridged else ROUTED
        if one.left:
            commands.append((LEFT, "ethtool -K lan0 tx-checksum-sctp off"))
        near = {} if one.bridged else {NEAR: tuple(_NEW_ROUTED.values())}
        return Scene(
            name=one.name,
            host=gateway.topology(preset, one.rules, one.more, one.left, bridged=one.bridged, tracked=one.tracked),
            sent=tuple(_packets(one, first)),
            watch={LEFT: ("lan0",), NEAR: ("lan0", "wan0"), RIGHT: ("lan0",)},
            listen={RIGHT: tuple(right.values()), **near},
            link=lambda sent: gateway.link(sent, bridged=one.bridged),
            commands=tuple(commands),
            unheard=lambda sent: sent.what.startswith(_UNASKED),
            patience=one.patience,
        )

    return made


def _packets(one: Rewriting, first: int) -> Iterator[Sent]:
    number = first
    for version, to in one.to.items():
        for sent in injected(number, LEFT, "lan0", SOURCE[version], to, one.how):
            yield sent
            number = sent.number + 1
        for sent in said(number, LEFT, SOURCE[version], to, one.said):
            yield sent
            number = sent.number + 1
    if one.around:
        inner = next(injected(number, LEFT, "lan0", "192.168.0.1", "192.168.0.2", {"tcp": ("owed",)}))
        yield in_vxlan(inner, SOURCE[4], one.to[4])
