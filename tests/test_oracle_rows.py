"""What Linux 6.18 did with every frame that was written into a tap, and what the tables say it does: row by row, or listed with the reason.

The rows are tests/oracle_rows/linux-6.18.json, made by the script beside it from what a running kernel was seen to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
from row_worlds import (
    World,
    bridge,
    capture_word,
    cutting,
    dnat,
    from_vpn,
    header_text,
    hooked_bridge,
    local,
    look,
    looped,
    masquerade,
    pair,
    put,
    routed,
    veth,
    vpn,
    vxlan,
    walked,
    word,
)

from csumlab.plain.packet import FramePacket
from csumlab.trace import Fate

FILE = Path(__file__).parent / "oracle_rows" / "linux-6.18.json"


@dataclass(frozen=True)
class Row:
    """One frame and what was seen of it: a word and, where it was read with a virtio header, the header."""

    scenario: str
    variant: str
    protocol: str
    state: str
    out: str
    seen: str

    def __str__(self) -> str:
        return f"{self.scenario}/{self.variant}/{self.protocol}/{self.state}/{self.out}"


@cache
def rows() -> tuple[Row, ...]:
    found = []
    for scenario, variants in json.loads(FILE.read_text(encoding="utf-8"))["rows"].items():
        for variant, words in variants.items():
            for seen, frames in words.items():
                for frame in frames:
                    protocol, state, out = frame.split("/")
                    found.append(Row(scenario, variant, protocol, state, out, seen))
    return tuple(found)


_SUPER_FRAME = "TCP that is longer than an MTU is taken for a super-frame, and for none to be cut into fragments (docs/limits.md)"
LISTED = {
    "capture/bridge br0*": "a bridge device sees frames that it only forwards while it is promiscuous; captures at its ports are modelled",
    "capture_gso/*": "one word of a whole stream: tests/oracles hold super-frames to the kernel one by one",
    "fragment/*/tcp4/partial/csum": _SUPER_FRAME,
    "fragment/*/tcp4/nc_full/csum": _SUPER_FRAME,
    "gso/*": "a super-frame without its header's gso_size is not a packet that a capture shows: tests/oracles hold it to the kernel",
    "tun/vnet: vpn -> peer/*/partial/*": "a program that writes NEEDS_CSUM to its tun device is not modelled",
    "vxlan_decap/*": "sums of two nested packets, each in several states: held by tests/oracles against the running kernel",
}


def world_of(row: Row) -> World | None:
    """The world of a row; None if there is none."""
    offered, variant = row.out == "csum", row.variant
    match row.scenario:
        case "bridge":
            return hooked_bridge(offered) if variant == "bridge-nf=1" else bridge(offered)
        case "route":
            return routed(offered)
        case "masquerade":
            return masquerade(offered, variant)
        case "dnat":
            return dnat(offered, variant)
        case "veth":
            return veth(offered, variant)
        case "fragment":
            return cutting(offered)
        case "loopback":
            return looped(variant)
        case "local":
            napi = {"options": {"napi": True}} if variant == "napi" else {}
            return local("conntrack = true\n" if variant == "conntrack" else "", **napi)
        case "napi":
            napi = {"options": {"napi": True}}
            return bridge(offered, **napi) if variant == "bridge" else routed(offered, way_in=dict(napi))
        case "checksum_fill":
            if variant == "target":
                return routed(offered, options={"checksum-fill": True})
            return routed(offered, features={"tx": False})
        case "local_sender":
            return replace(routed(offered), origin="dut", sources=("10.2.0.1", "fd00:2::1"))
        case "tun" if "vpn -> peer" in variant:
            return from_vpn(offered)
        case "tun":
            return vpn(offered, variant.startswith("vnet"), "dut" if "local socket" in variant else "guest")
        case "vpn":
            modern = variant.startswith("wireguard-go")
            world = vpn(modern, modern, "dut" if "local socket" in variant else "guest")
            if "underlay" in variant:
                return replace(world, port="dut:eth0", stage="tap")
            return replace(world, port="office:tb", stage="tap-transmit", link=14)
        case "vxlan_encap":
            return vxlan(offered, variant)
        case "afpacket_local":
            return pair(variant, row.state)
        case "capture":
            napi = {"options": {"napi": True}} if variant.endswith("napi") else {}
            place = variant.split()[1]
            world = bridge(offered, **napi) if variant.startswith("bridge") else routed(offered, way_in=dict(napi))
            return replace(world, port=f"dut:{place}", stage="tap")
    return None


def predicted(row: Row) -> str | None:
    """What the tables say will be seen; None if they say nothing of it."""
    world = world_of(row)
    if world is None:
        return None
    by_kernel = row.state in ("socket", "outer") or row.scenario == "afpacket_local"
    protocol = "udp4" if row.state == "outer" else row.protocol
    state = "full" if by_kernel else row.state
    if state == "partial" and world.origin == "office":
        state = "flag0_partial"  # Where there is no header to write nothing says that the sum is owed.
    given = put(protocol, state, world)
    trace = walked(world, given, by_kernel)
    if not world.stage:
        return {Fate.ACCEPTED: "accepted", Fate.REJECTED: "rejected", Fate.DROPPED: "rejected"}.get(trace.fate)
    hop = look(world, trace)
    if hop is None:
        return "dropped" if trace.fate is not Fate.UNTOLD else None
    before = world.stage == "tun-read"
    packet, carried = (hop.before, hop.state_before) if before else (hop.after, hop.state_after)
    assert isinstance(packet, FramePacket)
    if world.stage == "tap":
        seen = capture_word(packet, carried, hop.way)
        return seen.split("/")[0] if row.state == "outer" else seen
    return f"{word(given, packet, carried)} {header_text(carried, packet, world.link)}"


def listed(row: Row) -> str:
    return next((pattern for pattern in LISTED if fnmatchcase(str(row), pattern)), "")


def test_every_row_is_here() -> None:
    """The distilled file has as many rows as were observed, none twice."""
    assert len(set(rows())) == len(rows()) == json.loads(FILE.read_text(encoding="utf-8"))["count"]


@pytest.mark.parametrize("scenario", sorted({row.scenario for row in rows()}))
def test_rows(scenario: str) -> None:
    """What the kernel did is what the tables say, or the row is listed; a row that is listed is not predicted right after all."""
    assert list(_wrong(scenario)) == []


def _wrong(scenario: str) -> Iterator[str]:
    for row in rows():
        if row.scenario != scenario:
            continue
        said, pattern = predicted(row), listed(row)
        if pattern and said == row.seen:
            yield f"{row} is listed and is predicted"
        elif not pattern and said != row.seen:
            yield f"{row}: the kernel {row.seen}, the tables {said}"


def test_every_reason_is_used() -> None:
    """No entry of the list is left over."""
    used = {listed(row) for row in rows()}
    assert [pattern for pattern in LISTED if pattern not in used] == []
