"""macvlan, ipvlan, bonds and teams: where frames go, what is said of them, and what a dump of a host says."""

from __future__ import annotations

import hosts
import pytest
import walks
from dumped import load
from walks import Case

from csumlab.topology.features import is_on
from csumlab.topology.load import TopologyError, parse_topology
from csumlab.topology.model import Port, Topology
from csumlab.topology.written import to_toml
from csumlab.trace import TAP, Trace

MASQUERADE = '[[domain.host.nat]]\nkind = "masquerade"\ndevice = "eth0"\nsource = "10.8.0.0/24"'


def shared(kind: str, mode: str, net: str = "192.0.2", more: str = "", features: str = "features = { tx = false }") -> Topology:
    return walks.host(hosts.SHARED, KIND=kind, MODE=mode, NET=net, CONNTRACK=more, FEATURES=features, MORE="")


def bonded(features: str = "", active: str = "", kind: str = "bond") -> Topology:
    return walks.host(hosts.BONDED, KIND=kind, FEATURES=features, ACTIVE=active)


def sent(topology: Topology, origin: str, source: str, destination: str, what: str = "udp") -> list[Trace]:
    frame = walks.packets_between(source, destination, 4)[what]
    return walks.run_plain(Case("", topology, origin, frame, None))


def seen(trace: Trace) -> list[str]:
    return [hop.where for hop in trace.hops if hop.stage is TAP]


@pytest.mark.parametrize(
    ("kind", "mode", "passed"),
    [
        ("macvlan", "bridge", ["web:eth0 out", "host:eth0 in", "db:eth0 in"]),
        ("macvlan", "private", ["web:eth0 out", "host:eth0 out", "outside:eth0 in"]),
        ("macvlan", "vepa", ["web:eth0 out", "host:eth0 out", "outside:eth0 in"]),
        ("ipvlan", "l2", ["web:eth0 out", "db:eth0 in"]),
        ("ipvlan", "l3", ["web:eth0 out", "db:eth0 in"]),
        ("ipvlan", "l3s", ["web:eth0 out", "db:eth0 in"]),
        ("ipvlan", "l2 vepa", ["web:eth0 out", "host:eth0 out", "outside:eth0 in"]),
    ],
)
def test_what_one_container_sends_to_another(kind: str, mode: str, passed: list[str]) -> None:
    """Across, past the receive side of a macvlan's card, with the sum still owed; or out by the card, which fills."""
    (trace,) = sent(shared(kind, mode), "web", "192.0.2.10", "192.0.2.11")
    assert seen(trace) == passed
    assert ("what is owed stays owed" in " ".join(hop.because for hop in trace.hops)) is (len(passed) < 4 and passed[-1] == "db:eth0 in")


@pytest.mark.parametrize(
    ("kind", "preset", "fills"),
    [
        ("ipvlan", "linux-5.9", False),
        ("ipvlan", "linux-5.8", True),
        ("ipvlan", "linux-4.4", True),
        ("macvlan", "linux-4.4", False),
        ("macvlan", "linux-3.10", True),
    ],
)
def test_old_kernels_fill_before_what_sits_on_a_card_without_sums(kind: str, preset: str, fills: bool) -> None:
    """Then an ipvlan (until 5.9) or macvlan (until 3.14) offers only what the card does: nothing unfinished goes across."""
    text = to_toml(shared(kind, {"ipvlan": "l2", "macvlan": "bridge"}[kind])).replace('preset = "linux-6.1"', f'preset = "{preset}"')
    (trace,) = sent(parse_topology(text), "web", "192.0.2.10", "192.0.2.11", "tcp")
    filled = [hop.where for hop in trace.hops if "fills it in software" in hop.because]
    assert filled == (["web:eth0 out"] if fills else [])


