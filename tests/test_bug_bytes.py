"""What the scenarios of documented bugs put on the wire, as bytes: the errors are those that the documents tell, to the bit."""

from __future__ import annotations

import pytest
from taps import topology_of, views, walked

from csumlab.dissection import Dissection, dissect_packet
from csumlab.headers import Kind, Verdict
from csumlab.inet import residue
from csumlab.trace import Fate


def _frames(name: str, port: str) -> dict[int, bytes]:
    return views(walked(name))[port].frames


def _at(name: str, port: str) -> dict[int, Dissection]:
    return {n: dissect_packet(frame, 1, tables=topology_of(name).tables) for n, frame in _frames(name, port).items()}


def _fates(name: str) -> list[Fate]:
    return [one.trace.fate for one in walked(name)]


def _verdicts(found: Dissection, *kinds: Kind) -> list[Verdict]:
    return [one.verdict for one in found.sums if one.kind in kinds]


def test_a_tag_in_the_fill_is_taken_off_the_sum() -> None:
    """The card added the tag's four bytes, which start at an odd place: the field is too small by just that. Zeros add nothing."""
    for number, found in _at("trailer-filled", "outside:eth0").items():
        (tcp,) = (one for one in found.sums if one.kind is Kind.TCP)
        tagged = number % 2 == 1
        assert tcp.residue == (-residue(bytes([0, 0x80, 1, 0, 2])) % 0xFFFF if tagged else 0)
        assert walked("trailer-filled")[number - 1].trace.fate is (Fate.REJECTED if tagged else Fate.ACCEPTED)


def test_a_sum_of_zero_is_written_as_ones() -> None:
    """The kernel's fill leaves 0xFFFF in the field over IPv4 and IPv6, where the field of an unfinished packet held something else."""
    before, after = _frames("udp-sum-zero", "host:veth1"), _frames("udp-sum-zero", "outside:eth0")
    for number, frame in after.items():
        place = next(one.at for one in dissect_packet(frame, 1).sums if one.kind is Kind.UDP)
        assert frame[place : place + 2] == b"\xff\xff"
        assert before[number][place : place + 2] not in (b"\xff\xff", b"\0\0")
    assert len(after) == 8


@pytest.mark.parametrize(("name", "there"), [("dhcp-offer-veth", "guest:eth0"), ("dhcp-offer-virtio", "guest:eth0")])
def test_offers_are_refused_only_on_the_same_machine(name: str, there: str) -> None:
    """What is owed is the difference between the two clients: one reads the pseudo-header's sum, one what a card has filled."""
    near, far = _at(name, there), _at(name, "other:eth0")
    assert {tuple(_verdicts(found, Kind.UDP)) for found in near.values()} == {(Verdict.PARTIAL,)}
    assert {tuple(_verdicts(found, Kind.UDP)) for found in far.values()} == {(Verdict.GOOD,)}
    for one in walked(name):
        assert one.trace.fate is (Fate.REJECTED if one.number in near else Fate.ACCEPTED)
    assert len(near) == len(far) == 4


def test_a_masqueraded_zero_stays_zero() -> None:
    """The outer address is another one, the outer UDP field still says that there is no sum, and the inner sums are right."""
    outside = _frames("vxlan-masquerade-noudpcsum", "peer:eth0")
    for frame in outside.values():
        assert frame[26:30] == bytes([192, 0, 2, 7])
        assert frame[40:42] == b"\0\0"
    assert {
        verdict for found in _at("vxlan-masquerade-noudpcsum", "peer:vxlan0").values() for verdict in _verdicts(found, Kind.TCP, Kind.ICMP)
    } == {Verdict.GOOD}
    assert len(outside) == 10


def test_redirected_frames_leave_as_the_container_made_them() -> None:
    """Byte for byte what the container left to be filled is what stands outside, and it is refused there."""
    made, outside = _frames("xdp-redirect-veth", "pod:eth0"), _frames("xdp-redirect-veth", "outside:eth0")
    assert {n: frame[14:] for n, frame in made.items()} == {n: frame[14:] for n, frame in outside.items()}
    assert _fates("xdp-redirect-veth") == [Fate.REJECTED] * 6


def test_damage_before_a_gateway_ends_at_whom_it_is_for() -> None:
    """One damaged segment is refused by the far gateway itself, one by the host behind it; the others arrive."""
    ends = {one.number: (one.trace.fate, one.trace.hops[-1].domain) for one in walked("tunnel-gateways-damage")}
    assert {n: end for n, end in ends.items() if end[0] is not Fate.ACCEPTED} == {3: (Fate.REJECTED, "far"), 4: (Fate.REJECTED, "east")}


def test_damage_is_not_sent_on_by_a_forwarded_port() -> None:
    """The pod sees the four good requests only, with its own address and port."""
    there = _frames("linux-6.1-dnat-damage", "pod:eth0")
    assert sorted(there) == [1, 3, 4, 6]
    assert {(frame[30:34], frame[36:38]) for frame in there.values()} == {(bytes([10, 9, 0, 2]), b"\0\x50")}
    assert [n for n, fate in enumerate(_fates("linux-6.1-dnat-damage"), 1) if fate is Fate.REJECTED] == [2, 5]


def test_an_unfinished_sum_without_a_header_is_refused_by_the_pod() -> None:
    """The same bytes come to the pod in both set-ups; what the tap's header said makes the difference."""
    with_header, without = _frames("tap-with-header", "pod:eth0"), _frames("tap-without-header", "pod:eth0")
    assert with_header == without
    assert (_fates("tap-with-header"), _fates("tap-without-header")) == ([Fate.ACCEPTED] * 6, [Fate.REJECTED] * 6)
