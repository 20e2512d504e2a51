"""What a distribution's kernel did with tunnels, recorded in an emulator (``python -m tests.oracles_vm.record kernel``).

All are held against csumlab's tables: every packet at every device it passes in the clear. Beside that it is asked what must hold of any
tunnel, and where they differ.
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import cache
from pathlib import Path

import pytest
from oracles_vm.known import sorted_out
from oracles_vm.machine import results
from oracles_vm.matrix import untagged
from oracles_vm.packages import needed
from oracles_vm.prediction import differences, step_differences
from oracles_vm.recording import GOLDEN, Recording, Step, load, save
from oracles_vm.running import righted

pytestmark = pytest.mark.long

NAME = "linux-6.1-tunnels"
OLDER = {"4.4": "linux-4.5"}
"""Other kernels that were asked the same, and the presets that stand for them."""
PROGRAM_LIKE = ("esp", "macsec", "l2tp, udp", "l2tp, udp, no sum", "l2tp, ip")
"""ESP and MACsec must know the bytes, L2TP's device offers no sums: an owed sum is filled before, as a VPN program has it filled."""


@cache
def recording() -> Recording:
    return load(GOLDEN / f"{NAME}.json")


def step_of(name: str) -> Step:
    return next(step for step in recording().steps if step.name == name)


def test_the_recording_is_whole() -> None:
    """Every tunnel was made, and every one brought packets through."""
    made = recording()
    assert made.command == "python -m tests.oracles_vm.record kernel --kernel 6.1"
    assert made.facts["refused"] == {}
    names = {step.name for step in made.steps}
    assert {*TWO_SITES, "vxlan, udpcsum", "vxlan, remcsum"} <= names
    for step in made.steps:
        assert any(one.delivered for one in step.packets), step.name


TWO_SITES = (
    "geneve, udpcsum",
    "geneve, noudpcsum",
    "ipip",
    "sit",
    "ip6tnl",
    "fou, csum",
    "gue, nocsum",
    "gue, remcsum",
    "gue, nocsum, remcsum",
    "l2tp, udp",
    "l2tp, udp, no sum",
    "l2tp, ip",
    "gre",
    "gre, csum",
    "gretap, csum",
    "esp",
    "wireguard",
    "vlan",
    "macsec",
)


def test_tunnels_do_what_the_tables_say() -> None:
    """Every packet through every tunnel, good and damaged, owed and finished: bytes, flags, arrivals, counters."""
    unknown, idle = sorted_out(NAME, (d for step in recording().steps for d in step_differences(step)))
    assert unknown == []
    assert idle == [], "these differences are known and are not there any more"


@pytest.mark.parametrize("kernel", OLDER)
def test_older_kernels_do_what_their_tables_say(kernel: str) -> None:
    """The same tunnels, as far as the kernel has them, against the tables of its preset."""
    made = load(GOLDEN / f"linux-{kernel}-tunnels.json")
    assert made.versions["kernel"].startswith(kernel)
    assert all(f'preset = "{OLDER[kernel]}"' in step.host and any(one.delivered for one in step.packets) for step in made.steps)
    assert {"vxlan", "vxlan, udpcsum", "geneve, udpcsum", "gre, csum", "fou, csum"} <= {step.name for step in made.steps}
    assert sorted_out(f"linux-{kernel}-tunnels", differences(made)) == ([], [])


@pytest.mark.parametrize(("kernel", "least"), [("6.1", 250), ("5.4", 40)])
def test_devices_that_sit_on_others_do_what_the_tables_say(kernel: str, least: int) -> None:
    """ipvlan and bonds with unlike ports: ports, bytes, flags, delivery. Until 5.9 an ipvlan offers what the device below does."""
    recording = load(GOLDEN / f"linux-{kernel}-stacked.json")
    assert sum(len(step.packets) for step in recording.steps) > least
    assert sorted_out(f"linux-{kernel}-stacked", differences(recording)) == ([], [])


