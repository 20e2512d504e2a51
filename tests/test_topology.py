"""Topologies: files that are right are read as they are meant, wrong ones get an error that helps; lines; ways of packets."""

from __future__ import annotations

import contextlib

import detours
import everybody
import hosts
import pytest
import walks
from hypothesis import given
from hypothesis import strategies as st

from csumlab.packet import Span, exactly
from csumlab.slots import Bounds, bounds, last_of, parts
from csumlab.topology import flooding, forward, ways
from csumlab.topology.features import is_on
from csumlab.topology.line import parse_line
from csumlab.topology.load import TopologyError, load_topology, parse_topology
from csumlab.topology.model import Device, DeviceKind, Domain, Port, Topology
from csumlab.topology.options import knobs_of
from csumlab.topology.presets import PRESETS
from csumlab.topology.rules import Prefix
from csumlab.topology.written import to_toml

NIC = '[domain.a.device.eth0]\nkind = "nic"\nwire = "w"\n'


@pytest.mark.parametrize("preset", list(PRESETS))
def test_what_is_written_is_read_back(preset: str) -> None:
    """to_toml and parse_topology are inverse, for every host of the tests."""
    for topology in walks.hosts_of(preset).values():
        assert parse_topology(to_toml(topology)) == topology


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[domain.a]\npreset = 'linux-6.2'\n", ("line 2", "domain.a.preset", "linux-6.1")),
        (NIC + 'wier = "x"\n', ("line 4", "wier", "'wire'")),
        ('[domain.a.device.eth0]\nkind = "nik"\n', ("line 2", "'nic'")),
        ("[domain.a.device.eth0]\nkind = 1\n", ("line 2", "kind", "str")),
        (NIC + "features = { tx-checksum-ip-genric = true }\n", ("tx-checksum-ip-generic",)),
        (NIC + 'address = ["10.0.0.300/24"]\n', ("10.0.0.300/24", "10.0.0.1/24")),
        (NIC + 'mac = "zz"\n', ("hardware address",)),
        (NIC + 'peer = "a:eth0"\n', ("the other end of a nic is a tap",)),
        (
            NIC + 'peer = "a:tap0"\n[domain.a.device.tap0]\nkind = "tap"\n',
            ("a nic needs a wire, or if it is emulated for a guest a tap as its peer",),
        ),
        (NIC + 'bridge = "br0"\n', ("no bridge 'br0'",)),
        (NIC + 'bridge = "br1"\n[domain.a.device.br0]\nkind = "bridge"\n', ("unknown bridge 'br1'", "did you mean 'br0'")),
        ('[domain.a.device.eth0]\nkind = "nic"\n', ("needs a wire",)),
        ('[domain.a.device.eth0]\nkind = "netfront"\n', ("needs a peer",)),
        ('[domain.a.device.eth0]\nkind = "netfront"\npeer = "b:vif1.0"\n', ("unknown port 'b:vif1.0'",)),
        ('[domain.a.device.t]\nkind = "vpn"\n', ("local and remote",)),
        (NIC + '[[domain.a.route]]\nto = "default"\ndevice = "eth1"\n', ("eth1", "'eth0'")),
        (NIC + '[[domain.a.route]]\nto = "10.0.0.0/40"\ndevice = "eth0"\n', ("not a prefix",)),
        (NIC + '[[domain.a.nat]]\nkind = "snat"\ndevice = "eth0"\n', ("needs address",)),
        (
            NIC
            + '[domain.b.device.eth0]\nkind = "nic"\nwire = "w"\naddress = "10.0.0.1/24"\n'
            + '[domain.c.device.eth0]\nkind = "nic"\nwire = "w"\naddress = "10.0.0.1/24"\n',
            ("b:eth0 too",),
        ),
        ("", ("no domain",)),
        ("[domain.a]\n", ("no device",)),
        ("[domain\n", ("not TOML", "line 1")),
        ('at = "a:eth9"\n' + NIC, ("eth9", "a:eth0")),
        (
            '[domain.a.device.v]\nkind = "netfront"\npeer = "d:vif1.0"\nfeatures = { tx-checksum-ipv4 = false }\n'
            '[domain.d.device."vif1.0"]\nkind = "vif"\n',
            ("fixed on in netfront of linux-6.1",),
        ),
        ('[domain.a]\nneighbours = { "fc00::9" = "fd00::1" }\n' + NIC, ("fc00::9", "none of the domain's segments")),
        ('[domain.a]\nsegments = ["fc00::9"]\nneighbours = { "fc00::9" = "10.0.0.1" }\n' + NIC, ("fc00::9", "a neighbour (of IPv6")),
    ],
)
def test_errors_help(text: str, words: tuple[str, ...]) -> None:
    """File, line or key, and the nearest valid word."""
    with pytest.raises(TopologyError) as caught:
        parse_topology(text, "host.toml")
    assert str(caught.value).startswith("host.toml")
    for word in words:
        assert word in str(caught.value)


