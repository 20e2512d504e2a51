"""csumlab host: the script runs anywhere and gives no secrets away; dumps become topologies that load, whatever is in them; a host that was
built, saved and loaded is the host that was built."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import built_hosts
import pytest
from click.testing import CliRunner
from dumped import LINK, dump_of, load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thoroughness import TIMES

from csumlab.cards import DRIVERS, behaviours
from csumlab.cli import cli
from csumlab.host.changes import FILL
from csumlab.host.dump import DumpError, parse_dump, read_dump
from csumlab.host.guests import read_process
from csumlab.host.loading import Loaded, load_host
from csumlab.host.script import SCRIPT
from csumlab.host.templates import HOSTS, template
from csumlab.packet import exactly
from csumlab.replaying import ReplayResult, replay
from csumlab.topology import forward, ways
from csumlab.topology.features import is_on
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Device, DeviceKind, Port, Topology
from csumlab.topology.presets.versions import nearest_preset
from csumlab.topology.rules import Nat, Prefix

DUMPS = Path(__file__).parent / "host_dumps"
RECORDED = tuple(sorted(file.name for file in DUMPS.glob("*.txt")))
CAPTURE = Path(__file__).parents[1] / "captures" / "vxlan-masquerade" / "traffic.pcapng"


def loaded(name: str) -> Loaded:
    return load_host(read_dump(DUMPS / name))


# The script.


@pytest.mark.parametrize("shell", ["sh", "dash", "busybox"])
def test_the_script_is_plain_shell(shell: str) -> None:
    """Every POSIX shell reads it."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*command, "-n"], input=SCRIPT.encode(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def script_beside(folder: Path, *programs: str) -> str:
    """The script, with no programs but these and those in ``folder``."""
    for program in programs:
        (folder / program).symlink_to(shutil.which(program) or program)
    return "\n".join(f"PATH={folder}" if line.startswith("PATH=") else line for line in SCRIPT.split("\n"))


def test_the_script_never_fails_as_a_whole(tmp_path: Path) -> None:
    """Without any program for networks the dump is whole, and says what is missing."""
    done = subprocess.run(["/bin/sh", "-s", "--", "-"], input=script_beside(tmp_path, "sed").encode(), capture_output=True)
    dump = parse_dump(done.stdout)
    assert (done.returncode, dump.complete) == (0, True)
    assert dump.section("ip-link").notes == ("ip is not installed",)
    with pytest.raises(DumpError, match="no list of network devices: ip is not installed"):
        load_host(dump)


def test_no_secrets(tmp_path: Path) -> None:
    """Of xenstore only cards, names and addresses are dumped."""
    program = tmp_path / "xenstore-ls"
    secret = '/local/domain/3/vm/vncpasswd = "hunter2"'
    program.write_text(f"""#!/bin/sh
echo '/local/domain/3/name = "web"'
echo '{secret}'
echo '/local/domain/0/backend/vif/3/0/mac = "00:16:3e:00:00:01"'
""")
    program.chmod(0o755)
    done = subprocess.run(["/bin/sh", "-s", "--", "-"], input=script_beside(tmp_path, "sed", "sh", "grep").encode(), capture_output=True)
    text = parse_dump(done.stdout).section("xenstore").text
    assert "vif/3/0/mac" in text
    assert '/3/name = "web"' in text
    assert b"hunter2" not in done.stdout


# Recorded dumps.


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_dumps_load(name: str) -> None:
    """Each gives TOML that reads back as the topology, with a comment for every warning and the mark of a default."""
    made = loaded(name)
    assert parse_topology(made.text) == made.topology
    assert all(f"# warning: {warning}" in made.text for warning in made.warnings)
    assert "default: " in made.text


def rules_of(topology: Topology, domain: str = "host") -> list[tuple[Any, ...]]:
    def plain(rule: Nat) -> tuple[Any, ...]:
        return (rule.kind.value, rule.device, rule.source, rule.protocol, rule.port, rule.address, rule.to_port)

    return [plain(rule) for rule in topology.domains[domain].nat]


def test_a_host_with_nft() -> None:
    """Bridge, namespace, tap, VXLAN, routes and rules as they were made; what has no place is said."""
    made = loaded("bridge-nft.txt")
    host, web = made.topology.domains["host"], made.topology.domains["web"]
    assert {name: device.kind.value for name, device in host.devices.items()} == {
        "br0": "bridge",
        "veth1": "veth",
        "vnet0": "tap",
        "up0": "veth",
        "up1": "veth",
    }
    assert host.devices["br0"].addresses == ("10.1.0.1/24", "fd00:1::1/64")
    assert (host.devices["veth1"].bridge, host.devices["veth1"].peer) == ("br0", Port("web", "eth0"))
    assert made.topology.device(Port("behind-vnet0", "eth0")).kind is DeviceKind.VIRTIO
    assert dict(host.devices["vnet0"].options) == {"vnet-hdr": True, "TUN_F_CSUM": False}
    tunnel = web.devices["vxlan0"]
    assert (tunnel.local, tunnel.remote, tunnel.port, tunnel.options["udpcsum"]) == ("10.1.0.2", "192.0.2.9", 8472, False)
    assert not is_on(web, web.devices["eth0"], host.devices["veth1"], "tx-checksum-ip-generic")
    assert is_on(host, host.devices["veth1"], web.devices["eth0"], "tx-checksum-ip-generic")
    assert (host.forwarding, host.conntrack, host.sysctl) == (True, True, {"net.netfilter.nf_conntrack_checksum": False, **HOOKED})
    assert (web.forwarding, web.conntrack) == (False, False)
    assert forward.route(host, exactly("198.51.100.9")) == (host.devices["up0"], exactly("192.0.2.1"))
    inside, web_address = Prefix.parse("10.1.0.0/24"), exactly("10.1.0.2")
    assert rules_of(made.topology) == [
        ("dnat", "up0", None, "tcp", 8080, web_address, 80),
        ("dnat", "up0", None, "udp", 53, web_address, 0),
        ("dnat", "up0", None, "udp", 123, web_address, 0),
        ("dnat", "up0", None, "tcp", 5, exactly("192.0.2.7"), 7),
        ("masquerade", "up0", inside, "tcp", 0, None, 40000),
        ("masquerade", "up0", inside, "", 0, None, 0),
    ]
    for words in ("tun0: left out", "blackhole", '"key":"mark"'):
        assert sum(words in warning for warning in made.warnings) == 1, words


