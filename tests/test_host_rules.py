"""csumlab host: rules and filters that change packets become edits, queues and fills of the topology, and what has no word there is a
warning."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from dumped import load

from csumlab.host.loading import Loaded
from csumlab.packet import exactly
from csumlab.topology.load import parse_topology
from csumlab.topology.model import DeviceKind
from csumlab.topology.rules import Copy, Edit, Local, Nat, NatKind, Prefix

ADDRESS = (
    'ip-addr here\n[{"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24},'
    '{"family":"inet6","local":"2001:db8::1","prefixlen":64}]}]'
)
FORWARDS = "sysctl here\nnet/ipv4/ip_forward:1"


def nft(*statements: dict[str, Any], hook: str = "postrouting", kind: str = "filter", family: str = "ip") -> Loaded:
    """A host with one card and one rule of nft."""
    chain = {"family": family, "table": "t", "name": "c", "type": kind, "hook": hook, "prio": 0}
    rule = {"family": family, "table": "t", "chain": "c", "handle": 7, "expr": list(statements)}
    return load(ADDRESS, FORWARDS, f"nft here\n{json.dumps({'nftables': [{'chain': chain}, {'rule': rule}]})}")


def iptables(*rules: str, table: str = "mangle") -> Loaded:
    return load(ADDRESS, FORWARDS, "iptables-save here\n" + "\n".join((f"*{table}", *rules, "COMMIT")))


def tc(protocol: str, kind: str, options: dict[str, Any], way: str = "egress") -> Loaded:
    one = {"protocol": protocol, "pref": 1, "kind": kind, "chain": 0}
    return load(ADDRESS, FORWARDS, f"tc here\ninterface: eth0 {way}\n{json.dumps([one, {**one, 'options': options}])}")


def edits(made: Loaded) -> tuple[Edit, ...]:
    return made.topology.domains["host"].edits


def field(protocol: str, name: str, value: Any) -> dict[str, Any]:
    return {"mangle": {"key": {"payload": {"protocol": protocol, "field": name}}, "value": value}}


def matches(protocol: str, name: str, value: Any) -> dict[str, Any]:
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": name}}, "right": value}}


MSS = {"tcp option": {"name": "maxseg", "field": "size"}}
SYN = {"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"}}
SYN_OF_TWO = {"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "rst"]]}, "right": "syn"}}


@pytest.mark.parametrize(
    ("statements", "hook", "expected"),
    [
        ([field("ip", "dscp", "ef")], "postrouting", Edit("nft", "eth0", "out", dscp=46)),
        ([field("ip6", "hoplimit", 64)], "prerouting", Edit("nft", "eth0", "in", ttl=64)),
        ([field("ip", "ecn", "ect0")], "forward", Edit("nft", "eth0", "out", ecn=2)),
        ([SYN, {"mangle": {"key": MSS, "value": 1360}}], "forward", Edit("iptables", "eth0", "out", "tcp", mss=1360)),
        (
            [SYN_OF_TWO, {"mangle": {"key": MSS, "value": {"rt": {"key": "mtu"}}}}],
            "forward",
            Edit("iptables", "eth0", "out", "tcp", mss=1460),
        ),
        ([{"queue": {"num": 3}}], "prerouting", Edit("nfqueue", "eth0", "in")),
    ],
)
def test_statements_of_nft(statements: list[dict[str, Any]], hook: str, expected: Edit) -> None:
    """At the device and on the way that the hook stands for."""
    assert edits(nft(*statements, hook=hook)) == (expected,)


def test_nft_that_writes_addresses() -> None:
    """A translation without a connection."""
    made = nft(matches("ip", "daddr", "192.0.2.1"), matches("udp", "dport", 53), field("ip", "daddr", "10.0.0.9"), hook="prerouting")
    assert made.topology.domains["host"].nat == (Nat(NatKind.DNAT, "eth0", None, "udp", 53, exactly("10.0.0.9"), 0, "nft"),)
    assert not made.topology.domains["host"].conntrack
    made = nft(field("ip", "daddr", "10.0.0.9"), hook="forward")
    assert (made.topology.domains["host"].nat, "writes an address in forward" in " ".join(made.warnings)) == ((), True)


def test_redirect() -> None:
    """To the address of the device that the packet came by, whatever it is for, or what is for one that the rule names."""
    redirect = {"redirect": {"port": 3128}}
    rule = Nat(NatKind.REDIRECT, "eth0", None, "tcp", 80, None, 3128)
    made = nft(matches("tcp", "dport", 80), redirect, hook="prerouting", kind="nat")
    assert made.topology.domains["host"].nat == (rule,)
    made = nft(matches("ip", "daddr", "203.0.113.9"), matches("tcp", "dport", 80), redirect, hook="prerouting", kind="nat")
    assert made.topology.domains["host"].nat == (replace(rule, destination=Prefix.parse("203.0.113.9")),)
    made = nft(matches("ip", "daddr", "192.0.2.1"), matches("tcp", "dport", 80), redirect, hook="prerouting", kind="nat")
    assert made.topology.domains["host"].nat == (replace(rule, kind=NatKind.DNAT, address=exactly("192.0.2.1")),)


def test_a_proxy_in_a_mesh() -> None:
    """The rules of a sidecar (Istio): all ports but those of its own, which the topology has too, with a warning."""
    made = iptables(
        "-A PREROUTING -p tcp -j ISTIO_INBOUND",
        "-A ISTIO_INBOUND -p tcp -m tcp --dport 15008 -j RETURN",
        "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT",
        "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006",
        table="nat",
    )
    assert made.topology.domains["host"].nat == (Nat(NatKind.REDIRECT, "eth0", None, "tcp", 0, None, 15006),)
    assert "the ports 15008 too" in " ".join(made.warnings)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j TPROXY --on-port 3129 --tproxy-mark 0x1", Local("eth0", None, "tcp", 80)),
        ("-A PREROUTING -d 203.0.113.0/24 -p udp -j TPROXY --on-port 53", Local("", Prefix.parse("203.0.113.0/24"), "udp")),
    ],
)
def test_what_is_taken_unchanged(line: str, expected: Local) -> None:
    """TPROXY: the packets are this host's own, by device, destination, protocol and port."""
    made = iptables(line, table="mangle")
    assert (made.topology.domains["host"].local, "TPROXY" in " ".join(made.warnings)) == ((expected,), False)
    assert parse_topology(made.text).domains["host"].local == (expected,)
    made = iptables(line.replace("-j", "-m mark --mark 0x5 -j"), table="mangle")
    assert (made.topology.domains["host"].local, "TPROXY" in " ".join(made.warnings)) == ((), True)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
            Edit("iptables", "eth0", "out", "tcp", mss=1460),
        ),
        ("-A POSTROUTING -o eth0 -p tcp -m tcp --syn -j TCPMSS --set-mss 1300", Edit("iptables", "eth0", "out", "tcp", mss=1300)),
        ("-A PREROUTING -i eth0 -j TTL --ttl-set 64", Edit("iptables", "eth0", "in", ttl=64)),
        ("-A POSTROUTING -p udp -j DSCP --set-dscp 0x2e", Edit("iptables", "eth0", "out", "udp", dscp=46)),
        ("-A POSTROUTING -j TOS --set-tos 0x10/0xff", Edit("iptables", "eth0", "out", dscp=4)),
        ("-A FORWARD -i eth0 -j NFQUEUE --queue-num 0 --queue-bypass", Edit("nfqueue", "eth0", "in")),
    ],
)
def test_targets_of_iptables(rule: str, expected: Edit) -> None:
    """Also through chains of their own, and in whatever table."""
    assert edits(iptables(rule)) == (expected,)
    chain, rest = rule.split(" ", 2)[1:]
    assert edits(iptables(f":{chain} ACCEPT [0:0]", ":OWN - [0:0]", f"-A {chain} -j OWN", f"-A OWN {rest}", table="filter")) == (expected,)


