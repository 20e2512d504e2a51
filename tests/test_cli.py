"""The command line as a person meets it: exit statuses, messages, outputs that a program can read."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

import frames
import pytest
import zstandard
from click.testing import CliRunner, Result

from csumlab.capture import PcapngWriter, PcapWriter
from csumlab.cli import cli

ROOT = Path(__file__).parents[1]
ROUTER = ROOT / "captures" / "xen-3.0.0-domu-router"
CLEAN = ROOT / "captures" / "linux-6.1-bridge"
RIGHT = frames.ethernet(frames.ipv4(frames.tcp(b"some data"))).data
WRONG = RIGHT[:-1] + b"X"


def run(*words: object, **more: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], **more)  # type: ignore[arg-type]


def capture_of(path: Path, *packets: bytes) -> Path:
    with PcapngWriter(path) as file:
        interface = file.add_interface(1)
        for packet in packets:
            file.write(packet, interface=interface)
    return path


def test_exit_statuses_of_check(tmp_path: Path) -> None:
    """0 for what belongs there, 1 for what is wrong, 2 for what cannot be read."""
    assert run("check", capture_of(tmp_path / "a.pcapng", RIGHT)).exit_code == 0
    wrong = run("check", capture_of(tmp_path / "b.pcapng", RIGHT, WRONG))
    assert wrong.exit_code == 1
    assert "packet 2" in wrong.output
    (tmp_path / "c.pcapng").write_bytes(b"")
    empty = run("check", tmp_path / "c.pcapng")
    assert empty.exit_code == 2
    assert "empty" in empty.output
    assert run("check", tmp_path / "none").exit_code == 2


def test_a_cut_capture_is_reported_and_marked(tmp_path: Path) -> None:
    """What was read before the fault is still there, marked as partial, with file, offset and status 2."""
    path = capture_of(tmp_path / "cut.pcapng", RIGHT, RIGHT, RIGHT)
    path.write_bytes(path.read_bytes()[:-30])
    result = run("check", path)
    assert result.exit_code == 2
    assert "PARTIAL RESULT, only 2 packets" in result.output
    assert "offset" in result.output
    replayed = run("replay", path, "--path", "a:eth0 > vif1.0 > br0 > eth0 > wire > host", "--at", "vif1.0")
    assert replayed.exit_code == 2
    assert "PARTIAL RESULT" in replayed.output


def test_containers_and_standard_input(tmp_path: Path) -> None:
    """gzip, zstd and - give what the plain file gives."""
    plain = capture_of(tmp_path / "a.pcapng", RIGHT, WRONG).read_bytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(plain))
    (tmp_path / "a.zst").write_bytes(zstandard.compress(plain))
    tallies = [
        json.loads(run("check", tmp_path / name, "--json").stdout)["files"][0]["checksums"] for name in ("a.pcapng", "a.gz", "a.zst")
    ]
    piped = subprocess.run(
        [sys.executable, "-m", "csumlab", "check", "-", "--json"], input=plain, capture_output=True, timeout=60, check=False
    )
    tallies.append(json.loads(piped.stdout)["files"][0]["checksums"])
    assert all(tally == tallies[0] for tally in tallies)


def test_machine_outputs_of_check(tmp_path: Path) -> None:
    """--json and --csv can be read back; --packets has a row per checksum."""
    path = capture_of(tmp_path / "a.pcapng", RIGHT, WRONG)
    data = json.loads(run("check", path, "--json").stdout)
    assert (data["status"], data["packets"]) == (1, 2)
    lines = run("check", path, "--csv").stdout.splitlines()
    assert lines[0].startswith("file,kind")
    rows = run("check", path, "--csv", "--packets").stdout.splitlines()
    assert len(rows) == 1 + 4
    assert run("check", path, "--packets").stdout.split()[:3] == ["2", "TCP", "bad"]


def test_several_files(tmp_path: Path) -> None:
    """Each file has its part of the report, and the worst decides."""
    good, bad = capture_of(tmp_path / "a.pcapng", RIGHT), capture_of(tmp_path / "b.pcapng", WRONG)
    result = run("check", good, bad)
    assert result.exit_code == 1
    assert result.output.count("==") == 2


def test_replay_and_explain() -> None:
    """Findings with cause and cure, one packet hop by hop, and a code's entry."""
    words = (ROUTER / "traffic.pcapng", "--topology", ROUTER / "topology.toml")
    replayed = run("replay", *words)
    assert replayed.exit_code == 1
    assert "CSL101" in replayed.output
    assert "cure" in replayed.output
    data = json.loads(run("replay", *words, "--json").stdout)
    assert data["findings"][0]["first"][0] == 1
    explained = run("explain", ROUTER / "traffic.pcapng", 1, "--topology", ROUTER / "topology.toml")
    assert "the capture was taken here" in explained.output
    hops = json.loads(run("explain", ROUTER / "traffic.pcapng", 1, "--topology", ROUTER / "topology.toml", "--json").stdout)["hops"]
    assert hops[0]["stage"] == "xenlinux-sender"
    assert "pseudo-header" in run("explain", "CSL101").output
    assert json.loads(run("explain", "csl101", "--json").stdout)["code"] == "CSL101"
    assert run("replay", CLEAN / "traffic.pcapng", "--topology", CLEAN / "topology.toml").exit_code == 0


