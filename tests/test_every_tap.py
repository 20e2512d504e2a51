"""At every tap where the packets can be seen the findings are those of the scenario's own, or marked "if", or CSL9xx with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from taps import SCENARIOS, by_packet, replay_of, sampled, topology_of, views, write_frames

from csumlab import collect
from csumlab.collect import Finding
from csumlab.dissection import dissect_packet
from csumlab.headers import Layer
from csumlab.replaying import replay

pytestmark = pytest.mark.long

_BEHIND = ["router:eth0", "outside:eth0"]
UNSURE = {
    # What stood there before the translation was not seen.
    "xen-3.0.0-napt": ["dom0:eth0", "outside:eth0"],
    "openbsd-5.4-pf": ["gate:em1", "server:eth0"],
    "openvswitch-address-ipv6-4.4": ["host:eth1", "server:eth0"],
    # What stood behind the packet when it was filled was not seen.
    "trailer-filled": ["outside:eth0"],
    "card-sums-padding": ["outside:eth0"],
    "card-sums-padding-of-some": ["outside:eth0"],
    # By how much the card, its driver, or a hypervisor gets the sum wrong is not known.
    "card-missums-tunnels": ["beta:eth0"],
    "openvmm-large-send-seed": ["outside:eth0"],
    "card-merged-seed": ["router:lan0", "host:eth0"],
    # A CRC is no sum: of one that was made anew, or that does not follow an edit, nothing tells what it was.
    "sctp-container-4.9": ["outside:eth0"],
    "sctp-gre-5.7": ["gate:eth0", "far:eth0"],
    "sctp-nat-damage": _BEHIND,
    "sctp-nat-damage-4.8": _BEHIND,
    "nft-sctp-port": _BEHIND,
    "nft-sctp-port-5.6": _BEHIND,
    "service-sctp-port": ["node:lxc1", "pod:eth0"],
    # A zero that says that there is no sum may have become the number that stands there.
    "nft-udp-port": _BEHIND,
    # The words that were written over were not seen.
    "tc-pedit": _BEHIND,
    "tc-pedit-csum": _BEHIND,
    # The sum of a fragment is not known from the fragment.
    "linux-3.12-blank-on-a-fragment": ["outside:eth0"],
    "guest-fragments-owed": ["outside:eth0"],
    # Nor what becomes of it: the rest of its datagram is in other packets.
    "fragments-router": ["host:eth0", "outside:eth0"],
    "fragments-bridge-netfilter": ["host:veth2", "two:eth0"],
    "nft-fragments": ["host:eth0", "gateway:eth1", "gateway:eth0", "outside:eth0"],
    "nft-fragments-5.16": ["host:eth0", "gateway:eth1", "gateway:eth0", "outside:eth0"],
    **{f"ufo-{name}": ["host:eth0", "outside:eth0"] for name in ("unflagged", "flagged", "zero", "zero-4.4")},
    # Nor are all fragments of a datagram among the packets that are taken of each class here.
    "card-leaves-fragments": ["router:wan0", "host:eth0"],
    "card-trusts-fragments": ["router:wan0", "host:eth0"],
    "fragments-laundered": ["container:eth0", "host:veth1", "host:eth0", "outside:eth0"],
    "fragments-marked-verified": ["host:eth0", "host:tap0", "guest:eth0"],
    "fragments-through-nat": ["gateway:eth0", "gateway:tap0", "server:eth0"],
    "nat64-errors": ["router:eth0"],
    # Of what has no sum nothing tells who of those behind an address sent it.
    "nft-fragments-unsummed-5.16": ["gateway:eth0", "outside:eth0"],
    # What the ECN bits of a packet were before its tunnel handed a mark on was not seen.
    "ecn-ipv6-sum": ["host:vxlan0"],
    "ecn-ipv6-sum-4.4": ["host:vxlan0"],
    # What a switch makes of a sum that one guest owes to another is documented nowhere.
    "hyper-v-guest-router": ["router:eth0", "host:eth0", "outside:eth0"],
    # By which port of a bond a frame leaves is not known before it does: the scenario's own point says "if", these do not.
    "bond-one-port-unfilled": ["host:eth1", "outside:eth0"],
}
"""Capture points at which findings say "if" or CSL9xx: what is not known there leaves open what happened before, and a program that sent
a wrong sum would look the same."""
SAME = {"CSL401": "CSL411"}
"""Behind the hop that launders it, damage that was there cannot be seen any more, but that it would be laundered can."""

LAUNDERED = {
    "gso-unflagged": ["host:eth0", "outside:eth0"],
    "linux-6.1-super-frame-without-blank": ["dom0:vif1.0", "dom0:eth0", "outside:eth0"],
    "nat64-zero": ["router:eth1", "server:eth0"],
}
"""Capture points behind a laundering, or behind who made a sum where there was none: it is right there, and nothing tells what was."""


DECIDED = {
    "flowtable-published-4.16": ["gate:eth1", "server:eth0"],
    "sip-helper-damage": ["router:eth0", "outside:eth0"],
    "snmp-helper-owed": ["host:eth0", "outside:eth0"],
    "vxlan-flowtable-noudpcsum": ["host:eth0", "peer:eth0", "peer:vxlan0"],
}
"""Capture points behind what only run-time state decides, as a helper of connection tracking or a flowtable: the bytes there are those of
one way, and what is found "if" it was another is not said."""


COPIES = {"dhcp-broadcast-bridge": ["host:veth2", "new:eth0"]}
"""Capture points that only other copies come by of what is sent to everybody: they say nothing of the one that is refused."""


BLAMED = {"ecn-ect1-5.9": ["far:vxlan0"]}
"""Capture points behind who made a sum wrong, where the sender is blamed for it without an "if": docs/limits.md says so."""


HIDDEN = {
    "card-driver-fills-zero": ["far:eth0"],
    "card-udp-zero": ["outside:eth0"],
    "udp-sum-zero-4.4": ["host:eth0", "outside:eth0"],
    "csum-action-sctp-5.0": ["router:eth1", "outside:eth0"],
    "card-inner-only": ["host:vxlan0"],
}
"""Capture points behind what hides the cause: a zero that was written looks like one that says that there is no sum, every CRC is wrong
behind who made it so, and the outer sum is gone behind the end of its tunnel."""


def _told(findings: list[Finding]) -> set[tuple[str, str, str, str, bool]]:
    return {(SAME.get(f.code, f.code), f.hop, f.because, f.sum, bool(f.condition)) for f in findings}


def _contrary(own: list[Finding], there: list[Finding]) -> Iterator[str]:
    """What is said at another tap and not at the scenario's own, or the other way round, without an "if" or a reason."""
    known, said = {entry[:4] for entry in _told(own)}, {entry[:4] for entry in _told(there)}
    unsure = [f for f in there if f.condition or (f.code.startswith("CSL9") and f.because)]
    for finding in there:
        if (SAME.get(finding.code, finding.code), finding.hop, finding.because, finding.sum) not in known and finding not in unsure:
            yield f"only there: {finding}"
    for finding in own:
        if (SAME.get(finding.code, finding.code), finding.hop, finding.because, finding.sum) not in said and not unsure:
            yield f"not there: {finding}"


