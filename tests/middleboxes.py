"""Hosts with a translator or another middlebox on the way, and the packets that tell what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import frames
import hosts
import rewriters
from oracles_vm import sites

from csumlab.inet import negate, residue
from csumlab.stages.helpers import HELPERS
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.written import to_toml

NOP = b"\1"
TIMESTAMPS, MSS = b"\x08\x0a\0\1\2\3\0\0\0\1", b"\2\4\5\xb4"
"""TCP options that a middlebox edits (RFC 7323 section 3.2, RFC 9293 section 3.2)."""


@dataclass(frozen=True)
class Middlebox:
    """What is sent through one host: ``packets`` by name, from the sockets of ``origin``; if it ``refuses``, as the resets of a rule there.
    ``states``: also with all that a buffer may carry, else as its kernel makes it only."""

    name: str
    topology: Topology = field(repr=False)
    origin: str
    packets: Mapping[str, bytes] = field(repr=False)
    states: bool = True
    refuses: bool = False


def every() -> Iterator[Middlebox]:
    yield from options()
    yield from helpers()
    yield from flowtables()
    yield from tags()
    yield from encrypted()
    yield from refusals()
    yield from refusals_of_older()
    yield from resets()
    yield from taken()
    yield from marks()
    yield from zeros()
    yield from quotes()
    yield from versions()
    yield from older()
    yield from far()
    yield from sealed()


def whole(inner: frames.Frame, source: str, destination: str) -> bytes:
    """A frame around a transport header, over the IP version of the addresses."""
    around = frames.ipv6 if ":" in source else frames.ipv4
    return frames.ethernet(around(inner, source, destination)).data


def options() -> Iterator[Middlebox]:
    """A router that edits an option of TCP, and segments with it at an even place, at an odd one, and without it."""
    timestamps = rewriters.edit("BY", "out", 'protocol = "tcp"\ntimestamps = true')
    for name, preset, rule, option in (
        ("mss", "linux-6.1", rewriters.edit("iptables", "out", "mss = 1200"), MSS),
        ("strip", "linux-6.1", rewriters.edit("iptables", "out", 'strip = "mss"'), MSS),
        ("synproxy", "linux-6.1", timestamps.replace("BY", "synproxy"), TIMESTAMPS),
        ("pf", "freebsd-10", timestamps.replace("BY", "pf"), TIMESTAMPS),
        ("pf of 15", "freebsd-15", timestamps.replace("BY", "pf"), TIMESTAMPS),
    ):
        topology = rewriters.router(rule, preset, verify=False)
        segments = {"even": option + bytes(-len(option) % 4), "odd": NOP + option + bytes(-len(NOP + option) % 4), "without": NOP * 4}
        packets = {f"tcp, {place}": whole(frames.tcp(b"data", made), "10.1.0.11", "10.2.0.22") for place, made in segments.items()}
        yield Middlebox(f"options, {name}", topology, "a", packets)
        six = {"tcp, odd": whole(frames.tcp(b"", segments["odd"]), "fd00:1::11", "fd00:2::22")}
        yield Middlebox(f"options, {name}, IPv6", topology, "a", six)


def _helped(name: str) -> Topology:
    """A router with a helper, and a way out that fills TCP's sums."""
    topology = rewriters.router(rewriters.SNAT.replace("to-port = PORT", f'helper = "{name}"'))
    if name != "ftp":
        return topology
    return parse_topology(to_toml(topology).replace('peer = "b:eth0"', 'peer = "b:eth0"\nfeatures = { tx-checksum-ip-generic = false }'))