def test_checksum_target() -> None:
    """Fills the sums of UDP that leaves by a device; that it is asked to for one port is said."""
    made = iptables("-A POSTROUTING -o eth0 -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill")
    assert made.topology.domains["host"].devices["eth0"].options == {"checksum-fill": True}
    assert "all that leave by the device" in " ".join(made.warnings)
    assert "a CHECKSUM target fills sums" in " ".join(iptables("-A PREROUTING -j CHECKSUM --checksum-fill").warnings)


MIRRED = {"kind": "mirred", "mirred_action": "redirect", "direction": "egress", "to_dev": "ifb0"}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: nft({"tproxy": {"port": 8080}}, hook="prerouting"), "nft ip t c, handle 7: hands packets to a program here (TPROXY)"),
        (lambda: nft({"notrack": None}, hook="prerouting"), "takes packets out of connection tracking"),
        (lambda: nft({"flow": {"op": "add", "flowtable": "@f"}}, hook="forward"), "offloads connections to a flowtable"),
        (lambda: tc("ip", "matchall", {"actions": [MIRRED]}), "mirred: redirect packets to ifb0 egress: not in the topology"),
        (lambda: nft(field("udp", "checksum", 0)), "writes udp checksum: not in the topology"),
        (lambda: nft({"mangle": {"key": {"payload": {"base": "nh", "offset": 8, "len": 8}}, "value": 1}}), "writes bytes of the packet"),
        (lambda: nft(matches("ip", "daddr", "10.0.0.1"), field("ip", "ttl", 3)), "not in the topology: nft with destination 10.0.0.1/32"),
        (lambda: nft(SYN, field("ip", "ttl", 3)), "not in the topology: nft with TCP flags"),
        (lambda: nft(field("ip", "dscp", "cs1"), hook="ingress", family="netdev"), "changes packets in a table of family netdev"),
        (lambda: nft(field("ip", "ttl", 9), hook="output"), "of what is this host's own only"),
        (lambda: nft({"queue": {}}, hook="prerouting"), "a program decides (NFQUEUE)"),
        (lambda: iptables("-A PREROUTING -j TTL --ttl-inc 1"), "TTL --ttl-inc 1: not in the topology"),
        (lambda: iptables("-A PREROUTING -j CT --notrack", table="raw"), "takes packets out of connection tracking"),
        (lambda: iptables("-A PREROUTING -d 10.0.0.0/24 -j NETMAP --to 10.1.0.0/24", table="nat"), "NETMAP"),
        (lambda: tc("all", "matchall", {"actions": [MIRRED]}), "tc filter of eth0 egress, pref 1: mirred sends packets to ifb0: not in"),
        (lambda: tc("ip", "bpf", {"actions": [{"kind": "csum", "csum": "tcp"}]}), "a filter of kind bpf"),
        (lambda: tc("ip", "matchall", {"actions": [{"kind": "bpf"}]}), "the action bpf"),
    ],
)  # fmt: skip
def test_what_has_no_word(made: Any, words: str) -> None:
    """Is a warning with the place of the rule, and no edit of the topology that says more than the rule does."""
    assert any(words in warning for warning in made().warnings), made().warnings


