"""Windows' own TCP/IP stack, as far as documents carry, as tables. Its drivers stand in ``windows_drivers.py``.

Beside a NET_BUFFER_LIST stands NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO (``NetBuffer``). The stack leaves to a driver what that offers to
sum, the IPv4 header too, whose field is zero until then: that is what a capture inside Windows shows. ``tx-checksum-ipv4`` stands for
*TCPChecksumOffloadIPv4, *UDPChecksumOffloadIPv4 and *IPChecksumOffloadIPv4 together, ``tx-checksum-ipv6`` for both of IPv6,
``rx-checksum`` for all of them on receive. Of what comes in a driver may say that a sum is right, that it is wrong, or nothing.
"""

from __future__ import annotations

from typing import Final

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    FRAGMENT,
    carries,
    feature,
    knob,
    outer_version,
    right,
    wrong,
)
from csumlab.headers import Kind
from csumlab.operations import (
    ACCEPT,
    DROP,
    KEEP,
    REJECT,
    Selector,
    compute,
    fill,
    segment,
    write_pseudo,
    write_zero,
)
from csumlab.stage import (
    ANY,
    SAME,
    Part,
    Row,
    Stage,
    Token,
    fresh,
    when,
)
from csumlab.stages.linux import TSO4, TSO6, USO, WITH_CHECKSUM
from csumlab.state import NetBuffer

HEEDS_FAILED: Final = "heeds-failed"
"""The knob that says that the stack drops a datagram without a sum of which its driver says that the sum is wrong."""

TRANSPORT, AIMED, OUTER_IP = Selector.TRANSPORT, Selector.AIMED, Selector.OUTER_IP
NOTHING = fresh(NetBuffer)
_V4, _V6 = feature("tx-checksum-ipv4"), feature("tx-checksum-ipv6")
_IP_LEFT = fresh(NetBuffer, needs_ip=True)
_TASKS = "Microsoft, Offloading Checksum Tasks"
_INFO = "Microsoft, NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO: if Failed and Succeeded are clear, the stack validates in software"
_HEEDED = "https://github.com/virtio-win/kvm-guest-drivers-windows/pull/1641: what is flagged as failed is dropped by the protocol stack"

SENDER = Stage(
    name="windows-sender",
    part=Part.SENDER,
    title="socket",
    source=_TASKS,
    table=(
        Row(ANY, (FRAGMENT, outer_version(4), _V4), write_zero(OUTER_IP), _IP_LEFT, "a fragmented datagram is summed over all fragments; the IPv4 header's sum is left to the driver, and its field is zero", sure="derived"),
        Row(ANY, (FRAGMENT,), KEEP, NOTHING, "a fragmented datagram is summed over all fragments", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT, outer_version(4), _V4), write_zero(OUTER_IP), _IP_LEFT, "the program asked for no UDP sum; the IPv4 header's is left to the driver", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, NOTHING, "the program asked for no UDP sum", sure="derived"),
        Row(ANY, (carries(Kind.TCP, Kind.UDP), outer_version(4), _V4), (*write_pseudo(TRANSPORT), *write_zero(OUTER_IP)), fresh(NetBuffer, needs=True, needs_ip=True, start=Token.AT_TRANSPORT), "the sum is left to the driver, with the pseudo-header's in the field; so is the IPv4 header's, with zero in the field"),
        Row(ANY, (carries(Kind.TCP, Kind.UDP), outer_version(6), _V6), write_pseudo(TRANSPORT), fresh(NetBuffer, needs=True, start=Token.AT_TRANSPORT), "the sum is left to the driver, with the pseudo-header's in the field"),
        Row(ANY, (outer_version(4), _V4), (*compute(TRANSPORT), *write_zero(OUTER_IP)), _IP_LEFT, "the stack sums what is neither TCP nor UDP; the IPv4 header's sum is left to the driver, and its field is zero"),
        Row(ANY, (), compute(TRANSPORT), NOTHING, "the driver offers no help with this: the stack sums all"),
    ),
)  # fmt: skip

EGRESS = Stage(
    name="windows-egress",
    title="to the driver",
    source=_TASKS,
    table=(
        Row(when(NetBuffer), (), KEEP, SAME, "a driver is asked for no more than it offers: nothing is filled on the way to it"),
    ),
)  # fmt: skip