def helpers() -> Iterator[Middlebox]:
    """A router whose helpers look at what it translates, and packets with and without an address in them."""
    for name, kind, made in (
        ("sip", "udp", {"mentions": b"Via: 10.1.0.11;", "mentions nothing": b"OPTIONS"}),
        ("snmp", "udp", {"mentions": b"x" + bytes([10, 1, 0, 11]), "mentions nothing": b"trap"}),
        ("ftp", "tcp", {"mentions": b"PORT 10,1,0,11,4,5"}),
    ):
        topology = _helped(name)
        port = next(port for ports in HELPERS[name].ports.values() for port in ports)
        packets = {}
        for what, payload in made.items():
            frame = frames.tcp(payload, port=port) if kind == "tcp" else frames.udp(payload, port)
            packets[f"{kind}, {what}"] = data = whole(frame, "10.1.0.11", "10.2.0.22")
            packets[f"{kind}, {what}, damaged"] = data[:-1] + bytes([data[-1] ^ 0x10])
            if kind == "udp":
                packets[f"{kind}, {what}, none"] = frames.patch(data, 40, 0)
        yield Middlebox(f"helpers, {name}", topology, "a", packets)
    topology = _helped("ftp")
    answer = {"tcp, answer": whole(frames.tcp(b"200 PORT command successful", source=21), "10.2.0.22", "10.2.0.77")}
    yield Middlebox("helpers, ftp, answers", topology, "b", answer)


def flowtables() -> Iterator[Middlebox]:
    """A router that forwards by a flowtable what it translates, and packets that are for it or not."""
    text = to_toml(rewriters.router(rewriters.SNAT, port=40000)).replace("conntrack = true", 'conntrack = true\nflowtable = ["va", "vb"]')
    datagram = whole(frames.udp(b"data!!"), "10.1.0.11", "10.2.0.22")
    packets = {
        "tcp": whole(frames.tcp(b"data"), "10.1.0.11", "10.2.0.22"),
        "udp": datagram,
        "udp, damaged": datagram[:-1] + b"?",
        "udp, none": frames.patch(datagram, 40, 0),
        "ping": whole(frames.icmp(b"data"), "10.1.0.11", "10.2.0.22"),
    }
    yield Middlebox("flowtable", parse_topology(text), "a", packets)
    back = {"udp": whole(frames.udp(b"data", 40000), "10.2.0.22", "10.2.0.77")}
    yield Middlebox("flowtable, back", parse_topology(text), "b", back)
    rule = '[[domain.r.nat]]\nkind = "dnat"\ndevice = "va"\naddress = "10.2.0.22"\n'
    text = to_toml(rewriters.router(rule, "linux-4.17")).replace("conntrack = true", 'conntrack = true\nflowtable = ["va", "vb"]')
    datagram = whole(frames.udp(b"data!!"), "10.1.0.11", "10.1.0.1")
    packets = {
        "tcp": whole(frames.tcp(b"data"), "10.1.0.11", "10.1.0.1"),
        "udp, none": frames.patch(datagram, 40, 0),
        "vxlan, none": frames.patch(whole(frames.vxlan(frames.ethernet(frames.ipv4(frames.tcp(b"in")))), "10.1.0.11", "10.1.0.1"), 40, 0),
    }
    yield Middlebox("flowtable of 4.16, published", parse_topology(text), "a", packets)


def tags() -> Iterator[Middlebox]:
    """A host with a VLAN device on a VLAN device, and a card that sums by IP version only."""
    for preset in ("linux-6.1", "linux-5.14", "linux-4.9"):
        text = "".join(
            f"""
[domain.{domain}]
preset = "{preset}"
[domain.{domain}.device.eth0]
kind = "nic"
wire = "lan"
features = {{ tx-checksum-ip-generic = false, tx-checksum-ipv4 = true }}
[domain.{domain}.device."eth0.5"]
kind = "vlan"
lower = "eth0"
id = 5
[domain.{domain}.device."eth0.5.6"]
kind = "vlan"
lower = "eth0.5"
id = 6
address = ["{address}/24"]
"""
            for domain, address in (("a", "10.5.0.1"), ("b", "10.5.0.2"))
        )
        packets = {
            "tcp": whole(frames.tcp(b"data"), "10.5.0.1", "10.5.0.2"),
            "tcp, long": whole(frames.tcp(bytes(4000)), "10.5.0.1", "10.5.0.2"),
        }
        yield Middlebox(f"two tags, {preset}", parse_topology(text), "a", packets)


