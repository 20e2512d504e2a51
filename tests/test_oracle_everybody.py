"""The kernel that runs the tests gives copies of what is sent to everybody to whom the model says, in the states that it says."""

from __future__ import annotations

import pytest
from everybody import ROUTER, SEGMENT
from oracles.everybody import by_a_guest, by_a_program, faults, join, routing_groups
from oracles.namespaces import missing
from oracles.scenarios import AS_TAP, shared, toml
from oracles.world import World

from csumlab.topology.load import parse_topology

pytestmark = [pytest.mark.long, pytest.mark.needs_root]
GROUPS = ("255.255.255.255", "10.5.0.255", "239.1.1.1", "ff05::1234")


def here() -> None:
    reason = missing()
    if reason:
        pytest.skip(reason)


def segment(bridge: str = "", port: str = "") -> str:
    text = SEGMENT.replace("PRESET", "linux-6.1").replace("READER", "features = { tx-sctp-segmentation = false }")
    text = text.replace('kind = "bridge"\n', f'kind = "bridge"\n{bridge}\n')
    return text.replace('[domain.host.device.v1]\nkind = "veth"\n', f'[domain.host.device.v1]\nkind = "veth"\n{port}\n')


@pytest.mark.parametrize("sums", [True, False])
def test_a_hosts_own_packets_to_everybody(sums: bool) -> None:
    """They are flooded, with sums that nobody fills between veth pairs; the host's own sockets get a copy that is not verified."""
    here()
    topology = parse_topology(segment("" if sums else "features = { tx = false }"))
    with World(topology, addresses=GROUPS) as world:
        for group in GROUPS[2:]:
            for name, device in (("host", "br0"), ("one", "eth0"), ("two", "eth0")):
                join(world, name, device, group)
        for number, group in enumerate(GROUPS, 1):
            said, observed = by_a_program(world, "host", "br0", "fd00:5::1" if ":" in group else "10.5.0.1", group, number)
            assert len(said) == 3
            assert list(faults(world, said, observed)) == []


@pytest.mark.parametrize("mode", ["bridge", "vepa"])
def test_what_a_macvlan_sends_to_everybody(mode: str) -> None:
    """In mode bridge another macvlan gets its own copy, which the device below does not see coming in; in all modes it is sent out too."""
    here()
    with World(parse_topology(shared(mode)), addresses=GROUPS) as world:
        for name, device in (("a", "eth0"), ("b", "eth0"), ("host", "va"), ("far", "eth0")):
            for group in GROUPS[2:]:
                join(world, name, device, group)
        for number, group in enumerate(("255.255.255.255", "10.1.0.255", *GROUPS[2:]), 1):
            said, observed = by_a_program(world, "a", "eth0", "fd00:1::11" if ":" in group else "10.1.0.11", group, number)
            assert len(said) == (3 if mode == "bridge" else 2)
            assert list(faults(world, said, observed)) == []


@pytest.mark.parametrize("source", ["0.0.0.0", "10.5.0.11"])
def test_a_guests_packets_to_everybody(source: str) -> None:
    """A bridge floods them to its other ports and takes one itself; of a guest without an address too."""
    here()
    with World(parse_topology(segment(port=f"features = {toml(AS_TAP)}")), ("one",), addresses=GROUPS) as world:
        for number, condition in enumerate(("right", "partial", "damaged", "none", "pseudo only"), 100):
            said, observed = by_a_guest(world, "one", source, "255.255.255.255", condition, number)
            assert len(said) == 2
            assert list(faults(world, said, observed)) == []


def test_a_routers_own_packets_to_a_group() -> None:
    """The copy that comes back is routed on with what it owes, and delivered."""
    here()
    with (
        World(parse_topology(ROUTER.replace("PRESET", "linux-6.1")), addresses=GROUPS) as world,
        routing_groups(world, "r", "va", "vb", "10.1.0.1", "239.1.1.1"),
    ):
        for name, device in (("a", "eth0"), ("r", "va"), ("b", "eth0")):
            join(world, name, device, "239.1.1.1")
        said, observed = by_a_program(world, "r", "va", "10.1.0.1", "239.1.1.1", 7)
        assert len(said) == 3
        assert list(faults(world, said, observed)) == []