def _own(name: str) -> dict[int, list[Finding]]:
    return by_packet(replay_of(name), list(range(1, replay_of(name).walked + 1)))


def _compared(name: str, port: str, frames: dict[int, bytes], own: dict[int, list[Finding]], folder: Path) -> tuple[list[str], bool]:
    """What is contrary at a tap, and whether the findings of every packet are the same."""
    numbers = sorted(frames)
    write_frames(folder / "tap.pcapng", [frames[number] for number in numbers])
    there = by_packet(replay(folder / "tap.pcapng", topology_of(name), at=port), numbers)
    contrary = [f"{port}, packet {number}: {text}" for number in numbers for text in _contrary(own[number], there[number])]
    return contrary, all(_told(own[number]) == _told(there[number]) for number in numbers)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_walk_as_bytes_brings_to_the_tap_what_was_captured_there(name: str) -> None:
    """Without this the captures of the other taps would be of other packets."""
    for one in sampled(name):
        if not one.carried:
            assert one.arrived == one.captured[14:], f"packet {one.number}"
            continue
        made, seen = (
            dissect_packet(frame, 1, tables=topology_of(name).tables) for frame in (one.captured[:14] + one.arrived, one.captured)
        )
        inner = [max(h.offset for h in found.headers if h.layer in (Layer.IPV4, Layer.IPV6)) for found in (made, seen)]
        assert one.arrived[inner[0] - 14 :] == one.captured[inner[1] :], f"packet {one.number}"
        assert [s.verdict for s in made.sums] == [s.verdict for s in seen.sums], f"packet {one.number}"


