"""Two sites joined by a tunnel: a machine, its gateway, the other gateway, the machine behind it; as a topology and as commands that make
it of network namespaces. The tunnel itself is left to those who use this."""

from __future__ import annotations

from collections.abc import Iterator

TOPOLOGY = """
[domain.left]
preset = "PRESET"
[domain.left.device.lan0]
kind = "veth"
peer = "near:lan0"
address = ["10.1.0.2/24", "fd01::2/64"]
[[domain.left.route]]
to = "default"
device = "lan0"
via = "10.1.0.1"
[[domain.left.route]]
to = "::/0"
device = "lan0"
via = "fd01::1"
[domain.near]
preset = "PRESET"
forwarding = true
[domain.near.device.lan0]
kind = "veth"
address = ["10.1.0.1/24", "fd01::1/64"]
[domain.near.device.wan0]
kind = "veth"
peer = "far:wan0"
address = ["192.0.2.1/24"]
[domain.near.device.NEARTUN]
kind = "KIND"
local = "192.0.2.1"
remote = "192.0.2.9"
address = ["10.8.0.1/24", "fd08::1/64"]
[[domain.near.route]]
to = "10.3.0.0/24"
device = "NEARTUN"
[[domain.near.route]]
to = "fd03::/64"
device = "NEARTUN"
[domain.far]
preset = "PRESET"
forwarding = true
[domain.far.device.wan0]
kind = "veth"
address = ["192.0.2.9/24"]
[domain.far.device.FARTUN]
kind = "KIND"
local = "192.0.2.9"
remote = "192.0.2.1"
address = ["10.8.0.2/24", "fd08::2/64"]
[domain.far.device.lan0]
kind = "veth"
peer = "right:lan0"
address = ["10.3.0.1/24", "fd03::1/64"]
[[domain.far.route]]
to = "10.1.0.0/24"
device = "FARTUN"
[[domain.far.route]]
to = "fd01::/64"
device = "FARTUN"
[domain.right]
preset = "PRESET"
[domain.right.device.lan0]
kind = "veth"
address = ["10.3.0.2/24", "fd03::2/64"]
[[domain.right.route]]
to = "default"
device = "lan0"
via = "10.3.0.1"
[[domain.right.route]]
to = "::/0"
device = "lan0"
via = "fd03::1"
"""
LEFT, NEAR, FAR, RIGHT = "left", "near", "far", "right"
CABLES = ((LEFT, "lan0", NEAR, "lan0"), (NEAR, "wan0", FAR, "wan0"), (FAR, "lan0", RIGHT, "lan0"))
MACS = {
    (place, device): f"02:00:00:00:{number:02x}:{end:02x}"
    for number, (here, one, there, other) in enumerate(CABLES)
    for end, (place, device) in enumerate(((here, one), (there, other)), 1)
}
ADDRESSES = {
    (LEFT, "lan0"): ("10.1.0.2/24", "fd01::2/64"),
    (NEAR, "lan0"): ("10.1.0.1/24", "fd01::1/64"),
    (NEAR, "wan0"): ("192.0.2.1/24",),
    (FAR, "wan0"): ("192.0.2.9/24",),
    (FAR, "lan0"): ("10.3.0.1/24", "fd03::1/64"),
    (RIGHT, "lan0"): ("10.3.0.2/24", "fd03::2/64"),
}
GATEWAYS = {LEFT: ("10.1.0.1", "fd01::1"), RIGHT: ("10.3.0.1", "fd03::1")}
SETTINGS = (
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
)


def link(place: str, device: str) -> bytes:
    """The link layer addresses of a frame that leaves by ``device``: those of the cable's other end and its own."""
    other = next(
        (there, far) if (here, near) == (place, device) else (here, near)
        for here, near, there, far in CABLES
        if (place, device) in ((here, near), (there, far))
    )
    return bytes.fromhex((MACS[other] + MACS[place, device]).replace(":", ""))


def topology(kind: str, near: str, far: str, more: str = "", preset: str = "linux-6.1") -> str:
    """The topology, all of one kernel, with tunnel devices of this kind and these names; ``more`` are further lines of both."""
    lines = f'kind = "{kind}"\n{more}'
    return TOPOLOGY.replace("PRESET", preset).replace('kind = "KIND"\n', lines).replace("NEARTUN", near).replace("FARTUN", far)


def cables(names: dict[str, str]) -> Iterator[str]:
    """Commands that lay the cables between namespaces that are there; ``names`` by place."""
    for here, one, there, other in CABLES:
        ends = [f"{device} netns {names[place]} address {MACS[place, device]}" for place, device in ((here, one), (there, other))]
        yield f"ip link add {ends[0]} type veth peer {ends[1]}"


def configured(place: str) -> Iterator[str]:
    """Commands that give the devices of one place their addresses, neighbours and routes, to be run there."""
    yield "ip link set lo up"
    for (owner, device), addresses in ADDRESSES.items():
        if owner == place:
            yield from (f"ip addr add {address} dev {device}{' nodad' if ':' in address else ''}" for address in addresses)
            yield f"ip link set {device} up"
    for here, one, there, other in CABLES:
        for (owner, device), peer in (((here, one), (there, other)), ((there, other), (here, one))):
            if owner == place:
                yield from (f"ip neigh replace {address.split('/')[0]} lladdr {MACS[peer]} dev {device}" for address in ADDRESSES[peer])
    yield from (f"ip route add default via {gateway}" for gateway in GATEWAYS.get(place, ()))
