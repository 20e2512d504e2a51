"""The profile and the extcap: installed and removed with care, and taken by a real tshark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import live_tshark
import pytest
from click.testing import CliRunner, Result
from live_devices import ROOT
from taps import CAPTURES

from csumlab import extcap
from csumlab.capture import open_capture
from csumlab.capture.block import CHECKSUM_NOT_READY, OUTBOUND
from csumlab.cli import cli
from csumlab.wireshark import folders
from csumlab.wireshark.folders import find_folders

HAS_ROOT = os.geteuid() == 0 and shutil.which("ip") is not None
needs_tshark = pytest.mark.skipif(not live_tshark.HERE, reason=live_tshark.MISSING)
NAMESPACE = f"csl-pcapng-{os.getpid()}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A personal folder of Wireshark's that is not there yet."""
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(tmp_path / "ws"))
    return tmp_path / "ws"


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tshark is asked for its folders, which takes it half a second."""
    monkeypatch.setattr(folders, "find_program", lambda name: None)


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["wireshark", *(str(word) for word in words)])


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("unasked")
@pytest.mark.skipif(sys.platform != "linux", reason="the extcap is for Linux")
def test_install_and_remove_leave_no_trace(folder: Path) -> None:
    """What was installed is there, once; after remove the folder is as it was before, even if that is nothing."""
    assert run("install").exit_code == 0
    assert {"profiles/csumlab/preferences", "profiles/csumlab/colorfilters", "extcap/csumlab-capture"} < set(files(folder))
    assert os.access(folder / "extcap" / "csumlab-capture", os.X_OK)
    before = files(folder)
    assert "is there already" in run("install").output
    assert files(folder) == before
    assert run("remove").exit_code == 0
    assert not folder.exists()
    assert "Nothing of csumlab" in run("remove").output


@pytest.mark.usefixtures("unasked")
def test_what_somebody_changed_stays_and_is_named(folder: Path) -> None:
    """Neither install nor remove touches it; --force replaces it and keeps it beside."""
    mine = folder / "profiles" / "csumlab" / "preferences"
    mine.parent.mkdir(parents=True)
    mine.write_text("tcp.check_checksum: FALSE\n")
    said = run("install")
    assert f"{mine}: left as it is" in said.output
    assert mine.read_text() == "tcp.check_checksum: FALSE\n"
    colours = mine.with_name("colorfilters")
    colours.write_text("@mine@tcp@[0,0,0][1,1,1]\n")
    assert f"{colours}: changed" in run("status").output
    forced = run("install", "--force")
    assert f"what was there is now {mine}.yours" in forced.output
    assert mine.with_name("preferences.yours").read_text() == "tcp.check_checksum: FALSE\n"
    mine.write_text("again\n")
    removed = run("remove")
    assert f"{mine}: left: it was changed" in removed.output
    assert set(files(folder)) == {
        "csumlab-installed.json",
        "profiles/csumlab/preferences",
        "profiles/csumlab/preferences.yours",
        "profiles/csumlab/colorfilters.yours",
    }


@pytest.mark.usefixtures("unasked")
def test_an_older_version_is_brought_up_to_date(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is as it was installed is nobody's own."""
    monkeypatch.setattr(sys, "executable", "/old/python")
    run("install")
    monkeypatch.setattr(sys, "executable", "/new/python")
    assert "of another version" in run("status").output
    assert "updated" in run("install").output
    assert "/old/python" not in (folder / "extcap" / "csumlab-capture").read_text()


@pytest.mark.usefixtures("unasked")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With status 2 and what to do; nothing counts as installed."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(tmp_path / "file"))
    said = run("install")
    assert said.exit_code == 2
    assert "WIRESHARK_CONFIG_DIR" in said.output


