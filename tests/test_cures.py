"""Cures: which changes are tried, in which order, and that the kernel takes their commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from oracles.namespaces import Namespace, Untestable, ip, missing, quiet

from csumlab.cures import Cure, candidates
from csumlab.topology.load import parse_topology
from csumlab.topology.model import Port, Topology

ROUTER = """
[domain.host]
forwarding = true
conntrack = true
sysctl = { "net.netfilter.nf_conntrack_checksum" = false }
[domain.host.device.veth1]
kind = "veth"
mtu = 9000
address = ["10.0.0.1/24", "fd00::1/64"]
features = { rx-gro-list = true }
[domain.host.device.vxlan0]
kind = "vxlan"
local = "10.0.0.1"
remote = "10.0.0.2"
address = ["10.9.0.1/24"]
[domain.pod.device.eth0]
kind = "veth"
peer = "host:veth1"
address = ["10.0.0.2/24"]
[domain.outside]
outside = true
[domain.outside.device.eth0]
kind = "nic"
wire = "lan"
"""
"""Of this kernel's devices, with something to change on each."""
WHY_NOT = next(filter(None, map(missing, ("ethtool", "iptables"))), "") if os.geteuid() == 0 else "devices are made by root"


def router(**changes: str) -> Topology:
    text = ROUTER
    for old, new in changes.items():
        text = text.replace(old, new)
    return parse_topology(text)


def offered(topology: Topology, *ports: str) -> list[Cure]:
    return list(candidates(topology, [Port(*port.split(":")) for port in ports], {}))


def test_nothing_is_changed_outside() -> None:
    """Nobody can type a command there."""
    assert offered(router(), "outside:eth0") == []


def test_the_smallest_change_is_tried_first() -> None:
    """Of one device segmentation before sums; devices before rules, and both rules together last."""
    words = [cure.command for cure in offered(router(), "pod:eth0", "host:veth1")]
    assert words[:2] == ["ethtool -K eth0 tso off", "ethtool -K eth0 tx off"]
    verifying, dropping = "sysctl -w net.netfilter.nf_conntrack_checksum=1", "iptables -I FORWARD -m conntrack --ctstate INVALID -j DROP"
    both = f"{verifying}; {dropping}; ip6{dropping[2:]}"
    assert words.index("ethtool -K veth1 tx off") < words.index(verifying) < words.index(both)
    assert words.index("ethtool -K eth0 tx off") < words.index("ethtool -K veth1 tso off")
    assert len(set(words)) == len(words)


def test_what_is_there_is_not_offered() -> None:
    """No rule that the host has, no sum that its tunnel does not make, no MTU that it has."""
    topology = parse_topology(
        ROUTER.replace("conntrack = true", "drops-invalid = true")
        .replace('remote = "10.0.0.2"', 'remote = "10.0.0.2"\noptions = { udpcsum = false, checksum-fill = true }')
        .replace('nf_conntrack_checksum" = false', 'nf_conntrack_checksum" = true')
        .replace("mtu = 9000\n", "")
    )
    words = " ".join(cure.command for cure in offered(topology, "host:vxlan0"))
    assert "udpcsum" not in words
    assert "INVALID" not in words
    assert "CHECKSUM" not in words
    assert "mtu" not in words
    assert "nf_conntrack_checksum=0" in words


def test_of_a_tunnel_over_ipv6_each_end_has_its_word() -> None:
    """The sender's sum, and whether the receiver takes none."""
    over = ROUTER.replace('local = "10.0.0.1"\nremote = "10.0.0.2"', 'local = "fd00::1"\nremote = "fd00::2"\noptions = { udpcsum = false }')
    cures = [cure for cure in offered(parse_topology(over), "host:vxlan0") if "type vxlan" in cure.command]
    assert [(cure.command.split()[-1], cure.undo.split()[-1]) for cure in cures] == [
        ("noudp6zerocsumtx", "udp6zerocsumtx"),
        ("udp6zerocsumrx", "noudp6zerocsumrx"),
    ]
    assert not any(cure.typed for cure in cures)


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("linux-6.1", ["ethtool -K eth0 tso off", "ethtool -K eth0 tx off", "ethtool -K eth0 gro off", "ethtool -K eth0 rx off"]),
        ("freebsd-15", ["ifconfig eth0 -tso", "ifconfig eth0 -txcsum -txcsum6", "ifconfig eth0 -lro", "ifconfig eth0 -rxcsum -rxcsum6"]),
        ("windows", ["Disable-NetAdapterLso -Name eth0", "Disable-NetAdapterChecksumOffload -Name eth0"]),
        ("hyper-v", []),
    ],
)
def test_each_system_has_its_own_words(preset: str, words: list[str]) -> None:
    """None where no command is known."""
    text = f'[domain.host]\npreset = "{preset}"\n[domain.host.device.eth0]\nkind = "nic"\nwire = "lan"\naddress = ["10.0.0.1/24"]\n'
    cures = offered(parse_topology(text), "host:eth0")
    assert [cure.command for cure in cures if not cure.command.startswith("iptables")] == words
    assert all(cure.undo != cure.command for cure in cures)


@pytest.fixture
def there() -> Iterator[Namespace]:
    """The host, without its pod's address and with the card that the tunnel needs."""
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    space = Namespace()
    try:
        with space.entered():
            quiet()
            ip(["link add veth1 mtu 9000 type veth peer name peer1", "address add 10.0.0.1/24 dev veth1", "link set veth1 up"])
            ip(["link add vxlan0 type vxlan id 7 local 10.0.0.1 remote 10.0.0.2 dstport 4789"])
            ip(["link add eth0 type veth peer name peer2"])
        yield space
    except Untestable as error:
        pytest.skip(str(error))
    finally:
        space.close()


def test_the_kernel_takes_every_command_and_its_undo(there: Namespace) -> None:
    """As they are printed; of a tunnel with its number filled in. A command that a kernel refuses helps nobody."""
    cures = offered(router(), "host:veth1", "host:vxlan0", "pod:eth0")
    assert len(cures) > 10
    with there.entered():
        for cure in cures:
            for command in (cure.command, cure.undo):
                done = subprocess.run(command.replace(" id ID ", " id 7 "), shell=True, capture_output=True, text=True)
                assert (done.returncode, done.stderr) == (0, ""), command
