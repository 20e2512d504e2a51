"""Cards and programs with behaviours of their own, and the packets that tell what these do."""

from __future__ import annotations

from collections.abc import Iterator

import frames
import rewriters
from middleboxes import CLAT, MASQUERADE, Middlebox, whole

from csumlab.inet import residue
from csumlab.topology.load import parse_topology

PAIR = """
at = "near:eth0"
[domain.near]
[domain.near.device.eth0]
kind = "nic"
wire = "lan"
card = "NEAR"
address = ["10.2.0.11/24", "fd00:2::11/64"]
[domain.near.device.vxlan0]
kind = "vxlan"
local = "fd00:2::11"
remote = "fd00:2::22"
address = ["10.7.0.11/24"]
options = { udpcsum = SUMS }
[domain.far]
[domain.far.device.eth0]
kind = "nic"
wire = "lan"
card = "FAR"
features = { gro = false }
address = ["10.2.0.22/24", "fd00:2::22/64"]
READER
[domain.far.device.vxlan0]
kind = "vxlan"
local = "fd00:2::22"
remote = "fd00:2::11"
address = ["10.7.0.22/24"]
options = { udp6zerocsumrx = true }
"""
"""Two hosts with a tunnel over IPv6 between them."""

BEHIND = """
at = "pod:eth0"
[domain.pod]
preset = "PRESET"
[domain.pod.device.eth0]
kind = "veth"
peer = "host:veth1"
address = ["fd00:1::11/64"]
[[domain.pod.route]]
to = "::/0"
device = "eth0"
via = "fd00:1::1"
[domain.host]
preset = "PRESET"
forwarding = true
[domain.host.device.veth1]
kind = "veth"
address = ["fd00:1::1/64"]
[domain.host.device.eth0]
kind = "nic"
wire = "lan"
features = { tx-checksum-ip-generic = false, tx-checksum-ipv4 = true, tx-checksum-ipv6 = true }
address = ["fd00:2::11/64"]
[domain.far.device.eth0]
kind = "nic"
wire = "lan"
address = ["fd00:2::22/64"]
"""
"""A pod behind a card that sums by IP version."""

REFUSING = """
at = "a:eth0"
[domain.a.device.eth0]
kind = "veth"
peer = "switch:va"
address = ["10.1.0.11/24"]
[domain.switch]
program = "refuses-owed"
[domain.switch.device.va]
kind = "veth"
bridge = "br0"
[domain.switch.device.vb]
kind = "veth"
bridge = "br0"
[domain.switch.device.br0]
kind = "bridge"
[domain.b.device.eth0]
kind = "veth"
peer = "switch:vb"
address = ["10.1.0.22/24"]
"""

TRANSLATED = """
[[domain.r.nat]]
kind = "dnat"
device = "va"
address = "10.2.0.22"
port = 9999
to-port = 8888
protocol = "sctp"
by = "BY"
"""