def encrypted() -> Iterator[Middlebox]:
    """Two hosts with MACsec, the second one's card hands up the sum of the encrypted frame."""
    text = "".join(
        f"""
[domain.{domain}]
preset = "linux-4.19"
[domain.{domain}.device.eth0]
kind = "nic"
wire = "lan"
card = "rx-complete"
[domain.{domain}.device.macsec0]
kind = "macsec"
lower = "eth0"
address = ["{address}/24"]
"""
        for domain, address in (("a", "10.5.0.1"), ("b", "10.5.0.2"))
    )
    packets = {"tcp": whole(frames.tcp(b"data"), "10.5.0.1", "10.5.0.2"), "udp": whole(frames.udp(b"data"), "10.5.0.1", "10.5.0.2")}
    yield Middlebox("macsec of 5.2", parse_topology(text), "a", packets)


def refusals() -> Iterator[Middlebox]:
    """A router that refuses what comes in or leaves by a cable, and answers it."""
    tcp, udp = (whole(inner, "10.1.0.11", "10.2.0.22") for inner in (frames.tcp(b"data"), frames.udp(b"data")))
    packets = {
        "tcp": tcp,
        "tcp, damaged": tcp[:-1] + b"?",
        "udp, none": frames.patch(udp, 40, 0),
        "sctp": whole(frames.sctp(b"data"), "10.1.0.11", "10.2.0.22"),
        "error": whole(frames.icmp_error(frames.ipv4(frames.udp(b"data"), "10.2.0.22", "10.1.0.11").data), "10.1.0.11", "10.2.0.22"),
        "tcp, first fragment": frames.ethernet(frames.ipv4(frames.tcp(b"data"), "10.1.0.11", "10.2.0.22", fragment=0x2000)).data,
    }
    for device, way in (("va", "in"), ("vb", "out")):
        rule = f'[[domain.r.edit]]\nby = "reject"\ndevice = "{device}"\nway = "{way}"\n'
        text = to_toml(rewriters.router(rule)).replace("conntrack = true\n", "")
        yield Middlebox(f"reject, {way}", parse_topology(text), "a", packets)


def refusals_of_older() -> Iterator[Middlebox]:
    """The same, of kernels that verify more before they answer."""
    inner = {"udplite": frames.udplite(b"data"), "sctp": frames.sctp(b"data"), "dccp": frames.dccp(b"data"), "tcp": frames.tcp(b"data")}
    packets = {name: whole(one, "10.1.0.11", "10.2.0.22") for name, one in inner.items()}
    packets["udp, none"] = frames.patch(whole(frames.udp(b"data"), "10.1.0.11", "10.2.0.22"), 40, 0)
    packets["ipip"] = whole(frames.ipv4(frames.tcp(b"data")), "10.1.0.11", "10.2.0.22")
    rule = '[[domain.r.edit]]\nby = "reject"\ndevice = "vb"\nway = "out"\n'
    for preset in ("linux-5.14", "linux-4.19"):
        text = to_toml(rewriters.router(rule, preset)).replace("conntrack = true\n", "")
        yield Middlebox(f"reject, {preset}", parse_topology(text), "a", packets)


def resets() -> Iterator[Middlebox]:
    """What a rule answers with in the name of whoever a refused packet was for."""
    topology = rewriters.router('[[domain.r.edit]]\nby = "reject"\ndevice = "vb"\nway = "out"\n')
    packets = {
        f"tcp over IPv{version}": whole(frames.tcp(b""), source, destination)
        for version, source, destination in ((4, "10.2.0.22", "10.1.0.11"), (6, "fd00:2::22", "fd00:1::11"))
    }
    yield Middlebox("reset", topology, "r", packets, states=False, refuses=True)


