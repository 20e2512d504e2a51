"""What real Xen did, recorded (``python -m tests.oracles_vm.record xen``), and what csumlab's tables say of the same packets."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest
from oracles_vm.confirming import Confirming
from oracles_vm.known import sorted_out
from oracles_vm.prediction import differences, disagrees
from oracles_vm.recording import GOLDEN, Recording, View, load

from csumlab.stage import Stage
from csumlab.stages import linux, nic, xen
from csumlab.topology.features import is_on
from csumlab.topology.load import parse_topology
from csumlab.topology.presets import PRESETS

pytestmark = pytest.mark.long

NAME = "xen-4.17-linux-6.1"
RING = (xen.NETFRONT_TRANSMIT, xen.NETBACK_RECEIVE, xen.NETBACK_TRANSMIT, xen.NETFRONT_RECEIVE)
SEGMENTED = "Linux cuts a super-frame whose sum is not owed before it comes to the ring"
UNREACHED = {
    "netback-receive": {
        1: "netfront has no vlan_features: the sum of a tagged frame is filled before",
        4: "netfront sums only TCP and UDP",
        5: SEGMENTED,
    },
    "netfront-receive": {1: "netback has no vlan_features", 4: "netback sums only TCP and UDP", 5: SEGMENTED},
}
"""Rows that no guest with Linux's own driver can reach, or no packet of the recording does."""
BLANK_FIRST = "the other end asks for csum_blank first, as Linux does"
UNSEEN = {
    "netfront-transmit 1 becomes 2": BLANK_FIRST,
    "netback-transmit 1 becomes 2": BLANK_FIRST,
}
"""Changes of rows that make no difference, with the reason."""


@cache
def recording() -> Recording:
    return load(GOLDEN / f"{NAME}.json")


@cache
def confirming() -> Confirming:
    return Confirming(recording())


def test_the_recording_is_whole() -> None:
    """It says what made it, and holds every scene: guests to each other, to dom0, outside, through translation, with keys and settings."""
    made = recording()
    assert made.command == "python -m tests.oracles_vm.record xen"
    assert set(made.versions) == {"hypervisor", "kernel", "emulator"}
    assert sum(len(step.packets) for step in made.steps) > 500
    assert sum(len(one.views) for step in made.steps for one in step.packets) > 1500
    for word in ("bridge", "xenstore", "netfront: tx off", "vif: tx off", "card: tx off", "translation", "nf_conntrack_checksum = 0"):
        assert any(word in step.name for step in made.steps), word


def test_every_port_shows_what_the_model_says() -> None:
    """Bytes, virtio flags, csum_start, who receives it and which error counters move are those of the tables; what differs is known."""
    unknown, idle = sorted_out(NAME, differences(recording()))
    assert unknown == []
    assert idle == [], "these differences are known and are not there any more"


def test_the_drivers_offer_what_the_preset_says() -> None:
    """Features of vif and netfront as ethtool showed them: on, off, fixed, and taken away by a xenstore key of the other end."""
    names = {
        "tx-checksum-ip-generic": "tx-checksum-ip-generic",
        "tx-checksum-ipv4": "tx-checksum-ipv4",
        "tx-checksum-ipv6": "tx-checksum-ipv6",
    }
    names["rx-checksum"] = "rx-checksumming"
    topology = parse_topology(recording().steps[0].host)
    preset = PRESETS["linux-6.1"]
    compared = 0
    for port in topology.ports:
        shown = recording().facts["features"].get(str(port))
        device = topology.device(port)
        if shown is None or device.kind.value not in ("vif", "netfront"):
            continue
        peer = topology.device(device.peer) if device.peer else None
        for name, word in names.items():
            assert shown[word].startswith("on") is is_on(topology.domains[port.domain], device, peer, name), (str(port), name, shown[word])
            if "[fixed]" in shown[word] and shown[word].startswith("on"):
                assert name in preset.fixed[device.kind], (str(port), name)
            compared += 1
    assert compared == 24


def test_the_keys_on_the_ring_are_those_that_were_set() -> None:
    """feature-no-csum-offload is written by the test only: Linux's netfront leaves it out; each end says that it takes IPv6."""
    keys = {path.removeprefix("/local/domain/"): lines for path, lines in recording().facts["xenstore"].items()}
    assert 'feature-no-csum-offload = "1"' in keys["1/device/vif/1"]
    assert not any("no-csum" in line for line in keys["1/device/vif/0"])
    assert 'feature-ipv6-csum-offload = "1"' in keys["1/device/vif/0"]
    assert 'feature-ipv6-csum-offload = "1"' in keys["0/backend/vif/1/0"]
    assert 'feature-ipv6-csum-offload = "0"' in keys["0/backend/vif/1/2"]


@pytest.mark.parametrize("stage", RING, ids=lambda stage: stage.name)
def test_a_changed_row_of_the_ring_does_not_agree_with_xen(stage: Stage) -> None:
    """The recording confirms the rows of netfront and netback: each one changed makes the comparison fail, or is listed with the reason."""
    for (name, number), confirmation in confirming().rows([stage]).items():
        assert bool(confirmation.observations) is (number not in UNREACHED.get(name, {})), f"{name} {number}"
        assert set(confirmation.unnoticed) == {text for text in UNSEEN if text.startswith(f"{name} {number} ")}


def test_the_comparison_sees_every_kind_of_difference() -> None:
    """A byte, a flag, csum_start, a port that is missing, an arrival, an error counter: each changed in the recording is a difference."""
    step = next(step for step in recording().steps if step.name.startswith("vif: tx off"))
    assert not disagrees(step)
    one = next(one for one in step.packets if one.what.startswith("tcp, owed") and one.delivered)
    port, view = next((port, view) for port, view in one.views.items() if (view.state or "").startswith("partial"))
    changes = (
        {"views": {**one.views, port: View(view.data[:-1] + bytes([view.data[-1] ^ 1]), view.state)}},
        {"views": {**one.views, port: View(view.data, "")}},
        {"views": {**one.views, port: View(view.data, "partial 24 16")}},
        {"views": {name: seen for name, seen in one.views.items() if name != port}},
        {"delivered": False},
    )
    for change in changes:
        other = dataclasses.replace(one, **change)
        assert disagrees(dataclasses.replace(step, packets=tuple(other if each is one else each for each in step.packets))), change
    assert disagrees(dataclasses.replace(step, counters={"domU": {"Tcp": 1}}))


def test_rows_of_the_kernel_around_the_ring_are_passed_too() -> None:
    """The same recording goes by dom0's bridge, card, translation and receive tables."""
    stages = (linux.SENDER, linux.EGRESS, linux.BRIDGE, linux.CONNTRACK, linux.NAT, linux.FORWARD, linux.RECEIVE, linux.GRO)
    for stage in (*stages, nic.NIC_TRANSMIT, nic.NIC_RECEIVE):
        assert any(confirming().observations(row) for row in stage.table), stage.name
