"""Outputs for other programs, each read by a program that is not csumlab: JSON Schema, Parquet, SARIF, JUnit; and exit statuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import frames
import jsonschema
import pyarrow
import pytest
from click.testing import CliRunner, Result
from junitparser import JUnitXml
from pyarrow import parquet
from taps import CAPTURES
from test_annotate import notes

import csumlab
from csumlab import outputs
from csumlab.capture import PcapngWriter, open_capture
from csumlab.cli import cli
from csumlab.outputs.parquet import write_check, write_replay
from csumlab.report.packets import packet_rows
from csumlab.schemas import DRAFT, NAMES, schema

ROUTER = CAPTURES / "xen-3.0.0-domu-router"
DAMAGED = CAPTURES / "linux-6.1-wrong-from-outside"
SARIF = Path(__file__).parent / "golden" / "sarif-2.1.0-used.json"
"""The objects of the OASIS schema that the program uses, with all of their properties by name."""
CLEAN = CAPTURES / "linux-6.1-bridge"
RIGHT = frames.ethernet(frames.ipv4(frames.tcp(b"some data"))).data
POINTS = CAPTURES / "two-points-gateway"
REPLAY = ("replay", ROUTER / "traffic.pcapng", "-t", ROUTER / "topology.toml")


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


OUTPUTS: dict[str, tuple[object, ...]] = {
    "check": ("check", ROUTER / "traffic.pcapng", DAMAGED / "traffic.pcapng", CAPTURES / "tricky" / "none.pcap"),
    "check-packets": ("check", "--packets", DAMAGED / "traffic.pcapng"),
    "replay": REPLAY,
    "replay-suggestion": ("replay", ROUTER / "traffic.pcapng"),
    "compare": ("compare", POINTS / "before.pcapng", POINTS / "after.pcapng", "-t", POINTS / "topology.toml", "--at-after", "peer:eth0:in"),
    "explain": ("explain", ROUTER / "traffic.pcapng", "4", "-t", ROUTER / "topology.toml"),
    "explain-code": ("explain", "CSL101"),
    "stages": ("stages",),
    "stages-name": ("stages", "egress"),
    "scenario-run": ("scenario", "run", ROUTER),
    "scenario-list": ("scenario", "list"),
    "doctor": ("doctor",),
    "wireshark-status": ("wireshark", "status"),
}
"""A call for every schema of an option --json."""


def strict(found: Any) -> Any:
    """A schema that allows no key which it does not describe: nothing new may come in undescribed."""
    if isinstance(found, dict):
        made = {key: strict(value) for key, value in found.items()}
        return made | ({"additionalProperties": False} if "properties" in made else {})
    return [strict(one) for one in found] if isinstance(found, list) else found


def validate(name: str, data: Any) -> None:
    jsonschema.Draft202012Validator(strict(schema(name))).validate(data)


@pytest.mark.parametrize("name", OUTPUTS)
def test_json_is_as_its_schema_says(name: str) -> None:
    """Every key is described, and everything described is there."""
    said = run(*OUTPUTS[name], "--json").stdout
    found = [json.loads(line) for line in said.splitlines()] if name == "check-packets" else [json.loads(said)]
    assert found
    for one in found:
        if name == "scenario-list":
            # A bug has more keys than the schema promises.
            jsonschema.Draft202012Validator(schema(name)).validate(one)
        else:
            validate(name, one)


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


def test_every_json_has_a_schema() -> None:
    """A command with --json has an entry above and a schema in csumlab/schemas.py."""
    told = {words for words, command in commands(cli) if any("--json" in option.opts for option in command.params)}
    covered = {words for words in told if any(tuple(map(str, call[: len(words)])) == words for call in OUTPUTS.values())}
    assert told == covered
    assert set(OUTPUTS) | {"check-note", "replay-note"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas(name: str) -> None:
    """As the draft says, and printed as they are."""
    jsonschema.Draft202012Validator.check_schema(schema(name))
    printed = json.loads(run("schema", name).stdout)
    assert printed == schema(name)
    assert printed["$schema"] == DRAFT


def test_schema_lists_and_corrects() -> None:
    """Without a name all are listed; a slip is named."""
    assert set(NAMES) == {line.split(" ")[0] for line in run("schema").stdout.splitlines()}
    assert "did you mean check" in run("schema", "chek").output


def test_notes_beside_packets_are_as_their_schemas_say(tmp_path: Path) -> None:
    """What check -w and replay -w write in custom options."""
    run(*REPLAY, "-w", tmp_path / "hops.pcapng")
    run("check", DAMAGED / "traffic.pcapng", "-w", tmp_path / "check.pcapng")
    for name, file in (("replay-note", "hops.pcapng"), ("check-note", "check.pcapng")):
        found = [one for one in notes(tmp_path / file) if one]
        assert found
        for one in found:
            validate(name, one)


@pytest.mark.parametrize("block_bytes", [1 << 22, 700])
def test_parquet_of_check_has_the_rows_of_packets(block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by pyarrow: the same checksums as check --packets, whatever the blocks, and the causes of the report."""
    monkeypatch.setattr(outputs.parquet, "open_capture", partial(open_capture, block_bytes=block_bytes))
    paths = [DAMAGED / "traffic.pcapng", CAPTURES / "vxlan-masquerade" / "traffic.pcapng", ROUTER / "traffic.pcapng"]
    result = csumlab.check(*paths, labels=True)
    count = write_check(result, tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.num_rows == count
    names = ["file", "packet", "kind", "header", "offset", "verdict", "field", "residue", "seed", "reason"]
    mine = [tuple(row[name] for name in names) for row in table.to_pylist()]
    rows = [row for one in result.results for row in packet_rows(one.file, tables=one.tables)]
    assert mine == [(*row[:-1], row.reason or None) for row in rows]
    frame = table.to_pandas()
    causes = frame.groupby(["file", "cause"], observed=True).size()
    for group in result.groups:
        assert causes[group.file, group.cause.name] >= group.count
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"


def test_parquet_of_replay_has_every_packet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row a packet, with the findings that concern it; counts are those of the report."""
    monkeypatch.setattr(outputs.parquet, "open_capture", partial(open_capture, block_bytes=700))
    result = csumlab.replay(ROUTER / "traffic.pcapng", ROUTER / "topology.toml")
    assert write_replay(result, tmp_path / "out.parquet") == 18
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["packet"] for row in rows] == list(range(1, 19))
    total = sum(finding.packets for finding in result.findings if finding.code == "CSL101")
    assert sum("CSL101" in row["findings"] for row in rows) == total
    assert {row["fate"] for row in rows if "CSL101" in row["findings"]} == {"rejected"}


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With status 2, and no file."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for words in (("check", CLEAN / "traffic.pcapng"), ("replay", CLEAN / "traffic.pcapng", "-t", CLEAN / "topology.toml")):
        said = run(*words, "--parquet", tmp_path / "out.parquet")
        assert said.exit_code == 2
        assert "pip install 'csumlab[parquet]'" in said.output
    assert list(tmp_path.iterdir()) == []
    assert pyarrow.__version__


@pytest.mark.parametrize("words", [("check", DAMAGED / "traffic.pcapng"), REPLAY, ("scenario", "run", "WRONG")])
def test_sarif_is_sarif(words: tuple[object, ...], tmp_path: Path) -> None:
    """As the part of the standard's schema says that is used here, with no other property; rules and results fit each other."""
    words = tuple(_failing(tmp_path) if word == "WRONG" else word for word in words)
    assert run(*words, "--sarif", tmp_path / "out.sarif").exit_code == 1
    data = json.loads((tmp_path / "out.sarif").read_text())
    jsonschema.Draft7Validator(json.loads(SARIF.read_text())).validate(data)
    (found,) = data["runs"]
    assert found["results"]
    for one in found["results"]:
        assert found["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["message"]["text"]
        assert one["level"] in ("error", "warning", "note", "none")
        assert one["kind"] in ("fail", "informational")
    assert any(one["level"] == "error" for one in found["results"])
    assert found["invocations"][0]["executionSuccessful"] is True


def _failing(folder: Path) -> Path:
    """A scenario that does not end as expected."""
    made = folder / "failing"
    made.mkdir()
    for name in ("traffic.pcapng", "topology.toml"):
        (made / name).write_bytes((ROUTER / name).read_bytes())
    (made / "expected.toml").write_text('story = "nothing is wrong, is it \x07?"\n'.replace("\x07", "\\u0007"))
    return made


def test_junit_is_junit(tmp_path: Path) -> None:
    """Read by a parser of reports: suites, failures and errors count as the report says, and no character breaks the XML."""
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes((CLEAN / "traffic.pcapng").read_bytes()[:-30])
    calls: list[tuple[tuple[object, ...], int, int, int]] = [
        (("check", DAMAGED / "traffic.pcapng", CLEAN / "traffic.pcapng", cut), 2, 1, 1),
        (REPLAY, 1, 3, 0),
        (("scenario", "run", ROUTER, _failing(tmp_path)), 1, 1, 0),
    ]
    for words, status, failures, errors in calls:
        assert run(*words, "--junit", tmp_path / "out.xml").exit_code == status
        found = JUnitXml.fromfile(str(tmp_path / "out.xml"))
        suites = list(found)
        assert sum(suite.failures for suite in suites) == failures
        assert sum(suite.errors for suite in suites) == errors
        assert sum(len(list(suite)) for suite in suites) == sum(suite.tests for suite in suites)


def test_reports_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    """A target that cannot be written ends with status 2, and what was there stays."""
    for option in ("--sarif", "--junit", "--parquet"):
        (tmp_path / "there").mkdir(exist_ok=True)
        for target in (tmp_path / "none" / "out", tmp_path / "there"):
            said = run(*REPLAY, option, target)
            assert said.exit_code == 2, option
            assert "cannot be written" in said.output
    assert [one.name for one in tmp_path.rglob("*")] == ["there"]
    assert "say through what host" in run("replay", CLEAN / "traffic.pcapng", "--sarif", tmp_path / "x").output


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("check", CLEAN / "traffic.pcapng"), 0),
        (("check", DAMAGED / "traffic.pcapng"), 1),
        (("check", CAPTURES / "none.pcapng"), 2),
        (("check", "--what"), 2),
        (("check", "-", "--parquet", "x"), 2),
        (("replay", CLEAN / "traffic.pcapng", "-t", CLEAN / "topology.toml"), 0),
        (REPLAY, 1),
        (("replay", CLEAN / "traffic.pcapng", "-t", CLEAN / "none.toml"), 2),
        (("explain", "CSL101"), 0),
        (("explain", CLEAN / "traffic.pcapng", "99", "-t", CLEAN / "topology.toml"), 2),
        (("scenario", "run", CLEAN), 0),
        (("scenario", "run", "no-such"), 2),
        (("stages", "no-such"), 2),
        (("schema", "check"), 0),
        (("schema", "no-such"), 2),
    ],
)
def test_exit_statuses(words: tuple[object, ...], status: int) -> None:
    """As docs/outputs.md has them."""
    assert run(*words).exit_code == status


def test_a_suggestion_and_a_good_capture_are_clean(tmp_path: Path) -> None:
    """SARIF without results and a JUnit report without failures are whole documents too."""
    with PcapngWriter(tmp_path / "a.pcapng") as file:
        file.write(RIGHT, interface=file.add_interface(1))
    assert run("check", tmp_path / "a.pcapng", "--sarif", tmp_path / "a.sarif", "--junit", tmp_path / "a.xml").exit_code == 0
    assert json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"] == []
    assert sum(suite.failures for suite in JUnitXml.fromfile(str(tmp_path / "a.xml"))) == 0
