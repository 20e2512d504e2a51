"""What gateways of several kernels did to packets by rules (``python -m tests.oracles_vm.record rules --kernel 6.1``).

All is held against csumlab's tables: every packet at every device it passes, its flags, its arrival, and the counters of checksum errors.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from oracles_vm.kernel.rules import chosen
from oracles_vm.kernel.versions import VERSIONS
from oracles_vm.known import sorted_out
from oracles_vm.packages import Archive
from oracles_vm.prediction import step_differences
from oracles_vm.recording import GOLDEN, load

RECORDED = ("4.4", "4.15", "5.4", "5.10", "6.1", "6.12")
KERNELS = {version.name: version for version in VERSIONS if version.name in RECORDED}


@pytest.mark.parametrize("kernel", KERNELS)
def test_rules_do_what_the_tables_say(kernel: str) -> None:
    """Every rewriting, of good packets and damaged ones, owed, finished and absent sums."""
    recording = load(GOLDEN / f"linux-{kernel}-rules.json")
    unknown, idle = sorted_out(f"linux-{kernel}-rules", (d for step in recording.steps for d in step_differences(step)))
    assert unknown == []
    assert idle == [], "these differences are known and are not there any more"


def test_every_recording_is_held_against_the_tables() -> None:
    """There is no golden file of a gateway that no test reads."""
    assert {path.name for path in GOLDEN.glob("*-rules.json")} == {f"linux-{name}-rules.json" for name in RECORDED}


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_recording_is_whole(kernel: str) -> None:
    """Every scene that a kernel is asked was made and let packets through, of the preset that stands for it."""
    made = load(GOLDEN / f"linux-{kernel}-rules.json")
    assert made.command == f"python -m tests.oracles_vm.record rules --kernel {kernel}"
    assert made.versions["kernel"].startswith(kernel)
    assert [step.name for step in made.steps] == [one.name for one in chosen(kernel) if one.name not in made.facts["refused"]]
    for step in made.steps:
        assert f'preset = "{KERNELS[kernel].preset}"' in step.host
        assert any(len(one.views) > 1 for one in step.packets), step.name


def test_a_package_that_is_not_the_one_that_was_named_is_refused(tmp_path: Path) -> None:
    """Where an archive is known by digests, another file of the same name is an error; where it is known by a key, apt has checked."""
    path = tmp_path / "linux-image.deb"
    path.write_bytes(b"another")
    Archive("debian", "keyed").verify(path)
    with pytest.raises(ValueError, match="SHA-256"):
        Archive("ubuntu", "digested", {"linux-image.deb": "00" * 32}).verify(path)