@pytest.mark.parametrize("name", TWO_SITES)
def test_what_comes_out_is_what_went_in(name: str) -> None:
    """No tunnel repairs a sum: behind it the packet is what it was before it, but for an owed sum that was filled on the way."""
    compared = 0
    for one in step_of(name).packets:
        before, behind = (
            next((view.data for port, view in one.views.items() if port in (f"{place}:lan0 in" for place in places)), None)
            for places in (("near", "far"), ("left", "right"))
        )
        if before is None or behind is None:
            continue
        start = 20 if before[0] >> 4 == 4 else 40
        same = behind[start:] == before[start:]
        owed = any((view.state or "").startswith("partial") for view in one.views.values())
        assert same or (owed and "begun" in one.what) or (owed and "but right" in one.what) or (owed and behind == righted(behind)), (
            one.what
        )
        compared += 1
    assert compared >= 30


@pytest.mark.parametrize("name", TWO_SITES)
def test_damage_is_refused_unless_it_comes_through_wireguard(name: str) -> None:
    """A packet damaged before the tunnel is refused behind it. WireGuard vouches for every sum inside (Linux
    drivers/net/wireguard/receive.c wg_packet_consume_data_done sets CHECKSUM_UNNECESSARY with the highest csum_level), so that damage done
    before is accepted."""
    harmed = [
        one
        for one in step_of(name).packets
        if one.what.split(" from ")[0] in ("tcp, damaged,", "udp, damaged,", "tcp, wrong,", "udp, wrong,")
    ]
    assert len(harmed) >= 8
    for one in harmed:
        assert one.delivered is (name == "wireguard"), one.what
    vouched = {one.views.get("right:lan0 in") for one in harmed} - {None}
    assert {view.state for view in vouched if view} <= ({"valid"} if name == "wireguard" else {""})


@pytest.mark.parametrize("name", [name for name in TWO_SITES if name != "wireguard"])
def test_who_fills_an_owed_sum(name: str) -> None:
    """Between two stacks of one machine a tunnel leaves an owed sum owed, with csum_start moved behind its headers; ESP and MACsec, which
    must know the bytes, have it filled."""
    seen = set()
    for one in step_of(name).packets:
        if one.state and "icmp" not in one.what and "begun" not in one.what and "right" not in one.what:
            view = one.views["right:lan0 in" if one.origin == "left" else "left:lan0 in"]
            seen.add("owed" if (view.state or "").startswith("partial") else "filled" if view.data == righted(view.data) else "lost")
    assert seen == {"filled" if name in PROGRAM_LIKE else "owed"}


def test_a_vlan_tag_is_put_back_where_the_kernel_keeps_it_beside_the_frame() -> None:
    """On the cable every packet of the VLAN device carries its tag, and csum_start counts from where the tag starts."""
    tagged = [view for one in step_of("vlan").packets for port, view in one.views.items() if ":wan0" in port]
    assert len(tagged) > 100
    for view in tagged:
        assert untagged(view.data) != view.data
        if view.state:
            assert int(view.state.split()[1]) in (24, 44)


def test_saving_and_loading_gives_the_same(tmp_path: Path) -> None:
    """A golden file read and written again is the same file."""
    for path in sorted(GOLDEN.glob("*.json")):
        again = tmp_path / path.name
        save(load(path), again)
        assert again.read_text() == path.read_text()


def test_results_survive_a_noisy_console() -> None:
    """Lines of others between those of a result do no harm; a garbled or missing line is an error."""
    text = base64.b64encode(zlib.compress(json.dumps({"a": [1, 2]}).encode())).decode()
    halves = [text[:10], text[10:]]
    lines = [f"@csumlab one {n}/2 {zlib.crc32(part.encode()):08x} {part}" for n, part in enumerate(halves, 1)]
    assert results("\n".join([lines[0], "[   1.0] random: crng init done", lines[1]])) == {"one": {"a": [1, 2]}}
    with pytest.raises(ValueError, match="missing or garbled"):
        results(lines[0])
    with pytest.raises(ValueError, match="missing or garbled"):
        results("\n".join([lines[0], lines[1][:-1] + "!"]))


def test_the_libraries_that_a_program_needs_are_read_from_it() -> None:
    """DT_NEEDED of this interpreter's own libc users is found without running anything."""
    assert any(name.startswith("libc.so") for name in needed(Path("/bin/sh").resolve().read_bytes()))
    assert list(needed(b"#!/bin/sh")) == []
