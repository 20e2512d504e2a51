"""Cards: what they hand up with a packet, and what becomes of a sum that travels beside it while the packet changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import frames
import hosts
import pytest
import walks

from csumlab.cards import BEHAVIOURS, CARDS, LENGTHS, behaviours
from csumlab.classes import headers_of
from csumlab.conditions import Test
from csumlab.dissection import dissect_packet
from csumlab.interpreting import Translation
from csumlab.operations import Coverage, Follows, Rule
from csumlab.packet import Span, exactly
from csumlab.plain.packet import FramePacket
from csumlab.replaying import replay
from csumlab.stages import nic
from csumlab.topology.features import is_on
from csumlab.topology.load import TopologyError, parse_topology

CAPTURES = Path(__file__).parents[1] / "captures"


def packet(version: int = 4, trailer: bytes = b"") -> FramePacket:
    """A datagram with right sums."""
    ends = ("10.0.0.1", "10.0.0.2") if version == 4 else ("fd00::1", "fd00::2")
    data = walks.packets_between(*ends, version)["udp"] + trailer
    headers = headers_of(dissect_packet(data, 1).facts, walks.hosts_of("linux-6.1")["bridge"])
    return FramePacket(data[14:], headers)


def uid(one: FramePacket) -> int:
    return next(header.uid for header in one.headers if header.consumes)


def test_what_a_packet_sums_to_tells_whether_its_sum_is_right() -> None:
    """The number that comes with the packet is enough; damage after it was made is not seen by it."""
    here = packet().carry(Coverage.FRAME)
    assert here.agrees(uid(here))
    spoiled = dataclasses.replace(here, data=here.data[:-1] + b"?")
    assert spoiled.agrees(uid(here))
    assert not spoiled.right(uid(here))
    assert not dataclasses.replace(spoiled, carried=None).agrees(uid(here))
    assert not spoiled.carry(Coverage.FRAME).agrees(uid(here))


@pytest.mark.parametrize("version", [4, 6])
def test_a_translation_brings_it_up_to_date(version: int) -> None:
    """Addresses and ports change, and the number still tells."""
    here = packet(version).carry(Coverage.FRAME)
    edit = Translation(destination=exactly("10.7.7.7" if version == 4 else "fd00:7::7"), destination_port=Span(0, 99, 99))
    edited = here.translate(edit, Rule.FINAL, Rule.FINAL)
    for follows in Follows:
        # IPv6 addresses are summed with the packet, and the field has made up for them: only who forgets IPv4's fails, and who counts both.
        tells = follows not in ((Follows.NOTHING,) if version == 4 else (Follows.ADDRESSES,))
        assert edited.carried_on(here, edit, Rule.FINAL, follows).agrees(uid(here)) is tells, follows


def test_a_mark_is_followed_or_not() -> None:
    """An IPv6 header has no sum of its own: a new hop limit is in the sum of the packet. Of IPv4 the header's own sum makes up for it."""
    for version in (4, 6):
        here, edit = packet(version).carry(Coverage.FRAME), Translation(ttl=9, dscp=46)
        edited = here.translate(edit, Rule.FINAL, Rule.FINAL)
        for follows in Follows:
            tells = version == 4 or follows is Follows.BYTES
            assert edited.carried_on(here, edit, Rule.FINAL, follows).agrees(uid(here)) is tells


@pytest.mark.parametrize(("coverage", "right"), [(Coverage.FRAME, True), (Coverage.PACKET, False)])
def test_what_is_cut_off_is_taken_off(coverage: Coverage, right: bool) -> None:
    """A number that counted the padding is right without it; one that did not is wrong then. Zeros change neither."""
    for trailer, tells in ((b"\x5a\x17\x01", right), (bytes(5), True)):
        here = packet(trailer=trailer).carry(coverage).trim(Rule.FINAL)
        assert here.right(uid(here))
        assert here.agrees(uid(here)) is tells


def test_the_outer_sum_implies_the_inner_one() -> None:
    """A tunnel end that verified the outer sum knows what the inner packet sums to; one that believed a wrong outer sum believes damage."""
    data = frames.ethernet(frames.ipv4(frames.vxlan(frames.ethernet(frames.ipv4(frames.tcp(b"payload")))))).data
    headers = headers_of(dissect_packet(data, 1).facts, walks.hosts_of("linux-6.1")["bridge"])
    for spoil in (b"d", b"?"):
        inner = FramePacket(data[14:-1] + spoil, headers).convert().pop()
        assert inner.agrees(uid(inner))
        assert inner.right(uid(inner)) is (spoil == b"d")


