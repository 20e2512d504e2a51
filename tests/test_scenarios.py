"""The shipped scenarios: they pass, they are what their scripts make, and they say the same at every capture point."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from csumlab.capture import PcapngWriter, open_capture
from csumlab.classes import Made
from csumlab.dissection import dissect_packet
from csumlab.explain import explain
from csumlab.findings import CATALOGUE, Severity
from csumlab.plain import FramePacket
from csumlab.replaying import Settings, tap_of
from csumlab.scenario import ScenarioError, list_scenarios, run_scenario
from csumlab.sources import Reading
from csumlab.state import Skb
from csumlab.topology.load import load_topology
from csumlab.topology.model import Topology
from csumlab.trace import TAP
from csumlab.walk import Walker

ROOT = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(file.parent for file in ROOT.glob("*/expected.toml"))
NAMES = [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_scenario(folder: Path) -> None:
    """Findings, packets, cures and exit status are those expected, strictly both ways."""
    result = run_scenario(folder)
    assert result.passed, str(result)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_made_by_its_script(folder: Path, tmp_path: Path) -> None:
    """make.py makes the same bytes again."""
    shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("traffic.pcapng", "__pycache__"))
    shutil.copy(ROOT / "craft.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / folder.name / "make.py"], check=True, timeout=60)
    assert (tmp_path / folder.name / "traffic.pcapng").read_bytes() == (folder / "traffic.pcapng").read_bytes()


@pytest.mark.parametrize(
    ("old", "new"), [("packets = 6", "packets = 5"), ('"CSL101"', '"CSL102"'), ("status = 1", "status = 0"), ("run Linux", "turn Linux")]
)
def test_a_wrong_expectation_fails(tmp_path: Path, old: str, new: str) -> None:
    """An expectation that is not met is a difference."""
    shutil.copytree(ROOT / "xen-3.0.0-domu-router", tmp_path / "one")
    file = tmp_path / "one" / "expected.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert not run_scenario(tmp_path / "one").passed


def test_folder_that_is_none(tmp_path: Path) -> None:
    """A folder without its parts is an error that names what is missing."""
    with pytest.raises(ScenarioError, match=r"expected\.toml"):
        run_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="no folder"):
        list(list_scenarios(tmp_path))
    assert dict(list_scenarios(ROOT)).keys() == set(NAMES)


def test_examples_exist() -> None:
    """The scenario that a finding names as its example shows that finding."""
    for entry in CATALOGUE.values():
        if entry.example:
            assert any(finding.code == entry.code for finding in run_scenario(ROOT / entry.example).result.findings)


Seen = dict[tuple[str, str, str], str]


def seen_in(file: Path, number: int, settings: Settings) -> Seen | None:
    """The findings of one packet with their conditions; None if no origin fits."""
    try:
        found = explain(file, number, settings).findings
    except ValueError:
        return None
    return {(f.code, f.hop, f.because): f.condition for f in found if f.severity is Severity.FINDING}


def origin_frame(data: bytes, reading: Reading) -> FramePacket:
    """What the origin of a reading sent, as bytes, from what was captured."""
    headers = reading.origin.headers
    dissection = dissect_packet(data, 1)
    start = dissection.headers[headers[0].index].offset
    packet = FramePacket(data[start:], headers)
    if reading.origin.made is Made.RIGHT:
        for header in reversed(headers):
            if header.kind and not packet.absent(header.uid):
                packet = packet.compute(header.uid)
    return packet


def frames_everywhere(packet: FramePacket, reading: Reading, topology: Topology) -> dict[tuple[str, str], bytes]:
    """The packet at every capture point on its way, as long as it can be read there."""
    state = Skb() if reading.origin.made is Made.WRONG else None
    walk = Walker(topology, reading.trace.chosen or {}, finished=state)
    trace = walk.run(topology.domains[reading.origin.domain.name], packet)
    found = {}
    for hop in trace.hops:
        if hop.stage is TAP and isinstance(hop.after, FramePacket) and hop.after.sealed is None:
            found[hop.port, hop.way] = hop.after.frame()
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_the_same_at_every_tap(folder: Path, tmp_path: Path) -> None:
    """At every capture point where a packet can be read its findings are the same, or say "if"; never contrary."""
    topology = load_topology(folder / "topology.toml")
    home = Settings(topology, tap_of(topology, ""))
    elsewhere: dict[tuple[str, str], list[tuple[int, bytes]]] = defaultdict(list)
    expected: dict[int, Seen] = {}
    with open_capture(folder / "traffic.pcapng") as capture:
        packets = [bytes(b.data[o : o + n]) for b in capture for o, n in zip(b.offset.tolist(), b.captured.tolist(), strict=True)]
    for number, data in enumerate(packets, 1):
        explanation = explain(folder / "traffic.pcapng", number, home)
        reading = explanation.outcome.readings[0]
        expected[number] = {(f.code, f.hop, f.because): f.condition for f in explanation.findings if f.severity is Severity.FINDING}
        for place, frame in frames_everywhere(origin_frame(data, reading), reading, topology).items():
            elsewhere[place].append((number, frame))
    assert len(elsewhere) >= 3
    for (port, way), frames in elsewhere.items():
        file = tmp_path / "tap.pcapng"
        with PcapngWriter(file) as out:
            interface = out.add_interface(1)
            for _, frame in frames:
                out.write(frame, interface=interface)
        settings = replace(home, tap=tap_of(topology, f"{port}:{way}"))
        for place, (number, _) in enumerate(frames, 1):
            there = seen_in(file, place, settings)
            assert there is not None, f"{port}:{way}: packet {number} fits no origin"
            certain = {key for key, condition in there.items() if not condition}
            assert certain <= set(expected[number]), f"{port}:{way}: packet {number}: {certain ^ set(expected[number])}"
            assert set(expected[number]) <= set(there), f"{port}:{way}: packet {number} lacks {set(expected[number]) - set(there)}"
