"""What carried state claims of each checksum (skb->ip_summed, XenLinux's two bits, ring flags), and what a capture itself records of it."""

from __future__ import annotations

from pathlib import Path

import frames
import pytest
import walks

from csumlab.capture import PcapngWriter
from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, INBOUND, OUTBOUND
from csumlab.classes import headers_of
from csumlab.dissection import dissect_packet
from csumlab.replaying import replay
from csumlab.state import Bare, Claim, Ring, Skb, State, Summed, XenSkb, owed, project
from csumlab.topology.model import Topology

NESTED = frames.ethernet(frames.ipv4(frames.vxlan(frames.ethernet(frames.ipv4(frames.tcp(b"data")))))).data
HEADERS = headers_of(dissect_packet(NESTED, 1).facts, Topology({}))
UDP, TCP = (header.uid for header in HEADERS if header.consumes)
U, V, M = Claim.UNCHECKED, Claim.VERIFIED, Claim.MUST_COMPUTE


@pytest.mark.parametrize(
    ("state", "outer", "inner"),
    [
        (Skb(), U, U),
        (Skb(Summed.UNNECESSARY), V, U),
        (Skb(Summed.UNNECESSARY, level=1), V, V),
        (Skb(Summed.COMPLETE), U, U),
        (Skb(Summed.PARTIAL, start=UDP), M, U),
        (Skb(Summed.PARTIAL, start=TCP), V, M),
        (XenSkb(), U, U),
        (XenSkb(Summed.UNNECESSARY, valid=True), V, U),
        (XenSkb(Summed.NONE, valid=True), V, U),
        (XenSkb(Summed.UNNECESSARY, valid=True, blank=True), M, U),
        (XenSkb(Summed.HW), M, U),
        (Ring(), U, U),
        (Ring(validated=True), V, U),
        (Ring(blank=True, validated=True), M, U),
        (Bare(), U, U),
    ],
)
def test_claims(state: State, outer: Claim, inner: Claim) -> None:
    """The projection of one state onto two nested sums; an IPv4 header's sum is never spoken of."""
    claims = project(state, HEADERS)
    assert (claims[UDP], claims[TCP]) == (outer, inner)
    assert {claims[header.uid] for header in HEADERS if header.kind and not header.consumes} == {U}
    assert owed(state, HEADERS) == (UDP if outer is M else TCP if inner is M else None)


@pytest.mark.parametrize(
    ("flags", "code"),
    [(OUTBOUND | CHECKSUM_VALID, "CSL301"), (OUTBOUND, "CSL001"), (INBOUND, "CSL001"), (OUTBOUND | CHECKSUM_NOT_READY, "CSL301")],
)
def test_recorded_truth_is_used(tmp_path: Path, flags: int, code: str) -> None:
    """epb_flags say which way a packet went and what was carried: a wrong sum marked as valid is believed, one not marked is caught."""
    folder = Path(__file__).parents[1] / "captures" / "linux-6.1-bridge"
    source, destination = ("192.0.2.11", "198.51.100.80") if flags == INBOUND else ("198.51.100.80", "192.0.2.11")
    frame = walks.packets_between(source, destination, 4)["tcp, damaged"]
    with PcapngWriter(tmp_path / "a.pcapng") as file:
        file.write(frame, interface=file.add_interface(1), flags=flags)
    result = replay(tmp_path / "a.pcapng", folder / "topology.toml")
    assert [finding.code for finding in result.findings] == [code]