@pytest.fixture
def uncured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cures are not what is asked here, and trying them takes most of the time."""
    monkeypatch.setattr(collect, "cure_for", lambda *_: None)


@pytest.mark.usefixtures("uncured")
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_tap_says_the_same_and_none_the_contrary(name: str, tmp_path: Path) -> None:
    """A finding is a fact about the host, not about where somebody listened. Where it needs an "if" is listed, strictly."""
    taps, own = views(sampled(name)), _own(name)
    assert taps
    apart = [port for known in (LAUNDERED, COPIES, BLAMED, DECIDED, HIDDEN) for port in known.get(name, [])]
    told = {port: _compared(name, port, view.frames, own, tmp_path) for port, view in taps.items() if port not in apart}
    assert [text for contrary, _ in told.values() for text in contrary] == []
    assert [port for port, (_, same) in told.items() if not same] == UNSURE.get(name, [])


@pytest.mark.parametrize("name", [*LAUNDERED, *COPIES])
def test_behind_a_laundering_or_on_another_way_nothing_is_found(name: str, tmp_path: Path) -> None:
    """The first is what is wrong with it."""
    for port in (LAUNDERED | COPIES)[name]:
        frames = views(sampled(name))[port].frames
        write_frames(tmp_path / "tap.pcapng", list(frames.values()))
        assert replay(tmp_path / "tap.pcapng", topology_of(name), at=port).findings == ()


@pytest.mark.usefixtures("uncured")
@pytest.mark.parametrize("name", DECIDED)
def test_where_the_bytes_tell_which_way_was_taken(name: str, tmp_path: Path) -> None:
    """All that is not said there was said with an "if"."""
    for port in DECIDED[name]:
        contrary, _ = _compared(name, port, views(sampled(name))[port].frames, _own(name), tmp_path)
        assert contrary
        assert [text for text in contrary if "not there" not in text or "(if " not in text] == []


@pytest.mark.usefixtures("uncured")
@pytest.mark.parametrize("name", HIDDEN)
def test_where_the_cause_is_hidden(name: str, tmp_path: Path) -> None:
    """What is said there is something else, or this list is too long."""
    for port in HIDDEN[name]:
        assert _compared(name, port, views(sampled(name))[port].frames, _own(name), tmp_path)[0]


@pytest.mark.parametrize("name", BLAMED)
def test_where_the_sender_is_blamed(name: str, tmp_path: Path) -> None:
    """It is found that the sum is wrong, but not who made it so."""
    for port in BLAMED[name]:
        frames = views(sampled(name))[port].frames
        write_frames(tmp_path / "tap.pcapng", list(frames.values()))
        assert {finding.code for finding in replay(tmp_path / "tap.pcapng", topology_of(name), at=port).findings} == {"CSL001"}


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "vpn" in name])
def test_where_packets_are_sealed_nothing_is_said_of_them(name: str, tmp_path: Path) -> None:
    """Outside an opaque tunnel only the tunnel's own packets can be judged, and these are right."""
    taps = views(sampled(name), sealed=True)
    assert len(taps) >= 2
    for port, view in taps.items():
        write_frames(tmp_path / "tap.pcapng", [view.frames[number] for number in sorted(view.frames)])
        result = replay(tmp_path / "tap.pcapng", topology_of(name), at=port)
        assert result.walked == len(view.frames)
        assert result.findings == ()
