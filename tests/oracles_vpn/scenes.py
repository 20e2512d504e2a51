"""What is sent through a VPN, from where, and what is listened at."""

from __future__ import annotations

from collections.abc import Iterator

from oracles_vm.matrix import HOW, Sent, injected, said
from oracles_vm.running import Scene
from oracles_vm.sites import FAR, LEFT, NEAR, RIGHT, link, topology


def scene(devices: dict[str, str]) -> Scene:
    """Both ways through the tunnel: every state injected on the sender's cable, sockets of both sites and of a gateway."""
    near, far = devices[NEAR], devices[FAR]
    return Scene(
        name="through the tunnel",
        host=topology("vpn", near, far),
        sent=tuple(_packets()),
        watch={LEFT: ("lan0",), NEAR: ("lan0", near, "wan0"), FAR: ("wan0", far, "lan0"), RIGHT: ("lan0",)},
        listen={LEFT: ("10.1.0.2", "fd01::2"), NEAR: ("10.8.0.1", "fd08::1"), RIGHT: ("10.3.0.2", "fd03::2")},
        link=lambda one: link(one.place, one.device),
        patience=0.4,
    )


def _packets() -> Iterator[Sent]:
    number = 1
    for place, source, destination in (
        (LEFT, "10.1.0.2", "10.3.0.2"),
        (LEFT, "fd01::2", "fd03::2"),
        (RIGHT, "10.3.0.2", "10.1.0.2"),
        (RIGHT, "fd03::2", "fd01::2"),
        (RIGHT, "10.3.0.2", "10.8.0.1"),
    ):
        for one in injected(number, place, "lan0", source, destination, HOW):
            yield one
            number = one.number + 1
    for place, source, destination in (
        (LEFT, "10.1.0.2", "10.3.0.2"),
        (LEFT, "fd01::2", "fd03::2"),
        (RIGHT, "10.3.0.2", "10.1.0.2"),
        (NEAR, "10.8.0.1", "10.3.0.2"),
        (NEAR, "fd08::1", "fd03::2"),
    ):
        for one in said(number, place, source, destination):
            yield one
            number = one.number + 1