def test_private_ipvlans_of_layer_3_drop_what_is_for_each_other() -> None:
    """ipvlan_xmit_mode_l3 looks for the other one before anything is routed."""
    (trace,) = sent(shared("ipvlan", "l3 private"), "web", "192.0.2.10", "192.0.2.11")
    assert "they are private" in trace.why


@pytest.mark.parametrize(
    ("kind", "mode", "passed"),
    [
        ("macvlan", "bridge", ["outside:eth0 out", "host:eth0 in", "db:eth0 in"]),
        ("ipvlan", "l2", ["outside:eth0 out", "host:eth0 in", "db:eth0 in"]),
        ("ipvlan", "l3", ["outside:eth0 out", "host:eth0 in", "db:eth0 in"]),
        ("ipvlan", "l3s", ["outside:eth0 out", "host:eth0 in"]),
    ],
)
def test_what_comes_from_outside_to_a_container(kind: str, mode: str, passed: list[str]) -> None:
    """In mode l3s the host's own IP input takes it first, and no capture point at the ipvlan shows it."""
    (trace,) = sent(shared(kind, mode), "outside", "198.51.100.80", "192.0.2.11")
    assert seen(trace) == passed[1:]
    assert (trace.hops[-1].domain, trace.fate.value) == ("db", "accepted")


def test_the_host_translates_what_an_ipvlan_of_layer_3_sends_and_gets() -> None:
    """Out in both modes, and back only in l3s, where the host's hooks see it before the ipvlan does."""
    topology = shared("ipvlan", "l3s", "10.8.0", MASQUERADE)
    (out,) = sent(topology, "web", "10.8.0.10", "198.51.100.80")
    assert [hop.stage.name for hop in out.hops if hop.domain == "host"] == ["nat", "egress", "tap", "nic-transmit", "wire"]
    back = sent(topology, "outside", "198.51.100.80", "192.0.2.1")
    assert {trace.hops[-1].domain for trace in back} == {"host", "web", "db"}
    back = sent(shared("ipvlan", "l3", "10.8.0", MASQUERADE), "outside", "198.51.100.80", "192.0.2.1")
    assert not {trace.fate.value for trace in back if trace.hops[-1].domain == "db"}


@pytest.mark.parametrize(("destination", "words"), [("192.0.2.1", "goes over its loopback"), ("239.1.1.1", "sends nothing to everybody")])
def test_what_an_ipvlan_of_layer_3_cannot_send(destination: str, words: str) -> None:
    """What is for its own host is not followed, what is for everybody is dropped."""
    assert any(words in trace.why for trace in sent(shared("ipvlan", "l3", "10.8.0"), "web", "10.8.0.10", destination))


def test_who_gets_a_copy_of_a_broadcast() -> None:
    """Each macvlan gets its own without passing the card's receive side; an ipvlan of layer 3 gets none from outside."""
    ways = [seen(trace) for trace in sent(shared("macvlan", "bridge"), "web", "192.0.2.10", "192.0.2.255")]
    assert ["web:eth0 out", "db:eth0 in"] in ways
    from_outside = [seen(trace)[-1] for trace in sent(shared("macvlan", "bridge"), "outside", "198.51.100.80", "192.0.2.255")]
    assert from_outside == ["host:eth0 in", "web:eth0 in"]
    assert [seen(trace)[-1] for trace in sent(shared("ipvlan", "l3"), "outside", "198.51.100.80", "192.0.2.255")] == ["host:eth0 in"]


def test_the_only_macvlan_in_passthru_has_the_card() -> None:
    """The host gets nothing of what comes in."""
    text = hosts.SHARED[: hosts.SHARED.index("[domain.db.")] + hosts.SHARED[hosts.SHARED.index("[domain.outside]") :]
    words = {"KIND": "macvlan", "MODE": "passthru", "NET": "192.0.2", "CONNTRACK": "", "FEATURES": "", "MORE": ""}
    (trace,) = sent(walks.host(text, **words), "outside", "198.51.100.80", "192.0.2.10")
    assert (trace.hops[-1].domain, trace.fate.value) == ("web", "accepted")