def test_marks_are_of_no_packet() -> None:
    """A mark on the packet's buffer or its connection changes no byte."""
    made = nft({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}})
    assert (edits(made), [warning for warning in made.warnings if "nft" in warning]) == ((), [])


def pedit(*keys: tuple[str, int, str, str]) -> dict[str, Any]:
    return {"kind": "pedit", "keys": [{"htype": h, "offset": at, "cmd": "set", "val": value, "mask": mask} for h, at, value, mask in keys]}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("ipv4", 8, "40000000", "ffffff"), Edit("pedit", "eth0", "out", "tcp", ttl=64)),
        (("network", 8, "40000000", "ffffff"), Edit("pedit", "eth0", "out", "tcp", ttl=64)),
        (("ipv4", 0, "100000", "ff03ffff"), Edit("pedit", "eth0", "out", "tcp", dscp=4)),
        (("ipv4", 0, "b80000", "ff00ffff"), Edit("pedit", "eth0", "out", "tcp", dscp=46)),
        (("ipv4", 0, "20000", "fffcffff"), Edit("pedit", "eth0", "out", "tcp", ecn=2)),
        (("ipv6", 4, "40", "ffffff00"), Edit("pedit", "eth0", "out", "tcp", ttl=64)),
    ],
)
def test_words_that_pedit_writes(key: tuple[str, int, str, str], expected: Edit) -> None:
    """32 bits at an offset of a header, of which the mask keeps some."""
    assert edits(tc("ip", "flower", {"keys": {"eth_type": "ipv4", "ip_proto": "tcp"}, "actions": [pedit(key)]})) == (expected,)


def test_pedit_with_a_sum_behind_it() -> None:
    """The actions of a filter in their order; what is written is an address and a port of a translation without a connection."""
    written = pedit(("ipv4", 16, "a090909", "0"), ("udp", 0, "50", "ffff0000"))
    made = tc("ip", "u32", {"match": {"mask": "0"}, "actions": [written, {"kind": "csum", "csum": "iph, udp"}]}, way="ingress")
    host = made.topology.domains["host"]
    assert host.nat == (Nat(NatKind.DNAT, "eth0", None, "", 0, exactly("10.9.9.9"), 80, "pedit"),)
    assert host.edits == (Edit("act-csum", "eth0", "in", sums=("ip", "udp")),)


