"""The shipped scenarios as real bytes: on the wire stands what the documents of each bug say, and an expectation that is not met fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from taps import CAPTURES, SCENARIOS, replay_of, sampled, topology_of, views, walked, write_frames

import csumlab
from csumlab.dissection import Dissection, dissect_packet
from csumlab.headers import Kind, Verdict
from csumlab.inet import residue
from csumlab.scenario import ScenarioError, expectation, run_scenario
from csumlab.trace import Fate


def _at(name: str, port: str) -> dict[int, Dissection]:
    """What a capture at ``port`` shows, by the number of the packet."""
    return {n: dissect_packet(frame, 1, tables=topology_of(name).tables) for n, frame in views(walked(name))[port].frames.items()}


def _sums(found: Dissection, *kinds: Kind) -> list[tuple[Verdict, int | None]]:
    return [(one.verdict, one.residue) for one in found.sums if one.kind in kinds]


def test_a_router_guest_of_xen_3_0_0_lets_pseudo_header_sums_out() -> None:
    """What dom0 sent arrives outside with the pseudo-header's sum only, and is rejected; the answers arrive right and are taken."""
    outside = _at("xen-3.0.0-domu-router", "outside:eth0")
    assert len(outside) == 12
    for found in outside.values():
        assert [verdict for verdict, _ in _sums(found, Kind.TCP, Kind.UDP)] == [Verdict.PARTIAL]
    for one in walked("xen-3.0.0-domu-router"):
        assert one.trace.fate is (Fate.REJECTED if one.number in outside else Fate.ACCEPTED)


def test_port_translation_of_xen_3_0_0_is_off_by_the_port() -> None:
    """Xen bug 447: every packet leaves with a residue of exactly the new port less the old one."""
    outside = _at("xen-3.0.0-napt", "outside:eth0")
    assert len(outside) == 12
    for one in walked("xen-3.0.0-napt"):
        if one.number in outside:
            old = int.from_bytes(one.captured[34:36], "big")
            assert _sums(outside[one.number], Kind.TCP, Kind.UDP) == [(Verdict.BAD, (40000 - old) % 0xFFFF)]


def test_masquerading_vxlan_is_off_by_twice_the_change_of_address() -> None:
    """Where the inner sum was owed the outer one is wrong by twice the change, seen on Linux 6.18 too; all others are right."""
    change = residue(bytes([192, 0, 2, 7])) - residue(bytes([10, 9, 0, 2]))
    peer = _at("vxlan-masquerade", "peer:eth0")
    for number, found in peer.items():
        pinged = any(one.kind is Kind.ICMP for one in found.sums)
        assert pinged is (number % 2 == 0)
        assert _sums(found, Kind.UDP) == [(Verdict.GOOD, 0) if pinged else (Verdict.BAD, 2 * change % 0xFFFF)]
        assert _sums(found, Kind.ICMP, Kind.TCP) == [(Verdict.GOOD, 0)]
    assert len(peer) == 10


def test_a_vpn_guest_of_xen_3_0_0_seals_pseudo_header_sums() -> None:
    """What comes out of the tunnel in the office still holds the pseudo-header's sum only, and is rejected there."""
    office = _at("xen-3.0.0-vpn-domu", "office:tun0")
    sent = {n: found for n, found in office.items() if any(one.kind is Kind.TCP and one.verdict is Verdict.PARTIAL for one in found.sums)}
    assert [one.number for one in walked("xen-3.0.0-vpn-domu") if one.trace.fate is Fate.REJECTED] == sorted(sent)
    assert len(sent) == 5


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("xen-3.0.0-forwarded-damage", Fate.ACCEPTED),
        ("xen-3.0.2-forwarded-damage", Fate.REJECTED),
        ("linux-6.1-forwarded-damage", Fate.REJECTED),
    ],
)
def test_damage_that_a_guest_passes_on(name: str, fate: Fate) -> None:
    """The frame reaches the second guest with the wrong sum that it came with; Xen 3.0.0 takes it, Xen 3.0.2 and Linux 6.1 do not."""
    there = _at(name, "domV:eth0")
    wrong = [n for n, found in there.items() if _sums(found, Kind.TCP)[0][0] is Verdict.BAD]
    assert wrong == [3, 5]
    assert [one.number for one in walked(name) if one.trace.fate is fate and one.number in wrong] == wrong


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in SCENARIOS if not expectation(CAPTURES / name).status])
def test_clean_scenarios_end_well(name: str) -> None:
    """Where nothing is found, every packet is accepted by whom it is for, or waits there for the rest of its datagram."""
    assert {one.trace.fate for one in walked(name)} <= {Fate.ACCEPTED, Fate.WAITING}


@pytest.mark.parametrize(("name", "port"), [("card-one-sum", "beta:eth0"), ("vxlan-csum-superframe", "alpha:eth0")])
def test_a_segment_is_read_as_one_of_a_super_frame(name: str, port: str, tmp_path: Path) -> None:
    """Behind who cut it no sender's whole packets explain its sums; a super-frame does, and the finding is the scenario's own."""
    write_frames(tmp_path / "tap.pcapng", list(views(sampled(name))[port].frames.values()))
    there = csumlab.replay(tmp_path / "tap.pcapng", topology_of(name), at=port)
    assert {(f.code, f.hop, f.because, f.sum, f.condition) for f in there.findings} == {
        (f.code, f.hop, f.because, f.sum, "") for f in replay_of(name).findings
    }
    assert all(line.endswith("in a super-frame") for line in there.start)


