"""Hosts whose router rewrites packets, and packets of every protocol for them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import frames

from csumlab.state import Skb, State, Summed
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Topology
from csumlab.topology.written import to_toml

ROUTER = """
at = "r:va"
[domain.a]
preset = "PRESET"
[domain.a.device.eth0]
kind = "veth"
peer = "r:va"
address = ["10.1.0.11/24", "fd00:1::11/64"]
[[domain.a.route]]
to = "default"
device = "eth0"
via = "10.1.0.1"
[[domain.a.route]]
to = "::/0"
device = "eth0"
via = "fd00:1::1"
[domain.r]
preset = "PRESET"
forwarding = true
conntrack = true
sysctl = { "net.netfilter.nf_conntrack_checksum" = VERIFY }
[domain.r.device.va]
kind = "veth"
address = ["10.1.0.1/24", "fd00:1::1/64"]
[domain.r.device.vb]
kind = "veth"
peer = "b:eth0"
address = ["10.2.0.1/24", "fd00:2::1/64"]
RULES
[domain.b]
preset = "PRESET"
[domain.b.device.eth0]
kind = "veth"
address = ["10.2.0.22/24", "fd00:2::22/64"]
[[domain.b.route]]
to = "default"
device = "eth0"
via = "10.2.0.1"
[[domain.b.route]]
to = "::/0"
device = "eth0"
via = "fd00:2::1"
"""
ENDS = (("a", "10.1.0.11", "10.2.0.22", 4), ("a", "fd00:1::11", "fd00:2::22", 6), ("b", "10.2.0.22", "10.2.0.77", 4))
PUBLISHED_ENDS = (("a", "10.1.0.11", "10.1.0.1", 4), ("a", "fd00:1::11", "fd00:1::1", 6))
PUBLISHED = "".join(
    f'[[domain.r.nat]]\nkind = "dnat"\ndevice = "va"\naddress = "{address}"\nto-port = PORT\n' for address in ("10.2.0.22", "fd00:2::22")
)
"""What is for the router goes on to somebody behind it."""
SNAT = "".join(
    f'[[domain.r.nat]]\nkind = "snat"\ndevice = "vb"\nsource = "{source}"\naddress = "{address}"\nto-port = PORT\n'
    for source, address in (("10.1.0.0/24", "10.2.0.77"), ("fd00:1::/64", "fd00:2::77"))
)


def by(name: str, rules: str = SNAT) -> str:
    """The rules, by somebody without a memory."""
    return rules.replace("to-port = PORT", f'to-port = PORT\nby = "{name}"')


def edit(name: str, way: str, words: str) -> str:
    return f'[[domain.r.edit]]\nby = "{name}"\ndevice = "vb"\nway = "{way}"\n{words}\n'


SUMMED = edit("act-csum", "out", 'sums = ["ip", "tcp", "udp", "sctp", "udplite", "dccp", "icmp", "icmpv6"]')
DECIDED = edit("nfqueue", "out", 'program = "takes-unfinished sums heeds-owed heeds-verified"')
DECIDED += edit("nfqueue", "in", "")
MARKED = edit("iptables", "out", "dscp = 46\nttl = 33") + edit("iptables", "in", 'protocol = "tcp"\nmss = 1200')


def by_programs(four: str, six: str) -> str:
    """The rules, by a program behind a queue of each version of IP that behaves so."""
    text = by("nfqueue").split("[[")
    return "[[".join([text[0], f'{text[1]}program = "{four}"\n', f'{text[2]}program = "{six}"\n'])


def router(rules: str, preset: str = "linux-6.1", verify: bool = True, port: int = 0) -> Topology:
    text = ROUTER.replace("RULES", rules).replace("PRESET", preset).replace("VERIFY", str(verify).lower())
    return parse_topology(text.replace("PORT", str(port)))


def with_program(words: str, rules: str) -> Topology:
    """A program is the router."""
    return parse_topology(to_toml(router(rules, verify=False, port=40000)).replace("[domain.r]\n", f'[domain.r]\nprogram = "{words}"\n', 1))


def programmed_hosts() -> dict[str, Topology]:
    """By how the program behaves that is the router, after "program"."""
    four = SNAT[: SNAT.index("[[", 2)]
    return {
        "program, relay": with_program("relay", SNAT),
        "program, with headers": with_program("keeps-header heeds-verified sums", SNAT),
        "program, anew": with_program("heeds-owed sums anew", four),
        "program, updating zeros": with_program("updates-zero", four),
        "program, raw socket": with_program("heeds-owed forgets header-included", four),
    }


def hosts() -> dict[str, Topology]:
    """By name: what the router does, after "rewriting", or "published" if it is for packets to itself."""
    return {
        "rewriting, snat": router(SNAT),
        "rewriting, snat, ports, unverified": router(SNAT, verify=False, port=40000),
        "rewriting, nft": router(by("nft"), port=40000),
        "rewriting, nft of 5.6": router(by("nft"), preset="linux-5.6", verify=False, port=40000),
        "rewriting, nft, addresses": router(by("nft") + edit("nft", "out", "dscp = 46\nttl = 33"), verify=False),
        "rewriting, pedit": router(by("pedit"), verify=False, port=40000),
        "rewriting, pedit and csum": router(by("pedit") + SUMMED, verify=False, port=40000),
        "rewriting, act-nat": router(by("act-nat"), verify=False),
        **{f"published, {name}": router(by(name, PUBLISHED)) for name in ("nft", "openvswitch")},
        "published, bpf-ipv6": router(by("bpf-ipv6", PUBLISHED), preset="linux-6.18"),
        "rewriting, bpf": router(by("bpf"), verify=False, port=40000),
        "rewriting, openvswitch": router(by("openvswitch"), verify=False, port=40000),
        "rewriting, ipvs": router(by("ipvs"), verify=False, port=40000),
        "rewriting, ipvs, addresses": router(by("ipvs")),
        "rewriting, marks": router(MARKED),
        "rewriting, queue": router(DECIDED, verify=False),
        "rewriting, queue, edited": router(by_programs("takes-unfinished", "anew"), port=40000),
        "rewriting, queue, edited unfinished": router(by_programs("takes-unfinished heeds-owed", "takes-unfinished forgets"), port=40000),
        "rewriting, queue, updating zeros": router(by_programs("updates-zero", "updates-zero"), port=40000),
        "rewriting, snat of 5.6": router(SNAT, preset="linux-5.6", verify=False),
    }


def some(kind: str, states: tuple[State | None, ...]) -> tuple[State | None, ...]:
    """Those of a packet's states that are told apart here: damage counts where nothing is known."""
    if "damaged" in kind:
        return tuple(state for state in states if isinstance(state, Skb) and state.summed is Summed.NONE)
    return tuple(state for state in states if not (isinstance(state, Skb) and state.level))


