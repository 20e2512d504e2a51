"""Drivers of Windows (NDIS miniports) for the devices of guests, and what is known of cards, as tables.

netkvm (virtio-win) makes and checks every sum itself that its host leaves open: of an IPv4 header always, of TCP and UDP wherever the
header before a frame does not say that it was verified. So a capture on the tap shows right IPv4 headers, and one inside Windows zeros.
"""

from __future__ import annotations

from csumlab.conditions import (
    ABSENT_TRANSPORT,
    EXTENSIONS,
    FRAGMENT,
    LONG,
    carries,
    feature,
    knob,
    right,
    wrong,
)
from csumlab.headers import Kind
from csumlab.operations import (
    KEEP,
    compute,
    fill,
    segment,
    spoil,
    write_pseudo,
)
from csumlab.stage import (
    ANY,
    Row,
    Stage,
    Token,
    fresh,
    when,
)
from csumlab.stages.windows import AIMED, NOTHING, OUTER_IP, TRANSPORT
from csumlab.state import Bare, Descriptor, NetBuffer, Virtio

SUCCEEDED = fresh(NetBuffer, valid=True, valid_ip=True)
FAILED = fresh(NetBuffer, failed=True, valid_ip=True)
IP_RIGHT = fresh(NetBuffer, valid_ip=True)
IP_WRONG = fresh(NetBuffer, failed_ip=True)
ASKED = when(NetBuffer, needs=True)
ASKED_BOTH = when(NetBuffer, needs=True, needs_ip=True)
ASKED_IP = when(NetBuffer, needs_ip=True)
LOOKS = feature("rx-checksum")
KNOWN = carries(Kind.TCP, Kind.UDP)

_NEEDS = fresh(Virtio, needs=True, start=Token.AS_AIMED)
_NETKVM = "virtio-win kvm-guest-drivers-windows NetKVM/Common/"
_SUMS = f"{_NETKVM}sw-offload.cpp CalculateIpv6PseudoHeaderChecksum (ip6_next_header)"
_UNAIMED = (knob("unaimed-udp"), carries(Kind.UDP))
_ENCAPSULATION = "https://github.com/virtio-win/kvm-guest-drivers-windows/pull/1490 (ipHeaderOffset)"
_NOWHERE = "the driver was never told where the IP header starts (OID_OFFLOAD_ENCAPSULATION) and asks for a sum from the start of the frame, which is put into the sender's hardware address: that of UDP stays unfilled"
NETKVM_TRANSMIT = Stage(
    name="netkvm-transmit",
    title="guest to the host",
    source=f"{_NETKVM}ParaNdis-TX.cpp CNB::PrepareOffloads, SetupLSO, SetupCSO, DoIPHdrCSO",
    table=(
        Row(ASKED_BOTH, (LONG,), (*write_pseudo(AIMED), *compute(OUTER_IP)), _NEEDS, "a large send: the driver writes the lengths, the IPv4 header's sum and the pseudo-header's, now with the length, and asks for the cut with NEEDS_CSUM"),
        Row(ASKED, (LONG,), write_pseudo(AIMED), _NEEDS, "a large send: the driver writes the length and the pseudo-header's sum with it, and asks for the cut with NEEDS_CSUM"),
        Row(ASKED_BOTH, _UNAIMED, compute(OUTER_IP), fresh(Virtio), _NOWHERE, source=_ENCAPSULATION, sure="derived"),
        Row(ASKED, _UNAIMED, KEEP, fresh(Virtio), _NOWHERE, source=_ENCAPSULATION, sure="derived"),
        Row(ASKED_BOTH, (), compute(OUTER_IP), _NEEDS, "the driver makes the IPv4 header's sum; NEEDS_CSUM leaves that of TCP or UDP to the host, at the header that it finds by parsing"),
        Row(ASKED, (), KEEP, _NEEDS, "NEEDS_CSUM leaves the sum to the host, at the header that the driver finds by parsing"),
        Row(ASKED_IP, (), compute(OUTER_IP), fresh(Virtio), "the driver makes the IPv4 header's sum; nothing else is asked for"),
        Row(when(NetBuffer), (), KEEP, fresh(Virtio), "nothing is asked for"),
    ),
)  # fmt: skip

