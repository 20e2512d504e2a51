"""Two machines and the gateway between them, which routes or is a bridge; as a topology and as commands that make it of network namespaces.
What the gateway does to packets is left to those who use this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .matrix import Sent

LEFT, NEAR, RIGHT = "left", "near", "right"
CABLES = ((LEFT, "lan0", NEAR, "lan0"), (NEAR, "wan0", RIGHT, "lan0"))
MACS = {
    (place, device): f"02:00:00:01:{number:02x}:{end:02x}"
    for number, (here, one, there, other) in enumerate(CABLES)
    for end, (place, device) in enumerate(((here, one), (there, other)), 1)
}
_ROUTED = {
    (LEFT, "lan0"): ("10.1.0.2/24", "fd01::2/64"),
    (NEAR, "lan0"): ("10.1.0.1/24", "fd01::1/64"),
    (NEAR, "wan0"): ("10.3.0.1/24", "fd03::1/64"),
    (RIGHT, "lan0"): ("10.3.0.2/24", "fd03::2/64"),
}
_BRIDGED = {(LEFT, "lan0"): ("10.1.0.2/24", "fd01::2/64"), (RIGHT, "lan0"): ("10.1.0.3/24", "fd01::3/64")}
_GATEWAYS = {LEFT: ("10.1.0.1", "fd01::1"), RIGHT: ("10.3.0.1", "fd03::1")}
_DEVICE = """[domain.{place}.device.{name}]
kind = "veth"
{more}"""


def topology(preset: str, rules: str, more: str = "", left: str = "", *, bridged: bool = False, tracked: bool = False) -> str:
    """The host, all of one kernel, with ``rules`` of the gateway, ``more`` for its devices' tables and ``left`` for that of the left
    machine's device; ``tracked``: the gateway tracks connections, whether it translates or not."""
    lines = []
    for place in (LEFT, NEAR, RIGHT):
        lines += [f'[domain.{place}]\npreset = "{preset}"\n', "forwarding = true\n" if place == NEAR and not bridged else ""]
        lines.append("conntrack = true\n" if place == NEAR and tracked else "")
        for owner, device in MACS:
            if owner == place:
                lines.append(
                    _DEVICE.format(place=place, name=device, more=_device(place, device, {NEAR: more, LEFT: left}, bridged=bridged))
                )
        for to, via in zip(("default", "::/0"), _GATEWAYS.get(place, ()), strict=False):
            if not bridged:
                lines.append(f'[[domain.{place}.route]]\nto = "{to}"\ndevice = "lan0"\nvia = "{via}"\n')
    if bridged:
        lines.append(f'[domain.{NEAR}.device.br0]\nkind = "bridge"\n')
    return "".join([*lines, rules])


def _device(place: str, device: str, more: Mapping[str, str], *, bridged: bool) -> str:
    addresses = (_BRIDGED if bridged else _ROUTED).get((place, device), ())
    text = "".join([f"address = {list(addresses)}\n".replace("'", '"')] if addresses else [])
    text += next((f'peer = "{there}:{other}"\n' for here, one, there, other in CABLES if (here, one) == (place, device)), "")
    return text + ('bridge = "br0"\n' if bridged and place == NEAR else "") + more.get(place, "")


def cables(names: dict[str, str]) -> Iterator[str]:
    """Commands that lay the cables between namespaces that are there; ``names`` by place."""
    for here, one, there, other in CABLES:
        ends = [f"{device} netns {names[place]} address {MACS[place, device]}" for place, device in ((here, one), (there, other))]
        yield f"ip link add {ends[0]} type veth peer {ends[1]}"


def configured(*, bridged: bool = False) -> Iterator[tuple[str, str]]:
    """Places with commands that give devices addresses, neighbours and routes. A bridge is left to whoever makes one."""
    addresses = _BRIDGED if bridged else _ROUTED
    for place in (LEFT, NEAR, RIGHT):
        yield place, "ip link set lo up"
    for place, device in MACS:
        for address in addresses.get((place, device), ()):
            yield place, f"ip addr add {address} dev {device}{' nodad' if ':' in address else ''}"
        yield place, f"ip link set {device} up"
    for here, one, there, other in ((LEFT, "lan0", RIGHT, "lan0"),) if bridged else CABLES:
        for (place, device), peer in (((here, one), (there, other)), ((there, other), (here, one))):
            for address in addresses[peer]:
                yield place, f"ip neigh replace {address.split('/')[0]} lladdr {MACS[peer]} dev {device}"
    if not bridged:
        yield from ((place, f"ip route add default via {gateway}") for place, both in _GATEWAYS.items() for gateway in both)


def link(one: Sent, *, bridged: bool = False) -> bytes:
    """The link layer addresses of a frame that a machine injects."""
    own = (one.place, one.device)
    ends = ((LEFT, "lan0"), (RIGHT, "lan0"))
    other = next(end for end in ends if end != own) if bridged else next(
        (there, far) if (here, near) == own else (here, near) for here, near, there, far in CABLES if own in ((here, near), (there, far))
    )  # fmt: skip
    return bytes.fromhex((MACS[other] + MACS[own]).replace(":", ""))
