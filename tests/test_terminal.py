"""What a person sees in a terminal: the drawing of a packet's way, colours, completion, doctor, and what is said about mistakes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from frames import ipv4, tcp

from csumlab import doctor
from csumlab.capture import PcapngWriter
from csumlab.cli import COMMANDS, COMPLETING, cli
from csumlab.commands.common import coloured, progress, style
from csumlab.explain import Explanation, explain
from csumlab.outcome import Settings
from csumlab.replaying import replay, tap_of
from csumlab.report.harm import replay_verdict
from csumlab.report.path import LETTERS, Style, draw
from csumlab.topology.load import load_topology, parse_topology
from csumlab.topology.presets import stages

CAPTURES = Path(__file__).parents[1] / "captures"
ROUTER, NESTED = CAPTURES / "xen-3.0.0-domu-router", CAPTURES / "vxlan-masquerade"


@cache
def explained(folder: Path, number: int = 1) -> Explanation:
    host = load_topology(folder / "topology.toml")
    return explain(folder / "traffic.pcapng", number, Settings(host, tap_of(host, "")))


@pytest.mark.parametrize("folder", [ROUTER, NESTED], ids=lambda folder: folder.name)
@pytest.mark.parametrize("width", [40, 60, 72, 80, 100, 160])
@pytest.mark.parametrize("unicode", [False, True])
def test_a_drawing_fits_and_loses_nothing(folder: Path, width: int, unicode: bool) -> None:
    """At every width each place, each change of a sum, the capture point, the finding and the end are there; ASCII where that is asked."""
    explanation = explained(folder)
    lines = draw(explanation, Style(width, unicode))
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert unicode or text.isascii()
    for view in explanation.views:
        assert view.hop.where.removeprefix(f"{view.hop.domain}:") in text
        assert view.hop.domain in text
    assert text.count("capture") == 1
    for finding in explanation.findings:
        assert finding.code in text
    assert lines[-1].endswith(explanation.trace.fate.value)
    for verdict in {field.verdict for view in explanation.views for field in view.after if field.verdict}:
        assert verdict.name.lower() in text


def test_a_drawing_says_a_sum_once_and_again_where_it_changes() -> None:
    """The column of the inner TCP sum: partial at the pod, nothing new until the host's card, good from there on."""
    lines = draw(explained(NESTED), Style(100, True))
    at = lines[0].index("inner TCP")
    column = [line[at : at + 20].split("  ")[0].strip() for line in lines if line.startswith("  ├")]
    assert column == ["◐ partial, owed", "│", "│", "│", "│", "✓ good", "│", "│"]