VERDICT_RIGHT, VERDICT_WRONG = "verdict-right", "verdict-wrong"
"""Knobs that say that a packet gets the verdict of another one, and which."""
_MERGED_BUFFERS = "https://github.com/virtio-win/kvm-guest-drivers-windows/pull/1641 (AssembleMergedPacket)"
NETKVM_RECEIVE = Stage(
    name="netkvm-receive",
    title="guest from the host",
    source=f"{_NETKVM}ParaNdis-Common.cpp ParaNdis_CheckRxChecksum, sw-offload.cpp ParaNdis_CheckSumVerify",
    table=(
        Row(when(Virtio), (LOOKS, knob(VERDICT_RIGHT)), KEEP, SUCCEEDED, "the packet lies in several buffers, and the driver verifies what lies in those of another one, which is right", source=_MERGED_BUFFERS, vouches=True),
        Row(when(Virtio), (LOOKS, knob(VERDICT_WRONG)), KEEP, FAILED, "the packet lies in several buffers, and the driver verifies what lies in those of another one, which is wrong", source=_MERGED_BUFFERS),
        Row(when(Virtio, needs=True), (knob("leaves-owed"),), KEEP, NOTHING, "NEEDS_CSUM: the sum reaches the stack as it came, and nothing tells that it is owed", source="https://github.com/virtio-win/kvm-guest-drivers-windows/issues/1630: seen with 60 processors and more, for a reason that is not told", sure="derived"),
        Row(when(Virtio), (LONG,), KEEP, SUCCEEDED, "a super-frame (RSC): its sums are called verified and not valid as they are, whatever the header says", source="virtio-win kvm-guest-drivers-windows NetKVM/wlh/ParaNdis6-Impl.cpp NBLSetRSCInfo", vouches=True),
        Row(when(Virtio), (FRAGMENT,), KEEP, NOTHING, "of a fragment over IPv4 nothing is said; that one over IPv6 is taken for a packet is not followed", sure="derived"),
        Row(when(Virtio), (LOOKS, wrong(OUTER_IP)), KEEP, IP_WRONG, "the driver sums the IPv4 header: its sum is wrong"),
        Row(when(Virtio, needs=True, valid=False), (EXTENSIONS, KNOWN, LOOKS), (*compute(TRANSPORT), *spoil(TRANSPORT)), SUCCEEDED, "NEEDS_CSUM: the driver makes the sum, with the number of the first extension header in the pseudo-header, and calls it right", source=_SUMS, vouches=True),
        Row(when(Virtio, needs=True, valid=False), (EXTENSIONS, KNOWN), (*compute(TRANSPORT), *spoil(TRANSPORT)), NOTHING, "NEEDS_CSUM: the driver makes the sum, with the number of the first extension header in the pseudo-header", source=_SUMS),
        Row(when(Virtio, needs=True, valid=False), (KNOWN, LOOKS), compute(TRANSPORT), SUCCEEDED, "NEEDS_CSUM: the driver makes the outermost sum of TCP or UDP, which it finds by parsing"),
        Row(when(Virtio, needs=True, valid=False), (KNOWN,), compute(TRANSPORT), NOTHING, "NEEDS_CSUM: the driver makes the sum, and says nothing of it (rx-checksum is off)"),
        Row(when(Virtio), (~LOOKS,), KEEP, NOTHING, "rx-checksum is off: nothing is said"),
        Row(when(Virtio), (~KNOWN,), KEEP, IP_RIGHT, "the driver knows TCP and UDP; it has summed the IPv4 header, if it is one"),
        Row(when(Virtio, valid=True), (), KEEP, SUCCEEDED, "DATA_VALID is believed; the driver has summed the IPv4 header, if it is one"),
        Row(when(Virtio), (ABSENT_TRANSPORT,), KEEP, FAILED, "no flag: the driver takes a zero UDP field for a sum and finds it wrong", source=f"{_NETKVM}sw-offload.cpp VerifyUdpChecksum"),
        Row(when(Virtio), (EXTENSIONS,), KEEP, FAILED, "no flag: the driver verifies with the number of the first extension header in the pseudo-header, and finds a right sum wrong", source=_SUMS),
        Row(when(Virtio), (right(TRANSPORT),), KEEP, SUCCEEDED, "no flag: the driver verifies the sum, which is right"),
        Row(when(Virtio), (), KEEP, FAILED, "no flag: the driver verifies the sum, which is wrong"),
    ),
)  # fmt: skip