def packets(source: str, destination: str, version: int, payload: bytes) -> dict[str, bytes]:
    """One frame of each protocol that a translator knows, and damaged ones."""

    def made(inner: frames.Frame) -> bytes:
        around = frames.ipv4 if version == 4 else frames.ipv6
        return frames.ethernet(around(inner, source, destination)).data

    quoted = dict(_quoted(destination, source, version))
    error = frames.icmp_error if version == 4 else frames.icmpv6_error
    found = {
        "tcp": made(frames.tcp(payload)),
        "udp": made(frames.udp(payload, 53)),
        "ping": made(frames.icmp(payload) if version == 4 else frames.icmpv6(payload)),
        "sctp": made(frames.sctp(payload)),
        "udplite": made(frames.udplite(payload)),
        "dccp": made(frames.dccp(payload)),
        **{f"error about {name}": made(error(data)) for name, data in quoted.items()},
    }
    for name in ("udp", "sctp", "udplite", "dccp", "ping", "error about udp"):
        data = found[name]
        found[f"{name}, damaged"] = data[:-1] + bytes([data[-1] ^ 0x10])
    at = 14 + (20 if version == 4 else 40) + 6
    found["udp, none"] = frames.patch(found["udp"], at, 0)
    if version == 6:
        head = ((44, struct.pack("!HHI", 0, 1, 7)),)
        found["udp, first fragment"] = frames.ethernet(frames.ipv6(frames.udp(payload), source, destination, extensions=head)).data
    if version == 4:
        found["tcp, long"] = made(frames.tcp(payload * 250))
        found["udp, first fragment"] = frames.ethernet(frames.ipv4(frames.udp(payload), source, destination, fragment=0x2000)).data
        found["tcp, first fragment"] = frames.ethernet(frames.ipv4(frames.tcp(payload), source, destination, fragment=0x2000)).data
        found["vxlan"] = made(frames.vxlan(frames.ethernet(frames.ipv4(frames.tcp(payload)))))
    return found


def _quoted(source: str, destination: str, version: int) -> Iterator[tuple[str, bytes]]:
    """What was sent the other way, from its IP header on."""
    around = frames.ipv4 if version == 4 else frames.ipv6
    head = 20 if version == 4 else 40
    for name, inner in (("tcp", frames.tcp(b"asked")), ("udp", frames.udp(b"asked", 53)), ("sctp", frames.sctp(b"asked"))):
        data = around(inner, source, destination).data
        yield name, data
        yield f"{name}, eight bytes", data[: head + 8]