def test_a_host_with_iptables_and_programs_without_json() -> None:
    """The same host as text of an old iproute2 gives the same devices; rules of iptables are read through their chains."""
    made, other = loaded("bridge-iptables-text.txt"), loaded("bridge-nft.txt")
    # Only the host of iptables has a CHECKSUM target.
    assert [str(port) for port in made.topology.ports if made.topology.device(port).options.get(FILL)] == ["host:br0", "host:up0"]
    assert shape_of(made.topology) == shape_of(other.topology)
    inside = Prefix.parse("10.1.0.0/24")
    assert rules_of(made.topology) == [
        ("dnat", "up0", None, "tcp", 8080, exactly("10.1.0.2"), 80),
        ("masquerade", "up0", inside, "tcp", 0, None, 0),
        ("masquerade", "up0", inside, "", 0, None, 0),
        ("snat", "up0", Prefix.parse("10.8.0.0/24"), "udp", 0, exactly("192.0.2.7"), 0),
    ]
    for words, times in (("CHECKSUM", 1), ("-p icmp", 1), ("an expression of iptables", 0)):
        assert sum(words in warning for warning in made.warnings) == times, words
    assert "# ethtool -k; fixed: tx-checksum-ipv4, tx-checksum-ipv6" in made.text


def test_a_host_with_busybox_only() -> None:
    """Kinds come from sysfs, features are defaults, and what nobody could print is said."""
    made, other = loaded("bridge-busybox.txt"), loaded("bridge-nft.txt")
    here, there = made.topology.domains["host"], other.topology.domains["host"]
    assert {name: (d.kind, d.bridge, d.addresses) for name, d in here.devices.items()} == {
        name: (d.kind, d.bridge, d.addresses) for name, d in there.devices.items()
    }
    assert here.routes == there.routes
    assert not any(device.features for device in here.devices.values())
    assert any("translation is unknown" in warning for warning in made.warnings)


def shape_of(topology: Topology) -> dict[str, Any]:
    """Devices, cables, addresses, features, options and routes, without hardware addresses, which differ from run to run."""
    return {
        str(port): (
            d.kind,
            d.addresses,
            d.bridge,
            d.peer,
            d.local,
            d.remote,
            d.port,
            {word: on for word, on in d.options.items() if word != FILL},
            dict(d.features),
        )
        for port in topology.ports
        for d in (topology.device(port),)
    } | {f"routes of {name}": domain.routes for name, domain in topology.domains.items()}


def test_a_xen_dom0() -> None:
    """The dump was written by hand. Guests by their names in xenstore, one domain for two vifs, keys of both ends, Open vSwitch."""
    made = loaded("xen-dom0.txt")
    dom0 = made.topology.domains["dom0"]
    assert {str(d.peer): (d.bridge, d.kind.value) for d in dom0.devices.values() if d.peer} == {
        "mail-server-old:eth0": ("xenbr0", "vif"),
        "web1:eth0": ("xenbr0", "vif"),
        "web1:eth1": ("xenbr1", "vif"),
    }
    card = made.topology.device(Port("web1", "eth0"))
    assert (card.kind.value, card.mac, card.addresses) == ("netfront", 0x00163E000700, ("192.0.2.31/24",))
    assert dict(card.xenstore) == {"feature-no-csum-offload": True, "feature-ipv6-csum-offload": True}
    assert made.topology.device(Port("mail-server-old", "eth0")).addresses == ("192.0.2.30/24",)
    assert not is_on(dom0, dom0.devices["eth1"], None, "tx-checksum-ip-generic")
    assert (dom0.conntrack, dom0.nat, dom0.forwarding) == (True, (), False)
    assert {wire: len(ports) for wire, ports in made.topology.wires.items()} == {"wire-eth0": 2, "wire-eth1": 2}
    assert "InCsumErrors counted there: Tcp 12" in made.text
    assert any("Open vSwitch" in warning for warning in made.warnings)


def test_a_proxmox_host() -> None:
    """The dump was written by hand. Taps and containers by the configuration, a firewall bridge between, a bond of two cards."""
    made = loaded("proxmox.txt")
    found = made.topology
    assert [str(found.device(Port("host", name)).peer) for name in ("tap100i0", "tap100i1", "veth101i0", "veth102i0")] == [
        "web:eth0",
        "web:eth1",
        "lxc-101:eth0",
        "ntp:eth0",
    ]
    way = ways.segment(found, Port("web", "eth0"))[Port("outside", "eth0")]
    assert [(step.bridge, step.upper is not None) for step in way] == [("fwbr100i0", False), ("vmbr0", False), ("", True), ("", False)]
    assert [found.device(Port("host", name)).bond for name in ("eno1", "eno2")] == ["bond0", "bond0"]
    assert found.device(Port("web", "eth0")).addresses == ("192.0.2.41/24",)
    assert found.device(Port("web", "eth1")).addresses == ("192.0.2.50/24",)
    assert forward.route(found.domains["web"], exactly("198.51.100.1"))[1] == exactly("192.0.2.254")
    assert found.device(Port("host", "tap100i1")).options["vnet-hdr"] is False
    for words in (
        "policy routing",
        "no peer has an address",
        "filters VLANs",
        "several next hops",
        "forwarding differs",
        "a vlan on vmbr0, which is a bridge",
    ):
        assert sum(words in warning for warning in made.warnings) == 1, words