def taken() -> Iterator[Middlebox]:
    """A router that takes what is for others: by a rule that translates it to the router, and unchanged."""
    packets = {"tcp": whole(frames.tcp(b"data"), "10.1.0.11", "10.2.0.22")}
    packets["udp"] = whole(frames.udp(b"data", 80), "fd00:1::11", "fd00:2::22")
    rules = {"redirect": '[[domain.r.nat]]\nkind = "redirect"\ndevice = "va"\nport = 80\nto-port = 3128\n'}
    rules["tproxy"] = '[[domain.r.local]]\ndevice = "va"\nport = 80\n'
    for name, rule in rules.items():
        yield Middlebox(name, rewriters.router(rule), "a", packets)
    text = to_toml(rewriters.router("")) + '[domain.r.device.lo]\nkind = "loopback"\n'
    itself = {"tcp": whole(frames.tcp(b"data"), "127.0.0.1", "127.0.0.6"), "udp": whole(frames.udp(b"data"), "10.1.0.1", "10.2.0.1")}
    yield Middlebox("loopback", parse_topology(text), "r", itself)
    answers_back = {"tcp": whole(frames.tcp(b"data", port=1025, source=3128), "10.1.0.1", "10.1.0.11")}
    yield Middlebox("redirect, answered", rewriters.router(rules["redirect"]), "r", answers_back)


def zeros() -> Iterator[Middlebox]:
    """A router whose nft rule leaves an IPv4 header sum of 0 as 0xffff, and a receiver that tells the two zeros apart; TCP sums of 0 in
    both spellings."""
    text = (
        rewriters.ROUTER.replace("RULES", rewriters.edit("nft", "out", "ttl = 33"))
        .replace("PRESET", "linux-6.1")
        .replace("VERIFY", "false")
    )
    text = text.replace("[domain.b.device.eth0]\n", '[domain.b.device.eth0]\nreader = "bmv2"\n')
    packets = {}
    for name, number in (("IPv4 sum 0 after the edit", 0), ("IPv4 sum 1 after the edit", 1)):
        packets[f"tcp, {name}"] = summing_to(frames.tcp(b"data"), "10.1.0.11", "10.2.0.22", 33, number)
    zero = whole(frames.tcp(b"\0\0"), "10.1.0.11", "10.2.0.22")
    field = int.from_bytes(zero[50:52], "big")
    right = zero[:50] + bytes(2) + zero[52:54] + field.to_bytes(2, "big")
    packets["tcp, sum 0"], packets["tcp, sum ffff"] = right, frames.patch(right, 50, 0xFFFF)
    yield Middlebox("zeros", parse_topology(text), "a", packets)


def summing_to(inner: frames.Frame, source: str, destination: str, ttl: int, number: int) -> bytes:
    """A frame whose IPv4 header sum is ``number`` once its TTL is ``ttl``: its identification is chosen for that."""
    data = whole(inner, source, destination)
    header = frames.patch(data[14:24] + bytes(2) + data[26:34], 4, 0)
    identification = negate(residue(header[:8] + bytes([ttl]) + header[9:]) + number)
    data = frames.patch(frames.patch(data, 18, identification), 24, 0)
    return frames.patch(data, 24, negate(residue(data[14:34])))


NAT64 = """
at = "r:va"
[domain.a]
[domain.a.device.eth0]
kind = "veth"
peer = "r:va"
address = ["2001:db8:1::11/64"]
[[domain.a.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:1::1"
[domain.r]
preset = "PRESET"
forwarding = true
[domain.r.device.va]
kind = "veth"
address = ["2001:db8:1::1/64"]
[domain.r.device.vb]
kind = "veth"
peer = "b:eth0"
address = ["192.0.2.1/24"]
[[domain.r.nat64]]
prefix = "64:ff9b::/96"
address = "192.0.2.64"
inside = "2001:db8:1::/64"
by = "BY"
[domain.b]
[domain.b.device.eth0]
kind = "veth"
address = ["192.0.2.22/24"]
[[domain.b.route]]
to = "192.0.2.64/32"
device = "eth0"
via = "192.0.2.1"
"""


