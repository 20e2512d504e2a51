"""What csumlab prints of shipped captures, in a process of its own: ``python -m tests.everything_said NAME...``."""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner

from csumlab.cli import cli

CAPTURES = Path(__file__).parents[1] / "captures"


def everything_said(name: str) -> str:
    """Of one capture: what is wrong in it, a topology for it, what the shipped topology does to it, and the way of its first packet."""
    capture, topology = CAPTURES / name / "traffic.pcapng", CAPTURES / name / "topology.toml"
    with_topology = ("--topology", str(topology))
    commands = (
        ("check", str(capture)),
        ("replay", str(capture)),
        ("replay", str(capture), *with_topology, "--json"),
        ("explain", str(capture), "1", *with_topology),
    )
    return "".join(f"$ {command[0]} {name}\n{CliRunner().invoke(cli, command).output}" for command in commands)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(everything_said(given))