def test_a_host_with_every_tunnel() -> None:
    """A distribution's kernel with each kind of tunnel that it has: both ends, what goes around a packet, who makes which sum, and why
    some are left out."""
    made = loaded("tunnels.txt")
    devices = made.topology.domains["host"].devices
    four, six = ("192.0.2.1", "192.0.2.9"), ("2001:db8::1", "2001:db8::9")
    expected: dict[str, tuple[str, tuple[str, str], str, int, dict[str, bool]]] = {
        "vxlan0": ("vxlan", four, "", 4789, {"udpcsum": True, "udp6zerocsumrx": False, "remcsumtx": True, "remcsumrx": True}),
        "vxlan6": ("vxlan", six, "", 8472, {"udpcsum": False, "udp6zerocsumrx": True}),
        "geneve0": ("geneve", four, "", 6081, {"udpcsum": True, "udp6zerocsumrx": True}),
        "geneve6": ("geneve", six, "", 6082, {"udpcsum": True, "udp6zerocsumrx": False}),
        "gre1": ("gre", four, "", 0, {"csum": True}),
        "gretap1": ("gretap", four, "", 0, {}),
        "gre6": ("gre", six, "", 0, {"csum": True}),
        "gretap6": ("gretap", six, "", 0, {}),
        "ipip1": ("ipip", four, "", 0, {}),
        "ipip2": ("ipip", ("192.0.2.1", "192.0.2.10"), "fou", 5555, {"encap-csum": True}),
        "sit1": ("sit", four, "", 0, {}),
        "sit2": ("sit", ("192.0.2.1", "192.0.2.10"), "gue", 6080, {"encap-csum": True, "encap-remcsum": True}),
        "six1": ("ip6tnl", six, "", 0, {}),
        "wg0": ("wireguard", four, "", 51820, {}),
        "l2tpeth0": ("l2tp", four, "udp", 1702, {"udpcsum": True}),
        "l2tpeth1": ("l2tp", four, "", 0, {}),
        "esp0": ("esp", ("192.0.2.1", "192.0.2.10"), "udp", 4500, {"transport": True}),
        "esp1": ("esp", four, "", 0, {}),
    }
    tunnels = {name: device for name, device in devices.items() if device.local}
    assert {n: (d.kind.value, (d.local, d.remote), d.encap, d.port, dict(d.options)) for n, d in tunnels.items()} == expected
    assert {name: device.bridge for name, device in tunnels.items() if device.bridge} == {"vxlan0": "br-overlay", "gretap1": "br-overlay"}
    assert {name: (d.kind.value, d.lower, d.id) for name, d in devices.items() if d.lower} == {
        "eth0.5": ("vlan", "eth0", 5),
        "qinq": ("vlan", "eth0.5", 6),
        "provider": ("vlan", "eth0", 100),
        "macsec0": ("macsec", "eth0", 0),
    }
    assert [(str(route.to.span), route.device) for route in made.topology.domains["host"].routes[:2]] == [
        (str(Prefix.parse("192.0.2.10/32").span), "esp0"),
        (str(Prefix.parse("10.70.0.0/24").span), "esp1"),
    ]
    assert made.topology.device(Port("pod", "ipip9")).remote == "10.50.0.9"
    for words in ("genevemd: left out: routes or a program", "sit3: left out: without one", "wg1: left out: no peer", "kind vti is not"):
        assert sum(words in warning for warning in made.warnings) == 1, words
    assert not {"tunl0", "gre0", "sit0"} & set(devices)


def test_a_dump_of_tunnels_holds_no_keys() -> None:
    """Keys of transformations, of WireGuard and cookies of L2TP stay on the host."""
    text = (DUMPS / "tunnels.txt").read_text(encoding="utf-8")
    assert "Keys hidden" in text
    assert not any(word in text for word in ("11" * 16, "22" * 16, "0123456789abcdef", "private"))


TUNNELS_AS_TEXT = """ip-link here
2: eth0: <UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
3: gre1@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1472
    link/gre 192.0.2.1 peer 192.0.2.9 promiscuity 0
    gre remote 192.0.2.9 local 192.0.2.1 ttl inherit icsum ocsum addrgenmode eui64
4: ipip2@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1472
    link/ipip 192.0.2.1 peer 192.0.2.10 promiscuity 0
    ipip any remote 192.0.2.10 local 192.0.2.1 ttl inherit pmtudisc encap fou encap-sport auto encap-dport 5555 encap-csum
5: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420
    link/none promiscuity 0
    wireguard addrgenmode none
6: eth0.5@eth0: <UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    vlan protocol 802.1ad id 5 <REORDER_HDR> addrgenmode eui64"""
TUNNEL_ADDRESSES = "ip-addr here\n2: eth0: <UP>\n    inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0"