def test_replay_without_a_topology() -> None:
    """It says what the capture tells, and gives a topology that can be read back."""
    from csumlab.topology.load import parse_topology

    result = run("replay", ROUTER / "traffic.pcapng", "--json")
    data = json.loads(result.stdout)
    assert data["local_senders"]
    parse_topology(data["topology"])
    assert "--topology host.toml" in run("replay", ROUTER / "traffic.pcapng").output


def test_replay_of_a_line() -> None:
    """A host in one line, with the tap that must be said."""
    line = "domU:eth0 > vif1.0 > xenbr0 > eth0 > wire > host"
    assert run("replay", CLEAN / "traffic.pcapng", "--path", line, "--at", "vif1.0").exit_code == 0
    missing = run("replay", CLEAN / "traffic.pcapng", "--path", line)
    assert missing.exit_code == 2
    assert "--at" in missing.output


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("replay", "x", "--topology", "none.toml"), "cannot be read"),
        (("replay", "x", "--path", "a > b"), "item 1"),
        (("explain", CLEAN / "traffic.pcapng"), "packet number"),
        (("explain", CLEAN / "traffic.pcapng", 1), "--topology"),
        (("explain", CLEAN / "traffic.pcapng", 9999, "--topology", CLEAN / "topology.toml"), "there is no packet 9999"),
        (("stages", "egres"), "egress"),
        (("scenario", "run", "nowhere"), "expected.toml"),
        (("check", "x", "--json", "--csv"), "choose one"),
        (("check", "-", "--packets"), "twice"),
    ],
)
def test_errors_name_the_next_step(words: tuple[object, ...], hint: str) -> None:
    """Exit status 2 and a sentence that helps, never a traceback."""
    result = run(*words)
    assert result.exit_code == 2
    assert hint in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_stages_are_listed_and_printed() -> None:
    """Every stage that is listed can be printed, as text and as data."""
    listed = [line.split()[0] for line in run("stages").output.splitlines()]
    assert "egress" in listed
    for name in listed:
        assert "when" in run("stages", name).output
    assert len(json.loads(run("stages", "--json").stdout)) == len(listed)


def test_cards_are_listed() -> None:
    """What a card can be told to do, in words and as data, names every behaviour and card once."""
    data = json.loads(run("stages", "cards", "--json").stdout)
    text = run("stages", "cards").output
    assert all(f"{name}: a card that" in text for name in data["behaviours"])
    assert {word.partition(":")[0] for card in data["cards"] for word in card["behaviours"]} <= set(data["behaviours"])


def test_scenarios_from_the_command_line() -> None:
    """run gives 0 when all is as expected; list has a story for each."""
    result = run("scenario", "run", CLEAN, ROUTER)
    assert result.exit_code == 0
    assert result.output.count("as expected") == 2
    assert "linux-6.1-bridge: " in run("scenario", "list", ROOT / "captures").output


def test_help_needs_nothing_heavy() -> None:
    """--help imports neither numpy nor pandas nor numba nor scapy; a small capture neither pandas nor numba."""
    script = "import sys\nfrom csumlab.cli import cli\ntry:\n    cli({words!r})\nexcept SystemExit:\n    pass\nprint(sorted(sys.modules))"
    for words, barred in (
        (["--help"], {"numpy", "pandas", "numba", "scapy", "rich"}),
        (["check", str(CLEAN / "traffic.pcapng")], {"pandas", "numba"}),
    ):
        done = subprocess.run([sys.executable, "-c", script.format(words=words)], capture_output=True, text=True, timeout=60, check=True)
        loaded = set(done.stdout.splitlines()[-1].replace("'", "").strip("[]").split(", "))
        assert not barred & loaded


def test_hostile_captures_never_break_replay(tmp_path: Path) -> None:
    """A different header stack in every packet, and headers that lie: a result, quickly."""
    packets = []
    for number in range(300):
        data = bytearray(frames.ethernet(frames.ipv4(frames.gre(frames.ipv4(frames.tcp(bytes([number % 256]) * (number % 40)))))).data)
        data[14 + number % 40] ^= 1 + number % 255
        packets.append(bytes(data[: 20 + number % 90]))
    with PcapWriter(tmp_path / "odd.pcap") as file:
        for packet in packets:
            file.write(packet)
    started = time.monotonic()
    for folder in (ROUTER, CLEAN):
        assert run("replay", tmp_path / "odd.pcap", "--topology", folder / "topology.toml").exit_code in (0, 1)
    assert time.monotonic() - started < 60


def test_a_bug_is_no_capture() -> None:
    """Who asks to explain a documented bug is told what runs it."""
    result = run("explain", "CB-001")
    assert result.exit_code == 2
    assert "csumlab scenario run CB-001" in result.output
