"""The cells of tests/golden/setups.txt: every set-up of csumlab/host/setups.py with what becomes of the packets that go through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import walks
from judged import Walked, readings

from csumlab.dissection import dissect_packet
from csumlab.headers import Layer
from csumlab.host.setups import PLACES, TUNNELS, setup, talk
from csumlab.plain.packet import FramePacket
from csumlab.stages.nic import WIRE
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.presets import PRESETS
from csumlab.trace import TAP, Fate, Hop, Trace

KERNELS = {
    "linux-6.1": tuple(PLACES),
    "linux-4.4": ("container",),
    "xen-3.0.0": ("dom0", "xen", "gateway"),
    "xen-3.0.2": ("xen",),
}
"""The kernels of the near site, and where a tunnel can stand with them."""

AUTHENTICATED = "damage to an encrypted packet is found by the tunnel's own authentication"


@dataclass(frozen=True)
class Cell:
    """One set-up. ``ways``: who sends from where to where, out through the tunnel and back in."""

    kernel: str
    place: str
    tunnel: str
    offload: bool
    topology: Topology

    @property
    def name(self) -> str:
        return f"{self.kernel:<9}  {self.place:<16}  {self.tunnel:<20}  {'on' if self.offload else 'off'}"

    @property
    def ways(self) -> dict[str, tuple[str, str, str]]:
        sender, source, destination = talk(self.tunnel, self.place)
        seen = PLACES[self.place].seen[TUNNELS[self.tunnel].inner == 6] if TUNNELS[self.tunnel].transport else source
        return {"out": (sender, source, destination), "in": ("far", destination, seen)}

    def case(self, way: str, kind: str) -> walks.Case:
        """A packet of a kind of walks.packets_between: made by its kernel, or if it is damaged sent as it is with nothing known of it."""
        origin, source, destination = self.ways[way]
        frame = _packets(source, destination)[kind]
        state = PRESETS[self.topology.domains[origin].preset].family() if "damaged" in kind else None
        return walks.Case(f"{self.name}, {way}, {kind}", self.topology, origin, frame, state)


@cache
def _packets(source: str, destination: str) -> dict[str, bytes]:
    return walks.packets_between(source, destination, 6 if ":" in source else 4)


def cells() -> Iterator[Cell]:
    """Every set-up that its kernel has. A program that asks a tun device for headers came long after the kernels of XenLinux."""
    for kernel, places in KERNELS.items():
        for place in places:
            for tunnel in TUNNELS:
                for offload in (True, False):
                    if kernel.startswith("xen") and tunnel == "wireguard-go":
                        continue
                    try:
                        topology = parse_topology(setup(tunnel, place, offload=offload, kernel=kernel))
                    except (TopologyError, ValueError):
                        continue
                    yield Cell(kernel, place, tunnel, offload, topology)


def line(cell: Cell) -> str:
    """What a capture at the set-up's tap shows of a segment that is sent, then what becomes of the packets of both ways."""
    return f"{cell.name:<55}  {seen(cell):<30}" + "".join(f"  {way}: {fates(cell, way)}" for way in cell.ways)


def fates(cell: Cell, way: str) -> str:
    """Of a segment; of a ping, if that fares otherwise; of a segment that was damaged before it came to the tunnel; of one that is damaged
    on the wire between the two sites."""
    whole = readings(cell.case(way, "tcp"))
    good, ping = _ends(whole), _ends(readings(cell.case(way, "ping")))
    before = _ends(readings(cell.case(way, "tcp, damaged")))
    behind = _together(_damaged(one) for one in whole)
    return " / ".join((good if good == ping else f"{good} (a ping: {ping})", before, behind))


def seen(cell: Cell) -> str:
    """The verdicts on the sums of a segment at the set-up's tap, outermost first, without those of IP headers."""
    traces = walks.run_plain(cell.case("out", "tcp"))
    hop = next(hop for trace in traces for hop in trace.hops if hop.stage is TAP and hop.port == cell.topology.at)
    assert isinstance(hop.after, FramePacket)
    frame = hop.after.frame()
    sums = dissect_packet(frame, 1, tables=cell.topology.tables).sums
    return ", ".join(f"{one.kind.name} {one.verdict.name.lower()}" for one in sums if one.kind.name != "IPV4") or "no sum"


def _ends(found: list[Walked]) -> str:
    return _together(" ".join([_told(one), *sorted({judgement.code for judgement in one.judged})]) for one in found)


def _told(one: Walked) -> str:
    """The fate, by the bytes where the forms leave it open."""
    if one.trace.fate is not Fate.UNTOLD:
        return _fate(one.trace)
    fates = {_fate(trace) for trace in walks.run_plain(one.case) if trace.chosen == one.choices}
    return f"{'/'.join(sorted(fates))} by the bytes,"


def _together(texts: Iterator[str]) -> str:
    return " or ".join(dict.fromkeys(texts))


def _fate(trace: Trace) -> str:
    if trace.fate is Fate.UNTOLD and trace.why == AUTHENTICATED:
        return "undecryptable"
    if trace.fate is Fate.ACCEPTED and _inside(trace.hops[-1]):
        return "unopened"
    return trace.fate.value


def _damaged(one: Walked) -> str:
    """What becomes of damage on the first wire on which the packet is inside its tunnel."""
    number = behind(one.trace)
    if number is None:
        return "open"
    codes = {judgement.code for judgement in one.exposures(memory=False) if judgement.segment == number}
    return " ".join([_fate(one.damaged(number)), *sorted(codes)])


def behind(trace: Trace) -> int | None:
    """The hop; None if the forms leave the way open before it."""
    return next((number for number, hop in enumerate(trace.hops) if hop.stage is WIRE and _inside(hop)), None)


def _inside(hop: Hop) -> bool:
    """Whether the packet is in a tunnel here, or what is left to tell it by is encrypted."""
    if hop.after.headers and hop.after.headers[0].layer is Layer.PPPOE:
        return True
    return getattr(hop.after, "sealed", None) is not None or sum(header.is_ip for header in hop.after.headers) > 1