def test_segments_to_neighbours_are_written_as_they_are_read() -> None:
    """A segment with a neighbour and one without."""
    text = '[domain.a]\nsegments = ["fc00::9", "fc00::8"]\nneighbours = { "fc00::9" = "fd00::1" }\n' + NIC
    topology = parse_topology(text)
    assert parse_topology(to_toml(topology)) == topology
    neighbours = [topology.domains["a"].neighbour(exactly(segment)) for segment in ("fc00::9", "fc00::8")]
    assert neighbours == [exactly("fd00::1"), None]


def test_a_loop_of_bridges_is_refused() -> None:
    """Two bridges that are joined twice would carry a frame for ever."""
    text = ""
    for end, bridge in (("a", "br0"), ("b", "br1")):
        other = "b" if end == "a" else "a"
        for number in (1, 2):
            text += f'[domain.h.device.{end}{number}]\nkind = "veth"\npeer = "h:{other}{number}"\nbridge = "{bridge}"\n'
        text += f'[domain.h.device.{bridge}]\nkind = "bridge"\n'
    with pytest.raises(TopologyError, match="loop"):
        parse_topology(text)


def test_unreadable_file(tmp_path: object) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(TopologyError, match=r"none\.toml"):
        load_topology("none.toml")


@pytest.mark.parametrize(
    "line",
    [
        "domU:eth0 > vif1.0 > xenbr0 > eth0(tx-checksum-ip-generic=off) > wire > host",
        "domA:eth0 > vif1.0 > xenbr0 > vif2.0 > domB:eth0",
        "pod:eth0 > host:veth1 > br0 > eth0(tx=off) > wire > host2",
        "domU:eth0(preset=xen-3.0.0) > vif1.0(preset=xen-3.0.0) > xenbr0 > eth0 > wire > host",
    ],
)
def test_lines(line: str) -> None:
    """Both ends reach each other, and what was made can be written as a file."""
    topology = parse_line(line)
    assert topology.line is not None
    first, last = topology.line
    assert last in ways.segment(topology, first)
    assert parse_topology(to_toml(topology)).domains == topology.domains


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("a", "at least two"),
        ("a > b", "item 1"),
        ("domU:eth0 > xenbr0 > wire > host", "item 2"),
        ("domU:eth0 > vif1.0(foo=on) > xenbr0 > eth0 > wire > host", "unknown feature"),
        ("domU:eth0 > vif1.0(tx=maybe) > xenbr0", "tx=on"),
        ("wire > host", "starts and ends"),
        ("domU:eth0 > vif1.0 > vif1.0 > domB:eth0", ""),
        ("domU:eth0(preset=linux-9) > vif1.0", "unknown preset"),
        ("do mU:eth0 > vif1.0", "expected DEVICE"),
    ],
)
def test_errors_of_lines(line: str, hint: str) -> None:
    """The item and what would be right there."""
    with pytest.raises(TopologyError) as caught:
        parse_line(line)
    assert hint in str(caught.value)