def test_every_behaviour_is_asked_for() -> None:
    """No behaviour without a row that asks for it, and no card without a source."""
    given = [given for stage in (nic.NIC_TRANSMIT, nic.NIC_RECEIVE, nic.CARD_SEAL) for row in stage.table for given in row.given]
    of_lengths = {name for one in given if one.test is Test.LENGTH for name in one.argument}
    assert of_lengths == set(LENGTHS)
    assert {one.argument for one in given if one.test is Test.KNOB} - {"xdp-runs", nic.UNOFFERED} | of_lengths == set(BEHAVIOURS)
    assert all(card.source and behaviours(card.name) == tuple(word.partition(":")[0] for word in card.behaviours) for card in CARDS)


@pytest.mark.parametrize(
    ("card", "hint"),
    [("mlx6", "did you mean 'mlx5'"), ("rx-complete rx-sums", "unknown card or behaviour 'rx-sums'"), ("zzz", "valid: ast2400")],
)
def test_a_card_that_nobody_knows_is_an_error(card: str, hint: str) -> None:
    """The error names the word and the nearest there is."""
    with pytest.raises(TopologyError) as error:
        parse_topology(hosts.CARD.replace("CARD", card).replace("TRACKS", "false"))
    assert hint in str(error.value)


def test_old_kernels_have_no_cards() -> None:
    """What is not modelled is refused, not ignored."""
    with pytest.raises(TopologyError, match=r"cards of xen-3\.0\.0 are not told apart"):
        parse_topology(hosts.CARD.replace("CARD", "mlx5").replace("conntrack = TRACKS", 'preset = "xen-3.0.0"'))


def test_damage_behind_the_card_is_not_seen_by_its_sum() -> None:
    """The card's sum was made before: damage in the host's memory is accepted, and --exposure says so."""
    folder = CAPTURES / "card-complete-padding"
    topology = parse_topology((folder / "topology.toml").read_text(encoding="utf-8").replace("mlx5", "rx-complete"))
    result = replay(folder / "traffic.pcapng", topology, exposure=True)
    assert {finding.code for finding in result.findings if finding.severity.value == "note"} >= {"CSL311"}


@pytest.mark.parametrize(("rx", "unfitting"), [(True, 3), (False, 0)])
def test_what_the_kernel_summed_itself_it_believes(rx: bool, unfitting: int) -> None:
    """A hop limit that is edited makes a card's sum wrong for who looks at it; connection tracking's own sum is not looked at again."""
    folder = CAPTURES / "openvswitch-marks-ipv6"
    text = (folder / "topology.toml").read_text(encoding="utf-8").replace("openvswitch", "iptables")
    if not rx:
        text = text.replace("[domain.host]", "[domain.host]\nconntrack = true").replace(
            'card = "rx-complete"', "features = { rx = false, gro = false }"
        )
    result = replay(folder / "traffic.pcapng", parse_topology(text))
    assert sum(finding.packets for finding in result.findings if finding.code == "CSL002") == unfitting


@pytest.mark.parametrize(
    ("card", "more", "merges"),
    [
        ("", "", False),
        ("", "features = { rx-lro = true }", True),
        ("rx-merges", "", True),
        ("rx-merges", "features = { rx-lro = false }", False),
        ("rx-merges", 'bridge = "br0"', False),
        ("", 'bridge = "br0"\nfeatures = { rx-lro = true }', False),
    ],
)
@pytest.mark.parametrize("forwards", [False, True])
def test_a_card_merges_only_what_stays_on_its_host(card: str, more: str, merges: bool, forwards: bool) -> None:
    """rx-lro is the card's own unless it is set, and off where frames go on."""
    text = hosts.CARD.replace('card = "CARD"', f'card = "{card}"\n{more}').replace("TRACKS", f"false\nforwarding = {str(forwards).lower()}")
    topology = parse_topology(text + '[domain.host.device.br0]\nkind = "bridge"\n')
    domain = topology.domains["host"]
    assert is_on(domain, domain.devices["eth0"], None, "rx-lro") is (merges and not forwards)
