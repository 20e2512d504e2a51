"""Version presets: which table plays which part in a kernel, and what its devices can do when nothing is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from csumlab.stage import Stage
from csumlab.stages import answers, hooks, nic, programs, slots, tunnels
from csumlab.stages import readers as taking
from csumlab.topology.presets import linux, older, others, windows, xen
from csumlab.topology.presets.preset import Preset as Preset

PRESETS: Mapping[str, Preset] = {preset.name: preset for module in (linux, older, xen, others, windows) for preset in module.KERNELS}


def in_use(preset: str, program: bool) -> Preset:
    """The tables of a kernel; with ``program`` those of a stack that is a program on packet sockets of that kernel."""
    kernel = PRESETS[preset]
    if not program:
        return kernel
    editors = {**kernel.editors, "program": programs.PROGRAM_EXCHANGE}
    return replace(kernel, input=programs.PROGRAM_INPUT, nat=programs.PROGRAM_NAT, bridge_netfilter=None, editors=editors)


def stages() -> dict[str, Stage]:
    """Every stage of every preset by name, in the order of a packet's way."""
    found: dict[str, Stage] = {}
    for preset in PRESETS.values():
        for stage in preset.tables:
            found.setdefault(stage.name, stage)
    hooked = (
        slots.RING_SLOTS,
        slots.RING_SLOTS_ELSEWHERE,
        hooks.XDP_REDIRECT,
        hooks.XDP_FORWARD,
        hooks.XDP_GENERIC_REDIRECT,
        hooks.MIRRED,
        hooks.MIRROR,
        hooks.IFB,
        hooks.LOOPED,
        hooks.CHECKSUM_TARGET,
        hooks.NETEM_CORRUPT,
        hooks.DRIVER_CLAIMS,
        hooks.VIF_HEEDS_RX,
        answers.RESET,
        taking.READER,
        taking.WATCHER,
        taking.XDP_SOCKET,
    )
    for stage in (
        nic.WIRE,
        nic.EMULATED_CARD,
        nic.CARD_SEAL,
        tunnels.TUN_READ,
        tunnels.VPN_SEAL,
        *hooked,
        *programs.TABLES,
    ):
        found.setdefault(stage.name, stage)
    return found