@pytest.mark.parametrize("mtu", [-5, 0, 20, 67])
def test_an_mtu_that_carries_no_ip_is_refused(mtu: int) -> None:
    """IPv4 needs 68 bytes (RFC 791)."""
    text = hosts.BRIDGE.replace("PRESET", "linux-6.1").replace('kind = "nic"', f'kind = "nic"\nmtu = {mtu}', 1)
    with pytest.raises(TopologyError, match=f"{mtu} is too small"):
        parse_topology(text)


@given(st.text("abc:>(),=.0 vifxenbr", max_size=40))
def test_lines_are_hostile_too(line: str) -> None:
    """Any text gives a topology or a TopologyError."""
    with contextlib.suppress(TopologyError):
        parse_line(line)


@given(st.integers(0, 2**32 - 1))
def test_intervals(value: int) -> None:
    """An address lies in the interval that its index names, and no prefix of the topology cuts an interval."""
    topology = walks.host(hosts.NAT, PRESET="linux-6.1", VERIFY="true", TOPORT="40000")
    span = topology.span(4, topology.index_of(4, value))
    assert span.low <= value <= span.high
    for text in ("10.1.0.0/24", "192.0.2.1/32", "0.0.0.0/0"):
        prefix = Prefix.parse(text)
        if prefix.version == 4:
            inside = prefix.covers(span)
            assert inside or span.high < prefix.low or span.low > prefix.high


def test_routes() -> None:
    """The longest prefix wins, and no route is said."""
    topology = walks.host(hosts.VPN, PRESET="linux-6.1")
    guest = topology.domains["domU"]
    assert forward.route(guest, exactly("172.16.0.1"))[0].name == "tun0"
    assert forward.route(guest, exactly("10.1.0.1"))[0].name == "eth0"
    assert forward.route(guest, exactly("8.8.8.8")) == (guest.devices["eth1"], exactly("192.0.2.254"))
    with pytest.raises(forward.Unreachable, match="no route"):
        forward.route(guest, exactly("2001:db8::1"))


def test_ambiguous_ways_are_said() -> None:
    """Two ports that may answer for a next hop are not guessed between."""
    nic = Device("eth0", DeviceKind.NIC, wire="w")
    topology = Topology({name: Domain(name, devices={"eth0": nic}) for name in "abc"})
    with pytest.raises(forward.Unreachable, match="several ports"):
        forward.next_stop(topology, Port("a", "eth0"), exactly("10.0.0.1"), exactly("10.0.0.1"))


def test_features() -> None:
    """Set, fixed, default, and taken away by a xenstore key (as observed on Xen 4.17 with Linux 6.1)."""
    netfront, vif = Device("eth0", DeviceKind.NETFRONT, features={"tx-checksum-ipv4": False}), Device("vif1.0", DeviceKind.VIF)
    new, old = Domain("d"), Domain("d", preset="xen-3.0.0")
    assert is_on(new, netfront, vif, "tx-checksum-ipv4")
    assert not is_on(old, netfront, vif, "tx-checksum-ipv4")
    refusing = Device("eth0", DeviceKind.NETFRONT, xenstore={"feature-no-csum-offload": True})
    assert not is_on(new, vif, refusing, "tx-checksum-ipv4")
    assert is_on(new, vif, netfront, "tx-checksum-ipv4")
    silent = Device("vif1.0", DeviceKind.VIF, xenstore={"feature-ipv6-csum-offload": False})
    assert not is_on(new, Device("eth0", DeviceKind.NETFRONT), silent, "tx-checksum-ipv6")


