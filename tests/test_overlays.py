"""Tunnels as ports of bridges: who is reached through them, what a capture on either side says, and a host of this kernel that has one."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import built_hosts
import hosts
import pytest
import traffic
import walks

from csumlab.host.dump import parse_dump
from csumlab.host.loading import load_host
from csumlab.plain.packet import FramePacket
from csumlab.replaying import replay
from csumlab.state import Skb
from csumlab.topology import ways
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Port, Topology
from csumlab.topology.presets.versions import nearest_preset
from csumlab.trace import TAP, Fate, Trace

BRIDGED = {"FARPORT": 'bridge = "br0"', "FARBRIDGE": ""}
FAR = Port("b", "eth0")


def overlay(kind: str = "vxlan", card: str = "", **words: str) -> Topology:
    text = hosts.OVERLAY.replace('wire = "lan"\n', f'wire = "lan"\ncard = "{card}"\n', 1) if card else hosts.OVERLAY
    return walks.host(text, **{"KIND": kind, **BRIDGED, **words})


def walked(topology: Topology, destination: str = "10.5.0.2") -> Trace:
    """One TCP segment from a container, as its kernel makes it."""
    frame = walks.packets_between("10.5.0.1", destination, 4)["tcp"]
    (trace,) = walks.run_plain(walks.Case("overlay", topology, "a", frame, None))
    return trace


@pytest.mark.parametrize("kind", ["vxlan", "geneve", "gretap", "l2tp"])
def test_frames_go_through(kind: str) -> None:
    """From bridge to bridge, seen at both tunnel devices."""
    trace = walked(overlay(kind))
    seen = [f"{hop.port} {hop.way}" for hop in trace.hops if hop.stage is TAP]
    assert seen == [
        "a:eth0 out", "one:v0 in", "one:tun0 out", "one:eth0 out", "two:eth0 in", "two:tun0 in", "two:v0 out", "b:eth0 in",
    ]  # fmt: skip
    assert (trace.fate, trace.hops[-1].domain) == (Fate.ACCEPTED, "b")


def test_the_far_gateway_is_reached() -> None:
    """A next hop on the other side of the tunnel takes what is for elsewhere; its own address may be on the bridge or on the tunnel."""
    routes = '[[domain.two.route]]\nto = "default"\ndevice = "eth0"\nvia = "192.0.2.254"\n' + hosts.OUTSIDE
    for words in ({"FARBRIDGE": 'address = ["10.5.0.254/24"]'}, {"FARPORT": 'address = ["10.5.0.254/24"]'}):
        text = hosts.OVERLAY + routes
        for word, value in {"KIND": "vxlan", **BRIDGED, **words}.items():
            text = text.replace(word, value)
        trace = walked(parse_topology(text), "198.51.100.80")
        assert (trace.fate, trace.hops[-1].domain) == (Fate.ACCEPTED, "outside")
        assert "two:tun0" in {hop.port for hop in trace.hops}


def test_where_nobody_is_known_the_tunnel_is_the_way_out() -> None:
    """A dump of one host: what no one on its bridge has goes into the tunnel; with two of them nobody can tell which."""
    alone = hosts.OVERLAY[: hosts.OVERLAY.index("[domain.two]")].replace("KIND", "vxlan")
    trace = walked(parse_topology(alone))
    assert (trace.fate, trace.hops[-1].domain) == (Fate.ACCEPTED, "outside")
    second = '[domain.one.device.tun1]\nkind = "gretap"\nbridge = "br0"\nlocal = "192.0.2.1"\nremote = "192.0.2.3"\n'
    assert "several ports" in walked(parse_topology(alone + second)).why


def test_tagged_frames_do_not_enter() -> None:
    """A VLAN's frames reach no tunnel, as limits.md says."""
    text = hosts.OVERLAY + '[domain.a.device.tagged]\nkind = "vlan"\nlower = "eth0"\nid = 5\naddress = ["10.6.0.1/24"]\n'
    for word, value in {"KIND": "vxlan", **BRIDGED}.items():
        text = text.replace(word, value)
    assert ways.segment(parse_topology(text), Port("a", "tagged")) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[domain.a.device.t]\nkind = "gre"\nlocal = "10.0.0.1"\nremote = "10.0.0.2"\nbridge = "br0"\n', "a gre has no bridge"),
        (
            '[domain.two.device.tun1]\nkind = "gretap"\nbridge = "br0"\nlocal = "192.0.2.2"\nremote = "192.0.2.1"\n'
            '[domain.one.device.tun1]\nkind = "gretap"\nbridge = "br0"\nlocal = "192.0.2.1"\nremote = "192.0.2.2"\n',
            "closes a loop",
        ),
    ],
)
def test_what_is_no_port(text: str, words: str) -> None:
    """A tunnel of bare IP packets is no port of a bridge; two tunnels between the same bridges are a loop."""
    whole = hosts.OVERLAY + text
    for word, value in {"KIND": "vxlan", **BRIDGED}.items():
        whole = whole.replace(word, value)
    with pytest.raises(TopologyError, match=words):
        parse_topology(whole)


