"""What a host takes of packets for others, and sends by addresses that are not its own."""

from __future__ import annotations

from pathlib import Path

import frames
import pytest
import rewriters
from middleboxes import whole

from csumlab.capture import PcapngWriter
from csumlab.headers import Kind
from csumlab.inet import residue
from csumlab.replaying import ReplayResult, replay
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.written import to_toml

REDIRECT = '[[domain.r.nat]]\nkind = "redirect"\ndevice = "va"\nprotocol = "tcp"\nport = 80\nto-port = 3128\n'
LOCAL = '[[domain.r.local]]\ndevice = "va"\nto = "203.0.113.0/24"\nprotocol = "tcp"\nport = 80\nas-client = true\n'
OWN = '[[domain.r.nat]]\nkind = "snat"\ndevice = "vb"\nsource = "10.2.0.1/32"\naddress = "10.2.0.77"\n'
LOOPBACK = '[domain.r.device.lo]\nkind = "loopback"\n[domain.a.device.lo]\nkind = "loopback"\n'
SIDECAR = LOOPBACK + '[[domain.r.nat]]\nkind = "redirect"\ndevice = "lo"\nprotocol = "tcp"\nto-port = 15001\n'
SERVICE = LOOPBACK + (
    '[[domain.r.nat]]\nkind = "dnat"\ndevice = "lo"\ndestination = "10.96.0.10/32"\nprotocol = "tcp"\nport = 80\n'
    'address = "10.2.0.22"\nto-port = 8080\n'
)
SHARED = LOOPBACK.replace('"loopback"\n', '"loopback"\naddress = ["127.0.0.1/8", "10.2.0.22/32"]\n', 1)
WAY = '[[domain.r.route]]\nto = "default"\ndevice = "vb"\nvia = "10.2.0.22"\n'


def owed(source: str, destination: str, port: int, source_port: int) -> bytes:
    """A segment whose sum is left to a card."""
    frame = frames.ethernet(frames.ipv4(frames.tcp(b"data", port=port, source=source_port), source, destination))
    plan = next(one for one in frame.sums if one.kind is Kind.TCP)
    return frames.patch(frame.data, plan.at, residue(plan.pseudo))


def read_as(path: Path, rules: str, at: str, packet: bytes) -> ReplayResult:
    with PcapngWriter(path / "a.pcapng") as file:
        file.write(packet, interface=file.add_interface(1))
    return replay(path / "a.pcapng", rewriters.router(rules + WAY), at=at)


@pytest.mark.parametrize(
    ("rules", "at", "source", "destination", "ports"),
    [
        (REDIRECT, "r:va", "203.0.113.9", "10.1.0.11", (1025, 80)),
        (REDIRECT, "r:va", "10.1.0.1", "10.1.0.11", (1025, 80)),
        (LOCAL, "r:va", "203.0.113.9", "10.1.0.11", (1025, 80)),
        (LOCAL, "r:vb", "10.1.0.77", "203.0.113.9", (80, 1025)),
        (OWN, "r:vb", "10.2.0.77", "10.2.0.22", (80, 1025)),
        (LOOPBACK, "r:lo", "127.0.0.1", "127.0.0.6", (80, 1025)),
        (LOOPBACK, "r:lo", "10.1.0.1", "10.2.0.1", (80, 1025)),
        (SIDECAR, "r:lo", "203.0.113.9", "10.1.0.1", (1025, 80)),
        (SERVICE, "r:vb", "10.2.0.1", "10.2.0.22", (8080, 1025)),
        (SHARED, "r:va", "10.2.0.22", "10.1.0.11", (1025, 80)),
    ],
)
def test_what_a_host_sends_by_other_addresses(
    tmp_path: Path, rules: str, at: str, source: str, destination: str, ports: tuple[int, int]
) -> None:
    """Answers of a proxy, what it asks by its clients' addresses, and what the host translates of its own: all owed, none of it wrong."""
    result = read_as(tmp_path, rules, f"{at}:out", owed(source, destination, *ports))
    assert (result.start[0].startswith("1 packet sent by a program in r as its kernel makes it"), result.status) == (True, 0)


def test_without_a_rule_nobody_has_the_address(tmp_path: Path) -> None:
    """An answer from another port than the one that is taken is nobody's."""
    for rules in (REDIRECT, LOCAL):
        result = read_as(tmp_path, rules, "r:va:out", owed("203.0.113.9", "10.1.0.11", 1025, 81))
        assert [finding.code for finding in result.findings] == ["CSL901"]


@pytest.mark.parametrize(
    ("rules", "ends"), [(REDIRECT, {"leaves r with the addresses it came with", "dropped at b"}), (LOCAL, {"rejected at r"})]
)
def test_what_is_for_others_and_damaged(tmp_path: Path, rules: str, ends: set[str]) -> None:
    """It ends at the program that takes it, and is rejected there; what connection tracking finds INVALID is not redirected."""
    sent = whole(frames.tcp(b"data"), "10.1.0.11", "203.0.113.9")
    found = read_as(tmp_path, rules, "r:va:in", sent[:-1] + b"?").findings
    assert {finding.consequence.split(":")[0] for finding in found} == ends


def test_answers_to_a_proxy_end_here(tmp_path: Path) -> None:
    """What comes for a client from the port that is taken is the proxy's; from another port it is the client's."""
    for port, end in ((80, "r"), (81, "a")):
        sent = whole(frames.tcp(b"data", port=1025, source=port), "10.2.0.22", "10.1.0.11")
        walked = read_as(tmp_path, LOCAL.replace("203.0.113", "10.2.0"), "r:vb:in", sent)
        hops = [reading.trace.hops[-1].domain for leaf in walked.classes for reading in leaf.outcome.readings]
        assert (hops, walked.findings) == ([end], ())


def test_the_answer_to_what_a_rule_sent_elsewhere(tmp_path: Path) -> None:
    """It gets back the address that was asked, and ends where it was asked; what comes from another port is as it came."""
    for port, asked in ((8080, "10.96.0.10"), (8081, "10.2.0.22")):
        sent = whole(frames.tcp(b"data", port=1025, source=port), "10.2.0.22", "10.2.0.1")
        walked = read_as(tmp_path, SERVICE, "r:vb:in", sent)
        (last,) = (reading.trace.hops[-1] for leaf in walked.classes for reading in leaf.outcome.readings)
        assert (last.domain, str(last.after.headers[0].source), walked.findings) == ("r", asked, ())


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (REDIRECT + 'address = "10.1.0.1"\n', "a redirect rule has no address"),
        (REDIRECT.replace("redirect", "dnat"), "a dnat rule needs address"),
        (OWN + 'destination = "10.0.0.0/8"\n', "is of dnat and redirect"),
        (REDIRECT + 'destination = "nowhere"\n', "is not a prefix"),
        ('[[domain.r.local]]\ndevice = "va"\n', "it needs to, port or protocol"),
        (LOCAL.replace('"va"', '"vc"'), "vc"),
        (LOCAL.replace("port = 80", "port = 80000"), "no port number"),
        (LOCAL.replace('"tcp"', '"arp"'), "arp"),
    ],
)
def test_rules_that_cannot_be(rule: str, words: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(TopologyError, match=words):
        rewriters.router(rule)


def test_rules_are_read_back() -> None:
    """As they were written."""
    topology = rewriters.router(REDIRECT + 'destination = "203.0.113.0/24"\nsource = "10.0.0.0/8"\n' + LOCAL)
    assert parse_topology(to_toml(topology)) == topology