def test_tunnels_as_text() -> None:
    """What an older ip prints of them says the same."""
    peers = "wireguard here\nendpoints wg0\tkey=\t[2001:db8::9]:1\nendpoints wg0\tother=\t192.0.2.9:51820\nlisten-port wg0\t1"
    made = load(TUNNELS_AS_TEXT, TUNNEL_ADDRESSES, peers.replace("[2001:db8::9]:1", "(none)"))
    devices = made.topology.domains["host"].devices
    assert {name: (d.kind.value, d.remote, d.encap, d.port, dict(d.options)) for name, d in devices.items() if d.local} == {
        "gre1": ("gre", "192.0.2.9", "", 0, {"csum": True}),
        "ipip2": ("ipip", "192.0.2.10", "fou", 5555, {"encap-csum": True}),
        "wg0": ("wireguard", "192.0.2.9", "", 51820, {}),
    }
    assert (devices["eth0.5"].kind, devices["eth0.5"].lower, devices["eth0.5"].id) == (DeviceKind.VLAN, "eth0", 5)
    for words in ("2 peers; only 192.0.2.9", "default: the address of the device on the way", "802.1ad"):
        assert words in made.text


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (
            "src 10.1.0.0/16 dst 10.2.0.0/16\n\tdir out priority 0\n\ttmpl src 0.0.0.0 dst 192.0.2.9\n\t\tproto esp mode tunnel",
            "not addresses",
        ),
        ("src 10.1.0.0/16 dst 10.2.0.0/16\n\tdir out priority 0\n\ttmpl src 192.0.2.1 dst 192.0.2.9\n\t\tproto ah mode tunnel", "not ESP"),
        ("src 10.1.0.0/16 dst 10.2.0.0/16\n\tdir out\n\ttmpl src 192.0.2.1 dst 192.0.2.9\n\t\tproto esp mode beet", "mode beet"),
        ("src ::/0 dst nowhere\n\tdir out\n\ttmpl src 192.0.2.1 dst 192.0.2.9\n\t\tproto esp mode tunnel", "is no prefix"),
        (
            "src 10.1.0.0/16 dst 10.2.0.0/16 proto udp\n\tdir out\n\ttmpl src 192.0.2.1 dst 192.0.2.9\n\t\tproto esp mode tunnel",
            "one protocol",
        ),
        ("src 10.1.0.0/16 dst 10.2.0.0/16\n\tdir out\n\ttmpl src 192.0.2.1 dst 2001:db8::9\n\t\tproto esp mode tunnel", "two IP versions"),
    ],
)
def test_policies_without_a_place(policy: str, problem: str) -> None:
    """What a policy of IPsec asks that the model cannot say is told."""
    made = load("xfrm-policy here\n" + policy)
    assert not any(device.kind is DeviceKind.ESP for device in made.topology.domains["host"].devices.values())
    assert any("IPsec to" in warning and problem in warning for warning in made.warnings)


# Single facts.


def test_a_driver_whose_cards_have_faults() -> None:
    """The name of a driver does not tell whether its card is a faulty one: it is said, and nothing is set."""
    made = load("ethtool-i here\ninterface: eth0\ndriver: mlx5_core")
    assert 'if this is one: card = "mlx5"' in made.text
    assert made.topology.device(Port("host", "eth0")).card == ""
    assert all(behaviours(card) for card in DRIVERS.values())


@pytest.mark.parametrize(
    ("release", "preset", "why"),
    [
        ("6.1.0-13-amd64", "linux-6.1", "is 6.1.0"),
        ("6.18.1", "linux-6.18", "is 6.18.1"),
        ("5.15.0-91-generic", "linux-5.14", "nearest"),
        ("4.19.0+1", "linux-4.19", "is 4.19.0"),
        ("4.14.0", "linux-4.17", "nearest"),
        ("4.18.0-553.el8_10", "linux-4.19", "nearest"),
        ("6.14.0-15-generic", "linux-6.16", "nearest"),
        ("4.4.0-21-generic", "linux-4.5", "stable"),
        ("3.2.0-4-amd64", "linux-2.6.39", "nearest"),
        ("2.6.12.6-xen0", "xen-3.0.0", "nearest"),
        ("2.6.16.33-xen", "xen-3.0.3", "nearest"),
        ("2.6.18-8.el5xen", "xenlinux-2.6.18", "nearest"),
        ("2.6.12.6", "linux-2.6.15", "nearest"),
        ("2.6.32-754.el6", "linux-2.6.36", "nearest"),
        ("3.10.0-1160.el7", "linux-3.10", "is 3.10.0"),
        ("", "linux-6.18", "not in the dump"),
    ],
)
def test_presets(release: str, preset: str, why: str) -> None:
    """The preset nearest to the kernel, and it is said why."""
    found = nearest_preset(release)
    assert found[0] == preset
    assert why in found[1]


def test_a_guest_s_own_dump() -> None:
    """A host whose card is a netfront or virtio gets a made-up host around it, said to be a default."""
    for driver, near in (("vif", "dom0-of-eth0:vif1.0"), ("virtio_net", "host-of-eth0:tap0")):
        made = load(f"ethtool-i here\ninterface: eth0\ndriver: {driver}")
        assert str(made.topology.device(Port("host", "eth0")).peer) == near
        assert "nothing of it is in the dump" in made.text