def versions() -> Iterator[Middlebox]:
    """A router that translates between IPv6 and IPv4, and packets of both sides."""
    for by, preset, prefix, far in (
        ("jool", "linux-6.1", "64:ff9b::/96", "64:ff9b::c000:216"),
        ("jool-3.3", "linux-6.1", "64:ff9b::/96", "64:ff9b::c000:216"),
        ("jool-3.2", "linux-6.1", "64:ff9b::/96", "64:ff9b::c000:216"),
        ("jool", "linux-6.1", "fd64::/64", "fd64::c0:2:1600:0"),
        ("jool", "linux-6.1", "fd64::/32", "fd64:0:c000:216::"),
        ("af-to", "freebsd-15", "64:ff9b::/96", "64:ff9b::c000:216"),
        ("af-to", "freebsd-15-current", "64:ff9b::/96", "64:ff9b::c000:216"),
    ):
        text = NAT64.replace("PRESET", preset).replace("BY", by).replace("64:ff9b::/96", prefix)
        if preset != "linux-6.1":
            text = text.replace("[domain.a]\n", f'[domain.a]\npreset = "{preset}"\n').replace(
                "[domain.b]\n", f'[domain.b]\npreset = "{preset}"\n'
            )
        topology = parse_topology(text)
        six, four = ("2001:db8:1::11", far), ("192.0.2.22", "192.0.2.64")
        of = by if prefix.endswith("96") else f"{by}, {prefix}"
        for origin, ends, echo in (("a", six, frames.icmpv6), ("b", four, frames.icmp)):
            made = {"tcp": frames.tcp(b"data"), "udp": frames.udp(b"data", 53), "ping": echo(b"data")}
            packets = {name: whole(inner, *ends) for name, inner in made.items()}
            packets["udp, none"] = frames.patch(packets["udp"], 14 + (40 if origin == "a" else 20) + 6, 0)
            packets["tcp, damaged"] = packets["tcp"][:-1] + b"!"
            packets |= errors(*ends)
            yield Middlebox(f"versions, {of} of {preset}, from {origin}", topology, origin, packets)
    yield from customers()


def errors(source: str, destination: str) -> Iterator[tuple[str, bytes]]:
    """ICMP errors about packets that came from ``destination``: what they quote whole or with eight bytes; one of them damaged."""
    six = ":" in source
    made, echo = (frames.icmpv6_error, frames.icmpv6) if six else (frames.icmp_error, frames.icmp)
    around, size = (frames.ipv6, 40) if six else (frames.ipv4, 20)
    for name, inner in (("tcp", frames.tcp(b"asked!")), ("udp", frames.udp(b"asked", 53)), ("ping", echo(b"asked"))):
        quoted = around(inner, destination, source).data
        yield f"error about {name}", whole(made(quoted), source, destination)
        yield f"error about {name}, eight bytes", whole(made(quoted[: size + 8]), source, destination)
    if not six:
        yield "error, quoted header wrong", whole(made(frames.patch(quoted, 10, 0x1234)), source, destination)
    yield "error, damaged", whole(made(quoted), source, destination)[:-1] + b"!"
    yield "ping, damaged", whole(echo(b"data"), source, destination)[:-1] + b"!"


CLAT = """
[domain.phone]
[domain.phone.device.clat4]
kind = "tap"
address = ["192.0.0.4/29"]
options = { vnet-hdr = HEADER }
[[domain.phone.route]]
to = "default"
device = "clat4"
[domain.clat]
program = "WORDS"
forwarding = true
[domain.clat.device.tun]
kind = "virtio"
peer = "phone:clat4"
[domain.clat.device.eth0]
kind = "nic"
wire = "lan"
address = ["2001:db8:5::4/64"]
[[domain.clat.route]]
to = "192.0.0.0/29"
device = "tun"
[[domain.clat.nat64]]
address = "2001:db8:5::4"
inside = "192.0.0.4/32"
[[domain.clat.route]]
to = "::/0"
device = "eth0"
via = "2001:db8:5::1"
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
address = ["2001:db8:5::1/64"]
"""