@pytest.mark.usefixtures("unasked")
def test_folders_follow_wiresharks_rule_without_tshark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CONFIG_HOME, but an old ~/.wireshark if it is the only one."""
    monkeypatch.delenv("WIRESHARK_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert find_folders().configuration == tmp_path / "xdg" / "wireshark"
    (tmp_path / ".wireshark").mkdir()
    assert find_folders().configuration == tmp_path / ".wireshark"


@needs_tshark
@pytest.mark.needs_program
def test_tshark_takes_the_profile(folder: Path, tmp_path: Path) -> None:
    """Colour rules and buttons parse, the columns show the hop, the verdicts and what was found, and the sums are validated."""
    run("install", "--no-extcap")
    name = CAPTURES / "xen-3.0.0-domu-router"
    out = tmp_path / "hops.pcapng"
    CliRunner().invoke(cli, ["replay", str(name / "traffic.pcapng"), "-t", str(name / "topology.toml"), "-w", str(out)])
    words = ["tshark", "-C", "csumlab", "-n", "-r", str(out), "--color"]
    fields = [
        "-T",
        "fields",
        "-E",
        "separator=|",
        "-e",
        "frame.interface_name",
        "-e",
        "frame.coloring_rule.name",
        "-e",
        "tcp.checksum.status",
    ]
    told = subprocess.run([*words, *fields], capture_output=True, text=True, timeout=60, check=True)
    assert told.stderr.replace('Running as user "root" and group "root". This could be dangerous.', "").strip() == ""
    first = [line.split("|") for line in told.stdout.splitlines()[:8]]
    assert first[2] == ["dom0:vif1.0", "csumlab: finding", "0"]
    assert first[0][1] == "Sum still owed (epb_flags bit 9)"
    shown = subprocess.run([*words, "-T", "text"], capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()[2]
    assert "dom0:vif1.0" in shown
    assert "Outbound" in shown
    assert "CSL101 an unfinished checksum" in shown


def test_the_extcap_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Link types, settings, an unknown device, and a call by hand."""
    extcap.main(["--extcap-dlts", "--extcap-interface", "csumlab-lo"])
    assert capsys.readouterr().out == "dlt {number=1}{name=EN10MB}{display=EN10MB}\n"
    extcap.main(["--extcap-config", "--extcap-interface", "csumlab-lo", "--extcap-version=9.9", "--something-new"])
    assert capsys.readouterr().out.count("arg {number=") == 4
    for words in (["--extcap-dlts", "--extcap-interface", "csumlab-none"], [], ["--capture", "--extcap-interface", "csumlab-lo"]):
        with pytest.raises(SystemExit, match="1"):
            extcap.main(words)
        assert capsys.readouterr().err.startswith("csumlab: ")


def test_the_extcap_is_quick_to_answer() -> None:
    """Wireshark calls every extcap when it starts: nothing heavy is loaded for that."""
    code = "import sys; from csumlab.extcap import main; main(['--extcap-interfaces']); "
    code += "print(sorted({'pandas', 'numba', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("extcap {version=")
    assert done.stdout.endswith("[]\n")


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with a veth pair va, vb."""
    commands = (
        f"ip netns add {NAMESPACE}",
        f"ip -n {NAMESPACE} link add va type veth peer name vb",
        f"ip -n {NAMESPACE} addr add 10.77.0.1/24 dev va",
        f"ip -n {NAMESPACE} link set va up",
        f"ip -n {NAMESPACE} link set vb up",
        f"ip -n {NAMESPACE} neigh add 10.77.0.2 lladdr 02:00:00:00:00:99 dev va",
    )
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, timeout=30)
        yield NAMESPACE
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, timeout=30)


@pytest.mark.needs_root
@pytest.mark.needs_program
@pytest.mark.skipif(not HAS_ROOT, reason="network namespaces need root and the program ip")
@needs_tshark
def test_tshark_captures_by_the_extcap(folder: Path, tmp_path: Path, namespace: str) -> None:
    """It is in the list of interfaces, and a packet taken by it says that its sum is still owed: dumpcap keeps that."""
    run("install")
    inside = ["ip", "netns", "exec", namespace]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    listed = subprocess.run([*inside, "tshark", "-D"], capture_output=True, text=True, timeout=60, check=True, env=environment).stdout
    assert "csumlab-va (csumlab capture: va)" in listed
    out = tmp_path / "live.pcapng"
    words = [*inside, "tshark", "-q", "-i", "csumlab-va", "-f", "udp port 7777", "-c", "3", "-w", str(out)]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('10.77.0.2', 7777))"
    end = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < end:
        subprocess.run([*inside, sys.executable, "-c", send], check=True, timeout=30)
    try:
        _, said = running.communicate(timeout=10)
    finally:
        running.kill()
    assert running.returncode == 0, said
    with open_capture(out) as capture:
        (block,) = capture
        assert [interface.name for interface in capture.interfaces] == ["va"]
        assert len(block) >= 3
        assert all(flags & (CHECKSUM_NOT_READY | OUTBOUND) == CHECKSUM_NOT_READY | OUTBOUND for flags in block.flags.tolist())