_SWITCH = "Microsoft, NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO; openvmm vm/devices/net/net_backend TxMetadata (offload_ip_header_checksum); the driver is not open"
NETVSC_TRANSMIT = Stage(
    name="windows-netvsc-transmit",
    title="guest to Hyper-V",
    source=_SWITCH,
    table=(
        Row(ASKED_BOTH, (), KEEP, fresh(Descriptor, needs=True, needs_ip=True, start=Token.AS_AIMED), "what the stack asks for is asked of the host: the sum, and that of the IPv4 header", sure="derived"),
        Row(ASKED, (), KEEP, fresh(Descriptor, needs=True, start=Token.AS_AIMED), "what the stack asks for is asked of the host: the sum", sure="derived"),
        Row(ASKED_IP, (), KEEP, fresh(Descriptor, needs_ip=True), "what the stack asks for is asked of the host: the IPv4 header's sum", sure="derived"),
        Row(when(NetBuffer), (), KEEP, fresh(Descriptor), "nothing is asked for", sure="derived"),
    ),
)  # fmt: skip
VMXNET3_TRANSMIT = Stage(
    name="windows-vmxnet3-transmit",
    title="guest to ESXi",
    source="linux 6.1 drivers/net/vmxnet3/vmxnet3_defs.h struct Vmxnet3_TxDesc; the driver of Windows is not open",
    table=(
        Row(ASKED_BOTH, (), compute(OUTER_IP), fresh(Descriptor, needs=True, start=Token.AS_AIMED), "the descriptor has a place for the sum only: the driver makes the IPv4 header's", sure="derived"),
        Row(ASKED, (), KEEP, fresh(Descriptor, needs=True, start=Token.AS_AIMED), "the descriptor says where the sum is owed", sure="derived"),
        Row(ASKED_IP, (), compute(OUTER_IP), fresh(Descriptor), "the descriptor has no place for the IPv4 header's sum: the driver makes it", sure="derived"),
        Row(when(NetBuffer), (), KEEP, fresh(Descriptor), "nothing is asked for", sure="derived"),
    ),
)  # fmt: skip
SWITCHED_RECEIVE = Stage(
    name="windows-switched-receive",
    title="guest from its host's switch",
    source="Microsoft, Indicating Coalesced Segments; NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO",
    table=(
        Row(when(Descriptor, blank_ip=True), (), KEEP, SUCCEEDED, "segments put together by the host: what it left of the IPv4 header's sum is not looked at (IpChecksumValueInvalid)", vouches=True),
        Row(when(Descriptor), (~LOOKS,), KEEP, NOTHING, "rx-checksum is off: what the host says is not heeded", sure="derived"),
        Row(when(Descriptor, valid=True), (), KEEP, fresh(NetBuffer, valid=True), "the host says that the sum was found right: believed; of the IPv4 header nothing is said here", sure="derived"),
        Row(when(Descriptor), (), KEEP, NOTHING, "the host says nothing, or that the sum is wrong: the stack looks itself", sure="derived"),
    ),
)  # fmt: skip

_CARD = "Microsoft, Offloading Checksum Tasks; Offloading the Segmentation of Large TCP Packets"
NIC_TRANSMIT = Stage(
    name="windows-nic-transmit",
    title="card sends",
    source=_CARD,
    table=(
        Row(ASKED, (LONG,), (*segment(AIMED), *fill(AIMED)), fresh(Bare), "the card cuts the large send and makes all sums of its segments"),
        Row(ASKED_BOTH, (), (*fill(AIMED), *compute(OUTER_IP)), fresh(Bare), "the card fills the sum and makes the IPv4 header's"),
        Row(ASKED, (), fill(AIMED), fresh(Bare), "the card fills the sum"),
        Row(ASKED_IP, (), compute(OUTER_IP), fresh(Bare), "the card makes the IPv4 header's sum"),
        Row(ANY, (), KEEP, fresh(Bare), "the card sends the bytes as they are"),
    ),
)  # fmt: skip

NIC_RECEIVE = Stage(
    name="windows-nic-receive",
    title="card receives",
    source="Microsoft, NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO: a driver is not required to validate every packet",
    table=(
        Row(ANY, (~LOOKS,), KEEP, NOTHING, "rx-checksum is off: nothing is said"),
        Row(ANY, (wrong(OUTER_IP),), KEEP, IP_WRONG, "the card sums the IPv4 header: its sum is wrong", sure="derived"),
        Row(ANY, (FRAGMENT,), KEEP, IP_RIGHT, "a card does not check the transport sum of a fragment", sure="derived"),
        Row(ANY, (~KNOWN,), KEEP, IP_RIGHT, "a card checks only TCP and UDP, and the IPv4 header", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, IP_RIGHT, "there is no sum to check", sure="derived"),
        Row(ANY, (right(TRANSPORT),), KEEP, SUCCEEDED, "the card verified the sums: right", sure="derived"),
        Row(ANY, (), KEEP, FAILED, "the card verified the sum: wrong", sure="derived"),
    ),
)  # fmt: skip