@pytest.mark.parametrize("kind", ["bond", "team"])
def test_every_port_of_a_bond_is_followed(kind: str) -> None:
    """The port fills what its card does not; of the bond itself that is never asked. The active port is the only one that is used."""
    ways = sent(bonded("features = { tx = false }", kind=kind), "guest", "192.0.2.11", "198.51.100.80")
    filled = {
        next(h.where for h in way.hops if h.stage.name == "nic-transmit"): any("fills it in software" in h.because for h in way.hops)
        for way in ways
    }
    assert filled == {"host:eth0 out": False, "host:eth1 out": True}
    assert all("host:bond0 out" in seen(way) for way in ways)
    (backup,) = sent(bonded(active='active = "eth1"', kind=kind), "outside", "198.51.100.80", "192.0.2.11")
    assert seen(backup)[:2] == ["host:eth1 in", "host:bond0 in"]


def test_what_a_bond_offers() -> None:
    """Sums whatever its ports do, for tagged frames if any port does; where it is in a bridge, LRO of its ports is off."""
    topology = bonded('features = { tx = false, vlan-checksum = false }\ncard = "rx-merges"')
    host = topology.domains["host"]
    bond = host.devices["bond0"]
    assert [is_on(host, bond, None, name) for name in ("tx-checksum-ip-generic", "vlan-checksum", "tx-udp-segmentation")] == [
        True,
        True,
        False,
    ]
    assert not is_on(host, host.devices["eth1"], None, "rx-lro")
    none = walks.host(
        hosts.BONDED.replace('wire = "lan"\nbond', 'wire = "lan"\nfeatures = { vlan-checksum = false }\nbond', 1),
        KIND="bond",
        FEATURES="features = { vlan-checksum = false }",
        ACTIVE="",
    )
    assert not is_on(none.domains["host"], none.domains["host"].devices["bond0"], None, "vlan-checksum")
    off = walks.host(hosts.BONDED, KIND='bond"\nfeatures = { tx = false }\nmac = "02:00:00:00:00:01', FEATURES="", ACTIVE="")
    assert not is_on(off.domains["host"], off.domains["host"].devices["bond0"], None, "tx-checksum-ip-generic")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('mode = "bridge"', ""), "mode"),
        (('mode = "bridge"', 'mode = "brige"'), "bridge"),
        (('lower = "host:eth0"', 'lower = "host:eth9"'), "did you mean"),
        (('lower = "host:eth0"', 'lower = "web:eth0"'), "sits on itself"),
        (('lower = "host:eth0"', 'lower = "db:eth0"'), "sits on a card, VLAN or bond"),
        (('[domain.db]\npreset = "linux-6.1"', '[domain.db]\npreset = "linux-5.10"'), "are in one kernel"),
        (('lower = "host:eth0"\nmode = "bridge"', 'lower = "host:eth0"\nmode = "passthru"'), "beside"),
        (('wire = "lan"', 'wire = "lan"\nmode = "bridge"'), "a nic has no mode"),
    ],
)
def test_where_a_macvlan_can_be(change: tuple[str, str], words: str) -> None:
    """On a card of the same kernel, with others of its kind beside it, in a mode that is said."""
    text = to_toml(shared("macvlan", "bridge"))
    assert change[0] in text
    with pytest.raises(TopologyError, match=words):
        parse_topology(text.replace(*change, 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('kind = "bond"', 'kind = "bond"\nactive = "eth7"'), "port"),
        (('bond = "bond0"', 'bond = "bond9"'), "bond or team"),
        (('bond = "bond0"', 'bond = "bond0"\naddress = "192.0.2.9/24"'), "has no address"),
        (("[domain.host.device.bond0]", '[domain.host.device.bond1]\nkind = "bond"\n[domain.host.device.bond0]'), "needs ports"),
    ],
)
def test_where_a_bond_can_be(change: tuple[str, str], words: str) -> None:
    """It has ports, which have nothing of their own."""
    text = to_toml(bonded())
    assert change[0] in text
    with pytest.raises(TopologyError, match=words):
        parse_topology(text.replace(*change, 1))