def test_the_nat_action() -> None:
    """Of tc, which remembers no connection."""
    action = {"type": "nat", "direction": "egress", "old_addr": "10.0.0.0/24", "new_addr": "192.0.2.1"}
    rule = Nat(NatKind.SNAT, "eth0", Prefix.parse("10.0.0.0/24"), "", 0, exactly("192.0.2.1"), 0, "act-nat")
    assert tc("ip", "matchall", {"actions": [action]}).topology.domains["host"].nat == (rule,)


PPP = """ip-link here
[{"ifindex":2,"ifname":"eth0","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:01"},
{"ifindex":3,"ifname":"ppp0","flags":["UP"],"link_type":"ppp","mtu":1492,"linkinfo":{"info_kind":"ppp"}}]"""
SESSIONS = "pppoe here\nId       Address              Device\n00000100 02:00:00:00:00:09     eth0"


def test_pppoe() -> None:
    """A PPP device is on the device that all sessions are on; without a session it is left out with the words to write."""
    address = 'ip-addr here\n[{"ifname":"ppp0","addr_info":[{"family":"inet","local":"10.0.0.2","address":"10.0.0.1","prefixlen":32}]}]'
    device = load(PPP, address, SESSIONS).topology.domains["host"].devices["ppp0"]
    assert (device.kind, device.lower, device.mtu, device.addresses) == (DeviceKind.PPPOE, "eth0", 1492, ("10.0.0.2/32",))
    for sections in ((), (SESSIONS + "\n00000200 02:00:00:00:00:09     eth1",)):
        made = load(PPP, address, *sections)
        assert ("ppp0" in made.topology.domains["host"].devices, any("with lower" in one for one in made.warnings)) == (False, True)


def mesh(*over: str) -> str:
    """A bridge with bat0 as its port, which speaks over these cards."""
    cards = [
        f'{{"ifindex":{n},"ifname":"{name}","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:0{n}","master":"bat0"}}'
        for n, name in enumerate(over, 2)
    ]
    made = (("bat0", "batadv", ',"master":"br-client"'), ("br-client", "bridge", ""))
    cards += [
        f'{{"ifindex":{n},"ifname":"{name}","flags":["UP"],"link_type":"ether","linkinfo":{{"info_kind":"{kind}"}}{more}}}'
        for n, (name, kind, more) in enumerate(made, 7)
    ]
    return f"ip-link here\n[{','.join(cards)}]"


def test_a_mesh() -> None:
    """bat0 is on the card that it speaks over, of several on the first, which is said; without one it is left out."""
    one, two, none = (load(mesh(*over)) for over in (("eth0",), ("eth0", "wlan0"), ()))
    for made in (one, two):
        devices = made.topology.domains["host"].devices
        assert (devices["bat0"].kind, devices["bat0"].lower, devices["bat0"].bridge) == (DeviceKind.BATMAN, "eth0", "br-client")
        assert devices["eth0"].bridge == ""
        assert not any("is a port of" in text for text in made.warnings)
    assert [any("walked on the first only" in text for text in made.warnings) for made in (one, two)] == [False, True]
    assert "bat0" not in none.topology.domains["host"].devices
    assert any("speaks over no device" in text for text in none.warnings)


def test_gre_with_a_sum_inside_udp() -> None:
    """It loads, and that GRE's own sum is left out is said."""
    data = '{"remote":"192.0.2.9","local":"192.0.2.1","ocsum":true,"encap":{"type":"gue","dport":6080,"csum":true}}'
    tunnel = f'{{"ifindex":3,"ifname":"gre1","flags":["UP"],"link_type":"gre","linkinfo":{{"info_kind":"gre","info_data":{data}}}}}'
    made = load(PPP.split("\n")[0] + "\n" + PPP.split("\n")[1] + tunnel + "]", ADDRESS)
    device = made.topology.domains["host"].devices["gre1"]
    assert (device.encap, device.options) == ("gue", {"encap-csum": True})
    assert any("GRE's own sum inside UDP is not modelled" in warning for warning in made.warnings)


def nat_of(*rules: str) -> tuple[list[tuple[str, str, str]], str]:
    """Rules of the nat table, as kind, device and source, and all warnings."""
    made = iptables(*rules, table="nat")
    told = [(rule.kind.value, rule.device, str(rule.source.span) if rule.source else "") for rule in made.topology.domains["host"].nat]
    return told, " ".join(made.warnings)


