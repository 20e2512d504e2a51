"""One run of a VPN program, observed: the step to be compared, and the packets between the two gateways."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracles_vm.agent import perform
from oracles_vm.matrix import state_of
from oracles_vm.recording import Step
from oracles_vm.running import observed, request
from oracles_vm.sites import FAR, NEAR

from csumlab.dissection import dissect_packet
from csumlab.headers import Kind, Link

from .hosts import sites
from .programs import WAN, Program, running
from .scenes import scene


@dataclass(frozen=True)
class Run:
    """``devices`` are the tunnel devices by gateway, ``outer`` what the program's UDP packets held and were told on the cable between the
    gateways: port and way, verdict, state, as often as seen."""

    step: Step
    devices: dict[str, str]
    outer: tuple[tuple[str, str, str], ...]


def observe(program: Program) -> Run:
    """Start the program, send everything through it, end it. RuntimeError with what it printed if it makes no tunnel."""
    with tempfile.TemporaryDirectory() as folder, sites(program.name[:3]) as made, running(program, made, Path(folder)) as devices:
        what = scene(devices)
        result = perform(made.places, request(what))
        return Run(observed(what, result), devices, tuple(_outer(result, program)))


def _outer(result: dict[str, Any], program: Program) -> list[tuple[str, str, str]]:
    found = []
    wan = {bytes(int(number) for number in address.split(".")) for address in WAN.values()}
    for place in (NEAR, FAR):
        for device, way, header, text, link in result["seen"][place]:
            data = bytes.fromhex(text)
            if device != "wan0" or data[0] >> 4 != 4 or {data[12:16], data[16:20]} != wan:
                continue
            sums = dissect_packet(bytes(12) + b"\x08\x00" + data, Link.ETHERNET).sums
            udp = next((one for one in sums if one.kind is Kind.UDP), None)
            if udp is not None and program.port in (int.from_bytes(data[20:22], "big"), int.from_bytes(data[22:24], "big")):
                found.append((f"{place}:{device} {way}", udp.verdict.name.lower(), state_of(bytes.fromhex(header), link)))
    return found