DESTINATION_OPTIONS = (60, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
SIX, FOUR, INSIDE = ("fd00:2::11", "fd00:2::22"), ("10.2.0.11", "10.2.0.22"), ("10.7.0.11", "10.7.0.22")


def every() -> Iterator[Middlebox]:
    yield from senders()
    yield from hearers()
    yield from behind_extensions()
    yield from programs()


def summed_to_zero(ends: tuple[str, str]) -> bytes:
    """A datagram of two bytes whose sum comes out as 0."""
    plain = whole(frames.udp(bytes(2), 53), *ends)
    at = 14 + (40 if ":" in ends[0] else 20)
    found = frames.patch(whole(frames.udp(plain[at + 6 : at + 8], 53), *ends), at + 6, 0xFFFF)
    assert residue(found[at:]) != 0
    return found


def senders() -> Iterator[Middlebox]:
    """Cards that are bad at IPv6, and a driver that fills short frames."""
    long = frames.tcp(bytes(4000))
    packets = {"tcp": whole(frames.tcp(b"asked"), *SIX), "udp": whole(frames.udp(b"asked", 53), *SIX), "tcp, long": whole(long, *SIX)}
    packets |= {
        "tcp of four": whole(frames.tcp(b"asked"), *FOUR),
        "udp to zero": summed_to_zero(SIX),
        "udp to zero, four": summed_to_zero(FOUR),
    }
    for card in ("tx-drops-ipv6", "tx-skips-ipv6", "tx-skips-end tx-driver-fills tx-driver-zero"):
        text = PAIR.replace("NEAR", card).replace("FAR", "rx-trusts").replace("SUMS", "true").replace("READER", "")
        yield Middlebox(f"peculiar, {card}", parse_topology(text), "near", packets)


def hearers() -> Iterator[Middlebox]:
    """Cards that hear tunnels, and a program that hears datagrams without a sum."""
    text = PAIR.replace("NEAR", "rx-trusts")
    inner = {"tcp": frames.tcp(b"asked"), "udp, none": frames.udp(b"asked", 53)}
    tunnelled = {
        f"vxlan, {name}": frames.ethernet(frames.ipv6(frames.vxlan(frames.ethernet(frames.ipv4(made, *INSIDE))), *SIX)).data
        for name, made in inner.items()
    }
    at = 14 + 40 + 6
    tunnelled["vxlan, outer sum wrong"] = frames.patch(tunnelled["vxlan, tcp"], at, 0x1234)
    tunnelled["vxlan, damaged inside"] = tunnelled["vxlan, tcp"][:-1] + b"!"
    blank = {f"{name}, no outer sum": frames.patch(data, at, 0) for name, data in tunnelled.items() if "wrong" not in name}
    for card in ("rx-inner-only", "rx-drops-zero6"):
        topology = parse_topology(text.replace("FAR", card).replace("SUMS", "true").replace("READER", ""))
        yield Middlebox(f"peculiar, {card}", topology, "near", tunnelled | blank)
    plain = {"udp": whole(frames.udp(b"asked", 53), *FOUR), "tcp": whole(frames.tcp(b"asked"), *FOUR)}
    plain["udp, none"] = frames.patch(plain["udp"], 14 + 20 + 6, 0)
    for words in ("sums refuses-unsummed", "sums"):
        topology = parse_topology(text.replace("FAR", "rx-drops").replace("SUMS", "true").replace("READER", f'reader = "{words}"'))
        yield Middlebox(f"peculiar, reader {words}", topology, "near", plain)


def behind_extensions() -> Iterator[Middlebox]:
    """Super-frames and segments behind a destination options header, to a card that knows none."""
    ends = ("fd00:1::11", "fd00:2::22")
    made = {"tcp": frames.tcp(b"asked"), "tcp, long": frames.tcp(bytes(4000))}
    packets = {
        f"{name}, options": frames.ethernet(frames.ipv6(one, *ends, extensions=(DESTINATION_OPTIONS,))).data for name, one in made.items()
    }
    packets |= {name: whole(one, *ends) for name, one in made.items()}
    for preset in ("linux-6.18", "linux-6.16", "linux-6.11"):
        yield Middlebox(f"peculiar, behind extensions, {preset}", parse_topology(BEHIND.replace("PRESET", preset)), "pod", packets)


def quoted_over_ipv6() -> dict[str, bytes]:
    """ICMPv6 errors about what a router sent for a host behind it."""
    found = {}
    for name, inner in {"tcp": frames.tcp(b"asked"), "udp": frames.udp(b"asked", 53), "ping": frames.icmpv6(b"asked")}.items():
        quoted = frames.ipv6(inner, "fd00:2::1", "fd00:2::22").data
        found[f"error about {name}"] = whole(frames.icmpv6_error(quoted), "fd00:2::22", "fd00:2::1")
    return found


def programs() -> Iterator[Middlebox]:
    """A switch that drops what is owed, a translator that updates zeros, and eBPF that meets SCTP."""
    ends = ("10.1.0.11", "10.1.0.22")
    packets = {
        "tcp": whole(frames.tcp(b"asked"), *ends),
        "udp": whole(frames.udp(b"asked", 53), *ends),
        "ping": whole(frames.icmp(b"asked"), *ends),
    }
    advertised = {"vrrp": whole(frames.vrrp("10.1.0.9"), "10.1.0.11", "10.2.0.22")}
    for preset in ("linux-6.1", "linux-5.6"):
        masked = rewriters.router(MASQUERADE.replace("BY", "conntrack"), verify=False, preset=preset)
        yield Middlebox(f"peculiar, vrrp, {preset}", masked, "a", advertised)
    hello = {"pim": whole(frames.pim_over_ipv6(), "fd00:1::11", "fd00:2::22")}
    masked = rewriters.router(MASQUERADE.replace("10.1.0.0/24", "fd00:1::/64").replace("BY", "conntrack"), verify=False)
    yield Middlebox("peculiar, pim over ipv6", masked, "a", hello)
    yield Middlebox("peculiar, refuses-owed", parse_topology(REFUSING), "a", packets)
    for words in ("blanks-ip", "blanks-ip heeds-owed"):
        yield Middlebox(f"peculiar, {words}", parse_topology(REFUSING.replace("refuses-owed", words)), "a", packets)
    six = ("64:ff9b::c633:6450", "2001:db8:5::4")
    unsummed = frames.patch(whole(frames.udp(b"asked", 53), *six), 14 + 40 + 6, 0)
    topology = parse_topology(CLAT.replace("WORDS", "updates-zero").replace("HEADER", "false"))
    yield Middlebox("peculiar, updates-zero", topology, "outside", {"udp, none": unsummed})
    for by in ("cilium", "cilium-1.19", "cilium-1.17"):
        masked = rewriters.router(MASQUERADE.replace("10.1.0.0/24", "fd00:1::/64").replace("BY", by), verify=False)
        yield Middlebox(f"peculiar, quotes over IPv6, {by}", masked, "b", quoted_over_ipv6())
        rules = TRANSLATED.replace("BY", by)
        chunk = whole(frames.sctp(b"asked!"), "10.1.0.11", "10.1.0.1")
        yield Middlebox(f"peculiar, sctp, {by}", rewriters.router(rules, verify=False), "a", {"sctp": chunk})
