"""Packets that fool tools. packets.toml says of each what is true; the cases there and here have the same names and order."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import START, damaged
from headers import (
    Ends,
    blank,
    changed,
    dccp,
    ethernet,
    four,
    geneve,
    gre_with_sum,
    gtpu,
    gue_remote,
    home_address,
    icmp,
    icmpv6,
    ipv4,
    ipv6,
    jumbo,
    mpls,
    of_segment,
    ospf_hello_with_block,
    over,
    partial,
    pim_register,
    pppoe,
    right,
    routing,
    sctp,
    six,
    stored,
    swapped,
    tcp,
    text,
    udp,
    udplite,
    vrrp3,
    vxlan,
    without_length,
)

from csumlab.capture import PcapngWriter
from csumlab.capture.block import CHECKSUM_NOT_READY, CHECKSUM_VALID, INBOUND, OUTBOUND
from csumlab.inet import residue

INTERFACES = ("eth0", "br0", "eth1", "vif1.0", "eth2", "lo")
"""eth0: nothing is recorded but bytes. br0 lies before a NAT, eth0 behind it. eth1 records direction and state, vif1.0 and eth2
direction."""
MILLISECOND = 1_000_000


class Frame(NamedTuple):
    """``original``: bytes on the wire, None for all; ``flags``: epb_flags; ``after``: milliseconds since the frame before."""

    data: bytes
    original: int | None = None
    flags: int | None = None
    interface: str = "eth0"
    after: int = 1


Case = tuple[str, list[Frame]]


def balanced(ends: Ends, build: Callable[[Ends, bytes], bytes], at: int) -> bytes:
    """Data with which the sum of what is built around it comes to zero, by its last two bytes."""
    data = text(30)
    field = build(ends, data + bytes(2))[at : at + 2]
    return data + field


def offload() -> Iterator[Case]:
    """A sender before its card."""
    a, b = four(2), four(3)
    yield (
        "TCP partial",
        [
            Frame(ethernet(ipv4(a, 6, tcp(a, text(99), partial)), 2)),
            Frame(ethernet(ipv4(a.back, 6, tcp(a.back, b"", seq=5000, ack=1099, flags=0x10, ports=(80, 40000))), 1, 2)),
        ],
    )
    yield "UDP partial", [Frame(ethernet(ipv4(b, 17, udp(b, text(31), partial)), 3))]
    a, b = six(4), six(5)
    yield "TCP partial over IPv6", [Frame(ethernet(ipv6(a, 6, tcp(a, text(50), partial)), 4))]
    yield "UDP partial over IPv6", [Frame(ethernet(ipv6(b, 17, udp(b, text(51), partial)), 5))]
    a = four(6)
    yield "super-frame, no length in the sum", [Frame(ethernet(ipv4(a, 6, tcp(a, text(2920), without_length)), 6))]
    a = four(7)
    yield (
        "super-frames, one segment's length in the sum",
        [
            Frame(ethernet(ipv4(a, 6, tcp(a, text(size), of_segment(1468), seq=9000 * size), identification=size), 7))
            for size in (2896, 3000, 3333)
        ],
    )
    a = four(8)
    yield "super-frame, IPv4 length zero", [Frame(ethernet(ipv4(a, 6, tcp(a, text(2000), partial), total=0), 8))]
    a = six(9)
    segment = tcp(a, text(65600), partial)
    yield "BIG TCP over IPv6", [Frame(ethernet(ipv6(a, 0, jumbo(6, len(segment)) + segment, length=0), 9))]
    a = four(10)
    yield "super-frame, merged after it was received", [Frame(ethernet(ipv4(a, 6, tcp(a, text(2900))), 10))]
    a = four(11)
    yield "IPv4 header left to the card", [Frame(ethernet(ipv4(a, 6, tcp(a, text(70)), fill=blank), 11))]


def zeros() -> Iterator[Case]:
    """0x0000 and 0xffff."""
    a, b = four(12), six(13)
    yield "UDP without a checksum", [Frame(ethernet(ipv4(a, 17, udp(a, text(20), blank)), 12))]
    yield "UDP without a checksum over IPv6", [Frame(ethernet(ipv6(b, 17, udp(b, text(20), blank)), 13))]
    a, inner = six(14), four(15)
    frame = vxlan(ethernet(ipv4(inner, 6, tcp(inner, text(20))), 15))
    yield "VXLAN without a checksum over IPv6", [Frame(ethernet(ipv6(a, 17, udp(a, frame, blank, ports=(50000, 4789))), 14))]
    a = four(16)
    yield "UDP 0xffff", [Frame(ethernet(ipv4(a, 17, udp(a, balanced(a, udp, 6))), 16))]
    a = four(17)
    yield "TCP 0xffff for 0x0000", [Frame(ethernet(ipv4(a, 6, tcp(a, balanced(a, tcp, 16))), 17))]
    a = four(18)
    yield "TCP 0x0000", [Frame(ethernet(ipv4(a, 6, tcp(a, balanced(a, tcp, 16), blank)), 18))]
    a = four(19)
    yield (
        "UDP 0x0000 for 0xffff",
        [Frame(ethernet(ipv4(a, 17, udp(a, text(20))), 19)), Frame(ethernet(ipv4(a, 17, udp(a, balanced(a, udp, 6), blank)), 19))],
    )


def captured() -> Iterator[Case]:
    """What the capture did to the packet."""
    a = four(20)
    whole = ethernet(ipv4(a, 6, tcp(a, text(300))), 20)
    yield "cut by the snap length", [Frame(whole[:96], original=len(whole))]
    yield "hidden truncation", [Frame(whole[:128])]
    a = four(21)
    yield "padding that is not zero", [Frame(ethernet(ipv4(a, 6, tcp(a, b"odd")), 21) + b"\xde\xad\xbe")]
    a = four(22)
    yield "UDP shorter than its packet", [Frame(ethernet(ipv4(a, 17, udp(a, text(25)) + b"more"), 22))]


def wrong() -> Iterator[Case]:
    """Sums that a receiver finds wrong."""
    a = four(23)
    yield "padding byte summed", [Frame(ethernet(ipv4(a, 6, tcp(a, text(33), over(b"\x9c"))), 23) + b"\x9c")]
    a = four(24)
    yield "trailer summed", [Frame(ethernet(ipv4(a, 17, udp(a, text(40), over(b"\x81\x37\x25\xca"))), 24) + b"\x81\x37\x25\xca")]
    a = four(25)
    yield "bytes of the field swapped", [Frame(ethernet(ipv4(a, 6, tcp(a, text(41, "swap"), swapped)), 25))]
    a = four(26)
    packet = ipv4(a, 17, udp(a, text(44)))
    yield "IPv4 header not updated for the TTL", [Frame(ethernet(packet[:8] + b"\x3f" + packet[9:], 26))]
    inside, outside = four(27), Ends("203.0.113.7", "192.0.2.27")
    made = [tcp(inside, text(60 + size, f"request {size}"), seq=1000 + 100 * size) for size in range(3)]
    yield (
        "stale after NAT",
        [Frame(ethernet(ipv4(outside, 6, segment, identification=40 + n, ttl=63), 27)) for n, segment in enumerate(made)],
    )
    inside, outside = four(28), Ends("203.0.113.8", "192.0.2.28")
    segment = tcp(inside, text(80, "both sides"))
    yield (
        "stale after NAT, seen on both sides",
        [
            Frame(ethernet(ipv4(inside, 6, segment, identification=77), 28), interface="br0"),
            Frame(ethernet(ipv4(outside, 6, segment, identification=77, ttl=63), 1), interface="eth0"),
        ],
    )
    a = four(29)
    sent = tcp(a, text(120), seq=7000)
    again = ethernet(ipv4(a, 6, sent, identification=31), 29)
    back = [tcp(a.back, b"", seq=5000, ack=ack, flags=0x10, ports=(80, 40000)) for ack in (7000, 7120)]
    yield (
        "damaged, and sent again",
        [
            Frame(ethernet(ipv4(a.back, 6, back[0], identification=1), 1, 29)),
            Frame(damaged(ethernet(ipv4(a, 6, sent, identification=30), 29), 6)),
            Frame(ethernet(ipv4(a.back, 6, back[0], identification=2), 1, 29)),
            Frame(again, after=300),
            Frame(ethernet(ipv4(a.back, 6, back[1], identification=3), 1, 29)),
        ],
    )
    a = four(30)
    sent = tcp(a, text(90), seq=8000)
    yield (
        "only the sum damaged, and sent again",
        [
            Frame(ethernet(ipv4(a, 6, stored(sent, 16, 0x5A3C), identification=50), 30)),
            Frame(ethernet(ipv4(a, 6, sent, identification=51), 30), after=300),
        ],
    )
    a = four(31)
    sent = tcp(a, text(66), seq=9000)
    yield (
        "garbage in the field, and acknowledged",
        [
            Frame(ethernet(ipv4(a, 6, stored(sent, 16, 0x6B1D), identification=60), 31)),
            Frame(ethernet(ipv4(a.back, 6, tcp(a.back, b"", seq=5000, ack=9066, flags=0x10, ports=(80, 40000))), 1, 31)),
        ],
    )
    a = four(32)
    yield "UDP damaged", [Frame(damaged(ethernet(ipv4(a, 17, udp(a, text(100)))[:90] + text(38, "another tail"), 32)))]


def testified() -> Iterator[Case]:
    """What only the rest of the flow tells."""
    a = four(70)
    sent = tcp(a, text(64), partial, seq=3000)
    asked = tcp(a.back, b"", seq=5000, ack=3000, flags=0x10, ports=(80, 40000))
    yield (
        "partial, sent again and never acknowledged",
        [
            Frame(ethernet(ipv4(a.back, 6, asked, identification=1), 1, 70)),
            Frame(ethernet(ipv4(a, 6, sent, identification=11), 70)),
            Frame(ethernet(ipv4(a, 6, sent, identification=12), 70), after=300),
            Frame(ethernet(ipv4(a.back, 6, asked, identification=2), 1, 70)),
            Frame(ethernet(ipv4(a, 6, sent, identification=13), 70), after=600),
        ],
    )
    a = four(71)
    sent = tcp(a, text(80), seq=7000)
    acks = [tcp(a.back, b"", seq=5000, ack=ack, flags=0x10, ports=(80, 40000)) for ack in (7000, 7080)]
    hit = sent[:6] + bytes([sent[6] ^ 0x10]) + sent[7:]
    yield (
        "sequence number hit, and sent again",
        [
            Frame(ethernet(ipv4(a.back, 6, acks[0], identification=1), 1, 71)),
            Frame(ethernet(ipv4(a, 6, hit, identification=11), 71)),
            Frame(ethernet(ipv4(a.back, 6, acks[0], identification=2), 1, 71)),
            Frame(ethernet(ipv4(a, 6, sent, identification=12), 71), after=300),
            Frame(ethernet(ipv4(a.back, 6, acks[1], identification=3), 1, 71)),
        ],
    )
    a = four(72)
    sent = tcp(a, text(82), seq=7000)
    ack = tcp(a.back, b"", seq=5000, ack=7082, flags=0x10, ports=(80, 40000))
    yield (
        "sent twice, the second time damaged",
        [
            Frame(ethernet(ipv4(a, 6, sent, identification=11), 72)),
            Frame(damaged(ethernet(ipv4(a, 6, sent, identification=12), 72)), after=300),
            Frame(ethernet(ipv4(a.back, 6, ack), 1, 72)),
        ],
    )
    a = four(73)
    sent = tcp(a, text(84, "from the next container"), partial, seq=7000)
    ack = tcp(a.back, b"", seq=5000, ack=7084, flags=0x10, ports=(80, 40000))
    yield (
        "received from a container beside, partial, and acknowledged",
        [
            Frame(ethernet(ipv4(a, 6, sent), 73), flags=INBOUND, interface="eth2"),
            Frame(ethernet(ipv4(a.back, 6, ack), 1, 73), flags=OUTBOUND, interface="eth2"),
        ],
    )


def headers_hit() -> Iterator[Case]:
    """Damage where it changes what is summed."""
    a = four(74)
    packet = ipv4(a, 6, tcp(a, text(50)))
    yield "address hit", [Frame(ethernet(packet[:14] + b"\xca" + packet[15:], 74))]
    a = four(75)
    packet = ipv4(a, 17, udp(a, text(50)))
    yield "UDP length hit", [Frame(ethernet(packet[:24] + b"\x04" + packet[25:], 75))]
    a = four(76)
    yield "ICMP damaged", [Frame(damaged(ethernet(ipv4(a, 1, icmp(8, 0, text(40)))[:50] + text(18, "other tail"), 76)))]
    a = four(77)
    yield "TCP left at zero", [Frame(ethernet(ipv4(a, 6, tcp(a, text(50), blank)), 77))]


def quoted() -> Iterator[Case]:
    """ICMP errors about packets of hosts that leave sums to their cards."""
    a = four(33)
    packet = ipv4(a, 17, udp(a, text(30), partial))
    yield "ICMP quotes a partial packet", [Frame(ethernet(ipv4(a.back, 1, icmp(3, 3, packet)), 1, 33))]
    packet = ipv4(a, 6, tcp(a, text(300), partial))
    yield "ICMP quotes the start of a packet", [Frame(ethernet(ipv4(a.back, 1, icmp(11, 0, packet[:28])), 1, 33))]
    a = six(34)
    packet = ipv6(a, 6, tcp(a, text(60), partial))
    yield "ICMPv6 quotes a partial packet", [Frame(ethernet(ipv6(a.back, 58, icmpv6(a.back, 3, 0, packet)), 1, 34))]


def tunnels() -> Iterator[Case]:
    """A sum around a sum."""
    inner = four(100)

    def pair(number: int, size: int) -> tuple[bytes, bytes]:
        """An inner packet filled and not."""
        ends = four(number)
        seq = 1000 * size
        return ipv4(ends, 6, tcp(ends, text(size), seq=seq)), ipv4(ends, 6, tcp(ends, text(size), partial, seq=seq))

    vtep = (50000, 4789)
    a = four(35)
    filled, unfilled = (vxlan(ethernet(one, 101)) for one in pair(101, 64))
    yield "VXLAN, local checksum offload", [Frame(ethernet(ipv4(a, 17, udp(a, filled, ports=vtep)[:8] + unfilled), 35))]
    inside, outside = four(36), Ends("203.0.113.9", "192.0.2.36")
    delta = residue(outside.packed) - residue(inside.packed)
    frames = []
    for size in range(3):
        filled, unfilled = (vxlan(ethernet(one, 102)) for one in pair(102, 64 + 2 * size))
        outer = udp(inside, filled, changed(right, delta), ports=vtep)[:8] + unfilled
        frames.append(Frame(ethernet(ipv4(outside, 17, outer, identification=size, ttl=63), 36)))
    yield "VXLAN behind NAT, outer sum off by 2 delta", frames
    a = four(37)
    filled, unfilled = (vxlan(ethernet(one, 103)) for one in pair(103, 71))
    yield "VXLAN summed before its inside was filled", [Frame(ethernet(ipv4(a, 17, udp(a, unfilled, ports=vtep)[:8] + filled), 37))]
    a = four(38)
    filled, unfilled = pair(104, 72)
    yield "GRE with a checksum around a partial one", [Frame(ethernet(ipv4(a, 47, gre_with_sum(unfilled, filled)), 38))]
    a = four(39)
    _, unfilled = pair(105, 55)
    yield (
        "Geneve without a checksum, inside partial",
        [Frame(ethernet(ipv4(a, 17, udp(a, geneve(unfilled), blank, ports=(50000, 6081))), 39))],
    )
    a = four(40)
    packet = gue_remote(ipv4(inner, 6, tcp(inner, text(50), partial)), 20, 36)
    yield "GUE with remote checksum offload", [Frame(ethernet(ipv4(a, 17, udp(a, packet, ports=(50000, 6080))), 40))]
    a, inner = four(41), four(106)
    packet = gtpu(damaged(ipv4(inner, 17, udp(inner, text(80)))[:80] + text(28, "what is this"), 2))
    yield "GTP-U, inside damaged, outer sum right", [Frame(ethernet(ipv4(a, 17, udp(a, packet, ports=(2152, 2152))), 41))]
    a = four(42)
    yield "MPLS, partial", [Frame(ethernet(mpls(ipv4(a, 6, tcp(a, text(45), partial))), 42, kind=0x8847))]
    a = four(43)
    packet = ipv4(a, 6, tcp(a, text(46)))
    yield "PPPoE, damaged", [Frame(ethernet(pppoe(packet[:-6] + b"\x07tales"), 43, kind=0x8864))]
    a = four(44)
    yield "ESP in UDP", [Frame(ethernet(ipv4(a, 17, udp(a, b"\0\0\xca\xfe\0\0\0\x07" + text(64), blank, ports=(4500, 4500))), 44))]


def others() -> Iterator[Case]:
    """What is not TCP or UDP, and addresses that are not where they usually are."""
    a = four(45)
    yield "SCTP", [Frame(ethernet(ipv4(a, 132, sctp(text(48))), 45))]
    a = four(46)
    yield (
        "SCTP with Adler-32",
        [Frame(ethernet(ipv4(a, 132, sctp(text(48), lambda body: int.from_bytes(zlib.adler32(body).to_bytes(4, "big"), "little"))), 46))],
    )
    a = four(47)
    yield "SCTP with a CRC of zero", [Frame(ethernet(ipv4(a, 132, sctp(text(48), lambda body: 0)), 47))]
    a = four(48)
    yield "UDP-Lite, damaged outside its coverage", [Frame(damaged(ethernet(ipv4(a, 136, udplite(a, text(40), 12)), 48)))]
    a = four(49)
    yield "DCCP, damaged outside its coverage", [Frame(damaged(ethernet(ipv4(a, 33, dccp(a, text(40), 2)), 49)))]
    a = Ends("10.0.50.1", "224.0.0.5")
    yield "OSPFv2 with link-local signalling", [Frame(ethernet(ipv4(a, 89, ospf_hello_with_block(), ttl=1), 50))]
    a = Ends("10.0.51.1", "224.0.0.18")
    yield "VRRPv3 with a pseudo-header", [Frame(ethernet(ipv4(a, 112, vrrp3(b"\x0a\0\x33\xfe", a), ttl=255), 51))]
    yield "VRRPv3 without a pseudo-header", [Frame(ethernet(ipv4(a, 112, vrrp3(b"\x0a\0\x33\xfe", None), ttl=255), 51))]
    a, inner = four(52), Ends("10.0.107.1", "239.1.2.3")
    yield "PIM register", [Frame(ethernet(ipv4(a, 103, pim_register(ipv4(inner, 17, udp(inner, text(32))))), 52))]
    source, last, hop = "2001:db8:35::1", "2001:db8:ffff::53", "2001:db8:77::1"
    segment = tcp(Ends(source, last), text(52))
    yield "IPv6 routing header on its way", [Frame(ethernet(ipv6(Ends(source, hop), 43, routing(6, 1, last, hop) + segment), 53))]
    home, care, peer = "2001:db8:36::1", "2001:db8:88::9", "2001:db8:ffff::54"
    segment = udp(Ends(home, peer), text(36))
    yield "IPv6 home address", [Frame(ethernet(ipv6(Ends(care, peer), 60, home_address(17, home) + segment), 54))]
    a = six(55)
    datagram = udp(a, text(65600), length=0)
    yield "jumbogram", [Frame(ethernet(ipv6(a, 0, jumbo(17, len(datagram)) + datagram, length=0), 55))]


def pieces(ends: Ends, datagram: bytes, *cuts: int, number: int, identification: int = 9) -> list[Frame]:
    edges = (0, *cuts, len(datagram))
    return [
        Frame(
            ethernet(
                ipv4(
                    ends, 17, datagram[start:end], identification=identification, fragment=start // 8 | (0x2000 if end < edges[-1] else 0)
                ),
                number,
            )
        )
        for start, end in pairwise(edges)
    ]


def fragments() -> Iterator[Case]:
    """A datagram's sum is over all its pieces."""
    a = four(56)
    first, second, third = pieces(a, udp(a, text(100)), 48, 96, number=56)
    yield "fragments out of order", [third, first, second]
    a = four(57)
    first, second = pieces(a, udp(a, text(100)), 48, number=57)
    yield "fragments, one damaged", [first, Frame(damaged(second.data[:-5] + b"hurt!"))]
    a = four(58)
    datagram = udp(a, text(100))
    first, second = pieces(a, datagram, 48, number=58)
    other = ipv4(a, 17, b"overlaps" + datagram[48:], identification=9, fragment=5)
    yield "fragments that overlap", [first, Frame(ethernet(other, 58))]
    a = four(59)
    yield "fragment without the others", pieces(a, udp(a, text(100)), 48, number=59)[:1]
    a = four(60)
    yield "fragments of a partial datagram", pieces(a, udp(a, text(100), partial), 48, number=60)


