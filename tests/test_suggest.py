"""The topology that ``replay`` suggests for a capture is taken as it stands: it loads, explains the packets, and blames nobody without
need."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from csumlab.headers import Verdict
from csumlab.packet import exactly
from csumlab.replaying import replay
from csumlab.starting import start_from
from csumlab.stations import Ends, Neighbourhood
from csumlab.suggest import Suggestion, suggest
from csumlab.topology import forward
from csumlab.topology.load import load_topology, parse_topology
from csumlab.topology.model import Port
from csumlab.topology.written import to_toml

CAPTURES = Path(__file__).parents[1] / "captures"
FILES = sorted(path for path in CAPTURES.glob("*/*.pcapng") if (path.parent / "topology.toml").exists())
MERGED = "frames that were merged on the way in say nothing of who left which sum to a card"
ZERO = "a zero UDP sum over IPv6, which a translator behind the capture point takes and a host does not"
EXCEPTIONS = {
    "kvm-vlan-guest": ({"CSL901"}, "frames with VLAN tags: whose device puts them on is not in the capture"),
    "linux-6.1-super-frame-without-blank": ({"CSL901"}, MERGED),
    "netvsc-rsc": ({"CSL901"}, MERGED),
    "netvsc-rsc-blank": ({"CSL101"}, "frames that were merged with a blank header sum look as those of a sender that left it to its card"),
    "linux-3.12-blank-on-a-fragment": ({"CSL902"}, "fragments: their datagram is whole only in another packet"),
    "linux-6.1-blank-on-a-fragment": ({"CSL902"}, "fragments: their datagram is whole only in another packet"),
    "ipv6-extension-6.11": ({"CSL901"}, "the suggested kernel fills what is behind extension headers itself, before a capture sees it"),
    "clat-zero": ({"CSL501"}, ZERO),
    "clat-zero-kept": ({"CSL501"}, ZERO),
    "mesh-sidecar": ({"CSL901"}, "what passes the loopback device only is taken for packets of a cable"),
    "vrrp-translated": ({"CSL301"}, "who takes a wrong sum that no kernel verifies is not in the capture"),
    "trailer-cut-on-a-bridge": ({"CSL103"}, "a card may sum a trailer; here a bridge in front of it cuts that off"),
}
"""Findings beyond those of the capture's own topology, with the reason."""


@cache
def suggested(path: Path) -> Suggestion:
    return suggest(path)


def codes(path: Path, text: str) -> set[str]:
    return {finding.code for finding in replay(path, parse_topology(text)).findings}


def excused(suggestion: Suggestion) -> set[str]:
    """What the capture itself gives reason for, whatever host it was taken on."""
    found = set()
    if suggestion.status == 1:
        # What check calls wrong somebody sent.
        found.add("CSL001")
    if any(verdict is Verdict.ABSENT for _, verdict in suggestion.checked.tally):
        # Datagrams without a sum are taken unverified by any host.
        found.add("CSL312")
    if any("the lines below have no device for that" in sentence for sentence in suggestion.untold):
        # What is in a tunnel has its sums made and is taken out by the tunnel's device, which no capture describes; that is said.
        found |= {"CSL401", "CSL502", "CSL901", "CSL902"}
    return found


def held(path: Path) -> None:
    """Nothing is found that neither the capture's own topology finds nor the capture itself gives reason for."""
    suggestion = suggested(path)
    found = codes(path, to_toml(suggestion.topology))
    known = {finding.code for finding in replay(path, load_topology(path.parent / "topology.toml")).findings} | excused(suggestion)
    assert found - known == EXCEPTIONS.get(path.parent.name, (set(), ""))[0] - known


@pytest.mark.parametrize("name", ["kvm-bridge", "linux-6.1-wrong-from-outside", "kvm-router-dhcp", "sctp-container", "vxlan-masquerade"])
def test_some_suggestions_as_they_stand(name: str) -> None:
    """A guest, two guests, a router, a container, a tunnel."""
    held(CAPTURES / name / "traffic.pcapng")


@pytest.mark.long
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_suggestion_as_it_stands(path: Path) -> None:
    """Of every shipped capture."""
    held(path)


def test_all_addresses_of_a_sender() -> None:
    """Both guests of kvm-bridge with all addresses from which they leave sums to a card; no finding at all."""
    path = CAPTURES / "kvm-bridge" / "traffic.pcapng"
    topology = suggested(path).topology
    assert topology.domains["guest"].devices["eth0"].addresses == ("192.0.2.11/24", "2001:db8:2::11/64")
    assert "192.0.2.1/24" in topology.domains["guest2"].devices["eth0"].addresses
    assert topology.at == "host:vnet0"
    assert codes(path, to_toml(topology)) == set()


GUEST, OTHER, ROUTER = "52:54:00:00:00:11", "52:54:00:00:00:12", "aa:bb:cc:00:00:01"


def ends(sender: str, receiver: str, source: str, destination: str, **flags: bool) -> Ends:
    words = ("forwarded", "unfinished", "finished", "crc", "merged", "headless")
    return Ends(sender, receiver, source, destination, **dict.fromkeys(words, False) | flags)


