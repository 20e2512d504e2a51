"""What a notebook shows: pages and text of every result, typed frames of hops, plots. ``make notebooks`` executes notebooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from IPython.lib.pretty import pretty

import csumlab
from csumlab import plots
from csumlab.stages import linux
from csumlab.topology.load import parse_topology

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
SCENARIO = CAPTURES / "xen-3.0.0-domu-router"


@pytest.fixture(scope="module")
def replayed() -> csumlab.ReplayResult:
    return csumlab.replay(SCENARIO / "traffic.pcapng", SCENARIO / "topology.toml")


def test_every_result_has_a_page_and_a_text(replayed: csumlab.ReplayResult) -> None:
    """Each value has HTML without open markup, and pretty text that is its str(), not its fields."""
    two = CAPTURES / "two-points-gateway"
    values: list[Any] = [
        csumlab.check(SCENARIO / "traffic.pcapng"),
        replayed,
        replayed.findings[0],
        replayed.explain(1),
        replayed.settings.topology,
        csumlab.run_scenario(SCENARIO),
        csumlab.compare(two / "before.pcapng", two / "after.pcapng"),
        linux.EGRESS,
    ]
    for value in values:
        page = value._repr_html_()
        for tag in ("table", "svg", "p", "details"):
            assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), (type(value), tag)
        assert pretty(value) == str(value)  # type: ignore[no-untyped-call]
        assert repr(value) == f"<{type(value).__name__}: {str(value).splitlines()[0]}>"


def test_nothing_of_a_topology_is_markup() -> None:
    """A name that looks like a script is shown, not run."""
    text = (SCENARIO / "topology.toml").read_text(encoding="utf-8")
    for old, new in ((".xenbr0]", '."<script>"]'), ('"xenbr0"', '"<script>"')):
        text = text.replace(old, new)
    page = parse_topology(text)._repr_html_()
    assert "<script" not in page
    assert "&lt;script" in page


def test_hops_are_typed_and_join(replayed: csumlab.ReplayResult) -> None:
    """One row per class, hop and checksum; classes carry their packets, and the frame of one packet is that of its class."""
    hops = replayed.hops()
    assert hops.drop_duplicates("class")["packets"].sum() == replayed.walked
    assert {str(hops.dtypes[name]) for name in ("class", "hop", "field", "packets")} == {"Int64"}
    assert {str(hops.dtypes[name]) for name in ("domain", "port", "stage", "sum", "sign", "claim")} == {"category"}
    lost = hops[(hops["sign"] == "unfinished, and nobody knows") & (hops["sum"] == "TCP")]
    assert (lost.iloc[0]["port"], lost.iloc[0]["way"], lost.iloc[0]["stage"]) == ("vif1.0", "out", "xenlinux-netback-transmit")
    first = hops[hops["class"] == 0]
    alone = replayed.explain(int(first["example"].iloc[0])).frame()
    columns = ["hop", "sum", "field", "sign", "carried"]
    assert alone[columns].astype(str).to_numpy().tolist() == first[columns].astype(str).to_numpy().tolist()


def test_plots(replayed: csumlab.ReplayResult) -> None:
    """Lanes, bars and cells hold what the result says."""
    checked = csumlab.check(CAPTURES / "linux-6.1-wrong-from-outside" / "traffic.pcapng")
    lanes = plots.over_time(checked).axes
    assert sum(int(re.findall(r"(\d+) packets", axis.get_title("left"))[0]) for axis in lanes) == checked.packets
    (bars,) = plots.residues(checked).axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["TCP 0x0800"]
    assert bars.get_xlim()[1] > 3
    assert len(bars.patches) == 1
    titles = [axis.get_title("left") for axis in plots.over_time(replayed).axes]
    assert [title[:6] for title in titles] == ["CSL101", "CSL311"]
    (cells,) = plots.heat_map(replayed).axes
    letters = {text.get_text() for text in cells.texts}
    assert letters == {"P", "L", "G"}
    assert [tick.get_text() for tick in cells.get_xticklabels()][:3] == ["dom0:veth0", "dom0:vif0.0", "dom0:xenbr0"]


def test_standard_input_is_not_read_twice() -> None:
    """A result of standard input says so instead of waiting for more."""
    checked = csumlab.CheckResult(tuple(csumlab.check(SCENARIO / "traffic.pcapng").results))
    object.__setattr__(checked.results[0], "file", "-")
    with pytest.raises(ValueError, match="cannot be read twice"):
        plots.over_time(checked)