def test_xenlinux() -> None:
    """The loopback pair of XenLinux is a pair, and its kernel has the preset of its time."""
    names = ("veth0", "vif0.0", "vif1.0", "xenbr0")
    links = "".join(
        f"{n}: {name}: <UP> mtu 1500 master xenbr0\n    link/ether 02:00:00:00:00:0{n}\n" for n, name in enumerate(names[:3], 2)
    )
    links = (
        links.replace("veth0: <UP> mtu 1500 master xenbr0", "veth0: <UP> mtu 1500")
        + "9: xenbr0: <UP> mtu 1500\n    link/ether 02:00:00:00:00:09"
    )
    data = dump_of("ip-link here\n" + links, "xen here\ncontrol_d").replace(b"6.1.0", b"2.6.12.6-xen0")
    dom0 = load_host(parse_dump(data)).topology.domains["dom0"]
    assert dom0.preset == "xen-3.0.0"
    assert dom0.devices["vif0.0"].peer == Port("dom0", "veth0")
    assert {name: dom0.devices[name].bridge for name in names} == {"veth0": "", "vif0.0": "xenbr0", "vif1.0": "xenbr0", "xenbr0": ""}


@pytest.mark.parametrize(
    "routes",
    [
        '[{"dst":"fd03::/64","encap":"seg6","mode":"encap","segs":["fc00::1"],"dev":"eth0"},{"dst":"fd04::/64","dev":"eth0"}]',
        "fd03::/64  encap seg6 mode encap segs 1 [ fc00::1 ] via fd00::2 dev eth0 metric 7\nfd04::/64 dev eth0",
    ],
)
def test_routes_that_encapsulate(routes: str) -> None:
    """A route that puts packets into others is not taken for one that does not, and what to write in its place is said."""
    made = load(f"ip-link here\n[{LINK}]", f"ip-route6 here\n{routes}")
    assert [str(route.to.span.low >> 112) for route in made.topology.domains["host"].routes] == [str(0xFD04)]
    assert any("route to fd03::/64" in text and 'kind = "seg6"' in text for text in made.warnings)


def test_addresses_twice_and_loops() -> None:
    """What a topology may not have is left out with a warning: an address twice, a loop of bridges."""
    links = [LINK, LINK.replace("eth0", "br0").replace("}", ',"linkinfo":{"info_kind":"bridge"}}')]
    links.append(LINK.replace("eth0", "br1").replace("}", ',"linkinfo":{"info_kind":"bridge"}}'))
    for number in (1, 2):
        for end, other, bridge in (("a", "b", "br0"), ("b", "a", "br1")):
            veth = f',"link":"{other}{number}","master":"{bridge}","linkinfo":{{"info_kind":"veth"}}}}'
            links.append(LINK.replace("eth0", f"{end}{number}").replace("}", veth))
    addresses = [f'{{"ifname":"{name}","addr_info":[{{"family":"inet","local":"10.0.0.1","prefixlen":24}}]}}' for name in ("eth0", "br0")]
    made = load(f"ip-link here\n[{','.join(links)}]", f"ip-addr here\n[{','.join(addresses)}]")
    assert made.topology.device(Port("host", "br0")).addresses == ()
    assert Counter(device.bridge for device in made.topology.domains["host"].devices.values()) == {"": 4, "br0": 1, "br1": 2}
    assert sum("closes a loop" in warning or "has it too" in warning for warning in made.warnings) == 2


def test_names_of_namespaces() -> None:
    """A namespace without a name is called by its container, else by its program."""
    for content, name in (
        ("systemd\n0::/lxc/101/ns/init.scope", "lxc-101"),
        ("nginx\n0::/system.slice/docker-0123456789abcdef.scope", "docker-0123456789ab"),
        ("dnsmasq\n0::/", "dnsmasq"),
    ):
        assert read_process(parse_dump(dump_of(f"process pid:7\n{content}")).section("process", "pid:7")) == name


BRIDGED = """ip-link here
2: br0: <UP> mtu 1500
    link/ether 02:00:00:00:00:01
    bridge vlan_filtering 0
5: veth1@if2: <UP> mtu 1500 master br0
    link/ether 02:00:00:00:00:02 link-netnsid 3
    veth
6: vx0: <UP> mtu 1500
    link/ether 02:00:00:00:00:03
    vxlan id 1 group 239.1.1.1 dstport 4789 noudpcsum
7: ppp0: <UP> mtu 1500
    link/ether 02:00:00:00:00:04"""
ADDRESSED = """ip-addr here
2: br0: <UP>
    inet 10.1.0.1/24
7: ppp0: <UP>
    inet 192.0.2.1 peer 192.0.2.9/32"""
HOOKED = {"net.bridge.bridge-nf-call-iptables": True, "net.bridge.bridge-nf-call-ip6tables": True}
"""What a namespace starts with where the kernel has br_netfilter."""
FORWARDING = "sysctl here\nnet/ipv4/ip_forward:1"


def test_a_guest_known_by_its_neighbours() -> None:
    """A bridge learned its hardware address and the neighbour table has an address with it; a host that routes is its way out, unless the
    host's own way out is by the guest."""
    learned = "bridge-fdb here\n02:00:00:00:00:99 dev veth1 master br0\n02:00:00:00:00:02 dev veth1 master br0 permanent"
    seen = "10.1.0.7 dev br0 lladdr 02:00:00:00:00:99 STALE\n10.1.0.8 dev br0 lladdr 02:00:00:00:00:99 FAILED"
    seen += "\nfe80::7 dev br0 lladdr 02:00:00:00:00:99"
    made = load(BRIDGED, ADDRESSED, FORWARDING, learned, "ip-neigh here\n" + seen).topology.domains["behind-veth1"]
    assert (made.devices["eth0"].addresses, made.devices["eth0"].mac) == (("10.1.0.7/24",), 0x020000000099)
    assert [(route.to.length, route.via) for route in made.routes] == [(0, exactly("10.1.0.1"))]
    by_guest = "ip-route here\ndefault via 10.1.0.7 dev br0"
    assert not load(BRIDGED, ADDRESSED, FORWARDING, learned, "ip-neigh here\n" + seen, by_guest).topology.domains["behind-veth1"].routes