_LARGE = "Microsoft, Offloading the Segmentation of Large TCP Packets"
SEGMENTATION = Stage(
    name="windows-segmentation",
    title="segmentation",
    source=_LARGE,
    table=(
        Row(when(NetBuffer, needs=True), (carries(Kind.TCP), outer_version(4), feature(TSO4)), KEEP, SAME, "a large send (*LsoV2IPv4): the driver cuts it, or has it cut"),
        Row(when(NetBuffer, needs=True), (carries(Kind.TCP), outer_version(6), feature(TSO6)), KEEP, SAME, "a large send (*LsoV2IPv6): the driver cuts it, or has it cut"),
        Row(when(NetBuffer, needs=True), (carries(Kind.UDP), feature(USO)), KEEP, SAME, "a large send of datagrams (*UsoIPv4, *UsoIPv6): the driver cuts it, or has it cut", source="Microsoft, UDP Segmentation Offload (USO)", sure="derived"),
        Row(when(NetBuffer, needs=True), (), segment(AIMED), SAME, "the driver takes no large sends: the stack makes segments, with the pseudo-header's sum in each", sure="derived"),
        Row(when(NetBuffer), (carries(Kind.TCP),), (*write_pseudo(TRANSPORT), *segment(TRANSPORT), *fill(TRANSPORT)), SAME, "the driver takes no large sends: the stack makes segments, with right sums", sure="derived"),
        Row(ANY, (), KEEP, SAME, "only TCP, and UDP whose sum is left to the driver, are cut"),
    ),
)  # fmt: skip

COALESCING = Stage(
    name="windows-coalescing",
    title="receive aggregation",
    source="Microsoft, Indicating Coalesced Segments",
    table=(
        Row(when(NetBuffer), (), KEEP, SAME, "segments are put together by the driver or its device, if at all"),
    ),
)  # fmt: skip

INPUT = Stage(
    name="windows-input",
    part=Part.INPUT,
    title="IP input",
    source=_INFO,
    table=(
        Row(when(NetBuffer, failed_ip=True), (wrong(OUTER_IP),), DROP, SAME, "the driver found the IPv4 header's sum wrong: dropped", source=_HEEDED, sure="derived"),
        Row(when(NetBuffer, valid_ip=True), (), KEEP, SAME, "the driver says that the IPv4 header's sum was found right, if it is one: believed"),
        Row(ANY, (wrong(OUTER_IP),), DROP, SAME, "the driver says nothing of the IPv4 header: the stack checks its sum, which is wrong"),
        Row(ANY, (), KEEP, SAME, "the driver says nothing of the IPv4 header: the stack checks its sum, which is right (IPv6 has none)"),
    ),
)  # fmt: skip

RECEIVE = Stage(
    name="windows-receive",
    title="transport input",
    source=_INFO,
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment waits for the rest of its datagram", sure="derived"),
        Row(ANY, (~carries(*WITH_CHECKSUM),), ACCEPT, SAME, "the stack verifies no checksum of this header: who takes it by a raw socket has to", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT, outer_version(6)), REJECT, SAME, "a zero UDP sum is not allowed over IPv6", source="RFC 8200 section 8.1", sure="uncertain"),
        Row(when(NetBuffer, failed=True), (ABSENT_TRANSPORT, ~knob(HEEDS_FAILED)), ACCEPT, SAME, "there is no UDP sum: that the driver calls it wrong is not heeded", source="no document", sure="uncertain"),
        Row(when(NetBuffer, failed=True), (ABSENT_TRANSPORT,), REJECT, SAME, "there is no UDP sum, and the driver calls it wrong: dropped", source="no document", sure="uncertain"),
        Row(when(NetBuffer, failed=True), (wrong(TRANSPORT),), REJECT, SAME, "the driver found the sum wrong: dropped", source=_HEEDED),
        Row(when(NetBuffer, failed=True), (), REJECT, SAME, "the driver calls a right sum wrong: dropped without another look", source=_HEEDED),
        Row(when(NetBuffer, valid=True), (), ACCEPT, SAME, "the driver says that the sum was found right: believed"),
        Row(ANY, (ABSENT_TRANSPORT,), ACCEPT, SAME, "there is no UDP checksum to check", sure="derived"),
        Row(ANY, (right(TRANSPORT),), ACCEPT, SAME, "the driver says nothing: the stack verifies the sum, which is right"),
        Row(ANY, (), REJECT, SAME, "the driver says nothing: the stack verifies the sum, which is wrong"),
    ),
)  # fmt: skip
