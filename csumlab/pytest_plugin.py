"""The pytest plugin: a folder with ``expected.toml``, ``topology.toml`` and ``traffic.pcapng`` below a test path is a test.

Nothing has to be written: ``pytest`` collects such folders wherever it looks for tests. The assertions for tests in Python are in
:mod:`csumlab.asserting`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAME = "expected.toml"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario folder is told by its three files: other tools use expected.toml too."""
    folder = file_path.parent
    if file_path.name == NAME and all((folder / name).is_file() for name in ("topology.toml", "traffic.pcapng")):
        collected: pytest.Collector = ScenarioFile.from_parent(parent, path=file_path)
        return collected
    return None


class ScenarioFile(pytest.File):
    """One expected.toml."""

    def collect(self) -> Iterator[pytest.Item]:
        yield ScenarioItem.from_parent(self, name=self.path.parent.name)


class NotAsExpectedError(Exception):
    """``str()`` is the report: what differs, and what was found."""


class ScenarioItem(pytest.Item):
    """The replay of a folder, held against what is expected there."""

    def runtest(self) -> None:
        from csumlab.scenario import run_scenario

        result = run_scenario(self.path.parent)
        if not result.passed:
            raise NotAsExpectedError(str(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        from csumlab.capture import CaptureError
        from csumlab.scenario import ScenarioError
        from csumlab.topology.load import TopologyError

        if isinstance(excinfo.value, NotAsExpectedError | ScenarioError | TopologyError | CaptureError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **kwargs)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"scenario {self.name}"
