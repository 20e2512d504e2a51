"""The kernel that runs the tests does with frames that tc redirects or copies what the model says, to other devices and through an ifb and
back."""

from __future__ import annotations

import pytest
from detours import ACROSS, SHAPED, TURNED, copied
from oracles.linux import run
from oracles.namespaces import Untestable, missing
from oracles.scenarios import Flow, Scenario

FLOWS = (Flow("a:eth0", "10.1.0.11", "10.1.0.22", bridged=True), Flow("a:eth0", "fd00:1::11", "fd00:1::22", bridged=True))
TEXTS = {
    **{f"redirected, sums left {tx}": ACROSS.replace("OUT", tx) for tx in ("true", "false")},
    **{
        f"shaped, sums left {before} {after}": SHAPED.replace("IN", before).replace("OUT", after)
        for before, after in (("true", "true"), ("false", "true"), ("true", "false"))
    },
    **TURNED,
    "copied in": copied("va", "in"),
    "copied out": copied("vb", "out"),
    "copied out of a device that sums nothing": copied("vb", "out", span="features = { tx = false }"),
}


@pytest.mark.long
@pytest.mark.needs_root
@pytest.mark.needs_program
@pytest.mark.parametrize("name", list(TEXTS))
def test_the_kernel_redirects_as_the_model_says(name: str) -> None:
    """Bytes and flags at every device, the ifb too, and the end of every packet are those of the walk."""
    reason = missing("tc")
    if reason:
        pytest.skip(reason)
    try:
        # Where tc sends one direction only, nobody opens a connection.
        compared = list(run(Scenario(name, TEXTS[name], FLOWS, senders=() if name in TURNED else FLOWS, brief=True)))
    except Untestable as why:
        pytest.skip(f"it cannot be made here: {why}")
    assert len(compared) > 20
    assert [f"{one.name}: {difference}" for one in compared for difference in one.differences()] == []