def test_both_ends_of_a_vxlan() -> None:
    """The remote end from the forwarding table, the local one from the way to it; without one of them the device is left out."""
    flooded = "bridge-fdb here\n00:00:00:00:00:00 dev vx0 dst 192.0.2.9 self permanent"
    tunnel = load(BRIDGED, ADDRESSED, flooded).topology.device(Port("host", "vx0"))
    assert (tunnel.local, tunnel.remote, tunnel.port, dict(tunnel.options)) == ("192.0.2.1", "192.0.2.9", 4789, {"udpcsum": False})
    made = load(BRIDGED, ADDRESSED)
    assert "vx0" not in made.topology.domains["host"].devices
    assert any("vx0: left out: without one remote" in warning for warning in made.warnings)


def test_a_link_from_point_to_point() -> None:
    """The address is one of 32 bits, and the other end a route."""
    host = load(BRIDGED, ADDRESSED).topology.domains["host"]
    assert host.devices["ppp0"].addresses == ("192.0.2.1/32",)
    assert forward.route(host, exactly("192.0.2.9"))[0].name == "ppp0"


def test_ends_in_other_namespaces() -> None:
    """Where indexes alone fit two namespaces, the names of namespaces decide."""
    there = "ip-link netns:{}\n2: eth0@if5: <UP> mtu 1500\n    link/ether 02:00:00:00:01:0{} link-netnsid 0\n    veth"
    sections = [BRIDGED, there.format("a", 1), there.format("b", 2), "own-names here\nmain"]
    ids = "netns-ids netns:{}\nnsid 0 (iproute2 netns name: {})"
    made = load(*sections, ids.format("a", "elsewhere"), ids.format("b", "main")).topology
    assert made.device(Port("host", "veth1")).peer == Port("b", "eth0")
    assert made.device(Port("a", "eth0")).peer == Port("behind-eth0", "eth0")
    assert load(*sections).topology.device(Port("host", "veth1")).peer == Port("behind-veth1", "eth0")


def test_rules_behind_a_return() -> None:
    """What returns a device's packets keeps it from the rules below, and from those only."""
    rules = "*nat\n-A PREROUTING -p udp --dport 5 -j DNAT --to-destination 10.1.0.7\n-A PREROUTING -i br0 -j RETURN\n"
    made = load(BRIDGED, ADDRESSED, f"iptables-save here\n{rules}-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.1.0.7:8080")
    assert [(rule[1], rule[4]) for rule in rules_of(made.topology)] == [("br0", 5), ("ppp0", 5), ("ppp0", 80)]


def test_rules_of_iptables_in_nft() -> None:
    """Where only nft prints what iptables made, a rule that it cannot say is a warning."""
    chain = '{"chain":{"family":"ip","table":"nat","name":"POSTROUTING","type":"nat","hook":"postrouting","prio":100}}'
    rule = '{"rule":{"family":"ip","table":"nat","chain":"POSTROUTING","handle":2,"expr":[{"xt":{"type":"target","name":"MASQUERADE"}}]}}'
    made = load(f'nft here\n{{"nftables":[{chain},{rule}]}}')
    assert made.topology.domains["host"].conntrack
    assert sum("handle 2: not in the topology: an expression of iptables" in warning for warning in made.warnings) == 1


def test_xenstore_keys() -> None:
    """A key of 0 is off, and one that nobody wrote is not set."""
    keys = '/local/domain/0/backend/vif/4/0/vifname = "eth0"\n/local/domain/0/backend/vif/4/0/feature-ipv6-csum-offload = "0"'
    vif = load(f"xenstore here\n{keys}").topology.device(Port("dom0", "eth0"))
    assert (vif.kind, str(vif.peer), dict(vif.xenstore)) == (DeviceKind.VIF, "domU4:eth0", {"feature-ipv6-csum-offload": False})


def test_sysfs_of_another_namespace_is_not_believed() -> None:
    """A device of the same name with another index is another device."""
    assert load("sys here\neth0 ifindex=2 driver=virtio_net").topology.device(Port("host", "eth0")).kind is DeviceKind.VIRTIO
    assert load("sys here\neth0 ifindex=9 driver=virtio_net").topology.device(Port("host", "eth0")).kind is DeviceKind.NIC