def customers() -> Iterator[Middlebox]:
    """A program that exchanges the headers of a host in a network of IPv6 only, and packets both ways (RFC 6877)."""
    out, back = ("192.0.0.4", "198.51.100.80"), ("64:ff9b::c633:6450", "2001:db8:5::4")
    for words, header in (("clatd", "true"), ("clatd-before", "false"), ("anew", "false")):
        topology = parse_topology(CLAT.replace("WORDS", words).replace("HEADER", header))
        for origin, ends, echo in (("phone", out, frames.icmp), ("outside", back, frames.icmpv6)):
            made = {"tcp": frames.tcp(b"data"), "udp": frames.udp(b"data", 53), "ping": echo(b"data"), "tcp, long": frames.tcp(bytes(2000))}
            packets = {name: whole(inner, *ends) for name, inner in made.items()}
            packets["udp, none"] = frames.patch(packets["udp"], 14 + (20 if origin == "phone" else 40) + 6, 0)
            packets["tcp, damaged"] = packets["tcp"][:-1] + b"!"
            packets |= errors(*ends)
            yield Middlebox(f"versions, program {words}, from {origin}", topology, origin, packets)


MASQUERADE = """
[[domain.r.nat]]
kind = "masquerade"
device = "vb"
source = "10.1.0.0/24"
by = "BY"
"""


def quotes() -> Iterator[Middlebox]:
    """A router that masquerades, and ICMP errors about what it sent: about every protocol, quoted whole or with eight bytes."""
    for by in ("cilium", "cilium-1.19", "cilium-1.17", "conntrack"):
        topology = rewriters.router(MASQUERADE.replace("BY", by), verify=False)
        sent = {"tcp": frames.tcp(b"asked"), "udp": frames.udp(b"asked", 53), "ping": frames.icmp(b"asked")}
        packets = {}
        for name, inner in sent.items():
            quoted = frames.ipv4(inner, "10.2.0.1", "10.2.0.22").data
            packets[f"error about {name}"] = whole(frames.icmp_error(quoted), "10.2.0.22", "10.2.0.1")
            packets[f"error about {name}, eight bytes"] = whole(frames.icmp_error(quoted[:28]), "10.2.0.22", "10.2.0.1")
        unsummed = frames.ipv4(frames.udp(b"asked", 53), "10.2.0.1", "10.2.0.22").data
        packets["error about udp, none"] = whole(frames.icmp_error(frames.patch(unsummed, 26, 0)), "10.2.0.22", "10.2.0.1")
        yield Middlebox(f"quotes, {by}", topology, "b", packets)
        if by != "conntrack":
            out = {name: whole(made, "10.1.0.11", "10.2.0.22") for name, made in (("tcp", frames.tcp(b"x")), ("udp", frames.udp(b"x")))}
            at = 14 + 20 + 6
            own = frames.icmp_error(frames.ipv4(frames.udp(b"asked", 53), "10.2.0.22", "10.2.0.1").data)
            out |= {"udp, none": frames.patch(out["udp"], at, 0), "error of this side": whole(own, "10.1.0.11", "10.2.0.22")}
            yield Middlebox(f"quotes, {by}, outward", topology, "a", out)


def marks() -> Iterator[Middlebox]:
    """The end of a VXLAN tunnel, and packets whose outer and inner IP headers have different ECN bits; a router that sets the bits."""
    for preset in ("linux-6.1", "linux-5.9", "linux-5.7", "linux-4.4"):
        text = hosts.DIRECT.replace("[domain.pod]", f'[domain.pod]\npreset = "{preset}"', 1)
        topology = parse_topology(text.replace("[domain.host]", f'[domain.host]\npreset = "{preset}"', 1))
        packets = {}
        for inner_version, addresses in ((4, ("10.244.0.1", "10.244.3.3")), (6, ("fd00:7::1", "fd00:7::3"))):
            for outer, inner in ((0, 2), (1, 2), (1, 1), (3, 2), (3, 0), (2, 3)):
                around = frames.ipv6 if inner_version == 6 else frames.ipv4
                carried = frames.vxlan(frames.ethernet(around(frames.udp(b"marked", 53), *addresses, ecn=inner)))
                name = f"vxlan marked {outer} around IPv{inner_version} marked {inner}"
                packets[name] = frames.ethernet(frames.ipv4(carried, "10.9.0.2", "10.9.0.1", ecn=outer)).data
        yield Middlebox(f"marks, {preset}", topology, "pod", packets)
    for by in ("nft", "pedit"):
        topology = rewriters.router(rewriters.edit(by, "out", "ecn = 1"), verify=False)
        packets = {
            f"udp over IPv{version}": whole(frames.udp(b"marked", 53), source, destination)
            for version, source, destination in ((4, "10.1.0.11", "10.2.0.22"), (6, "fd00:1::11", "fd00:2::22"))
        }
        yield Middlebox(f"marks, set by {by}", topology, "a", packets)


