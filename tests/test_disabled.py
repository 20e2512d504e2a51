"""Interfaces that a Xen host disables: what is behind the packet for which it does, both ways, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from frames import ipv4, patch, tcp

from csumlab.capture import PcapngWriter
from csumlab.dissection import dissect_packet
from csumlab.headers import Link
from csumlab.replaying import ReplayResult, replay
from csumlab.topology.load import parse_topology

HOST = """
at = "dom0:xenbr0"
[domain.dom0.device."vif1.0"]
kind = "vif"
peer = "domU:eth0"
bridge = "xenbr0"
slots = 14
fatal-slots = 14
[domain.dom0.device."vif2.0"]
kind = "vif"
peer = "domV:eth0"
bridge = "xenbr0"
[domain.dom0.device.xenbr0]
kind = "bridge"
address = "192.0.2.1/24"
[domain.domU.device.eth0]
kind = "netfront"
address = "192.0.2.11/24"
[domain.domV.device.eth0]
kind = "netfront"
address = "192.0.2.12/24"
"""
FIRST, SECOND, HERE = "192.0.2.11", "192.0.2.12", "192.0.2.1"
LONG = bytes(65_000)


def replayed(folder: Path, at: str, *packets: tuple[str, str, bytes]) -> ReplayResult:
    """TCP packets with unfinished sums, each from an address to another one with a payload, as seen at a port."""
    with PcapngWriter(folder / "ring.pcapng") as file:
        interface = file.add_interface(101)
        for source, destination, payload in packets:
            made = ipv4(tcp(payload), source, destination).data
            owed = dissect_packet(made, Link.RAW).sums[-1]
            assert owed.pseudo is not None
            file.write(patch(made, owed.at, owed.pseudo), interface=interface)
    return replay(folder / "ring.pcapng", parse_topology(HOST), at=at)


def told(result: ReplayResult) -> dict[str, tuple[int, tuple[int, ...]]]:
    """The findings about slots: how often, and which packets, by the beginning of the reason."""
    return {finding.because[:11]: (finding.packets, finding.first) for finding in result.findings if finding.code in ("CSL504", "CSL507")}


def test_what_comes_later_is_lost_too(tmp_path: Path) -> None:
    """The frame that takes too many slots, and behind it all of its guest; what was before it arrives."""
    sent = [(FIRST, SECOND, b"before"), (FIRST, SECOND, LONG), *[(FIRST, HERE, b"behind")] * 9]
    result = replayed(tmp_path, "domU:eth0:out", *sent)
    assert told(result) == {
        "more slots ": (1, (2,)),
        "the backend": (9, (3, 4, 5, 6, 7, 8, 9, 10)),
    }


def test_the_other_way_and_the_other_guest(tmp_path: Path) -> None:
    """What is for the guest is lost as well; another guest's interface is not concerned."""
    result = replayed(tmp_path, "domU:eth0", (FIRST, HERE, LONG), (HERE, FIRST, b"answer"))
    assert told(result)["the backend"] == (1, (2,))
    alone = replayed(tmp_path, "domV:eth0", (SECOND, HERE, LONG), (SECOND, HERE, b"behind"))
    assert told(alone) == {}


@pytest.mark.parametrize("payload", [b"short", bytes(8000)])
def test_nothing_is_disabled_by_what_fits(tmp_path: Path, payload: bytes) -> None:
    """Frames that fit the ring disable nothing."""
    assert told(replayed(tmp_path, "domU:eth0:out", *[(FIRST, HERE, payload)] * 3)) == {}