@pytest.mark.parametrize("at", ["one:v0", "one:tun0", "two:eth0", "two:tun0", "b:eth0"])
def test_a_card_that_fills_the_wrong_sum_is_found_wherever_one_listens(at: str, tmp_path: Path) -> None:
    """The card of the first host ignores csum_start: the container's sum leaves unfilled, and the other container drops the segment."""
    topology = overlay(card="tx-by-protocol")
    trace = walked(topology)
    assert trace.fate is Fate.REJECTED
    hop = next(hop for hop in trace.hops if hop.stage is TAP and hop.port == at)
    assert isinstance(hop.before, FramePacket)
    capture = traffic.capture(tmp_path / "overlay.pcap", [hop.before.frame()])
    result = replay(capture, topology, at=at)
    assert any(finding.code == "CSL101" and str(finding.hop).startswith("one:eth0") for finding in result.findings), result.findings


@pytest.mark.needs_root
@pytest.mark.needs_program
def test_there_and_back() -> None:
    """Two bridges joined by VXLAN, made of namespaces of this kernel, saved and loaded, walk as the topology that they were made from."""
    missing = built_hosts.missing_programs()
    if missing:
        pytest.skip(f"{', '.join(missing)} must be installed")
    if not built_hosts.can_build():
        pytest.skip("network namespaces cannot be made here")
    text = hosts.OVERLAY.replace('kind = "nic"\nwire = "lan"', 'kind = "veth"\npeer = "two:eth0"', 1)
    text = text.replace('kind = "nic"\nwire = "lan"', 'kind = "veth"').replace('via = "10.5.0.254"', 'via = "10.5.0.2"')
    for word, value in {"KIND": "vxlan", **BRIDGED}.items():
        text = text.replace(word, value)
    kernel = nearest_preset(platform.release())[0]
    topology = parse_topology(text)
    topology = replace(topology, domains={name: replace(domain, preset=kernel) for name, domain in topology.domains.items()})
    commands = built_hosts.build_commands(topology, "one") + built_hosts.dump_command("a", "two", "b")
    made = load_host(parse_dump(built_hosts.run_there(commands)), name="one").topology
    device = made.device(Port("two", "tun0"))
    assert (device.bridge, device.local, device.remote, device.port) == ("br0", "192.0.2.2", "192.0.2.1", 4789)
    assert list(map(str, walked(made).hops)) == list(map(str, walked(topology).hops))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("erspan", "options = { csum = true }"), "the GRE header of ERSPAN has no sum"),
        (("vxlan", 'encap = "gpe"', "options = { remcsumrx = true }"), "leaves no sum to the far end"),
        (("gre", 'encap = "gue"', "options = { csum = true }"), "not modelled"),
    ],
)
def test_sums_that_a_tunnel_cannot_have(words: tuple[str, ...], problem: str) -> None:
    """What the kernel refuses to set, or the model has no table for, is refused with the reason."""
    with pytest.raises(TopologyError, match=problem):
        walks.two_sites(*words)


@pytest.mark.parametrize("words", [("vxlan", 'encap = "gpe"'), ("erspan",), ("bareudp", "options = { udpcsum = true }")])
def test_what_is_carried_arrives(words: tuple[str, ...]) -> None:
    """A segment and a damaged one come out of the tunnel as they went in: both interpreters say so at every hop."""
    site = walks.two_sites(*words)
    for kind in ("tcp", "udp, damaged"):
        for origin, source, destination, version in walks.ends_of("tunnel"):
            frame = walks.packets_between(source, destination, version)[kind]
            case = walks.Case(f"{words[0]}: {kind}", site, origin, frame, Skb())
            assert walks.differences(case) == []
            assert walks.run_plain(case)[0].fate is (Fate.ACCEPTED if kind == "tcp" else Fate.REJECTED)
