"""Every command of the README and of the hand-written pages: blocks marked ``sh`` run as they stand, from a folder that has captures/ and
nothing else; what needs another machine, root or an end by hand is at least a command with options that there are."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from csumlab.cli import cli

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", *(f"docs/{page}.md" for page in ("wireshark", "outputs", "report", "two-points", "host")))
WRITTEN = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.stem not in ("truth", "benchmarks")))


def runs_of(page: str) -> list[tuple[str, str]]:
    """Each block of commands, with the output that the page shows below it, "" for none."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"```sh\n((?:(?!```).*\n)*)```\n(?:\n((?:    .*\n)+))?", text)


@pytest.mark.needs_program
@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_page_run(page: str, tmp_path: Path) -> None:
    """Status 1 is that something was found; what is shown below a block is what one of its commands prints."""
    found = runs_of(page)
    if "tshark" in str(found) and shutil.which("tshark") is None:
        pytest.skip("tshark is not installed: apt-get install tshark")
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    home = tmp_path / "home"
    home.mkdir()
    words = {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    assert found
    for block, shown in found:
        printed = []
        for line in block.replace("\\\n", " ").splitlines():
            done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=words, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode in (0, 1), f"{line}: {done.stderr}"
            assert done.stdout or done.stderr or not line.startswith("csumlab"), line
            printed.append(done.stdout)
        assert re.sub("^    ", "", shown, flags=re.MULTILINE) in "".join(printed), shown


def test_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block of Python runs as it stands."""
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    exec(compile(block.group(1), "README.md", "exec"), {})
    assert (tmp_path / "hops.pcapng").stat().st_size > 0


def commands_of(page: str) -> list[list[str]]:
    """The words of every command of csumlab on a page, in blocks and in backquotes; each up to a pipe, a file or the next command."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    (csumlab [^`\n]+)$", text, re.MULTILINE) + re.findall(r"`(?:sudo )?(csumlab [^`\n]+)`", text)
    lines += [line for block, _ in runs_of(page) for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"^    sudo (csumlab [^`\n]+)$", text, re.MULTILINE)
    found = []
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";<>|&")
        lexer.whitespace_split = True
        words = list(itertools.takewhile(lambda word: not set(word) <= set(";<>|&"), lexer))
        found += [words[1:]] if words[:1] == ["csumlab"] else []
    return found


@pytest.mark.parametrize("page", [page for page in WRITTEN if commands_of(page)])
def test_commands_of_the_page_exist(page: str) -> None:
    """Every command that a page names is one, and has the options that it is given."""
    for words in commands_of(page):
        line = f"{page}: csumlab {shlex.join(words)}"
        command: click.Command = cli
        while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z]+(\|[a-z]+)*", words[0]):
            name, *rest = words.pop(0).split("|")
            assert all(command.get_command(click.Context(command), other) for other in rest), line
            found = command.get_command(click.Context(command), name)
            assert found is not None, line
            command = found
        try:
            command.make_parser(click.Context(command)).parse_args(list(words))
        except click.NoSuchOption as error:
            pytest.fail(f"{line}: {error}")