def test_an_ipvlan_has_its_card_alone() -> None:
    """It and a macvtap want the same hook of the device below (netdev_rx_handler_register)."""
    more = '[domain.host.device.mv0]\nkind = "macvtap"\npeer = "vm:eth0"\nlower = "eth0"\n[domain.vm.device.eth0]\nkind = "virtio"'
    with pytest.raises(TopologyError, match="cannot have an ipvlan beside a macvtap"):
        shared("ipvlan", "l2", features=more)
    assert shared("macvlan", "bridge", features=more)


def test_a_topology_with_them_is_written_as_it_reads() -> None:
    """mode, bond and active stay."""
    for topology in (shared("ipvlan", "l3s private"), bonded(active='active = "eth1"')):
        assert parse_topology(to_toml(topology)) == topology


TAGGED_ON_A_BOND = """
[domain.host.device.bond0]
kind = "bond"
[domain.host.device."bond0.50"]
kind = "vlan"
lower = "bond0"
id = 50
[domain.host.device.eth0]
kind = "nic"
wire = "trunk"
bond = "bond0"
"""


def test_a_tagged_network_of_containers_on_a_bond() -> None:
    """What Docker makes of -o parent=bond0.50: a macvlan on a VLAN device on a bond; the port still decides who fills."""
    text = (
        TAGGED_ON_A_BOND
        + """features = { vlan-checksum = false }
[domain.web.device.eth0]
kind = "macvlan"
lower = "host:bond0.50"
mode = "bridge"
address = "192.0.2.10/24"
"""
    )
    (out,) = sent(parse_topology(text), "web", "192.0.2.10", "192.0.2.99")
    assert seen(out) == ["web:eth0 out", "host:bond0.50 out", "host:bond0 out", "host:eth0 out", "outside:eth0 in"]
    assert next(hop.where for hop in out.hops if "fills it in software" in hop.because) == "host:bond0.50 out"
    (back,) = sent(parse_topology(text), "outside", "192.0.2.99", "192.0.2.10")
    assert seen(back) == ["host:eth0 in", "host:bond0 in", "host:bond0.50 in", "web:eth0 in"]


def test_a_guest_on_a_macvtap_of_a_tagged_network_on_a_bond() -> None:
    """What libvirt makes of a direct interface on bond0.50: the port fills what the guest left open."""
    text = (
        TAGGED_ON_A_BOND
        + """features = { tx = false }
[domain.host.device.macvtap0]
kind = "macvtap"
lower = "bond0.50"
peer = "guest:eth0"
[domain.guest.device.eth0]
kind = "virtio"
address = "192.0.2.10/24"
"""
    )
    (out,) = sent(parse_topology(text), "guest", "192.0.2.10", "192.0.2.99")
    assert seen(out) == ["guest:eth0 out", "host:macvtap0 out", "host:bond0.50 out", "host:bond0 out", "host:eth0 out", "outside:eth0 in"]
    assert next(hop.where for hop in out.hops if "fills it in software" in hop.because) == "host:eth0 out"
    (back,) = sent(parse_topology(text), "outside", "192.0.2.99", "192.0.2.10")
    assert seen(back) == ["host:eth0 in", "host:bond0 in", "host:bond0.50 in", "host:macvtap0 in", "guest:eth0 in"]