def test_colour_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours and its own width, NO_COLOR takes the colours away, a pipe gets neither; letters that it cannot show are not
    used."""

    class Terminal:
        encoding = "utf-8"

        def __init__(self, lively: bool, encoding: str = "utf-8") -> None:
            self.lively, self.encoding = lively, encoding

        def isatty(self) -> bool:
            return self.lively

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "61")
    monkeypatch.setattr(sys, "stdout", Terminal(True))
    assert coloured()
    assert (style().width, style().unicode) == (61, True)
    assert style().paint("bad", "bad") == click.style("bad", fg="red", bold=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert style().paint("bad", "bad") == "bad"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys, "stdout", Terminal(False, "latin-1"))
    assert (style().width, style().unicode, style().paint("bad", "bad")) == (100, False, "bad")
    with pytest.raises(UnicodeEncodeError):
        LETTERS.encode("latin-1")


def test_a_drawing_says_where_a_datagram_is_cut() -> None:
    """And where its pieces are put together again."""
    drawn = "\n".join(draw(explained(CAPTURES / "fragments-router", 2)))
    cut, joined = drawn.index("(cut into fragments"), drawn.index("(put together from its fragments)")
    assert drawn.index("eth0 out") < cut < drawn.index("outside") < joined


def test_explain_draws(tmp_path: Path) -> None:
    """The command shows the drawing before the hops, without a colour in a pipe."""
    told = CliRunner().invoke(cli, ["explain", str(ROUTER / "traffic.pcapng"), "1", "-t", str(ROUTER / "topology.toml")])
    assert told.exit_code == 0
    assert "\x1b" not in told.output
    assert "◐ partial, believed" in told.output
    assert told.output.index("CSL101 an unfinished") < told.output.index("  1. dom0:veth0: socket")


def test_no_bar_in_a_pipe(tmp_path: Path) -> None:
    """Standard error that is no terminal gets no progress, however long the work."""
    file = tmp_path / "long.pcap"
    with file.open("wb") as long:
        long.truncate(1 << 30)
    with progress((str(file),)) as step:
        assert step is None


def test_doctor_knows_what_is_there_and_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every needed library by the package's own word; a missing program or library with what it gives and the command that gets it."""
    found = json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).stdout)
    assert found["status"] == 0
    parts = {part["name"]: part for part in found["parts"]}
    assert parts["numpy"] == {**parts["numpy"], "found": True, "needed": True, "version": metadata.version("numpy")}
    assert all(part["gives"] for part in found["parts"])
    real, version = shutil.which, metadata.version

    def which(name: str) -> str | None:
        return "/usr/bin/apt-get" if name == "apt-get" else None if name in ("nft", "dnf") else real(name)

    def lacking(name: str) -> str:
        if name == "numpy":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setattr(metadata, "version", lacking)
    diagnosis = doctor.diagnose()
    gone = {part.name: part for part in diagnosis.parts if not part.found}
    assert gone["nft"].get.endswith("apt-get install nftables")
    assert gone["numpy"].get == f"{sys.executable} -m pip install numpy"
    assert diagnosis.status == 1
    text = CliRunner().invoke(cli, ["doctor"])
    assert text.exit_code == 1
    assert "does not work without" in text.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_say_how_they_are_installed(shell: str) -> None:
    """A script that the shell can read, where it is here, and the way to install it in it."""
    script = CliRunner().invoke(cli, ["completion", shell]).stdout
    assert f"csumlab completion {shell} >" in script
    assert COMPLETING in script
    assert shell != "zsh" or script.startswith("#compdef csumlab\n")
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", set(COMMANDS)),
        ("comp", {"compare", "completion"}),
        ("check --js", {"--json"}),
        ("check some", {"file some"}),
        ("explain CSL9", {"CSL901", "CSL902"}),
        ("stages netback-rec", {name for name in stages() if name.startswith("netback-rec")}),
        ("scenario run cb-039", set()),
        ("scenario run CB-039", {"CB-039"}),
        (f"replay x -t {ROUTER}/topology.toml --at domU:", {"domU:eth0", "domU:eth1"}),
        ("replay x -t nothing.toml --at d", set()),
        ("completion b", {"bash"}),
    ],
)
def test_completions(line: str, wanted: set[str]) -> None:
    """Commands, options, files, findings, stages, bugs, ports of the topology on the line."""
    words = f"csumlab {line}"
    environment = {COMPLETING: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    told = CliRunner().invoke(cli, [], env=environment, prog_name="csumlab").output
    found = {item.replace(",", " ").removeprefix("plain ") for item in told.splitlines()}
    assert {one for one in found if one and not one.startswith("dir")} == wanted


MISTAKES = [
    ("chekc x.pcap", "did you mean check"),
    ("{file}", "csumlab check {file}"),
    ("frobnicate", "there are: check, replay"),
    ("host laod x", "did you mean load"),
    ("check nothing.pcap", "check the path"),
    ("check {folder}", "name the files in it"),
    ("check {host}", "a topology goes behind --topology"),
    ("check {file} --jsno", "--json"),
    ("check {file} --udp 5555", "such as 5555=fou"),
    ("check {file} --json --csv", "choose one"),
    ("replay {file} -t nothing.toml", "csumlab replay CAPTURE, without a topology, suggests one"),
    ("replay {file} -t {file}", "docs/topology.md"),
    ("replay {file} -t {host} --at dom0:vif1.9", "did you mean 'dom0:vif1."),
    ("replay {file} -t {host} --at eth0", "say which: "),
    ("replay {file} -p a>b", "> eth0 > wire > a"),
    ("explain {file}", "csumlab explain {file} 17"),
    ("explain {file} x", "counted from 1"),
    ("explain {file} 0 -t {host}", "counted from 1"),
    ("explain {file} 1", "csumlab host save"),
    ("explain 3 {file}", "csumlab explain {file} 3"),
    ("explain CSL999", "there are: CSL001"),
    ("explain CSL101 3", "name the capture"),
    ("stages egres", "did you mean egress"),
    ("capture -i lo", "-w - | csumlab check -"),
    ("host load nothing.txt", "csumlab host save"),
    ("scenario run nothing", "csumlab scenario list"),
    ("compare {file}", "AFTER"),
    ("compare {file} -", "save standard input"),
    ("compare {file} {file} -t {host}", "--at-after with one of"),
    ("compare {file} {file} --at-after dom0:eth0", "--topology FILE or --path LINE"),
]


@pytest.mark.parametrize(("line", "advice"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_told_with_the_next_step(line: str, advice: str) -> None:
    """Exit status 2, no trace of Python, and what to do instead."""
    places = {"file": f"{ROUTER}/traffic.pcapng", "host": f"{ROUTER}/topology.toml", "folder": str(CAPTURES)}
    told = CliRunner().invoke(cli, [word.format(**places) for word in line.split()])
    assert told.exit_code == 2, told.output
    assert told.exception is None or isinstance(told.exception, SystemExit)
    assert advice.format(**places) in re.sub(r"\s+", " ", told.output)


def test_the_capture_point_shows_what_was_captured() -> None:
    """A driver that makes a sum behind the capture point makes it on the next line: the line of the capture has what the capture has."""
    drawn = draw(explained(CAPTURES / "windows-guest"), Style(100, True))
    place = next(number for number, line in enumerate(drawn) if "◀ capture" in line)
    # A sum that is as it was on the line before is a stroke.
    assert "○ blank" in drawn[place - 1]
    assert re.search(r"◀ capture +│ +│", drawn[place])
    assert "✓ good" in drawn[place + 1]


def test_packets_that_go_nowhere_are_not_called_well() -> None:
    """Where the topology loses every packet the report says so before anything else."""
    folder = CAPTURES / "xdp-one-armed"
    text = (folder / "topology.toml").read_text(encoding="utf-8").replace("forwarding = true\n", "")
    lost = replay(folder / "traffic.pcapng", parse_topology(text))
    assert (lost.status, {finding.code for finding in lost.findings}) == (0, {"CSL502"})
    assert "no packet arrives" in " ".join(str(lost).split("\n\n")[0].split())
    assert replay_verdict(lost).word == "Not all packets arrive"


CIRCLE = """
at = "r1:eth0"
[domain.r1]
forwarding = true
[domain.r1.device.eth0]
kind = "nic"
wire = "x"
address = "10.1.0.1/24"
[[domain.r1.route]]
to = "10.9.0.0/16"
device = "eth0"
via = "10.1.0.2"
[domain.r2]
forwarding = true
[domain.r2.device.eth0]
kind = "nic"
wire = "x"
address = "10.1.0.2/24"
[[domain.r2.route]]
to = "10.9.0.0/16"
device = "eth0"
via = "10.1.0.1"
"""


def test_packets_of_which_nothing_can_be_told_are_not_called_well(tmp_path: Path) -> None:
    """Two routers that send a packet to each other for ever: nothing is found wrong, and nothing is said to be right."""
    with PcapngWriter(tmp_path / "circle.pcapng") as file:
        interface = file.add_interface(101)
        file.write(ipv4(tcp(b"data"), "10.1.0.1", "10.9.0.2").data, interface=interface)
    circle = replay(tmp_path / "circle.pcapng", parse_topology(CIRCLE))
    assert {finding.code for finding in circle.findings} == {"CSL902"}
    assert "of no packet can be told how it arrives" in " ".join(str(circle).split("\n\n")[0].split())
    assert replay_verdict(circle).word == "Cannot be told of all packets"