# Faults.


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no line '%csumlab-host 1'"),
        (b"%csumlab-host 2\n", "line 1: format '2' is not known"),
        (b"%csumlab-host 1\n%section what\n", "line 2: expected '%section NAME PLACE'"),
        (b"%csumlab-host 1\n%section ip-link here\n []\n%what\n", "line 4, section ip-link: a line cannot begin with '%what'"),
        (b"%csumlab-host 1\n%end\n", "section ip-link: no list of network devices"),
        (dump_of("ip-link here\n[{"), "line 5, section ip-link: not the JSON that was expected"),
        (dump_of('ip-link here\n[{"ifname":7}]'), "Expected `str`, got `int`"),
        (dump_of("ip-link here\n2: eth0: <UP> mtu 1500\nrubbish"), "line 6, section ip-link: expected a line of `ip link`, not 'rubbish'"),
        (dump_of(f"ip-link here\n[{LINK},{LINK}]"), "eth0 is there twice"),
        (dump_of("ip-link here\n[" + LINK.replace("eth0", "a b") + "]"), "'a b' is no name"),
        (dump_of("ip-link here\n[" * 3 + "[" * 100000), "section ip-link: not the JSON"),
        (dump_of("ip-link here\n" + '[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK"]}]'), "no device that is modelled"),
    ],
)
def test_errors_name_line_and_section(data: bytes, words: str) -> None:
    """What cannot be read at all ends with an error that helps."""
    with pytest.raises(DumpError) as caught:
        load_host(parse_dump(data, "dump.txt"))
    assert str(caught.value).startswith("dump.txt")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("nft here\n{", "section nft: not the JSON"),
        ("nft here\ntable ip nat {", "nft -j is needed"),
        (
            "iptables-save here\n*nat\n-A POSTROUTING -s 1.2.3.400 -j MASQUERADE",
            "line 8, section iptables-save: a rule with an address that is none",
        ),
        ("iptables-save here\n*nat\n-A A 'x", "line 8, section iptables-save: a rule that cannot be cut"),
        ("ip-addr here\n2: eth0: <UP>\n    inet 1.2.3.4/99", "section ip-addr"),
        ("ip-route here\ndefault via nowhere dev eth0", "section ip-route: a route that is none"),
        ("ip-link netns:a\n{", "section ip-link of netns:a: not the JSON"),
        ("ip-link netns:a\n[]", "a is left out"),
    ],
)
def test_sections_that_cannot_be_read_are_said(section: str, words: str) -> None:
    """The rest of the dump is still used."""
    made = load(section)
    assert list(made.topology.domains["host"].devices) == ["eth0"]
    if "left out" not in words:
        assert any(words in warning for warning in made.warnings), made.warnings
    else:
        assert "a" not in made.topology.domains


def test_a_dump_that_ends_early_is_said() -> None:
    """What is there is used."""
    made = load_host(parse_dump(dump_of().replace(b"%end\n", b"")))
    assert any("ends early" in warning for warning in made.warnings)


def test_rules_do_not_explode() -> None:
    """Chains that call each other, or twice each, end at a bound that is said."""
    text = (
        "*nat\n" + "".join(f"-A C{n} -j C{n + 1}\n" * 2 for n in range(14)) + "-A PREROUTING -j C0\n-A POSTROUTING -j LOOP\n-A LOOP -j LOOP"
    )
    made = load(f"iptables-save here\n{text}")
    assert any("more rules, or deeper" in warning for warning in made.warnings)


WORDS = ["eth0", ":", "eth0:", "inet", "dev", "via", "=", "[", "]", "{", "}", '"', "-A", "-j", "!", "1.2.3.4", "*nat", "\n", "default", "5"]
SOME = {name: (DUMPS / name).read_bytes() for name in RECORDED}


@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(RECORDED), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12), st.integers(0, 40)), min_size=1, max_size=6))
def test_hostile_dumps(name: str, edits: list[tuple[float, bytes, int]]) -> None:
    """Any bytes give a topology that loads, or a DumpError."""
    data = SOME[name]
    for place, new, length in edits:
        at = int(place * len(data))
        data = data[:at] + new + data[at + length :]
    try:
        made = load_host(parse_dump(data))
    except DumpError:
        return
    assert parse_topology(made.text) == made.topology


@settings(max_examples=150 * TIMES, deadline=None)
@given(
    st.sampled_from(["ip-addr", "ip-route", "ip-route6", "ip-neigh", "ip-rule", "netns-ids", "bridge-fdb", "sys", "ethtool-k", "ethtool-i"])
    | st.sampled_from(["sysctl", "snmp", "nft", "iptables-save", "xenstore", "xl", "virsh", "ovs", "proxmox-lxc", "process", "ip-link"]),
    st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join),
)
def test_hostile_sections(name: str, text: str) -> None:
    """Any text in any section does too."""
    try:
        made = load(f"{name} here\n{text}")
    except DumpError:
        return
    assert parse_topology(made.text) == made.topology


# The command line.


