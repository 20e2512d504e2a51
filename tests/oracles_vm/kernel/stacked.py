"""Containers on an ipvlan in each of its modes, and a bond under a bridge: devices that the kernel of the tests may lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..matrix import Sent, injected, said
from ..running import Scene

LEFT, BESIDE, NEAR, RIGHT = PLACES = ("left", "beside", "near", "right")
"""Two containers, the host that they share a card with, and a machine at the other end of its cable. With a bond the first is a machine on
the host's bridge, and the second at the other end of its other port."""
MODULES = (
    "veth",
    "af_packet",
    "ipvlan",
    "bonding",
    "bridge",
    "nf_conntrack",
    "nf_tables",
    "nft_chain_nat",
    "nf_nat",
    "nft_nat",
    "nft_meta",
)
_MACS = {"near": "02:00:00:02:01:01", "right": "02:00:00:02:01:02", "left": "02:00:00:02:02:01", "va": "02:00:00:02:02:02"}
_FAR = {4: "10.1.0.2", 6: "fd01::2"}
_OWN = {4: "10.1.0.1", 6: "fd01::1"}
_FLAT = {LEFT: ("10.1.0.11/24", "fd01::11/64"), BESIDE: ("10.1.0.12/24", "fd01::12/64")}
_APART = {LEFT: ("10.8.0.11/24", "fd08::11/64"), BESIDE: ("10.8.0.12/24", "fd08::12/64")}
_BOTH = ('"10.1.0.1/24", "fd01::1/64"', '"10.1.0.2/24", "fd01::2/64"')
_HOW = {"tcp": ("right", "owed"), "udp": ("right", "damaged", "stale", "owed", "absent"), "icmp": ("right",)}
_NO_SUMS = "features = { tx-checksum-ip-generic = false, tx-checksum-sctp = false }\n"


@dataclass(frozen=True)
class Shared:
    """Containers on an ipvlan in ``mode``. ``unfilled``: the device below offers no sums; ``translated``: the host translates what the
    containers send out; ``kernels``: who is asked, by name."""

    name: str
    mode: str
    unfilled: bool = False
    translated: bool = False
    kernels: tuple[str, ...] = ("6.1",)

    @property
    def addresses(self) -> Mapping[str, tuple[str, ...]]:
        return _FLAT if self.mode == "l2" else _APART


@dataclass(frozen=True)
class Bonded:
    """A bond of two ports of which the first is active. ``unfilled``: what offers no sums."""

    name: str
    unfilled: str = ""


SHARED = (
    Shared("ipvlan l2", "l2"),
    Shared("ipvlan l2, the device below without sums", "l2", unfilled=True, kernels=("5.4", "6.1")),
    Shared("ipvlan l3, the device below without sums", "l3", unfilled=True),
    Shared("ipvlan l3s, translated", "l3s", translated=True),
    Shared("ipvlan l3s, translated, the device below without sums", "l3s", unfilled=True, translated=True),
)
BONDED = (
    Bonded("bond"),
    Bonded("bond, the port without sums", "p0"),
    Bonded("bond without sums", "bond0"),
)


def scenes(kernel: str, preset: str) -> Iterator[tuple[Callable[[int], Scene], dict[str, str]]]:
    """A scene of each that a kernel is asked (bonds only Linux 6.1), made with the number of its first packet, and the namespaces it wants,
    by place."""
    names = ({place: f"{place}-s{number}" for place in PLACES} for number in range(len(SHARED) + len(BONDED)))
    for shared in (one for one in SHARED if kernel in one.kernels):
        yield _shared(shared, preset, wanted := next(names)), wanted
    for bonded in BONDED if kernel == "6.1" else ():
        yield _bonded(bonded, preset), next(names)


def cables(names: dict[str, str]) -> Iterator[str]:
    """The cable of the host, and those that only a bond has use for; ``names`` by place."""
    ends = [f"{device} netns {names[place]} address {_MACS[place]}" for device, place in (("lan0", NEAR), ("lan0", RIGHT))]
    yield f"ip link add {ends[0]} type veth peer {ends[1]}"
    yield f"ip link add va netns {names[NEAR]} address {_MACS['va']} type veth peer lan0 netns {names[LEFT]} address {_MACS[LEFT]}"
    yield f"ip link add p1 netns {names[NEAR]} type veth peer lan0 netns {names[BESIDE]}"


