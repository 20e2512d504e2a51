"""Every command of the hand-written pages on Wireshark and on outputs runs as it stands, from an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("wireshark", "outputs")


@pytest.mark.needs_program
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark")
@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_page_run(page: str, tmp_path: Path) -> None:
    """Blocks marked ``sh`` are run line by line; status 1 is that something was found."""
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    home = tmp_path / "home"
    home.mkdir()
    words = {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    lines = [line for found in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in found.splitlines() if line]
    assert lines
    for line in lines:
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in (0, 1), f"{line}: {done.stderr}"
        assert done.stdout or done.stderr, line