def test_who_leaves_the_sums_of_headers_runs_windows() -> None:
    """IPv4 headers with a blank sum are seen inside a guest that runs Windows, or at its card, and nowhere else."""
    inside = suggested(CAPTURES / "windows-guest" / "traffic.pcapng").topology
    assert (inside.at, inside.domains["guest"].preset, inside.domains["host"].preset) == ("guest:eth0", "windows", "linux-6.1")
    near = Neighbourhood((ends("aa:bb:cc:00:00:02", ROUTER, "10.0.0.5", "198.51.100.1", unfinished=True, headless=True),))
    assert start_from(near).topology.domains["host"].preset == "windows"


def test_a_router_far_away() -> None:
    """Addresses that it forwards for are not its own and are no device's: outside stands for all of them."""
    near = Neighbourhood(
        (
            ends(GUEST, ROUTER, "10.0.0.5", "198.51.100.1", unfinished=True),
            ends(ROUTER, GUEST, "198.51.100.1", "10.0.0.5", forwarded=True, finished=True),
            ends(ROUTER, GUEST, "203.0.113.9", "10.0.0.5", forwarded=True, finished=True),
        )
    )
    assert near.local == (GUEST,)
    assert near.own == {GUEST: ("10.0.0.5",)}
    assert near.behind == {ROUTER: ("198.51.100.1", "203.0.113.9")}
    assert {name for name, domain in start_from(near).topology.domains.items() if domain.outside} == {"outside"}


def test_a_router_that_is_near() -> None:
    """What it forwards for lies behind a second device of it, where packets come from and go to."""
    near = Neighbourhood(
        (
            ends(GUEST, ROUTER, "10.0.0.5", "198.51.100.1", unfinished=True),
            ends(GUEST, ROUTER, "10.7.0.8", "198.51.100.1", forwarded=True),
            ends(ROUTER, GUEST, "198.51.100.1", "10.7.0.8", forwarded=True),
        )
    )
    start = start_from(near)
    guest = start.topology.domains["guest"]
    assert (near.behind[GUEST], start.names, guest.forwarding) == (("10.7.0.8",), {GUEST: "guest"}, True)
    assert forward.route(guest, exactly("10.7.0.8"))[0].name == "behind0"
    assert forward.route(guest, exactly("198.51.100.1"))[0].name == "eth0"
    assert start.topology.owners[exactly("10.7.0.8")] == Port("behind-guest", "eth0")
    assert parse_topology(to_toml(start.topology)).domains.keys() == start.topology.domains.keys()


def test_sums_that_are_finished_are_of_somebody_else() -> None:
    """A station that leaves sums to its card does not make those of another address of its own: it forwards them."""
    near = Neighbourhood(
        (
            ends(GUEST, OTHER, "10.0.0.5", "10.0.0.6", unfinished=True),
            ends(GUEST, OTHER, "10.7.0.8", "10.0.0.6", finished=True),
            ends(GUEST, OTHER, "fd00::5", "fd00::6", finished=True),
        )
    )
    assert near.own[GUEST] == ("10.0.0.5", "fd00::5")
    assert near.behind == {GUEST: ("10.7.0.8",)}


def test_who_is_near_without_unfinished_sums() -> None:
    """Rather no router, and not who sent what was merged on the way in; groups have no receiver."""
    asked = ends(GUEST, ROUTER, "10.0.0.5", "198.51.100.1")
    assert Neighbourhood((asked, ends(ROUTER, GUEST, "198.51.100.1", "10.0.0.5", forwarded=True))).local == (GUEST,)
    assert Neighbourhood((asked, ends(GUEST, ROUTER, "10.0.0.5", "198.51.100.1", merged=True))).local == (ROUTER,)
    assert Neighbourhood((ends(GUEST, "", "10.0.0.5", "224.0.0.1"),)).local == ()


def test_many_hosts_are_cut() -> None:
    """A suggestion stays small, and says that something is missing."""
    stations = [f"52:54:00:00:01:{number:02x}" for number in range(40)]
    near = Neighbourhood(tuple(ends(station, ROUTER, f"10.0.0.{n}", "10.0.1.1", unfinished=True) for n, station in enumerate(stations, 1)))
    start = start_from(near)
    assert (len(start.names), start.left) == (16, True)
    assert parse_topology(to_toml(start.topology)).at == "host:eth0"


def test_what_is_not_told_is_said() -> None:
    """Routers, tunnels and a near side that is a guess."""
    said = " ".join(suggested(CAPTURES / "kvm-bridge" / "traffic.pcapng").untold)
    assert "52:54:00:00:00:fe is a router: it also sends or takes packets of 198.51.100.80" in said
    assert "Packets are in VXLAN" in " ".join(suggested(CAPTURES / "vxlan-masquerade" / "traffic.pcapng").untold)
    assert "is a guess" in " ".join(suggested(CAPTURES / "nat64-zero-before" / "traffic.pcapng").untold)