def _addressed(place: str, device: str, addresses: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for address in addresses:
        yield place, f"ip addr add {address} dev {device}{' nodad' if ':' in address else ''}"
    yield place, f"ip link set {device} up"


def _device(domain: str, name: str, kind: str, more: str) -> str:
    return f'[domain.{domain}.device.{name}]\nkind = "{kind}"\n{more}'


def _shared(one: Shared, preset: str, names: dict[str, str]) -> Callable[[int], Scene]:
    flat = one.mode == "l2"
    host = "".join(f'[domain.{place}]\npreset = "{preset}"\n' for place in PLACES)
    host += _device(NEAR, "lan0", "veth", f'peer = "right:lan0"\naddress = [{_BOTH[0]}]\n' + (_NO_SUMS if one.unfilled else ""))
    host += _device(RIGHT, "lan0", "veth", f"address = [{_BOTH[1]}]\n")
    commands = [(place, "ip link set lo up") for place in PLACES]
    commands += [*_addressed(NEAR, "lan0", ("10.1.0.1/24", "fd01::1/64")), *_addressed(RIGHT, "lan0", ("10.1.0.2/24", "fd01::2/64"))]
    for place, addresses in one.addresses.items():
        host += _device(
            place, "eth0", "ipvlan", f'lower = "near:lan0"\nmode = "{one.mode}"\naddress = {list(addresses)}\n'.replace("'", '"')
        )
        commands.append((NEAR, f"ip link add link lan0 name eth0 netns {names[place]} type ipvlan mode {one.mode}"))
        commands += _addressed(place, "eth0", addresses)
    other = {LEFT: BESIDE, BESIDE: LEFT}
    for place, addresses in one.addresses.items():
        for version, address in zip((4, 6), addresses, strict=True):
            to = "default" if version == 4 else "::/0"
            if flat:
                commands.append((place, f"ip neigh replace {_FAR[version]} lladdr {_MACS[RIGHT]} dev eth0"))
                commands.append((other[place], f"ip neigh replace {address.split('/')[0]} lladdr {_MACS[NEAR]} dev eth0"))
                commands.append((RIGHT, f"ip neigh replace {address.split('/')[0]} lladdr {_MACS[NEAR]} dev lan0"))
            else:
                host += f'[[domain.{place}.route]]\nto = "{to}"\ndevice = "eth0"\n'
                commands.append((place, f"ip route add {'0.0.0.0/0' if version == 4 else to} dev eth0"))
    for version in (4, 6):
        commands.append((NEAR, f"ip neigh replace {_FAR[version]} lladdr {_MACS[RIGHT]} dev lan0"))
        commands.append((RIGHT, f"ip neigh replace {_OWN[version]} lladdr {_MACS[NEAR]} dev lan0"))
        if not flat:
            inside = "10.8.0.0/24" if version == 4 else "fd08::/64"
            host += f'[[domain.right.route]]\nto = "{inside}"\ndevice = "lan0"\nvia = "{_OWN[version]}"\n'
            commands.append((RIGHT, f"ip route add {inside} via {_OWN[version]}"))
            if one.translated:
                host += f'[[domain.near.nat]]\nkind = "snat"\ndevice = "lan0"\nsource = "{inside}"\naddress = "{_OWN[version]}"\n'
                family = "ip" if version == 4 else "ip6"
                commands += [
                    (NEAR, f"nft add table {family} t"),
                    (NEAR, f"nft add chain {family} t c {{ type nat hook postrouting priority 100 ; }}"),
                    (NEAR, f"nft add rule {family} t c oif lan0 {family} saddr {inside} snat to {_OWN[version]}"),
                ]
    if one.unfilled:
        commands.append((NEAR, "ethtool -K lan0 tx off"))
    ends = {place: dict(zip((4, 6), (text.split("/")[0] for text in texts), strict=True)) for place, texts in one.addresses.items()}
    ends[RIGHT] = _FAR

    def made(first: int) -> Scene:
        ways = ((LEFT, "eth0", BESIDE), (LEFT, "eth0", RIGHT), (RIGHT, "lan0", BESIDE))
        return Scene(
            name=one.name,
            host=host,
            sent=tuple(_sent(first, ways, ends)),
            watch={LEFT: ("eth0",), BESIDE: ("eth0",), NEAR: ("lan0",), RIGHT: ("lan0",)},
            listen={BESIDE: tuple(ends[BESIDE].values()), RIGHT: tuple(_FAR.values())},
            link=lambda sent: _link(
                RIGHT if sent.place != RIGHT and _FAR[4 if ":" not in _to(sent) else 6] == _to(sent) else NEAR, sent.place
            ),
            commands=tuple(commands),
            patience=0.6,
        )

    return made


def _bonded(one: Bonded, preset: str) -> Callable[[int], Scene]:
    more = {device: _NO_SUMS if device == one.unfilled else "" for device in ("p0", "bond0")}
    more["bond0"] = more["bond0"].replace(", tx-checksum-sctp = false", "")
    host = "".join(f'[domain.{place}]\npreset = "{preset}"\n' for place in PLACES)
    host += _device(NEAR, "va", "veth", 'peer = "left:lan0"\nbridge = "br0"\n') + _device(
        NEAR, "lan0", "veth", f'peer = "right:lan0"\nbond = "bond0"\n{more["p0"]}'
    )
    host += _device(NEAR, "p1", "veth", 'peer = "beside:lan0"\nbond = "bond0"\n') + _device(
        NEAR, "bond0", "bond", f'bridge = "br0"\nactive = "lan0"\n{more["bond0"]}'
    )
    host += _device(NEAR, "br0", "bridge", "") + _device(BESIDE, "lan0", "veth", "")
    host += _device(LEFT, "lan0", "veth", f"address = [{_BOTH[0]}]\n") + _device(RIGHT, "lan0", "veth", f"address = [{_BOTH[1]}]\n")
    commands = [(place, "ip link set lo up") for place in PLACES]
    commands += [
        (NEAR, "ip link add bond0 type bond mode active-backup"),
        (NEAR, "ip link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0"),
        *((NEAR, f"ip link set {port} master bond0") for port in ("lan0", "p1")),
        *((NEAR, f"ip link set {device} master br0") for device in ("va", "bond0")),
        *((NEAR, f"ip link set {device} up") for device in ("va", "lan0", "p1", "bond0", "br0")),
        (BESIDE, "ip link set lan0 up"),
        *_addressed(LEFT, "lan0", ("10.1.0.1/24", "fd01::1/64")),
        *_addressed(RIGHT, "lan0", ("10.1.0.2/24", "fd01::2/64")),
    ]
    for version in (4, 6):
        commands.append((LEFT, f"ip neigh replace {_FAR[version]} lladdr {_MACS[RIGHT]} dev lan0"))
        commands.append((RIGHT, f"ip neigh replace {_OWN[version]} lladdr {_MACS[LEFT]} dev lan0"))
    if one.unfilled:
        commands.append((NEAR, f"ethtool -K {'lan0' if one.unfilled == 'p0' else one.unfilled} tx off"))

    def made(first: int) -> Scene:
        return Scene(
            name=one.name,
            host=host,
            sent=tuple(_sent(first, ((LEFT, "lan0", RIGHT), (RIGHT, "lan0", LEFT)), {LEFT: _OWN, RIGHT: _FAR})),
            watch={LEFT: ("lan0",), NEAR: ("va", "bond0", "lan0", "p1"), RIGHT: ("lan0",)},
            listen={LEFT: tuple(_OWN.values()), RIGHT: tuple(_FAR.values())},
            link=lambda sent: _link(RIGHT if sent.place == LEFT else LEFT, sent.place),
            commands=tuple(commands),
            pause=1.0,
            patience=0.6,
        )

    return made


def _sent(first: int, ways: tuple[tuple[str, str, str], ...], ends: dict[str, dict[int, str]]) -> Iterator[Sent]:
    number = first
    for place, device, to in ways:
        for version in (4, 6):
            source, destination = ends[place][version], ends[to][version]
            for sent in injected(number, place, device, source, destination, _HOW):
                yield sent
                number = sent.number + 1
            for sent in said(number, place, source, destination, ("udp", "tcp")):
                yield sent
                number = sent.number + 1


def _to(sent: Sent) -> str:
    return sent.what.rpartition(" to ")[2]


def _link(to: str, place: str) -> bytes:
    """Hardware addresses of a frame; an ipvlan has that of the device below."""
    own = _MACS[place] if place == RIGHT else _MACS[NEAR]
    return bytes.fromhex((_MACS[to] + own).replace(":", ""))