LINKS = """ip-link here
2: eth0: <UP> mtu 1500 master bond0
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    bond_slave state ACTIVE
3: eth1: <UP> mtu 1500 master bond0
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    bond_slave state BACKUP
4: bond0: <UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    bond mode active-backup active_slave eth1 miimon 100
5: shim@bond0: <UP> mtu 1500
    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff
    macvlan mode bridge bcqueuelen 1000
6: grabber@bond0: <UP> mtu 1500
    link/ether 02:00:00:00:00:06 brd ff:ff:ff:ff:ff:ff
    macvlan mode source
7: eth2: <UP> mtu 1500
    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff
12: macvtap0@bond0: <UP> mtu 1500
    link/ether 52:54:00:00:00:0c brd ff:ff:ff:ff:ff:ff
    macvtap mode vepa
13: macvtap1@gone: <UP> mtu 1500
    link/ether 52:54:00:00:00:0d brd ff:ff:ff:ff:ff:ff
    macvtap mode vepa
8: bond1: <UP> mtu 1500
    link/ether 02:00:00:00:00:08 brd ff:ff:ff:ff:ff:ff
    bond mode 802.3ad miimon 100"""
CONTAINER = """ip-link netns:web
9: eth0@if4: <UP> mtu 1500
    link/ether 02:00:00:00:00:09 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    macvlan mode bridge
10: net1@if7: <UP> mtu 1500
    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    ipvlan mode l3s private
11: lost@if77: <UP> mtu 1500
    link/ether 02:00:00:00:00:0b brd ff:ff:ff:ff:ff:ff link-netnsid 0
    macvlan mode bridge"""


def test_a_dump_with_containers_on_a_bond() -> None:
    """What they sit on is found by its index in the other namespace; what cannot be told is said."""
    made = load(LINKS, CONTAINER)
    host, web = made.topology.domains["host"].devices, made.topology.domains["web"].devices
    assert [(name, device.kind.value, device.bond) for name, device in host.items()] == [
        ("eth0", "nic", "bond0"),
        ("eth1", "nic", "bond0"),
        ("bond0", "bond", ""),
        ("shim", "macvlan", ""),
        ("eth2", "nic", ""),
        ("macvtap0", "macvtap", ""),
        ("bond1", "nic", ""),
    ]
    guest = made.topology.device(Port("behind-macvtap0", "eth0"))
    assert (host["macvtap0"].lower, guest.kind.value, guest.mac) == ("bond0", "virtio", 0x52540000000C)
    assert (host["bond0"].active, host["shim"].lower, host["eth0"].wire) == ("eth1", "bond0", host["eth1"].wire)
    assert {name: (device.lower, device.mode) for name, device in web.items()} == {
        "eth0": ("host:bond0", "bridge"),
        "net1": ("host:eth2", "l3s private"),
    }
    for words in ("in mode source, which is not modelled", "does not say what it sits on", "taken for one card", "on gone, which is left"):
        assert sum(words in warning for warning in made.warnings) == 1, words


def test_a_dump_as_json() -> None:
    """The same words where ip prints JSON."""
    links = """[
{"ifindex": 2, "ifname": "eth0", "flags": ["UP"], "link_type": "ether", "address": "02:00:00:00:00:01"},
{"ifindex": 3, "ifname": "ip0", "link": "eth0", "flags": ["UP"], "link_type": "ether", "address": "02:00:00:00:00:01",
 "linkinfo": {"info_kind": "ipvlan", "info_data": {"mode": "l2", "vepa": true}}},
{"ifindex": 4, "ifname": "mv0", "link": "br9", "flags": ["UP"], "link_type": "ether", "address": "02:00:00:00:00:02",
 "linkinfo": {"info_kind": "macvlan", "info_data": {"mode": "vepa"}}},
{"ifindex": 5, "ifname": "br9", "flags": ["UP"], "link_type": "ether", "address": "02:00:00:00:00:03",
 "linkinfo": {"info_kind": "bridge"}}]"""
    made = load(f"ip-link here\n{links}")
    assert made.topology.device(Port("host", "ip0")).mode == "l2 vepa"
    assert any("mv0: left out: a macvlan on br9, which is a bridge" in warning for warning in made.warnings)