@pytest.mark.parametrize(
    ("lines", "summed", "bare"),
    [
        ('kind = "vxlan"', True, False),
        ('kind = "geneve"', True, False),
        ('kind = "geneve"\noptions = { udpcsum = false, udp6zerocsumrx = true }', False, True),
        ('kind = "l2tp"\nencap = "udp"', True, False),
        ('kind = "ip6tnl"\nencap = "gue"', True, True),
        ('kind = "gretap"\nencap = "fou"\nport = 5555\noptions = { encap-csum = false }', False, True),
    ],
)
def test_a_tunnel_over_ipv6_makes_the_sum_that_udp_needs_there(lines: str, summed: bool, bare: bool) -> None:
    """By default every UDP tunnel over IPv6 has outer sums, over IPv4 VXLAN alone; Foo over UDP takes datagrams without."""
    text = NIC + f'address = ["IP/64"]\n[domain.a.device.tun0]\nlocal = "IP"\nremote = "2001:db8::2"\n{lines}\n'
    knobs = knobs_of(parse_topology(text.replace("IP", "2001:db8::1")).domains["a"].devices["tun0"])
    assert (knobs["outer-checksum"], knobs["udp6zerocsumrx"]) == (summed, bare)


@pytest.mark.parametrize(
    ("lines", "summed"), [('kind = "vxlan"', True), ('kind = "geneve"', False), ('kind = "gre"\nencap = "gue"', False)]
)
def test_a_tunnel_over_ipv4_may_do_without(lines: str, summed: bool) -> None:
    """Over IPv4, where UDP's sum may be left out, VXLAN alone has one by default."""
    text = NIC + f'address = ["192.0.2.1/24"]\n[domain.a.device.tun0]\nlocal = "192.0.2.1"\nremote = "192.0.2.2"\n{lines}\n'
    assert knobs_of(parse_topology(text).domains["a"].devices["tun0"])["outer-checksum"] is summed


def test_spans() -> None:
    """Group addresses are told apart, and spans print as a person writes them."""
    assert forward.is_group(exactly("224.0.0.251"))
    assert forward.is_group(exactly("ff02::1"))
    assert not forward.is_group(exactly("10.0.0.1"))
    assert [str(Span(0, 80, 80)), str(exactly("10.0.0.1")), str(Span(4, 0, 2**32 - 1))] == ["80", "10.0.0.1", "any IPv4 address"]


def test_slots_and_the_next_host_are_read_and_written() -> None:
    """A netfront's and a vif's slots, fatal slots, and where a guest moves to survive a round trip; what cannot be is refused."""
    text = hosts.CLAIMS.replace("PRESET", "linux-6.1").replace("options = { CLAIM = true }", "slots = 19")
    text = text.replace('kind = "vif"\npeer = "domU', 'kind = "vif"\nslots = 17\nfatal-slots = 18\npeer = "domU')
    text = text.replace("[domain.domU]", '[domain.domU]\nmoves-to = "linux-3.8"')
    topology = parse_topology(text)
    assert parse_topology(to_toml(topology)) == topology
    vif, guest = topology.device(Port("dom0", "vif1.0")), topology.domains["domU"]
    assert (vif.slots, vif.fatal_slots, guest.devices["eth0"].slots, guest.moves_to) == (17, 18, 19, "linux-3.8")
    for old, new, says in (
        ('"linux-3.8"', '"linux-3.7"', "unknown preset 'linux-3.7'; for this kernel take 'linux-2.6.39'"),
        ("slots = 19", "fatal-slots = 19", "fatal-slots"),
        ('wire = "lan"', 'wire = "lan"\nslots = 3', "slots"),
    ):
        with pytest.raises(TopologyError, match=says):
            parse_topology(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("pages", "slots", "least", "most"), [(2, 0, 1, 4), (17, 0, 16, 17), (17, 19, 16, 19), (17, 25, 16, 19), (20, 17, 19, 19)]
)
def test_bounds_of_slots(pages: int, slots: int, least: int, most: int) -> None:
    """At least a page a slot, at most a page more for headers and for data, and no more than the driver has if that can be."""
    found = bounds(pages, Device("eth0", DeviceKind.NETFRONT, slots=slots), PRESETS["linux-6.1"])
    assert (found.least, found.most) == (least, most)


