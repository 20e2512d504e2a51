"""Programs that take packets beside the kernel's sockets, as tables. Which behaviours there are is told by ``csumlab/readers.py``."""

from __future__ import annotations

from csumlab.conditions import ABSENT_TRANSPORT, FRAGMENT, inexact, knob, right
from csumlab.operations import ACCEPT, KEEP, REJECT, UNSEEN, Selector
from csumlab.stage import ANY, SAME, Row, Stage, fresh, when
from csumlab.stages.patterns import OWED
from csumlab.state import Bare, Skb, Summed

_STATUS = "linux 6.1 net/packet/af_packet.c packet_recvmsg, tpacket_rcv"
_VALID = when(Skb, summed=Summed.UNNECESSARY)
_SUMMED = when(Skb, summed=Summed.COMPLETE)
_HEEDS_VALID, _OF_COMPLETE = knob("heeds-verified"), knob("valid-of-complete")
_BEFORE_6_1 = "linux before commit b85f628aa158 net/packet/af_packet.c tpacket_rcv"

_COMPARES = "p4lang/behavioral-model src/bm_sim/checksums.cpp IPv4Checksum::verify_, CalcBasedChecksum::verify_; RFC 1624 section 3"

READER = Stage(
    name="packet-reader",
    title="program reads",
    source=f"{_STATUS}; a program that sums for itself, as DHCP clients do (ISC dhcp common/packet.c decode_udp_ip_header)",
    table=(
        Row(ANY, (FRAGMENT, knob("sums-fragments")), REJECT, SAME, "the program sums a fragment as if it were a whole packet: wrong, whatever it holds", source="https://github.com/tailscale/tailscale/issues/20320", sure="derived"),
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment waits for the rest of its datagram"),
        Row(ANY, (knob("trusts"),), ACCEPT, SAME, "the program looks at no sum", source="linux 6.1 net/ipv4/raw.c raw_rcv; NLnetLabs NSD issue 465", sure="observed"),
        Row(ANY, (ABSENT_TRANSPORT, knob("refuses-unsummed")), REJECT, SAME, "there is no UDP checksum, which over IPv4 is allowed: the program takes the zero for a wrong one", source="https://github.com/zephyrproject-rtos/zephyr/issues/16375; RFC 768", sure="derived"),
        Row(ANY, (ABSENT_TRANSPORT,), ACCEPT, fresh(Bare), "there is no UDP checksum to check"),
        Row(OWED, (knob("heeds-owed"),), ACCEPT, SAME, "TP_STATUS_CSUMNOTREADY tells the program that the sum is still owed", sure="observed"),
        Row(_VALID, (_HEEDS_VALID,), ACCEPT, SAME, "TP_STATUS_CSUM_VALID tells the program that the sum is verified: believed, not checked", sure="observed"),
        Row(_SUMMED, (_HEEDS_VALID, _OF_COMPLETE), ACCEPT, SAME, "TP_STATUS_CSUM_VALID is set because the packet was summed, though nobody compared: believed, not checked", source=_BEFORE_6_1),
        Row(ANY, (knob("compares"), inexact(Selector.OUTER_IP)), REJECT, SAME, "the program computes the IPv4 header sum anew and compares the field with it: they differ, as 0xffff does from 0x0000", source=_COMPARES),
        Row(ANY, (knob("compares"), inexact(Selector.TRANSPORT)), REJECT, SAME, "the program computes the sum anew and compares the field with it: they differ, as 0xffff does from 0x0000", source=_COMPARES),
        Row(ANY, (right(Selector.TRANSPORT),), ACCEPT, fresh(Bare), "the program sums the bytes itself: right"),
        Row(ANY, (), REJECT, fresh(Bare), "the program sums the bytes itself: wrong; it does not ask whether the sum is still owed"),
    ),
)  # fmt: skip

WATCHER = Stage(
    name="packet-watcher",
    title="program watches",
    source=f"{_STATUS}; Suricata and Zeek leave packets with wrong sums out of what they analyse",
    table=(
        Row(ANY, (FRAGMENT,), KEEP, SAME, "a fragment is put together before it is summed"),
        Row(ANY, (knob("trusts"),), KEEP, SAME, "the program looks at no sum: it sees what a receiver may drop"),
        Row(ANY, (ABSENT_TRANSPORT,), KEEP, SAME, "there is no UDP checksum to check: seen"),
        Row(OWED, (knob("heeds-owed"),), KEEP, SAME, "TP_STATUS_CSUMNOTREADY tells the program that the sum is still owed: seen", sure="observed"),
        Row(_VALID, (_HEEDS_VALID,), KEEP, SAME, "TP_STATUS_CSUM_VALID tells the program that the sum is verified: seen, not checked", sure="observed"),
        Row(_SUMMED, (_HEEDS_VALID, _OF_COMPLETE), KEEP, SAME, "TP_STATUS_CSUM_VALID is set because the packet was summed, though nobody compared: seen, not checked", source=_BEFORE_6_1),
        Row(ANY, (right(Selector.TRANSPORT),), KEEP, SAME, "the program sums the bytes itself: right, seen"),
        Row(ANY, (), UNSEEN, SAME, "the program sums the bytes itself: wrong; it leaves the packet out of its view"),
    ),
)  # fmt: skip

XDP_SOCKET = Stage(
    name="xdp-socket",
    title="AF_XDP",
    source="linux 6.1 Documentation/networking/af_xdp.rst; include/net/xdp_sock.h: a descriptor has an address, a length and no checksum state",
    table=(
        Row(when(Skb), (), KEEP, fresh(Bare), "the program gets the frame in memory of its own, and no word of what was verified or is still owed"),
    ),
)  # fmt: skip