def test_commands(tmp_path: Path) -> None:
    """script, load and template; warnings on standard error and exit status 0, a file that is no dump 2."""
    run = CliRunner().invoke
    assert run(cli, ["host", "script"]).output == SCRIPT
    target = tmp_path / "host.toml"
    done = run(cli, ["host", "load", str(DUMPS / "xen-dom0.txt"), "-o", str(target), "--name", "xen1", "--at", "vif3.0"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "csumlab: warning: " in done.stderr
    assert f"csumlab replay CAPTURE --topology {target}\n" in done.stderr
    assert parse_topology(target.read_text()).at == "vif3.0"
    assert "[domain.xen1]" in target.read_text()
    done = run(cli, ["host", "load", "-"], input=b"nothing")
    assert (done.exit_code, done.stderr.count("standard input: no line")) == (2, 1)
    done = run(cli, ["host", "load", str(DUMPS / "xen-dom0.txt"), "--at", "nowhere"])
    assert (done.exit_code, "names no port" in done.stderr) == (2, True)
    assert "tap100i0" in run(cli, ["host", "template", "--host", "proxmox", "--vm", "100"]).stdout
    assert run(cli, ["host", "template", "--host", "proxmox"]).exit_code == 2
    assert run(cli, ["host", "load", str(tmp_path / "none")]).exit_code == 2


@pytest.mark.parametrize("host", list(HOSTS))
def test_templates(host: str) -> None:
    """Each loads, its tap is there, and its guest reaches the outside."""
    topology = parse_topology(template(host, vif="vif3.1", vm="100", address="192.168.122.9/24"))
    tap = topology.device(Port(*topology.at.split(":")))
    assert tap.peer is not None
    guest = topology.device(tap.peer)
    assert guest.addresses == ("192.168.122.9/24",)
    reached = {port.domain for port in ways.segment(topology, tap.peer)}
    assert reached == ({"host"} if host == "libvirt" else {"outside"})


@pytest.mark.parametrize(
    ("host", "words"),
    [("qubes", "no template"), ("xen", "--vif vif3.0"), ("proxmox", "--vm 100"), ("libvirt", "--vm web1")],
)
def test_templates_ask(host: str, words: str) -> None:
    """What is missing is asked for by example."""
    with pytest.raises(ValueError, match=words):
        template(host, vm="a b")


# A real host, there and back.

HOST = """
[domain.host]
forwarding = true
sysctl = { "net.netfilter.nf_conntrack_checksum" = false }
[domain.host.device.br0]
kind = "bridge"
address = ["10.9.0.1/24"]
[domain.host.device.veth1]
kind = "veth"
peer = "pod:eth0"
bridge = "br0"
[domain.host.device.up0]
kind = "veth"
peer = "peer:eth0"
mac = "02:00:00:00:00:07"
address = ["192.0.2.7/24", "2001:db8:2::7/64"]
[[domain.host.route]]
to = "default"
device = "up0"
via = "192.0.2.9"
[[domain.host.route]]
to = "2001:db8:3::/64"
device = "up0"
via = "2001:db8:2::9"
[[domain.host.nat]]
kind = "dnat"
device = "up0"
protocol = "tcp"
port = 8080
address = "10.9.0.2"
to-port = 80
[[domain.host.nat]]
kind = "masquerade"
device = "up0"
source = "10.9.0.0/24"
[domain.pod]
[domain.pod.device.eth0]
kind = "veth"
address = ["10.9.0.2/24"]
FEATURES
[domain.pod.device.vxlan0]
kind = "vxlan"
local = "10.9.0.2"
remote = "192.0.2.9"
address = ["10.244.0.1/16"]
options = { udpcsum = true }
[[domain.pod.route]]
to = "default"
device = "eth0"
via = "10.9.0.1"
[domain.peer]
conntrack = true
[domain.peer.device.eth0]
kind = "veth"
address = ["192.0.2.9/24", "2001:db8:2::9/64"]
[domain.peer.device.vxlan0]
kind = "vxlan"
local = "192.0.2.9"
remote = "192.0.2.7"
address = ["10.244.3.3/16"]
port = 4790
options = { udpcsum = false }
"""


def facts_of(topology: Topology) -> dict[str, Any]:
    """All that a walk asks of a topology of these kinds, with what was not set as the preset has it."""
    asked = ("tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6", "hw-enc-checksum", "vlan-checksum")

    def told(port: Port, device: Device) -> tuple[Any, ...]:
        domain = topology.domains[port.domain]
        features = tuple(is_on(domain, device, None, name) for name in asked)
        sums = {"udpcsum": True, "udp6zerocsumrx": False, **device.options}
        return (device.kind, device.addresses, device.bridge, device.peer, device.local, device.remote, device.port, sums, features)

    found: dict[str, Any] = {str(port): told(port, topology.device(port)) for port in topology.ports}
    for name, domain in topology.domains.items():
        verifies = domain.sysctl.get("net.netfilter.nf_conntrack_checksum", True)
        found[name] = (domain.preset, set(domain.routes), domain.nat, domain.forwarding, domain.tracks(), verifies)
    return found


def findings_of(result: ReplayResult) -> list[tuple[str, ...]]:
    return sorted((finding.code, str(finding.hop), str(finding.packets)) for finding in result.findings)


@pytest.mark.needs_root
@pytest.mark.needs_program
@pytest.mark.parametrize("features", ["", "features = { tx-checksum-ip-generic = false }"])
def test_there_and_back(features: str) -> None:
    """A host made of namespaces, saved and loaded, is the topology it was made from, and the same capture gives the same findings."""
    missing = built_hosts.missing_programs()
    if missing:
        pytest.skip(f"{', '.join(missing)} must be installed")
    if not built_hosts.can_build():
        pytest.skip("network namespaces cannot be made here")
    topology = parse_topology(HOST.replace("FEATURES", features))
    kernel = nearest_preset(platform.release())[0]
    domains = {name: domain if domain.outside else replace(domain, preset=kernel) for name, domain in topology.domains.items()}
    topology = replace(topology, domains=domains)
    commands = built_hosts.build_commands(topology, "host") + built_hosts.dump_command("pod", "peer")
    made = load_host(parse_dump(built_hosts.run_there(commands)))
    assert facts_of(made.topology) == facts_of(topology)
    assert made.topology.device(Port("host", "up0")).mac == 0x020000000007
    expected = replay(CAPTURE, topology, at="host:veth1")
    assert findings_of(expected)
    assert findings_of(replay(CAPTURE, made.topology, at="host:veth1")) == findings_of(expected)


def test_a_netkit_pair_is_found_as_a_veth_pair() -> None:
    """As ip link prints it, in JSON and as text."""
    links = [
        LINK.replace("eth0", name).replace("}", f',"link":"{other}","linkinfo":{{"info_kind":"netkit"}}}}')
        for name, other in (("a", "b"), ("b", "a"))
    ]
    made = load(f"ip-link here\n[{','.join(links)}]")
    assert {device.kind.value for device in made.topology.domains["host"].devices.values()} == {"veth"}