def test_parts_of_slots() -> None:
    """Bounds are cut behind each limit that lies in them: in one part every row says the same."""
    assert [str(part) for part in parts(Bounds(16, 22), [18, 20, 30, 3])] == [
        "16 to 18 slots behind the first",
        "19 to 20 slots behind the first",
        "21 to 22 slots behind the first",
    ]
    assert [last_of(f"in {part}") for part in parts(Bounds(16, 19), [18])] == [18, 19]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('device = "va"\nto = "va"', "is not sent back there"),
        ('device = "va"\nto = "vb"\ngroup = "10.0.0.0/8"', "no prefix of multicast addresses"),
        ('device = "va"\nto = "vc"', "vc"),
    ],
)
def test_a_multicast_route_that_is_none(rule: str, words: str) -> None:
    """A router of groups sends on by another device of its own, and only what is sent to a group."""
    with pytest.raises(TopologyError, match=words):
        parse_topology(everybody.ROUTER.replace("PRESET", "linux-6.1").replace('device = "va"\nto = "vb"', rule))


def test_a_multicast_route_needs_a_kernel_that_is_known_for_it() -> None:
    """What XenLinux does with groups is not modelled."""
    with pytest.raises(TopologyError, match="multicast routing is not modelled for xen"):
        parse_topology(everybody.ROUTER.replace("PRESET", "xen-3.0.0"))


def test_a_multicast_route_is_read_back() -> None:
    """With its group or without."""
    for group in ("", 'group = "239.1.0.0/16"\n'):
        topology = parse_topology(everybody.ROUTER.replace("PRESET", "linux-6.1").replace('to = "vb"\n', f'to = "vb"\n{group}'))
        assert parse_topology(to_toml(topology)) == topology


def test_which_addresses_are_everybodys() -> None:
    """A network's last address, unless it has two addresses or fewer; and only on its own segment."""
    topology = parse_topology(everybody.ROUTER.replace("PRESET", "linux-6.1"))
    va, vb = Port("r", "va"), Port("r", "vb")
    assert flooding.floods(topology, va, exactly("10.1.0.255"))
    assert not flooding.floods(topology, vb, exactly("10.1.0.255"))
    assert not Prefix.parse("10.1.0.0/31").is_last(exactly("10.1.0.1"))
    assert not Prefix.parse("fd00::/64").is_last(exactly("fd00::ffff:ffff:ffff:ffff"))