def test_rules_that_let_pass_before_one_that_translates() -> None:
    """Flannel's: of destinations that are not translated only those count that packets of the rule's sources may have."""
    before = ["-A POSTROUTING -m mark --mark 0x4000/0x4000 -j RETURN", "-A POSTROUTING -s 10.244.1.0/24 -d 10.244.0.0/16 -j RETURN"]
    other = "-A POSTROUTING ! -s 10.244.0.0/16 -d 203.0.113.0/24 -j RETURN"
    rule = "-A POSTROUTING -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE"
    source = str(Prefix.parse("10.244.0.0/16").span)
    told, warnings = nat_of(*before, other, rule)
    assert (told, "a destination other than 10.244.0.0/16" in warnings) == ([], True)
    assert nat_of(before[0], other, rule)[0] == [("masquerade", "eth0", source)]
    told, warnings = nat_of("-A POSTROUTING -p icmp -j ACCEPT", rule)
    assert (told, "what a rule before it does not let pass" in warnings) == ([], True)


def test_marks() -> None:
    """Packets are taken to carry none: what Kubernetes masquerades is marked, all else is let pass."""
    assert nat_of("-A POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN", "-A POSTROUTING -j MASQUERADE")[0] == []
    assert nat_of("-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE")[0] == []


def test_what_never_meets_another_host() -> None:
    """Docker's resolver on a loopback address, and a container that comes to itself by a published port, are no news."""
    resolver = "-A PREROUTING -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:40000"
    itself = "-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE"
    told, warnings = nat_of(resolver, itself)
    assert (told, "iptables" in warnings) == ([], False)


def test_many_rules_that_have_no_place() -> None:
    """Of a cluster's services some are there, and the rest is counted, not listed."""
    rules = [f"-A PREROUTING -d 10.96.0.{n}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.1.5:80" for n in range(1, 73)]
    made, warnings = nat_of(*rules)
    assert len(made) == 32
    assert (warnings.count("for addresses that are not here"), "28 more rules that translate" in warnings) == (12, True)


def test_flowtables() -> None:
    """The devices of a flowtable that a rule gives connections to."""
    chain = {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "forward", "prio": 0}
    rule = {"family": "ip", "table": "t", "chain": "c", "handle": 7, "expr": [{"flow": {"op": "add", "flowtable": "@f"}}]}
    table = {"family": "ip", "table": "t", "name": "f", "hook": "ingress", "prio": 0, "dev": ["eth0", "eth9"]}
    items = [{"chain": chain}, {"flowtable": table}, {"rule": rule}]
    made = load(ADDRESS, FORWARDS, f"nft here\n{json.dumps({'nftables': items})}")
    assert made.topology.domains["host"].flowtable == ("eth0",)
    assert any("of the flowtable eth9 is left out" in warning for warning in made.warnings)
    assert load(ADDRESS, f"nft here\n{json.dumps({'nftables': items[:2]})}").topology.domains["host"].flowtable == ()


def test_mirred_of_every_frame() -> None:
    """To an ifb that is up, in both directions; one that is down is not there."""
    ifb = '{"ifindex":4,"ifname":"ifb0","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:04","linkinfo":{"info_kind":"ifb"}}]'
    filters = json.dumps([{"protocol": "all", "pref": 1, "kind": "matchall", "options": {"actions": [MIRRED]}}])
    sections = (ADDRESS, f"tc here\ninterface: eth0 ingress\n{filters}\ninterface: eth0 egress\n{filters}")
    links = "\n".join(PPP.split("\n")[:2])
    host = load(links + ifb, *sections).topology.domains["host"]
    assert (host.devices["ifb0"].kind, host.devices["eth0"].tc_in, host.devices["eth0"].tc_out) == (DeviceKind.IFB, "ifb0", "ifb0")
    made = load(links + ifb.replace('"UP"', ""), *sections)
    assert ("ifb0" in made.topology.domains["host"].devices, any("mirred sends" in one for one in made.warnings)) == (False, True)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"mirred_action": "mirror"}, Copy("eth0", "in", "ifb0")),
        ({"direction": "ingress"}, "ingress ifb0"),
    ],
)
def test_what_mirred_cannot_do_to_an_ifb(changed: dict[str, str], expected: Copy | str) -> None:
    """A copy to an ifb, or what would come in by one: a warning, and between cards it is in the topology."""
    card = (
        '{"ifindex":4,"ifname":"eth1","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:04","parentbus":"pci","parentdev":"1"}]'
    )
    links = "\n".join(PPP.split("\n")[:2])
    for name in ("ifb0", "eth1"):
        one = {"protocol": "all", "pref": 1, "kind": "matchall", "options": {"actions": [{**MIRRED, **changed, "to_dev": name}]}}
        made = load(links + card, ADDRESS, f"tc here\ninterface: eth0 ingress\n{json.dumps([one])}")
        host = made.topology.domains["host"]
        found = [*host.copies, *filter(None, [host.devices["eth0"].tc_in])]
        if name == "ifb0":
            assert (found, "mirred sends" in " ".join(made.warnings)) == ([], True)
        else:
            wanted = replace(expected, to="eth1") if isinstance(expected, Copy) else "ingress eth1"
            assert (found, parse_topology(made.text).domains["host"].copies) == ([wanted], host.copies)