def test_what_was_merged_is_so_behind_the_tap(tmp_path: Path) -> None:
    """That a packet is several datagrams is in none of its bytes: the walk keeps it."""
    for port, view in views(sampled("vxlan-merged-datagrams")).items():
        write_frames(tmp_path / "tap.pcapng", list(view.frames.values()))
        there = csumlab.replay(tmp_path / "tap.pcapng", topology_of("vxlan-merged-datagrams"), at=port)
        assert [finding.code for finding in there.findings] == ["CSL501"], port


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (_replaced('code = "CSL301"', 'code = "CSL201"'), "expected CSL201 at dom0:vif1.0 in, not found"),
        (_replaced('code = "CSL301"', 'code = "CSL201"'), "not expected: CSL301"),
        (_replaced('hop = "dom0:vif1.0 in"', 'hop = "dom0:vif2.0 out"'), "expected CSL301 at dom0:vif2.0 out, not found"),
        (_replaced("packets = 2", "packets = 3"), "expected 3 packets, found 2"),
        (_replaced('sum = "TCP"', 'sum = "UDP"'), "expected CSL301 at dom0:vif1.0 in, not found"),
        (_replaced("packets = 2", "packets = 2\ncondition = true"), "expected a condition, found none"),
        (_replaced("cure = ", 'cure = "reboot" # '), "expected the cure 'reboot'"),
        (_replaced("cure = ", 'cure = "" # '), "expected the cure 'none'"),
        (_replaced("status = 1", "status = 0"), "expected status 0, found 1"),
        (_replaced('"TCP bad" = 2', '"TCP bad" = 1'), "expected 1 times TCP bad, found 2"),
        (_replaced(', "TCP bad" = 2', ""), "expected 0 times TCP bad, found 2"),
        (_replaced('at = "domV:eth0 in"', 'at = "domV:eth0 out"'), "no packet passes domV:eth0 out"),
        (lambda text: text[: text.index("[[finding]]")], "not expected: CSL311"),
    ],
)
def test_every_part_of_an_expectation_counts(change: Callable[[str], str], difference: str, tmp_path: Path) -> None:
    """Whatever is expected otherwise than it is makes the scenario fail, and the difference says what."""
    folder = tmp_path / "scenario"
    shutil.copytree(CAPTURES / "xen-3.0.0-forwarded-damage", folder)
    text = (folder / "expected.toml").read_text()
    (folder / "expected.toml").write_text(change(text))
    result = run_scenario(folder)
    assert not result.passed
    assert any(difference in found for found in result.differences), result.differences
    assert "NOT as expected" in str(result)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_replaced("CSL301", "CSL999"), "CSL999 is no finding"),
        (_replaced("packets = 2", "packet = 2"), "packet"),
        (_replaced("story = ", "story = [ "), r"expected\.toml"),
    ],
)
def test_an_expectation_that_cannot_be_read_says_why(change: Callable[[str], str], says: str, tmp_path: Path) -> None:
    """A mistake in expected.toml is the writer's, and is named."""
    folder = tmp_path / "scenario"
    shutil.copytree(CAPTURES / "xen-3.0.0-forwarded-damage", folder)
    (folder / "expected.toml").write_text(change((folder / "expected.toml").read_text()))
    with pytest.raises(ScenarioError, match=says):
        run_scenario(folder)


@pytest.mark.parametrize("name", ["traffic.pcapng", "topology.toml"])
def test_a_missing_part_is_named(name: str, tmp_path: Path) -> None:
    """A folder that lacks a part is no scenario."""
    folder = tmp_path / "scenario"
    shutil.copytree(CAPTURES / "xen-3.0.0-forwarded-damage", folder)
    (folder / name).unlink()
    with pytest.raises(ScenarioError, match=f"there is no {name}"):
        run_scenario(folder)


def test_what_is_invalid_leaves_untranslated() -> None:
    """Seen on Linux 6.18: damaged TCP, UDP and ICMP leave the router with the private address and the sum they came with."""
    outside = views(walked("linux-6.1-invalid-leak"))["outside:eth0"].frames
    inside = [n for n, frame in outside.items() if frame[26:30] == bytes([10, 9, 0, 2])]
    assert inside == [4, 5, 6]
    for one in walked("linux-6.1-invalid-leak"):
        came, left = (dissect_packet(frame, 1).sums[-1].residue for frame in (one.captured, outside[one.number]))
        assert (came == left != 0) if one.number in inside else (left == 0)


@pytest.mark.parametrize("assume", ["must-compute", "verified", "unchecked"])
@pytest.mark.parametrize("name", ["linux-6.1-bridge", "xen-3.0.0-napt", "vxlan-masquerade"])
def test_a_cure_holds_under_what_is_assumed(name: str, assume: str) -> None:
    """Where the state at the tap is stated, a cure that is offered helps with that state there: the finding is gone when tried."""
    folder = CAPTURES / name
    result = csumlab.replay(folder / "traffic.pcapng", folder / "topology.toml", assume=assume)
    for finding in result.findings:
        if finding.cure is not None:
            cured = {
                (one.code, one.hop) for one in csumlab.replay(folder / "traffic.pcapng", finding.cure.topology, assume=assume).findings
            }
            assert (finding.code, finding.hop) not in cured, finding
