"""What is said of a capture does not depend on the order in which this process happens to walk its sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.parent.name for path in (ROOT / "captures").glob("*/topology.toml") if (path.parent / "traffic.pcapng").exists())
SOME = ("nat64-errors", "kvm-bridge", "linux-6.1-wrong-from-outside", "kvm-router-dhcp", "sctp-container", "vxlan-masquerade")
"""In the first, two stations explain the packets equally well."""
SEEDS = (0, 1)
"""Of the hash of strings, which Python draws anew for every process."""


def said(seed: int, names: tuple[str, ...]) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    command = (sys.executable, "-m", "tests.everything_said", *names)
    return subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def test_some_captures() -> None:
    one, other = (said(seed, SOME) for seed in SEEDS)
    assert one == other
    assert len(one) > 20 * len(SOME)


@pytest.mark.long
@pytest.mark.parametrize("offset", range(8))
def test_every_eighth_capture(offset: int) -> None:
    """All of them, in eight parts that run beside one another, and each under another pair of orders."""
    one, other = (said(8 * seed + offset, tuple(NAMES[offset::8])) for seed in SEEDS)
    assert one == other