def test_copies_of_one_protocol() -> None:
    """A filter that asks for a protocol is said, and that it was for one version of IP; one that asks for more is a warning."""
    card = (
        '{"ifindex":4,"ifname":"eth1","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:04","parentbus":"pci","parentdev":"1"}]'
    )
    links = "\n".join(PPP.split("\n")[:2])
    action = {**MIRRED, "mirred_action": "mirror", "to_dev": "eth1"}
    for keys, expected in (({"ip_proto": "tcp"}, (Copy("eth0", "out", "eth1", "tcp"),)), ({"dst_port": 80}, ()), ({}, ())):
        one = {"protocol": "ip", "pref": 1, "kind": "flower", "options": {"keys": keys, "actions": [action]}}
        made = load(links + card, ADDRESS, f"tc here\ninterface: eth0 egress\n{json.dumps([one])}")
        assert (made.topology.domains["host"].copies, bool(made.warnings)) == (expected, True)


STATE = {"ct": {"key": "state"}}
INVALID = {"match": {"op": "in", "left": STATE, "right": "invalid"}}
VERDICTS = {"vmap": {"key": STATE, "data": {"set": [["invalid", {"drop": None}], ["established", {"accept": None}]]}}}
DROPS = "-m conntrack --ctstate INVALID -j DROP"


@pytest.mark.parametrize(
    ("made", "drops"),
    [
        (nft(INVALID, {"counter": {"packets": 0, "bytes": 0}}, {"drop": None}, hook="forward"), True),
        (nft(VERDICTS, hook="forward"), True),
        (nft(INVALID, {"drop": None}, hook="prerouting"), True),
        (nft(INVALID, {"drop": None}, hook="input"), False),
        (nft(INVALID, {"accept": None}, hook="forward"), False),
        (nft(INVALID, matches("ip", "saddr", "10.0.0.7"), {"drop": None}, hook="forward"), False),
        (nft({"match": {"op": "in", "left": STATE, "right": "new"}}, {"drop": None}, hook="forward"), False),
        (iptables(f"-A FORWARD {DROPS}", table="filter"), True),
        (iptables("-A FORWARD -m state --state INVALID -j DROP", table="filter"), True),
        (iptables("-A FORWARD -j CHECKS", f"-A CHECKS {DROPS}", table="filter"), True),
        (iptables(f"-A FORWARD -i eth9 {DROPS}", table="filter"), False),
        (iptables(f"-A INPUT {DROPS}", table="filter"), False),
        (iptables("-A FORWARD -m conntrack --ctstate INVALID -j ACCEPT", table="filter"), False),
        (iptables("-A FORWARD -m conntrack --ctstate NEW -j DROP", table="filter"), False),
    ],
)
def test_a_rule_for_invalid_packets(made: Loaded, drops: bool) -> None:
    """Of all that is forwarded; what it says nothing of is left to the rules behind it."""
    domain = made.topology.domains["host"]
    assert domain.drops_invalid is drops
    assert domain.tracks()
    assert ("drops-invalid = true" in made.text) is drops
    assert parse_topology(made.text) == made.topology


def test_rules_behind_one_for_invalid_packets_are_read() -> None:
    """It ends nothing for packets that are not."""
    chain = {"family": "ip", "table": "t", "name": "c", "type": "nat", "hook": "postrouting", "prio": 0}
    rules = [
        {"family": "ip", "table": "t", "chain": "c", "handle": n, "expr": expr}
        for n, expr in enumerate(([INVALID, {"drop": None}], [{"masquerade": None}]))
    ]
    made = load(ADDRESS, FORWARDS, f"nft here\n{json.dumps({'nftables': [{'chain': chain}, *({'rule': rule} for rule in rules)]})}")
    assert [rule.kind for rule in made.topology.domains["host"].nat] == [NatKind.MASQUERADE]