def recorded() -> Iterator[Case]:
    """The same kinds of bytes, and what the capture says of them."""
    a = four(61)
    data = ethernet(ipv4(a, 6, tcp(a, text(60), partial)), 61)
    yield "marked as not ready, partial", [Frame(data, flags=OUTBOUND | CHECKSUM_NOT_READY, interface="eth1")]
    a = four(62)
    data = ethernet(ipv4(a, 17, udp(a, text(61))), 62)
    yield "marked as not ready, yet right", [Frame(data, flags=OUTBOUND | CHECKSUM_NOT_READY, interface="eth1")]
    a = four(63)
    data = damaged(ethernet(ipv4(a, 17, udp(a, text(62, "marked valid")))[:60] + text(30, "not what was summed"), 63))
    yield "marked as valid, yet bad", [Frame(data, flags=INBOUND | CHECKSUM_VALID, interface="eth1")]
    a = four(64)
    data = ethernet(ipv4(a, 6, tcp(a, text(63), partial)), 64)
    yield "partial, not marked where others are", [Frame(data, flags=OUTBOUND, interface="eth1")]
    a = four(65)
    yield "received from a guest, partial", [Frame(ethernet(ipv4(a, 6, tcp(a, text(64), partial)), 65), flags=INBOUND, interface="vif1.0")]
    a = four(66)
    yield "received from the wire, partial", [Frame(ethernet(ipv4(a, 6, tcp(a, text(65), partial)), 66), flags=INBOUND, interface="eth2")]
    a = Ends("127.0.0.1", "127.0.0.1")
    yield "loopback", [Frame(ethernet(ipv4(a, 17, udp(a, text(66), partial)), 0, 0), interface="lo")]


def cases() -> Iterator[Case]:
    for part in (offload, zeros, captured, wrong, testified, headers_hit, quoted, tunnels, others, fragments, recorded):
        yield from part()


def main() -> None:
    with PcapngWriter(Path(__file__).parent / "traffic.pcapng") as file:
        numbers = {name: file.add_interface(1, name) for name in INTERFACES}
        time = START
        for name, frames in cases():
            for frame in frames:
                time += frame.after * MILLISECOND
                file.write(
                    frame.data,
                    interface=numbers[frame.interface],
                    timestamp_ns=time,
                    original=frame.original,
                    flags=frame.flags,
                    comment=name,
                )


if __name__ == "__main__":
    main()