def older() -> Iterator[Middlebox]:
    """Routers of kernels that did not follow: nft before it knew pseudo-headers, tc's csum action before it looked behind tags."""
    topology = rewriters.router(rewriters.by("nft"), "linux-4.9", verify=False, port=40000)
    every = rewriters.packets("10.1.0.11", "10.2.0.22", 4, b"payload")
    yield Middlebox("older, nft", topology, "a", {name: every[name] for name in ("tcp", "udp", "sctp", "tcp, long")})
    ipvs = rewriters.router(rewriters.by("ipvs"), "linux-2.6.36", verify=False)
    yield Middlebox("older, ipvs", ipvs, "a", {"tcp": every["tcp"]})
    text = to_toml(rewriters.router(rewriters.SUMMED.replace("out", "in").replace("vb", "va"), "linux-4.20", verify=False))
    for device in ("a.device.eth0", "r.device.va"):
        text += f'[domain.{device[0]}.device."{device[9:]}.5"]\nkind = "vlan"\nlower = "{device[9:]}"\nid = 5\n'
        text += f'address = ["10.5.0.{1 + (device[0] == "a")}/24"]\n'
    damaged = whole(frames.udp(b"tagged"), "10.5.0.2", "10.5.0.1")
    packets = {"udp": damaged, "udp, damaged": damaged[:-1] + b"D"}
    yield Middlebox("older, csum action, tagged", parse_topology(text), "a", packets)


def far() -> Iterator[Middlebox]:
    """A host that cannot set csum_start far into a frame, and a guest's packets with the field at the last place that it reaches and at the
    next, TCP's and UDP's."""
    text = hosts.CLAIMS.replace("options = { CLAIM = true }\n", "").replace("PRESET", "linux-3.13-rc", 1).replace("PRESET", "linux-6.11")
    packets = {}
    for octets in (56, 64, 72):
        behind = ((60, bytes([0, octets // 8 - 1, 1, octets - 4]) + bytes(octets - 4)),)
        for name, inner in (("tcp", frames.tcp(b"far")), ("udp", frames.udp(b"far", 53))):
            whole_packet = frames.ethernet(frames.ipv6(inner, "2001:db8:2::11", "2001:db8:2::12", extensions=behind))
            plan = whole_packet.sums[-1]
            packets[f"{name} behind {octets} bytes"] = whole_packet.data
            packets[f"{name} behind {octets} bytes, partial"] = frames.patch(whole_packet.data, plan.at, residue(plan.pseudo) or 0xFFFF)
    yield Middlebox("far", parse_topology(text), "domU", packets)


SIX = {"192.0.2.1": "2001:db8::1", "192.0.2.9": "2001:db8::9"}


def sealed() -> Iterator[Middlebox]:
    """IPsec between two sites: over IPv6 behind NAT, where the outer UDP header needs a sum, and SCTP that the near gateway sends itself,
    with a card below that makes CRCs."""
    natt = sites.topology("esp", "tun0", "tun0", 'encap = "udp"\nport = 4500\n')
    for four, six in SIX.items():
        natt = natt.replace(f'["{four}/24"]', f'["{six}/64"]').replace(f'"{four}"', f'"{six}"')
    ends = ("10.1.0.2", "10.3.0.2")
    datagram = whole(frames.udp(b"sealed", 53), *ends)
    packets = {"udp": datagram, "udp, damaged": datagram[:-1] + b"D"}
    yield Middlebox("sealed, IPv6 and UDP", parse_topology(natt), "left", packets)
    topology = parse_topology(sites.topology("esp", "tun0", "tun0", ""))
    yield Middlebox("sealed, sctp", topology, "near", {"sctp": whole(frames.sctp(b"sealed"), "10.1.0.1", "10.3.0.2")}, states=False)
