"""What is written is true: generated pages are fresh, the README's commands exist and print what it says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

import csumlab
from csumlab.cli import COMMANDS, cli
from csumlab.topology.load import parse_topology

ROOT = Path(__file__).parents[1]


def test_generated_pages_are_fresh() -> None:
    """docs/stages.md and docs/findings.md are what the tables give; `make docs` writes them."""
    pages = runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"]
    for name, make in pages.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == make(), f"{name} is stale: make docs"


FILLED = (
    "README.md",
    "CHANGELOG.md",
    *(f"docs/{name}.md" for name in ("benchmarks", "capture", "comparison", "host", "limits", "model", "outputs", "report", "topology")),
)


@pytest.mark.parametrize("page", [*FILLED, "docs/two-points.md", "docs/wireshark.md"])
def test_prose_is_wrapped(page: str) -> None:
    """No line of a page's text is longer than 140 columns; tables and code may be."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.S | re.M)
    assert [line for line in text.splitlines() if len(line) > 140 and not line.startswith(("|", "    "))] == []


def test_first_screen_of_the_readme() -> None:
    """The output that the README begins with is what the program prints for the same capture."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(r"\$ make demo\n(.*?)\n\.\.\.\n```", text, re.S)
    assert match is not None
    folder = ROOT / "captures" / "xen-3.0.0-domu-router"
    printed = str(csumlab.replay(folder / "traffic.pcapng", folder / "topology.toml"))
    assert printed.startswith(match.group(1))


def test_links_and_commands_of_the_readme() -> None:
    """Every linked page exists and every command is one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / target).is_file(), target
    for command in re.findall(r"csumlab (\w+) ", text):
        assert command in COMMANDS or command in ("is", "reads", "walks"), command


def test_topology_of_the_docs() -> None:
    """The example in docs/topology.md can be read."""
    text = (ROOT / "docs" / "topology.md").read_text(encoding="utf-8")
    block = re.search(r"```toml\n(.*?)```", text, re.S)
    assert block is not None
    assert parse_topology(block.group(1)).name == "two guests"


def test_help_names_every_command() -> None:
    """--help lists all commands, each with its help on one line of 80 columns."""
    lines = [line.split(maxsplit=1) for line in CliRunner().invoke(cli, ["--help"]).output.splitlines() if line]
    assert all([command, text] in lines for command, text in COMMANDS.items())


@pytest.mark.parametrize("group", ["host", "scenario", "wireshark"])
def test_help_of_a_group_is_not_cut(group: str) -> None:
    """No command's help ends in dots where a sentence was too long for its line."""
    assert "..." not in CliRunner().invoke(cli, [group, "--help"]).output.partition("Commands:")[2]
