"""The same traffic at two places: on the host's end of a pod's veth pair, before NAT, and at the peer that the host sends it to."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from craft import ICMP, IP, START, TCP, UDP, VXLAN, Packet, Raw, ether, partial, right

from csumlab.capture import PcapngWriter
from csumlab.dissection import dissect_packet
from csumlab.headers import Kind
from csumlab.inet import residue

POD, PEER = "10.244.0.1", "10.244.3.3"
LOCAL, PUBLIC, REMOTE = "10.9.0.2", "192.0.2.7", "192.0.2.9"
AHEAD = 1_250_000_000
"""Nanoseconds that the peer's clock is ahead."""


def packet(n: int, source: str, ttl: int, carried: Packet) -> Packet:
    """A packet of the pod in VXLAN."""
    outer = ether(0x02, 0x01) / IP(src=source, dst=REMOTE, id=100 + n, ttl=ttl) / UDP(sport=50000 + n, dport=4789) / VXLAN(vni=1)
    return outer / ether(0x21, 0x23) / IP(src=POD, dst=PEER, id=200 + n) / carried


def request(n: int, text: bytes) -> Packet:
    return TCP(sport=40000, dport=80, seq=1000 * n, flags="PA") / Raw(text)


def translated(n: int, carried: Packet) -> bytes:
    """As it arrives: inner sums right, and the finished outer one changed by the rule for unfinished ones, wrong by twice the change."""
    data = bytearray(right(packet(n, PUBLIC, 63, carried)))
    place = next(one for one in dissect_packet(bytes(data), 1).sums if one.kind is Kind.UDP)
    change = (_sum(PUBLIC) - _sum(LOCAL)) % 0xFFFF
    value = (int.from_bytes(data[place.at : place.at + 2], "big") + 2 * change) % 0xFFFF
    data[place.at : place.at + 2] = value.to_bytes(2, "big")
    return bytes(data)


def _sum(address: str) -> int:
    return residue(bytes(int(part) for part in address.split(".")))


def wrong(data: bytes) -> bytes:
    """With another innermost sum."""
    at = dissect_packet(data, 1).sums[-1].at
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def pairs() -> list[tuple[bytes, bytes | None]]:
    """Each packet before and after, None if it never comes: requests whose inner sum is left to the card, pings whose outer one is, then a
    request whose bytes change before the card fills its sum, one that was sent with a wrong sum and comes with a right one, and one that
    is lost."""
    made: list[tuple[bytes, bytes | None]] = []
    for n in range(5):
        text = b"request %d" % n
        made.append((partial(packet(2 * n, LOCAL, 64, request(n, text))), translated(2 * n, request(n, text))))
        ping = ICMP(id=7, seq=n) / Raw(text)
        made.append((partial(packet(2 * n + 1, LOCAL, 64, ping), layer=UDP), right(packet(2 * n + 1, PUBLIC, 63, ping))))
    for n, text in ((5, b"pay 100 to A"), (6, b"a wrong sum"), (7, b"never comes")):
        made.append((partial(packet(10 + n, LOCAL, 64, request(n, text))), translated(10 + n, request(n, text))))
    made[10] = (made[10][0], translated(15, request(5, b"pay 900 to A")))
    finished = request(6, b"a wrong sum")
    made[11] = (wrong(partial(packet(16, LOCAL, 64, finished), layer=UDP)), right(packet(16, PUBLIC, 63, finished)))
    made[12] = (made[12][0], None)
    ping = ICMP(id=7, seq=9) / Raw(b"the last one")
    made.append((partial(packet(20, LOCAL, 64, ping), layer=UDP), right(packet(20, PUBLIC, 63, ping))))
    return made


if __name__ == "__main__":
    folder = Path(__file__).parent
    with PcapngWriter(folder / "before.pcapng") as before, PcapngWriter(folder / "after.pcapng") as after:
        before.add_interface(1, "veth1")
        after.add_interface(1, "eth0")
        for number, (first, second) in enumerate(pairs()):
            before.write(first, timestamp_ns=START + number * 1_000_000)
            if second is not None:
                after.write(second, timestamp_ns=START + number * 1_000_000 + 300_000 + AHEAD)