def test_copies_that_meet_the_same_count_as_one() -> None:
    """Guests that differ in name and address are alike; one with another setting is not, and only the copies that pass a port are asked
    for there."""
    text = everybody.SEGMENT.replace("PRESET", "linux-6.1")
    alike, unlike = (parse_topology(text.replace("READER", words)) for words in ("", 'reader = "dhcp-client"'))
    bridge = Port("host", "br0")
    assert list(flooding.takers(alike, bridge, None)[0]) == ["taken by one:eth0"]
    assert list(flooding.takers(unlike, bridge, None)[0]) == ["taken by one:eth0", "taken by two:eth0"]
    assert list(flooding.takers(unlike, bridge, Port("host", "v2"))[0]) == ["taken by two:eth0"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('tc-in = "redirect vb"', 'tc-in = "redirect vc"', "vc"),
        ('tc-in = "redirect vb"', 'tc-in = "mirror vb"', "is not 'redirect DEVICE'"),
        ('tc-in = "redirect vb"', 'tc-in = "ingress redirect va"', "go round for ever"),
        ('tc-in = "redirect vb"', 'tc-out = "redirect br0"', "redirected to an ifb or a device on a cable, and br0 is a bridge"),
        ('tc-in = "redirect vb"', 'tc-in = "ingress redirect br0"', "redirected to a device on a cable, and br0 is a bridge"),
        ('kind = "veth"\ntc-in = "redirect vb"', 'kind = "ifb"\ntc-in = "redirect vb"', "a ifb has no tc-in"),
    ],
)
def test_a_redirection_that_leads_nowhere(old: str, new: str, words: str) -> None:
    """tc sends frames to devices of its own kernel that are on a cable, or through an ifb."""
    bridge = '[domain.host.device.br0]\nkind = "bridge"\n'
    with pytest.raises(TopologyError, match=words):
        parse_topology(detours.ACROSS.replace("OUT", "true").replace(old, new) + bridge)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('to = "vm"', 'to = "vx"', "vx"),
        ('way = "in"', 'way = "up"', "up"),
        ('device = "va"', 'device = "br0"', "copies of what passes a bridge are not followed"),
        ('to = "vm"', 'to = "va"', "a copy goes to another device"),
        ('way = "in"', 'way = "in"\nprotocol = "arp"', "arp"),
    ],
)
def test_a_copy_that_leads_nowhere(old: str, new: str, words: str) -> None:
    """Copies are sent of what passes a device on a cable, by another device."""
    with pytest.raises(TopologyError, match=words):
        parse_topology(detours.copied("va", "in").replace(old, new))


def test_a_redirection_is_read_back() -> None:
    """To an ifb and to another device, out of it and as if it came in there, and of a copy."""
    for text in (detours.ACROSS, detours.SHAPED, *detours.TURNED.values(), detours.copied("va", "in", 'protocol = "tcp"')):
        topology = parse_topology(text.replace("OUT", "true").replace("IN", "false"))
        assert parse_topology(to_toml(topology)) == topology


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ('kind = "loopback"\nbridge = "br0"', "a loopback has no bridge"),
        ('kind = "loopback"\npeer = "a:eth0"', "a loopback has no peer"),
        ('kind = "loopback"\nfeatures = { tx-checksum-ip-generic = false }', "fixed on in loopback"),
    ],
)
def test_a_loopback_device_that_cannot_be(words: str, problem: str) -> None:
    """It is in no bridge and on no cable, and what it offers cannot be changed; kernels that are not Linux have no such tables."""
    text = f"{detours.ACROSS.replace('OUT', 'true')}\n[domain.host.device.lo]\n"
    with pytest.raises(TopologyError, match=problem):
        parse_topology(text + words)
    with pytest.raises(TopologyError, match=r"a loopback of xen-3\.0\.0 is not modelled"):
        parse_topology('[domain.a]\npreset = "xen-3.0.0"\n[domain.a.device.lo]\nkind = "loopback"\n')


def test_addresses_of_a_loopback_device_may_be_anothers() -> None:
    """Every host has 127.0.0.1, and one on a cable answers for what another has on its loopback device too."""
    more = '[domain.a.device.lo]\nkind = "loopback"\naddress = ["127.0.0.1/8", "10.1.0.22/32"]\n[domain.b.device.lo]\nkind = "loopback"\n'
    topology = parse_topology(detours.ACROSS.replace("OUT", "true") + more)
    assert topology.owners[exactly("10.1.0.22")] == Port("b", "eth0")
    assert exactly("127.0.0.1") not in topology.owners
    assert topology.device(Port("b", "lo")).addresses == ("127.0.0.1/8", "::1/128")
    assert parse_topology(to_toml(topology)) == topology


def test_a_netkit_pair_is_a_veth_pair() -> None:
    """It offers what a veth does and hands packets over as one does; its own name is taken."""
    text = '[domain.a.device.eth0]\nkind = "netkit"\npeer = "b:nk0"\n[domain.b.device.nk0]\nkind = "netkit"\n'
    assert parse_topology(text) == parse_topology(text.replace("netkit", "veth"))
